"""Whether what was said came as often as it was said, and how far off chance alone may be."""

import math
from collections.abc import Sequence

BUCKETS = 10


def bucket(probability: float) -> int:
    """Which tenth of [0, 1] a probability is in, 0 to 9; an edge belongs to the one above, 1 to the last.

    Examples
    --------
    >>> bucket(0.0), bucket(0.3), bucket(0.999), bucket(1.0)
    (0, 3, 9, 9)
    """
    return min(int(probability * BUCKETS), BUCKETS - 1)


def favourite(chances: Sequence[float]) -> int:
    """The place of the largest; of equal ones the first.

    Examples
    --------
    >>> favourite((0.2, 0.4, 0.4))
    1
    """
    return max(range(len(chances)), key=lambda place: (chances[place], -place))


def variance_added(counts: Sequence[int], chances: Sequence[float], outcome: int) -> float:
    """What one more moment adds to the variance of a game's sum of (came - said), by chance alone.

    All moments of a game end alike, so a game is one draw however much is said in it. For one who says the
    probabilities as they are, the mean of the sums of these terms is exactly the variance of (came - said):
    the moment's own, and twice its covariance with what was said of the same game before. A term may be below
    0: two outcomes hedge each other.

    Parameters
    ----------
    counts : sequence of n >= 2 ints
        How often each outcome was the one looked at, in the moments before.
    chances : sequence of n floats
        Said of all outcomes now, in [0, 1], with sum 1.
    outcome : int
        The one that is looked at now.

    References
    ----------
    Spiegelhalter (1986), Probabilistic prediction in patient management and clinical trials, Statistics in
    Medicine 5, of one moment a game. That the later of two moments decides their covariance is since honest
    probabilities are a martingale.

    Examples
    --------
    >>> variance_added((0, 0), (0.5, 0.5), 0), variance_added((1, 0), (0.5, 0.5), 0)
    (0.25, 0.75)
    """
    chance = chances[outcome]
    expected = math.fsum([count * each for count, each in zip(counts, chances, strict=True)])
    return chance * (1.0 - chance) + 2.0 * chance * (counts[outcome] - expected)

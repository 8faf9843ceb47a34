"""How to share a bankroll out over bets that are all open at once.

Bets on one event hang together, those on different events do not (`growth.Group`); the shares are found
jointly, since what one bet may lose is not there for another to grow on.

The limits are part of what is solved. With a multiplier m, a part m of the bankroll is set to grow as fast as
it can, and the rest is kept: without limits that is m times the Kelly shares. No bet takes more than its cap
and all together no more than the exposure, of the whole bankroll; under these the part still grows as fast as
it can, so that what a cap takes from one bet goes to the others, and what the exposure leaves goes to the
best of them. Cutting the unlimited shares down afterwards would do neither.

References
----------
Kelly (1956), A new interpretation of information rate, Bell System Technical Journal 35(4). Whitrow (2007),
Algorithms for optimal allocation of bets on many simultaneous events, Journal of the Royal Statistical
Society C 56(5).
"""

import itertools
import math
from collections.abc import Sequence

from pipeline.domain.ascent import highest
from pipeline.domain.growth import MOST_WAYS, Group, growth, merged, slopes, ways
from pipeline.domain.settlement import Chances, Result

GAIN_LEFT = 1e-12  # of log growth: no other shares grow faster by more


def exclusive_results(
    outcomes: Sequence[int], probabilities: Sequence[float]
) -> dict[tuple[Result, ...], float]:
    """How bets on the outcomes of one market come out together: one outcome wins, whoever offers it.

    Parameters
    ----------
    outcomes : sequence of n ints
        The outcome of each bet, as an index of the probabilities; two books' prices of one outcome are two
        bets.
    probabilities : sequence of floats
        Of the market's outcomes; what they leave to 1 is an outcome on which there is no bet.

    Raises
    ------
    ValueError
        If an outcome has no probability, or they are none.

    Examples
    --------
    >>> exclusive_results([0, 1], [0.25, 0.75])
    {(<Result.WON: 'won'>, <Result.LOST: 'lost'>): 0.25, (<Result.LOST: 'lost'>, <Result.WON: 'won'>): 0.75}
    """
    rest = 1.0 - math.fsum(probabilities)
    if not (rest >= -1e-9 and min(probabilities) >= 0.0 and set(outcomes) <= set(range(len(probabilities)))):
        raise ValueError(f"not the probabilities of outcomes {list(outcomes)}: {list(probabilities)!r}")
    found: dict[tuple[Result, ...], float] = {}
    for winner, chance in enumerate([*probabilities, max(0.0, rest)]):
        ends = tuple([Result.WON if outcome == winner else Result.LOST for outcome in outcomes])
        found[ends] = found.get(ends, 0.0) + chance
    return {ends: chance for ends, chance in found.items() if chance > 0.0}


def line_results(outcomes: Sequence[int], chances: Chances) -> dict[tuple[Result, ...], float]:
    """How bets on the two sides of one line come out together.

    Parameters
    ----------
    outcomes : sequence of n ints
        The side of each bet: 0 that of the chances, 1 the opposite.
    chances : Chances
        Of side 0.

    Raises
    ------
    ValueError
        If an outcome is neither 0 nor 1.

    Examples
    --------
    >>> line_results([0], Chances(win=0.5, push=0.25))
    {(<Result.WON: 'won'>,): 0.5, (<Result.PUSHED: 'pushed'>,): 0.25, (<Result.LOST: 'lost'>,): 0.25}
    """
    if not set(outcomes) <= {0, 1}:
        raise ValueError(f"a line has sides 0 and 1: {list(outcomes)}")
    by_result = zip(SIDES, (*chances, chances.lose), strict=True)
    return {tuple([sides[side] for side in outcomes]): chance for sides, chance in by_result if chance > 0.0}


SIDES = (
    (Result.WON, Result.LOST),
    (Result.PUSHED, Result.PUSHED),
    (Result.HALF_WON, Result.HALF_LOST),
    (Result.HALF_LOST, Result.HALF_WON),
    (Result.LOST, Result.WON),
)


def joint_kelly(
    groups: Sequence[Group], multiplier: float = 1.0, cap: float = 1.0, exposure: float = 1.0
) -> tuple[tuple[float, ...], ...]:
    """Shares of the bankroll on all bets at once, under limits.

    Maximises ``E log(1 + sum(f x) / multiplier)`` over shares ``f`` of bets with profits ``x``: the growth of
    the part of the bankroll that plays. Ends when a bound says that no shares within the limits grow faster
    by more than 1e-12; a share is then right to about 1e-6, and those that should be 0 are.

    Parameters
    ----------
    groups : sequence of Group
        Independent of one another; a group none of whose bets has an edge takes no part.
    multiplier : float
        In (0, 1]: the part of the bankroll that plays.
    cap, exposure : float
        In (0, 1]: the most of the whole bankroll on a bet, and on all together.

    Returns
    -------
    tuple of tuples of floats
        In [0, cap], together at most the exposure: of each group, of each bet.

    Raises
    ------
    ValueError
        If multiplier, cap or exposure is not in (0, 1].

    Examples
    --------
    >>> from pipeline.domain.growth import group
    >>> even = group(line_results([0], Chances(0.55)), [2.0])
    >>> [round(row[0], 4) for row in joint_kelly([even, even])]
    [0.099, 0.099]
    >>> [round(row[0], 4) for row in joint_kelly([even] * 10, multiplier=0.25, cap=0.05, exposure=0.15)]
    [0.015, 0.015, 0.015, 0.015, 0.015, 0.015, 0.015, 0.015, 0.015, 0.015]
    """
    if not all(0.0 < each <= 1.0 for each in (multiplier, cap, exposure)):
        raise ValueError(f"multiplier, cap and exposure are in (0, 1]: {(multiplier, cap, exposure)!r}")
    # Independent bets that lose on average only add risk: where a whole group does, nothing of it is staked.
    playing = [each for each in groups if _has_edge(each)]
    # Few ways to end are put together once, not at every step.
    solved = [merged(playing)] if playing and ways(playing) <= MOST_WAYS else playing
    found = highest(
        lambda flat: growth(solved, _by_group(flat, solved)),
        lambda flat: slopes(solved, _by_group(flat, solved)),
        sum([len(each.profits[0]) for each in solved]),
        cap=min(1.0, cap / multiplier),
        budget=min(1.0, exposure / multiplier),
        gain=GAIN_LEFT,
    )
    rows = iter(_by_group([min(cap, multiplier * share) for share in found], playing))
    return tuple([tuple(next(rows)) if _has_edge(each) else (0.0,) * len(each.profits[0]) for each in groups])


def _by_group(flat: Sequence[float], groups: Sequence[Group]) -> list[Sequence[float]]:
    ends = list(itertools.accumulate([len(each.profits[0]) for each in groups]))
    return [flat[start:end] for start, end in itertools.pairwise([0, *ends])]


def _has_edge(each: Group) -> bool:
    return any(
        math.fsum(map(math.prod, zip(each.chances, column, strict=True))) > 0.0
        for column in zip(*each.profits, strict=True)
    )

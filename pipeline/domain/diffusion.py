"""Win probabilities in play from a score difference that moves like a Brownian motion.

The margin is home minus away. What is still to come has a mean and a standard deviation that shrink with
the time left; the final margin is a whole number, so each carries the density of the half point on either
side of it (lattice correction) and a level score has a probability of its own. Where nothing is left to
play every answer is exact. Swapping the teams, so lead and mean change sign, mirrors every answer.

References
----------
Stern (1994), A Brownian motion model for the progress of sports scores, Journal of the American
Statistical Association 89(427).
"""

import math
from collections.abc import Callable
from statistics import NormalDist

from pipeline.domain.roots import root
from pipeline.domain.settlement import Chances, over_chances

STANDARD = NormalDist()
ROOT_TOLERANCE = 1e-12


def remaining(mean: float, sd: float, fraction: float) -> tuple[float, float]:
    """Mean and standard deviation of the margin still to come.

    Parameters
    ----------
    mean, sd : float
        Of the margin over a whole game, in points; sd >= 0.
    fraction : float
        Share of the game that is left, in [0, 1].

    Raises
    ------
    ValueError
        If the fraction is not in [0, 1] or the sd is negative.

    Examples
    --------
    >>> remaining(mean=4.0, sd=12.0, fraction=0.25)
    (1.0, 6.0)
    """
    if not (0.0 <= fraction <= 1.0 and sd >= 0.0):
        raise ValueError(f"no remaining margin of sd {sd!r} with a share of {fraction!r} to play")
    return mean * fraction, sd * math.sqrt(fraction)


def probability_above(x: float, mean: float, sd: float) -> float:
    """Probability that a normal variable comes in above x; a step at the mean, with 0.5 on it, where sd is 0.

    Without lattice correction this is Stern's formula: x 0, mean ``lead + (1 - t) mu``, sd
    ``sigma sqrt(1 - t)``.

    Raises
    ------
    ValueError
        If the sd is negative, or one of the three is not a number.

    Examples
    --------
    >>> round(probability_above(0.0, *remaining(mean=4.0, sd=12.0, fraction=0.5)), 5)
    0.59317
    """
    if sd > 0.0 and math.isfinite(mean):
        return 0.5 * math.erfc((x - mean) / (sd * math.sqrt(2.0)))
    if sd == 0.0 and math.isfinite(mean):
        return 1.0 if mean > x else 0.5 if mean == x else 0.0
    raise ValueError(f"no normal variable has mean {mean!r} and sd {sd!r}")


def outcomes(lead: int, mean: float, sd: float) -> tuple[float, float, float]:
    """Probabilities that home is ahead, away is ahead, or the score is level when regulation ends.

    Parameters
    ----------
    lead : int
        Home score minus away score now.
    mean, sd : float
        Of the margin still to come, as `remaining` gives them.

    Returns
    -------
    (home, away, draw)
        They sum to 1. With sd 0 one of them is 1, if lead and mean make a whole number.

    Raises
    ------
    ValueError
        If the sd is negative, or one of the numbers is not finite.

    Examples
    --------
    >>> outcomes(lead=3, mean=0.0, sd=0.0)
    (1.0, 0.0, 0.0)
    >>> [round(p, 4) for p in outcomes(lead=0, mean=0.0, sd=4.0)]
    [0.4503, 0.4503, 0.0995]
    """
    final = lead + mean
    home = probability_above(0.5, final, sd)
    # The away side's as home's seen from the other bench, so that mirrors agree to the last bit.
    away = probability_above(0.5, -final, sd)
    return home, away, max(0.0, 1.0 - (home + away))


def home_win_with_overtime(home: float, draw: float, overtime_share: float) -> float:
    """Probability that home wins the game where a level score is played on.

    Parameters
    ----------
    home, draw : float
        Probabilities at the end of regulation.
    overtime_share : float
        Probability in [0, 1] that home wins once it is level; 0.5 where nothing is known.

    Raises
    ------
    ValueError
        If the share is not in [0, 1].

    Examples
    --------
    >>> home_win_with_overtime(home=0.5, draw=0.125, overtime_share=0.5)
    0.5625
    """
    if not 0.0 <= overtime_share <= 1.0:
        raise ValueError(f"home's share of overtimes is not in [0, 1]: {overtime_share!r}")
    return home + draw * overtime_share


def cover_chances(line: float, lead: int, mean: float, sd: float) -> Chances:
    """Chances of a bet on home at a spread.

    Parameters
    ----------
    line : float
        Home's handicap, a multiple of 0.25: -3.5 is covered by winning by 4 and more.
    lead : int
        Home score minus away score now.
    mean, sd : float
        Of the margin still to come.

    Raises
    ------
    ValueError
        If the line is not a multiple of 0.25, or the sd is negative.

    Examples
    --------
    >>> cover_chances(-3.0, lead=3, mean=0.0, sd=0.0)
    Chances(win=0.0, push=1.0, half_win=0.0, half_lose=0.0)
    >>> cover_chances(-3.5, lead=0, mean=3.5, sd=13.0).win
    0.5
    """
    final = lead + mean
    return over_chances(-line, lambda x: probability_above(x, final, sd))


def mean_of_spread(line: float, fair: float, sd: float) -> float:
    """The expected final margin at which home covers a line as often as a fair price says.

    Parameters
    ----------
    line : float
        Home's handicap, a multiple of 0.25.
    fair : float
        Probability in (0, 1) that home's fair price implies: of being right where the bet is decided.
    sd : float
        Of the final margin, above 0.

    Returns
    -------
    float
        Points, to 1e-12.

    Raises
    ------
    ValueError
        If the probability is not inside (0, 1), the sd not above 0, or the line no multiple of 0.25.

    Examples
    --------
    >>> round(mean_of_spread(-3.5, fair=0.5, sd=13.0), 9), round(mean_of_spread(-3.0, 0.5, 13.0), 9)
    (3.5, 3.0)
    """
    return _mean_where(lambda mean: cover_chances(line, 0, mean, sd).fair, fair, sd, near=-line)


def mean_of_moneyline(fair: float, sd: float, overtime_share: float = 0.5) -> float:
    """The expected margin of regulation at which home wins the game as often as a fair two-way price says.

    Parameters
    ----------
    fair : float
        Probability in (0, 1) that home wins, overtime included.
    sd : float
        Of the margin of regulation, above 0.
    overtime_share : float
        Probability that home wins a level game.

    Returns
    -------
    float
        Points, to 1e-12.

    Raises
    ------
    ValueError
        If the probability is not inside (0, 1), the sd not above 0, or the share not in [0, 1].

    Examples
    --------
    >>> abs(mean_of_moneyline(0.5, sd=13.0)) < 1e-9, round(mean_of_moneyline(0.7, sd=13.0), 1)
    (True, 6.8)
    """

    def home_wins(mean: float) -> float:
        home, _, draw = outcomes(0, mean, sd)
        return home_win_with_overtime(home, draw, overtime_share)

    return _mean_where(home_wins, fair, sd, near=0.0)


def _mean_where(probability: Callable[[float], float], fair: float, sd: float, near: float) -> float:
    if not (0.0 < fair < 1.0 and 0.0 < sd < math.inf):
        raise ValueError(f"no mean gives a probability of {fair!r} with an sd of {sd!r}")
    guess = near + sd * STANDARD.inv_cdf(fair)
    reach = 1.0
    while probability(guess - reach) > fair or probability(guess + reach) < fair:
        reach *= 2.0
    return root(lambda mean: probability(mean) - fair, guess - reach, guess + reach, ROOT_TOLERANCE)

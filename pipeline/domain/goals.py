"""Probabilities of low scores: the goals or runs still to come are independent Poisson for each side.

Rates are expected goals of the time that is left: the caller scales those of a whole game. Where nothing
is left every answer is exact, and swapping the sides mirrors every answer. A level score is its own
outcome; sports that play on share it out (`diffusion.home_win_with_overtime`).

References
----------
Maher (1982), Modelling association football scores, Statistica Neerlandica 36(3). Dixon and Robinson
(1998), A birth process model for association football matches, The Statistician 47(3).
"""

import math
from collections.abc import Callable, Sequence

from pipeline.domain.roots import root
from pipeline.domain.settlement import Chances, over_chances

MOST = 100.0  # goals to come of one side, far beyond any sport this is used for
NEGLIGIBLE = 1e-18
LEAST_TOTAL, MOST_TOTAL = 0.01, 30.0  # where a total that fits a market is sought
LEAST_SHARE = 1e-4  # of the total, for the weaker side
ROOT_TOLERANCE = 1e-12


def poisson(rate: float) -> list[float]:
    """Probabilities of 0, 1, 2, … goals, as far as they matter: the tail left out is below 1e-16.

    Parameters
    ----------
    rate : float
        Expected goals, in [0, 100].

    Raises
    ------
    ValueError
        If the rate is not in [0, 100].

    Examples
    --------
    >>> poisson(0.0), [round(p, 4) for p in poisson(1.5)[:4]]
    ([1.0], [0.2231, 0.3347, 0.251, 0.1255])
    """
    if not 0.0 <= rate <= MOST:
        raise ValueError(f"expected goals are not in [0, {MOST:.0f}]: {rate!r}")
    chance = math.exp(-rate)
    chances = [chance]
    while len(chances) <= rate or chance * rate > NEGLIGIBLE:
        chance *= rate / len(chances)
        chances.append(chance)
    return chances


def outcomes(
    home_rate: float, away_rate: float, home_score: int = 0, away_score: int = 0
) -> tuple[float, float, float]:
    """Probabilities that home is ahead, away is ahead, or the score is level at the end.

    Parameters
    ----------
    home_rate, away_rate : float
        Expected goals still to come, in [0, 100].
    home_score, away_score : int
        Goals so far.

    Returns
    -------
    (home, away, draw)
        They sum to 1; without goals to come one of them is exactly 1.

    Raises
    ------
    ValueError
        If a rate is not in [0, 100].

    Examples
    --------
    >>> [round(p, 4) for p in outcomes(1.6, 1.1)]
    [0.4896, 0.2615, 0.2489]
    >>> outcomes(0.0, 0.0, home_score=1, away_score=2)
    (0.0, 1.0, 0.0)
    """
    lead = home_score - away_score
    home_goals, away_goals = poisson(home_rate), poisson(away_rate)
    home = _ahead(home_goals, away_goals, lead)
    away = _ahead(away_goals, home_goals, -lead)
    return home, away, max(0.0, 1.0 - (home + away))


def total_chances(line: float, rate: float, scored: int = 0) -> Chances:
    """Chances of a bet on over; under is their ``opposite``.

    Parameters
    ----------
    line : float
        Multiple of 0.25.
    rate : float
        Expected goals of both sides still to come, in [0, 100].
    scored : int
        Goals of both sides so far.

    Raises
    ------
    ValueError
        If the line is not a multiple of 0.25, or the rate not in [0, 100].

    Examples
    --------
    >>> round(total_chances(2.5, rate=2.7).win, 4)
    0.5064
    >>> total_chances(3.0, rate=0.0, scored=3)
    Chances(win=0.0, push=1.0, half_win=0.0, half_lose=0.0)
    """
    goals = poisson(rate)
    return over_chances(line, lambda x: _more_than(goals, x - scored))


def cover_chances(line: float, home_rate: float, away_rate: float, lead: int = 0) -> Chances:
    """Chances of a bet on home at a spread; away's are their ``opposite``.

    Parameters
    ----------
    line : float
        Home's handicap, a multiple of 0.25.
    home_rate, away_rate : float
        Expected goals still to come, in [0, 100].
    lead : int
        Home's goals minus away's so far.

    Raises
    ------
    ValueError
        If the line is not a multiple of 0.25, or a rate is not in [0, 100].

    Examples
    --------
    >>> chances = cover_chances(-0.25, 1.6, 1.1)
    >>> round(chances.win, 4), round(chances.half_lose, 4)
    (0.4896, 0.2489)
    """
    home_goals, away_goals = poisson(home_rate), poisson(away_rate)

    # A margin above x, half way between whole numbers, is home ahead after away is given what lies below x.
    return over_chances(-line, lambda x: _ahead(home_goals, away_goals, lead - math.floor(x)))


def both_score(home_rate: float, away_rate: float, home_score: int = 0, away_score: int = 0) -> float:
    """Probability that each side has at least one goal at the end.

    Parameters and errors are those of `outcomes`.

    Examples
    --------
    >>> round(both_score(1.6, 1.1), 4), both_score(0.0, 0.0, home_score=1, away_score=2)
    (0.5324, 1.0)
    """
    for rate in (home_rate, away_rate):
        if not 0.0 <= rate <= MOST:
            raise ValueError(f"expected goals are not in [0, {MOST:.0f}]: {rate!r}")
    home = 1.0 if home_score > 0 else -math.expm1(-home_rate)
    away = 1.0 if away_score > 0 else -math.expm1(-away_rate)
    return home * away


def total_rate(line: float, fair: float) -> float:
    """The expected goals of a game at which over comes in as often as a fair price says.

    Parameters
    ----------
    line : float
        Multiple of 0.25, at least 0.25.
    fair : float
        Probability in (0, 1) that the fair price of over implies: of being right where the bet is decided.

    Returns
    -------
    float
        In [0.01, 30], an end of it where nothing inside fits; to 1e-12.

    Raises
    ------
    ValueError
        If the line is not a multiple of 0.25 above 0, or the probability not inside (0, 1).

    Examples
    --------
    >>> round(total_rate(2.5, fair=0.5), 3)
    2.674
    """
    if not (line > 0.0 and 0.0 < fair < 1.0):
        raise ValueError(f"no total comes in over {line!r} with probability {fair!r}")
    return _root(lambda rate: total_chances(line, rate).fair - fair, LEAST_TOTAL, MOST_TOTAL, line)


def split_rate(total: float, home: float, level_share: float = 0.5) -> tuple[float, float]:
    """Share the expected goals out so that home does as well as a fair price says.

    Parameters
    ----------
    total : float
        Expected goals of both sides, in (0, 100].
    home : float
        Probability in (0, 1) that home is ahead, plus ``level_share`` of that of a level score: of a two-way
        price that counts overtime the price's own probability, of a three-way one home plus half the draw.
    level_share : float
        In [0, 1].

    Returns
    -------
    (home_rate, away_rate)
        They sum to the total. A probability out of reach gives the weaker side a ten-thousandth of it.
        To 1e-12.

    Raises
    ------
    ValueError
        If one of the numbers is out of its range.

    Examples
    --------
    >>> [round(rate, 3) for rate in split_rate(2.7, home=0.4896 + 0.2489 / 2)]
    [1.6, 1.1]
    """
    if not (0.0 < total <= MOST and 0.0 < home < 1.0 and 0.0 <= level_share <= 1.0):
        raise ValueError(f"no split of {total!r} goals wins {home!r} with {level_share!r} of level scores")

    def excess(share: float) -> float:
        ahead, _, level = outcomes(total * share, total * (1.0 - share))
        return ahead + level_share * level - home

    share = _root(excess, LEAST_SHARE, 1.0 - LEAST_SHARE, near=0.5)
    return total * share, total * (1.0 - share)


def rates(
    fair: Sequence[float] | None,
    over: tuple[float, float] | None,
    typical: tuple[float, float],
    level_share: float = 0.5,
    draws: float = 1.0,
) -> tuple[float, float]:
    """The expected goals of each side that reproduce a market's fair probabilities.

    Parameters
    ----------
    fair : (home, away) or (home, away, draw), or None
        Fair probabilities of the result; two where level scores are played on.
    over : (line, probability of over), or None
        Of the total. Without it the draw says how many goals there will be (the rarer the more), and
        without a draw the typical game does.
    typical : (home_rate, away_rate)
        Expected goals of a game of which nothing is known: its total, and its balance, stand in for what is
        missing.
    level_share : float
        Probability that home wins a level game; used with two outcomes only.
    draws : float
        How many there are for each that independent goals would have; used where the draw says the total.

    Returns
    -------
    (home_rate, away_rate)

    Raises
    ------
    ValueError
        If a probability or rate is out of its range.

    Examples
    --------
    >>> [round(rate, 2) for rate in rates((0.4896, 0.2615, 0.2489), (2.5, 0.5064), typical=(1.5, 1.2))]
    [1.6, 1.1]
    >>> [round(rate, 2) for rate in rates((0.4896, 0.2615, 0.2489), None, typical=(1.5, 1.2))]
    [1.6, 1.1]
    >>> rates(None, None, typical=(1.5, 1.2))
    (1.5, 1.2)
    """
    usual = math.fsum(typical)
    if fair is None:
        scale = 1.0 if over is None else total_rate(*over) / usual
        return typical[0] * scale, typical[1] * scale
    if len(fair) == 2:
        return split_rate(usual if over is None else total_rate(*over), fair[0], level_share)
    home, _, draw = fair
    level = home + 0.5 * draw

    def excess(total: float) -> float:
        return outcomes(*split_rate(total, level))[2] - draw / draws

    total = _root(excess, LEAST_TOTAL, MOST_TOTAL, near=usual) if over is None else total_rate(*over)
    return split_rate(total, level)


def _ahead(own: list[float], other: list[float], lead: int) -> float:
    # Of each number of own goals: the chance that the other side's stay below them and the lead.
    ahead, below, others = 0.0, 0.0, 0
    for goals, chance in enumerate(own, start=lead):
        while others < goals and others < len(other):
            below += other[others]
            others += 1
        ahead += chance * below
    return min(ahead, 1.0)


def _more_than(goals: list[float], x: float) -> float:
    least = math.floor(x) + 1
    return 1.0 if least <= 0 else math.fsum(goals[least:])


def _root(excess: Callable[[float], float], low: float, high: float, near: float) -> float:
    # Most roots lie near, where an evaluation is also cheap; the ends are tried only when this one does not.
    left, right = max(low, near / 2.0), min(high, near * 1.5)
    if excess(left) * excess(right) >= 0.0:
        left, right = low, high
        at_left, at_right = excess(left), excess(right)
        if at_left * at_right >= 0.0:
            return left if abs(at_left) <= abs(at_right) else right
    return root(excess, left, right, ROOT_TOLERANCE)

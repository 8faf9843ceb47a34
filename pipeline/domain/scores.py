"""How margin and total of a game end together: what bets on one game have in common.

Of goals, from the rates of both sides (`goals`), each final score is an ending. Of points, from a margin and
a total that are normal together (`diffusion` for each of them), the endings are rectangles between the
numbers at which some bet changes, each stood for by one of its corners; as there, a whole number carries the
density of the half point on either side of it. Nothing ties the parities of margin and total together in that
model, nor keeps the margin below the total.

References
----------
Dixon and Coles (1997), Modelling association football scores and inefficiencies in the football betting
market, Journal of the Royal Statistical Society C 46(2). Drezner and Wesolowsky (1990), On the computation of
the bivariate normal integral, Journal of Statistical Computation and Simulation 35.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

from pipeline.domain.diffusion import probability_above
from pipeline.domain.goals import poisson
from pipeline.domain.settlement import checked_line

MOST_CORRELATION = 0.9  # beyond, the integrand grows too steep for the nodes, and no game is like that
NODES = 24


class Ending(NamedTuple):
    """A final margin and total, and who wins the game: 1 home, -1 away, 0 nobody."""

    margin: int
    total: int
    ahead: int
    chance: float


def goal_endings(
    rates: tuple[float, float],
    score: tuple[int, int] = (0, 0),
    low_scores: float = 0.0,
    level_share: float | None = None,
) -> list[Ending]:
    """All final scores that matter, when the goals to come are Poisson.

    Parameters
    ----------
    rates : (home, away)
        Expected goals still to come, in [0, 100].
    score : (home, away)
        Goals so far.
    low_scores : float
        Dixon and Coles' dependence between the sides' first goals to come: below 0 takes from 1-0 and 0-1 and
        gives to 0-0 and 1-1. It leaves each side's goals as they are.
    level_share : float or None
        Probability that home wins where a level game is played on; None where it ends level.

    Returns
    -------
    list of Ending
        Their chances sum to 1, but for 1e-15.

    Raises
    ------
    ValueError
        If a rate is not in [0, 100], the share not in [0, 1], or the dependence makes a score less than
        impossible.

    Examples
    --------
    >>> endings = goal_endings((1.6, 1.1), low_scores=-0.1)
    >>> round(sum(each.chance for each in endings if each.total == 0), 4)
    0.079
    """
    home, away = map(poisson, rates)
    ties = {
        (0, 0): 1.0 - rates[0] * rates[1] * low_scores,
        (0, 1): 1.0 + rates[0] * low_scores,
        (1, 0): 1.0 + rates[1] * low_scores,
        (1, 1): 1.0 - low_scores,
    }
    if not min(ties.values()) >= 0.0:
        raise ValueError(f"rates of {rates!r} allow no dependence of {low_scores!r}")
    lead, scored = score[0] - score[1], sum(score)
    return _played_on(
        [
            (lead + own - other, scored + own + other, chance * likely * ties.get((own, other), 1.0))
            for own, chance in enumerate(home)
            for other, likely in enumerate(away)
        ],
        level_share,
    )


def point_endings(
    margin: tuple[float, float],
    total: tuple[float, float],
    correlation: float,
    margin_lines: Sequence[float],
    total_lines: Sequence[float],
    level_share: float | None = None,
) -> list[Ending]:
    """Rectangles of final margins and totals, when both are normal together.

    Parameters
    ----------
    margin, total : (mean, sd)
        Of the final margin and total, sd >= 0.
    correlation : float
        Of the two, in [-0.9, 0.9].
    margin_lines, total_lines : sequences of floats
        Multiples of 0.25: what the final margin and total are compared with. A level score is always told
        apart; of a spread the line is the margin at which it is met, the handicap with its sign changed.
    level_share : float or None
        As `goal_endings` takes it.

    Returns
    -------
    list of Ending
        Their chances sum to 1, each right to 1e-13.

    Raises
    ------
    ValueError
        If the correlation is not in [-0.9, 0.9], an sd is negative, a line is not a multiple of 0.25, or the
        share is not in [0, 1].

    Examples
    --------
    >>> endings = point_endings((3.5, 13.0), (45.0, 10.0), 0.2, [], [44.5])
    >>> round(sum(each.chance for each in endings if each.margin > 0 and each.total > 44), 4)
    0.3386
    """
    if not abs(correlation) <= MOST_CORRELATION:
        raise ValueError(f"a correlation is in [-{MOST_CORRELATION}, {MOST_CORRELATION}]: {correlation!r}")
    columns, rows = _cuts([0.0, *margin_lines]), _cuts(total_lines)
    beyond = [
        [*[_both_above(x, margin, y, total, correlation) for y in [-math.inf, *rows]], 0.0]
        for x in [-math.inf, *columns]
    ]
    beyond.append([0.0] * (len(rows) + 2))
    return _played_on(
        [
            (
                number,
                points,
                # What lies above the lower corner, less what lies beyond either of the upper edges.
                max(0.0, beyond[i][j] - beyond[i + 1][j] - beyond[i][j + 1] + beyond[i + 1][j + 1]),
            )
            for i, number in enumerate(_between(columns))
            for j, points in enumerate(_between(rows))
        ],
        level_share,
    )


def _played_on(endings: Sequence[tuple[int, int, float]], level_share: float | None) -> list[Ending]:
    """Endings with a winner of the game; a level one that is played on has either."""
    if level_share is not None and not 0.0 <= level_share <= 1.0:
        raise ValueError(f"home's share of level games is not in [0, 1]: {level_share!r}")
    found = []
    for margin, total, chance in endings:
        if margin == 0 and level_share is not None:
            found += [
                Ending(0, total, 1, chance * level_share),
                Ending(0, total, -1, chance * (1.0 - level_share)),
            ]
        else:
            found.append(Ending(margin, total, (margin > 0) - (margin < 0), chance))
    return found


def _cuts(lines: Sequence[float]) -> list[float]:
    """Points half way between whole numbers at which some line changes what it gives."""
    cuts = set()
    for line in lines:
        met = math.floor(checked_line(line) + 0.5)
        cuts |= {line} if met - line == 0.5 else {met - 0.5, met + 0.5}
    return sorted(cuts)


def _between(cuts: Sequence[float]) -> list[int]:
    """A whole number below the first cut, between each two, and above the last."""
    return [math.floor(cuts[0]), *map(math.ceil, cuts)] if cuts else [0]


def _both_above(
    x: float, first: tuple[float, float], y: float, second: tuple[float, float], correlation: float
) -> float:
    apart = _above(x, first) * _above(y, second)
    if math.isinf(x) or math.isinf(y) or correlation == 0.0 or 0.0 in (first[1], second[1]):
        return apart
    a, b = (x - first[0]) / first[1], (y - second[0]) / second[1]
    half = 0.5 * math.asin(correlation)
    square, product = 0.5 * (a * a + b * b), a * b
    return apart + half / (2.0 * math.pi) * math.fsum(
        [
            weight * math.exp((product * math.sin(angle) - square) / math.cos(angle) ** 2)
            for angle, weight in ((half * (1.0 + node), weight) for node, weight in GAUSS_LEGENDRE)
        ]
    )


def _above(x: float, normal: tuple[float, float]) -> float:
    return 1.0 if x == -math.inf else probability_above(x, *normal)


def _gauss_legendre(size: int) -> list[tuple[float, float]]:
    """Nodes in (-1, 1) and weights that integrate polynomials of a degree below twice their number."""
    found = []
    for index in range(size):
        x = math.cos(math.pi * (index + 0.75) / (size + 0.5))
        for _ in range(8):
            before, now = 1.0, x
            for degree in range(2, size + 1):
                before, now = now, ((2 * degree - 1) * x * now - (degree - 1) * before) / degree
            slope = size * (x * now - before) / (x * x - 1.0)
            x -= now / slope
        found.append((x, 2.0 / ((1.0 - x * x) * slope * slope)))
    return found


GAUSS_LEGENDRE = _gauss_legendre(NODES)

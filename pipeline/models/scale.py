"""What a fair price at one line says of another: margins and totals on one common scale.

A normal margin or total around the mean that the price implies, rounded to whole numbers, with the league's
spread; of goals and runs, whose closed form is Poisson, with the spread of their rates. Two prices of one
line need no scale: what it gets wrong (football is won by 3 more often than it says) enters only where lines
differ.
"""

import math
from functools import lru_cache

from pipeline.data import League
from pipeline.domain import diffusion
from pipeline.domain.settlement import Chances

#: Part of a game's scoring that falls into a scope; of others the whole.
PARTS = {"h1": 1 / 2, "h2": 1 / 2, "p1": 1 / 3, "p2": 1 / 3, "p3": 1 / 3, "i1": 1 / 9, "i5": 5 / 9}
PARTS |= dict.fromkeys(("q1", "q2", "q3", "q4"), 1 / 4)
#: A fair price nearer to sure than this says nothing of other lines.
SURE = 1e-4


def deviation(league: League, market: str, scope: str) -> float:
    """Standard deviation of the final margin (``spread``) or total (``total``) of a scope, in points."""
    if league.model == "poisson-goals":
        of_game = math.sqrt(league.home_rate + league.away_rate)
    else:
        of_game = league.margin_sd if market == "spread" else league.total_sd
    return of_game * math.sqrt(PARTS.get(scope, 1.0))


@lru_cache(maxsize=16_384)
def chances_at(market: str, line: float, fair: float, deviation: float, to_line: float) -> Chances:
    """Chances of the first outcome (home, over) at one line, by the fair price of another.

    Parameters
    ----------
    market : {"spread", "total"}
    line, to_line : float
        Multiples of 0.25; of a spread the home side's handicaps.
    fair : float
        Probability in (0, 1) of the first outcome at ``line``, refunds left out.
    deviation : float
        As `deviation` gives it, above 0.

    Raises
    ------
    ValueError
        If a line is not a multiple of 0.25, or the deviation not above 0.

    Examples
    --------
    >>> round(chances_at("spread", -3.5, 0.5, 13.0, -3.0).fair, 3)
    0.515
    >>> round(chances_at("total", 45.0, 0.5, 13.0, 45.0).push, 3)
    0.031
    """
    sign = -1.0 if market == "total" else 1.0
    fair = min(max(fair, SURE), 1.0 - SURE)
    mean = diffusion.mean_of_spread(sign * line, fair, deviation)
    return diffusion.cover_chances(sign * to_line, 0, mean, deviation)

"""A final score's mean and spread: the margin's are moved until they say who wins as a better model does.

Of a game that is all but decided its winner's odds say nothing of the margin: 24 points ahead stay 24,
whether that is lost once in 200 games or in 500. So the margin is moved a little and no more.
"""

import math

from pipeline.data import League
from pipeline.domain import diffusion
from pipeline.domain.roots import root
from pipeline.models.brownian import overtime_adds
from pipeline.models.features import Ending
from pipeline.models.position import Outlook, whole_game

TOLERANCE = 1e-11
#: No nearer to sure.
SURE = 1e-6
#: In standard deviations, what the mean of an even game is moved by at most, less the surer it is; and the
#: spread, in its logarithm.
MOST_MEAN, MOST_SPREAD = 0.3, 0.15
#: A spread is known better than a mean: it gives way as if it were so many times as dear.
FIRMNESS = 4.0


def moved(league: League, closed: Outlook, ending: Ending, chances: tuple[float, ...], model: str) -> Outlook:
    """The outlook of a final margin near that of the ending, and of its total with what overtime brings.

    ``game`` has the wanted odds of home against away; so have the parameters, unless the mean would have to
    move by more than it may.
    """
    mean, sd = ending.margin
    home = min(max(chances[0] / (chances[0] + chances[1]), SURE), 1.0 - SURE)
    z = diffusion.STANDARD.inv_cdf(home)
    # Of all ways to meet z = mean / sd the nearest: near even the mean moves, far from it the spread does.
    short = (z * sd - mean) / sd / (1.0 + z * z / FIRMNESS)
    sd *= math.exp(min(max(-z / FIRMNESS * short, -MOST_SPREAD), MOST_SPREAD))

    def excess(moved_mean: float) -> float:
        won, lost = whole_game(league, diffusion.outcomes(0, moved_mean, sd))[:2]
        return math.log(won + 1e-300) - math.log(lost + 1e-300) - math.log(home / (1.0 - home))

    most = MOST_MEAN * sd / (1.0 + z * z)
    low, high = mean - most, mean + most
    if excess(low) >= 0.0:
        mean = low
    elif excess(high) <= 0.0:
        mean = high
    else:
        mean = root(excess, low, high, TOLERANCE)
    ended = diffusion.outcomes(0, mean, sd)
    game = whole_game(league, ended)
    parameters = closed.parameters | {"margin_mean": mean, "margin_sd": sd}
    if ending.total:
        total, total_sd = ending.total
        more, variance = overtime_adds(league, ended[2])
        parameters |= {"total_mean": total + more, "total_sd": math.sqrt(total_sd * total_sd + variance)}
    return Outlook(model, _at(home, game), _at(home, ended), parameters)


def _at(home: float, chances: tuple[float, ...]) -> tuple[float, ...]:
    """These chances with home's share of what is not drawn."""
    decided = 1.0 - math.fsum(chances[2:])
    return (home * decided, (1.0 - home) * decided, *chances[2:])

"""A closed form's parameters, moved until they say who wins as a better model does.

Spreads, totals and the winner are priced from the parameters alone, so they hang together.
"""

import math

from pipeline.data import League
from pipeline.domain import diffusion
from pipeline.domain.roots import root
from pipeline.models import brownian
from pipeline.models.position import Outlook, whole_game

TOLERANCE = 1e-11
#: No nearer to sure: a mean that far out says nothing of spreads.
SURE = 1e-6
#: In standard deviations: further out than any probability that is not sure.
REACH = 9.0


def tilted(league: League, closed: Outlook, chances: tuple[float, ...], model: str) -> Outlook | None:
    """The closed form's outlook at parameters that give these chances of home and away.

    None where nothing of the kind is left: the margin is decided, or the closed form has no such parameters.
    """
    if closed.model != brownian.MODEL or closed.parameters["margin_sd"] <= 0.0:
        return None
    sd = closed.parameters["margin_sd"]
    wanted = min(max(chances[0] / (chances[0] + chances[1]), SURE), 1.0 - SURE)

    def excess(mean: float) -> float:
        home, away = whole_game(league, diffusion.outcomes(0, mean, sd))[:2]
        # In log odds, which change sign with the teams.
        return math.log(home + 1e-300) - math.log(away + 1e-300) - math.log(wanted / (1.0 - wanted))

    reach = REACH * sd + 1.0
    mean = root(excess, -reach, reach, TOLERANCE)
    ended = diffusion.outcomes(0, mean, sd)
    return Outlook(model, whole_game(league, ended), ended, closed.parameters | {"margin_mean": mean})

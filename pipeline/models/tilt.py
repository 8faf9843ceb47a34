"""A closed form's parameters, moved until they say who wins as a better model does.

Spreads, totals and the winner are priced from the parameters alone, so they hang together.
"""

import math

from pipeline.data import League
from pipeline.domain import diffusion, goals
from pipeline.domain.roots import root
from pipeline.models import brownian, poisson
from pipeline.models.position import Outlook, Position, whole_game

TOLERANCE = 1e-11
#: No nearer to sure: a mean that far out says nothing of spreads.
SURE = 1e-6
#: In standard deviations: further out than any probability that is not sure.
REACH = 9.0
#: In runs still to come of one side: more turn any game.
MOST_RUNS = 90.0


def tilted(
    league: League, position: Position, closed: Outlook, chances: tuple[float, ...], model: str
) -> Outlook | None:
    """The closed form's outlook at parameters that give these chances of home and away.

    None where nothing of the kind is left: the margin is decided, or the closed form has no such parameters.
    """
    wanted = min(max(chances[0] / (chances[0] + chances[1]), SURE), 1.0 - SURE)
    if closed.model == brownian.MODEL and closed.parameters["margin_sd"] > 0.0:
        return _margin(league, closed, wanted, model)
    if closed.model == poisson.MODEL and len(chances) == len(closed.game) == 2:
        return _runs(league, position, closed, wanted, model)
    return None


def _margin(league: League, closed: Outlook, wanted: float, model: str) -> Outlook:
    sd = closed.parameters["margin_sd"]

    def excess(mean: float) -> float:
        return _log_odds(*whole_game(league, diffusion.outcomes(0, mean, sd))[:2]) - _log_odds(
            wanted, 1.0 - wanted
        )

    reach = REACH * sd + 1.0
    mean = root(excess, -reach, reach, TOLERANCE)
    ended = diffusion.outcomes(0, mean, sd)
    return Outlook(model, whole_game(league, ended), ended, closed.parameters | {"margin_mean": mean})


def _runs(league: League, position: Position, closed: Outlook, wanted: float, model: str) -> Outlook:
    """What one side is to score more the other is to score less, until it has nothing left to lose."""

    def ended(shift: float) -> tuple[float, float, float]:
        return goals.outcomes(*_shifted(closed, shift), position.home_score, position.away_score)

    def excess(shift: float) -> float:
        return _log_odds(*whole_game(league, ended(shift))[:2]) - _log_odds(wanted, 1.0 - wanted)

    shift = root(excess, -MOST_RUNS, MOST_RUNS, TOLERANCE)
    home, away = _shifted(closed, shift)
    moved = closed.parameters | {"home_rate": home, "away_rate": away}
    return Outlook(model, whole_game(league, ended(shift)), ended(shift), moved)


def _shifted(closed: Outlook, shift: float) -> tuple[float, float]:
    return max(0.0, closed.parameters["home_rate"] + shift), max(0.0, closed.parameters["away_rate"] - shift)


def _log_odds(chance: float, other: float) -> float:
    """Of what changes its sign with the teams."""
    return math.log(chance + 1e-300) - math.log(other + 1e-300)

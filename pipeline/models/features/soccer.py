"""Football: the score, the players, the minutes that are left, and the closed form's own word."""

import math
from typing import NamedTuple

from pipeline.data import League
from pipeline.models.features.seen import Context, Feature, Seen, Sheet, in_regulation
from pipeline.models.position import SOCCER_ADDED_S, Position, left_s
from pipeline.records import Soccer

#: A model learns from every fifth minute.
EVERY_S = 300.0
LEAST = 1e-12


class View(NamedTuple):
    """What the features share. ``scores``: logarithms of the closed form's chances of home, away and draw."""

    home_strength: float
    away_strength: float
    home_score: int
    away_score: int
    home_reds: int
    away_reds: int
    left_min: float
    home_rate: float
    away_rate: float
    scores: tuple[float, ...]


def view(seen: Seen) -> View:
    """A moment of regulation, as the features need it."""
    position, closed = seen.position, seen.closed
    off = position.situation if isinstance(position.situation, Soccer) else Soccer(home_reds=0, away_reds=0)
    return View(
        home_strength=seen.strengths.home,
        away_strength=seen.strengths.away,
        home_score=position.home_score,
        away_score=position.away_score,
        home_reds=off.home_reds,
        away_reds=off.away_reds,
        left_min=(left_s(seen.league, position) - SOCCER_ADDED_S) / 60.0,
        home_rate=closed.parameters["home_rate"],
        away_rate=closed.parameters["away_rate"],
        scores=tuple([math.log(max(chance, LEAST)) for chance in closed.regulation]),
    )


def serves(seen: Seen) -> bool:
    """Regulation under way, its clock known, of a league match, which ends with it."""
    return in_regulation(seen) and seen.league.overtime_s == 0.0


def taught(seen: Seen) -> bool:
    """Every fifth minute; in added time the clock stands, so the 45th minute is that of the second half."""
    position = seen.position
    return position.clock_s % EVERY_S == 0.0 and (position.clock_s > 0.0 or position.period > 1)


def remember(_league: League, context: Context, _before: Position, _after: Position) -> Context:
    """Nothing: score, clock and players sent off are stated with every record."""
    return context


def anchor(view: View) -> tuple[float, ...]:
    """Of home, away and draw, by the closed form."""
    return view.scores


SHEET = Sheet(
    features=(
        Feature("home_strength", "goals that home was expected to score", 0.0, 8.0, "away_strength",
                lambda view: view.home_strength),
        Feature("away_strength", "goals that away was expected to score", 0.0, 8.0, "home_strength",
                lambda view: view.away_strength),
        Feature("home_score", "goals of home", 0.0, 15.0, "away_score", lambda view: view.home_score),
        Feature("away_score", "goals of away", 0.0, 15.0, "home_score", lambda view: view.away_score),
        Feature("lead", "home score minus away score", -15.0, 15.0, "odd",
                lambda view: view.home_score - view.away_score),
        Feature("home_reds", "players of home sent off", 0.0, 5.0, "away_reds", lambda view: view.home_reds),
        Feature("away_reds", "players of away sent off", 0.0, 5.0, "home_reds", lambda view: view.away_reds),
        Feature("left_min", "minutes of regulation left, without what is added", 0.0, 90.0, "even",
                lambda view: view.left_min),
        Feature("home_rate", "goals that home is still expected to score", 0.0, 10.0, "away_rate",
                lambda view: view.home_rate),
        Feature("away_rate", "goals that away is still expected to score", 0.0, 10.0, "home_rate",
                lambda view: view.away_rate),
        Feature("win_log_odds", "log of the closed form's odds of home against away", -10.0, 10.0, "odd",
                lambda view: view.scores[0] - view.scores[1]),
        Feature("draw_log_odds", "log of the closed form's odds of a draw against either side, on average",
                -10.0, 10.0, "even", lambda view: view.scores[2] - (view.scores[0] + view.scores[1]) / 2.0),
    ),
    anchor_name="profile",
    view=view,
    anchor=anchor,
    serves=serves,
    taught=taught,
    remember=remember,
)  # fmt: skip

"""Basketball: a margin that leans back towards level, the ball, the fouls, the closed form's word.

Leads shrink: the side that trails hurries and presses, the side that leads rests its best. Of a lead after
the first quarter some seven tenths are left at the end, of one with a minute to go nearly all of it. The
closed form, for which a lead is kept, is too sure of the leader all game long.

Constants are by maximum likelihood on the final margins of 521 NBA games, October 2015 to January 2016, with
the ratings of `pipeline.models.ratings` as drift. Fitted on earlier games only, tenth by tenth, they are
within a tenth of these from the fourth tenth on, and the log loss is 0.2 % higher.
"""

import math
from typing import NamedTuple

from msgspec.structs import replace

from pipeline.data import League
from pipeline.models.features.seen import Context, Ending, Feature, Seen, Sheet, in_regulation
from pipeline.models.position import Position, left_s, regulation_s
from pipeline.records import Basketball

#: A lead shrinks by this share of itself times the square root of the share of the game that is left.
RETURN = 0.32
#: Of the margin over a game, around what is expected, in points.
MARGIN_SD = 13.6
#: Of the possession under way and of what is fouled and thrown at the end, in points.
LAST_SD = 1.57
#: In standard deviations: beyond it nothing is surer.
REACH = 8.0
SIDES = {"home": 1, "away": -1}
NO_BALL = Basketball(possession="", home_fouls=0, away_fouls=0)
#: In the last seconds a margin says more than a share of the game that is nearly 0.
SOON_S = 30.0


class View(NamedTuple):
    """What the features share. ``side``: 1 where home has the ball, -1 away, 0 nobody or unknown."""

    lead: float
    left_s: float
    share: float
    period_left_s: float
    side: int
    home_fouls: int
    away_fouls: int
    line: float
    total: float
    scored: int
    margin: tuple[float, float]
    log_odds: float
    closed_log_odds: float


def view(seen: Seen) -> View:
    """A moment of regulation, as the features need it."""
    position, strengths = seen.position, seen.strengths
    left = left_s(seen.league, position)
    share = left / regulation_s(seen.league)
    ball = seen.context.situation if isinstance(seen.context.situation, Basketball) else NO_BALL
    home, away = seen.closed.game[:2]
    final = margin(float(position.lead), strengths.margin, share)
    return View(
        lead=float(position.lead),
        left_s=left,
        share=share,
        period_left_s=min(position.clock_s, seen.league.period_s),
        side=SIDES.get(ball.possession, 0),
        home_fouls=ball.home_fouls,
        away_fouls=ball.away_fouls,
        line=strengths.margin,
        total=strengths.total,
        scored=position.home_score + position.away_score,
        margin=final,
        log_odds=log_odds(*final),
        closed_log_odds=math.log(home) - math.log(away),
    )


def margin(lead: float, line: float, share: float) -> tuple[float, float]:
    """Mean and standard deviation of home's final margin.

    ``line``: its expected margin over a game, ``share``: of the game that is left.
    """
    mean = lead * (1.0 - RETURN * math.sqrt(share)) + line * share
    return mean, math.sqrt(MARGIN_SD**2 * share + LAST_SD**2)


def log_odds(mean: float, sd: float) -> float:
    """Of home's win, by the final margin.

    Examples
    --------
    >>> round(log_odds(*margin(10.0, 0.0, 0.5)), 2)
    1.3
    """
    z = min(max(mean / sd, -REACH), REACH) / math.sqrt(2.0)
    return math.log(math.erfc(-z)) - math.log(math.erfc(z))


def serves(seen: Seen) -> bool:
    """Regulation under way with time on a known clock."""
    position = seen.position
    return in_regulation(seen) and (position.period < seen.league.periods or position.clock_s > 0.0)


def taught(_: Seen) -> bool:
    """Every record is."""
    return True


def remember(_: League, context: Context, before: Position, after: Position) -> Context:
    """Who has the ball and the fouls as last stated; a new period begins without fouls."""
    if isinstance(after.situation, Basketball):
        return replace(context, situation=after.situation)
    return context if after.period == before.period else replace(context, situation=None)


def anchor(view: View) -> tuple[float, ...]:
    """Of home and away, by a margin that leans back."""
    return view.log_odds / 2.0, -view.log_odds / 2.0


SHEET = Sheet(
    features=(
        Feature(
            "leaning_log_odds", "log odds of home's win by a Brownian margin whose lead shrinks",
            -40.0, 40.0, "odd", lambda view: view.log_odds,
        ),
        Feature(
            "closed_log_odds", "log odds of home's win by the closed form", -8.0, 8.0, "odd",
            lambda view: view.closed_log_odds,
        ),
        Feature("lead", "home score minus away score", -90.0, 90.0, "odd", lambda view: view.lead),
        Feature("left_s", "seconds of regulation left", 0.0, 2880.0, "even", lambda view: view.left_s),
        Feature("period_left_s", "seconds of the period left", 0.0, 720.0, "even",
                lambda view: view.period_left_s),
        Feature("possession", "1 home, -1 away has the ball, 0 neither or unknown", -1.0, 1.0, "odd",
                lambda view: view.side),
        Feature("home_fouls", "home's team fouls of the period", 0.0, 30.0, "away_fouls",
                lambda view: view.home_fouls),
        Feature("away_fouls", "away's team fouls of the period", 0.0, 30.0, "home_fouls",
                lambda view: view.away_fouls),
        Feature("lead_by_time", "lead / sqrt(left_s + 30)", -17.0, 17.0, "odd",
                lambda view: view.lead / math.sqrt(view.left_s + SOON_S)),
        Feature("line_left", "expected margin before the game times the share of it left", -40.0, 40.0,
                "odd", lambda view: view.line * view.share),
        Feature("total_left", "expected total before the game times the share of it left", 0.0, 320.0,
                "even", lambda view: view.total * view.share),
        Feature("ahead_of_total", "points scored minus those that were expected by now", -200.0, 200.0,
                "even", lambda view: view.scored - view.total * (1.0 - view.share)),
    ),
    anchor_name="leaning",
    view=view,
    anchor=anchor,
    serves=serves,
    taught=taught,
    remember=remember,
    ending=lambda view: Ending(view.margin),
)  # fmt: skip

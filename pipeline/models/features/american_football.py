"""American football: the drive under way, the clock, the line, and the closed form's own word."""

import math
from typing import NamedTuple

from msgspec.structs import replace

from pipeline.data import League
from pipeline.models.features.drives import ENDS, Drive, ends, log_odds, margin, total
from pipeline.models.features.seen import Context, Ending, Feature, Seen, Sheet, in_regulation
from pipeline.models.position import Position, left_s
from pipeline.records import AmericanFootball

#: After a kick-off, as most of them end.
FIRST_AND_TEN, OWN_25 = 10.0, 75.0
#: A try is snapped from here or nearer, a kick-off never.
TRY_YD = 15
#: What a try is worth, and how many points a touchdown is without it.
TRY, TOUCHDOWN = 0.95, 6
#: Who has the ball within the first minute of the game had the kick-off.
OPENING_S = 60.0
SIDES = {"home": 1, "away": -1}
OTHER = {"home": "away", "away": "home"}


class View(NamedTuple):
    """What the features share. ``half``: 1 where home has the ball after half-time, -1 away, 0 it is over."""

    drive: Drive
    lead: float
    left_s: float
    half_left_s: float
    half: int
    home_timeouts: int
    away_timeouts: int
    line: float
    total: float
    points: float
    drive_log_odds: float
    ending: Ending
    closed_log_odds: float


def view(seen: Seen) -> View:
    """A moment of regulation, as the features need it."""
    position, context = seen.position, seen.context
    left = left_s(seen.league, position)
    half_length = seen.league.period_s * seen.league.periods / 2.0
    first_half = position.period <= seen.league.periods // 2
    half_left = left - half_length if first_half else left
    half = -SIDES.get(context.opening, 0) if first_half else 0
    lead, scored = float(position.lead), float(position.home_score + position.away_score)
    ball = context.situation if isinstance(context.situation, AmericanFootball) else None
    side = SIDES.get(ball.possession, 0) if ball else 0
    home_timeouts, away_timeouts = (ball.home_timeouts, ball.away_timeouts) if ball else (3, 3)
    if ball and ball.down == 0 and ball.yards_to_goal <= TRY_YD:
        lead, scored, side = lead + TRY * side, scored + TRY, -side
    if first_half and half_left <= 0.0 and position.situation is None:
        # Half-time: the next ball is that of the second half.
        side, half, half_left, ball = half, 0, left, None
    if ball and ball.down > 0:
        down, distance, yards = ball.down, float(ball.distance_yd), float(ball.yards_to_goal)
    else:
        down, distance, yards = 1, FIRST_AND_TEN, OWN_25
    drive = Drive(side, down, distance, yards, home_timeouts if side > 0 else away_timeouts)
    chances = ends(drive, side * lead, left, half_left)
    points = side * math.fsum(chance * end for chance, end in zip(chances, ENDS, strict=True))
    line = seen.strengths.margin
    home, away = seen.closed.game[:2]
    return View(
        drive=drive,
        lead=lead,
        left_s=left,
        half_left_s=half_left,
        half=half,
        home_timeouts=home_timeouts,
        away_timeouts=away_timeouts,
        line=line,
        total=seen.strengths.total,
        points=points,
        drive_log_odds=log_odds(drive, chances, lead, line, half, left, half_left),
        ending=Ending(
            margin(drive, chances, lead, line, half, left, half_left),
            total(drive, chances, scored, seen.strengths.total, left, half_left),
        ),
        closed_log_odds=math.log(home) - math.log(away),
    )


def serves(seen: Seen) -> bool:
    """Regulation under way, its clock and the ball known; when time is up only a snap goes on."""
    position = seen.position
    return (
        in_regulation(seen)
        and isinstance(seen.context.situation, AmericanFootball)
        and seen.context.situation.possession in SIDES
        and (position.period < seen.league.periods or position.clock_s > 0.0 or taught(seen))
    )


def taught(seen: Seen) -> bool:
    """A snap with a down."""
    situation = seen.position.situation
    return isinstance(situation, AmericanFootball) and situation.down > 0


def remember(league: League, context: Context, before: Position, after: Position) -> Context:
    """Who has the ball: as stated, and after a score as the rules have it."""
    stated = after.situation
    if isinstance(stated, AmericanFootball):
        opening = context.opening
        if not opening and after.period == 1 and after.clock_s >= league.period_s - OPENING_S:
            opening = stated.possession
        return replace(context, situation=stated, opening=opening)
    ball = context.situation
    home, away = after.home_score - before.home_score, after.away_score - before.away_score
    if not isinstance(ball, AmericanFootball) or (home > 0) == (away > 0):
        return context
    scored, points = ("home", home) if home > 0 else ("away", away)
    if points == TOUCHDOWN:
        return replace(context, situation=replace(ball, possession=scored, down=0, yards_to_goal=TRY_YD))
    # A safety brings the ball too; after a try or a field goal it is the other side's.
    safety = points == 2 and ball.down > 0
    receives = scored if safety else OTHER[scored]
    return replace(context, situation=replace(ball, possession=receives, down=0, yards_to_goal=35))


def anchor(view: View) -> tuple[float, ...]:
    """Of home and away, by the drive under way."""
    return view.drive_log_odds / 2.0, -view.drive_log_odds / 2.0


SHEET = Sheet(
    features=(
        Feature(
            "drive_log_odds",
            "log odds of home's win: the drive's four ends, then a Brownian margin",
            -45.0, 45.0, "odd", lambda view: view.drive_log_odds,
        ),
        Feature(
            "closed_log_odds", "log odds of home's win by the closed form", -8.0, 8.0, "odd",
            lambda view: view.closed_log_odds,
        ),
        Feature("lead", "home score minus away score, a try to come at 0.95", -80.0, 80.0, "odd",
                lambda view: view.lead),
        Feature("left_s", "seconds of regulation left", 0.0, 3600.0, "even", lambda view: view.left_s),
        Feature("half_left_s", "seconds of the half left", 0.0, 1800.0, "even",
                lambda view: view.half_left_s),
        Feature("second_half", "1 home, -1 away has the ball after half-time, 0 it is over or unknown",
                -1.0, 1.0, "odd", lambda view: view.half),
        Feature("possession", "1 home, -1 away has the ball", -1.0, 1.0, "odd",
                lambda view: view.drive.side),
        Feature("down", "down times possession", -4.0, 4.0, "odd",
                lambda view: view.drive.side * view.drive.down),
        Feature("distance_yd", "yards to the first down times possession", -100.0, 100.0, "odd",
                lambda view: view.drive.side * view.drive.distance_yd),
        Feature("field_yd", "yards from the own goal times possession", -100.0, 100.0, "odd",
                lambda view: view.drive.side * (100.0 - view.drive.yards)),
        Feature("drive_points", "expected points of the drive under way, home's positive", -7.0, 7.0, "odd",
                lambda view: view.points),
        Feature("lead_by_time", "(lead + drive_points) / sqrt(left_s + 60)", -12.0, 12.0, "odd",
                lambda view: (view.lead + view.points) / math.sqrt(view.left_s + 60.0)),
        Feature("home_timeouts", "time-outs that home has left", 0.0, 3.0, "away_timeouts",
                lambda view: view.home_timeouts),
        Feature("away_timeouts", "time-outs that away has left", 0.0, 3.0, "home_timeouts",
                lambda view: view.away_timeouts),
        Feature("line_left", "expected margin before the game times the share of it left", -40.0, 40.0,
                "odd", lambda view: view.line * view.left_s / 3600.0),
        Feature("total_left", "expected total before the game times the share of it left", 0.0, 100.0,
                "even", lambda view: view.total * view.left_s / 3600.0),
    ),
    anchor_name="drives",
    view=view,
    anchor=anchor,
    serves=serves,
    taught=taught,
    remember=remember,
    ending=lambda view: view.ending,
)  # fmt: skip

"""Who scores next: home, away, or nobody in what is left of regulation, of overtime in overtime.

Whatever the sport, who has the ball may score at once; after that scores come as Poisson processes, as many
as the parameters of the answer say are still to come, shared out as the sides' are. So the next score hangs
together with spreads and totals. Baseball goes half-inning by half-inning, in their order.
"""

import math
from typing import NamedTuple

from pipeline.data import League
from pipeline.models.features.drives import ENDS, Drive, ends
from pipeline.models.features.innings import EXPECTED, RUNS
from pipeline.models.position import (
    Outlook,
    Position,
    Strengths,
    in_overtime,
    innings_left,
    left_s,
    overtime_left_s,
    scheduled_periods,
)
from pipeline.records import AmericanFootball, Baseball, Basketball, GameStatus, Situation

#: Points by which a score changes at a time. NFL: 1,141 games of 2019 to 2022, tries with their touchdown;
#: NBA: 57,388 changes of 2015/16, each free throw one of them.
POINTS = {"american-football": 5.45, "basketball": 1.83}
#: No side is expected to score less over a game, whatever its line.
LEAST_POINTS = 1.0
#: The ball in hand: the side scores first as often as one possession in two brings a point; it takes so long.
SCORES, POSSESSION_S = 0.5, 15.0
#: Where a try or a kick-off is next, the drive that follows begins at a side's own 25.
FIRST_AND_TEN, OWN_25, TRY_YD = 10.0, 75.0, 15
SIDES = {"home": 1, "away": -1}
#: By outs and bases, how surely a half-inning brings a run: minus the logarithm of the chance of none.
PRESSURE = [-math.log(float(none)) for none in RUNS[:24, 0]]
#: Runs of a usual half-inning.
USUAL_RUNS = float(EXPECTED[0])

Chances = tuple[float, float, float]
NOBODY: Chances = (0.0, 0.0, 1.0)


class Ball(NamedTuple):
    """What may be scored with the ball in hand: by home, by away; and points that are then gone of what is
    expected of both."""

    home: float
    away: float
    points: float


NO_BALL = Ball(0.0, 0.0, 0.0)


def next_score(
    league: League,
    strengths: Strengths,
    position: Position,
    situation: Situation | None,
    answer: Outlook,
) -> tuple[float, ...]:
    """Probabilities of home, away and nobody; empty where no model serves.

    ``situation`` is the last that is known, ``answer`` has the parameters of what is still to come.
    """
    if not answer.game:
        return ()
    if position.status == GameStatus.FINAL:
        return NOBODY
    if league.sport == "baseball":
        return _innings(league, position._replace(situation=situation), answer)
    if "home_rate" in answer.parameters:
        return _after(NO_BALL, answer.parameters["home_rate"], answer.parameters["away_rate"])
    ball = _ball(league, position, situation)
    total = answer.parameters["total_mean"] - position.home_score - position.away_score
    later = max(0.0, total - ball.points) / POINTS[league.sport]
    home, away = max(strengths.home, LEAST_POINTS), max(strengths.away, LEAST_POINTS)
    return _after(ball, later * home / (home + away), later * away / (home + away))


def _after(ball: Ball, home: float, away: float) -> Chances:
    """With the ball first, and Poisson scores of these numbers after it."""
    missed = 1.0 - ball.home - ball.away
    scored = missed * -math.expm1(-(home + away))
    if scored > 0.0:
        first = ball.home + scored * home / (home + away), ball.away + scored * away / (home + away)
    else:
        first = ball.home, ball.away
    return (*first, max(0.0, 1.0 - (first[0] + first[1])))


def _ball(league: League, position: Position, situation: Situation | None) -> Ball:
    if not isinstance(situation, AmericanFootball | Basketball) or position.period < 1:
        return NO_BALL
    side = SIDES.get(situation.possession, 0)
    overtime = in_overtime(league, position)
    left = overtime_left_s(league, position) if overtime else left_s(league, position)
    if side == 0 or left <= 0.0:
        return NO_BALL
    if isinstance(situation, Basketball):
        period_left = position.clock_s if position.clock_s >= 0.0 else left
        chance = SCORES * min(1.0, period_left / POSSESSION_S)
        return _of(side, chance, 0.0, chance * POINTS["basketball"])
    return _drive(league, position, situation, side, left, overtime)


def _drive(
    league: League, position: Position, ball: AmericanFootball, side: int, left: float, overtime: bool
) -> Ball:
    """A drive ends as the model of drives has it; a touchdown's try is no score of its own."""
    half = league.period_s * league.periods / 2.0
    first_half = not overtime and position.period <= league.periods // 2
    half_left = left - half if first_half else left
    if ball.down == 0 and ball.yards_to_goal <= TRY_YD:
        side = -side  # whoever tries now kicks off next
    if ball.down > 0:
        down, distance, yards = ball.down, float(ball.distance_yd), float(ball.yards_to_goal)
    else:
        down, distance, yards = 1, FIRST_AND_TEN, OWN_25
    timeouts = ball.home_timeouts if side > 0 else ball.away_timeouts
    chances = ends(Drive(side, down, distance, yards, timeouts), side * position.lead, left, half_left)
    _, touchdown, field_goal, against = chances
    points = math.fsum([chance * abs(end) for chance, end in zip(chances, ENDS, strict=True)])
    return _of(side, touchdown + field_goal, against, points)


def _of(side: int, own: float, other: float, points: float) -> Ball:
    return Ball(own, other, points) if side > 0 else Ball(other, own, points)


def _innings(league: League, position: Position, answer: Outlook) -> Chances:
    """Half-inning by half-inning. A run is the likelier the more the side is expected to score in one."""
    home_left, away_left = innings_left(league, position)
    # In usual half-innings: what a side's expected runs are to those of an average one.
    home = answer.parameters["home_rate"] / home_left / USUAL_RUNS if home_left > 0.0 else 0.0
    away = answer.parameters["away_rate"] / away_left / USUAL_RUNS if away_left > 0.0 else 0.0
    scored = [0.0, 0.0]
    nobody = 1.0
    for batting, pressure in _halves(league, position):
        none = math.exp(-pressure * (home, away)[batting])
        scored[batting] += nobody * (1.0 - none)
        nobody *= none
    return scored[0], scored[1], nobody


def _halves(league: League, position: Position) -> list[tuple[int, float]]:
    """Of the half-innings to come, who bats (0 home, 1 away) and how surely a usual side scores in it.

    The last one is not played while home is ahead. Where the half is unknown, half of each is to come.
    """
    situation, scheduled = position.situation, scheduled_periods(league, position)
    whole = PRESSURE[0]
    now: list[tuple[int, float]] = []
    if position.period >= 1:
        if not isinstance(situation, Baseball):
            now = [(1, whole / 2.0), (0, whole / 2.0)]
        else:
            if situation.outs < 3:
                now = [(int(situation.half != "bottom"), PRESSURE[8 * situation.outs + situation.bases])]
            if situation.half != "bottom":
                now.append((0, whole))
    later = max(0, scheduled - max(0, position.period))
    halves = [*now, *[(1, whole), (0, whole)] * later]
    return halves[:-1] if halves and position.lead > 0 and halves[-1][0] == 0 else halves

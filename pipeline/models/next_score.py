"""Who scores next: home, away, or nobody in what is left of regulation, of overtime in overtime.

Goals come as Poisson processes with the rates of the answer's parameters. Points come in possessions that the
sides have in turns, runs in half-innings: each brings a score with a chance of its own, and the first to come
is known better where the ball, or outs and runners, are.
"""

import math
from typing import NamedTuple

from pipeline.data import League
from pipeline.models.features.drives import Drive, ends
from pipeline.models.features.innings import EXPECTED, RUNS
from pipeline.models.position import (
    Outlook,
    Position,
    Strengths,
    in_overtime,
    innings_left,
    left_s,
    overtime_left_s,
    regulation_s,
    scheduled_periods,
)
from pipeline.records import AmericanFootball, Baseball, Basketball, GameStatus, Situation

SIDES = {"home": 0, "away": 1}
#: Where a try or a kick-off is next, the drive that follows begins at a side's own 25.
FIRST_AND_TEN, OWN_25, TRY_YD = 10.0, 75.0, 15


class Play(NamedTuple):
    """How a sport's possessions go: seconds of one, points of one that scores; ``late`` more of them are
    played when time is short, within some ``late_s``: fouls and timeouts stop the clock."""

    possession_s: float
    points: float
    late: float
    late_s: float


#: NFL: 1,141 games of 2019 to 2022 had 8.5 scores each, of 5.45 points with their tries, and 22 drives. NBA
#: 2015/16: 100 possessions a side, of which every other one scores.
PLAYS = {
    "american-football": Play(160.0, 5.45, 0.0, 1.0),
    "basketball": Play(14.4, 2.1, 1.0, 10.0),
}
#: No side scores in nearly all of its possessions, whatever its line; nor in nearly none.
LEAST, MOST = 0.02, 0.95
#: So much of what is left the drive under way takes, at most.
DRIVE_S = 80.0
#: What comes after so rare a lack of scores does not matter.
NEGLIGIBLE = 1e-12
#: By outs and bases, how surely a half-inning brings a run: minus the logarithm of the chance of none.
PRESSURE = [-math.log(float(none)) for none in RUNS[:24, 0]]
#: Runs of a usual half-inning.
USUAL_RUNS = float(EXPECTED[0])

Chances = tuple[float, float, float]
NOBODY: Chances = (0.0, 0.0, 1.0)


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
        return _goals(answer.parameters["home_rate"], answer.parameters["away_rate"])
    return _points(league, strengths, position, situation)


def _goals(home: float, away: float) -> Chances:
    whole = home + away
    if whole <= 0.0:
        return NOBODY
    scored = -math.expm1(-whole)
    return scored * home / whole, scored * away / whole, math.exp(-whole)


def _points(league: League, strengths: Strengths, position: Position, situation: Situation | None) -> Chances:
    overtime = in_overtime(league, position)
    left = overtime_left_s(league, position) if overtime else left_s(league, position)
    if left <= 0.0:
        return NOBODY
    play = PLAYS[league.sport]
    of_a_side = regulation_s(league) / play.possession_s / 2.0
    home, away = (
        min(MOST, max(LEAST, points / of_a_side / play.points)) for points in (strengths.home, strengths.away)
    )
    if position.period >= 1 and isinstance(situation, AmericanFootball) and situation.possession in SIDES:
        return _after_drive(league, position, situation, left, (home, away))
    count = left / play.possession_s + play.late * -math.expm1(-left / play.late_s)
    if position.period >= 1 and isinstance(situation, Basketball) and situation.possession in SIDES:
        return _in_turns(NOBODY, SIDES[situation.possession], (home, away), count)
    one, other = (_in_turns(NOBODY, side, (home, away), count) for side in (0, 1))
    return (one[0] + other[0]) / 2.0, (one[1] + other[1]) / 2.0, (one[2] + other[2]) / 2.0


def _in_turns(so_far: Chances, side: int, chances: tuple[float, float], count: float) -> Chances:
    """After what may have been scored so far, ``count`` possessions in turns, of ``side`` first."""
    scored, nobody = list(so_far[:2]), so_far[2]
    while count > 0.0 and nobody > NEGLIGIBLE:
        chance = chances[side] * min(1.0, count)
        scored[side] += nobody * chance
        nobody *= 1.0 - chance
        side, count = 1 - side, count - 1.0
    return scored[0], scored[1], nobody


def _after_drive(
    league: League, position: Position, ball: AmericanFootball, left: float, chances: tuple[float, float]
) -> Chances:
    """The drive under way ends as the model of drives has it; a touchdown's try is no score of its own."""
    half = league.period_s * league.periods / 2.0
    half_left = left - half if 1 <= position.period <= league.periods // 2 else left
    side = SIDES[ball.possession]
    if ball.down == 0 and ball.yards_to_goal <= TRY_YD:
        side = 1 - side  # whoever tries now kicks off next
    if ball.down > 0:
        down, distance, yards = ball.down, float(ball.distance_yd), float(ball.yards_to_goal)
    else:
        down, distance, yards = 1, FIRST_AND_TEN, OWN_25
    sign, timeouts = (1, ball.home_timeouts) if side == 0 else (-1, ball.away_timeouts)
    drive = Drive(sign, down, distance, yards, timeouts)
    nothing, touchdown, field_goal, against = ends(drive, sign * position.lead, left, half_left)
    own = touchdown + field_goal
    now = (own, against, nothing) if side == 0 else (against, own, nothing)
    later = left * left / (left + DRIVE_S) / PLAYS[league.sport].possession_s
    return _in_turns(now, 1 - side, chances, later)


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

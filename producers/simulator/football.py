"""American football: drives in turn, each played down by down on a field of five-yard steps.

A quarter has six drives of 150 seconds, whatever happens in them; a drive starts 75 yards out and has at
most eight plays. So what is to come is known exactly: the drives that are left, and of the present one the
chances from where it stands. A touchdown is worth 6, 7 or 8 at once. Overtime: at most two pairs of drives,
over once a pair leaves somebody ahead; else the game ends level.
"""

import random
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

import numpy as np

from pipeline.records import AmericanFootball
from producers.simulator.games import AWAY, HOME, SIDES, Game, Step
from producers.simulator.outlook import Floats, Outlook, Overtime, of_sides, period_of_sides, powers
from producers.simulator.rates import RATES

DRIVE_S, PLAYS, PLAY_S, PACE = 150.0, 8, 150.0 / 8.0, 2.4
QUARTERS, DRIVES, OVERTIME_PAIRS = 4, 6, 2
START, REACH = 15, 8  # five-yard steps to the goal line: where drives start, from where a kick is tried
MOST = 90
GAINS = (-1, 0, 1, 2, 3, 5, 9)
GAIN_CHANCES = np.array([0.07, 0.325, 0.27, 0.155, 0.095, 0.06, 0.025])
TURNOVER = 0.028
#: Of touchdowns.
CONVERSION = {6: 0.06, 7: 0.88, 8: 0.06}
FAVOURITE = 0.010  # of the home side, in the share of plays that gain nothing
STRENGTH_SD = 0.022
#: Chances of (field goal, touchdown) by (plays left, down, steps to go, steps to the goal line).
DriveLaw = dict[tuple[int, int, int, int], tuple[float, float]]


def kick_chance(yards: int) -> float:
    """Of a field goal from so many five-yard steps out."""
    return 0.97 - 0.004 * yards * yards


@lru_cache(maxsize=256)
def drive_law(strength: float) -> tuple[tuple[float, ...], DriveLaw]:
    """Chances of each gain, and of what a drive comes to."""
    gains = GAIN_CHANCES.copy()
    gains[1] -= strength
    gains[2:] *= 1.0 + strength / gains[2:].sum()
    chances = tuple(float(gain) for gain in gains / gains.sum() * (1.0 - TURNOVER))
    law: DriveLaw = {}
    for left in range(PLAYS + 1):
        for down in range(1, 5):
            for to_go in range(1, 6):
                for yards in range(1, 20):
                    if down == 4 or left == 0:
                        law[left, down, to_go, yards] = (kick_chance(yards) if yards <= REACH else 0.0), 0.0
                        continue
                    kick = touchdown = 0.0
                    for gain, chance in zip(GAINS, chances, strict=True):
                        after = moved(down, to_go, yards, gain)
                        if after is None:
                            touchdown += chance
                        else:
                            later = law[left - 1, *after]
                            kick += chance * later[0]
                            touchdown += chance * later[1]
                    law[left, down, to_go, yards] = kick, touchdown
    return chances, law


def moved(down: int, to_go: int, yards: int, gain: int) -> tuple[int, int, int] | None:
    """Down, steps to go and steps to the goal line after a gain; None across it."""
    yards = min(19, yards - gain)
    if yards <= 0:
        return None
    if gain >= to_go:
        return 1, min(2, yards), yards
    return down + 1, min(5, to_go - gain), yards


def points(kick: float, touchdown: float) -> Floats:
    """Probabilities of 0 to 8 points of a drive."""
    answer = np.zeros(9)
    answer[0], answer[3] = 1.0 - kick - touchdown, kick
    for worth, share in CONVERSION.items():
        answer[worth] = touchdown * share
    return answer


class FootballGame(Game):
    """The side that has the ball first does not have it first in the second half."""

    def __init__(self, rng: random.Random) -> None:
        super().__init__(rng)
        edge, pace = rng.gauss(FAVOURITE, STRENGTH_SD), rng.gauss(0.0, 0.01)
        self.laws = [drive_law(round(pace + edge, 2)), drive_law(round(pace - edge, 2))]
        whole = [points(*law[PLAYS, 1, 2, START]) for _, law in self.laws]
        drives = QUARTERS * DRIVES // 2
        self.tables = [powers(drive, drives, MOST) for drive in whole]
        margin, decided, level = period_of_sides(*whole)
        last = Overtime(margin, decided + level)
        first = margin.copy()
        centre = len(margin) // 2
        first[centre] = 0.0
        first += margin[centre] * margin
        total = np.convolve(level, last.total)
        total[: len(decided)] += decided
        self.overtimes: list[Overtime | None] = [Overtime(first, total), last, None]
        self.left = [drives, drives]
        self.pairs = 0
        self.drive: tuple[int, int, int, int, int] | None = None  # side, plays left, down, to go, yards
        self.timeouts = [3, 3]

    def state(self) -> tuple[Any, ...]:
        return *self.score, *self.left, self.pairs, self.drive

    def _outlook(self, state: tuple[Any, ...]) -> Outlook:
        home, away, home_left, away_left, pairs, drive = state
        to_come = [self.tables[HOME][home_left], self.tables[AWAY][away_left]]
        if drive is not None:
            side = drive[0]
            now = points(*self.laws[side][1][drive[1:]])
            to_come[side] = np.convolve(to_come[side], now)
        outlook = of_sides(to_come[HOME], to_come[AWAY], home, away, self.overtimes[pairs])
        if pairs:
            outlook.regulation = (0.0, 0.0, 1.0)
        return outlook

    def _play(self) -> Iterator[Step]:
        first = self.rng.randrange(2)
        for quarter in range(QUARTERS):
            self.period, self.clock_s = quarter + 1, DRIVES * DRIVE_S
            if quarter in (0, 2):
                self.timeouts = [3, 3]
            self._show(None)
            if quarter:
                self.now_s += 780.0 if quarter == 2 else 120.0
                yield self.step("period_start")
            for drive in range(DRIVES):
                yield from self._drive((first + drive + (quarter > 1)) % 2)
            yield self.step("period_end")
        while self.score[HOME] == self.score[AWAY] and self.pairs < OVERTIME_PAIRS:
            yield from self._overtime_pair()

    def _overtime_pair(self) -> Iterator[Step]:
        self.pairs += 1
        self.left = [1, 1]
        if self.pairs == 1:
            self.regulation = (self.score[HOME], self.score[AWAY])
            self.now_s += 180.0
            self.period, self.clock_s = 5, 2.0 * OVERTIME_PAIRS * DRIVE_S
            self.timeouts = [2, 2]
            yield self.step("period_start", "overtime")
        first = self.rng.randrange(2)
        yield from self._drive(first)
        yield from self._drive(1 - first)

    def _drive(self, side: int) -> Iterator[Step]:
        chances, _ = self.laws[side]
        ends_s = self.clock_s - DRIVE_S
        self.left[side] -= 1
        down, to_go, yards = 1, 2, START
        for left in range(PLAYS, -1, -1):
            self.drive = side, left, down, to_go, yards
            self._show(self.drive)
            yield self.step("play", f"{SIDES[side]} ball") if left == PLAYS else self.step("play")
            if down == 4 or left == 0:
                yield from self._kick(side, yards)
                break
            self._pass(PLAY_S)
            gain = self._gain(chances)
            if gain is None:
                self.drive = None
                self._show(None)
                yield self.step("turnover", f"lost by {SIDES[side]}", stops=True)
                break
            after = moved(down, to_go, yards, gain)
            if after is None:
                yield from self._touchdown(side)
                break
            down, to_go, yards = after
            yield from self._aside(side)
        self.drive = None
        self.now_s += (self.clock_s - ends_s) * 0.4
        self.clock_s = ends_s
        self._show(None)
        yield self.step("clock")

    def _aside(self, side: int) -> Iterator[Step]:
        draw = self.rng.random()
        if draw < 0.02 and self.timeouts[side]:
            self.timeouts[side] -= 1
            self._show(self.drive)
            yield self.step("timeout", f"time-out {SIDES[side]}")
        elif draw < 0.03:
            yield self.step("injury", "player down")
        elif draw < 0.04:
            yield self.step("penalty", "flag, declined")
        elif draw < 0.04 + RATES.cancelled_score_share * 0.05:
            yield from self.cancelled(side, 7, f"touchdown {SIDES[side]}")

    def _kick(self, side: int, yards: int) -> Iterator[Step]:
        if yards > REACH:
            return
        self.now_s += 12.0
        good = self.rng.random() < kick_chance(yards)
        self.drive = None
        self._show(None)
        if good:
            self.score[side] += 3
            yield from self.scored(f"field goal {SIDES[side]}")

    def _touchdown(self, side: int) -> Iterator[Step]:
        draw = self.rng.random()
        worth = 6 if draw < CONVERSION[6] else 8 if draw < CONVERSION[6] + CONVERSION[8] else 7
        self.drive = None
        self._show(None)
        self.score[side] += worth
        yield from self.scored(f"touchdown {SIDES[side]}")

    def _gain(self, chances: tuple[float, ...]) -> int | None:
        draw = self.rng.random()
        for gain, chance in zip(GAINS, chances, strict=True):
            if draw < chance:
                return gain
            draw -= chance
        return None

    def _pass(self, seconds: float) -> None:
        self.now_s += seconds * PACE
        self.clock_s = max(0.0, self.clock_s - seconds)

    def _show(self, drive: tuple[int, int, int, int, int] | None) -> None:
        side, down, to_go, yards = (-1, 0, 0, 0) if drive is None else (drive[0], *drive[2:])
        self.situation = AmericanFootball(
            possession=SIDES[side] if drive else "",
            down=down,
            distance_yd=to_go * 5,
            yards_to_goal=yards * 5,
            home_timeouts=self.timeouts[HOME],
            away_timeouts=self.timeouts[AWAY],
        )

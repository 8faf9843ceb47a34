"""Basketball: possessions of fifteen seconds in turn, each worth 0 to 3 points; overtime until it decides."""

import random
from collections.abc import Iterator
from typing import Any

import numpy as np

from pipeline.records import Basketball
from producers.simulator.games import AWAY, HOME, SIDES, Game, Step
from producers.simulator.outlook import Outlook, of_sides, period_of_sides, powers, repeated

SLOT_S, PACE = 15.0, 1.9
QUARTERS, SLOTS, OVERTIME_SLOTS = 4, 48, 20
MOST = 190
#: Of 1, 2 and 3 points, and how they share what a stronger side scores more.
POINTS = np.array([0.10, 0.40, 0.09])


class BasketballGame(Game):
    """Who has the ball first in a period is known: the sides take turns."""

    stops_at_scores = False

    def __init__(self, rng: random.Random) -> None:
        super().__init__(rng)
        edge, pace = rng.gauss(0.010, 0.025), rng.gauss(0.0, 0.03)
        self.steps_of = []
        for factor in (1.0 + pace + edge, 1.0 + pace - edge):
            points = POINTS * min(1.25, max(0.75, factor))
            self.steps_of.append(np.concatenate(([1.0 - points.sum()], points)))
        possessions = QUARTERS * SLOTS // 2
        self.tables = [powers(step, possessions, MOST) for step in self.steps_of]
        half = OVERTIME_SLOTS // 2
        self.overtime = repeated(*period_of_sides(self.tables[HOME][half], self.tables[AWAY][half]))
        self.left = [possessions, possessions]
        self.in_overtime = False
        self.fouls = [0, 0]

    def state(self) -> tuple[Any, ...]:
        return *self.score, *self.left, self.in_overtime

    def _outlook(self, state: tuple[Any, ...]) -> Outlook:
        home, away, home_left, away_left, in_overtime = state
        outlook = of_sides(
            self.tables[HOME][home_left], self.tables[AWAY][away_left], home, away, self.overtime
        )
        if in_overtime:
            outlook.regulation = (0.0, 0.0, 1.0)
        return outlook

    def _play(self) -> Iterator[Step]:
        first = self.rng.randrange(2)
        for quarter in range(QUARTERS):
            yield from self._period(quarter + 1, SLOTS, first if quarter in (0, 3) else 1 - first)
        while self.score[HOME] == self.score[AWAY]:
            self.regulation = self.regulation or (self.score[HOME], self.score[AWAY])
            self.in_overtime = True
            self.left = [OVERTIME_SLOTS // 2, OVERTIME_SLOTS // 2]
            first = self.rng.randrange(2)
            yield from self._period(self.period + 1, OVERTIME_SLOTS, first)

    def _period(self, period: int, slots: int, first: int) -> Iterator[Step]:
        self.period, self.clock_s, self.fouls = period, slots * SLOT_S, [0, 0]
        self._show(first)
        if period > 1:
            self.now_s += 780.0 if period == 3 else 130.0
            yield self.step("period_start")
        for slot in range(slots):
            side = (first + slot) % 2
            self.now_s += SLOT_S * PACE
            self.clock_s -= SLOT_S
            points = self._points(side)
            self.left[side] -= 1
            self.score[side] += points
            if self.rng.random() < 0.2:
                self.fouls[1 - side] += 1
            self._show(1 - side)
            if points:
                yield from self.scored(f"{points} {SIDES[side]}")
            elif self.rng.random() < 0.25:
                yield self.step("turnover", f"lost by {SIDES[side]}")
            else:
                yield self.step("clock")
            yield from self.aside((("timeout", "time-out", 0.04), ("injury", "player down", 0.003)))
        yield self.step("period_end")

    def _points(self, side: int) -> int:
        draw = self.rng.random()
        step = self.steps_of[side]
        points = 0
        while points < 3 and draw >= step[points]:
            draw -= step[points]
            points += 1
        return points

    def _show(self, possession: int) -> None:
        self.situation = Basketball(
            possession=SIDES[possession], home_fouls=self.fouls[HOME], away_fouls=self.fouls[AWAY]
        )

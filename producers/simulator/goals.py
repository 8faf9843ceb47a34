"""Soccer and hockey: in each short slot of time either side may score, alike for the whole game.

Soccer has at most one sending-off, after which the rates change; the outlook before it weighs every moment
at which it might come. Hockey's overtime ends with the first goal, else by a shoot-out. Power plays change
what is shown, not the rates.
"""

import math
import random
from collections.abc import Iterator
from typing import Any

import numpy as np

from pipeline.records import Hockey, Soccer
from producers.simulator.games import AWAY, HOME, SIDES, Game, Step
from producers.simulator.outlook import Floats, Outlook, Overtime, of_joint, powers
from producers.simulator.rates import RATES

STRENGTH_SD = 0.22  # of the logarithm of each side's rate


class _Goals(Game):
    """``chance[side]`` of a goal in one slot of ``slot_s`` seconds."""

    slot_s: float
    most: int

    def __init__(self, rng: random.Random, rates: tuple[float, float], slots: int) -> None:
        super().__init__(rng)
        edge = rng.gauss(0.0, STRENGTH_SD)
        pace = rng.gauss(0.0, 0.1)
        self.chance = (
            rates[HOME] * math.exp(pace + edge) / slots,
            rates[AWAY] * math.exp(pace - edge) / slots,
        )
        self.left = slots

    def goals(self, chance: tuple[float, float]) -> list[int]:
        """Sides that score in a slot, in the order in which they do."""
        sides = [side for side in (HOME, AWAY) if self.rng.random() < chance[side]]
        if len(sides) == 2 and self.rng.random() < 0.5:
            sides.reverse()
        return sides

    def slot(self, chance: tuple[float, float], clock_s: float) -> Iterator[Step]:
        """One slot of regulation."""
        sides = self.goals(chance)
        self.left -= 1
        for place, side in enumerate(sides):
            self.clock_s = clock_s
            self.score[side] += 1
            if place:
                self.now_s += 3.0
            yield from self.scored(f"goal {SIDES[side]}")
        self.clock_s = clock_s
        if not sides and self.rng.random() < RATES.cancelled_score_share * sum(chance):
            side = HOME if self.rng.random() * sum(chance) < chance[HOME] else AWAY
            yield from self.cancelled(side, 1, f"goal {SIDES[side]}")
        elif not sides:
            yield self.step("clock") if self.left % 2 == 0 else self.silent()


def _binomial(chance: float, count: int, most: int) -> list[Floats]:
    return powers(np.array([1.0 - chance, chance]), count, most)


class SoccerGame(_Goals):
    """Two halves of 45 minutes with one and four minutes added."""

    slot_s, most = 30.0, 11
    halves = (92, 98)
    red_share = 0.14
    """Of games in which somebody is sent off, about."""
    own_rate_after, other_rate_after = 0.67, 1.25

    def __init__(self, rng: random.Random, rates: tuple[float, float]) -> None:
        super().__init__(rng, rates, sum(self.halves))
        slots = self.left
        self.red = -1
        self.red_chance = self.red_share / 2.0 / slots
        home, away = self.chance
        self.after = (
            (home * self.own_rate_after, away * self.other_rate_after),
            (home * self.other_rate_after, away * self.own_rate_after),
        )
        self.tables_after = [
            tuple(_binomial(chance, slots, self.most) for chance in chances) for chances in self.after
        ]
        self.table = self._before_red(slots)
        self.situation = Soccer(home_reds=0, away_reds=0)

    def _before_red(self, slots: int) -> list[Floats]:
        """Joint goals to come with 0 to ``slots`` slots left while nobody was sent off."""
        home, away = self.chance
        size = self.most + 1
        joint = np.zeros((size, size))
        joint[0, 0] = 1.0
        table = [joint]
        for left in range(1, slots + 1):
            joint = _either(_either(joint, home).T, away).T * (1.0 - 2.0 * self.red_chance)
            for side in (HOME, AWAY):
                joint = joint + self.red_chance * self._after_red(side, left)
            table.append(joint)
        return table

    def _after_red(self, side: int, left: int) -> Floats:
        size = self.most + 1
        joint = np.zeros((size, size))
        home, away = (table[left] for table in self.tables_after[side])
        joint[: len(home), : len(away)] = np.outer(home, away)
        return joint

    def state(self) -> tuple[Any, ...]:
        return *self.score, self.left, self.red

    def _outlook(self, state: tuple[Any, ...]) -> Outlook:
        home, away, left, red = state
        return of_joint(self.table[left] if red < 0 else self._after_red(red, left), home, away, None)

    def _play(self) -> Iterator[Step]:
        for half, slots in enumerate(self.halves):
            self.period, self.clock_s = half + 1, 2700.0
            if half:
                self.now_s += 900.0
                yield self.step("period_start", "second half")
            for slot in range(slots):
                self.now_s += self.slot_s
                clock_s = max(0.0, 2700.0 - (slot + 1) * self.slot_s)
                if self.red < 0 and self.rng.random() < 2.0 * self.red_chance:
                    self.red = self.rng.randrange(2)
                    self.situation = Soccer(home_reds=int(self.red == HOME), away_reds=int(self.red == AWAY))
                    yield self.step("card", f"red {SIDES[self.red]}", stops=True)
                chance = self.chance if self.red < 0 else self.after[self.red]
                yield from self.slot(chance, clock_s)
                yield from self.aside((("card", "yellow", 0.02), ("injury", "treatment", 0.01)))
            self.clock_s = 0.0
            yield self.step("period_end")


def _either(joint: Floats, chance: float) -> Floats:
    """One more slot for the side along the rows."""
    moved = joint * (1.0 - chance)
    moved[1:] += chance * joint[:-1]
    moved[-1] += chance * joint[-1]
    return moved


class HockeyGame(_Goals):
    """Three periods of 20 minutes, five of sudden death, a shoot-out."""

    slot_s, most = 20.0, 15
    slots, periods, overtime_slots = 60, 3, 15
    shootout = 0.5

    def __init__(self, rng: random.Random, rates: tuple[float, float]) -> None:
        super().__init__(rng, rates, self.slots * self.periods)
        self.tables = [_binomial(chance, self.left, self.most) for chance in self.chance]
        self.overtime_left = -1
        wins = self._wins(self.overtime_slots)
        self.overtime = Overtime(np.array([1.0 - wins, 0.0, wins]), np.array([0.0, 1.0]))
        self.power_play = 0
        self.situation = Hockey(home_skaters=5, away_skaters=5)

    def _wins(self, left: int) -> float:
        """Probability that home wins with so many slots of overtime left."""
        home, away = self.chance
        nobody = (1.0 - home) * (1.0 - away)
        first = home * (1.0 - away) + 0.5 * home * away
        still = nobody**left
        return first * (1.0 - still) / (1.0 - nobody) + still * self.shootout

    def state(self) -> tuple[Any, ...]:
        return *self.score, self.left, self.overtime_left

    def _outlook(self, state: tuple[Any, ...]) -> Outlook:
        home, away, left, overtime_left = state
        if overtime_left >= 0:
            level = home == away
            wins = self._wins(overtime_left) if level else float(home > away)
            margin = np.array([1.0 - wins, 0.0, wins])
            score = home + away + 1 if level else home + away
            return Outlook(margin, -1, np.ones(1), score, (0.0, 0.0, 1.0))
        sides = [table[left] for table in self.tables]
        joint = np.zeros((self.most + 1, self.most + 1))
        joint[: len(sides[HOME]), : len(sides[AWAY])] = np.outer(*sides)
        return of_joint(joint, home, away, self.overtime if left or home == away else None)

    def _play(self) -> Iterator[Step]:
        for period in range(self.periods):
            self.period, self.clock_s = period + 1, 1200.0
            if period:
                self.now_s += 900.0
                yield self.step("period_start")
            for slot in range(self.slots):
                self.now_s += self.slot_s * 1.8
                yield from self._skaters()
                yield from self.slot(self.chance, 1200.0 - (slot + 1) * self.slot_s)
                yield from self.aside((("injury", "player down", 0.004), ("timeout", "time-out", 0.004)))
            yield self.step("period_end")
        if self.score[HOME] == self.score[AWAY]:
            yield from self._overtime()

    def _skaters(self) -> Iterator[Step]:
        if self.power_play:
            self.power_play -= 1
            if not self.power_play:
                self.situation = Hockey(home_skaters=5, away_skaters=5)
        elif self.rng.random() < 0.035:
            side = self.rng.randrange(2)
            self.power_play = 6
            self.situation = Hockey(home_skaters=5 - (side == HOME), away_skaters=5 - (side == AWAY))
            yield self.step("penalty", f"two minutes {SIDES[side]}")

    def _overtime(self) -> Iterator[Step]:
        self.regulation = (self.score[HOME], self.score[AWAY])
        self.now_s += 120.0
        self.period, self.clock_s, self.overtime_left = 4, 300.0, self.overtime_slots
        self.power_play, self.situation = 0, Hockey(home_skaters=3, away_skaters=3)
        yield self.step("period_start", "overtime")
        while self.overtime_left:
            self.now_s += self.slot_s * 1.8
            self.overtime_left -= 1
            self.clock_s -= self.slot_s
            if sides := self.goals(self.chance):
                self.score[sides[0]] += 1
                yield self.step("score", f"goal {SIDES[sides[0]]}", stops=True)
                return
            yield self.step("clock")
        self.now_s += 300.0
        winner = HOME if self.rng.random() < self.shootout else AWAY
        self.score[winner] += 1
        yield self.step("score", f"shoot-out won by {SIDES[winner]}", stops=True)

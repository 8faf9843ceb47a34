"""Baseball: batter by batter over the 24 states of bases and outs, with the ninth as it is really played.

The bottom of the last inning is not played by a home side that leads, and ends with the run that puts it
ahead; extra innings follow until one decides.
"""

import random
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

import numpy as np

from pipeline.records import Baseball
from producers.simulator.games import AWAY, HOME, SIDES, Game, Step
from producers.simulator.outlook import ONE, Floats, Outlook, of_joint, period_of_joint, powers, repeated
from producers.simulator.rates import RATES

INNINGS, BATTER_S, BREAK_S = 9, 55.0, 90.0
MOST_IN_HALF, MOST_OF_SIDE, SIZE = 12, 18, 32  # runs that are told apart
#: Walk, single, double, triple, home run; what they leave to 1 is an out.
HITS = ("walk", "single", "double", "triple", "home run")
CHANCES = np.array([0.087, 0.152, 0.046, 0.004, 0.031])
TOP, BOTTOM, OVER = 0, 1, 2


def advanced(hit: int, bases: int) -> tuple[int, int]:
    """Bases (bits: 1 first, 2 second, 4 third) and runs after a hit."""
    if hit == 0:
        if not bases & 1:
            return bases | 1, 0
        if not bases & 2:
            return bases | 2, 0
        return (bases | 4, 0) if not bases & 4 else (7, 1)
    runs = (bases >> 1).bit_count() if hit < 3 else bases.bit_count()
    if hit == 1:
        return (2 if bases & 1 else 0) | 1, runs
    if hit == 2:
        return (4 if bases & 1 else 0) | 2, runs
    return (4, runs) if hit == 3 else (0, runs + 1)


@lru_cache(maxsize=256)
def half_law(strength: float) -> tuple[tuple[float, ...], Floats]:
    """Chances of each hit, and ``law[outs * 8 + bases, runs]``: runs to come in the half-inning."""
    hits = CHANCES * (1.0 + strength)
    moves = np.zeros((5, 24, 24))
    out = 1.0 - hits.sum()
    ends = np.zeros((24, MOST_IN_HALF + 1))
    for outs in range(3):
        for bases in range(8):
            for hit, chance in enumerate(hits):
                reached, runs = advanced(hit, bases)
                moves[runs, outs * 8 + bases, outs * 8 + reached] += chance
            if outs < 2:
                moves[0, outs * 8 + bases, (outs + 1) * 8 + bases] += out
            else:
                ends[outs * 8 + bases, 0] = out
    law = ends.copy()
    for _ in range(60):  # batters; more in one half-inning have a chance below 1e-9
        after = ends.copy()
        for runs in range(5):
            later = moves[runs] @ law
            after[:, runs:] += later[:, : MOST_IN_HALF + 1 - runs]
            if runs:
                after[:, -1] += later[:, MOST_IN_HALF + 1 - runs :].sum(1)
        law = after
    return tuple(float(hit) for hit in hits), law / law.sum(1, keepdims=True)


class BaseballGame(Game):
    """The away side bats first."""

    def __init__(self, rng: random.Random) -> None:
        super().__init__(rng)
        edge, pace = rng.gauss(0.01, 0.05), rng.gauss(0.0, 0.03)
        self.laws = [half_law(round(pace + edge, 2)), half_law(round(pace - edge, 2))]
        self.halves = [law[0] for _, law in self.laws]
        self.tables = [powers(half, INNINGS, MOST_OF_SIDE) for half in self.halves]
        joint = _last_half(_outer(ONE, self.halves[AWAY]), self.halves[HOME], 0)
        self.overtime = repeated(*period_of_joint(joint))
        self.inning, self.half, self.outs, self.bases = 1, TOP, 0, 0

    def state(self) -> tuple[Any, ...]:
        return *self.score, self.inning, self.half, self.outs * 8 + self.bases

    def _outlook(self, state: tuple[Any, ...]) -> Outlook:
        home, away, inning, half, place = state
        rest = max(0, INNINGS - inning)
        last = self.halves[HOME]
        if half == OVER:
            joint = _outer(ONE, ONE)
        else:
            if half == TOP:
                home_runs = self.tables[HOME][rest]
                away_runs = np.convolve(self.tables[AWAY][rest], self.laws[AWAY][1][place])
            else:
                away_runs, home_runs = self.tables[AWAY][rest], ONE
                if inning < INNINGS:
                    home_runs = np.convolve(self.tables[HOME][rest - 1], self.laws[HOME][1][place])
                else:
                    last = self.laws[HOME][1][place]
            joint = _last_half(_outer(_cut(home_runs), _cut(away_runs)), last, home - away)
        outlook = of_joint(joint, home, away, self.overtime if half != OVER or home == away else None)
        if inning > INNINGS:
            outlook.regulation = (0.0, 0.0, 1.0)
        return outlook

    def _play(self) -> Iterator[Step]:
        while self.half != OVER:
            self.period = self.inning
            self._show()
            if (self.inning, self.half) != (1, TOP):
                self.now_s += BREAK_S
                yield self.step("period_start", ("top", "bottom")[self.half])
            yield from self._bat(AWAY if self.half == TOP else HOME)

    def _bat(self, side: int) -> Iterator[Step]:
        chances = self.laws[side][0]
        while True:
            self.now_s += BATTER_S
            hit = self._hit(chances)
            runs = 0
            if hit is None:
                self.outs += 1
            else:
                self.bases, runs = advanced(hit, self.bases)
            ends = self.inning >= INNINGS and side == HOME
            if ends and runs:
                runs = min(runs, self.score[AWAY] - self.score[HOME] + 1)
            self.score[side] += runs
            over = self.outs == 3 or (ends and self.score[HOME] > self.score[AWAY])
            if over:
                self._close(side)
            self._show()
            text = "out" if hit is None else HITS[hit]
            if runs:
                yield from self.scored(f"{text}, {runs} {SIDES[side]}")
            else:
                yield self.step("play", text)
            if over:
                yield self.step("period_end")
                return
            if self.rng.random() < RATES.cancelled_score_share * 0.07 and not ends:
                yield from self.cancelled(side, 1, f"run {SIDES[side]}")
            yield from self.aside((("injury", "player down", 0.003), ("timeout", "mound visit", 0.02)))

    def _close(self, side: int) -> None:
        """Move the state on to what follows the half-inning."""
        self.outs, self.bases = 0, 0
        lead = self.score[HOME] - self.score[AWAY]
        if self.inning >= INNINGS and (lead > 0 or (side == HOME and lead < 0)):
            self.half = OVER
        elif side == AWAY:
            self.half = BOTTOM
        else:
            if self.inning == INNINGS:
                self.regulation = (self.score[HOME], self.score[AWAY])
            self.half, self.inning = TOP, self.inning + 1

    def _hit(self, chances: tuple[float, ...]) -> int | None:
        draw = self.rng.random()
        for hit, chance in enumerate(chances):
            if draw < chance:
                return hit
            draw -= chance
        return None

    def _show(self) -> None:
        self.situation = Baseball(
            half=("top", "bottom", "bottom")[self.half],
            outs=self.outs,
            bases=self.bases,
            balls=0,
            strikes=0,
            scheduled_innings=INNINGS,
        )


def _cut(runs: Floats) -> Floats:
    """Runs above what is told apart are counted with the most."""
    if len(runs) <= MOST_OF_SIDE + 1:
        return runs
    short = runs[: MOST_OF_SIDE + 1].copy()
    short[-1] += runs[MOST_OF_SIDE + 1 :].sum()
    return short


def _outer(home: Floats, away: Floats) -> Floats:
    joint = np.zeros((SIZE, SIZE))
    joint[: len(home), : len(away)] = np.outer(home, away)
    return joint


def _last_half(joint: Floats, runs: Floats, lead: int) -> Floats:
    """Add home's last half-inning, which is played only from behind or level, until home is ahead."""
    home, away = np.nonzero(joint)
    chance = joint[home, away]
    needed = np.maximum(0, away - home - lead + 1)
    made = np.minimum(np.arange(len(runs))[:, None], needed)
    targets = (home + made) * SIZE + away
    weights: Floats = np.outer(runs, chance).ravel()
    cells: Floats = np.bincount(targets.ravel(), weights, SIZE * SIZE).astype(np.float64)
    return cells.reshape(SIZE, SIZE)

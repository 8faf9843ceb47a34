"""A game as it is played: a process whose true probabilities are known exactly at every step.

Each sport is a `Game`: it plays itself step by step, and `Game.outlook` says what is known at a step. What
is shown to the world can differ for a while from what holds (a goal that will be taken back); the outlook
always knows what holds.
"""

import random
from collections.abc import Iterator
from typing import Any, NamedTuple

from pipeline.records import GameStatus, Situation
from producers.simulator.outlook import Outlook
from producers.simulator.rates import RATES

HOME, AWAY = 0, 1
SIDES = ("home", "away")


class Shown(NamedTuple):
    """What the feed says of a step.

    ``stops``: books stop taking bets. ``corrects``: it takes back the last score.
    """

    kind: str
    status: GameStatus
    period: int
    clock_s: float
    home: int
    away: int
    suspended: bool
    situation: Situation | None
    text: str
    stops: bool
    corrects: bool


class Step(NamedTuple):
    """A moment: ms after the game's start, the state that the outlook follows from, what is shown."""

    at_ms: int
    state: tuple[Any, ...]
    shown: Shown | None


class Game:
    """What all sports share. A sport gives ``start``, ``_play``, ``state`` and ``_outlook``."""

    #: Whether books stop at a score, and scores may be taken back.
    stops_at_scores = True

    def __init__(self, rng: random.Random) -> None:
        self.rng = rng
        self.now_s = 0.0
        self.period = 0
        self.clock_s = -1.0
        self.score = [0, 0]
        self.regulation: tuple[int, int] | None = None
        """Score after regulation, where overtime followed."""
        self.situation: Situation | None = None
        self._known: tuple[tuple[Any, ...], Outlook] | None = None

    def state(self) -> tuple[Any, ...]:
        """All on which the outlook depends."""
        raise NotImplementedError

    def _play(self) -> Iterator[Step]:
        raise NotImplementedError

    def _outlook(self, state: tuple[Any, ...]) -> Outlook:
        raise NotImplementedError

    def outlook(self, state: tuple[Any, ...]) -> Outlook:
        """True probabilities in a state; exact under the process."""
        if self._known is None or self._known[0] != state:
            self._known = state, self._outlook(state)
        return self._known[1]

    def steps(self) -> Iterator[Step]:
        """The game from its start to its final score."""
        yield self.step("start")
        yield from self._play()
        self.now_s += 5.0
        self.clock_s = max(0.0, self.clock_s) if self.clock_s >= 0.0 else -1.0
        yield self.step("final", status=GameStatus.FINAL)

    def step(
        self,
        kind: str,
        text: str = "",
        *,
        status: GameStatus = GameStatus.LIVE,
        suspended: bool = False,
        stops: bool = False,
        corrects: bool = False,
        more: tuple[int, int] = (0, 0),
    ) -> Step:
        """The present moment. ``more``: points that are shown and do not hold."""
        home, away = self.score[HOME] + more[HOME], self.score[AWAY] + more[AWAY]
        shown = Shown(
            kind,
            status,
            self.period,
            self.clock_s,
            home,
            away,
            suspended,
            self.situation,
            text,
            stops,
            corrects,
        )
        return Step(int(self.now_s * 1000), self.state(), shown)

    def silent(self) -> Step:
        """The present moment, of which nothing is shown."""
        return Step(int(self.now_s * 1000), self.state(), None)

    def scored(self, text: str) -> Iterator[Step]:
        """Show a score that was counted just now; some are reviewed, and stand."""
        yield self.step("score", text, stops=self.stops_at_scores)
        if self.stops_at_scores and self.rng.random() < RATES.review_share:
            self.now_s += self.rng.uniform(6.0, 14.0)
            yield self.step("review", text, suspended=True, stops=True)
            self.now_s += self.rng.uniform(20.0, 50.0)
            yield self.step("resumption", "stands", stops=True)

    def cancelled(self, side: int, points: int, text: str) -> Iterator[Step]:
        """Show a score, then take it back. Play rests meanwhile."""
        more = (points, 0) if side == HOME else (0, points)
        yield self.step("score", text, stops=True, more=more)
        self.now_s += self.rng.uniform(6.0, 14.0)
        yield self.step("review", text, suspended=True, stops=True, more=more)
        self.now_s += self.rng.uniform(20.0, 50.0)
        yield self.step("correction", "does not count", stops=True, corrects=True)
        self.now_s += 5.0

    def aside(self, chances: tuple[tuple[str, str, float], ...]) -> Iterator[Step]:
        """Now and then something that changes no probability: an injury, a time-out."""
        for kind, text, chance in chances:
            if self.rng.random() < chance:
                self.now_s += 1.0
                yield self.step(kind, f"{self.rng.choice(SIDES)}: {text}")

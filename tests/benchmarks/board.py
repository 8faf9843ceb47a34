"""The load that benchmarks share: boards of many books that walk, plays of games, ticks, all from a seed.

Times are of the log (Unix ms) and begin at `START_MS`: no fold knows a clock, so any day is as good as today.
"""

import heapq
import random
from collections.abc import Callable, Iterator
from functools import partial
from typing import NamedTuple

from pipeline import data
from pipeline.records import (
    AmericanFootball,
    ClockTick,
    GameEvent,
    GameStatus,
    Line,
    OddsSnapshot,
    SnapshotKind,
)

START_MS = 1_757_872_800_000
SOURCE, SIMULATED = "simulator", "sim-nfl"
MARKETS = (("h2h", 0.0), ("spread", -3.5), ("total", 44.5))
BOOKS = 25
#: Of the lines of a snapshot, those with new prices.
CHANGED = 0.1
PERIOD_S, PLAY_S, PLAYS_TO_SCORE = 900.0, 4.0, 10

Made = OddsSnapshot | GameEvent | ClockTick
Make = Callable[[int], Made]  # of the time of receipt, Unix ms


class Load(NamedTuple):
    """How much is to be made. ``rates``: (snapshots a second, for how many seconds), one after the other."""

    rates: tuple[tuple[float, float], ...] = ((200.0, 30.0),)
    events: int = 40
    books: int = BOOKS
    changed: float = CHANGED
    plays_s: float = 0.0
    """Game events a second, all games together; 0 leaves the games a day ahead."""
    league: str = SIMULATED
    """Of the games; the simulated ones have no boosted model."""

    @property
    def lines(self) -> int:
        """Of one snapshot."""
        return self.books * len(MARKETS)

    @property
    def snapshots(self) -> int:
        """All of them, the first round included."""
        return self.events + sum(round(rate * seconds) for rate, seconds in self.rates)


def event_id(number: int, league: str = SIMULATED) -> str:
    """One of as many events as anyone wants."""
    return f"{league}:2025-09-14:h{number}-a{number}"


def priced(draw: random.Random, fair: float) -> tuple[float, float]:
    """Two prices with a margin near 4.5 %, and now and then a little wild."""
    home = min(0.95, max(0.05, draw.gauss(fair, 0.008)))
    return round(1.0 / (home * 1.045), 2), round(1.0 / ((1.0 - home) * 1.045), 2)


def books(count: int) -> list[str]:
    """Books that offer bets, the simulated ones first."""
    offering = [book.book for book in data.books().values() if book.kind != "reference"]
    found = sorted(offering, key=lambda book: not book.startswith("sim-"))[:count]
    if len(found) < count:
        raise ValueError(f"{count} books are wanted and pipeline/data/books.csv has {len(found)}")
    return found


class Board:
    """What the books show for one event; each snapshot is whole, and a share of its lines has new prices."""

    def __init__(self, number: int, load: Load, starts_at_ms: int) -> None:
        self.event_id, self.starts_at_ms = event_id(number, load.league), starts_at_ms
        self._draw = random.Random(number)
        self._fair = dict.fromkeys(MARKETS, 0.52)
        self._lines = [
            Line(book=book, market=market, line=line, prices=priced(self._draw, 0.52))
            for book in books(load.books)
            for market, line in MARKETS
        ]
        self._changes = round(load.changed * len(self._lines))

    def snapshot(self, at_ms: int) -> OddsSnapshot:
        """The next one, received at ``at_ms``."""
        for market in self._fair:
            self._fair[market] += self._draw.gauss(0.0, 0.0005)
        changed = set(self._draw.sample(range(len(self._lines)), self._changes))
        self._lines = [
            Line(
                book=line.book,
                market=line.market,
                line=line.line,
                prices=(
                    priced(self._draw, self._fair[line.market, line.line]) if n in changed else line.prices
                ),
                quoted_at_ms=at_ms,
            )
            for n, line in enumerate(self._lines)
        ]
        return OddsSnapshot(
            event_id=self.event_id,
            source=SOURCE,
            kind=SnapshotKind.FULL,
            received_at_ms=at_ms,
            starts_at_ms=self.starts_at_ms,
            lines=tuple(self._lines),
        )


def play(number: int, sequence: int, at_ms: int, league: str = SIMULATED) -> GameEvent:
    """A game's next play; every other one makes the prices before it void, every tenth is a score."""
    played_s = sequence * PLAY_S
    scored = sequence // PLAYS_TO_SCORE
    scores = sequence > 0 and sequence % PLAYS_TO_SCORE == 0
    return GameEvent(
        event_id=event_id(number, league),
        source=SOURCE,
        source_event_id=str(sequence),
        kind="score" if scores else "penalty" if sequence % 2 else "play",
        received_at_ms=at_ms,
        happened_at_ms=at_ms,
        sequence=sequence,
        starts_at_ms=START_MS,
        status=GameStatus.LIVE,
        period=1 + int(played_s // PERIOD_S),
        clock_s=PERIOD_S - played_s % PERIOD_S,
        home_score=7 * ((scored + number % 2) // 2),
        away_score=7 * ((scored + 1 - number % 2) // 2),
        situation=AmericanFootball(
            possession=("home", "away")[sequence // 5 % 2],
            down=1 + sequence % 4,
            distance_yd=10,
            yards_to_goal=75 - 5 * (sequence % 10),
            home_timeouts=3,
            away_timeouts=3,
        ),
    )


class Evening:
    """The records of a load. Iterate `opening` to its end before `paced`."""

    def __init__(self, load: Load) -> None:
        starts_at_ms = START_MS if load.plays_s else START_MS + 86_400_000
        self._load = load
        self._boards = [Board(number, load, starts_at_ms) for number in range(load.events)]

    def opening(self) -> Iterator[OddsSnapshot]:
        """The first round: each event is shown once, at `START_MS`."""
        for board in self._boards:
            yield board.snapshot(START_MS)

    def paced(self) -> Iterator[tuple[float, Made]]:
        """Snapshots, event after event, plays, and a tick each second, each after so many seconds."""
        timed = heapq.merge(self._ticks(), self._plays(), self._snapshots(), key=lambda due: due[0])
        return ((at_s, make(START_MS + round(1000.0 * at_s))) for at_s, make in timed)

    def _snapshots(self) -> Iterator[tuple[float, Make]]:
        begun_s, shown = 0.0, 0
        for rate, seconds in self._load.rates:
            for number in range(round(rate * seconds)):
                yield begun_s + number / rate, self._boards[shown % len(self._boards)].snapshot
                shown += 1
            begun_s += seconds

    def _plays(self) -> Iterator[tuple[float, Make]]:
        for played in range(round(self._load.plays_s * self._seconds())):
            sequence, number = divmod(played, self._load.events)
            yield played / self._load.plays_s, partial(play, number, sequence, league=self._load.league)

    def _ticks(self) -> Iterator[tuple[float, Make]]:
        for second in range(1, int(self._seconds()) + 1):
            yield float(second), lambda at_ms: ClockTick(received_at_ms=at_ms)

    def _seconds(self) -> float:
        return sum(seconds for _, seconds in self._load.rates)

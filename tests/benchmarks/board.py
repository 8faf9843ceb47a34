"""The load that benchmarks share: boards of many books that walk, plays of games, ticks, all from a seed.

Times are of the log (Unix ms) and begin at `START_MS`: no fold knows a clock, so any day is as good as today.
"""

import random
from collections.abc import Iterator
from typing import NamedTuple

from pipeline import data
from pipeline.records import (
    AmericanFootball,
    ClockTick,
    GameEvent,
    GameStatus,
    Line,
    OddsSnapshot,
    Record,
    SnapshotKind,
)

START_MS = 1_757_872_800_000
SOURCE = "simulator"
MARKETS = (("h2h", 0.0), ("spread", -3.5), ("total", 44.5))
BOOKS = 25
LINES = BOOKS * len(MARKETS)
#: Of the lines of a snapshot, those with new prices.
CHANGED = 0.1
PERIOD_S, PLAY_S, PLAYS_TO_SCORE = 900.0, 4.0, 10


class Load(NamedTuple):
    """How much is to be made. Rates are a second of the log's time, all events together."""

    events: int = 40
    books: int = BOOKS
    changed: float = CHANGED
    snapshots_s: float = 200.0
    plays_s: float = 0.0

    @property
    def lines(self) -> int:
        """Of one snapshot."""
        return self.books * len(MARKETS)


def event_id(number: int) -> str:
    """One of as many events as anyone wants."""
    return f"sim-nfl:2025-09-14:h{number}-a{number}"


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
        self.event_id, self.starts_at_ms = event_id(number), starts_at_ms
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


def play(number: int, sequence: int, at_ms: int) -> GameEvent:
    """A game's next play; every tenth is a score."""
    played_s = sequence * PLAY_S
    scored = sequence // PLAYS_TO_SCORE
    return GameEvent(
        event_id=event_id(number),
        source=SOURCE,
        source_event_id=str(sequence),
        kind="score" if sequence and sequence % PLAYS_TO_SCORE == 0 else "play",
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


def records(load: Load) -> Iterator[Record]:
    """Without end and in the order of time: snapshots and plays, event after event, and a tick each second.

    With plays the games are under way from the beginning, without them they start a day later.
    """
    starts_at_ms = START_MS if load.plays_s else START_MS + 86_400_000
    boards = [Board(number, load, starts_at_ms) for number in range(load.events)]
    shown = played = seconds = 0
    while True:
        snapshot_s = shown / load.snapshots_s
        play_s = played / load.plays_s if load.plays_s else float("inf")
        at_s = min(snapshot_s, play_s, float(seconds))
        at_ms = START_MS + round(1000.0 * at_s)
        if at_s == seconds:
            yield ClockTick(received_at_ms=at_ms)
            seconds += 1
        elif at_s == play_s:
            sequence, number = divmod(played, load.events)
            yield play(number, sequence, at_ms)
            played += 1
        else:
            yield boards[shown % load.events].snapshot(at_ms)
            shown += 1

"""Recorded games of files that hold many: row by row within a game, and all games as one stream."""

import csv
import heapq
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import groupby
from math import inf
from operator import itemgetter
from pathlib import Path

from pipeline.errors import UsageError
from pipeline.records import GameEvent, GameStatus, Record, Situation, SourceEvent, TimeBasis
from producers.sources.files import first_line, lines_of

Refuse = Callable[[str, str], None]
Row = dict[str, str]

#: A game is made known this long before it begins.
BEFORE_MS = 3_600_000


class Telling:
    """One game as a source that states no exact times tells it: no time runs back, sequences rise.

    Opens with the game's identity and its schedule, an hour before ``begins_ms``; the identity at
    ``known_ms`` where that is given. ``starts_at_ms`` is the scheduled start, 0 where the source says none.
    """

    def __init__(
        self, source: str, source_id: str, event_id: str, home: str, away: str, *,
        begins_ms: int, delay_ms: int, starts_at_ms: int = 0, known_ms: int = 0,
    ) -> None:  # fmt: skip
        self.source, self.event_id = source, event_id
        self.begins_ms, self.delay_ms, self.starts_at_ms = begins_ms, delay_ms, starts_at_ms
        self.now_ms = begins_ms - BEFORE_MS
        self.records: list[Record] = [
            SourceEvent(
                source=source,
                source_id=source_id,
                event_id=event_id,
                received_at_ms=known_ms or self.now_ms,
                starts_at_ms=starts_at_ms,
                home=home,
                away=away,
            )
        ]
        self.add("", "scheduled", self.now_ms - delay_ms, status=GameStatus.SCHEDULED)

    def add(
        self, source_event_id: str, kind: str, happened_ms: int, *, status: GameStatus = GameStatus.LIVE,
        period: int = 0, clock_s: float = -1.0, score: tuple[int, int] = (0, 0),
        situation: Situation | None = None, text: str = "",
    ) -> None:  # fmt: skip
        """Tell of one thing, the delay after it happened; ``score`` is home's and away's."""
        self.now_ms = max(self.now_ms, happened_ms + self.delay_ms)
        self.records.append(
            GameEvent(
                event_id=self.event_id,
                source=self.source,
                source_event_id=source_event_id,
                kind=kind,
                received_at_ms=self.now_ms,
                happened_at_ms=self.now_ms - self.delay_ms,
                happened_at_basis=TimeBasis.ESTIMATED,
                sequence=len(self.records),
                starts_at_ms=self.starts_at_ms,
                status=status,
                period=period,
                clock_s=clock_s,
                home_score=score[0],
                away_score=score[1],
                situation=situation,
                text=text[:200],
            )
        )


def columns_of(path: Path) -> frozenset[str]:
    """The names in a CSV's first line; a byte order mark, as whichever letters it was read, is none."""
    head = first_line(path).decode(errors="replace").strip()
    return frozenset(name.strip("\ufeffï»¿ ") for name in head.split(","))


def two_kinds(
    paths: Sequence[Path], source: str, games: frozenset[str], plays: frozenset[str]
) -> tuple[list[Path], list[Path]]:
    """Files that list a source's games, and those with what happened in them, by the columns of each.

    Raises UsageError where one kind is missing: neither can be read without the other.
    """
    columns = {path: columns_of(path) for path in paths}
    listing = [path for path in paths if columns[path] >= games]
    playing = [path for path in paths if columns[path] >= plays]
    if not listing or not playing:
        missing = games if not listing else plays
        raise UsageError(
            f"{source} needs two kinds of files: name those with the columns"
            f" {', '.join(sorted(missing)[:4])}, ... too"
        )
    return listing, playing


def rows_of(path: Path, refuse: Refuse) -> Iterator[Row]:
    """The rows of a file as they come; what a short one lacks is empty."""
    # Its first column may begin with a byte order mark, which no name has.
    texts = (line.decode("utf-8-sig", "replace") for line in lines_of(path, refuse))
    yield from csv.DictReader(texts, restval="")


def games_of(path: Path, column: str, refuse: Refuse) -> Iterator[tuple[str, list[Row]]]:
    """Each game's id and rows, in file order. Rows of a game that was through already are refused."""
    seen: set[str] = set()
    for game_id, rows in groupby(rows_of(path, refuse), itemgetter(column)):
        if game_id in seen:
            refuse("rows of a game stand apart from the rest of it", f"{path.name}, game {game_id}")
            continue
        seen.add(game_id)
        yield game_id, list(rows)


def in_time(games: Iterable[tuple[str, list[Record]]], not_before_ms: dict[str, int]) -> Iterator[Record]:
    """The records of games that overlap, by received time, holding no more of them than overlap.

    ``not_before_ms`` says for each game of the file, in its order, when its first record is received at the
    earliest; the records of a game are in time already.
    """
    floors: dict[str, float] = {}
    floor_ms = inf
    for game_id in reversed(not_before_ms):
        floors[game_id] = floor_ms
        floor_ms = min(floor_ms, not_before_ms[game_id])
    waiting: list[tuple[int, int, Record]] = []
    count = 0
    for game_id, records in games:
        for record in records:
            count += 1
            heapq.heappush(waiting, (received_at_ms(record), count, record))
        while waiting and waiting[0][0] < floors[game_id]:
            yield heapq.heappop(waiting)[2]
    while waiting:
        yield heapq.heappop(waiting)[2]


def received_at_ms(record: Record) -> int:
    """Our clock of any record of a source."""
    return int(getattr(record, "received_at_ms", 0))

import io
from typing import Any, NamedTuple

import msgspec
import pytest

from pipeline.records import GameEvent, OddsSnapshot, SnapshotKind
from producers.simulator import simulate

STARTS_AT_MS = 1_767_225_600_000


class Evening(NamedTuple):
    """A whole simulation with its truth."""

    records: list[GameEvent | OddsSnapshot]
    truth: list[dict[str, Any]]

    def rows(self, record: str) -> list[dict[str, Any]]:
        return [row for row in self.truth if row["record"] == record]

    def of(self, event_id: str) -> list[GameEvent]:
        return [r for r in self.records if isinstance(r, GameEvent) and r.event_id == event_id]


class Shown(NamedTuple):
    """What a reader of the snapshots holds: each line by (book, market, scope, line)."""

    prices: tuple[float, ...]
    status: str
    quoted_at_ms: int
    lay_prices: tuple[float, ...] = ()


Boards = dict[tuple[str, int], dict[tuple[str, str, str, float], Shown]]


@pytest.fixture(scope="session")
def evening() -> Evening:
    file = io.StringIO()
    records = list(simulate(11, 10, STARTS_AT_MS, file))
    return Evening(records, [msgspec.json.decode(line) for line in file.getvalue().splitlines()])


@pytest.fixture(scope="session")
def boards(evening: Evening) -> Boards:
    """The board of each event after each of its snapshots, by (event, time of receipt)."""
    boards: Boards = {}
    now: dict[str, dict[tuple[str, str, str, float], Shown]] = {}
    for record in evening.records:
        if not isinstance(record, OddsSnapshot):
            continue
        board = {} if record.kind in (SnapshotKind.FULL, SnapshotKind.GONE) else dict(now[record.event_id])
        seen = {book.book: book.quoted_at_ms for book in record.seen}
        for key, line in board.items():
            board[key] = line._replace(quoted_at_ms=seen.get(key[0], line.quoted_at_ms))
        lays = {(each.book, each.market, each.scope, each.line): each.lay_prices for each in record.depth}
        for line in record.lines:
            key = (line.book, line.market, line.scope, line.line)
            board[key] = Shown(line.prices, str(line.status), line.quoted_at_ms, lays.get(key, ()))
            if not any(line.prices):
                del board[key]
        now[record.event_id] = board
        boards[record.event_id, record.received_at_ms] = board
    return boards

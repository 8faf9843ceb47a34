"""Small builders: a test says what matters to it and leaves the rest to these."""

from typing import Any

from msgspec.structs import replace

from pipeline.records import (
    ClockTick,
    GameProbabilities,
    GameStatus,
    Line,
    OddsSnapshot,
    QuoteStatus,
    SnapshotKind,
    SourceState,
)
from pipeline.settings import Rules
from pipeline.stages.fold import Answer, Input, Row, Stage, first_row, fold, next_due_ms
from pipeline.topics import topic_of

EVENT = "sim-nfl:2025-09-14:kc-phi"
#: A moment, Unix ms; tests count seconds from it.
T0 = 1_757_872_800_000


def at(seconds: float) -> int:
    """That many seconds after the moment from which tests count."""
    return T0 + round(seconds * 1000)


def quote(book: str, *prices: float, line: float = 0.0, **fields: Any) -> Line:
    """A book's line: by its prices ``h2h`` or ``h2h_3way``, unless it says ``market``."""
    three = len(prices) == 3
    fields = {
        "market": "h2h_3way" if three else "h2h",
        "scope": "regulation" if three else "game",
        "status": QuoteStatus.OPEN,
        **fields,
    }
    return Line(book=book, prices=prices, line=line, **fields)


def snapshot(*lines: Line, seconds: float = 0.0, **fields: Any) -> OddsSnapshot:
    """A full snapshot of the simulator, received so many seconds after T0."""
    given = {"event_id": EVENT, "source": "simulator", "kind": SnapshotKind.FULL, **fields}
    return OddsSnapshot(lines=lines, received_at_ms=at(seconds), **given)


def tick(seconds: float, *states: SourceState) -> ClockTick:
    """It is now so many seconds after T0."""
    return ClockTick(received_at_ms=at(seconds), sources=states)


def game(seconds: float, **fields: Any) -> GameProbabilities:
    """A word of the games fold; scheduled, with no model, unless it says otherwise."""
    plain = GameProbabilities(
        event_id=EVENT,
        received_at_ms=at(seconds),
        source_event_id="",
        status=GameStatus.SCHEDULED,
        starts_at_ms=0,
        started_at_ms=0,
        finished_at_ms=0,
        home_score=0,
        away_score=0,
        last_key_event_at_ms=0,
        suspended=False,
        contested=False,
        model="none",
        prior="none",
        game=(),
        regulation=(),
        parameters={},
        impact=0.0,
    )
    return replace(plain, **fields)


class Followed:
    """One event as a stage folds it: its row, every answer, and the last one of each topic."""

    def __init__(self, stage: Stage[Any], rules: Rules | None = None, event_id: str = EVENT) -> None:
        self.stage, self.rules = stage, rules or Rules()
        self.row: Row[Any] = first_row(stage, event_id, {})
        self.last: dict[str, Any] = {}
        self.answers: list[Answer] = []

    def __call__(self, *records: Any) -> list[Any]:
        """Fold these records in; the records that were answered."""
        found: list[Answer] = []
        for record in records:
            topic = topic_of(type(record)).name
            source = Input(topic, 0, self.row.applied[topic] + 1, record)
            self.row, answered = fold(self.stage, self.rules, self.row, source)
            found += answered
        self.answers += found
        self.last |= {answer.topic: answer.record for answer in found}
        return [answer.record for answer in found]

    @property
    def due_s(self) -> float:
        """When a tick is next due, in seconds after T0."""
        return (next_due_ms(self.stage, self.rules, self.row) - T0) / 1000

"""Records of a game as tests need them, and the fold over them."""

from collections.abc import Sequence
from typing import Any, TypeVar

from pipeline.records import (
    ClockTick,
    ClosingLine,
    ClosingMarket,
    Derived,
    GameEvent,
    GameProbabilities,
    GameState,
    GameStatus,
    SourceState,
)
from pipeline.settings import Rules
from pipeline.stages.fold import Answer, Input, Row, first_row, fold
from pipeline.stages.games import GAMES, Game
from pipeline.topics import topic_of

NFL, EPL, MLB = "nfl:2025-09-14:kc-phi", "epl:2025-09-14:ars-che", "mlb:2025-09-14:nyy-bos"
START_MS = 1_757_880_000_000
RULES = Rules()
LIVE, FINAL = GameStatus.LIVE, GameStatus.FINAL
TRUSTED, LESSER = "nflverse", "espn"
D = TypeVar("D", bound=Derived)


def said(sequence: int, **fields: Any) -> GameEvent:
    """A record of the trusted source, a second after the one before it."""
    given = {
        "event_id": NFL,
        "source": TRUSTED,
        "source_event_id": f"g/{sequence}",
        "kind": "play",
        "received_at_ms": START_MS + sequence * 1_000,
        "sequence": sequence,
        "status": LIVE,
        "period": 2,
        "clock_s": 600.0,
    }
    return GameEvent(**given | fields)


def tick(at_ms: int, *sources: SourceState) -> ClockTick:
    return ClockTick(received_at_ms=at_ms, sources=sources)


def close(*markets: ClosingMarket, final: bool = True, at_ms: int = START_MS) -> ClosingLine:
    return ClosingLine(
        event_id=NFL, received_at_ms=at_ms, final=final, started_at_ms=at_ms, markets=markets, prices=()
    )


def spread(line: float) -> ClosingMarket:
    return ClosingMarket(
        market="spread", scope="game", line=line, probabilities=(0.5, 0.5), basis="reference"
    )


def topic(record: Any) -> str:
    names = {GameEvent: "games.events", ClockTick: "clock.ticks"}
    return names.get(type(record)) or topic_of(type(record)).name


def folded(records: Sequence[Any], event_id: str = NFL) -> tuple[Row[Game], list[Answer]]:
    """The row after all of the records, and the answers to the last of them."""
    row: Row[Game] = first_row(GAMES, event_id, {})
    answers: list[Answer] = []
    for offset, record in enumerate(records):
        row, answers = fold(GAMES, RULES, row, Input(topic(record), 0, offset, record))
    return row, answers


def answer(answers: list[Answer], kind: type[D]) -> D:
    return next(found.record for found in answers if isinstance(found.record, kind))


def state(*records: Any, event_id: str = NFL) -> GameState:
    return answer(folded(records, event_id)[1], GameState)


def probabilities(*records: Any, event_id: str = NFL) -> GameProbabilities:
    return answer(folded(records, event_id)[1], GameProbabilities)

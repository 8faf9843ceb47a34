"""A stage that is sensitive to whatever may go wrong with order: a chain of checksums over its inputs."""

import zlib
from typing import Any

import msgspec

from pipeline.records import ClockTick, Derived, FairPrices, GameEvent
from pipeline.settings import Rules
from pipeline.stages.fold import Stage

SOURCES = ("odds.snapshots", "games.events", "games.probabilities", "clock.ticks")
DUE_AFTER_MS = 700
OVER = "over"
RAISES = "this record raises"


class Chain(msgspec.Struct, frozen=True, array_like=True):
    """How many inputs were folded, their checksum, when a tick is due, and what it was told to forget."""

    count: int = 0
    checksum: int = 0
    due_at_ms: int = 0
    ended_at_ms: int = 0


def step(_: Rules, state: Chain, record: Any, now_ms: int) -> tuple[Chain, list[Derived]]:
    """Chain the record on. A tick counts only where it is due, and then adds itself."""
    if isinstance(record, GameEvent) and record.text == RAISES:
        raise ArithmeticError(RAISES)
    due_at_ms = now_ms + DUE_AFTER_MS
    if isinstance(record, ClockTick):
        if not 0 < state.due_at_ms <= now_ms:
            return state, []
        due_at_ms = 0
    ended_at_ms = now_ms if isinstance(record, GameEvent) and record.text == OVER else state.ended_at_ms
    said = msgspec.json.encode(record, order="deterministic")
    chained = Chain(state.count + 1, zlib.crc32(said, state.checksum), due_at_ms, ended_at_ms)
    return chained, [answer(chained)]


def answer(state: Chain) -> Derived:
    """The whole answer: what the chain has come to."""
    return FairPrices(method=f"{state.count}:{state.checksum:08x}", markets=())


def chain(name: str = "chain", layout: int = 1) -> Stage[Chain]:
    """The stage, under any name, so that each test has a group of its own."""
    return Stage(
        name=name,
        sources=SOURCES,
        answers=("odds.fair",),
        tables=(),
        layout=layout,
        state=Chain,
        initial=lambda _: Chain(),
        step=step,
        due_at_ms=lambda _, state: state.due_at_ms,
        standing=lambda _, state, __: [answer(state)] if state.count else [],
        ended_at_ms=lambda state: state.ended_at_ms,
    )

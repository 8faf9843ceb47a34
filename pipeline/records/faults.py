"""What is wrong with a record beyond what its field types can say."""

import math
from collections.abc import Iterator
from itertools import chain
from typing import Any

from msgspec import Struct

from pipeline.records.answers import (
    Derived,
)
from pipeline.records.inputs import ClockTick, Depth, GameEvent, Line, OddsSnapshot
from pipeline.records.kinds import (
    EVENT_KINDS,
    LINED,
    OUTCOMES,
    SCOPES,
)
from pipeline.records.operations import (
    DeadLetter,
    SourceEvent,
    SourceHealth,
    SourcePayload,
)

Record = (
    OddsSnapshot | GameEvent | ClockTick | Derived | SourcePayload | SourceHealth | SourceEvent | DeadLetter
)


def faults(record: Record) -> Iterator[str]:
    """What is wrong with a record that its field types cannot say; nothing where it is sound."""
    match record:
        case OddsSnapshot():
            yield from _snapshot_faults(record)
        case GameEvent(kind=kind) if kind not in EVENT_KINDS:
            yield f"unknown kind of game event {kind!r}"
        case GameEvent(clock_s=clock_s) if not math.isfinite(clock_s):
            yield f"clock_s is {clock_s}"
        case Derived():
            yield from (f"{where} is not finite" for where in _not_finite(record, type(record).__name__))


def _snapshot_faults(snapshot: OddsSnapshot) -> Iterator[str]:
    lines = snapshot.lines
    # One pass over all prices, then names only where it failed: this runs for each of some 75 lines a poll.
    if not all(price > 1.0 or price == 0.0 for line in lines for price in line.prices):
        bad = next(line for line in lines if not all(p > 1.0 or p == 0.0 for p in line.prices))
        yield f"{bad.book} {bad.market}: {list(bad.prices)} are not decimal prices (above 1, or 0 for none)"
    for line in lines:
        if OUTCOMES.get(line.market) != len(line.prices):
            if line.market in OUTCOMES:
                yield f"{line.book} {line.market}: {OUTCOMES[line.market]} prices needed, {len(line.prices)} given"
            else:
                yield f"{line.book}: unknown market {line.market!r}"
    places: Iterator[Line | Depth] = chain(lines, snapshot.depth)
    for place in places:
        if place.scope not in SCOPES:
            yield f"{place.book} {place.market}: unknown scope {place.scope!r}"
        if not (place.line * 4.0).is_integer() or (place.line != 0.0 and place.market not in LINED):
            yield f"{place.book} {place.market}: {place.line} is not a line of it"
    for depth in snapshot.depth:
        sizes = {len(depth.lay_prices), len(depth.back_sizes), len(depth.lay_sizes)}
        if sizes != {OUTCOMES.get(depth.market)}:
            yield f"{depth.book} {depth.market}: lay prices and sizes for each outcome needed"
        if not all(price > 1.0 or price == 0.0 for price in depth.lay_prices):
            yield f"{depth.book} {depth.market}: {list(depth.lay_prices)} are not decimal prices"


def _not_finite(value: Any, where: str) -> Iterator[str]:
    if isinstance(value, float):
        if not math.isfinite(value):
            yield where
    elif isinstance(value, Struct):
        for name in value.__struct_fields__:
            yield from _not_finite(getattr(value, name), f"{where}.{name}")
    elif isinstance(value, tuple):
        for place, item in enumerate(value):
            yield from _not_finite(item, f"{where}[{place}]")
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from _not_finite(item, f"{where}[{key!r}]")

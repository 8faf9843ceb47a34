"""What is wrong with a record beyond what its field types can say."""

from collections.abc import Iterator

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
    Artefact,
    DeadLetter,
    SourceAlias,
    SourceControl,
    SourceEvent,
    SourceHealth,
    SourcePayload,
    SourceQuota,
    Unmatched,
)
from pipeline.records.shadow import ShadowDifference

Record = (
    OddsSnapshot
    | GameEvent
    | ClockTick
    | Derived
    | SourcePayload
    | SourceHealth
    | SourceControl
    | SourceQuota
    | SourceEvent
    | SourceAlias
    | Unmatched
    | DeadLetter
    | Artefact
    | ShadowDifference
)


def faults(record: Record) -> Iterator[str]:
    """What is wrong with a record that its field types cannot say; nothing where it is sound."""
    match record:
        case OddsSnapshot():
            yield from _snapshot_faults(record)
        case GameEvent(kind=kind) if kind not in EVENT_KINDS:
            yield f"unknown kind of game event {kind!r}"


def _snapshot_faults(snapshot: OddsSnapshot) -> Iterator[str]:
    for line in snapshot.lines:  # some 75 of them in a poll, so: no calls where nothing is wrong
        market, at, prices = line.market, line.line, line.prices
        if (wanted := OUTCOMES.get(market)) != len(prices):
            if wanted is None:
                yield f"{line.book}: unknown market {market!r}"
            else:
                yield f"{line.book} {market}: {wanted} prices needed, {len(prices)} given"
        for price in prices:
            if not (price > 1.0 or price == 0.0):
                yield f"{line.book} {market}: {list(prices)} are not decimal prices: above 1, 0 for none"
                break
        if (at != 0.0 and (market not in LINED or not (at * 4.0).is_integer())) or line.scope not in SCOPES:
            yield from _place_faults(line)
    for depth in snapshot.depth:
        sizes = {len(depth.lay_prices), len(depth.back_sizes), len(depth.lay_sizes)}
        if sizes != {OUTCOMES.get(depth.market)}:
            yield f"{depth.book} {depth.market}: lay prices and sizes for each outcome needed"
        if not all(price > 1.0 or price == 0.0 for price in depth.lay_prices):
            yield f"{depth.book} {depth.market}: {list(depth.lay_prices)} are not decimal prices"
        yield from _place_faults(depth)


def _place_faults(place: Line | Depth) -> Iterator[str]:
    if place.scope not in SCOPES:
        yield f"{place.book} {place.market}: unknown scope {place.scope!r}"
    if place.line != 0.0 and (place.market not in LINED or not (place.line * 4.0).is_integer()):
        yield f"{place.book} {place.market}: {place.line} is not a line of it"

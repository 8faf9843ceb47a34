"""What stands in the log of a source, and what of newly parsed records it lacks or has otherwise.

Records are compared by what they say of their moment, not one by one: whether something was told in full or
as unchanged is the same to whoever reads.
"""

import hashlib
from collections import defaultdict, deque
from collections.abc import Iterable
from enum import StrEnum
from typing import NamedTuple

import msgspec
from msgspec.structs import replace

from pipeline.records import GameEvent, OddsSnapshot, SnapshotKind

Cover = tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]  # markets, regions, books that were asked
#: Kinds that follow from what was told before, not from what the source said.
_FOLLOWING = frozenset({"clock", "start", "resumption", "score", "period_start", "correction"})


class Verdict(StrEnum):
    """How a newly parsed record stands to the log."""

    RIGHT = "right"
    MISSING = "missing"
    DIFFERENT = "different"


class Judged(NamedTuple):
    """The verdict, and what is to be appended: None where the log is right."""

    verdict: Verdict
    record: OddsSnapshot | GameEvent | None = None


_RIGHT = Judged(Verdict.RIGHT)


class _Told(NamedTuple):
    received_at_ms: int
    kind: SnapshotKind
    cover: Cover
    offer: bytes


class Odds:
    """The odds of one source in the log, event by event, and newly parsed ones in the order of their time."""

    def __init__(self, published: Iterable[OddsSnapshot] = ()) -> None:
        told: dict[str, list[_Told]] = defaultdict(list)
        for snapshot in published:
            told[snapshot.event_id].append(
                _Told(snapshot.received_at_ms, snapshot.kind, _cover(snapshot), _offer(snapshot))
            )
        # What mends a moment was appended later: of one moment the last word counts.
        self._ahead = {
            event_id: deque(sorted(each, key=lambda one: one.received_at_ms))
            for event_id, each in told.items()
        }
        self._stands: dict[str, dict[Cover, tuple[bytes, int]]] = defaultdict(dict)
        self._new: dict[tuple[str, Cover], OddsSnapshot] = {}

    def judge(self, record: OddsSnapshot) -> Judged:
        """Whether readers know, from what was received until then, what a newly parsed poll says."""
        event_id, at_ms = record.event_id, record.received_at_ms
        stands = self._until(event_id, at_ms)
        if record.kind is SnapshotKind.GONE:
            for known in [place for place in self._new if place[0] == event_id]:
                del self._new[known]
            if not stands:
                return _RIGHT
            stands.clear()
            return Judged(Verdict.DIFFERENT, record)
        cover = _cover(record)
        full = record
        if record.kind is not SnapshotKind.FULL:
            if (shown := self._new.get((event_id, cover))) is None:
                return _RIGHT  # other regions were asked for and showed the same: the next full one tells
            full = _again(shown, record)
        self._new[event_id, cover] = full
        offer = _offer(full)
        before = stands.get(cover)
        if before == (offer, at_ms):
            return _RIGHT
        stands[cover] = (offer, at_ms)
        if before is None or before[1] != at_ms:
            seen_again = before is not None and before[0] == offer
            return Judged(Verdict.MISSING, record if seen_again else full)
        return Judged(Verdict.DIFFERENT, full)

    def _until(self, event_id: str, at_ms: int) -> dict[Cover, tuple[bytes, int]]:
        """What stands of an event at a moment: by what was asked the offer, and when it was seen."""
        stands, ahead = self._stands[event_id], self._ahead.get(event_id, deque())
        while ahead and ahead[0].received_at_ms <= at_ms:
            told = ahead.popleft()
            match told.kind:
                case SnapshotKind.GONE:
                    stands.clear()
                case SnapshotKind.FULL:
                    stands[told.cover] = (told.offer, told.received_at_ms)
                case SnapshotKind.UNCHANGED if told.cover in stands:
                    stands[told.cover] = (stands[told.cover][0], told.received_at_ms)
        return stands


class Games:
    """The game events of one source in the log, and newly parsed ones."""

    def __init__(self, published: Iterable[GameEvent] = ()) -> None:
        self._told: dict[tuple[str, str], list[GameEvent]] = defaultdict(list)
        for event in published:
            self._told[event.event_id, event.source_event_id].append(event)

    def judge(self, event: GameEvent) -> Judged:
        """Whether the log says, of what the source calls so, what a newly parsed record says at its time.

        What is otherwise is superseded by a record with the next sequence, so that it counts where nothing
        newer was told; where something was, the folds pass it over and it is history alone.
        """
        told = self._told[event.event_id, event.source_event_id]
        until = [one for one in told if one.received_at_ms <= event.received_at_ms]
        if not until:
            told.append(event)
            return Judged(Verdict.MISSING, event)
        last = max(enumerate(until), key=lambda item: (item[1].received_at_ms, item[0]))[1]
        if _same(last, event):
            return _RIGHT
        if last.received_at_ms < event.received_at_ms and not event.supersedes:
            told.append(event)  # a standing that has changed since
            return Judged(Verdict.MISSING, event)
        mended = replace(
            event,
            supersedes=last.source_event_id,
            sequence=max(event.sequence, last.sequence + 1),
        )
        told.append(mended)
        return Judged(Verdict.DIFFERENT, mended)


def _same(old: GameEvent, new: GameEvent) -> bool:
    following = {old.kind, new.kind} <= _FOLLOWING
    aside = {"kind": "play"} if following else {}
    return replace(old, received_at_ms=0, sequence=0, supersedes="", **aside) == replace(
        new, received_at_ms=0, sequence=0, supersedes="", **aside
    )


def _again(full: OddsSnapshot, seen: OddsSnapshot) -> OddsSnapshot:
    """A poll that found everything unchanged, as a full snapshot."""
    quoted = {one.book: one.quoted_at_ms for one in seen.seen}
    lines = tuple(
        [replace(line, quoted_at_ms=quoted.get(line.book, line.quoted_at_ms)) for line in full.lines]
    )
    return replace(full, lines=lines, received_at_ms=seen.received_at_ms, starts_at_ms=seen.starts_at_ms)


def _cover(snapshot: OddsSnapshot) -> Cover:
    return snapshot.markets, snapshot.regions, snapshot.books


def _offer(snapshot: OddsSnapshot) -> bytes:
    """A digest of what is offered; when it was quoted is no part of it."""
    lines = [(x.book, x.market, x.scope, x.line, x.prices, x.status) for x in snapshot.lines]
    said = (lines, snapshot.depth)
    return hashlib.blake2b(msgspec.msgpack.encode(said), digest_size=12).digest()

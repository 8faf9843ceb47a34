"""What a poll changed: an unchanged event costs one small record, one that left is withdrawn."""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import msgspec

from pipeline.records import OddsSnapshot, Seen, SnapshotKind

#: A reader that starts late has everything after this much of the producer's own time.
FULL_EVERY_MS = 10 * 60_000


@dataclass(slots=True)
class _Shown:
    """An event as it was shown last."""

    offer: Any
    quoted: dict[str, int]
    full_at_ms: int


class Differ:
    """Compares each poll of one source with the poll before it."""

    def __init__(self, source: str) -> None:
        self.source = source
        self._shown: dict[str, _Shown] = {}

    def poll(
        self, snapshots: Iterable[OddsSnapshot], present: Collection[str] | None, received_at_ms: int
    ) -> Iterator[OddsSnapshot]:
        """A successful poll as the records that say what it changed.

        Full where something other than times differs from the poll before, where the last full one is
        `FULL_EVERY_MS` old, or where a book quotes its markets at different times, for which the record of an
        unchanged event has no room; else unchanged. An event that is not among ``present`` any more is gone;
        one that is present and has no snapshot (it could not be read) stays as it was. Nothing is gone where
        ``present`` is None: then the poll does not say what has left.
        """
        for event_id in sorted(self._shown.keys() - set(self._shown if present is None else present)):
            del self._shown[event_id]
            yield OddsSnapshot(
                event_id=event_id, source=self.source, kind=SnapshotKind.GONE, received_at_ms=received_at_ms
            )
        for snapshot in snapshots:
            yield self._against_last(snapshot)

    def tell_in_full(self) -> None:
        """The next poll is told in full: whoever reads has stopped to believe what was told before."""
        for shown in self._shown.values():
            shown.full_at_ms = 0

    def _against_last(self, full: OddsSnapshot) -> OddsSnapshot:
        offer = (
            [
                (line.book, line.market, line.scope, line.line, line.prices, line.status)
                for line in full.lines
            ],
            full.depth,
        )
        quoted = {line.book: line.quoted_at_ms for line in full.lines}
        uneven = any(line.quoted_at_ms != quoted[line.book] for line in full.lines)
        last = self._shown.get(full.event_id)
        is_old = last is None or full.received_at_ms - last.full_at_ms >= FULL_EVERY_MS
        if last is None or uneven or is_old or last.offer != offer:
            self._shown[full.event_id] = _Shown(offer, quoted, full.received_at_ms)
            return full
        seen = tuple(
            Seen(book=book, quoted_at_ms=at) for book, at in quoted.items() if at != last.quoted.get(book)
        )
        last.quoted = quoted
        return msgspec.structs.replace(full, kind=SnapshotKind.UNCHANGED, lines=(), depth=(), seen=seen)

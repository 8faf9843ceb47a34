"""An answer: the message that brought it, its record, and the frames that tell of it."""

import logging
import time
from functools import cached_property, lru_cache
from typing import Any, NamedTuple

import msgspec
from msgspec import UNSET, Raw

from gateway import protocol
from gateway.filters import Filter, trimmed
from gateway.protocol import Id
from pipeline.codec import decode
from pipeline.codec.stamp import stamp
from pipeline.errors import UnreadableRecord
from pipeline.telemetry import say
from pipeline.topics import event_of

log = logging.getLogger("sharpline.gateway")
#: Records and texts that are kept once made; the bytes of all others are all that is held of them.
KEPT = 16_384
#: What an answer takes in memory beside its value.
OVERHEAD_BYTES = 300


def wall_ms() -> int:
    """The gateway's own clock, Unix ms."""
    return time.time_ns() // 1_000_000


class Message(NamedTuple):
    """A message as it was read; ``value`` is None for a tombstone.

    ``origin`` is the place, topic/partition/offset, of the first input of the chain of folds that led to it,
    ``source_at_ms`` when that input's source says it was; empty and 0 where its headers do not say.
    """

    topic: str
    key: str
    partition: int
    offset: int
    appended_at_ms: int
    value: bytes | None
    origin: str = ""
    source_at_ms: int = 0

    @property
    def place(self) -> str:
        return f"{self.topic}/{self.partition}/{self.offset}"


class Answer:
    """What stands for a key. Its bytes are held; its record and text are made when they are asked for.

    ``redo``: its revision was there before, so what came since is being said again.
    """

    __slots__ = ("message", "redo")

    def __init__(self, message: Message, redo: bool = False) -> None:
        self.message, self.redo = message, redo

    @property
    def event(self) -> str:
        return event_of(self.message.key)

    @property
    def size(self) -> int:
        """Bytes that it holds, nearly."""
        return OVERHEAD_BYTES + len(self.message.value or b"")

    @property
    def record(self) -> Any:
        """The record; None for a tombstone, and where the bytes cannot be read."""
        return _record(self)

    @property
    def json(self) -> Raw:
        return _json(self)

    @property
    def received_at_ms(self) -> int:
        """The fold's now, 0 of a tombstone."""
        return stamp(self.message.value)[0] if self.message.value else 0

    @property
    def revision(self) -> int:
        """0 of a tombstone."""
        return stamp(self.message.value)[1] if self.message.value else 0

    @property
    def can_be_told(self) -> bool:
        return self.message.value is None or self.record is not None

    def snapshot(self, id: Id, filters: frozenset[Filter]) -> bytes | None:
        """The frame that says what stands; None where the filters let nothing of it through."""
        shown = _shown(self, filters)
        if shown is None or not self.can_be_told:
            return None
        topic, key, partition, offset, appended_at_ms, _, origin, source_at_ms = self.message
        return protocol.frame(
            protocol.Snapshot(
                id=id,
                channel=topic,
                event=self.event,
                key=key,
                partition=partition,
                offset=offset,
                origin=origin,
                source_at_ms=source_at_ms,
                received_at_ms=self.received_at_ms,
                appended_at_ms=appended_at_ms,
                sent_at_ms=wall_ms(),
                record=shown,
            )
        )


@lru_cache(maxsize=KEPT)
def _record(answer: Answer) -> Any:
    message = answer.message
    if message.value is None:
        return None
    try:
        return decode(message.topic, message.key.encode(), message.value)
    except UnreadableRecord as error:
        say(log, "left out a record that cannot be read", logging.ERROR, place=message.place, reason=error)
        return None


@lru_cache(maxsize=KEPT)
def _json(answer: Answer) -> Raw:
    return Raw(msgspec.json.encode(answer.record))


def _shown(answer: Answer, filters: frozenset[Filter]) -> Raw | None:
    """What filters let through of a record, None for nothing; a tombstone is let through."""
    if not filters or answer.record is None:
        return answer.json
    left = trimmed(answer.record, filters)
    return None if left is None else Raw(msgspec.json.encode(left))


class News:
    """An answer that was just read, encoded once for all who hear of it in the same way.

    ``previous`` is what stood before it, and itself where that is not known: who asked for some entries alone
    hears that they are gone.
    """

    def __init__(self, answer: Answer, cursor: str, previous: Answer | None = None, id: Id | None = None):
        self.answer, self.cursor = answer, cursor
        self._previous, self._id = previous, id
        self._frames: dict[tuple[frozenset[Filter], bool, bool], bytes] = {}
        self._shown: dict[frozenset[Filter], Raw | None] = {}

    def shows(self, filters: frozenset[Filter]) -> bool:
        """Whether there is something to tell: entries that the filters let through, or that they did."""
        if not filters or self.answer.record is None:
            return True
        if filters not in self._shown:
            shown = _shown(self.answer, filters)
            if shown is None and self._had(filters):
                shown = Raw(msgspec.json.encode(trimmed(self.answer.record, filters, even_empty=True)))
            self._shown[filters] = shown
        return self._shown[filters] is not None

    def _had(self, filters: frozenset[Filter]) -> bool:
        return self._previous is self.answer or (
            self._previous is not None
            and self._previous.record is not None
            and trimmed(self._previous.record, filters) is not None
        )

    def frame(
        self, filters: frozenset[Filter], *, conflated: bool = False, with_cursor: bool = True
    ) -> bytes:
        """The update as a frame, for those whom it shows something."""
        kind = filters, conflated, with_cursor
        found = self._frames.get(kind)
        if found is None:
            found = self._frames[kind] = self._encoded(filters, conflated, with_cursor)
        return found

    def _encoded(self, filters: frozenset[Filter], conflated: bool, with_cursor: bool) -> bytes:
        answer = self.answer
        topic, key, partition, offset, appended_at_ms, _, origin, source_at_ms = answer.message
        record = answer.json
        if filters and answer.record is not None and self.shows(filters):
            record = self._shown[filters] or record
        return protocol.frame(
            protocol.Update(
                channel=topic,
                event=answer.event,
                key=key,
                partition=partition,
                offset=offset,
                cursor=self.cursor if with_cursor else "",
                origin=origin,
                source_at_ms=source_at_ms,
                received_at_ms=self.received_at_ms,
                appended_at_ms=appended_at_ms,
                sent_at_ms=wall_ms(),
                redo=answer.redo,
                conflated=conflated,
                record=record,
                id=UNSET if self._id is None else self._id,
            )
        )

    @cached_property
    def received_at_ms(self) -> int:
        return self.answer.received_at_ms

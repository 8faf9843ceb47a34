"""An answer: the message that brought it, its record, and the frames that tell of it."""

import logging
import time
from functools import cached_property
from typing import Any, NamedTuple

import msgspec
from msgspec import Raw

from gateway import protocol
from gateway.protocol import Id
from pipeline.codec import decode
from pipeline.errors import UnreadableRecord
from pipeline.telemetry import say
from pipeline.topics import event_of

log = logging.getLogger("sharpline.gateway")


def wall_ms() -> int:
    """The gateway's own clock, Unix ms."""
    return time.time_ns() // 1_000_000


class Message(NamedTuple):
    """A message as it was read; ``value`` is None for a tombstone.

    ``origin`` is the place, topic/partition/offset, of the first input of the chain of folds that led to it;
    empty where its headers do not say.
    """

    topic: str
    key: str
    partition: int
    offset: int
    appended_at_ms: int
    value: bytes | None
    origin: str = ""

    @property
    def place(self) -> str:
        return f"{self.topic}/{self.partition}/{self.offset}"


class Answer:
    """What stands for a key. It is decoded and encoded when first asked for, then kept so."""

    def __init__(self, message: Message) -> None:
        self.message = message

    @property
    def event(self) -> str:
        return event_of(self.message.key)

    @cached_property
    def record(self) -> Any:
        """The record; None for a tombstone, and where the bytes cannot be read."""
        message = self.message
        if message.value is None:
            return None
        try:
            return decode(message.topic, message.key.encode(), message.value)
        except UnreadableRecord as error:
            say(
                log, "left out a record that cannot be read", logging.ERROR, place=message.place, reason=error
            )
            return None

    @cached_property
    def json(self) -> Raw:
        return Raw(msgspec.json.encode(self.record))

    @property
    def can_be_told(self) -> bool:
        return self.message.value is None or self.record is not None

    def snapshot(self, id: Id) -> bytes:
        topic, key, partition, offset, appended_at_ms, _, origin = self.message
        return protocol.frame(
            protocol.Snapshot(
                id, topic, self.event, key, partition, offset, origin, appended_at_ms, wall_ms(), self.json
            )
        )


class News:
    """An answer that was just read, encoded once for all who hear of it."""

    def __init__(self, answer: Answer, redo: bool) -> None:
        self.answer, self.redo = answer, redo

    @cached_property
    def frame(self) -> bytes:
        return self._frame(conflated=False)

    @cached_property
    def conflated_frame(self) -> bytes:
        return self._frame(conflated=True)

    def _frame(self, conflated: bool) -> bytes:
        topic, key, partition, offset, appended_at_ms, _, origin = self.answer.message
        return protocol.frame(
            protocol.Update(
                topic,
                self.answer.event,
                key,
                partition,
                offset,
                origin,
                appended_at_ms,
                wall_ms(),
                self.redo,
                conflated,
                self.answer.json,
            )
        )

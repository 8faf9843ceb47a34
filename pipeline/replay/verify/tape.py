"""A partition of a topic read forward, once, as far as it is needed, with its holes."""

from bisect import bisect_right
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from pipeline.replay.verify.verdict import Place


class Message(NamedTuple):
    """What lies on a partition."""

    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    timestamp_ms: int
    headers: dict[str, bytes]


@dataclass(frozen=True)
class Partition:
    """One partition of everything that a stage reads and writes.

    ``read(topic, start, end)`` gives its messages in order of offset. ``committed`` is up to where the stage
    had acknowledged each source before ``ends`` were taken: of the changelog first, then of all the others,
    of the sources last. ``buried`` are dead letters by origin, each with the first word of its reason.
    """

    number: int
    count: int
    committed: dict[str, int]
    ends: dict[str, int]
    read: Callable[[str, int, int], Iterator[Message]]
    buried: dict[Place, str] = field(default_factory=dict)


class Tape:
    """Messages from ``start`` on, and which offsets before the next one were not there."""

    def __init__(self, partition: Partition, topic: str, start: int = 0) -> None:
        end = partition.ends[topic]
        self._messages = partition.read(topic, start, end)
        self._start, self._next, self._end = start, start, end
        self._holes: list[tuple[int, int]] = []

    def upto(self, offset: int) -> Iterator[Message]:
        """What was not read yet, up to an offset, itself included; a message past a hole may come along."""
        while self._next <= min(offset, self._end - 1):
            message = next(self._messages, None)
            if message is None:
                self._skip_to(self._end)
                return
            self._skip_to(message.offset)
            self._next = message.offset + 1
            yield message

    def __iter__(self) -> Iterator[Message]:
        """All that was not read yet."""
        return self.upto(self._end)

    def has_hole(self, after: int, upto: int) -> bool:
        """Whether an offset in between, ``upto`` itself included, was not there or lies before the start."""
        if upto <= after:
            return False
        if after + 1 < self._start:
            return True
        place = bisect_right(self._holes, (upto, self._end)) - 1
        return place >= 0 and self._holes[place][1] > after

    def _skip_to(self, offset: int) -> None:
        if offset > self._next:
            self._holes.append((self._next, offset - 1))
            self._next = offset

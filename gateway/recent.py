"""The newest answers, in the order in which they were read: what most clients missed that come back."""

from bisect import bisect_left
from collections import deque
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from gateway.cursor import Place

if TYPE_CHECKING:
    from gateway.answers import Answer

#: Values kept; what their keys and places take beside them is about as much again for small ones.
MAXIMUM_BYTES = 128 * 1024 * 1024
#: So many have to be forgotten of a partition before the list of it is made anew.
COMPACT_AT = 1_000


class _Lane:
    """One partition: everything from offset ``start`` on is in ``answers`` from ``head`` on."""

    def __init__(self, start: int) -> None:
        self.start, self.head = start, 0
        self.answers: list[Answer] = []
        self.numbers: list[int] = []


class Recent:
    """Answers by partition, the oldest of all forgotten first."""

    def __init__(self, starts: Mapping[Place, int], maximum_bytes: int = MAXIMUM_BYTES) -> None:
        self._lanes = {place: _Lane(start) for place, start in starts.items()}
        self._order: deque[_Lane] = deque()
        self._count = 0
        self._bytes, self._maximum_bytes = 0, maximum_bytes

    def add(self, answer: "Answer") -> None:
        """The next one that was read."""
        message = answer.message
        lane = self._lanes[message.topic, message.partition]
        lane.answers.append(answer)
        lane.numbers.append(self._count)
        self._order.append(lane)
        self._count += 1
        self._bytes += answer.size
        while self._bytes > self._maximum_bytes:
            self._forget()

    def since(self, offsets: Mapping[Place, int], topics: Iterable[str]) -> "list[Answer] | None":
        """What was read of some topics from these offsets on, in order; None where some is forgotten."""
        wanted = set(topics)
        found: list[tuple[int, Answer]] = []
        for (topic, partition), offset in offsets.items():
            if topic not in wanted:
                continue
            lane = self._lanes[topic, partition]
            if offset < lane.start:
                return None
            at = bisect_left(lane.answers, offset, lane.head, key=_offset)
            found += zip(lane.numbers[at:], lane.answers[at:], strict=True)
        found.sort(key=_number)
        return [answer for _, answer in found]

    def _forget(self) -> None:
        lane = self._order.popleft()
        answer = lane.answers[lane.head]
        lane.start = answer.message.offset + 1
        self._bytes -= answer.size
        lane.head += 1
        if lane.head >= COMPACT_AT and lane.head * 2 >= len(lane.answers):
            del lane.answers[: lane.head], lane.numbers[: lane.head]
            lane.head = 0


def _offset(answer: "Answer") -> int:
    return answer.message.offset


def _number(numbered: "tuple[int, Answer]") -> int:
    return numbered[0]

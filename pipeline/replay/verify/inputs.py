"""The inputs of one partition by event, read as far as a version of a row needs them."""

from collections import deque
from collections.abc import Mapping
from typing import Any

from pipeline import codec
from pipeline.errors import UnreadableRecord
from pipeline.replay.verify.tape import Message, Partition, Tape
from pipeline.replay.verify.verdict import Verdict
from pipeline.stages.fold import Input, Stage
from pipeline.topics import TICKS, TOPICS, partition_of

#: Last offsets by topic.
Applied = Mapping[str, int]
#: The kind of a dead letter whose record could be read.
FOLD = "fold"
_NOTHING: Applied = {}


class Inputs:
    """Hands out the inputs between two versions of a row; tells which were lost and which still wait.

    Parameters
    ----------
    starts
        From which offset of each topic on something is needed.
    known
        What the version that an event starts from has applied already.
    finals
        What the last version of each event has applied.
    """

    def __init__(
        self,
        stage: Stage[Any],
        partition: Partition,
        starts: Applied,
        known: Mapping[bytes, Applied],
        finals: Mapping[bytes, Applied],
        verdict: Verdict,
    ) -> None:
        self._partition, self._known, self._finals, self._verdict = partition, known, finals, verdict
        self._tapes = {topic: Tape(partition, topic, starts.get(topic, 0)) for topic in stage.sources}
        self._queues: dict[tuple[bytes, str], deque[Message]] = {}
        self._ticks: dict[int, bytes] = {}
        self._last_tick: Input | None = None

    def between(self, key: bytes, after: Applied, upto: Applied) -> tuple[list[Input], list[Input]]:
        """The inputs of an event that one version has and the other has not, and those buried by the fold."""
        taken: list[Input] = []
        buried: list[Input] = []
        for topic, tape in self._tapes.items():
            last = upto.get(topic, -1)
            for message in tape.upto(last):
                self._sort(topic, message)
            queue = self._queues.get((key, topic))
            while queue and queue[0].offset <= last:
                message = queue.popleft()
                if message.offset > after.get(topic, -1):
                    self._take(topic, message, taken, buried)
        return taken, buried

    def tick(self, offset: int) -> Input | None:
        """The tick at an offset, None where it is not there or cannot be read."""
        if self._last_tick is None or self._last_tick.offset != offset:
            value = self._ticks.get(offset)
            if value is None:
                return None
            number = self._partition.number
            self._last_tick = Input(TICKS, number, offset, codec.decode(TICKS, b"clock", value))
        return self._last_tick

    def gap(self, after: Applied, upto: Applied) -> str:
        """Why inputs between two versions may be gone; empty where all are there."""
        for topic, tape in self._tapes.items():
            if tape.has_hole(after.get(topic, -1), upto.get(topic, -1)):
                return "inputs expired" if TOPICS[topic].retention_ms else "inputs compacted away"
        return ""

    def read_rest(self) -> None:
        """Read to the ends, for what was lost and what waits."""
        for topic, tape in self._tapes.items():
            for message in tape:
                self._sort(topic, message)

    def _sort(self, topic: str, message: Message) -> None:
        place = (topic, self._partition.number, message.offset)
        buried = self._partition.buried.get(place, "")
        if topic == TICKS:
            self._keep_tick(message, buried)
            return
        if buried not in ("", FOLD) or (message.value is None and TOPICS[topic].retention_ms == 0):
            return
        key = message.key or b""
        if message.offset > self._finals.get(key, _NOTHING).get(topic, -1):
            if not buried:
                self._miss(topic, message.offset)
        elif message.offset > self._known.get(key, _NOTHING).get(topic, -1):
            self._queues.setdefault((key, topic), deque()).append(message)

    def _keep_tick(self, message: Message, buried: str) -> None:
        try:
            codec.decode(TICKS, message.key, message.value)
        except UnreadableRecord:
            if not buried:
                self._miss(TICKS, message.offset)
            return
        assert message.value is not None
        self._ticks[message.offset] = message.value

    def _take(self, topic: str, message: Message, taken: list[Input], buried: list[Input]) -> None:
        place = (topic, self._partition.number, message.offset)
        try:
            source = Input(*place, codec.decode(topic, message.key, message.value))
        except UnreadableRecord:  # and yet its row says that it was applied
            self._verdict.lost.append(place)
            return
        if partition_of(source.record.event_id, self._partition.count) != self._partition.number:
            self._verdict.lost.append(place)
        elif place in self._partition.buried:
            buried.append(source)
        else:
            taken.append(source)

    def _miss(self, topic: str, offset: int) -> None:
        if offset < self._partition.committed.get(topic, 0):
            self._verdict.lost.append((topic, self._partition.number, offset))
        elif topic != TICKS:
            self._verdict.waiting += 1

"""Which tick a partition has come to, and which of its events that tick moves."""

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from pipeline.records import ClockTick, SourceState
from pipeline.settings import Rules
from pipeline.stages.fold import Input, Row, Stage, next_due_ms
from pipeline.topics import TICKS


class Progress(NamedTuple):
    """How far a topic's partition was read: the next offset, and the newest received time so far."""

    offset: int
    received_at_ms: int


class _Pending(NamedTuple):
    tick: Input
    ends: dict[str, int | None]


class Ticks:
    """Ticks that wait for the other topics of their partition, and the events that are due.

    A waiting tick is in memory alone: it is acknowledged with the batch that it came in, and lost with the
    process. That is harmless, since the next tick carries everything that it did.
    """

    def __init__(self, stage: Stage[Any], rules: Rules) -> None:
        self._stage, self._rules = stage, rules
        self._others = tuple(topic for topic in stage.sources if topic != TICKS)
        self._pending: dict[int, list[_Pending]] = {}
        self._due: dict[int, dict[bytes, int]] = {}
        self._sources: dict[int, tuple[SourceState, ...]] = {}

    def forget(self) -> None:
        """Begin a generation, of which nothing is known yet."""
        self._pending.clear()
        self._due.clear()
        self._sources.clear()

    def ask(self, partition: int, key: bytes) -> None:
        """Let the next tick move an event of which nobody has yet worked out when it is due."""
        self._due.setdefault(partition, {})[key] = 1

    def note(self, partition: int, key: bytes, row: Row[Any]) -> None:
        """Remember when a tick may next change a row."""
        if row.closed:
            self._due.get(partition, {}).pop(key, None)
        else:
            self._due.setdefault(partition, {})[key] = next_due_ms(self._stage, self._rules, row)

    def heard(self, partition: int, key: bytes, row: Row[Any]) -> None:
        """Remember the same of a row that a record moved.

        While a source is down or off the next tick says so to that event too: what moved it may be the first
        that the event has of the source, on its way since before.
        """
        self.note(partition, key, row)
        unfit = any(state.off or state.down_since_ms for state in self._sources.get(partition, ()))
        if unfit and not row.closed:
            self.ask(partition, key)

    def leave_out(self, partition: int, key: bytes) -> None:
        """Ask nothing of an event until its next record: a tick failed on it, and so would every other."""
        self._due.get(partition, {}).pop(key, None)

    def add(self, tick: Input, end: Callable[[str, int], int | None]) -> None:
        """Let a tick wait; ``end`` tells where a topic's partition now ends, None while that is not known."""
        ends = {topic: end(topic, tick.partition) for topic in self._others}
        self._pending.setdefault(tick.partition, []).append(_Pending(tick, ends))

    def ready(self, progress: Callable[[str, int], Progress]) -> Iterator[Input]:
        """Of each partition the last tick that its other topics have come to; earlier ones are done."""
        for partition, pending in self._pending.items():
            read = {topic: progress(topic, partition) for topic in self._others}
            for place in reversed(range(len(pending))):
                if self._is_met(pending[place], read):
                    tick = pending[place].tick
                    del pending[: place + 1]
                    yield tick
                    break

    def moved(self, tick: Input) -> list[bytes]:
        """The events that a tick may change: those that are due, or all when a source's state has changed."""
        record: ClockTick = tick.record
        due = self._due.get(tick.partition, {})
        changed = self._sources.get(tick.partition) != record.sources
        self._sources[tick.partition] = record.sources
        return [key for key, at_ms in due.items() if changed or 0 < at_ms <= record.received_at_ms]

    def _is_met(self, waiting: _Pending, read: dict[str, Progress]) -> bool:
        now_ms = waiting.tick.record.received_at_ms
        for topic, end in waiting.ends.items():
            if read[topic].received_at_ms < now_ms and (end is None or read[topic].offset < end):
                return False
        return True

"""Replay: the folds over an archive, in the one order that an archive has.

Inputs are taken by (received time, topic, partition, offset), a record that was received before its
forerunner in the file right after it. Each answer goes to its readers right after its cause, in the order of
STAGES, before the next input. An archive needs no ticks: the stages say what is due next, and the tick for it
is made, on whole seconds as live.
"""

import hashlib
import heapq
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from pipeline.records import ClockTick, SourceState
from pipeline.replay import archive
from pipeline.replay.archive import ArchiveWriter, Message
from pipeline.settings import Rules
from pipeline.stages import STAGES
from pipeline.stages.fold import Answer, Input, Row, first_row, fold, next_due_ms, provenance
from pipeline.topics import TICKS, event_of, partition_of

#: What an archive may give the folds; everything else is derived.
INPUTS = ("games.events", "odds.snapshots")
TICK_MS = 1000


@dataclass
class Tally:
    """What a replay did so far."""

    inputs: int = 0
    answers: int = 0
    ticks: int = 0
    now_ms: int = 0
    events: set[str] = field(default_factory=set)
    buried: list[str] = field(default_factory=list)
    """Why each input on which a fold raised was left out; its event's state stays as it was."""


class Replay:
    """All rows of all stages, and what is due. ``take`` folds an input and all that follows from it."""

    def __init__(self, rules: Rules, partitions: int, publish: Callable[[Answer], Message]) -> None:
        self.rules, self.partitions, self.publish = rules, partitions, publish
        self.tally = Tally()
        self.sources: tuple[SourceState, ...] = ()
        self.rows: dict[str, dict[str, Row[Any]]] = {name: {} for name in STAGES}
        self._made_with = {name: provenance(stage, rules) for name, stage in STAGES.items()}
        self._due: list[tuple[int, int, str]] = []
        self._due_at: dict[tuple[int, str], int] = {}
        self._ticks: dict[int, int] = {}

    def take(self, message: Message) -> None:
        """Fold an input of the archive, after whatever was due before it."""
        self.until(message.record.received_at_ms)
        self.tally.now_ms = max(self.tally.now_ms, message.record.received_at_ms)
        self.tally.inputs += 1
        self.tally.events.add(message.key)
        self._follow(Input(message.topic, message.partition, message.offset, message.record), message.key)

    def until(self, now_ms: int) -> None:
        """Make the ticks of everything that is due up to a moment."""
        while self._due and self._due[0][0] <= now_ms:
            due_ms, order, event_id = heapq.heappop(self._due)
            if self._due_at.get((order, event_id)) != due_ms:
                continue
            del self._due_at[order, event_id]
            self.tally.now_ms = max(due_ms, self.tally.now_ms)
            tick = ClockTick(received_at_ms=due_ms, sources=self.sources)
            self._tick(event_id, tick, list(STAGES)[order])

    def hear(self, tick: ClockTick) -> None:
        """Take over what a log's own tick says of the sources; where that is new, it may change any event."""
        self.until(tick.received_at_ms)
        self.tally.now_ms = max(tick.received_at_ms, self.tally.now_ms)
        if tick.sources == self.sources:
            return
        self.sources = tick.sources
        for event_id in dict.fromkeys([key for rows in self.rows.values() for key in rows]):
            self._tick(event_id, tick)

    def _tick(self, event_id: str, tick: ClockTick, only: str = "") -> None:
        partition = partition_of(event_id, self.partitions)
        offset = self._ticks.get(partition, 0)
        self._ticks[partition] = offset + 1
        self.tally.ticks += 1
        self._follow(Input(TICKS, partition, offset, tick), event_id, only)

    def _follow(self, source: Input, event_id: str, only: str = "") -> None:
        queue = deque([(source, only)])
        while queue:
            cause, only = queue.popleft()
            for order, (name, stage) in enumerate(STAGES.items()):
                if cause.topic not in stage.sources or (only and name != only):
                    continue
                rows = self.rows[name]
                row = rows.get(event_id) or first_row(stage, event_id, self._made_with[name])
                try:
                    row, answers = fold(stage, self.rules, row, cause)
                except Exception as error:  # noqa: BLE001 (whatever it is, live buries the record and goes on)
                    where = f"{cause.topic}/{cause.partition}@{cause.offset}"
                    self.tally.buried.append(f"{name} on {where}: {type(error).__name__}: {error}")
                    continue
                rows[event_id] = row
                self._plan(order, event_id, next_due_ms(stage, self.rules, row))
                for answer in answers:
                    self.tally.answers += 1
                    sent = self.publish(answer)
                    if answer.record is not None:
                        queue.append((Input(sent.topic, sent.partition, sent.offset, answer.record), ""))

    def _plan(self, order: int, event_id: str, due_ms: int) -> None:
        if due_ms == 0:
            self._due_at.pop((order, event_id), None)
            return
        # The next whole second that is still to come: a tick is never made twice for one moment.
        due_ms = max(-(-due_ms // TICK_MS), self.tally.now_ms // TICK_MS + 1) * TICK_MS
        if self._due_at.get((order, event_id)) != due_ms:
            self._due_at[order, event_id] = due_ms
            heapq.heappush(self._due, (due_ms, order, event_id))


def inputs(folder: Path, from_ms: int = 0, to_ms: int = 0) -> Iterator[Message]:
    """The inputs of an archive in the order of replay; ``to_ms`` 0 is the end."""
    files = [topic for topic in archive.topics_of(folder) if topic in INPUTS]
    streams = [_timed(folder, topic, order) for order, topic in enumerate(sorted(files))]
    for at_ms, _, message in heapq.merge(*streams, key=lambda item: item[:2]):
        if to_ms and at_ms >= to_ms:
            return
        if at_ms >= from_ms:
            yield message


def _timed(folder: Path, topic: str, order: int) -> Iterator[tuple[int, int, Message]]:
    at_ms = 0
    for message in archive.read(folder, topic):
        at_ms = max(at_ms, message.record.received_at_ms)
        yield at_ms, order, message


class Digest:
    """A hash of every answer in order: of its topic, key, place and content."""

    def __init__(self) -> None:
        self._hash = hashlib.sha256()

    def add(self, message: Message) -> None:
        """Count one answer in."""
        place = (message.topic, message.key, message.partition, message.offset)
        self._hash.update(msgspec.msgpack.encode((place, message.record)))

    def hexdigest(self) -> str:
        """The digest so far, 64 hexadecimal digits."""
        return self._hash.hexdigest()


def replay(
    folder: Path,
    out: Path,
    rules: Rules,
    partitions: int,
    *,
    span: tuple[int, int] = (0, 0),
    progress: Callable[[Tally], None] = lambda _: None,
) -> tuple[Tally, str]:
    """Fold an archive into a new archive of answers; what was done and the digest of the answers.

    Raises UsageError where ``folder`` is no archive or ``out`` is not empty.
    """
    messages = inputs(folder, *span)
    digest = Digest()
    with ArchiveWriter(out, partitions) as writer:

        def publish(answer: Answer) -> Message:
            at_ms = machine.tally.now_ms
            partition = partition_of(event_of(answer.key), partitions)
            sent = writer.put(answer.topic, answer.key, answer.record, at_ms, partition)
            digest.add(sent)
            return sent

        machine = Replay(rules, partitions, publish)
        for message in messages:
            machine.take(message)
            progress(machine.tally)
    return machine.tally, digest.hexdigest()

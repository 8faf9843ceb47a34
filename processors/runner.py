"""A stage over Kafka: batches in, answers acknowledged, then rows, then the inputs are done.

That order is the guarantee: a row never runs ahead of what readers can see, and after a crash an input is at
worst folded again from the old row.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Protocol

from faust.types import EventT

from pipeline import codec
from pipeline.cluster import changelog
from pipeline.errors import UnreadableRecord
from pipeline.records import ClockTick, Derived, GameEvent, OddsSnapshot
from pipeline.settings import Rules
from pipeline.stages.fold import Input, Row, Stage, fold, merged
from pipeline.topics import DEAD_LETTERS, TICKS, TOPICS, partition_of
from processors.burial import letter
from processors.positions import Positions
from processors.rows import Rows
from processors.tally import Tally
from processors.ticks import Ticks

#: Events that one tick moves are worked off so many at a time, and in between the loop is let go.
SLICE = 100

logger = logging.getLogger(__name__)


class Producer(Protocol):
    """As much of Faust's producer as is used: it sends, and gives what to await for the acknowledgement."""

    async def send(
        self,
        topic: str,
        key: bytes | None,
        value: bytes | None,
        partition: int | None,
        timestamp: float | None,
        headers: dict[str, bytes] | None,
    ) -> Awaitable[Any]: ...


class Runner:
    """Folds batches of events of one stage into its rows.

    ``end`` tells where a source partition ended when it was last asked, None while that is not known.
    ``written`` is told of rows once all of a batch are in the changelog: partition, offset and bytes of each.
    """

    def __init__(
        self,
        stage: Stage[Any],
        rules: Rules,
        partitions: int,
        rows: Rows,
        positions: Positions,
        producer: Callable[[], Producer],
        end: Callable[[str, int], int | None],
        written: Callable[[list[tuple[int, int, int]]], None],
    ) -> None:
        self._stage, self._rules, self._partitions = stage, rules, partitions
        self._rows, self._positions = rows, positions
        self._producer, self._end, self._written = producer, end, written
        self._ticks = Ticks(stage, rules)
        self._changelog = changelog(stage.name)
        self._compacted = frozenset(t for t in stage.sources if TOPICS[t].retention_ms == 0)
        self._unacknowledged: list[tuple[str, int, Awaitable[Any]]] = []
        self._touched: dict[bytes, tuple[int, Row[Any]]] = {}
        self._begun: set[str] = set()
        self._tally = Tally(stage)

    def begin_generation(self) -> None:
        """Partitions were given out anew and rows recovered. Raises TopicsUnfit on rows that are unfit."""
        self._positions.forget()
        self._ticks.forget()
        self._begun.clear()
        for partition, key in self._rows.reopen():
            self._ticks.ask(partition, key)
        self._tally.began(len(self._rows))

    async def run(self, events: Sequence[EventT]) -> None:
        """Fold a batch. When it returns, its answers and rows are acknowledged and the events are done."""
        started_s = time.perf_counter()
        for (partition, key), inputs in (await self._inputs(events)).items():
            await self._fold_inputs(partition, key, inputs)
        for tick in self._ticks.ready(self._positions.progress):
            await self._fold_tick(tick)
        await self._write()
        self._tally.batch(time.perf_counter() - started_s, len(self._rows))

    async def _inputs(self, events: Sequence[EventT]) -> dict[tuple[int, bytes], list[Input]]:
        """The records of a batch by event; ticks wait aside, what cannot be read is buried."""
        found: dict[tuple[int, bytes], list[Input]] = {}
        now_s = time.time()
        for event in events:
            message = event.message
            tp, topic, key, value = message.tp, message.topic, message.key, message.value
            await self._positions.admit(tp, message.offset)
            self._tally.read(topic)
            if value is None and topic in self._compacted:
                continue  # a tombstone: its event is over, and whoever wrote it said so before
            try:
                record = codec.decode(topic, key, value)
                if topic != TICKS and partition_of(record.event_id, self._partitions) != tp.partition:
                    raise UnreadableRecord(
                        f"partition: {record.event_id} belongs on partition "
                        f"{partition_of(record.event_id, self._partitions)}; its producer needs murmur2"
                    )
            except UnreadableRecord as error:
                await self._bury((topic, tp.partition, message.offset), str(error), key, value)
                continue
            self._positions.saw(tp, record.received_at_ms)
            source = Input(topic, tp.partition, message.offset, record, *_began(message.headers))
            if topic == TICKS:
                self._ticks.add(source, self._end)
            else:
                found.setdefault((tp.partition, key), []).append(source)
                self._tally.decoded(topic, record, message.timestamp, now_s)
        return found

    async def _fold_inputs(self, partition: int, key: bytes, inputs: list[Input]) -> None:
        row = self._rows[key]
        fresh = {(i.topic, i.offset): i for i in inputs if i.offset > row.applied.get(i.topic, -1)}
        for source in merged(self._stage, fresh.values()):
            row = await self._fold(row, source) or row
        if row.revision:
            # Also a row that a replay only read: were its last version not in the changelog, now it is.
            self._touched[key] = partition, row
            self._ticks.heard(partition, key, row)

    async def _fold_tick(self, tick: Input) -> None:
        moved = self._ticks.moved(tick)
        for at in range(0, len(moved), SLICE):
            if at:
                await self._write()
                await asyncio.sleep(0)
            for key in moved[at : at + SLICE]:
                await self._fold_tick_of(key, tick)

    async def _fold_tick_of(self, key: bytes, tick: Input) -> None:
        _, row = self._touched.get(key) or (tick.partition, self._rows[key])
        if tick.offset <= row.applied.get(TICKS, -1):
            return
        folded = await self._fold(row, tick)
        if folded is None:
            self._ticks.leave_out(tick.partition, key)
            return
        if folded is not row:
            self._touched[key] = tick.partition, folded
        self._ticks.note(tick.partition, key, folded)

    async def _fold(self, row: Row[Any], source: Input) -> Row[Any] | None:
        """The row with one input applied and its answers sent; None where that fails, and it is buried."""
        started_s = time.perf_counter()
        try:
            anew = row.event_id not in self._begun
            folded, answers = fold(self._stage, self._rules, row, source, anew=anew)
            bodies = [(topic, *_encoded(topic, key, record)) for topic, key, record in answers]
        except Exception as error:  # whatever a fold raises is about this record, and buried with it
            logger.debug("fold failed", exc_info=True)
            _, buried = codec.encode(source.topic, source.record)
            reason = f"fold: {type(error).__name__}: {error}"
            await self._bury(source[:3], reason, row.event_id.encode(), buried)
            return None
        self._tally.folded(folded, source, answers, time.perf_counter() - started_s)
        if folded is not row:
            self._begun.add(row.event_id)
        place = source.place
        headers = {
            "cause": place.encode(),
            "origin": (source.origin or place).encode(),
            "source_at_ms": b"%d" % (source.source_at_ms or _source_at_ms(source.record)),
        }
        for topic, key, value in bodies:
            await self._send(topic, key, value, source.partition, headers)
        return folded

    async def _bury(
        self, place: tuple[str, int, int], reason: str, key: bytes | None, value: bytes | None
    ) -> None:
        self._tally.buried(place, reason)
        await self._send(DEAD_LETTERS, *letter(self._stage.name, place, reason, key, value), None, None)

    async def _send(
        self,
        topic: str,
        key: bytes,
        value: bytes | None,
        partition: int | None,
        headers: dict[str, bytes] | None,
    ) -> None:
        sent = await self._producer().send(topic, key, value, partition, None, headers)
        self._unacknowledged.append((topic, len(value or b""), sent))

    async def _acknowledged(self) -> list[tuple[int, int, int]]:
        """Await everything that was sent; of the rows among it partition, offset and bytes."""
        rows = []
        for topic, size, sent in self._unacknowledged:
            placed = await sent
            if topic == self._changelog:
                rows.append((placed.partition, placed.offset, size))
            else:
                self._tally.acknowledged(topic)
        self._unacknowledged.clear()
        return rows

    async def _write(self) -> None:
        """Await the answers, then write the rows behind them and await those: only then is an input done."""
        await self._acknowledged()
        for key, (partition, row) in self._touched.items():
            value = self._rows.encode(row)
            # To the partition of the event, and awaited: a table of Faust takes the partition from its
            # current event, and does not say when a row was refused.
            await self._send(self._changelog, key, value, partition, None)
            self._rows.put(key, partition, row, value)
        self._touched.clear()
        self._written(await self._acknowledged())


def _began(headers: Any) -> tuple[str, int]:
    """Where and when the chain of folds that led to a message began, as whoever sent it says."""
    given = dict(headers) if headers else {}
    at_ms = given.get("source_at_ms") or b""
    return (given.get("origin") or b"").decode(errors="replace"), int(at_ms) if at_ms.isdigit() else 0


def _source_at_ms(record: Any) -> int:
    """When what a record tells was so by its source's clock; of odds the newest quote."""
    match record:
        case GameEvent():
            return record.happened_at_ms
        case OddsSnapshot():
            return max([line.quoted_at_ms for line in record.lines], default=record.received_at_ms)
        case ClockTick():
            return record.received_at_ms
    return 0


def _encoded(topic: str, key: str, record: Derived | None) -> tuple[bytes, bytes | None]:
    return (key.encode(), None) if record is None else codec.encode(topic, record)

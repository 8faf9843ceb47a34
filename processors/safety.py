"""What makes Faust safe, in one place, each override with the reason above it.

They touch private parts of faust-streaming, mode-streaming and aiokafka, so these are pinned, and another
version refuses to load. Each was found by losing records, or time, on a real broker.
"""

import heapq
import os
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Mapping
from importlib.metadata import version
from typing import Any

import aiokafka
import faust
from aiokafka.conn import AIOKafkaConnection
from aiokafka.consumer.group_coordinator import GroupCoordinator
from aiokafka.protocol.produce import ProduceRequest
from faust.tables.manager import TableManager
from faust.tables.recovery import Recovery
from faust.transport.drivers import aiokafka as driver
from faust.transport.utils import DefaultSchedulingStrategy
from faust.types import TP

from pipeline.cluster import COMPRESSION, MAXIMUM_ROW_BYTES

PINNED = {"faust-streaming": "0.15.3", "mode-streaming": "0.7.1", "aiokafka": "0.14.0"}
for _package, _pinned in PINNED.items():
    if (_found := version(_package)) != _pinned:
        raise ImportError(
            f"{_package} is {_found}; the overrides of processors.safety are proven with {_pinned} alone"
        )

FETCH_WAIT_MS = 100

#: Reads changelog partitions, all that are now ours and each from the first to the last offset given (which
#: is before the first where there is nothing), into the table's store.
Load = Callable[[Mapping[TP, tuple[int, int]]], Awaitable[None]]


class IdempotentProducer(driver.Producer):
    """Faust's own settings leave idempotence off: a retry could double or reorder answers and rows."""

    def _settings_extra(self) -> Mapping[str, Any]:
        return {**super()._settings_extra(), "acks": "all", "enable_idempotence": True}


class GivingBack(driver.AIOKafkaConsumerThread):
    """Puts records back that were fetched while the flow was stopped.

    A fetch that was under way when recovery stopped the flow may end after the partitions were sought to
    their committed offsets. Faust drops its records and seeks again; but aiokafka seeks to no offset of 0, so
    where nothing was committed yet the worker would read on behind them: they would be missing.
    """

    async def _fetch_records(
        self,
        consumer: Any,
        active_partitions: set[TP],
        timeout: float | None = None,
        max_records: int | None = None,
    ) -> Any:
        records = await super()._fetch_records(consumer, active_partitions, timeout, max_records)
        if not records or self.consumer.flow_active:
            return records
        for tp, batch in records.items():
            if tp in consumer.assignment():
                consumer.seek(tp, batch[0].offset)
        return {}


class GivingBackConsumer(driver.Consumer):
    """The consumer that fetches so."""

    def _new_consumer_thread(self) -> GivingBack:
        return GivingBack(self, loop=self.loop, beacon=self.beacon)


class IdempotentTransport(driver.Transport):
    """Where the app gets both from."""

    Consumer = GivingBackConsumer
    Producer = IdempotentProducer


class QuietRecovery(Recovery):
    """Recovery that lets no record into the stream queues before they are cleared, and reads rows in bulk."""

    async def on_recovery_completed(self, generation_id: int = 0) -> None:
        # It resumes the source partitions, seeks (a round trip for each), and ends with
        # flow_control.resume(), which clears every stream queue: whatever was fetched in between vanishes,
        # and is committed later.
        self.app.consumer.stop_flow()
        self.app.flow_control.suspend()
        await super().on_recovery_completed(generation_id)

    async def _build_offsets(self, consumer: Any, tps: set[TP], destination: Counter[TP], title: str) -> None:
        # Faust replays a changelog record by record, 150 µs each. Everything up to the highwater is read here
        # in bulk instead; what it then sees is a table that has nothing left to recover.
        await super()._build_offsets(consumer, tps, destination, title)
        if title != "active":
            return
        wanted = {tp: (max(destination[tp], -1) + 1, self.active_highwaters[tp]) for tp in tps}
        await self.app.load(wanted)
        for tp, (_, last) in wanted.items():
            destination[tp] = max(destination[tp], last)


class QuietTables(TableManager):
    """Tables that recover by `QuietRecovery`, and start at once."""

    _recovery: Recovery | None

    @property
    def recovery(self) -> Recovery:
        if self._recovery is None:
            self._recovery = QuietRecovery(self.app, self, beacon=self.beacon, loop=self.loop)
        return self._recovery

    async def on_start(self) -> None:
        # As the original, without its sleep of a second, which every restart would pay.
        if not self.should_stop:
            await self._update_channels()
            await self.recovery.start()


class SafeApp(faust.App):
    """A Faust app with everything of this module; ``load`` reads its table's changelog in bulk."""

    def __init__(self, *args: Any, load: Load, **options: Any) -> None:
        self.load = load
        super().__init__(*args, TableManager=QuietTables, ConsumerScheduler=TimeScheduler, **options)

    def _new_transport(self) -> IdempotentTransport:
        return IdempotentTransport(self.conf.broker_consumer, self)

    def _new_producer_transport(self) -> IdempotentTransport:
        return IdempotentTransport(self.conf.broker_producer, self)


class TimeScheduler(DefaultSchedulingStrategy):
    """Hands out the records of one fetch by their time stamps, each partition in its own order.

    Faust takes turns by topic: while it catches up, slow topics and ticks are read to their end first, and
    old odds meet probabilities of a later hour.
    """

    def iterate(self, records: Mapping[TP, list[Any]]) -> Iterator[tuple[TP, Any]]:
        heads = []
        for place, (tp, batch) in enumerate(records.items()):
            rest = iter(batch)
            if (first := next(rest, None)) is not None:
                heads.append((first.timestamp, place, tp, first, rest))
        heapq.heapify(heads)
        while heads:
            _, place, tp, record, rest = heads[0]
            yield tp, record
            if (following := next(rest, None)) is None:
                heapq.heappop(heads)
            else:
                heapq.heapreplace(heads, (following.timestamp, place, tp, following, rest))


class QuickConsumer(aiokafka.AIOKafkaConsumer):
    """Faust hard-codes a fetch wait of 1.5 s, behind which every question of a recovery to a broker waits."""

    def __init__(self, *topics: str, **settings: Any) -> None:
        super().__init__(*topics, **{**settings, "fetch_max_wait_ms": FETCH_WAIT_MS})


def install(
    on_heartbeat: Callable[[], Callable[[], None]],
    on_member_id: Callable[[str], None],
    before_write: Callable[[], None],
) -> None:
    """Put the overrides in place that cannot be had by subclassing. Once in a process.

    ``on_heartbeat`` is called before each heartbeat, and what it returns when that heartbeat has succeeded;
    ``on_member_id`` is told each id that the group gives us (empty: none). Both run in the consumer's thread.
    ``before_write`` is called when records are about to be handed to a socket.
    """
    driver.aiokafka.AIOKafkaConsumer = QuickConsumer
    heartbeat = GroupCoordinator._do_heartbeat

    async def watched_heartbeat(self: GroupCoordinator) -> bool:
        succeeded = on_heartbeat()
        if answered := await heartbeat(self):
            succeeded()
        return bool(answered)

    # A worker that was paused for longer than its session still owns its queues; the lease asks since when.
    GroupCoordinator._do_heartbeat = watched_heartbeat

    send = AIOKafkaConnection.send

    def fenced_send(self: AIOKafkaConnection, request: Any, *args: Any, **options: Any) -> Any:
        if isinstance(request, ProduceRequest):
            before_write()
        return send(self, request, *args, **options)

    # Whatever waits in the producer of a worker that was paused would else go out as soon as it wakes up,
    # after what its successor has written in the meantime.
    AIOKafkaConnection.send = fenced_send

    def member_id(self: GroupCoordinator) -> str:
        return str(self.__dict__.get("member_id", ""))

    def set_member_id(self: GroupCoordinator, given: str) -> None:
        self.__dict__["member_id"] = given
        on_member_id(given)

    # The successor of a killed worker takes it out of its group by this id, which is known nowhere else.
    GroupCoordinator.member_id = property(member_id, set_member_id)


def configured(name: str, bootstrap: str, datadir: os.PathLike[str], session_s: float, load: Load) -> SafeApp:
    """A Faust app with the settings that were proven; ``session_s`` is the consumer group's session."""
    return SafeApp(
        name,
        load=load,
        broker=[f"kafka://{address.strip()}" for address in bootstrap.split(",")],
        datadir=str(datadir),
        store="memory://",
        web_enabled=False,
        topic_allow_declare=False,
        topic_disable_leader=True,
        table_standby_replicas=0,
        key_serializer="raw",
        value_serializer="raw",
        stream_wait_empty=True,
        broker_session_timeout=session_s,
        broker_heartbeat_interval=1.0,
        broker_commit_interval=1.0,
        consumer_auto_offset_reset="earliest",
        producer_acks=-1,
        producer_linger=0,
        producer_compression_type=COMPRESSION,
        # One request to each broker is in flight: small batches would wait in line for each other.
        producer_max_batch_size=512_000,
        producer_max_request_size=MAXIMUM_ROW_BYTES,
    )

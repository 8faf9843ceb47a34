"""Where records go: a Kafka cluster, or an archive that replay reads."""

import time
from pathlib import Path
from typing import Any, Protocol

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, Producer, TopicPartition
from confluent_kafka.admin import AdminClient

from pipeline import codec
from pipeline.errors import BrokerUnavailable, Refused, TopicsUnfit, UnreadableRecord
from pipeline.records import ClockTick, Record
from pipeline.replay.archive import ArchiveWriter
from pipeline.topics import TICKS, topic_of
from producers.resume import INPUTS, NOTHING, Held, Place
from producers.tally import Tally

#: How long a cluster may take to answer before it counts as not there.
ANSWER_S = 8.0
#: librdkafka's word for the last record of a partition.
LAST = -2001
#: How long a record may wait to be acknowledged; a broker that restarts is back by then.
DELIVERY_S = 120


class Log(Protocol):
    """Takes records in the order of their time. What it refuses is in its tally, and never lost silently."""

    tally: Tally
    partitions: int
    safe_at_s: float
    """When all that had been sent was seen to be safe, by the monotonic clock."""

    def send(self, record: Record) -> None:
        """Append a record to its topic, or count why it was refused."""

    def rest(self, seconds: float) -> None:
        """Let time pass; what went wrong with records sent before is raised here at the latest."""

    def held(self) -> Held:
        """What the log holds of the inputs."""

    def close(self) -> None:
        """Return when everything that was sent is safe."""


class KafkaLog:
    """Appends to a Kafka cluster, idempotent, acknowledged by all replicas, partitioned as Java does.

    Raises BrokerUnavailable where no cluster answers or one stops taking records, TopicsUnfit where it
    has no topics.
    """

    def __init__(self, bootstrap: str) -> None:
        self.bootstrap, self.tally = bootstrap, Tally()
        self.partitions = _partitions(bootstrap)
        self.safe_at_s = time.monotonic()
        self._failed: KafkaError | None = None
        self._producer = Producer(
            {
                "bootstrap.servers": bootstrap,
                "enable.idempotence": True,
                "acks": "all",
                "partitioner": "murmur2_random",  # librdkafka's own choice is not that of Java and aiokafka
                "linger.ms": 5,
                "compression.type": "lz4",
                "message.max.bytes": codec.MAXIMUM_BYTES + 40_000,  # the value, its key and the framing
                "delivery.timeout.ms": DELIVERY_S * 1000,
                "delivery.report.only.error": True,
                "on_delivery": self._undelivered,
                "error_cb": self._ended,
                "log_level": 2,  # connection trouble is said once, by us
            }
        )

    def send(self, record: Record) -> None:
        """Append a record to its topic; a tick to every partition, after all that was sent before it."""
        topic = topic_of(type(record)).name
        try:
            key, value = codec.encode(topic, record)
        except Refused as error:
            self.tally.refuse(topic, _reason(error), _place(record))
            return
        if isinstance(record, ClockTick):
            # Topics are appended to side by side: without this a tick could overtake what it comes after.
            self._flush()
            for partition in range(self.partitions):
                self._append(topic, key, value, partition)
        else:
            self._append(topic, key, value)
        self.tally.sent(record)

    def rest(self, seconds: float) -> None:
        """Let time pass while the client works; raises BrokerUnavailable where a record was not delivered."""
        self._producer.poll(seconds)
        self._raise_failure()
        if not len(self._producer):
            self.safe_at_s = time.monotonic()

    def held(self) -> Held:
        """What the inputs' partitions hold."""
        consumer = Consumer(
            {
                "bootstrap.servers": self.bootstrap,
                "group.id": "sharpline.producers",
                "enable.auto.commit": False,
                "enable.partition.eof": True,
                "log_level": 2,
            }
        )
        places = [(topic, partition) for topic in INPUTS for partition in range(self.partitions)]
        try:
            # From the last record to the end: unlike a question for offsets this outlasts a change of leader.
            last = self._from(consumer, dict.fromkeys(places, LAST))
            first = self._from(consumer, {place: 0 for place in places if place[0] == TICKS})
        finally:
            consumer.close()
        return Held(
            {place: _offset(message) + 1 for place, message in last.items()},
            {place: message.value() or b"" for place, message in last.items()},
            min((_time_of(message) for message in first.values() if _offset(message) == 0), default=0),
            max((_time_of(message) for (topic, _), message in last.items() if topic == TICKS), default=0),
        )

    def _from(self, consumer: Consumer, starts: dict[Place, int]) -> dict[Place, Message]:
        """The first record of each partition from an offset on, where there is one."""
        consumer.assign([TopicPartition(*place, offset) for place, offset in starts.items()])
        found: dict[Place, Message] = {}
        left, give_up_s = set(starts), time.monotonic() + ANSWER_S
        while left:
            message = consumer.poll(max(0.0, give_up_s - time.monotonic()))
            if message is None:
                raise BrokerUnavailable(f"{self.bootstrap} does not give its last records; try again")
            place: Any = (message.topic(), message.partition())
            if (error := message.error()) is None:
                found.setdefault(place, message)
            if error is None or error.code() == KafkaError._PARTITION_EOF:
                left.discard(place)
        return found

    def close(self) -> None:
        """Return when everything that was sent is acknowledged."""
        self._flush()

    def _append(self, topic: str, key: bytes, value: bytes, partition: int = -1) -> None:
        while True:
            try:
                self._producer.produce(topic, value=value, key=key, partition=partition)
                break
            except BufferError:
                self.rest(0.1)
        self.rest(0)

    def _flush(self) -> None:
        while self._producer.flush(0.5):  # in slices, so that a signal is heard in between
            self._raise_failure()
        self._raise_failure()
        self.safe_at_s = time.monotonic()

    def _undelivered(self, error: KafkaError | None, _: Message) -> None:
        self._failed = self._failed or error

    def _ended(self, error: KafkaError) -> None:
        if error.fatal():
            self._failed = self._failed or error

    def _raise_failure(self) -> None:
        if self._failed is not None:
            raise BrokerUnavailable(
                f"{self.bootstrap} did not take every record: {self._failed.str()}; what follows was not sent"
            )


def _offset(message: Message) -> int:
    offset = message.offset()
    assert offset is not None  # it was read
    return offset


def _time_of(message: Message) -> int:
    try:
        tick = codec.decode(TICKS, message.key(), message.value())
    except UnreadableRecord:
        return 0  # no tick of ours; the folds bury it
    return int(tick.received_at_ms)


def _partitions(bootstrap: str) -> int:
    client = AdminClient(
        {"bootstrap.servers": bootstrap, "log_level": 2, "socket.connection.setup.timeout.ms": 3000}
    )
    try:
        ticks = client.list_topics(TICKS, timeout=ANSWER_S).topics[TICKS]
    except KafkaException as error:
        raise BrokerUnavailable(
            f"no Kafka answers at {bootstrap}; start one, or name another with --kafka or SHARPLINE_KAFKA"
        ) from error
    if ticks.error is not None or not ticks.partitions:
        raise TopicsUnfit(f"{bootstrap} has no topic {TICKS}; make the topics first: sharpline topics")
    return len(ticks.partitions)


class ArchiveLog:
    """Writes an archive: Avro files that replay reads. It takes no ticks, replay makes its own.

    Raises UsageError where the folder cannot be used.
    """

    def __init__(self, folder: Path, partitions: int) -> None:
        self.tally, self.partitions, self.safe_at_s = Tally(), partitions, time.monotonic()
        self._writer = ArchiveWriter(folder, partitions)

    def send(self, record: Record) -> None:
        """Append a record to its topic's file."""
        if isinstance(record, ClockTick):
            return
        topic = topic_of(type(record)).name
        try:
            self._writer.append(topic, record)
        except Refused as error:
            self.tally.refuse(topic, _reason(error), _place(record))
            return
        self.tally.sent(record)

    def rest(self, seconds: float) -> None:
        """Let time pass."""
        time.sleep(seconds)
        self.safe_at_s = time.monotonic()

    def held(self) -> Held:
        """An archive is new."""
        return NOTHING

    def close(self) -> None:
        """Finish the files."""
        self._writer.close()


def _reason(error: Refused) -> str:
    return str(error)[:200]


def _place(record: Record) -> str:
    return f"{getattr(record, 'event_id', '')[:80]!r} at {getattr(record, 'received_at_ms', 0)}"

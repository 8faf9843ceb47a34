"""The inputs that a cluster has kept, in the order of replay, and those to come; read without a group.

What is to come is handed on up to a little before the newest tick that every partition has: partitions are
read side by side, and nothing else says that none of them is behind.
"""

import heapq
from collections.abc import Iterator
from typing import Any

from confluent_kafka import Consumer, KafkaError, KafkaException, Producer, TopicPartition

from pipeline import cluster, codec
from pipeline.cluster import answered
from pipeline.errors import BrokerUnavailable, TopicsUnfit, UnreadableRecord
from pipeline.records import ShadowDifference
from pipeline.replay.archive import Message
from pipeline.replay.run import INPUTS
from pipeline.replay.verify import kafka
from pipeline.topics import TICKS, partition_of, topic_of

#: In the order in which records of one time are taken; ticks last, as in the folds.
TOPICS = (*sorted(INPUTS), TICKS)
#: By how much, in the log's time, what is handed on stays behind the newest tick: records take time to come.
HOLD_MS = 2_000
ANSWER_S = 20.0
DELIVERY_S = 60.0
AT_ONCE = 1_000
WAIT_S = 0.2

Place = tuple[str, int]
Timed = tuple[int, int, int, int, Message]  # time, order of the topic, partition, offset


class Inputs:
    """The inputs of a cluster from a time on. Raises BrokerUnavailable, or TopicsUnfit where it has none."""

    def __init__(self, bootstrap: str, from_ms: int = 0) -> None:
        self._bootstrap = bootstrap
        counts = cluster.partitions(bootstrap)
        if missing := [topic for topic in TOPICS if topic not in counts]:
            raise TopicsUnfit(f"{bootstrap} has no {', '.join(missing)}; make them with `sharpline topics`")
        self.partitions = counts[TOPICS[0]]
        self.left_out = 0
        """Messages that cannot be read, or are not on their event's partition."""
        places = [(topic, partition) for topic in TOPICS for partition in range(self.partitions)]
        self._consumer = Consumer(
            {
                "bootstrap.servers": bootstrap,
                "group.id": "sharpline.shadow",  # wanted by librdkafka, never joined
                "enable.auto.commit": False,
                "auto.offset.reset": "earliest",
                "fetch.wait.max.ms": 50,
                "log_level": 0,
            }
        )
        self._spans = {place: self._span(place, from_ms) for place in places}
        self._times = dict.fromkeys(places, 0)
        self._ticks = dict.fromkeys(range(self.partitions), 0)

    def close(self) -> None:
        """Let go of the cluster."""
        self._consumer.close()

    def kept(self) -> Iterator[Message]:
        """What was there at the start, up to where each partition ended then."""
        streams = [self._stream(place, start, end) for place, (start, end) in self._spans.items()]
        for *_, message in heapq.merge(*streams, key=lambda timed: timed[:4]):
            yield message

    def to_come(self) -> Iterator[Message | None]:
        """What comes after, for ever; None whenever nothing can be handed on for now."""
        ends = [TopicPartition(*place, end) for place, (_, end) in self._spans.items()]
        self._consumer.assign(ends)
        waiting: list[Timed] = []
        while True:
            for message in self._consumer.consume(AT_ONCE, WAIT_S):
                if timed := self._decoded(message):
                    heapq.heappush(waiting, timed)
            safe_ms = min(self._ticks.values()) - HOLD_MS
            while waiting and waiting[0][0] <= safe_ms:
                yield heapq.heappop(waiting)[-1]
            yield None

    def _span(self, place: Place, from_ms: int) -> tuple[int, int]:
        at = TopicPartition(*place)
        low, end = answered(lambda: self._consumer.get_watermark_offsets(at, timeout=ANSWER_S))
        if not from_ms:
            return low, end
        at.offset = from_ms
        found = answered(lambda: self._consumer.offsets_for_times([at], timeout=ANSWER_S))[0].offset
        return (found if found >= 0 else end), end

    def _stream(self, place: Place, start: int, end: int) -> Iterator[Timed]:
        topic, number = place
        for message in kafka.read(self._bootstrap, topic, number, start, end):
            if timed := self._timed(topic, number, message.offset, message.key, message.value):
                yield timed

    def _decoded(self, message: Any) -> Timed | None:
        error = message.error()
        if error is None:
            place = message.topic(), message.partition(), message.offset()
            return self._timed(*place, message.key(), message.value())
        if error.retriable() or error.code() in (KafkaError._TRANSPORT, KafkaError._ALL_BROKERS_DOWN):
            return None  # the client connects again by itself
        raise BrokerUnavailable(f"{self._bootstrap}: {error.str()}; try again")

    def _timed(
        self, topic: str, number: int, offset: int, key: bytes | None, value: bytes | None
    ) -> Timed | None:
        """A message with its place in the order; one received before its forerunner comes right after it."""
        try:
            record = codec.decode(topic, key, value)
        except UnreadableRecord:
            self.left_out += 1
            return None
        if topic == TICKS:
            self._ticks[number] = max(self._ticks[number], record.received_at_ms)
        elif partition_of(record.event_id, self.partitions) != number:
            self.left_out += 1
            return None
        at_ms = self._times[topic, number] = max(self._times[topic, number], record.received_at_ms)
        name = (key or b"").decode(errors="replace")
        message = Message(topic, name, number, offset, at_ms, record)
        return at_ms, TOPICS.index(topic), number, offset, message


class Publisher:
    """Appends differences to their topic. Raises TopicsUnfit where it is not there."""

    TOPIC = topic_of(ShadowDifference).name

    def __init__(self, bootstrap: str) -> None:
        self._bootstrap = bootstrap
        self._partitions = cluster.partitions(bootstrap).get(self.TOPIC, 0)
        if not self._partitions:
            raise TopicsUnfit(f"{bootstrap} has no {self.TOPIC}; make it with `sharpline topics`")
        self._failed: KafkaError | None = None
        self._producer = Producer(
            {
                "bootstrap.servers": bootstrap,
                "enable.idempotence": True,
                "acks": "all",
                "linger.ms": 20,
                "compression.type": "lz4",
                "delivery.timeout.ms": int(DELIVERY_S * 1000),
                "delivery.report.only.error": True,
                "on_delivery": self._undelivered,
                "log_level": 0,
            }
        )

    def send(self, difference: ShadowDifference) -> None:
        """Append a difference; raises BrokerUnavailable where an earlier one was not taken."""
        key, value = codec.encode(self.TOPIC, difference)
        partition = partition_of(difference.event_id, self._partitions)
        while True:
            try:
                self._producer.produce(self.TOPIC, key=key, value=value, partition=partition)
                break
            except BufferError:  # its queue is full
                self._producer.poll(WAIT_S)
            except KafkaException as error:
                raise self._gone(error) from error
        self._producer.poll(0)
        self._raise()

    def close(self) -> None:
        """Return when all that was sent is acknowledged. Raises BrokerUnavailable."""
        left = self._producer.flush(DELIVERY_S)
        self._raise()
        if left:
            raise self._gone(f"{left} differences were not acknowledged")

    def _undelivered(self, error: KafkaError | None, _message: Any) -> None:
        self._failed = self._failed or error

    def _raise(self) -> None:
        if self._failed is not None:
            raise self._gone(self._failed.str())

    def _gone(self, why: Any) -> BrokerUnavailable:
        return BrokerUnavailable(f"{self.TOPIC} cannot be written at {self._bootstrap}: {why}; try again")

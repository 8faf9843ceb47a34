"""The log of who is who: what others have claimed and said, and what we claim.

On a cluster claims go to one partition, so that whoever reads it to the end knows who was first.
"""

from collections import deque
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple, Protocol

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, Producer, TopicPartition

from pipeline import cluster, codec
from pipeline.errors import BrokerUnavailable, TopicsUnfit, UnreadableRecord
from pipeline.records import SourceAlias, SourceEvent, Unmatched
from pipeline.topics import topic_of

CLAIMS = topic_of(SourceEvent).name
TOPICS = (topic_of(SourceAlias).name, CLAIMS, topic_of(Unmatched).name)
#: The partition that claims are made on.
PARTITION = 0
ANSWER_S = 10.0
AT_ONCE = 1_000


class Told(NamedTuple):
    """A record of the log about who is who, and its offset where that counts, else -1."""

    record: SourceEvent | SourceAlias | Unmatched
    offset: int


class Claims(Protocol):
    """The log of who is who: sources.events, sources.aliases and sources.unmatched."""

    def read(self) -> Iterable[Told]:
        """What has come since the last time, in its order; at first all that there is."""

    def claim(self, event: SourceEvent) -> None:
        """Append; the next `read` goes at least up to it."""

    @property
    def read_to(self) -> int:
        """The first offset that was not read yet; -1 where nobody else can claim."""


class OwnClaims:
    """Claims that nobody can race with, as of a process that writes an archive: appended as other records."""

    read_to = -1

    def __init__(self, append: Callable[[SourceEvent], None]) -> None:
        self._append = append
        self._told: list[Told] = []

    def read(self) -> list[Told]:
        """What was claimed since the last time."""
        told, self._told = self._told, []
        return told

    def claim(self, event: SourceEvent) -> None:
        """Append it."""
        self._append(event)
        self._told.append(Told(event, -1))


class KafkaClaims:
    """Reads and appends claims. Raises BrokerUnavailable, or TopicsUnfit where there are no topics."""

    def __init__(self, bootstrap: str) -> None:
        self.bootstrap = bootstrap
        self.read_to = 0
        counts = cluster.partitions(bootstrap)
        if missing := [topic for topic in TOPICS if topic not in counts]:
            raise TopicsUnfit(f"{bootstrap} has no {', '.join(missing)}; make them with `sharpline topics`")
        self._consumer = Consumer(
            {
                "bootstrap.servers": bootstrap,
                "group.id": "sharpline.claims",  # wanted by librdkafka, never joined
                "enable.auto.commit": False,
                "auto.offset.reset": "earliest",
                "enable.partition.eof": True,
                "fetch.wait.max.ms": 10,
                "log_level": 2,
            }
        )
        places = [TopicPartition(topic, number, 0) for topic in TOPICS for number in range(counts[topic])]
        self._consumer.assign(places)
        self._producer = Producer(
            {
                "bootstrap.servers": bootstrap,
                "enable.idempotence": True,
                "acks": "all",
                "linger.ms": 0,
                "delivery.timeout.ms": int(ANSWER_S * 1000),
                "log_level": 2,
            }
        )
        self._read: deque[Told] = deque()
        unread = {(place.topic, place.partition) for place in places}
        while unread:
            unread -= self._more(ANSWER_S)

    def read(self) -> list[Told]:
        """What has come since the last time."""
        self._more(0.0)
        told = list(self._read)
        self._read.clear()
        return told

    def claim(self, event: SourceEvent) -> None:
        """Append a claim, and read up to it."""
        key, value = codec.encode(CLAIMS, event)
        places: list[int | None] = []
        failed: list[str] = []

        def delivered(error: KafkaError | None, message: Message) -> None:
            if error is None:
                places.append(message.offset())
            else:
                failed.append(error.str())

        try:
            self._producer.produce(CLAIMS, value, key, partition=PARTITION, on_delivery=delivered)
            self._producer.flush(ANSWER_S)
        except KafkaException as error:
            failed.append(str(error))
        if failed or not places or places[0] is None:
            raise BrokerUnavailable(
                f"{CLAIMS} at {self.bootstrap} takes no claims: {', '.join(failed) or 'no answer'}; try again"
            )
        while self.read_to <= places[0]:
            self._more(ANSWER_S)

    def _more(self, wait_s: float) -> set[tuple[Any, Any]]:
        """Read on; the partitions that end here. Raises BrokerUnavailable where nothing comes in time."""
        first = self._consumer.poll(wait_s)
        if first is None and wait_s:
            raise BrokerUnavailable(f"{self.bootstrap} does not give {', '.join(TOPICS)}; try again")
        ended = set()
        for message in [] if first is None else [first, *self._consumer.consume(AT_ONCE, 0)]:
            error, offset = message.error(), message.offset()
            place = message.topic(), message.partition()
            if error is not None:
                if error.code() == KafkaError._PARTITION_EOF:
                    ended.add(place)
                continue  # the client connects again by itself
            assert offset is not None
            is_claim = place == (CLAIMS, PARTITION)
            try:
                record = codec.decode(place[0] or "", message.key(), message.value())
                self._read.append(Told(record, offset if is_claim else -1))
            except UnreadableRecord:
                pass  # a tombstone, or nobody's claim
            if is_claim:
                self.read_to = offset + 1
        return ended

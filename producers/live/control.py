"""Sources that are stopped and started by hand: the topic sources.control, read from its beginning on."""

import time
from collections.abc import Iterator
from typing import Any, Protocol

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from pipeline import cluster, codec
from pipeline.errors import BrokerUnavailable, TopicsUnfit, UnreadableRecord
from pipeline.records import SourceControl
from pipeline.topics import topic_of

TOPIC = topic_of(SourceControl).name
#: How long the topic may take to be read to its end, before anything is asked.
ANSWER_S = 10.0


class Controls(Protocol):
    """What is said of sources."""

    def news(self) -> Iterator[SourceControl]:
        """What was said since the last time, in its order; never waits."""


class NoControls:
    """Where there is no Kafka, nobody says anything."""

    def news(self) -> Iterator[SourceControl]:
        """Nothing."""
        return iter(())


class KafkaControls:
    """Follows the topic; all that stands in it is news at first.

    Raises BrokerUnavailable where it cannot be read, TopicsUnfit where it is not there.
    """

    def __init__(self, bootstrap: str) -> None:
        count = cluster.partitions(bootstrap).get(TOPIC, 0)
        if not count:
            raise TopicsUnfit(f"{bootstrap} has no topic {TOPIC}; make the topics first: sharpline topics")
        self._consumer = Consumer(
            {
                "bootstrap.servers": bootstrap,
                "group.id": "sharpline.controls",
                "enable.auto.commit": False,
                "enable.partition.eof": True,
                "fetch.wait.max.ms": 100,
                "log_level": 2,
            }
        )
        self._consumer.assign([TopicPartition(TOPIC, partition, 0) for partition in range(count)])
        self._first = self._to_the_end(bootstrap, count)

    def news(self) -> Iterator[SourceControl]:
        """What was said since the last time."""
        first, self._first = self._first, []
        yield from first
        while (message := self._consumer.poll(0)) is not None:
            if message.error() is None and (control := _control(message)) is not None:
                yield control

    def close(self) -> None:
        """Read no more."""
        self._consumer.close()

    def _to_the_end(self, bootstrap: str, count: int) -> list[SourceControl]:
        found: list[SourceControl] = []
        ended: set[int] = set()
        give_up_s = time.monotonic() + ANSWER_S
        while len(ended) < count:
            try:
                message: Any = self._consumer.poll(max(0.0, give_up_s - time.monotonic()))
            except KafkaException as error:
                raise BrokerUnavailable(f"{TOPIC} cannot be read at {bootstrap}: {error}") from error
            if message is None:
                raise BrokerUnavailable(f"{bootstrap} does not give {TOPIC} to its end; try again")
            if message.error() is None:
                found += [control for control in [_control(message)] if control is not None]
            elif message.error().code() == KafkaError._PARTITION_EOF:
                ended.add(message.partition())
        return found


def _control(message: Any) -> SourceControl | None:
    """What a message says; None where it is a tombstone or cannot be read, which stops and starts nothing."""
    try:
        return None if message.value() is None else codec.decode(TOPIC, message.key(), message.value())
    except UnreadableRecord:
        return None

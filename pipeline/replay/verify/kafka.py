"""Partitions off a broker, read in bulk without a group."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, cast

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from pipeline.cluster import answered
from pipeline.errors import BrokerUnavailable
from pipeline.replay.verify.tape import Message

IDLE_S = 20.0
AT_ONCE = 1_000


def ends(bootstrap: str, topics: list[str], number: int) -> dict[str, int]:
    """Where a partition of each topic ends now, in the order in which they are named."""
    with _reading(bootstrap) as consumer:
        return {topic: _end(consumer, TopicPartition(topic, number)) for topic in topics}


def read(bootstrap: str, topic: str, number: int, start: int, end: int) -> Iterator[Message]:
    """The messages of a partition from ``start`` up to ``end``, that one left out; read ahead a little.

    The reading ahead begins with the call, so that several partitions come side by side.

    Raises
    ------
    BrokerUnavailable
        If nothing came for 20 s.
    """
    if start >= end:
        return iter(())
    messages = _messages(bootstrap, topic, number, start, end)
    next(messages)
    return cast(Iterator[Message], messages)


def _messages(bootstrap: str, topic: str, number: int, start: int, end: int) -> Iterator[Message | None]:
    """None once the reading has begun, then the messages."""
    with _reading(bootstrap) as consumer:
        # Where that has expired, from the oldest record on.
        consumer.assign([TopicPartition(topic, number, start)])
        yield None
        at, progress_s = start, time.monotonic()
        while at < end:
            try:
                messages: list[Any] = consumer.consume(min(AT_ONCE, end - at), 0.05)
            except KafkaException as error:
                raise _gone(bootstrap, topic, number, at, error) from error
            for message in messages:
                if (fault := message.error()) is None:
                    at = message.offset() + 1
                    if at > end:
                        return
                    yield _message(message)
                elif fault.code() == KafkaError._PARTITION_EOF:  # the last offsets may have no records
                    at = max(at, message.offset())
                else:
                    raise _gone(bootstrap, topic, number, at, fault.str())
            if messages:
                progress_s = time.monotonic()
            elif time.monotonic() - progress_s > IDLE_S:
                raise _gone(bootstrap, topic, number, at, f"nothing came for {IDLE_S:.0f} s")


def _message(message: Any) -> Message:
    return Message(
        message.partition(),
        message.offset(),
        message.key(),
        message.value(),
        message.timestamp()[1],
        dict(message.headers() or ()),
    )


def _end(consumer: Consumer, place: TopicPartition) -> int:
    return int(answered(lambda: consumer.get_watermark_offsets(place, timeout=IDLE_S))[1])


def _gone(bootstrap: str, topic: str, number: int, offset: int, why: Any) -> BrokerUnavailable:
    return BrokerUnavailable(
        f"{topic}/{number} cannot be read at {bootstrap} from {offset} on: {why}; try again"
    )


@contextmanager
def _reading(bootstrap: str) -> Iterator[Consumer]:
    consumer = Consumer(
        {
            "bootstrap.servers": bootstrap,
            "group.id": "sharpline.verify",  # wanted by librdkafka, never joined
            "enable.auto.commit": False,
            "auto.offset.reset": "earliest",
            "enable.partition.eof": True,
            "fetch.wait.max.ms": 10,
            "fetch.queue.backoff.ms": 10,
            "queued.max.messages.kbytes": 8_192,  # a dozen partitions are read side by side
            "log_level": 0,
        }
    )
    try:
        yield consumer
    finally:
        consumer.close()

"""Decoded messages of a topic, from Kafka or from an archive, as a person or a script reads them."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
from confluent_kafka import Consumer, KafkaError, TopicPartition

from pipeline import codec
from pipeline.cluster import answered
from pipeline.errors import BrokerUnavailable, UnreadableRecord, UsageError
from pipeline.replay import archive
from pipeline.replay.archive import Message
from pipeline.topics import TOPICS


def moment(text: str) -> int:
    """Unix ms of ``2025-09-14T17:00Z`` or of Unix seconds or ms. Raises UsageError."""
    if text.isdigit():
        return int(text) * (1000 if len(text) < 12 else 1)
    try:
        at = datetime.fromisoformat(text)
    except ValueError as error:
        raise UsageError(f"{text!r} is no time; write it as 2025-09-14T17:00Z or as Unix ms") from error
    return int((at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp() * 1000)


def known(topic: str) -> str:
    """The topic, or UsageError with the names that there are."""
    if topic not in TOPICS:
        raise UsageError(f"there is no topic {topic!r}; there are {', '.join(TOPICS)}")
    return topic


def from_archive(folder: Path, topic: str, since: str) -> Iterator[Message]:
    """Messages of an archive from ``earliest`` or a time on."""
    if topic not in archive.topics_of(folder):
        raise UsageError(f"{folder} has no {topic}; it has {', '.join(archive.topics_of(folder))}")
    if since == "latest":
        raise UsageError("an archive has no latest; leave --from out or give a time")
    at_ms = 0 if since == "earliest" else moment(since)
    return (message for message in archive.read(folder, topic) if message.at_ms >= at_ms)


def from_kafka(bootstrap: str, topic: str, since: str, *, follow: bool = True) -> Iterator[Message]:
    """Messages of a topic from ``earliest``, ``latest`` or a time on; for ever where ``follow``.

    A message that cannot be decoded is shown as the reason why (a string in ``record``'s place).
    Raises BrokerUnavailable, or UsageError where the topic is not there.
    """
    consumer = Consumer(
        {
            "bootstrap.servers": bootstrap,
            "group.id": "sharpline.tail",
            "enable.auto.commit": False,
            "auto.offset.reset": "earliest",
            "fetch.wait.max.ms": 50,
            "log_level": 2,
        }
    )
    try:
        ends = left = _assign(consumer, bootstrap, topic, since)
        while follow or left:
            message: Any = consumer.poll(0.2)
            if message is not None and (error := message.error()) is not None:
                raise BrokerUnavailable(f"{bootstrap}: {error.str()}")
            if message is not None and (follow or message.offset() < ends.get(message.partition(), 0)):
                yield _decoded(message)
            if not follow:  # what is written meanwhile would go on for ever
                left = _left(consumer, topic, left)
    finally:
        consumer.close()


def _assign(consumer: Consumer, bootstrap: str, topic: str, since: str) -> dict[int, int]:
    """Start reading; the end of each partition that has messages still to come."""
    try:
        listed = consumer.list_topics(topic, timeout=5).topics[topic]
    except Exception as error:
        raise BrokerUnavailable(f"no Kafka answers at {bootstrap}: {error}") from error
    if listed.error is not None and listed.error.code() == KafkaError.UNKNOWN_TOPIC_OR_PART:
        raise UsageError(f"{topic} is not on {bootstrap}; make the topics with `sharpline topics`")
    places = [TopicPartition(topic, partition) for partition in listed.partitions]
    marks = {
        place.partition: answered(lambda: consumer.get_watermark_offsets(place, timeout=10))  # noqa: B023
        for place in places
    }
    if since not in ("earliest", "latest"):
        for place in places:
            place.offset = moment(since)
        found = answered(lambda: consumer.offsets_for_times(places, timeout=10))
        starts = {p.partition: p.offset for p in found}
    else:
        starts = {partition: low if since == "earliest" else high for partition, (low, high) in marks.items()}
    for place in places:
        place.offset = starts[place.partition] if starts[place.partition] >= 0 else marks[place.partition][1]
    consumer.assign(places)
    return {p.partition: marks[p.partition][1] for p in places if p.offset < marks[p.partition][1]}


def _left(consumer: Consumer, topic: str, ends: dict[int, int]) -> dict[int, int]:
    places = consumer.position([TopicPartition(topic, partition) for partition in ends])
    return {p.partition: ends[p.partition] for p in places if p.offset < ends[p.partition]}


def _decoded(message: Any) -> Message:
    key = (message.key() or b"").decode(errors="replace")
    try:
        value = message.value()
        record = None if value is None else codec.decode(message.topic(), message.key(), value)
    except UnreadableRecord as error:
        record = str(error)
    at_ms = message.timestamp()[1]
    return Message(message.topic(), key, message.partition(), message.offset(), at_ms, record)


def as_json(message: Message) -> str:
    """One line of JSON."""
    record = message.record
    value = record if isinstance(record, str) or record is None else codec.plain(record)
    return msgspec.json.encode({**message._asdict(), "record": value}).decode()


def as_text(message: Message) -> str:
    """Place and time on one line, the record's fields below it."""
    at = datetime.fromtimestamp(message.at_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S.%f")[:-3] + "Z"
    head = f"{message.topic}/{message.partition}@{message.offset}  {at}  {message.key}"
    if message.record is None:
        return f"{head}\n  tombstone"
    if isinstance(message.record, str):
        return f"{head}\n  cannot be read: {message.record}"
    fields = codec.plain(message.record)
    return "\n".join([head, *(f"  {name}: {_short(name, value)}" for name, value in fields.items())])


def _short(name: str, value: Any) -> str:
    if name.endswith("_at_ms") and value:
        at = datetime.fromtimestamp(value / 1000, UTC)
        return f"{value} ({at:%Y-%m-%d %H:%M:%S}Z)"
    if isinstance(value, list | tuple) and value and isinstance(value[0], dict):
        return "".join("\n    " + _flat(item) for item in value)
    return _flat(value)


def _flat(value: Any) -> str:
    if isinstance(value, dict):
        return "  ".join(f"{name}={_flat(item)}" for name, item in value.items())
    if isinstance(value, list | tuple):
        return "[" + ", ".join(_flat(item) for item in value) + "]"
    return f"{value:.5g}" if isinstance(value, float) else str(value)

"""What sends a load: as fast as it goes, or at a steady pace from a process of its own.

That process is ``python -m tests.benchmarks.load OUT LOAD PARTITIONS LINGER_MS``; LOAD is a `Load` as JSON.
It encodes everything first, says "pacing", sends each record when it is due, and leaves its `Mark` in OUT.
"""

import os
import sys
import time
from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import click
import msgspec
from confluent_kafka import Producer

from pipeline import codec
from pipeline.cluster import COMPRESSION
from pipeline.records import ClockTick
from pipeline.topics import topic_of
from tests.benchmarks.board import START_MS, Evening, Load, Made


class Mark(NamedTuple):
    """A record that was appended: where, when it was handed to the client, and how late that was."""

    topic: str
    partition: int
    offset: int
    sent_ns: int
    """Of the monotonic clock, which all processes share."""
    stamp_ms: int
    """The record's Kafka timestamp."""
    late_ms: float


def producer(bootstrap: str, linger_ms: float) -> Producer:
    """As the project's own, with another linger."""
    return Producer(
        {
            "bootstrap.servers": bootstrap,
            "enable.idempotence": True,
            "acks": "all",
            "partitioner": "murmur2_random",
            "linger.ms": linger_ms,
            "compression.type": COMPRESSION,
            "queue.buffering.max.messages": 1_000_000,
            "queue.buffering.max.kbytes": 1_000_000,
            "log_level": 2,
        }
    )


def append(bootstrap: str, partitions: int, records: Iterable[Made]) -> None:
    """Append records as fast as it goes, stamped as if the log had begun an hour ago."""
    # A worker that catches up takes them by their stamps; those of the log's own day would have expired.
    stamp_ms = int(time.time() * 1000.0) - 3_600_000 - START_MS
    client = producer(bootstrap, 5)
    for record in records:
        topic = topic_of(type(record)).name
        key, value = codec.encode(topic, record)
        for partition in _places(record, partitions):
            client.produce(topic, value, key, partition, timestamp=stamp_ms + record.received_at_ms)
        client.poll(0)
    client.flush()


def pace(bootstrap: str, load: Load, partitions: int, linger_ms: float) -> list[Mark]:
    """Send all but the first round of a load, each record when it is due."""
    evening, marks = Evening(load), []
    for _ in evening.opening():
        pass  # whoever starts us has appended it
    sendings = []
    for at_s, record in evening.paced():
        topic = topic_of(type(record)).name
        sendings.append((at_s, topic, *codec.encode(topic, record), _places(record, partitions)))
    client = producer(bootstrap, linger_ms)
    client.list_topics(timeout=10)  # so that the first record does not wait for the connection
    click.echo("pacing")

    def delivered(sent_ns: int, late_ms: float, error: Any, message: Any) -> None:
        if error is not None:
            raise RuntimeError(f"{message.topic()}: {error}")
        place = message.topic(), message.partition(), message.offset()
        marks.append(Mark(*place, sent_ns, message.timestamp()[1], late_ms))

    begun_ns = time.monotonic_ns()
    for at_s, topic, key, value, places in sendings:
        due_ns = begun_ns + int(at_s * 1e9)
        while (left_ns := due_ns - time.monotonic_ns()) > 0:
            time.sleep(left_ns / 1e9)
        for partition in places:
            now_ns = time.monotonic_ns()
            report = partial(delivered, now_ns, (now_ns - due_ns) / 1e6)
            client.produce(topic, value, key, partition, on_delivery=report)
        client.poll(0)
    client.flush()
    return marks


def _places(record: Made, partitions: int) -> Iterable[int]:
    """A tick goes to every partition, all else where its key belongs."""
    return range(partitions) if isinstance(record, ClockTick) else (-1,)


if __name__ == "__main__":
    out, load, partitions, linger_ms = sys.argv[1:]
    found = pace(
        os.environ["SHARPLINE_KAFKA"], msgspec.json.decode(load, type=Load), int(partitions), float(linger_ms)
    )
    Path(out).write_bytes(msgspec.msgpack.encode(found))

"""Reading partitions in bulk, by librdkafka: many times faster than Faust replays them, and off the loop."""

import asyncio
import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from confluent_kafka import Consumer, KafkaException, TopicPartition
from faust.types import TP

from pipeline.telemetry import say

IDLE_S = 20.0
AT_ONCE = 2_000

logger = logging.getLogger(__name__)

#: The last value of each key, None for a tombstone.
Latest = dict[bytes, bytes | None]


class Checkpoint(NamedTuple):
    """The rows of a changelog partition as they were after its record at ``offset``."""

    offset: int
    rows: dict[bytes, bytes]


@dataclass
class Recovered:
    """What a changelog partition says of its keys, and how much of it had to be read for that."""

    values: Latest = field(default_factory=dict)
    from_checkpoint: int = 0
    read: int = 0
    read_bytes: int = 0


async def latest(
    bootstrap: str, wanted: Mapping[TP, tuple[int, int]], checkpoints: Mapping[TP, Checkpoint]
) -> dict[TP, Recovered]:
    """The last value of each key between the first and the last offset (both included) of each partition.

    A partition that has a checkpoint is read from there on. One that its changelog contradicts is ignored.

    Raises
    ------
    TimeoutError
        If nothing more came for 20 s.
    """
    return await asyncio.get_running_loop().run_in_executor(
        None, _latest, bootstrap, dict(wanted), dict(checkpoints)
    )


def _latest(
    bootstrap: str, wanted: dict[TP, tuple[int, int]], checkpoints: dict[TP, Checkpoint]
) -> dict[TP, Recovered]:
    found, contradicted = _read(bootstrap, wanted, checkpoints)
    if contradicted:
        say(logger, "checkpoints contradicted by the changelog", logging.WARNING, of=sorted(contradicted))
        found |= _read(bootstrap, {tp: wanted[tp] for tp in contradicted}, {})[0]
    return found


def _read(
    bootstrap: str, wanted: dict[TP, tuple[int, int]], checkpoints: dict[TP, Checkpoint]
) -> tuple[dict[TP, Recovered], set[TP]]:
    """What was found, and the partitions whose checkpoint is of a log that was cut since, and went on."""
    found = {tp: Recovered() for tp in wanted}
    contradicted: set[TP] = set()
    consumer = reader(bootstrap)
    try:
        left = {}
        for tp, (first, last) in wanted.items():
            if checkpoint := checkpoints.get(tp):
                found[tp].values |= checkpoint.rows
                found[tp].from_checkpoint = len(checkpoint.rows)
                first = checkpoint.offset  # its own last record again, which is the proof
            if last < first:
                continue
            oldest, _ = consumer.get_watermark_offsets(TopicPartition(*tp), timeout=IDLE_S)
            if last >= max(first, oldest):
                left[tp] = max(first, oldest), last
        consumer.assign([TopicPartition(tp.topic, tp.partition, first) for tp, (first, _) in left.items()])
        progress = time.monotonic()
        while left:
            messages: list[Any] = consumer.consume(AT_ONCE, 0.02)
            for message in messages:
                if error := message.error():
                    raise KafkaException(error)
                tp = TP(message.topic(), message.partition())
                if tp not in left:
                    continue
                key, value, offset = message.key(), message.value(), message.offset()
                here = found[tp]
                if tp in checkpoints and offset == checkpoints[tp].offset and here.values.get(key) != value:
                    contradicted.add(tp)
                    del left[tp]
                    continue
                here.values[key] = value
                here.read += 1
                here.read_bytes += len(value or b"")
                if offset >= left[tp][1]:
                    del left[tp]
            if messages:
                progress = time.monotonic()
                continue
            # The last offsets may have been compacted away: then only the position says that all was read.
            for at in consumer.position([TopicPartition(*tp) for tp in left]):
                tp = TP(at.topic, at.partition)
                if at.offset > left[tp][1]:
                    del left[tp]
            if time.monotonic() - progress > IDLE_S:
                raise TimeoutError(f"nothing came for {IDLE_S:.0f} s, and {left} had still to be read")
    finally:
        consumer.close()
    return found, contradicted


def holds_between(bootstrap: str, tp: TP, first: int, last: int) -> bool:
    """Whether a partition still has a record at an offset between two others, both included."""
    consumer = reader(bootstrap)
    try:
        consumer.assign([TopicPartition(tp.topic, tp.partition, first)])
        until = time.monotonic() + IDLE_S
        while time.monotonic() < until:
            messages: list[Any] = consumer.consume(1, 0.1)
            for message in messages:
                if error := message.error():
                    raise KafkaException(error)
                return bool(message.offset() <= last)
            if consumer.position([TopicPartition(*tp)])[0].offset > last:
                return False
        raise TimeoutError(f"no record of {tp.topic}/{tp.partition} came for {IDLE_S:.0f} s")
    finally:
        consumer.close()


def reader(bootstrap: str) -> Consumer:
    """A consumer without a group that is assigned what it reads."""
    return Consumer(
        {
            "bootstrap.servers": bootstrap,
            "group.id": "sharpline.recovery",
            "enable.auto.commit": False,
            "auto.offset.reset": "earliest",
            "fetch.wait.max.ms": 10,
            "fetch.queue.backoff.ms": 10,
            "queued.max.messages.kbytes": 131_072,
            "check.crcs": False,
            "log_level": 3,
        }
    )

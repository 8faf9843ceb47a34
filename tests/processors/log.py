"""Records onto a broker and off it again, for tests of whole workers."""

import random
import time
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from confluent_kafka import Consumer, Producer, TopicPartition

from pipeline import codec
from pipeline.records import (
    ClockTick,
    GameEvent,
    GameProbabilities,
    GameStatus,
    Line,
    OddsSnapshot,
    SnapshotKind,
)
from pipeline.topics import TICKS, TOPICS
from tests.make import game

EVENTS = [f"nfl:2025-{month:02d}-{day:02d}:kc-phi" for month in (9, 10) for day in range(1, 21)]


class Message(NamedTuple):
    """What lies on a partition."""

    partition: int
    offset: int
    key: bytes
    value: bytes | None
    timestamp_ms: int
    headers: dict[str, bytes]

    def is_tombstone(self, topic: str) -> bool:
        """Whether it ends what its key stood for; elsewhere a message without a value is a fault."""
        return self.value is None and TOPICS[topic].retention_ms == 0


def snapshot(event_id: str, received_at_ms: int, price: float = 1.9) -> OddsSnapshot:
    return OddsSnapshot(
        event_id=event_id,
        source="simulator",
        kind=SnapshotKind.FULL,
        received_at_ms=received_at_ms,
        lines=(Line(book="pinnacle", market="h2h", prices=(price, 2.0)),),
    )


def game_event(event_id: str, received_at_ms: int, sequence: int = 0, text: str = "") -> GameEvent:
    return GameEvent(
        event_id=event_id,
        source="simulator",
        kind="play",
        received_at_ms=received_at_ms,
        sequence=sequence,
        status=GameStatus.LIVE,
        text=text,
    )


def probabilities(event_id: str, received_at_ms: int, home: float) -> GameProbabilities:
    said = {"event_id": event_id, "received_at_ms": received_at_ms, "revision": 1, "status": GameStatus.LIVE}
    return game(0, **said, game=(home, 1.0 - home))


class Load:
    """A seeded mix of records of three topics over some events, and ticks; received times jitter."""

    def __init__(self, bootstrap: str, seed: int, partitions: int = 4) -> None:
        self._random, self._partitions = random.Random(seed), partitions
        self._failed: list[str] = []
        self._producer = Producer(
            {
                "bootstrap.servers": bootstrap,
                "partitioner": "murmur2_random",
                "enable.idempotence": True,
                "linger.ms": 2,
                "log_level": 0,
            }
        )
        self.sent = 0

    def records(self, count: int) -> None:
        """Send some records at once."""
        for _ in range(count):
            draw, event_id = self._random, self._random.choice(EVENTS)
            at_ms = now_ms() - draw.randrange(60)
            record: Any
            match draw.randrange(4):
                case 0 | 1:
                    topic, record = "odds.snapshots", snapshot(event_id, at_ms, 1.5 + draw.random())
                case 2:
                    topic, record = "games.events", game_event(event_id, at_ms, draw.randrange(1000))
                case _:
                    topic, record = "games.probabilities", probabilities(event_id, at_ms, draw.random())
            self.record(topic, record)

    def record(self, topic: str, record: Any) -> None:
        key, value = codec.encode(topic, record)
        self.raw(topic, key, value)

    def tick(self, at_ms: int | None = None) -> None:
        """Send a tick to every partition."""
        key, value = codec.encode(TICKS, ClockTick(received_at_ms=at_ms or now_ms()))
        for partition in range(self._partitions):
            self.raw(TICKS, key, value, partition)

    def raw(self, topic: str, key: bytes | None, value: bytes | None, partition: int = -1) -> None:
        self._producer.produce(topic, value, key, partition, on_delivery=self._delivered)
        self.sent += 1
        self._producer.poll(0)

    def stream(self, seconds: float, rate: float) -> Iterator[float]:
        """Send for a while at a rate, a tick each half second; gives the caller the time passed, often."""
        started, sent, ticks = time.monotonic(), 0, 0
        while (passed := time.monotonic() - started) < seconds:
            due = int(passed * rate)
            self.records(due - sent)
            sent = due
            if int(passed * 2) > ticks:
                ticks = int(passed * 2)
                self.tick()
            yield passed
            time.sleep(0.005)

    def flush(self) -> None:
        self._producer.flush()
        assert not self._failed

    def _delivered(self, error: Any, _: Any) -> None:
        if error:
            self._failed.append(str(error))


def now_ms() -> int:
    return int(time.time() * 1000)


def read(bootstrap: str, topics: Iterable[str]) -> dict[str, list[Message]]:
    """Everything that topics hold, each in order of partition and offset."""
    consumer = Consumer(
        {
            "bootstrap.servers": bootstrap,
            "group.id": "reader",
            "enable.auto.commit": False,
            "auto.offset.reset": "earliest",
            "log_level": 0,
        }
    )
    found: dict[str, list[Message]] = {topic: [] for topic in topics}
    left = {}
    for topic in found:
        for partition in consumer.list_topics(topic, timeout=10).topics[topic].partitions:
            low, high = consumer.get_watermark_offsets(TopicPartition(topic, partition), timeout=10)
            if high > low:
                left[topic, partition] = high
    consumer.assign([TopicPartition(topic, partition, 0) for topic, partition in left])
    until = time.monotonic() + 60
    while left:
        assert time.monotonic() < until, f"cannot read {left}"
        for message in consumer.consume(5000, 0.1):
            assert not message.error(), message.error()
            place = message.topic(), message.partition()
            headers = dict(message.headers() or [])
            found[place[0]].append(
                Message(
                    place[1],
                    message.offset(),
                    message.key(),
                    message.value(),
                    message.timestamp()[1],
                    headers,
                )
            )
            if place in left and message.offset() + 1 >= left[place]:
                del left[place]
    consumer.close()
    for messages in found.values():
        messages.sort(key=lambda message: (message.partition, message.offset))
    return found

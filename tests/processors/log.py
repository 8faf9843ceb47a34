"""Records onto a broker and off it again, for tests of whole workers."""

import random
import time
from collections.abc import Iterable, Iterator
from typing import Any

from confluent_kafka import Producer

from pipeline import cluster, codec
from pipeline.records import (
    ClockTick,
    GameEvent,
    GameProbabilities,
    GameStatus,
    Line,
    OddsSnapshot,
    SnapshotKind,
)
from pipeline.replay.verify import kafka
from pipeline.replay.verify.tape import Message
from pipeline.topics import TICKS
from tests.make import game

__all__ = ["EVENTS", "Load", "Message", "game_event", "now_ms", "probabilities", "read", "snapshot"]

EVENTS = [f"nfl:2025-{month:02d}-{day:02d}:kc-phi" for month in (9, 10) for day in range(1, 21)]


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
    found: dict[str, list[Message]] = {topic: [] for topic in topics}
    counts = cluster.partitions(bootstrap)
    for topic, messages in found.items():
        for number in range(counts[topic]):
            end = kafka.ends(bootstrap, [topic], number)[topic]
            messages += kafka.read(bootstrap, topic, number, 0, end)
    return found

"""When each partition of a stage went on: its changelog, followed while the monkey is at work."""

import threading
import time
from bisect import bisect_right, insort
from collections import defaultdict
from collections.abc import Iterable
from itertools import pairwise
from typing import Any

import msgspec
from confluent_kafka import Consumer, TopicPartition

from pipeline.cluster import changelog
from pipeline.replay.verify.rows import Head

#: A partition that went on within so long before a blow has a next record to be waited for.
BUSY_MS = 3_000
#: A handle that lived through the death of a leader was seen blind for over a minute: then a new one.
SILENT_S = 5.0

Place = tuple[str, int]  # stage, partition


class Journal(threading.Thread):
    """Notes the time of every row that applies an input which no row before it had applied.

    A row that a successor only writes again, because it read its inputs again, is no progress.
    """

    def __init__(self, bootstrap: str, stages: Iterable[str], partitions: int) -> None:
        super().__init__(name="journal", daemon=True)
        self._kafka = bootstrap
        self._stage_of = {changelog(stage): stage for stage in stages}
        self._next = {(topic, partition): 0 for topic in self._stage_of for partition in range(partitions)}
        self._revisions: dict[tuple[str, bytes], int] = defaultdict(int)
        self._decode = msgspec.msgpack.Decoder(Head).decode
        self._went_on_ms: dict[Place, list[int]] = defaultdict(list)
        self._over = threading.Event()

    def run(self) -> None:
        while not self._over.is_set():
            self._follow()

    def stop(self) -> None:
        """End the thread."""
        self._over.set()
        self.join()

    def busy(self, stage: str, at_ms: int) -> set[Place]:
        """The partitions of a stage that a steady load keeps going at a moment."""
        times = {place: self._between(place, at_ms - BUSY_MS, at_ms) for place in list(self._went_on_ms)}
        return {place for place, within in times.items() if place[0] == stage and within}

    def went_on_ms(self, places: Iterable[Place], after_ms: int) -> int | None:
        """When the last of these partitions had its first new row after a moment; None while one has not."""
        newest_ms = after_ms
        for place in places:
            following = self._between(place, after_ms)
            if not following:
                return None
            newest_ms = max(newest_ms, following[0])
        return newest_ms

    def standstill_ms(self, places: Iterable[Place], from_ms: int, to_ms: int) -> int:
        """The longest time between two new rows of one of these partitions, in between."""
        times = [[from_ms, *self._between(place, from_ms, to_ms), to_ms] for place in places]
        return max((b - a for path in times for a, b in pairwise(path)), default=0)

    def last_ms(self, stage: str) -> int:
        """The newest row of a stage, 0 while there is none."""
        return max((times[-1] for (of, _), times in list(self._went_on_ms.items()) if of == stage), default=0)

    def _between(self, place: Place, after_ms: int, to_ms: int | None = None) -> list[int]:
        times = self._went_on_ms[place]
        return times[bisect_right(times, after_ms) : None if to_ms is None else bisect_right(times, to_ms)]

    def _follow(self) -> None:
        consumer = Consumer(
            {
                "bootstrap.servers": self._kafka,
                "group.id": "chaos.journal",
                "enable.auto.commit": False,
                "auto.offset.reset": "earliest",
                "reconnect.backoff.max.ms": 200,
                "fetch.wait.max.ms": 50,
                "log_level": 0,
            }
        )
        consumer.assign([TopicPartition(*place, offset) for place, offset in self._next.items()])
        heard_s = time.monotonic()
        try:
            while not self._over.is_set() and time.monotonic() - heard_s < SILENT_S:
                message = consumer.poll(0.1)
                if message is None or message.error():
                    continue
                heard_s = time.monotonic()
                self._take(message)
        finally:
            consumer.close()

    def note(self, stage: str, partition: int, key: bytes, revision: int, at_ms: int) -> None:
        """Take note of a row."""
        if revision > self._revisions[stage, key]:
            self._revisions[stage, key] = revision
            insort(self._went_on_ms[stage, partition], at_ms)

    def _take(self, message: Any) -> None:
        topic, partition = message.topic(), message.partition()
        self._next[topic, partition] = message.offset() + 1
        revision = self._decode(message.value()).revision
        self.note(self._stage_of[topic], partition, message.key(), revision, message.timestamp()[1])

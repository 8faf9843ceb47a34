"""When the records at given offsets were appended: what turns a lag in records into one in seconds."""

import time
from collections.abc import Iterable, Mapping
from contextlib import suppress

from confluent_kafka import Consumer, KafkaException, TopicPartition

from pipeline.lag.poll import Place

Spot = tuple[str, int, int]  # topic, partition, offset

#: Records; what is further away is faster sought than read up to.
NEAR = 200
PATIENCE_S = 0.05
#: A consumer must name a group; this one is never joined and has nothing committed.
_WATCHING = "sharpline.watching"


class Times:
    """Reads single records, and remembers those whose offsets are asked for again."""

    def __init__(self, bootstrap: str) -> None:
        self._known: dict[Spot, int] = {}
        self._consumer = Consumer(
            {
                "bootstrap.servers": bootstrap,
                "group.id": _WATCHING,
                "enable.auto.commit": False,
                "auto.offset.reset": "earliest",
                "enable.partition.eof": True,
                # Few records are wanted, soon; but partitions whose batches exceed a fetch take turns.
                "fetch.wait.max.ms": 10,
                "fetch.error.backoff.ms": 5,
                "fetch.queue.backoff.ms": 5,
                "max.partition.fetch.bytes": 65_536,
                "reconnect.backoff.max.ms": 1000,
                "log_level": 0,
            }
        )

    def of(self, spots: Iterable[Spot], within_s: float) -> Mapping[Spot, int]:
        """Unix ms of the first record at or after each spot, as far as they could be had in time.

        What is no longer asked for is forgotten: a topic that is made anew comes to its old offsets only
        after the groups have lost theirs.
        """
        wanted = set(spots)
        self._known = {spot: at_ms for spot, at_ms in self._known.items() if spot in wanted}
        by_place: dict[Place, list[int]] = {}
        for topic, partition, offset in sorted(wanted - self._known.keys()):
            by_place.setdefault((topic, partition), []).append(offset)
        with suppress(KafkaException):  # without a broker nothing can be had, and the next poll will say so
            self._read(by_place, time.monotonic() + within_s)
        return self._known

    def _read(self, by_place: dict[Place, list[int]], until_s: float) -> None:
        """Walk each partition from its lowest spot to its highest, all of them at once.

        None is paused when it is done: a client whose partitions all are sleeps for a second.
        """
        first = {place: spots[0] for place, spots in by_place.items()}
        if first:
            self._consumer.assign([TopicPartition(*place, offset) for place, offset in first.items()])
        while by_place and time.monotonic() < until_s:
            message = self._consumer.poll(PATIENCE_S)
            if message is None or (place := (message.topic(), message.partition())) not in by_place:
                continue
            spots, offset, (_, at_ms) = by_place[place], message.offset(), message.timestamp()
            if message.error() is not None or offset is None or offset < first[place]:
                spots.clear()  # there is nothing to read, from the lowest on
            while spots and offset is not None and spots[0] <= offset:
                self._known[(*place, spots.pop(0))] = at_ms
            if not spots:
                del by_place[place]
            elif offset is not None and spots[0] - offset > NEAR:
                self._consumer.seek(TopicPartition(*place, spots[0]))
        self._consumer.unassign()

"""What stands when a gateway starts: the last record of each key, from two periods of repetition back on.

Millions of records go by here, so nothing is done with one but to keep it until the next of its key.
"""

import time
from collections import deque
from collections.abc import Callable, Mapping

from confluent_kafka import Consumer, KafkaError, TopicPartition
from confluent_kafka import Message as KafkaMessage

from gateway.cursor import Place
from gateway.past import offsets_at
from pipeline.codec import decode
from pipeline.errors import UnreadableRecord
from pipeline.topics import ANSWERS, TICKS, TOPICS

BATCH = 10_000
WAIT_S = 0.2
ANSWERS_WITHIN_S = 2.0
#: The newest of each partition are kept in order, for clients that come back to a gateway that was restarted.
RECENT = 2_000


class Loading:
    """The start of one consumer. ``positions`` is where each partition is read on from."""

    def __init__(self, consumer: Consumer, kafka: str, repeat_ms: int, alive: Callable[[], None]) -> None:
        self._consumer = consumer
        self.positions: dict[Place, int] = {}
        self._unread: dict[Place, int] = {}
        self._last: dict[tuple[str, bytes], KafkaMessage] = {}
        self.recent: dict[Place, deque[KafkaMessage]] = {}
        self.starts: dict[Place, int] = {}
        self._assign(kafka, repeat_ms, alive)

    @property
    def is_done(self) -> bool:
        return not self._unread

    def more(self) -> None:
        """Read on. Faults are left to the consumer, which goes on as soon as it can."""
        last, recent, positions = self._last, self.recent, self.positions
        for message in self._consumer.consume(BATCH, WAIT_S):
            topic, partition = message.topic() or "", message.partition() or 0
            place = topic, partition
            if (error := message.error()) is not None:
                if error.code() == KafkaError._PARTITION_EOF:
                    positions[place] = max(positions[place], message.offset() or 0)
                    self._unread.pop(place, None)
                continue
            last[topic, message.key() or b""] = message
            recent[place].append(message)
            positions[place] = (message.offset() or 0) + 1
        for place, end in list(self._unread.items()):
            if positions[place] >= end:
                del self._unread[place]

    def found(self) -> list[KafkaMessage]:
        """The last message of each key, the newest tick of each partition among them."""
        return list(self._last.values())

    def recent_starts(self) -> dict[Place, int]:
        """From which offset on everything is among the recent ones."""
        starts = dict(self.starts)
        for place, kept in self.recent.items():
            if len(kept) == RECENT:
                starts[place] = kept[0].offset() or 0
        return starts

    def _assign(self, kafka: str, repeat_ms: int, alive: Callable[[], None]) -> None:
        consumer = self._consumer
        metadata = consumer.list_topics(timeout=ANSWERS_WITHIN_S).topics
        places = [(topic, number) for topic in (*ANSWERS, TICKS) for number in metadata[topic].partitions]
        ends: dict[Place, int] = {}
        for place in places:
            low, high = consumer.get_watermark_offsets(TopicPartition(*place), timeout=ANSWERS_WITHIN_S)
            alive()  # a broker that is slow with each of them makes nobody hang
            # Of the ticks only the newest matters, and there is one for each second of two weeks.
            self.positions[place] = low if place[0] != TICKS else max(low, high - 1)
            ends[place] = high
        if (now_ms := self._newest_tick_ms(ends)) is not None:
            repeated = [place for place in places if place[0] != TICKS and TOPICS[place[0]].tombstoned]
            for place, offset in offsets_at(kafka, repeated, now_ms - 2 * repeat_ms).items():
                self.positions[place] = max(self.positions[place], offset)
        self._unread = {place: end for place, end in ends.items() if end > self.positions[place]}
        self.starts = {place: offset for place, offset in self.positions.items() if place[0] != TICKS}
        self.recent = {place: deque(maxlen=RECENT) for place in places}
        consumer.assign([TopicPartition(*place, offset) for place, offset in self.positions.items()])

    def _newest_tick_ms(self, ends: Mapping[Place, int]) -> int | None:
        """The log's time now; None where it has none."""
        for place, end in ends.items():
            if place[0] != TICKS or end == 0 or self.positions[place] >= end:
                continue
            self._consumer.assign([TopicPartition(*place, end - 1)])
            give_up_at_s = time.monotonic() + ANSWERS_WITHIN_S
            while time.monotonic() < give_up_at_s:
                message = self._consumer.poll(WAIT_S)
                if message is None or message.error() is not None:
                    continue
                try:
                    return decode(TICKS, message.key(), message.value()).received_at_ms
                except UnreadableRecord:
                    break  # the other partitions have the same ticks
        return None

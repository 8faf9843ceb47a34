"""What derived topics held: read from Kafka for one client at a time, beside the live path.

A stretch of the log is merged by when its records were appended, then topic, partition and offset, so that
every reading of it tells the same in the same order.
"""

import asyncio
import heapq
import logging
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext, suppress
from typing import TypeVar

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition
from confluent_kafka import Message as KafkaMessage

from gateway.answers import Answer, Message
from gateway.cursor import Place
from pipeline import ids
from pipeline.codec import decode
from pipeline.errors import Refused, UnreadableRecord
from pipeline.telemetry import say
from pipeline.topics import ANSWERS, TICKS, event_of

log = logging.getLogger("sharpline.gateway")
Found = TypeVar("Found")
#: Stretches that are read at a time; further clients wait for their turn.
READERS = 8
#: Clients of the time machine at a time; further ones are refused.
MAXIMUM_PLAYERS = 32
BATCH = 500
WAIT_S = 0.1
ANSWERS_WITHIN_S = 5.0
AGAIN_S = 1.0
#: Records of one partition that may wait for those of others.
MAXIMUM_WAITING = 5_000
#: Ticks of one partition are looked for by time; all partitions have the same ones.
TICK_PARTITION = 0
NEVER_MS = 2**53
_ORDER = {topic: number for number, topic in enumerate(ANSWERS)}


def message_of(found: KafkaMessage) -> Message:
    """A message as it was read. Raises UnicodeDecodeError where its key is no text."""
    topic, partition, offset = found.topic() or "", found.partition() or 0, found.offset() or 0
    headers = dict(found.headers() or ())
    key = (found.key() or b"").decode()
    return Message(
        topic,
        key,
        partition,
        offset,
        found.timestamp()[1],
        found.value(),
        _text(headers.get("origin")),
        _number(headers.get("source_at_ms")),
    )


class Past:
    """Reads stretches of the log. ``close`` ends its threads."""

    def __init__(self, kafka: str, never_repeated: Iterable[str] = (), repeat_ms: int = 0) -> None:
        self._kafka = kafka
        self._never_repeated = frozenset(never_repeated)
        self._repeat_ms = repeat_ms
        self._threads = ThreadPoolExecutor(READERS, "past")
        self._turns = asyncio.Semaphore(READERS)
        self.players = 0
        """Clients of the time machine, each with a reader of its own that may stand still for long."""

    def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def oldest(self, places: Iterable[Place]) -> dict[Place, int]:
        """The first offset that is kept of each place."""
        wanted = list(places)
        return await self._insist(lambda: _watermarks(self._kafka, wanted))

    async def starts(self, places: Iterable[Place], log_ms: int) -> dict[Place, int]:
        """The offsets of what was appended once the log's own time had come to ``log_ms``."""
        wanted = list(places)
        return await self._insist(lambda: offsets_at(self._kafka, wanted, log_ms))

    async def standing_from(self, places: Iterable[Place], log_ms: int) -> dict[Place, int]:
        """From where on everything that stood at ``log_ms`` is said: two periods of repetition before."""
        wanted = list(places)
        found = await self.starts(wanted, log_ms - 2 * self._repeat_ms)
        found |= await self.oldest(place for place in wanted if place[0] in self._never_repeated)
        return found

    async def read(
        self, offsets: Mapping[Place, int], ends: Mapping[Place, int], *, playing: bool = False
    ) -> AsyncIterator[list[Answer]]:
        """Everything in a stretch of the log, in chunks; empty ones come while Kafka takes its time.

        Who is ``playing`` needs no turn: there are at most `MAXIMUM_PLAYERS`.
        """
        async with nullcontext() if playing else self._turns:
            loop = asyncio.get_running_loop()
            reader = await loop.run_in_executor(self._threads, _Reader, self._kafka, offsets, ends)
            try:
                while (chunk := await loop.run_in_executor(self._threads, reader.more)) is not None:
                    yield chunk
            finally:
                self._threads.submit(reader.close)

    async def _insist(self, work: Callable[[], Found]) -> Found:
        """The result of asking Kafka, as soon as it answers."""
        loop = asyncio.get_running_loop()
        while True:
            try:
                return await loop.run_in_executor(self._threads, work)
            except KafkaException as error:
                say(log, "the past cannot be read yet", logging.WARNING, reason=error.args[0].str())
                await asyncio.sleep(AGAIN_S)


class _Reader:
    """One consumer over a stretch; its calls come one after the other, from any thread."""

    def __init__(self, kafka: str, offsets: Mapping[Place, int], ends: Mapping[Place, int]) -> None:
        self._ends = {place: ends[place] for place, offset in offsets.items() if offset < ends[place]}
        self._lanes: dict[Place, deque[Answer]] = {place: deque() for place in self._ends}
        self._open = set(self._ends)
        self._paused: set[Place] = set()
        self._heads: list[tuple[int, int, int, int]] = []
        self._revisions: dict[tuple[str, str], int] = {}
        self._consumer = _consumer(kafka)
        self._consumer.assign([TopicPartition(*place, offsets[place]) for place in self._ends])

    def more(self) -> list[Answer] | None:
        """What can be told next, in order; None after the last."""
        if not self._open and not self._heads:
            return None
        if self._open:
            for message in self._consumer.consume(BATCH, WAIT_S):
                self._take(message)
        self._hold_back()
        return self._merged()

    def close(self) -> None:
        self._consumer.close()

    def _take(self, found: KafkaMessage) -> None:
        place = (found.topic() or "", found.partition() or 0)
        if place not in self._open:
            return
        if (error := found.error()) is not None:
            if error.code() == KafkaError._PARTITION_EOF:
                self._open.discard(place)
            return
        if (found.offset() or 0) < self._ends[place]:
            self._keep(place, found)
        if (found.offset() or 0) + 1 >= self._ends[place]:
            self._open.discard(place)

    def _keep(self, place: Place, found: KafkaMessage) -> None:
        try:
            message = message_of(found)
            ids.parse(event_of(message.key))
            answer = Answer(message)
            key, revision = message[:2], answer.revision
        except (UnicodeDecodeError, UnreadableRecord, Refused) as error:
            say(log, "left out a record of the past", logging.ERROR, topic=place[0], reason=error)
            return
        if message.value is not None:
            answer.redo = revision <= self._revisions.get(key, 0)
            self._revisions[key] = revision
        lane = self._lanes[place]
        lane.append(answer)
        if len(lane) == 1:
            heapq.heappush(self._heads, self._head(place))

    def _head(self, place: Place) -> tuple[int, int, int, int]:
        message = self._lanes[place][0].message
        return message.appended_at_ms, _ORDER[place[0]], place[1], message.offset

    def _merged(self) -> list[Answer]:
        """As far as every partition that may still bring something has shown what is next in it."""
        waits = sum(1 for place in self._open if not self._lanes[place])
        found: list[Answer] = []
        while self._heads and not waits:
            _, order, partition, _ = heapq.heappop(self._heads)
            place = ANSWERS[order], partition
            lane = self._lanes[place]
            found.append(lane.popleft())
            if lane:
                heapq.heappush(self._heads, self._head(place))
            elif place in self._open:
                waits += 1
        return found

    def _hold_back(self) -> None:
        """Read nothing more of a partition that is far ahead of the others."""
        full = {place for place in self._open if len(self._lanes[place]) >= MAXIMUM_WAITING}
        if pause := full - self._paused:
            self._consumer.pause([TopicPartition(*place) for place in pause])
        if resume := (self._paused - full) & self._open:
            self._consumer.resume([TopicPartition(*place) for place in resume])
        self._paused = full


def _consumer(kafka: str) -> Consumer:
    return Consumer(
        {
            "bootstrap.servers": kafka,
            "group.id": "sharpline.gateway.past",  # asked for by the client; nothing is committed under it
            "enable.auto.commit": False,
            "enable.auto.offset.store": False,
            "auto.offset.reset": "earliest",
            "enable.partition.eof": True,
            "fetch.wait.max.ms": 20,
            "fetch.queue.backoff.ms": 5,
            "queued.max.messages.kbytes": 16_384,
            "reconnect.backoff.max.ms": 1_000,
            "log_level": 2,
        }
    )


def _watermarks(kafka: str, places: list[Place]) -> dict[Place, int]:
    consumer = _consumer(kafka)
    try:
        return {
            place: consumer.get_watermark_offsets(TopicPartition(*place), timeout=ANSWERS_WITHIN_S)[0]
            for place in places
        }
    finally:
        consumer.close()


def offsets_at(kafka: str, places: list[Place], log_ms: int) -> dict[Place, int]:
    """The offsets of what was appended once the log's own time had come to ``log_ms``.

    Ticks say when the log's time came to a moment; what was appended then is found by Kafka itself.
    Raises KafkaException.
    """
    consumer = _consumer(kafka)
    try:
        appended_at_ms = _appended_at_ms(consumer, log_ms)
        wanted = [TopicPartition(*place, appended_at_ms) for place in places]
        found = consumer.offsets_for_times(wanted, timeout=ANSWERS_WITHIN_S)
        ends = {
            (one.topic, one.partition): one.offset
            if one.offset >= 0
            else consumer.get_watermark_offsets(TopicPartition(one.topic, one.partition), ANSWERS_WITHIN_S)[1]
            for one in found
        }
        return {place: ends[place] for place in places}
    finally:
        consumer.close()


def _appended_at_ms(consumer: Consumer, log_ms: int) -> int:
    """When the first tick of that time or later was appended; 0 where every tick that is kept is later."""
    ticks = TopicPartition(TICKS, TICK_PARTITION)
    low, high = consumer.get_watermark_offsets(ticks, timeout=ANSWERS_WITHIN_S)
    first, appended_at_ms = low, 0
    while low < high:
        middle = (low + high) // 2
        received_at_ms, at_ms = _tick(consumer, middle)
        if received_at_ms >= log_ms:
            high, appended_at_ms = middle, at_ms
        else:
            low = middle + 1
    return 0 if low == first else appended_at_ms or NEVER_MS


def _tick(consumer: Consumer, offset: int) -> tuple[int, int]:
    """The time of a tick, or of the next one that can be read, and when it was appended."""
    consumer.assign([TopicPartition(TICKS, TICK_PARTITION, offset)])
    while True:
        found = consumer.poll(ANSWERS_WITHIN_S)
        if found is None:
            raise KafkaException(KafkaError(KafkaError._TIMED_OUT))
        if (error := found.error()) is not None:
            if error.code() == KafkaError._PARTITION_EOF:
                return NEVER_MS, NEVER_MS
            raise KafkaException(error)
        if (found.offset() or 0) >= offset:
            with suppress(UnreadableRecord):
                return decode(TICKS, found.key(), found.value()).received_at_ms, found.timestamp()[1]


def _text(header: bytes | str | None) -> str:
    try:
        return header.decode() if isinstance(header, bytes) else header or ""
    except UnicodeDecodeError:
        return ""


def _number(header: bytes | str | None) -> int:
    return int(header) if header and header.isdigit() else 0

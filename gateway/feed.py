"""Reads every derived topic from its start and the newest ticks, and hands them to the hub.

One consumer for the whole instance, with partitions assigned by hand: no client costs the broker anything.
Its position is committed under ``sharpline.gateway.<instance>``, so its lag shows beside that of the folds.
"""

import asyncio
import logging
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition
from confluent_kafka import Message as KafkaMessage

from gateway.answers import Message
from gateway.hub import Hub
from pipeline.codec import decode
from pipeline.errors import UnreadableRecord
from pipeline.telemetry import BROKER_UP, say
from pipeline.topics import ANSWERS, TICKS

log = logging.getLogger("sharpline.gateway")
WAIT_S = 0.1
BATCH = 500
#: Records after which waiting sockets and requests get their turn.
TURN = 50
COMMIT_EVERY_S = 1.0
#: A commit that was not answered for so long is asked for again, beside it.
COMMIT_AGAIN_S = 5.0
#: A broker forgets, after a week, what a group without members committed for a partition.
COMMIT_ALL_EVERY_S = 3_600.0
ANSWERS_WITHIN_S = 2.0
#: After so long without a record the broker is asked whether it is there. There is a tick each second.
SILENCE_S = 5.0

Place = tuple[str, int]


class Feed:
    """The one reader of a gateway. ``run`` goes on until it is cancelled, with or without a broker."""

    def __init__(self, kafka: str, instance: str, hub: Hub) -> None:
        self.hub = hub
        self._consumer = Consumer(
            {
                "bootstrap.servers": kafka,
                "group.id": f"sharpline.gateway.{instance}",
                "enable.auto.commit": False,
                "enable.auto.offset.store": False,
                "auto.offset.reset": "earliest",
                "enable.partition.eof": True,
                "fetch.wait.max.ms": 100,
                "reconnect.backoff.max.ms": 1_000,
                "error_cb": self._on_error,
                "on_commit": self._on_commit,
                "log_level": 2,  # what matters of them comes as errors
            }
        )
        self._position: dict[Place, int] = {}
        self._committed: dict[Place, int] = {}
        self._unread: dict[Place, int] = {}
        """Where each partition ended at the start, for those not yet read up to there."""
        self._committed_at_s = self._committed_all_at_s = self._asked_at_s = self._heard_at_s = 0.0
        self._commits_under_way = 0
        self._away = ""

    async def run(self) -> None:
        """Read for as long as the gateway runs. All calls of the consumer come from one thread."""
        with ThreadPoolExecutor(1, "feed") as thread:
            loop = asyncio.get_running_loop()
            self._turn()

            async def call(work: Callable[[], Any]) -> Any:
                done = await loop.run_in_executor(thread, work)
                self._turn()
                return done

            try:
                while not await call(self._assign):
                    self._tell_hub()
                    await asyncio.sleep(1.0)
                while True:
                    await self._take(await call(self._read))
                    self._tell_hub()
            finally:
                self.hub.feed_has_ended = True
                thread.submit(self._close).result()

    def _turn(self) -> None:
        """Kafka's client has come back."""
        self.hub.turned_at_s = time.monotonic()

    def _assign(self) -> bool:
        """Take every partition from where it is needed; False where that cannot be done yet."""
        try:
            metadata = self._consumer.list_topics(timeout=ANSWERS_WITHIN_S).topics
            if missing := [topic for topic in (*ANSWERS, TICKS) if topic not in metadata]:
                say(log, "waiting for topics; sharpline topics makes them", logging.WARNING, missing=missing)
                return False
            for topic in (*ANSWERS, TICKS):
                for number in metadata[topic].partitions:
                    place = TopicPartition(topic, number)
                    low, high = self._consumer.get_watermark_offsets(place, timeout=ANSWERS_WITHIN_S)
                    self._turn()  # a broker that is slow with each of them makes nobody hang
                    # Of the ticks only the newest matters, and there is one for each second of two weeks.
                    self._position[topic, number] = low if topic != TICKS else max(low, high - 1)
                    self._unread[topic, number] = high
        except KafkaException as error:
            self._away = error.args[0].str()
            return False
        self._away = ""
        self._unread = {place: end for place, end in self._unread.items() if end > self._position[place]}
        self._consumer.assign([TopicPartition(*place, offset) for place, offset in self._position.items()])
        return True

    def _read(self) -> list[KafkaMessage]:
        """What has arrived, at once when there is something."""
        first = self._consumer.poll(WAIT_S)
        read = [] if first is None else [first, *self._consumer.consume(BATCH, 0)]
        now_s = time.monotonic()
        if read:
            self._heard_at_s = now_s
        if now_s >= self._committed_at_s + COMMIT_EVERY_S:
            self._committed_at_s = now_s
            if self._away or now_s >= self._heard_at_s + SILENCE_S:
                self._look_again()
            elif self._commits_under_way and now_s < self._asked_at_s + COMMIT_AGAIN_S:
                pass  # the last one is still to be answered
            elif offsets := self._uncommitted(now_s):
                self._commit(offsets)
        return read

    async def _take(self, read: list[KafkaMessage]) -> None:
        for count, message in enumerate(read):
            if count % TURN == TURN - 1:
                await asyncio.sleep(0)
            topic, partition, offset = message.topic(), message.partition(), message.offset()
            if topic is None or partition is None or offset is None:  # about no partition, told to _on_error
                continue
            place, error = (topic, partition), message.error()
            if error is None:
                self._hand_over(message, topic, partition, offset)
                self._position[place] = offset + 1
            elif error.code() == KafkaError._PARTITION_EOF:
                self._position[place] = offset
            else:
                where = f"{topic}/{partition}/{offset}"
                say(
                    log,
                    "Kafka reports a fault; reading goes on",
                    logging.ERROR,
                    place=where,
                    fault=error.str(),
                )
                continue
            if place in self._unread and self._position[place] >= self._unread[place]:
                del self._unread[place]

    def _hand_over(self, message: KafkaMessage, topic: str, partition: int, offset: int) -> None:
        _, appended_at_ms = message.timestamp()
        key, value = message.key() or b"", message.value()
        try:
            if topic == TICKS:
                self.hub.tick(decode(TICKS, key, value).received_at_ms, appended_at_ms)
            else:
                origin = _origin(message.headers())
                self.hub.publish(
                    Message(topic, key.decode(), partition, offset, appended_at_ms, value, origin)
                )
        except (UnreadableRecord, UnicodeDecodeError) as error:
            place = f"{topic}/{partition}/{offset}"
            say(log, "left out a record that cannot be read", logging.ERROR, place=place, reason=error)

    def _tell_hub(self) -> None:
        hub = self.hub
        if self._away and not hub.broker_away:
            say(log, "Kafka does not answer; going on as soon as it does", logging.WARNING, fault=self._away)
        elif hub.broker_away and not self._away:
            say(log, "Kafka answers again")
        hub.broker_away = self._away
        BROKER_UP.set(not self._away)
        if not hub.is_ready and self._position and not self._unread:
            hub.is_ready = True
            say(log, "ready", events=len(hub.events()))

    def _on_error(self, error: KafkaError) -> None:
        if error.code() == KafkaError._ALL_BROKERS_DOWN:
            self._away = "no broker can be reached"

    def _look_again(self) -> None:
        """Ask for what the consumer does not tell: that a broker is back, or gone without a word.

        What is read does not tell it either: it may have been fetched before.
        """
        try:
            self._consumer.list_topics(TICKS, timeout=ANSWERS_WITHIN_S)
            self._away, self._heard_at_s = "", time.monotonic()
        except KafkaException as error:
            self._away = error.args[0].str()

    def _uncommitted(self, now_s: float) -> list[TopicPartition]:
        """Where we are, of the partitions of which the group does not know it, or may soon forget it."""
        if now_s >= self._committed_all_at_s + COMMIT_ALL_EVERY_S:
            self._committed_all_at_s = now_s
            self._committed.clear()
        return [
            TopicPartition(*place, offset)
            for place, offset in self._position.items()
            if self._committed.get(place) != offset
        ]

    def _commit(self, offsets: list[TopicPartition]) -> None:
        self._commits_under_way += 1
        self._asked_at_s = time.monotonic()
        self._consumer.commit(offsets=offsets, asynchronous=True)

    def _on_commit(self, error: KafkaError | None, places: list[TopicPartition]) -> None:
        self._commits_under_way -= 1
        for place in places:  # one that failed is asked for again
            if error is None and place.error is None:
                self._committed[place.topic, place.partition] = place.offset

    def _close(self) -> None:
        """Commit once more and leave. Without a broker both would wait for it, a minute and longer.

        Then the consumer is left as it is: it is no member of its group, so nobody misses a farewell.
        """
        self._committed.clear()  # of those under way nobody would hear whether they failed
        if self._away or not (offsets := self._uncommitted(time.monotonic())):
            return
        self._commit(offsets)
        give_up_at = time.monotonic() + ANSWERS_WITHIN_S
        while not self._away and time.monotonic() < give_up_at:
            self._consumer.poll(WAIT_S)
            if self._commits_under_way == 0:
                self._consumer.close()
                return


def _origin(headers: Any) -> str:
    """Where the chain of folds began that led to a message; empty where its sender does not say."""
    given = next((value for name, value in headers or () if name == "origin"), None)
    try:
        return given.decode() if given else ""
    except UnicodeDecodeError:
        return ""

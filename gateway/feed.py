"""Reads every derived topic and the newest ticks, and hands them to the hub.

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

from gateway.answers import Answer, Message
from gateway.cursor import Place, epoch_of
from gateway.hub import Hub
from gateway.loading import Loading
from gateway.past import message_of
from pipeline.cluster import topic_ids
from pipeline.codec import decode
from pipeline.errors import TopicsUnfit, UnreadableRecord
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
ANSWERS_WITHIN_S = 1.0
#: After so long without a record the broker is asked whether it is there. There is a tick each second.
SILENCE_S = 1.1
LOOK_EVERY_S = 0.5


class Feed:
    """The one reader of a gateway. ``run`` goes on until it is cancelled, with or without a broker."""

    def __init__(self, kafka: str, instance: str, hub: Hub, repeat_ms: int) -> None:
        self.hub = hub
        self._kafka, self._repeat_ms = kafka, repeat_ms
        self._consumer = Consumer(
            {
                "bootstrap.servers": kafka,
                "group.id": f"sharpline.gateway.{instance}",
                "enable.auto.commit": False,
                "enable.auto.offset.store": False,
                "auto.offset.reset": "earliest",
                "enable.partition.eof": True,
                "fetch.wait.max.ms": 100,
                "max.partition.fetch.bytes": 8_388_608,  # of the start; live a fetch brings what is there
                "fetch.queue.backoff.ms": 5,  # a full queue is read again as soon as there is room
                "reconnect.backoff.max.ms": 1_000,
                "error_cb": self._on_error,
                "on_commit": self._on_commit,
                "log_level": 2,  # what matters of them comes as errors
            }
        )
        self._position: dict[Place, int] = {}
        self._committed: dict[Place, int] = {}
        self._committed_at_s = self._committed_all_at_s = self._asked_at_s = 0.0
        self._heard_at_s = self._looked_at_s = 0.0
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
                while (loading := await call(self._begun)) is None:
                    self._tell_hub()
                    await asyncio.sleep(1.0)
                self._tell_hub()
                while not loading.is_done:
                    await call(self._look_again if self._away else loading.more)
                    self._tell_hub()
                await self._stand(loading, await call(lambda: topic_ids(self._kafka, ANSWERS)))
                while True:
                    await self._take(await call(self._read))
                    self._tell_hub()
            finally:
                self.hub.feed_has_ended = True
                thread.submit(self._close).result()

    def _turn(self) -> None:
        """Kafka's client has come back."""
        self.hub.turned_at_s = time.monotonic()

    def _begun(self) -> Loading | None:
        """Read every partition from where it is needed; None where that cannot be done yet."""
        try:
            metadata = self._consumer.list_topics(timeout=ANSWERS_WITHIN_S).topics
            if missing := [topic for topic in (*ANSWERS, TICKS) if topic not in metadata]:
                say(log, "waiting for topics; sharpline topics makes them", logging.WARNING, missing=missing)
                return None
            loading = Loading(self._consumer, self._kafka, self._repeat_ms, self._turn)
        except KafkaException as error:
            self._away = error.args[0].str()
            return None
        self._away = ""
        return loading

    async def _stand(self, loading: Loading, ids: str) -> None:
        """Hand over what stands, and the newest ones in order."""
        answers = {place: at for place, at in loading.positions.items() if place[0] != TICKS}
        self.hub.begin(epoch_of(ids, answers), loading.recent_starts())
        for count, message in enumerate(loading.found()):
            if count % BATCH == 0:
                await asyncio.sleep(0)
            self._hand_over(message, self.hub.keep)
        for count, message in enumerate(one for kept in loading.recent.values() for one in kept):
            if count % BATCH == 0:
                await asyncio.sleep(0)
            if message.topic() != TICKS:
                self._hand_over(message, lambda found: self.hub.recent.add(Answer(found)))
        for place, offset in answers.items():
            self.hub.positions.jump(place, offset)
        self._position = loading.positions
        self.hub.ready.set()
        say(log, "ready", events=len(self.hub.events()))

    def _read(self) -> list[KafkaMessage]:
        """What has arrived, at once when there is something."""
        first = self._consumer.poll(WAIT_S)
        read = [] if first is None else [first, *self._consumer.consume(BATCH, 0)]
        now_s = time.monotonic()
        if read:
            self._heard_at_s = now_s
        if self._away or now_s >= self._heard_at_s + SILENCE_S:
            if now_s >= self._looked_at_s + LOOK_EVERY_S:
                self._looked_at_s = now_s
                self._look_again()
        elif now_s >= self._committed_at_s + COMMIT_EVERY_S:
            self._committed_at_s = now_s
            if self._commits_under_way and now_s < self._asked_at_s + COMMIT_AGAIN_S:
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
                if offset < self._position[place]:
                    raise TopicsUnfit(f"{topic}/{partition} goes back to offset {offset}: it was made anew")
                self._hand_over(message, self.hub.publish)
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
        self.hub.flush_soon()

    def _hand_over(self, message: KafkaMessage, take: Callable[[Message], None]) -> None:
        try:
            if message.topic() == TICKS:
                tick = decode(TICKS, message.key(), message.value())
                down = tuple(one.source for one in tick.sources if one.down_since_ms)
                self.hub.tick(tick.received_at_ms, message.timestamp()[1], down)
            else:
                take(message_of(message))
        except (UnreadableRecord, UnicodeDecodeError) as error:
            place = f"{message.topic()}/{message.partition()}/{message.offset()}"
            say(log, "left out a record that cannot be read", logging.ERROR, place=place, reason=error)

    def _tell_hub(self) -> None:
        hub = self.hub
        BROKER_UP.set(not self._away)
        if bool(self._away) == bool(hub.broker_away):
            return
        if self._away:
            say(log, "Kafka does not answer; going on as soon as it does", logging.WARNING, fault=self._away)
        else:
            say(log, "Kafka answers again")
        hub.broker_away = self._away
        hub.tell_status()

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

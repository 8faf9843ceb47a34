"""Copies every answer from Kafka into Postgres, once, for as long as it runs.

Where it goes on is written in Postgres, in the transaction of the rows. What it commits to Kafka is for those
who look at the lag. Whatever goes wrong on either side ends the attempt; the next one begins with what
Postgres then says.
"""

import logging
import threading
import time
from collections import Counter
from contextlib import closing

import psycopg
from confluent_kafka import Consumer, KafkaError, KafkaException, Producer, TopicPartition
from confluent_kafka import Message as KafkaMessage

from pipeline import cluster
from pipeline.cluster import topic_ids
from pipeline.errors import BrokerUnavailable, TopicsUnfit, UnreadableRecord
from pipeline.telemetry import (
    SINK_APPEND_TO_STORED_SECONDS,
    SINK_BATCH_SECONDS,
    SINK_DEAD_LETTERS,
    SINK_ROWS,
    SINK_UP,
    say,
)
from pipeline.topics import ANSWERS, DEAD_LETTERS
from processors.burial import letter
from processors.sinks import database
from processors.sinks.database import Connection, Place, Writer
from processors.sinks.entries import Entry, entry

log = logging.getLogger("sharpline.sink")
NAME = "postgres"
GROUP = cluster.group(NAME)
BATCH, WITHIN_S = 2_000, 0.25
ANSWERS_WITHIN_S = 5.0
COMMIT_EVERY_S = 1.0
#: For the last commit to go out; nothing depends on it.
LAST_WORD_S = 0.5
#: A broker forgets, after a week, what a group without members committed for a partition.
COMMIT_ALL_EVERY_S = 3_600.0
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.5, 15.0
#: Longer than any statement, pause or question to a broker.
TURNS_WITHIN_S = database.ANSWERS_WITHIN_S + 60.0
_AWAY = (psycopg.OperationalError, psycopg.InterfaceError, KafkaException, BrokerUnavailable)


class NotYet(Exception):
    """Something has to be there first; the sink looks again."""


class Sink:
    """The one loop. ``run`` returns when ``stopped`` is set."""

    def __init__(self, kafka: str, url: str, stopped: threading.Event) -> None:
        self._kafka, self._url, self._stopped = kafka, url, stopped
        self._consumer = Consumer(
            {
                "bootstrap.servers": kafka,
                "group.id": GROUP,
                "enable.auto.commit": False,
                "enable.auto.offset.store": False,
                "auto.offset.reset": "error",  # where to read is for Postgres to say
                "queued.max.messages.kbytes": 16_384,
                "reconnect.backoff.max.ms": 1_000,
                "on_commit": self._committed,
                "log_level": 2,  # what matters of them comes as errors
            }
        )
        self._producer: Producer | None = None
        self._positions: dict[Place, int] = {}
        self._uncommitted: set[Place] = set()
        self._committed_at_s = self._committed_all_at_s = 0.0
        self._turned_at_s = time.monotonic()
        self._said = ""
        self.ready = False
        """Whether answers are being written."""

    def live(self) -> bool:
        """Whether the loop turns."""
        return time.monotonic() - self._turned_at_s < TURNS_WITHIN_S

    def run(self) -> None:
        """Copy until told to stop. Raises UsageError and TopicsUnfit where a person has to act."""
        pause_s = FIRST_PAUSE_S
        while not self._stopped.is_set():
            try:
                with closing(database.connect(self._url)) as connection:
                    writer = self._begun(connection)
                    while not self._stopped.is_set():
                        self._copy(writer)
                        pause_s = FIRST_PAUSE_S
            except (NotYet, *_AWAY) as error:
                self._rest(_reason(error), pause_s)
                pause_s = min(2.0 * pause_s, LONGEST_PAUSE_S)
        self._consumer.unassign()
        self._committed_at_s = 0.0
        self._tell_lag()
        self._consumer.poll(LAST_WORD_S)

    def _rest(self, reason: str, pause_s: float) -> None:
        """Read nothing for a while, having said why, once."""
        self.ready = False
        SINK_UP.set(0)
        if reason != self._said:
            say(log, "waiting", logging.WARNING, reason=reason)
            self._said = reason
        self._consumer.unassign()
        self._stopped.wait(pause_s)
        self._turned_at_s = time.monotonic()

    def _begun(self, connection: Connection) -> Writer:
        """Everything as it must be, and every partition assigned from where Postgres has it."""
        if not database.lock(connection):
            raise NotYet("another sink writes to this database: this one stands by")
        if applied := database.migrate(connection):
            say(log, "tables made", migrations=", ".join(applied))
        metadata = self._consumer.list_topics(timeout=ANSWERS_WITHIN_S).topics
        if missing := [topic for topic in ANSWERS if topic not in metadata]:
            raise NotYet(f"no topic {', '.join(missing)}: sharpline topics makes them")
        numbers = database.logs(connection, {topic: topic_ids(self._kafka, [topic]) for topic in ANSWERS})
        stored = database.positions(connection, numbers)
        places = [(topic, partition) for topic in ANSWERS for partition in metadata[topic].partitions]
        self._positions = {place: self._start(place, stored.get(place)) for place in places}
        self._uncommitted = set(places)
        self._consumer.assign([TopicPartition(*place, at) for place, at in self._positions.items()])
        writer = Writer(connection, numbers)
        self.ready, self._said = True, ""
        SINK_UP.set(1)
        say(log, "writing", partitions=len(places), stored=sum(stored.values()))
        return writer

    def _start(self, place: Place, stored: int | None) -> int:
        """Where a partition is read on. Raises TopicsUnfit where what was stored of it is not in it."""
        oldest, end = self._consumer.get_watermark_offsets(TopicPartition(*place), timeout=ANSWERS_WITHIN_S)
        if stored is None:
            return int(oldest)
        where = f"{place[0]}/{place[1]}"
        if stored > end:
            raise TopicsUnfit(
                f"{where} ends at {end} and is stored up to {stored}: Kafka has lost what it had; use a "
                "fresh database, or delete the topic from positions and logs to store what it has now apart"
            )
        if stored < oldest:
            say(log, "expired unread", logging.ERROR, place=where, offsets=f"{stored} to {oldest - 1}")
        return max(stored, int(oldest))

    def _copy(self, writer: Writer) -> None:
        """Store what has arrived."""
        messages = self._consumer.consume(BATCH, WITHIN_S)
        started_s = self._turned_at_s = time.monotonic()
        entries, ends = self._taken(messages)
        if ends:
            stored = writer.write(entries, ends)
            self._positions |= ends
            self._uncommitted |= ends.keys()
            _count(entries, time.monotonic() - started_s)
            if stored < len(entries):
                say(log, "stored before", logging.WARNING, rows=len(entries) - stored)
        self._tell_lag()

    def _taken(self, messages: list[KafkaMessage]) -> tuple[list[Entry], dict[Place, int]]:
        """The entries of messages, and the offsets after them. What cannot be decoded is buried by then."""
        entries: list[Entry] = []
        ends: dict[Place, int] = {}
        buried = 0
        for message in messages:
            if (error := message.error()) is not None:
                raise KafkaException(error)
            origin = message.topic() or "", message.partition() or 0, message.offset() or 0
            place, key, value = origin[:2], message.key(), message.value()
            if origin[2] < ends.get(place, self._positions[place]):
                raise NotYet(f"{place[0]}/{place[1]} goes back to offset {origin[2]}: it was made anew")
            ends[place] = origin[2] + 1
            if value is None:  # a tombstone takes an answer off its topic, not out of history
                continue
            try:
                entries.append(entry(origin, key, value, message.timestamp()[1]))
            except UnreadableRecord as unreadable:
                self._bury(origin, str(unreadable), key, value)
                buried += 1
        if buried and self._producer is not None and self._producer.flush(ANSWERS_WITHIN_S):
            raise BrokerUnavailable("the broker does not take dead letters")
        return entries, ends

    def _bury(self, origin: tuple[str, int, int], reason: str, key: bytes | None, value: bytes) -> None:
        """Send a dead letter; whoever is killed before its batch is stored sends it once more."""
        if self._producer is None:
            self._producer = Producer(
                {
                    "bootstrap.servers": self._kafka,
                    "enable.idempotence": True,
                    "acks": "all",
                    "partitioner": "murmur2_random",
                    "compression.type": cluster.COMPRESSION,
                    "log_level": 2,
                }
            )
        buried_key, buried_value = letter(NAME, origin, reason, key, value)
        self._producer.produce(DEAD_LETTERS, buried_value, buried_key)
        self._producer.poll(0)
        SINK_DEAD_LETTERS.labels(origin[0]).inc()
        where = f"{origin[0]}/{origin[1]}/{origin[2]}"
        say(log, "buried", logging.WARNING, place=where, reason=reason)

    def _tell_lag(self) -> None:
        """Commit the positions that are new, and now and then all: only for those who look at the lag."""
        now_s = time.monotonic()
        if now_s < self._committed_at_s + COMMIT_EVERY_S:
            return
        self._committed_at_s = now_s
        if now_s >= self._committed_all_at_s + COMMIT_ALL_EVERY_S:
            self._committed_all_at_s = now_s
            self._uncommitted = set(self._positions)
        if not self._uncommitted:
            return
        offsets = [TopicPartition(*place, self._positions[place]) for place in sorted(self._uncommitted)]
        self._uncommitted = set()
        try:
            self._consumer.commit(offsets=offsets, asynchronous=True)
        except KafkaException as error:
            say(log, "lag not told", logging.WARNING, reason=error.args[0].str())

    def _committed(self, error: KafkaError | None, offsets: list[TopicPartition]) -> None:
        """Kafka's client calls it: what was not taken is told again."""
        if error is not None:
            self._uncommitted |= {(one.topic, one.partition) for one in offsets}


def _count(entries: list[Entry], seconds: float) -> None:
    SINK_BATCH_SECONDS.observe(seconds)
    now_s = time.time()
    for topic, rows in Counter(one.topic for one in entries).items():
        SINK_ROWS.labels(topic).inc(rows)
    for topic, newest in {one.topic: one for one in entries}.items():
        waited_s = now_s - newest.appended_at.timestamp()
        SINK_APPEND_TO_STORED_SECONDS.labels(topic).observe(max(0.0, waited_s))


def _reason(error: Exception) -> str:
    if isinstance(error, psycopg.Error):
        return f"Postgres: {database.said(error)}"
    if isinstance(error, KafkaException):
        return f"Kafka: {error.args[0].str()}"
    return str(error)

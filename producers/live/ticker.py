"""The clock on Kafka: of all that stand ready one ticks, and goes on where the last one ended.

The right to tick is partition 0 of `TICKS` in a consumer group of its own, which reads nothing: the broker
gives it to one member, and to another one as soon as that is not heard of any more. A clock that stood still
for most of a session gives it up before it looks at the time.
"""

import logging
import time
from collections import deque
from collections.abc import Callable
from typing import Any

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, Producer, TopicPartition

from pipeline import cluster, codec, data, telemetry
from pipeline.errors import AnotherClock, BrokerUnavailable, TimeRunsBackwards, TopicsUnfit, UnreadableRecord
from pipeline.records import ClockTick, SourceControl, SourceHealth
from pipeline.telemetry import say
from pipeline.topics import TICKS, topic_of
from producers.live.clock import TICK_MS, Watch, heard, resumed, ticked, told
from producers.live.reading import READ_S, to_the_end

#: Not `sharpline.` something: what is called so reads, and is watched for its lag.
GROUP = "sharpline-clock"
HEALTH, CONTROL = topic_of(SourceHealth).name, topic_of(SourceControl).name
#: After which the broker gives the right to another.
SESSION_MS = 6000
#: Who stood still for so long may have lost it, and asks anew.
STOOD_STILL_S = 4.0
#: A log in which somebody ticked so lately is left alone; if that does not end, it is not ours.
QUIET_S, GIVE_UP_S = 2.5, 15.0
#: A tick that was not taken by then is dropped: the next one says all that it did, and time.
DELIVERY_MS = 3000
#: How often to look whether it is to stop, and whether anybody said anything.
LOOK_S = 0.1
#: librdkafka's word for the last record of a partition.
LAST = -2001

logger = logging.getLogger(__name__)


class Ticker:
    """Ticks on whole seconds while it has the right to.

    Raises BrokerUnavailable where no cluster answers, TopicsUnfit where it has no topics.
    """

    def __init__(
        self, bootstrap: str, now_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000
    ) -> None:
        partitions = cluster.partitions(bootstrap)
        if missing := [topic for topic in (TICKS, HEALTH, CONTROL) if topic not in partitions]:
            raise TopicsUnfit(
                f"{bootstrap} has no topic {missing[0]}; make the topics first: sharpline topics"
            )
        self.bootstrap, self._now_ms, self._partitions = bootstrap, now_ms, partitions
        self.leads = False
        self.alive_at_s = time.monotonic()
        self._watch = Watch()
        self._sent: deque[bytes] = deque(maxlen=60)
        self._reader: Consumer | None = None
        self._other_at_s = 0.0
        self._undelivered = 0
        self._lease = Consumer(
            {
                "bootstrap.servers": bootstrap,
                "group.id": GROUP,
                "enable.auto.commit": False,
                "auto.offset.reset": "latest",
                "session.timeout.ms": SESSION_MS,
                "heartbeat.interval.ms": SESSION_MS // 4,
                "max.poll.interval.ms": int(READ_S * 1000),
                "partition.assignment.strategy": "range",
                "log_level": 2,
            }
        )
        self._producer = Producer(
            {
                "bootstrap.servers": bootstrap,
                "enable.idempotence": True,
                "acks": "all",
                "linger.ms": 0,
                "compression.type": "lz4",
                "delivery.timeout.ms": DELIVERY_MS,
                "on_delivery": self._on_delivery,
                "log_level": 2,
            }
        )

    def run(self, stopped: Callable[[], bool]) -> None:
        """Tick until ``stopped``.

        Raises
        ------
        TimeRunsBackwards
            If the log has ticked to a time that is yet to come.
        AnotherClock
            If somebody ticks who does not ask for the right to.
        """
        self._stand_ready()
        try:
            while not stopped():
                if time.monotonic() - self.alive_at_s > STOOD_STILL_S:
                    self._step_back("stood still")
                    self._lease.unsubscribe()
                    self._stand_ready()
                self.alive_at_s = time.monotonic()
                self._hold()
                if self._reader is not None:
                    self._listen(self._reader)
                    if not self.leads and self._is_quiet():
                        self.leads = True
                        telemetry.CLOCK_LEADING.set(1)
                        say(logger, "this process makes the ticks")
                if self.leads:
                    self._tick()
                self._producer.poll(self._rest_s())
        finally:
            self._step_back("stopped")
            self._lease.close()
            self._producer.flush(DELIVERY_MS / 1000)

    def _stand_ready(self) -> None:
        self._has_right = False
        self._lease.subscribe(
            [TICKS], on_assign=self._on_assign, on_revoke=self._on_revoke, on_lost=self._on_revoke
        )

    def _on_assign(self, consumer: Consumer, places: list[TopicPartition]) -> None:
        consumer.assign(places)
        consumer.pause(places)  # nothing is read here
        self._has_right = any(place.partition == 0 for place in places)

    def _on_revoke(self, *_: object) -> None:
        self._has_right = False
        self._step_back("another one has the right")

    def _hold(self) -> None:
        """Hear what became of the right; begin to read where it was given, and not before."""
        message = self._lease.poll(0)
        if message is not None and (error := message.error()) is not None and error.fatal():
            raise BrokerUnavailable(
                f"{self.bootstrap} does not take {GROUP} back: {error.str()}; start it again"
            )
        if self._has_right and self._reader is None:
            self._reader = self._caught_up()
            self.alive_at_s = time.monotonic()  # to read so much is not to stand still

    def _step_back(self, why: str) -> None:
        if self.leads:
            say(logger, "this process makes no ticks any more", why=why)
        self.leads = False
        telemetry.CLOCK_LEADING.set(0)
        for gauge in (telemetry.SOURCE_DOWN, telemetry.SOURCE_OFF, telemetry.SOURCE_OUTAGES):
            gauge.clear()  # who leads tells them; two would contradict each other
        if self._reader is not None:
            self._reader.close()
            self._reader = None

    def _caught_up(self) -> Consumer:
        """A reader of what is said of sources from now on, and of ticks; what was said before is taken in."""
        reader = Consumer(
            {
                "bootstrap.servers": self.bootstrap,
                "group.id": GROUP,  # never joined: it is assigned, and commits nothing
                "enable.auto.commit": False,
                "enable.partition.eof": True,
                "fetch.wait.max.ms": 50,
                "log_level": 2,
            }
        )
        said = [
            TopicPartition(topic, partition, 0)
            for topic in (HEALTH, CONTROL)
            for partition in range(self._partitions[topic])
        ]
        self._watch, self._sent = Watch(), deque(maxlen=60)
        self._began_s, self._other_at_s = time.monotonic(), 0.0
        last: ClockTick | None = None
        records: list[SourceHealth | SourceControl] = []
        try:
            for message in to_the_end(reader, [TopicPartition(TICKS, 0, LAST)]):
                last, age_ms = _read(message), self._now_ms() - message.timestamp()[1]
                if age_ms < QUIET_S * 1000:
                    self._other_at_s = time.monotonic() - age_ms / 1000
                ticks_from = (message.offset() or 0) + 1
            records = [
                record for message in to_the_end(reader, said) if (record := _read(message)) is not None
            ]
            positions = reader.position(said)
            reader.assign([*positions, TopicPartition(TICKS, 0, ticks_from if last else 0)])
        except KafkaException as error:
            reader.close()
            raise BrokerUnavailable(f"{self.bootstrap} does not say how sources fare: {error}") from error
        if last is not None:
            if last.received_at_ms > self._now_ms() + TICK_MS:
                ahead_s = (last.received_at_ms - self._now_ms()) / 1000
                reader.close()
                raise TimeRunsBackwards(
                    f"the log has ticked {ahead_s:,.0f} s beyond now, as a simulated evening does; time never"
                    " runs backwards in a log: use a fresh one (`sharpline up --data NEW_FOLDER`)"
                )
            self._watch = resumed(last)
        for record in sorted(records, key=lambda record: record.received_at_ms):
            self._hear(record)
        return reader

    def _listen(self, reader: Consumer) -> None:
        """Take in what was said since, and see who else ticks."""
        while (message := reader.poll(0)) is not None:
            if message.error() is not None:
                continue
            if message.topic() != TICKS:
                if (record := _read(message)) is not None:
                    self._hear(record)
            elif message.value() not in self._sent:
                self._other_at_s = time.monotonic()
                if (tick := _read(message)) is not None:
                    self._watch = self._watch._replace(
                        ticked_ms=max(self._watch.ticked_ms, tick.received_at_ms)
                    )
        self._give_up_to_another()

    def _give_up_to_another(self) -> None:
        now_s = time.monotonic()
        if self.leads and self._other_at_s and now_s - self._other_at_s < QUIET_S:
            self.leads, self._began_s = False, now_s
            telemetry.CLOCK_LEADING.set(0)
            say(logger, "somebody else ticks too; waiting for quiet", logging.WARNING)
        if not self.leads and not self._is_quiet() and now_s - self._began_s > GIVE_UP_S:
            raise AnotherClock(
                f"something else ticks in {TICKS} of {self.bootstrap}, a simulator or a recording perhaps;"
                " end it, or run live sources on a log of their own (`sharpline up --data NEW_FOLDER`)"
            )

    def _is_quiet(self) -> bool:
        return time.monotonic() - self._other_at_s > QUIET_S or not self._other_at_s

    def _hear(self, record: Any) -> None:
        match record:
            case SourceHealth():
                self._watch = heard(self._watch, record)
            case SourceControl():
                self._watch = told(self._watch, record)

    def _tick(self) -> None:
        """One tick for the second that has begun, where there was none; what was missed is not made up."""
        second_ms = self._now_ms() // TICK_MS * TICK_MS
        if second_ms <= self._watch.ticked_ms:
            return
        self._watch, tick = ticked(self._watch, second_ms)
        key, value = codec.encode(TICKS, tick)
        self._sent.append(value)
        try:
            for partition in range(self._partitions[TICKS]):
                self._producer.produce(TICKS, value=value, key=key, partition=partition)
        except BufferError:
            self._undelivered += 1
        telemetry.CLOCK_TICKS.inc()
        self._show()

    def _show(self) -> None:
        for name, known in self._watch.sources.items():
            source = data.known_source(name)
            telemetry.SOURCE_DOWN.labels(source).set(known.down_since_ms > 0)
            telemetry.SOURCE_OFF.labels(source).set(known.off)
            telemetry.SOURCE_OUTAGES.labels(source).set(known.outages)

    def _on_delivery(self, error: KafkaError | None, _: Message) -> None:
        if error is None:
            if self._undelivered:
                say(logger, "ticks are taken again", lost=self._undelivered)
            self._undelivered = 0
        else:
            if not self._undelivered:
                say(logger, "a tick was not taken", logging.WARNING, reason=error.str())
            self._undelivered += 1

    def _rest_s(self) -> float:
        return min(LOOK_S, (TICK_MS - self._now_ms() % TICK_MS) / 1000)


def _read(message: Message) -> Any:
    """What a message says; None where it is a tombstone or cannot be read, which changes nothing."""
    try:
        topic = str(message.topic())
        return codec.decode(topic, message.key(), message.value()) if message.value() else None
    except UnreadableRecord:
        return None

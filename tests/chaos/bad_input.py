"""Inputs of a stage as a bad day brings them: damaged, doubled, out of order, late, with clocks that are off.

Each stage is fed alone, also with what other stages answer, so that every input topic can be spoiled without
spoiling what a stage is judged by.
"""

import itertools
import math
import random
from collections import Counter
from collections.abc import Iterator
from typing import Any

from confluent_kafka import Producer
from msgspec.structs import replace

from pipeline import codec
from pipeline.records import ClockTick, GameEvent, OddsSnapshot, Record
from pipeline.replay.archive import Message
from pipeline.replay.run import Replay
from pipeline.settings import Rules
from pipeline.stages.fold import Answer
from pipeline.topics import DEAD_LETTERS, TICKS, TOPICS, event_of, partition_of, topic_of
from producers.pace import timetable
from producers.simulator import simulate
from tests.chaos.ground import Ground
from tests.chaos.judging import CHAIN, stage_named
from tests.make import T0
from tests.processors.chain import RAISES
from tests.processors.log import EVENTS, game_event, read
from tests.processors.poison import Bad, damaged, nowhere, with_number

GAMES, RECORDS = 30, 1_500
#: Shares of the good records; a late one comes after so many others.
DOUBLED, LATE, CLOCK_OFF = 0.05, 0.05, 0.1
LATE_BY = (1, 300)
OFF_MS = 300_000

Sent = tuple[str, Record]
Letter = tuple[str, int, int, str]  # topic, partition, offset, the word its reason begins with


def bad_input(ground: Ground) -> None:
    """Feed the one stage of the ground, and see that only the bad is buried and the good all applied."""
    (stage,) = (stage_named(name) for name in ground.stages)
    partitions = ground.settings.partitions
    good = [sent for sent in day(ground.random.randrange(1_000_000), partitions) if sent[0] in stage.sources]
    tally: Counter[str] = Counter()
    good = list(disturbed(good, ground.random, tally))
    bad = spoiled(good, ground.random, partitions)
    if stage.name == CHAIN.name:
        raising = codec.encode("games.events", game_event(EVENTS[0], T0, text=RAISES))
        bad.append((Bad("games.events", *raising, "fold"), partition_of(EVENTS[0], partitions)))
    vandal = _Vandal(ground.bootstrap, partitions)
    gap = max(1, len(good) // len(bad))
    for place, sent in enumerate(good):
        if place % gap == 0 and bad:
            vandal.spoil(*bad.pop())
        vandal.send(*sent)
        ground.fleet.look_after()
    for one in bad:
        vandal.spoil(*one)
    vandal.flush()
    ground.drain()
    ground.judge()
    tally.update(f"bad message, buried as `{letter[3]}`" for letter in vandal.spoilt)
    for what, times in sorted(tally.items()):
        ground.count(what, times)
    _check(ground, stage.name, vandal)


def _check(ground: Ground, stage: str, vandal: "_Vandal") -> None:
    found = read(ground.bootstrap, [DEAD_LETTERS])[DEAD_LETTERS]
    letters = [codec.decode(DEAD_LETTERS, message.key, message.value) for message in found]
    buried = Counter((x.topic, x.partition, x.offset, x.reason.partition(":")[0]) for x in letters)
    if buried != (wanted := Counter(vandal.spoilt)):
        missing, more = list((wanted - buried).elements()), list((buried - wanted).elements())
        ground.fault(f"{stage} should also have buried {missing[:3]} and should not have buried {more[:3]}")
    if ground.fleet.exits:
        ground.fault(f"bad input ended workers: {dict(ground.fleet.exits)}")
    if (folded := ground.outcome.verdicts[stage].inputs) != vandal.good:
        ground.fault(f"of {vandal.good} good inputs {folded} were applied")


def day(seed: int, partitions: int) -> Iterator[Sent]:
    """The beginning of some games as all topics have it: inputs, ticks, and what the stages answer."""
    answers: list[Answer] = []

    def publish(answer: Answer) -> Message:
        answers.append(answer)
        partition = partition_of(event_of(answer.key), partitions)
        return Message(answer.topic, answer.key, partition, len(answers), T0, answer.record)

    machine = Replay(Rules(), partitions, publish)
    records = itertools.islice(simulate(seed, GAMES, T0), RECORDS)
    for record in (due.record for due in timetable(records, 20.0)):
        topic = topic_of(type(record)).name
        yield topic, record
        if isinstance(record, OddsSnapshot | GameEvent):
            key = record.event_id
            place = (partition_of(key, partitions), machine.tally.inputs, record.received_at_ms)
            machine.take(Message(topic, key, *place, record))
            machine.tally.inputs += 1
            yield from ((answer.topic, answer.record) for answer in answers if answer.record is not None)
            answers.clear()


def disturbed(good: list[Sent], rng: random.Random, tally: Counter[str]) -> Iterator[Sent]:
    """The same records, some again, some later than they were sent, some by clocks that are wrong."""
    late: list[tuple[int, Sent]] = []
    for place, (topic, record) in enumerate(good):
        if rng.random() < CLOCK_OFF:
            wrong = clock_off(record, rng.choice((-OFF_MS, OFF_MS)))
            tally["good record, its source's clock 5 min off"] += wrong != record
            record = wrong
        if not isinstance(record, ClockTick) and rng.random() < LATE:
            tally["good record, late and out of order"] += 1
            late.append((place + rng.randint(*LATE_BY), (topic, record)))
        else:
            yield topic, record
        if rng.random() < DOUBLED:
            tally["good record, sent twice"] += 1
            yield topic, record
        yield from (sent for due, sent in late if due == place)
    yield from (sent for due, sent in late if due >= len(good))


def clock_off(record: Any, by_ms: int) -> Any:
    """A record of a source whose own clock is wrong by so much; when we received it, we know."""
    if isinstance(record, OddsSnapshot):
        moved = [replace(x, quoted_at_ms=x.quoted_at_ms and x.quoted_at_ms + by_ms) for x in record.lines]
        return replace(record, lines=tuple(moved))
    if isinstance(record, GameEvent) and record.happened_at_ms:
        return replace(record, happened_at_ms=record.happened_at_ms + by_ms)
    return record


def spoiled(good: list[Sent], rng: random.Random, partitions: int) -> list[tuple[Bad, int]]:
    """Every kind of bad message for every topic that is there, made of its good ones, and its partition."""
    found: list[tuple[Bad, int]] = []
    for topic in dict.fromkeys(topic for topic, _ in good):
        record: Any = rng.choice([record for at, record in good if at == topic and _is_full(record)])
        key, value = codec.encode(topic, record)
        if topic == TICKS:
            found += [(one, rng.randrange(partitions)) for one in damaged(topic, key, value)]
            continue
        home = partition_of(record.event_id, partitions)
        bad = [*damaged(topic, key, value), nowhere(topic, key, value)]
        if isinstance(record, OddsSnapshot):
            bad += [with_number(topic, key, value, record.lines[0].prices[0], x) for x in (math.nan, 1.0)]
        if TOPICS[topic].retention_ms == 0:
            # Compacted: no value is a tombstone and no fault, and the broker refuses what has no key.
            bad = [one for one in bad if one.value is not None and one.key is not None]
        found += [(one, home) for one in bad]
        found.append((Bad(topic, key, value, "partition"), (home + 1) % partitions))
    rng.shuffle(found)
    return found


def _is_full(record: Any) -> bool:
    return not isinstance(record, OddsSnapshot) or bool(record.lines)


class _Vandal:
    """Sends the good and the bad; ``spoilt`` is where each bad one lies and why it must be buried."""

    def __init__(self, bootstrap: str, partitions: int) -> None:
        self._partitions = partitions
        self._producer = Producer(
            {
                "bootstrap.servers": bootstrap,
                "partitioner": "murmur2_random",
                "enable.idempotence": True,
                "log_level": 0,
            }
        )
        self.spoilt: list[Letter] = []
        self.good = 0

    def send(self, topic: str, record: Record) -> None:
        key, value = codec.encode(topic, record)
        if topic == TICKS:
            for partition in range(self._partitions):
                self._producer.produce(topic, value, key, partition)
        else:
            place = partition_of(event_of(key.decode()), self._partitions)
            self._producer.produce(topic, value, key, place)
            self.good += 1
        self._producer.poll(0)

    def spoil(self, bad: Bad, partition: int) -> None:
        def delivered(error: Any, message: Any) -> None:
            assert error is None, error
            self.spoilt.append((message.topic(), message.partition(), message.offset(), bad.reason))

        self._producer.produce(bad.topic, bad.value, bad.key, partition, on_delivery=delivered)
        self._producer.poll(0)

    def flush(self) -> None:
        assert self._producer.flush(60) == 0

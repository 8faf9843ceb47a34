"""The three stages as they run, over simulated games: what they leave on Kafka is what their folds make."""

import itertools
import json
import math
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import pytest
from confluent_kafka import Producer

from gateway.http.events import PARTS
from pipeline import cluster, codec
from pipeline.errors import UsageError
from pipeline.local import kraft
from pipeline.local.broker import own_broker
from pipeline.records import ChangeKind, GameEvent, OddsSnapshot, Record
from pipeline.replay.explain import explain
from pipeline.replay.verify import Place, verify
from pipeline.settings import Rules, Settings
from pipeline.stages import STAGES
from pipeline.topics import ANSWERS, DEAD_LETTERS, TICKS, partition_of, topic_of
from producers.__main__ import Progress, Stop, play
from producers.publish import KafkaLog
from producers.simulator import simulate
from tests.make import EVENT, T0, quote, snapshot, tick
from tests.processors.log import Message, read
from tests.processors.poison import Bad, damaged, nowhere, with_number
from tests.processors.workers import Worker, await_no_lag, ended, stage_worker

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(240)]
PARTITIONS = 4
GAMES = 3
#: With everything that a stage can answer.
RULES = Rules(features=True)
#: Of the games' own time: an evening passes in some ten seconds.
SPEED = 900.0
Log = dict[str, list[Message]]


@dataclass
class Evening:
    """What is on the topics once everything was read; ``exits`` are those of the workers."""

    bootstrap: str
    log: Log
    exits: list[int]


@pytest.fixture(scope="module")
def evening(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Evening]:
    """Whole games, in the middle of which each worker is killed, and later one stopped for another."""
    folder = tmp_path_factory.mktemp("evening")
    (folder / "rules.json").write_bytes(RULES.content)
    with own_broker(short_lived=True) as broker:
        kafka = broker.bootstrap
        cluster.create_topics(kafka, Settings(partitions=PARTITIONS), STAGES.values())
        with pytest.MonkeyPatch.context() as environment:
            environment.setenv("SHARPLINE_RULES", str(folder / "rules.json"))
            first = {stage: stage_worker(kafka, folder, stage) for stage in STAGES}
            heir = stage_worker(kafka, folder, "markets", "w1")
        with ended([*first.values(), heir]):
            start(first.values())
            records = list(simulate(1, GAMES, T0))
            happens = {
                len(records) // 6: lambda: kill_and_start(first["games"]),
                len(records) // 3: lambda: kill_and_start(first["markets"]),
                len(records) // 2: lambda: kill_and_start(first["bets"]),
                len(records) * 2 // 3: lambda: follow(first["markets"], heir),
                len(records) * 5 // 6: lambda: hand_over(first["markets"], heir),
            }
            publish(kafka, disturbed(records, happens), SPEED)
            exits = [first["markets"].ended()]
            heir.await_said("partitions=[0, 1, 2, 3]")
            await_no_lag(kafka, STAGES.values())
            exits += [worker.stop() for worker in (first["games"], first["bets"], heir)]
        yield Evening(kafka, everything(kafka), exits)


def start(workers: Iterable[Worker]) -> None:
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.await_said("ready stage=")


def kill_and_start(worker: Worker) -> None:
    worker.kill()
    worker.start()


def follow(worker: Worker, heir: Worker) -> None:
    worker.await_said("ready stage=", times=2)  # it was killed before
    heir.start()


def hand_over(worker: Worker, heir: Worker) -> None:
    heir.await_said("ready stage=")
    worker.ask_to_stop()


def disturbed(records: list[Record], happens: dict[int, Callable[[], None]]) -> Iterator[Record]:
    """The records, and before some of them something else."""
    for place, record in enumerate(records):
        if place in happens:
            happens[place]()
        yield record


def publish(kafka: str, records: Iterable[Record], speed: float) -> None:
    log = KafkaLog(kafka)
    play(records, log, speed, Stop(), Progress(False))
    assert log.tally.refused.total() == 0


def everything(kafka: str) -> Log:
    topics = {topic for stage in STAGES.values() for topic in (*stage.sources, *stage.answers)}
    return read(kafka, {*topics, DEAD_LETTERS})


@pytest.mark.parametrize("stage", STAGES)
def test_after_kills_every_row_and_every_answer_is_that_of_the_fold(evening: Evening, stage: str) -> None:
    found = verify(evening.bootstrap, STAGES[stage], RULES)

    assert found.differences == []
    assert found.lost == []
    assert dict(found.unchecked) == {}
    assert (found.rows_equal, found.answers_equal) == (found.rows, found.answers)
    assert found.inputs == sum(len(evening.log[topic]) for topic in STAGES[stage].sources if topic != TICKS)


def test_a_stopped_worker_leaves_its_partitions_to_another(evening: Evening) -> None:
    assert evening.exits == [0, 0, 0, 0]


@pytest.mark.parametrize("topic", ANSWERS)
def test_every_kind_of_answer_is_explained_by_the_log_to_the_last_bit(evening: Evening, topic: str) -> None:
    given = [message for message in evening.log[topic] if message.value is not None]
    answer = codec.decode(topic, given[-1].key, given[-1].value)

    found = explain(evening.bootstrap, topic, given[-1].key.decode(), answer.revision, RULES)

    assert found.record == answer
    assert (found.equal, found.unchecked, found.taken_over_at) == (True, "", 0)
    assert found.folded == answer.revision
    assert found.inputs == {
        source: f"{source}/{given[-1].partition}@{offset}" if offset >= 0 else ""
        for source, offset in answer.inputs.items()
    }


def test_every_answer_names_the_input_at_the_head_of_its_chain(evening: Evening) -> None:
    known = {
        f"{topic}/{message.partition}/{message.offset}": (topic, message.headers)
        for topic in ANSWERS
        for message in evening.log[topic]
    }
    heads = set()
    for topic, headers in known.values():
        cause, origin = headers["cause"].decode(), headers["origin"].decode()
        _, before = known.get(cause, ("", {"origin": cause.encode()}))
        assert origin == before["origin"].decode()
        heads.add((origin.partition("/")[0], topic))

    assert {head for head, _ in heads} == {"odds.snapshots", "games.events", "clock.ticks"}
    assert ("games.events", "bets.value") in heads  # through games.probabilities


def test_every_leg_of_an_arbitrage_is_traced_to_the_snapshots_that_showed_it(evening: Evening) -> None:
    topic = "bets.arbitrage"
    given = [message for message in evening.log[topic] if message.value is not None]
    answers = [codec.decode(topic, message.key, message.value) for message in given]
    lays = [
        answer
        for answer in answers
        if any(leg.side == "lay" for one in answer.arbitrages for leg in one.legs)
    ]
    answer = max(lays, key=lambda answer: (len(answer.arbitrages), answer.revision))
    snapshots = {
        f"odds.snapshots/{m.partition}@{m.offset}": codec.decode("odds.snapshots", m.key, m.value)
        for m in evening.log["odds.snapshots"]
    }

    found = explain(evening.bootstrap, topic, answer.event_id, answer.revision, RULES)

    legs = [(one, leg) for one in answer.arbitrages for leg in one.legs]
    assert len(found.quotes) == len(legs) > 1
    for quoted, (one, leg) in zip(found.quotes, legs, strict=True):
        assert (quoted.opportunity, quoted.book, quoted.price) == (one.id, leg.book, leg.price)
        assert quoted.side == leg.side
        assert snapshots[quoted.seen_in].received_at_ms == leg.seen_at_ms
        snapshot, is_lay = snapshots[quoted.shown_in], leg.side == "lay"
        (price,) = [
            (line.lay_prices if is_lay else line.prices)[leg.outcome]
            for line in (snapshot.depth if is_lay else snapshot.lines)
            if (line.book, line.market, line.scope, line.line) == (leg.book, one.market, one.scope, leg.line)
        ]
        assert price == leg.price


def test_what_was_never_answered_is_not_explained(evening: Evening) -> None:
    with pytest.raises(UsageError, match="no answer under 'nfl:2025-01-01:kc-phi'"):
        explain(evening.bootstrap, "odds.fair", "nfl:2025-01-01:kc-phi", None, RULES)
    with pytest.raises(UsageError, match=r"clock\.ticks has no answers of a fold"):
        explain(evening.bootstrap, TICKS, "clock", None, RULES)


def test_games_are_followed_to_their_results(evening: Evening) -> None:
    assert len(evening.log["games.scores"]) >= GAMES
    kinds = {codec.decode("bets.results", m.key, m.value).kind for m in evening.log["bets.results"]}
    assert kinds >= {"value", "arbitrage"}  # a middle may have come along
    assert evening.log[DEAD_LETTERS] == []


def test_the_gateway_says_what_the_topics_say_last(evening: Evening, tmp_path: Path) -> None:
    (port,) = kraft.free_ports(1)
    gateway = Worker(evening.bootstrap, tmp_path / "log", port, "gateway", "--port", str(port))
    with ended([gateway]):
        gateway.start()
        gateway.await_said("ready events=")
        for event_id in {message.key.decode() for message in evening.log["games.events"]}:
            status, body = gateway.asked(f"/v1/events/{event_id}")
            said = json.loads(body)
            assert status == 200
            for part, topic in PARTS.items():
                assert said[part] == last(evening.log, topic, event_id).get(event_id), part
            results = {f"{event_id}|{result['opportunity']}": result for result in said["results"]}
            assert results == last(evening.log, "bets.results", event_id)


def last(log: Log, topic: str, event_id: str) -> dict[str, Any]:
    """What stands under each key of an event, as JSON has it."""
    return {
        message.key.decode(): json.loads(msgspec.json.encode(codec.decode(topic, message.key, message.value)))
        for message in log[topic]
        if message.key.decode().partition("|")[0] == event_id
    }


@dataclass
class Spoiled:
    """Stages that were given bad messages among good ones, and then nothing but time.

    ``bad`` is where each bad message lies, and the word that its reason begins with; ``before`` what the
    topics held when everything but that time had been read. ``starts`` and ``exits`` are the workers'.
    """

    bootstrap: str
    log: Log
    before: Log
    bad: dict[Place, str]
    starts: list[int]
    exits: list[int]


@pytest.fixture(scope="module")
def spoiled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Spoiled]:
    """The beginning of some games, with every kind of bad message in every topic of the inputs."""
    folder = tmp_path_factory.mktemp("spoiled")
    with own_broker(short_lived=True) as broker:
        kafka = broker.bootstrap
        cluster.create_topics(kafka, Settings(partitions=PARTITIONS), STAGES.values())
        workers = [stage_worker(kafka, folder, stage) for stage in STAGES]
        with ended(workers):
            start(workers)
            records = list(itertools.islice(simulate(2, 5, T0), 300))
            records.append(value_and_arbitrage(records[-1].received_at_ms))
            vandal = Vandal(kafka)
            bad = poison(records)
            gap = len(records) // len(bad)
            happens = {place * gap: lambda one=one: vandal.send(*one) for place, one in enumerate(bad)}
            publish(kafka, disturbed(records, happens), 0.0)
            vandal.flush()
            await_no_lag(kafka, STAGES.values())
            before = everything(kafka)

            clock = KafkaLog(kafka)
            for passed_s in (10, 20, 30, 31):
                clock.send(tick((records[-1].received_at_ms - T0) / 1000 + passed_s))
            clock.close()
            await_no_lag(kafka, STAGES.values())
            starts = [worker.said().count("ready stage=") for worker in workers]
            exits = [worker.stop() for worker in workers]
        yield Spoiled(kafka, everything(kafka), before, vandal.sent, starts, exits)


class Vandal:
    """Appends whatever it is given; ``sent`` says where it lies, and why it must be buried."""

    def __init__(self, bootstrap: str) -> None:
        self._producer = Producer({"bootstrap.servers": bootstrap, "log_level": 0})
        self.sent: dict[Place, str] = {}

    def send(self, bad: Bad, partition: int) -> None:
        def delivered(error: Any, message: Any) -> None:
            assert error is None
            self.sent[message.topic(), message.partition(), message.offset()] = bad.reason

        self._producer.produce(bad.topic, bad.value, bad.key, partition, on_delivery=delivered)
        self._producer.poll(0)

    def flush(self) -> None:
        assert self._producer.flush(60) == 0


def poison(records: list[Record]) -> list[tuple[Bad, int]]:
    """Every kind of bad message for every input topic, and the partition to put it on."""
    found = []
    odds = next(record for record in records if isinstance(record, OddsSnapshot) and record.lines)
    play = next(record for record in records if isinstance(record, GameEvent))
    price = odds.lines[0].prices[0]
    for record, number, numbers in ((odds, price, (math.nan, 1.0)), (play, play.clock_s, (math.nan, 1e9))):
        topic = topic_of(type(record)).name
        good = codec.encode(topic, record)
        home = partition_of(record.event_id, PARTITIONS)
        bad = [*damaged(topic, *good), nowhere(topic, *good)]
        bad += [with_number(topic, *good, number, instead) for instead in numbers]
        found += [(one, home) for one in bad]
        found.append((Bad(topic, *good, "partition"), (home + 1) % PARTITIONS))
    ticked = codec.encode(TICKS, tick(0))
    found += [(one, place % PARTITIONS) for place, one in enumerate(damaged(TICKS, *ticked))]
    return found


def value_and_arbitrage(received_at_ms: int) -> OddsSnapshot:
    """Four books of one mind, and two that leave a value bet and an arbitrage."""
    level = [quote(book, 1.91, 1.91) for book in ("alpha", "bravo", "charlie", "delta")]
    return snapshot(
        *level,
        quote("echo", 2.10, 1.75),
        quote("foxtrot", 1.80, 1.97),
        seconds=(received_at_ms - T0) / 1000,
        starts_at_ms=received_at_ms + 3_600_000,
    )


def test_each_bad_message_is_buried_once_by_each_stage_that_reads_it(spoiled: Spoiled) -> None:
    letters = [codec.decode(DEAD_LETTERS, letter.key, letter.value) for letter in spoiled.log[DEAD_LETTERS]]

    assert Counter(
        (letter.stage, letter.topic, letter.partition, letter.offset, letter.reason.partition(":")[0])
        for letter in letters
    ) == Counter(
        (name, *place, reason)
        for place, reason in spoiled.bad.items()
        for name, stage in STAGES.items()
        if place[0] in stage.sources
    )


def test_bad_messages_end_no_worker_and_every_good_one_has_its_effect(spoiled: Spoiled) -> None:
    assert spoiled.starts == [1, 1, 1]
    assert spoiled.exits == [0, 0, 0]
    for stage in STAGES.values():
        found = verify(spoiled.bootstrap, stage, Rules())
        given = sum(len(spoiled.log[topic]) for topic in stage.sources if topic != TICKS)
        assert found.differences == []
        assert found.lost == []
        assert found.inputs == given - sum(
            place[0] in stage.sources and place[0] != TICKS for place in spoiled.bad
        )


@pytest.mark.parametrize(("topic", "what"), [("bets.value", "bets"), ("bets.arbitrage", "arbitrages")])
def test_time_alone_withdraws_what_has_grown_stale(spoiled: Spoiled, topic: str, what: str) -> None:
    (before,), (after,) = (last(log, topic, EVENT).values() for log in (spoiled.before, spoiled.log))

    assert before[what] != []
    assert after[what] == []
    assert {(change["id"], change["change"], change["reason"]) for change in after["changes"]} == {
        (one["id"], ChangeKind.WITHDRAWN, "stale") for one in before[what]
    }
    assert after["received_at_ms"] - before["received_at_ms"] == 31_000

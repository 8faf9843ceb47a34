"""Workers as processes on a real broker: nothing lost, nothing doubled, whatever happens to them."""

import time
from pathlib import Path

import pytest

from pipeline import cluster, codec
from pipeline.local import kraft
from pipeline.records import DeadLetter
from pipeline.replay.verify import Verdict, verify
from pipeline.settings import Rules
from pipeline.topics import partition_of
from tests.processors.chain import OVER, RAISES, chain
from tests.processors.log import EVENTS, Load, Message, game_event, now_ms, probabilities, read, snapshot
from tests.processors.poison import Bad, damaged
from tests.processors.workers import await_no_lag, chain_worker, workers

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(240)]


def verdict(bootstrap: str) -> Verdict:
    return verify(bootstrap, chain(), Rules())


def dead_letters(bootstrap: str) -> list[DeadLetter]:
    topic = "ops.dead-letters"
    return [codec.decode(topic, message.key, message.value) for message in read(bootstrap, [topic])[topic]]


def test_killed_workers_lose_nothing_and_double_nothing(fresh_kafka: str, tmp_path: Path) -> None:
    with workers(fresh_kafka, tmp_path) as (worker,):
        worker.start()
        load = Load(fresh_kafka, seed=1)
        kills = [4.0, 8.0, 12.0]
        for passed in load.stream(seconds=14, rate=150):
            if kills and passed > kills[0]:
                kills.pop(0)
                worker.kill()
                worker.start()
        load.flush()
        await_no_lag(fresh_kafka, [chain()])
        assert worker.stop() == 0

    found = verdict(fresh_kafka)
    assert found.differences == []
    assert found.lost == []
    assert dict(found.unchecked) == {}
    assert found.inputs == load.sent - len(read(fresh_kafka, ["clock.ticks"])["clock.ticks"])
    assert found.ticked > 0


def test_two_workers_share_the_partitions_and_one_takes_over(fresh_kafka: str, tmp_path: Path) -> None:
    with workers(fresh_kafka, tmp_path, ["w0", "w1"]) as (first, second):
        first.start()
        first.await_said("partitions=[0, 1, 2, 3]")
        load = Load(fresh_kafka, seed=2)
        second.start()
        for _ in load.stream(seconds=8, rate=100):
            pass
        second.await_said("ready stage=chain")
        assert "partitions=[0, 1, 2, 3]" not in second.said()
        second.kill()
        second.start()
        for _ in load.stream(seconds=5, rate=100):
            pass
        load.flush()
        await_no_lag(fresh_kafka, [chain()])
        assert [first.stop(), second.stop()] == [0, 0]

    found = verdict(fresh_kafka)
    assert found.differences == []
    assert found.lost == []
    assert dict(found.unchecked) == {}


KEY, GOOD = codec.encode("odds.snapshots", snapshot(EVENTS[0], now_ms()))
EVENT_KEY, RAISING = codec.encode("games.events", game_event(EVENTS[0], now_ms(), text=RAISES))
POISON = [
    *damaged("odds.snapshots", KEY, GOOD),
    Bad("games.events", EVENT_KEY, RAISING, "fold"),
    Bad("games.events", KEY, GOOD, "schema"),
    Bad("games.probabilities", KEY, b"rubbish", "magic"),
    Bad("clock.ticks", b"clock", b"\x00\x00", "truncated"),
]


def test_poison_is_buried_with_its_reason_and_the_rest_goes_on(fresh_kafka: str, tmp_path: Path) -> None:
    with workers(fresh_kafka, tmp_path) as (worker,):
        worker.start()
        load = Load(fresh_kafka, seed=3)
        for topic, key, value, _ in POISON:
            load.records(5)
            load.raw(topic, key, value, partition_of(EVENTS[0], 4))
        wrong = (partition_of(EVENTS[0], 4) + 1) % 4
        load.raw("odds.snapshots", KEY, GOOD, wrong)
        load.raw("games.probabilities", KEY, None)  # a tombstone is none of it
        load.records(50)
        load.flush()
        await_no_lag(fresh_kafka, [chain()])
        assert worker.stop() == 0

    letters = dead_letters(fresh_kafka)
    assert sorted(letter.reason.partition(":")[0] for letter in letters) == sorted(
        [reason for *_, reason in POISON] + ["partition"]
    )
    rubbish = next(letter for letter in letters if letter.size == 900_000)
    assert (rubbish.topic, rubbish.key, rubbish.value) == ("odds.snapshots", KEY, b"\xfe" * 65_536)
    found = verdict(fresh_kafka)
    assert found.differences == []
    assert found.lost == []
    assert dict(found.unchecked) == {}
    assert found.inputs == 5 * len(POISON) + 50


def test_what_is_over_is_tombstoned_by_a_tick_and_answers_name_their_cause(
    fresh_kafka: str, tmp_path: Path
) -> None:
    (port,) = kraft.free_ports(1)
    with workers(fresh_kafka, tmp_path, port=port) as (worker,):
        worker.start()
        worker.await_said("ready stage=chain")
        load, at_ms = Load(fresh_kafka, seed=4), now_ms()
        load.record("games.events", game_event(EVENTS[0], at_ms, text=OVER))
        load.record("games.probabilities", probabilities(EVENTS[0], at_ms, 0.5))
        load.record("odds.snapshots", snapshot(EVENTS[0], at_ms))
        load.flush()
        await_no_lag(fresh_kafka, [chain()])
        load.tick(at_ms + Rules().rollback_ms)
        load.flush()
        await_no_lag(fresh_kafka, [chain()])
        assert [worker.asked("/livez"), worker.asked("/readyz")] == [(200, "yes\n"), (200, "yes\n")]
        assert (
            'sharpline_processors_records_total{stage="chain",topic="games.events"} 1.0'
            in (worker.asked("/metrics")[1])
        )
        assert worker.stop() == 0

    answers: list[Message] = read(fresh_kafka, ["odds.fair"])["odds.fair"]
    partition = partition_of(EVENTS[0], 4)
    assert {answer.headers["cause"] for answer in answers[:-1]} == {
        f"{topic}/{partition}/0".encode()
        for topic in ("odds.snapshots", "games.events", "games.probabilities")
    }
    assert (answers[-1].value, answers[-1].headers["cause"]) == (None, f"clock.ticks/{partition}/0".encode())
    assert {answer.headers["origin"] for answer in answers} == {answer.headers["cause"] for answer in answers}
    assert {answer.partition for answer in answers} == {partition}
    assert verdict(fresh_kafka).differences == []


def test_a_worker_refuses_to_start_without_topics_in_one_sentence(kafka: str, tmp_path: Path) -> None:
    worker = chain_worker(kafka, tmp_path, name="unmade")
    worker.start()

    assert worker.ended() != 0
    (sentence,) = worker.said().splitlines()
    assert sentence.startswith("unmade cannot start")
    assert sentence.endswith("run `sharpline topics`")


def test_rows_of_another_layout_and_topics_made_anew_are_refused(fresh_kafka: str, tmp_path: Path) -> None:
    with workers(fresh_kafka, tmp_path) as (worker,):
        worker.start()
        load = Load(fresh_kafka, seed=5)
        load.records(20)
        load.flush()
        await_no_lag(fresh_kafka, [chain()])
        assert worker.stop() == 0
    with workers(fresh_kafka, tmp_path, layout=2) as (other,):
        other.start()
        assert other.ended() == 74
        assert "rows have layout 1 and this version reads 2" in other.said()
    admin = cluster._admin(fresh_kafka)
    admin.delete_topics(["odds.snapshots"])["odds.snapshots"].result()
    until = time.monotonic() + 10
    while "odds.snapshots" in admin.list_topics(timeout=5).topics:
        assert time.monotonic() < until
    with workers(fresh_kafka, tmp_path) as (worker,):
        load.records(60)
        load.flush()
        worker.start()
        assert worker.ended() != 0
        # The broker forgets the group's offsets of a deleted topic later, before the start or after it.
        sentences = ("made anew", "deleted and made again", "has no start offset in odds.snapshots")
        assert any(sentence in worker.said() for sentence in sentences)

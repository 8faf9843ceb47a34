"""`sharpline sink postgres` between a real broker and a real Postgres: each answer once, whatever ends."""

import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
import psycopg
import pytest
from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient

from pipeline import codec
from pipeline.cluster import create_topics, partitions
from pipeline.local import kraft
from pipeline.local.broker import own_broker
from pipeline.records import ValueBets
from pipeline.settings import Settings
from pipeline.topics import ANSWERS, DEAD_LETTERS
from tests.conftest import ROOT
from tests.make_records import EVENT, example
from tests.postgres import asked

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(300)]
WITHIN_S = 90
EVENTS = (EVENT, "nfl:2025-09-14:sf-sea", "epl:2025-09-14:ars-liv")
VALUE = "bets.value"
PLACES = 'SELECT topic, partition, "offset" FROM answers ORDER BY 1, 2, 3'
STORED = "SELECT coalesce(sum(next_offset), 0) FROM positions"


class Appended:
    """Appends answers, and knows where they are, tombstones and what is no answer aside."""

    def __init__(self, kafka: str) -> None:
        self.kafka, self.end = kafka, 0
        self.places: list[tuple[str, int, int]] = []
        self._producer = Producer({"bootstrap.servers": kafka, "partitioner": "murmur2_random"})
        create_topics(kafka, Settings(), [])

    def answers(self, rounds: int, topics: tuple[str, ...] = ANSWERS) -> None:
        for revision in range(1, rounds + 1):
            for topic in topics:
                key, value = codec.encode(
                    topic, example(topic, event_id=EVENTS[revision % 3], revision=revision)
                )
                self._append(topic, key, value, kept=True)
        self.flush()

    def raw(self, topic: str, key: bytes, value: bytes | None) -> None:
        self._append(topic, key, value, kept=False)
        self.flush()

    def flush(self) -> None:
        assert self._producer.flush(WITHIN_S) == 0

    def _append(self, topic: str, key: bytes, value: bytes | None, *, kept: bool) -> None:
        def delivered(error: Any, message: Any) -> None:
            assert error is None
            self.end += 1
            if kept:
                self.places.append((topic, message.partition(), message.offset()))

        self._producer.produce(topic, value, key, on_delivery=delivered)
        self._producer.poll(0)


class Process:
    """A sink as the command starts it; what it logs is in a file."""

    def __init__(self, kafka: str, url: str, log: Path) -> None:
        (self.port,) = kraft.free_ports(1)
        self.log = log
        command = [
            sys.executable,
            "-m",
            "processors.sinks",
            "postgres",
            "--kafka",
            kafka,
            "--port",
            str(self.port),
        ]
        with log.open("ab") as said:
            self.process = subprocess.Popen(
                command, cwd=ROOT, stderr=said, env=os.environ | {"DATABASE_URL": url}
            )

    def get(self, path: str) -> tuple[int, str]:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=WITHIN_S) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()
        except OSError as error:  # not listening yet
            return 0, str(error)

    def is_ready(self) -> bool:
        return self.get("/readyz")[0] == 200

    def end(self, number: int) -> int:
        self.process.send_signal(number)
        return self.process.wait(WITHIN_S)


@contextmanager
def sink(kafka: str, url: str, log: Path) -> Iterator[Process]:
    running = Process(kafka, url, log)
    try:
        yield running
    finally:
        running.process.kill()
        running.process.wait()


def until(holds: Callable[[], bool], what: str, log: Path) -> None:
    give_up_at = time.monotonic() + WITHIN_S
    while not holds():
        assert time.monotonic() < give_up_at, f"not within {WITHIN_S} s: {what}\n{log.read_text()[-3_000:]}"
        time.sleep(0.05)


def stored(url: str) -> int:
    """Offsets that are stored, all partitions together; 0 while there are no tables."""
    try:
        return int(asked(url, STORED)[0][0])
    except psycopg.errors.UndefinedTable:
        return 0


def until_all_is_stored(url: str, appended: Appended, log: Path) -> None:
    until(lambda: stored(url) == appended.end, f"{appended.end} stored", log)


def letters(kafka: str) -> list[Any]:
    found = []
    consumer = Consumer({"bootstrap.servers": kafka, "group.id": "test"})
    for partition in range(partitions(kafka)[DEAD_LETTERS]):
        place = TopicPartition(DEAD_LETTERS, partition, 0)
        _, end = consumer.get_watermark_offsets(place, timeout=WITHIN_S)
        consumer.assign([place])
        for _ in range(end):
            message = consumer.poll(WITHIN_S)
            assert message is not None
            assert message.error() is None
            found.append(codec.decode(DEAD_LETTERS, message.key(), message.value()))
    consumer.close()
    return found


def committed(kafka: str) -> int:
    """What the group has told Kafka, all partitions together."""
    consumer = Consumer({"bootstrap.servers": kafka, "group.id": "sharpline.postgres"})
    places = [TopicPartition(topic, number) for topic in ANSWERS for number in range(4)]
    found = consumer.committed(places, timeout=WITHIN_S)
    consumer.close()
    return sum(place.offset for place in found if place.offset > 0)


def test_every_answer_is_stored_once_and_what_is_none_is_buried_or_passed_over(
    fresh_kafka: str, database_url: str, tmp_path: Path
) -> None:
    log, appended = tmp_path / "log", Appended(fresh_kafka)
    appended.answers(20)
    key, value = codec.encode(VALUE, example(VALUE))
    appended.raw(VALUE, key, value[:-1])
    appended.raw(VALUE, key, None)
    appended.answers(1)
    with sink(fresh_kafka, database_url, log) as running:
        until_all_is_stored(database_url, appended, log)
        until(lambda: committed(fresh_kafka) == appended.end, "its lag is told", log)

        assert running.is_ready()
        metrics = running.get("/metrics")[1]
        assert f'sharpline_sink_rows_total{{topic="{VALUE}"}} 21.0' in metrics
        assert f'sharpline_sink_dead_letters_total{{topic="{VALUE}"}} 1.0' in metrics
        assert "sharpline_sink_up 1.0" in metrics
        assert running.end(signal.SIGTERM) == 0

    assert asked(database_url, PLACES) == sorted(appended.places)
    (letter,) = letters(fresh_kafka)
    assert (letter.topic, letter.stage, letter.key, letter.value) == (VALUE, "postgres", key, value[:-1])
    newest = "SELECT record FROM answers WHERE topic = %s AND revision = 20"
    ((record,),) = asked(database_url, newest, VALUE)
    assert msgspec.convert(record, ValueBets) == example(VALUE, event_id=EVENTS[20 % 3], revision=20)


def test_killed_between_rows_and_offsets_it_leaves_neither_and_the_next_one_writes_both(
    fresh_kafka: str, database_url: str, tmp_path: Path
) -> None:
    log, appended = tmp_path / "log", Appended(fresh_kafka)
    appended.answers(5)
    with sink(fresh_kafka, database_url, log) as running:
        until_all_is_stored(database_url, appended, log)
        before = asked(database_url, PLACES)
        with psycopg.connect(database_url) as holding:
            holding.execute("LOCK TABLE positions IN EXCLUSIVE MODE")
            appended.answers(200)
            waits = "SELECT pid FROM pg_locks WHERE relation = 'positions'::regclass AND NOT granted"
            until(lambda: bool(asked(database_url, waits)), "rows are written, offsets are not", log)
            ((backend,),) = asked(database_url, waits)
            running.end(signal.SIGKILL)
        gone = "SELECT 1 FROM pg_stat_activity WHERE pid = %s"
        until(lambda: not asked(database_url, gone, backend), "its transaction has gone", log)
        assert asked(database_url, PLACES) == before
    with sink(fresh_kafka, database_url, log):
        until_all_is_stored(database_url, appended, log)

    assert asked(database_url, PLACES) == sorted(appended.places)


def test_killed_again_and_again_under_load_it_stores_each_answer_once(
    fresh_kafka: str, database_url: str, tmp_path: Path
) -> None:
    log, appended = tmp_path / "log", Appended(fresh_kafka)
    before = 0
    for _ in range(4):
        appended.answers(150)
        with sink(fresh_kafka, database_url, log) as running:
            until(lambda so_far=before: stored(database_url) > so_far, "more is stored", log)
            running.end(signal.SIGKILL)
        before = stored(database_url)
        # There is neither tombstone nor bad record here, so offsets count rows.
        assert asked(database_url, "SELECT count(*) FROM answers") == [(before,)]
    with sink(fresh_kafka, database_url, log):
        until_all_is_stored(database_url, appended, log)

    assert asked(database_url, PLACES) == sorted(appended.places)


def test_while_postgres_is_away_nothing_is_lost_and_its_password_is_not_told(
    fresh_kafka: str, database_url: str, postgres_server: str, tmp_path: Path
) -> None:
    log, appended = tmp_path / "log", Appended(fresh_kafka)
    with_password = psycopg.conninfo.make_conninfo(database_url, password="hunter-22")
    (name,) = asked(database_url, "SELECT current_database()")[0]

    def let(whether: bool) -> None:
        with psycopg.connect(postgres_server, autocommit=True) as owner:
            owner.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS {whether}")  # type: ignore[arg-type]
            if not whether:
                owner.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", (name,)
                )

    appended.answers(5)
    with sink(fresh_kafka, with_password, log) as running:
        until_all_is_stored(database_url, appended, log)
        let(False)
        appended.answers(50)
        until(lambda: running.get("/readyz")[0] == 503, "it says that it does not write", log)
        assert "sharpline_sink_up 0.0" in running.get("/metrics")[1]
        assert running.get("/livez")[0] == 200
        let(True)
        until_all_is_stored(database_url, appended, log)
        assert running.is_ready()

    assert asked(database_url, PLACES) == sorted(appended.places)
    said = log.read_text()
    assert "reason=Postgres" in said
    assert "hunter-22" not in said


def test_while_kafka_is_away_it_waits_and_stores_the_rest_when_it_is_back(
    database_url: str, tmp_path: Path
) -> None:
    log = tmp_path / "log"
    with own_broker(short_lived=True) as broker:
        appended = Appended(broker.bootstrap)
        appended.answers(20)
        with sink(broker.bootstrap, database_url, log) as running:
            until_all_is_stored(database_url, appended, log)
            assert broker.pid is not None
            os.kill(broker.pid, signal.SIGKILL)
            until(lambda: not broker.is_running(), "the broker has gone", log)
            assert running.get("/livez")[0] == 200
            broker.restart()
            key, value = codec.encode(VALUE, example(VALUE))
            appended.raw(VALUE, key, value + b"!")
            appended.answers(20)
            until_all_is_stored(database_url, appended, log)
            until(running.is_ready, "it writes again", log)

        assert asked(database_url, PLACES) == sorted(appended.places)
        assert [letter.value for letter in letters(broker.bootstrap)] == [value + b"!"]


def test_a_second_one_stands_by_and_takes_over(fresh_kafka: str, database_url: str, tmp_path: Path) -> None:
    log, other_log, appended = tmp_path / "log", tmp_path / "other", Appended(fresh_kafka)
    appended.answers(1)
    with sink(fresh_kafka, database_url, log) as first:
        until_all_is_stored(database_url, appended, log)
        with sink(fresh_kafka, database_url, other_log) as second:
            until(lambda: "stands by" in other_log.read_text(), "it stands by", other_log)
            assert second.get("/readyz")[0] == 503
            first.end(signal.SIGKILL)
            appended.answers(1)
            until_all_is_stored(database_url, appended, other_log)

    assert asked(database_url, PLACES) == sorted(appended.places)


def test_a_topic_that_is_made_anew_while_it_runs_is_another_log(
    fresh_kafka: str, database_url: str, tmp_path: Path
) -> None:
    log, appended = tmp_path / "log", Appended(fresh_kafka)
    appended.answers(10, (VALUE,))
    with sink(fresh_kafka, database_url, log):
        until_all_is_stored(database_url, appended, log)
        first, admin = list(appended.places), AdminClient({"bootstrap.servers": fresh_kafka})
        admin.delete_topics([VALUE])[VALUE].result(WITHIN_S)
        until(lambda: VALUE not in partitions(fresh_kafka), "it is deleted", log)
        create_topics(fresh_kafka, Settings(), [])
        appended.places.clear()
        appended.answers(6, (VALUE,))
        until_all_is_stored(database_url, appended, log)

    assert asked(database_url, PLACES) == sorted(first + appended.places)
    assert asked(database_url, "SELECT count(*) FROM logs WHERE topic = %s", VALUE) == [(2,)]


def test_a_log_that_is_shorter_than_what_is_stored_of_it_needs_a_person(
    fresh_kafka: str, database_url: str, tmp_path: Path
) -> None:
    log, appended = tmp_path / "log", Appended(fresh_kafka)
    appended.answers(1)
    with sink(fresh_kafka, database_url, log) as running:
        until_all_is_stored(database_url, appended, log)
        running.end(signal.SIGTERM)
    with psycopg.connect(database_url) as connection:
        connection.execute("UPDATE positions SET next_offset = 1000")

    with sink(fresh_kafka, database_url, log) as running:
        assert running.process.wait(WITHIN_S) == 74
    assert "is stored up to 1000: Kafka has lost what it had; use a fresh database" in log.read_text()


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({}, "no database is named: set DATABASE_URL"),
        ({"DATABASE_URL": "postgresql://me:hunter-2%@nowhere/x"}, "is no address of a Postgres database"),
    ],
    ids=["none", "broken"],
)
def test_what_cannot_be_done_is_one_sentence(given: dict[str, str], sentence: str) -> None:
    command = [sys.executable, "-m", "processors.sinks", "postgres", "--kafka", "127.0.0.1:9"]
    environment = {name: value for name, value in os.environ.items() if name != "DATABASE_URL"} | given

    done = subprocess.run(
        command, capture_output=True, text=True, cwd=ROOT, env=environment, timeout=WITHIN_S
    )

    assert done.returncode == 2
    assert sentence in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    assert "hunter" not in done.stderr

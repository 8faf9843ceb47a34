"""A producer that is started again sends what its log lacks, and nothing else."""

import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Iterable
from itertools import groupby, islice

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline import cluster, codec
from pipeline.errors import AnotherLog
from pipeline.records import ClockTick, Record
from pipeline.settings import Settings
from pipeline.topics import TICKS, partition_of, topic_of
from producers.pace import Due, timetable
from producers.resume import INPUTS, Held, Place, rest_of
from producers.simulator import simulate
from tests.conftest import ROOT
from tests.make import T0
from tests.processors.log import read

PARTITIONS, SPEED = 4, 60.0
EVENING = list(islice(timetable(simulate(3, 6, T0), SPEED), 400))

Log = dict[Place, list[bytes]]


def appended(records: Iterable[Record]) -> Log:
    """What each partition holds after records were sent."""
    log: Log = defaultdict(list)
    for record in records:
        topic = topic_of(type(record)).name
        key, value = codec.encode(topic, record)
        ticks = isinstance(record, ClockTick)
        for partition in range(PARTITIONS) if ticks else [partition_of(key.decode(), PARTITIONS)]:
            log[topic, partition].append(value)
    return log


WHOLE = appended(due.record for due in EVENING)


def held(log: Log) -> Held:
    return Held({p: len(v) for p, v in log.items()}, {p: v[-1] for p, v in log.items() if v}, 0, 0)


@given(st.data())
def test_wherever_each_partition_was_cut_off_it_ends_as_if_nothing_had_happened(data: st.DataObject) -> None:
    cut = data.draw(st.integers(1, 300))
    beginning = appended(due.record for due in EVENING[:cut])
    # What was under way when it was killed may have reached some partitions and others not.
    short = {p: v[: data.draw(st.integers(max(0, len(v) - 3), len(v)))] for p, v in beginning.items()}

    rest = list(rest_of(EVENING, held(short), PARTITIONS))

    following = appended(due.record for due in rest)
    for place, values in WHOLE.items():
        got = short.get(place, []) + following[place]
        if place[0] == TICKS:  # one that only some partitions had is sent to all again
            got = sorted(set(got), key=got.index)
        assert got == values
    assert [due.at_s for due in rest] == sorted(due.at_s for due in rest)
    assert rest[0].at_s == 0.0


def test_what_follows_keeps_its_pace() -> None:
    rest = list(rest_of(EVENING, held(appended(due.record for due in EVENING[:200])), PARTITIONS))

    assert rest == [Due(due.at_s - EVENING[200].at_s, due.record) for due in EVENING[200:]]


def test_where_all_was_sent_nothing_is_left() -> None:
    assert list(rest_of(EVENING, held(WHOLE), PARTITIONS)) == []


@pytest.mark.parametrize(
    "other",
    [
        pytest.param(timetable(simulate(4, 6, T0), SPEED), id="another seed"),
        pytest.param(timetable(simulate(3, 6, T0), SPEED * 3), id="another speed"),
        pytest.param(iter(EVENING[:100]), id="an evening that ends before"),
    ],
)
def test_a_log_of_something_else_is_left_alone(other: Iterable[Due]) -> None:
    with pytest.raises(AnotherLog, match="go on with the command that began it"):
        list(rest_of(islice(other, 3_000), held(appended(due.record for due in EVENING[:300])), PARTITIONS))


@pytest.mark.kafka
def test_a_producer_that_is_killed_and_started_again_leaves_a_whole_evening(fresh_kafka: str) -> None:
    cluster.create_topics(fresh_kafka, Settings(partitions=PARTITIONS), ())
    command = [sys.executable, "-m", "producers", "simulator", "--events", "6", "--speed", "0"]
    command += ["--kafka", fresh_kafka]
    killed, until_s = subprocess.Popen(command, cwd=ROOT), time.monotonic() + 60
    while cluster.ends(fresh_kafka, INPUTS)["odds.snapshots"] < 300:
        assert time.monotonic() < until_s
    killed.kill()
    killed.wait()

    subprocess.run(command, cwd=ROOT, check=True, timeout=60)

    found: Log = defaultdict(list)
    for topic, messages in read(fresh_kafka, INPUTS).items():
        for message in messages:
            assert message.value is not None
            found[topic, message.partition].append(message.value)
    starts_at_ms = codec.decode(TICKS, b"clock", found[TICKS, 0][0]).received_at_ms
    whole = appended(due.record for due in timetable(simulate(1, 6, starts_at_ms), 0.0))
    for place, values in whole.items():
        assert (found[place] if place[0] != TICKS else [v for v, _ in groupby(found[place])]) == values

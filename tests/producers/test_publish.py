import math
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

import pytest
from confluent_kafka import Consumer, KafkaError, TopicPartition
from msgspec.structs import replace

from pipeline import cluster, codec
from pipeline.errors import TimeRunsBackwards, TopicsUnfit
from pipeline.records import ClockTick, GameEvent, Record, SourceEvent
from pipeline.replay.archive import read, topics_of
from pipeline.settings import Settings
from pipeline.topics import TICKS, partition_of
from producers.__main__ import Progress, Stop, onward, play
from producers.pace import timetable
from producers.publish import ArchiveLog, KafkaLog, Log
from producers.resume import NOTHING, Held
from tests.make import T0, at, quote, snapshot

PARTITIONS = 4
GOOD = snapshot(quote("alpha", 1.9, 1.9))
BAD: dict[str, Record] = {
    "NaN": snapshot(quote("alpha", math.nan, 1.9)),
    "a price of 1": snapshot(quote("alpha", 1.0, 1.9)),
    "an event id that does not parse": snapshot(quote("alpha", 1.9, 1.9), event_id="chiefs-eagles"),
    "a price too few": snapshot(replace(quote("alpha", 1.9, 1.9), prices=(1.9,))),
    "an unknown market": snapshot(quote("alpha", 1.9, 1.9, market="h2h_lay")),
    "a line that is none": snapshot(quote("alpha", 1.9, 1.9, market="spread", line=0.3)),
    "a time in seconds": replace(GOOD, received_at_ms=T0 // 1000),
    "a score below nought": GameEvent(
        event_id=GOOD.event_id,
        source="simulator",
        kind="score",
        received_at_ms=T0,
        sequence=1,
        status="live",
        home_score=-1,
    ),
}


@pytest.fixture
def log(fresh_kafka: str) -> KafkaLog:
    cluster.create_topics(fresh_kafka, Settings(partitions=PARTITIONS), ())
    return KafkaLog(fresh_kafka)


def logged(bootstrap: str, topics: Iterable[str]) -> dict[tuple[str, int], list[Record]]:
    """Everything in these topics, by topic and partition."""
    consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": "tests", "enable.partition.eof": True})
    places = [TopicPartition(topic, partition, 0) for topic in topics for partition in range(PARTITIONS)]
    found: dict[tuple[str, int], list[Record]] = defaultdict(list)
    ended: set[tuple[str, int]] = set()
    try:
        consumer.assign(places)
        while len(ended) < len(places):
            message = consumer.poll(30.0)
            assert message is not None
            topic, place = message.topic(), (message.topic(), message.partition())
            if (error := message.error()) is None:
                found[place].append(codec.decode(topic, message.key(), message.value()))
            else:
                assert error.code() == KafkaError._PARTITION_EOF
                ended.add(place)
    finally:
        consumer.close()
    return found


@pytest.mark.kafka
def test_records_reach_the_partition_of_their_key_and_ticks_reach_all(log: KafkaLog) -> None:
    boards = [replace(GOOD, event_id=f"sim-nfl:2025-09-14:t{n}-phi", received_at_ms=at(n)) for n in range(30)]

    play(iter(boards), log, 0.0, Stop(), Progress(False))

    found = logged(log.bootstrap, ["odds.snapshots", TICKS])
    for board in boards:
        assert board in found["odds.snapshots", partition_of(board.event_id, PARTITIONS)]
    ticks = [ClockTick(received_at_ms=at(0)), ClockTick(received_at_ms=at(29))]
    assert [found[TICKS, partition] for partition in range(PARTITIONS)] == [ticks] * PARTITIONS
    assert log.tally.records == {"odds.snapshots": 30}
    assert (log.tally.lines, log.tally.ticks) == (30, 2)


@pytest.mark.kafka
def test_bad_records_are_refused_with_a_reason_and_the_rest_goes_on(log: KafkaLog) -> None:
    for bad in BAD.values():
        log.send(bad)
        log.send(GOOD)
    log.close()

    found = logged(log.bootstrap, ["odds.snapshots", "games.events"])
    assert [record for records in found.values() for record in records] == [GOOD] * len(BAD)
    assert log.tally.refused.total() == len(BAD)


@pytest.mark.kafka
def test_time_does_not_run_backwards_in_a_log(log: KafkaLog) -> None:
    assert log.held() == NOTHING
    play(iter([replace(GOOD, received_at_ms=at(60))]), log, 0.0, Stop(), Progress(False))

    assert (log.held().first_tick_ms, log.held().last_tick_ms) == (at(60), at(60))
    with pytest.raises(TimeRunsBackwards, match="--data"):
        play(iter([GOOD]), log, 0.0, Stop(), Progress(False))
    play(iter([replace(GOOD, received_at_ms=at(61))]), log, 0.0, Stop(), Progress(False))
    assert (log.held().first_tick_ms, log.held().last_tick_ms) == (at(60), at(61))


@pytest.mark.kafka
def test_a_cluster_without_topics_says_what_to_do(fresh_kafka: str) -> None:
    with pytest.raises(TopicsUnfit, match="sharpline topics"):
        KafkaLog(fresh_kafka)


@pytest.mark.parametrize("bad", BAD.values(), ids=BAD)
def test_an_archive_refuses_what_a_topic_would(tmp_path: Path, bad: Record) -> None:
    log = ArchiveLog(tmp_path / "archive", PARTITIONS)
    log.send(bad)
    log.send(GOOD)
    log.close()

    assert topics_of(tmp_path / "archive") == ["odds.snapshots"]
    assert [message.record for message in read(tmp_path / "archive", "odds.snapshots")] == [GOOD]
    assert log.tally.refused.total() == 1


def test_an_archive_has_every_record_at_its_time_and_no_ticks(tmp_path: Path) -> None:
    given = SourceEvent(
        source="simulator", source_id="1", event_id=GOOD.event_id, received_at_ms=T0, starts_at_ms=T0,
        home="Chiefs", away="Eagles",
    )  # fmt: skip
    log: Log = ArchiveLog(tmp_path / "archive", PARTITIONS)

    play(iter([given, GOOD, replace(GOOD, received_at_ms=at(5))]), log, 0.0, Stop(), Progress(False))

    assert topics_of(tmp_path / "archive") == ["odds.snapshots", "sources.events"]
    rows = list(read(tmp_path / "archive", "odds.snapshots"))
    assert [(row.key, row.offset, row.at_ms) for row in rows] == [
        (GOOD.event_id, 0, at(0)),
        (GOOD.event_id, 1, at(5)),
    ]
    assert {row.partition for row in rows} == {partition_of(GOOD.event_id, PARTITIONS)}


def test_a_source_may_begin_at_the_last_tick() -> None:
    due = list(timetable([GOOD], 0.0))
    ticked = Held({}, {}, at(-60), at(0))

    assert list(onward(iter(due), ticked, PARTITIONS)) == due
    assert list(onward(iter([]), ticked, PARTITIONS)) == []


def test_the_report_names_each_reason_with_its_first_place(tmp_path: Path) -> None:
    log = ArchiveLog(tmp_path / "archive", PARTITIONS)
    log.send(GOOD)
    for seconds in (3, 9):
        log.send(replace(BAD["a price of 1"], received_at_ms=at(seconds)))

    sent, refused, reason = log.tally.report()

    assert sent == "sent 1 records (1 in odds.snapshots), 1 lines of odds"
    assert refused == "refused 2"
    assert reason.startswith("  2 x odds.snapshots: alpha h2h: [1.0, 1.9]")
    assert str(at(3)) in reason

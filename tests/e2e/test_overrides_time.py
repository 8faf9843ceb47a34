"""Each override that keeps a worker from standing still or losing time, against the same worker without it.

As in `tests.e2e.test_overrides`. Times are logged, for reading with ``--log-cli-level=INFO``.
"""

import json
import logging
import random
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest
from confluent_kafka import Producer
from confluent_kafka.admin import AlterConfigOpType, ConfigEntry, ConfigResource, ResourceType

from pipeline import cluster, codec
from pipeline.records import ClockTick
from pipeline.stages.fold import first_row
from pipeline.topics import partition_of
from processors import watchdog
from tests.processors.chain import Chain
from tests.processors.log import EVENTS, Load, now_ms, probabilities, read, snapshot
from tests.processors.sabotaged import Run, await_end_read, await_so, running, start

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(180)]

STALLS = ("refused-sync", "blocked-loop", "hanging-agent", "dead-fetcher")
VERSIONS = 12_000
SESSION_S = 30.0

logger = logging.getLogger(__name__)


def test_a_worker_that_stands_still_is_ended_and_its_successor_goes_on(
    fresh_kafka: str, tmp_path: Path
) -> None:
    given = {
        f"{stall}-{how}": ["--standstill", "3", "--fault", stall, *without]
        for how, without in [("whole", []), ("alone", ["--without", "watchdog"])]
        for stall in STALLS
    }
    with running(fresh_kafka, tmp_path, given) as runs:
        whole, alone = runs[: len(STALLS)], runs[len(STALLS) :]
        start(runs)
        load = Load(fresh_kafka, seed=11)
        await_end_read(load, fresh_kafka, runs)
        for run in runs:
            run.now()
        load.records(100)
        load.flush()
        assert [run.worker.ended() for run in whole] == [watchdog.EXIT_CODE] * len(STALLS)
        for run in alone:
            assert run.worker.process is not None
            assert run.worker.process.poll() is None, run.worker.said()
            assert run.lag() > 0, run.worker.said()
            run.worker.kill()
        for run in whole:
            run.worker.start()
        await_end_read(load, fresh_kafka, whole)

    assert [(run.folded(), run.faults()) for run in whole] == [(load.sent, [])] * len(STALLS)


def test_while_catching_up_topics_are_read_by_time(fresh_kafka: str, tmp_path: Path) -> None:
    given = {"whole": [], "by-turns": ["--without", "time-scheduler"]}
    with running(fresh_kafka, tmp_path, given) as runs:
        at_ms = backlog(fresh_kafka)
        start(runs)
        for run in runs:
            await_so(lambda run=run: not run.lag(), run.worker.said)

    by_time, by_turns = (inversions(run, at_ms) for run in runs)
    logger.info("of 2,000 odds %s came too late by time, %s by turns of the topics", by_time, by_turns)
    assert by_time <= 20
    assert by_turns > 500


def backlog(bootstrap: str) -> dict[str, list[int]]:
    """Two hours of one event, odds ten times as often as the rest; the times of each topic by offset."""
    producer, event_id, begun_ms = Producer({"bootstrap.servers": bootstrap}), EVENTS[0], now_ms() - 7_200_000
    at_ms: dict[str, list[int]] = {"odds.snapshots": [], "games.probabilities": [], "clock.ticks": []}
    for place in range(2_000):
        passed_ms = begun_ms + place * 3_600
        due: dict[str, Any] = {"odds.snapshots": snapshot(event_id, passed_ms)}
        if place % 10 == 0:
            due["games.probabilities"] = probabilities(event_id, passed_ms + 1, 0.5)
            due["clock.ticks"] = ClockTick(received_at_ms=passed_ms + 2)
        for topic, record in due.items():
            key, value = codec.encode(topic, record)
            stamp: int = record.received_at_ms
            producer.produce(topic, value, key, partition_of(event_id, 4), timestamp=stamp)
            at_ms[topic].append(stamp)
    assert producer.flush(30) == 0
    return at_ms


def inversions(run: Run, at_ms: dict[str, list[int]]) -> int:
    """How many odds were folded in a later batch than a probability that is newer than they are."""
    found, after, newest_ms = 0, -1, 0
    for _, row in run.versions():
        upto = row.applied["odds.snapshots"]
        found += sum(odds_ms < newest_ms for odds_ms in at_ms["odds.snapshots"][after + 1 : upto + 1])
        after = upto
        if (place := row.applied["games.probabilities"]) >= 0:
            newest_ms = at_ms["games.probabilities"][place]
    return found


def test_rows_that_are_recovered_in_bulk_are_those_of_faust(fresh_kafka: str, tmp_path: Path) -> None:
    given = {"bulk": ["--fault", "dump"], "faust": ["--fault", "dump", "--without", "bulk-recovery"]}
    with running(fresh_kafka, tmp_path, given) as runs:
        clean_quickly(fresh_kafka, [cluster.changelog(run.stage.name) for run in runs])
        for run in runs:
            journal(fresh_kafka, run)
            await_so(lambda run=run: has_holes(fresh_kafka, run), lambda: "no holes")
        clean_quickly(fresh_kafka, [cluster.changelog(run.stage.name) for run in runs], after_ms=3_600_000)
        expected = [journal(fresh_kafka, run) for run in runs]  # behind the holes, and all of it kept
        start(runs)
        bulk, faust = (run.dumped() for run in runs)

    logger.info("%s rows: %.2f s in bulk, %.2f s by Faust", len(bulk.rows), bulk.seconds, faust.seconds)
    assert bulk.rows == faust.rows
    assert [set(bulk.rows), set(faust.rows)] == expected
    assert bulk.seconds < faust.seconds


def clean_quickly(bootstrap: str, topics: Sequence[str], after_ms: int = 0) -> None:
    """Have the broker compact these topics all the time, as far as their records are so old."""
    eager = {
        "segment.bytes": "1048576",
        "min.cleanable.dirty.ratio": "0.01",
        "min.compaction.lag.ms": str(after_ms),
    }
    wanted = [
        ConfigResource(ResourceType.BROKER, "1", incremental_configs=_set({"log.cleaner.backoff.ms": "100"}))
    ]
    wanted += [ConfigResource(ResourceType.TOPIC, topic, incremental_configs=_set(eager)) for topic in topics]
    admin = cluster._admin(bootstrap)  # held by name: once it is collected, its answers never come
    for altered in admin.incremental_alter_configs(wanted).values():
        altered.result()


def _set(settings: dict[str, str]) -> list[ConfigEntry]:
    return [ConfigEntry(*of, incremental_operation=AlterConfigOpType.SET) for of in settings.items()]


def journal(bootstrap: str, run: Run, versions: int = VERSIONS) -> set[str]:
    """Many versions of each row; some events end, and some come back. Those that are there at the end."""
    log, there = cluster.topic_ids(bootstrap, run.stage.sources), set[str]()
    producer, pad = Producer({"bootstrap.servers": bootstrap}), random.Random(13)
    for place in range(versions):
        event_id = EVENTS[place % len(EVENTS)]
        row = first_row(run.stage, event_id, {"rules": pad.randbytes(400).hex()}, log)
        row = msgspec.structs.replace(row, revision=place, state=Chain(count=place))
        ends = place % 7 == 0 or (place >= versions - len(EVENTS) and place % 4 == 0)
        value = None if ends else msgspec.msgpack.encode(row)
        producer.produce(
            cluster.changelog(run.stage.name), value, event_id.encode(), partition_of(event_id, 4)
        )
        producer.poll(0)
        (there.discard if ends else there.add)(event_id)
    assert producer.flush(30) == 0
    return there


def has_holes(bootstrap: str, run: Run) -> bool:
    """Whether the changelog has been compacted; if not, it gets a little more.

    A broker that took up its settings after all had been written has it in one segment, and keeps that open.
    """
    topic = cluster.changelog(run.stage.name)
    if len(read(bootstrap, [topic])[topic]) < cluster.ends(bootstrap, [topic])[topic]:
        return True
    journal(bootstrap, run, len(EVENTS))
    return False


def test_a_killed_workers_place_is_taken_before_its_session_ends(fresh_kafka: str, tmp_path: Path) -> None:
    session = ["--session", str(SESSION_S)]
    given = {"whole": session, "waiting": [*session, "--without", "takeover"]}
    with running(fresh_kafka, tmp_path, given) as runs:
        whole, waiting = runs
        start(runs)
        load = Load(fresh_kafka, seed=14)
        await_end_read(load, fresh_kafka, runs)
        for run in runs:
            run.worker.kill()
        before, killed_at_s = load.sent, time.monotonic()
        load.records(50)
        load.flush()
        for run in reversed(runs):
            run.worker.start()
        await_so(lambda: whole.folded() == load.sent, whole.worker.said)
        took_s = time.monotonic() - killed_at_s
        came_to = waiting.folded()

    logger.info("%.1f s from the kill to the next records, of a session of %.0f s", took_s, SESSION_S)
    assert took_s < SESSION_S - 2  # the last heartbeat was up to 1 s before the kill
    assert came_to == before


def test_a_worker_starts_and_rejoins_in_less_time_than_with_faust_as_it_is(
    fresh_kafka: str, tmp_path: Path
) -> None:
    fault = ["--fault", "rejoin"]
    given = {"whole": fault, "slow": [*fault, "--without", "quick-start", "--without", "fetch-wait"]}
    with running(fresh_kafka, tmp_path, given) as runs:
        start(runs)
        rejoined_s = [0.0, 0.0]
        for times in range(2, 6):
            for place, run in enumerate(runs):
                begun_s = time.monotonic()
                run.now()
                run.worker.await_said("ready stage=", times)
                rejoined_s[place] += time.monotonic() - begun_s
    started_s = [float(run.worker.said().partition("tables started seconds=")[2].split()[0]) for run in runs]

    logger.info(
        "tables started in %.2f and %.2f s, four times rejoined in %.2f and %.2f s", *started_s, *rejoined_s
    )
    assert started_s[0] < 0.9 < started_s[1]
    assert rejoined_s[0] < rejoined_s[1]


def test_rows_go_with_their_partition(fresh_kafka: str, tmp_path: Path) -> None:
    fault = ["--fault", "dump"]
    given = {"whole": fault, "keeping": [*fault, "--without", "row-partitions"]}
    with running(fresh_kafka, tmp_path, given) as runs:
        start(runs)
        load = Load(fresh_kafka, seed=15)
        await_end_read(load, fresh_kafka, runs)
        for run in runs:
            run.another().start()
        for run in runs:
            run.worker.await_said("ready stage=", 2)
        await_end_read(load, fresh_kafka, runs)
        whole, keeping = (run.dumped() for run in runs)
        digests = [run.digests() for run in runs]
        partitions = [
            json.loads(run.worker.said().rpartition("partitions=")[2].partition(" rows")[0]) for run in runs
        ]

    ours = [{event_id for event_id in EVENTS if partition_of(event_id, 4) in mine} for mine in partitions]
    assert [len(mine) for mine in partitions] == [2, 2]
    assert whole.rows == {event_id: digests[0][event_id] for event_id in ours[0]}
    stale = {event_id for event_id, digest in keeping.rows.items() if digest != digests[1][event_id]}
    assert stale == set(EVENTS) - ours[1]

"""Each override that keeps records from being lost or doubled, against the same worker without it.

Every test puts workers side by side on the same records and lets the same fault come over each. If the worker
without an override comes off as well as the whole one, the library has changed, and the override may go.
"""

import logging
from collections import Counter
from functools import partial
from pathlib import Path

import pytest
from confluent_kafka import TopicPartition

from pipeline import cluster
from pipeline.settings import Settings
from processors import lease, positions
from processors.worker import BATCH_FAILED
from tests.processors.log import EVENTS, Load, now_ms, snapshot
from tests.processors.sabotaged import Run, await_end_read, await_so, running, start

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(180)]

logger = logging.getLogger(__name__)

GAP, UNGUARDED = positions.EXIT_CODE, ["--without", "gap-guard"]


def test_what_is_fetched_while_partitions_are_sought_is_not_wiped(fresh_kafka: str, tmp_path: Path) -> None:
    fault, wiping = ["--fault", "slow-seek"], ["--without", "quiet-recovery"]
    given = {"whole": fault, "wiping": [*fault, *wiping], "losing": [*fault, *wiping, *UNGUARDED]}
    with running(fresh_kafka, tmp_path, given) as runs:
        whole, wiping_run, losing = runs
        start(runs)
        load = Load(fresh_kafka, seed=1)
        for run in runs:
            run.now()
            run.worker.await_said("seeking")
        load.records(2_000)
        load.flush()
        for run in runs:
            run.worker.await_said("sought")
        load.records(500)
        load.flush()
        assert wiping_run.worker.ended() == GAP
        wiping_run.worker.start()
        await_end_read(load, fresh_kafka, runs)

    assert [whole.folded(), wiping_run.folded()] == [load.sent] * 2
    assert [whole.faults(), wiping_run.faults()] == [[], []]
    logger.info("without quiet recovery %s of %s records are lost", load.sent - losing.folded(), load.sent)
    assert losing.folded() < load.sent


def test_what_a_late_fetch_brings_is_put_back(fresh_kafka: str, tmp_path: Path) -> None:
    fault, dropping = ["--fault", "late-fetch"], ["--without", "giving-back"]
    given = {"whole": fault, "dropping": [*fault, *dropping], "losing": [*fault, *dropping, *UNGUARDED]}
    with running(fresh_kafka, tmp_path, given) as runs:
        whole, dropping_run, losing = runs
        start(runs)
        load = Load(fresh_kafka, seed=2)
        for run in runs:
            run.now()
        load.records(400)
        load.flush()
        for run in runs:
            run.worker.await_said("ready stage=", 2)
        load.records(400)
        load.flush()
        assert dropping_run.worker.ended() == GAP
        dropping_run.worker.start()
        await_end_read(load, fresh_kafka, runs)

    assert [whole.folded(), dropping_run.folded()] == [load.sent] * 2
    assert [whole.faults(), dropping_run.faults()] == [[], []]
    logger.info("without giving back %s of %s records are lost", load.sent - losing.folded(), load.sent)
    assert losing.folded() < load.sent


def test_a_record_that_is_lost_on_its_way_ends_the_worker(fresh_kafka: str, tmp_path: Path) -> None:
    fault = ["--fault", "dropped-record"]
    with running(fresh_kafka, tmp_path, {"whole": fault, "losing": [*fault, *UNGUARDED]}) as runs:
        whole, losing = runs
        start(runs)
        load = Load(fresh_kafka, seed=3)
        for run in runs:
            run.now()
        load.records(400)
        load.flush()
        assert whole.worker.ended() == GAP
        whole.worker.start()
        await_end_read(load, fresh_kafka, runs)

    assert (whole.folded(), whole.faults()) == (load.sent, [])
    assert losing.folded() == load.sent - 1


def test_a_batch_that_failed_is_not_acknowledged(fresh_kafka: str, tmp_path: Path) -> None:
    fault = ["--fault", "raising-batch"]
    given = {"whole": fault, "skipping": [*fault, "--without", "batches", *UNGUARDED]}
    with running(fresh_kafka, tmp_path, given) as runs:
        whole, skipping = runs
        start(runs)
        load = Load(fresh_kafka, seed=4)
        for run in runs:
            run.now()
        load.records(100)
        load.flush()
        assert whole.worker.ended() == BATCH_FAILED
        whole.worker.start()
        await_end_read(load, fresh_kafka, runs)

    assert (whole.folded(), whole.faults()) == (load.sent, [])
    logger.info("with take_events %s of %s records are lost", load.sent - skipping.folded(), load.sent)
    assert skipping.folded() < load.sent


def test_what_is_sent_again_because_its_acknowledgement_was_lost_is_there_once(
    fresh_kafka: str, tmp_path: Path
) -> None:
    fault = ["--fault", "lost-acknowledgement"]
    given = {"whole": fault, "doubling": [*fault, "--without", "idempotence"]}
    with running(fresh_kafka, tmp_path, given) as runs:
        whole, doubling = runs
        start(runs)
        load = Load(fresh_kafka, seed=5)
        for run in runs:
            run.now()
        for _ in range(4):
            load.records(50)
            await_end_read(load, fresh_kafka, runs)

    logger.info("without idempotence %s rows are doubled", doubled(doubling))
    assert (whole.folded(), whole.faults(), doubled(whole)) == (load.sent, [], 0)
    assert doubled(doubling) > 0


def doubled(run: Run) -> int:
    """Versions of rows that were written more than once."""
    written = Counter((message.key, message.value) for message, _ in run.versions())
    return sum(count - 1 for count in written.values())


def test_a_worker_that_slept_through_its_session_writes_nothing(fresh_kafka: str, tmp_path: Path) -> None:
    fault = ["--fault", "held-write", "--session", "4"]
    given = {"whole": fault, "rolling": [*fault, "--without", "lease"]}
    with running(fresh_kafka, tmp_path, given) as runs:
        whole, rolling = runs
        start(runs)
        load = Load(fresh_kafka, seed=6)
        await_end_read(load, fresh_kafka, runs)
        for run in runs:
            run.now()
        for event_id in EVENTS:
            load.record("odds.snapshots", snapshot(event_id, now_ms()))
        load.flush()
        for run in runs:
            run.worker.await_said("held")
            run.worker.pause()
        successors = [run.another() for run in runs]
        for successor in successors:
            successor.start()
        for successor in successors:
            successor.await_said("partitions=[0, 1, 2, 3]")
        await_end_read(load, fresh_kafka, runs)
        for run in runs:
            await_so(partial(is_acknowledged, run), run.workers[-1].said)  # else a replay would heal the rows
            run.let_go()
            run.worker.resume()
        assert whole.worker.ended() == lease.EXIT_CODE
        await_so(lambda: bool(rolled_back(rolling)), rolling.worker.said)

    logger.info("without the lease %s rows are rolled back", len(rolled_back(rolling)))
    assert rolled_back(whole) == set()
    assert (whole.folded(), whole.faults()) == (load.sent, [])


def is_acknowledged(run: Run) -> bool:
    return run.lag() == 0


def rolled_back(run: Run) -> set[str]:
    """Events of whose row an earlier version was written after a later one, even if that was healed since."""
    furthest: dict[str, int] = {}
    found = set()
    for _, row in run.versions():
        if row.revision < furthest.get(row.event_id, 0):
            found.add(row.event_id)
        furthest[row.event_id] = max(furthest.get(row.event_id, 0), row.revision)
    return found


def test_a_group_without_start_offsets_is_refused(fresh_kafka: str, tmp_path: Path) -> None:
    with running(fresh_kafka, tmp_path, {"whole": [], "forced": ["--without", "preflight"]}) as runs:
        whole, forced = runs
        load = Load(fresh_kafka, seed=7)
        load.records(400)
        load.flush()
        expire_first(fresh_kafka, runs)
        whole.worker.start()
        assert whole.worker.ended() != 0
        assert whole.worker.said().strip().endswith("run `sharpline topics`")
        for _ in range(2):  # to start it again does not help
            forced.worker.start()
            assert forced.worker.ended() == GAP

        cluster.create_topics(fresh_kafka, Settings(), [whole.stage])
        whole.worker.start()
        await_end_read(load, fresh_kafka, [whole])

    assert (whole.folded(), whole.faults()) == (load.sent - 8, [])


def expire_first(bootstrap: str, runs: list[Run]) -> None:
    """Take the first record from partitions, and from the groups all that they ever committed."""
    admin, topics = cluster._admin(bootstrap), ["odds.snapshots", "games.events"]
    first = [TopicPartition(topic, partition, 1) for topic in topics for partition in range(4)]
    for deleted in admin.delete_records(first).values():
        deleted.result()
    for forgotten in admin.delete_consumer_groups([cluster.group(run.stage.name) for run in runs]).values():
        forgotten.result()

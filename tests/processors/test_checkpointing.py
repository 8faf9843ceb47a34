"""Workers that write checkpoints all the time, on a real broker: their rows are what the changelog says."""

import asyncio
import re
from pathlib import Path

import pytest
from confluent_kafka import TopicPartition
from faust.types import TP

from pipeline import cluster
from pipeline.replay.verify import verify
from pipeline.settings import Rules, Settings
from processors import recovery
from processors.checkpoint import Checkpoints, Origin
from tests.processors.chain import chain
from tests.processors.log import Load
from tests.processors.test_rows import rows
from tests.processors.workers import Worker, await_no_lag, ended

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(120)]

CHANGELOG = cluster.changelog(chain().name)


def worker(bootstrap: str, folder: Path, name: str = "w0") -> Worker:
    return Worker(bootstrap, folder / f"{name}.log", 0, "tests.processors.checkpointing", str(folder), name)


def recovered(said: str) -> list[tuple[int, int]]:
    """Of each recovery the rows from checkpoints, and the records read from the changelog."""
    return [
        (int(a), int(b)) for a, b in re.findall(r"recovered rows=\d+ checkpoint=(\d+) changelog=(\d+)", said)
    ]


def saved(bootstrap: str, folder: Path) -> set[int]:
    """Partitions of which a worker left a checkpoint; the rows are the same with them and without."""
    consumer = recovery.reader(bootstrap)
    wanted = {}
    for partition in range(Settings().partitions):
        tp = TP(CHANGELOG, partition)
        wanted[tp] = 0, consumer.get_watermark_offsets(TopicPartition(*tp), timeout=10)[1] - 1
    consumer.close()
    origin = Origin(CHANGELOG, cluster.topic_ids(bootstrap, [CHANGELOG]), chain().layout)
    found = Checkpoints("chain", origin, folder, rows()).find(wanted)
    with_them, without = (asyncio.run(recovery.latest(bootstrap, wanted, have)) for have in (found, {}))
    assert {tp: of.values for tp, of in with_them.items()} == {tp: of.values for tp, of in without.items()}
    assert all(with_them[tp].from_checkpoint for tp in found), "contradicted by the changelog"
    return {tp.partition for tp in found}


def await_checkpoints(load: Load, folder: Path) -> None:
    """Send until there is one of each partition."""
    for _ in load.stream(seconds=30, rate=150):
        if len(list(folder.glob("*.checkpoint"))) == Settings().partitions:
            return
    raise AssertionError(f"{folder} has only {list(folder.iterdir())}")


def test_killed_in_the_middle_of_a_checkpoint_a_worker_comes_back_with_its_rows(
    fresh_kafka: str, tmp_path: Path
) -> None:
    cluster.create_topics(fresh_kafka, Settings(), [chain()])
    working, folder = worker(fresh_kafka, tmp_path), tmp_path / "chain" / "w0"
    with ended([working]):
        working.start()
        load = Load(fresh_kafka, seed=11)
        await_checkpoints(load, folder)
        unfinished = 0
        for kill in range(1, 6):
            for _ in load.stream(seconds=1 + kill / 10, rate=150):
                pass
            working.kill()
            unfinished += len(list(folder.glob("*.fresh")))
            assert saved(fresh_kafka, folder) == {0, 1, 2, 3}
            working.start()
            working.await_said("ready stage=chain", times=1 + kill)
        load.flush()
        await_no_lag(fresh_kafka, [chain()])
        assert working.stop() == 0

    assert unfinished > 0
    assert all(from_checkpoint > 0 for from_checkpoint, _ in recovered(working.said())[1:])
    assert "checkpoint ignored" not in working.said()
    found = verify(fresh_kafka, chain(), Rules())
    assert (found.differences, found.lost, dict(found.unchecked)) == ([], [], {})


def test_a_partition_that_another_worker_had_in_between_comes_back_with_its_rows(
    fresh_kafka: str, tmp_path: Path
) -> None:
    cluster.create_topics(fresh_kafka, Settings(), [chain()])
    first, second = worker(fresh_kafka, tmp_path), worker(fresh_kafka, tmp_path, "w1")
    with ended([first, second]):
        first.start()
        load = Load(fresh_kafka, seed=12)
        await_checkpoints(load, tmp_path / "chain" / "w0")
        second.start()
        for _ in load.stream(seconds=4, rate=150):
            pass
        second.await_said("ready stage=chain")
        for _ in load.stream(seconds=2, rate=150):
            pass
        assert second.stop() == 0
        first.await_said("partitions=[0, 1, 2, 3]", times=2)
        for _ in load.stream(seconds=2, rate=150):
            pass
        load.flush()
        await_no_lag(fresh_kafka, [chain()])
        assert first.stop() == 0

    assert saved(fresh_kafka, tmp_path / "chain" / "w0") == {0, 1, 2, 3}
    assert saved(fresh_kafka, tmp_path / "chain" / "w1")
    assert any(from_checkpoint for from_checkpoint, _ in recovered(first.said())), "its old ones were of use"
    found = verify(fresh_kafka, chain(), Rules())
    assert (found.differences, found.lost, dict(found.unchecked)) == ([], [], {})


def test_damaged_checkpoints_are_ignored_and_told(fresh_kafka: str, tmp_path: Path) -> None:
    cluster.create_topics(fresh_kafka, Settings(), [chain()])
    working, folder = worker(fresh_kafka, tmp_path), tmp_path / "chain" / "w0"
    with ended([working]):
        working.start()
        load = Load(fresh_kafka, seed=13)
        await_checkpoints(load, folder)
        load.flush()
        working.kill()
        for path in folder.glob("*.checkpoint"):
            path.write_bytes(path.read_bytes()[:-1])
        working.start()
        await_no_lag(fresh_kafka, [chain()])
        working.await_said("ready stage=chain", times=2)
        assert working.stop() == 0

    assert working.said().count("checkpoint ignored") == 4
    assert recovered(working.said())[-1][0] == 0
    assert verify(fresh_kafka, chain(), Rules()).holds

"""Verification against a real broker: of what runs, of what expired or was compacted, of what was changed."""

import json
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import msgspec
import pytest
from confluent_kafka import Producer, TopicPartition
from confluent_kafka.admin import AdminClient, AlterConfigOpType, ConfigEntry, ConfigResource, ResourceType

from pipeline import cluster
from pipeline.replay.verify import Verdict, kafka, verify
from pipeline.settings import Rules, Settings
from pipeline.stages import STAGES
from pipeline.topics import partition_of
from tests.make import EVENT, quote, snapshot
from tests.processors.chain import chain
from tests.processors.log import Load, Message
from tests.processors.workers import Worker, await_no_lag, ended, stage_worker, workers

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(240)]
MARKETS = STAGES["markets"]
JOURNAL = cluster.changelog("markets")
HOME = partition_of(EVENT, Settings().partitions)
SHARPLINE = Path(sys.executable).with_name("sharpline")


def command(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([SHARPLINE, *arguments], capture_output=True, text=True, timeout=120)


def quoted(bootstrap: str, seconds: int) -> None:
    """Send prices that have moved, and wait until they are folded."""
    load = Load(bootstrap, seed=1)
    books = [quote(book, 1.8 + seconds % 10 / 50, 1.95) for book in ("alpha", "bravo", "charlie", "delta")]
    load.record("odds.snapshots", snapshot(*books, seconds=seconds))
    load.flush()
    await_no_lag(bootstrap, [MARKETS])


def kept(bootstrap: str, topic: str) -> list[Message]:
    """What the event's partition of a topic still holds."""
    return list(kafka.read(bootstrap, topic, HOME, 0, kafka.ends(bootstrap, [topic], HOME)[topic]))


def has_holes(messages: list[Message]) -> bool:
    return bool(messages) and messages[-1].offset >= len(messages)


@pytest.fixture
def markets(fresh_kafka: str, tmp_path: Path) -> Worker:
    """A worker of markets that is ready; it may be stopped."""
    cluster.create_topics(fresh_kafka, Settings(), STAGES.values())
    worker = stage_worker(fresh_kafka, tmp_path, "markets")
    worker.start()
    worker.await_said("ready stage=")
    return worker


def test_the_command_agrees_with_what_was_folded_and_names_what_was_changed(
    fresh_kafka: str, tmp_path: Path
) -> None:
    here = ("--stage", "markets", "--kafka", fresh_kafka)
    unmade = command("verify", *here)
    assert (unmade.returncode, unmade.stdout) == (2, "")
    assert "has no topic bets.arbitrage" in unmade.stderr

    cluster.create_topics(fresh_kafka, Settings(), STAGES.values())
    worker = stage_worker(fresh_kafka, tmp_path, "markets")
    with ended([worker]):
        worker.start()
        for seconds in range(3):
            quoted(fresh_kafka, seconds)
    agreed, as_json = command("verify", *here), command("verify", *here, "--json")
    assert (agreed.returncode, as_json.returncode) == (0, 0)
    assert "holds: " in agreed.stdout
    said = json.loads(as_json.stdout)
    assert said["holds"]
    assert (said["inputs"], said["rows"], said["rows_equal"]) == (3, 3, 3)
    assert said["answers"] == said["answers_equal"] > 0

    last = kept(fresh_kafka, JOURNAL)[-1]
    row = msgspec.msgpack.decode(last.value or b"")
    row[4] += 1
    producer = Producer({"bootstrap.servers": fresh_kafka})
    producer.produce(JOURNAL, msgspec.msgpack.encode(row), last.key, HOME)
    producer.flush()
    changed = command("verify", *here)
    assert changed.returncode == 1
    assert f"row of markets of {EVENT}" in changed.stdout
    assert f"{JOURNAL}/{HOME}@3: it is not what its fold makes" in changed.stdout
    assert "now_ms  found     " in changed.stdout
    assert "does not hold" in changed.stdout


def test_a_stage_is_verified_while_it_runs_and_dies_and_comes_back(fresh_kafka: str, tmp_path: Path) -> None:
    found: list[Verdict] = []
    with workers(fresh_kafka, tmp_path) as (worker,), ThreadPoolExecutor(1) as aside:
        worker.start()
        load, kills = Load(fresh_kafka, seed=21), [4.0, 8.0]
        asked = aside.submit(verify, fresh_kafka, chain(), Rules())
        for passed in load.stream(seconds=12, rate=200):
            if kills and passed > kills[0]:
                kills.pop(0)
                worker.kill()
                worker.start()
            if asked.done():
                found.append(asked.result())
                asked = aside.submit(verify, fresh_kafka, chain(), Rules())
        found.append(asked.result())
        load.flush()
        await_no_lag(fresh_kafka, [chain()])
        found.append(verify(fresh_kafka, chain(), Rules()))

    assert len(found) > 2
    for verdict in found:
        assert verdict.differences == []
        assert verdict.lost == []
        assert verdict.rows_equal == verdict.rows
    assert (found[-1].waiting, found[-1].in_flight) == (0, 0)
    assert found[-1].rows > found[0].rows


def configure(bootstrap: str, kind: ResourceType, name: str, **values: str) -> None:
    admin = AdminClient({"bootstrap.servers": bootstrap})
    entries = [
        ConfigEntry(key.replace("_", "."), value, incremental_operation=AlterConfigOpType.SET)
        for key, value in values.items()
    ]
    resource = ConfigResource(kind, name, incremental_configs=entries)
    for done in admin.incremental_alter_configs([resource]).values():
        done.result()


def eventually(holds: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < deadline, what


def test_what_was_compacted_and_what_expired_is_told_apart_from_what_differs(
    fresh_kafka: str, markets: Worker
) -> None:
    with ended([markets]):
        for seconds in range(4):
            quoted(fresh_kafka, seconds)
        (node,) = AdminClient({"bootstrap.servers": fresh_kafka}).list_topics(timeout=10).brokers
        configure(fresh_kafka, ResourceType.BROKER, str(node), log_cleaner_backoff_ms="100")
        for topic in (JOURNAL, "odds.fair"):
            # Files that are closed at once, and compacted as soon as they are closed.
            configure(
                fresh_kafka,
                ResourceType.TOPIC,
                topic,
                segment_ms="100",
                min_cleanable_dirty_ratio="0.01",
                min_compaction_lag_ms="0",
            )
        folded = 4

        def compacted() -> bool:
            nonlocal folded
            quoted(fresh_kafka, folded)
            folded += 1
            return all(has_holes(kept(fresh_kafka, topic)) for topic in (JOURNAL, "odds.fair"))

        eventually(compacted, "nothing was compacted")
        assert markets.stop() == 0

    # The inputs are all there, in the one order in which they can have been folded: so even then.
    whole = verify(fresh_kafka, MARKETS, Rules())
    assert whole.holds
    assert (whole.inputs, whole.rows_equal) == (folded, whole.rows)
    assert whole.unchecked["answers compacted away"] > 0
    assert whole.rows < folded

    admin = AdminClient({"bootstrap.servers": fresh_kafka})
    (gone,) = admin.delete_records([TopicPartition("odds.snapshots", HOME, 2)]).values()
    gone.result()
    rest = verify(fresh_kafka, MARKETS, Rules())
    assert rest.holds
    assert rest.unchecked["rows compacted away"] == 1
    assert rest.rows_equal == rest.rows - 1


def test_rows_made_by_several_rules_are_each_folded_again_by_their_own(
    fresh_kafka: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cluster.create_topics(fresh_kafka, Settings(), STAGES.values())
    (tmp_path / "rules.json").write_text('{"minimum_desks": 2}')
    for place, rules in enumerate(("", str(tmp_path / "rules.json"))):
        monkeypatch.setenv("SHARPLINE_RULES", rules)
        worker = stage_worker(fresh_kafka, tmp_path, "markets")
        with ended([worker]):
            worker.start()
            worker.await_said("ready stage=", times=place + 1)
            quoted(fresh_kafka, place + 1)
            assert worker.stop() == 0

    for here in (Rules(), Rules(minimum_desks=2), Rules(minimum_desks=9)):
        found = verify(fresh_kafka, MARKETS, here)

        assert (found.holds, found.unchecked, found.rows) == (True, {}, 2)
        assert found.rows_equal == 2

"""A shadow beside a real cluster: it reads what was kept, goes on with what comes, and publishes."""

import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import closing
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient

from pipeline import cluster, codec
from pipeline.errors import TopicsUnfit
from pipeline.records import ClockTick, GameEvent, ShadowDifference
from pipeline.replay.live import HOLD_MS, Inputs, Publisher
from pipeline.replay.shadow import Setup, Shadow
from pipeline.replay.tail import from_kafka
from pipeline.settings import Rules, Settings
from pipeline.topics import TICKS
from producers.pace import timetable
from producers.publish import KafkaLog
from producers.simulator import simulate
from tests.conftest import ROOT
from tests.make_records import example
from tests.pipeline.replay.shadows import PARTITIONS, shadowed, short_season, wrong_models

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(240)]
STARTS = 1_767_225_600_000
PATIENCE_S = 90.0
EVENING = list(islice(simulate(3, 4, STARTS), 150))
EAGER = Rules(minimum_expected_value=0.005)


@pytest.fixture
def topics(fresh_kafka: str) -> str:
    cluster.create_topics(fresh_kafka, Settings(partitions=PARTITIONS), [])
    return fresh_kafka


def append(bootstrap: str, records: Iterable[Any]) -> None:
    with closing(KafkaLog(bootstrap)) as log:
        for record in records:
            log.send(record)
        assert log.tally.refused.total() == 0


def ticked(records: list[Any]) -> Iterator[Any]:
    """Records with the ticks between them, as a producer sends them; ends with a record."""
    every = [due.record for due in timetable(records, 0.0)]
    last = max(place for place, record in enumerate(every) if not isinstance(record, ClockTick))
    yield from every[: last + 1]


def by_event(differences: Iterable[ShadowDifference]) -> dict[str, list[ShadowDifference]]:
    found: dict[str, list[ShadowDifference]] = {}
    for each in differences:
        found.setdefault(each.event_id, []).append(each)
    return found


def published(bootstrap: str) -> list[ShadowDifference]:
    return [message.record for message in from_kafka(bootstrap, Publisher.TOPIC, "earliest", follow=False)]


def shadow(bootstrap: str, *arguments: str) -> "subprocess.Popen[str]":
    command = [sys.executable, "-m", "pipeline.cli", "shadow", "--kafka", bootstrap, "--quiet", "--json"]
    return subprocess.Popen([*command, *arguments], cwd=ROOT, stdout=subprocess.PIPE, text=True)


def test_what_a_cluster_kept_differs_as_its_archive_does(topics: str) -> None:
    append(topics, ticked(EVENING))

    with closing(Inputs(topics)) as live:
        both = Shadow(Setup(Rules()), Setup(EAGER), live.partitions)
        found = [difference for message in live.kept() for difference in both.take(message)]

    _, expected = shadowed(EVENING, rules=EAGER)
    assert by_event(found) == by_event(expected)
    assert both.tally.inputs == len(EVENING)
    assert live.left_out == 0


def test_a_run_reads_without_a_group_and_publishes_what_differs(topics: str) -> None:
    append(topics, ticked(EVENING))

    process = shadow(topics, "--set", "minimum_expected_value=0.005", "--publish")
    told = json.loads(process.communicate(timeout=PATIENCE_S)[0])

    found = published(topics)
    assert process.returncode == 0
    assert sum(told["differences"].values()) == len(found) > 0
    assert by_event(found) == by_event(shadowed(EVENING, rules=EAGER)[1])
    groups = AdminClient({"bootstrap.servers": topics}).list_consumer_groups().result(30)
    assert [group.group_id for group in groups.valid] == []


def test_it_goes_on_with_what_comes_until_it_is_interrupted(topics: str, tmp_path: Path) -> None:
    season = short_season(2)
    first, second = (
        [r for r in season if r.event_id == e] for e in dict.fromkeys(r.event_id for r in season)
    )
    append(topics, ticked(first))
    process = shadow(topics, str(wrong_models(tmp_path / "models")), "--follow", "--publish", "--every", "1")
    try:
        await_differences(topics, first[0].event_id, process)
        append(topics, [*ticked(second), ClockTick(received_at_ms=second[-1].received_at_ms + HOLD_MS)])
        await_differences(topics, second[0].event_id, process)
        # Its last word comes when the game is over for both sides.
        line = process.stdout.readline() if process.stdout else ""
        process.send_signal(signal.SIGINT)
        rest = process.communicate(timeout=PATIENCE_S)[0]
    finally:
        process.kill()

    assert process.returncode == 0
    assert json.loads(line)["comparison"]["games"] >= 1
    ended = json.loads(rest.splitlines()[-1])
    assert ended["comparison"]["games"] == 2
    assert ended["verdict"] == "cannot tell: 2 games are over, and it takes 10"
    assert by_event(published(topics)).keys() == {first[0].event_id, second[0].event_id}


def await_differences(bootstrap: str, event_id: str, process: "subprocess.Popen[str]") -> None:
    until = time.monotonic() + PATIENCE_S
    while not any(each.event_id == event_id for each in published(bootstrap)):
        assert process.poll() is None
        assert time.monotonic() < until, f"nothing was said of {event_id}"
        time.sleep(0.2)


def test_what_comes_waits_for_the_ticks_of_every_partition(topics: str) -> None:
    game = [record for record in short_season(1) if isinstance(record, GameEvent)]
    with closing(Inputs(topics)) as live:
        coming = live.to_come()
        assert next(coming) is None
        append(topics, game)
        until = time.monotonic() + PATIENCE_S
        append(topics, [ClockTick(received_at_ms=game[1].received_at_ms + HOLD_MS)])
        seen = []
        while len(seen) < 2:
            assert time.monotonic() < until
            if (message := next(coming)) is not None:
                seen.append(message.record)
        assert seen == game[:2]
        assert all(next(coming) is None for _ in range(5)), "the third is newer than what ticks vouch for"


def test_what_cannot_be_read_or_lies_elsewhere_is_left_out_and_counted(topics: str) -> None:
    append(topics, ticked(EVENING))
    producer = Producer({"bootstrap.servers": topics})
    producer.produce("games.events", key=b"nonsense", value=b"\x01not a record", partition=0)
    key, value = codec.encode("games.events", example("games.events"))
    for partition in range(PARTITIONS):
        producer.produce("games.events", key=key, value=value, partition=partition)
    assert producer.flush(60) == 0

    with closing(Inputs(topics)) as live:
        found = [message for message in live.kept() if message.topic != TICKS]

    assert len(found) == len(EVENING) + 1
    assert live.left_out == PARTITIONS


def test_inputs_begin_at_a_time(topics: str) -> None:
    append(topics, EVENING)
    appended_ms = round(time.time() * 1000) + 3_600_000

    with closing(Inputs(topics, appended_ms)) as live:
        assert list(live.kept()) == []
    with closing(Inputs(topics, 1)) as live:
        assert len(list(live.kept())) == len(EVENING)


def test_topics_that_are_not_there_are_one_sentence(fresh_kafka: str) -> None:
    with pytest.raises(TopicsUnfit, match="make them with `sharpline topics`"):
        Inputs(fresh_kafka)
    with pytest.raises(TopicsUnfit, match=r"has no shadow\.differences; make it with"):
        Publisher(fresh_kafka)

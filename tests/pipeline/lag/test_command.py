"""``sharpline lag``: its table, its JSON, its sentences."""

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.pipeline.lag.kafka import WITHIN_S, commit, name, produce, topic

SHARPLINE = Path(sys.executable).with_name("sharpline")


def lag(*arguments: str) -> subprocess.CompletedProcess[str]:
    env = {"PATH": "/usr/bin:/bin"}
    return subprocess.run(
        [SHARPLINE, "lag", *arguments], capture_output=True, text=True, timeout=WITHIN_S, env=env
    )


@pytest.fixture(scope="module")
def behind(kafka: str) -> tuple[str, str]:
    """A group without members and its topic: 7 records behind in one partition, nowhere in the other."""
    where, group = topic(kafka), name("behind")
    produce(kafka, where, 0, [time.time_ns() // 1_000_000 - 60_000] * 10)
    commit(kafka, group, where, {0: 3})
    return group, where


@pytest.mark.kafka
def test_the_table_has_a_row_for_each_group_and_topic(kafka: str, behind: tuple[str, str]) -> None:
    group, where = behind

    done = lag(group, "--kafka", kafka)

    assert done.returncode == 0, done.stderr
    (row,) = [line.split() for line in done.stdout.splitlines() if where in line]
    assert row[:8] == [group, "empty", "0", where, "2", "3", "10", "7"]
    assert "1 never committed" in done.stdout


@pytest.mark.kafka
def test_the_table_of_partitions_has_a_row_for_each(kafka: str, behind: tuple[str, str]) -> None:
    group, where = behind

    rows = [line.split() for line in lag(group, "--partitions", "--kafka", kafka).stdout.splitlines()]

    assert [row[row.index(where) + 1 :][:4] for row in rows if where in row] == [
        ["0", "3", "10", "7"],
        ["1", "–", "0", "–"],
    ]


@pytest.mark.kafka
def test_json_is_one_object_a_poll(kafka: str, behind: tuple[str, str]) -> None:
    group, where = behind

    (line,) = lag(group, "--json", "--kafka", kafka).stdout.splitlines()

    said = json.loads(line)
    assert [one["name"] for one in said["groups"]] == [group]
    assert [(one["partition"], one["committed"], one["lag"]) for one in said["positions"]] == [
        (0, 3, 7),
        (1, None, None),
    ]
    first, second = said["positions"]
    assert (first["topic"], first["expired"], second["seconds"]) == (where, False, None)
    assert first["seconds"] == pytest.approx((said["at_ms"] - first["unread_at_ms"]) / 1000)


@pytest.mark.kafka
def test_watching_asks_again_until_it_is_interrupted(kafka: str, behind: tuple[str, str]) -> None:
    command = [SHARPLINE, "lag", behind[0], "--json", "--watch", "--kafka", kafka]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as watching:
        assert watching.stdout is not None
        first, second = (json.loads(watching.stdout.readline()) for _ in range(2))
        watching.send_signal(signal.SIGINT)
        assert watching.wait(WITHIN_S) == 0

    assert second["at_ms"] > first["at_ms"]
    assert first["positions"][0]["lag"] == second["positions"][0]["lag"] == 7


@pytest.mark.kafka
def test_a_group_that_is_not_there_is_answered_with_those_that_are(
    kafka: str, behind: tuple[str, str]
) -> None:
    done = lag("nobody", "--kafka", kafka)

    assert (done.returncode, len(done.stderr.splitlines())) == (2, 1)
    assert "no consumer group 'nobody'; there are " in done.stderr
    assert behind[0] in done.stderr


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        pytest.param((), "no Kafka named: give --kafka ADDRESS or set SHARPLINE_KAFKA", id="none named"),
        pytest.param(("--kafka", "127.0.0.1:9"), "no Kafka answers at 127.0.0.1:9", id="none there"),
    ],
)
def test_without_a_broker_it_is_one_sentence(arguments: tuple[str, ...], sentence: str) -> None:
    done = lag(*arguments)

    assert (done.returncode, len(done.stderr.splitlines())) == (2, 1)
    assert sentence in done.stderr

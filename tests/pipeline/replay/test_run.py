import os
import subprocess
import sys
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import pytest

from pipeline.errors import UsageError
from pipeline.replay.archive import ArchiveWriter, read, topics_of
from pipeline.replay.run import Tally, inputs, replay
from pipeline.settings import Rules
from pipeline.topics import topic_of
from producers.simulator import simulate

STARTS = 1_767_225_600_000
RECORDS = 400


@pytest.fixture(scope="module")
def day(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The first minutes of four simulated games."""
    folder = tmp_path_factory.mktemp("day") / "archive"
    with ArchiveWriter(folder, 4) as writer:
        for record in islice(simulate(3, 4, STARTS), RECORDS):
            writer.append(topic_of(type(record)).name, record)
    return folder


class Folded(NamedTuple):
    tally: Tally
    digest: str
    out: Path


@pytest.fixture(scope="module")
def folded(day: Path, tmp_path_factory: pytest.TempPathFactory) -> Folded:
    out = tmp_path_factory.mktemp("answers") / "archive"
    return Folded(*replay(day, out, Rules(), 4), out)


def test_replay_answers_on_every_topic_that_has_something_to_say(folded: Folded) -> None:
    tally = folded.tally

    assert tally.inputs == RECORDS
    assert tally.buried == []
    assert {"games.states", "games.probabilities", "odds.fair", "bets.value"} <= set(topics_of(folded.out))


def test_the_digest_is_the_same_under_any_hash_seed(day: Path, folded: Folded, tmp_path: Path) -> None:
    def digest(seed: str) -> str:
        done = subprocess.run(
            [
                sys.executable,
                "-m",
                "pipeline.cli",
                "replay",
                str(day),
                "--out",
                str(tmp_path / seed),
                "--quiet",
            ],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        )
        return done.stdout.rpartition("digest")[2].strip()

    assert digest("0") == digest("1") == folded.digest


def test_another_rule_is_another_digest(day: Path, folded: Folded, tmp_path: Path) -> None:
    _, other = replay(day, tmp_path / "other", Rules(minimum_expected_value=0.03), 4)

    assert other != folded.digest


def test_answers_say_what_they_were_made_from(folded: Folded) -> None:
    for topic in topics_of(folded.out):
        for message in read(folded.out, topic):
            record = message.record
            assert record.event_id == message.key.partition("|")[0]
            assert record.received_at_ms == message.at_ms
            assert record.made_with["rules"] == Rules().digest
            assert max(record.inputs.values()) >= 0


def test_revisions_of_an_event_rise_on_every_topic(folded: Folded) -> None:
    for topic in topics_of(folded.out):
        newest: dict[str, int] = {}
        for message in read(folded.out, topic):
            assert message.record.revision >= newest.get(message.key, 0)
            newest[message.key] = message.record.revision


def test_inputs_come_in_order_of_the_time_they_were_received(day: Path) -> None:
    taken = [(message.record.received_at_ms, message.topic) for message in inputs(day)]

    assert len(taken) == RECORDS
    assert [at for at, _ in taken] == sorted(at for at, _ in taken)


def test_a_span_leaves_out_what_lies_outside(day: Path) -> None:
    whole = [message.record.received_at_ms for message in inputs(day)]
    middle = whole[len(whole) // 2]

    assert [message.record.received_at_ms for message in inputs(day, middle)] == [
        at for at in whole if at >= middle
    ]
    assert [message.record.received_at_ms for message in inputs(day, 0, middle)] == [
        at for at in whole if at < middle
    ]


def test_what_is_no_archive_is_refused_in_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="is not an archive"):
        replay(tmp_path, tmp_path / "out", Rules(), 4)

"""``sharpline arbitrage`` over archives and over a broker."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from confluent_kafka import Producer

from pipeline.cli import main
from pipeline.cluster import create_topics
from pipeline.codec import encode
from pipeline.replay.archive import ArchiveWriter
from pipeline.replay.run import replay
from pipeline.settings import Rules, Settings
from pipeline.stages.markets import MARKETS
from tests.make import EVENT, Followed, at, quote, snapshot

LEGS = quote("a", 2.15, 1.75, quoted_at_ms=at(-3)), quote("b", 1.80, 2.05, quoted_at_ms=at(-4))
GONE = quote("a", 2.15, 1.75, quoted_at_ms=at(5)), quote("b", 1.80, 1.80, quoted_at_ms=at(6))
OTHER = "sim-nfl:2025-09-14:buf-nyj"
EVENING = [
    snapshot(*LEGS),
    snapshot(*GONE, seconds=10),
    snapshot(quote("a", 2.6, 1.5), quote("b", 1.8, 2.05), seconds=12, event_id=OTHER),
]


@pytest.fixture
def inputs(tmp_path: Path) -> Path:
    with ArchiveWriter(tmp_path / "inputs", 4) as writer:
        for record in EVENING:
            writer.append("odds.snapshots", record)
    return tmp_path / "inputs"


def arbitrage(*arguments: object, **environment: str) -> Result:
    return CliRunner().invoke(main, ["arbitrage", *map(str, arguments), "--quiet"], env=environment)


def test_inputs_are_folded_first_and_say_the_same_as_their_answers(inputs: Path, tmp_path: Path) -> None:
    replay(inputs, tmp_path / "answers", Rules(), Settings().partitions)

    of_inputs, of_answers = (arbitrage(folder, "--suspects") for folder in (inputs, tmp_path / "answers"))

    assert of_inputs.exit_code == 0, of_inputs.output
    assert of_inputs.output == of_answers.output
    lines = of_inputs.output.splitlines()
    assert lines[0] == f"2025-09-14 18:00:12Z  {OTHER}  h2h, game  ROI 14.62%  still open"
    assert "  suspect: beyond_belief" in lines
    assert any("ROI 4.94%  stood 10 s, ended by price, a phantom" in line for line in lines)
    assert any(
        "b " in line and "spoke 4 s ago" in line and "next 1.800 worse, 10 s later" in line for line in lines
    )
    assert "arbitrage: 1 opened, 1 suspect" in lines
    assert any(line.split() == ["all", "1", "10", "s", "1", "1", "100%"] for line in lines)


@pytest.mark.parametrize(
    ("options", "listed"),
    [
        pytest.param((), [EVENT], id="open ones"),
        pytest.param(("--suspects",), [OTHER, EVENT], id="suspects, too"),
        pytest.param(("--suspects", "--above", "0.1"), [OTHER], id="above"),
        pytest.param(("--above", "0.05"), [], id="none above"),
        pytest.param(("--suspects", "--event", EVENT), [EVENT], id="one event"),
        pytest.param(("--kind", "low_hold"), [], id="another kind"),
    ],
)
def test_what_is_listed(inputs: Path, options: tuple[str, ...], listed: list[str]) -> None:
    result = arbitrage(inputs, *options, "--json")

    assert result.exit_code == 0, result.output
    assert [one["event_id"] for one in json.loads(result.output)["listed"]] == listed


def test_the_numbers_count_all_of_the_kind_listed_or_not(inputs: Path) -> None:
    said = json.loads(arbitrage(inputs, "--above", "0.9", "--json").output)

    assert said["listed"] == []
    assert said["summary"]["all"] == {
        "name": "all",
        "opened": 1,
        "median_s": 10.0,
        "judged": 1,
        "phantoms": 1,
    }
    assert said["summary"]["suspects_by_reason"] == {"beyond_belief": 1}


def test_an_archive_of_something_else_is_refused_in_one_sentence(tmp_path: Path) -> None:
    event = Followed(MARKETS)
    event(*EVENING[:2])
    with ArchiveWriter(tmp_path / "fair", 4) as writer:
        writer.append("odds.fair", event.last["odds.fair"])

    result = arbitrage(tmp_path / "fair")

    assert result.exit_code == 2
    assert "holds neither bets.arbitrage nor games.events or odds.snapshots to make it from" in result.output


def test_without_an_archive_a_broker_is_asked_for() -> None:
    result = arbitrage(SHARPLINE_KAFKA="")

    assert result.exit_code == 2
    assert "no Kafka named" in result.output


@pytest.mark.kafka
def test_a_cluster_says_the_same_as_an_archive_of_it(fresh_kafka: str, inputs: Path) -> None:
    create_topics(fresh_kafka, Settings(), [])
    producer = Producer({"bootstrap.servers": fresh_kafka, "partitioner": "murmur2_random"})
    for event_id in (EVENT, OTHER):
        event = Followed(MARKETS, event_id=event_id)
        event(*[record for record in EVENING if record.event_id == event_id])
        for answer in event.answers:
            assert answer.record is not None
            key, value = encode(answer.topic, answer.record)
            producer.produce(answer.topic, key=key, value=value)
    assert producer.flush(60) == 0

    result = arbitrage("--kafka", fresh_kafka, "--suspects")

    assert result.exit_code == 0, result.output
    assert result.output == arbitrage(inputs, "--suspects").output

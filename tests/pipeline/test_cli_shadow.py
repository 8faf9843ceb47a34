"""``sharpline shadow`` as a person calls it: over an archive, and what cannot be done."""

import json
import subprocess
import sys
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from pipeline.cli import main
from pipeline.cli.shadow import changed
from pipeline.errors import UsageError
from pipeline.models import boosted
from pipeline.replay import archive
from pipeline.replay.archive import ArchiveWriter
from pipeline.settings import Rules
from pipeline.topics import topic_of
from producers.simulator import simulate
from tests.pipeline.replay.shadows import football_alone, same_models, short_season, wrong_models

STARTS = 1_767_225_600_000


def shadow(*arguments: object, **environment: str) -> Result:
    return CliRunner().invoke(main, ["shadow", *map(str, arguments), "--quiet"], env=environment)


def archived(folder: Path, records: Any) -> Path:
    with ArchiveWriter(folder, 4) as writer:
        for record in sorted(records, key=lambda record: record.received_at_ms):
            writer.append(topic_of(type(record)).name, record)
    return folder


@pytest.fixture(scope="module")
def evening(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return archived(tmp_path_factory.mktemp("evening") / "archive", islice(simulate(3, 4, STARTS), 150))


@pytest.fixture(scope="module")
def season(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return archived(tmp_path_factory.mktemp("season") / "archive", short_season(11))


def test_a_candidate_that_is_no_other_has_no_differences(season: Path, tmp_path: Path) -> None:
    done = shadow(same_models(tmp_path / "models"), "--archive", season)

    assert done.exit_code == 0, done.output
    lines = [" ".join(line.split()) for line in done.output.splitlines()]
    assert "differences none" in lines
    assert lines[-1] == "verdict the same: no probability in play differs, and no value bet"


def test_a_wrong_model_is_told_to_be_worse(season: Path, tmp_path: Path) -> None:
    done = shadow(wrong_models(tmp_path / "models"), "--archive", season, "--out", tmp_path / "out")

    assert done.exit_code == 0, done.output
    assert "verdict        worse: log loss is " in done.output
    assert done.output.rstrip().endswith("larger: keep what is in use")
    assert archive.topics_of(tmp_path / "out") == ["shadow.differences"]


def test_the_same_archive_gives_the_same_differences_and_the_same_words(
    evening: Path, tmp_path: Path
) -> None:
    first, second = (
        shadow("--set", "minimum_expected_value=0.005", "--archive", evening, "--out", tmp_path / out)
        for out in ("first", "second")
    )

    assert first.output == second.output
    found = [list(archive.read(tmp_path / out, "shadow.differences")) for out in ("first", "second")]
    assert found[0] == found[1]
    assert any(each.change.value == "appears" for row in found[0] for each in row.record.opportunities)


def test_json_is_one_object_with_the_whole_comparison(season: Path, tmp_path: Path) -> None:
    done = shadow(wrong_models(tmp_path / "models"), "--archive", season, "--json")
    told = json.loads(done.output)

    assert told["baseline"]["models"] != told["candidate"]["models"]
    assert told["differences"]["games.probabilities"] > 0
    row = told["comparison"]["forecasts"][0]
    assert (row["games"], row["verdict"], row["deploy"]) == (11, "worse", False)
    assert row["above"][1] <= row["above"][0] <= row["above"][2]
    assert told["verdict"].startswith("worse: ")


def test_inputs_before_a_time_are_left_out(season: Path) -> None:
    whole, part = (
        json.loads(shadow("--set", "kelly_fraction=0.5", "--archive", season, "--json", *since).output)
        for since in ((), ("--from", "2025-09-20T00:00Z"))
    )

    assert part["events"] < whole["events"] == 11


def test_changed_rules_are_of_their_kinds() -> None:
    rules = changed(Rules(), ["devig=shin", "minimum_desks=4", 'stake_limits={"a": [1, 2]}'])

    assert (rules.devig, rules.minimum_desks, rules.stake_limits) == ("shin", 4, {"a": (1, 2)})
    assert changed(rules, []) == rules


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ("minimum_ev=0.03", "'minimum_ev=0.03' is no rule and its value; the rules are stale_floor_ms"),
        ("kelly_fraction", "is no rule and its value"),
        ("kelly_fraction=half", "these are no rules: Expected `float`"),
        ("devig=best", "these are no rules: Invalid enum value 'best'"),
    ],
)
def test_a_rule_that_is_none_is_refused(change: str, sentence: str) -> None:
    with pytest.raises(UsageError, match=sentence):
        changed(Rules(), [change])


def test_rules_of_a_file_are_the_candidates_and_may_be_changed(evening: Path, tmp_path: Path) -> None:
    (tmp_path / "rules.json").write_text('{"minimum_expected_value": 0.03}')
    by_file, by_set, both = (
        json.loads(shadow(*given, "--archive", evening, "--json").output)["candidate"]["rules"]
        for given in (
            ("--rules", tmp_path / "rules.json"),
            ("--set", "minimum_expected_value=0.03"),
            ("--rules", tmp_path / "rules.json", "--set", "kelly_fraction=0.5"),
        )
    )

    assert by_file == by_set == Rules(minimum_expected_value=0.03).digest
    assert both == Rules(minimum_expected_value=0.03, kelly_fraction=0.5).digest


def test_what_cannot_be_done_is_one_sentence(evening: Path, tmp_path: Path) -> None:
    models, empty = same_models(tmp_path / "models"), tmp_path / "empty"
    football = football_alone(tmp_path / "football")
    empty.mkdir()
    for arguments, sentence in [
        (("--archive", evening), "no candidate named: give a folder of models, --rules FILE or --set"),
        ((models,), "no Kafka named: give --kafka ADDRESS or set SHARPLINE_KAFKA"),
        ((models, "--kafka", "127.0.0.1:9"), "no Kafka answers at 127.0.0.1:9"),
        ((models, "--archive", evening, "--follow"), "an archive is not followed; leave --follow out"),
        ((models, "--archive", empty), "is not an archive: it holds no"),
        ((tmp_path / "none", "--archive", evening), "there is no folder of models at"),
        ((models / "american-football", "--archive", evening), "is one model; name the folder above it"),
        ((empty, "--archive", evening), "no <sport>/manifest.json"),
        ((football, "--archive", evening), "has a model of nfl and none of what was seen: sim-"),
        ((models, "--archive", evening, "--from", "2030-01-01"), "has no input from 2030-01-01 on"),
        ((models, "--archive", evening, "--out", models), "is not empty; name a new folder"),
        (("--set", "kelly_fraction=0.1", "--archive", evening, "--publish"), "no Kafka named"),
    ]:
        done = shadow(*arguments)
        assert done.exit_code == 2, (arguments, done.output)
        assert sentence in done.output
        assert len(done.output.strip().splitlines()) == 1


def test_what_is_in_use_is_that_of_the_settings(season: Path, tmp_path: Path) -> None:
    """With a wrong model in use, the shipped ones are better."""
    wrong = wrong_models(tmp_path / "wrong")
    # In a process of its own: the models in use are read once.
    done = subprocess.run(
        [sys.executable, "-m", "pipeline.cli", "shadow", boosted.SHIPPED, "--archive", season, "--quiet"],
        env={"PATH": "/usr/bin:/bin", "SHARPLINE_MODELS": str(wrong)},
        capture_output=True,
        text=True,
        check=True,
    )

    assert "more than 2%: deploy it" in done.stdout

from pathlib import Path

import pytest

from pipeline.errors import UsageError
from pipeline.settings import Rules, Settings


def test_nothing_set_means_the_defaults() -> None:
    assert Settings.read({"PATH": "/bin", "SHARPLINE_CACHE": "anywhere"}) == Settings()


def test_a_setting_has_the_type_of_its_default() -> None:
    settings = Settings.read({"SHARPLINE_KAFKA": "10.0.0.1:9092", "SHARPLINE_PARTITIONS": "12"})

    assert (settings.kafka, settings.partitions) == ("10.0.0.1:9092", 12)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SHARPLINE_KAFKE", "10.0.0.1:9092"),
        ("SHARPLINE_", "x"),
        ("SHARPLINE_PARTITIONS", "four"),
        ("SHARPLINE_PARTITIONS", ""),
        ("SHARPLINE_PARTITIONS", "0"),
        ("SHARPLINE_REPLICATION", "-1"),
        ("SHARPLINE_LAG_DAYS", "1.5"),
        ("SHARPLINE_LOG", "xml"),
    ],
)
def test_a_wrong_setting_stops_the_start_and_is_named(name: str, value: str) -> None:
    with pytest.raises(UsageError, match=name):
        Settings.read({name: value})


def test_rules_are_read_from_a_file(tmp_path: Path) -> None:
    file = tmp_path / "rules.json"
    file.write_text('{"kelly_fraction": 0.5}')

    assert Rules.read(str(file)) == Rules(kelly_fraction=0.5)
    assert Rules.read("") == Rules()


@pytest.mark.parametrize("text", ["", "{", "[]", '{"kelly_fracton": 0.5}', '{"kelly_fraction": "half"}'])
def test_rules_that_cannot_be_read_are_said_so(tmp_path: Path, text: str) -> None:
    file = tmp_path / "rules.json"
    file.write_text(text)

    with pytest.raises(UsageError, match=r"rules\.json"):
        Rules.read(str(file))


def test_a_missing_file_of_rules_is_said_so(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="rules cannot be read"):
        Rules.read(str(tmp_path / "none.json"))


def test_the_digest_changes_with_every_rule_and_only_then() -> None:
    assert Rules().digest == Rules(kelly_fraction=0.25).digest
    assert len({Rules().digest, Rules(kelly_fraction=0.5).digest, Rules(repeat_ms=1).digest}) == 3

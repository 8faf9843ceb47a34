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
        ("SHARPLINE_ACCESS", "closed"),
        ("SHARPLINE_SOCKETS", "0"),
        ("SHARPLINE_PROXIES", "*"),
        ("SHARPLINE_PROXIES", "10.0.0.300"),
        ("SHARPLINE_PROXIES", "10.0.0.1/8"),
        ("SHARPLINE_PROXIES", "10.0.0.7,"),
        ("SHARPLINE_PROXIES", "proxy.example.com"),
    ],
)
def test_a_wrong_setting_stops_the_start_and_is_named(name: str, value: str) -> None:
    with pytest.raises(UsageError, match=name):
        Settings.read({name: value})


SECRET = "a secret of more than thirty-two bytes"


def test_a_secret_comes_from_the_environment_or_from_a_file(tmp_path: Path) -> None:
    file = tmp_path / "secret.txt"
    file.write_text(f"{SECRET}\n")

    assert Settings.read({}).secret() == ""
    assert Settings.read({"SHARPLINE_TOKEN_SECRET": SECRET}).secret() == SECRET
    assert Settings.read({"SHARPLINE_TOKEN_SECRET_FILE": str(file)}).secret() == SECRET


@pytest.mark.parametrize("content", [b"", b"\n", b"short", b"\xff" * 40, None])
def test_a_secret_that_cannot_be_used_is_said_so_and_not_shown(content: bytes | None, tmp_path: Path) -> None:
    file = tmp_path / "secret.txt"
    if content is not None:
        file.write_bytes(content)

    with pytest.raises(UsageError, match="sharpline token --make-secret"):
        Settings(token_secret_file=str(file)).secret()


def test_settings_that_are_shown_show_no_secret() -> None:
    assert SECRET not in repr(Settings(token_secret=SECRET))
    with pytest.raises(UsageError, match="keep one") as caught:
        Settings(token_secret=SECRET, token_secret_file="file").secret()
    assert SECRET not in str(caught.value)


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

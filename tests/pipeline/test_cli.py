import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT

SHARPLINE = Path(sys.executable).with_name("sharpline")
COMMANDS = (
    "alias",
    "arbitrage",
    "calc",
    "evaluate",
    "explain",
    "fit-leaders",
    "fit-ratings",
    "fit-weights",
    "lag",
    "lag-exporter",
    "parlay",
    "portfolio",
    "process",
    "produce",
    "quota",
    "reparse",
    "replay",
    "scores",
    "serve",
    "shadow",
    "sink",
    "source",
    "tail",
    "token",
    "topics",
    "train",
    "unmatched",
    "up",
    "verify",
)


def sharpline(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    env = {"PATH": "/usr/bin:/bin", "COLUMNS": "120", **environment}
    return subprocess.run([SHARPLINE, *arguments], capture_output=True, text=True, timeout=60, env=env)


def test_the_help_names_every_command() -> None:
    listed = sharpline("--help").stdout.partition("Commands:")[2]

    assert tuple(line.split()[0] for line in listed.splitlines() if line.startswith("  ")) == COMMANDS


@pytest.mark.parametrize("command", COMMANDS)
def test_each_command_has_help_with_an_example_and_a_place_in_the_readme(command: str) -> None:
    help_text = sharpline(command, "--help").stdout

    assert help_text.startswith(f"Usage: sharpline {command} ")
    assert f"sharpline {command} " in help_text.partition("Example")[2]
    assert f"sharpline {command}" in (ROOT / "README.md").read_text()


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        pytest.param(
            ("tail", "bets.arbitrages"),
            "there is no topic 'bets.arbitrages'; there are odds",
            id="unknown topic",
        ),
        pytest.param(
            ("tail", "bets.value"),
            "no Kafka named: give --kafka ADDRESS, set SHARPLINE_KAFKA",
            id="no broker named",
        ),
        pytest.param(
            ("tail", "bets.value", "--kafka", "127.0.0.1:9"),
            "no Kafka answers at 127.0.0.1:9",
            id="no broker there",
        ),
        pytest.param(
            ("tail", "bets.value", "--archive", "nowhere"), "nowhere is not an archive", id="no archive there"
        ),
        pytest.param(
            ("replay", "nowhere", "--out", "out"), "nowhere is not an archive", id="nothing to replay"
        ),
        pytest.param(("topics", "--kafka", "127.0.0.1:9"), "127.0.0.1:9", id="no broker for topics"),
        pytest.param(("verify",), "no Kafka named: give --kafka ADDRESS", id="nothing to verify"),
        pytest.param(
            ("verify", "--kafka", "127.0.0.1:9"), "no Kafka answers at 127.0.0.1:9", id="no broker to verify"
        ),
        pytest.param(
            ("verify", "--kafka", "127.0.0.1:9", "--from", "noon"), "'noon' is no time", id="no time"
        ),
        pytest.param(("portfolio",), "no Kafka named: give --kafka ADDRESS", id="no broker for a portfolio"),
        pytest.param(
            ("parlay", "epl:2025-09-14:ars-che/btts/yes", "--kafka", "127.0.0.1:9"),
            "no Kafka answers at 127.0.0.1:9",
            id="no broker for a parlay",
        ),
        pytest.param(("produce", "recorded", "nowhere.xz", "--to", "out"), "nowhere.xz", id="missing file"),
    ],
)
def test_what_cannot_be_done_is_one_sentence(
    arguments: tuple[str, ...], sentence: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    done = sharpline(*arguments)

    assert done.returncode == 2
    assert sentence in done.stderr
    assert "Traceback" not in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


def test_a_misspelt_setting_stops_the_start() -> None:
    done = sharpline("tail", "bets.value", SHARPLINE_KAFAK="127.0.0.1:9092")

    assert done.returncode == 2
    assert "unknown setting SHARPLINE_KAFAK" in done.stderr

import signal
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from pipeline import cluster
from pipeline.replay.archive import read, topics_of
from pipeline.settings import Settings
from producers.__main__ import SOURCES, main
from tests.conftest import ROOT, SHARED
from tests.producers.moments import at_ms

PLAYS = SHARED / "data" / "nfl" / "pbp_2025_weeks2-5.csv.gz"


def produce(*arguments: object, kafka: str = "") -> Result:
    return CliRunner(env={"SHARPLINE_KAFKA": kafka}).invoke(main, [str(argument) for argument in arguments])


def said(result: Result) -> str:
    assert result.exit_code == 2
    return result.stderr.strip()


def test_help_shows_an_example_of_each_source() -> None:
    shown = produce("--help").output

    assert all(f"sharpline produce {source} " in shown for source in SOURCES)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        pytest.param(["nflverse", "none.csv", "--to", "out"], "none.csv cannot be opened", id="missing file"),
        pytest.param(["nflverse", "--to", "out"], "no file named", id="no file"),
        pytest.param(["nflverse", PLAYS], "give --kafka ADDRESS, set SHARPLINE_KAFKA", id="no Kafka named"),
        pytest.param(
            ["nflverse", PLAYS, "--kafka", "127.0.0.1:1"],
            "no Kafka answers at 127.0.0.1:1;",
            id="no Kafka there",
        ),
        pytest.param(["nflverse", PLAYS, "--from", "noon", "--to", "out"], "is no time", id="no time"),
        pytest.param(
            ["nflverse", PLAYS, "--seed", 1, "--to", "out"], "--seed belongs", id="seed of a recording"
        ),
        pytest.param(["simulator", PLAYS, "--to", "out"], "takes no files", id="file of the simulator"),
        pytest.param(["the-odds-api", PLAYS, "--to", "out"], "not the-odds-api", id="another kind"),
    ],
)
def test_what_cannot_be_done_is_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[object], sentence: str
) -> None:
    monkeypatch.chdir(tmp_path)

    told = said(produce(*arguments))

    assert sentence in told
    assert told.startswith("sharpline: ")
    assert "\n" not in told.replace("nflverse has 62 games\n", "")


def test_a_folder_that_holds_something_is_not_written_into(tmp_path: Path) -> None:
    (tmp_path / "precious").touch()

    assert "is not empty" in said(produce("nflverse", PLAYS, "--to", tmp_path))
    assert [path.name for path in tmp_path.iterdir()] == ["precious"]


def test_plays_go_to_an_archive_from_the_time_that_is_given(tmp_path: Path) -> None:
    folder = tmp_path / "plays"

    result = produce("nflverse", PLAYS, "--to", folder, "--from", "2025-10-06T00:00Z")

    assert result.exit_code == 0
    assert "refused 0" in result.stdout
    assert topics_of(folder) == ["odds.snapshots", "games.events", "sources.events"]
    moments = [message.at_ms for message in read(folder, "games.events")]
    assert min(moments) >= at_ms("2025-10-06T00:00:00Z")
    assert moments == sorted(moments)


def test_simulated_games_go_to_an_archive_the_same_each_time(tmp_path: Path) -> None:
    once, again = tmp_path / "once", tmp_path / "again"
    for folder in (once, again):
        result = produce(
            "simulator", "--seed", 3, "--events", 2, "--to", folder, "--truth", tmp_path / "truth"
        )
        assert result.exit_code == 0

    assert (tmp_path / "truth").stat().st_size > 0
    assert list(read(once, "odds.snapshots")) == list(read(again, "odds.snapshots"))
    starts_at_ms = at_ms("2026-01-01T00:00:00Z")
    assert starts_at_ms <= next(read(once, "odds.snapshots")).at_ms < starts_at_ms + 60_000


@pytest.mark.kafka
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_with_everything_flushed(fresh_kafka: str, number: signal.Signals) -> None:
    cluster.create_topics(fresh_kafka, Settings(), ())
    command = [sys.executable, "-m", "producers", "nflverse", str(PLAYS), "--kafka", fresh_kafka]
    process = subprocess.Popen(
        command, cwd=ROOT, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )  # fmt: skip
    assert process.stderr is not None
    assert "62 games" in process.stderr.readline()

    process.send_signal(number)
    told, complaint = process.communicate(timeout=30)

    assert process.returncode == 0, complaint
    assert "refused 0" in told

import hashlib
import json
from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner, Result

from pipeline import data
from pipeline.cli import main
from pipeline.replay.archive import ArchiveWriter
from pipeline.settings import Lead, Rules
from tests.pipeline.training.evenings import EVENINGS, evening


def archived(folder: Path, every_s: int, events: int = EVENINGS) -> Path:
    with ArchiveWriter(folder, 2) as writer:
        for record in evening(events, every_s):
            writer.append("odds.snapshots", record)
    return folder


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Ten evenings, polled every two seconds."""
    return archived(tmp_path_factory.mktemp("evenings") / "archive", 2)


def fit_leaders(*arguments: object) -> Result:
    return CliRunner().invoke(main, ["fit-leaders", *map(str, arguments), "--quiet"])


def test_the_file_says_what_it_comes_from_and_is_named_by_its_own_hash(archive: Path, tmp_path: Path) -> None:
    out, rules = tmp_path / "leaders.json", tmp_path / "rules.json"

    result = fit_leaders(archive, "--out", out, "--rules", rules)

    assert result.exit_code == 0, result.output
    written = json.loads(out.read_bytes())
    digest = written.pop("hash")
    assert digest == hashlib.sha256(msgspec.json.encode(written, order="sorted")).hexdigest()
    assert digest[:12] in result.output
    assert len(written["archive"]) == 64
    assert written["books"] == data.digest("books.csv")
    assert written["from"] == "2025-09-14"
    read = Rules.read(str(rules))
    assert read.leads_from == digest[:12]
    found = {(lead.leader, lead.follower): lead for lead in read.leads["american-football"]}
    assert found["pinnacle", "bet365"].lag_s == pytest.approx(7.0, abs=0.6)
    assert found["betway", "boylesports"].same_line
    assert msgspec.convert(written["leads"]["american-football"], tuple[Lead, ...]) == tuple(found.values())


def test_the_same_archive_gives_the_same_bytes(archive: Path, tmp_path: Path) -> None:
    for name in ("one", "two"):
        assert fit_leaders(archive, "--out", tmp_path / name).exit_code == 0

    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()


def test_polls_of_twenty_minutes_say_that_they_cannot_tell_and_hold_no_lag(tmp_path: Path) -> None:
    archived(tmp_path / "polls", 1_200, events=90)

    result = fit_leaders(tmp_path / "polls", "--out", tmp_path / "out")

    assert result.exit_code == 0, result.output
    assert "cannot tell" in result.output
    written = json.loads((tmp_path / "out").read_bytes())
    pairs = written["sports"]["american-football"]["pairs"]
    assert pairs
    assert {pair["verdict"] for pair in pairs} <= {"cannot_tell", "same_line"}
    assert not any("lag_s" in pair for pair in pairs)
    assert all(lead["same_line"] for lead in written["leads"]["american-football"])


def test_later_days_say_whether_the_leads_held(archive: Path, tmp_path: Path) -> None:
    twice = archived(tmp_path / "twice", 2, events=2 * EVENINGS)

    result = fit_leaders(twice, "--until", "2025-09-24", "--out", tmp_path / "out")

    assert result.exit_code == 0, result.output
    written = json.loads((tmp_path / "out").read_bytes())
    assert written["sports"]["american-football"]["events"] == EVENINGS
    held = written["later"]["american-football"]
    assert held["same"] >= 2
    assert held["turned"] == 0
    assert "leads as before" in result.output


def test_what_cannot_be_done_is_one_sentence(archive: Path, tmp_path: Path) -> None:
    there = tmp_path / "there"
    there.write_text("precious")
    with ArchiveWriter(tmp_path / "empty", 2):
        pass
    with ArchiveWriter(tmp_path / "unquoted", 2) as writer:
        for record in evening(1, 600):
            writer.append("odds.snapshots", msgspec.structs.replace(record, lines=()))

    for sentence, *arguments in (
        ("is there already", archive, "--out", there),
        ("is no day", archive, "--until", "soon"),
        ("before 2001-01-01; name a later --until", archive, "--until", "2001-01-01"),
        ("is not an archive", tmp_path / "nowhere"),
        ("is not an archive", tmp_path / "empty"),
        ("holds no odds.snapshots with prices", tmp_path / "unquoted"),
    ):
        result = fit_leaders(*arguments)
        assert result.exit_code == 2
        assert sentence in result.output
        assert "Traceback" not in result.output
    assert there.read_text() == "precious"

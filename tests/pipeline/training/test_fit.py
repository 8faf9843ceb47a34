import hashlib
import json
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner, Result

from pipeline import data
from pipeline.cli import main
from pipeline.records import GameEvent, GameStatus, Line, OddsSnapshot, SnapshotKind
from pipeline.replay.archive import ArchiveWriter
from pipeline.settings import Rules
from pipeline.topics import topic_of
from pipeline.training.markets import Market
from tests.make import quote
from tests.pipeline.training.test_weights import EVERYONE, season

SIDES = ("arsenal-chelsea", "fulham-everton", "leeds-burnley", "liverpool-wolves", "watford-norwich")
#: A Saturday, Unix ms.
FIRST_MS, WEEK_MS, HOUR_MS = 1_566_000_000_000, 7 * 86_400_000, 3_600_000


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Some 700 matches, five a week, of one desk that sees badly and others that see well."""
    folder = tmp_path_factory.mktemp("seasons") / "archive"
    with ArchiveWriter(folder, 2) as writer:
        for number, market in enumerate(season({**EVERYONE, "interwetten": 1.0}, count=700)):
            for record in records(number, market):
                writer.append(topic_of(type(record)).name, record)
    return folder


def records(number: int, market: Market) -> list[OddsSnapshot | GameEvent]:
    start_ms = FIRST_MS + number // len(SIDES) * WEEK_MS
    day = datetime.fromtimestamp(start_ms / 1000, UTC).date()
    event_id = f"epl:{day}:{SIDES[number % len(SIDES)]}"
    goals = ((1, 0), (0, 1), (0, 0))[market.outcome]

    def shown(quotes: tuple[tuple[str, tuple[float, ...]], ...], at_ms: int) -> OddsSnapshot:
        lines: tuple[Line, ...] = tuple(quote(book, *prices) for book, prices in quotes)
        return OddsSnapshot(
            event_id=event_id,
            source="football-data-co-uk",
            kind=SnapshotKind.FULL,
            received_at_ms=at_ms,
            lines=lines,
        )

    def game(kind: str, status: GameStatus, at_ms: int, home: int = 0, away: int = 0) -> GameEvent:
        return GameEvent(
            event_id=event_id,
            source="football-data-co-uk",
            kind=kind,
            status=status,
            received_at_ms=at_ms,
            sequence=0,
            period=2,
            home_score=home,
            away_score=away,
        )

    return [
        shown(market.first, start_ms - 24 * HOUR_MS),
        shown(market.last, start_ms - 60_000),
        game("start", GameStatus.LIVE, start_ms),
        game("final", GameStatus.FINAL, start_ms + 2 * HOUR_MS, *goals),
    ]


def fit_weights(*arguments: object) -> Result:
    return CliRunner().invoke(main, ["fit-weights", *map(str, arguments), "--quiet"])


def test_the_file_says_what_it_comes_from_and_is_named_by_its_own_hash(archive: Path, tmp_path: Path) -> None:
    out, rules = tmp_path / "weights.json", tmp_path / "rules.json"

    result = fit_weights(archive, "--out", out, "--rules", rules)

    assert result.exit_code == 0, result.output
    written = json.loads(out.read_bytes())
    digest = written.pop("hash")
    assert digest == hashlib.sha256(msgspec.json.encode(written, order="sorted")).hexdigest()
    assert digest[:12] in result.output
    assert Rules.read(str(rules)) == Rules(desk_weights=written["weights"], desk_weights_from=digest)
    assert len(written["archive"]) == 64
    assert written["books"] == data.digest("books.csv")
    assert written["against"] == "results"
    assert written["from"] < written["until"]
    assert set(written["weights"]) == set(EVERYONE)
    assert written["desks"]["interwetten"]["advantage"] == min(
        desk["advantage"] for desk in written["desks"].values()
    )
    assert {(score["prices"], score["against"], score["weights"]) for score in written["scores"]} == {
        ("first", against, name)
        for against in ("results", "closing")
        for name in ("equal", "by hand", "learnt")
    }


def test_the_same_archive_gives_the_same_bytes(archive: Path, tmp_path: Path) -> None:
    for name in ("one", "two"):
        assert fit_weights(archive, "--against", "closing", "--out", tmp_path / name).exit_code == 0

    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()


def test_only_days_from_the_date_on_are_judged_by(archive: Path, tmp_path: Path) -> None:
    out = tmp_path / "weights.json"

    assert fit_weights(archive, "--until", "2021-11-01", "--out", out).exit_code == 0

    written = json.loads(out.read_bytes())
    assert written["until"] == "2021-11-01"
    assert written["markets"] + written["scores"][0]["markets"] == 700


def test_with_nothing_later_it_says_so_and_judges_nothing(archive: Path) -> None:
    result = fit_weights(archive, "--until", "2099-01-01")

    assert result.exit_code == 0
    assert "nothing later in the archive" in result.output
    assert "log loss" not in result.output


def test_the_report_compares_with_equal_weights_and_those_by_hand_and_names_the_seed(archive: Path) -> None:
    report = fit_weights(archive, "--seed", 11).output

    assert "the weights 'equal'" in report
    assert "the weights 'by hand'" in report
    assert "seed 11" in report


def test_what_cannot_be_done_is_one_sentence(archive: Path, tmp_path: Path) -> None:
    there = tmp_path / "there"
    there.write_text("precious")

    for arguments in ((archive, "--out", there), (archive, "--until", "soon"), (tmp_path / "nowhere",)):
        result = fit_weights(*arguments)
        assert result.exit_code == 2
        assert "Traceback" not in result.output
    assert there.read_text() == "precious"

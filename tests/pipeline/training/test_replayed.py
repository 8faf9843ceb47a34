"""A walk by what a replay publishes: the answers that the models give when asked one by one."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from pipeline.cli import main
from pipeline.models import UNSETTLED, boosted
from pipeline.models.features import SHEETS
from pipeline.models.margins import SURE
from pipeline.records import GameEvent, OddsSnapshot, SnapshotKind
from pipeline.training import boosting, games, profile
from pipeline.training.boosting import Walk
from pipeline.training.games import Floats, Moments
from pipeline.training.published import published
from pipeline.training.said import BLEND, Said, gathered
from tests.make import quote
from tests.pipeline.training.football import archived, game
from tests.pipeline.training.matches import matches

SPORT = "american-football"
#: One a day, so tenths of three; the last two of them are scored.
GAMES, SINCE = 30, "2025-10-08"
SEED = 5


def season() -> Iterator[OddsSnapshot | GameEvent]:
    """Games of which the last has a price of who wins while it is played."""
    for number in range(GAMES):
        for place, record in enumerate(game(number)):
            yield record
            if number == GAMES - 1 and place == 60:
                yield OddsSnapshot(
                    event_id=record.event_id,
                    source="the-odds-api",
                    kind=SnapshotKind.FULL,
                    received_at_ms=record.received_at_ms + 1_000,
                    lines=tuple(quote(book, 1.5, 2.8) for book in ("pinnacle", "bet365", "betfair_ex_eu")),
                )


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return archived(tmp_path_factory.mktemp("seasons") / "archive", season())


@pytest.fixture(scope="module")
def ran(archive: Path) -> str:
    """What the command prints; beside the archive it keeps what it made."""
    arguments = ["evaluate", SPORT, "--data", str(archive), "--from", SINCE, "--seed", str(SEED)]
    kept = ["--replayed", "--keep", str(archive.parent / "kept")]
    result = CliRunner().invoke(main, [*arguments, *kept])
    assert result.exit_code == 0, result.output
    return result.output


@pytest.fixture(scope="module")
def said(archive: Path, ran: str) -> Said:
    assert ran
    folders = sorted((archive.parent / "kept").glob("*/answers"))
    return gathered((row for folder in folders for row in published(folder)), SPORT)


@pytest.fixture(scope="module")
def in_fold(archive: Path) -> tuple[Moments, Walk]:
    """The same moments asked one by one."""
    moments = games.read(archive, SPORT).moments
    walked = boosting.walk(SPORT, moments, SEED)
    later = boosting.days(moments) >= SINCE
    return moments.where(later), Walk(walked.block[later], walked.voices[later], walked.blend[later])


def unopened(chances: Floats, drawn: Floats) -> Floats:
    """Home's chance before each ending was given the least that a game under way leaves it."""
    home, away = (chances.T * (1.0 - drawn) - UNSETTLED) / (1.0 - 3.0 * UNSETTLED)
    result: Floats = home / (home + away)
    return result


def test_what_a_replay_publishes_is_what_the_walk_said(said: Said, in_fold: tuple[Moments, Walk]) -> None:
    moments, walked = in_fold
    assert said.moments.source_event_ids == moments.source_event_ids
    assert (said.moments.label == moments.label).all()
    assert (said.moments.period == moments.period).all()

    for place, voice in enumerate(boosted.VOICES[1:], start=1):
        name = SHEETS[SPORT].anchor_name if voice == "anchor" else voice
        expected = boosting.chances(walked.voices[:, place])
        assert said.voices[name] == pytest.approx(expected, abs=1e-9)


def test_the_blend_is_published_but_for_the_least_chance_of_every_ending(
    archive: Path, said: Said, in_fold: tuple[Moments, Walk]
) -> None:
    _, walked = in_fold
    drawn = {
        row.source_event_id: row.game[2]
        for folder in sorted((archive.parent / "kept").glob("*/answers"))
        for row in published(folder)
    }
    draws = np.array([drawn[one] for one in said.moments.source_event_ids])

    walked_home = np.clip(boosting.chances(walked.blend)[:, 0], SURE, 1.0 - SURE)
    assert unopened(said.voices[BLEND], draws) == pytest.approx(walked_home, abs=1e-9)


def test_each_block_has_a_folder_of_models_as_they_are_shipped(archive: Path, ran: str) -> None:
    folders = sorted((archive.parent / "kept").glob("*/models"))
    digests = {boosted.load_all(folder).digest for folder in folders}

    assert "block 9: 3 games" in ran
    assert len(folders) == len(digests) == 2
    for folder, earlier in zip(folders, (24, 27), strict=True):
        manifest = boosted.load(folder / SPORT).manifest
        assert manifest.seed == SEED
        assert manifest.learnt_from["games"] == earlier


def test_the_table_stands_beside_the_market_where_it_had_a_price(ran: str, said: Said) -> None:
    rows = [line.split() for line in ran.splitlines() if line]
    priced = int((~np.isnan(said.market[:, 0])).sum())

    assert priced > 0
    assert [row[1] for row in rows if row[0] == "market"] == [str(priced)]
    assert [row[1] for row in rows if row[0] == BLEND] == [
        f"{len(said.moments.label):,}",
        *[row[1] for row in rows if row[0] == BLEND][1:2],
        str(priced),
    ]


def test_a_day_after_the_last_game_is_refused(archive: Path, tmp_path: Path) -> None:
    arguments = ["evaluate", SPORT, "--data", str(archive), "--from", "2030-01-01", "--replayed", "--quiet"]
    result = CliRunner().invoke(main, arguments)

    assert result.exit_code == 2
    assert "holds no game to score from 2030-01-01 on" in result.output


def test_soccer_is_replayed_with_the_profile_of_earlier_matches(tmp_path: Path) -> None:
    archive = archived(tmp_path / "archive", matches(20))
    arguments = ["evaluate", "soccer", "--data", str(archive), "--from", "2017-10-04", "--quiet"]
    kept = ["--replayed", "--keep", str(tmp_path / "kept")]
    result = CliRunner().invoke(main, [*arguments, *kept])
    assert result.exit_code == 0, result.output

    folders = sorted((tmp_path / "kept").glob("*/answers"))
    said = gathered((row for folder in folders for row in published(folder)), "soccer")
    walked = profile.walked(archive)
    later = boosting.days(walked.moments) >= "2017-10-04"
    in_time_order = walked.moments.where(later)

    assert len(said.moments.label) == 2 * 19
    assert said.moments.source_event_ids == in_time_order.source_event_ids
    assert said.voices[BLEND] == pytest.approx(boosting.chances(in_time_order.closed), abs=1e-9)
    assert sum(line.startswith("plain goals ") for line in result.output.splitlines()) == 3

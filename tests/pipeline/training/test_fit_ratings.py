"""Ratings in time order: what later games say changes no earlier row, and who is better is found."""

import random
from datetime import date, timedelta
from itertools import permutations
from pathlib import Path

import pytest
from click.testing import CliRunner
from click.testing import Result as Ran
from msgspec.structs import replace

from pipeline import data
from pipeline.cli import main
from pipeline.models import ratings
from pipeline.records import GameEvent, GameStatus
from pipeline.replay.archive import ArchiveWriter
from pipeline.training.inputs import Inputs
from pipeline.training.ratings import TIRED, Result, Row, fit, results, write

NBA = data.leagues()["nba"]
FIRST = date(2015, 10, 27)
#: Points better than the average team, and that their games have above average.
TEAMS = {"bos": (8.0, 6.0), "chi": (2.0, -6.0), "lal": (-3.0, 10.0), "nyk": (-7.0, -10.0)}

FINAL = GameEvent(
    event_id="nba:2015-11-02:bos-nyk",
    source="nba-pbp",
    source_event_id="2/9",
    kind="final",
    received_at_ms=1_446_500_000_000,
    sequence=9,
    status=GameStatus.FINAL,
    period=4,
    clock_s=0.0,
    home_score=99,
    away_score=90,
)


def season(rounds: int = 20, noise: float = 0.0, seed: int = 2) -> list[Result]:
    """Every pair of teams at both places, a game a day."""
    rng = random.Random(seed)
    pairs = [pair for _ in range(rounds) for pair in permutations(sorted(TEAMS), 2)]
    found = []
    for number, (home, away) in enumerate(pairs):
        margin = TEAMS[home][0] - TEAMS[away][0] + 3.0 + rng.gauss(0.0, noise)
        total = TEAMS[home][1] + TEAMS[away][1] + 205.0 + rng.gauss(0.0, noise)
        scores = round((total + margin) / 2.0), round((total - margin) / 2.0)
        found.append(Result(FIRST + timedelta(2 * number), home, away, *scores))
    return found


def last(rows: list[Row]) -> dict[str, Row]:
    return {row.team: row for row in rows}


def test_who_is_better_and_by_how_much_is_found() -> None:
    found = last(list(fit(NBA, season(noise=10.0))))

    for team, (margin, total) in TEAMS.items():
        assert found[team].margin == pytest.approx(margin, abs=2.5)
        # What all teams have in common may be the league's.
        assert found[team].total + found[""].total / 2 == pytest.approx(total + 102.5, abs=3.0)
    assert found[""].margin == pytest.approx(3.0, abs=0.7)


def test_no_row_knows_of_a_later_game() -> None:
    games = season(4)
    changed = [*games[:-1], games[-1]._replace(home_score=150)]
    rows, others = list(fit(NBA, games)), list(fit(NBA, changed))
    day = games[-1].day.isoformat()

    assert [row for row in rows if row.day < day] == [row for row in others if row.day < day]
    assert [row for row in rows if row.day == day] != [row for row in others if row.day == day]


def test_a_side_that_loses_whenever_it_played_the_day_before_is_known_to_be_tired() -> None:
    """Home plays every other day; the visitors come from a game of the day before."""
    games = []
    for number in range(60):
        day = FIRST + timedelta(4 * number)
        games.append(Result(day, "lal", "bos", 100, 100))
        games.append(Result(day + timedelta(1), "nyk", "bos", 112, 100))
        games.append(Result(day + timedelta(3), "bos", "nyk", 100, 100))

    found = last(list(fit(NBA, games)))

    assert found[""].tired > TIRED + 0.5


def test_the_file_is_read_as_it_was_written(tmp_path: Path) -> None:
    rows = list(fit(NBA, season(2)))
    (tmp_path / ratings.RATINGS).mkdir()
    write(rows, tmp_path / ratings.RATINGS / "nba.csv")
    read = ratings.load(tmp_path)
    day = date.fromisoformat(rows[-1].day) + timedelta(5)

    found = ratings.strengths(read, "nba", "bos", "nyk", day)

    league, home, away = (last(rows)[team] for team in ("", "bos", "nyk"))
    assert found is not None
    assert found.margin == pytest.approx(home.margin - away.margin + league.margin)
    assert found.total == pytest.approx(home.total + away.total + league.total)
    write(fit(NBA, season(2)), tmp_path / "again.csv")
    assert (tmp_path / "again.csv").read_bytes() == read.content


def test_results_are_the_last_final_scores_of_a_league_by_day(tmp_path: Path) -> None:
    with ArchiveWriter(tmp_path / "archive", 1) as writer:
        for event in (
            FINAL,
            replace(FINAL, kind="correction", home_score=101),
            replace(FINAL, event_id="nba:2015-11-01:chi-lal", home_score=80),
            replace(FINAL, event_id="nba:2015-11-03:chi-lal", status=GameStatus.LIVE),
            replace(FINAL, event_id="wnba:2015-11-01:chi-lva"),
        ):
            writer.append("games.events", event)

    assert results(Inputs(tmp_path / "archive"), "nba") == [
        Result(date(2015, 11, 1), "chi", "lal", 80, 90),
        Result(date(2015, 11, 2), "bos", "nyk", 101, 90),
    ]


def test_the_command_writes_the_file_and_names_what_cannot_be_rated(tmp_path: Path) -> None:
    archive, out = tmp_path / "archive", tmp_path / "models" / ratings.RATINGS / "nba.csv"
    with ArchiveWriter(archive, 1) as writer:
        writer.append("games.events", FINAL)

    def run(league: str, to: Path) -> Ran:
        return CliRunner().invoke(main, ["fit-ratings", league, "--data", str(archive), "--out", str(to)])

    assert "1 games, 2015-11-02 to 2015-11-02" in run("nba", out).output
    assert ratings.load(tmp_path / "models").rows[("nba", "bos")][0].margin > 0.0
    for league, to, sentence in (
        ("nba", out, "is there already"),
        ("wnba", tmp_path / "wnba.csv", "holds no finished game of wnba"),
        ("epl", tmp_path / "epl.csv", "epl is not rated"),
    ):
        refused = run(league, to)
        assert refused.exit_code == 2
        assert sentence in refused.output

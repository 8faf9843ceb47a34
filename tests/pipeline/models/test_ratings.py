"""Ratings: only what was known before a game's day, and nothing of teams that have not played of late."""

from datetime import date
from pathlib import Path

import pytest

from pipeline.errors import UsageError
from pipeline.models import Strengths, ratings
from pipeline.models.ratings import KNOWN_DAYS, NONE, RATINGS, Ratings

HEAD = "league,day,team,margin,total,tired\n"
ROWS = """\
nba,2015-11-01,,3.0,200.0,2.0
nba,2015-11-01,bos,4.0,1.0,0.0
nba,2015-11-01,nyk,-2.0,-3.0,0.0
nba,2015-11-04,,2.0,204.0,1.0
nba,2015-11-04,bos,6.0,1.0,0.0
nba,2015-11-04,lal,-6.0,5.0,0.0
"""


def rated(folder: Path, rows: str = ROWS, head: str = HEAD) -> Ratings:
    (folder / RATINGS).mkdir(exist_ok=True)
    (folder / RATINGS / "nba.csv").write_text(head + rows)
    return ratings.load(folder)


@pytest.mark.parametrize(
    ("day", "margin", "total"),
    [
        pytest.param(date(2015, 11, 2), 4.0 + 2.0 + 3.0, 200.0 + 1.0 - 3.0, id="both played yesterday"),
        pytest.param(date(2015, 11, 4), 4.0 + 2.0 + 3.0, 200.0 + 1.0 - 3.0, id="its own day is not known"),
        pytest.param(date(2015, 11, 5), 6.0 + 2.0 + 2.0 - 1.0, 204.0 + 1.0 - 3.0, id="home is tired"),
        pytest.param(date(2015, 11, 6), 6.0 + 2.0 + 2.0, 204.0 + 1.0 - 3.0, id="both have rested"),
    ],
)
def test_a_game_is_expected_to_end_as_the_ratings_before_its_day_say(
    tmp_path: Path, day: date, margin: float, total: float
) -> None:
    found = ratings.strengths(rated(tmp_path), "nba", "bos", "nyk", day)

    assert found is not None
    assert (found.margin, found.total) == pytest.approx((margin, total))


@pytest.mark.parametrize(
    ("league", "away", "day"),
    [
        pytest.param("nba", "nyk", date(2015, 11, 1), id="before the first"),
        pytest.param("nba", "chi", date(2015, 11, 6), id="a team that has not played"),
        pytest.param("nba", "nyk", date(2015, 12, 2), id="a team that has not played for long"),
        pytest.param("wnba", "nyk", date(2015, 11, 6), id="another league"),
    ],
)
def test_without_ratings_of_late_nothing_is_known(tmp_path: Path, league: str, away: str, day: date) -> None:
    assert ratings.strengths(rated(tmp_path), league, "bos", away, day) is None
    assert (date(2015, 12, 2) - date(2015, 11, 1)).days == KNOWN_DAYS + 1


def test_a_folder_without_ratings_knows_nothing(tmp_path: Path) -> None:
    assert ratings.load(tmp_path) == NONE
    assert ratings.strengths(NONE, "nba", "bos", "nyk", date(2015, 11, 6)) is None


def test_the_hash_is_that_of_the_files(tmp_path: Path) -> None:
    first = rated(tmp_path)

    assert rated(tmp_path) == first
    assert rated(tmp_path, ROWS.replace("6.0", "6.1")).digest != first.digest


@pytest.mark.parametrize(
    ("head", "rows", "sentence"),
    [
        pytest.param(
            "league,day,team\n", "", "its columns should be league, day, team, margin", id="columns"
        ),
        pytest.param(HEAD, "nba,2015-11-01,bos,much,0,0\n", "could not convert", id="no number"),
        pytest.param(HEAD, "nba,2015-11-01,bos\n", "is no file of ratings", id="a short line"),
        pytest.param(HEAD, "nba,yesterday,bos,0,0,0\n", "Invalid isoformat", id="no day"),
        pytest.param(HEAD, "nfl,2015-11-01,kc,0,0,0\n", "it has nfl and is named nba", id="another league"),
        pytest.param(HEAD, ROWS + ROWS, "nba has 2015-11-01 out of order", id="days out of order"),
    ],
)
def test_what_is_no_file_of_ratings_stops_the_start(
    tmp_path: Path, head: str, rows: str, sentence: str
) -> None:
    with pytest.raises(UsageError, match=sentence):
        rated(tmp_path, rows, head)


def test_the_shipped_ratings_know_the_games_of_their_season() -> None:
    shipped = ratings.load(Path(ratings.__file__).parent / "shipped")

    found = ratings.strengths(shipped, "nba", "gsw", "phi", date(2016, 1, 6))

    assert isinstance(found, Strengths)
    assert 15.0 < found.margin < 30.0
    assert ratings.strengths(shipped, "nba", "gsw", "phi", date(2026, 11, 21)) is None

"""Ratings where runs are scored: moved by what nobody expected, known a day later, half lost in winter."""

from datetime import date, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline import data
from pipeline.models.ratings import load, strengths
from pipeline.training import batting
from pipeline.training.ratings import Result, Row, write

MLB = data.leagues()["mlb"]
OPENING = date(2019, 4, 1)
TEAMS = ("bos", "nyy", "tor", "tb")


def games(days: int, home: str, away: str, score: tuple[int, int], first: date = OPENING) -> list[Result]:
    return [Result(first + timedelta(day), home, away, *score) for day in range(days)]


def last(rows: list[Row], team: str) -> Row:
    return [row for row in rows if row.team == team][-1]


@st.composite
def seasons(draw: st.DrawFn) -> list[Result]:
    """Some games of two winters and the days between them."""
    runs = st.integers(0, 15)
    played = []
    for day in draw(st.lists(st.integers(0, 500), max_size=12)):
        home, away = draw(st.sampled_from([TEAMS[:2], TEAMS[2:], TEAMS[1:3]]))
        played.append(Result(OPENING + timedelta(day), home, away, draw(runs), draw(runs)))
    return sorted(played)


@given(seasons(), st.integers(0, 500))
def test_what_is_known_after_a_day_does_not_hang_on_later_ones(played: list[Result], day: int) -> None:
    until = OPENING + timedelta(day)
    earlier = [game for game in played if game.day <= until]

    whole = [row for row in batting.fit(MLB, played) if row.day <= until.isoformat()]

    assert list(batting.fit(MLB, earlier)) == whole


def test_a_side_that_scores_more_and_allows_less_is_better() -> None:
    rows = list(batting.fit(MLB, games(20, "bos", "nyy", (7, 2))))

    assert last(rows, "bos").margin > 0.3 > -0.3 > last(rows, "nyy").margin
    assert last(rows, "bos").margin == pytest.approx(-last(rows, "nyy").margin, abs=1e-3)


def test_games_with_many_runs_raise_totals_and_nobodys_margin() -> None:
    advantage = MLB.home_rate - MLB.away_rate
    rows = list(batting.fit(MLB, games(20, "bos", "nyy", (9, 9))))

    assert last(rows, "bos").total == pytest.approx(last(rows, "nyy").total, abs=0.1)
    assert last(rows, "bos").total > 1.0
    assert last(rows, "").total > MLB.home_rate + MLB.away_rate
    assert last(rows, "").margin == pytest.approx(advantage, abs=1e-3)


def test_over_a_winter_half_of_a_rating_is_forgotten() -> None:
    season = games(30, "bos", "nyy", (7, 2))
    nothing_new = Result(date(2020, 4, 1), "tor", "tb", 4, 4)

    before = last(list(batting.fit(MLB, season)), "bos")
    after = list(batting.fit(MLB, [*season, nothing_new, Result(date(2020, 4, 2), "bos", "nyy", 5, 4)]))

    assert last(after, "bos").margin == pytest.approx(batting.KEPT * before.margin, abs=0.05)


def test_of_seven_innings_seven_ninths_of_the_runs_are_expected() -> None:
    short = [game._replace(part=7.0 / 9.0) for game in games(30, "bos", "nyy", (4, 3))]
    rows, whole = list(batting.fit(MLB, short)), list(batting.fit(MLB, games(30, "bos", "nyy", (4, 3))))

    assert last(rows, "bos").total > 0.0 > last(whole, "bos").total


def test_every_day_has_its_league_and_then_the_teams_that_played() -> None:
    rows = list(batting.fit(MLB, sorted([*games(2, "bos", "nyy", (3, 1)), *games(1, "tor", "tb", (2, 0))])))

    assert [(row.day, row.team) for row in rows] == [
        ("2019-04-01", ""), ("2019-04-01", "bos"), ("2019-04-01", "nyy"), ("2019-04-01", "tb"),
        ("2019-04-01", "tor"), ("2019-04-02", ""), ("2019-04-02", "bos"), ("2019-04-02", "nyy"),
    ]  # fmt: skip


def test_the_file_gives_the_next_day_its_strengths(tmp_path: Path) -> None:
    (tmp_path / "ratings").mkdir()
    write(batting.fit(MLB, games(20, "bos", "nyy", (7, 2))), tmp_path / "ratings" / "mlb.csv")
    ratings = load(tmp_path)

    after, at_first = (strengths(ratings, "mlb", "nyy", "bos", OPENING + timedelta(day)) for day in (20, 0))

    assert after is not None
    assert after.away > after.home > 2.0
    assert at_first is None

"""Which days of a cup are its group stage, and what that makes of a level game."""

import csv
import gzip
from collections import Counter
from datetime import date
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest

from pipeline import data, ids
from tests.conftest import SHARED

RESULTS = SHARED / "data" / "world-cup-2026-results" / "results.csv.gz"
MATCHES = SHARED / "data" / "wyscout-soccer" / "matches.csv.gz"


@pytest.mark.parametrize(
    ("event_id", "drawn"),
    [
        ("world-cup:2026-06-11:mex-rsa", 1.0),
        ("world-cup:2026-06-27:col-por", 1.0),
        ("world-cup:2026-06-28:rsa-can", 0.0),
        ("world-cup:2026-07-19:esp-arg", 0.0),
        ("world-cup:2018-06-28:eng-bel", 1.0),
        ("world-cup:2018-07-15:fra-cro", 0.0),
        ("euro:2016-06-22:hun-por", 1.0),
        ("euro:2016-06-25:sui-pol", 0.0),
        ("world-cup:2018-06-29:eng-bel", 0.7),
        ("world-cup:2022-12-18:arg-fra", 0.7),
        ("epl:2026-06-11:ars-che", 1.0),
        ("nfl:2026-06-11:kc-phi", 0.05),
    ],
)
def test_how_often_a_level_game_ends_so_hangs_on_its_round(event_id: str, drawn: float) -> None:
    assert ids.league_of(event_id).overtime_draw == drawn


def test_a_round_changes_nothing_else_of_its_league() -> None:
    row, group = data.leagues()["world-cup"], ids.league_of("world-cup:2026-06-11:mex-rsa")

    changed = [name for name in row.__struct_fields__ if getattr(row, name) != getattr(group, name)]
    assert changed == ["overtime_draw"]


def test_rounds_are_of_cups_and_no_day_is_of_two() -> None:
    for row in data.rounds():
        league = data.leagues()[row.league]
        assert row.from_day <= row.to_day
        assert league.sport == "soccer"
        assert league.overtime_s > 0.0, "a league whose level games all end has no rounds"
        assert 0.0 < league.overtime_draw < 1.0, "a day that no row has may be of either round"
    for one, other in combinations(data.rounds(), 2):
        assert one.league != other.league or one.to_day < other.from_day or other.to_day < one.from_day


def rows_of(path: Path) -> list[dict[str, Any]]:
    with gzip.open(path, "rt", encoding="utf-8") as text:
        return list(csv.DictReader(text))


@pytest.mark.skipif(not RESULTS.is_file(), reason="the results of the World Cup 2026 are not here")
def test_each_side_of_the_world_cup_2026_plays_three_games_in_its_group() -> None:
    games: Counter[str] = Counter()
    level = Counter[float]()
    for row in rows_of(RESULTS):
        drawn = data.league_on("world-cup", date.fromisoformat(row["date"])).overtime_draw
        games.update([row["home_team"], row["away_team"]] if drawn == 1.0 else [])
        level[drawn] += row["home_score"] == row["away_score"]

    assert len(games) == 48
    assert set(games.values()) == {3}
    assert level == {1.0: 20, 0.0: 3}


@pytest.mark.skipif(not MATCHES.is_file(), reason="the recorded matches are not here")
def test_the_euro_2016_played_on_after_its_groups() -> None:
    for row in rows_of(MATCHES):
        if row["competition"] == "European_Championship":
            league = data.league_on("euro", date.fromisoformat(row["date_utc"][:10]))
            assert league.overtime_draw == float(row["gameweek"] != "0")

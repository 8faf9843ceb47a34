from typing import Any

import pytest

from pipeline import data
from pipeline.models import Position
from pipeline.models.phases import OVERTIME, UNKNOWN, phase, phases
from pipeline.records import Baseball, GameStatus


def inning(scheduled: int = 9) -> Baseball:
    return Baseball(half="top", outs=0, bases=0, balls=0, strikes=0, scheduled_innings=scheduled)


@pytest.mark.parametrize(
    ("league", "period", "situation", "name"),
    [
        ("nfl", 1, None, "q1"),
        ("nfl", 4, None, "q4"),
        ("nfl", 5, None, OVERTIME),
        ("nhl", 3, None, "p3"),
        ("nhl", 5, None, OVERTIME),
        ("epl", 2, None, "h2"),
        ("world-cup", 5, None, OVERTIME),
        ("mlb", 3, inning(), "i1_3"),
        ("mlb", 4, inning(), "i4_6"),
        ("mlb", 9, inning(), "i7_9"),
        ("mlb", 10, inning(), OVERTIME),
        ("mlb", 7, inning(7), "i7_9"),
        ("mlb", 8, inning(7), OVERTIME),
        ("nba", 0, None, UNKNOWN),
    ],
)
def test_the_phase_of_a_period(league: str, period: int, situation: Any, name: str) -> None:
    at = Position(GameStatus.LIVE, period=period, situation=situation)

    assert phase(data.leagues()[league], at) == name


@pytest.mark.parametrize("league", data.leagues().values(), ids=lambda league: league.league)
def test_whatever_the_period_its_phase_is_one_of_the_leagues(league: data.League) -> None:
    found = [phase(league, Position(GameStatus.LIVE, period=period)) for period in range(30)]

    assert set(found) <= set(phases(league))
    assert sorted(found[1:], key=phases(league).index) == found[1:], "in the order of play"

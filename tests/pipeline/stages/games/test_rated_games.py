"""Where no market says how strong the sides are, their ratings of the days before do."""

from datetime import date
from typing import Any

import pytest

from pipeline import data
from pipeline.models import boosted, league_strengths, ratings
from pipeline.records import Basketball, GameEvent, GameStatus
from pipeline.stages.games import GAMES, listened, moment, with_closing
from tests.pipeline.stages.games.make import close, spread

RATED, TODAY = "nba:2016-01-06:den-min", "nba:2026-11-21:den-min"


def event(**fields: Any) -> GameEvent:
    stated: dict[str, Any] = {
        "event_id": RATED,
        "source": "nba-pbp",
        "source_event_id": "1",
        "kind": "play",
        "received_at_ms": 1_452_130_000_000,
        "sequence": 1,
        "status": GameStatus.LIVE,
        "period": 2,
        "clock_s": 300.0,
        "home_score": 40,
        "away_score": 36,
        "situation": Basketball(possession="home", home_fouls=1, away_fouls=2),
    }
    return GameEvent(**stated | fields)


def test_a_rated_game_begins_with_its_ratings() -> None:
    game = GAMES.initial(RATED)

    assert game.prior == "ratings"
    assert game.strengths == ratings.strengths(
        boosted.in_use().ratings, "nba", "den", "min", date(2016, 1, 6)
    )
    assert moment(game).strengths == game.strengths


def test_a_game_that_nobody_rated_begins_as_one_of_two_average_sides() -> None:
    game = GAMES.initial(TODAY)

    assert (game.prior, game.strengths) == ("league", league_strengths(data.leagues()["nba"]))


def test_a_closing_line_takes_the_place_of_ratings() -> None:
    game = with_closing(GAMES.initial(RATED), close(spread(-9.5)))

    assert game.prior == "closing"
    assert game.strengths.margin == pytest.approx(9.5, abs=0.2)


def test_the_ball_of_a_game_of_basketball_is_remembered() -> None:
    heard = listened(GAMES.initial(RATED), event())

    assert moment(heard).context.situation == event().situation

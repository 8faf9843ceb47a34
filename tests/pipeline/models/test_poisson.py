"""Goals and runs as Poisson: what is left of a game in each sport, and how it ends."""

import math

import pytest

from pipeline import data
from pipeline.models import Position, Strengths, league_strengths, outlook
from pipeline.records import Baseball, GameStatus

EPL, CUP, NHL, MLB = (data.leagues()[name] for name in ("epl", "world-cup", "nhl", "mlb"))
LIVE, SCHEDULED = GameStatus.LIVE, GameStatus.SCHEDULED


def batting(half: str, outs: int = 0, scheduled_innings: int = 9) -> Baseball:
    return Baseball(half=half, outs=outs, bases=0, balls=0, strikes=0, scheduled_innings=scheduled_innings)


def test_a_league_match_is_settled_by_its_regulation() -> None:
    seen = outlook(EPL, league_strengths(EPL), Position(LIVE, 2, 1500.0, 1, 1))

    assert seen.game == pytest.approx(seen.regulation)


def test_a_cup_match_goes_to_extra_time_and_penalties() -> None:
    level = outlook(CUP, Strengths(1.3, 1.3), Position(LIVE, 5, -1.0, 1, 1))
    extra = outlook(CUP, Strengths(1.3, 1.3), Position(LIVE, 3, 900.0, 1, 1))

    assert level.game[:2] == pytest.approx((0.5, 0.5), abs=0.001)
    assert extra.regulation == (0.0, 0.0, 1.0)
    assert extra.parameters["home_rate"] == pytest.approx(1.3 * 30.0 / 93.0)


def test_the_first_goal_of_overtime_ends_a_hockey_game() -> None:
    seen = outlook(NHL, league_strengths(NHL), Position(LIVE, 4, 120.0, 3, 2))

    assert seen.game[0] == pytest.approx(1.0, abs=0.001)
    assert seen.regulation == (0.0, 0.0, 1.0)


def test_hockey_is_scaled_by_the_seconds_left() -> None:
    seen = outlook(NHL, Strengths(3.0, 3.0), Position(LIVE, 2, 600.0, 1, 0))

    assert seen.parameters["home_rate"] == pytest.approx(1.5)


@pytest.mark.parametrize(
    ("inning", "half", "outs", "home_innings", "away_innings"),
    [
        pytest.param(1, "top", 0, 9.0, 9.0, id="first pitch"),
        pytest.param(5, "top", 1, 5.0, 4.0 + 2.0 / 3.0, id="top of the fifth, one out"),
        pytest.param(5, "bottom", 2, 4.0 + 1.0 / 3.0, 4.0, id="bottom of the fifth, two outs"),
        pytest.param(9, "bottom", 0, 1.0, 0.0, id="bottom of the ninth"),
        pytest.param(11, "top", 0, 1.0, 1.0, id="an extra inning is one inning"),
    ],
)
def test_baseball_is_scaled_by_the_outs_of_each_side(
    inning: int, half: str, outs: int, home_innings: float, away_innings: float
) -> None:
    position = Position(LIVE, inning, -1.0, 3, 3, batting(half, outs))
    seen = outlook(MLB, Strengths(4.5, 4.5), position)

    assert seen.parameters["home_rate"] == pytest.approx(0.5 * home_innings)
    assert seen.parameters["away_rate"] == pytest.approx(0.5 * away_innings)


@pytest.mark.parametrize(
    ("inning", "half", "outs"),
    [(9, "bottom", 1), (11, "bottom", 0), (9, "top", 3)],
)
def test_the_home_side_that_leads_in_the_last_bottom_half_has_walked_off(
    inning: int, half: str, outs: int
) -> None:
    seen = outlook(MLB, league_strengths(MLB), Position(LIVE, inning, -1.0, 5, 4, batting(half, outs)))

    assert seen.game[0] == pytest.approx(1.0, abs=0.001)
    assert seen.parameters["home_rate"] == 0.0


def test_a_level_bottom_of_the_ninth_favours_the_side_that_bats() -> None:
    seen = outlook(MLB, Strengths(4.5, 4.5), Position(LIVE, 9, -1.0, 4, 4, batting("bottom")))

    scores = 1.0 - math.exp(-0.5)
    assert seen.game[0] == pytest.approx(scores + (1.0 - scores) * MLB.overtime_home, abs=0.001)


def test_a_doubleheader_of_seven_innings_ends_after_seven() -> None:
    position = Position(LIVE, 7, -1.0, 5, 4, batting("bottom", scheduled_innings=7))

    assert outlook(MLB, league_strengths(MLB), position).game[0] == pytest.approx(1.0, abs=0.001)

"""Points as a Brownian motion: the known numbers, the ends of games, overtime."""

import pytest

from pipeline import data
from pipeline.data import League
from pipeline.domain import diffusion
from pipeline.models import Position, Strengths, league_strengths, outlook
from pipeline.models.brownian import DRIVE_SD
from pipeline.records import GameStatus

NFL, NBA, NCAAF = (data.leagues()[name] for name in ("nfl", "nba", "ncaaf"))
LIVE, SCHEDULED = GameStatus.LIVE, GameStatus.SCHEDULED
EVEN = Strengths(100.0, 100.0)


def test_sterns_game_that_is_level_at_half_time() -> None:
    """Drift 4 points a game, spread 12: 0.59317 before the correction for whole scores."""
    mean, sd = diffusion.remaining(4.0, 12.0, 0.5)
    home, _, draw = diffusion.outcomes(0, mean, sd)

    assert diffusion.probability_above(0.0, mean, sd) == pytest.approx(0.59317, abs=5e-6)
    assert home + draw / 2.0 == pytest.approx(0.59317, abs=2e-4)


def test_the_parameters_are_of_the_final_score() -> None:
    seen = outlook(NBA, Strengths(116.0, 110.0), Position(LIVE, 3, 720.0, 60, 55))

    assert seen.parameters["margin_mean"] == pytest.approx(5.0 + 6.0 / 2.0)
    assert seen.parameters["margin_sd"] == pytest.approx(NBA.margin_sd * 0.5**0.5)
    assert seen.parameters["total_mean"] == pytest.approx(115.0 + 226.0 / 2.0, abs=0.5)
    assert seen.parameters["total_sd"] == pytest.approx(NBA.total_sd * 0.5**0.5, rel=0.03)


@pytest.mark.parametrize("league", [NFL, NBA, NCAAF], ids=lambda league: league.league)
def test_before_the_start_the_total_is_the_line(league: League) -> None:
    found = outlook(league, Strengths(30.0, 27.5), Position(SCHEDULED)).parameters

    assert found["total_mean"] == pytest.approx(57.5, abs=1e-9)
    assert found["total_sd"] == pytest.approx(league.total_sd, abs=1e-9)


def test_a_level_game_whose_time_is_up_still_has_the_points_of_an_overtime() -> None:
    level, decided = (outlook(NBA, EVEN, Position(LIVE, 4, 0.0, 100, away)).parameters for away in (100, 99))

    assert level["total_mean"] == pytest.approx(200.0 + NBA.total_mean * 300.0 / 2880.0)
    assert level["total_sd"] > 5.0
    assert (decided["total_mean"], decided["total_sd"]) == (199.0, 0.0)


@pytest.mark.parametrize("period", [4, 5])
def test_a_game_that_ended_level_has_no_points_to_come(period: int) -> None:
    found = outlook(NFL, EVEN, Position(GameStatus.FINAL, period, 0.0, 20, 20)).parameters

    assert (found["total_mean"], found["total_sd"]) == (40.0, 0.0)


def test_the_points_of_an_overtime_of_american_football_are_those_of_a_score_or_two() -> None:
    means, deviations = (
        [
            outlook(NFL, EVEN, Position(LIVE, 5, clock_s, 20, 20)).parameters[name]
            for clock_s in (600.0, 300.0, 30.0)
        ]
        for name in ("total_mean", "total_sd")
    )

    assert 44.0 < means[0] < 45.0
    assert means == sorted(means, reverse=True)
    assert min(means) > 40.0
    assert deviations == sorted(deviations, reverse=True)


def test_level_when_regulation_ends_goes_to_the_overtime_branch() -> None:
    seen = outlook(NBA, EVEN, Position(LIVE, 4, 0.0, 100, 100))

    assert seen.regulation[2] == pytest.approx(1.0, abs=0.002)
    assert seen.game[0] == pytest.approx(NBA.overtime_home, abs=0.002)


def test_regulation_is_over_and_level_once_overtime_is_played() -> None:
    seen = outlook(NBA, EVEN, Position(LIVE, 5, 150.0, 104, 100))

    assert seen.regulation == (0.0, 0.0, 1.0)
    assert seen.game[0] > 0.8


def test_a_tie_grows_likelier_as_overtime_of_american_football_runs_out() -> None:
    draws = [
        outlook(NFL, EVEN, Position(LIVE, 5, clock_s, 20, 20)).game[2] for clock_s in (600.0, 300.0, 30.0)
    ]

    assert draws == sorted(draws)


def test_a_lead_grows_safer_as_the_clock_runs_down() -> None:
    clocks = (900.0, 600.0, 300.0, 120.0, 30.0, 1.0)
    chances = [outlook(NFL, EVEN, Position(LIVE, 4, clock_s, 23, 20)).game[0] for clock_s in clocks]

    assert chances == sorted(chances)


def test_a_drive_under_way_is_uncertain_until_the_last_seconds() -> None:
    late = outlook(NFL, EVEN, Position(LIVE, 4, 30.0, 23, 20)).parameters["margin_sd"]

    assert late > DRIVE_SD
    assert outlook(NFL, EVEN, Position(LIVE, 4, 0.0, 23, 20)).parameters["margin_sd"] == 0.0
    assert outlook(NFL, EVEN, Position(SCHEDULED)).parameters["margin_sd"] == NFL.margin_sd


def test_an_overtime_without_a_clock_can_still_be_turned() -> None:
    seen = outlook(NCAAF, league_strengths(NCAAF), Position(LIVE, 5, -1.0, 27, 20))

    assert 0.6 < seen.game[0] < 0.999

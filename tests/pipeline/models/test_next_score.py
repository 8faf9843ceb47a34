"""Who scores next: sums, ends, mirrors, and what having the ball is worth."""

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline import data
from pipeline.models import Position, Strengths, league_strengths, outlook
from pipeline.models.next_score import next_score
from pipeline.records import Baseball, Basketball, GameStatus, Soccer
from tests.pipeline.models.make import moment, snap, swapped

LEAGUES = data.leagues()
LIVE, FINAL = GameStatus.LIVE, GameStatus.FINAL
NOBODY = (0.0, 0.0, 1.0)


def said(league: str, position: Position, situation: Any = None, **strengths: float) -> tuple[float, ...]:
    rules = LEAGUES[league]
    sides = Strengths(**strengths) if strengths else league_strengths(rules)
    return next_score(rules, sides, position, situation, outlook(rules, sides, position))


def at_bat(half: str = "top", outs: int = 0, bases: int = 0) -> Baseball:
    return Baseball(half=half, outs=outs, bases=bases, balls=0, strikes=0, scheduled_innings=9)


def with_ball(possession: str) -> Basketball:
    return Basketball(possession=possession, home_fouls=0, away_fouls=0)


@given(
    st.sampled_from(sorted(LEAGUES)), st.sampled_from([GameStatus.SCHEDULED, LIVE, GameStatus.SUSPENDED]),
    st.integers(0, 7), st.floats(-1.0, 3_000.0), st.integers(0, 40), st.integers(0, 40),
    st.sampled_from(
        [None, snap("away", 4, 2, 3), snap("home", 0, 0, 2), with_ball("home"), at_bat("bottom", 2, 7)]
    ),
)  # fmt: skip
def test_it_sums_to_one_whatever_the_state_of_play(
    league: str, status: GameStatus, period: int, clock_s: float, home: int, away: int, situation: Any
) -> None:
    if isinstance(situation, Baseball) and LEAGUES[league].sport != "baseball":
        situation = None
    found = said(league, Position(status, period, clock_s, home, away, situation), situation)

    assert math.fsum(found) == pytest.approx(1.0, abs=1e-12)
    assert all(0.0 <= chance <= 1.0 for chance in found)


@pytest.mark.parametrize("league", sorted(LEAGUES))
def test_nobody_scores_in_a_game_that_is_over(league: str) -> None:
    rules = LEAGUES[league]

    assert said(league, Position(FINAL, rules.periods, 0.0, 2, 1), snap()) == NOBODY
    assert said(league, Position(GameStatus.ABANDONED, 2, 100.0)) == ()


@pytest.mark.parametrize("league", ["nfl", "nba", "nhl"])
def test_nobody_scores_when_time_is_up(league: str) -> None:
    assert said(league, Position(LIVE, LEAGUES[league].periods, 0.0, 2, 1)) == NOBODY


@given(
    st.sampled_from(["nfl", "nba", "nhl", "epl"]), st.lists(st.floats(0.0, 2_700.0), min_size=2, max_size=9)
)
def test_nobody_is_the_likelier_the_less_time_is_left(league: str, clocks_s: list[float]) -> None:
    last = LEAGUES[league].periods
    clocks_s = sorted(min(clock_s, LEAGUES[league].period_s) for clock_s in clocks_s)
    found = [said(league, Position(LIVE, last, clock_s, 1, 1))[2] for clock_s in reversed(clocks_s)]

    assert found == sorted(found)


def test_nobody_is_the_likelier_the_fewer_innings_are_left() -> None:
    found = [
        said("mlb", Position(LIVE, inning, -1.0, 2, 2, at_bat(half)), at_bat(half))[2]
        for inning in range(1, 10)
        for half in ("top", "bottom")
    ]

    assert found == sorted(found)
    assert found[-1] == pytest.approx(0.73, abs=0.05)  # a half-inning without a run


def test_a_goal_in_sudden_death_is_the_last() -> None:
    level = said("nhl", Position(LIVE, 4, 300.0, 2, 2))

    assert level[0] > level[1] > 0.1
    assert said("nhl", Position(LIVE, 4, 120.0, 3, 2)) == NOBODY


def test_penalty_kicks_are_no_score() -> None:
    assert said("world-cup", Position(LIVE, 5, -1.0, 1, 1)) == NOBODY


def test_goals_to_come_are_those_of_the_parameters() -> None:
    position = Position(LIVE, 2, 1_500.0, 1, 0, Soccer(home_reds=0, away_reds=1))
    rates = outlook(LEAGUES["epl"], Strengths(1.5, 1.2), position).parameters
    home, away, nobody = said("epl", position, home=1.5, away=1.2)

    assert nobody == pytest.approx(math.exp(-rates["home_rate"] - rates["away_rate"]), abs=1e-12)
    assert home / away == pytest.approx(rates["home_rate"] / rates["away_rate"])


@given(
    st.sampled_from(["home", "away"]), st.integers(0, 4), st.integers(1, 15), st.integers(1, 99),
    st.integers(0, 30), st.integers(0, 30), st.floats(-12.0, 12.0), st.floats(0.0, 900.0), st.integers(1, 5),
)  # fmt: skip
def test_the_swapped_teams_score_next_as_the_others_do(
    side: str, down: int, togo: int, yards: int, home: int, away: int, margin: float, clock_s: float,
    period: int,
) -> None:  # fmt: skip
    seen = moment(
        period=period, clock_s=clock_s, score=(home, away), situation=snap(side, down, togo, yards),
        margin=margin,
    )  # fmt: skip
    found, mirror = (
        next_score(one.league, one.strengths, one.position, one.context.situation, one.closed)
        for one in (seen, swapped(seen))
    )

    assert (mirror[1], mirror[0], mirror[2]) == pytest.approx(found, abs=1e-9)


@given(st.sampled_from(["nhl", "epl", "nba"]), st.integers(0, 3), st.integers(0, 3), st.floats(0.0, 700.0))
def test_swapped_sides_of_equal_leagues_are_mirrored(
    league: str, home: int, away: int, clock_s: float
) -> None:
    sides = {"home": 1.7, "away": 1.1} if league != "nba" else {"home": 115.0, "away": 108.0}
    found = said(league, Position(LIVE, 2, clock_s, home, away), with_ball("home"), **sides)
    other = {"home": sides["away"], "away": sides["home"]}
    mirror = said(league, Position(LIVE, 2, clock_s, away, home), with_ball("away"), **other)

    assert (mirror[1], mirror[0], mirror[2]) == pytest.approx(found, abs=1e-12)


def test_the_side_with_the_ball_scores_next_the_surer_the_nearer_it_is() -> None:
    position = Position(LIVE, 2, 600.0, 7, 7)
    near, far, theirs = (said("nfl", position, ball)[0] for ball in (
        snap("home", 1, 5, 5), snap("home", 1, 10, 75), snap("away", 1, 10, 75)
    ))  # fmt: skip

    assert near > 0.9
    assert near > far > 0.5 > theirs


def test_after_a_touchdown_the_other_side_has_the_ball_next() -> None:
    trying = said("nfl", Position(LIVE, 2, 600.0, 6, 0), snap("home", 0, 0, 15))

    assert trying[1] > trying[0]


def test_possession_in_basketball_is_worth_a_sixth() -> None:
    position = Position(LIVE, 2, 600.0, 40, 40)
    ours, nobodys = (said("nba", position, with_ball(side), home=110.0, away=110.0) for side in ("home", ""))

    assert ours[0] == pytest.approx(2 / 3, abs=0.02)
    assert nobodys[0] == pytest.approx(0.5)


def test_runners_and_outs_say_how_soon_a_run_comes() -> None:
    loaded, empty = (
        said("mlb", Position(LIVE, 3, -1.0, 0, 0, ball), ball)[1]
        for ball in (at_bat("top", 0, 7), at_bat("top", 2, 0))
    )

    assert loaded > 0.85
    assert empty < 0.6


def test_a_home_side_that_leads_does_not_bat_again_in_the_ninth() -> None:
    last = Position(LIVE, 9, -1.0, 5, 4, at_bat("top", 1))

    assert said("mlb", last, last.situation)[0] == 0.0
    assert said("mlb", last._replace(away_score=5), last.situation)[0] > 0.2

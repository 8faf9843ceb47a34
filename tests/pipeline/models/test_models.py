"""How games end by the closed forms: what is known of them, and what must hold in every state of play."""

import math
from dataclasses import dataclass
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline import data
from pipeline.data import League
from pipeline.models import (
    NO_OUTLOOK,
    UNSETTLED,
    Position,
    Strengths,
    league_strengths,
    of_its_length,
    outlook,
)
from pipeline.models.position import winner_is_unknown
from pipeline.records import Baseball, GameStatus, Soccer

LEAGUES = data.leagues()
LIVE, FINAL, SCHEDULED = GameStatus.LIVE, GameStatus.FINAL, GameStatus.SCHEDULED
GROUP, KNOCK_OUT = (data.league_on("world-cup", date(2026, *day)) for day in ((6, 11), (7, 5)))
ALL = (*LEAGUES.values(), GROUP, KNOCK_OUT)


def batting(half: str, outs: int = 0, scheduled_innings: int = 9) -> Baseball:
    return Baseball(half=half, outs=outs, bases=0, balls=0, strikes=0, scheduled_innings=scheduled_innings)


def shoot_out(home: int, away: int) -> Soccer:
    return Soccer(home_reds=0, away_reds=0, home_penalties=home, away_penalties=away)


@dataclass(frozen=True)
class Game:
    league: League
    strengths: Strengths
    position: Position


@st.composite
def games(draw: st.DrawFn, leagues: tuple[League, ...] = ALL) -> Game:
    league = draw(st.sampled_from(leagues))
    usual = league_strengths(league)
    strengths = Strengths(usual.home * draw(st.floats(0.5, 1.6)), usual.away * draw(st.floats(0.5, 1.6)))
    overtimes = 3 if league.sport != "soccer" else 3 if league.overtime_s else 0
    situation = None
    if league.sport == "baseball":
        situation = draw(
            st.one_of(
                st.none(),
                st.builds(
                    batting,
                    st.sampled_from(["top", "bottom"]),
                    st.integers(0, 3),
                    st.sampled_from([7, 9]),
                ),
            )
        )
    if league.sport == "soccer":
        penalties = st.integers(0, 5)
        situation = draw(st.one_of(st.none(), st.builds(shoot_out, penalties, penalties)))
    most = 60 if league.model == "brownian-margin" else 9
    position = Position(
        draw(st.sampled_from(list(GameStatus))),
        draw(st.integers(0, league.periods + overtimes)),
        draw(st.one_of(st.just(-1.0), st.floats(0.0, max(league.period_s, 60.0)))),
        draw(st.integers(0, most)),
        draw(st.integers(0, most)),
        situation,
    )
    return Game(league, strengths, position)


@given(games())
def test_probabilities_sum_to_one_in_every_state_of_play(game: Game) -> None:
    seen = outlook(game.league, game.strengths, game.position)

    for chances in (seen.game, seen.regulation):
        if chances:
            assert math.fsum(chances) == pytest.approx(1.0, abs=1e-12)
            assert all(0.0 <= chance <= 1.0 for chance in chances)
    assert all(math.isfinite(value) for value in seen.parameters.values())


@given(games())
def test_another_point_never_makes_winning_less_likely(game: Game) -> None:
    behind = outlook(game.league, game.strengths, game.position)
    ahead = outlook(
        game.league,
        game.strengths,
        game.position._replace(home_score=game.position.home_score + 1),
    )

    for few, more in ((behind.game, ahead.game), (behind.regulation, ahead.regulation)):
        if few and more:
            assert more[0] >= few[0] - 1e-12
            assert more[1] <= few[1] + 1e-12


@given(games())
def test_a_final_game_has_ended_in_exactly_one_way(game: Game) -> None:
    position = game.position._replace(status=FINAL)
    seen = outlook(game.league, game.strengths, position)
    winner = 2 if position.decided == 0 else int(position.decided < 0)

    assert sorted(seen.regulation) == [0.0, 0.0, 1.0]
    if winner_is_unknown(game.league, position):
        assert (seen.game, seen.model) == ((), "none")
        return
    assert [place for place, chance in enumerate(seen.game) if chance == 1.0] == [winner]
    assert sum(seen.game) == 1.0


@given(games())
def test_a_game_that_is_not_final_is_never_certain(game: Game) -> None:
    seen = outlook(game.league, game.strengths, game.position._replace(status=LIVE))

    # Of a shoot-out that one side leads nobody says how far it is.
    assert bool(seen.game) == (game.position.decided == game.position.lead)
    assert all(0.0 < chance < 1.0 for chance in seen.game)


def test_a_game_that_was_called_off_has_no_probabilities() -> None:
    nfl = LEAGUES["nfl"]
    for status in (GameStatus.ABANDONED, GameStatus.CANCELLED):
        assert outlook(nfl, league_strengths(nfl), Position(status)) is NO_OUTLOOK


def test_a_league_without_a_model_has_no_probabilities() -> None:
    league = League(
        **{**{name: getattr(LEAGUES["nfl"], name) for name in League.__struct_fields__}, "model": "none"}
    )

    assert outlook(league, Strengths(20.0, 20.0), Position(LIVE, 2, 300.0)) is NO_OUTLOOK


def test_a_final_tie_of_american_football_is_a_draw() -> None:
    nfl = LEAGUES["nfl"]
    seen = outlook(nfl, league_strengths(nfl), Position(FINAL, 5, 0.0, 20, 20))

    assert seen.game == (0.0, 0.0, 1.0)
    assert seen.regulation == (0.0, 0.0, 1.0)


def test_a_game_won_in_overtime_was_level_after_regulation() -> None:
    nba = LEAGUES["nba"]
    seen = outlook(nba, league_strengths(nba), Position(FINAL, 5, 0.0, 110, 104))

    assert seen.game == (1.0, 0.0)
    assert seen.regulation == (0.0, 0.0, 1.0)


def test_a_group_game_that_is_level_ends_so_and_a_knock_out_goes_on() -> None:
    late = Position(LIVE, 2, 0.0, 1, 1)
    group, knock_out, unknown = (
        outlook(league, Strengths(1.3, 1.3), late).game for league in (GROUP, KNOCK_OUT, LEAGUES["world-cup"])
    )

    assert group[2] > 0.85
    assert knock_out[2] == UNSETTLED
    assert knock_out[0] == knock_out[1]
    assert unknown[2] == pytest.approx(UNSETTLED + (group[2] - UNSETTLED) * 0.7)


def test_football_that_is_played_on_has_a_winner_whatever_was_known_of_its_round() -> None:
    for position in (Position(LIVE, 3, 900.0, 1, 1), Position(LIVE, 5, -1.0, 1, 1)):
        assert outlook(LEAGUES["euro"], Strengths(1.3, 1.3), position).game[2] == UNSETTLED


@pytest.mark.parametrize(("penalties", "ended"), [((4, 5), (0.0, 1.0, 0.0)), ((3, 2), (1.0, 0.0, 0.0))])
def test_a_shoot_out_says_who_has_won_and_regulation_was_level(
    penalties: tuple[int, int], ended: tuple[float, ...]
) -> None:
    over = Position(FINAL, 5, 0.0, 1, 1, shoot_out(*penalties))
    seen = outlook(KNOCK_OUT, Strengths(1.3, 1.3), over)

    assert (seen.game, seen.regulation) == (ended, (0.0, 0.0, 1.0))


def test_a_shoot_out_of_which_nobody_tells_leaves_the_winner_open() -> None:
    over = Position(FINAL, 5, 0.0, 1, 1)
    seen = outlook(KNOCK_OUT, Strengths(1.3, 1.3), over)

    assert (seen.model, seen.game, seen.regulation) == ("none", (), (0.0, 0.0, 1.0))


def test_a_shoot_out_that_one_side_leads_has_no_model() -> None:
    for penalties, speaks in (((0, 0), True), ((1, 1), True), ((1, 0), False)):
        under_way = Position(LIVE, 5, -1.0, 1, 1, shoot_out(*penalties))
        assert bool(outlook(KNOCK_OUT, Strengths(1.3, 1.3), under_way).game) is speaks


@pytest.mark.parametrize(
    ("league", "period"),
    [("nfl", 4), ("ncaaf", 4), ("nba", 4), ("wnba", 4), ("mlb", 9), ("kbo", 9), ("nhl", 3)],
)
def test_level_when_time_is_up_goes_to_the_overtime_branch(league: str, period: int) -> None:
    rules = LEAGUES[league]
    over = batting("bottom", outs=3) if rules.sport == "baseball" else None
    level = Position(LIVE, period, 0.0, 2, 2, over)
    seen = outlook(rules, league_strengths(rules), level)

    decided = 1.0 - rules.overtime_draw
    home, away = decided * rules.overtime_home, decided * (1.0 - rules.overtime_home)
    ended = (home, away, rules.overtime_draw) if rules.overtime_draw else (home, away)
    assert seen.game == pytest.approx(ended, abs=3 * UNSETTLED)
    assert seen.regulation[2] > 0.99


def test_strengths_of_nine_innings_are_less_in_seven() -> None:
    mlb, nine = LEAGUES["mlb"], Strengths(4.5, 3.6)
    short = of_its_length(mlb, nine, Position(LIVE, 1, -1.0, 0, 0, batting("top", scheduled_innings=7)))

    assert short == pytest.approx((3.5, 2.8))
    for usual in (Position(SCHEDULED), Position(LIVE, 1, -1.0, 0, 0, batting("top"))):
        assert of_its_length(mlb, nine, usual) is nine


def test_who_can_end_level() -> None:
    entries = {
        name: len(outlook(league, league_strengths(league), Position(SCHEDULED)).game)
        for name, league in LEAGUES.items()
    }

    soccer = {name for name, league in LEAGUES.items() if league.sport == "soccer"}
    assert {"epl", "world-cup", "sim-epl"} <= soccer
    assert {name for name, count in entries.items() if count == 3} == soccer | {"nfl", "kbo", "sim-nfl"}

"""How games end by the closed forms: what is known of them, and what must hold in every state of play."""

import math
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline import data
from pipeline.data import League
from pipeline.models import NO_OUTLOOK, Position, Strengths, league_strengths, outlook
from pipeline.records import Baseball, GameStatus

LEAGUES = data.leagues()
LIVE, FINAL, SCHEDULED = GameStatus.LIVE, GameStatus.FINAL, GameStatus.SCHEDULED
ALL = tuple(LEAGUES.values())
CLOCKED = tuple(league for league in ALL if league.period_s)


def batting(half: str, outs: int = 0, scheduled_innings: int = 9) -> Baseball:
    return Baseball(half=half, outs=outs, bases=0, balls=0, strikes=0, scheduled_innings=scheduled_innings)


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
        if seen is not NO_OUTLOOK:
            assert math.fsum(chances) == pytest.approx(1.0, abs=1e-12)
            assert all(0.0 <= chance <= 1.0 for chance in chances)
    assert all(math.isfinite(value) for value in seen.parameters.values())


@given(games(CLOCKED))
def test_swapping_the_sides_mirrors_the_answer(game: Game) -> None:
    league, strengths, position = game.league, game.strengths, game.position
    swapped = outlook(
        League(**{**{name: getattr(league, name) for name in League.__struct_fields__},
                  "overtime_home": 1.0 - league.overtime_home}),
        Strengths(strengths.away, strengths.home),
        position._replace(home_score=position.away_score, away_score=position.home_score),
    )  # fmt: skip
    seen = outlook(league, strengths, position)

    for chances, mirrored in ((seen.game, swapped.game), (seen.regulation, swapped.regulation)):
        if chances:
            assert (chances[1], chances[0], *chances[2:]) == pytest.approx(mirrored, abs=1e-9)


@given(games())
def test_another_point_never_makes_winning_less_likely(game: Game) -> None:
    behind = outlook(game.league, game.strengths, game.position)
    ahead = outlook(
        game.league,
        game.strengths,
        game.position._replace(home_score=game.position.home_score + 1),
    )

    for few, more in ((behind.game, ahead.game), (behind.regulation, ahead.regulation)):
        if few:
            assert more[0] >= few[0] - 1e-12
            assert more[1] <= few[1] + 1e-12


@given(games())
def test_a_final_game_has_ended_in_exactly_one_way(game: Game) -> None:
    position = game.position._replace(status=FINAL)
    seen = outlook(game.league, game.strengths, position)
    winner = 2 if position.lead == 0 else int(position.lead < 0)

    assert [place for place, chance in enumerate(seen.game) if chance == 1.0] == [winner]
    assert sum(seen.game) == 1.0
    assert sorted(seen.regulation) == [0.0, 0.0, 1.0]


@given(games())
def test_a_game_that_is_not_final_is_never_certain(game: Game) -> None:
    seen = outlook(game.league, game.strengths, game.position._replace(status=LIVE))

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


def test_who_can_end_level() -> None:
    entries = {
        name: len(outlook(league, league_strengths(league), Position(SCHEDULED)).game)
        for name, league in LEAGUES.items()
    }

    soccer = {name for name, league in LEAGUES.items() if league.sport == "soccer"}
    assert {"epl", "world-cup", "sim-epl"} <= soccer
    assert {name for name, count in entries.items() if count == 3} == soccer | {"nfl", "kbo", "sim-nfl"}

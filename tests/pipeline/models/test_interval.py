"""The interval around each probability: what it holds, what widens it, where it is exact."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline import data
from pipeline.models import Outlook, Position, boosted, judged, league_strengths, outlook
from pipeline.models.interval import LEAGUE_ERROR, interval, prior_error, share_left
from pipeline.records import Baseball, GameStatus
from tests.pipeline.models.make import moment, snap
from tests.pipeline.models.make import swapped as swapped_teams

LEAGUES = data.leagues()
LIVE, FINAL = GameStatus.LIVE, GameStatus.FINAL
chances = st.floats(0.0005, 0.999)


def three_way(home: float, away: float) -> Outlook:
    rest = 1.0 - home
    return Outlook("blend", (home, rest * away, rest * (1.0 - away)), (), {})


def two_way(home: float) -> Outlook:
    return Outlook("blend", (home, 1.0 - home), (), {})


def swapped(given_one: Outlook) -> Outlook:
    home, away, *drawn = given_one.game
    return given_one._replace(game=(away, home, *drawn))


def width(prior: str, position: Position, *voices: float, league: str = "nba") -> float:
    low, high = interval(LEAGUES[league], position, prior, two_way(0.6), [two_way(one) for one in voices])
    return high[0] - low[0]


@given(
    chances, chances, st.lists(st.tuples(chances, chances), max_size=4), st.sampled_from(sorted(LEAGUES)),
    st.sampled_from(["closing", "ratings", "league"]), st.integers(0, 6), st.floats(-1.0, 3_000.0),
)  # fmt: skip
def test_an_interval_holds_its_probability_inside_of_certainty(
    home: float, away: float, voices: list[tuple[float, float]], league: str, prior: str, period: int,
    clock_s: float,
) -> None:  # fmt: skip
    answer, opinions = three_way(home, away), [three_way(*voice) for voice in voices]
    low, high = interval(LEAGUES[league], Position(LIVE, period, clock_s), prior, answer, opinions)

    for below, chance, above in zip(low, answer.game, high, strict=True):
        assert 0.0 <= below < chance < above <= 1.0


@given(chances, chances, st.lists(st.tuples(chances, chances), max_size=4))
def test_the_interval_of_the_swapped_teams_is_the_swapped_interval(
    home: float, away: float, voices: list[tuple[float, float]]
) -> None:
    answer, opinions = three_way(home, away), [three_way(*voice) for voice in voices]
    position = Position(LIVE, 2, 600.0, 1, 0)
    mirror = position._replace(home_score=0, away_score=1)
    given_ends = interval(LEAGUES["epl"], position, "closing", answer, opinions)
    ends = interval(LEAGUES["epl"], mirror, "closing", swapped(answer), [swapped(one) for one in opinions])

    for one, other in zip(given_ends, ends, strict=True):
        assert (other[1], other[0], other[2]) == pytest.approx(one, abs=1e-12)


@given(chances, st.lists(chances, max_size=4))
def test_of_two_outcomes_the_ends_are_each_others_rest(home: float, voices: list[float]) -> None:
    low, high = interval(
        LEAGUES["nba"], Position(LIVE, 2, 600.0), "closing", two_way(home), [two_way(one) for one in voices]
    )

    assert low[0] + high[1] == pytest.approx(1.0, abs=1e-9)


@pytest.mark.parametrize("league", sorted(LEAGUES))
def test_a_game_that_is_over_leaves_no_doubt(league: str) -> None:
    over = Position(FINAL, LEAGUES[league].periods, 0.0, 3, 2)
    answer = outlook(LEAGUES[league], league_strengths(LEAGUES[league]), over)

    assert interval(LEAGUES[league], over, "league", answer, ()) == (answer.game, answer.game)


def test_voices_that_are_apart_widen_it() -> None:
    position = Position(LIVE, 2, 600.0)

    assert width("closing", position, 0.4, 0.8) > 2.0 * width("closing", position, 0.6, 0.6)
    assert width("closing", position, 0.6, 0.6) == pytest.approx(width("closing", position))


def test_the_less_is_known_of_the_sides_the_wider_and_the_less_is_left_the_narrower() -> None:
    start, end = Position(GameStatus.SCHEDULED), Position(LIVE, 4, 1.0)

    assert width("league", start) > width("ratings", start) > width("closing", start)
    assert width("league", end) == pytest.approx(width("closing", end), rel=0.05)
    assert width("closing", end) > 0.05


def test_its_width_is_that_of_the_stated_errors() -> None:
    low, high = interval(LEAGUES["nba"], Position(GameStatus.SCHEDULED), "closing", two_way(0.5), ())
    half = math.log(high[0] / (1.0 - high[0]))

    assert half == pytest.approx(1.6449 * math.hypot(0.10, 0.15), abs=1e-9)
    assert low[0] == pytest.approx(1.0 - high[0])


def test_no_model_has_no_interval() -> None:
    nothing = Outlook("none", (), (), {})

    assert interval(LEAGUES["nba"], Position(GameStatus.CANCELLED), "league", nothing, ()) == ((), ())


def test_every_sport_says_how_little_its_average_knows() -> None:
    assert set(LEAGUE_ERROR) == {league.sport for league in LEAGUES.values()}
    assert all(prior_error(sport, "league") > prior_error(sport, "closing") for sport in LEAGUE_ERROR)


@pytest.mark.parametrize(
    ("league", "position", "share"),
    [
        ("nfl", Position(GameStatus.SCHEDULED), 1.0),
        ("nfl", Position(LIVE, 3, 900.0), 0.5),
        ("nfl", Position(LIVE, 5, 600.0), 600.0 / 3_600.0),
        ("nfl", Position(FINAL, 4, 300.0), 0.0),
        (
            "mlb",
            Position(
                LIVE,
                5,
                -1.0,
                0,
                0,
                Baseball(half="top", outs=0, bases=0, balls=0, strikes=0, scheduled_innings=9),
            ),
            5.0 / 9.0,
        ),
        ("epl", Position(LIVE, 2, 0.0), 180.0 / 5_580.0),
    ],
    ids=["scheduled", "half-time", "overtime", "final", "fifth inning", "added time"],
)
def test_the_share_that_is_left(league: str, position: Position, share: float) -> None:
    assert share_left(LEAGUES[league], position) == pytest.approx(share)


@given(
    st.sampled_from(["home", "away"]), st.integers(0, 4), st.integers(1, 99), st.integers(0, 30),
    st.integers(0, 30), st.floats(-12.0, 12.0), st.floats(0.0, 900.0), st.integers(1, 5),
)  # fmt: skip
def test_the_shipped_models_interval_is_mirrored_with_the_teams(
    side: str, down: int, yards: int, home: int, away: int, margin: float, clock_s: float, period: int
) -> None:
    given_one = moment(
        period=period, clock_s=clock_s, score=(home, away), situation=snap(side, down, 10, yards),
        margin=margin,
    )  # fmt: skip
    ends = []
    for seen in (given_one, swapped_teams(given_one)):
        answer, opinions = judged(seen, boosted.in_use().by_league["nfl"])
        ends.append(interval(seen.league, seen.position, "closing", answer, opinions))

    for one, other in zip(*ends, strict=True):
        assert (other[1], other[0], other[2]) == pytest.approx(one, abs=1e-9)

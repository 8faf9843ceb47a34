"""With the teams swapped, and what being at home is worth, every answer is mirrored, in every sport."""

from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline import data
from pipeline.data import League
from pipeline.models import Context, Judgement, Position, Seen, Strengths, boosted, judged, league_strengths
from pipeline.models import seen as seen_by_models
from pipeline.models.features import Feature, mirrored, vector
from pipeline.models.features.baseball import SHEET as BASEBALL
from pipeline.models.interval import interval
from pipeline.models.next_score import next_score
from pipeline.records import AmericanFootball, Basketball, GameStatus, Hockey, Soccer
from tests.pipeline.models.make import swapped
from tests.pipeline.models.test_baseball import moments as half_innings

LEAGUES = data.leagues()
GROUP, KNOCK_OUT = (data.league_on("world-cup", date(2026, *day)) for day in ((6, 11), (7, 5)))
SIDES = st.sampled_from(["home", "away", ""])
FEW = st.integers(0, 3)
SITUATIONS: dict[str, st.SearchStrategy[Any]] = {
    "american-football": st.builds(
        AmericanFootball, possession=SIDES, down=st.integers(0, 4), distance_yd=st.integers(0, 40),
        yards_to_goal=st.integers(0, 99), home_timeouts=FEW, away_timeouts=FEW,
    ),
    "basketball": st.builds(
        Basketball, possession=SIDES, home_fouls=st.integers(0, 12), away_fouls=st.integers(0, 12)
    ),
    "hockey": st.builds(Hockey, home_skaters=st.integers(3, 6), away_skaters=st.integers(3, 6)),
    "soccer": st.builds(
        Soccer, home_reds=FEW, away_reds=FEW, home_penalties=FEW, away_penalties=FEW
    ),
}  # fmt: skip
#: Without a half-inning baseball says nothing of who bats last.
SITUATIONS["baseball"] = st.none()
MIRRORED = [*LEAGUES.values(), GROUP, KNOCK_OUT]


@st.composite
def moments(draw: st.DrawFn) -> Seen:
    """Any moment of a game of any league, also such as never come."""
    league = draw(st.sampled_from(MIRRORED))
    stated, remembered = (draw(st.one_of(st.none(), SITUATIONS[league.sport])) for _ in range(2))
    context = Context(situation=stated or remembered, opening=draw(SIDES))
    status, period = draw(st.sampled_from(list(GameStatus))), draw(st.integers(0, league.periods + 3))
    clock_s = draw(st.one_of(st.just(-1.0), st.just(0.0), st.floats(0.0, max(league.period_s, 60.0))))
    score = st.integers(0, 60 if league.model == "brownian-margin" else 9)
    position = Position(status, period, clock_s, draw(score), draw(score), stated)
    return seen_by_models(league, strengths(draw, league, 0.5), position, context)


@st.composite
def boosted_moments(draw: st.DrawFn) -> Seen:
    """Any moment at which boosters speak: of a game as they are played."""
    league = draw(st.sampled_from([LEAGUES["nfl"], LEAGUES["nba"]]))
    ball = draw(SITUATIONS[league.sport].filter(lambda one: one.possession != ""))
    context = Context(situation=ball, opening=draw(SIDES))
    status, period = draw(st.sampled_from([GameStatus.LIVE, GameStatus.SUSPENDED])), draw(st.integers(1, 4))
    nba = st.integers(12 * (period - 1), 10 + 28 * period)
    score = nba if league.sport == "basketball" else st.integers(0, 60)
    position = Position(status, period, draw(st.floats(0.1, league.period_s)), draw(score), draw(score), ball)
    return seen_by_models(league, strengths(draw, league, 0.1), position, context)


def strengths(draw: st.DrawFn, league: League, apart: float) -> Strengths:
    """Of sides that are usual up to a share."""
    usual, part = league_strengths(league), st.floats(1.0 - apart, 1.0 + apart)
    return Strengths(usual.home * draw(part), usual.away * draw(part))


def answer(given_one: Seen) -> Judgement:
    return judged(given_one, boosted.in_use().by_league.get(given_one.league.league))


def image_of(chances: tuple[float, ...]) -> tuple[float, ...]:
    return (chances[1], chances[0], *chances[2:]) if chances else ()


@given(boosted_moments())
def test_whoever_is_called_home_boosters_give_each_side_the_same_chances(given_one: Seen) -> None:
    assert len(answer(given_one).opinions) == 4
    each_side_has_the_same_chances(given_one)


@given(moments())
def test_whoever_is_called_home_each_side_has_the_same_chances(given_one: Seen) -> None:
    each_side_has_the_same_chances(given_one)


def each_side_has_the_same_chances(given_one: Seen) -> None:
    one, other = answer(given_one), answer(swapped(given_one))

    for here, there in zip((one.outlook, *one.opinions), (other.outlook, *other.opinions), strict=True):
        assert here.model == there.model
        assert image_of(here.game) == pytest.approx(there.game, abs=1e-9)
        assert image_of(here.regulation) == pytest.approx(there.regulation, abs=1e-9)


@given(st.one_of(moments(), boosted_moments()))
def test_what_prices_lines_is_mirrored(given_one: Seen) -> None:
    here, there = (answer(each).outlook.parameters for each in (given_one, swapped(given_one)))

    image = {
        "home_rate": there.get("away_rate"),
        "away_rate": there.get("home_rate"),
        "margin_mean": -there.get("margin_mean", 0.0),
        "overtime_home": 1.0 - there.get("overtime_home", 0.5),
    }
    assert here == {name: pytest.approx(image.get(name, value), abs=1e-6) for name, value in there.items()}


@given(st.one_of(moments(), boosted_moments()), st.sampled_from(["closing", "ratings", "league"]))
def test_how_sure_it_is_and_who_scores_next_are_mirrored(given_one: Seen, prior: str) -> None:
    ends, nexts = [], []
    for each in (given_one, swapped(given_one)):
        said = answer(each)
        ends.append(interval(each.league, each.position, prior, said.outlook, said.opinions))
        ball = each.position.situation or each.context.situation
        nexts.append(next_score(each.league, each.strengths, each.position, ball, said.outlook))

    for here, there in zip(*ends, strict=True):
        assert image_of(here) == pytest.approx(there, abs=1e-9)
    if given_one.league.sport != "baseball":  # home bats last
        assert image_of(nexts[0]) == pytest.approx(nexts[1], abs=1e-9)


MODEL = boosted.load(boosted.SHIPPED / "baseball")
#: The model of baseball over features that are at hand: no state of play says that home bats first.
AT_HAND = MODEL._replace(
    sheet=BASEBALL._replace(
        features=tuple(
            Feature(*one[:5], value=lambda values, place=place: values[place])  # type: ignore[misc]
            for place, one in enumerate(BASEBALL.features)
        ),
        view=lambda given_one: given_one.context,
        serves=lambda _: True,
        anchor=lambda values: (values[0] / 2.0, -values[0] / 2.0),
    )
)


@given(half_innings())
def test_a_game_of_baseball_whose_home_side_bats_first_is_the_mirror_image(given_one: Any) -> None:
    values = vector(BASEBALL, BASEBALL.view(given_one))
    closed = given_one.closed

    here = given_one._replace(context=values)
    there = given_one._replace(
        context=mirrored(BASEBALL, values), closed=closed._replace(game=image_of(closed.game))
    )
    plain, one, other = (
        boosted.word(model, each) for model, each in ((MODEL, given_one), (AT_HAND, here), (AT_HAND, there))
    )

    assert plain is not None
    assert one is not None
    assert other is not None
    assert plain.blend == one.blend
    assert image_of(one.blend) == pytest.approx(other.blend, abs=1e-9)
    for voice, chances in one.voices.items():
        assert image_of(chances) == pytest.approx(other.voices[voice], abs=1e-9)

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.records import (
    AmericanFootball,
    Baseball,
    Basketball,
    Depth,
    Hockey,
    Line,
    Situation,
    Soccer,
)
from producers.live.sides import turned
from tests.make_records import example

SITUATIONS: list[tuple[Situation, Situation]] = [
    (
        AmericanFootball(
            possession="home", down=1, distance_yd=10, yards_to_goal=70, home_timeouts=3, away_timeouts=1
        ),
        AmericanFootball(
            possession="away", down=1, distance_yd=10, yards_to_goal=70, home_timeouts=1, away_timeouts=3
        ),
    ),
    (
        Basketball(possession="", home_fouls=2, away_fouls=5),
        Basketball(possession="", home_fouls=5, away_fouls=2),
    ),
    (
        Baseball(half="top", outs=1, bases=5, balls=3, strikes=2, scheduled_innings=9),
        Baseball(half="bottom", outs=1, bases=5, balls=3, strikes=2, scheduled_innings=9),
    ),
    (
        Soccer(home_reds=0, away_reds=1, home_penalties=4, away_penalties=2),
        Soccer(home_reds=1, away_reds=0, home_penalties=2, away_penalties=4),
    ),
    (Hockey(home_skaters=5, away_skaters=4), Hockey(home_skaters=4, away_skaters=5)),
]


@pytest.mark.parametrize(("before", "after"), SITUATIONS, ids=lambda one: type(one).__name__)
def test_score_and_situation_are_told_the_other_way_round(before: Situation, after: Situation) -> None:
    event = example("games.events", home_score=3, away_score=7, situation=before)

    found = turned(event)

    assert (found.home_score, found.away_score, found.situation) == (7, 3, after)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        pytest.param(("h2h", 0.0, (1.5, 2.6)), ("h2h", 0.0, (2.6, 1.5)), id="h2h"),
        pytest.param(
            ("h2h_3way", 0.0, (1.5, 5.0, 4.0)), ("h2h_3way", 0.0, (5.0, 1.5, 4.0)), id="a draw stays"
        ),
        pytest.param(("spread", -3.5, (1.9, 2.0)), ("spread", 3.5, (2.0, 1.9)), id="spread"),
        pytest.param(("total", 47.5, (1.9, 2.0)), ("total", 47.5, (1.9, 2.0)), id="total"),
        pytest.param(("btts", 0.0, (1.9, 2.0)), ("btts", 0.0, (1.9, 2.0)), id="btts"),
    ],
)
def test_prices_and_lines_are_told_the_other_way_round(
    before: tuple[str, float, tuple[float, ...]], after: tuple[str, float, tuple[float, ...]]
) -> None:
    market, line, prices = before
    shown = Line(book="pinnacle", market=market, line=line, prices=prices)

    (found,) = turned(example("odds.snapshots", lines=(shown,), depth=())).lines

    assert (found.market, found.line, found.prices) == after


def test_sizes_go_with_their_prices() -> None:
    shown = Depth(book="betfair", market="h2h", lay_prices=(1.5, 2.9), back_sizes=(1, 2), lay_sizes=(3, 4))

    (found,) = turned(example("odds.snapshots", depth=(shown,))).depth

    assert (found.lay_prices, found.back_sizes, found.lay_sizes) == ((2.9, 1.5), (2, 1), (4, 3))


@given(st.sampled_from(["odds.snapshots", "games.events"]), st.sampled_from([one for one, _ in SITUATIONS]))
def test_turned_twice_is_as_it_was(topic: str, situation: Situation) -> None:
    record = example(topic)
    if topic == "games.events":
        record = example(topic, situation=situation)

    assert turned(turned(record)) == record

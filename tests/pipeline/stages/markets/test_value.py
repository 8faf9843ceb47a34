"""Value bets: against the other desks, and in play against the game model."""

from typing import Any

import pytest

from pipeline.records import Change, GameProbabilities, GameStatus, Line, ValueBet
from pipeline.settings import Rules
from pipeline.stages.markets import MARKETS
from pipeline.stages.markets.game import game_of
from pipeline.stages.markets.value import model_chances
from tests.make import Followed, at, game, quote, snapshot

EVEN = [quote(book, 1.91, 1.91) for book in ("a", "b", "c")]


def found(*lines: Line, **rules: Any) -> tuple[ValueBet, ...]:
    event = Followed(MARKETS, Rules(**rules))
    event(snapshot(*lines))
    return event.last["bets.value"].bets if "bets.value" in event.last else ()


def test_a_price_above_what_three_other_desks_agree_on_is_value() -> None:
    (bet,) = found(*EVEN, quote("d", 2.1, 1.75))

    assert (bet.basis, bet.book, bet.outcome, bet.price) == ("consensus", "d", 0, 2.1)
    assert bet.probability == pytest.approx(0.5)
    assert bet.expected_value == pytest.approx(0.05)
    assert bet.edge == pytest.approx(0.5 - 1 / 2.1)
    assert bet.stake_share == pytest.approx(0.25 * 0.05 / 1.1)


def test_the_whole_desk_is_left_out_when_one_of_its_brands_is_judged() -> None:
    brands = [quote(book, 2.1, 1.75) for book in ("sim-copperline", "sim-copperline-extra")]

    bets = found(*EVEN, *brands)

    assert {bet.book for bet in bets} == {"sim-copperline", "sim-copperline-extra"}
    assert all(bet.probability == pytest.approx(0.5) for bet in bets)


@pytest.mark.parametrize(
    "lines",
    [
        pytest.param([*EVEN[:2], quote("d", 2.1, 1.75)], id="two other desks"),
        pytest.param([*EVEN, quote("d", 2.02, 1.8)], id="too little"),
        pytest.param([*EVEN, quote("d", 2.6, 1.5)], id="too good to be true"),
    ],
)
def test_no_value(lines: list[Line]) -> None:
    assert found(*lines) == ()


def test_the_stake_is_capped() -> None:
    (bet,) = found(*EVEN, quote("d", 2.4, 1.6), maximum_stake_share=0.01)

    assert bet.stake_share == 0.01


def live(seconds: float, **fields: Any) -> GameProbabilities:
    given: dict[str, Any] = {
        "status": GameStatus.LIVE,
        "started_at_ms": at(-600),
        "model": "brownian-margin",
        "game": (0.6, 0.4),
        "regulation": (0.58, 0.37, 0.05),
        "parameters": {"margin_mean": 3.5, "margin_sd": 8.0, "total_mean": 45.0, "total_sd": 9.0},
    }
    return game(seconds, **given | fields)


#: A little above what the other desks say, even.
CLOSE = {"game": (0.515, 0.485)}
#: Nothing is worth as much by the other desks.
MODEL_ALONE = Rules(minimum_expected_value=0.2)


def test_in_play_a_price_is_judged_by_the_game_model_too() -> None:
    event = Followed(MARKETS, MODEL_ALONE)

    event(live(-10, **CLOSE), snapshot(*EVEN, quote("d", 2.06, 1.85)))

    (bet,) = event.last["bets.value"].bets
    assert (bet.basis, bet.outcome, bet.probability) == ("model", 0, 0.515)
    assert bet.expected_value == pytest.approx(2.06 * 0.515 - 1)


@pytest.mark.parametrize(
    "quotes",
    [
        pytest.param((*EVEN, quote("d", 2.06, 1.85)), id="it is far from what the market thinks"),
        pytest.param((quote("d", 1.91, 1.91),), id="there is no market to hold it against"),
    ],
)
def test_a_model_that_may_have_lost_its_way_speaks_for_no_bet(quotes: tuple[Line, ...]) -> None:
    event = Followed(MARKETS, MODEL_ALONE)

    event(live(-10), snapshot(*quotes))

    assert "bets.value" not in event.last


def test_both_bases_are_published_apart() -> None:
    event = Followed(MARKETS)

    event(live(-10, **CLOSE), snapshot(*EVEN, quote("d", 2.1, 1.8)))

    bets = [bet for bet in event.last["bets.value"].bets if bet.book == "d"]
    assert sorted(bet.basis for bet in bets) == ["consensus", "model"]
    assert len({bet.id for bet in bets}) == 2


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        pytest.param({"contested": True}, "contested", id="sources disagree on the score"),
        pytest.param({"suspended": True}, "suspended", id="the game is suspended"),
        pytest.param({"game": (0.5, 0.5)}, "price", id="the model thinks otherwise"),
    ],
)
def test_a_bet_by_the_model_ends_with_a_reason(fields: dict[str, Any], reason: str) -> None:
    event = Followed(MARKETS, MODEL_ALONE)
    event(live(-10, **CLOSE), snapshot(*EVEN, quote("d", 2.06, 1.85)))
    (bet,) = event.last["bets.value"].bets

    event(live(5, **CLOSE | fields))

    assert event.last["bets.value"].changes == (Change(id=bet.id, change="withdrawn", reason=reason),)


def test_before_the_start_the_model_judges_nothing() -> None:
    event = Followed(MARKETS, MODEL_ALONE)

    before = live(-10, **CLOSE, status=GameStatus.SCHEDULED, started_at_ms=0)
    event(before, snapshot(*EVEN, quote("d", 2.06, 1.85)))

    assert "bets.value" not in event.last


@pytest.mark.parametrize(
    ("fields", "key", "expected"),
    [
        pytest.param({}, ("h2h", "game", 0.0), [0.6, 0.4], id="winner"),
        pytest.param({"game": (0.5, 0.4, 0.1)}, ("h2h", "game", 0.0), [0.5, 0.4], id="winner, a tie refunds"),
        pytest.param({}, ("h2h_3way", "regulation", 0.0), [0.58, 0.37, 0.05], id="three-way"),
        pytest.param({}, ("h2h", "regulation", 0.0), [], id="another scope"),
        pytest.param({}, ("spread", "game", -3.5), [0.5, 0.5], id="spread at the mean"),
        pytest.param({}, ("total", "game", 45.5), [0.47785, 0.52215], id="total"),
        pytest.param({}, ("btts", "game", 0.0), [], id="a market that it does not price"),
        pytest.param(
            {"model": "poisson-goals", "parameters": {"home_rate": 1.6, "away_rate": 1.1}, "home_score": 1},
            ("total", "regulation", 3.5),
            [0.5064, 0.4936],
            id="goals to come on top of the score",
        ),
        pytest.param(
            {"model": "poisson-goals", "parameters": {"home_rate": 0.0, "away_rate": 0.0}, "away_score": 2},
            ("spread", "regulation", 1.5),
            [0.0, 1.0],
            id="nothing to come",
        ),
        pytest.param(
            {"model": "poisson-goals", "parameters": {"home_rate": 1.6, "away_rate": 1.1}},
            ("total", "game", 3.5),
            [],
            id="goals of overtime are not in the rates",
        ),
        pytest.param(
            {
                "model": "poisson-goals",
                "regulation": (0.0, 0.0, 1.0),
                "parameters": {"home_rate": 0.4, "away_rate": 0.3},
            },
            ("total", "regulation", 3.5),
            [],
            id="regulation is over and overtime is played",
        ),
    ],
)
def test_what_the_model_gives_each_outcome(
    fields: dict[str, Any], key: tuple[str, str, float], expected: list[float]
) -> None:
    chances = model_chances(game_of(live(0, **fields)), key)

    assert [each.win for each in chances] == pytest.approx(expected, abs=1e-4)


def test_a_bet_whose_fair_price_moves_is_changed_and_stays_open() -> None:
    event = Followed(MARKETS)
    event(snapshot(*EVEN, quote("d", 2.1, 1.75)))
    (bet,) = event.last["bets.value"].bets

    event(snapshot(*[quote(book, 1.90, 1.92) for book in ("a", "b", "c")], quote("d", 2.1, 1.75), seconds=10))

    assert event.last["bets.value"].changes == (Change(id=bet.id, change="changed"),)
    assert event.last["bets.value"].bets[0].opened_at_ms == at(0)

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.calculator import CALCULATORS, calculate
from pipeline.calculator.arbitrage import Lay
from pipeline.calculator.middles import MiddleLeg
from pipeline.calculator.rules import RuledLeg
from pipeline.domain.devig import METHODS
from pipeline.errors import UsageError


def ask(what: str, **question: Any) -> Any:
    return calculate(what, msgspec.json.encode(question))


def test_two_prices_are_split_so_that_each_outcome_brings_the_same() -> None:
    answer = ask("arbitrage", prices=[2.15, 2.05], total_minor=100_000, unit_minor=1)

    assert answer.booksum == pytest.approx(0.952921, abs=5e-7)
    assert answer.roi == pytest.approx(0.049405, abs=5e-7)
    assert [stake / 100 for stake in answer.stakes_minor] == pytest.approx([488.095, 511.905], abs=0.01)
    assert answer.worst_profit_minor == min(answer.profits_minor) == pytest.approx(4_940, abs=1)
    assert answer.is_arbitrage


@pytest.mark.parametrize(("unit_minor", "worst_minor"), [(100, 4_920), (1_000, 4_550), (2_500, 2_500)])
def test_what_is_told_is_the_worst_outcome_after_rounding(unit_minor: int, worst_minor: int) -> None:
    answer = ask("arbitrage", prices=[2.15, 2.05], unit_minor=unit_minor)

    assert answer.worst_profit_minor == worst_minor
    assert all(stake % unit_minor == 0 for stake in answer.stakes_minor)


@pytest.mark.parametrize("prices", [[3.50, 3.40, 2.30], [1.90, 1.80], [2.0, 2.0]])
def test_no_arbitrage_is_told_as_the_least_loss(prices: list[float]) -> None:
    answer = ask("arbitrage", prices=prices)

    assert answer.is_arbitrage is False
    assert answer.worst_profit_minor <= 0
    assert answer.outlay_minor == 100_000
    assert answer.hold == pytest.approx(-answer.roi)


def test_an_arbitrage_has_no_hold() -> None:
    assert ask("arbitrage", prices=[2.15, 2.05]).hold is None
    assert ask("arbitrage", prices=[2.0, 1.98]).hold == pytest.approx(0.005025, abs=5e-7)


@pytest.mark.parametrize(
    ("lay", "laid", "profit"), [(1.98, 108.808, 3.3679), (2.06, None, -0.7463)], ids=["gain", "loss"]
)
def test_a_back_is_locked_in_by_a_lay(lay: float, laid: float | None, profit: float) -> None:
    answer = ask("arbitrage", prices=[2.10], lay={"price": lay, "commission": 0.05}, total_minor=1_000_000)

    assert answer.stakes_minor[0] == 1_000_000
    if laid is not None:
        assert answer.stakes_minor[1] == pytest.approx(laid * 10_000, abs=10)
    assert [each / 10_000 for each in answer.profits_minor] == pytest.approx([profit, profit], abs=5e-4)
    assert answer.is_arbitrage == (profit > 0)
    assert answer.outlay_minor == pytest.approx(1_000_000 + answer.stakes_minor[1] * (lay - 1.0), abs=1)


def test_commission_is_taken_from_what_a_leg_wins() -> None:
    answer = ask("arbitrage", prices=[2.1, 2.1], commissions=[0.05, 0.0])

    assert answer.net_prices == pytest.approx((2.045, 2.1))
    without = ask("arbitrage", prices=[2.1, 2.1])
    assert answer.worst_profit_minor < without.worst_profit_minor


def test_a_market_is_devigged_by_all_methods_and_the_spread_told() -> None:
    answer = ask("devig", prices=[1.33, 3.40])

    assert set(answer.methods) == set(METHODS) - {"logarithmic"}
    assert answer.methods["power"].probabilities == pytest.approx((0.73429, 0.26571), abs=5e-6)
    assert answer.methods["power"].prices == pytest.approx((1 / 0.73429, 1 / 0.26571), abs=5e-5)
    assert answer.spread[0] == pytest.approx(0.73429 - 0.71882, abs=1e-5)
    assert answer.overround == pytest.approx(0.0460, abs=5e-5)
    assert answer.hold == pytest.approx(1.0 - 1.0 / 1.0460, abs=5e-5)


def test_a_method_that_cannot_do_a_market_is_named_with_its_reason() -> None:
    answer = ask("devig", prices=[1.04, 13, 151.0])

    assert list(answer.refused) == ["additive"]
    assert "outside (0, 1)" in answer.refused["additive"]
    assert "additive" not in answer.methods
    with pytest.raises(UsageError, match=r"^method: the additive method"):
        ask("devig", prices=[1.04, 13, 151.0], method="additive")


@pytest.mark.parametrize("method", METHODS)
def test_one_method_is_told_under_the_name_it_was_asked_by(method: str) -> None:
    answer = ask("devig", prices=[2.70, 2.30, 4.40], method=method)

    assert list(answer.methods) == [method]
    assert answer.methods[method].probabilities == METHODS[method]([2.70, 2.30, 4.40])
    assert answer.spread == (0.0, 0.0, 0.0)


@pytest.mark.parametrize(
    ("question", "kelly", "expected_value"),
    [
        ({"price": 1.82, "win": 0.65}, 0.22317, 0.183),
        ({"price": 2.0, "win": 0.55}, 0.1, 0.1),
        ({"price": 1.95, "win": 0.48, "push": 0.10}, 0.042105, 0.036),
        ({"price": 1.82, "win": 0.5}, 0.0, -0.09),
    ],
)
def test_kelly_of_known_bets(question: dict[str, Any], kelly: float, expected_value: float) -> None:
    answer = ask("kelly", **question)

    assert answer.kelly == pytest.approx(kelly, abs=5e-6)
    assert answer.expected_value == pytest.approx(expected_value, abs=5e-5)
    assert answer.stake == pytest.approx(min(0.25 * answer.kelly, 0.05))
    assert ask("kelly", **question, multiplier=1, cap=1).stake == answer.kelly


def test_half_results_count_by_half() -> None:
    half = ask("kelly", price=2.0, win=0.4, half_win=0.2, half_lose=0.1)

    assert half.lose == pytest.approx(0.3)
    assert half.expected_value == pytest.approx(0.4 + 0.1 - 0.05 - 0.3)


def test_a_price_is_worth_what_a_fair_probability_says() -> None:
    answer = ask("value", price=1.82, probability=0.65)

    assert answer.edge == pytest.approx(0.10055, abs=5e-6)
    assert answer.expected_value == pytest.approx(0.183, abs=5e-5)
    assert answer.fair_price == pytest.approx(1 / 0.65)
    assert (answer.worst, answer.spread) == (None, None)


def test_against_a_market_the_worst_method_is_told_too() -> None:
    answer = ask("value", price="+280", market=[1.33, 3.40], outcome=1)

    assert answer.probability == pytest.approx(0.26571, abs=5e-6)
    assert answer.worst.method == "power"
    assert answer.worst.expected_value == answer.expected_value
    favourite = ask("value", price=1.40, market=[1.33, 3.40], method="shin")
    assert favourite.worst.method == "multiplicative"
    assert favourite.worst.expected_value < favourite.expected_value
    assert favourite.spread == pytest.approx(0.01547, abs=1e-5)


def test_a_price_is_shown_in_every_notation() -> None:
    answer = ask("convert", prices=["-110", "5/2", "EVEN", 3, 1.95])

    assert [each.american for each in answer.prices] == ["-110", "+250", "+100", "+200", "-105"]
    assert [each.fractional for each in answer.prices] == ["10/11", "5/2", "1/1", "2/1", "19/20"]
    assert [each.decimal for each in answer.prices] == [21 / 11, 3.5, 2.0, 3.0, 1.95]
    assert answer.prices[0].implied == pytest.approx(0.523810, abs=5e-7)


@pytest.mark.parametrize(
    ("what", "question"),
    [
        ("arbitrage", {"prices": ["11/10", "+105"], "unit_minor": 100}),
        ("arbitrage", {"prices": ["+110"], "lay": {"price": "99/101"}}),
        ("devig", {"prices": ["-110", "10/11"]}),
        ("kelly", {"price": "EVEN", "win": 0.55}),
        ("value", {"price": "+110", "market": ["-105", "-105"]}),
        ("convert", {"prices": ["pk"]}),
    ],
)
def test_an_answer_repeats_the_question_as_it_was_understood(what: str, question: dict[str, Any]) -> None:
    answer = ask(what, **question)
    # What was understood, asked again, is understood alike.
    again = calculate(what, msgspec.json.encode(answer.asked))

    assert again == answer
    assert all(isinstance(price, float) for price in getattr(answer.asked, "prices", ()))


@pytest.mark.parametrize(
    ("what", "question", "sentence"),
    [
        ("lottery", {}, "no calculator 'lottery'; there are arbitrage, middle"),
        ("devig", {}, "missing required field `prices`"),
        ("devig", {"prices": [2.0]}, "prices: Expected `array` of length >= 2"),
        ("devig", {"prices": [2.0] * 41}, "prices: Expected `array` of length <= 40"),
        ("devig", {"prices": [2.0, 1.0]}, "prices[1]: not a decimal price"),
        ("devig", {"prices": [2.0, 150]}, "prices[1]: '150' may be decimal or American"),
        ("devig", {"prices": [2.0, "two"]}, "prices[1]: not a price"),
        ("devig", {"prices": [2.0, "-50"]}, "prices[1]: American odds are"),
        ("devig", {"prices": [2.0, 2e6]}, "prices[1]: 2e+06 is longer than 1e+06"),
        ("devig", {"prices": [2.0, "9" * 21]}, "prices[1]: Expected `str` of length <= 20"),
        ("devig", {"prices": [2.0, None]}, "got `null`"),
        ("devig", {"prices": [2.0, True]}, "got `bool`"),
        (
            "devig",
            {"prices": [2.0, 2.0], "method": "best"},
            "method: no method 'best'; there are multiplicative",
        ),
        ("devig", {"prices": [2.1, 2.1], "method": "shin"}, "method: Shin's method is for"),
        ("devig", {"prices": [2.1, 2.1], "margin": 1}, "unknown field `margin`"),
        ("arbitrage", {"prices": [2.1]}, "prices: one alone covers no market"),
        ("arbitrage", {"prices": [2.1, 2000.0]}, "prices[1]: 2000 is longer than 1001"),
        ("arbitrage", {"prices": [1.2, 1.2, 1.2]}, "prices: they imply 2.50 in all"),
        ("arbitrage", {"prices": [2.1, 2.1], "commissions": [0.1]}, "commissions: 1 of them for 2 prices"),
        (
            "arbitrage",
            {"prices": [2.1, 2.1], "commissions": [0.1, 1.0]},
            "commissions[1]: Expected `float` < 1.0",
        ),
        ("arbitrage", {"prices": [2.1, 2.1], "total_minor": 0}, "total_minor: Expected `int` >= 1"),
        (
            "arbitrage",
            {"prices": [2.1, 2.1], "total_minor": 10**10},
            "total_minor: Expected `int` <= 1000000000",
        ),
        ("arbitrage", {"prices": [2.1, 2.1], "total_minor": 9.5}, "total_minor: Expected `int`"),
        (
            "arbitrage",
            {"prices": [2.1, 2.1], "total_minor": 10, "unit_minor": 11},
            "unit_minor: 11 is more than the total, 10",
        ),
        (
            "arbitrage",
            {"prices": [2.1, 2.1], "lay": {"price": 2.0}},
            "lay: it covers what one back leaves open",
        ),
        ("arbitrage", {"prices": [2.1], "lay": {"price": 1}}, "lay.price: not a decimal price"),
        (
            "arbitrage",
            {"prices": [2.1], "lay": {"price": 2, "fee": 1}},
            "lay: Object contains unknown field `fee`",
        ),
        ("kelly", {"price": 2.0, "win": 1.2}, "win: Expected `float` <= 1.0"),
        (
            "kelly",
            {"price": 2.0, "win": 0.8, "push": 0.3},
            "win: with push, half_win and half_lose the chances are",
        ),
        ("kelly", {"price": 2.0, "win": 0.8, "cap": 0}, "cap: Expected `float` > 0.0"),
        ("kelly", {"price": 2.0, "win": "0.8"}, "win: Expected `float`, got `str`"),
        ("value", {"price": 2.0}, "probability: give either it or a market"),
        (
            "value",
            {"price": 2.0, "probability": 0.5, "market": [2, 2]},
            "probability: give either it or a market",
        ),
        ("value", {"price": 2.0, "probability": 0.0}, "probability: Expected `float` > 0.0"),
        (
            "value",
            {"price": 2.0, "market": [1.9, 1.9], "outcome": 2},
            "outcome: the market has 2, counted from 0",
        ),
        ("value", {"price": 2.0, "market": [2.1, 2.1], "method": "shin"}, "market: Shin's method"),
        ("value", {"price": 2.0, "market": [2.1, 2.1], "method": "all"}, "method: no method 'all'"),
        ("convert", {"prices": []}, "prices: Expected `array` of length >= 1"),
        ("convert", {"prices": ["1,91"]}, "prices[0]: not a price"),
    ],
)
def test_what_cannot_be_computed_is_one_sentence_that_names_the_field(
    what: str, question: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(UsageError) as error:
        ask(what, **question)

    assert sentence in str(error.value)
    assert "\n" not in str(error.value)
    assert "`$" not in str(error.value)


@pytest.mark.parametrize(
    "body", [b"", b"[1", b"[]", b"null", b"{", b'{"prices": [NaN, 2]}', b'{"prices": ["\xff", 2]}']
)
def test_what_is_no_json_object_is_refused(body: bytes) -> None:
    with pytest.raises(UsageError):
        calculate("devig", body)


ODD_PRICES = st.one_of(
    st.floats(1.0, 2000.0).map(lambda price: round(price, 3)),
    st.integers(-1000, 1000).map(lambda american: f"{american:+d}"),
    st.tuples(st.integers(0, 1000), st.integers(0, 1000)).map(lambda parts: f"{parts[0]}/{parts[1]}"),
    st.floats(1.0, 1.001),
    st.floats(),
)
#: Where there is nothing to tell.
MAY_BE_NULL = {"worst", "spread", "hold", "obstacle"}
MAY_BE_NULL |= {"break_even_chance", "window_chance", "expected_profit_minor", "expected_value"}
SHARES = st.sampled_from([0.0, 1e-300, 0.05, 0.5, 0.999999999999, 1.0])
LINES = st.integers(-1204, 1204).map(lambda quarters: quarters / 4)
BY_LEG = st.lists(st.none() | st.integers(1, 10**9), max_size=3)
LEGS = st.one_of(
    [
        st.tuples(
            *[st.fixed_dictionaries({key: st.just(side), "price": ODD_PRICES, **more}) for side in sides]
        )
        for key, more in [("side", {"line": LINES}), ("outcome", {"commission": SHARES})]
        for sides in [("over", "under"), ("away", "home"), ("yes", "no"), ("home", "draw", "away")]
    ]
)
QUESTIONS = st.fixed_dictionaries(
    {},
    optional={
        "prices": st.lists(ODD_PRICES, max_size=6),
        "price": ODD_PRICES,
        "market": st.lists(ODD_PRICES, max_size=6) | st.sampled_from(["h2h_3way", "spread", "total", "btts"]),
        "legs": LEGS,
        "line": LINES,
        **dict.fromkeys(["least_minor", "most_minor", "filled_minor"], BY_LEG),
        **dict.fromkeys(["mean", "sd"], st.floats(-2_000.0, 2_000.0)),
        "lay": st.fixed_dictionaries({"price": ODD_PRICES}, optional={"commission": SHARES}),
        "commissions": st.lists(SHARES, max_size=3),
        "total_minor": st.integers(1, 10**9),
        "unit_minor": st.sampled_from([1, 100, 10**6, [1, 100], [10**6, 7, 1]]),
        "method": st.sampled_from(["all", *METHODS]),
        "outcome": st.integers(0, 3),
        **dict.fromkeys(["win", "push", "half_win", "half_lose", "multiplier", "cap", "probability"], SHARES),
    },
)


@given(what=st.sampled_from(list(CALCULATORS)), question=QUESTIONS)
def test_any_question_is_answered_with_finite_numbers_or_refused(what: str, question: dict[str, Any]) -> None:
    fields = CALCULATORS[what].question.__struct_fields__
    try:
        answer = ask(what, **{name: value for name, value in question.items() if name in fields})
    except UsageError:
        return
    # JSON has no other numbers, and null only where there is nothing to tell.
    told = msgspec.json.decode(msgspec.json.encode(answer))
    assert all(value is not None for name, value in told.items() if name not in MAY_BE_NULL)
    assert None not in list(told.get("net_prices", [])) + list(told.get("profits_minor", []))


def test_no_question_ignores_a_field_that_it_does_not_know() -> None:
    for question, _ in CALCULATORS.values():
        assert question.__struct_config__.forbid_unknown_fields
    for part in (Lay, MiddleLeg, RuledLeg):
        assert part.__struct_config__.forbid_unknown_fields

"""Legs with limits, legs on different lines, legs under different rules."""

import math
import sys
from types import FrameType
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.calculator import calculate
from pipeline.domain.arbitrage import payout
from pipeline.domain.settlement import over_line, profit
from pipeline.errors import UsageError

LONG = 10**9


def ask(what: str, **question: Any) -> Any:
    return calculate(what, msgspec.json.encode(question))


def over_and_under(over: float, under: float, *prices: float) -> list[dict[str, Any]]:
    return [
        {"side": "over", "line": over, "price": prices[0]},
        {"side": "under", "line": under, "price": prices[1]},
    ]


def test_a_leg_at_its_most_holds_the_other_down() -> None:
    answer = ask("arbitrage", prices=[2.15, 2.05], unit_minor=1_000, most_minor=[30_000, 50_000])

    assert answer.stakes_minor == (30_000, 31_000)
    assert answer.outlay_minor == 61_000
    assert answer.profits_minor == (64_500 - 61_000, 63_550 - 61_000)
    assert (answer.is_arbitrage, answer.obstacle) == (True, None)


def test_each_leg_has_a_unit_of_its_own() -> None:
    answer = ask("arbitrage", prices=[2.15, 2.05], unit_minor=[5_000, 7])

    assert answer.stakes_minor[0] % 5_000 == answer.stakes_minor[1] % 7 == 0
    assert answer.is_arbitrage


def test_without_a_limit_that_binds_it_gains_what_it_gains_without_any() -> None:
    free = ask("arbitrage", prices=[2.15, 2.05])
    limited = ask("arbitrage", prices=[2.15, 2.05], most_minor=[None, 100_000])

    assert limited.worst_profit_minor >= free.worst_profit_minor


def test_what_is_on_offer_at_the_lay_limits_the_back() -> None:
    asked = {"prices": [2.10], "lay": {"price": 1.98, "commission": 0.05}, "total_minor": 10_000}

    answer = ask("arbitrage", **asked, most_minor=[None, 5_000])

    assert answer.stakes_minor == (4_596, 5_000)
    assert answer.outlay_minor == 4_596 + 4_900
    assert answer.worst_profit_minor == min(answer.profits_minor) == 154
    assert ask("arbitrage", **asked, most_minor=[10_000, None]).profits_minor == (336, 336)


@pytest.mark.parametrize(
    ("question", "obstacle"),
    [
        ({"prices": [1.9, 1.9], "most_minor": [500, 500]}, "the net prices imply 1.0526 in all"),
        ({"most_minor": [99, None], "unit_minor": 100}, "prices[0]: no multiple of its unit"),
        ({"most_minor": [None, 500], "least_minor": [None, 600]}, "prices[1]: no multiple of its unit"),
        ({"least_minor": [60_000, 60_000]}, "total_minor: what is filled and the least stakes"),
        ({"most_minor": [500, None], "least_minor": [None, 5_000]}, "prices[0]: at its most it pays no more"),
        ({"unit_minor": [300, 400], "most_minor": [600, 400]}, "no stakes in these units and limits"),
        ({"filled_minor": [110_000, None]}, "total_minor: what is filled"),
        (
            {"prices": [2.1], "lay": {"price": 1.98}, "least_minor": [None, 9], "most_minor": [None, 8]},
            "lay: no multiple of its unit",
        ),
        (
            {"prices": [2.1], "lay": {"price": 1.98}, "least_minor": [None, 900], "most_minor": [300, None]},
            "prices[0]: at its most it pays no more",
        ),
    ],
)
def test_what_the_limits_make_impossible_is_an_answer_that_says_why(
    question: dict[str, Any], obstacle: str
) -> None:
    answer = ask("arbitrage", **{"prices": [2.15, 2.05], **question})

    assert answer.obstacle.startswith(obstacle)
    assert not answer.is_arbitrage
    filled = question.get("filled_minor", [None, None])
    assert list(answer.stakes_minor) == [stake or 0 for stake in filled]


def test_once_a_leg_is_filled_the_price_at_which_the_other_saves_it_is_known() -> None:
    answer = ask("arbitrage", prices=[2.15, 2.05], filled_minor=[48_800, None])

    assert answer.break_even_prices == (None, pytest.approx(2.15 / 1.15))
    assert answer.stakes_minor[0] == 48_800
    assert answer.is_arbitrage
    at_that = ask("arbitrage", prices=[2.15, 1.86956], filled_minor=[48_800, None], total_minor=LONG)
    assert not at_that.is_arbitrage
    above = ask("arbitrage", prices=[2.15, 1.8705], filled_minor=[48_800, None], total_minor=LONG)
    assert above.is_arbitrage


def test_a_filled_leg_that_cannot_be_saved_is_told_as_what_it_risks() -> None:
    answer = ask("arbitrage", prices=[2.15, 1.80], filled_minor=[48_800, None])

    assert answer.profits_minor == (56_120, -48_800)
    assert answer.worst_profit_minor == -answer.outlay_minor == -48_800


def test_a_filled_back_is_saved_up_to_a_lay_price() -> None:
    answer = ask(
        "arbitrage", prices=[2.10], lay={"price": 1.98, "commission": 0.05}, filled_minor=[10_000, None]
    )

    assert answer.break_even_prices == (None, pytest.approx(2.045))
    assert answer.stakes_minor == (10_000, 10_881)


def test_between_the_lines_of_a_middle_both_win() -> None:
    answer = ask("middle", legs=over_and_under(44.5, 47.5, 1.95, 1.95))

    assert answer.window == (45, 46, 47)
    assert [(each.least, each.most, each.profit_minor) for each in answer.stretches] == [
        (None, 44, -2_500),
        (45, 47, 95_000),
        (48, None, -2_500),
    ]
    assert answer.stretches[0].results == ("lost", "won")
    assert answer.cost_minor == 2_500
    assert answer.break_even_chance == pytest.approx(0.05 / 1.95)
    assert (answer.window_chance, answer.expected_profit_minor, answer.expected_value) == (None, None, None)


def test_a_middle_on_a_margin_takes_the_handicaps_as_the_books_write_them() -> None:
    home, away = {"side": "home", "line": -3.0, "price": 1.95}, {"side": "away", "line": 6.5, "price": 1.91}

    answer = ask("middle", legs=[home, away])
    turned = ask("middle", legs=[away, home])

    assert answer.lines == turned.lines == (3.0, 6.5)
    assert [each.results for each in answer.stretches][1] == ("pushed", "won")
    assert [each.results for each in turned.stretches][1] == ("won", "pushed")
    assert answer.stakes_minor == turned.stakes_minor[::-1]
    assert [each.profit_minor for each in answer.stretches] == pytest.approx(
        [each.profit_minor for each in turned.stretches], abs=4
    )


@given(
    lower=st.integers(4, 200), width=st.integers(1, 40), mean=st.floats(0.0, 60.0), sd=st.floats(0.5, 20.0)
)
def test_the_expected_value_of_a_middle_is_that_of_its_numbers(
    lower: int, width: int, mean: float, sd: float
) -> None:
    lines = lower / 4, (lower + width) / 4
    answer = ask("middle", legs=over_and_under(*lines, 1.95, 2.02), mean=mean, sd=sd)

    def below(x: float) -> float:
        return 0.5 * math.erfc((mean - x) / (sd * math.sqrt(2.0)))

    expected = sum(
        (below(number + 0.5) - below(number - 0.5))
        * (
            answer.stakes_minor[0] * profit(over_line(number, lines[0]), 1.95)
            + answer.stakes_minor[1] * profit(over_line(-number, -lines[1]), 2.02)
        )
        for number in range(-200, 260)
    )
    assert answer.expected_profit_minor == pytest.approx(expected, abs=2.1)
    assert answer.expected_value == answer.expected_profit_minor / answer.outlay_minor


def test_an_empty_window_has_no_break_even_chance() -> None:
    answer = ask("middle", legs=over_and_under(3.0, 4.0, 2.1, 2.1), mean=3.5, sd=1.0)

    assert (answer.window, answer.break_even_chance, answer.window_chance) == ((), None, 0.0)
    assert answer.cost_minor < 0


def test_legs_under_the_same_rules_are_clean() -> None:
    legs = [{"outcome": side, "price": 2.05, "retirement": "full_match"} for side in ("away", "home")]

    answer = ask("rules", market="h2h", legs=legs)

    assert (answer.clean, answer.differences) == (True, ())
    assert answer.profits_minor == tuple([payout(2.05, 50_000) - 100_000] * 2)


def test_rules_that_differ_are_told_with_the_worst_first() -> None:
    home = {"outcome": "home", "price": 3.6, "overtime": True}
    draw = {"outcome": "draw", "price": 3.6, "overtime": False, "listed_pitcher": True}
    away = {"outcome": "away", "price": 2.4, "overtime": False, "resumed_within_hours": 48}

    answer = ask("rules", market="h2h_3way", legs=[home, draw, away])

    assert {way.rule for way in answer.differences} == {"overtime", "listed_pitcher", "resumed_within_hours"}
    worst = [way.worst_profit_minor for way in answer.differences]
    assert worst == sorted(worst)
    # The bet on a draw is called off, and away does not win.
    called_off = next(way for way in answer.differences if way.rule == "listed_pitcher")
    assert called_off.worst_profit_minor == min(
        answer.profits_minor[0] + answer.stakes_minor[1],
        answer.profits_minor[2] + answer.stakes_minor[1],
        answer.stakes_minor[1] - 100_000,
    )


def test_stakes_that_are_given_are_not_split_anew() -> None:
    legs = [{"outcome": "over", "price": 2.1, "listed_pitcher": True}, {"outcome": "under", "price": 2.1}]

    answer = ask("rules", market="total", line=8.5, legs=legs, stakes_minor=[20_000, 30_000])

    assert answer.stakes_minor == (20_000, 30_000)
    assert answer.differences[0].worst_profit_minor == -30_000


H2H = [{"outcome": "home", "price": 2.1}, {"outcome": "away", "price": 2.1}]


@pytest.mark.parametrize(
    ("what", "question", "sentence"),
    [
        ("arbitrage", {"prices": [2.1, 2.1], "most_minor": [5]}, "most_minor: 1 of them for 2 legs"),
        ("arbitrage", {"prices": [2.1, 2.1], "least_minor": [5, 0]}, "least_minor[1]: Expected `int` >= 1"),
        ("arbitrage", {"prices": [2.1, 2.1], "unit_minor": [5, 5, 5]}, "unit_minor: 3 of them for 2 legs"),
        ("arbitrage", {"prices": [2.1, 2.1], "unit_minor": [5, 10**6]}, "unit_minor: 1000000 is more than"),
        ("arbitrage", {"prices": [2.1, 2.1], "unit_minor": "5"}, "unit_minor: Expected `int | array`"),
        ("arbitrage", {"prices": [2.1, 2.1], "filled_minor": [None, None]}, "filled_minor: no leg is filled"),
        (
            "arbitrage",
            {"prices": [2.1], "lay": {"price": 1.0001}, "most_minor": [None, 5]},
            "lay.price: 1.0001 is below 1.001",
        ),
        ("middle", {"legs": over_and_under(47.5, 44.5, 2, 2)}, "legs: no middle up to 100 wide"),
        ("middle", {"legs": over_and_under(4.5, 144.5, 2, 2)}, "legs: no middle up to 100 wide"),
        ("middle", {"legs": over_and_under(4.5, 5.3, 2, 2)}, "legs[1].line: a line is a multiple of 0.25"),
        ("middle", {"legs": over_and_under(-4.5, 5.5, 2, 2)}, "legs[0].line: -4.5 is no total's"),
        ("middle", {"legs": over_and_under(4.5, 400, 2, 2)}, "legs[1].line: Expected `float` <= 300.0"),
        ("middle", {"legs": over_and_under(4.5, 5.5, 2, 1)}, "legs[1].price: not a decimal price"),
        (
            "middle",
            {"legs": [*over_and_under(4.5, 5.5, 2, 2)[:1]] * 2},
            "legs: over and over are not both sides",
        ),
        ("middle", {"legs": over_and_under(4.5, 5.5, 2, 2), "mean": 5}, "sd: give it and the mean"),
        ("middle", {"legs": over_and_under(4.5, 5.5, 2, 2), "mean": 5, "sd": 0}, "sd: Expected `float` > 0"),
        (
            "middle",
            {"legs": over_and_under(4.5, 5.5, 2, 2), "total_minor": 5, "unit_minor": 6},
            "unit_minor: 6 is more than the total, 5",
        ),
        ("rules", {"market": "h2h_3way", "legs": H2H}, "legs: give one on each outcome of h2h_3way: home,"),
        ("rules", {"market": "h2h", "legs": [H2H[0]] * 2}, "legs: give one on each outcome of h2h"),
        ("rules", {"market": "h2h", "legs": H2H, "line": 1}, "line: h2h has none; leave it out"),
        ("rules", {"market": "spread", "legs": H2H, "line": 0.3}, "line: a line is a multiple of 0.25"),
        ("rules", {"market": "h2h", "legs": H2H, "stakes_minor": [5]}, "stakes_minor: 1 of them for 2 legs"),
        (
            "rules",
            {"market": "h2h", "legs": H2H, "total_minor": 5, "unit_minor": 6},
            "unit_minor: 6 is more than the total, 5",
        ),
        (
            "rules",
            {"market": "h2h", "legs": [{**H2H[0], "retirement": "walkover"}, H2H[1]]},
            "legs[0].retirement: Invalid enum value 'walkover'",
        ),
        (
            "rules",
            {"market": "h2h", "legs": [{**H2H[0], "resumed_within_hours": -1}, H2H[1]]},
            "legs[0].resumed_within_hours: Expected `int` >= 0",
        ),
        (
            "rules",
            {"market": "h2h_3way", "legs": [{"outcome": o, "price": 1.2} for o in ("home", "draw", "away")]},
            "legs: they imply 2.50 in all",
        ),
    ],
)
def test_what_cannot_be_computed_is_one_sentence_that_names_the_field(
    what: str, question: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(UsageError) as error:
        ask(what, **question)

    assert sentence in str(error.value)
    assert "\n" not in str(error.value)


def spaced(legs: int, roi: float) -> list[float]:
    """Prices of which no two are alike, with this return."""
    prices = [legs + 0.0137 * legs * index for index in range(legs)]
    scale = sum([1.0 / price for price in prices]) * (1.0 + roi)
    return [price * scale for price in prices]


def work(what: str, question: dict[str, Any]) -> tuple[int, bool]:
    """Calls of functions that a question takes, and whether it is refused."""
    body = msgspec.json.encode(question)
    calls, refused = 0, False

    def count(frame: FrameType, event: str, argument: Any) -> None:
        nonlocal calls
        calls += event == "call"

    before = sys.getprofile()
    sys.setprofile(count)
    try:
        calculate(what, body)
    except UsageError:
        refused = True
    finally:
        sys.setprofile(before)
    return calls, refused


@pytest.mark.parametrize(
    ("what", "question"),
    [
        *[
            ("arbitrage", {"prices": spaced(legs, roi), "most_minor": [LONG] * legs, "total_minor": LONG})
            for legs in (2, 3, 10, 40)
            for roi in (1e-3, 1e-5, 1e-7)
        ],
        ("arbitrage", {"prices": [1_001.0, *[20.0] * 39], "total_minor": LONG}),
        ("arbitrage", {"prices": [2.0], "lay": {"price": 1.9999}, "total_minor": LONG, "unit_minor": [1, 1]}),
        (
            "middle",
            {"legs": over_and_under(0.25, 100.25, 1_001.0, 1.001), "mean": 5, "sd": 9, "total_minor": LONG},
        ),
        *[
            (
                "rules",
                {
                    "market": market,
                    "line": line,
                    "legs": [
                        {"outcome": sides[0], "price": 1.9, "listed_pitcher": True, "overtime": False},
                        {
                            "outcome": sides[1],
                            "price": 1.9,
                            "retirement": "one_set",
                            "resumed_within_hours": 1,
                        },
                    ],
                },
            )
            for market, line, sides in [
                ("spread", -300, ("home", "away")),
                ("spread", 300, ("home", "away")),
                ("total", 300, ("over", "under")),
            ]
        ],
    ],
)
def test_no_question_holds_a_server_up(what: str, question: dict[str, Any]) -> None:
    # Some 5 million calls take a second: this is less than 50 ms.
    calls, refused = work(what, question)

    assert calls < 200_000
    assert not refused or "most_minor" in question


def test_a_total_of_millions_at_a_return_of_next_to_nothing_is_refused() -> None:
    with pytest.raises(
        UsageError, match=r"^unit_minor: at a return of 0\.0010% there are more than 300 stakes"
    ):
        ask("arbitrage", prices=spaced(40, 1e-5), most_minor=[LONG] * 40, total_minor=LONG)

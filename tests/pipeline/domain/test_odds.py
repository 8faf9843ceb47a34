import math
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.domain.odds import (
    LADDER,
    american_to_decimal,
    booksum,
    checked_price,
    decimal_to_american,
    decimal_to_fractional,
    fractional_to_decimal,
    hold,
    implied,
    lay_as_back,
    overround,
    read_price,
)


@pytest.mark.parametrize(
    ("american", "decimal"),
    [
        pytest.param("EVEN", 2.0, id="word"),
        pytest.param(" ev ", 2.0, id="short word, any case, spaces"),
        pytest.param("PK", 2.0, id="pick as a price"),
        pytest.param("+100", 2.0, id="plus 100"),
        pytest.param("-100", 2.0, id="minus 100 is the same price"),
        pytest.param(100, 2.0, id="whole number"),
        pytest.param("150", 2.5, id="no sign"),
        pytest.param("+102.5", 2.025, id="decimals"),
        pytest.param("\N{MINUS SIGN}200", 1.5, id="typographic minus"),
        pytest.param(-110, float(Fraction(21, 11)), id="nearest double, not 1 + a rounded profit"),
        pytest.param(100_000, 1001.0, id="longshot"),
        pytest.param(-100_000, 1.001, id="near certainty"),
    ],
)
def test_american_odds_become_the_nearest_decimal_price(american: int | str, decimal: float) -> None:
    assert american_to_decimal(american) == decimal


@pytest.mark.parametrize(
    "american", [0, 99, -99, "+99.9", "", "abc", "+", "1e3", "1_000", "nan", "inf", "٥٠٠", True, "--110"]
)
def test_what_cannot_be_american_odds_is_refused(american: int | str) -> None:
    with pytest.raises(ValueError, match="American odds"):
        american_to_decimal(american)


@pytest.mark.parametrize(
    ("fractional", "decimal"),
    [("5/2", 3.5), ("1/1", 2.0), ("evens", 2.0), ("11 / 8", 2.375), ("1-3", 4 / 3), ("100/30", 13 / 3)],
)
def test_fractional_odds_become_the_nearest_decimal_price(fractional: str, decimal: float) -> None:
    assert fractional_to_decimal(fractional) == decimal


@pytest.mark.parametrize(
    "fractional", ["", "5", "5/0", "0/5", "-5/2", "5/2/1", "5.5/2", "1/99999999999999999999"]
)
def test_what_cannot_be_fractional_odds_is_refused(fractional: str) -> None:
    with pytest.raises(ValueError, match=r"fractional odds|decimal price"):
        fractional_to_decimal(fractional)


@given(st.integers(100, 100_000) | st.integers(-100_000, -101))
def test_american_odds_survive_the_way_through_decimal(american: int) -> None:
    assert decimal_to_american(american_to_decimal(american)) == american


@given(st.integers(1, 1000), st.integers(1, 1000))
def test_fractional_odds_are_the_double_nearest_to_the_exact_price(profit: int, stake: int) -> None:
    assert fractional_to_decimal(f"{profit}/{stake}") == float(1 + Fraction(profit, stake))


@pytest.mark.parametrize(
    ("price", "american"),
    [(2.0, 100), (1.91, -110), (1.9091, -110), (3.4, 240), (1.33, -303), (1000.0, 99900)],
)
def test_decimal_prices_round_to_american(price: float, american: int) -> None:
    assert decimal_to_american(price) == american


@pytest.mark.parametrize(
    ("price", "fractional"),
    [
        pytest.param(2.0, "1/1", id="even money"),
        pytest.param(1.91, "10/11", id="the step that rounds to it"),
        pytest.param(1.33, "1/3", id="a third"),
        pytest.param(2.38, "11/8", id="half a hundredth off a step"),
        pytest.param(1.95, "19/20", id="between steps, its hundredths"),
        pytest.param(1.97, "97/100", id="hundredths that do not cancel"),
        pytest.param(4.33, "10/3", id="which books print as 100/30"),
        pytest.param(1.01, "1/100", id="shortest step"),
        pytest.param(1.001, "1/1000", id="shorter than any step"),
        pytest.param(101.0, "100/1", id="longshot"),
        pytest.param(34.5, "67/2", id="longshot with a half"),
    ],
)
def test_decimal_prices_become_fractions_that_books_print(price: float, fractional: str) -> None:
    assert decimal_to_fractional(price) == fractional


@given(st.floats(1.01, 1000.0))
def test_a_fraction_is_the_price_to_a_hundredth(price: float) -> None:
    assert fractional_to_decimal(decimal_to_fractional(price)) == pytest.approx(price, abs=0.005 + 1e-9)


def test_the_steps_of_the_ladder_rise() -> None:
    assert list(LADDER) == sorted(set(LADDER))


@given(st.floats(1.00001, 1.01))
def test_a_fraction_of_nearly_nothing_is_off_by_a_hundredth_of_the_profit(price: float) -> None:
    back = fractional_to_decimal(decimal_to_fractional(price))
    assert back - 1.0 == pytest.approx(price - 1.0, rel=0.01)


@pytest.mark.parametrize("step", LADDER, ids=str)
def test_every_step_of_the_ladder_is_shown_as_itself(step: Fraction) -> None:
    text = f"{step.numerator}/{step.denominator}"
    assert decimal_to_fractional(read_price(text)) == text


@pytest.mark.parametrize(
    ("text", "price"),
    [
        ("1.91", 1.91),
        (" 2.5 ", 2.5),
        ("3", 3.0),
        ("99", 99.0),
        ("150.0", 150.0),
        ("+150", 2.5),
        ("-110", 21 / 11),
        ("\N{MINUS SIGN}110", 21 / 11),
        ("-102.5", 1.0 + 100 / 102.5),
        ("+100", 2.0),
        ("5/2", 3.5),
        ("5-2", 3.5),
        ("100/30", 13 / 3),
        ("EVEN", 2.0),
        ("evens", 2.0),
        ("pk", 2.0),
    ],
)
def test_a_price_is_read_in_any_notation(text: str, price: float) -> None:
    assert read_price(text) == price


@pytest.mark.parametrize("text", ["100", "150", "2000", "0150"])
def test_a_number_that_may_be_decimal_or_american_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=f"write {text}.0 or \\+{text}"):
        read_price(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "1",
        "1.0",
        "0.5",
        "+50",
        "-99",
        "1,91",
        "1e3",
        ".5",
        "2.",
        "nan",
        "inf",
        "5/0",
        "abc",
        "٣",
        "5/2/1",
    ],
)
def test_what_is_no_price_in_any_notation_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"price|American|fractional"):
        read_price(text)


@given(st.floats(1.0001, 1e6))
def test_a_price_is_read_as_it_was_written(price: float) -> None:
    assert read_price(f"{price:.6f}") == float(f"{price:.6f}")


@given(st.integers(100, 100_000) | st.integers(-100_000, -100))
def test_signed_numbers_are_american(american: int) -> None:
    assert read_price(f"{american:+d}") == american_to_decimal(american)


@pytest.mark.parametrize("price", [1.0, 0.99, 0.0, -2.0, math.nan, math.inf, -math.inf])
def test_no_price_is_taken_for_one(price: float) -> None:
    for reads_a_price in (
        checked_price,
        implied,
        decimal_to_american,
        decimal_to_fractional,
        lambda p: booksum([2.0, p]),
    ):
        with pytest.raises(ValueError, match="decimal price"):
            reads_a_price(price)


@pytest.mark.parametrize(
    ("prices", "total"),
    [
        pytest.param([1.33, 3.40], 1.0460, id="two-way"),
        pytest.param([2.70, 2.30, 4.40], 1.0324, id="three-way"),
        pytest.param([3.50, 3.40, 2.30], 1.014615, id="no arbitrage"),
        pytest.param([1.90, 1.80], 1.081871, id="a fat margin"),
        pytest.param([2.15, 2.05], 0.952921, id="arbitrage"),
        pytest.param([2.10, 2.20], 0.930736, id="more of it"),
        pytest.param([2.0, 2.0], 1.0, id="none at all"),
    ],
)
def test_overround_is_what_implied_probabilities_sum_to_above_one(prices: list[float], total: float) -> None:
    assert booksum(prices) == pytest.approx(total, abs=5e-5)
    assert overround(prices) == pytest.approx(total - 1.0, abs=5e-5)
    assert hold(prices) == pytest.approx(1.0 - 1.0 / total, abs=5e-5)


def test_a_standard_spread_breaks_even_at_52_percent_and_holds_four_and_a_half() -> None:
    price = american_to_decimal(-110)

    assert implied(price) == pytest.approx(0.523810, abs=5e-7)
    assert booksum([price, price]) == pytest.approx(1.0476, abs=5e-5)
    assert hold([price, price]) == pytest.approx(0.0455, abs=5e-5)


@given(st.permutations([1.9, 3.55, 4.2, 17.0, 101.0]))
def test_the_order_of_outcomes_changes_no_bit_of_the_margin(prices: list[float]) -> None:
    assert overround(prices) == overround(sorted(prices))


def test_laying_is_backing_the_opposite_at_a_price_after_commission() -> None:
    assert lay_as_back(2.06, 0.02) == pytest.approx(1.924528, abs=5e-7)
    assert lay_as_back(2.0, 0.0) == 2.0


@pytest.mark.parametrize("commission", [-0.01, 1.0, math.nan])
def test_a_commission_that_cannot_be_is_refused(commission: float) -> None:
    with pytest.raises(ValueError, match="commission"):
        lay_as_back(2.0, commission)

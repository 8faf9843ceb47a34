import itertools
import math

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pipeline.domain.arbitrage import (
    line_worst_profit,
    payout,
    roi,
    stakes,
    worst_profit,
)
from pipeline.domain.settlement import profit, settle

PRICES = st.lists(st.integers(102, 2000).map(lambda cents: cents / 100), min_size=2, max_size=3)


@pytest.mark.parametrize(
    ("prices", "expected"),
    [
        ([2.15, 2.05], 0.049405),
        ([2.10, 2.20], 0.074419),
        ([2.0, 2.0], 0.0),
        ([3.50, 3.40, 2.30], 1 / 1.014615 - 1),
        ([1.90, 1.80], 1 / 1.081871 - 1),
    ],
)
def test_roi_of_known_prices(prices: list[float], expected: float) -> None:
    assert roi(prices) == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize(
    ("unit", "split", "profit_share"),
    [
        pytest.param(1, (48_810, 51_190), 0.0494, id="cents"),
        pytest.param(100, (48_800, 51_200), 0.0492, id="whole units"),
        pytest.param(1_000, (49_000, 51_000), 0.0455, id="tens"),
        pytest.param(2_500, (50_000, 50_000), 0.0250, id="twenty-fives"),
    ],
)
def test_rounded_stakes_of_a_thousand_at_2_15_and_2_05(
    unit: int, split: tuple[int, int], profit_share: float
) -> None:
    found = stakes([2.15, 2.05], total=100_000, unit=unit)

    assert found == pytest.approx(split, abs=1)
    assert worst_profit([2.15, 2.05], found) / sum(found) == pytest.approx(profit_share, abs=5e-5)


def test_stakes_of_a_known_arbitrage_before_rounding() -> None:
    # 488.095 and 511.905 of 1000, and 1049.405 back, in units fine enough not to matter.
    first, second = stakes([2.15, 2.05], total=1_000_000, unit=1)

    assert (first, second) == (488_095, 511_905)
    assert payout(2.15, first) == pytest.approx(1_049_405, abs=1)


@given(PRICES, st.integers(1, 30))
def test_no_split_of_the_same_sum_has_a_better_worst_outcome(prices: list[float], units: int) -> None:
    found = stakes(prices, total=units * 100 + 50, unit=100)

    splits = [
        (*split, units - sum(split))
        for split in itertools.product(range(units + 1), repeat=len(prices) - 1)
        if sum(split) <= units
    ]
    best = max(worst_profit(prices, [count * 100 for count in split]) for split in splits)
    assert sum(found) == units * 100
    assert worst_profit(prices, found) == best


@given(PRICES, st.integers(1_000, 10**8))
def test_rounding_never_pays_more_than_the_exact_return(prices: list[float], total: int) -> None:
    found = stakes(prices, total, unit=1)

    assert worst_profit(prices, found) <= total * roi(prices) + 1e-3


@pytest.mark.parametrize(
    ("prices", "total", "unit"),
    [([2.0], 100, 1), ([2.0, 2.0], 0, 1), ([2.0, 2.0], 100, 0), ([2.0, 1.0], 100, 1)],
)
def test_stakes_that_cannot_be_split_are_refused(prices: list[float], total: int, unit: int) -> None:
    with pytest.raises(ValueError, match=r"no stakes|decimal price"):
        stakes(prices, total, unit)


@given(st.integers(101, 100_000), st.integers(0, 10**9))
@example(3391, 10**9)
def test_a_payout_is_exact_to_the_minor_unit(cents: int, stake: int) -> None:
    assert payout(cents / 100, stake) == cents * stake // 100


def test_a_sum_too_small_for_all_legs_shows_its_loss() -> None:
    split = stakes([2.2, 2.2], total=100, unit=100)

    assert sorted(split) == [0, 100]
    assert worst_profit([2.2, 2.2], split) == -100


@given(st.integers(-40, 40).map(lambda quarters: quarters / 4), st.integers(0, 10**4), st.integers(0, 10**4))
def test_the_worst_profit_of_a_line_is_that_of_settling_every_margin(
    line: float, first: int, second: int
) -> None:
    prices = (2.125, 2.0625)  # exact in binary, so that payouts are too

    settled = []
    for margin in range(-60, 61):
        home, away = max(margin, 0), max(-margin, 0)
        results = [settle("spread", outcome, -line, home, away) for outcome in (0, 1)]
        returns = [
            math.floor((1.0 + profit(result, price)) * stake)
            for result, price, stake in zip(results, prices, (first, second), strict=True)
        ]
        settled.append(sum(returns) - first - second)

    assert line_worst_profit(line, prices, (first, second)) == min(settled)


def test_a_whole_line_guarantees_nothing_however_good_the_prices() -> None:
    assert line_worst_profit(7.0, (2.2, 2.2), (5_000, 5_000)) == 0
    assert line_worst_profit(7.5, (2.2, 2.2), (5_000, 5_000)) == 1_000


@pytest.mark.parametrize("line", [0.1, math.nan, math.inf])
def test_a_line_that_is_no_quarter_is_refused(line: float) -> None:
    with pytest.raises(ValueError, match=r"multiple of 0\.25"):
        line_worst_profit(line, (2.0, 2.0), (100, 100))

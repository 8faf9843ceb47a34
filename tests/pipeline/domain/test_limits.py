import itertools
import math

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from pipeline.domain.arbitrage import line_worst_profit, stakes, worst_profit
from pipeline.domain.limits import Leg, Locked, at_risk, break_even_prices, line_profit, lock, net_price, paid
from pipeline.domain.odds import booksum
from pipeline.domain.settlement import Result

LEGS = st.builds(
    Leg,
    price=st.integers(120, 900).map(lambda cents: cents / 100),
    most=st.integers(1, 1_600),
    least=st.integers(1, 500),
    unit=st.sampled_from([50, 100, 130]),
    commission=st.sampled_from([0.0, 0.02, 0.05]),
    lay=st.booleans(),
)


def choices(leg: Leg) -> list[int]:
    return [stake for stake in range(leg.unit, leg.most + 1, leg.unit) if stake >= leg.least]


def best_of_all(legs: list[Leg], total: int) -> int | None:
    """The best worst profit above 0 over the whole grid of stakes."""
    profits = []
    for chosen in itertools.product(*map(choices, legs)):
        outlay = sum(map(at_risk, legs, chosen))
        if outlay <= total:
            profits.append(min(map(paid, legs, chosen)) - outlay)
    return max([profit for profit in profits if profit > 0], default=None)


@settings(deadline=None, max_examples=300)
@given(st.lists(LEGS, min_size=2, max_size=3), st.integers(1, 5_000))
def test_no_stakes_on_the_grid_have_a_better_worst_outcome(legs: list[Leg], total: int) -> None:
    assume(booksum([net_price(leg) for leg in legs]) < 1.02)

    found = lock(legs, total)

    best = best_of_all(legs, total)
    assert (found.profit if found else None) == best
    if found:
        assert found.outlay == sum(map(at_risk, legs, found.stakes)) <= total
        assert found.profit == min(map(paid, legs, found.stakes)) - found.outlay
        assert all(stake in choices(leg) for leg, stake in zip(legs, found.stakes, strict=True))


@pytest.mark.parametrize("unit", [1, 100, 1_000, 2_500])
def test_without_limits_it_is_at_least_as_good_as_splitting_the_whole_sum(unit: int) -> None:
    prices = [2.15, 2.05]

    found = lock([Leg(price, most=100_000, unit=unit) for price in prices], total=100_000)

    assert found is not None
    assert found.profit >= worst_profit(prices, stakes(prices, 100_000, unit))


def test_a_leg_at_its_limit_holds_the_others_down() -> None:
    small, large = Leg(2.15, most=20_000, unit=100), Leg(2.05, most=100_000, unit=100)

    assert lock([small, large], total=100_000) == Locked((20_000, 21_000), 41_000, 2_000)


@pytest.mark.parametrize(
    "legs",
    [
        pytest.param([Leg(2.15, 99, unit=100), Leg(2.05, 9_999)], id="less on offer than a unit"),
        pytest.param([Leg(2.15, 500, least=600), Leg(2.05, 9_999)], id="the least above the most"),
        pytest.param([Leg(2.15, 500), Leg(2.05, 9_999, least=5_000)], id="one far larger than the other"),
        pytest.param(
            [Leg(2.15, 9_999, least=9_000), Leg(2.05, 9_999, least=9_000)], id="more than the total"
        ),
        pytest.param([Leg(2.0, 9_999), Leg(2.0, 9_999)], id="no arbitrage"),
        pytest.param([Leg(2.15, 9_999), Leg(2.05, 9_999, commission=0.25)], id="eaten by commission"),
    ],
)
def test_nothing_is_locked_in_where_the_limits_forbid_it(legs: list[Leg]) -> None:
    assert lock(legs, total=10_000) is None


def test_a_known_back_and_lay_in_whole_cents() -> None:
    found = lock([Leg(2.10, 10_000), Leg(1.98, 50_000, commission=0.05, lay=True)], total=100_000)

    assert found is not None
    assert found.stakes == (10_000, 10_881)
    assert found.profit == pytest.approx(336, abs=1)


def test_a_lay_takes_no_more_than_is_offered() -> None:
    found = lock([Leg(2.10, 10_000), Leg(1.98, 5_000, commission=0.05, lay=True)], total=100_000)

    assert found is not None
    assert found.stakes[1] <= 5_000
    assert found.stakes[0] == pytest.approx(5_000 * 1.93 / 2.10, abs=2)


def test_large_sums_in_small_units_end_soon() -> None:
    legs = [Leg(3.33, 10**8), Leg(3.31, 10**8), Leg(2.5280, 10**8)]
    assert 0.997 < booksum([leg.price for leg in legs]) < 1.0

    found = lock(legs, total=10**8)

    assert found is not None
    assert found.profit == pytest.approx(10**8 * (1.0 / booksum([leg.price for leg in legs]) - 1.0), abs=5)


@given(st.integers(150, 400).map(lambda cents: cents / 100), st.integers(1_000, 10**6))
def test_of_two_legs_the_second_breaks_even_at_what_the_first_leaves(price: float, stake: int) -> None:
    _, least = break_even_prices([Leg(price, 10**6), Leg(3.0, 10**6)], [stake, 0])

    assert least == pytest.approx(price / (price - 1.0), rel=5e-3)


@settings(deadline=None)
@given(st.lists(LEGS, min_size=2, max_size=4), st.data())
def test_at_the_break_even_price_the_rest_can_just_be_filled(legs: list[Leg], data: st.DataObject) -> None:
    filled = [data.draw(st.sampled_from([0, 20_000, 50_000])) for _ in legs]
    assume(any(filled) and not all(filled))
    held = [(leg, stake) for leg, stake in zip(legs, filled, strict=True) if stake]
    pays, cost = min(paid(*each) for each in held), sum(at_risk(*each) for each in held)

    for index, price in enumerate(break_even_prices(legs, filled)):
        if price is None:
            continue
        moved = [leg._replace(price=price) if place == index else leg for place, leg in enumerate(legs)]
        # Exact stakes that pay as much as the filled legs do, at what they have to cost.
        rest = [pays / net_price(leg) for leg, stake in zip(moved, filled, strict=True) if not stake]
        assert cost + math.fsum(rest) == pytest.approx(pays, rel=1e-9)


def test_a_price_that_saves_nothing_any_more_is_none() -> None:
    three = [Leg(3.0, 10**6), Leg(1.5, 10**6), Leg(3.0, 10**6)]

    assert break_even_prices(three, [10_000, 0, 0])[2] is None


@pytest.mark.parametrize(
    ("legs", "total"), [([Leg(2.0, 100)], 100), ([Leg(2.1, 9)] * 2, 0), ([Leg(2.1, 9, unit=0)] * 2, 9)]
)
def test_what_cannot_be_staked_is_refused(legs: list[Leg], total: int) -> None:
    with pytest.raises(ValueError, match="nothing to lock in"):
        lock(legs, total)


def test_without_a_filled_leg_nothing_is_to_be_saved() -> None:
    with pytest.raises(ValueError, match="no leg is filled"):
        break_even_prices([Leg(2.1, 9), Leg(2.1, 9)], [0, 0])


@given(st.integers(-40, 40).map(lambda quarters: quarters / 4), st.integers(0, 10**4), st.integers(0, 10**4))
def test_on_a_line_without_commission_it_is_the_profit_of_plain_backs(
    line: float, first: int, second: int
) -> None:
    legs = Leg(2.1, 10**5), Leg(1.95, 10**5)

    assert line_profit(line, legs, (first, second)) == line_worst_profit(line, (2.1, 1.95), (first, second))


@given(st.integers(-8, 8).map(lambda quarters: quarters / 4), st.integers(1, 200), st.integers(1, 200))
def test_a_lay_on_a_line_pays_what_a_back_of_the_other_side_does(
    line: float, first: int, second: int
) -> None:
    # At 3.0 the liability is twice the stake, and what it wins is half of that: a back at 1.5.
    back, lay, other = Leg(3.4, 10**6), Leg(3.0, 10**6, lay=True), Leg(1.5, 10**6)

    laid = line_profit(line, (back, lay), (100 * first, 100 * second))

    assert laid == line_profit(line, (back, other), (100 * first, 200 * second))


def test_half_a_win_pays_half_the_commission() -> None:
    leg = Leg(2.0, 10**6, commission=0.05)

    assert paid(leg, 10_000, Result.HALF_WON) == 10_000 + 4_750
    assert paid(leg, 10_000, Result.PUSHED) == paid(leg, 10_000, Result.VOID) == 10_000
    assert paid(leg, 10_000, Result.HALF_LOST) == 5_000
    assert paid(leg, 10_000, Result.LOST) == 0


def test_a_sliver_of_profit_on_a_large_sum_ends_soon_too() -> None:
    # Integers: once the best is within one minor unit of what exact stakes bring, nothing is better.
    prices = [3.33, 3.41, 1.0 / (1.0 - 1e-6 - booksum([3.33, 3.41]))]

    found = lock([Leg(price, most=10**9) for price in prices], total=10**9)

    assert found is not None
    assert found.profit == 999


def test_the_most_looks_are_no_more_than_it_takes() -> None:
    legs = [Leg(2.15, most=100_000, unit=700), Leg(2.05, most=100_000, unit=900)]
    found = lock(legs, total=100_000)
    needed = next(looks for looks in range(1, 1_000) if answers(legs, looks))

    assert lock(legs, total=100_000, looks=needed) == found
    assert needed > 1
    with pytest.raises(ValueError, match=f"more than {needed - 1} stakes to compare"):
        lock(legs, total=100_000, looks=needed - 1)


def answers(legs: list[Leg], looks: int) -> bool:
    try:
        lock(legs, 100_000, looks)
    except ValueError:
        return False
    return True


def test_millions_of_units_begin_with_the_least_that_pay() -> None:
    legs = [Leg(1.9523199, most=10**9), Leg(2.1947963, most=5 * 10**8)]

    assert lock(legs, total=10**9, looks=100) == lock(legs, total=10**9)


def test_a_lay_of_which_many_stakes_pay_alike_stays_within_its_most() -> None:
    legs = [Leg(910.6783, most=38_736, unit=10), Leg(1.015966, most=56_453, commission=0.99, lay=True)]

    found = lock(legs, total=10**6)

    assert found is not None
    assert found.stakes[1] <= 56_453

import math
from collections.abc import Sequence
from random import Random

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from pipeline.domain.odds import american_to_decimal, implied
from pipeline.domain.staking import edge, exclusive_kelly, expected_value, fractional_kelly, kelly

PRICES = st.floats(1.01, 50.0)
CHANCES = st.tuples(*[st.floats(0.01, 1.0)] * 5).map(
    lambda parts: tuple(part / sum(parts) for part in parts[:4])
)


def growth(share: float, price: float, win: float, push: float, half_win: float, half_lose: float) -> float:
    lose = 1.0 - win - push - half_win - half_lose
    profits = [(win, price - 1), (half_win, (price - 1) / 2), (half_lose, -0.5), (lose, -1.0)]
    return sum(chance * math.log1p(share * each) for chance, each in profits)


def test_a_known_bet() -> None:
    assert edge(1.82, 0.65) == pytest.approx(0.10055, abs=5e-6)
    assert expected_value(1.82, 0.65) == pytest.approx(0.1830, abs=5e-5)
    assert kelly(1.82, 0.65) == pytest.approx(0.22317, abs=5e-6)
    assert kelly(2.0, 0.55) == pytest.approx(0.1000, abs=5e-5)


def test_a_known_bet_that_may_be_refunded() -> None:
    assert expected_value(1.95, 0.48, push=0.10) == pytest.approx(0.0360, abs=5e-5)
    assert kelly(1.95, 0.48, push=0.10) == pytest.approx(0.042105, abs=5e-7)


def test_fifty_five_percent_at_minus_110_returns_five() -> None:
    price = american_to_decimal(-110)

    assert implied(price) == pytest.approx(0.523810, abs=5e-7)
    assert expected_value(price, 0.55) == pytest.approx(0.050, abs=5e-5)


def test_halves_count_half() -> None:
    assert expected_value(2.0, 0.3, half_win=0.2, half_lose=0.1) == pytest.approx(0.3 + 0.1 - 0.4 - 0.05)


@given(PRICES, CHANCES)
def test_edge_expected_value_and_kelly_agree_on_what_is_worth_taking(
    price: float, chances: tuple[float, float, float, float]
) -> None:
    value = expected_value(price, *chances)
    assume(abs(value) > 1e-9)

    assert (edge(price, *chances) > 0.0) == (value > 0.0)
    assert (kelly(price, *chances) > 0.0) == (value > 0.0)


@given(PRICES, CHANCES)
def test_no_other_share_grows_faster_than_kelly(
    price: float, chances: tuple[float, float, float, float]
) -> None:
    share = kelly(price, *chances)

    assert 0.0 <= share < 1.0
    best = growth(share, price, *chances)
    for other in (0.0, share - 1e-3, share + 1e-3, share / 2, (1.0 + share) / 2):
        if 0.0 <= other < 1.0:
            assert growth(other, price, *chances) <= best + 1e-12


@given(PRICES, st.floats(0.01, 0.98), st.floats(1e-9, 1e-7))
def test_kelly_with_a_sliver_of_half_results_is_near_the_closed_form(
    price: float, win: float, sliver: float
) -> None:
    # What is lost with a chance that is less by the sliver, for each unit that can be won.
    near = 1e-9 + 100.0 * sliver / min(1.0, price - 1.0)
    assert kelly(price, win, half_win=sliver) == pytest.approx(kelly(price, win), abs=near)


def test_a_bet_that_cannot_lose_is_worth_everything() -> None:
    assert kelly(1.5, 1.0) == 1.0
    assert kelly(1.5, 0.6, push=0.4) == 1.0
    assert kelly(3.0, 0.9, half_lose=0.1) == 1.0


def test_a_sure_refund_is_worth_nothing() -> None:
    assert expected_value(2.0, 0.0, push=1.0) == edge(2.0, 0.0, push=1.0) == kelly(2.0, 0.0, push=1.0) == 0.0


def test_a_fraction_of_kelly_is_capped() -> None:
    assert fractional_kelly(0.1, multiplier=0.25, cap=0.05) == 0.025
    assert fractional_kelly(0.9, multiplier=0.25, cap=0.05) == 0.05


@pytest.mark.parametrize("chances", [(1.1,), (-0.1,), (0.6, 0.6), (math.nan,), (0.5, math.nan)])
def test_what_are_not_probabilities_is_refused(chances: tuple[float, ...]) -> None:
    for worth in (expected_value, edge, kelly):
        with pytest.raises(ValueError, match="probabilities"):
            worth(2.0, *chances)


@pytest.mark.parametrize(("multiplier", "cap"), [(0.0, 0.05), (1.5, 0.05), (0.25, 0.0), (0.25, math.nan)])
def test_what_are_not_shares_is_refused(multiplier: float, cap: float) -> None:
    with pytest.raises(ValueError, match="shares"):
        fractional_kelly(0.1, multiplier, cap)


MARKETS = st.lists(st.tuples(st.floats(0.05, 1.0), st.floats(0.7, 1.4)), min_size=1, max_size=5)


def market_of(parts: list[tuple[float, float]], unpriced: float) -> tuple[list[float], list[float]]:
    total = sum(part for part, _ in parts) + unpriced
    probabilities = [part / total for part, _ in parts]
    prices = [max(1.01, margin / p) for (_, margin), p in zip(parts, probabilities, strict=True)]
    return prices, probabilities


def exclusive_growth(
    shares: Sequence[float], prices: Sequence[float], probabilities: Sequence[float]
) -> float:
    kept = 1.0 - math.fsum(shares)
    rest = 1.0 - math.fsum(probabilities)
    ends = [(p, kept + share * price) for p, share, price in zip(probabilities, shares, prices, strict=True)]
    if any(p > 1e-12 and wealth <= 0.0 for p, wealth in [*ends, (rest, kept)]):
        return -math.inf
    return math.fsum(p * math.log(wealth) for p, wealth in [*ends, (rest, kept)] if p > 1e-12)


def test_a_known_market_whose_outcomes_exclude_one_another() -> None:
    shares = exclusive_kelly([2.1, 3.5, 3.6], [0.5, 0.3, 0.2])

    assert shares == pytest.approx((0.10, 0.06, 0.0), abs=1e-12)
    assert [kelly(2.1, 0.5), kelly(3.5, 0.3)] == pytest.approx([0.0455, 0.02], abs=5e-5)


@given(MARKETS, st.sampled_from([0.0, 0.05, 0.5]))
def test_exclusive_shares_meet_the_conditions_of_fastest_growth(
    parts: list[tuple[float, float]], unpriced: float
) -> None:
    prices, probabilities = market_of(parts, unpriced)

    shares = exclusive_kelly(prices, probabilities)

    # The growth is concave, so shares from which no step helps are the best.
    assert all(0.0 <= share <= 1.0 for share in shares)
    best = exclusive_growth(shares, prices, probabilities)
    for index, share in enumerate(shares):
        for step in (-1e-4, 1e-4):
            moved = [*shares[:index], share + step, *shares[index + 1 :]]
            if moved[index] >= 0.0 and sum(moved) <= 1.0:
                assert exclusive_growth(moved, prices, probabilities) <= best + 1e-12
            for other in range(len(shares)):
                swapped = [*moved[:other], moved[other] - step, *moved[other + 1 :]]
                if other != index and min(swapped) >= 0.0:
                    assert exclusive_growth(swapped, prices, probabilities) <= best + 1e-12


@given(PRICES, st.floats(0.01, 0.99))
def test_one_outcome_alone_gets_its_kelly_share(price: float, win: float) -> None:
    assert exclusive_kelly([price], [win])[0] == pytest.approx(kelly(price, win), abs=1e-12)


@given(MARKETS, st.randoms(use_true_random=False))
def test_the_order_of_outcomes_changes_no_share(parts: list[tuple[float, float]], chance: Random) -> None:
    prices, probabilities = market_of(parts, 0.0)
    order = list(range(len(parts)))
    chance.shuffle(order)

    shuffled = exclusive_kelly([prices[i] for i in order], [probabilities[i] for i in order])

    assert shuffled == pytest.approx([exclusive_kelly(prices, probabilities)[i] for i in order], abs=1e-12)


@given(
    st.lists(st.floats(0.05, 1.0), min_size=2, max_size=4),
    st.lists(st.integers(-2, 2), min_size=4, max_size=4),
)
def test_fair_prices_are_worth_nothing_however_they_are_rounded(parts: list[float], bits: list[int]) -> None:
    probabilities = [part / sum(parts) for part in parts]
    prices = [(1.0 / p) * (1.0 + bit * 1.2e-16) for p, bit in zip(probabilities, bits, strict=False)]

    shares = exclusive_kelly(prices, probabilities)

    assert exclusive_growth(shares, prices, probabilities) == pytest.approx(0.0, abs=1e-14)


def test_where_prices_leave_an_arbitrage_all_is_staked_by_probability() -> None:
    assert exclusive_kelly([2.2, 2.2], [0.6, 0.4]) == pytest.approx((0.6, 0.4))


@pytest.mark.parametrize(
    ("prices", "probabilities"), [([2.0], [1.1]), ([1.0], [0.5]), ([2.0, 2.0], [0.5]), ([], [])]
)
def test_a_market_that_is_none_has_no_shares(prices: list[float], probabilities: list[float]) -> None:
    with pytest.raises(ValueError):
        exclusive_kelly(prices, probabilities)

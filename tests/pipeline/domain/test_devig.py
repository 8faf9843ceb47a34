import math

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from pipeline.domain.devig import multiplicative_devig, power_devig

PRICES = st.floats(1.001, 1000.0)
# However fat the margin, only a two-way market has two near certainties.
MARKETS = st.lists(PRICES, min_size=2, max_size=2) | st.tuples(
    PRICES, st.lists(st.floats(1.5, 1000.0), min_size=1, max_size=39)
).flatmap(lambda parts: st.permutations([parts[0], *parts[1]]))


@pytest.mark.parametrize(
    ("prices", "fair", "exponent"),
    [
        pytest.param([1.33, 3.40], [0.73429, 0.26571], 1.08300, id="two-way"),
        pytest.param([2.70, 2.30, 4.40], [0.35917, 0.42373, 0.21710], 1.03091, id="three-way"),
        pytest.param([1.20, 7.0, 15.0], [0.82205, 0.12351, 0.05444], None, id="favourite"),
        pytest.param([1.9, 1.9], [0.5, 0.5], None, id="even market"),
        pytest.param([4.0, 4.0, 2.0], [0.25, 0.25, 0.5], 1.0, id="no margin to remove"),
    ],
)
def test_power_devig_of_known_markets(prices: list[float], fair: list[float], exponent: float | None) -> None:
    found = power_devig(prices)

    assert found == pytest.approx(fair, abs=5e-6)
    if exponent is not None:
        exponents = [-math.log(p) / math.log(price) for p, price in zip(found, prices, strict=True)]
        assert exponents == pytest.approx([exponent] * len(prices), abs=5e-6)


@pytest.mark.parametrize(
    ("prices", "fair"),
    [
        ([1.33, 3.40], [0.71882, 0.28118]),
        ([2.70, 2.30, 4.40], [0.35874, 0.42113, 0.22013]),
        ([1.20, 7.0, 15.0], [0.79909, 0.13699, 0.06393]),
    ],
)
def test_multiplicative_devig_of_known_markets(prices: list[float], fair: list[float]) -> None:
    assert multiplicative_devig(prices) == pytest.approx(fair, abs=5e-6)


@given(MARKETS)
def test_power_devig_sums_to_one_and_keeps_the_order(prices: list[float]) -> None:
    fair = power_devig(prices)

    assert math.fsum(fair) == pytest.approx(1.0, abs=1e-14)
    by_price = [fair[i] for i in sorted(range(len(prices)), key=prices.__getitem__)]
    assert by_price == sorted(by_price, reverse=True)


@given(MARKETS)
def test_power_devig_takes_one_power_for_all_outcomes(prices: list[float]) -> None:
    fair = power_devig(prices)

    longshot = max(range(len(prices)), key=prices.__getitem__)
    exponent = -math.log(fair[longshot]) / math.log(prices[longshot])
    assert fair == pytest.approx([price**-exponent for price in prices], abs=1e-11)


@pytest.mark.parametrize(
    "prices", [[23.0, 197.0], [1000.0, 1.5], [1000.0, 1000.0], [1.001, 1.001], [1.001] * 3, [1.001, 1000.0]]
)
def test_power_devig_converges_far_from_a_sane_margin(prices: list[float]) -> None:
    assert sum(power_devig(prices)) == pytest.approx(1.0, abs=1e-14)


@given(PRICES, PRICES, st.floats(1.5, 1000.0))
def test_swapping_home_and_away_mirrors_the_fair_price_to_the_bit(
    home: float, away: float, draw: float
) -> None:
    assert power_devig([home, away]) == power_devig([away, home])[::-1]
    assume(max(home, away) > 1.5)

    at_home, abroad = power_devig([home, away, draw]), power_devig([away, home, draw])
    assert at_home == (abroad[1], abroad[0], abroad[2])


@given(MARKETS)
def test_a_list_and_a_tuple_of_prices_give_the_same_bits(prices: list[float]) -> None:
    assert power_devig(prices) == power_devig(tuple(prices))
    assert multiplicative_devig(prices) == multiplicative_devig(tuple(prices))


@pytest.mark.parametrize(
    "prices", [[], [2.0], [2.0, 1.0], [2.0, math.nan], [2.0, math.inf, 3.0], [0.0, 2.0, 2.0]]
)
def test_what_is_not_a_complete_market_is_refused(prices: list[float]) -> None:
    for devig in (power_devig, multiplicative_devig):
        with pytest.raises(ValueError, match="prices of a market"):
            devig(prices)


def test_prices_of_which_a_probability_would_vanish_are_refused() -> None:
    with pytest.raises(ValueError, match="no power"):
        power_devig([2.0, 1.001, 1.001, 1.001])

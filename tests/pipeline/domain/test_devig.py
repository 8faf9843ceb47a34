import math
from collections.abc import Sequence
from itertools import pairwise

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy import optimize

from pipeline.domain.devig import (
    METHODS,
    SAME_AS,
    Devig,
    additive_devig,
    fair_by_method,
    multiplicative_devig,
    odds_ratio_devig,
    power_devig,
    shin_devig,
    spread,
)

PRICES = st.floats(1.001, 1000.0)
# However fat the margin, only a two-way market has two near certainties.
MARKETS = st.lists(PRICES, min_size=2, max_size=2) | st.tuples(
    PRICES, st.lists(st.floats(1.5, 1000.0), min_size=1, max_size=39)
).flatmap(lambda parts: st.permutations([parts[0], *parts[1]]))
#: What books show: chances from a near certainty to one in 300, and a margin of none to 30 %.
SANE = st.tuples(st.lists(st.floats(1.0, 100.0), min_size=2, max_size=12), st.floats(1.0, 1.3)).map(
    lambda parts: [max(1.001, sum(parts[0]) / weight / parts[1]) for weight in parts[0]]
)
EACH_METHOD = pytest.mark.parametrize("devig", METHODS.values(), ids=METHODS)


def fair_or_none(devig: Devig, prices: Sequence[float]) -> tuple[float, ...]:
    """What a method says, or nothing where it cannot do this market."""
    try:
        return devig(prices)
    except ValueError:
        return ()


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
    ("devig", "prices", "fair"),
    [
        (multiplicative_devig, [1.33, 3.40], [0.71882, 0.28118]),
        (multiplicative_devig, [2.70, 2.30, 4.40], [0.35874, 0.42113, 0.22013]),
        (multiplicative_devig, [1.20, 7.0, 15.0], [0.79909, 0.13699, 0.06393]),
        (additive_devig, [1.33, 3.40], [0.72888, 0.27112]),
        (additive_devig, [2.70, 2.30, 4.40], [0.35956, 0.42397, 0.21646]),
        (additive_devig, [1.20, 7.0, 15.0], [0.81905, 0.12857, 0.05238]),
        (shin_devig, [1.33, 3.40], [0.72888, 0.27112]),
        (shin_devig, [2.70, 2.30, 4.40], [0.35934, 0.42324, 0.21741]),
        (shin_devig, [1.20, 7.0, 15.0], [0.81395, 0.13049, 0.05556]),
    ],
)
def test_fair_prices_of_known_markets(devig: Devig, prices: list[float], fair: list[float]) -> None:
    assert devig(prices) == pytest.approx(fair, abs=5e-6)


@pytest.mark.parametrize(
    ("prices", "insiders"),
    [([1.33, 3.40], 0.04653), ([2.70, 2.30, 4.40], 0.01624), ([1.04, 13.0, 151.0], None)],
)
def test_shin_explains_every_price_by_the_same_share_of_insiders(
    prices: list[float], insiders: float | None
) -> None:
    shares = insiders_behind(prices, shin_devig(prices))

    assert shares == pytest.approx([shares[0]] * len(prices), abs=1e-9)
    if insiders is not None:
        assert shares[0] == pytest.approx(insiders, abs=5e-6)


def insiders_behind(prices: Sequence[float], fair: Sequence[float]) -> list[float]:
    """Shin's price of an outcome, solved for the share of insiders."""
    total = math.fsum(1.0 / price for price in prices)
    squares = [1.0 / (price * price * total) for price in prices]
    return [(square - p * p) / (p - p * p) for square, p in zip(squares, fair, strict=True)]


@given(SANE)
def test_shin_of_any_market_has_one_share_of_insiders_in_0_to_1(prices: list[float]) -> None:
    assume(math.fsum(1.0 / price for price in prices) >= 1.0)
    shares = insiders_behind(prices, shin_devig(prices))

    assert shares == pytest.approx([shares[0]] * len(prices), abs=1e-7)
    assert -1e-7 < shares[0] < 1.0


@given(PRICES, PRICES)
def test_shin_of_two_outcomes_is_additive(one: float, other: float) -> None:
    assume(1.0 / one + 1.0 / other >= 1.0)
    # Not by asking our own for the same formula twice: the additive answer has to solve Shin's equation.
    fair = additive_devig([one, other])
    shares = insiders_behind([one, other], fair)

    assert shin_devig([one, other]) == fair
    assert shares[0] == pytest.approx(shares[1], abs=1e-6)


@given(SANE)
def test_odds_ratio_takes_one_ratio_from_the_odds_of_all_outcomes(prices: list[float]) -> None:
    fair = odds_ratio_devig(prices)

    ratios = [(1.0 - p) / p / (price - 1.0) for p, price in zip(fair, prices, strict=True)]
    assert ratios == pytest.approx([ratios[0]] * len(prices), rel=1e-9)


@given(MARKETS)
def test_odds_ratio_is_one_shift_of_all_log_odds(prices: list[float]) -> None:
    def excess(shift: float) -> float:
        return math.fsum(1.0 / (1.0 + (price - 1.0) * math.exp(shift)) for price in prices) - 1.0

    shift = optimize.brentq(excess, -20.0, 20.0, xtol=1e-14)
    shifted = [1.0 / (1.0 + (price - 1.0) * math.exp(shift)) for price in prices]
    assert odds_ratio_devig(prices) == pytest.approx(shifted, abs=1e-10)


@given(MARKETS)
def test_the_logarithmic_function_is_the_power_method(prices: list[float]) -> None:
    # Buchdahl: the logarithm of the fair price is that of the offered one times a number.
    fair = METHODS["logarithmic"](prices)

    ratios = [-math.log(p) / math.log(price) for p, price in zip(fair, prices, strict=True)]
    assert [price ** -ratios[0] for price in prices] == pytest.approx(fair, abs=1e-8)
    assert fair == METHODS[SAME_AS["logarithmic"]](prices)


def test_a_longshot_that_has_less_than_its_part_of_the_margin_is_refused_by_additive_alone() -> None:
    prices = [1.04, 13.0, 151.0]

    with pytest.raises(ValueError, match="additive"):
        additive_devig(prices)
    assert set(fair_by_method(prices)) == set(METHODS) - {"additive", "logarithmic"}


@pytest.mark.parametrize("prices", [[2.15, 2.05], [3.5, 3.6, 2.6], [2.0, 2.000001]])
def test_no_insiders_explain_implied_probabilities_below_one(prices: list[float]) -> None:
    with pytest.raises(ValueError, match="sum to 1 or more"):
        shin_devig(prices)
    assert set(fair_by_method(prices)) == set(METHODS) - {"shin", "logarithmic"}


@EACH_METHOD
@given(prices=SANE | MARKETS)
def test_every_method_sums_to_one_inside_0_to_1_and_keeps_the_order(
    devig: Devig, prices: list[float]
) -> None:
    fair = fair_or_none(devig, prices)
    assume(fair)

    assert math.fsum(fair) == pytest.approx(1.0, abs=1e-14)
    assert 0.0 < min(fair) <= max(fair) < 1.0
    by_price = [fair[i] for i in sorted(range(len(prices)), key=prices.__getitem__)]
    # Prices that differ in their last bit may come out the other way round in theirs.
    assert all(later <= earlier * (1.0 + 1e-14) for earlier, later in pairwise(by_price))


@EACH_METHOD
@given(data=st.data(), prices=SANE | MARKETS)
def test_the_order_of_outcomes_changes_no_bit_of_any(
    devig: Devig, data: st.DataObject, prices: list[float]
) -> None:
    order = data.draw(st.permutations(range(len(prices))))
    fair = fair_or_none(devig, prices)
    shuffled = fair_or_none(devig, [prices[i] for i in order])

    assert shuffled == tuple(fair[i] for i in order if fair)


@EACH_METHOD
@given(prices=MARKETS)
def test_methods_that_need_no_margin_do_any_market_and_the_others_refuse_for_cause(
    devig: Devig, prices: list[float]
) -> None:
    total = math.fsum(1.0 / price for price in prices)
    cause = {
        additive_devig: min(1.0 / price for price in prices) <= (total - 1.0) / len(prices) + 1e-12,
        shin_devig: total < 1.0,
    }
    assert fair_or_none(devig, prices) or cause.get(devig, False)


@EACH_METHOD
@pytest.mark.parametrize("prices", [[1.9, 1.9], [1.5, 1.5, 1.5], [2.85] * 3, [4.0] * 5])
def test_equal_prices_are_equal_chances(devig: Devig, prices: list[float]) -> None:
    if fair := fair_or_none(devig, prices):
        assert fair == pytest.approx([1.0 / len(prices)] * len(prices), abs=1e-15)
    else:
        assert devig is shin_devig
        assert prices == [4.0] * 5 or sum(1.0 / price for price in prices) < 1.0


@EACH_METHOD
@pytest.mark.parametrize("prices", [[4.0, 4.0, 2.0], [2.0, 2.0], [1.25, 10.0, 10.0], [4 / 3, 4.0]])
def test_no_margin_leaves_nothing_to_remove(devig: Devig, prices: list[float]) -> None:
    assert devig(prices) == pytest.approx([1.0 / price for price in prices], abs=1e-12)


@pytest.mark.parametrize(
    "prices",
    [[1.001] * 3, [1.001] * 40, [1.001, 1.001, 1000.0], [1.001, 1.001, 1.001, 2.0], [1.01, *[1000.0] * 39]],
)
def test_shin_and_odds_ratio_converge_far_from_a_sane_margin(prices: list[float]) -> None:
    for devig in (shin_devig, odds_ratio_devig):
        fair = devig(prices)
        assert math.fsum(fair) == pytest.approx(1.0, abs=1e-14)
        assert len(set(fair)) == len(set(prices))


@pytest.mark.parametrize(
    ("devig", "prices"),
    [
        (additive_devig, [1.04, 13.0, 151.0]),
        (shin_devig, [1.0 + 1e-15, 1e300, 1e300]),
        (odds_ratio_devig, [1.0 + 1e-15, 1e300]),
    ],
)
def test_a_probability_that_would_leave_0_to_1_is_refused(devig: Devig, prices: list[float]) -> None:
    with pytest.raises(ValueError, match="probability"):
        devig(prices)


@pytest.mark.parametrize(
    ("prices", "apart"),
    [
        pytest.param([1.33, 3.40], 0.73429 - 0.71882, id="power against multiplicative"),
        pytest.param([1.20, 7.0, 15.0], 0.82205 - 0.79909, id="more for a favourite"),
        pytest.param([1.9, 1.9], 0.0, id="none where the sides are even"),
    ],
)
def test_the_spread_is_how_far_methods_lie_apart(prices: list[float], apart: float) -> None:
    assert spread(fair_by_method(prices).values())[0] == pytest.approx(apart, abs=1e-5)


def test_there_is_no_spread_of_nothing_nor_of_two_markets() -> None:
    for fairs in ([], [(0.5, 0.5), (0.2, 0.3, 0.5)]):
        with pytest.raises(ValueError):
            spread(fairs)


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
    for devig in METHODS.values():
        assert fair_or_none(devig, prices) == fair_or_none(devig, tuple(prices))


@pytest.mark.parametrize(
    "prices", [[], [2.0], [2.0, 1.0], [2.0, math.nan], [2.0, math.inf, 3.0], [0.0, 2.0, 2.0]]
)
def test_what_is_not_a_complete_market_is_refused(prices: list[float]) -> None:
    for devig in (*METHODS.values(), fair_by_method):
        with pytest.raises(ValueError, match="prices of a market"):
            devig(prices)


def test_prices_of_which_a_probability_would_vanish_are_refused() -> None:
    with pytest.raises(ValueError, match="no power"):
        power_devig([2.0, 1.001, 1.001, 1.001])

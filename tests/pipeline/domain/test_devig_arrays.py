import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.domain.devig import METHODS
from pipeline.domain.devig_arrays import BATCHES, devig_arrays

METHOD = pytest.mark.parametrize("method", METHODS)
#: Some of them without a margin, some with a longshot that additive cannot do.
MARKETS = st.integers(2, 6).flatmap(
    lambda n: st.lists(
        st.lists(st.floats(1.01, 1000.0), min_size=n, max_size=n).filter(
            lambda prices: sum(price < 1.5 for price in prices) < 3
        ),
        min_size=1,
        max_size=8,
    )
)


@METHOD
@given(markets=MARKETS)
def test_a_batch_says_of_each_market_what_the_method_says_of_it_alone(
    method: str, markets: list[list[float]]
) -> None:
    for prices, found in zip(markets, devig_arrays(np.array(markets), method).tolist(), strict=True):
        try:
            fair = METHODS[method](prices)
        except ValueError:
            assert all(math.isnan(p) or p < 1e-11 for p in found) or math.isnan(found[0])
        else:
            assert found == pytest.approx(fair, abs=1e-11)


def test_a_market_that_cannot_be_done_spoils_no_other() -> None:
    markets = np.array([[2.7, 2.3, 4.4], [3.5, 3.6, 2.6], [1.2, 7.0, 15.0]])
    fair = devig_arrays(markets, "shin")

    assert np.isnan(fair[1]).all()
    assert fair[[0, 2]] == pytest.approx(
        np.array([[0.35934, 0.42324, 0.21741], [0.81395, 0.13049, 0.05556]]), abs=5e-6
    )
    assert np.isnan(devig_arrays(np.array([[1.04, 13.0, 151.0]]), "additive")).all()


@METHOD
def test_leading_axes_are_kept(method: str) -> None:
    one = devig_arrays(np.array([2.7, 2.3, 4.4]), method)
    many = devig_arrays(np.full((4, 5, 3), [2.7, 2.3, 4.4]), method)

    assert one.shape == (3,)
    assert many.shape == (4, 5, 3)
    assert (many == one).all()
    assert devig_arrays(np.empty((0, 3)), method).shape == (0, 3)


def test_the_prices_that_are_given_stay_as_they_are() -> None:
    prices = np.array([[2.7, 2.3, 4.4]])
    for method in BATCHES:
        devig_arrays(prices, method)
    assert prices.tolist() == [[2.7, 2.3, 4.4]]


@pytest.mark.parametrize("prices", [[2.0], [[2.0, 1.0]], [[2.0, math.nan]], [[math.inf, 2.0]], 2.0])
def test_what_is_no_market_is_refused(prices: object) -> None:
    with pytest.raises(ValueError, match="prices of markets"):
        devig_arrays(np.array(prices), "power")


def test_an_unknown_method_is_refused_with_those_there_are() -> None:
    with pytest.raises(ValueError, match="no method 'worst'; there are multiplicative"):
        devig_arrays(np.array([2.0, 2.0]), "worst")

"""The chance that a price is above the fair one."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.domain.confidence import confidence

INSIDE = st.floats(0.001, 0.999)
ERRORS = st.floats(0.0, 5.0)


@pytest.mark.parametrize(
    ("fair", "break_even", "error", "expected"),
    [
        pytest.param(0.5, 1.0 / (1.0 + math.e), 1.0, 0.841344746, id="one standard error above"),
        pytest.param(0.5, 1.0 / (1.0 + math.exp(-2.0)), 1.0, 0.022750132, id="two below"),
        pytest.param(0.5, 0.5, 0.3, 0.5, id="on it"),
        pytest.param(0.5, 0.5, 0.0, 0.5, id="on it, without an error"),
        pytest.param(0.51, 0.5, 0.0, 1.0, id="above, without an error"),
        pytest.param(0.49, 0.5, 0.0, 0.0, id="below, without an error"),
        pytest.param(1.0, 0.99, 0.2, 1.0, id="sure to win"),
        pytest.param(0.0, 0.01, 0.2, 0.0, id="sure to lose"),
        pytest.param(0.9, 0.5, math.inf, 0.5, id="nothing is known"),
    ],
)
def test_confidence(fair: float, break_even: float, error: float, expected: float) -> None:
    assert confidence(fair, break_even, error) == pytest.approx(expected)


@given(INSIDE, INSIDE, ERRORS)
def test_it_is_a_probability_above_a_half_exactly_where_there_is_value(
    fair: float, break_even: float, error: float
) -> None:
    found = confidence(fair, break_even, error)

    assert 0.0 <= found <= 1.0
    assert found >= 0.5 if fair > break_even else found <= 0.5


@given(INSIDE, st.floats(1.01, 100.0), st.floats(1.01, 100.0), ERRORS)
def test_a_better_price_is_never_less_sure(fair: float, price: float, other: float, error: float) -> None:
    low, high = sorted((price, other))

    assert confidence(fair, 1.0 / low, error) <= confidence(fair, 1.0 / high, error)


@given(INSIDE, INSIDE, ERRORS, ERRORS)
def test_a_wider_interval_is_never_surer_of_what_it_says(
    fair: float, break_even: float, error: float, other: float
) -> None:
    narrow, wide = sorted((error, other))

    assert abs(confidence(fair, break_even, wide) - 0.5) <= abs(confidence(fair, break_even, narrow) - 0.5)


@pytest.mark.parametrize("wrong", [(1.1, 0.5, 0.1), (0.5, 1.0, 0.1), (0.5, 0.0, 0.1), (0.5, 0.5, -0.1)])
def test_what_is_no_estimate_is_refused(wrong: tuple[float, float, float]) -> None:
    with pytest.raises(ValueError, match="no estimate"):
        confidence(*wrong)


def test_an_error_that_is_no_number_is_refused() -> None:
    with pytest.raises(ValueError, match="no estimate"):
        confidence(0.5, 0.5, math.nan)

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import brentq

from pipeline.domain.roots import root


@given(st.floats(-50.0, 50.0), st.floats(0.01, 20.0), st.floats(0.01, 100.0), st.floats(0.01, 100.0))
def test_a_root_is_found_where_scipy_finds_it(
    zero: float, steepness: float, left: float, right: float
) -> None:
    def excess(x: float) -> float:
        return math.tanh(steepness * (x - zero)) + 0.1 * (x - zero)

    found = root(excess, zero - left, zero + right, 1e-12)

    assert found == pytest.approx(brentq(excess, zero - left, zero + right, xtol=1e-12), abs=1e-10)


def test_it_takes_few_evaluations() -> None:
    asked = []

    def excess(x: float) -> float:
        asked.append(x)
        return math.exp(x) - 5.0

    assert root(excess, -10.0, 10.0, 1e-12) == pytest.approx(math.log(5.0), abs=1e-12)
    assert len(asked) < 25


@pytest.mark.parametrize("flat", [1.0, 0.0], ids=["a step", "flat at zero"])
def test_a_step_ends_too(flat: float) -> None:
    found = root(lambda x: -1.0 if x < 1 / 3 else flat, 0.0, 1.0, 1e-12)

    assert found == pytest.approx(1 / 3, abs=1e-9) or (flat == 0.0 and found >= 1 / 3)


def test_an_end_that_is_a_root_is_taken() -> None:
    assert root(lambda x: x, 0.0, 1.0, 1e-12) == 0.0
    assert root(lambda x: x, -1.0, 0.0, 1e-12) == 0.0


def test_no_change_of_sign_is_refused() -> None:
    with pytest.raises(ValueError, match="no sign change"):
        root(lambda x: x * x + 1.0, -1.0, 1.0, 1e-12)

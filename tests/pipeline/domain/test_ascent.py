import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.domain.ascent import Slopes, Value, highest

LIMITS = st.floats(0.01, 1.0)


def parabola(peaks: list[float]) -> tuple[Value, Slopes]:
    def value(shares: list[float]) -> float:
        return -math.fsum((share - peak) ** 2 for share, peak in zip(shares, peaks, strict=True))

    def slopes(shares: list[float]) -> tuple[list[float], list[list[float]]]:
        size = range(len(shares))
        return (
            [2.0 * (peak - share) for share, peak in zip(shares, peaks, strict=True)],
            [[-2.0 if i == j else 0.0 for j in size] for i in size],
        )

    return value, slopes


@settings(deadline=None)
@given(st.lists(st.floats(-2.0, 2.0), min_size=1, max_size=6), LIMITS, LIMITS)
def test_of_a_round_hill_the_highest_point_is_the_one_nearest_to_the_top(
    peaks: list[float], cap: float, budget: float
) -> None:
    found = highest(*parabola(peaks), size=len(peaks), cap=cap, budget=budget, gain=1e-12)

    # The nearest point with a price on the sum, which is 0 where the budget is not used up.
    def at(price: float) -> list[float]:
        return [min(max(peak - price, 0.0), cap) for peak in peaks]

    low, high = 0.0, 4.0
    for _ in range(100):
        middle = (low + high) / 2
        low, high = (middle, high) if math.fsum(at(middle)) > budget else (low, middle)
    assert found == pytest.approx(at(high if math.fsum(at(0.0)) > budget else 0.0), abs=2e-6)
    assert all(0.0 <= share <= cap for share in found)
    assert math.fsum(found) <= budget * (1.0 + 1e-15)


def test_shares_at_a_limit_are_there_exactly() -> None:
    assert highest(*parabola([2.0, -1.0, 0.25]), size=3, cap=0.5, budget=0.8, gain=1e-12) == [
        0.5,
        0.0,
        pytest.approx(0.25),
    ]


def test_nothing_to_share_is_shared() -> None:
    assert highest(*parabola([]), size=0, cap=1.0, budget=1.0, gain=1e-12) == []


def test_derivatives_of_another_function_are_refused() -> None:
    value, _ = parabola([0.5])
    _, other = parabola([0.1])

    with pytest.raises(ValueError, match="no highest point"):
        highest(value, other, size=1, cap=1.0, budget=1.0, gain=1e-12)


def test_a_function_without_a_value_is_refused() -> None:
    _, slopes = parabola([0.9])

    with pytest.raises(ValueError, match="does not rise"):
        highest(lambda shares: math.nan, slopes, size=1, cap=1.0, budget=1.0, gain=1e-12)

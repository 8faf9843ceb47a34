import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from producers.simulator.outlook import (
    Overtime,
    of_joint,
    of_sides,
    period_of_joint,
    period_of_sides,
    powers,
    repeated,
)

CHANCES = st.lists(st.floats(0.01, 1.0), min_size=2, max_size=6).map(lambda w: np.array(w) / sum(w))
SCORE = st.integers(0, 5)
LINES = st.integers(-20, 20).map(lambda quarters: quarters / 4.0)


def square(home: np.ndarray, away: np.ndarray) -> np.ndarray:
    joint = np.zeros((6, 6))
    joint[: len(home), : len(away)] = np.outer(home, away)
    return joint


@given(CHANCES, CHANCES, SCORE, SCORE, LINES)
def test_independent_sides_and_their_joint_table_agree(
    home: np.ndarray, away: np.ndarray, h: int, a: int, line: float
) -> None:
    overtime = repeated(*period_of_sides(home, away))
    sides = of_sides(home, away, h, a, overtime)
    joint = of_joint(square(home, away), h, a, repeated(*period_of_joint(square(home, away))))

    assert joint.regulation == pytest.approx(sides.regulation)
    for market in ("h2h", "spread", "total"):
        at = 0.0 if market == "h2h" else abs(line) if market == "total" else line
        assert joint.fair(market, at) == pytest.approx(sides.fair(market, at))


@given(CHANCES, CHANCES, SCORE, SCORE, LINES)
def test_swapping_the_sides_mirrors_every_answer(
    home: np.ndarray, away: np.ndarray, h: int, a: int, line: float
) -> None:
    this = of_sides(home, away, h, a, repeated(*period_of_sides(home, away)))
    other = of_sides(away, home, a, h, repeated(*period_of_sides(away, home)))

    assert other.fair("h2h") == pytest.approx(this.fair("h2h")[::-1])
    assert other.fair("spread", -line) == pytest.approx(this.fair("spread", line)[::-1])
    assert other.fair("total", abs(line)) == pytest.approx(this.fair("total", abs(line)))


def test_overtime_shares_out_the_level_scores() -> None:
    coin = np.array([0.5, 0.5])  # each side makes one point or none: level half of the time

    outlook = of_sides(coin, coin, 0, 0, Overtime(np.array([0.4, 0.0, 0.6]), np.array([0.0, 1.0])))

    assert outlook.regulation == pytest.approx((0.25, 0.25, 0.5))
    assert outlook.fair("h2h") == pytest.approx((0.25 + 0.5 * 0.6, 0.25 + 0.5 * 0.4))
    # 1-0 and 0-1 stay at one point; 0-0 ends at one, 1-1 at three.
    assert outlook.fair("total", 1.5) == pytest.approx((0.25, 0.75))


@pytest.mark.parametrize(
    ("home", "away", "fair"), [(3, 1, (1.0, 0.0)), (1, 3, (0.0, 1.0)), (2, 2, (0.5, 0.5))]
)
def test_with_nothing_left_to_play_the_answer_is_exact(
    home: int, away: int, fair: tuple[float, float]
) -> None:
    assert of_sides(np.ones(1), np.ones(1), home, away, None).fair("h2h") == fair


def test_sums_of_draws_are_binomial() -> None:
    assert powers(np.array([0.5, 0.5]), 3, 10)[3].tolist() == [0.125, 0.375, 0.375, 0.125]
    assert powers(np.array([0.5, 0.5]), 3, 2)[3].tolist() == [0.125, 0.375, 0.5]

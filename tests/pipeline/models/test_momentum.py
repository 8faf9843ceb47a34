"""Momentum: swings of home's chances that fade."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.models.momentum import FADES_S, faded, pushed, swing

chances = st.floats(0.0, 1.0)


@given(chances, chances, chances, chances)
def test_the_swing_of_the_swapped_teams_is_the_negative(a: float, b: float, c: float, d: float) -> None:
    before, after = (a, (1 - a) * b, (1 - a) * (1 - b)), (c, (1 - c) * d, (1 - c) * (1 - d))
    mirror = swing((before[1], before[0], before[2]), (after[1], after[0], after[2]))

    assert swing(before, after) == pytest.approx(-mirror, abs=1e-15)


def test_a_swing_is_the_change_of_homes_probability_where_nothing_is_drawn() -> None:
    assert swing((0.5, 0.5), (0.8, 0.2)) == pytest.approx(0.3)
    assert swing((), (0.8, 0.2)) == swing((0.8, 0.2), ()) == 0.0


def test_a_swing_counts_for_a_third_after_some_minutes() -> None:
    assert faded(0.3, int(FADES_S * 1_000)) == pytest.approx(0.3 / math.e)
    assert faded(0.3, 0) == faded(0.3, -5_000) == 0.3


@given(st.lists(st.tuples(st.integers(0, 600_000), st.floats(-0.2, 0.2)), max_size=20))
def test_step_by_step_it_is_the_stated_sum(records: list[tuple[int, float]]) -> None:
    momentum, at_ms, swings = 0.0, 0, []
    for wait_ms, by in records:
        at_ms += wait_ms
        momentum = pushed(faded(momentum, wait_ms), by)
        swings.append((at_ms, by))
    stated = math.fsum(by * math.exp(-(at_ms - then_ms) / 300_000.0) for then_ms, by in swings)

    assert -1.0 <= momentum <= 1.0
    if abs(stated) < 1.0 and math.fsum(abs(by) for _, by in swings) < 1.0:
        assert momentum == pytest.approx(stated, abs=1e-12)

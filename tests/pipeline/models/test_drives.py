"""The drive under way and the points that follow it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.models.features.drives import Drive, ends, total

OPENING = Drive(1, 1, 10, 75, 3)
SIDES = st.sampled_from([-1, 0, 1])
CLOCKS = st.tuples(st.booleans(), st.floats(0.0, 1800.0))


def expected(drive: Drive, scored: float, line: float, left_s: float, half_left_s: float) -> float:
    return total(drive, ends(drive, 0.0, left_s, half_left_s), scored, line, left_s, half_left_s)[0]


@pytest.mark.parametrize("line", [36.5, 45.0, 54.5])
def test_the_opening_kick_off_leaves_the_line_as_it_was(line: float) -> None:
    assert expected(OPENING, 0.0, line, 3600.0, 1800.0) == pytest.approx(line, abs=0.3)


def test_half_time_leaves_half_of_the_line() -> None:
    """The second half, overtime and all, brings what the first does: 1,390 games of 2019 to 2023."""
    assert expected(OPENING, 24.0, 45.0, 1800.0, 1800.0) == pytest.approx(24.0 + 22.5, abs=1.0)


def test_a_drive_that_nears_the_goal_expects_more_points() -> None:
    found = [expected(Drive(1, 1, 10, yards, 3), 20.0, 45.0, 1500.0, 1500.0) for yards in (75, 40, 15, 2)]

    assert found == sorted(found)
    assert found[-1] - found[0] > 3.0


def test_points_come_at_the_end_of_the_first_half_beside_the_usual_pace() -> None:
    before = expected(OPENING, 20.0, 45.0, 2100.0, 300.0)
    after = expected(OPENING, 20.0, 45.0, 1800.0, 1800.0)

    assert before - after > 45.0 * 300.0 / 3600.0


def test_time_that_passes_leaves_fewer_points_to_come() -> None:
    clocks = (1700.0, 1200.0, 600.0, 300.0, 120.0, 60.0, 20.0)
    found = [expected(OPENING, 20.0, 45.0, left_s, left_s) for left_s in clocks]

    assert found == sorted(found, reverse=True)
    assert found[-1] == pytest.approx(20.0, abs=1.0)


@given(SIDES, st.integers(1, 4), st.floats(1.0, 99.0), CLOCKS, st.floats(0.0, 80.0), st.floats(0.0, 80.0))
def test_a_total_is_that_of_both_sides_and_never_below_what_was_scored(
    side: int, down: int, yards: float, clock: tuple[bool, float], scored: float, line: float
) -> None:
    first_half, half_left_s = clock
    left_s = half_left_s + 1800.0 * first_half
    drive = Drive(side, down, 10.0, yards, 3)
    chances = ends(drive, 0.0, left_s, half_left_s)

    found = total(drive, chances, scored, line, left_s, half_left_s)

    assert found == total(drive._replace(side=-side), chances, scored, line, left_s, half_left_s)
    assert found[0] >= scored
    assert found[1] > 0.0

"""A book that has the two sides of a market the wrong way round."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.domain.devig import power_devig
from pipeline.stages.markets.suspicion import LEAST_APART, swapped

CHANCES = st.floats(0.01, 0.99)


@pytest.mark.parametrize(
    ("own", "others", "expected"),
    [
        # As recorded on 2026-06-30, four days before Paraguay - France: one book, and another.
        pytest.param((1.2857, 11.5, 5.5), (17.0, 1.1818, 7.0), True, id="a favourite shown as the outsider"),
        pytest.param((14.0, 1.2198, 6.5), (17.0, 1.1818, 7.0), False, id="much the same"),
        pytest.param((1.8, 2.1), (2.1, 1.8), True, id="a narrow favourite"),
        pytest.param((1.91, 1.91), (2.6, 1.5), False, id="a book that has not heard yet"),
        pytest.param((1.98, 1.86), (1.86, 1.98), False, id="too near to even to tell"),
        pytest.param((1.7, 2.3), (4.5, 1.2), False, id="the other way round it does not fit well"),
    ],
)
def test_swapped_sides(own: tuple[float, ...], others: tuple[float, ...], expected: bool) -> None:
    assert swapped(power_devig(own), power_devig(others)) is expected


@given(CHANCES, CHANCES)
def test_home_and_away_are_alike_and_so_are_book_and_market(own: float, others: float) -> None:
    mine, theirs = (own, 1.0 - own), (others, 1.0 - others)

    # Not to the last bit: 1 - p is rounded.
    apart = math.log(mine[0] / mine[1]) - math.log(theirs[0] / theirs[1])
    if abs(abs(apart) - LEAST_APART) > 1e-9:
        assert swapped(mine, theirs) == swapped(mine[::-1], theirs[::-1]) == swapped(theirs, mine)


@given(CHANCES)
def test_a_book_that_agrees_is_never_swapped_and_one_that_mirrors_a_clear_favourite_is(chance: float) -> None:
    market = chance, 1.0 - chance

    assert not swapped(market, market)
    assert swapped(market[::-1], market) == (2.0 * abs(math.log(market[0] / market[1])) >= LEAST_APART)

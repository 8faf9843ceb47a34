"""The population stability index: 0 where nothing changed, and what chance alone makes of it."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.domain.stability import BINS, chance_index, edges, shares, stability_index

NUMBERS = st.lists(st.floats(-1e6, 1e6) | st.sampled_from([-1.0, 0.0, 1.0]), min_size=1, max_size=60)


@given(NUMBERS.map(np.array))
def test_every_bin_holds_something_and_no_value_is_lost(values: np.ndarray) -> None:
    found = edges(values)
    held = shares(found, values)

    assert len(held) == len(found) + 1 <= BINS
    assert list(found) == sorted(set(found))
    assert min(held) > 0.0
    assert sum(held) == pytest.approx(1.0)


def test_a_value_on_an_edge_is_in_the_bin_above_it() -> None:
    possession = np.array([-1.0] * 5 + [1.0] * 5)

    assert edges(possession) == (1.0,)
    assert shares([1.0], possession) == (0.5, 0.5)


def test_a_thousand_numbers_lie_in_tenths() -> None:
    values = np.arange(1000.0)

    assert shares(edges(values), values) == pytest.approx([0.1] * 10, abs=0.0011)


@pytest.mark.parametrize(
    ("expected", "counts", "index"),
    [
        pytest.param([0.5, 0.5], [7, 7], 0.0, id="as it was"),
        pytest.param([0.5, 0.5], [60, 40], 0.0405, id="a little"),
        pytest.param([0.25] * 4, [10, 20, 30, 40], 0.2282, id="much"),
        pytest.param([0.5, 0.5], [0, 9], 4.6043, id="a bin that nothing falls into any more"),
    ],
)
def test_the_index_of_known_shares(expected: list[float], counts: list[int], index: float) -> None:
    assert stability_index(expected, counts) == pytest.approx(index, abs=1e-4)


@given(st.lists(st.integers(0, 1000), min_size=2, max_size=10).filter(any), st.data())
def test_the_index_is_never_negative(counts: list[int], data: st.DataObject) -> None:
    weights = data.draw(st.lists(st.integers(1, 1000), min_size=len(counts), max_size=len(counts)))

    assert stability_index([weight / sum(weights) for weight in weights], counts) >= 0.0


def test_chance_makes_as_much_as_it_says_one_time_of_a_hundred() -> None:
    draws = np.random.default_rng(5).multinomial(2000, [0.1] * 10, size=4000)
    found = [stability_index([0.1] * 10, list(counts)) for counts in draws]

    assert np.mean(np.array(found) > chance_index(10, 10**9, 2000)) == pytest.approx(0.01, abs=0.008)
    assert chance_index(10, 200, 200) == pytest.approx(2.0 * chance_index(10, 10**9, 200), rel=1e-3)

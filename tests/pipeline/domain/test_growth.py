import itertools
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.domain import growth as module
from pipeline.domain.growth import Group, group, growth, merged, slopes, ways, worst_wealth
from pipeline.domain.settlement import Result

WON, LOST, PUSHED = Result.WON, Result.LOST, Result.PUSHED


@st.composite
def groups(draw: st.DrawFn, most: int) -> Group:
    """Up to two bets that end in a few ways."""
    bets = draw(st.integers(1, 2))
    parts = draw(st.lists(st.floats(0.01, 1.0), min_size=2, max_size=most))
    total = math.fsum(parts)
    profits = draw(
        st.lists(
            st.tuples(*[st.sampled_from([-1.0, -0.5, 0.0, 0.45, 0.9, 3.0, 40.0])] * bets),
            min_size=len(parts),
            max_size=len(parts),
        )
    )
    return Group(tuple([part / total for part in parts]), tuple(profits))


def one_by_one(together: Group, flat: list[float]) -> tuple[float, list[float], list[list[float]]]:
    """Growth and derivatives by going through every way."""
    chances = together.chances
    wealth = [1.0 + math.fsum(map(math.prod, zip(way, flat, strict=True))) for way in together.profits]
    scaled = [[x / w for x in way] for way, w in zip(together.profits, wealth, strict=True)]
    size = range(len(flat))
    return (
        math.fsum(p * math.log(w) for p, w in zip(chances, wealth, strict=True)),
        [math.fsum(p * x[i] for p, x in zip(chances, scaled, strict=True)) for i in size],
        [
            [-math.fsum(p * x[i] * x[j] for p, x in zip(chances, scaled, strict=True)) for j in size]
            for i in size
        ],
    )


@settings(deadline=None)
@given(st.lists(groups(most=4), min_size=1, max_size=4), st.floats(0.0, 0.999), st.booleans())
def test_integrals_give_what_going_through_every_way_gives(
    independent: list[Group], staked: float, integrals: bool
) -> None:
    bets = sum(len(each.profits[0]) for each in independent)
    shares = [[staked / bets] * len(each.profits[0]) for each in independent]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "MOST_WAYS", 0 if integrals else 10**6)
        grown, (first, second) = growth(independent, shares), slopes(independent, shares)

    expected = one_by_one(merged(independent), [share for row in shares for share in row])
    assert grown == pytest.approx(expected[0], rel=1e-10, abs=1e-11)
    # Slopes of both signs cancel: what counts is how large they are in the worst case.
    scale = 40.0 / (1.0 - staked)
    assert first == pytest.approx(expected[1], rel=1e-10, abs=1e-11 * scale)
    for row, expected_row in zip(second, expected[2], strict=True):
        assert row == pytest.approx(expected_row, rel=1e-9, abs=1e-11 * scale**2)


def test_ten_coins_of_four_ways_each_need_no_million_of_terms() -> None:
    fair = group({(WON,): 0.3, (Result.HALF_WON,): 0.2, (Result.HALF_LOST,): 0.2, (LOST,): 0.3}, [2.0])

    assert ways([fair] * 10) == 4**10
    # Of small symmetric bets the growth is half their variance, and what follows of the fourth moment.
    variance, fourth = 10 * 0.7e-4, 10 * 0.625e-8 + 3 * 90 * 0.7e-4**2
    assert growth([fair] * 10, [[0.01]] * 10) == pytest.approx(-variance / 2 - fourth / 4, abs=2e-9)


def test_shares_that_may_lose_everything_never_recover() -> None:
    coin = group({(WON,): 0.9, (LOST,): 0.1}, [2.0])

    assert growth([coin, coin], [[0.5], [0.5]]) == -math.inf
    with pytest.raises(ValueError, match="lose the bankroll"):
        slopes([coin, coin], [[0.5], [0.5]])


def test_what_never_happens_does_not_count_as_the_worst() -> None:
    sure = group({(WON,): 1.0, (LOST,): 0.0}, [2.0])
    rounded = group({(WON,): 1.0 - 2e-16, (LOST,): 2e-16}, [2.0])

    assert worst_wealth([sure], [[0.5]]) == worst_wealth([rounded], [[0.5]]) == 1.5


def test_merged_groups_end_in_every_combination() -> None:
    first = group({(WON, LOST): 0.25, (LOST, WON): 0.75}, [3.0, 1.5])
    second = group({(WON,): 0.5, (PUSHED,): 0.5}, [2.0])

    together = merged([first, second])

    assert together.chances == (0.125, 0.125, 0.375, 0.375)
    assert together.profits == tuple(
        (*one, *other) for one, other in itertools.product(first.profits, second.profits)
    )


@pytest.mark.parametrize(
    "results", [{(WON,): 0.5}, {(WON,): 1.5, (LOST,): -0.5}, {(WON,): math.nan, (LOST,): 0.5}]
)
def test_what_are_not_the_probabilities_of_everything_is_refused(
    results: dict[tuple[Result, ...], float],
) -> None:
    with pytest.raises(ValueError, match="probabilities"):
        group(results, [2.0])


def test_results_and_prices_are_of_as_many_bets() -> None:
    with pytest.raises(ValueError):
        group({(WON, LOST): 0.5, (LOST, WON): 0.5}, [2.0])

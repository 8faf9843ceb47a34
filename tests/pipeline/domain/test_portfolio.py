import itertools
import math
from collections.abc import Sequence
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.domain.growth import Group, group, growth
from pipeline.domain.parlay import Selection, joint_results, leg_chances
from pipeline.domain.portfolio import exclusive_results, joint_kelly, line_results
from pipeline.domain.scores import goal_endings
from pipeline.domain.settlement import Chances, Result
from pipeline.domain.staking import exclusive_kelly, fractional_kelly, kelly

WON, LOST = Result.WON, Result.LOST
SHARES_OF_ONE = st.sampled_from([0.05, 0.15, 0.25, 0.5, 1.0])


def single(price: float, *chances: float) -> Group:
    return group(line_results([0], Chances(*chances)), [price])


@st.composite
def bets(draw: st.DrawFn) -> tuple[float, Chances]:
    parts = draw(st.tuples(*[st.floats(0.02, 1.0)] * 5))
    win, push, half_win, half_lose, _ = [part / sum(parts) for part in parts]
    chances = draw(
        st.sampled_from([Chances(win + push), Chances(win, push), Chances(win, 0.0, half_win, half_lose)])
    )
    return 1.01 + draw(st.floats(0.8, 1.5)) * (1.0 / chances.fair - 1.0), chances


@st.composite
def markets(draw: st.DrawFn) -> Group:
    parts = draw(st.lists(st.floats(0.05, 1.0), min_size=2, max_size=3))
    probabilities = [part / sum(parts) for part in parts]
    outcomes = draw(st.lists(st.sampled_from(range(len(parts))), min_size=1, max_size=3))
    prices = [1.02 + draw(st.floats(0.9, 1.5)) / probabilities[outcome] for outcome in outcomes]
    return group(exclusive_results(outcomes, probabilities), prices)


def part_growth(groups: Sequence[Group], shares: Sequence[Sequence[float]], multiplier: float) -> float:
    return growth(groups, [[share / multiplier for share in row] for row in shares])


@pytest.mark.parametrize(("number", "share"), [(1, 0.1), (2, 0.0990099), (10, 0.0896527)])
def test_known_shares_of_even_bets_at_once(number: int, share: float) -> None:
    found = joint_kelly([single(2.0, 0.55)] * number)

    assert [row[0] for row in found] == pytest.approx([share] * number, abs=1e-6)


def test_a_known_market_of_exclusive_outcomes() -> None:
    market = group(exclusive_results([0, 1, 2], [0.5, 0.3, 0.2]), [2.1, 3.5, 3.6])

    ((first, second, third),) = joint_kelly([market])

    assert (first, second) == pytest.approx((0.10, 0.06), abs=1e-7)
    assert third == 0.0


@settings(deadline=None)
@given(bets())
def test_a_bet_alone_gets_its_own_kelly_share(bet: tuple[float, Chances]) -> None:
    price, chances = bet

    assert joint_kelly([single(price, *chances)])[0][0] == pytest.approx(kelly(price, *chances), abs=1e-6)


@settings(deadline=None)
@given(st.lists(st.floats(0.05, 1.0), min_size=2, max_size=5), st.data())
def test_outcomes_of_one_market_get_their_exclusive_shares(parts: list[float], data: st.DataObject) -> None:
    probabilities = [part / sum(parts) for part in parts]
    margins = data.draw(st.lists(st.floats(0.8, 1.3), min_size=len(parts), max_size=len(parts)))
    prices = [1.01 + margin * (1.0 / p - 1.0) for margin, p in zip(margins, probabilities, strict=True)]
    market = group(exclusive_results(range(len(parts)), probabilities), prices)
    exact = exclusive_kelly(prices, probabilities)

    (found,) = joint_kelly([market])

    # Where all of it is staked other splits may grow as fast, so it is the growth that has to agree.
    assert growth([market], [found]) >= growth([market], [exact]) - 2e-12


@settings(deadline=None, max_examples=25)
@given(
    st.lists(bets().map(lambda bet: single(bet[0], *bet[1])) | markets(), min_size=1, max_size=3),
    SHARES_OF_ONE,
    SHARES_OF_ONE,
    SHARES_OF_ONE,
)
def test_no_shares_on_a_grid_within_the_limits_grow_faster(
    groups: list[Group], multiplier: float, cap: float, exposure: float
) -> None:
    found = joint_kelly(groups, multiplier, cap, exposure)

    best = part_growth(groups, found, multiplier)
    sizes = [len(each.profits[0]) for each in groups]
    ends = [0, *itertools.accumulate(sizes)]
    most = min(cap, multiplier, exposure)
    grid = [most * step / 4 for step in range(5)] if sum(sizes) <= 4 else [0.0, most / 2, most]
    for flat in itertools.product(grid, repeat=sum(sizes)):
        if math.fsum(flat) <= min(exposure, multiplier):
            rows = [flat[start:end] for start, end in itertools.pairwise(ends)]
            assert part_growth(groups, rows, multiplier) <= best + 2e-12


@settings(deadline=None)
@given(st.lists(bets(), min_size=1, max_size=5), SHARES_OF_ONE, SHARES_OF_ONE, SHARES_OF_ONE)
def test_joint_shares_keep_the_limits_and_grow_no_slower_than_separate_ones(
    several: list[tuple[float, Chances]], multiplier: float, cap: float, exposure: float
) -> None:
    groups = [single(price, *chances) for price, chances in several]
    separate = [fractional_kelly(kelly(price, *chances), multiplier, cap) for price, chances in several]
    scale = min(1.0, min(exposure, multiplier) / (sum(separate) or 1.0))

    found = joint_kelly(groups, multiplier, cap, exposure)

    assert all(0.0 <= share <= cap for row in found for share in row)
    assert math.fsum(share for row in found for share in row) <= exposure * (1.0 + 1e-12)
    assert part_growth(groups, found, multiplier) >= (
        part_growth(groups, [[share * scale] for share in separate], multiplier) - 2e-12
    )


@settings(deadline=None)
@given(st.lists(markets(), min_size=1, max_size=3), bets(), st.integers(0, 3))
def test_a_bet_that_is_worth_nothing_changes_nothing(
    groups: list[Group], bet: tuple[float, Chances], place: int
) -> None:
    _, chances = bet
    worthless = single(1.0 + 0.99 * (1.0 / chances.fair - 1.0) + 1e-9, *chances)
    found = joint_kelly(groups, 0.25, 0.05, 0.15)

    with_it = joint_kelly([*groups[:place], worthless, *groups[place:]], 0.25, 0.05, 0.15)

    assert with_it == (*found[:place], (0.0,), *found[place:])


@settings(deadline=None)
@given(st.lists(bets(), min_size=2, max_size=4, unique=True), st.randoms(use_true_random=False))
def test_the_order_of_bets_changes_no_share(several: list[tuple[float, Chances]], chance: Random) -> None:
    order = list(range(len(several)))
    chance.shuffle(order)
    groups = [single(price, *chances) for price, chances in several]

    found = joint_kelly(groups, 0.5, 0.2, 0.3)

    shuffled = joint_kelly([groups[index] for index in order], 0.5, 0.2, 0.3)
    assert [row[0] for row in shuffled] == pytest.approx([found[index][0] for index in order], abs=2e-6)


def test_what_a_cap_takes_from_one_bet_is_not_lost_to_the_others() -> None:
    strong, weak = single(2.0, 0.7), single(2.0, 0.55)

    (capped,), (beside,) = joint_kelly([strong, weak], multiplier=0.25, cap=0.05)
    (_, (beside_full,)) = joint_kelly([strong, weak], multiplier=0.25)

    assert capped == 0.05
    assert beside > beside_full + 1e-3


def test_exposure_goes_to_the_best_bets_first() -> None:
    (strong,), (weak,) = joint_kelly([single(2.0, 0.7), single(2.0, 0.505)], multiplier=0.25, exposure=0.05)

    assert strong == pytest.approx(0.05)
    assert weak == 0.0


@pytest.mark.parametrize("outcomes", [[0, 0, 0], [0, 1, 0, 1], [1, 0, 0]])
def test_bets_that_are_the_same_share_what_one_of_them_would_get(outcomes: list[int]) -> None:
    market = group(exclusive_results(outcomes, [0.5, 0.5]), [3.02] * len(outcomes))
    other = single(2.52, 0.4)

    found, _ = joint_kelly([market, other], multiplier=0.05, cap=0.05, exposure=0.05)

    once = group(exclusive_results(sorted(set(outcomes)), [0.5, 0.5]), [3.02] * len(set(outcomes)))
    assert math.fsum(found) == pytest.approx(
        math.fsum(joint_kelly([once, other], 0.05, 0.05, 0.05)[0]), abs=1e-6
    )


def test_two_prices_for_one_outcome_are_two_bets_of_which_the_better_is_taken() -> None:
    market = group(exclusive_results([0, 0], [0.55, 0.45]), [2.0, 1.95])

    assert joint_kelly([market])[0] == (pytest.approx(0.1, abs=1e-6), 0.0)


def test_a_hedge_that_loses_alone_is_taken_beside_what_it_hedges() -> None:
    # At 3.6 the last outcome, of probability .27, loses 2.8 % alone.
    market = group(exclusive_results([0, 1, 2], [0.5, 0.23, 0.27]), [2.6, 2.0, 3.6])

    assert joint_kelly([market])[0][2] > 0.01
    assert joint_kelly([group(exclusive_results([2], [0.5, 0.23, 0.27]), [3.6])]) == ((0.0,),)


def test_a_hundred_open_bets_are_shared_out() -> None:
    groups = [single(1.5 + index / 50, (1.02 + index % 7 / 100) / (1.5 + index / 50)) for index in range(100)]

    found = joint_kelly(groups, multiplier=0.25, cap=0.05, exposure=0.15)

    assert math.fsum(row[0] for row in found) == pytest.approx(0.15)
    assert found == joint_kelly(groups, multiplier=0.25, cap=0.05, exposure=0.15)


def test_bets_on_one_game_that_win_together_get_less_than_they_would_apart() -> None:
    legs = [Selection("h2h_3way", 0), Selection("total", 0, 2.5)]
    results = joint_results(legs, goal_endings((2.2, 0.8)))
    alone = [leg_chances(results, index) for index in (0, 1)]
    prices = [1.05 / chances.fair for chances in alone]

    (together,) = joint_kelly([group(results, prices)])
    apart = joint_kelly([single(price, *chances) for price, chances in zip(prices, alone, strict=True)])

    assert 0.0 < sum(together) < 0.95 * sum(row[0] for row in apart)


def test_without_bets_there_are_no_shares() -> None:
    assert joint_kelly([]) == ()


def test_both_sides_of_a_line_come_out_together() -> None:
    results = line_results([0, 1], Chances(win=0.5, push=0.2, half_win=0.1, half_lose=0.05))

    assert results == {
        (WON, LOST): 0.5,
        (Result.PUSHED, Result.PUSHED): 0.2,
        (Result.HALF_WON, Result.HALF_LOST): 0.1,
        (Result.HALF_LOST, Result.HALF_WON): 0.05,
        (LOST, WON): pytest.approx(0.15),
    }


def test_an_outcome_without_a_price_may_win_too() -> None:
    assert exclusive_results([0], [0.5, 0.3]) == {(WON,): 0.5, (LOST,): pytest.approx(0.5)}


@pytest.mark.parametrize("limits", [(0.0, 0.5, 0.5), (1.5, 0.5, 0.5), (0.5, 0.0, 0.5), (0.5, 0.5, math.nan)])
def test_limits_that_are_not_shares_are_refused(limits: tuple[float, float, float]) -> None:
    with pytest.raises(ValueError, match="multiplier"):
        joint_kelly([single(2.0, 0.55)], *limits)


@pytest.mark.parametrize(
    ("outcomes", "probabilities"), [([2], [0.5, 0.5]), ([0], [0.7, 0.7]), ([0], [-0.1, 1.1])]
)
def test_outcomes_without_probabilities_are_refused(outcomes: list[int], probabilities: list[float]) -> None:
    with pytest.raises(ValueError, match="probabilities"):
        exclusive_results(outcomes, probabilities)


def test_a_line_has_two_sides() -> None:
    with pytest.raises(ValueError, match="sides"):
        line_results([2], Chances(0.5))

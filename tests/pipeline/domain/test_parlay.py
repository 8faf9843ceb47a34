import itertools
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.domain import goals
from pipeline.domain.odds import hold
from pipeline.domain.parlay import (
    Selection,
    all_won,
    bounds,
    compound_hold,
    expected_value,
    fair_price,
    fair_share,
    joint_results,
    leg_chances,
    point_results,
)
from pipeline.domain.scores import goal_endings
from pipeline.domain.settlement import Chances, Result, profit, settle
from pipeline.domain.staking import expected_value as single_value

WON, LOST, PUSHED = Result.WON, Result.LOST, Result.PUSHED
RATES = st.tuples(st.floats(0.05, 5.0), st.floats(0.05, 5.0))
GOAL_LEGS = (
    st.builds(Selection, st.just("h2h"), st.integers(0, 1), st.just(0.0))
    | st.builds(Selection, st.just("h2h_3way"), st.integers(0, 2), st.just(0.0))
    | st.builds(Selection, st.just("spread"), st.integers(0, 1), st.integers(-10, 10).map(lambda q: q / 4))
    | st.builds(Selection, st.just("total"), st.integers(0, 1), st.integers(2, 24).map(lambda q: q / 4))
    | st.builds(Selection, st.just("btts"), st.integers(0, 1), st.just(0.0))
)
POINT_LEGS = (
    st.builds(Selection, st.just("h2h"), st.integers(0, 1), st.just(0.0))
    | st.builds(Selection, st.just("spread"), st.integers(0, 1), st.integers(-60, 60).map(lambda q: q / 4))
    | st.builds(Selection, st.just("total"), st.integers(0, 1), st.integers(780, 880).map(lambda q: q / 4))
)


def mirrored(leg: Selection) -> Selection:
    if leg.market in ("total", "btts") or leg.outcome == 2:
        return leg
    return Selection(leg.market, 1 - leg.outcome, -leg.line)


@settings(deadline=None, max_examples=40)
@given(RATES, st.lists(GOAL_LEGS, min_size=1, max_size=4))
def test_legs_of_a_game_come_out_as_settling_every_score_says(
    rates: tuple[float, float], legs: list[Selection]
) -> None:
    found = joint_results(legs, goal_endings(rates))

    expected: dict[tuple[Result, ...], float] = {}
    home, away = goals.poisson(rates[0]), goals.poisson(rates[1])
    for (own, chance), (other, likely) in itertools.product(enumerate(home), enumerate(away)):
        ends = tuple(settle(leg.market, leg.outcome, leg.line, own, other) for leg in legs)
        expected[ends] = expected.get(ends, 0.0) + chance * likely
    assert found == pytest.approx(expected, abs=1e-12)


@settings(deadline=None)
@given(RATES, st.lists(GOAL_LEGS, min_size=2, max_size=4))
def test_all_legs_together_lie_between_the_bounds(rates: tuple[float, float], legs: list[Selection]) -> None:
    results = joint_results(legs, goal_endings(rates))

    low, high = bounds([leg_chances(results, index).win for index in range(len(legs))])
    assert low - 1e-12 <= all_won(results) <= high + 1e-12


@settings(deadline=None)
@given(st.floats(-9.0, 9.0), st.floats(-0.9, 0.9), st.lists(POINT_LEGS, min_size=2, max_size=4))
def test_legs_of_points_lie_between_the_bounds_too(
    mean: float, correlation: float, legs: list[Selection]
) -> None:
    results = point_results(legs, (mean, 12.0), (205.0, 18.0), correlation, level_share=0.5)

    low, high = bounds([leg_chances(results, index).win for index in range(len(legs))])
    assert low - 1e-12 <= all_won(results) <= high + 1e-12
    assert math.fsum(results.values()) == pytest.approx(1.0, abs=1e-12)


@settings(deadline=None)
@given(RATES, st.lists(GOAL_LEGS, min_size=1, max_size=4), st.floats(-0.02, 0.02))
def test_swapping_the_sides_changes_no_bit(
    rates: tuple[float, float], legs: list[Selection], low_scores: float
) -> None:
    swapped = goal_endings((rates[1], rates[0]), low_scores=low_scores)

    assert joint_results([mirrored(leg) for leg in legs], swapped) == joint_results(
        legs, goal_endings(rates, low_scores=low_scores)
    )


@settings(deadline=None)
@given(st.floats(-9.0, 9.0), st.floats(-0.9, 0.9), st.lists(POINT_LEGS, min_size=1, max_size=4))
def test_swapping_the_sides_of_a_game_of_points_mirrors_it(
    mean: float, correlation: float, legs: list[Selection]
) -> None:
    found = point_results(legs, (mean, 12.0), (205.0, 18.0), correlation, level_share=0.5)
    swapped = [mirrored(leg) for leg in legs]

    assert point_results(
        swapped, (-mean, 12.0), (205.0, 18.0), -correlation, level_share=0.5
    ) == pytest.approx(found, abs=1e-12)


def test_a_leg_that_another_implies_costs_nothing_more() -> None:
    results = joint_results(
        [Selection("spread", 0, -1.5), Selection("h2h_3way", 0)], goal_endings((1.6, 1.1))
    )

    assert all_won(results) == leg_chances(results, 0).win
    of_points = point_results(
        [Selection("spread", 0, -7.5), Selection("spread", 0, -3.5)], (2.0, 12.0), (200.0, 18.0), 0.1
    )
    assert all_won(of_points) == pytest.approx(leg_chances(of_points, 0).win, abs=1e-15)


@pytest.mark.parametrize(
    "legs",
    [
        pytest.param([Selection("h2h_3way", 0), Selection("h2h_3way", 2)], id="home and draw"),
        pytest.param([Selection("total", 1, 1.5), Selection("btts", 0)], id="fewer than two, and both score"),
        pytest.param([Selection("spread", 0, -2.5), Selection("total", 1, 2.5)], id="by three, of two goals"),
    ],
)
def test_legs_that_exclude_one_another_never_pay(legs: list[Selection]) -> None:
    results = joint_results(legs, goal_endings((1.6, 1.1)))

    assert all_won(results) == 0.0
    assert fair_price([results]) == math.inf


def test_a_favourite_and_many_goals_go_together() -> None:
    results = joint_results([Selection("h2h_3way", 0), Selection("total", 0, 2.5)], goal_endings((2.2, 0.8)))

    apart = leg_chances(results, 0).win * leg_chances(results, 1).win
    assert all_won(results) > 1.05 * apart
    assert fair_price([results]) == pytest.approx(1.0 / all_won(results))


def test_games_have_nothing_to_do_with_one_another() -> None:
    first = joint_results([Selection("h2h_3way", 0)], goal_endings((1.6, 1.1)))
    second = joint_results([Selection("total", 1, 2.5)], goal_endings((1.2, 1.3)))

    assert fair_price([first, second]) == pytest.approx(1.0 / (all_won(first) * all_won(second)))


@settings(deadline=None)
@given(
    st.lists(st.tuples(st.tuples(*[st.floats(0.05, 1.0)] * 5), st.floats(1.1, 8.0)), min_size=1, max_size=4)
)
def test_a_parlay_across_games_returns_the_product_of_what_its_legs_return(
    drawn: list[tuple[tuple[float, ...], float]],
) -> None:
    kinds = (WON, PUSHED, Result.HALF_WON, Result.HALF_LOST, LOST)
    legs = [
        ({(kind,): part / sum(parts) for kind, part in zip(kinds, parts, strict=True)}, price)
        for parts, price in drawn
    ]

    value = expected_value([(results, [price]) for results, price in legs])

    singles = [single_value(price, *leg_chances(results, 0)) for results, price in legs]
    assert value == pytest.approx(math.prod([1.0 + each for each in singles]) - 1.0, abs=1e-9)
    # At fair prices nobody wins.
    fair = [([results], leg_chances(results, 0).fair) for results, _ in legs]
    assert fair_price([results for results, _ in legs]) == pytest.approx(
        math.prod([1.0 / p for _, p in fair])
    )


def test_a_refunded_leg_leaves_the_rest_of_the_parlay() -> None:
    results = {(WON, WON): 0.25, (PUSHED, WON): 0.25, (LOST, LOST): 0.5}

    # At 2.0 and 2.0: 4 when both win, 2 when the first is refunded.
    assert expected_value([(results, [2.0, 2.0])]) == pytest.approx(0.25 * 4 + 0.25 * 2 - 1.0)
    assert expected_value([(results, [2.0, 2.0])], price=3.0) == pytest.approx(0.25 * 3 + 0.25 * 1.5 - 1.0)


def test_a_void_leg_is_a_refund() -> None:
    assert leg_chances({(Result.VOID,): 0.25, (PUSHED,): 0.25, (WON,): 0.5}, 0) == Chances(0.5, push=0.5)


def test_halves_of_a_quarter_line_go_on_as_halves() -> None:
    results = {(Result.HALF_WON, Result.HALF_LOST): 1.0}

    paid = (1.0 + profit(Result.HALF_WON, 1.9)) * (1.0 + profit(Result.HALF_LOST, 2.0))
    assert expected_value([(results, [1.9, 2.0])]) == pytest.approx(paid - 1.0)


def test_a_level_game_that_is_played_on_is_won_by_a_side() -> None:
    legs = [Selection("h2h", 0), Selection("spread", 0, -0.5)]
    played_on = joint_results(legs, goal_endings((2.8, 2.6), level_share=0.5))

    home, _, draw = goals.outcomes(2.8, 2.6)
    assert leg_chances(played_on, 0) == pytest.approx(Chances(home + draw / 2))
    assert all_won(played_on) == pytest.approx(home)


def test_margins_multiply() -> None:
    assert compound_hold([hold([1.9091, 1.9091])] * 3) == pytest.approx(0.13, abs=5e-3)
    assert compound_hold([]) == 0.0
    with pytest.raises(ValueError, match="holds all"):
        compound_hold([1.0])


def test_that_both_score_is_no_question_of_points() -> None:
    with pytest.raises(ValueError, match="both sides score"):
        point_results([Selection("btts", 0)], (0.0, 12.0), (200.0, 18.0), 0.0)


def test_a_leg_that_no_rule_settles_is_refused() -> None:
    with pytest.raises(ValueError, match="no rule"):
        joint_results([Selection("corners", 0)], goal_endings((1.0, 1.0)))


def test_as_many_prices_as_legs() -> None:
    with pytest.raises(ValueError):
        fair_share({(WON,): 1.0}, [2.0, 2.0])


def test_bounds_need_something_that_happens() -> None:
    with pytest.raises(ValueError, match="no probabilities"):
        bounds([])

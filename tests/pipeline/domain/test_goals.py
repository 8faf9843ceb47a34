import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import poisson as reference
from scipy.stats import skellam

from pipeline.domain.diffusion import home_win_with_overtime
from pipeline.domain.goals import (
    both_score,
    cover_chances,
    outcomes,
    poisson,
    rates,
    split_rate,
    total_chances,
    total_rate,
)

RATES = st.floats(0.01, 12.0)
SCORES = st.integers(0, 9)
TYPICAL = (1.5, 1.2)


@given(st.just(0.0) | st.floats(1e-6, 100.0))
def test_goals_are_poisson(rate: float) -> None:
    found = poisson(rate)

    assert found == pytest.approx(reference.pmf(range(len(found)), rate), rel=1e-9, abs=1e-15)
    assert math.fsum(found) == pytest.approx(1.0, abs=1e-13)


@given(RATES, RATES, SCORES, SCORES)
def test_outcomes_follow_the_difference_of_two_poissons(home: float, away: float, at: int, to: int) -> None:
    needed = to - at

    assert outcomes(home, away, at, to) == pytest.approx(
        (
            skellam.sf(needed, home, away),
            skellam.cdf(needed - 1, home, away),
            skellam.pmf(needed, home, away),
        ),
        abs=1e-9,
    )


@given(RATES, RATES, SCORES, SCORES)
def test_swapping_the_sides_mirrors_the_outcomes(home: float, away: float, at: int, to: int) -> None:
    first, second, draw = outcomes(home, away, at, to)

    assert outcomes(away, home, to, at) == (second, first, draw)
    assert both_score(away, home, to, at) == both_score(home, away, at, to)


@given(RATES, RATES, st.integers(-5, 5), st.integers(-20, 20).map(lambda quarters: quarters / 4))
def test_swapping_the_sides_mirrors_the_spread(home: float, away: float, lead: int, line: float) -> None:
    mirrored = cover_chances(-line, away, home, -lead).opposite

    assert mirrored == pytest.approx(cover_chances(line, home, away, lead), abs=1e-12)


@given(RATES, RATES, st.integers(-5, 5))
def test_the_spread_of_zero_is_draw_no_bet(home: float, away: float, lead: int) -> None:
    ahead, behind, level = outcomes(home, away, lead, 0)
    chances = cover_chances(0.0, home, away, lead)

    assert (chances.win, chances.lose, chances.push) == pytest.approx((ahead, behind, level), abs=1e-12)


@pytest.mark.parametrize(
    ("home", "away", "expected"), [(2, 1, (1, 0, 0)), (0, 3, (0, 1, 0)), (1, 1, (0, 0, 1))]
)
def test_with_nothing_left_the_score_decides(home: int, away: int, expected: tuple[int, int, int]) -> None:
    assert outcomes(0.0, 0.0, home, away) == expected
    assert both_score(0.0, 0.0, home, away) == (1.0 if home and away else 0.0)


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (2.5, (1, 0, 0, 0)),
        (2.75, (0, 0, 1, 0)),
        (3.0, (0, 1, 0, 0)),
        (3.25, (0, 0, 0, 1)),
        (3.5, (0, 0, 0, 0)),
    ],
)
def test_with_nothing_left_the_total_is_settled(line: float, expected: tuple[int, ...]) -> None:
    assert tuple(total_chances(line, 0.0, scored=3)) == expected


@given(RATES, SCORES, st.integers(0, 40).map(lambda quarters: quarters / 4))
def test_totals_count_every_number_of_goals_once(rate: float, scored: int, line: float) -> None:
    chances = total_chances(line, rate, scored)

    whole = math.floor(line + 0.5)
    beyond = line if line % 1.0 == 0.5 else whole
    assert chances.win == pytest.approx(reference.sf(beyond - scored, rate), abs=1e-12)
    assert chances.lose == pytest.approx(
        reference.cdf((line if line % 1.0 == 0.5 else whole - 1) - scored, rate), abs=1e-12
    )


def test_both_score_when_neither_stays_without_a_goal() -> None:
    assert both_score(1.6, 1.1) == pytest.approx((1 - math.exp(-1.6)) * (1 - math.exp(-1.1)))
    assert both_score(1.6, 1.1, home_score=1) == pytest.approx(1 - math.exp(-1.1))


@given(st.integers(2, 40).map(lambda quarters: quarters / 4), st.floats(0.05, 0.95))
def test_the_rate_of_a_total_gives_its_fair_price_back(line: float, fair: float) -> None:
    assert total_chances(line, total_rate(line, fair)).fair == pytest.approx(fair, abs=1e-10)


@given(st.floats(0.1, 6.0), st.floats(0.1, 6.0))
def test_rates_come_back_from_what_they_imply(home: float, away: float) -> None:
    fair = outcomes(home, away)
    over = total_chances(2.5, home + away).fair

    assert rates(fair, (2.5, over), TYPICAL) == pytest.approx((home, away), abs=1e-7)


@given(st.floats(0.3, 6.0), st.floats(0.3, 6.0))
def test_without_a_total_the_draw_says_how_many_goals(home: float, away: float) -> None:
    assert rates(outcomes(home, away), None, TYPICAL) == pytest.approx((home, away), rel=1e-5)


@given(st.floats(2.0, 7.0), st.floats(2.0, 7.0), st.floats(0.3, 0.7))
def test_a_two_way_price_counts_its_share_of_level_scores(home: float, away: float, share: float) -> None:
    ahead, _, level = outcomes(home, away)
    fair = home_win_with_overtime(ahead, level, share)

    found = rates((fair, 1.0 - fair), (8.5, total_chances(8.5, home + away).fair), TYPICAL, share)
    assert found == pytest.approx((home, away), abs=1e-6)


def test_what_is_not_known_is_as_in_a_typical_game() -> None:
    assert rates(None, None, TYPICAL) == TYPICAL
    assert sum(rates((0.6, 0.4), None, TYPICAL)) == pytest.approx(sum(TYPICAL))
    home, away = rates(None, (2.5, 0.6), TYPICAL)
    assert home / away == pytest.approx(TYPICAL[0] / TYPICAL[1])
    assert total_chances(2.5, home + away).fair == pytest.approx(0.6)


@given(st.floats(0.02, 0.98), st.floats(0.2, 20.0))
def test_swapping_a_price_swaps_the_rates(fair: float, total: float) -> None:
    assert split_rate(total, 1.0 - fair)[::-1] == pytest.approx(split_rate(total, fair), abs=1e-8)


def test_a_price_out_of_reach_leaves_the_weaker_side_almost_nothing() -> None:
    home, away = split_rate(total=0.2, home=0.95)

    assert (home, away) == pytest.approx((0.19998, 0.00002))


def test_what_cannot_be_is_refused() -> None:
    for rate in (-0.1, 101.0, math.nan):
        for reads_a_rate in (poisson, lambda r: outcomes(r, 1.0), lambda r: both_score(1.0, r)):
            with pytest.raises(ValueError, match="expected goals"):
                reads_a_rate(rate)
    for line, fair in ((0.0, 0.5), (-1.5, 0.5), (2.5, 0.0), (2.5, math.nan)):
        with pytest.raises(ValueError, match="no total"):
            total_rate(line, fair)
    for total, home, share in ((0.0, 0.5, 0.5), (2.5, 1.0, 0.5), (2.5, 0.5, -0.1)):
        with pytest.raises(ValueError, match="no split"):
            split_rate(total, home, share)

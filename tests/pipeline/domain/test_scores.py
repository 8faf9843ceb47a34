import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.stats import multivariate_normal, norm

from pipeline.domain import diffusion, goals
from pipeline.domain.scores import Ending, goal_endings, point_endings

RATES = st.tuples(st.floats(0.0, 8.0), st.floats(0.0, 8.0))
SCORES = st.tuples(st.integers(0, 4), st.integers(0, 4))
MARGIN = st.tuples(st.floats(-15.0, 15.0), st.floats(0.5, 20.0))
TOTAL = st.tuples(st.floats(20.0, 230.0), st.floats(0.5, 25.0))
CORRELATIONS = st.floats(-0.9, 0.9)
LINES = st.integers(-30, 30).map(lambda quarters: quarters / 4)


def chance(endings: list[Ending], *conditions: bool) -> float:
    return math.fsum(each.chance for each, holds in zip(endings, conditions, strict=True) if holds)


@settings(deadline=None)
@given(RATES, SCORES)
def test_final_scores_have_the_outcomes_totals_and_margins_of_the_goal_model(
    rates: tuple[float, float], score: tuple[int, int]
) -> None:
    endings = goal_endings(rates, score)

    home, away, draw = goals.outcomes(*rates, *score)
    assert chance(endings, *[each.ahead == 1 for each in endings]) == pytest.approx(home, abs=1e-12)
    assert chance(endings, *[each.ahead == -1 for each in endings]) == pytest.approx(away, abs=1e-12)
    assert chance(endings, *[each.ahead == 0 for each in endings]) == pytest.approx(draw, abs=1e-12)
    over = goals.total_chances(3.5, sum(rates), sum(score)).win
    assert chance(endings, *[each.total > 3.5 for each in endings]) == pytest.approx(over, abs=1e-12)
    both = goals.both_score(*rates, *score)
    found = chance(endings, *[each.total > abs(each.margin) for each in endings])
    assert found == pytest.approx(both, abs=1e-12)
    assert math.fsum(each.chance for each in endings) == pytest.approx(1.0, abs=1e-12)


@settings(deadline=None)
@given(st.tuples(st.floats(0.1, 3.0), st.floats(0.1, 3.0)), st.sampled_from([-0.3, -0.1, -0.01, 0.02, 0.1]))
def test_dependence_moves_only_low_scores_and_leaves_each_side_its_goals(
    rates: tuple[float, float], low_scores: float
) -> None:
    plain, tied = goal_endings(rates), goal_endings(rates, low_scores=low_scores)

    moved = {
        (each.margin, each.total): other.chance - each.chance
        for each, other in zip(plain, tied, strict=True)
        if other.chance != each.chance
    }
    both = rates[0] * rates[1] * math.exp(-sum(rates)) * low_scores
    assert set(moved) == {(0, 0), (1, 1), (-1, 1), (0, 2)}
    for key, change in moved.items():
        assert change == pytest.approx(both if key[1] == 1 else -both, abs=1e-12)
    for own in range(4):
        alone = goals.poisson(rates[0])[own]
        scored = [(each.total + each.margin) // 2 == own for each in tied]
        assert chance(tied, *scored) == pytest.approx(alone, abs=1e-12)


@pytest.mark.parametrize("low_scores", [0.5, 1.1, -2.0, math.nan])
def test_a_dependence_that_makes_chances_negative_is_refused(low_scores: float) -> None:
    with pytest.raises(ValueError, match="dependence"):
        goal_endings((2.0, 1.5), low_scores=low_scores)


def test_without_goals_to_come_the_score_is_final() -> None:
    assert goal_endings((0.0, 0.0), (2, 1)) == [Ending(1, 3, 1, 1.0)]


def test_a_level_game_that_is_played_on_has_a_winner() -> None:
    endings = goal_endings((0.0, 0.0), (1, 1), level_share=0.75)

    assert endings == [Ending(0, 2, 1, 0.75), Ending(0, 2, -1, 0.25)]


@settings(deadline=None)
@given(MARGIN, TOTAL, CORRELATIONS, LINES, st.floats(-2.0, 2.0))
def test_margin_and_total_above_two_lines_are_bivariate_normal(
    margin: tuple[float, float], total: tuple[float, float], correlation: float, line: float, away: float
) -> None:
    margin_line, total_line = math.floor(line) + 0.5, math.floor(total[0] + away * total[1]) + 0.5

    endings = point_endings(margin, total, correlation, [margin_line], [total_line])

    spread = [
        [margin[1] ** 2, correlation * margin[1] * total[1]],
        [correlation * margin[1] * total[1], total[1] ** 2],
    ]
    # Above both is below both of the mirrored variable.
    expected = multivariate_normal([-margin[0], -total[0]], spread).cdf([-margin_line, -total_line])
    found = chance(endings, *[each.margin > margin_line and each.total > total_line for each in endings])
    assert found == pytest.approx(expected, abs=2e-8)  # as far as the reference goes
    assert math.fsum(each.chance for each in endings) == pytest.approx(1.0, abs=1e-12)


@settings(deadline=None)
@given(st.floats(-4.0, 4.0), st.floats(-4.0, 4.0), CORRELATIONS)
def test_the_integral_is_that_of_conditional_normals(a: float, b: float, correlation: float) -> None:
    endings = point_endings((-a * 7.0 + 0.5, 7.0), (-b * 9.0 + 0.5, 9.0), correlation, [0.5], [0.5])

    rest = math.sqrt(1.0 - correlation**2)
    expected, _ = quad(
        lambda x: norm.pdf(x) * norm.sf((b - correlation * x) / rest),
        a,
        max(a, 0.0) + 9.0,
        epsabs=1e-13,
        limit=200,
    )
    found = chance(endings, *[each.margin > 0.5 and each.total > 0.5 for each in endings])
    assert found == pytest.approx(expected, abs=1e-12)


@settings(deadline=None)
@given(MARGIN, TOTAL, CORRELATIONS, LINES, LINES)
def test_margin_and_total_alone_are_those_of_the_diffusion(
    margin: tuple[float, float], total: tuple[float, float], correlation: float, line: float, offset: float
) -> None:
    total_line = round(total[0]) + offset

    endings = point_endings(margin, total, correlation, [line], [total_line])

    cover = diffusion.cover_chances(-line, 0, *margin)
    assert chance(endings, *[each.margin >= line + 0.5 for each in endings]) == pytest.approx(
        cover.win, abs=1e-12
    )
    above = diffusion.probability_above(math.floor(total_line + 0.5) + 0.5, *total)
    counted = [each.total > math.floor(total_line + 0.5) + 0.5 for each in endings]
    if total_line % 1 != 0.5:
        assert chance(endings, *counted) == pytest.approx(above, abs=1e-12)
    level = diffusion.outcomes(0, *margin)[2]
    assert chance(endings, *[each.ahead == 0 for each in endings]) == pytest.approx(level, abs=1e-12)


def test_a_game_that_is_over_has_one_ending() -> None:
    endings = point_endings((3.0, 0.0), (101.0, 0.0), 0.3, [2.5], [100.0])

    assert [(each.margin, each.ahead, each.total > 100, each.chance) for each in endings if each.chance] == [
        (3, 1, True, 1.0)
    ]


@pytest.mark.parametrize("correlation", [0.95, -1.0, math.nan])
def test_a_correlation_that_no_game_has_is_refused(correlation: float) -> None:
    with pytest.raises(ValueError, match="correlation"):
        point_endings((0.0, 12.0), (200.0, 18.0), correlation, [], [200.5])


def test_a_share_of_level_games_is_a_probability() -> None:
    with pytest.raises(ValueError, match="level games"):
        goal_endings((1.0, 1.0), level_share=1.5)

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.domain.diffusion import (
    cover_chances,
    home_win_with_overtime,
    mean_of_moneyline,
    mean_of_spread,
    outcomes,
    probability_above,
    remaining,
)

LEADS = st.integers(-50, 50)
MEANS = st.floats(-30.0, 30.0)
SDS = st.floats(0.01, 30.0)
LINES = st.integers(-120, 120).map(lambda quarters: quarters / 4)


def test_stern_at_half_time() -> None:
    mean, sd = remaining(mean=4.0, sd=12.0, fraction=0.5)

    assert probability_above(0.0, mean, sd) == pytest.approx(0.59317, abs=5e-6)
    # With the lattice and overtime shared out evenly, level scores move it only a little.
    home, _, draw = outcomes(0, mean, sd)
    assert home_win_with_overtime(home, draw, 0.5) == pytest.approx(0.59317, abs=5e-4)


@given(LEADS, MEANS, SDS)
def test_outcomes_sum_to_one(lead: int, mean: float, sd: float) -> None:
    found = outcomes(lead, mean, sd)

    assert math.fsum(found) == pytest.approx(1.0, abs=1e-12)
    assert all(0.0 <= probability <= 1.0 for probability in found)


@given(LEADS, MEANS, st.just(0.0) | SDS)
def test_swapping_the_teams_mirrors_the_outcomes(lead: int, mean: float, sd: float) -> None:
    home, away, draw = outcomes(lead, mean, sd)

    assert outcomes(-lead, -mean, sd) == (away, home, draw)


@given(LEADS, MEANS, SDS, LINES)
def test_swapping_the_teams_mirrors_the_spread(lead: int, mean: float, sd: float, line: float) -> None:
    mirrored = cover_chances(-line, -lead, -mean, sd).opposite

    assert mirrored == pytest.approx(cover_chances(line, lead, mean, sd), abs=1e-12)


@pytest.mark.parametrize(
    ("lead", "expected"), [(1, (1.0, 0.0, 0.0)), (-7, (0.0, 1.0, 0.0)), (0, (0.0, 0.0, 1.0))]
)
def test_with_nothing_left_the_score_decides(lead: int, expected: tuple[float, float, float]) -> None:
    assert outcomes(lead, *remaining(mean=6.5, sd=13.0, fraction=0.0)) == expected


@pytest.mark.parametrize(
    ("lead", "line", "expected"),
    [
        pytest.param(4, -3.5, (1.0, 0.0, 0.0, 0.0), id="covered"),
        pytest.param(3, -3.0, (0.0, 1.0, 0.0, 0.0), id="met"),
        pytest.param(3, -2.75, (0.0, 0.0, 1.0, 0.0), id="half won"),
        pytest.param(3, -3.25, (0.0, 0.0, 0.0, 1.0), id="half lost"),
        pytest.param(-1, 0.5, (0.0, 0.0, 0.0, 0.0), id="lost"),
    ],
)
def test_with_nothing_left_the_spread_is_settled(lead: int, line: float, expected: tuple[float, ...]) -> None:
    assert tuple(cover_chances(line, lead, 0.0, 0.0)) == expected


def test_a_lead_becomes_certain_as_time_runs_out() -> None:
    chances = [outcomes(3, *remaining(-7.0, 13.0, left))[0] for left in (1.0, 0.5, 0.1, 0.01, 0.0001, 0.0)]

    assert chances == sorted(chances)
    assert chances[-2] == pytest.approx(1.0, abs=1e-12)


@given(LINES, st.floats(0.02, 0.98), st.floats(2.0, 20.0))
def test_the_mean_of_a_spread_gives_its_fair_price_back(line: float, fair: float, sd: float) -> None:
    mean = mean_of_spread(line, fair, sd)

    assert cover_chances(line, 0, mean, sd).fair == pytest.approx(fair, abs=1e-10)


@given(st.floats(0.001, 0.999), st.floats(1.0, 20.0), st.floats(0.0, 1.0))
def test_the_mean_of_a_moneyline_gives_its_fair_price_back(fair: float, sd: float, overtime: float) -> None:
    mean = mean_of_moneyline(fair, sd, overtime)

    home, _, draw = outcomes(0, mean, sd)
    assert home_win_with_overtime(home, draw, overtime) == pytest.approx(fair, abs=1e-10)


@given(LINES, st.floats(0.02, 0.98), st.floats(2.0, 20.0))
def test_the_mean_of_a_mirrored_market_is_mirrored(line: float, fair: float, sd: float) -> None:
    assert mean_of_spread(-line, 1.0 - fair, sd) == pytest.approx(-mean_of_spread(line, fair, sd), abs=1e-9)
    assert mean_of_moneyline(1.0 - fair, sd) == pytest.approx(-mean_of_moneyline(fair, sd), abs=1e-9)


def test_what_cannot_be_is_refused() -> None:
    with pytest.raises(ValueError, match="share"):
        remaining(3.0, 13.0, 1.5)
    for mean, sd in ((0.0, -1.0), (math.nan, 1.0), (0.0, math.nan), (math.inf, 1.0)):
        with pytest.raises(ValueError, match="normal variable"):
            outcomes(0, mean, sd)
    with pytest.raises(ValueError, match="overtimes"):
        home_win_with_overtime(0.4, 0.1, 1.1)
    for fair, sd in ((0.0, 13.0), (1.0, 13.0), (math.nan, 13.0), (0.5, 0.0)):
        with pytest.raises(ValueError, match="no mean"):
            mean_of_spread(-3.5, fair, sd)

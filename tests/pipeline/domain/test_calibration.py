import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.domain.calibration import bucket, favourite, variance_added

FORECASTS = st.lists(st.floats(0.01, 1.0), min_size=2, max_size=3).map(
    lambda parts: [part / math.fsum(parts) for part in parts]
)


@given(st.floats(0.0, 1.0))
def test_a_probability_is_in_the_bucket_whose_edges_it_lies_between(probability: float) -> None:
    place = bucket(probability)

    assert 0 <= place <= 9
    assert place / 10 <= probability + 1e-12
    assert probability <= (place + 1) / 10 + 1e-12


@pytest.mark.parametrize(
    ("chances", "place"), [((0.4, 0.6), 1), ((0.5, 0.5), 0), ((0.3, 0.35, 0.35), 1), ((0.2, 0.2, 0.6), 2)]
)
def test_the_favourite_is_the_likeliest_and_of_equal_ones_the_first(
    chances: tuple[float, ...], place: int
) -> None:
    assert favourite(chances) == place


@given(FORECASTS, st.integers(1, 50))
def test_saying_the_same_again_is_one_draw_that_counts_so_often(chances: list[float], times: int) -> None:
    others = [0] * (len(chances) - 1)
    variance = math.fsum([variance_added((said, *others), chances, 0) for said in range(times)])

    assert variance == pytest.approx(times**2 * chances[0] * (1.0 - chances[0]))


@given(FORECASTS)
def test_what_was_said_of_every_outcome_alike_has_no_variance(chances: list[float]) -> None:
    """One of them comes, whichever: the sum of (came - said) over all is 0."""
    said = [0] * len(chances)
    total = 0.0
    for outcome in range(len(chances)):
        total += variance_added(said, chances, outcome)
        said[outcome] += 1

    assert total == pytest.approx(0.0, abs=1e-12)


@pytest.mark.parametrize("looks_at", ["home", "favourite"])
def test_over_many_honest_games_it_is_the_mean_square_of_what_came_less_what_was_said(looks_at: str) -> None:
    """Games of 15 fair coins of which home needs more than away: the chances are counted exactly."""
    chance, flips, games = random.Random(20_261_121), 15, 4_000
    squares = variances = 0.0
    for _ in range(games):
        heads, counts, said, looked_at = 0, [0, 0], 0.0, []
        variance = 0.0
        for left in range(flips, 0, -1):
            needs = flips // 2 + 1 - heads
            home = sum(math.comb(left, more) for more in range(max(0, needs), left + 1)) / 2**left
            chances = (home, 1.0 - home)
            outcome = 0 if looks_at == "home" else favourite(chances)
            variance += variance_added(counts, chances, outcome)
            counts[outcome] += 1
            looked_at.append(outcome)
            said += chances[outcome]
            heads += chance.random() < 0.5
        came = looked_at.count(0 if heads > flips // 2 else 1)
        squares += (came - said) ** 2 / games
        variances += variance / games

    assert squares == pytest.approx(variances, rel=0.06)

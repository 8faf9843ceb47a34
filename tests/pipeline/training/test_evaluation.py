"""Scores of probabilities, and calibration held against what chance alone would show."""

import numpy as np
import pytest

from pipeline.training.evaluation import above, buckets, plot, score
from pipeline.training.games import Moments


def ended(labels: list[int], each: int = 1, outcomes: int = 2) -> Moments:
    """Games that ended so, with so many moments each."""
    games = np.repeat(np.arange(len(labels)), each)
    nothing = np.zeros((len(games), outcomes))
    return Moments(
        games=tuple(f"game {number}" for number in range(len(labels))),
        days=tuple("2025-09-14" for _ in labels),
        game=games,
        source_event_ids=tuple(str(number) for number in range(len(games))),
        period=np.ones(len(games), dtype=np.int64),
        values=nothing,
        closed=nothing,
        anchor=nothing,
        label=np.repeat(np.array(labels), each),
    )


def pair(home: list[float]) -> np.ndarray:
    return np.column_stack([home, 1.0 - np.array(home)])


def test_scores_of_a_coin_and_of_a_table() -> None:
    coin = score(pair([0.5, 0.5]), ended([0, 1]))
    sharp = score(pair([0.8, 0.4]), ended([0, 1]))

    assert (coin.log_loss, coin.brier, coin.calibration) == pytest.approx((0.693147, 0.25, 0.0), abs=1e-6)
    assert sharp.log_loss == pytest.approx(-(np.log(0.8) + np.log(0.6)) / 2)
    assert sharp.brier == pytest.approx((0.04 + 0.16) / 2)
    assert (sharp.accuracy, sharp.games, sharp.moments) == (1.0, 2, 2)


def test_three_outcomes_are_scored_over_all_of_them() -> None:
    even = score(np.full((3, 3), 1 / 3), ended([0, 1, 2], outcomes=3))

    assert even.log_loss == pytest.approx(np.log(3.0))
    assert even.brier == pytest.approx(2 / 3)
    assert even.calibration == pytest.approx(0.0)


def test_overconfidence_is_more_than_chance_allows_and_honesty_is_not() -> None:
    chance = np.random.Generator(np.random.PCG64(5))
    true = chance.uniform(0.1, 0.9, 600)
    moments = ended((chance.random(600) > true).astype(int).tolist())
    bold = 1.0 / (1.0 + np.exp(-2.5 * np.log(true / (1.0 - true))))

    honest, boastful = score(pair(true.tolist()), moments), score(pair(bold.tolist()), moments)

    assert honest.calibration < honest.chance
    assert boastful.calibration > boastful.chance


def test_fewer_games_leave_more_to_chance_however_many_moments_they_have() -> None:
    many = score(pair([0.5] * 400), ended([0, 1] * 200))
    few = score(pair([0.5] * 400), ended([0, 1] * 5, each=40))

    assert few.chance > 3.0 * many.chance


def test_a_difference_counts_games_not_moments() -> None:
    moments = ended([0, 1, 0, 1], each=50)
    better, worse = pair([0.7, 0.3, 0.6, 0.4]), pair([0.5] * 4)
    found = above(np.repeat(better, 50, axis=0), np.repeat(worse, 50, axis=0), moments)

    assert found.mean < 0.0
    assert found.low < found.mean < found.high < 0.0


def test_buckets_hold_what_was_said_and_seen() -> None:
    found = buckets(np.array([0.11, 0.13, 1.0]), np.array([0.0, 1.0, 1.0]))

    assert [(round(one.said, 6), one.seen, one.moments) for one in found] == [(0.12, 0.5, 2), (1.0, 1.0, 1)]


def test_a_plot_has_a_point_for_each_bucket_and_a_name_for_each_curve() -> None:
    drawn = plot({"blend": buckets(np.array([0.1, 0.9]), np.array([0.0, 1.0]))}, "nfl")

    assert drawn.count("<circle") == 2
    assert ">blend</text>" in drawn

"""What a game's score says of its probabilities: by phase, by side, by bucket, by model, by time."""

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from pipeline.records import GameProbabilities, GameScore, GameStatus, ModelOpinion
from tests.pipeline.stages.bets.make import (
    EPL,
    NHL,
    START_MS,
    close,
    fair,
    final,
    folded,
    probabilities,
    scores,
    state,
)


def said(revision: int, *game: float, at_s: float = 0.0, **fields: Any) -> GameProbabilities:
    """Published so many seconds after the start."""
    return replace(probabilities(revision, *game), received_at_ms=START_MS + int(at_s * 1000), **fields)


def opinion(model: str, *game: float) -> ModelOpinion:
    return ModelOpinion(model=model, game=game, regulation=(), parameters={})


def nhl(*records: Any) -> GameScore:
    [found] = scores(*records, event_id=NHL)
    return found


def test_each_phase_is_scored_by_what_was_published_in_it() -> None:
    found = nhl(
        state(period=1),
        said(1, 0.6, 0.4),
        state(period=3),
        said(2, 0.8, 0.2),
        said(3, 0.9, 0.1),
        state(2, 2, period=4),
        said(4, 0.5, 0.5),
        final(3, 2, period=4),
    )

    assert [(one.phase, one.moments) for one in found.phases] == [("p1", 1), ("p3", 2), ("overtime", 1)]
    assert found.phases[1].log_loss == pytest.approx(-(math.log(0.8) + math.log(0.9)) / 2.0)
    assert found.phases[0].brier == pytest.approx(0.32)


def test_phases_stand_in_the_order_of_play_and_one_that_is_not_known_comes_last() -> None:
    found = nhl(
        said(1, 0.6, 0.4), state(period=2), said(2, 0.6, 0.4), state(period=1), said(3, 0.6, 0.4), final(1, 0)
    )

    assert [one.phase for one in found.phases] == ["p1", "p2", "unknown"]


def test_of_two_outcomes_home_alone_has_buckets_and_of_three_each() -> None:
    two = nhl(state(period=1), said(1, 0.61, 0.39), said(2, 0.65, 0.35), said(3, 0.3, 0.7), final(0, 1))
    [three] = scores(state(period=1), said(1, 0.55, 0.2, 0.25), final(1, 0), event_id=EPL)

    found = [(one.outcome, one.bucket, one.moments, one.came) for one in two.phases[0].buckets]
    assert found == [(0, 3, 1, 0), (0, 6, 2, 0)]
    assert two.phases[0].buckets[1].said == pytest.approx(1.26)
    found = [(one.outcome, one.bucket, one.moments, one.came) for one in three.phases[0].buckets]
    assert found == [(0, 5, 1, 1), (1, 2, 1, 0), (2, 2, 1, 0)]


def test_the_favourite_is_whoever_was_ahead_at_the_moment() -> None:
    found = nhl(said(1, 0.6, 0.4), said(2, 0.3, 0.7), said(3, 0.9, 0.1), final(2, 1))

    home, favourite = found.sides
    assert (home.side, home.moments, home.came, home.said) == ("home", 3, 3, pytest.approx(1.8))
    assert (favourite.side, favourite.came, favourite.said) == ("favourite", 2, pytest.approx(2.2))
    assert home.variance == pytest.approx(0.24 * 1 + 0.21 * 3 + 0.09 * 5)


def test_the_models_are_scored_on_the_moments_at_which_several_spoke() -> None:
    alone = said(1, 0.5, 0.5)
    blended = said(
        2,
        0.7,
        0.3,
        model="nhl-blend",
        opinions=(opinion("poisson-goals", 0.6, 0.4), opinion("xgboost", 0.8, 0.2)),
    )
    found = nhl(alone, blended, final(2, 1))

    assert found.published == 2
    assert [(one.model, one.moments) for one in found.opinions] == [
        ("nhl-blend", 1),
        ("poisson-goals", 1),
        ("xgboost", 1),
    ]
    assert [one.log_loss for one in found.opinions] == pytest.approx([-math.log(p) for p in (0.7, 0.6, 0.8)])


def test_an_opinion_of_other_outcomes_is_not_scored() -> None:
    assert nhl(said(1, 0.7, 0.3, opinions=(opinion("drawn", 0.5, 0.3, 0.2),)), final(2, 1)).opinions == ()


def test_by_time_a_flurry_of_corrections_counts_for_as_long_as_it_stood() -> None:
    flurry = [said(1 + number, 0.2, 0.8, at_s=number) for number in range(10)]
    quiet = said(20, 0.8, 0.2, at_s=10.0)
    found = nhl(*flurry, quiet, final(2, 1, at_ms=START_MS + 100_000))

    assert found.in_play_s == 100.0
    assert found.log_loss_by_time == pytest.approx(-0.1 * math.log(0.2) - 0.9 * math.log(0.8))
    assert found.brier_by_time == pytest.approx(0.1 * 1.28 + 0.9 * 0.08)
    assert found.log_loss > found.log_loss_by_time


def test_time_in_which_the_game_is_suspended_is_not_counted() -> None:
    stops = said(2, 0.6, 0.4, at_s=60.0, status=GameStatus.SUSPENDED)
    found = nhl(
        said(1, 0.6, 0.4), stops, said(3, 0.7, 0.3, at_s=3600.0), final(2, 1, at_ms=START_MS + 3_660_000)
    )

    assert found.in_play_s == 120.0


def test_skill_is_how_much_less_was_lost_than_by_the_close() -> None:
    found = nhl(close(fair("h2h", 0.5, 0.5)), said(1, 0.75, 0.25), final(2, 1))

    assert found.skill == pytest.approx(1.0 - math.log(0.75) / math.log(0.5))
    assert nhl(said(1, 0.75, 0.25), final(2, 1)).skill == 0.0


def test_a_close_that_is_revised_revises_the_skill() -> None:
    first, second = scores(
        said(1, 0.75, 0.25),
        close(fair("h2h", 0.5, 0.5)),
        final(2, 1),
        close(fair("h2h", 0.7, 0.3)),
        event_id=NHL,
    )

    assert first.skill > second.skill > 0.0


def test_a_result_that_is_corrected_turns_the_score_round() -> None:
    first, second = scores(state(period=1), said(1, 0.8, 0.2), final(2, 1), final(1, 2), event_id=NHL)

    assert (first.phases[0].buckets[0].came, second.phases[0].buckets[0].came) == (1, 0)
    assert (first.sides[1].came, second.sides[1].came) == (1, 0)
    assert second.phases[0].log_loss == pytest.approx(-math.log(0.2))
    assert first.sides[0].variance == second.sides[0].variance


def test_a_game_that_goes_on_after_its_end_is_scored_with_what_came_then() -> None:
    found = scores(
        said(1, 0.6, 0.4),
        final(2, 1),
        state(2, 1),
        said(2, 0.8, 0.2, at_s=11_000),
        final(3, 1, at_ms=START_MS + 11_060_000),
        event_id=NHL,
    )

    assert [one.published for one in found] == [1, 2]
    assert found[1].in_play_s == found[0].in_play_s + 60.0


def test_the_end_that_both_topics_tell_is_one_score() -> None:
    assert (
        len(scores(said(1, 0.6, 0.4), final(2, 1), said(2, 1.0, 0.0, status=GameStatus.FINAL), event_id=NHL))
        == 1
    )


CHANCES = st.lists(st.floats(0.001, 1.0), min_size=3, max_size=3).map(
    lambda parts: tuple(part / math.fsum(parts) for part in parts)
)
MOMENTS = st.lists(st.tuples(st.integers(0, 4), CHANCES, st.integers(0, 900)), min_size=1, max_size=30)


@given(MOMENTS, st.tuples(st.integers(0, 3), st.integers(0, 3)))
def test_whatever_was_published_the_parts_sum_to_the_whole(
    moments: list[tuple[int, tuple[float, ...], int]], score: tuple[int, int]
) -> None:
    played, at_s = [], 0
    for revision, (period, chances, waits_s) in enumerate(moments, 1):
        played += [state(period=period), said(revision, *chances, at_s=at_s)]
        at_s += waits_s
    [found] = scores(*played, final(*score, period=2, at_ms=START_MS + at_s * 1000), event_id=EPL)

    assert sum(one.moments for one in found.phases) == found.published == len(moments)
    total = math.fsum([one.moments * one.log_loss for one in found.phases])
    assert total == pytest.approx(found.published * found.log_loss)
    for phase in found.phases:
        assert sum(one.moments for one in phase.buckets) == 3 * phase.moments
        assert sum(one.came for one in phase.buckets) == phase.moments, "one of three comes"
        for one in phase.buckets:
            assert (
                one.bucket / 10 * one.moments <= one.said + 1e-9 <= (one.bucket + 1) / 10 * one.moments + 2e-9
            )
    assert [one.side for one in found.sides] == ["home", "away", "draw", "favourite"]
    assert math.fsum([one.said for one in found.sides[:3]]) == pytest.approx(found.published)
    assert found.in_play_s == at_s
    if at_s:
        assert found.brier_by_time <= 2.0


def test_the_state_holds_sums_however_much_is_published() -> None:
    """What grows is the number of buckets that were met, not that of moments."""
    some, many = (
        folded(
            [state(period=1)] + [said(n, 0.3 + n % 40 / 100, 0.7 - n % 40 / 100) for n in range(1, count)]
        )[0]
        for count in (50, 2_000)
    )

    assert some.state.tally.phases.keys() == many.state.tally.phases.keys()
    assert some.state.tally.phases["q1"].buckets.keys() == many.state.tally.phases["q1"].buckets.keys()

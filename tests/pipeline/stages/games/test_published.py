"""What the games fold publishes beside the probabilities: interval, momentum, the next score."""

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.records import GameProbabilities, GameStatus, Soccer
from pipeline.stages.fold import Input, Row, first_row, fold
from pipeline.stages.games import GAMES, Game
from tests.pipeline.models.make import snap
from tests.pipeline.stages.games.make import (
    EPL,
    FINAL,
    LESSER,
    NFL,
    RULES,
    START_MS,
    close,
    folded,
    probabilities,
    said,
    spread,
    tick,
    topic,
)


def test_every_answer_has_an_interval_around_its_probabilities() -> None:
    found = probabilities(close(spread(-3.5)), said(1, situation=snap()))

    assert len(found.game_low) == len(found.game_high) == len(found.game) == 3
    for low, chance, high in zip(found.game_low, found.game, found.game_high, strict=True):
        assert low < chance < high
    assert found.game_high[0] - found.game_low[0] < 0.3


def test_a_closing_line_makes_the_answer_surer() -> None:
    unknown = probabilities(said(1))
    known = probabilities(said(1), close(spread(-2.0)))

    assert known.game_high[0] - known.game_low[0] < 0.6 * (unknown.game_high[0] - unknown.game_low[0])


def test_at_the_end_all_is_certain() -> None:
    found = probabilities(said(1, home_score=7), said(2, status=FINAL, home_score=7, period=4, clock_s=0.0))

    assert found.game == found.game_low == found.game_high == (1.0, 0.0, 0.0)
    assert found.next_score == (0.0, 0.0, 1.0)


def test_a_game_that_is_called_off_says_nothing() -> None:
    found = probabilities(said(1), said(2, status=GameStatus.ABANDONED))

    assert (found.game_low, found.game_high, found.next_score) == ((), (), ())


def test_the_side_with_the_ball_scores_next() -> None:
    home, away = (
        probabilities(said(1, situation=snap(side, 1, 5, 5))).next_score for side in ("home", "away")
    )

    assert home[0] > 0.8
    assert away[1] > 0.8


def test_nothing_moves_before_the_start() -> None:
    waiting = said(1, status=GameStatus.SCHEDULED, period=0)

    assert probabilities(waiting, said(2, status=GameStatus.SCHEDULED, period=0)).momentum == 0.0


def test_a_touchdown_has_momentum_that_fades_while_nothing_happens() -> None:
    scored = [said(1), said(2, home_score=7)]
    later = said(302, home_score=7, kind="timeout")
    peak = probabilities(*scored).momentum

    assert peak > 0.1
    assert probabilities(*scored, later).impact == 0.0
    assert probabilities(*scored, later).momentum == pytest.approx(peak * math.exp(-1.0))


def test_a_refused_record_is_told_the_momentum_of_its_moment() -> None:
    scored = [said(1), said(2, home_score=7)]
    refused = said(302, home_score=14, period=40)
    peak, told = probabilities(*scored).momentum, probabilities(*scored, refused).momentum

    assert told == pytest.approx(peak * math.exp(-1.0))
    assert probabilities(*scored, refused, said(303, home_score=7)).momentum == pytest.approx(
        peak * math.exp(-301.0 / 300.0)
    )


def test_touchdowns_of_both_sides_take_from_each_others_momentum() -> None:
    first = [said(1), said(2, home_score=7)]
    both = said(3, home_score=7, away_score=7)

    assert abs(probabilities(*first, both).momentum) < 0.1 * probabilities(*first).momentum


def test_a_line_or_a_tick_is_no_event_and_only_fades_it() -> None:
    scored = [said(1), said(2, home_score=7)]
    found = probabilities(*scored, close(spread(-20.5), at_ms=START_MS + 302_000))

    assert found.impact > 0.1
    assert found.momentum == pytest.approx(probabilities(*scored).momentum * math.exp(-1.0))


def test_a_tick_that_only_fades_momentum_is_not_answered() -> None:
    row, _ = folded([said(1), said(2, home_score=7)])
    _, answers = fold(GAMES, RULES, row, Input("clock.ticks", 0, 9, tick(START_MS + 9_000)))

    assert answers == []


GOAL = {"kind": "score", "home_score": 1}


@pytest.mark.parametrize("correction", [{"kind": "correction"}, {"supersedes": "g/2"}])
@pytest.mark.parametrize("situation", [None, Soccer(home_reds=0, away_reds=1)])
def test_a_goal_that_is_cancelled_returns_to_the_path_before_it(
    correction: dict[str, Any], situation: Any
) -> None:
    def at(sequence: int, clock_s: float, **fields: Any) -> Any:
        given_fields = {"event_id": EPL, "source": LESSER, "situation": situation, "clock_s": clock_s}
        return said(sequence, **given_fields | fields)

    cancelled = at(3, 1_480.0, **correction)
    with_goal = probabilities(at(1, 1_500.0), at(2, 1_490.0, **GOAL), event_id=EPL)
    after = probabilities(at(1, 1_500.0), at(2, 1_490.0, **GOAL), cancelled, event_id=EPL)
    without = probabilities(at(1, 1_500.0), at(3, 1_480.0), event_id=EPL)

    assert with_goal.game[0] > without.game[0] + 0.2
    for field in ("game", "regulation", "parameters", "game_low", "game_high", "next_score", "doubts"):
        assert getattr(after, field) == getattr(without, field)
    assert after.impact < -0.2
    assert abs(after.momentum - without.momentum) < 0.02


@given(st.integers(0, 600), st.integers(1, 3))
def test_a_touchdown_taken_back_returns_to_the_snap_before_it(wait_s: int, plays: int) -> None:
    ball = snap("home", 2, 7, 30)
    path = [said(n, situation=ball, clock_s=600.0 - n) for n in range(1, plays + 1)]
    scored = said(plays + 1, kind="score", home_score=6, clock_s=590.0, situation=snap("home", 0, 0, 15))
    number, at_ms = plays + 2, START_MS + (plays + 2 + wait_s) * 1_000
    there: dict[str, Any] = {"situation": ball, "clock_s": 590.0, "received_at_ms": at_ms}
    after = probabilities(*path, scored, said(number, kind="correction", **there))
    without = probabilities(*path, said(number, **there))

    assert (after.game, after.parameters, after.opinions) == (
        without.game,
        without.parameters,
        without.opinions,
    )
    assert after.next_score == without.next_score


@given(
    st.lists(
        st.builds(
            said, st.integers(1, 40), source=st.sampled_from(["nflverse", LESSER]),
            kind=st.sampled_from(["play", "score", "correction"]),
            status=st.sampled_from([GameStatus.SCHEDULED, GameStatus.LIVE, GameStatus.FINAL]),
            received_at_ms=st.integers(START_MS, START_MS + 10_000_000), period=st.integers(0, 6),
            clock_s=st.floats(-1.0, 900.0), home_score=st.integers(0, 30), away_score=st.integers(0, 30),
            situation=st.sampled_from([None, snap("home", 1, 10, 75), snap("away", 4, 2, 8)]),
        ),
        min_size=1, max_size=12,
    ),
    st.sampled_from([NFL, EPL, "nhl:2025-10-14:aa-bb", "mlb:2025-09-14:nyy-bos", "nba:2025-11-14:aa-bb"]),
)  # fmt: skip
def test_whatever_comes_all_that_is_published_is_within_its_bounds(records: list[Any], event_id: str) -> None:
    row: Row[Game] = first_row(GAMES, event_id, {})
    for offset, record in enumerate(records):
        row, answers = fold(GAMES, RULES, row, Input(topic(record), 0, offset, record))
        for given_answer in answers:
            found = given_answer.record
            if not isinstance(found, GameProbabilities) or not found.game:
                continue
            assert -1.0 <= found.momentum <= 1.0
            assert math.fsum(found.next_score) == pytest.approx(1.0, abs=1e-12)
            for low, chance, high in zip(found.game_low, found.game, found.game_high, strict=True):
                assert 0.0 <= low <= chance <= high <= 1.0
            if found.status == FINAL:
                assert found.game_low == found.game == found.game_high
                assert found.next_score == (0.0, 0.0, 1.0)
            if found.started_at_ms == 0:
                assert found.momentum == 0.0

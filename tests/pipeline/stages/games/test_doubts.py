"""Every reason for which a game is doubted or a record refused, in the answer to it."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.records import GameProbabilities, GameStatus, SourceState
from pipeline.stages.games.reports import CONTESTING, DOUBTS, SWAPPED_AFTER
from tests.pipeline.stages.games.make import (
    EPL,
    FINAL,
    LESSER,
    START_MS,
    answer,
    folded,
    probabilities,
    said,
    state,
    tick,
)


@pytest.mark.parametrize(
    ("records", "reason"),
    [
        ([said(5, home_score=7), said(3)], "late"),
        ([said(5, home_score=7), said(5, home_score=7)], "late"),
        ([said(1), said(2, period=40)], "unknown_period"),
        ([said(1, period=40)], "unknown_period"),
        ([said(1, status=FINAL), said(2)], "after_final"),
        ([said(1, status=FINAL), said(2, status=GameStatus.SCHEDULED)], "after_final"),
    ],
    ids=["late", "again", "a 40th period", "a 40th period at first", "play after the end", "not begun"],
)
def test_a_record_that_is_refused_is_answered_with_the_reason(records: list[Any], reason: str) -> None:
    *before, refused = records
    row, answers = folded(records)

    assert answer(answers, GameProbabilities).doubts == (reason,)
    assert answer(answers, GameProbabilities).source_event_id == refused.source_event_id
    assert not answer(answers, GameProbabilities).contested
    assert row.state == folded(before)[0].state if before else row.state.reports == ()


@pytest.mark.parametrize(
    ("fallen", "reasons"),
    [
        (said(2, home_score=6), ("score_fell",)),
        (said(2, home_score=7, period=1), ("period_fell",)),
        (said(2, period=1), ("period_fell", "score_fell")),
    ],
)
def test_what_falls_uncorrected_contests_the_game_and_says_why(fallen: Any, reasons: tuple[str, ...]) -> None:
    before = said(1, home_score=7)
    seen, agreed = probabilities(before, fallen), state(before, fallen)

    assert seen.doubts == agreed.doubts == reasons
    assert seen.contested
    assert agreed.contested
    assert (agreed.home_score, agreed.period) == (7, 2)


@pytest.mark.parametrize(
    "plain", [said(3, home_score=7), said(3, kind="correction"), said(3, supersedes="g/1", home_score=3)]
)
def test_a_doubt_ends_with_the_next_record_that_can_be_believed(plain: Any) -> None:
    assert state(said(1, home_score=7), said(2), plain).doubts == ()


def test_a_clock_that_runs_back_is_believed_and_named() -> None:
    agreed = state(said(1, clock_s=300.0), said(2, clock_s=320.0))

    assert (agreed.clock_s, agreed.contested, agreed.doubts) == (320.0, False, ("clock_ran_back",))
    assert probabilities(said(1, clock_s=300.0), said(2, clock_s=320.0)).doubts == ("clock_ran_back",)


@pytest.mark.parametrize(
    "onwards",
    [
        said(2, clock_s=300.0),
        said(2, clock_s=-1.0),
        said(2, clock_s=900.0, period=3),
        said(2, clock_s=320.0, kind="correction"),
        said(2, clock_s=320.0, status=GameStatus.SUSPENDED),
    ],
    ids=["it stands", "unknown", "the next period", "corrected", "stopped"],
)
def test_no_other_clock_has_run_back(onwards: Any) -> None:
    assert state(said(1, clock_s=300.0), onwards).doubts == ()


def test_a_clock_that_runs_on_again_is_plain() -> None:
    records = [said(1, clock_s=300.0), said(2, clock_s=320.0), said(3, clock_s=310.0)]

    assert state(*records).doubts == ()


def test_time_that_ticks_let_pass_is_no_clock_of_a_source() -> None:
    first = said(1, event_id=EPL, source=LESSER, clock_s=1_500.0)
    onwards = said(50, event_id=EPL, source=LESSER, clock_s=1_480.0)

    assert state(first, tick(START_MS + 40_000), onwards, event_id=EPL).doubts == ()


def test_sources_that_disagree_say_so_until_they_agree() -> None:
    apart = [said(1, home_score=7), said(1, source=LESSER)]

    assert state(*apart).doubts == probabilities(*apart).doubts == ("sources_disagree",)
    assert state(*apart, said(2, source=LESSER, home_score=7)).doubts == ()


def crossed(count: int) -> list[Any]:
    """As many records of the lesser source, with the sides the other way round."""
    return [said(1, home_score=7), *[said(n, source=LESSER, away_score=7) for n in range(1, count + 1)]]


def test_two_sources_with_the_sides_swapped_are_found_after_several_records() -> None:
    assert state(*crossed(SWAPPED_AFTER - 1)).doubts == ("sources_disagree",)
    assert state(*crossed(SWAPPED_AFTER)).doubts == ("sides_swapped", "sources_disagree")


def test_swapped_sides_contest_a_level_game_too() -> None:
    level = [said(9, home_score=7, away_score=7), said(9, source=LESSER, home_score=7, away_score=7)]
    agreed = state(*crossed(SWAPPED_AFTER), *level)

    assert (agreed.contested, agreed.doubts) == (True, ("sides_swapped",))


@pytest.mark.parametrize("source", [LESSER, "nflverse"])
def test_sides_that_are_put_right_are_plain_at_once_and_stay_so(source: str) -> None:
    score = {"home_score": 7} if source == LESSER else {"away_score": 7}
    right = said(9, source=source, kind="correction", **score)
    level = said(10, source=source, home_score=7, away_score=7)

    assert state(*crossed(SWAPPED_AFTER), right).doubts == ()
    assert state(*crossed(SWAPPED_AFTER), right, level).doubts == ("sources_disagree",)


def test_a_goal_given_to_the_wrong_side_for_a_moment_swaps_nobody() -> None:
    wrong = said(1, source=LESSER, away_score=7)
    right = said(2, source=LESSER, home_score=7, kind="correction")

    assert state(said(1, home_score=7), wrong, right).doubts == ()


def test_a_stranger_or_a_source_that_is_down_swaps_nobody() -> None:
    strange = [said(n, source="a-stranger", away_score=7) for n in range(1, 6)]
    down = tick(START_MS + 60_000, SourceState(source=LESSER, down_since_ms=START_MS))

    assert state(said(1, home_score=7), *strange).doubts == ()
    assert state(*crossed(SWAPPED_AFTER), down).doubts == ()


@given(
    st.lists(
        st.builds(
            said, st.integers(1, 30), source=st.sampled_from(["nflverse", LESSER, "a-stranger"]),
            kind=st.sampled_from(["play", "correction"]), status=st.sampled_from(list(GameStatus)),
            period=st.integers(0, 50), clock_s=st.floats(-1.0, 900.0), home_score=st.integers(0, 3),
            away_score=st.integers(0, 3),
        ),
        min_size=1, max_size=15,
    )
)  # fmt: skip
def test_doubts_are_of_a_closed_set_and_contest_the_game_as_they_say(records: list[Any]) -> None:
    _, answers = folded(records)
    for record in (found.record for found in answers):
        assert record is not None
        found = record.doubts  # type: ignore[attr-defined]
        assert set(found) <= DOUBTS
        assert list(found) == sorted(set(found))
        assert record.contested == bool(CONTESTING & set(found))  # type: ignore[attr-defined]

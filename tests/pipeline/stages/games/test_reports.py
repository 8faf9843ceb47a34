"""Whom to believe: late records, falling scores, sources that disagree or are down."""

import pytest

from pipeline.records import GameProbabilities, GameStatus, SourceState
from pipeline.stages.fold import Input, fold
from pipeline.stages.games import GAMES
from tests.pipeline.stages.games.make import (
    FINAL,
    LESSER,
    LIVE,
    RULES,
    START_MS,
    TRUSTED,
    answer,
    folded,
    probabilities,
    said,
    state,
    tick,
)


def test_a_late_record_is_answered_and_changes_nothing() -> None:
    row, _ = folded([said(1), said(5, home_score=7)])
    again, answers = fold(GAMES, RULES, row, Input("games.events", 0, 9, said(3, home_score=3)))

    assert again.state == row.state
    late = answer(answers, GameProbabilities)
    assert (late.source_event_id, late.impact) == ("g/3", 0.0)
    assert late.game == row.state.said.game  # type: ignore[union-attr]


def test_a_late_record_without_an_id_is_not_answered() -> None:
    assert folded([said(5), said(3, source_event_id="")])[1] == []


def test_the_more_trusted_source_speaks() -> None:
    agreed = state(said(1, home_score=7), said(1, source=LESSER, home_score=7, clock_s=300.0))

    assert (agreed.source, agreed.clock_s) == (TRUSTED, 600.0)


def test_sources_that_disagree_make_the_game_contested_until_they_agree() -> None:
    apart = [said(1, home_score=7), said(1, source=LESSER, home_score=0)]

    assert state(*apart).contested
    assert probabilities(*apart).contested
    assert not state(*apart, said(2, source=LESSER, home_score=7)).contested


def test_a_source_that_waits_for_the_start_does_not_contest_the_game() -> None:
    waiting = said(1, source=LESSER, status=GameStatus.SCHEDULED, period=0)

    assert not state(waiting, said(1, home_score=7)).contested


def test_a_game_that_is_called_off_here_and_played_there_is_contested() -> None:
    assert state(said(1), said(1, source=LESSER, status=GameStatus.POSTPONED)).contested


def test_an_unknown_source_contests_nothing() -> None:
    assert not state(said(1, home_score=7), said(1, source="a-stranger", home_score=3)).contested


def test_the_next_source_speaks_while_the_trusted_one_is_down() -> None:
    records = [said(1), said(2, source=LESSER, clock_s=300.0)]
    down = tick(START_MS + 60_000, SourceState(source=TRUSTED, down_since_ms=START_MS + 5_000))
    up = tick(START_MS + 90_000, SourceState(source=TRUSTED))

    assert state(*records, down).source == LESSER
    assert state(*records, down, up).source == TRUSTED


def test_a_source_that_is_down_does_not_contest_the_game() -> None:
    records = [said(1, home_score=7), said(1, source=LESSER)]
    down = tick(START_MS + 60_000, SourceState(source=LESSER, off=True))

    assert not state(*records, down).contested


def test_a_score_that_falls_is_not_believed_without_a_correction() -> None:
    agreed = state(said(1, home_score=7), said(2, home_score=0))

    assert (agreed.home_score, agreed.contested) == (7, True)


@pytest.mark.parametrize("correction", [{"kind": "correction"}, {"supersedes": "g/1"}])
def test_a_corrected_score_is_believed_and_returns_to_where_it_was(correction: dict[str, str]) -> None:
    before = probabilities(said(1))
    scored = said(2, home_score=7, kind="score")
    after = probabilities(said(1), scored, said(3, **correction))

    assert after.game == before.game
    assert not after.contested
    assert after.impact < 0.0


def test_a_doubted_score_is_settled_when_the_source_says_it_again() -> None:
    assert not state(said(1, home_score=7), said(2), said(3, home_score=7)).contested


def test_a_final_score_is_believed_even_where_it_fell() -> None:
    agreed = state(said(1, home_score=7), said(2, status=FINAL, home_score=6, away_score=3))

    assert (agreed.home_score, agreed.contested, agreed.status) == (6, False, FINAL)


def test_play_after_the_final_changes_nothing() -> None:
    over = [said(1, home_score=7), said(2, status=FINAL, home_score=7)]
    row, answers = folded([*over, said(3, home_score=14)])

    assert answer(answers, GameProbabilities).game == (1.0, 0.0, 0.0)
    assert row.state.reports == folded(over)[0].state.reports


def test_a_correction_reopens_a_final_game() -> None:
    over = [said(1, home_score=7), said(2, status=FINAL, home_score=7)]
    agreed = state(*over, said(3, kind="correction", home_score=7))

    assert (agreed.status, agreed.finished_at_ms) == (LIVE, 0)


def test_a_period_beyond_any_game_is_passed_over() -> None:
    row, _ = folded([said(1), said(2, period=40)])

    assert row.state.reports[0].period == 2


def test_a_final_record_without_a_period_keeps_the_last_one() -> None:
    agreed = state(
        said(1, period=5, home_score=20, away_score=20),
        said(2, status=FINAL, period=0, home_score=23, away_score=20),
    )

    assert agreed.period == 5

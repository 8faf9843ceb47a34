"""The edges of a game in each sport: how it is held up, called off, played on, and how it ends."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline import models
from pipeline.models import UNSETTLED
from pipeline.records import (
    AmericanFootball,
    Baseball,
    Basketball,
    ClosingLine,
    ClosingMarket,
    GameEvent,
    GameProbabilities,
    GameStatus,
    Hockey,
    Soccer,
)
from pipeline.stages.fold import Input, Row, first_row, fold, next_due_ms
from pipeline.stages.games import GAMES, Game, moment
from tests.pipeline.models.make import snap
from tests.pipeline.stages.games.make import (
    EPL,
    FINAL,
    LESSER,
    LIVE,
    MLB,
    NFL,
    RULES,
    START_MS,
    answer,
    folded,
    probabilities,
    said,
    state,
    tick,
    topic,
)

NBA, NHL = "nba:2025-11-14:lal-bos", "nhl:2025-11-14:bos-nyr"
GROUP, KNOCK_OUT = "world-cup:2026-06-27:col-por", "world-cup:2026-07-05:bra-nor"
UNKNOWN = "world-cup:2022-12-18:arg-fra"
LEVEL = (0.0, 0.0, 1.0)


def half(half: str = "top", outs: int = 0, bases: int = 0, innings: int = 9) -> Baseball:
    return Baseball(half=half, outs=outs, bases=bases, balls=0, strikes=0, scheduled_innings=innings)


def soccer(*penalties: int, reds: int = 0) -> Soccer:
    home, away = penalties or (0, 0)
    return Soccer(home_reds=reds, away_reds=0, home_penalties=home, away_penalties=away)


#: A moment of each sport, and what there is to say of it.
MOMENTS: dict[str, dict[str, Any]] = {
    NFL: {"period": 2, "clock_s": 600.0, "situation": snap("home", 2, 7, 40)},
    NBA: {
        "period": 3,
        "clock_s": 300.0,
        "situation": Basketball(possession="away", home_fouls=1, away_fouls=2),
    },
    MLB: {"period": 4, "clock_s": -1.0, "situation": half("bottom", 1, 2)},
    NHL: {"period": 2, "clock_s": 700.0, "situation": Hockey(home_skaters=5, away_skaters=4)},
    EPL: {"period": 1, "clock_s": 900.0, "situation": soccer(reds=1)},
    KNOCK_OUT: {"period": 3, "clock_s": 400.0, "situation": soccer()},
}
SAME = ("game", "regulation", "parameters", "opinions", "game_low", "game_high", "next_score", "model")


def told(event_id: str, sequence: int, **fields: Any) -> GameEvent:
    return said(sequence, **{"event_id": event_id, "source": LESSER} | MOMENTS.get(event_id, {}) | fields)


def found(event_id: str, *records: Any) -> GameProbabilities:
    return probabilities(*records, event_id=event_id)


@given(
    st.sampled_from(sorted(MOMENTS)), st.integers(0, 5), st.integers(0, 5),
    st.sampled_from(["clock", "timeout", "review", "period_start", "card", "correction"]),
)  # fmt: skip
def test_a_record_that_changes_nothing_changes_no_probability(
    event_id: str, home: int, away: int, kind: str
) -> None:
    first = told(event_id, 1, home_score=home, away_score=away)
    before = found(event_id, first)
    after = found(event_id, first, told(event_id, 2, home_score=home, away_score=away, kind=kind))

    for field in SAME:
        assert getattr(after, field) == getattr(before, field)
    assert (after.impact, after.momentum) == (0.0, 0.0)


@pytest.mark.parametrize("event_id", sorted(MOMENTS))
def test_a_score_that_is_taken_back_returns_to_the_path_before_it(event_id: str) -> None:
    scored = told(event_id, 2, kind="score", home_score=1)
    back = found(event_id, told(event_id, 1), scored, told(event_id, 3, kind="correction"))
    never = found(event_id, told(event_id, 1), told(event_id, 3))

    assert found(event_id, told(event_id, 1), scored).game != never.game
    for field in SAME:
        assert getattr(back, field) == getattr(never, field)


@pytest.mark.parametrize("event_id", sorted(MOMENTS))
@pytest.mark.parametrize("lead", [1, -1])
def test_a_game_that_is_won_is_exact_in_every_sport(event_id: str, lead: int) -> None:
    score = {"home_score": 3 + max(lead, 0), "away_score": 3 + max(-lead, 0)}
    over = found(event_id, told(event_id, 1, **score), told(event_id, 2, status=FINAL, **score))

    assert over.game[:2] == ((1.0, 0.0) if lead > 0 else (0.0, 1.0))
    assert set(over.game[2:]) <= {0.0}
    assert sorted(over.regulation) == [0.0, 0.0, 1.0]
    assert over.next_score == LEVEL


@pytest.mark.parametrize(
    ("event_id", "period", "situation"),
    [(NFL, 5, None), (NBA, 5, None), (NHL, 4, None), (MLB, 10, half()), (KNOCK_OUT, 3, None)],
)
def test_a_game_that_is_played_on_was_level_and_its_winner_is_that_of_the_game(
    event_id: str, period: int, situation: Any
) -> None:
    score = {"home_score": 3, "away_score": 3, "situation": situation}
    on = found(event_id, told(event_id, 1, period=period, **score))
    over = told(event_id, 2, status=FINAL, period=period, **score | {"home_score": 4})

    assert on.regulation == LEVEL
    assert 0.4 < on.game[0] < 0.6
    assert found(event_id, told(event_id, 1, period=period, **score), over).regulation == LEVEL
    assert found(event_id, over).game[0] == 1.0


def test_a_tie_of_the_nfl_is_a_draw() -> None:
    tie = {"period": 5, "home_score": 20, "away_score": 20}
    up = told(NFL, 1, **tie | {"clock_s": 0.0, "situation": None})
    on, over = found(NFL, up), found(NFL, up, told(NFL, 2, status=FINAL, **tie))

    assert on.game[2] > 0.99
    assert over.game == over.regulation == LEVEL


def test_a_group_game_that_ends_level_is_a_draw_and_none_is_played_on() -> None:
    last = {"period": 2, "clock_s": 0.0, "home_score": 1, "away_score": 1, "situation": None}
    over = told(GROUP, 2, status=FINAL, **last)

    assert found(GROUP, told(GROUP, 1, **last)).game[2] > 0.85
    assert found(GROUP, told(GROUP, 1, **last), over).game == LEVEL
    assert found(GROUP, told(GROUP, 1, **last), told(GROUP, 2, **last | {"period": 3})).doubts == (
        "unknown_period",
    )


def test_a_knock_out_that_is_level_goes_on() -> None:
    last = {"period": 2, "clock_s": 0.0, "home_score": 1, "away_score": 1, "situation": None}
    before, extra = told(KNOCK_OUT, 1, **last), told(KNOCK_OUT, 2, **last | {"period": 3, "clock_s": 900.0})

    assert found(KNOCK_OUT, before).game[2] == UNSETTLED
    assert found(KNOCK_OUT, before, extra).regulation == LEVEL
    assert state(before, extra, event_id=KNOCK_OUT).doubts == ()


def test_extra_time_of_a_match_whose_round_nobody_knows_rules_the_draw_out() -> None:
    level = {"home_score": 2, "away_score": 2}
    late = told(UNKNOWN, 1, period=2, clock_s=0.0, **level)
    extra = told(UNKNOWN, 2, period=3, clock_s=900.0, **level)

    assert 0.5 < found(UNKNOWN, late).game[2] < 0.7
    assert found(UNKNOWN, late, extra).game[2] == UNSETTLED


def kicks(sequence: int, *penalties: int, **fields: Any) -> GameEvent:
    """A shoot-out after 1-1."""
    level = {"period": 5, "clock_s": 0.0, "home_score": 1, "away_score": 1, "situation": soccer(*penalties)}
    return told(KNOCK_OUT, sequence, **{"kind": "penalty"} | level | fields)


def test_a_shoot_out_decides_the_game_and_leaves_its_score_and_regulation_level() -> None:
    shots = [kicks(1), kicks(2, 1, 0), kicks(3, 1, 1), kicks(4, 1, 2)]
    over = found(KNOCK_OUT, *shots, kicks(5, 1, 2, kind="final", status=FINAL))

    assert (over.game, over.regulation) == ((0.0, 1.0, 0.0), LEVEL)
    assert over.game_low == over.game_high == over.game
    assert (over.home_score, over.away_score, over.doubts) == (1, 1, ())


def test_the_end_need_not_repeat_the_penalties() -> None:
    silent = kicks(3, kind="final", status=FINAL, situation=None)
    agreed = state(kicks(1), kicks(2, 4, 3), silent, event_id=KNOCK_OUT)

    assert agreed.situation == soccer(4, 3)
    assert found(KNOCK_OUT, kicks(1), kicks(2, 4, 3), silent).game == (1.0, 0.0, 0.0)


def test_while_one_side_leads_a_shoot_out_no_model_speaks() -> None:
    assert found(KNOCK_OUT, kicks(1)).game[:2] == pytest.approx((0.5, 0.5), abs=0.001)
    assert found(KNOCK_OUT, kicks(1), kicks(2, 1, 0)).model == "none"
    assert found(KNOCK_OUT, kicks(1), kicks(2, 1, 0), kicks(3, 1, 1)).game[0] > 0.4


def test_a_shoot_out_of_which_nobody_tells_is_named_until_somebody_does() -> None:
    silent = kicks(1, kind="final", status=FINAL)
    late = kicks(2, 3, 4, kind="correction", status=FINAL)
    open_, known = found(KNOCK_OUT, silent), found(KNOCK_OUT, silent, late)

    assert (open_.doubts, open_.game, open_.regulation) == (("winner_unknown",), (), LEVEL)
    assert not open_.contested
    assert (known.doubts, known.game) == ((), (0.0, 1.0, 0.0))


def test_a_game_of_seven_innings_is_expected_to_bring_fewer_runs() -> None:
    nine, seven = (found(MLB, told(MLB, 1, period=1, situation=half(innings=innings))) for innings in (9, 7))

    for side in ("home_rate", "away_rate"):
        assert seven.opinions[0].parameters[side] == pytest.approx(
            nine.opinions[0].parameters[side] * 7.0 / 9.0
        )


def test_a_line_on_a_game_of_seven_innings_is_on_seven_innings() -> None:
    total = ClosingMarket(market="total", scope="game", line=6.5, probabilities=(0.5, 0.5), basis="consensus")
    line = ClosingLine(
        event_id=MLB, received_at_ms=START_MS, final=True, started_at_ms=START_MS, markets=(total,), prices=()
    )
    first = told(MLB, 1, period=1, situation=half(innings=7))
    row, _ = folded([line, first], MLB)

    assert moment(row.state).strengths == row.state.strengths
    assert row.state.strengths.total == pytest.approx(6.7, abs=0.3)


def test_the_eighth_of_seven_innings_is_an_extra_one_also_where_the_end_says_no_innings() -> None:
    played = told(MLB, 1, period=8, situation=half(innings=7), home_score=3, away_score=3)
    over = told(MLB, 2, period=8, status=FINAL, situation=None, home_score=4, away_score=3)

    assert found(MLB, played).regulation == LEVEL
    assert found(MLB, played, over).regulation == LEVEL


OTHERS: dict[str, Any] = {
    NFL: half(),
    NBA: snap(),
    MLB: Basketball(possession="home", home_fouls=1, away_fouls=2),
    NHL: soccer(),
    EPL: Hockey(home_skaters=5, away_skaters=4),
    KNOCK_OUT: AmericanFootball(
        possession="", down=0, distance_yd=0, yards_to_goal=0, home_timeouts=0, away_timeouts=0
    ),
}


@pytest.mark.parametrize("event_id", sorted(OTHERS))
def test_a_situation_of_another_sport_is_left_out_and_the_rest_is_believed(event_id: str) -> None:
    wrong = told(event_id, 1, situation=OTHERS[event_id], home_score=2)
    silent = told(event_id, 1, situation=None, home_score=2)
    agreed = state(wrong, event_id=event_id)

    assert (agreed.situation, agreed.home_score) == (None, 2)
    assert (agreed.doubts, agreed.contested) == (("situation_of_another_sport",), False)
    assert found(event_id, wrong).doubts == agreed.doubts
    for field in SAME:
        assert getattr(found(event_id, wrong), field) == getattr(found(event_id, silent), field)
    assert state(wrong, told(event_id, 2, home_score=2), event_id=event_id).doubts == ()


@pytest.mark.parametrize("event_id", sorted(MOMENTS))
@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        ({"sequence": 1}, "late"),
        ({"home_score": 0}, "score_fell"),
        ({"period": 50}, "unknown_period"),
        ({"period": 1}, "period_fell"),
        ({"clock_s": 899.0}, "clock_ran_back"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_bad_input_of_every_sport_is_named_and_the_game_goes_on(
    event_id: str, wrong: dict[str, Any], reason: str
) -> None:
    before = told(event_id, 1, home_score=2, **{"period": 2, "clock_s": 600.0})
    bad = said(
        **{
            "sequence": 2, "event_id": event_id, "source": LESSER, "home_score": 2, "period": 2,
            "situation": MOMENTS[event_id]["situation"], "source_event_id": "bad",
        } | wrong
    )  # fmt: skip
    seen = found(event_id, before, bad)

    assert seen.doubts == (reason,)
    assert seen.source_event_id == "bad"
    if reason != "clock_ran_back":
        assert seen.game == found(event_id, before).game
        assert (seen.home_score, seen.contested) == (2, reason in ("score_fell", "period_fell"))
    after = told(event_id, 3, home_score=2, **{"period": 2, "clock_s": 500.0})
    assert found(event_id, before, bad, after).doubts == ()


def test_a_start_that_is_put_off_has_not_come() -> None:
    waiting = said(1, status=GameStatus.SCHEDULED, period=0, starts_at_ms=START_MS)
    later = said(2, kind="delayed", status=GameStatus.SCHEDULED, period=0, starts_at_ms=START_MS + 3_600_000)
    agreed = state(waiting, later)

    assert (agreed.starts_at_ms, agreed.started_at_ms) == (START_MS + 3_600_000, 0)
    assert probabilities(waiting, later).game == probabilities(waiting).game


@pytest.mark.parametrize("event_id", sorted(MOMENTS))
def test_a_game_that_is_held_up_stands_still_and_goes_on_where_it_stood(event_id: str) -> None:
    first = told(event_id, 1, home_score=1)
    stopped = told(event_id, 2, home_score=1, kind="suspension", status=GameStatus.SUSPENDED)
    again = told(event_id, 9, home_score=1, kind="resumption")
    row, _ = folded([first, stopped], event_id)

    assert GAMES.due_at_ms(RULES, row.state) == 0
    assert state(first, stopped, event_id=event_id).suspended
    assert not state(first, stopped, again, event_id=event_id).suspended
    for field in SAME:
        assert getattr(found(event_id, first, stopped, again), field) == getattr(
            found(event_id, first), field
        )


@pytest.mark.parametrize("status", [GameStatus.POSTPONED, GameStatus.ABANDONED])
def test_a_game_that_was_broken_off_and_is_taken_up_again_goes_on(status: GameStatus) -> None:
    first, broken = said(1, home_score=7), said(2, status=status, home_score=7)
    on = said(3, home_score=7, kind="resumption")
    agreed = state(first, broken, on)

    assert (agreed.status, agreed.finished_at_ms, agreed.home_score) == (LIVE, 0, 7)
    assert probabilities(first, broken, on).game == probabilities(first).game


@contextmanager
def evaluations() -> Iterator[list[int]]:
    """One entry for each time that the models are asked."""
    count: list[int] = []

    def called(frame: FrameType, event: str, _: Any) -> None:
        if event == "call" and frame.f_code is models.judged.__code__:
            count.append(1)

    before = sys.getprofile()
    sys.setprofile(called)
    try:
        yield count
    finally:
        sys.setprofile(before)


@pytest.mark.parametrize(("seconds", "expected"), [(29, 0), (30, 1), (600, 20), (900, 30), (1_500, 30)])
def test_football_in_which_nothing_happens_costs_one_evaluation_per_match_and_30_s(
    seconds: int, expected: int
) -> None:
    rows: dict[str, Row[Game]] = {}
    for event_id in (EPL, GROUP, KNOCK_OUT):
        rows[event_id] = first_row(GAMES, event_id, {})
        kicked_off = told(event_id, 0, period=1, clock_s=900.0, situation=soccer())
        rows[event_id], _ = fold(GAMES, RULES, rows[event_id], Input(topic(kicked_off), 0, 0, kicked_off))
    asked, answered = dict.fromkeys(rows, 0), dict.fromkeys(rows, 0)
    for second in range(1, seconds + 1):
        for event_id, row in rows.items():
            with evaluations() as count:
                rows[event_id], answers = fold(
                    GAMES, RULES, row, Input("clock.ticks", 0, second, tick(START_MS + 1_000 * second))
                )
            asked[event_id] += len(count)
            answered[event_id] += sum(one.topic == "games.probabilities" for one in answers)

    # The clock ran out after 900 s, and what is added to a half is not known.
    assert set(asked.values()) == set(answered.values()) == {expected}


def test_a_match_that_is_asked_by_an_event_waits_30_s_again() -> None:
    row, answers = folded([told(EPL, 0, clock_s=2_000.0), told(EPL, 25, clock_s=1_975.0)], EPL)

    assert answer(answers, GameProbabilities).source_event_id == "g/25"
    assert next_due_ms(GAMES, RULES, row) == START_MS + 25_000 + 30_000

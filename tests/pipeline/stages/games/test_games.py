"""The games fold: one agreed state of what sources say, and the probabilities that follow from it."""

import math
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline import data
from pipeline.models import Position, outlook
from pipeline.records import Baseball, GameEvent, GameProbabilities, GameState, GameStatus, SourceState
from pipeline.stages.fold import Input, Row, first_row, fold, next_due_ms
from pipeline.stages.games import GAMES, Game
from tests.hash_seeds import printed
from tests.pipeline.stages.games.make import (
    EPL,
    FINAL,
    LESSER,
    MLB,
    NFL,
    RULES,
    START_MS,
    TRUSTED,
    answer,
    close,
    folded,
    probabilities,
    said,
    spread,
    state,
    tick,
    topic,
)


def test_a_record_leads_to_a_state_and_to_probabilities() -> None:
    _, answers = folded([said(1, home_score=7, text="Touchdown")])

    assert [found.topic for found in answers] == ["games.states", "games.probabilities"]
    agreed, chances = answer(answers, GameState), answer(answers, GameProbabilities)
    assert (agreed.league, agreed.sport, agreed.home, agreed.away) == (
        "nfl",
        "american-football",
        "kc",
        "phi",
    )
    assert (agreed.home_score, agreed.source, agreed.text) == (7, TRUSTED, "Touchdown")
    assert chances.source_event_id == "g/1"
    assert (chances.model, chances.prior) == ("brownian-margin", "league")
    assert chances.game[0] > 0.6


def test_a_game_starts_when_it_happened_and_ends_when_that_was_known() -> None:
    first = said(1, period=1, clock_s=900.0, happened_at_ms=START_MS - 20_000)
    last = said(9, status=FINAL, home_score=7)

    assert state(first).started_at_ms == START_MS - 20_000
    agreed = state(first, last)
    assert (agreed.started_at_ms, agreed.finished_at_ms) == (START_MS - 20_000, START_MS + 9_000)


def test_a_game_first_seen_over_started_when_it_was_due() -> None:
    agreed = state(said(1, status=FINAL, starts_at_ms=START_MS - 10_000_000))

    assert agreed.started_at_ms == START_MS - 10_000_000


def test_a_postponed_game_has_not_started() -> None:
    agreed = state(said(1), said(2, status=GameStatus.POSTPONED, period=0))

    assert (agreed.started_at_ms, agreed.finished_at_ms) == (0, 0)


@pytest.mark.parametrize("status", [GameStatus.ABANDONED, GameStatus.CANCELLED])
def test_a_game_that_was_called_off_has_ended_without_probabilities(status: GameStatus) -> None:
    seen = probabilities(said(1), said(2, status=status))

    assert (seen.game, seen.regulation, seen.model, seen.prior) == ((), (), "none", "none")
    assert seen.finished_at_ms == START_MS + 2_000


@pytest.mark.parametrize("kind", ["score", "card", "turnover", "penalty", "review", "injury", "suspension"])
def test_a_key_event_dates_the_prices_before_it(kind: str) -> None:
    assert state(said(1), said(2, kind=kind)).last_key_event_at_ms == START_MS + 2_000


def test_a_score_under_any_name_is_a_key_event() -> None:
    assert state(said(1), said(2)).last_key_event_at_ms == 0
    assert state(said(1), said(2, away_score=3)).last_key_event_at_ms == START_MS + 2_000


def test_bets_are_suspended_until_the_source_takes_it_back() -> None:
    stopped = said(2, kind="suspension")

    assert state(said(1), stopped).suspended
    assert not state(said(1), stopped, said(3)).suspended
    assert not state(said(1), stopped, said(3, kind="resumption", suspended=True)).suspended
    assert state(said(1), said(2, status=GameStatus.SUSPENDED)).suspended


def test_the_impact_is_what_the_record_changed() -> None:
    before = probabilities(said(1))
    after = probabilities(said(1), said(2, home_score=7))

    assert after.impact == pytest.approx(after.game[0] - before.game[0])
    assert after.impact > 0.1


def test_an_administrative_record_changes_no_probability() -> None:
    after = probabilities(said(1, home_score=3), said(2, home_score=3, kind="timeout"))

    assert after.game == probabilities(said(1, home_score=3)).game
    assert after.impact == 0.0


def test_the_closing_line_is_the_prior() -> None:
    home = probabilities(said(1, status=GameStatus.SCHEDULED, period=0), close(spread(-10.5)))
    away = probabilities(said(1, status=GameStatus.SCHEDULED, period=0), close(spread(10.5)))

    assert home.prior == "closing"
    assert home.source_event_id == ""
    assert home.game[0] > 0.7 > 0.3 > away.game[0]


def test_a_closing_line_that_says_the_same_is_not_answered() -> None:
    records = [said(1), close(spread(-3.5)), close(spread(-3.5), at_ms=START_MS + 5_000)]

    assert folded(records)[1] == []


def test_an_open_line_does_not_replace_the_final_one_in_play() -> None:
    row, _ = folded([said(1), close(spread(-3.5)), close(spread(-20.5), final=False)])

    assert row.state.strengths.margin == pytest.approx(3.5)


def test_a_line_alone_is_not_answered_and_is_the_prior_of_what_follows() -> None:
    lines = close(spread(-20.5), final=False)

    assert folded([lines])[1] == []
    assert probabilities(lines, said(1)).prior == "closing"


def test_a_game_that_no_feed_follows_is_let_go_some_days_after_its_day() -> None:
    row, _ = folded([close(spread(-3.5), final=False)])
    due_ms = next_due_ms(GAMES, RULES, row)
    closed, answers = fold(GAMES, RULES, row, Input("clock.ticks", 0, 9, tick(due_ms)))

    assert due_ms > START_MS + RULES.rollback_ms
    assert closed.closed
    assert answers == []


def test_time_alone_moves_a_football_match() -> None:
    level = said(1, event_id=EPL, source="espn", clock_s=1_500.0, home_score=1, away_score=1)
    row, answers = folded([level], EPL)
    due_ms = next_due_ms(GAMES, RULES, row)
    before = answer(answers, GameProbabilities)
    after = probabilities(level, tick(due_ms), event_id=EPL)

    assert due_ms == level.received_at_ms + RULES.drift_interval_ms
    assert after.game[2] > before.game[2]
    assert after.source_event_id == ""
    assert after.parameters["home_rate"] == pytest.approx(
        before.parameters["home_rate"] * (1_680.0 - 30.0) / 1_680.0, rel=0.01
    )


def test_a_tick_before_it_is_due_leaves_no_trace() -> None:
    row, _ = folded([said(1, event_id=EPL, source="espn", clock_s=1_500.0)], EPL)
    again, answers = fold(GAMES, RULES, row, Input("clock.ticks", 0, 9, tick(START_MS + 20_000)))

    assert again is row
    assert answers == []


def test_time_stops_at_the_end_of_a_half() -> None:
    ending = said(1, event_id=EPL, source="espn", period=1, clock_s=10.0)
    row, _ = folded([ending, tick(START_MS + 60_000)], EPL)

    assert GAMES.due_at_ms(RULES, row.state) == 0
    standing = Position(GameStatus.LIVE, 1, 0.0, 0, 0)
    left = outlook(data.leagues()["epl"], row.state.strengths, standing).parameters
    assert row.state.said.parameters == pytest.approx(left)  # type: ignore[union-attr]


@pytest.mark.parametrize("event_id", [NFL, MLB])
def test_time_alone_moves_no_other_sport(event_id: str) -> None:
    row, _ = folded([said(1, event_id=event_id, source="espn")], event_id)

    assert GAMES.due_at_ms(RULES, row.state) == 0


def test_a_game_that_should_have_started_waits() -> None:
    scheduled = said(1, status=GameStatus.SCHEDULED, period=0, starts_at_ms=START_MS + 5_000)
    row, _ = folded([scheduled])
    again, answers = fold(GAMES, RULES, row, Input("clock.ticks", 0, 9, tick(START_MS + 3_600_000)))

    assert again is row
    assert answers == []


def test_what_stands_is_repeated_with_its_cause() -> None:
    row, _ = folded([said(1), said(2, home_score=7)])
    _, answers = fold(
        GAMES, RULES, row, Input("clock.ticks", 0, 9, tick(START_MS + 10_000 + RULES.repeat_ms))
    )

    repeated = answer(answers, GameProbabilities)
    assert repeated.source_event_id == "g/2"
    assert repeated.impact == row.state.said.impact  # type: ignore[union-attr]


def test_the_answers_of_a_game_are_tombstoned_once_it_cannot_be_rolled_back() -> None:
    row, _ = folded([said(1), said(2, status=FINAL, home_score=7)])
    closed, answers = fold(
        GAMES, RULES, row, Input("clock.ticks", 0, 9, tick(START_MS + 10_000 + RULES.rollback_ms))
    )

    assert closed.closed
    assert [found.record for found in answers] == [None, None]


def test_a_home_side_that_walks_off_has_won() -> None:
    bottom = Baseball(half="bottom", outs=1, bases=0, balls=0, strikes=0, scheduled_innings=9)
    winning = said(
        2, event_id=MLB, source="espn", kind="score", period=9, clock_s=-1.0, home_score=5, away_score=4,
        situation=bottom,
    )  # fmt: skip

    assert probabilities(winning, event_id=MLB).game[0] > 0.999
    over = msgspec.structs.replace(winning, sequence=3, status=FINAL)
    assert probabilities(winning, over, event_id=MLB).game == (1.0, 0.0)


@st.composite
def records(draw: st.DrawFn) -> list[Any]:
    """Records of two sources, closing lines and ticks: plausible each, in any order."""
    found: list[Any] = []
    at_ms = START_MS
    for _ in range(draw(st.integers(1, 25))):
        at_ms += draw(st.integers(0, 60_000))
        match draw(st.integers(0, 9)):
            case 0:
                found.append(
                    close(spread(draw(st.integers(-40, 40)) / 4.0), final=draw(st.booleans()), at_ms=at_ms)
                )
            case 1:
                down = draw(st.sampled_from([0, at_ms]))
                found.append(
                    tick(
                        at_ms,
                        SourceState(source=draw(st.sampled_from([TRUSTED, LESSER])), down_since_ms=down),
                    )
                )
            case _:
                found.append(
                    said(
                        draw(st.integers(0, 40)),
                        source=draw(st.sampled_from([TRUSTED, LESSER, "a-stranger"])),
                        received_at_ms=at_ms,
                        kind=draw(st.sampled_from(["play", "score", "correction", "clock", "suspension"])),
                        status=draw(st.sampled_from(list(GameStatus))),
                        period=draw(st.integers(0, 50)),
                        clock_s=draw(st.one_of(st.just(-1.0), st.floats(0.0, 7_200.0))),
                        home_score=draw(st.integers(0, 60)),
                        away_score=draw(st.integers(0, 60)),
                    )
                )  # fmt: skip
    return found


EVENT_IDS = [f"{league}:2025-09-14:aa-bb" for league in data.leagues()]


@given(records(), st.sampled_from(EVENT_IDS))
def test_whatever_comes_the_probabilities_are_finite_and_sum_to_one(found: list[Any], event_id: str) -> None:
    row: Row[Game] = first_row(GAMES, event_id, {})
    for offset, record in enumerate(found):
        row, answers = fold(GAMES, RULES, row, Input(topic(record), 0, offset, record))
        for given_answer in answers:
            if isinstance(given_answer.record, GameProbabilities) and given_answer.record.game:
                assert math.fsum(given_answer.record.game) == pytest.approx(1.0, abs=1e-12)
                assert math.fsum(given_answer.record.regulation) == pytest.approx(1.0, abs=1e-12)
                assert all(math.isfinite(value) for value in given_answer.record.parameters.values())


@given(records(), st.data())
def test_a_record_that_comes_again_is_harmless(found: list[Any], draw: st.DataObject) -> None:
    events = [record for record in found if isinstance(record, GameEvent)]
    row, _ = folded(found)
    if events:
        again = draw.draw(st.sampled_from(events))
        repeated, answers = fold(GAMES, RULES, row, Input("games.events", 0, 99, again))
        if any(
            heard.source == again.source and heard.sequence >= again.sequence for heard in row.state.reports
        ):
            assert repeated.state == row.state
            assert all(found.topic == "games.probabilities" for found in answers)


@given(records())
def test_a_row_survives_being_written_and_read(found: list[Any]) -> None:
    row, _ = folded(found)

    assert msgspec.msgpack.decode(msgspec.msgpack.encode(row), type=Row[Game]) == row


RUN = """
import hashlib, msgspec
from tests.pipeline.stages.games import make as games
found = [games.close(games.spread(-3.5))]
for number in range(30):
    for source in (games.LESSER, games.TRUSTED, "a-stranger"):
        found.append(games.said(number, source=source, home_score=number // 7 * 7, period=1 + number // 8))
row = games.first_row(games.GAMES, games.NFL, {})
digest = hashlib.sha256()
for offset, record in enumerate(found):
    source = games.Input(games.topic(record), 0, offset, record)
    row, answers = games.fold(games.GAMES, games.RULES, row, source)
    digest.update(msgspec.msgpack.encode([answer.record for answer in answers]))
digest.update(msgspec.msgpack.encode(row))
print(digest.hexdigest())
"""


def test_the_answers_are_the_same_under_any_hash_seed() -> None:
    assert len(printed(RUN)) == 1

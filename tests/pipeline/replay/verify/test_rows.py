"""The judge of one partition: it agrees with what a fold made, and with nothing else."""

from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline import codec
from pipeline.errors import TopicsUnfit
from pipeline.records import ClockTick
from pipeline.stages.fold import Input
from pipeline.topics import TICKS
from tests.make import T0
from tests.pipeline.replay.verify.log import ANSWERS, HERE, JOURNAL, Log, counts, whys
from tests.processors.chain import DUE_AFTER_MS, RAISES
from tests.processors.log import EVENTS, game_event, probabilities, snapshot

EVENT = EVENTS[0]
OTHER_RULES = {**HERE, "rules": "0123456789ab"}


def odds(log: Log, at_ms: int) -> Input:
    return log.put(snapshot(EVENT, T0 + at_ms), "odds.snapshots")


def play(log: Log, at_ms: int, text: str = "") -> Input:
    return log.put(game_event(EVENT, T0 + at_ms, text=text), "games.events")


def model(log: Log, at_ms: int) -> Input:
    return log.put(probabilities(EVENT, T0 + at_ms, 0.5), "games.probabilities")


def ticked(log: Log, at_ms: int) -> Input:
    return log.put(ClockTick(received_at_ms=T0 + at_ms), TICKS)


@pytest.fixture
def log() -> Log:
    """Two batches: one of records that came in another order than they were received, one with a tick."""
    log = Log(EVENT)
    log.work(odds(log, 30), play(log, 20))
    log.work(odds(log, 40), ticked(log, 40 + DUE_AFTER_MS))
    return log


def test_what_the_fold_made_is_agreed_with(log: Log) -> None:
    found = log.judged()

    assert found.holds
    assert counts(found) == (3, 2, 2, 4, 4)
    assert (found.ticked, found.orphans, found.waiting, found.in_flight, dict(found.unchecked)) == (
        1,
        0,
        0,
        0,
        {},
    )


@given(st.lists(st.tuples(st.sampled_from("opmt"), st.integers(0, 3_000), st.booleans()), max_size=30))
def test_any_way_to_cut_a_log_into_batches_is_agreed_with(steps: list[tuple[str, int, bool]]) -> None:
    log, batch, inputs = Log(EVENT), [], 0
    makers = {"o": odds, "p": play, "m": model, "t": ticked}
    for kind, at_ms, ends in steps:
        batch.append(makers[kind](log, at_ms))
        inputs += kind != "t"
        if ends or kind == "t":
            log.work(*batch)
            batch = []
    if batch:
        log.work(*batch)

    found = log.judged()

    assert found.holds
    assert found.inputs == inputs
    assert found.rows_equal == found.rows


def test_a_row_that_is_written_again_as_it_was_is_no_step(log: Log) -> None:
    log.write(log.row)

    assert log.judged().holds


def test_what_a_process_repeats_at_its_begin_is_agreed_with(log: Log) -> None:
    log.work(odds(log, 50), anew=True)

    assert log.judged().holds


def changed_row(log: Log) -> None:
    row = msgspec.msgpack.decode(log.value(JOURNAL, 1))
    row[-1][1] += 1
    log.replace(JOURNAL, 1, msgspec.msgpack.encode(row))


def reordered_row(log: Log) -> None:
    row = msgspec.msgpack.decode(log.value(JOURNAL, 1))
    row[6] = {topic: row[6][topic] for topic in reversed(row[6])}
    log.replace(JOURNAL, 1, msgspec.msgpack.encode(row))


def row_goes_back(log: Log) -> None:
    log.append(JOURNAL, EVENT.encode(), log.value(JOURNAL, 0))


def swapped_answers(log: Log) -> None:
    first, second = log.value(ANSWERS, 2), log.value(ANSWERS, 3)
    log.replace(ANSWERS, 2, second)
    log.replace(ANSWERS, 3, first)


def changed_answer(log: Log) -> None:
    said = codec.decode(ANSWERS, EVENT.encode(), log.value(ANSWERS, 1))
    _, value = codec.encode(ANSWERS, msgspec.structs.replace(said, method="another"))
    log.replace(ANSWERS, 1, value)


@pytest.mark.parametrize(
    ("spoil", "why"),
    [
        pytest.param(changed_row, "it is not what its fold makes", id="a row says something else"),
        pytest.param(
            reordered_row,
            "it is not what its fold makes, in its bytes alone",
            id="a row says the same in other bytes",
        ),
        pytest.param(row_goes_back, "it is not what its fold makes", id="a row went back"),
        pytest.param(
            lambda log: log.replace(JOURNAL, 1, b"rubbish"), "the row cannot be read", id="a row is rubbish"
        ),
        pytest.param(
            lambda log: log.replace(JOURNAL, 1, None), "the row cannot be read", id="a row was deleted"
        ),
        pytest.param(
            swapped_answers,
            "it came after one of a higher revision",
            id="the last answer is an older one",
        ),
        pytest.param(
            changed_answer, "it says something else than its fold", id="an answer says something else"
        ),
        pytest.param(
            lambda log: log.replace(ANSWERS, 3, log.value(ANSWERS, 2)),
            "it is missing",
            id="the last answer is missing",
        ),
        pytest.param(
            lambda log: log.append(ANSWERS, EVENT.encode(), None),
            "the fold does not end it",
            id="a tombstone too many",
        ),
        pytest.param(
            lambda log: log.append(ANSWERS, EVENT.encode(), b"rubbish"),
            "it cannot be read",
            id="an answer is rubbish",
        ),
    ],
)
def test_a_difference_is_found_and_says_what_it_is(log: Log, spoil: Callable[[Log], Any], why: str) -> None:
    spoil(log)

    found = log.judged()

    assert not found.holds
    assert any(told.startswith(why) for told in whys(found)), whys(found)


def test_a_difference_shows_both_sides_field_by_field(log: Log) -> None:
    changed_row(log)

    (difference,) = log.judged().differences

    assert (difference.event, difference.revision) == (EVENT, 4)
    assert difference.place == f"{JOURNAL}/{log.home}@1"
    (side,) = difference.sides
    assert side.field == "state.checksum"
    assert int(side.found) == int(side.expected) + 1
    assert f"expected  {side.expected}" in str(difference)


def test_an_input_that_is_not_on_its_topic_makes_a_difference(log: Log) -> None:
    other = Log(EVENT)
    other.work(odds(other, 30), play(other, 20))
    other.topics["games.events"][0] = log.topics["games.events"][0]._replace(key=EVENTS[1].encode())

    assert whys(other.judged()) == ["it is not what its fold makes"]


@pytest.mark.parametrize(
    "value",
    [
        pytest.param(codec.encode("odds.snapshots", snapshot(EVENT, T0 + 50))[1], id="sound"),
        pytest.param(b"rubbish", id="unreadable"),
        pytest.param(None, id="empty"),
    ],
)
def test_what_was_read_and_neither_applied_nor_buried_is_lost(log: Log, value: bytes | None) -> None:
    place = ("odds.snapshots", log.home, log.append("odds.snapshots", EVENT.encode(), value))
    assert (log.judged().lost, log.judged().waiting) == ([], 1)

    log.committed["odds.snapshots"] += 1
    assert log.judged().lost == [place]
    assert not log.judged().holds

    log.buried[place] = "value"
    assert log.judged().holds


def test_a_tombstone_of_an_input_is_no_input(log: Log) -> None:
    log.append("games.probabilities", EVENT.encode(), None)
    log.committed["games.probabilities"] = 1

    found = log.judged()

    assert (found.lost, found.waiting) == ([], 0)


def test_a_tick_that_cannot_be_read_and_is_not_buried_is_lost(log: Log) -> None:
    offset = log.append(TICKS, b"clock", b"rubbish")
    log.committed[TICKS] = offset + 1

    assert log.judged().lost == [(TICKS, log.home, offset)]


def test_what_the_fold_raised_on_is_left_out_where_it_was_buried(log: Log) -> None:
    bad = play(log, 50, RAISES)
    log.work(odds(log, 60), play(log, 70))

    told = log.judged()
    log.buried["games.events", log.home, bad.offset] = "fold"

    assert len(told.differences) == 1
    assert "ArithmeticError" in told.differences[0].why
    assert log.judged().holds


def test_a_letter_of_a_batch_that_was_lost_does_not_keep_its_record_out(log: Log) -> None:
    again = play(log, 50)
    log.work(again)
    log.buried["games.events", log.home, again.offset] = "fold"

    assert log.judged().holds


def test_rows_by_other_rules_are_not_checked_and_the_sentence_says_which(log: Log) -> None:
    log.work(odds(log, 50), made_with=OTHER_RULES)
    log.work(odds(log, 60))

    found = log.judged()

    assert found.holds
    ((why, count),) = found.unchecked.items()
    assert count == 1
    assert "made with rules 0123456789ab" in why
    assert "SHARPLINE_RULES" in why
    assert counts(found) == (4, 4, 3, 5, 5)


@pytest.mark.parametrize(
    ("field", "value", "sentence"),
    [
        pytest.param("layout", 2, "layout 2 and this version reads 1", id="layout"),
        pytest.param("log", "another", "deleted and made again", id="topics"),
    ],
)
def test_rows_of_another_layout_or_other_topics_are_one_sentence(
    log: Log, field: str, value: Any, sentence: str
) -> None:
    log.write(msgspec.structs.replace(log.row, **{field: value}))

    with pytest.raises(TopicsUnfit, match=sentence):
        log.judged()


@pytest.fixture
def long() -> Log:
    """Six batches of one snapshot each: rows 0 to 5, revisions 1 to 6."""
    log = Log(EVENT)
    for at_ms in range(6):
        log.work(odds(log, at_ms))
    return log


def test_between_rows_that_were_compacted_away_equal_results_count(long: Log) -> None:
    long.drop(JOURNAL, 1, 3)

    found = long.judged()

    assert found.holds
    assert counts(found) == (6, 4, 4, 6, 6)
    assert found.unchecked == {}


def test_where_the_order_is_gone_with_its_rows_another_answer_is_not_checked(long: Log) -> None:
    changed_answer(long)
    assert whys(long.judged()) == ["it says something else than its fold"]

    long.drop(JOURNAL, 1)

    found = long.judged()
    assert found.holds
    assert found.unchecked == {"answers where rows compacted away": 1}
    assert (found.rows, found.rows_equal, found.answers, found.answers_equal) == (5, 5, 6, 5)


def test_rows_that_were_folded_in_an_order_that_is_gone_are_not_checked() -> None:
    log = Log(EVENT)
    early = play(log, 10)
    log.work(odds(log, 20))
    log.work(early)  # received before what was folded before it
    log.work(odds(log, 30))
    log.drop(JOURNAL, 0)

    found = log.judged()

    assert found.holds
    assert found.unchecked == {"rows compacted away": 1}
    assert (found.rows, found.rows_equal) == (2, 1)


def test_the_same_in_a_journal_without_holes_is_a_difference() -> None:
    log = Log(EVENT)
    early = play(log, 10)
    log.work(odds(log, 20))
    log.work(early)
    log.topics[JOURNAL] = [log.topics[JOURNAL][1]._replace(offset=0)]

    assert "it is not what its fold makes" in whys(log.judged())


def test_an_event_whose_first_rows_are_gone_starts_from_the_oldest_kept(long: Log) -> None:
    long.drop(JOURNAL, 0, 1)
    long.drop("odds.snapshots", 0, 1)

    found = long.judged()

    assert found.holds
    assert found.unchecked == {"rows compacted away": 1}
    assert counts(found) == (3, 4, 3, 3, 3)


@pytest.mark.parametrize(
    ("topic", "reason"),
    [
        pytest.param("games.events", "inputs expired", id="retention"),
        pytest.param("games.probabilities", "inputs compacted away", id="compaction"),
    ],
)
def test_without_an_input_that_is_gone_a_row_is_not_checked(log: Log, topic: str, reason: str) -> None:
    gone = play(log, 50) if topic == "games.events" else model(log, 50)
    log.work(gone)
    log.work(odds(log, 60))
    log.drop(topic, gone.offset)

    found = log.judged(ends={topic: gone.offset + 1})

    assert found.holds
    assert found.unchecked == {reason: 1}
    assert (found.rows, found.rows_equal) == (4, 3)


def test_rows_before_the_span_are_starting_points_and_those_behind_it_are_left_out(long: Log) -> None:
    found = long.judged(span_ms=(T0 + 2, T0 + 4))

    assert found.holds
    assert counts(found) == (2, 2, 2, 2, 2)
    assert (found.unchecked, found.lost, found.waiting, found.orphans, found.in_flight) == ({}, [], 0, 0, 0)


def test_what_lies_outside_of_the_span_is_not_told(long: Log) -> None:
    for offset in (0, 5):
        row = msgspec.msgpack.decode(long.value(JOURNAL, offset))
        row[-1][1] += 1
        long.replace(JOURNAL, offset, msgspec.msgpack.encode(row))

    assert not long.judged().holds
    assert long.judged(span_ms=(T0 + 2, T0 + 5)).holds


def test_an_event_that_begins_in_the_span_is_folded_from_its_first_input() -> None:
    log = Log(EVENT)
    early = [odds(log, at_ms) for at_ms in (10, 20)]
    log.work(*early)

    found = log.judged(span_ms=(T0, 0))

    assert counts(found) == (2, 1, 1, 2, 2)

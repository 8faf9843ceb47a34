"""What the fold adds to every stage: revision and provenance, dedupe, repeats, the end."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Struct
from msgspec.structs import replace

from pipeline.records import (
    Change,
    ClockTick,
    ClosingLine,
    ClosingPrice,
    Derived,
    FairPrices,
    GameEvent,
    GameProbabilities,
    GameState,
    GameStatus,
    Soccer,
    ValueBets,
)
from pipeline.settings import Rules
from pipeline.stages.fold import (
    Input,
    Row,
    Stage,
    first_row,
    fold,
    merged,
    next_due_ms,
    provenance,
    substance,
)
from tests.make import EVENT, at, game

RULES = Rules()


class Heard(Struct, frozen=True):
    """What the stage of these tests keeps."""

    text: str = ""
    until_ms: int = 0
    ended_at_ms: int = 0


def step(_rules: Rules, state: Heard, record: Any, now_ms: int) -> tuple[Heard, list[Derived]]:
    """Say again what was heard; forget it when its time is over; ``quietly`` is kept and not said."""
    match record:
        case GameEvent(text="fail"):
            raise ValueError("cannot be folded")
        case GameEvent():
            ended_at_ms = now_ms if record.kind == "final" else 0
            heard = Heard(record.text, now_ms + 5_000, ended_at_ms)
            return heard, [] if record.text == "quietly" else [said(heard)]
        case ClockTick() if 0 < state.until_ms <= now_ms:
            return Heard(ended_at_ms=state.ended_at_ms), [said(Heard())]
    return state, []


def said(heard: Heard) -> FairPrices:
    return FairPrices(method=heard.text, markets=())


STAGE: Stage[Heard] = Stage(
    name="heard",
    sources=("games.events", "odds.closing", "clock.ticks"),
    answers=("odds.fair", "bets.value"),
    tables=("leagues.csv",),
    layout=1,
    state=Heard,
    initial=lambda _event_id: Heard(),
    step=step,
    due_at_ms=lambda _rules, heard: heard.until_ms,
    standing=lambda _rules, heard, _now_ms: [said(heard), ValueBets(bets=())],
    ended_at_ms=lambda heard: heard.ended_at_ms,
)


def said_at(seconds: float, text: str, kind: str = "play", **fields: Any) -> GameEvent:
    return GameEvent(
        event_id=EVENT,
        source="simulator",
        kind=kind,
        received_at_ms=at(seconds),
        sequence=0,
        status=GameStatus.LIVE,
        text=text,
        **fields,
    )


def tick_at(seconds: float) -> ClockTick:
    return ClockTick(received_at_ms=at(seconds))


def run(*records: Any, row: Row[Heard] | None = None) -> tuple[Row[Heard], list[Any]]:
    """Fold these in; the row, and every answer."""
    row = row or first_row(STAGE, EVENT, {"rules": "r"})
    found: list[Any] = []
    for record in records:
        topic = "clock.ticks" if isinstance(record, ClockTick) else "games.events"
        row, answers = fold(STAGE, RULES, row, Input(topic, 3, row.applied[topic] + 1, record))
        found += answers
    return row, found


def test_an_answer_says_which_revision_it_is_and_what_it_was_made_from() -> None:
    row, (first, second) = run(said_at(0, "one"), said_at(7, "two"))

    assert (first.topic, first.key) == ("odds.fair", EVENT)
    assert (first.record.revision, second.record.revision) == (1, 2)
    assert second.record.inputs == {"games.events": 1, "odds.closing": -1, "clock.ticks": -1}
    assert second.record.made_with == {"rules": "r"}
    assert (second.record.event_id, second.record.received_at_ms) == (EVENT, at(7))
    assert (row.revision, row.now_ms) == (2, at(7))


def test_now_never_goes_back() -> None:
    row, (_, late) = run(said_at(10, "one"), said_at(5, "two"))

    assert (row.now_ms, late.record.received_at_ms) == (at(10), at(10))


def test_an_answer_that_says_nothing_new_is_not_sent_but_the_input_counts() -> None:
    row, answers = run(said_at(0, "one"), said_at(1, "one"))

    assert len(answers) == 1
    assert (row.revision, row.applied["games.events"]) == (2, 1)


def test_a_process_that_begins_to_fold_an_event_says_again_all_that_stands() -> None:
    # Its predecessor died between its answers and its row: what it said last is known to nobody.
    row, _ = run(said_at(0, "one"))

    row, answers = fold(STAGE, RULES, row, Input("games.events", 3, 1, said_at(1, "one")), anew=True)

    assert [(answer.topic, answer.record.revision) for answer in answers] == [
        ("odds.fair", 2),
        ("bets.value", 2),
    ]
    assert row.begun == 1


def test_a_process_that_begins_with_a_tick_that_changes_nothing_has_not_begun() -> None:
    row, _ = run(said_at(0, "one"))

    again, answers = fold(STAGE, RULES, row, Input("clock.ticks", 3, 0, tick_at(1)), anew=True)

    assert again is row
    assert answers == []


def test_a_game_event_with_an_id_of_its_source_always_gets_its_answer() -> None:
    _, answers = run(said_at(0, "one"), said_at(1, "one", source_event_id="17"))

    assert len(answers) == 2


def test_a_tick_that_changes_nothing_leaves_the_very_row() -> None:
    row, _ = run(said_at(0, "one"))

    again, answers = run(tick_at(1), row=row)

    assert (again is row, answers) == (True, [])


def test_a_tick_that_changes_something_is_an_input_like_any_other() -> None:
    row, answers = run(said_at(0, "one"), tick_at(5))

    assert [answer.record.method for answer in answers] == ["one", ""]
    assert (row.revision, row.applied["clock.ticks"]) == (2, 0)


def test_a_tick_that_only_moves_the_state_is_written_and_says_nothing() -> None:
    row, answers = run(said_at(0, "", kind="final"), tick_at(5))

    assert (len(answers), row.revision, row.state.until_ms) == (1, 2, 0)


def test_what_stands_is_repeated_after_a_while_where_it_was_ever_sent() -> None:
    row, _ = run(said_at(0, "one"), tick_at(5))
    after_s = RULES.repeat_ms / 1000
    assert next_due_ms(STAGE, RULES, row) == at(after_s)

    row, answers = run(tick_at(after_s - 1), tick_at(after_s), tick_at(after_s + 1), row=row)

    assert [answer.topic for answer in answers] == ["odds.fair"]
    assert answers[0].record.received_at_ms == at(after_s)
    assert next_due_ms(STAGE, RULES, row) == at(2 * after_s)


def test_an_event_of_which_nothing_was_said_repeats_nothing_and_is_never_due_for_it() -> None:
    row, answers = run(said_at(0, "quietly"))

    assert (answers, next_due_ms(STAGE, RULES, row)) == ([], at(5))


def test_a_finished_event_is_tombstoned_when_no_result_can_be_rolled_back_any_more() -> None:
    row, _ = run(said_at(0, "over", kind="final"), tick_at(5))
    over_s = RULES.rollback_ms / 1000

    row, answers = run(tick_at(over_s - 1), row=row)
    assert [answer.record.method for answer in answers] == [""]

    row, answers = run(tick_at(over_s), row=row)
    assert [(answer.topic, answer.key, answer.record) for answer in answers] == [("odds.fair", EVENT, None)]
    assert (row.closed, row.state, row.sent, next_due_ms(STAGE, RULES, row)) == (True, Heard(), {}, 0)


def test_a_closed_row_finds_late_records_and_says_nothing() -> None:
    row, _ = run(said_at(0, "over", kind="final"), tick_at(RULES.rollback_ms / 1000))

    late, answers = run(said_at(9, "late"), row=row)
    after, more = run(tick_at(RULES.rollback_ms / 500), row=late)

    assert (answers, more, after is late) == ([], [], True)
    assert (late.closed, late.applied["games.events"], late.revision) == (True, 1, row.revision + 1)


def test_a_record_that_cannot_be_folded_leaves_the_row_as_it_was() -> None:
    row, _ = run(said_at(0, "one"))
    before = replace(row)

    with pytest.raises(ValueError, match="cannot be folded"):
        run(said_at(1, "fail"), row=row)

    assert row == before


def probabilities(seconds: float, offset: int) -> Input:
    return Input("odds.closing", 0, offset, game(seconds))


def test_inputs_of_one_event_are_taken_by_time_then_topic_and_each_topic_in_its_order() -> None:
    inputs = [
        Input("clock.ticks", 0, 4, tick_at(3)),
        Input("games.events", 0, 8, said_at(3, "same time, first topic")),
        Input("games.events", 0, 9, said_at(1, "late in its topic")),
        probabilities(2, 5),
        probabilities(3, 6),
    ]

    order = [(source.topic, source.offset) for source in merged(STAGE, inputs)]

    assert order == [
        ("odds.closing", 5),
        ("games.events", 8),
        ("games.events", 9),
        ("odds.closing", 6),
        ("clock.ticks", 4),
    ]


@given(st.lists(st.tuples(st.sampled_from(STAGE.sources), st.integers(0, 5)), max_size=12), st.randoms())
def test_the_order_does_not_depend_on_how_inputs_came_together(
    drawn: list[tuple[str, int]], shuffle: Any
) -> None:
    inputs = [Input(topic, 0, offset, tick_at(seconds)) for offset, (topic, seconds) in enumerate(drawn)]
    mixed = list(inputs)
    shuffle.shuffle(mixed)

    order = list(merged(STAGE, mixed))

    assert order == list(merged(STAGE, inputs))
    assert sorted(order, key=lambda source: source.offset) == inputs
    for topic in STAGE.sources:
        offsets = [source.offset for source in order if source.topic == topic]
        assert offsets == sorted(offsets)


PRICE = ClosingPrice(book="a", market="h2h", scope="game", line=0.0, prices=(1.9, 1.9), seen_at_ms=at(0))
LINE = ClosingLine(final=False, started_at_ms=0, markets=(), prices=(PRICE,))


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        pytest.param(game(0), game(9), True, id="received at another time"),
        pytest.param(game(0), replace(game(0), revision=9, inputs={"a": 1}), True, id="provenance"),
        pytest.param(
            ValueBets(bets=()),
            ValueBets(bets=(), changes=(Change(id="x", change="opened"),)),
            True,
            id="changes",
        ),
        pytest.param(LINE, replace(LINE, prices=(replace(PRICE, seen_at_ms=at(9)),)), True, id="seen again"),
        pytest.param(LINE, replace(LINE, prices=(replace(PRICE, prices=(1.9, 2.0)),)), False, id="a price"),
        pytest.param(LINE, replace(LINE, final=True), False, id="a field"),
        pytest.param(LINE, replace(LINE, prices=(PRICE, PRICE)), False, id="one more"),
        pytest.param(LINE, replace(LINE, prices=()), False, id="one less"),
        pytest.param(
            replace(game(0), parameters={"a": 1.0}),
            replace(game(0), parameters={"b": 1.0}),
            False,
            id="a parameter",
        ),
    ],
)
def test_what_an_answer_says(one: Derived, other: Derived, same: bool) -> None:
    assert (substance(one) == substance(other)) is same


def test_the_situation_of_a_game_is_part_of_what_its_state_says() -> None:
    state = GameState(
        league="epl",
        sport="soccer",
        home="a",
        away="b",
        status=GameStatus.LIVE,
        starts_at_ms=0,
        started_at_ms=0,
        finished_at_ms=0,
        period=1,
        clock_s=0.0,
        home_score=0,
        away_score=0,
        suspended=False,
        contested=False,
        last_key_event_at_ms=0,
        situation=Soccer(home_reds=0, away_reds=0),
        source="simulator",
        source_event_id="",
        text="",
    )

    assert substance(state) != substance(replace(state, situation=Soccer(home_reds=1, away_reds=0)))
    assert substance(state) != substance(replace(state, situation=None))
    assert isinstance(game(0), GameProbabilities)


def test_provenance_names_the_rules_and_the_data() -> None:
    usual = provenance(STAGE, RULES)

    assert usual.keys() == {"rules", "data"}
    assert provenance(STAGE, Rules(minimum_desks=4))["rules"] != usual["rules"]
    assert provenance(replace(STAGE, tables=("books.csv",)), RULES)["data"] != usual["data"]

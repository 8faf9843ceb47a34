"""Which tick is evaluated, and for which events."""

from pipeline.records import ClockTick, SourceState
from pipeline.settings import Rules
from pipeline.stages.fold import Input, Row, first_row, fold
from processors.ticks import Progress, Ticks
from tests.processors.chain import DUE_AFTER_MS, Chain, chain
from tests.processors.log import EVENTS, snapshot

AT_MS = 1_757_880_000_000
KEY = EVENTS[0].encode()


def tick(offset: int, at_ms: int, *sources: SourceState, partition: int = 0) -> Input:
    return Input("clock.ticks", partition, offset, ClockTick(received_at_ms=at_ms, sources=sources))


def row(at_ms: int) -> Row[Chain]:
    first = first_row(chain(), EVENTS[0], {})
    return fold(chain(), Rules(), first, Input("odds.snapshots", 0, 0, snapshot(EVENTS[0], at_ms)))[0]


def ready(ticks: Ticks, **read: Progress) -> list[int]:
    """Offsets of the ticks that are ready, with one topic read so far and the others to their end."""
    topics = {name.replace("_", "."): progress for name, progress in read.items()}
    return [found.offset for found in ticks.ready(lambda topic, _: topics.get(topic, Progress(0, AT_MS * 2)))]


def test_the_last_tick_that_all_other_topics_were_read_up_to_wins() -> None:
    ticks = Ticks(chain(), Rules())
    for offset in range(4):
        ticks.add(tick(offset, AT_MS + 1000 * offset), lambda *_: 100)

    assert ready(ticks, odds_snapshots=Progress(7, AT_MS - 1)) == []
    assert ready(ticks, odds_snapshots=Progress(8, AT_MS + 2500)) == [2]
    assert ready(ticks, odds_snapshots=Progress(9, AT_MS + 2999)) == []
    assert ready(ticks, odds_snapshots=Progress(100, AT_MS + 2999)) == [3]
    assert ready(ticks) == []


def test_a_tick_waits_while_nobody_knows_where_a_topic_ends() -> None:
    ticks = Ticks(chain(), Rules())
    ticks.add(tick(0, AT_MS), lambda topic, _: None if topic == "odds.snapshots" else 0)

    assert ready(ticks, odds_snapshots=Progress(5, AT_MS - 1)) == []
    assert ready(ticks, odds_snapshots=Progress(6, AT_MS)) == [0]


def test_a_tick_moves_what_is_due_and_everything_when_a_source_changes() -> None:
    ticks = Ticks(chain(), Rules())
    ticks.note(0, KEY, row(AT_MS))
    ticks.note(0, b"later", row(AT_MS + 10_000))
    ticks.note(1, b"elsewhere", row(AT_MS))
    down = SourceState(source="simulator", down_since_ms=AT_MS)

    assert ticks.moved(tick(0, AT_MS)) == [KEY, b"later"]  # what the sources were before is not known
    assert ticks.moved(tick(1, AT_MS + 1)) == []
    assert ticks.moved(tick(2, AT_MS + DUE_AFTER_MS)) == [KEY]
    assert ticks.moved(tick(3, AT_MS + 1, down)) == [KEY, b"later"]
    assert ticks.moved(tick(4, AT_MS + 2, down)) == []


def test_what_a_record_moved_while_a_source_is_down_or_off_hears_of_it_with_the_next_tick() -> None:
    for state in (SourceState(source="espn", down_since_ms=AT_MS), SourceState(source="espn", off=True)):
        ticks = Ticks(chain(), Rules())
        ticks.moved(tick(0, AT_MS, state))
        ticks.heard(0, KEY, row(AT_MS))

        assert ticks.moved(tick(1, AT_MS + 1, state)) == [KEY]
        ticks.note(0, KEY, row(AT_MS))
        assert ticks.moved(tick(2, AT_MS + 2, state)) == []


def test_what_a_record_moved_while_all_sources_are_well_waits_until_it_is_due() -> None:
    ticks = Ticks(chain(), Rules())
    ticks.moved(tick(0, AT_MS, SourceState(source="espn", outages=3, full_from_ms=AT_MS - 1)))
    ticks.heard(0, KEY, row(AT_MS))

    assert (
        ticks.moved(tick(1, AT_MS + 1, SourceState(source="espn", outages=3, full_from_ms=AT_MS - 1))) == []
    )


def test_an_event_on_which_a_tick_failed_is_left_out_until_its_next_record() -> None:
    ticks = Ticks(chain(), Rules())
    ticks.note(0, KEY, row(AT_MS))
    ticks.leave_out(0, KEY)

    assert ticks.moved(tick(0, AT_MS + DUE_AFTER_MS)) == []
    ticks.note(0, KEY, row(AT_MS))
    assert ticks.moved(tick(1, AT_MS + DUE_AFTER_MS)) == [KEY]

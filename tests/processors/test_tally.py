"""What a worker tells: series from the start, labels of closed sets, one line for what happened."""

import logging
from typing import Any

import pytest
from msgspec.structs import replace
from prometheus_client import REGISTRY

from pipeline.records import Change, ChangeKind
from pipeline.stages.fold import Answer, Input, Stage, first_row
from pipeline.stages.markets import MARKETS
from processors.tally import Tally
from tests.make_records import EVENT, example

ORIGIN = "games.events/1/5"


def stage(name: str) -> Stage[Any]:
    """The markets stage under a name that no other test counts under."""
    return replace(MARKETS, name=name)


def value(name: str, **labels: str) -> float | None:
    return REGISTRY.get_sample_value(name, labels)


def test_counts_begin_at_zero_so_that_the_first_of_anything_is_a_rise() -> None:
    Tally(stage("begun"))

    for topic in MARKETS.sources:
        assert value("sharpline_processors_dead_letters_total", stage="begun", topic=topic) == 0
        delays = value("sharpline_processors_append_to_fold_seconds_count", stage="begun", topic=topic)
        assert delays == (None if topic == "clock.ticks" else 0)  # ticks wait for others
    for topic in (*MARKETS.answers, "ops.dead-letters"):
        assert value("sharpline_processors_answers_total", stage="begun", topic=topic) == 0
    for kind in ("value", "arbitrage", "middle", "low_hold"):
        for change in ChangeKind:
            assert value("sharpline_processors_changes_total", kind=kind, change=change) is not None


def test_a_source_is_as_old_as_its_newest_record_and_an_unknown_one_makes_no_label() -> None:
    tally, snapshot = Tally(stage("seen")), example("odds.snapshots")

    tally.decoded("odds.snapshots", replace(snapshot, source="simulator"), 100.0, 100.5)
    tally.decoded("odds.snapshots", replace(snapshot, source="simulator"), 90.0, 100.5)
    tally.decoded("odds.snapshots", replace(snapshot, source="whoever-writes-here"), 101.0, 100.5)

    name = "sharpline_processors_source_seen_timestamp_seconds"
    assert value(name, stage="seen", source="simulator") == 100.0
    assert value(name, stage="seen", source="other") == 101.0
    assert value(name, stage="seen", source="whoever-writes-here") is None
    sums = value("sharpline_processors_append_to_fold_seconds_sum", stage="seen", topic="odds.snapshots")
    assert sums == 0.5 + 10.5  # and never less than none, whatever the clocks say


@pytest.fixture
def changed() -> tuple[Input, Answer]:
    """A fold whose answer opens one value bet, changes one and withdraws one."""
    changes = (
        Change(id="a1", change=ChangeKind.OPENED),
        Change(id="b2", change=ChangeKind.CHANGED),
        Change(id="c3", change=ChangeKind.WITHDRAWN, reason="stale"),
    )
    bets = replace(example("bets.value"), changes=changes)
    source = Input("games.probabilities", 1, 77, example("games.probabilities"), ORIGIN)
    return source, Answer("bets.value", EVENT, bets)


def folded(name: str, source: Input, answer: Answer) -> None:
    row = first_row(stage(name), EVENT, {})
    Tally(stage(name)).folded(row, source, [answer, Answer("odds.fair", EVENT, None)], 0.002)


def test_what_opened_and_what_ended_is_one_line_each_and_names_the_head_of_its_chain(
    changed: tuple[Input, Answer], caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, "processors.tally"):
        folded("told", *changed)

    assert [(record.getMessage(), vars(record)["fields"]) for record in caplog.records] == [
        ("value opened", {"event": EVENT, "revision": 0, "id": "a1", **PLACES}),
        ("value withdrawn", {"event": EVENT, "revision": 0, "id": "c3", "reason": "stale", **PLACES}),
    ]


def test_every_fold_is_a_line_when_asked_for(
    changed: tuple[Input, Answer], caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG, "processors.tally"):
        folded("debugged", *changed)

    (line,) = [vars(record)["fields"] for record in caplog.records if record.getMessage() == "folded"]
    assert line == {
        "event": EVENT,
        "revision": 0,
        "answers": ["bets.value", "odds.fair"],
        "ms": 2.0,
        **PLACES,
    }


def test_changes_are_counted_by_kind(changed: tuple[Input, Answer]) -> None:
    names = {change: {"kind": "value", "change": change} for change in ChangeKind}
    before = {
        change: value("sharpline_processors_changes_total", **labels) or 0.0
        for change, labels in names.items()
    }

    folded("counted", *changed)

    for change, labels in names.items():
        assert value("sharpline_processors_changes_total", **labels) == before[change] + 1


def test_what_is_buried_is_counted_and_told_with_its_place(caplog: pytest.LogCaptureFixture) -> None:
    tally = Tally(stage("buried"))

    tally.buried(("odds.snapshots", 2, 9), "magic: 7b")

    assert value("sharpline_processors_dead_letters_total", stage="buried", topic="odds.snapshots") == 1
    (record,) = caplog.records
    assert (record.levelname, record.getMessage()) == ("WARNING", "buried")
    assert vars(record)["fields"] == {"stage": "buried", "place": "odds.snapshots/2/9", "reason": "magic: 7b"}


PLACES = {"place": "games.probabilities/1/77", "origin": ORIGIN}

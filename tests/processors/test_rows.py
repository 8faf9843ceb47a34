"""The rows of a stage: decoded once, handed on with their partition, refused where they are another's."""

from types import SimpleNamespace
from typing import Any

import msgspec
import pytest
from faust.types import TP

from pipeline.errors import CheckpointUnfit, TopicsUnfit
from pipeline.stages.fold import Row, first_row
from processors.rows import Rows
from tests.processors.chain import Chain, chain
from tests.processors.log import EVENTS

KEY = EVENTS[0].encode()
CHANGELOG = TP("sharpline.chain-rows-changelog", 3)


def rows(layout: int = 1, log: str = "log", store: Any = None) -> Rows:
    store = store or SimpleNamespace(data={}, _key_partition={})
    return Rows(chain(layout=layout), log, {"rules": "now"}, store)


def value(**fields: Any) -> tuple[Row[Chain], bytes]:
    first = first_row(chain(), EVENTS[0], {"rules": "then"}, "log")
    row = msgspec.structs.replace(first, **({"revision": 5, "state": Chain(count=5)} | fields))
    return row, msgspec.msgpack.encode(row)


def test_a_row_is_read_back_as_it_was_written_and_goes_on_under_what_now_holds() -> None:
    table = rows()
    row, written = value()
    table.load({CHANGELOG: {KEY: written}})

    assert table[KEY] == msgspec.structs.replace(row, made_with={"rules": "now"})
    assert list(table.reopen()) == [(3, KEY)]
    assert table[b"unknown"].revision == 0


def test_a_recovered_row_replaces_what_was_decoded_and_a_tombstone_ends_it() -> None:
    table = rows()
    table.load({CHANGELOG: {KEY: value()[1]}})
    assert table[KEY].revision == 5

    table.load({CHANGELOG: {KEY: value(revision=6)[1]}})
    assert table[KEY].revision == 6
    table.load({CHANGELOG: {KEY: None}})
    assert (table[KEY].revision, len(table)) == (0, 0)


def test_the_rows_of_a_partition_are_handed_out_with_what_they_amount_to() -> None:
    table = rows()
    row, written = value()
    closed = value(event_id=EVENTS[1], closed=True)[1]
    table.load({CHANGELOG: {KEY: written}, CHANGELOG._replace(partition=1): {EVENTS[1].encode(): closed}})

    assert list(table.reopen()) == [(3, KEY)], "a closed row waits for no tick"
    assert (dict(table.snapshot(1)), table.bytes_of(1)) == ({EVENTS[1].encode(): closed}, len(closed))
    table.put(KEY, 3, row, written + written)
    table.put(b"another", 3, row, written)
    assert dict(table.snapshot(3)) == {KEY: 2 * written, b"another": written}
    assert (table.bytes_of(3), table.bytes_of(0)) == (3 * len(written), 0)


def test_a_snapshot_stays_as_it_was_while_the_table_goes_on() -> None:
    table = rows()
    row, written = value()
    for number in range(3):
        table.put(b"%d" % number, 3, row, written)
    snapshot = table.snapshot(3)
    reading = iter(snapshot)
    seen = [next(reading)]

    for number in range(4):
        table.put(b"%d" % number, 3, row, b"later")
        table.put(b"%d" % number, 3, row, b"much later")
    seen += reading

    assert (seen, len(snapshot)) == ([(b"%d" % number, written) for number in range(3)], 3)
    table.end_snapshot()
    assert dict(table.snapshot(3)) == {b"%d" % number: b"much later" for number in range(4)}


def test_a_snapshot_of_rows_that_come_and_go_is_spoilt() -> None:
    table = rows()
    table.put(KEY, 3, *value())
    snapshot = table.snapshot(3)

    table.load({})

    with pytest.raises(CheckpointUnfit, match="partitions changed"):
        list(snapshot)


@pytest.mark.parametrize(
    ("table", "why"),
    [
        pytest.param({"layout": 2}, "layout 1 and this version reads 2", id="another layout"),
        pytest.param({"log": "other"}, "deleted and made again", id="other topics"),
    ],
)
def test_rows_that_mean_something_else_are_refused(table: dict[str, Any], why: str) -> None:
    refusing = rows(**table)
    refusing.load({CHANGELOG: {KEY: value()[1]}})

    with pytest.raises(TopicsUnfit, match=why):
        list(refusing.reopen())

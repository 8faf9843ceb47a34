from io import BytesIO
from typing import Any

import pytest
from fastavro import parse_schema, schemaless_reader, schemaless_writer
from hypothesis import given
from hypothesis import strategies as st
from msgspec import to_builtins

import schemas
from pipeline import records as r
from pipeline.codec import lines
from tests.make_records import AT_MS, line

FIELDS = {field["name"]: field["type"] for field in schemas.newest("odds.snapshots-value").schema["fields"]}
LINES: Any = parse_schema(FIELDS["lines"])
STATUSES = lines.statuses(LINES["items"])
BEFORE, AFTER = b"before", b"after"


def written(*quotes: r.Line) -> bytes:
    """An array of lines as fastavro writes it, after other bytes and before a few more."""
    buffer = BytesIO()
    schemaless_writer(buffer, LINES, [to_builtins(quote) for quote in quotes])
    return BEFORE + buffer.getvalue() + AFTER


def read(value: bytes) -> tuple[list[dict[str, Any]], int] | None:
    """What is read of it, prices in lists, as fastavro has them."""
    found = lines.read(value, len(BEFORE), STATUSES)
    return found and ([{**each, "prices": list(each["prices"])} for each in found[0]], found[1])


def read_by_fastavro(value: bytes) -> tuple[list[dict[str, Any]], int]:
    buffer = BytesIO(value)
    buffer.seek(len(BEFORE))
    found: Any = schemaless_reader(buffer, LINES, None)
    return found, buffer.tell()


TEXTS = st.text(max_size=15) | st.sampled_from(["h2h", "spread", "game"])
DOUBLES = st.floats(allow_nan=False)
USUAL = st.builds(
    r.Line,
    book=TEXTS,
    market=TEXTS,
    scope=TEXTS,
    line=DOUBLES,
    prices=st.lists(DOUBLES, min_size=2, max_size=3).map(tuple),
    status=st.sampled_from(r.QuoteStatus),
    quoted_at_ms=st.sampled_from([0, AT_MS, AT_MS + 1]) | st.integers(-(2**55), 2**55),
)


@given(st.lists(USUAL, max_size=5))
def test_usual_lines_are_read_as_fastavro_reads_them(quotes: list[r.Line]) -> None:
    value = written(*quotes)

    assert read(value) == read_by_fastavro(value)


@given(quotes=st.lists(USUAL, min_size=1, max_size=3), data=st.data())
def test_damaged_lines_are_read_as_fastavro_reads_them_or_left_to_it(
    quotes: list[r.Line], data: st.DataObject
) -> None:
    damaged = bytearray(written(*quotes))
    for place in data.draw(st.lists(st.integers(len(BEFORE), len(damaged) - 1), min_size=1, max_size=3)):
        damaged[place] = data.draw(st.integers(0, 255))
    value = bytes(damaged[: data.draw(st.integers(len(BEFORE), len(damaged)))])

    if (found := read(value)) is not None:
        assert repr(found) == repr(read_by_fastavro(value))  # a NaN is itself


@pytest.mark.parametrize(
    "value",
    [
        pytest.param(written(line(book="b" * 64)), id="long text"),
        pytest.param(written(line(prices=(1.9,))), id="one price"),
        pytest.param(written(line(prices=(2.0, 3.0, 4.0, 5.0))), id="four prices"),
        pytest.param(written(line(quoted_at_ms=2**62)), id="number of ten bytes"),
        pytest.param(BEFORE + b"\x01" + written(line())[len(BEFORE) :], id="block with its size"),
        pytest.param(written(line())[:-20], id="cut short"),
        pytest.param(BEFORE, id="nothing"),
    ],
)
def test_what_is_unusual_is_left_to_fastavro(value: bytes) -> None:
    assert read(value) is None


def test_only_lines_of_these_fields_are_known() -> None:
    more = {**LINES["items"], "fields": [*LINES["items"]["fields"], {"name": "fee", "type": "double"}]}

    assert lines.knows(LINES["items"])
    assert not lines.knows(more)
    assert not lines.knows(FIELDS["depth"]["items"])

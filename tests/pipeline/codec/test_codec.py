import json
import math
from collections.abc import Callable
from contextlib import suppress
from io import BytesIO
from typing import Any

import pytest
from fastavro import schemaless_reader, schemaless_writer
from hypothesis import given
from hypothesis import strategies as st
from msgspec import to_builtins
from msgspec.structs import replace

import schemas
from pipeline import records as r
from pipeline.codec import HEADER, MAXIMUM_BYTES, decode, encode, plain
from pipeline.errors import Refused, UnreadableRecord
from pipeline.topics import TOPICS
from tests.make_records import AT_MS, EVENT, SITUATIONS, example, line

SNAPSHOTS = "odds.snapshots"
NAN, INFINITY = math.nan, math.inf


def unchecked(topic: str, record: Any) -> bytes:
    """The bytes of a record as a producer with no scruples would write them."""
    released = schemas.newest(TOPICS[topic].subject)
    buffer = BytesIO(HEADER.pack(0, released.id))
    buffer.seek(HEADER.size)
    schemaless_writer(buffer, released.schema, to_builtins(record, builtin_types=(bytes,)))
    return buffer.getvalue()


def reason(topic: str, key: bytes | None, value: bytes | None) -> str:
    with pytest.raises(UnreadableRecord) as caught:
        decode(topic, key, value)
    return str(caught.value)


@pytest.mark.parametrize("topic", TOPICS)
def test_what_was_encoded_is_decoded(topic: str) -> None:
    key, value = encode(topic, example(topic))

    assert decode(topic, key, value) == example(topic)


@pytest.mark.parametrize("situation", [None, *SITUATIONS], ids=lambda s: type(s).__name__)
def test_the_situation_of_every_sport_comes_back(situation: Any) -> None:
    for topic in ("games.events", "games.states"):
        record = example(topic, situation=situation)

        assert decode(topic, *encode(topic, record)) == record


@pytest.mark.parametrize("topic", TOPICS)
def test_plain_fastavro_reads_a_message_with_the_schema_of_its_header(topic: str) -> None:
    _, value = encode(topic, example(topic))
    magic, schema_id = HEADER.unpack_from(value)
    schema = next(released.schema for released in schemas.catalogue() if released.id == schema_id)

    datum = schemaless_reader(BytesIO(value[HEADER.size :]), schema, None)

    assert magic == 0
    assert datum == _untagged(to_builtins(example(topic), builtin_types=(bytes,)))


@pytest.mark.parametrize("topic", TOPICS)
def test_a_message_has_the_bytes_that_plain_fastavro_writes(topic: str) -> None:
    assert encode(topic, example(topic))[1] == unchecked(topic, example(topic))


@pytest.mark.parametrize("topic", TOPICS)
def test_a_message_cut_at_any_byte_is_unreadable(topic: str) -> None:
    key, value = encode(topic, example(topic))

    for size in range(len(value)):
        reason(topic, key, value[:size])


@pytest.mark.parametrize("topic", TOPICS)
def test_bytes_after_the_record_make_it_unreadable(topic: str) -> None:
    key, value = encode(topic, example(topic))

    assert reason(topic, key, value + b"\x00").startswith("trailing: 1 bytes")


@pytest.mark.parametrize(
    ("change", "word"),
    [
        pytest.param(lambda value: None, "empty", id="no value"),
        pytest.param(lambda value: b"", "truncated", id="nothing"),
        pytest.param(lambda value: b"\x01" + value[1:], "magic", id="wrong magic byte"),
        pytest.param(lambda value: HEADER.pack(0, 4_000_000_000) + value[5:], "schema", id="unknown id"),
        pytest.param(lambda value: HEADER.pack(0, 2) + value[5:], "schema", id="schema of another topic"),
        pytest.param(lambda value: b"\xa7" * 900_000, "magic", id="900 KB of rubbish"),
        pytest.param(lambda value: value[:5] + b"\xa7" * 900_000, "body", id="900 KB under a good header"),
        pytest.param(lambda value: value[:5] + bytes(900_000), "trailing", id="900 KB of zeros"),
        pytest.param(lambda value: value[:5] + bytes(MAXIMUM_BYTES), "oversized", id="more than a megabyte"),
        pytest.param(lambda value: b'{"event_id": "x"}', "magic", id="JSON"),
    ],
)
def test_bytes_that_are_no_message_are_unreadable(change: Callable[[bytes], bytes | None], word: str) -> None:
    key, value = encode(SNAPSHOTS, example(SNAPSHOTS))

    assert reason(SNAPSHOTS, key, change(value)).startswith(f"{word}: ")


UNSOUND = {
    "price of NaN": (SNAPSHOTS, {"lines": (line(prices=(NAN, 1.9)),)}),
    "infinite price": (SNAPSHOTS, {"lines": (line(prices=(INFINITY, 1.9)),)}),
    "price of 1.0": (SNAPSHOTS, {"lines": (line(prices=(1.0, 1.9)),)}),
    "negative price": (SNAPSHOTS, {"lines": (line(prices=(-1.9, 1.9)),)}),
    "price beyond belief": (SNAPSHOTS, {"lines": (line(prices=(1e9, 1.9)),)}),
    "a price too few": (SNAPSHOTS, {"lines": (line(prices=(1.9,)),)}),
    "unknown market": (SNAPSHOTS, {"lines": (line(market="first_kick"),)}),
    "unknown scope": (SNAPSHOTS, {"lines": (line(scope="overtime"),)}),
    "line between quarters": (SNAPSHOTS, {"lines": (line(market="spread", line=-3.3),)}),
    "line of NaN": (SNAPSHOTS, {"lines": (line(market="spread", line=NAN),)}),
    "line of a market without one": (SNAPSHOTS, {"lines": (line(line=-3.5),)}),
    "no book": (SNAPSHOTS, {"lines": (line(book=""),)}),
    "lay price of 0.5": (
        SNAPSHOTS,
        {
            "depth": (
                r.Depth(book="b", market="h2h", lay_prices=(0.5, 2.0), back_sizes=(1, 1), lay_sizes=(1, 1)),
            )
        },
    ),
    "sizes of one outcome": (
        SNAPSHOTS,
        {
            "depth": (
                r.Depth(book="b", market="h2h", lay_prices=(2.0, 2.0), back_sizes=(1,), lay_sizes=(1, 1)),
            )
        },
    ),
    "seconds instead of milliseconds": (SNAPSHOTS, {"received_at_ms": AT_MS // 1000}),
    "microseconds instead of milliseconds": (SNAPSHOTS, {"received_at_ms": AT_MS * 1000}),
    "no time": (SNAPSHOTS, {"received_at_ms": 0}),
    "event id that does not parse": (SNAPSHOTS, {"event_id": "nfl/2025-09-14/kc-phi"}),
    "event of an unknown league": (SNAPSHOTS, {"event_id": "xfl:2025-09-14:kc-phi"}),
    "event on no day": (SNAPSHOTS, {"event_id": "nfl:2025-02-30:kc-phi"}),
    "empty event id": (SNAPSHOTS, {"event_id": ""}),
    "unknown kind of event": ("games.events", {"kind": "touchback"}),
    "clock of NaN": ("games.events", {"clock_s": NAN}),
    "infinite clock": ("games.events", {"clock_s": INFINITY}),
    "negative score": ("games.events", {"home_score": -1}),
    "period 51": ("games.events", {"period": 51}),
    "text without an end": ("games.events", {"text": "x" * 201}),
    "tick of no time": ("clock.ticks", {"received_at_ms": 1}),
    "probability above 1": ("games.probabilities", {"game": (1.5, -0.5)}),
    "probability of NaN": ("games.probabilities", {"game": (NAN, NAN)}),
    "infinite parameter": ("games.probabilities", {"parameters": {"margin_sd": INFINITY}}),
    "profit of NaN": ("bets.results", {"profit": NAN}),
    "infinite loss": ("games.scores", {"log_loss": INFINITY}),
    "negative revision": ("games.states", {"revision": -1}),
    "no source": ("sources.health", {"source": ""}),
}


@pytest.mark.parametrize(("topic", "fields"), UNSOUND.values(), ids=UNSOUND)
def test_an_unsound_record_is_refused_and_unreadable(topic: str, fields: dict[str, Any]) -> None:
    record = example(topic, **fields)

    with pytest.raises(Refused):
        encode(topic, record)
    assert reason(topic, TOPICS[topic].key(record).encode(), unchecked(topic, record)).startswith("value: ")


@pytest.mark.parametrize(
    ("topic", "record"),
    [
        pytest.param(SNAPSHOTS, example("games.events"), id="record of another topic"),
        pytest.param(SNAPSHOTS, example(SNAPSHOTS, received_at_ms="now"), id="text for a time"),
        pytest.param(SNAPSHOTS, example(SNAPSHOTS, kind="everything"), id="kind that is none"),
        pytest.param(SNAPSHOTS, example(SNAPSHOTS, lines=None), id="nothing for a list"),
        pytest.param(SNAPSHOTS, None, id="nothing"),
        pytest.param(SNAPSHOTS, example(SNAPSHOTS, received_at_ms=2**70), id="time beyond a long"),
        pytest.param("games.events", example("games.events", text="\ud800"), id="half a character"),
        pytest.param("sources.health", example("sources.health", source="\ud800"), id="half a key"),
        pytest.param("sources.health", example("sources.health", quota_left=2**64), id="beyond a long"),
        pytest.param(
            "sources.payloads", example("sources.payloads", body=bytes(MAXIMUM_BYTES)), id="too big"
        ),
    ],
)
def test_what_does_not_fit_its_schema_is_refused(topic: str, record: Any) -> None:
    with pytest.raises(Refused):
        encode(topic, record)


@pytest.mark.parametrize("key", [None, b"", b"nfl:2025-09-14:phi-kc", b"\xff\xfe", EVENT.encode() + b"\x00"])
@pytest.mark.parametrize("topic", TOPICS)
def test_a_key_that_is_not_the_records_own_is_unreadable(topic: str, key: bytes | None) -> None:
    _, value = encode(topic, example(topic))

    assert reason(topic, key, value).startswith("value: the key is ")


@given(
    value=st.binary(max_size=400), key=st.none() | st.binary(max_size=30), topic=st.sampled_from(list(TOPICS))
)
def test_random_bytes_are_unreadable_and_nothing_else(value: bytes, key: bytes | None, topic: str) -> None:
    reason(topic, key, value)


@given(value=st.binary(max_size=400), topic=st.sampled_from(list(TOPICS)))
def test_random_bytes_under_a_good_header_are_unreadable_and_nothing_else(value: bytes, topic: str) -> None:
    header = HEADER.pack(0, schemas.newest(TOPICS[topic].subject).id)

    reason(topic, EVENT.encode(), header + value)


@given(data=st.data(), topic=st.sampled_from(list(TOPICS)))
def test_flipped_bytes_give_a_sound_record_or_are_unreadable(data: st.DataObject, topic: str) -> None:
    key, value = encode(topic, example(topic))
    damaged = bytearray(value)
    for place in data.draw(st.lists(st.integers(0, len(value) - 1), min_size=1, max_size=3)):
        damaged[place] = data.draw(st.integers(0, 255))

    try:
        record = decode(topic, key, bytes(damaged))
    except UnreadableRecord:
        return
    assert decode(topic, *encode(topic, record)) == record


@given(
    prices=st.lists(st.sampled_from([0.0, 1.01, 2.0, 99_999.0]), min_size=2, max_size=2),
    line=st.integers(-400, 400),
)
def test_every_quarter_line_and_price_survives(prices: list[float], line: int) -> None:
    quote = r.Line(book="b", market="spread", line=line / 4, prices=tuple(prices))
    record = example(SNAPSHOTS, lines=(quote,))

    assert decode(SNAPSHOTS, *encode(SNAPSHOTS, record)) == record


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.binary(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.tuples(inner, inner) | st.dictionaries(st.text(max_size=3), inner)
    ),
    max_leaves=4,
)


@given(data=st.data(), topic=st.sampled_from(list(TOPICS)))
def test_a_record_with_anything_in_a_field_is_refused_or_comes_back(data: st.DataObject, topic: str) -> None:
    """A Struct takes whatever it is given: encoding is where it is looked at."""
    record = example(topic)
    name = data.draw(st.sampled_from(record.__struct_fields__))
    record = replace(record, **{name: data.draw(ANYTHING)})

    with suppress(Refused):
        key, value = encode(topic, record)
        assert encode(topic, decode(topic, key, value)) == (key, value)


def test_a_plain_record_is_ready_for_json() -> None:
    tick = replace(example("clock.ticks"), sources=())

    assert json.loads(json.dumps(plain(tick))) == {"received_at_ms": AT_MS, "sources": []}


def _untagged(value: Any) -> Any:
    """As fastavro reads it: no tags of unions."""
    if isinstance(value, dict):
        return {name: _untagged(item) for name, item in value.items() if name != "-type"}
    if isinstance(value, list | tuple):
        return [_untagged(item) for item in value]
    return value

"""Bytes and records: Confluent's wire format (0, big-endian int32 schema id, Avro body), no registry needed.

Whatever is wrong with bytes becomes one error, `UnreadableRecord`, whose text begins with a word for the kind
of fault; whatever is wrong with a record to be written becomes `Refused`.
"""

import json
from collections.abc import Callable
from functools import cache
from io import BytesIO
from struct import Struct as Layout
from typing import Any, NamedTuple

import fastavro
import msgspec
from fastavro import schemaless_reader, schemaless_writer

import schemas
from pipeline import ids
from pipeline.codec import lines
from pipeline.errors import Refused, UnreadableRecord
from pipeline.records import GameEvent, GameState, Record, faults
from pipeline.topics import TOPICS, Topic

HEADER = Layout(">bI")
#: Brokers take 1 MiB by default; nothing of ours comes near it.
MAXIMUM_BYTES = 1_000_000


@cache
def _parsed(schema_id: int) -> Any:
    released = {released.id: released for released in schemas.catalogue()}[schema_id]
    return fastavro.parse_schema(json.loads(released.text))


@cache
def _ids_of(subject: str) -> dict[int, Any]:
    return {r.id: _parsed(r.id) for r in schemas.catalogue() if r.subject == subject}


@cache
def _newest(topic: str) -> tuple[bytes, Any, int]:
    released = schemas.newest(TOPICS[topic].subject)
    return HEADER.pack(0, released.id), _parsed(released.id), released.id


def _fault(topic: Topic, key: bytes, record: Any) -> str:
    """What is wrong with a record under its key; empty where nothing is."""
    for fault in faults(record):
        return fault
    if topic.about_event:
        try:
            ids.parse(record.event_id)
        except Refused as error:
            return str(error)
    if key != (expected := topic.key(record).encode()):
        return f"the key is {key[:80]!r} and should be {expected[:80]!r}"
    return ""


def encode(topic: str, record: Record) -> tuple[bytes, bytes]:
    """Key and value of a record. Raises Refused where the record is not sound."""
    header, schema, _ = _newest(topic)

    def write(datum: Any) -> bytes:
        buffer = BytesIO()
        buffer.write(header)
        schemaless_writer(buffer, schema, datum)
        return buffer.getvalue()

    key, value = _sound(topic, record, write)
    if len(value) > MAXIMUM_BYTES:
        raise Refused(f"{topic}: {len(value)} bytes are more than the {MAXIMUM_BYTES} that a record may have")
    return key, value


def check(topic: str, record: Record) -> bytes:
    """The key of a record that may enter its topic. Raises Refused where it is not sound."""
    return _sound(topic, record, msgspec.msgpack.encode)[0]


def _sound(topic: str, record: Record, write: Callable[[Any], bytes]) -> tuple[bytes, bytes]:
    """Key and bytes of a record that may enter its topic. Raises Refused where it is not sound.

    ``write`` takes the record's fields, whatever they are: of what cannot be UTF-8 only an encoder tells.
    """
    place = TOPICS[topic]
    try:
        # A Struct is made without a look at types and ranges, so they are looked at here, as at decoding.
        datum: dict[str, Any] = msgspec.to_builtins(record, builtin_types=(bytes,))
        _convert(datum, place.record)
        written = write(datum)
        key = place.key(record).encode()
    except (msgspec.ValidationError, ValueError, TypeError, OverflowError, AttributeError) as error:
        raise Refused(f"{topic}: not a {place.record.__name__} that its schema allows: {error}") from error
    if fault := _fault(place, key, record):
        raise Refused(f"{topic}: {fault}")
    return key, written


def decode(topic: str, key: bytes | None, value: bytes | None) -> Any:
    """The record of a message. Raises UnreadableRecord, and nothing else."""
    place = TOPICS[topic]
    if value is None:
        raise UnreadableRecord(f"empty: {topic} has a message without a value")
    if len(value) > MAXIMUM_BYTES:
        raise UnreadableRecord(f"oversized: {len(value)} bytes, at most {MAXIMUM_BYTES} are read")
    if len(value) < HEADER.size:
        raise UnreadableRecord(f"truncated: {len(value)} bytes have no header")
    magic, schema_id = HEADER.unpack_from(value)
    if magic != 0:
        raise UnreadableRecord(f"magic: the first byte is {magic & 0xFF} and should be 0")
    writer = _ids_of(place.subject).get(schema_id)
    if writer is None:
        raise UnreadableRecord(f"schema: id {schema_id} is not a schema of {place.subject}")
    buffer = BytesIO(value)
    buffer.seek(HEADER.size)
    try:
        datum = _read(topic, schema_id, writer, buffer)
    except Exception as error:  # fastavro raises whatever its C code stumbles over
        raise UnreadableRecord(f"body: {type(error).__name__}: {error}"[:300]) from error
    if (left := len(value) - buffer.tell()) > 0:
        raise UnreadableRecord(f"trailing: {left} bytes after the record")
    record = to_record(topic, datum)
    if fault := _fault(place, key or b"", record):
        raise UnreadableRecord(f"value: {fault}")
    return record


def _read(topic: str, schema_id: int, writer: Any, buffer: BytesIO) -> Any:
    """What a message says after its header. Raises whatever fastavro does."""
    _, reader, newest = _newest(topic)
    if schema_id == newest:
        reader = None
        if around := _around_lines(schema_id):
            datum: Any = schemaless_reader(buffer, around.before, None)
            if found := lines.read(buffer.getvalue(), buffer.tell(), around.statuses):
                datum["lines"], place = found
                buffer.seek(place)
                datum.update(schemaless_reader(buffer, around.after, None))
                return datum
            buffer.seek(HEADER.size)
    return schemaless_reader(buffer, writer, reader, return_record_name=TOPICS[topic].record in _SITUATED)


class Around(NamedTuple):
    """The schema of a record with lines: what comes before them and after them, and their statuses."""

    before: Any
    after: Any
    statuses: tuple[str, ...]


@cache
def _around_lines(schema_id: int) -> Around | None:
    """Of a schema with lines as `pipeline.codec.lines` knows them; None for any other."""
    schema = _parsed(schema_id)
    names = [field["name"] for field in schema["fields"]]
    place = names.index("lines") if "lines" in names else len(names)
    if place == len(names) or not lines.knows(line := schema["fields"][place]["type"]["items"]):
        return None
    before, after = (
        fastavro.parse_schema({"type": "record", "name": name, "fields": fields})
        for name, fields in (("Before", schema["fields"][:place]), ("After", schema["fields"][place + 1 :]))
    )
    return Around(before, after, lines.statuses(line))


def to_record(topic: str, datum: dict[str, Any]) -> Any:
    """A record from what fastavro read with ``return_record_name``. Raises UnreadableRecord."""
    kind = TOPICS[topic].record
    if kind in _SITUATED and (situation := datum["situation"]) is not None:
        name, fields = situation
        datum["situation"] = {"-type": name, **fields}
    try:
        return _convert(datum, kind)
    except msgspec.ValidationError as error:
        raise UnreadableRecord(f"value: {error}") from error


#: Unions of records come back from fastavro as (name, fields).
_SITUATED = frozenset({GameEvent, GameState})


def _convert(datum: Any, kind: type) -> Any:
    return msgspec.convert(datum, kind, builtin_types=(bytes,))


def plain(record: Record) -> dict[str, Any]:
    """A record as JSON-ready values, for people and sockets."""
    value: dict[str, Any] = msgspec.to_builtins(record)
    return value

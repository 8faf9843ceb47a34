"""An answer as a table keeps it, made of a message of a derived topic."""

from datetime import UTC, datetime, timedelta
from typing import NamedTuple

import msgspec

from pipeline import codec
from pipeline.records.kinds import LATEST_MS
from pipeline.topics import event_of

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
#: Postgres' texts can hold every character but this one.
_NUL, _REPLACEMENT = b"\\u0000", b"\\ufffd"


class Entry(NamedTuple):
    """One answer, in the order of the columns of ``answers`` after ``log``; ``record`` is JSON."""

    topic: str
    partition: int
    offset: int
    key: str
    event: str
    appended_at: datetime
    received_at: datetime
    revision: int
    record: str


def entry(origin: tuple[str, int, int], key: bytes | None, value: bytes | None, appended_at_ms: int) -> Entry:
    """The entry of a message from ``origin``: its topic, partition and offset. Raises UnreadableRecord."""
    topic, partition, offset = origin
    record = codec.decode(topic, key, value)
    name = (key or b"").decode()
    return Entry(
        topic,
        partition,
        offset,
        name,
        event_of(name),
        moment(appended_at_ms),
        moment(record.received_at_ms),
        record.revision,
        msgspec.json.encode(record).replace(_NUL, _REPLACEMENT).decode(),
    )


def moment(at_ms: int) -> datetime:
    """A time as Postgres takes it; what no clock of ours shows becomes the nearest that one does."""
    return _EPOCH + timedelta(milliseconds=min(max(at_ms, 0), LATEST_MS))

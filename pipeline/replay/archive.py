"""An archive: a folder with one Avro container file for each topic.

Any Avro tool reads it: each row is a message with its key, partition, offset and time, and its value under
the topic's own schema, null for a tombstone. A file appears under its name only when it is whole.
"""

import os
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, NamedTuple, Self

import fastavro
import msgspec
from fastavro.schema import to_parsing_canonical_form
from fastavro.write import Writer

import schemas
from pipeline import codec
from pipeline.errors import UnreadableRecord, UsageError
from pipeline.records import Record
from pipeline.topics import TOPICS, partition_of

SUFFIX = ".avro"
#: Rows are compressed in blocks of about this many bytes.
BLOCK_BYTES = 256_000


class Message(NamedTuple):
    """One row; ``record`` is None for a tombstone, ``at_ms`` its time in the log (an input's: received)."""

    topic: str
    key: str
    partition: int
    offset: int
    at_ms: int
    record: Any


@cache
def _schema(topic: str) -> Any:
    fields = [
        {"name": "key", "type": "string", "doc": "The message key, UTF-8."},
        {"name": "partition", "type": "int", "doc": "Where it was."},
        {"name": "offset", "type": "long", "doc": "Where it was."},
        {"name": "at_ms", "type": "long", "doc": "Unix ms: its time in the log."},
        {
            "name": "value",
            "type": ["null", schemas.newest(TOPICS[topic].subject).schema],
            "doc": "The record.",
        },
    ]
    doc = f"A message of {topic}."
    return fastavro.parse_schema(
        {"type": "record", "name": "Archived", "namespace": "sharpline.archive", "doc": doc, "fields": fields}
    )


@cache
def _record_name(topic: str) -> str:
    schema = schemas.newest(TOPICS[topic].subject).schema
    return f"{schema['namespace']}.{schema['name']}"


class ArchiveWriter:
    """Writes an archive into a new or empty folder.

    Raises UsageError where the folder holds something already or cannot be written.
    """

    def __init__(self, folder: Path, partitions: int) -> None:
        try:
            folder.mkdir(parents=True, exist_ok=True)
            if any(folder.iterdir()):
                raise UsageError(f"{folder} is not empty; name a new folder for the archive")
        except OSError as error:
            raise UsageError(f"{folder} cannot be used for an archive: {error}") from error
        self.folder, self.partitions = folder, partitions
        self._files: dict[str, tuple[BinaryIO, Writer]] = {}
        self._ends: dict[tuple[str, int], int] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def append(self, topic: str, record: Record, *, partition: int | None = None) -> Message:
        """Append a record to its topic, at its key's partition unless one is named. Raises Refused."""
        codec.check(topic, record)
        key = TOPICS[topic].key(record)
        return self.put(topic, key, record, getattr(record, "received_at_ms", 0), partition)

    def put(
        self, topic: str, key: str, record: Record | None, at_ms: int, partition: int | None = None
    ) -> Message:
        """Append a record that is known to be sound, or a tombstone."""
        place = partition_of(key, self.partitions) if partition is None else partition
        offset = self._ends.get((topic, place), 0)
        self._ends[topic, place] = offset + 1
        value = None if record is None else (_record_name(topic), _builtins(record))
        self._writer(topic).write(
            {"key": key, "partition": place, "offset": offset, "at_ms": at_ms, "value": value}
        )
        return Message(topic, key, place, offset, at_ms, record)

    def close(self) -> None:
        """Finish every file and give it its name."""
        for topic, (file, writer) in self._files.items():
            writer.flush()
            file.flush()
            os.fsync(file.fileno())
            file.close()
            os.replace(self._part(topic), self.folder / (topic + SUFFIX))
        self._files.clear()

    def _writer(self, topic: str) -> Writer:
        if topic not in self._files:
            file = open(self._part(topic), "wb")  # noqa: SIM115 (open until close())
            writer = Writer(file, _schema(topic), codec="zstandard", sync_interval=BLOCK_BYTES)
            self._files[topic] = file, writer
        return self._files[topic][1]

    def _part(self, topic: str) -> Path:
        return self.folder / (topic + SUFFIX + ".part")


def _builtins(record: Record) -> Any:
    return msgspec.to_builtins(record, builtin_types=(bytes,))


def topics_of(folder: Path) -> list[str]:
    """The topics that an archive holds. Raises UsageError where the folder is none."""
    found = [topic for topic in TOPICS if (folder / (topic + SUFFIX)).is_file()]
    if not found:
        raise UsageError(f"{folder} is not an archive: it holds no <topic>{SUFFIX} file")
    return found


def _rows(file: BinaryIO, topic: str) -> Any:
    """What a file holds, in the fields of today."""
    rows: Any = fastavro.reader(file, return_record_name=True)
    if to_parsing_canonical_form(rows.writer_schema) == to_parsing_canonical_form(_schema(topic)):
        return rows  # resolving a schema against itself would take twice as long as reading
    file.seek(0)
    return fastavro.reader(file, _schema(topic), return_record_name=True)


def read(folder: Path, topic: str) -> Iterator[Message]:
    """The messages of a topic as they were appended. Raises UsageError where the file is damaged."""
    path = folder / (topic + SUFFIX)
    try:
        with open(path, "rb") as file:
            for row in _rows(file, topic):
                value = row["value"]
                record = None if value is None else codec.to_record(topic, value[1])
                yield Message(topic, row["key"], row["partition"], row["offset"], row["at_ms"], record)
    except (OSError, ValueError, EOFError, UnreadableRecord) as error:
        raise UsageError(f"{path} cannot be read: {error}") from error

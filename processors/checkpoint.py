"""Checkpoints: the rows of a changelog partition in a file, and the offset in it that they stand for.

The changelog is the journal, so it keeps every version of every row for long, and a restart that read it from
its start would read them all. It takes the rows from here instead, and reads only what came after.

A checkpoint is due when as many bytes were appended since the last one as the rows have. So to write them
costs at most about what the journal does, and a restart reads at most about twice the rows.
"""

import asyncio
import logging
import os
import struct
import time
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO

import msgspec
from faust.types import TP

from pipeline import telemetry
from pipeline.errors import CheckpointUnfit
from pipeline.telemetry import say
from processors.recovery import Checkpoint, Recovered
from processors.rows import Rows, Snapshot

#: Of rows in one block of a file, and the pause between two of them, in which the event loop has its turn.
BLOCK_BYTES, PAUSE_S = 131_072, 0.002
#: A partition with less journal than this is read as quickly as its checkpoint would be.
MINIMUM_BYTES = 4_000_000

_FORMAT = "sharpline rows 1"
_PREFIX = struct.Struct("<II")  # length and CRC-32 of the block that follows


class Origin(msgspec.Struct, frozen=True, array_like=True):
    """What rows are of: their changelog by name and identity, and the layout of the state in them."""

    changelog: str
    log: str
    layout: int


class _Header(msgspec.Struct, frozen=True, array_like=True):
    format: str
    origin: Origin
    partition: int
    offset: int


logger = logging.getLogger(__name__)
_encoder = msgspec.msgpack.Encoder()
_header = msgspec.msgpack.Decoder(_Header)
_rows = msgspec.msgpack.Decoder(dict[bytes, bytes] | int)


class Checkpoints:
    """The checkpoints of a worker, one file for each partition, written one at a time beside its lock.

    The table is the changelog up to an offset when every record up to there was recovered or is our own. One
    that is neither was written by another worker: what is known of its partition ends there, until the next
    recovery.
    """

    def __init__(self, stage: str, origin: Origin, folder: Path, rows: Rows) -> None:
        self._stage, self._origin, self._folder, self._rows = stage, origin, folder, rows
        self._known: dict[int, int] = {}
        self._appended: dict[int, int] = {}
        self._writing = False

    def missing(self, wanted: Mapping[TP, tuple[int, int]]) -> dict[TP, tuple[int, int]]:
        """Of the offsets that are wanted, first and last of each partition, those that the table lacks."""
        # Without rows nothing is known: where partitions go and come in quick succession, they were dropped.
        known = {partition: last for partition, last in self._known.items() if self._rows.bytes_of(partition)}
        return {
            tp: (max(first, known.get(tp.partition, -1) + 1), last) for tp, (first, last) in wanted.items()
        }

    def find(self, wanted: Mapping[TP, tuple[int, int]]) -> dict[TP, Checkpoint]:
        """The checkpoints that stand for some of the wanted offsets. What cannot be used is ignored."""
        found = {}
        for tp, (first, last) in wanted.items():
            path = self._path(tp.partition)
            if last < first or not path.exists():
                continue
            try:
                checkpoint = read(path, self._origin, tp.partition, (first, last))
            except (CheckpointUnfit, OSError) as error:
                say(logger, "checkpoint ignored", logging.WARNING, file=path.name, reason=str(error))
                continue
            if checkpoint is not None:
                found[tp] = checkpoint
        return found

    def recovered(self, wanted: Mapping[TP, tuple[int, int]], found: Mapping[TP, Recovered]) -> None:
        """The table now is the changelog up to the last wanted offset of each partition, and has no other."""
        kept = {partition: size for partition, size in self._appended.items() if partition in self._known}
        self._appended = {tp.partition: kept.get(tp.partition, 0) + found[tp].read_bytes for tp in wanted}
        self._known = {tp.partition: last for tp, (_, last) in wanted.items()}

    def written(self, rows: list[tuple[int, int, int]]) -> None:
        """The table and the changelog have these rows: partition, offset and bytes of each, in order."""
        for partition, offset, size in rows:
            known = self._known.get(partition)
            if known is None or offset <= known:
                continue
            if offset > known + 1:
                between = known + 1, offset - 1
                say(logger, "another wrote rows", logging.WARNING, partition=partition, offsets=between)
                del self._known[partition]
                continue
            self._known[partition] = offset
            self._appended[partition] += size
        if not self._writing and (due := [partition for partition in self._known if self._is_due(partition)]):
            self._begin(max(due, key=self._appended.__getitem__))

    def _is_due(self, partition: int) -> bool:
        return self._appended[partition] > max(MINIMUM_BYTES, self._rows.bytes_of(partition))

    def _begin(self, partition: int) -> None:
        """Write a partition's rows as they are now, by a thread."""
        header = _Header(_FORMAT, self._origin, partition, self._known[partition])
        self._writing, self._appended[partition] = True, 0
        loop = asyncio.get_running_loop()
        rows = self._rows.snapshot(partition)
        loop.run_in_executor(None, self._write, header, rows).add_done_callback(self._end)

    def _end(self, _: "asyncio.Future[None]") -> None:
        self._rows.end_snapshot()
        self._writing = False

    def _write(self, header: _Header, rows: Snapshot) -> None:
        started_s = time.perf_counter()
        try:
            size = write(self._path(header.partition), header, rows)
        except (CheckpointUnfit, OSError) as error:  # the next is due after as much again
            say(logger, "checkpoint not written", logging.WARNING, error=repr(error))
            return
        seconds = time.perf_counter() - started_s
        telemetry.CHECKPOINT_BYTES.labels(self._stage).inc(size)
        telemetry.CHECKPOINT_SECONDS.labels(self._stage).observe(seconds)

    def _path(self, partition: int) -> Path:
        return self._folder / f"rows-{partition}.checkpoint"


def write(path: Path, header: _Header, rows: Snapshot) -> int:
    """Put a checkpoint in the place of the last one, whole or not at all; its bytes."""
    fresh = path.with_suffix(".fresh")
    with fresh.open("wb") as file:
        size = sum(_append(file, block) for block in (header, *_blocks(rows), len(rows)))
        file.flush()
        os.fsync(file.fileno())
    os.replace(fresh, path)
    return size


def read(path: Path, origin: Origin, partition: int, wanted: tuple[int, int]) -> Checkpoint | None:
    """Read a checkpoint back; None if it is older than the first of the ``wanted`` offsets.

    Raises
    ------
    CheckpointUnfit
        One sentence, where it is damaged, of other rows than asked for, or ahead of the last offset.
    OSError
        If it cannot be read at all.
    """
    rows: dict[bytes, bytes] = {}
    with path.open("rb") as file:
        try:
            header = _header.decode(_following(file))
            if (header.format, header.origin, header.partition) != (_FORMAT, origin, partition):
                raise CheckpointUnfit(f"it is of {header.origin}, and not of {origin}")
            if header.offset > wanted[1]:
                raise CheckpointUnfit(f"it stands for offset {header.offset}, the log ends at {wanted[1]}")
            if header.offset < wanted[0]:
                return None
            while isinstance(block := _rows.decode(_following(file)), dict):
                rows |= block
        except msgspec.DecodeError as error:
            raise CheckpointUnfit(f"it is damaged: {error}") from error
    if block != len(rows):
        raise CheckpointUnfit(f"it is damaged: it has {len(rows)} rows instead of {block}")
    return Checkpoint(header.offset, rows)


def _blocks(rows: Snapshot) -> Iterator[dict[bytes, bytes]]:
    block, size = {}, 0
    for key, value in rows:
        block[key] = value
        size += len(value)
        if size >= BLOCK_BYTES:
            yield block
            time.sleep(PAUSE_S)
            block, size = {}, 0
    yield block


def _append(file: IO[bytes], block: object) -> int:
    body = _encoder.encode(block)
    file.write(_PREFIX.pack(len(body), zlib.crc32(body)))
    file.write(body)
    return _PREFIX.size + len(body)


def _following(file: IO[bytes]) -> bytes:
    prefix = file.read(_PREFIX.size)
    if len(prefix) < _PREFIX.size:
        raise CheckpointUnfit("it is damaged: it ends early")
    length, checksum = _PREFIX.unpack(prefix)
    if length > os.fstat(file.fileno()).st_size:  # also: as much memory would be asked for
        raise CheckpointUnfit("it is damaged: a block is longer than the file")
    body = file.read(length)
    if len(body) < length or zlib.crc32(body) != checksum:
        raise CheckpointUnfit("it is damaged: a checksum differs")
    return body

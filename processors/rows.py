"""The stage's table: one row for each event, its bytes in Faust's store, its decoded form beside it."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any

import msgspec
from faust.types import TP

from pipeline.errors import CheckpointUnfit, TopicsUnfit
from pipeline.stages.fold import Row, Stage, first_row
from processors.recovery import Latest


def made_anew(stage: str) -> str:
    """Why a stage refuses to go on with offsets of other topics than those that it has now."""
    return (
        f"{stage} cannot go on: a topic that it reads was deleted and made again, so the offsets in its rows "
        "mean nothing; start on a fresh cluster"
    )


class _Head(msgspec.Struct, frozen=True, array_like=True):
    """The fields of a row in front of its state, which is left unread: a tenth of the work."""

    layout: int
    log: str
    made_with: msgspec.Raw
    event_id: msgspec.Raw
    now_ms: int
    revision: int
    applied: msgspec.Raw
    sent: msgspec.Raw
    repeated_at_ms: int
    begun: int
    closed: bool


class Snapshot:
    """The rows of a partition as they were when it was taken, for another thread to read once.

    Nothing is copied (25,000 values, each somewhere else in memory, would hold up the event loop for 10 ms):
    what is replaced in the meantime is kept. Where partitions come and go, it is spoilt.
    """

    def __init__(self, partition: int, keys: list[bytes], data: Mapping[bytes, bytes]) -> None:
        self.partition = partition
        self._keys, self._count, self._data = keys, len(keys), data
        self._before: dict[bytes, bytes] = {}
        self._spoilt = False

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[tuple[bytes, bytes]]:
        """Keys and values. Raises CheckpointUnfit where it was spoilt."""
        for key in islice(self._keys, self._count):
            # In this order: a value that is replaced in between is found in both.
            value = self._data.get(key, b"")
            value = self._before.get(key, value)
            if self._spoilt:
                break
            yield key, value
        if self._spoilt:
            raise CheckpointUnfit("the worker stopped, or its partitions changed")

    def keep(self, key: bytes, value: bytes) -> None:
        """A value is about to be replaced."""
        self._before.setdefault(key, value)

    def spoil(self) -> None:
        """Rows are about to come and go, or nobody waits for it any more."""
        self._spoilt = True


class Rows:
    """The rows of the partitions that are ours.

    Parameters
    ----------
    stage
        Says the layout of the state in the rows.
    log
        Names the topics that offsets are of (`pipeline.cluster.topic_ids`).
    made_with
        What new answers depend on besides inputs; rows of others go on under it.
    store
        Faust's memory store: ``data`` and ``_key_partition``.
    """

    def __init__(self, stage: Stage[Any], log: str, made_with: dict[str, str], store: Any) -> None:
        self._stage, self._log, self._made_with, self._store = stage, log, made_with, store
        self._decoder = msgspec.msgpack.Decoder(Row[stage.state])  # type: ignore[name-defined]
        self._encoder = msgspec.msgpack.Encoder()
        self._head = msgspec.msgpack.Decoder(_Head)
        self._decoded: dict[bytes, Row[Any]] = {}
        self._keys: defaultdict[int, list[bytes]] = defaultdict(list)
        self._bytes: defaultdict[int, int] = defaultdict(int)
        self._snapshot: Snapshot | None = None

    def __len__(self) -> int:
        return len(self._store.data)

    def __getitem__(self, key: bytes) -> Row[Any]:
        """The row of an event; a first one where nothing is known of it."""
        row = self._decoded.get(key)
        if row is None:
            value = self._store.data.get(key)
            if value is None:
                return first_row(self._stage, key.decode(), self._made_with, self._log)
            row = self._decoder.decode(value)
            if row.made_with != self._made_with:
                row = msgspec.structs.replace(row, made_with=self._made_with)
        return row

    def encode(self, row: Row[Any]) -> bytes:
        return self._encoder.encode(row)

    def put(self, key: bytes, partition: int, row: Row[Any], value: bytes) -> None:
        """Keep a row whose ``value`` was sent to the changelog; decoded, too, while it is open."""
        if row.closed:
            self._decoded.pop(key, None)
        else:
            self._decoded[key] = row
        self._hold(key, partition, value)

    def snapshot(self, partition: int) -> Snapshot:
        """The rows of a partition as they are now, until `end_snapshot`; one at a time."""
        self._snapshot = Snapshot(partition, self._keys[partition], self._store.data)
        return self._snapshot

    def end_snapshot(self) -> None:
        """The snapshot has been read; if not, its reader is told that it is spoilt."""
        if self._snapshot is not None:
            self._snapshot.spoil()
            self._snapshot = None

    def bytes_of(self, partition: int) -> int:
        """What the rows of a partition amount to."""
        return self._bytes[partition]

    def load(self, found: Mapping[TP, Latest]) -> None:
        """Take over what changelog partitions hold; `reopen` follows."""
        self.end_snapshot()
        for tp, values in found.items():
            for key, value in values.items():
                if value is None:
                    self._store.data.pop(key, None)
                    self._store._key_partition.pop(key, None)
                else:
                    self._store.data[key] = value
                    self._store._key_partition[key] = tp.partition
        self._decoded.clear()

    def reopen(self) -> Iterator[tuple[int, bytes]]:
        """Partition and key of each open row, at the start of a generation, when rows may have come and gone.

        Raises
        ------
        TopicsUnfit
            One sentence, where a row has another layout, or offsets of other topics.
        """
        self._decoded.clear()
        self._keys, self._bytes = defaultdict(list), defaultdict(int)
        for key, value in self._store.data.items():
            head = self._head.decode(value)
            self._check(head)
            partition = self._store._key_partition[key]
            self._keys[partition].append(key)
            self._bytes[partition] += len(value)
            if not head.closed:
                yield partition, key

    def _check(self, head: _Head) -> None:
        if head.layout != self._stage.layout:
            raise TopicsUnfit(
                f"{self._stage.name} cannot start: its rows have layout {head.layout} and this version reads "
                f"{self._stage.layout}; run the version that wrote them, or start on a fresh cluster"
            )
        if head.log != self._log:
            raise TopicsUnfit(made_anew(self._stage.name))

    def _hold(self, key: bytes, partition: int, value: bytes) -> None:
        before = self._store.data.get(key)
        if before is None:
            self._keys[partition].append(key)
        elif self._snapshot is not None and self._snapshot.partition == partition:
            self._snapshot.keep(key, before)
        self._bytes[partition] += len(value) - len(before or b"")
        self._store.data[key] = value
        # Faust does so only for rows that it recovered, and would keep the rest when their partition goes.
        self._store._key_partition[key] = partition

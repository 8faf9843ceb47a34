"""The stage's table: one row for each event, its bytes in Faust's store, its decoded form beside it."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec
from faust.types import TP

from pipeline.errors import TopicsUnfit
from pipeline.stages.fold import Row, Stage, first_row
from processors.recovery import Latest


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

    def of(self, partition: int) -> dict[bytes, bytes]:
        """The rows of a partition as they are now: 5 ms for 25,000, in which nothing else happens."""
        return {key: self._store.data[key] for key in self._keys[partition]}

    def bytes_of(self, partition: int) -> int:
        """What the rows of a partition amount to."""
        return self._bytes[partition]

    def load(self, found: Mapping[TP, Latest]) -> None:
        """Take over what changelog partitions hold; `reopen` follows."""
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
            raise TopicsUnfit(
                f"{self._stage.name} cannot go on: a topic that it reads was deleted and made again, so the "
                "offsets in its rows mean nothing; start on a fresh cluster"
            )

    def _hold(self, key: bytes, partition: int, value: bytes) -> None:
        before = self._store.data.get(key)
        if before is None:
            self._keys[partition].append(key)
        self._bytes[partition] += len(value) - len(before or b"")
        self._store.data[key] = value
        # Faust does so only for rows that it recovered, and would keep the rest when their partition goes.
        self._store._key_partition[key] = partition

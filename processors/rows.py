"""The stage's table: one row for each event, its bytes in Faust's store, its decoded form beside it."""

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec
from faust.types import TP

from pipeline.errors import TopicsUnfit
from pipeline.stages.fold import Row, Stage, first_row
from processors.recovery import Latest


class _Head(msgspec.Struct, frozen=True, array_like=True):
    """What every row begins with, whatever its layout; the state behind it is left unread."""

    layout: int
    log: str


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
            self._decoded[key] = row
        return row

    def encode(self, row: Row[Any]) -> bytes:
        return self._encoder.encode(row)

    def put(self, key: bytes, partition: int, row: Row[Any], value: bytes) -> None:
        """Keep a row whose ``value`` was sent to the changelog."""
        self._decoded[key] = row
        self._hold(key, partition, value)

    def load(self, found: Mapping[TP, Latest]) -> None:
        """Take over what changelog partitions hold."""
        for tp, values in found.items():
            for key, value in values.items():
                self._decoded.pop(key, None)
                if value is None:
                    self._store.data.pop(key, None)
                    self._store._key_partition.pop(key, None)
                else:
                    self._hold(key, tp.partition, value)

    def reopen(self) -> Iterator[tuple[int, bytes, Row[Any]]]:
        """Each row, with partition and key, at the start of a generation, when rows may have come and gone.

        Raises
        ------
        TopicsUnfit
            One sentence, where a row has another layout, or offsets of other topics.
        """
        self._decoded.clear()
        for key, value in self._store.data.items():
            self._check(self._head.decode(value))
            yield self._store._key_partition[key], key, self[key]

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
        self._store.data[key] = value
        # Faust does so only for rows that it recovered, and would keep the rest when their partition goes.
        self._store._key_partition[key] = partition

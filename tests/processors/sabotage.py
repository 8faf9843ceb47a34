"""What is done to a worker process by a test: overrides are taken out, and a fault is prepared.

``WITHOUT`` undoes overrides before the worker starts, so that Faust's own way, or none, is behind them.
"""

import threading
from collections.abc import Callable
from typing import Any

import aiokafka

from pipeline import cluster
from pipeline.settings import Settings
from pipeline.topics import partition_of
from processors import safety, takeover, worker
from processors.lease import Lease
from processors.positions import Positions
from processors.rows import Rows
from processors.watchdog import Watchdog
from processors.worker import _Worker
from tests.processors.faults import FAULTS, Now


def sabotage(without: list[str], fault: str | None, now: Now) -> None:
    """Prepare this process; call it before the worker runs."""
    for override in without:
        WITHOUT[override]()
    if fault is None:
        return
    action, work = FAULTS[fault](now), _Worker.work

    def wait_and_act(its: _Worker) -> None:
        while True:
            now.await_it()
            action(its)

    def work_sabotaged(self: _Worker) -> None:
        threading.Thread(target=wait_and_act, args=(self,), daemon=True).start()
        work(self)

    _Worker.work = work_sabotaged


def shorten(session_s: float | None, standstill_s: float | None) -> None:
    """Have the group, and the watchdog, lose their patience sooner."""
    if session_s is not None:
        worker.SESSION_S = session_s
    if standstill_s is not None:
        worker.STANDSTILL_S = standstill_s


def _no_preflight() -> None:
    cluster.preflight = lambda *_: Settings().partitions


def _no_lease() -> None:
    Lease.check = lambda *_: None


def _no_watchdog() -> None:
    Watchdog.start = lambda _: None


def _no_takeover() -> None:
    takeover.leave = lambda *_: None


def _no_fetch_wait() -> None:
    safety.QuickConsumer = aiokafka.AIOKafkaConsumer


def _no_gap_guard() -> None:
    async def admit(self: Positions, tp: Any, offset: int) -> None:
        self._next[tp] = max(self.next(tp), offset + 1)

    Positions.admit = admit


def _no_batches() -> None:
    async def agent(self: _Worker, stream: Any) -> None:
        async for events in stream.take_events(256, within=0.002):
            await self._runner.run(events)

    _Worker._agent = agent


def _no_row_partitions() -> None:
    begin, hold = Rows.__init__, Rows._hold

    class Computed(dict[bytes, int]):
        """Partitions of rows, told when asked for, and not kept."""

        def __missing__(self, key: bytes) -> int:
            return partition_of(key.decode(), Settings().partitions)

    def begin_without(self: Rows, *args: Any) -> None:
        begin(self, *args)
        self._store._key_partition = Computed()

    def hold_without(self: Rows, key: bytes, partition: int, value: bytes) -> None:
        hold(self, key, partition, value)
        self._store._key_partition.pop(key, None)

    Rows.__init__ = begin_without
    Rows._hold = hold_without


def _own(kind: type, name: str) -> Callable[[], None]:
    """Give a subclass back what its parent does."""
    return lambda: delattr(kind, name)


WITHOUT: dict[str, Callable[[], None]] = {
    "quiet-recovery": _own(safety.QuietRecovery, "on_recovery_completed"),
    "bulk-recovery": _own(safety.QuietRecovery, "_build_offsets"),
    "quick-start": _own(safety.QuietTables, "on_start"),
    "giving-back": _own(safety.GivingBack, "_fetch_records"),
    "time-scheduler": _own(safety.TimeScheduler, "iterate"),
    "idempotence": _own(safety.IdempotentProducer, "_settings_extra"),
    "fetch-wait": _no_fetch_wait,
    "preflight": _no_preflight,
    "lease": _no_lease,
    "watchdog": _no_watchdog,
    "takeover": _no_takeover,
    "gap-guard": _no_gap_guard,
    "batches": _no_batches,
    "row-partitions": _no_row_partitions,
}

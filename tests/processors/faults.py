"""What happens to a worker process in a test, at the moment that the test chooses.

Each of ``FAULTS`` prepares a process before its worker runs, and gives what is done when the moment has come.
What waits for that moment comes once in a process, so the worker's successor is spared.
"""

import asyncio
import hashlib
import json
import logging
import os
import threading
import time
from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from pathlib import Path
from typing import Any

from aiokafka.client import AIOKafkaClient
from aiokafka.consumer.group_coordinator import CoordinatorGroupRebalance
from aiokafka.errors import GroupAuthorizationFailedError, RequestTimedOutError
from aiokafka.protocol.produce import ProduceRequest
from faust.tables.recovery import Recovery
from faust.transport.consumer import Consumer
from faust.transport.drivers.aiokafka import AIOKafkaConsumerThread

from pipeline.telemetry import say
from processors.runner import Runner
from processors.safety import QuietTables
from processors.worker import _Worker

#: For how long something that must come is waited for inside a fault.
PATIENCE_S = 20.0

logger = logging.getLogger(__name__)


class Now:
    """The moment of the fault: when the test writes the file. It goes then, and spares a successor."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._come = threading.Event()

    @property
    def is_here(self) -> bool:
        return self._come.is_set()

    def await_it(self) -> None:
        while not self.path.exists():
            time.sleep(0.01)
        self.path.unlink()
        self._come.set()


Action = Callable[[_Worker], None]  # in a thread of its own, once the moment has come


def _nothing(_: _Worker) -> None:
    """The fault comes from what was patched."""


def _rejoin(its: _Worker) -> None:
    """Have the group give its partitions out anew."""
    thread = its._app.consumer._thread
    thread.thread_loop.call_soon_threadsafe(thread._consumer._coordinator.request_rejoin)


def _told_start(_: Now) -> Action:
    """The group gives its partitions out anew; and it is told how long the tables took to start."""
    on_start = QuietTables.on_start

    async def on_start_told(self: QuietTables) -> None:
        begun_s = time.monotonic()
        await on_start(self)
        say(logger, "tables started", logging.WARNING, seconds=round(time.monotonic() - begun_s, 3))

    QuietTables.on_start = on_start_told
    return _rejoin


def _after_seek_of_recovery(then: Callable[[], Awaitable[None]]) -> None:
    """Do something at the end of each seek with which a recovery ends; others seek, too."""
    seek, complete = Consumer.perform_seek, Recovery.on_recovery_completed
    ends_recovery = ContextVar("ends_recovery", default=False)

    async def perform_seek(self: Consumer) -> None:
        await seek(self)
        if ends_recovery.get():
            await then()

    async def on_recovery_completed(self: Recovery, generation: int = 0) -> None:
        token = ends_recovery.set(True)
        try:
            await complete(self, generation)
        finally:
            ends_recovery.reset(token)

    Consumer.perform_seek = perform_seek
    Recovery.on_recovery_completed = on_recovery_completed


def _slow_seek(now: Now) -> Action:
    """The next seek to the committed offsets is slow to return; meanwhile batches are not worked off."""
    run, seeking, sought = Runner.run, threading.Event(), threading.Event()

    async def slowly() -> None:
        if now.is_here and not sought.is_set():
            sought.set()
            seeking.set()
            say(logger, "seeking", logging.WARNING)
            await asyncio.sleep(2.0)
            seeking.clear()
            say(logger, "sought", logging.WARNING)

    async def run_later(self: Runner, events: Any) -> None:
        while seeking.is_set():
            await asyncio.sleep(0.01)
        await run(self, events)

    _after_seek_of_recovery(slowly)
    Runner.run = run_later
    return _rejoin


def _late_fetch(now: Now) -> Action:
    """A fetch that was under way when the flow was stopped ends when the partitions have been sought."""
    fetch = AIOKafkaConsumerThread._fetch_records
    under_way, sought, fetched = threading.Event(), threading.Event(), threading.Event()

    async def until_fetched() -> None:
        if under_way.is_set() and not sought.is_set():
            sought.set()
            await _until(fetched.is_set)
            await asyncio.sleep(0.3)  # the flow is still stopped when the records arrive

    async def fetch_records(self: Any, consumer: Any, active: Any, *args: Any, **options: Any) -> Any:
        if not now.is_here or under_way.is_set():
            return await fetch(self, consumer, active, *args, **options)
        under_way.set()
        await _until(sought.is_set)
        try:
            return await consumer._fetcher.fetched_records(active, timeout=PATIENCE_S)
        finally:
            fetched.set()

    def rejoin_meanwhile(its: _Worker) -> None:
        under_way.wait(PATIENCE_S)
        _rejoin(its)

    _after_seek_of_recovery(until_fetched)
    AIOKafkaConsumerThread._fetch_records = fetch_records
    return rejoin_meanwhile


def _dropped_record(now: Now) -> Action:
    """A record gets lost out of the middle of a fetch."""
    fetch, dropped = AIOKafkaConsumerThread._fetch_records, threading.Event()

    async def fetch_records(self: Any, *args: Any, **options: Any) -> Any:
        records = await fetch(self, *args, **options)
        for batch in records.values():
            if now.is_here and len(batch) > 2 and not dropped.is_set():
                dropped.set()
                del batch[1]
        return records

    AIOKafkaConsumerThread._fetch_records = fetch_records
    return _nothing


def _lost_acknowledgement(now: Now) -> Action:
    """The broker appends what is produced, and now and then its answer never arrives."""
    send, left = AIOKafkaClient.send, [True, False] * 4  # of answers and of rows; what is sent again arrives

    async def send_unanswered(self: AIOKafkaClient, node: int, request: Any, **options: Any) -> Any:
        answer = await send(self, node, request, **options)
        if now.is_here and isinstance(request, ProduceRequest) and left and left.pop():
            raise RequestTimedOutError
        return answer

    AIOKafkaClient.send = send_unanswered
    return _nothing


def _held_write(now: Now) -> Action:
    """The next batch stops before its rows are written, until the file ``.go`` is there."""
    write, held, go = Runner._write, threading.Event(), now.path.with_suffix(".go")

    async def write_held(self: Runner) -> None:
        if now.is_here and self._touched and not held.is_set():
            held.set()
            say(logger, "held", logging.WARNING)
            while not go.exists():
                await asyncio.sleep(0.01)
        await write(self)

    Runner._write = write_held
    return _nothing


def _raising_batch(now: Now) -> Action:
    """The next batch raises, before anything of it was folded."""
    run, raised = Runner._fold_inputs, threading.Event()

    async def fold_inputs(self: Runner, partition: int, key: bytes, inputs: Any) -> None:
        if now.is_here and not raised.is_set():
            raised.set()
            raise ArithmeticError("as the fault had it")
        await run(self, partition, key, inputs)

    Runner._fold_inputs = fold_inputs
    return _nothing


def _hanging_agent(now: Now) -> Action:
    """The agent awaits something that never comes."""
    run = Runner.run

    async def run_never(self: Runner, events: Any) -> None:
        if now.is_here:
            await asyncio.Event().wait()
        await run(self, events)

    Runner.run = run_never
    return _nothing


def _blocked_loop(_: Now) -> Action:
    """The event loop is blocked; the consumer's thread goes on with its heartbeats."""
    return lambda its: its._app.loop.call_soon_threadsafe(time.sleep, 3600)


def _dead_fetcher(_: Now) -> Action:
    """The task that fetches is no more; heartbeats go on."""

    def end(its: _Worker) -> None:
        thread = its._app.consumer._thread
        thread.thread_loop.call_soon_threadsafe(thread._consumer._fetcher._fetch_task.cancel)

    return end


def _refused_sync(now: Now) -> Action:
    """The group refuses us while it gives partitions out, when no fetch is under way that would be told."""
    sync, fetch = CoordinatorGroupRebalance._send_sync_group_request, AIOKafkaConsumerThread._fetch_records
    refused, under_way = threading.Event(), [0]

    async def sync_refused(self: Any, request: Any) -> Any:
        if now.is_here and not refused.is_set():
            refused.set()
            raise GroupAuthorizationFailedError(self.group_id)
        return await sync(self, request)

    async def fetch_records(self: Any, *args: Any, **options: Any) -> Any:
        if now.is_here and not refused.is_set():
            await asyncio.sleep(0.01)
            return {}
        under_way[0] += 1
        try:
            return await fetch(self, *args, **options)
        finally:
            under_way[0] -= 1

    def rejoin_between(its: _Worker) -> None:
        time.sleep(0.1)
        while under_way[0]:
            time.sleep(0.01)
        _rejoin(its)

    CoordinatorGroupRebalance._send_sync_group_request = sync_refused
    AIOKafkaConsumerThread._fetch_records = fetch_records
    return rejoin_between


def _dump(now: Now) -> Action:
    """Nothing but a look: the rows that it holds, and how long it took to recover them, in ``.rows``."""

    def dump(its: _Worker) -> None:
        store, recovery = its._rows._store, its._app.tables.recovery
        rows = {key.decode(): hashlib.sha256(value).hexdigest() for key, value in dict(store.data).items()}
        seconds = recovery._recovery_ended_at - recovery._recovery_started_at
        fresh = now.path.with_suffix(".fresh")
        fresh.write_text(json.dumps({"rows": rows, "seconds": seconds}))
        os.replace(fresh, now.path.with_suffix(".rows"))

    return dump


async def _until(is_so: Callable[[], bool]) -> None:
    until = time.monotonic() + PATIENCE_S
    while not is_so() and time.monotonic() < until:
        await asyncio.sleep(0.01)


FAULTS: dict[str, Callable[[Now], Action]] = {
    "slow-seek": _slow_seek,
    "late-fetch": _late_fetch,
    "dropped-record": _dropped_record,
    "lost-acknowledgement": _lost_acknowledgement,
    "held-write": _held_write,
    "raising-batch": _raising_batch,
    "hanging-agent": _hanging_agent,
    "blocked-loop": _blocked_loop,
    "dead-fetcher": _dead_fetcher,
    "refused-sync": _refused_sync,
    "rejoin": _told_start,
    "dump": _dump,
}

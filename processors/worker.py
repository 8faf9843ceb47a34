"""One worker process of a stage: everything around the runner, from the first check to the last commit."""

import asyncio
import logging
import os
import sys
import time
from pathlib import Path
from typing import Any, NoReturn

import faust
import mode.loop
from faust.exceptions import ConsumerNotStarted
from faust.types import TP, EventT

from pipeline import cluster, health, telemetry
from pipeline.errors import TopicsUnfit, UsageError
from pipeline.settings import Rules, Settings
from pipeline.stages.fold import Stage, provenance
from pipeline.stages.fold import artefacts as made_of
from pipeline.telemetry import log_to_stderr, say
from processors import artefacts, recovery, safety, takeover
from processors.batches import batches
from processors.checkpoint import Checkpoints, Origin
from processors.lease import Lease
from processors.positions import Positions
from processors.rows import Rows, made_anew
from processors.runner import Runner
from processors.watchdog import Place, Watchdog

#: At least three times what a broker's own session and heartbeat take when a coordinator dies.
SESSION_S = 20.0
#: Longer than a session and a recovery.
STANDSTILL_S = 60.0
BATCH_FAILED, ROWS_UNFIT = 72, 74

logger = logging.getLogger(__name__)


def run(
    stage: Stage[Any], data: Path, host: str = "127.0.0.1", port: int = 0, worker: str = "w0"
) -> NoReturn:
    """Work on a stage until SIGTERM; then exit with 0.

    Other ways to end, for a supervisor that starts it again: 70 it stood still, 71 records went missing on
    their way here, 72 a batch failed, 73 the lease was lost, 74 its rows or topics are unfit.

    Raises
    ------
    UsageError, TopicsUnfit
        If it cannot start; one sentence.
    """
    settings = Settings.read()
    if not settings.kafka:
        raise UsageError("no broker is named; set SHARPLINE_KAFKA to its address, or use `sharpline up`")
    log_to_stderr(settings.log, settings.log_level)
    # It holds a service of Faust's kind, which tells of its every start.
    logging.getLogger(safety.__name__).setLevel(logging.WARNING)
    rules = Rules.read(settings.rules)
    folder = data / stage.name / worker
    held = takeover.lock(folder)
    partitions = cluster.preflight(settings.kafka, stage)
    log = cluster.topic_ids(settings.kafka, stage.sources)
    artefacts.keep(settings.kafka, made_of(stage, rules))
    takeover.leave(settings.kafka, cluster.group(stage.name), folder)
    mode.loop.use("uvloop")
    _Worker(stage, settings.kafka, rules, partitions, log, folder, (host, port)).work()
    held.close()
    sys.exit(0)


class _Worker:
    """The Faust app of a stage and all that watches over it."""

    def __init__(
        self,
        stage: Stage[Any],
        bootstrap: str,
        rules: Rules,
        partitions: int,
        log: str,
        folder: Path,
        address: tuple[str, int],
    ) -> None:
        self._stage, self._bootstrap, self._partitions, self._address = stage, bootstrap, partitions, address
        self._folder = folder
        self._lease = Lease(SESSION_S)
        safety.install(
            self._lease.heartbeat, lambda member_id: takeover.remember(folder, member_id), self._lease.check
        )
        group = cluster.group(stage.name)
        self._app = safety.configured(group, bootstrap, folder / "faust", SESSION_S, self._load)
        raw = {
            "key_type": bytes,
            "value_type": bytes,
            "key_serializer": "raw",
            "value_serializer": "raw",
        }
        self._sources = self._app.topic(*stage.sources, **raw)
        table = self._app.Table(cluster.TABLE, key_type=bytes, value_type=bytes, partitions=partitions)
        table.on_recover(self._recovered)
        self._rows = Rows(stage, log, provenance(stage, rules), table.data)
        changelog = cluster.changelog(stage.name)
        origin = Origin(changelog, cluster.topic_ids(bootstrap, [changelog]), stage.layout)
        self._checkpoints = Checkpoints(stage.name, origin, folder, self._rows)
        self._log = log
        self._positions = Positions(bootstrap, self._committed, self._require_topics)
        self._runner = Runner(
            stage,
            rules,
            partitions,
            self._rows,
            self._positions,
            lambda: self._app.producer,
            self._end,
            self._checkpoints.written,
        )
        self._app.agent(self._sources, name=stage.name, concurrency=1)(self._agent)
        self._app.on_partitions_revoked.connect(self._revoked)
        self._app.on_partitions_assigned.connect(self._assigned)

    def work(self) -> None:
        """Run until a signal or a crash ends it; the latter is raised."""
        places = [
            (topic, partition) for topic in self._stage.sources for partition in range(self._partitions)
        ]
        watchdog = Watchdog(
            self._bootstrap,
            cluster.group(self._stage.name),
            places,
            STANDSTILL_S,
            self._unready,
            self._owned,
            self._positions.last_read,
            self._check_topics,
        )
        watchdog.start()
        self._app.finalize()
        worker = faust.Worker(self._app, quiet=True, override_logging=False, redirect_stdouts=False)
        host, port = self._address
        if port:
            health.serve(
                port,
                live=lambda: (
                    watchdog.is_alive() and (not worker.loop.is_running() or health.turns(worker.loop))
                ),
                registry=telemetry.Part("processors"),
                ready=lambda: self._unready() is None and watchdog.sees and not self._lease.lost,
                host=host,
            )
        worker.spinner = None
        worker.loop.run_until_complete(worker.start())
        # start() returns when stopping begins, and Faust's own way to the end of it sleeps for two seconds.
        worker.loop.run_until_complete(worker._signal_stop_future or worker.stop())
        # A stop does not wait for a checkpoint: what it would save is read in a moment.
        self._rows.end_snapshot()
        if worker.crash_reason is not None:
            raise worker.crash_reason

    async def _agent(self, stream: Any) -> None:
        async for events in batches(self._app, stream):
            await self._batch(events)

    async def _batch(self, events: list[EventT]) -> None:
        try:
            await self._runner.run(events)
        except BaseException as error:  # also when cut off: whatever leaves this body is acknowledged
            say(logger, "batch failed", logging.ERROR, error=repr(error), exit=BATCH_FAILED)
            logger.error("batch failed", exc_info=True)
            os._exit(BATCH_FAILED)

    async def _load(self, wanted: Any) -> None:
        started_s = time.perf_counter()
        missing = self._checkpoints.missing(wanted)
        checkpoints = await asyncio.to_thread(self._checkpoints.find, missing)
        found = await recovery.latest(self._bootstrap, missing, checkpoints)
        self._rows.load({tp: recovered.values for tp, recovered in found.items()})
        self._checkpoints.recovered(missing, found)
        seconds = time.perf_counter() - started_s
        counts = {
            "checkpoint": sum(recovered.from_checkpoint for recovered in found.values()),
            "changelog": sum(recovered.read for recovered in found.values()),
        }
        for source, count in counts.items():
            telemetry.RECOVERED.labels(self._stage.name, source).inc(count)
        telemetry.RECOVERY_SECONDS.labels(self._stage.name).observe(seconds)
        say(logger, "recovered", rows=len(self._rows), **counts, seconds=round(seconds, 3))

    async def _recovered(self) -> None:
        try:
            await self._require_topics()
            self._runner.begin_generation()
        except TopicsUnfit as error:
            await asyncio.to_thread(self._refuse, error)
        except Exception:  # Faust would drop it, and go on without rows
            logger.error("rows cannot be read", exc_info=True)
            os._exit(BATCH_FAILED)
        owned = sorted({partition for _, partition in self._owned()})
        say(logger, "ready", stage=self._stage.name, partitions=owned, rows=len(self._rows))

    async def _require_topics(self) -> None:
        await asyncio.to_thread(self._check_topics)

    def _check_topics(self) -> None:
        """End the process where a topic is not the one any more that it was at the start."""
        try:
            if cluster.topic_ids(self._bootstrap, self._stage.sources) != self._log:
                raise TopicsUnfit(made_anew(self._stage.name))
        except TopicsUnfit as error:  # also where one is not there at all
            self._refuse(error)

    def _refuse(self, error: TopicsUnfit) -> None:
        # Out of the group first: as long as it has a member, nobody can put its offsets right.
        takeover.leave(self._bootstrap, self._app.conf.id, self._folder)
        say(logger, str(error), logging.ERROR, exit=ROWS_UNFIT)
        os._exit(ROWS_UNFIT)

    async def _revoked(self, *_: Any, **__: Any) -> None:
        # What a batch that slept through the session still holds must not outlive the next assignment.
        self._lease.check()

    async def _assigned(self, *_: Any, **__: Any) -> None:
        self._lease.renew()

    def _committed(self, tp: TP) -> int | None:
        # Where Faust has sought to; it keeps None for an offset of 0.
        return self._app.consumer._committed_offset.get(tp)

    def _end(self, topic: str, partition: int) -> int | None:
        # Of the last fetch, so the broker is not asked; none of a partition that is just being given away.
        tp, consumer = TP(topic, partition), self._app.consumer
        end: int | None = consumer.highwater(tp) if tp in consumer.assignment() else None
        return end

    def _owned(self) -> set[Place]:
        try:
            assigned = self._app.consumer.assignment() if self._app._consumer is not None else set()
        except ConsumerNotStarted:
            return set()
        return {(tp.topic, tp.partition) for tp in assigned if tp.topic in self._stage.sources}

    def _unready(self) -> Any:
        """How far joining and recovery are, None when they are done; asked by other threads."""
        app = self._app
        # Faust makes it when first asked for, on the asking thread's loop: ours, asking early, would be the
        # wrong one, and the worker would wait for ever.
        if app.tables._recovery is None:
            return "starting"
        if app.consumer_generation_id and not app.rebalancing and app.tables.recovery.completed.is_set():
            return None
        return app.rebalancing, app.consumer_generation_id, app.tables.recovery.active_remaining_total()

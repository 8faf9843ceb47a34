"""Workers of the chain, whole and sabotaged, side by side on the same records; and what came of them."""

import time
from collections.abc import Collection, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import msgspec

from pipeline import cluster
from pipeline.settings import Rules, Settings
from pipeline.stages.fold import Row
from tests.processors.chain import SOURCES, Chain, chain
from tests.processors.log import EVENTS, Load, Message, now_ms, read, snapshot
from tests.processors.oracle import judge, topics
from tests.processors.workers import PATIENCE_S, Worker, chain_worker, ended

Version = Row[Chain]
_decoder = msgspec.msgpack.Decoder(Version)


class Run:
    """A chain in a group of its own, worked on by ``w0`` and whoever else is started."""

    def __init__(self, bootstrap: str, folder: Path, name: str, *sabotaged: str) -> None:
        self.stage, self._bootstrap, self.folder = chain(name), bootstrap, folder
        self._sabotaged = sabotaged
        folder.mkdir(parents=True)
        self.workers: list[Worker] = []
        self.worker = self.another()

    def another(self) -> Worker:
        """One more worker of the same group, sabotaged in the same way."""
        name = f"w{len(self.workers)}"
        made = chain_worker(
            self._bootstrap, self.folder, name, name=self.stage.name, sabotaged=self._sabotaged
        )
        self.workers.append(made)
        return made

    def now(self, worker: str = "w0") -> None:
        """Let the fault come, and wait until it has."""
        moment = self.folder / f"{worker}.now"
        moment.touch()
        until = time.monotonic() + PATIENCE_S
        while moment.exists():
            assert time.monotonic() < until, f"nobody takes {moment}: {self.worker.said()}"
            time.sleep(0.01)

    def versions(self) -> Iterator[tuple[Message, Version]]:
        """Every version of every row, those of a partition in order."""
        journal = cluster.changelog(self.stage.name)
        for message in read(self._bootstrap, [journal])[journal]:
            assert message.value is not None
            yield message, _decoder.decode(message.value)

    def rows(self) -> dict[str, Version]:
        """The last version of each row."""
        return {row.event_id: row for _, row in self.versions()}

    def folded(self) -> int:
        """Inputs that are in the rows; where no tick was sent, each counts once."""
        return sum(row.state.count for row in self.rows().values())

    def lag(self) -> int:
        return sum(cluster.lag(self._bootstrap, [self.stage]).values())

    def differences(self) -> list[str]:
        """What is not in the rows as the fold over the inputs has it; answers are of all runs, and left out."""
        log = read(self._bootstrap, topics(self.stage))
        found = judge(self.stage, Rules(), log, Settings().partitions)
        return [
            *(f"unread: {place}" for place in found.unread),
            *(d for d in found.differences if d[:4] == "row "),
        ]


@contextmanager
def running(bootstrap: str, folder: Path, **sabotaged: Iterable[str]) -> Iterator[list[Run]]:
    """A run for each name, on topics that are made anew for them; all their workers end with this."""
    _empty(bootstrap)
    runs = [Run(bootstrap, folder / name, name, *options) for name, options in sabotaged.items()]
    cluster.create_topics(bootstrap, Settings(), [run.stage for run in runs])
    with ExitStack() as stack:
        for run in runs:
            stack.enter_context(ended(run.workers))
        yield runs


def _empty(bootstrap: str) -> None:
    admin = cluster._admin(bootstrap)
    there = [name for name in SOURCES if name in admin.list_topics(timeout=10).topics]
    if there:
        for future in admin.delete_topics(there).values():
            future.result()


def start(runs: Collection[Run]) -> None:
    """Start the first worker of each at once, and wait until they are ready."""
    for run in runs:
        run.worker.start()
    for run in runs:
        run.worker.await_said("ready stage=")


def await_end_read(load: Load, bootstrap: str, runs: Collection[Run]) -> None:
    """Send a last record to each event, and wait until the rows have it."""
    for event_id in EVENTS:
        load.record("odds.snapshots", snapshot(event_id, now_ms()))
    load.flush()
    last = {
        message.key.decode(): message.offset
        for message in read(bootstrap, ["odds.snapshots"])["odds.snapshots"]
    }
    until = time.monotonic() + PATIENCE_S
    for run in runs:
        while True:
            rows = run.rows()
            if all(e in rows and rows[e].applied["odds.snapshots"] >= offset for e, offset in last.items()):
                break
            assert run.worker.process is not None
            assert run.worker.process.poll() is None, f"it has ended: {run.worker.said()}"
            assert time.monotonic() < until, f"the last records were not read: {run.worker.said()}"
            time.sleep(0.1)

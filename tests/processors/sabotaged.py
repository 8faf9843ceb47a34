"""Workers of the chain, whole and sabotaged, side by side on the same records; and what came of them."""

import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from hashlib import sha256
from pathlib import Path

import msgspec

from pipeline import cluster
from pipeline.replay.verify import verify
from pipeline.settings import Rules, Settings
from pipeline.stages.fold import Row
from tests.processors.chain import Chain, chain
from tests.processors.log import EVENTS, Load, Message, now_ms, read, snapshot
from tests.processors.workers import PATIENCE_S, Worker, chain_worker, ended

Version = Row[Chain]
_decoder = msgspec.msgpack.Decoder(Version)


class Dump(msgspec.Struct, frozen=True):
    """What a worker held: a digest of each row; and how long it took to recover them."""

    rows: dict[str, str]
    seconds: float


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

    def now(self) -> None:
        """Let the fault come over the first worker, and wait until it has."""
        moment = self.folder / "w0.now"
        moment.touch()
        await_so(lambda: not moment.exists(), self.worker.said)

    def let_go(self) -> None:
        """End the wait of a fault that waits for the test."""
        (self.folder / "w0.go").touch()

    def versions(self) -> Iterator[tuple[Message, Version]]:
        """Every version of every row, those of a partition in order."""
        journal = cluster.changelog(self.stage.name)
        for message in read(self._bootstrap, [journal])[journal]:
            assert message.value is not None
            yield message, _decoder.decode(message.value)

    def rows(self) -> dict[str, Version]:
        """The last version of each row."""
        return {row.event_id: row for _, row in self.versions()}

    def digests(self) -> dict[str, str]:
        """Of the last version of each row."""
        return {row.event_id: sha256(message.value or b"").hexdigest() for message, row in self.versions()}

    def dumped(self) -> Dump:
        """What the first worker holds; it needs ``--fault dump``."""
        self.now()
        path = self.folder / "w0.rows"
        await_so(path.exists, self.worker.said)
        return msgspec.json.decode(path.read_bytes(), type=Dump)

    def folded(self) -> int:
        """Inputs that are in the rows; where no tick was sent, each counts once."""
        return sum(row.state.count for row in self.rows().values())

    def lag(self) -> int:
        return sum(cluster.lag(self._bootstrap, [self.stage]).values())

    def faults(self) -> list[str]:
        """What is lost, and rows that are not as the fold has them; answers are of all runs, and left out."""
        found = verify(self._bootstrap, self.stage, Rules())
        return [*map(str, found.lost), *(str(other) for other in found.differences if other.what == "row")]


@contextmanager
def running(bootstrap: str, folder: Path, given: Mapping[str, Sequence[str]]) -> Iterator[list[Run]]:
    """A run for each name, with the options ``given``, their topics made; all their workers end with this."""
    runs = [Run(bootstrap, folder / name, name, *options) for name, options in given.items()]
    cluster.create_topics(bootstrap, Settings(), [run.stage for run in runs])
    with ExitStack() as stack:
        for run in runs:
            stack.enter_context(ended(run.workers))
        yield runs


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
    last = {message.key: message.offset for message in read(bootstrap, ["odds.snapshots"])["odds.snapshots"]}

    def is_read(run: Run) -> bool:
        assert run.workers[-1].process is not None
        assert run.workers[-1].process.poll() is None, f"it has ended: {run.workers[-1].said()}"
        applied = {event_id.encode(): row.applied["odds.snapshots"] for event_id, row in run.rows().items()}
        return all(applied.get(key or b"", -1) >= offset for key, offset in last.items())

    for run in runs:
        await_so(partial(is_read, run), run.worker.said)


def await_so(is_so: Callable[[], bool], said: Callable[[], str]) -> None:
    """Wait until something is so; where it never is, fail with what was ``said``."""
    until = time.monotonic() + PATIENCE_S
    while not is_so():
        assert time.monotonic() < until, f"it has not come about: {said()}"
        time.sleep(0.05)

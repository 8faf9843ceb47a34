"""How long a restarted worker takes to have its rows back: from a checkpoint, from the changelog, by Faust.

Run it: ``make bench ARGS=recovery``. The rows are the markets fold's, of 2 KB, put into its changelog in
one version each and in several, as many as an hour at 200 a second leaves behind. "recovered" is what the
worker says it took to read them, "ready" is from the start of its process, "CPU" what it has used by then,
"answer" from its kill to the answers to snapshots that were sent right after, and "settled" to such that were
sent behind a tick, which asks every open event of its partition whether it is due.
"""

import re
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import click
import msgspec
from confluent_kafka import Consumer, Producer, TopicPartition
from faust.tables.recovery import Recovery

from pipeline import cluster, codec
from pipeline.local.broker import own_broker
from pipeline.records import ClockTick
from pipeline.settings import Rules, Settings
from pipeline.stages.fold import Input, Row, first_row, fold, provenance
from pipeline.stages.markets import MARKETS
from pipeline.topics import TICKS, partition_of
from processors.safety import QuietRecovery
from processors.worker import run
from tests.benchmarks.board import START_MS, Board, Load, event_id
from tests.benchmarks.load import producer
from tests.benchmarks.system import cpu_seconds
from tests.processors.workers import Worker, ended

EVENTS, VERSIONS, COMPARED = 100_000, 7, 50_000
RATE, GROWN = 200.0, 12
BOOKS, BOARDS = 8, 100  # 8 books make a row of 2 KB
SNAPSHOTS = "odds.snapshots"
PATIENCE_S = 120.0
CHANGELOG = cluster.changelog(MARKETS.name)
SAID = re.compile(r"recovered rows=(\d+) checkpoint=(\d+) changelog=(\d+) seconds=([\d.]+)")


class Seen(NamedTuple):
    """What a worker said of its recovery, and when it was ready."""

    rows: int
    from_checkpoint: int
    from_changelog: int
    recovered_s: float
    ready_s: float
    cpu_s: float


def rows(bootstrap: str) -> list[Row]:
    """Rows of as many boards, each another event's."""
    log = cluster.topic_ids(bootstrap, MARKETS.sources)
    made_with, rules = provenance(MARKETS, Rules()), Rules()
    load, found = Load(books=BOOKS), []
    for number in range(BOARDS):
        board = Board(number, load, START_MS + 86_400_000)
        row = first_row(MARKETS, board.event_id, made_with, log)
        for offset in range(3):
            source = Input(SNAPSHOTS, 0, offset, board.snapshot(START_MS + offset))
            row, _ = fold(MARKETS, rules, row, source)
        # As if it had been long ago: what is sent next is folded, whatever its offset.
        found.append(msgspec.structs.replace(row, applied=dict.fromkeys(row.applied, -1)))
    return found


def fill(bootstrap: str, events: int, versions: int) -> int:
    """Put versions of the rows of events into the changelog; the bytes of one version of each."""
    cluster.create_topics(bootstrap, Settings(), [MARKETS])
    boards = rows(bootstrap)
    client = producer(bootstrap, 20)
    size = 0
    for version in range(versions):
        size = 0
        for number in range(events):
            event, row = event_id(number), boards[(number + version) % BOARDS]
            state = msgspec.structs.replace(row.state, event_id=event)
            value = msgspec.msgpack.encode(msgspec.structs.replace(row, event_id=event, state=state))
            size += len(value)
            while True:
                try:
                    client.produce(CHANGELOG, value, event, partition_of(event, 4))
                    break
                except BufferError:
                    client.poll(0.05)
        client.poll(0)
    client.flush()
    return size


def started(worker: Worker, times: int) -> Seen:
    """Start a worker, wait until it is ready for the so manieth time, and read what it said."""
    begun_s = time.perf_counter()
    worker.start()
    until_s = begun_s + PATIENCE_S
    while worker.said().count("ready stage") < times:
        if time.perf_counter() > until_s or worker.process is None or worker.process.poll() is not None:
            raise RuntimeError(f"the worker is not ready: {worker.said()}")
        time.sleep(0.01)
    ready_s = time.perf_counter() - begun_s
    *counts, seconds = SAID.findall(worker.said())[-1]
    return Seen(*map(int, counts), float(seconds), ready_s, cpu_seconds(worker))


class Asker:
    """Sends snapshots and ticks, and sees the answers to them."""

    def __init__(self, bootstrap: str) -> None:
        self._producer = Producer(
            {"bootstrap.servers": bootstrap, "partitioner": "murmur2_random", "linger.ms": 0, "log_level": 0}
        )
        self._consumer = Consumer(
            {"bootstrap.servers": bootstrap, "group.id": "asker", "enable.auto.commit": False, "log_level": 0}
        )
        ends = []
        for partition in range(4):
            _, end = self._consumer.get_watermark_offsets(TopicPartition("odds.fair", partition), timeout=10)
            ends.append(TopicPartition("odds.fair", partition, end))
        self._consumer.assign(ends)
        load = Load(books=BOOKS, changed=1.0)  # so that there is always news
        self._boards = [Board(number, load, START_MS + 86_400_000) for number in range(16)]
        self._at_ms = START_MS + 1_000

    def show(self) -> list[bytes]:
        """Send a snapshot of some events; their keys."""
        self._at_ms += 1_000
        keys = []
        for board in self._boards:
            key, value = codec.encode(SNAPSHOTS, board.snapshot(self._at_ms))
            self._producer.produce(SNAPSHOTS, value, key)
            keys.append(key)
        self._producer.flush()
        return keys

    def tick(self) -> None:
        """Send a tick to each partition."""
        self._at_ms += 1_000
        key, value = codec.encode(TICKS, ClockTick(received_at_ms=self._at_ms))
        for partition in range(4):
            self._producer.produce(TICKS, value, key, partition)
        self._producer.flush()

    def answered(self, keys: list[bytes]) -> None:
        """Wait until each event that was shown last has its answer."""
        left, until_s = set(keys), time.perf_counter() + PATIENCE_S
        while left:
            if time.perf_counter() > until_s:
                raise RuntimeError(f"{len(left)} events have no answer")
            if (message := self._consumer.poll(0.05)) and message.key() in left:
                answer = codec.decode("odds.fair", message.key(), message.value())
                if answer.received_at_ms >= self._at_ms:
                    left.discard(message.key())

    def checkpointed(self, folder: Path) -> int:
        """Show until a checkpoint of each partition is there; their bytes."""
        until_s = time.perf_counter() + PATIENCE_S
        while len(found := list(folder.glob("*.checkpoint"))) < 4:
            if time.perf_counter() > until_s:
                raise RuntimeError(f"there are only {found}")
            self.answered(self.show())
        return sum(path.stat().st_size for path in found)


def journal_bytes(data: Path) -> int:
    """What the changelog's segments take on the broker's disk."""
    return sum(path.stat().st_size for path in data.rglob("*.log") if CHANGELOG in path.parent.name)


def said(name: str, seen: Seen, *more: str) -> None:
    """One line of the table."""
    click.echo(
        f"{name:<34}{seen.from_checkpoint:>9,}{seen.from_changelog:>9,}{seen.recovered_s:>10.2f} s"
        f"{seen.ready_s:>6.1f} s{seen.cpu_s:>6.1f} s{''.join(f'{text:>9}' for text in more)}"
    )


@contextmanager
def telling(worker: Worker) -> Iterator[None]:
    """Where that fails, print what the worker said last."""
    try:
        yield
    except RuntimeError:
        click.echo(worker.said()[-2_000:])
        raise


def measure(events: int, versions: int) -> None:
    """Recover without a checkpoint, with one, and without again after a kill."""
    with tempfile.TemporaryDirectory() as folder, own_broker(Path(folder) / "broker") as kafka:
        assert kafka.data is not None
        size = fill(kafka.bootstrap, events, versions)
        work = Path(folder) / "work"
        work.mkdir()
        arguments = [MARKETS.name, "--data", str(work), "--worker", "w0"]
        worker = Worker(kafka.bootstrap, work / "w0.log", 0, "processors", *arguments)
        name = f"{events:,} events, {versions} version{'s' * (versions > 1)}"
        with ended([worker]), telling(worker):
            said(f"{name}, changelog", started(worker, 1))
            asker = Asker(kafka.bootstrap)
            asker.tick()
            checkpoint = asker.checkpointed(work / MARKETS.name / "w0")
            for times in (2, 3):
                worker.kill()
                killed_s = time.perf_counter()
                if times == 3:
                    for path in (work / MARKETS.name / "w0").glob("*.checkpoint"):
                        path.unlink()
                keys = asker.show()
                seen = started(worker, times)
                asker.answered(keys)
                answer_s = time.perf_counter() - killed_s
                asker.tick()
                asker.answered(asker.show())
                settled_s = time.perf_counter() - killed_s
                source = "checkpoint" if times == 2 else "changelog"
                said(f"{name}, {source}", seen, f"{answer_s:.1f} s", f"{settled_s:.1f} s")
        click.echo(
            f"  rows {size / 1e6:,.0f} MB, checkpoint {checkpoint / 1e6:,.0f} MB, "
            f"journal {journal_bytes(kafka.data) / 1e6:,.0f} MB on disk"
        )


def compare(events: int) -> None:
    """The same changelog read by Faust itself, record by record."""
    took = []
    with tempfile.TemporaryDirectory() as folder, own_broker(Path(folder) / "broker") as kafka:
        fill(kafka.bootstrap, events, 1)
        for way in ("bulk", "faust"):
            work = Path(folder) / way
            work.mkdir()
            worker = Worker(kafka.bootstrap, work / "w0.log", 0, "tests.benchmarks.recovery", way, str(work))
            with ended([worker]):
                begun_s = time.perf_counter()
                worker.start()
                worker.await_said("ready stage")
                took.append((time.perf_counter() - begun_s, cpu_seconds(worker)))
                worker.stop()
    (bulk_s, bulk_cpu_s), (faust_s, faust_cpu_s) = took
    click.echo(
        f"{events:,} events, start to ready: {bulk_s:.1f} s, {bulk_cpu_s:.1f} s of CPU; by Faust record by "
        f"record {faust_s:.1f} s ({faust_s / bulk_s:.1f} times), {faust_cpu_s:.1f} s of CPU "
        f"({faust_cpu_s / bulk_cpu_s:.1f} times)"
    )


def growth() -> None:
    """What a version of a row takes in the journal: each a batch of its own, and many to a batch.

    Which of them holds depends on how busy a worker is; with little to do, most batches are of one.
    """
    load, rules, made_with = Load(), Rules(), provenance(MARKETS, Rules())
    boards = [Board(number, load, START_MS + 86_400_000) for number in range(load.events)]
    rows = {board: first_row(MARKETS, board.event_id, made_with, "0123456789ab") for board in boards}
    versions = []
    for offset in range(GROWN):
        for board in boards:
            source = Input(SNAPSHOTS, 0, offset, board.snapshot(START_MS + 5_000 * offset))
            rows[board], _ = fold(MARKETS, rules, rows[board], source)
            versions.append((board.event_id, msgspec.msgpack.encode(rows[board])))
    size = sum(len(value) for _, value in versions) / len(versions)
    for batch in (1, load.events):
        with own_broker() as kafka:
            assert kafka.data is not None
            cluster.create_topics(kafka.bootstrap, Settings(), [MARKETS])
            client = producer(kafka.bootstrap, 1_000)
            for number, (event, value) in enumerate(versions, start=1):
                client.produce(CHANGELOG, value, event, 0)
                if number % batch == 0:
                    client.flush()
            stored = journal_bytes(kafka.data) / len(versions)
        click.echo(
            f"row of {load.lines} lines {size / 1e3:.1f} KB, in batches of {batch} {stored / 1e3:.1f} KB on "
            f"disk: at {RATE:.0f} a second {stored * RATE / 1e3:,.0f} KB a second, "
            f"{stored * RATE * 3.6e-3:,.0f} MB an hour"
        )


def main() -> None:
    """Measure and print."""
    columns = ("recovered", 12), ("ready", 8), ("CPU", 8), ("answer", 9), ("settled", 9)
    named = "".join(f"{name:>{width}}" for name, width in columns)
    click.echo(f"{'':<34}{'of ckpt':>9}{'of log':>9}{named}")
    for versions in (1, VERSIONS):
        measure(EVENTS, versions)
    compare(COMPARED)
    growth()


if __name__ == "__main__":
    way, folder = sys.argv[1:]
    if way == "faust":
        QuietRecovery._build_offsets = Recovery._build_offsets
    run(MARKETS, Path(folder))

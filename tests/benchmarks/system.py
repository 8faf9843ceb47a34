"""A running system to be measured: a broker, workers, a paced load, and whoever waits for the answers."""

import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import psutil
from confluent_kafka import Consumer, KafkaException, TopicPartition

from pipeline import cluster
from pipeline.local.broker import Broker, own_broker
from pipeline.settings import Settings
from pipeline.stages import STAGES
from tests.benchmarks.board import Evening, Load
from tests.benchmarks.load import Mark, append
from tests.processors.workers import Worker, ended, stage_worker

SNAPSHOTS = "odds.snapshots"
PATIENCE_S = 120.0


class Place(NamedTuple):
    """Where a record is."""

    topic: str
    partition: int
    offset: int


class Answered(NamedTuple):
    """An answer as it was polled. ``polled_ns`` is of the monotonic clock, which all processes share."""

    place: Place
    cause: Place
    polled_ns: int
    stamp_ms: int
    """Its Kafka timestamp: when the worker handed it to its client."""


class Sample(NamedTuple):
    """How far the workers of a stage were at a moment of the monotonic clock."""

    at_ns: int
    read: int
    """Snapshots, all workers together."""
    cpu_s: float
    """Of all their threads, since their start."""


class Run(NamedTuple):
    """What was seen of a load."""

    marks: list[Mark]
    answers: list[Answered]
    samples: list[Sample]

    def after(self, seconds: float) -> "Run":
        """The same from so many seconds after the first record on."""
        from_ns = min(mark.sent_ns for mark in self.marks) + int(seconds * 1e9)
        return Run(
            [mark for mark in self.marks if mark.sent_ns >= from_ns],
            self.answers,
            [sample for sample in self.samples if sample.at_ns >= from_ns],
        )

    @property
    def cpu_ms(self) -> float:
        """CPU time of the workers for one snapshot."""
        first, last = self.samples[0], self.samples[-1]
        return 1000.0 * (last.cpu_s - first.cpu_s) / (last.read - first.read)


class System:
    """A broker of our own with all topics, and workers on it; ``folder`` goes with it."""

    def __init__(self, broker: Broker, folder: Path, partitions: int) -> None:
        self.broker, self.bootstrap, self.folder, self.partitions = (
            broker,
            broker.bootstrap,
            folder,
            partitions,
        )
        self.markets: list[Worker] = []
        self.others: list[Worker] = []
        cluster.create_topics(self.bootstrap, Settings(partitions=partitions), STAGES.values())

    def start(self, stage: str = "markets", count: int = 1, module: str = "processors") -> None:
        """Workers of a stage; they are ready when this returns."""
        started = [
            stage_worker(self.bootstrap, self.folder, stage, f"w{number}", module) for number in range(count)
        ]
        (self.markets if stage == "markets" else self.others).extend(started)
        for worker in started:
            worker.start()
        for worker in started:
            worker.await_said("ready")

    def append(self, load: Load, *, whole: bool) -> None:
        """Append the first round of a load, or the whole, as fast as it goes."""
        evening = Evening(load)
        rest = (record for _, record in evening.paced()) if whole else ()
        append(self.bootstrap, self.partitions, chain(evening.opening(), rest))

    def sample(self) -> Sample:
        """How far the markets workers are."""
        cpu_s = sum(cpu_seconds(worker) for worker in self.markets)
        return Sample(time.monotonic_ns(), sum(read(worker) for worker in self.markets), cpu_s)

    def samples_until(self, done: Callable[[Sample], bool], every_s: float) -> list[Sample]:
        """Samples, this often, until one of them is the last. Raises TimeoutError after two minutes."""
        found = [self.sample()]
        until = time.monotonic() + PATIENCE_S
        while not done(found[-1]):
            if time.monotonic() > until:
                raise TimeoutError(f"after {PATIENCE_S:.0f} s only {found[-1].read} snapshots were read")
            time.sleep(every_s)
            found.append(self.sample())
        return found

    def await_read(self) -> None:
        """Wait until all that there is has been read and acknowledged. Raises TimeoutError."""
        stages = [STAGES[stage] for stage in (("games", "markets") if self.others else ("markets",))]
        until = time.monotonic() + PATIENCE_S
        while any((left := cluster.lag(self.bootstrap, stages)).values()):
            if time.monotonic() > until:
                raise TimeoutError(f"after {PATIENCE_S:.0f} s {left} records are still to be read")
            time.sleep(0.1)

    def answered(self) -> int:
        """Answers of markets appended so far."""
        return sum(cluster.ends(self.bootstrap, STAGES["markets"].answers).values())

    def run(self, load: Load, *, every_s: float = 2.0, linger_ms: float = 0.0) -> Run:
        """Send all but the first round of a load at its pace, and watch until the last answer has come.

        The first round must have been appended, the workers be ready.
        """
        self.await_read()
        out = self.folder / "marks"
        sender = Worker(
            self.bootstrap,
            self.folder / "load.log",
            0,
            "tests.benchmarks.load",
            str(out),
            msgspec.json.encode(load).decode(),
            str(self.partitions),
            str(linger_ms),
        )
        with ended([sender]), answers(self.bootstrap, self.partitions) as answered:
            sender.start()
            sender.await_said("pacing")
            assert sender.process is not None
            process = sender.process
            samples = self.samples_until(lambda _: process.poll() is not None, every_s)
            if sender.ended() != 0:
                raise RuntimeError(f"the load could not be sent: {sender.said()}")
            self.await_read()
        return Run(msgspec.msgpack.decode(out.read_bytes(), type=list[Mark]), answered, samples)


@contextmanager
def system(partitions: int = 4) -> Iterator[System]:
    """A fresh one; all of it ends with the context."""
    with tempfile.TemporaryDirectory() as folder, own_broker() as broker:
        made = System(broker, Path(folder), partitions)
        try:
            yield made
        finally:
            with ended([*made.markets, *made.others]):
                pass


@contextmanager
def answers(bootstrap: str, partitions: int) -> Iterator[list[Answered]]:
    """Answers of games and markets as they come, polled by a thread of its own; all are there afterwards."""
    topics = [topic for stage in ("games", "markets") for topic in STAGES[stage].answers]
    consumer = Consumer(
        {
            "bootstrap.servers": bootstrap,
            "group.id": "sharpline.benchmarks",
            "enable.auto.commit": False,
            "fetch.wait.max.ms": 10,
            "log_level": 2,
        }
    )
    places = [TopicPartition(topic, partition) for topic in topics for partition in range(partitions)]
    for place in places:
        place.offset = consumer.get_watermark_offsets(place, timeout=10)[1]
    consumer.assign(places)
    found: list[Answered] = []
    stop = threading.Event()

    def follow() -> None:
        while (message := consumer.poll(0.5)) is not None or not stop.is_set():
            if message is not None:
                polled_ns = time.monotonic_ns()
                if error := message.error():
                    raise KafkaException(error)
                found.append(_answered(message, polled_ns))

    follower = threading.Thread(target=follow)
    follower.start()
    try:
        yield found
    finally:
        stop.set()
        follower.join()
        consumer.close()


def _answered(message: Any, polled_ns: int) -> Answered:
    topic, partition, offset = dict(message.headers())["cause"].decode().split("/")
    place = Place(message.topic(), message.partition(), message.offset())
    return Answered(place, Place(topic, int(partition), int(offset)), polled_ns, message.timestamp()[1])


def read(worker: Worker) -> int:
    """Snapshots that a markets worker has read."""
    name = f'sharpline_processors_records_total{{stage="markets",topic="{SNAPSHOTS}"}}'
    for line in worker.asked("/metrics")[1].splitlines():
        if line.startswith(name):
            return int(float(line.removeprefix(name)))
    return 0


def cpu_seconds(worker: Worker) -> float:
    """CPU time of all threads of a worker since its start."""
    assert worker.process is not None
    times = psutil.Process(worker.process.pid).cpu_times()
    return float(times.user + times.system)

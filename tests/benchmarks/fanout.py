"""One message to thousands of sockets: how long until the last has it, what a frame costs, who is slow.

Run it: ``make bench-gateway``, or ``make bench ARGS=fanout``. A real gateway over a real broker; the clients
are a process of their own, on the same cores. Beside it, in the same run, bare sockets that are sent the same
bytes in a loop.
"""

import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import click
import psutil
from confluent_kafka import Producer

from pipeline import cluster
from pipeline.codec import encode
from pipeline.local import kraft
from pipeline.local.broker import own_broker
from pipeline.settings import Settings
from pipeline.topics import TICKS
from tests.benchmarks.crowd import Remote
from tests.conftest import ROOT
from tests.make_records import EVENT, example

TOPIC = "games.states"
CHANNELS: list[dict[str, Any]] = [{"topic": TOPIC, "event": EVENT}]
ROUNDS, WARM = 40, 5
FILES = 20_000
SUSTAINED_CLIENTS, SUSTAINED_PER_S, SUSTAINED_S = 5_000, 10, 60
BARE_S = 20


class Gateway:
    """A gateway process; ``cpu_s`` and ``rss`` of it."""

    def __init__(self, kafka: str, instance: str, port: int = 0) -> None:
        (self.port,) = (port,) if port else kraft.free_ports(1)
        command = ["-m", "gateway", "--kafka", kafka, "--port", str(self.port), "--instance", instance]
        self.process = subprocess.Popen([sys.executable, *command], cwd=ROOT, stderr=subprocess.DEVNULL)
        self._seen = psutil.Process(self.process.pid)

    def wait_until_ready(self, within_s: float = 120.0) -> float:
        """Seconds until it answered that it is ready."""
        import urllib.error
        import urllib.request

        began_s = time.monotonic()
        while time.monotonic() < began_s + within_s:
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{self.port}/readyz", timeout=5).close()
            except (OSError, urllib.error.HTTPError):
                time.sleep(0.02)
            else:
                return time.monotonic() - began_s
        raise RuntimeError(f"the gateway is not ready after {within_s:.0f} s")

    @property
    def cpu_s(self) -> float:
        times = self._seen.cpu_times()
        return times.user + times.system

    @property
    def rss(self) -> int:
        return int(self._seen.memory_info().rss)

    def end(self) -> None:
        self.process.kill()
        self.process.wait()


class Writer:
    """Appends answers of one event, each a new revision."""

    def __init__(self, kafka: str) -> None:
        self._producer = Producer(
            {"bootstrap.servers": kafka, "partitioner": "murmur2_random", "linger.ms": 0, "acks": "all"}
        )
        self._revision = 0

    def __call__(self, topic: str = TOPIC, **fields: Any) -> int:
        """Append one; monotonic ns of just before."""
        self._revision += 1
        key, value = encode(topic, example(topic, revision=self._revision, **fields))
        began_ns = time.monotonic_ns()
        self._producer.produce(topic, key=key, value=value)
        self._producer.flush(10)
        return began_ns

    def tick(self) -> None:
        for partition in range(4):
            self._producer.produce(TICKS, b"clock", encode(TICKS, example(TICKS))[1], partition)
        self._producer.flush(10)


@contextmanager
def gateway_of(kafka: str, instance: str) -> Iterator[Gateway]:
    """A ready gateway that ends with the block."""
    running = Gateway(kafka, instance)
    try:
        running.wait_until_ready()
        yield running
    finally:
        running.end()


def rounds(write: Writer, crowd: Remote, before: int, count: int = ROUNDS) -> list[float]:
    """Milliseconds from before an append until the last client has it, of each round."""
    found = []
    for number in range(1, WARM + count + 1):
        crowd.later("heard_by_all", before + number)
        time.sleep(0.02)
        began_ns = write()
        found.append((crowd.result() - began_ns) / 1e6)
        time.sleep(0.03)
    return found[WARM:]


def bare(size: int, clients: int, count: int, crowd: Remote) -> tuple[list[float], float]:
    """The same bytes from a loop over bare sockets: milliseconds a round, and CPU us a frame."""
    with BareLoop(size) as loop:
        crowd("join", loop.port, clients, CHANNELS, False)
        found, began_s = [], 0.0
        for number in range(1, WARM + count + 1):
            if number == WARM + 1:
                began_s = loop.cpu_s
            crowd.later("heard_by_all", number)
            time.sleep(0.02)
            began_ns = time.monotonic_ns()
            loop.send()
            found.append((crowd.result() - began_ns) / 1e6)
            time.sleep(0.03)
        spent_s = loop.cpu_s - began_s
        crowd("leave")
    return found[WARM:], 1e6 * spent_s / (clients * count)


class BareLoop:
    """A process that answers handshakes, says that it is live, and sends one frame to all when told to."""

    def __init__(self, size: int) -> None:
        (self.port,) = kraft.free_ports(1)
        command = [sys.executable, "-m", "tests.benchmarks.bare_sockets", str(self.port), str(size)]
        self._process = subprocess.Popen(
            command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self._seen = psutil.Process(self._process.pid)
        assert self._process.stdout is not None
        self._process.stdout.readline()

    def __enter__(self) -> "BareLoop":
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()

    @property
    def cpu_s(self) -> float:
        times = self._seen.cpu_times()
        return times.user + times.system

    def send(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write("send\n")
        self._process.stdin.flush()


def percentiles(found: list[float]) -> str:
    cuts = statistics.quantiles(found, n=100, method="inclusive")
    return f"{cuts[49]:>9.1f}{cuts[98]:>9.1f}{max(found):>9.1f}"


def one_to_all(kafka: str, write: Writer, crowd: Remote, clients: int) -> None:
    """One message to all of so many clients, beside a bare loop."""
    with gateway_of(kafka, f"fanout-{clients}") as running:
        before_rss = running.rss
        joined_s = crowd("join", running.port, clients, CHANNELS, False)
        kib = (running.rss - before_rss) / clients / 1024
        began_cpu_s = running.cpu_s
        found = rounds(write, crowd, 0)
        us = 1e6 * (running.cpu_s - began_cpu_s) / (clients * (ROUNDS + WARM))
        crowd("leave")
    size = len(encode(TOPIC, example(TOPIC))[1])
    bare_ms, bare_us = bare(FRAME_BYTES, clients, ROUNDS, crowd)
    click.echo(
        f"{f'{clients:,} sockets, gateway':<34}{percentiles(found)}{us:>10.2f}{kib:>10.1f}{joined_s:>9.1f}"
    )
    click.echo(f"{f'{clients:,} sockets, bare loop':<34}{percentiles(bare_ms)}{bare_us:>10.2f}")
    click.echo(f"{'  CPU a frame, gateway : bare':<34}{us / bare_us:>37.2f}   (record of {size} bytes)")


#: About what an update of `TOPIC` takes as a frame, so that the bare loop sends as much.
FRAME_BYTES = 1_250


def sustained(kafka: str, write: Writer, crowd: Remote) -> None:
    """So many frames a second to all for a minute: does anything grow?"""
    with gateway_of(kafka, "sustained") as running:
        crowd("join", running.port, SUSTAINED_CLIENTS, CHANNELS, False)
        rss = [running.rss]
        began_cpu_s, began_s = running.cpu_s, time.monotonic()
        crowd.later("read_for", SUSTAINED_S + 2.0)
        for number in range(SUSTAINED_PER_S * SUSTAINED_S):
            due_s = began_s + number / SUSTAINED_PER_S
            time.sleep(max(0.0, due_s - time.monotonic()))
            write()
            if number % (SUSTAINED_PER_S * 10) == 0:
                rss.append(running.rss)
        seconds = crowd.result()
        cpu_s = running.cpu_s - began_cpu_s
        crowd("leave")
    heard = sum(seconds)
    wanted = SUSTAINED_CLIENTS * SUSTAINED_PER_S * SUSTAINED_S
    between = seconds[1 : SUSTAINED_S - 1]
    us, bare_us = 1e6 * cpu_s / heard, sustained_bare(crowd)
    for line in (
        f"{SUSTAINED_CLIENTS:,} x {SUSTAINED_PER_S} a second for {SUSTAINED_S} s:",
        f"  {heard:,} of {wanted:,} frames heard",
        f"  {us:.2f} us CPU a frame, {us / bare_us:.2f} of the bare loop's {bare_us:.2f} at the same pace",
        f"  {cpu_s / SUSTAINED_S:.0%} of a core",
        f"  frames in a second, lowest and highest: {min(between):,} and {max(between):,}",
        f"  RSS MB, each 10 s: {', '.join(f'{value / 1e6:.0f}' for value in rss)}",
    ):
        click.echo(line)


def sustained_bare(crowd: Remote) -> float:
    """CPU us a frame of the bare loop at the same pace."""
    with BareLoop(FRAME_BYTES) as loop:
        crowd("join", loop.port, SUSTAINED_CLIENTS, CHANNELS, False)
        began_cpu_s, began_s = loop.cpu_s, time.monotonic()
        crowd.later("read_for", BARE_S + 2.0)
        for number in range(SUSTAINED_PER_S * BARE_S):
            time.sleep(max(0.0, began_s + number / SUSTAINED_PER_S - time.monotonic()))
            loop.send()
        heard = sum(crowd.result())
        spent_s = loop.cpu_s - began_cpu_s
        crowd("leave")
    return 1e6 * spent_s / heard


def slow_ones(kafka: str, write: Writer, crowd: Remote) -> None:
    """A client that reads nothing and one that reads 1 KB/s, among 1,000: what do the others notice?"""
    with gateway_of(kafka, "slow") as running:
        crowd("join", running.port, 1_000, CHANNELS, False)
        without = rounds(write, crowd, 0)
        heard = WARM + ROUNDS
        crowd("join_slow", running.port, CHANNELS)
        for _ in range(3_000):  # fill what the kernel holds for them
            write()
        heard += 3_000
        crowd("heard_by_all", heard)
        rss = running.rss
        with_them = rounds(write, crowd, heard)
        click.echo(f"{'1,000 sockets, none slow':<34}{percentiles(without)}")
        click.echo(f"{'1,000 sockets, two slow ones':<34}{percentiles(with_them)}   RSS {rss / 1e6:.0f} MB")
        crowd("leave")


def main() -> None:
    """Measure and print."""
    resource.setrlimit(resource.RLIMIT_NOFILE, (FILES, FILES))
    columns = f"{'p50':>9}{'p99':>9}{'max':>9}{'us/frame':>10}{'KiB/conn':>10}{'join s':>9}"
    click.echo(f"{'ms to the last client':<34}{columns}")
    crowd = Remote()
    try:
        with own_broker() as broker:
            cluster.create_topics(broker.bootstrap, Settings(), [])
            write = Writer(broker.bootstrap)
            write.tick()
            for clients in (1_000, 10_000):
                one_to_all(broker.bootstrap, write, crowd, clients)
            slow_ones(broker.bootstrap, write, crowd)
            sustained(broker.bootstrap, write, crowd)
    finally:
        crowd.end()


if __name__ == "__main__":
    main()

"""How long HTTP takes: 1,000 events, 1,000 requests a minute, while 50 updates a second arrive.

Run it: ``make bench ARGS=http``. No Kafka: the gateway is ``python -m tests.benchmarks.http``, a process of
its own, whose hub has a simulated evening's answers, each under many events, and goes on getting them.
Requests are sent when they are due, answered or not the ones before, and take from then to the last byte.
"""

import asyncio
import itertools
import statistics
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Iterator
from datetime import date, timedelta

import click
import httpx
from msgspec.structs import replace

from gateway.__main__ import listening, server_of
from gateway.answers import Message, wall_ms
from gateway.app import create_app
from gateway.hub import Hub
from pipeline import codec
from pipeline.replay import archive
from pipeline.settings import Settings
from pipeline.topics import event_of, partition_of
from tests.conftest import ROOT
from tests.gateway.evening import PARTITIONS, answers

EVENTS, GAMES, MINUTES = 1_008, 25, 12.0
UPDATES_PER_S, REQUESTS_PER_MIN, SECONDS = 50, 1_000, 60
FIRST_DAY = date(2025, 1, 1)
PATHS = ("/v1/events", "/v1/events/{event}", "/v1/events?limit=1000", "/v1/value-bets")


def moved(message: archive.Message, copy: int, offset: int) -> Message:
    """The same answer under an event of another day."""
    league, _, rest = event_of(message.key).split(":", 2)
    event = f"{league}:{FIRST_DAY + timedelta(days=copy)}:{rest}"
    record = replace(message.record, event_id=event)
    key, value = codec.encode(message.topic, record)
    return Message(message.topic, key.decode(), partition_of(event, PARTITIONS), offset, wall_ms(), value)


def updates(made: list[archive.Message], copies: int) -> Iterator[Message]:
    """The evening's answers again and again, each time of other events."""
    for offset, message in enumerate(itertools.cycle(made), len(made)):
        yield moved(message, offset % copies, offset)


def serve() -> None:
    """The gateway, until it is killed; it says its port as soon as it is ready."""
    made = [message for message in answers(GAMES, MINUTES) if message.record is not None]
    hub = Hub()
    hub.ready.set()
    standing = {(message.topic, message.key): message for message in made}
    copies = EVENTS // len({event_of(message.key) for message in made})
    for copy in range(copies):
        for message in standing.values():
            hub.publish(moved(message, copy, message.offset))
    hub.flush()
    coming = updates(made, copies)

    server_socket = listening("127.0.0.1", 0)

    async def feed() -> None:
        click.echo(server_socket.getsockname()[1])
        due_s = time.monotonic()
        while True:
            hub.tick(made[-1].at_ms, wall_ms())
            hub.publish(next(coming))
            hub.flush()
            due_s += 1.0 / UPDATES_PER_S
            await asyncio.sleep(max(0.0, due_s - time.monotonic()))

    server_of(create_app(hub, feed), Settings()).run(sockets=[server_socket])


async def ask(port: int) -> dict[str, list[float]]:
    """Seconds that requests took, by path."""
    took: dict[str, list[float]] = defaultdict(list)
    sizes = httpx.Limits(max_connections=50)
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", limits=sizes, timeout=60) as client:
        listed = (await client.get("/v1/events?limit=1000")).json()["events"]
        events = itertools.cycle(row["event"] for row in listed)

        async def one(path: str, due_s: float) -> None:
            await asyncio.sleep(due_s - time.monotonic())
            answer = await client.get(path.format(event=next(events)))
            answer.raise_for_status()
            took[path].append(time.monotonic() - due_s)

        begun_s = time.monotonic() + 1.0
        async with asyncio.TaskGroup() as asked:
            for number in range(REQUESTS_PER_MIN * SECONDS // 60):
                due_s = begun_s + number * 60.0 / REQUESTS_PER_MIN
                asked.create_task(one(PATHS[number % len(PATHS)], due_s))
    click.echo(
        f"{len(listed)} events, {UPDATES_PER_S} updates/s, {REQUESTS_PER_MIN} requests/min for {SECONDS} s"
    )
    return took


def main() -> None:
    """Measure and print."""
    command = [sys.executable, "-m", "tests.benchmarks.http"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as gateway:
        try:
            assert gateway.stdout is not None
            took = asyncio.run(ask(int(gateway.stdout.readline())))
        finally:
            gateway.kill()
    click.echo(f"{'ms':<26}{'p50':>8}{'p95':>8}{'p99':>8}{'worst':>8}")
    for path in PATHS:
        parts = statistics.quantiles(took[path], n=100)
        told = (parts[49], parts[94], parts[98], max(took[path]))
        click.echo(f"{path:<26}" + "".join(f"{1_000.0 * seconds:>8.1f}" for seconds in told))


if __name__ == "__main__":
    serve()

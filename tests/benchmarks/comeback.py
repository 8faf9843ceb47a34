"""A gateway that dies, starts, or loses its broker: how long until its clients have everything again.

Run it: ``make bench-gateway`` or ``make bench ARGS=comeback``. Real gateways over a real broker; the clients
are a process of their own.
"""

import itertools
import os
import signal
import time
from datetime import date, timedelta
from typing import Any

import click
from confluent_kafka import Producer
from msgspec.structs import replace

from pipeline import cluster
from pipeline.codec import encode
from pipeline.local.broker import Broker, own_broker
from pipeline.settings import Settings
from pipeline.topics import event_of
from tests.benchmarks.crowd import Remote
from tests.benchmarks.fanout import CHANNELS, Gateway, Writer, gateway_of
from tests.gateway.evening import answers

CLIENTS, MISSED = 1_000, 100
RECORDS, EVENTS = 2_000_000, 10_000
AWAY_S = 20.0
FIRST_DAY = date(2025, 1, 1)


def killed(broker: Broker, write: Writer, crowd: Remote) -> None:
    """Clients that miss messages while their gateway is killed, and resume on another instance."""
    with gateway_of(broker.bootstrap, "first") as first, gateway_of(broker.bootstrap, "second") as second:
        crowd("join", first.port, CLIENTS, CHANNELS, True)
        for _ in range(10):
            write()
        crowd("heard_by_all", 10)
        os.kill(first.process.pid, signal.SIGKILL)
        first.process.wait()
        for _ in range(MISSED):
            write()
        crowd("drop")
        began_s = time.monotonic()
        crowd("join", second.port, CLIENTS, CHANNELS, True)
        crowd("heard_by_all", 10 + MISSED)
        took_s = time.monotonic() - began_s
        for _ in range(10):
            write()
        crowd("heard_by_all", 20 + MISSED)
        told = crowd("told")
        crowd("leave")
    first_told = told[0]
    offsets = [offset for _, offset in first_told]
    whole = offsets == list(range(offsets[0], offsets[0] + 20 + MISSED))
    same = all(one == first_told for one in told)
    click.echo(
        f"{CLIENTS:,} clients miss {MISSED} messages each, kill -9, another instance: all have them after "
        f"{took_s:.2f} s; every sequence equals the topic's: {whole and same}"
    )


def started(broker: Broker) -> None:
    """A start with two periods of repetition in the topics."""
    fill(broker.bootstrap)
    running = Gateway(broker.bootstrap, "loaded")
    try:
        took_s = running.wait_until_ready(300.0)
        click.echo(
            f"start with {RECORDS:,} records of {EVENTS:,} events: ready after {took_s:.1f} s, "
            f"{running.cpu_s:.1f} s CPU, RSS {running.rss / 1e6:.0f} MB"
        )
    finally:
        running.end()


def fill(kafka: str) -> None:
    """Append a simulated evening's answers under so many events, again and again."""
    made = [message for message in answers(25, 12.0) if message.record is not None]
    standing = list({(message.topic, message.key): message for message in made}.values())
    events = len({event_of(message.key) for message in standing})
    copies = EVENTS // events
    producer = Producer(
        {
            "bootstrap.servers": kafka,
            "partitioner": "murmur2_random",
            "linger.ms": 50,
            "compression.type": "lz4",
        }
    )
    encoded = [_copied(message, copy) for copy in range(copies) for message in standing]
    for topic, key, value in itertools.islice(itertools.cycle(encoded), RECORDS):
        while True:
            try:
                producer.produce(topic, value, key)
                break
            except BufferError:
                producer.poll(0.1)
    producer.flush()


def _copied(message: Any, copy: int) -> tuple[str, bytes, bytes]:
    league, _, rest = event_of(message.key).split(":", 2)
    event = f"{league}:{FIRST_DAY + timedelta(days=copy)}:{rest}"
    key, value = encode(message.topic, replace(message.record, event_id=event))
    return message.topic, key, value


def deserted(broker: Broker, write: Writer, crowd: Remote) -> None:
    """A broker that is killed, away for a while, and started again."""
    with gateway_of(broker.bootstrap, "deserted") as running:
        crowd("join", running.port, 100, CHANNELS, True)
        write()
        crowd("heard_by_all", 1)
        assert broker.pid is not None
        os.kill(broker.pid, signal.SIGKILL)
        began_s = time.monotonic()
        while _is_ready(running):
            time.sleep(0.02)
        told_s = time.monotonic() - began_s
        time.sleep(AWAY_S - told_s)
        broker.restart()
        back_s = time.monotonic()
        for _ in range(10):
            write()
        crowd("heard_by_all", 11)
        on_s = time.monotonic() - back_s
        told = crowd("told")
        crowd("leave")
    offsets = [offset for _, offset in told[0]]
    whole = offsets == list(range(offsets[0], offsets[0] + 11)) and all(one == told[0] for one in told)
    click.echo(
        f"broker killed for {AWAY_S:.0f} s: known after {told_s:.2f} s; {on_s:.2f} s after it was back all "
        f"clients had the 10 messages written then; nothing lost, nothing doubled: {whole}"
    )


def _is_ready(running: Gateway) -> bool:
    import urllib.error
    import urllib.request

    try:
        urllib.request.urlopen(f"http://127.0.0.1:{running.port}/readyz", timeout=5).close()
    except urllib.error.HTTPError:
        return False
    return True


def main() -> None:
    """Measure and print."""
    crowd = Remote()
    try:
        with own_broker() as broker:
            cluster.create_topics(broker.bootstrap, Settings(), [])
            write = Writer(broker.bootstrap)
            write.tick()
            killed(broker, write, crowd)
            deserted(broker, write, crowd)
            started(broker)
    finally:
        crowd.end()


if __name__ == "__main__":
    main()

"""What a poll of consumer lag takes, how true its seconds are, and what the exporter costs.

Run it: ``make bench ARGS=lag``. Ten groups on forty partitions, all of them behind, each at an offset of its
own; half of the polls find every group moved on, so that the time of every first unread record is read anew.
Then a consumer stands still for 30 s under a steady load, its seconds are scraped and held against the age of
its first unread record, and it catches up.
"""

import statistics
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click
import psutil
from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic
from prometheus_client.parser import text_string_to_metric_families

from pipeline.lag.observer import Observer
from pipeline.local import children, kraft
from pipeline.local.broker import own_broker

GROUPS, PARTITIONS, RECORDS, POLLS = 10, 40, 400, 30
STANDSTILL_S, LOAD_EVERY_S, LOOK_EVERY_S = 30.0, 0.05, 0.25
COST_S, SCRAPE_EVERY_S, WITHIN_S = 30.0, 5.0, 60.0
WIDE, STOPPED = "wide", "stopped"


def consumer(bootstrap: str, group: str) -> Consumer:
    """One that commits and never joins."""
    return Consumer(
        {"bootstrap.servers": bootstrap, "group.id": group, "enable.auto.commit": False, "log_level": 0}
    )


def committed(by: Consumer, topic: str, partitions: int, offset: int) -> None:
    """The same offset in every partition."""
    by.commit(offsets=[TopicPartition(topic, n, offset) for n in range(partitions)], asynchronous=False)


def polls(bootstrap: str) -> None:
    """Print how long polls take, with the groups where they were and with all of them moved on."""
    producer = Producer({"bootstrap.servers": bootstrap, "linger.ms": 5})
    for number in range(PARTITIONS * RECORDS):
        producer.produce(WIDE, bytes(200), partition=number % PARTITIONS)
    producer.flush()
    groups = [consumer(bootstrap, f"group-{number}") for number in range(GROUPS)]
    observer = Observer(bootstrap)
    observer.poll()
    click.echo(f"{f'one poll, {GROUPS} groups x {PARTITIONS} partitions':<48}{'median ms':>10}{'max ms':>8}")
    for name, moves in (("groups stand still", 0), ("every group has moved on", 1)):
        took_ms, untimed = [], 0
        for poll in range(POLLS + 1):
            if poll == 0 or moves:
                for number, group in enumerate(groups):
                    committed(group, WIDE, PARTITIONS, 10 * number + poll)
            started_s = time.perf_counter()
            found = observer.poll()
            took_ms.append((time.perf_counter() - started_s) * 1000)
            untimed += sum(one.unread_at_ms is None for one in found.positions)
        took_ms = took_ms[1:]  # the first one met the offsets anew in either case
        click.echo(f"{name:<48}{statistics.median(took_ms):>10.1f}{max(took_ms):>8.1f}")
        if untimed:
            click.echo(f"{untimed} of {(POLLS + 1) * GROUPS * PARTITIONS} times could not be had in time")


@contextmanager
def exporter(bootstrap: str) -> Iterator[tuple[int, int]]:
    """`sharpline lag-exporter --every 1`: its process and its port, once it is ready."""
    (port,) = kraft.free_ports(1)
    command = [
        sys.executable,
        "-m",
        "pipeline.cli",
        "lag-exporter",
        "--kafka",
        bootstrap,
        "--port",
        str(port),
    ]
    with tempfile.TemporaryDirectory() as folder:
        process = children.start(command, log=Path(folder) / "exporter.log")
        try:
            until_s = time.monotonic() + WITHIN_S
            while scraped(port, "sharpline_lag_up") != 1.0:
                if time.monotonic() > until_s:
                    raise RuntimeError("the exporter never had a good poll")
                time.sleep(0.1)
            yield process.pid, port
        finally:
            children.stop(process, 5.0)


def scraped(port: int, name: str, group: str = "") -> float | None:
    """The value of a metric, of this group where it has one."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10.0) as answer:
            text = answer.read().decode()
    except OSError:
        return None
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            if sample.name == name and sample.labels.get("consumergroup", "") == group:
                return sample.value
    return None


def truth(bootstrap: str, port: int) -> None:
    """Print how far the seconds of a stopped consumer are off, and how soon they are 0 again."""
    stamps: dict[int, int] = {}
    producer = Producer({"bootstrap.servers": bootstrap, "linger.ms": 0})

    def sent() -> None:
        producer.produce(
            STOPPED, b"x", on_delivery=lambda _, m: stamps.update({m.offset(): m.timestamp()[1]})
        )
        producer.flush()

    sent()
    group = consumer(bootstrap, STOPPED)
    committed(group, STOPPED, 1, 0)
    name = "kafka_consumergroup_group_lag_seconds"
    errors: list[float] = []
    until_s, looked_s = time.monotonic() + STANDSTILL_S, 0.0
    while time.monotonic() < until_s:
        sent()
        time.sleep(LOAD_EVERY_S)
        if time.monotonic() - looked_s >= LOOK_EVERY_S:
            looked_s, before_s = time.monotonic(), time.time()
            if (seconds := scraped(port, name, STOPPED)) is not None:
                errors.append(seconds - ((before_s + time.time()) / 2 - stamps[0] / 1000))
    committed(group, STOPPED, 1, len(stamps))
    done_s = time.monotonic()
    while scraped(port, name, STOPPED) != 0.0:
        if time.monotonic() - done_s > WITHIN_S:
            raise RuntimeError("the seconds never came back to 0")
        time.sleep(0.02)
    click.echo(
        f"a consumer that stood still for {STANDSTILL_S:.0f} s: {len(errors)} scrapes, seconds off by at "
        f"most {max(map(abs, errors)):.3f}; 0 again {time.monotonic() - done_s:.2f} s after it had caught up"
    )


def cost(process: int, port: int) -> None:
    """Print the exporter's share of one core, scraped as often as by our Prometheus."""
    times = psutil.Process(process).cpu_times
    before, started_s = times(), time.monotonic()
    while time.monotonic() - started_s < COST_S:
        time.sleep(SCRAPE_EVERY_S)
        scraped(port, "sharpline_lag_up")
    after, took_s = times(), time.monotonic() - started_s
    used_s = after.user + after.system - before.user - before.system
    click.echo(
        f"the exporter, a poll a second, {GROUPS + 1} groups, {PARTITIONS + 1} partitions: "
        f"{used_s / took_s:.1%} of a core"
    )


def main() -> None:
    """Measure and print."""
    with own_broker() as broker:
        admin = AdminClient({"bootstrap.servers": broker.bootstrap, "log_level": 0})
        topics = [NewTopic(WIDE, PARTITIONS, 1), NewTopic(STOPPED, 1, 1)]
        for made in admin.create_topics(topics).values():
            made.result(WITHIN_S)
        polls(broker.bootstrap)
        with exporter(broker.bootstrap) as (process, port):
            truth(broker.bootstrap, port)
            cost(process, port)


if __name__ == "__main__":
    main()

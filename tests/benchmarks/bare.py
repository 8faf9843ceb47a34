"""What the guarantees cost: CPU time a snapshot of a markets worker beside a bare loop over the same bytes.

Run it: ``make bench ARGS=bare``. The bare loop is a process of its own, ``python -m tests.benchmarks.bare
BOOTSTRAP SNAPSHOTS PARTITIONS``: it reads by librdkafka, decodes, folds with rows in a dict, encodes and
appends the same answers with the same acknowledgements and compression; it keeps no rows in Kafka and has no
group.
Both read the same log in each round, one after the other, so that what disturbs one disturbs the other.
"""

import statistics
import subprocess
import sys
import time
from typing import Any

import click
import msgspec
from confluent_kafka import Consumer, KafkaException, TopicPartition

from pipeline import codec
from pipeline.settings import Rules
from pipeline.stages.fold import Input, Row, first_row, fold, provenance
from pipeline.stages.markets import MARKETS
from tests.benchmarks.board import Load
from tests.benchmarks.load import producer
from tests.benchmarks.system import PATIENCE_S, SNAPSHOTS, System, cpu_seconds, system
from tests.conftest import ROOT

ROUNDS, PRELOADED = 4, 5_000
AT_ONCE = 256


class Cost(msgspec.Struct):
    """What all snapshots of a round took together."""

    cpu_s: float
    answers: int


def loop(bootstrap: str, snapshots: int, partitions: int) -> Cost:
    """Read, fold and answer so many snapshots, and nothing else."""
    rules = Rules()
    made_with = provenance(MARKETS, rules)
    rows: dict[str, Row[Any]] = {}
    consumer = Consumer(
        {"bootstrap.servers": bootstrap, "group.id": "sharpline.bare", "enable.auto.commit": False}
    )
    client = producer(bootstrap, 5)
    consumer.assign([TopicPartition(SNAPSHOTS, partition, 0) for partition in range(partitions)])
    begun_s, left, answered = time.process_time(), snapshots, 0
    while left:
        messages: list[Any] = consumer.consume(AT_ONCE, 0.005)
        for message in messages:
            if error := message.error():
                raise KafkaException(error)
            record = codec.decode(SNAPSHOTS, message.key(), message.value())
            source = Input(SNAPSHOTS, message.partition(), message.offset(), record)
            row = rows.get(record.event_id) or first_row(MARKETS, record.event_id, made_with)
            anew = record.event_id not in rows
            rows[record.event_id], answers = fold(MARKETS, rules, row, source, anew=anew)
            place = source.place.encode()
            headers: list[Any] = [("cause", place), ("origin", place)]
            for topic, _, body in answers:
                assert body is not None, "no event ends here, so there is nothing to take back"
                key, value = codec.encode(topic, body)
                client.produce(topic, value, key, source.partition, headers=headers)
            answered += len(answers)
        client.poll(0)
        left -= len(messages)
    client.flush()
    cost = Cost(time.process_time() - begun_s, answered)
    consumer.close()
    return cost


def of_the_loop(running: System, load: Load) -> Cost:
    """Have the bare loop read the log."""
    arguments = [running.bootstrap, str(load.snapshots), str(running.partitions)]
    command = [sys.executable, "-m", "tests.benchmarks.bare", *arguments]
    found = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, check=True, timeout=PATIENCE_S)
    return msgspec.json.decode(found.stdout, type=Cost)


def of_a_worker(running: System, load: Load, module: str = "processors") -> Cost:
    """Have a markets worker read the log."""
    before = running.answered()
    running.start(module=module)
    ready = running.sample()
    running.samples_until(lambda sample: sample.read >= load.snapshots, 0.2)
    running.await_read()
    cpu_s = cpu_seconds(running.markets[0]) - ready.cpu_s
    return Cost(cpu_s * load.snapshots / (load.snapshots - ready.read), running.answered() - before)


def main() -> None:
    """Measure and print."""
    load = Load(rates=((200.0, PRELOADED / 200.0),))
    ways = {"worker": of_a_worker, "bare loop": of_the_loop}
    ratios = []
    click.echo(f"{'ms of CPU a snapshot':<24}{'worker':>8}{'loop':>8}{'ratio':>8}{'answers of each':>18}")
    for number in range(ROUNDS):
        order = list(ways) if number % 2 else list(reversed(ways))
        with system() as running:
            running.append(load, whole=True)
            found = {way: ways[way](running, load) for way in order}
        worker, bare = (found[way] for way in ways)
        ratios.append(worker.cpu_s / bare.cpu_s)
        times = "".join(f"{1000.0 * cost.cpu_s / load.snapshots:>8.3f}" for cost in (worker, bare))
        counts = f"{worker.answers:,} {bare.answers:,}"
        click.echo(f"{f'round {number + 1}, {order[0]} first':<24}{times}{ratios[-1]:>8.2f}{counts:>18}")
    click.echo(f"the worker costs {statistics.median(ratios):.2f} times the bare loop (median)")


if __name__ == "__main__":
    bootstrap, snapshots, partitions = sys.argv[1:]
    cost = loop(bootstrap, int(snapshots), int(partitions))
    click.echo(msgspec.json.encode(cost).decode())

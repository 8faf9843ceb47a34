"""Topics, records and groups of a real broker, and what Kafka's own tool says of them."""

import itertools
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from pipeline.lag.observer import Observer
from pipeline.lag.poll import Poll, Position
from pipeline.local import jars, kraft

WITHIN_S = 60.0
COMMAND = "org.apache.kafka.tools.consumer.group.ConsumerGroupCommand"
_numbers = itertools.count()
T = TypeVar("T")


def name(what: str) -> str:
    """A name that no other test of this broker has."""
    return f"lag.{what}-{os.getpid()}-{next(_numbers)}"


def admin(bootstrap: str) -> AdminClient:
    return AdminClient({"bootstrap.servers": bootstrap, "log_level": 0})


def topic(bootstrap: str, partitions: int = 2) -> str:
    made = name("topic")
    client = admin(bootstrap)  # held by name: once it is collected, its answers never come
    client.create_topics([NewTopic(made, partitions, 1)])[made].result(WITHIN_S)
    return made


def produce(bootstrap: str, where: str, partition: int, stamps_ms: list[int]) -> None:
    """Records with these timestamps."""
    producer = Producer({"bootstrap.servers": bootstrap, "log_level": 0})
    for stamp_ms in stamps_ms:
        producer.produce(where, b"record", partition=partition, timestamp=stamp_ms)
    assert producer.flush(WITHIN_S) == 0


def commit(bootstrap: str, group: str, where: str, offsets: Mapping[int, int]) -> None:
    """Offsets of a group without members."""
    consumer = _consumer(bootstrap, group)
    consumer.commit(
        offsets=[TopicPartition(where, partition, offset) for partition, offset in offsets.items()],
        asynchronous=False,
    )
    consumer.close()


@contextmanager
def member(bootstrap: str, group: str, where: str, protocol: str = "classic") -> Iterator[Consumer]:
    """The one member of a group, once it holds its partitions; it reads nothing."""
    consumer = _consumer(bootstrap, group, **{"group.protocol": protocol})
    consumer.subscribe([where])
    try:
        until_s = time.monotonic() + WITHIN_S
        while not consumer.assignment():
            assert time.monotonic() < until_s, "it was given no partition"
            consumer.poll(0.05)
        consumer.pause(consumer.assignment())
        yield consumer
    finally:
        consumer.close()


def _consumer(bootstrap: str, group: str, **more: str) -> Consumer:
    config = {"bootstrap.servers": bootstrap, "group.id": group, "enable.auto.commit": False, "log_level": 0}
    return Consumer({**config, **more})


def awaited(ask: Callable[[], T], holds: Callable[[T], bool]) -> T:
    """The first answer of which it holds."""
    until_s = time.monotonic() + WITHIN_S
    while not holds(answer := ask()):
        assert time.monotonic() < until_s, f"still {answer}"
        time.sleep(0.1)
    return answer


def polled(observer: Observer, group: str, count: int) -> list[Position]:
    """A group's positions, once a poll has as many, and the times of those with lag that retention left."""

    def complete(poll: Poll) -> bool:
        found = of(poll, group)
        unread = [one for one in found if one.lag and one.oldest < one.end]
        return len(found) == count and all(one.unread_at_ms is not None for one in unread)

    return of(awaited(observer.poll, complete), group)


def of(poll: Poll, group: str) -> list[Position]:
    return [position for position in poll.positions if position.group == group]


def told(bootstrap: str, groups: list[str]) -> dict[tuple[str, str, int], tuple[str, str, str]]:
    """Committed offset, end and lag of each position, as ConsumerGroupCommand prints them."""
    kafka = jars.installed(lambda _: None)
    class_path = os.pathsep.join(str(jar) for jar in [*sorted(kafka.libs.glob("*.jar")), _tools()])
    asked = [argument for group in groups for argument in ("--group", group)]
    logging = f"-Dlog4j2.configurationFile={kraft.POM.with_name('log4j2.properties')}"
    answer = subprocess.run(
        [kafka.java.path, *jars.QUICK, logging, "-cp", class_path, COMMAND]
        + ["--bootstrap-server", bootstrap, "--describe", *asked],
        capture_output=True,
        text=True,
        timeout=WITHIN_S,
        check=True,
    )
    rows = [line.split()[:6] for line in answer.stdout.splitlines() if line and not line.startswith("GROUP ")]
    return {
        (group, where, int(partition)): (committed, end, lag)
        for group, where, partition, committed, end, lag in rows
    }


def _tools() -> Path:
    """The one jar that the broker's do not have; fetched once, beside them."""
    jar = f"kafka-tools-{kraft.version()}.jar"
    kept = jars.cache_folder() / jar
    if not kept.is_file():
        maven = shutil.which("mvn")
        assert maven is not None, f"Maven is needed to fetch {jar}"
        with tempfile.TemporaryDirectory(dir=kept.parent) as folder:
            subprocess.run(
                [maven, "-B", "-q", "-f", str(kraft.POM), "dependency:copy"]
                + [f"-Dartifact=org.apache.kafka:kafka-tools:{kraft.version()}"]
                + [f"-DoutputDirectory={folder}"],
                check=True,
                timeout=WITHIN_S,
            )
            (Path(folder) / jar).replace(kept)
    return kept

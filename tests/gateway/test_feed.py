"""A gateway process over a real broker: what is appended arrives on sockets, whatever ends in between."""

import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from confluent_kafka import Consumer, Producer, TopicPartition
from websockets.sync.client import ClientConnection, connect

from pipeline.cluster import create_topics
from pipeline.codec import encode
from pipeline.local import kraft
from pipeline.local.broker import Broker, own_broker
from pipeline.settings import Settings
from pipeline.topics import ANSWERS, TICKS
from tests.conftest import ROOT
from tests.gateway.running import heard, subscribed
from tests.make_records import AT_MS, EVENT, example

pytestmark = pytest.mark.kafka
VALUE = "bets.value"
WITHIN_S = 60


@pytest.fixture(scope="module")
def cluster() -> Iterator[Broker]:
    """A broker of this module's own, with all topics."""
    with own_broker(short_lived=True) as broker:
        create_topics(broker.bootstrap, Settings(), [])
        yield broker


class Appender:
    """Appends records as a fold does; ``flush`` is done when this returns."""

    def __init__(self, kafka: str) -> None:
        self.producer = Producer(
            {"bootstrap.servers": kafka, "partitioner": "murmur2_random", "linger.ms": 0}
        )

    def __call__(self, topic: str, record: Any = None, partition: int = -1) -> None:
        self.raw(topic, *encode(topic, record or example(topic)), partition)

    def raw(self, topic: str, key: bytes, value: bytes | None, partition: int = -1) -> None:
        refused: list[Any] = []
        self.producer.produce(
            topic,
            key=key,
            value=value,
            partition=partition,
            on_delivery=lambda error, _: refused.append(error) if error else None,
        )
        assert self.producer.flush(WITHIN_S) == 0
        assert refused == []


class Process:
    """A gateway as the command starts it."""

    def __init__(self, kafka: str, port: int, instance: str) -> None:
        command = [
            sys.executable,
            "-m",
            "gateway",
            "--kafka",
            kafka,
            "--port",
            str(port),
            "--instance",
            instance,
        ]
        self.process = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True)
        self.port, self.ws = port, f"ws://127.0.0.1:{port}/v1/stream"

    def get(self, path: str) -> tuple[int, Any]:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=WITHIN_S) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as error:
            return error.code, json.load(error)

    def wait_until_ready(self) -> None:
        give_up_at = time.monotonic() + WITHIN_S
        while time.monotonic() < give_up_at:
            assert self.process.poll() is None, self.process.stderr and self.process.stderr.read()
            try:
                if self.get("/readyz")[0] == 200:
                    return
            except OSError:
                pass  # not listening yet
            time.sleep(0.02)
        raise AssertionError(f"not ready: {self.get('/healthz')}")


@contextmanager
def gateway(kafka: str, port: int, instance: str) -> Iterator[Process]:
    """A ready gateway that is killed at the end where it has not ended."""
    running = Process(kafka, port, instance)
    try:
        running.wait_until_ready()
        yield running
    finally:
        running.process.kill()
        running.process.communicate()


def heard_status(socket: ClientConnection, wanted: str) -> None:
    """Wait for the word that the gateway is so, whatever comes before it."""
    while True:
        said = json.loads(socket.recv(timeout=WITHIN_S))
        if said["type"] == "status" and said["status"] == wanted:
            return


def heard_update(socket: ClientConnection) -> dict[str, Any]:
    """The next update, whatever is said about the gateway itself before it."""
    while (said := json.loads(socket.recv(timeout=WITHIN_S)))["type"] in ("status", "heartbeat"):
        pass
    assert said["type"] == "update", said
    return said


def committed(kafka: str, instance: str) -> dict[str, int]:
    """How many records of each topic the group has read."""
    consumer = Consumer({"bootstrap.servers": kafka, "group.id": f"sharpline.gateway.{instance}"})
    places = [TopicPartition(topic, partition) for topic in ANSWERS for partition in range(4)]
    found = dict.fromkeys(ANSWERS, 0)
    for place in consumer.committed(places, timeout=WITHIN_S):
        found[place.topic] += max(place.offset, 0)
    consumer.close()
    return found


def test_what_is_appended_arrives_on_the_socket_and_again_after_a_restart(cluster: Broker) -> None:
    kafka, append = cluster.bootstrap, Appender(cluster.bootstrap)
    for topic in ANSWERS:
        append(topic)
    append(TICKS, partition=2)
    (port,) = kraft.free_ports(1)
    with gateway(kafka, port, "restarted") as first:
        assert first.get(f"/v1/events/{EVENT}")[1]["now_ms"] == AT_MS
        with connect(first.ws) as socket:
            heard(socket, "status")
            assert len(subscribed(socket, *({"topic": topic} for topic in ANSWERS))) == len(ANSWERS)
            append(VALUE, example(VALUE, revision=8))
            assert heard_update(socket)["record"]["revision"] == 8
            append.raw(VALUE, EVENT.encode(), b"\x01rubbish")
            append.raw(VALUE, b"\xff", None)
            append.raw(TICKS, b"clock", b"\x00")
            append(VALUE, example(VALUE, revision=9))
            assert heard_update(socket)["record"]["revision"] == 9
        first.process.send_signal(signal.SIGTERM)
        _, said = first.process.communicate(timeout=WITHIN_S)
        assert first.process.returncode == 0, said
        assert "Traceback" not in said

    assert committed(kafka, "restarted")[VALUE] == 5
    with gateway(kafka, port, "restarted") as second, connect(second.ws) as socket:
        heard(socket, "status")
        (snapshot,) = subscribed(socket, {"topic": VALUE, "league": "nfl"})
        assert snapshot["record"]["revision"] == 9
        status, said = second.get("/v1/events")
        assert (status, [row["event"] for row in said["events"]]) == (200, [EVENT])
        append.raw(VALUE, EVENT.encode(), None)
        assert heard_update(socket)["record"] is None


def test_without_its_broker_it_says_so_and_goes_on_when_it_is_back() -> None:
    (port,) = kraft.free_ports(1)
    with own_broker(short_lived=True) as broker:
        create_topics(broker.bootstrap, Settings(), [])
        append = Appender(broker.bootstrap)
        append(VALUE)
        with gateway(broker.bootstrap, port, "deserted") as running, connect(running.ws) as socket:
            heard(socket, "status")
            subscribed(socket, {"topic": VALUE})
            assert broker.pid is not None
            os.kill(broker.pid, signal.SIGKILL)
            heard_status(socket, "broker_away")
            assert running.get("/healthz")[0] == 503
            assert running.get(f"/v1/events/{EVENT}")[1]["value"]["revision"] == 7
            while broker.is_running():
                time.sleep(0.02)
            broker.restart()
            append(VALUE, example(VALUE, revision=8))
            assert heard_update(socket)["record"]["revision"] == 8
            assert running.get("/v1/events")[0] == 200
            assert broker.pid is not None
            os.kill(broker.pid, signal.SIGKILL)
            running.process.send_signal(signal.SIGTERM)
            assert running.process.wait(WITHIN_S / 2) == 0


def test_it_waits_for_topics_that_are_not_there_yet(fresh_kafka: str) -> None:
    (port,) = kraft.free_ports(1)
    waiting = Process(fresh_kafka, port, "early")
    try:
        assert waiting.process.stderr is not None
        for line in waiting.process.stderr:
            if "waiting for topics" in line:
                break
        assert waiting.get("/readyz")[0] == 503
        assert waiting.get("/healthz")[1]["status"] == "starting"
        create_topics(fresh_kafka, Settings(), [])
        waiting.wait_until_ready()
    finally:
        waiting.process.kill()
        waiting.process.communicate()

"""A gateway process over a real broker: what is appended arrives on sockets, whatever ends in between."""

import asyncio
import json
import os
import re
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

from gateway.feed import Feed
from gateway.hub import Hub
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
Headers = list[tuple[str, bytes | None]]


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

    def __call__(
        self, topic: str, record: Any = None, partition: int = -1, headers: Headers | None = None
    ) -> None:
        self.raw(topic, *encode(topic, record or example(topic)), partition, headers)

    def later(self, topic: str, record: Any) -> None:
        """Append without waiting for it; the caller flushes."""
        key, value = encode(topic, record)
        self.producer.produce(topic, key=key, value=value)
        self.producer.poll(0)

    def raw(
        self,
        topic: str,
        key: bytes,
        value: bytes | None,
        partition: int = -1,
        headers: Headers | None = None,
    ) -> None:
        refused: list[Any] = []
        self.producer.produce(
            topic,
            key=key,
            value=value,
            partition=partition,
            headers=headers,
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

    def metric(self, name: str) -> float:
        """A metric without labels."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/metrics", timeout=WITHIN_S) as answer:
            (value,) = re.findall(rf"^{name} (.*)$", answer.read().decode(), re.MULTILINE)
        return float(value)

    def wait_until_ready(self, status: int = 200) -> None:
        give_up_at = time.monotonic() + WITHIN_S
        while time.monotonic() < give_up_at:
            assert self.process.poll() is None, self.process.stderr and self.process.stderr.read()
            try:
                if self.get("/readyz")[0] == status:
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


def committed(kafka: str, instance: str) -> dict[tuple[str, int], int]:
    """What the group has committed; -1001 where that is nothing."""
    consumer = Consumer({"bootstrap.servers": kafka, "group.id": f"sharpline.gateway.{instance}"})
    places = [TopicPartition(topic, partition) for topic in (*ANSWERS, TICKS) for partition in range(4)]
    found = {(p.topic, p.partition): p.offset for p in consumer.committed(places, timeout=WITHIN_S)}
    consumer.close()
    return found


def ends(kafka: str) -> dict[tuple[str, int], int]:
    """Where every partition ends that the gateway reads."""
    consumer = Consumer({"bootstrap.servers": kafka, "group.id": "none"})
    found = {
        (topic, partition): consumer.get_watermark_offsets(
            TopicPartition(topic, partition), timeout=WITHIN_S
        )[1]
        for topic in (*ANSWERS, TICKS)
        for partition in range(4)
    }
    consumer.close()
    return found


def await_no_lag(kafka: str, instance: str) -> None:
    """Wait until the group has committed the end of every partition, empty ones with them."""
    give_up_at = time.monotonic() + WITHIN_S
    while (found := committed(kafka, instance)) != (wanted := ends(kafka)):
        assert time.monotonic() < give_up_at, {
            p: (found[p], wanted[p]) for p in wanted if found[p] != wanted[p]
        }
        time.sleep(0.1)


def test_what_is_appended_arrives_on_the_socket_and_again_after_a_restart(cluster: Broker) -> None:
    kafka, append = cluster.bootstrap, Appender(cluster.bootstrap)
    for topic in ANSWERS:
        append(topic)
    append(TICKS, partition=2)
    (port,) = kraft.free_ports(1)
    with gateway(kafka, port, "restarted") as first:
        assert first.get("/healthz")[1]["now_ms"] == AT_MS
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

    read = {place: offset for place, offset in committed(kafka, "restarted").items() if place[0] == VALUE}
    assert sum(read.values()) == 5
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


def test_its_group_has_no_lag_once_it_has_caught_up() -> None:
    (port,) = kraft.free_ports(1)
    with own_broker(short_lived=True) as broker:
        create_topics(broker.bootstrap, Settings(), [])
        append = Appender(broker.bootstrap)
        for revision in range(8):
            append(VALUE, example(VALUE, revision=revision))
            append(TICKS, partition=1)
        with gateway(broker.bootstrap, port, "prompt"):
            await_no_lag(broker.bootstrap, "prompt")
            append("games.states")
            append(TICKS, partition=2)
            await_no_lag(broker.bootstrap, "prompt")


def test_origin_comes_from_the_header_and_is_empty_where_that_says_nothing(cluster: Broker) -> None:
    append, topic = Appender(cluster.bootstrap), "odds.moves"
    (port,) = kraft.free_ports(1)
    given: list[tuple[Headers | None, str]] = [
        ([("cause", b"games.states/1/5"), ("origin", b"games.events/1/99")], "games.events/1/99"),
        ([("cause", b"games.states/1/5")], ""),
        ([("origin", b"\xff\xfe")], ""),
        ([("origin", None)], ""),
        (None, ""),
    ]
    with gateway(cluster.bootstrap, port, "traced") as running, connect(running.ws) as socket:
        heard(socket, "status")
        subscribed(socket, {"topic": topic})
        for headers, origin in given:
            append(topic, headers=headers)
            assert heard_update(socket)["origin"] == origin
        append.raw(topic, EVENT.encode(), None, headers=given[0][0])
        tombstone = heard_update(socket)
        assert (tombstone["record"], tombstone["origin"]) == (None, given[0][1])


def test_while_its_broker_is_silent_it_is_alive_and_not_ready() -> None:
    (port,) = kraft.free_ports(1)
    with own_broker(short_lived=True) as broker:
        create_topics(broker.bootstrap, Settings(), [])
        assert broker.pid is not None
        with gateway(broker.bootstrap, port, "patient") as running:
            assert running.metric("sharpline_gateway_broker_up") == 1.0
            os.kill(broker.pid, signal.SIGSTOP)
            try:
                running.wait_until_ready(503)
                assert running.get("/livez")[0] == 200
                assert running.metric("sharpline_gateway_broker_up") == 0.0
            finally:
                os.kill(broker.pid, signal.SIGCONT)
            running.wait_until_ready()
            assert running.metric("sharpline_gateway_broker_up") == 1.0


def test_a_feed_turns_without_a_broker_and_is_dead_once_it_has_ended() -> None:
    (port,) = kraft.free_ports(1)
    hub = Hub()

    async def turned_twice() -> None:
        task = asyncio.create_task(Feed(f"127.0.0.1:{port}", "alone", hub, 1_000).run())
        async with asyncio.timeout(WITHIN_S):
            while hub.turned_at_s is None:
                await asyncio.sleep(0.01)
            began_at_s = hub.turned_at_s
            while hub.turned_at_s == began_at_s:
                await asyncio.sleep(0.01)
        assert hub.is_reading(time.monotonic())
        task.cancel()
        await asyncio.wait({task})

    asyncio.run(turned_twice())

    assert hub.broker_away
    assert not hub.is_reading(time.monotonic())


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

"""What is no longer held comes from Kafka: missed answers, and any time of the log as it was then."""

import json
import signal
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from pipeline.cluster import create_topics
from pipeline.local import kraft
from pipeline.local.broker import Broker, own_broker
from pipeline.settings import Settings
from pipeline.topics import TICKS
from tests.gateway.running import ask
from tests.gateway.test_feed import VALUE, WITHIN_S, Appender, Process, gateway
from tests.make_records import AT_MS, EVENT, example

pytestmark = pytest.mark.kafka
STATES = "games.states"
CHANNELS = [{"topic": VALUE}, {"topic": STATES}]
EVENTS = (EVENT, "nfl:2025-09-14:sf-sea", "epl:2025-09-14:ars-liv")
#: More than a gateway that has just started holds of a partition, so that the rest comes from Kafka.
MANY = 6_600
HOUR_MS = 3_600_000


@pytest.fixture(scope="module")
def cluster() -> Iterator[Broker]:
    """A broker of this module's own, with all topics."""
    with own_broker(short_lived=True) as broker:
        create_topics(broker.bootstrap, Settings(), [])
        yield broker


def say(append: Appender, count: int, start: int = 1) -> None:
    """Append answers of two topics and three events, each revision a second of the log after the last."""
    for revision in range(start, start + count):
        for topic in (VALUE, STATES):
            record = example(
                topic, event_id=EVENTS[revision % 3], revision=revision, received_at_ms=at_ms(revision)
            )
            append.later(topic, record)
    assert append.producer.flush(WITHIN_S) == 0


def at_ms(revision: int) -> int:
    return AT_MS + revision * 1_000


def tick(append: Appender, revision: int) -> None:
    for partition in range(4):
        append(TICKS, example(TICKS, received_at_ms=at_ms(revision)), partition=partition)


def until(socket: ClientConnection, kind: str) -> list[dict[str, Any]]:
    """Everything up to the first message of a kind, heartbeats and word of the gateway aside."""
    found = []
    while True:
        said = json.loads(socket.recv(timeout=WITHIN_S))
        if said["type"] == "heartbeat" or (said["type"] == "status" and "id" not in said):
            continue
        assert kind == "error" or said["type"] != "error", said
        found.append(said)
        if said["type"] == kind:
            return found


def revisions(said: list[dict[str, Any]], topic: str, event: str) -> list[int]:
    return [
        m["record"]["revision"]
        for m in said
        if m["type"] == "update" and (m["channel"], m["event"]) == (topic, event)
    ]


def test_what_was_missed_comes_whole_after_a_kill_and_from_another_gateway(cluster: Broker) -> None:
    append = Appender(cluster.bootstrap)
    tick(append, 0)
    say(append, 3)
    first_port, second_port = kraft.free_ports(2)
    with gateway(cluster.bootstrap, first_port, "first") as first:
        with connect(first.ws, max_size=None) as socket:
            ask(socket, op="subscribe", id=1, channels=CHANNELS)
            cursor = until(socket, "subscribed")[-1]["cursor"]
            say(append, 1, start=4)
            cursor = until(socket, "update")[-1]["cursor"]
        first.process.kill()
    say(append, MANY, start=5)
    with gateway(cluster.bootstrap, second_port, "second") as second:
        with connect(second.ws, max_size=None) as socket:
            ask(socket, op="subscribe", id=1, channels=CHANNELS, resume=cursor)
            missed = until(socket, "subscribed")
            say(append, 3, start=5 + MANY)
            later = [until(socket, "update")[-1] for _ in range(6)]

    assert missed[-1]["recovered"] is True
    assert {m["id"] for m in missed} == {1}
    assert all("id" not in m for m in later)
    for event in EVENTS:
        for topic in (VALUE, STATES):
            wanted = [r for r in range(5, 8 + MANY) if EVENTS[r % 3] == event]
            heard = revisions(missed + later, topic, event)
            # The second record of revision 4 may or may not have been told before the kill.
            assert [r for r in heard if r != 4] == wanted, (topic, event)
            assert heard.count(4) <= 1


def test_the_same_messages_come_as_did_then(cluster: Broker) -> None:
    append = Appender(cluster.bootstrap)
    begin = 10_000
    (port,) = kraft.free_ports(1)
    with gateway(cluster.bootstrap, port, "machine") as running, connect(running.ws) as live:
        tick(append, begin)
        say(append, 3, start=begin)
        ask(live, op="subscribe", id=1, channels=CHANNELS)
        until(live, "subscribed")
        tick(append, begin + 100)
        say(append, 9, start=begin + 101)
        then: list[dict[str, Any]] = []
        while len(then) < 18:
            said = until(live, "update")[-1]
            if said["record"]["revision"] > begin + 100:  # the snapshot may have come before the last of it
                then.append(said)
        with connect(running.ws, max_size=None) as past:
            request = {"op": "subscribe", "id": "then", "channels": CHANNELS, "from": at_ms(begin + 100)}
            ask(past, **request)
            replayed = until(past, "ended")
            ask(past, **request, live=True, speed=100_000)
            until(past, "subscribed")
            say(append, 1, start=begin + 200)
            joined = until(past, "update")[-1]

        kinds = [m["type"] for m in replayed]
        assert kinds == ["snapshot"] * 6 + ["playback"] + ["update"] * 18 + ["ended"]
        stood = {(m["channel"], m["event"]): m["record"]["revision"] for m in replayed[:6]}
        assert stood == {(t, EVENTS[r % 3]): r for t in (VALUE, STATES) for r in range(begin, begin + 3)}
        same = ("channel", "event", "key", "partition", "offset", "record", "redo", "origin")
        again = [m for m in replayed if m["type"] == "update"]
        by_lane = lambda found: sorted(  # noqa: E731
            ([m[name] for name in same] for m in found), key=lambda row: (row[0], row[3], row[4])
        )
        assert by_lane(again) == by_lane(then)
        assert joined["record"]["revision"] == begin + 200
        assert "id" not in joined


def test_the_past_goes_step_by_step_and_changes_its_pace(cluster: Broker) -> None:
    append = Appender(cluster.bootstrap)
    begin = 20_000
    tick(append, begin)
    say(append, 6, start=begin)
    (port,) = kraft.free_ports(1)
    with gateway(cluster.bootstrap, port, "steps") as running, connect(running.ws) as socket:
        channels = [{"topic": VALUE, "event": EVENT}]
        ask(socket, op="subscribe", id=1, channels=channels, speed="step", **{"from": at_ms(begin)})
        until(socket, "playback")
        ask(socket, op="ping")
        until(socket, "pong")
        ask(socket, op="step", id=1)
        (stepped,) = until(socket, "update")
        ask(socket, op="pace", id=1, speed=None)
        rest = until(socket, "ended")
        ask(socket, op="step", id=1)
        (refused,) = until(socket, "error")

        wanted = [r for r in range(begin, begin + 6) if EVENTS[r % 3] == EVENT]
        assert [stepped["record"]["revision"]] == wanted[:1]
        assert revisions(rest, VALUE, EVENT) == wanted[1:]
        assert refused["code"] == "unknown_id"


def test_a_time_that_has_not_come_is_refused(cluster: Broker) -> None:
    append = Appender(cluster.bootstrap)
    tick(append, 30_000)
    (port,) = kraft.free_ports(1)
    with gateway(cluster.bootstrap, port, "ahead") as running, connect(running.ws) as socket:
        ask(socket, op="subscribe", id=1, channels=CHANNELS, **{"from": at_ms(30_000) + HOUR_MS})
        (refused,) = until(socket, "error")
        assert (refused["code"], refused["id"]) == ("invalid_time", 1)


def sent_away(socket: ClientConnection) -> tuple[int, int]:
    """The close code of a socket that a gateway ends, and after how many ms it says to come back."""
    retry_after_ms = -1
    try:
        while True:
            said = json.loads(socket.recv(timeout=WITHIN_S))
            retry_after_ms = said.get("retry_after_ms", retry_after_ms)
    except ConnectionClosed as closed:
        return closed.rcvd.code if closed.rcvd else 0, retry_after_ms


def test_a_gateway_that_goes_down_sends_its_clients_elsewhere(cluster: Broker) -> None:
    (port,) = kraft.free_ports(1)
    with gateway(cluster.bootstrap, port, "draining") as running, ExitStack() as stack:
        sockets = [stack.enter_context(connect(running.ws)) for _ in range(5)]
        for socket in sockets:
            ask(socket, op="subscribe", id=1, channels=[{"topic": VALUE, "event": EVENTS[2]}])
            until(socket, "subscribed")
        running.process.send_signal(signal.SIGTERM)
        retries, codes = [], []
        for socket in sockets:
            code, retry_after_ms = sent_away(socket)
            codes.append(code)
            retries.append(retry_after_ms)

        assert codes == [1013] * 5
        assert min(retries) >= 0
        assert len(set(retries)) > 1
        assert running.process.wait(WITHIN_S) == 0


def test_who_stays_until_all_is_read_hears_only_then_what_stands(cluster: Broker) -> None:
    """A client that comes during the start gets no half of a snapshot."""
    append = Appender(cluster.bootstrap)
    say(append, 1, start=40_000)
    (port,) = kraft.free_ports(1)
    starting = Process(cluster.bootstrap, port, "early")
    try:
        while True:
            try:
                socket = connect(starting.ws)
                break
            except OSError:
                assert starting.process.poll() is None
        with socket:
            ask(socket, op="subscribe", id=1, channels=CHANNELS)
            said = until(socket, "subscribed")
        assert max(m["record"]["revision"] for m in said if m["type"] == "snapshot") == 40_000
    finally:
        starting.process.kill()
        starting.process.communicate()

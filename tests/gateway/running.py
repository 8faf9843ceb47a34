"""A gateway without Kafka on a real port, messages to publish to it, and what clients say to it."""

import asyncio
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import uvicorn
from websockets.sync.client import ClientConnection

from gateway.__main__ import listening, server_of
from gateway.answers import Message, wall_ms
from gateway.app import create_app
from gateway.guard import door_of
from gateway.history import History
from gateway.hub import Hub
from pipeline.codec import encode
from pipeline.settings import Settings
from pipeline.topics import partition_of
from tests.make_records import AT_MS, example

GONE = object()


def message(topic: str, offset: int = 0, record: Any = None, key: str = "") -> Message:
    """A message of a topic as the feed hands it over; of its example where no record is given."""
    if record is GONE:
        return Message(topic, key, partition_of(key, 4), offset, wall_ms(), None)
    encoded, value = encode(topic, example(topic) if record is None else record)
    return Message(topic, encoded.decode(), partition_of(encoded.decode(), 4), offset, wall_ms(), value)


class Running:
    """A hub on the loop of a server's thread. ``do`` runs something there and gives its result."""

    def __init__(self, hub: Hub, server: uvicorn.Server, port: int) -> None:
        self.hub, self.server, self.port = hub, server, port
        self.http, self.ws = f"http://127.0.0.1:{port}", f"ws://127.0.0.1:{port}/v1/stream"
        self.loop: asyncio.AbstractEventLoop

    def do(self, work: Callable[[], Any]) -> Any:
        async def call() -> Any:
            return work()

        return asyncio.run_coroutine_threadsafe(call(), self.loop).result(30)

    def publish(self, *messages: Message) -> None:
        def take() -> None:
            for message in messages:
                self.hub.publish(message)
            self.hub.flush()

        self.do(take)


@pytest.fixture
def gateway() -> Iterator[Running]:
    """A ready gateway that tests publish to themselves."""
    with serving(Settings()) as running:
        yield running


@contextmanager
def serving(settings: Settings, host: str = "127.0.0.1", history: History | None = None) -> Iterator[Running]:
    """A ready gateway of these settings, with the door that it has where it listens on ``host``."""
    hub = Hub()
    hub.ready.set()
    hub.tick(AT_MS, wall_ms() + 3_600_000)  # fresh for as long as any test lasts
    started = threading.Event()
    with listening("127.0.0.1", 0) as server_socket:
        running: Running

        async def feed() -> None:
            running.loop = asyncio.get_running_loop()
            started.set()
            await asyncio.Event().wait()

        server = server_of(create_app(hub, feed, door_of(settings, host), history=history), settings)
        running = Running(hub, server, server_socket.getsockname()[1])
        thread = threading.Thread(target=server.run, args=([server_socket],))
        thread.start()
        assert started.wait(30)
        yield running
        server.should_exit = True
        thread.join(30)
        assert not thread.is_alive()


def heard(socket: ClientConnection, kind: str) -> dict[str, Any]:
    """The next message, heartbeats aside, which must be of this kind."""
    while (said := json.loads(socket.recv(timeout=30)))["type"] == "heartbeat":
        pass
    assert said["type"] == kind, said
    return said


def ask(socket: ClientConnection, **request: Any) -> None:
    socket.send(json.dumps(request))


def subscribed(socket: ClientConnection, *channels: dict[str, str], id: Any = 1) -> list[dict[str, Any]]:
    """Subscribe and return the snapshot."""
    ask(socket, op="subscribe", id=id, channels=channels)
    found = []
    while (said := json.loads(socket.recv(timeout=30)))["type"] != "subscribed":
        assert said["type"] == "snapshot", said
        found.append(said)
    assert said["id"] == id
    return found

"""A server that does not show its transport is told through ASGI."""

import pytest
from starlette.testclient import TestClient

from gateway.answers import wall_ms
from gateway.app import create_app
from gateway.hub import Hub
from tests.gateway.running import message
from tests.make_records import AT_MS


@pytest.fixture
def hub() -> Hub:
    hub = Hub()
    hub.ready.set()
    hub.tick(AT_MS, wall_ms() + 3_600_000)
    hub.publish(message("bets.value", 0))
    return hub


def test_frames_become_asgi_messages_one_by_one(hub: Hub) -> None:
    with (
        TestClient(create_app(hub)) as client,
        client.websocket_connect("/v1/stream", subprotocols=["sharpline.v1"]) as socket,
    ):
        assert socket.accepted_subprotocol == "sharpline.v1"
        socket.send_json({"op": "subscribe", "id": 1, "channels": [{"topic": "bets.value"}]})
        said = []
        while not said or said[-1]["type"] != "subscribed":
            said.append(socket.receive_json())
        socket.send_json({"op": "ping", "id": 2})
        said.append(socket.receive_json())

        kinds = [one["type"] for one in said if one["type"] not in ("heartbeat", "status")]
        assert kinds == ["snapshot", "subscribed", "pong"]

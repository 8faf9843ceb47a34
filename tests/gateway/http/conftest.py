from collections.abc import Iterator

import pytest
from starlette.testclient import TestClient

from gateway.answers import wall_ms
from gateway.app import create_app
from gateway.hub import Hub
from tests.make_records import AT_MS


@pytest.fixture
def hub() -> Hub:
    hub = Hub()
    hub.ready.set()
    hub.tick(AT_MS, wall_ms())
    return hub


@pytest.fixture
def client(hub: Hub) -> Iterator[TestClient]:
    with TestClient(create_app(hub), raise_server_exceptions=False) as client:
        yield client

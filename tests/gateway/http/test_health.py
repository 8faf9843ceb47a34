import time

import pytest
from starlette.testclient import TestClient

from gateway.app import create_app
from gateway.hub import HANGS_AFTER_S, Hub
from tests.gateway.running import message
from tests.make_records import EVENT


def test_it_is_ready_once_everything_was_read(hub: Hub, client: TestClient) -> None:
    hub.ready.clear()
    assert client.get("/livez").status_code == 200
    assert client.get("/readyz").status_code == 503
    assert client.get("/healthz").status_code == 503
    hub.ready.set()
    assert client.get("/readyz").status_code == 200
    assert client.get("/healthz").json()["status"] == "live"


def test_it_is_alive_for_as_long_as_its_feed_turns(hub: Hub, client: TestClient) -> None:
    hub.turned_at_s = time.monotonic()
    assert client.get("/livez").status_code == 200
    hub.turned_at_s = time.monotonic() - HANGS_AFTER_S - 1
    answer = client.get("/livez")
    assert (answer.status_code, answer.json()["status"]) == (503, "dead")
    assert "hangs for more than 30 s" in answer.json()["text"]
    hub.turned_at_s = time.monotonic()
    assert client.get("/livez").status_code == 200
    hub.feed_has_ended = True
    assert "has ended" in client.get("/livez").json()["text"]
    assert client.get("/livez").status_code == 503


@pytest.mark.parametrize(
    ("turned_at_s", "has_ended", "reads"),
    [
        pytest.param(None, False, True, id="not begun"),
        pytest.param(100.0, False, True, id="just now"),
        pytest.param(100.0 - HANGS_AFTER_S, False, True, id="at the limit"),
        pytest.param(99.9 - HANGS_AFTER_S, False, False, id="hangs"),
        pytest.param(100.0, True, False, id="ended just now"),
        pytest.param(None, True, False, id="ended before it began"),
    ],
)
def test_a_feed_reads_where_it_came_back_a_moment_ago(
    turned_at_s: float | None, has_ended: bool, reads: bool
) -> None:
    hub = Hub()
    hub.turned_at_s, hub.feed_has_ended = turned_at_s, has_ended

    assert hub.is_reading(100.0) is reads


def test_without_its_broker_it_serves_what_it_has_and_says_so(hub: Hub, client: TestClient) -> None:
    hub.publish(message("games.states"))
    hub.broker_away = "connection refused"

    assert client.get("/healthz").status_code == 503
    assert client.get("/healthz").json()["status"] == "broker_away"
    assert client.get("/readyz").status_code == 503
    assert client.get("/livez").status_code == 200
    assert client.get(f"/v1/events/{EVENT}").status_code == 200


def test_metrics_are_for_prometheus(hub: Hub, client: TestClient) -> None:
    hub.publish(message("games.states"))

    assert 'sharpline_gateway_records_total{topic="games.states"}' in client.get("/metrics").text


def test_what_has_not_been_read_yet_is_not_told_as_nothing() -> None:
    hub = Hub()
    with TestClient(create_app(hub)) as client:
        early = client.get("/v1/events")
        hub.ready.set()
        later = client.get("/v1/events")

    assert (early.status_code, early.headers["Retry-After"]) == (503, "1")
    assert early.headers["Content-Type"] == "application/problem+json"
    assert later.status_code == 200

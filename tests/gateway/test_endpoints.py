import time
from collections.abc import Iterator
from typing import Any

import pytest
from msgspec.structs import replace
from starlette.testclient import TestClient

from gateway.answers import wall_ms
from gateway.app import create_app
from gateway.hub import HANGS_AFTER_S, Hub
from pipeline.topics import ANSWERS
from tests.gateway.running import GONE, message
from tests.make_records import AT_MS, EVENT, example

LATER, SOCCER = "nfl:2025-09-21:sf-sea", "epl:2025-09-14:ars-liv"


@pytest.fixture
def hub() -> Hub:
    hub = Hub()
    hub.is_ready = True
    hub.tick(AT_MS, wall_ms())
    return hub


@pytest.fixture
def client(hub: Hub) -> Iterator[TestClient]:
    with TestClient(create_app(hub), raise_server_exceptions=False) as client:
        yield client


def listed(client: TestClient, query: str = "") -> list[str]:
    answer = client.get(f"/v1/events{query}")
    assert answer.status_code == 200, answer.text
    return [row["event"] for row in answer.json()["events"]]


def test_an_event_in_the_list_has_score_probability_and_opportunities_by_kind(
    hub: Hub, client: TestClient
) -> None:
    for topic in ANSWERS:
        hub.publish(message(topic))
    (suspect,) = example("bets.arbitrage").arbitrages
    sound = [replace(suspect, suspect=(), kind=kind) for kind in ("arbitrage", "middle")]
    all_three = example("bets.arbitrage", arbitrages=(*sound, suspect), revision=8)
    hub.publish(message("bets.arbitrage", 1, all_three))

    assert client.get("/v1/events").json() == {
        "now_ms": AT_MS,
        "events": [
            {
                "event": EVENT,
                "league": "nfl",
                "sport": "american-football",
                "home": "kc",
                "away": "phi",
                "status": "live",
                "starts_at_ms": AT_MS - 600_000,
                "started_at_ms": AT_MS - 590_000,
                "period": 1,
                "clock_s": 712.0,
                "home_score": 7,
                "away_score": 3,
                "suspended": False,
                "text": "third and seven",
                "model": "brownian-margin",
                "game": [0.625, 0.375],
                "regulation": [0.6, 0.35, 0.05],
                "opportunities": {
                    "value": 1,
                    "arbitrage": 1,
                    "middle": 1,
                    "low_hold": 0,
                    "suspect": 1,
                    "gated": 1,
                },
                "received_at_ms": AT_MS,
            }
        ],
    }


def test_what_is_not_known_of_an_event_is_null(hub: Hub, client: TestClient) -> None:
    hub.publish(message("odds.fair"))

    (row,) = client.get("/v1/events").json()["events"]
    assert (row["event"], row["status"], row["home_score"], row["game"]) == (EVENT, None, None, None)
    assert set(row["opportunities"].values()) == {0}
    one = client.get(f"/v1/events/{EVENT}").json()
    assert one["fair"]["method"] == "power"
    assert (one["state"], one["results"]) == (None, [])


def test_events_in_play_come_first_then_by_start(hub: Hub, client: TestClient) -> None:
    for event, status, starts_at_ms in (
        (LATER, "scheduled", AT_MS + 2),
        (SOCCER, "scheduled", AT_MS + 1),
        (EVENT, "live", AT_MS + 3),
    ):
        state = example("games.states", event_id=event, status=status, starts_at_ms=starts_at_ms)
        hub.publish(message("games.states", 0, state))

    assert listed(client) == [EVENT, SOCCER, LATER]
    assert listed(client, "?league=nfl") == [EVENT, LATER]
    assert listed(client, "?sport=soccer") == [SOCCER]
    assert listed(client, "?status=scheduled&sport=american-football") == [LATER]
    assert listed(client, "?status=final") == []


def test_an_event_shows_every_answer_that_stands(hub: Hub, client: TestClient) -> None:
    for topic in ANSWERS:
        hub.publish(message(topic))
    hub.publish(message("bets.results", 1, example("bets.results", opportunity="v2")))
    one = client.get(f"/v1/events/{EVENT}").json()

    assert one["state"]["situation"]["down"] == 3
    assert one["probabilities"]["game"] == [0.625, 0.375]
    assert one["fair"]["markets"][0]["desks"] == 5
    assert one["closing"]["final"] is True
    assert one["moves"]["moves"][0]["books"] == 6
    assert one["value"]["bets"][0]["book"] == "bovada"
    assert one["arbitrage"]["arbitrages"][0]["profit_minor"] == 5_000
    assert one["score"]["published"] == 160
    assert sorted(result["opportunity"] for result in one["results"]) == ["v1", "v2"]


def test_an_event_that_was_ended_is_gone(hub: Hub, client: TestClient) -> None:
    hub.publish(message("games.states"))
    hub.publish(message("games.states", 1, GONE, EVENT))

    assert listed(client) == []
    assert client.get(f"/v1/events/{EVENT}").status_code == 404


@pytest.mark.parametrize(
    ("path", "status", "says"),
    [
        ("/v1/events?sport=chess", 400, "unknown sport 'chess'"),
        ("/v1/events?league=xfl", 400, "unknown league 'xfl'"),
        ("/v1/events?status=over", 400, "unknown status 'over'"),
        ("/v1/events?team=kc", 400, "unknown filter 'team'"),
        ("/v1/events/kc", 400, "not an event id"),
        (f"/v1/events/{EVENT}", 404, "nothing is known"),
        ("/v1/nothing", 404, ""),
        ("/v1/stream", 404, ""),
    ],
)
def test_an_error_is_a_problem_document(client: TestClient, path: str, status: int, says: str) -> None:
    answer = client.get(path)
    body: dict[str, Any] = answer.json()

    assert answer.status_code == body["status"] == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert body["instance"] == path.partition("?")[0]
    assert says in body.get("detail", "")


def test_only_what_is_offered_can_be_done(client: TestClient) -> None:
    answer = client.post("/v1/events")

    assert answer.status_code == 405
    assert answer.json()["title"] == "Method Not Allowed"


def test_a_fault_of_ours_shows_nothing_of_its_inside(hub: Hub, client: TestClient) -> None:
    hub.answers = None  # type: ignore[assignment]
    answer = client.get("/v1/events")

    assert answer.status_code == 500
    assert answer.json()["detail"] == "this is a fault of the gateway; its log says more"


def test_it_is_ready_once_everything_was_read(hub: Hub, client: TestClient) -> None:
    hub.is_ready = False
    assert client.get("/livez").status_code == 200
    assert client.get("/readyz").status_code == 503
    assert client.get("/healthz").status_code == 503
    hub.is_ready = True
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
    assert listed(client) == [EVENT]


def test_metrics_are_for_prometheus(hub: Hub, client: TestClient) -> None:
    hub.publish(message("games.states"))

    assert 'sharpline_gateway_records_total{topic="games.states"}' in client.get("/metrics").text


def test_the_index_names_every_address(client: TestClient) -> None:
    text = client.get("/").text

    for path in (
        "/v1/events",
        "/v1/stream",
        "/registry/subjects",
        "/healthz",
        "/livez",
        "/readyz",
        "/metrics",
    ):
        assert path in text

from typing import Any

import pytest
from msgspec.structs import replace
from starlette.testclient import TestClient

from gateway.hub import Hub
from tests.gateway.running import message
from tests.make_records import AT_MS, EVENT, example

SOCCER = "epl:2025-09-14:ars-liv"


@pytest.fixture
def evening(hub: Hub, client: TestClient) -> TestClient:
    """Two events: a football game in play with two bets and three locks, and one of soccer with a bet."""
    hub.publish(message("games.states"))
    (bet,) = example("bets.value").bets
    better = replace(bet, id="v2", expected_value=0.09, book="pinnacle", market="spread", basis="model")
    hub.publish(message("bets.value", 0, example("bets.value", bets=(bet, better))))
    other = replace(bet, id="v3", expected_value=0.07)
    hub.publish(message("bets.value", 0, example("bets.value", event_id=SOCCER, bets=(other,))))
    (suspect,) = example("bets.arbitrage").arbitrages
    sound = replace(suspect, id="a2", suspect=(), kind="arbitrage", roi=0.03)
    low = replace(suspect, id="a3", suspect=(), kind="low_hold", roi=-0.002)
    hub.publish(message("bets.arbitrage", 0, example("bets.arbitrage", arbitrages=(suspect, low, sound))))
    return client


def found(client: TestClient, path: str) -> list[str]:
    body: dict[str, Any] = client.get(path).json()
    rows = body.get("value_bets", body.get("arbitrage"))
    assert rows is not None, body
    return [(row.get("bet") or row.get("arbitrage"))["id"] for row in rows]


@pytest.mark.parametrize(
    ("query", "ids"),
    [
        ("", ["v2", "v3", "v1"]),
        ("?min_expected_value=0.07", ["v2", "v3"]),
        ("?sport=soccer", ["v3"]),
        ("?league=nfl", ["v2", "v1"]),
        ("?market=spread", ["v2"]),
        ("?book=bovada", ["v3", "v1"]),
        ("?basis=model", ["v2"]),
        ("?limit=1", ["v2"]),
        ("?league=nba", []),
    ],
)
def test_value_bets_of_all_events_come_the_best_first(
    evening: TestClient, query: str, ids: list[str]
) -> None:
    assert found(evening, f"/v1/value-bets{query}") == ids


@pytest.mark.parametrize(
    ("query", "ids"),
    [
        ("", ["a2", "a3"]),
        ("?suspects=with", ["a1", "a2", "a3"]),
        ("?suspects=only", ["a1"]),
        ("?min_roi=0", ["a2"]),
        ("?kind=low_hold", ["a3"]),
        ("?book=pinnacle&suspects=with", ["a1", "a2", "a3"]),
        ("?book=betfair_ex_eu", []),
        ("?market=total", []),
        ("?sport=soccer", []),
    ],
)
def test_arbitrage_of_all_events_comes_without_suspects_unless_asked(
    evening: TestClient, query: str, ids: list[str]
) -> None:
    assert found(evening, f"/v1/arbitrage{query}") == ids


def test_an_entry_says_what_it_is_of_and_how_many_there_are(evening: TestClient) -> None:
    body = evening.get("/v1/value-bets?limit=1").json()
    (row,) = body["value_bets"]

    assert body["total"] == 3
    assert (row["event"], row["league"], row["home"], row["away"]) == (EVENT, "nfl", "kc", "phi")
    assert (row["status"], row["received_at_ms"]) == ("live", AT_MS)
    assert row["bet"]["book"] == "pinnacle"

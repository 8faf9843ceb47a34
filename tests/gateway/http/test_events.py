from msgspec.structs import replace
from starlette.testclient import TestClient

from gateway.hub import Hub
from pipeline.topics import ANSWERS
from tests.gateway.running import GONE, message
from tests.make_records import AT_MS, EVENT, example

LATER, SOCCER = "nfl:2025-09-21:sf-sea", "epl:2025-09-14:ars-liv"


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
        "next": None,
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
        state = example(
            "games.states",
            event_id=event,
            status=status,
            starts_at_ms=starts_at_ms,
            started_at_ms=AT_MS - 600_000 if status == "live" else 0,
        )
        hub.publish(message("games.states", 0, state))

    assert listed(client) == [EVENT, SOCCER, LATER]
    assert listed(client, "?league=nfl") == [EVENT, LATER]
    assert listed(client, "?sport=soccer") == [SOCCER]
    assert listed(client, "?status=scheduled&sport=american-football") == [LATER]
    assert listed(client, "?status=upcoming") == [SOCCER, LATER]
    assert listed(client, "?status=final") == []
    assert listed(client, "?q=Seahawks") == [LATER]
    assert listed(client, "?q=ars-liv") == [SOCCER]


def test_events_that_are_over_come_last(hub: Hub, client: TestClient) -> None:
    over = {"status": "final", "started_at_ms": AT_MS - 20_000_000, "finished_at_ms": AT_MS - 9_000_000}
    for event, given in ((LATER, over), (SOCCER, {"status": "scheduled", "started_at_ms": 0}), (EVENT, {})):
        hub.publish(message("games.states", 0, example("games.states", event_id=event, **given)))

    assert listed(client) == [EVENT, SOCCER, LATER]


def test_an_event_that_only_books_speak_of_is_upcoming_until_its_line_closes(
    hub: Hub, client: TestClient
) -> None:
    hub.publish(message("odds.closing", 0, example("odds.closing", final=False)))
    assert listed(client, "?status=upcoming") == [EVENT]
    assert listed(client, "?status=upcoming&book=pinnacle") == [EVENT]
    assert listed(client, "?book=bovada") == []
    hub.publish(message("odds.closing", 1))
    assert listed(client, "?status=upcoming") == []


def test_an_event_shows_every_answer_that_stands(hub: Hub, client: TestClient) -> None:
    for topic in ANSWERS:
        hub.publish(message(topic))
    hub.publish(message("bets.results", 1, example("bets.results", opportunity="v2")))
    one = client.get(f"/v1/events/{EVENT}").json()

    assert one["state"]["situation"]["down"] == 3
    assert one["probabilities"]["game"] == [0.625, 0.375]
    assert one["features"]["revision"] == 7
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


def test_a_fault_of_ours_shows_nothing_of_its_inside(hub: Hub, client: TestClient) -> None:
    hub.answers = None  # type: ignore[assignment]
    answer = client.get("/v1/events")

    assert answer.status_code == 500
    assert answer.json()["detail"] == "this is a fault of the gateway; its log says more"

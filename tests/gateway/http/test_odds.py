import pytest
from msgspec.structs import replace
from starlette.testclient import TestClient

from gateway.http.odds import market_odds
from gateway.hub import Hub
from pipeline.topics import ANSWERS
from tests.gateway.running import message
from tests.make_records import AT_MS, EVENT, example

FAIR = example("odds.fair").markets[0]
SHOWN = replace(example("odds.closing").prices[0], market="h2h", line=0.0)


def test_the_best_price_of_each_outcome_is_found_among_the_books() -> None:
    prices = (
        replace(SHOWN, book="bovada", prices=(2.1, 1.8)),
        replace(SHOWN, book="betus", prices=(2.1, 0.0)),
        SHOWN,
    )
    (market,) = market_odds((FAIR,), prices)

    assert market.fair_prices == (2.0, 2.0)
    assert [best and (best.book, best.price) for best in market.closing_best] == [
        ("betus", 2.1),
        ("pinnacle", 1.95),
    ]
    assert market.closing_books == 3


def test_a_market_that_only_books_or_only_desks_know_is_listed_too() -> None:
    first, second = market_odds((FAIR,), (replace(SHOWN, market="total", line=45.5, prices=(0.0, 1.9)),))

    assert (first.market, first.closing_best, first.closing_books) == ("h2h", (None, None), 0)
    assert (second.market, second.probabilities, second.closing_best[0]) == ("total", (), None)


def test_odds_say_of_when_they_are(hub: Hub, client: TestClient) -> None:
    hub.publish(message("odds.fair"))
    open_line = client.get(f"/v1/events/{EVENT}/odds").json()
    hub.publish(message("odds.closing"))
    closed = client.get(f"/v1/events/{EVENT}/odds").json()

    assert (open_line["fair_received_at_ms"], open_line["closing_received_at_ms"]) == (AT_MS, None)
    assert (open_line["method"], open_line["closing_final"]) == ("power", None)
    assert (closed["closing_final"], len(closed["markets"])) == (True, 2)


@pytest.mark.parametrize(
    ("part", "topic"),
    [
        ("probabilities", "games.probabilities"),
        ("moves", "odds.moves"),
        ("value-bets", "bets.value"),
        ("arbitrage", "bets.arbitrage"),
    ],
)
def test_a_part_of_an_event_is_the_record_of_its_topic(
    hub: Hub, client: TestClient, part: str, topic: str
) -> None:
    hub.publish(message("games.states"))
    missing = client.get(f"/v1/events/{EVENT}/{part}")
    assert (missing.status_code, missing.json()["detail"]) == (
        404,
        f"nothing of {EVENT} stands on {topic} yet",
    )
    hub.publish(message(topic))

    assert client.get(f"/v1/events/{EVENT}/{part}").json()["revision"] == 7


def test_results_are_told_with_the_score_of_the_model(hub: Hub, client: TestClient) -> None:
    for topic in ANSWERS:
        hub.publish(message(topic))
    hub.publish(message("bets.results", 1, example("bets.results", opportunity="v2")))
    body = client.get(f"/v1/events/{EVENT}/results").json()

    assert [result["opportunity"] for result in body["results"]] == ["v1", "v2"]
    assert body["score"]["published"] == 160

from starlette.testclient import TestClient

from gateway.hub import Hub
from pipeline import data
from tests.gateway.running import message
from tests.make_records import AT_MS, example

SOCCER = "epl:2025-09-14:ars-liv"


def test_sports_and_leagues_count_what_is_known_and_in_play(hub: Hub, client: TestClient) -> None:
    hub.publish(message("games.states"))
    hub.publish(message("games.states", 0, example("games.states", event_id=SOCCER, status="scheduled")))
    sports = {row["sport"]: row for row in client.get("/v1/sports").json()["sports"]}
    leagues = {row["league"]: row for row in client.get("/v1/leagues").json()["leagues"]}

    assert set(leagues) == set(data.leagues())
    assert (sports["american-football"]["events"], sports["american-football"]["live"]) == (1, 1)
    assert (sports["soccer"]["events"], sports["soccer"]["live"]) == (1, 0)
    assert (leagues["nfl"]["name"], leagues["nfl"]["events"], leagues["nba"]["events"]) == ("NFL", 1, 0)
    assert "nfl" in sports["american-football"]["leagues"]


def test_books_say_what_they_show_now(hub: Hub, client: TestClient) -> None:
    hub.publish(message("odds.closing"))
    books = {row["book"]: row for row in client.get("/v1/books").json()["books"]}

    assert set(books) == set(data.books())
    pinnacle = books["pinnacle"]
    assert (pinnacle["name"], pinnacle["region"], pinnacle["kind"]) == ("Pinnacle", "eu", "book")
    assert (pinnacle["events"], pinnacle["prices"], pinnacle["newest_seen_at_ms"]) == (1, 1, AT_MS)
    assert (books["bovada"]["prices"], books["bovada"]["newest_seen_at_ms"]) == (0, None)


def test_a_book_that_no_table_knows_is_listed_once_it_was_seen(hub: Hub, client: TestClient) -> None:
    closing = example("odds.closing")
    (price,) = closing.prices
    shown = {field: getattr(price, field) for field in price.__struct_fields__} | {"book": "newcomer"}
    hub.publish(message("odds.closing", 0, example("odds.closing", prices=(type(price)(**shown),))))
    books = {row["book"]: row for row in client.get("/v1/books").json()["books"]}

    assert (books["newcomer"]["name"], books["newcomer"]["prices"]) == (None, 1)

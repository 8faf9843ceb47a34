"""The history of an event over HTTP, out of a real Postgres: whole, in pages, and never in others' way."""

import base64
import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from typing import Any

import httpx
import psycopg
import pytest
from starlette.testclient import TestClient

from gateway.app import create_app
from gateway.history import History
from gateway.hub import Hub
from pipeline.codec import encode, plain
from pipeline.settings import Settings
from processors.sinks import database
from processors.sinks.database import Writer
from processors.sinks.entries import entry
from tests.gateway.running import Running, message, serving
from tests.make_records import AT_MS, EVENT, example
from tests.postgres import fresh_database, postgres

OTHER, GONE, UNKNOWN = "nfl:2025-09-14:sf-sea", "nfl:2024-09-15:ne-sea", "nfl:2025-09-21:kc-nyg"
VALUE, STATES = "bets.value", "games.states"
PATH = "/v1/events/{}/history"
COUNT = 25
WITHIN_S = 60


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with postgres() as url:
        yield url


@pytest.fixture
def url(server: str) -> str:
    """A database with answers of three events, each two topics, two of each topic about the same moment."""
    url = fresh_database(server)
    with closing(database.connect(url)) as connection:
        database.migrate(connection)
        writer = Writer(connection, database.logs(connection, {VALUE: "a", STATES: "b"}))
        entries = [
            entry((topic, partition, offset), *encode(topic, record_of(topic, event, offset)), AT_MS + offset)
            for partition, event in enumerate((EVENT, OTHER, GONE))
            for topic in (VALUE, STATES)
            for offset in range(COUNT)
        ]
        writer.write(entries, {})
    return url


def record_of(topic: str, event: str, offset: int) -> Any:
    return example(topic, event_id=event, revision=offset + 1, received_at_ms=AT_MS + offset // 2 * 1_000)


def known() -> Hub:
    hub = Hub()
    hub.ready.set()
    for event in (EVENT, OTHER):
        hub.publish(message(VALUE, 0, example(VALUE, event_id=event)))
    return hub


@contextmanager
def client_of(url: str, hub: Hub | None = None) -> Iterator[TestClient]:
    with TestClient(
        create_app(hub or known(), history=History(url)), raise_server_exceptions=False
    ) as client:
        yield client


@pytest.fixture
def client(url: str) -> Iterator[TestClient]:
    with client_of(url) as client:
        yield client


def told(client: TestClient, event: str = EVENT, **query: Any) -> dict[str, Any]:
    answer = client.get(PATH.format(event), params=query)
    assert answer.status_code == 200, answer.text
    page: dict[str, Any] = answer.json()
    return page


def all_told(client: TestClient, **query: Any) -> list[dict[str, Any]]:
    """The entries of all pages."""
    page = told(client, **query)
    found: list[dict[str, Any]] = page["entries"]
    while page["next"] is not None:
        page = told(client, cursor=page["next"], **query)
        found += page["entries"]
    return found


def places(entries: list[dict[str, Any]]) -> list[tuple[int, str, int]]:
    return [(one["received_at_ms"], one["topic"], one["offset"]) for one in entries]


def test_an_answer_is_told_as_it_was_published(client: TestClient) -> None:
    page = told(client, topic=VALUE, order="oldest", limit=1)

    assert (page["event"], page["league"], page["home"], page["away"]) == (EVENT, "nfl", "kc", "phi")
    (first,) = page["entries"]
    record = first.pop("record")
    assert record == json.loads(json.dumps(plain(record_of(VALUE, EVENT, 0))))
    assert first.pop("log") > 0
    assert first == {
        "topic": VALUE,
        "key": EVENT,
        "partition": 0,
        "offset": 0,
        "revision": 1,
        "received_at_ms": AT_MS,
        "appended_at_ms": AT_MS,
    }


@pytest.mark.parametrize("limit", [1, 7, 2 * COUNT, 500])
def test_pages_tell_each_answer_once_in_either_order(client: TestClient, limit: int) -> None:
    oldest = all_told(client, order="oldest", limit=limit)
    newest = all_told(client, limit=limit)

    assert sorted(places(oldest)) == sorted(
        (AT_MS + offset // 2 * 1_000, topic, offset) for topic in (VALUE, STATES) for offset in range(COUNT)
    )
    assert newest == oldest[::-1]
    assert [one["received_at_ms"] for one in oldest] == sorted(one["received_at_ms"] for one in oldest)


def test_a_topic_and_a_time_may_be_asked_for(client: TestClient) -> None:
    query = {"topic": STATES, "from": AT_MS + 2_000, "to": AT_MS + 4_000, "order": "oldest", "limit": 3}

    found = all_told(client, **query)

    assert places(found) == [(AT_MS + offset // 2 * 1_000, STATES, offset) for offset in (4, 5, 6, 7)]
    assert all_told(client, **{"from": AT_MS + 4_000, "to": AT_MS + 4_000}) == []


def test_what_comes_while_somebody_pages_moves_nothing(url: str, client: TestClient) -> None:
    first = told(client, limit=10)
    with closing(database.connect(url)) as connection:
        writer = Writer(connection, database.logs(connection, {VALUE: "a", STATES: "b"}))
        later = record_of(VALUE, EVENT, 10 * COUNT)
        writer.write([entry((VALUE, 0, 10 * COUNT), *encode(VALUE, later), AT_MS)], {})

    rest = told(client, limit=500, cursor=first["next"])

    both = places(first["entries"] + rest["entries"])
    assert len(both) == len(set(both)) == 2 * COUNT


def test_an_event_is_told_of_when_nothing_of_it_stands_any_more(client: TestClient) -> None:
    assert client.get(f"/v1/events/{GONE}").status_code == 404
    assert len(all_told(client, event=GONE)) == 2 * COUNT


def test_of_an_event_that_nobody_knows_nothing_is_told(client: TestClient) -> None:
    nobody, none = client.get(PATH.format(UNKNOWN)), client.get(PATH.format("kc-phi"))

    assert (nobody.status_code, none.status_code) == (404, 404)
    assert nobody.json()["detail"] == f"nothing is known of {UNKNOWN}; GET /v1/events lists what is"
    assert none.headers["content-type"] == "application/problem+json"


def test_without_a_database_it_says_how_to_have_one() -> None:
    with TestClient(create_app(known())) as client:
        answer = client.get(PATH.format(EVENT))

    assert answer.status_code == 501
    assert "set DATABASE_URL, and run `sharpline sink postgres`" in answer.json()["detail"]


def test_before_the_first_answer_is_stored_it_says_what_stores_them(server: str) -> None:
    with client_of(fresh_database(server)) as client:
        answer = client.get(PATH.format(EVENT))

    assert answer.status_code == 503
    assert answer.json()["detail"] == "nothing was ever stored: start `sharpline sink postgres`"


def forged(*numbers: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(numbers).encode()).decode().rstrip("=")


@pytest.mark.parametrize(
    "query",
    [
        {"cursor": "x"},
        {"cursor": forged()},
        {"cursor": forged(AT_MS, 1, 0, 2**70)},
        {"cursor": forged(2**62, 1, 0, 0)},
        {"cursor": forged(AT_MS, 2**20, 0, 0)},
        {"cursor": forged(AT_MS, "1", 0, 0)},
        {"from": -1},
        {"to": "noon"},
        {"limit": 0},
        {"limit": 501},
        {"order": "sideways"},
        {"topic": "odds.snapshots"},
        {"from_ms": 1},
    ],
    ids=str,
)
def test_what_cannot_be_asked_is_refused_by_name(client: TestClient, query: dict[str, Any]) -> None:
    answer = client.get(PATH.format(EVENT), params=query)

    assert answer.status_code == 400, answer.text
    assert [error["parameter"] for error in answer.json()["errors"]] == list(query)


def test_quotes_in_a_question_are_nothing_but_text(client: TestClient) -> None:
    assert client.get(PATH.format("nfl:2025-09-14:kc-phi'--")).status_code == 404
    assert client.get(PATH.format(EVENT), params={"topic": "'; DROP TABLE answers"}).status_code == 400


def test_while_the_database_is_away_it_says_so_and_is_back_with_it(server: str, url: str) -> None:
    (name,) = psycopg.connect(url).execute("SELECT current_database()").fetchone() or ("",)
    with client_of(url) as client, psycopg.connect(server, autocommit=True) as owner:
        assert told(client)["entries"]
        owner.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")  # type: ignore[arg-type]
        owner.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", (name,))

        away = until(lambda: client.get(PATH.format(EVENT)), 503)
        assert away.headers["retry-after"] == "5"
        assert away.headers["cache-control"] == "no-store"
        assert client.get(f"/v1/events/{EVENT}").status_code == 200

        owner.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")  # type: ignore[arg-type]
        until(lambda: client.get(PATH.format(EVENT)), 200)


def until(ask: Callable[[], httpx.Response], status: int) -> httpx.Response:
    give_up_at = time.monotonic() + WITHIN_S
    while (answer := ask()).status_code != status:
        assert time.monotonic() < give_up_at, answer.text
        time.sleep(0.1)
    return answer


def test_a_slow_database_keeps_nobody_else_waiting(url: str) -> None:
    with (
        history_of(url) as running,
        psycopg.connect(url) as holding,
        httpx.Client(timeout=WITHIN_S) as client,
    ):
        running.publish(message(VALUE))
        holding.execute("LOCK TABLE answers IN ACCESS EXCLUSIVE MODE")
        slow: list[httpx.Response] = []

        def ask() -> None:
            slow.append(httpx.get(running.http + PATH.format(EVENT), timeout=WITHIN_S))

        # More than there are connections, so that some wait for one and others for the database.
        asking = [threading.Thread(target=ask) for _ in range(8)]
        for thread in asking:
            thread.start()
        answered = 0
        while any(thread.is_alive() for thread in asking):
            assert client.get(f"{running.http}/v1/events/{EVENT}").status_code == 200
            answered += 1
            time.sleep(0.02)
        for thread in asking:
            thread.join()

    assert {answer.status_code for answer in slow} == {503}
    reasons = {answer.json()["detail"] for answer in slow}
    assert "the database took longer than 3 s; ask for one topic, or less time" in reasons
    # A gateway that waited with them would answer once for each of them at most.
    assert answered > len(asking)


@contextmanager
def history_of(url: str) -> Iterator[Running]:
    with serving(Settings(), history=History(url)) as running:
        yield running

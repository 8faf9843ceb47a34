from typing import Any

import pytest
from starlette.datastructures import QueryParams
from starlette.testclient import TestClient

from gateway.http.events import EventsQuery
from gateway.http.opportunities import ArbitrageQuery
from gateway.http.parameters import read
from gateway.problems import WrongParameters
from tests.make_records import EVENT


@pytest.mark.parametrize(
    ("path", "status", "says"),
    [
        ("/v1/events?sport=chess", 400, "sport: 'chess' should be one of american-football, "),
        ("/v1/events?league=xfl", 400, "league: 'xfl' should be one of "),
        ("/v1/events?status=over", 400, "status: 'over' should be one of scheduled, live"),
        ("/v1/events?team=kc", 400, "team: unknown; there are sport, league, status, book, q, limit, cursor"),
        ("/v1/events?limit=0", 400, "limit: '0' should be a whole number from 1 to 1000"),
        ("/v1/events?limit=1e9", 400, "limit: '1e9' should be a whole number"),
        ("/v1/events?limit=3&limit=4", 400, "limit: given more than once"),
        ("/v1/events?cursor=yesterday", 400, "cursor: none that was told as `next`"),
        ("/v1/events?cursor=%00", 400, "cursor: none that was told as `next`"),
        ("/v1/events?q=", 400, "q: '' should be a text of 1 to 80 characters"),
        ("/v1/value-bets?min_expected_value=nan", 400, "a number from -1.0 to 100.0"),
        ("/v1/arbitrage?suspects=yes", 400, "suspects: 'yes' should be one of without, with, only"),
        ("/v1/sports?sport=soccer", 400, "sport: unknown; no parameter is known here"),
        ("/v1/events/kc", 404, "not an event id"),
        (f"/v1/events/{EVENT}", 404, "nothing is known"),
        (f"/v1/events/{EVENT}/odds", 404, "nothing is known"),
        ("/v1/nothing", 404, ""),
        ("/v1/stream", 404, ""),
    ],
)
def test_an_error_is_a_problem_document(client: TestClient, path: str, status: int, says: str) -> None:
    answer = client.get(path)
    body: dict[str, Any] = answer.json()

    assert answer.status_code == body["status"] == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["cache-control"] == "no-store"
    assert body["instance"] == path.partition("?")[0]
    assert says in body.get("detail", "")


def test_every_wrong_parameter_is_named(client: TestClient) -> None:
    answer = client.get("/v1/events?sport=chess&limit=many&team=kc&league=nfl")

    assert [error["parameter"] for error in answer.json()["errors"]] == ["sport", "limit", "team"]


def test_what_is_not_given_lets_everything_pass() -> None:
    assert read(EventsQuery, QueryParams("")) == EventsQuery()
    assert read(ArbitrageQuery, QueryParams("min_roi=0.01&kind=middle")) == ArbitrageQuery(
        min_roi=0.01, kind="middle"
    )


def test_a_text_of_the_client_is_repeated_only_in_part() -> None:
    with pytest.raises(WrongParameters) as raised:
        read(EventsQuery, QueryParams({"sport": "x" * 5_000, "y" * 5_000: "1"}))

    assert len(raised.value.detail) < 1_000

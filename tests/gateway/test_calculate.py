import asyncio
from collections.abc import Iterator
from typing import Any

import pytest
from starlette.testclient import TestClient

from gateway.app import create_app
from gateway.hub import Hub
from gateway.protocol import MAXIMUM_BYTES
from pipeline.calculator import CALCULATORS

QUESTIONS = {
    "arbitrage": {"prices": [2.15, "+105"], "unit_minor": 100},
    "middle": {
        "legs": [
            {"side": "under", "line": 47.5, "price": "-105"},
            {"side": "over", "line": 44.5, "price": 1.95},
        ]
    },
    "rules": {
        "market": "h2h",
        "legs": [{"outcome": "home", "price": 2.05, "overtime": False}, {"outcome": "away", "price": "+105"}],
    },
    "devig": {"prices": ["1.33", "3.40"]},
    "kelly": {"price": 1.95, "win": 0.48, "push": 0.1},
    "value": {"price": "+110", "market": [-105, -105]},
    "convert": {"prices": ["-110", "5/2", "EVEN"]},
}


@pytest.fixture
def client() -> Iterator[TestClient]:
    with TestClient(create_app(Hub()), raise_server_exceptions=False) as client:
        yield client


@pytest.mark.parametrize("what", CALCULATORS)
def test_each_calculator_answers_with_the_question_as_understood(client: TestClient, what: str) -> None:
    answer = client.post(f"/v1/calculate/{what}", json=QUESTIONS[what])
    body = answer.json()

    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json"
    assert client.post(f"/v1/calculate/{what}", json=body["asked"]).json() == body


def test_the_numbers_are_those_of_the_calculator(client: TestClient) -> None:
    answer = client.post("/v1/calculate/arbitrage", json=QUESTIONS["arbitrage"]).json()

    assert answer["stakes_minor"] == [48_800, 51_200]
    assert answer["worst_profit_minor"] == 4_920


@pytest.mark.parametrize(
    ("what", "body", "status", "says"),
    [
        ("lottery", b"{}", 404, "no calculator 'lottery'; there are arbitrage, middle, rules, devig, kelly,"),
        ("arbitrage", b'{"prices": [2, 2], "most_minor": [1]}', 400, "most_minor: 1 of them for 2 legs"),
        ("middle", b'{"legs": []}', 400, "legs: Expected `array` of length >= 2"),
        ("rules", b'{"market": "toss", "legs": []}', 400, "market: Invalid enum value 'toss'"),
        ("devig", b"", 400, "truncated"),
        ("devig", b"[1.9, 1.9]", 400, "Expected `object`, got `array`"),
        ("devig", b'{"prices": [1.9]}', 400, "prices: Expected `array` of length >= 2"),
        ("devig", b'{"prices": [1.9, 150]}', 400, "prices[1]: '150' may be decimal or American"),
        ("devig", b'{"prices": [1.9, 1.9], "method": "best"}', 400, "method: no method 'best'"),
        ("kelly", b'{"price": 1.9, "win": 2}', 400, "win: Expected `float` <= 1.0"),
        ("devig", b" " * (MAXIMUM_BYTES + 1), 413, "at most 65536 bytes"),
    ],
)
def test_what_cannot_be_computed_is_a_problem_document(
    client: TestClient, what: str, body: bytes, status: int, says: str
) -> None:
    answer = client.post(f"/v1/calculate/{what}", content=body)
    told: dict[str, Any] = answer.json()

    assert answer.status_code == told["status"] == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert says in told["detail"]
    assert told["instance"] == f"/v1/calculate/{what}"


def asked(*messages: dict[str, Any]) -> tuple[list[int], int]:
    """Codes with which a question is answered that comes as these messages, the last again and again."""
    codes, read = [], 0

    async def receive() -> dict[str, Any]:
        nonlocal read
        read += 1
        return messages[min(read, len(messages)) - 1]

    async def send(message: Any) -> None:
        if message["type"] == "http.response.start":
            codes.append(message["status"])

    scope = {
        "type": "http",
        "method": "POST",
        "path": "/v1/calculate/devig",
        "query_string": b"",
        "headers": [],
    }
    asyncio.run(create_app(Hub())(scope, receive, send))
    return codes, read


def test_a_question_without_end_is_not_read_to_its_end() -> None:
    codes, read = asked({"type": "http.request", "body": b" " * 1024, "more_body": True})

    assert codes == [413]
    assert read == MAXIMUM_BYTES // 1024 + 1


def test_who_hangs_up_early_leaves_no_trace() -> None:
    begun = {"type": "http.request", "body": b"{", "more_body": True}
    codes, read = asked(begun, {"type": "http.disconnect"})

    assert (codes, read) == ([200], 2)


def test_a_calculator_is_asked_by_post_alone(client: TestClient) -> None:
    assert client.get("/v1/calculate/devig").status_code == 405


def test_the_index_names_it(client: TestClient) -> None:
    assert "POST /v1/calculate/{what}" in client.get("/v1").text

"""Who comes into a running gateway, and what the others are told."""

import asyncio
import contextlib
import json
import logging
import re
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import Field, fields
from pathlib import Path
from typing import Any

import httpx
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from prometheus_client import REGISTRY
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from gateway import guard
from gateway.http.endpoint import Endpoint
from gateway.http.table import ENDPOINTS
from gateway.limits import LINES_PER_MINUTE
from pipeline.settings import Settings
from pipeline.topics import ANSWERS
from tests.conftest import ROOT
from tests.gateway.running import Running, heard, message, serving
from tests.gateway.tokens import CLAIMS, EC, RSA, SECRET, by_hand, keys_file, minted, public

SETTINGS = Settings(token_secret=SECRET, requests_per_minute=100_000)
PROTOCOL = "sharpline.v1"
#: Settings of the guard begin so.
OURS = ("access", "token", "origins", "proxies", "sockets", "subscriptions", "message", "request")


@pytest.fixture(scope="module")
def guarded() -> Iterator[Running]:
    with serving(SETTINGS) as running:
        yield running


@pytest.fixture
def keyed(tmp_path: Path) -> Iterator[Running]:
    """A gateway that knows public keys, and a secret."""
    file = keys_file(tmp_path / "keys.json", public(RSA, kid="r"), public(EC, kid="e"))
    with serving(Settings(token_secret=SECRET, token_keys=file)) as running:
        yield running


def get(running: Running, path: str, token: str | None = None, **headers: str) -> httpx.Response:
    if token is not None:
        headers["Authorization"] = f"Bearer {token}"
    return httpx.get(f"{running.http}{path}", headers=headers)


def refused(running: Running, *subprotocols: str, **headers: str) -> tuple[int, dict[str, Any], Any]:
    """Status, problem and headers of a WebSocket that was none."""
    with pytest.raises(InvalidStatus) as caught:
        connect(running.ws, subprotocols=subprotocols or (PROTOCOL,), additional_headers=headers).__enter__()
    response = caught.value.response
    assert response.headers["Content-Type"] == "application/problem+json"
    return response.status_code, json.loads(response.body), response.headers


def let_in(running: Running, token: str) -> ClientConnection:
    return connect(running.ws, subprotocols=[PROTOCOL, f"bearer.{token}"])


BAD = [
    pytest.param(minted(key="another secret, as long as the first one"), "token_forged", id="forged"),
    pytest.param(minted(lasts_s=-60), "token_expired", id="expired"),
    pytest.param(minted(aud="another"), "token_audience", id="another audience"),
    pytest.param(minted(key=None, algorithm="none"), "token_algorithm", id="alg none"),
    pytest.param(minted(nbf=int(time.time()) + 3000), "token_not_yet", id="not yet"),
    pytest.param("x" * 4000, "token_malformed", id="no token"),
    pytest.param("x" * 5000, "token_too_long", id="too long"),
]


@pytest.mark.parametrize(("token", "code"), BAD)
def test_a_bad_token_is_a_typed_answer_over_http(guarded: Running, token: str, code: str) -> None:
    answer = get(guarded, "/v1/events?league=nfl", token)

    assert answer.status_code == 401
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.headers["WWW-Authenticate"] == 'Bearer realm="sharpline", error="invalid_token"'
    problem = answer.json()
    assert problem.pop("detail")
    assert problem == {
        "type": "about:blank",
        "title": "Unauthorized",
        "status": 401,
        "instance": "/v1/events",
        "code": code,
    }


@pytest.mark.parametrize(("token", "code"), BAD)
def test_a_bad_token_is_a_typed_answer_before_there_is_a_websocket(
    guarded: Running, token: str, code: str
) -> None:
    for status, problem, headers in (
        refused(guarded, PROTOCOL, f"bearer.{token}"),
        refused(guarded, Authorization=f"Bearer {token}"),
    ):
        assert (status, problem["code"], problem["instance"]) == (401, code, "/v1/stream")
        assert "WWW-Authenticate" in headers


def test_no_token_says_where_one_goes(guarded: Running) -> None:
    answer = get(guarded, "/v1/events")

    assert (answer.status_code, answer.json()["code"]) == (401, "no_token")
    assert answer.headers["WWW-Authenticate"] == 'Bearer realm="sharpline"'
    assert "bearer." in answer.json()["detail"]
    assert refused(guarded)[1]["code"] == "no_token"


def test_a_token_in_the_address_counts_for_nothing(guarded: Running) -> None:
    assert get(guarded, f"/v1/events?access_token={minted()}").json()["code"] == "no_token"


def test_two_tokens_are_one_too_many(guarded: Running) -> None:
    status, problem, _ = refused(guarded, PROTOCOL, f"bearer.{minted()}", f"bearer.{minted('read:bets.*')}")

    assert (status, problem["code"]) == (401, "token_malformed")


def test_the_public_key_is_no_secret_for_hs256(keyed: Running) -> None:
    pem = RSA.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)

    assert get(keyed, "/v1/events", by_hand({"alg": "HS256", "kid": "r"}, CLAIMS, pem)).status_code == 401
    for key, algorithm, kid in ((RSA, "RS256", "r"), (EC, "ES256", "e")):
        good = minted(key=key, algorithm=algorithm, headers={"kid": kid})
        assert get(keyed, "/v1/events", good).status_code == 200
        with let_in(keyed, good):
            pass


@pytest.mark.parametrize(
    ("path", "scope", "status"),
    [
        ("/v1/events", "read:*", 200),
        ("/v1/events", "read:games.* read:bets.*", 200),
        ("/v1/events", "read:games.*", 403),
        ("/v1/events", None, 403),
        ("/v1/events/nfl:2025-09-14:kc-phi", "read:games.*", 403),
        ("/v1/events/nfl:2025-09-14:kc-phi/history", "read:games.* read:bets.* read:odds.*", 403),
        ("/v1/events/nfl:2025-09-14:kc-phi/history", "read:*", 501),
        ("/v1/nowhere", "read:games.* read:bets.* read:odds.*", 403),
        ("/v1/nowhere", "read:*", 404),
        ("/metrics", "read:bets.*", 403),
        ("/metrics", "read:metrics", 200),
        ("/registry/subjects", None, 200),
    ],
)
def test_a_token_reads_what_its_scope_covers(
    guarded: Running, path: str, scope: str | None, status: int
) -> None:
    answer = get(guarded, path, minted(scope))

    assert answer.status_code == status
    if status == 403:
        assert answer.json()["code"] == "forbidden"
        assert "insufficient_scope" in answer.headers["WWW-Authenticate"]


@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=lambda endpoint: endpoint.path)
def test_an_address_shows_no_topic_that_its_scope_does_not_name(
    gateway: Running, endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    gateway.publish(*(message(topic) for topic in ANSWERS))
    latest, read = gateway.hub.latest, set()

    def watched(topic: str, event: str) -> Any:
        read.add(topic)
        return latest(topic, event)

    monkeypatch.setattr(gateway.hub, "latest", watched)
    path = endpoint.path.replace("{event}", message("games.states").key)

    assert get(gateway, path).status_code == (501 if endpoint.of_the_past else 200)
    shown = next((topics for pattern, topics in guard.SHOWN if pattern.fullmatch(path)), ANSWERS)
    assert read - {"games.states", "games.probabilities"} <= set(shown)


@pytest.mark.parametrize("path", ["/", "/page/stream.js", "/v1", "/livez", "/readyz", "/healthz"])
def test_who_asks_whether_it_lives_needs_no_token(guarded: Running, path: str) -> None:
    assert get(guarded, path).status_code == 200


def test_where_nothing_is_asked_for_nothing_is_needed(gateway: Running) -> None:
    assert get(gateway, "/v1/events").status_code == 200
    assert get(gateway, "/v1/events", "no token at all").status_code == 200
    with let_in(gateway, "whatever") as socket:
        assert socket.subprotocol == PROTOCOL
        heard(socket, "status")


def test_the_token_is_not_said_back(guarded: Running) -> None:
    token = minted()
    with let_in(guarded, token) as socket:
        assert socket.subprotocol == PROTOCOL
        assert token not in str(socket.response)


def test_a_websocket_ends_with_its_token_and_is_told_before(guarded: Running) -> None:
    token = minted(lasts_s=-22)  # and half a minute for clocks that differ
    with let_in(guarded, token) as socket:
        told = heard_of(socket, "error")
        assert told["code"] == "token_expires"
        assert closed(socket) == guard.TOKEN_EXPIRED


def closed(socket: ClientConnection) -> int | None:
    """The code by which a WebSocket is closed at last."""
    with contextlib.suppress(ConnectionClosed):
        while True:
            socket.recv(timeout=60)
    return socket.close_code


def heard_of(socket: ClientConnection, kind: str) -> dict[str, Any]:
    """The next message of a kind, whatever comes before it."""
    while (said := json.loads(socket.recv(timeout=60)))["type"] != kind:
        pass
    return said


def test_a_websocket_of_a_good_token_hears_what_comes(guarded: Running) -> None:
    with let_in(guarded, minted(lasts_s=3600)) as socket:
        heard(socket, "status")
        socket.send(json.dumps({"op": "subscribe", "id": 1, "channels": [{"topic": "games.states"}]}))
        heard_of(socket, "subscribed")
        guarded.publish(message("games.states"))
        heard_of(socket, "update")


def test_a_websocket_hears_only_topics_that_its_scope_covers(guarded: Running) -> None:
    with let_in(guarded, minted("read:games.*")) as socket:
        channels = [{"topic": "games.states"}, {"topic": "bets.value"}]
        socket.send(json.dumps({"op": "subscribe", "id": 1, "channels": channels}))
        said = heard_of(socket, "error")
        assert (said["code"], said["id"]) == ("forbidden", 1)
        socket.send(json.dumps({"op": "subscribe", "id": 1, "channels": channels[:1]}))
        heard_of(socket, "subscribed")


def test_a_websocket_has_so_many_subscriptions_and_messages_of_so_many_bytes() -> None:
    with serving(Settings(subscriptions_per_socket=2, message_bytes=1_000)) as running:
        with connect(running.ws) as socket:
            for id in range(3):
                channels = [{"topic": "games.states"}]
                socket.send(json.dumps({"op": "subscribe", "id": id, "channels": channels}))
            assert heard_of(socket, "error")["code"] == "too_many"
            socket.send('{"op": "ping"}' + " " * 1_000)
            assert closed(socket) == 1009


def test_messages_that_come_too_fast_wait_for_their_turn_and_are_all_answered() -> None:
    settings = Settings(access="open", messages_per_second=10)
    with serving(settings, "0.0.0.0") as running, connect(running.ws) as socket:
        start_s = time.monotonic()
        for id in range(70):
            socket.send(json.dumps({"op": "ping", "id": id}))
        assert [heard_of(socket, "pong")["id"] for _ in range(70)] == list(range(70))
        assert time.monotonic() - start_s >= 1.5  # 50 at once, then one each tenth of a second


@pytest.mark.parametrize(
    ("origins", "origin", "comes_in"),
    [
        ("", None, True),
        ("", "http://{host}", True),
        ("", "https://{host}", True),  # behind a proxy that ends TLS
        ("", "http://127.0.0.1:1", False),
        ("", "https://evil.example", False),
        ("", "null", False),
        ("", "", False),
        ("https://bets.example, https://odds.example/", "https://odds.example", True),
        ("https://bets.example", "https://bets.example.evil.example", False),
        ("https://bets.example", "http://bets.example", False),
        ("*", "https://evil.example", True),
    ],
)
def test_pages_of_other_sites_open_no_websocket_unless_they_are_named(
    origins: str, origin: str | None, comes_in: bool
) -> None:
    with serving(Settings(origins=origins)) as running:
        headers = {} if origin is None else {"Origin": origin.format(host=f"127.0.0.1:{running.port}")}
        if comes_in:
            with connect(running.ws, subprotocols=[PROTOCOL], additional_headers=headers):
                pass
        else:
            status, problem, _ = refused(running, **headers)
            assert (status, problem["code"]) == (403, "origin")


def test_requests_have_a_limit_by_visitor_and_say_when_to_come_again() -> None:
    with serving(Settings(token_secret=SECRET, requests_per_minute=3)) as running:
        alice, bob = minted(sub="alice"), minted(sub="bob")
        answers = [get(running, "/v1/events", alice) for _ in range(5)]
        assert [answer.status_code for answer in answers] == [200] * 3 + [429] * 2
        assert answers[0].headers["RateLimit-Policy"] == '"requests";q=3;w=60'
        assert answers[0].headers["RateLimit"] == '"requests";r=2;t=20'
        assert answers[3].json()["code"] == "too_many_requests"
        assert 1 <= int(answers[3].headers["Retry-After"]) <= 20
        assert get(running, "/v1/events", bob).status_code == 200
        assert get(running, "/livez").status_code == 200
        status, problem, headers = refused(running, PROTOCOL, f"bearer.{alice}")
        assert (status, problem["code"]) == (429, "too_many_requests")
        assert int(headers["Retry-After"]) >= 1


def test_who_is_not_known_is_counted_by_address() -> None:
    with serving(Settings(token_secret=SECRET, requests_per_minute=3)) as running:
        codes = [get(running, "/v1/events", f"{number}").status_code for number in range(5)]
        assert codes == [401] * 3 + [429] * 2
        assert get(running, "/v1/events", minted()).status_code == 200


@pytest.mark.parametrize(("proxies", "statuses"), [("", [200, 429, 429]), ("127.0.0.0/8", [200, 200, 429])])
def test_where_a_request_comes_from_is_believed_of_proxies_that_are_named(
    proxies: str, statuses: list[int]
) -> None:
    settings = Settings(access="open", proxies=proxies, requests_per_minute=1)
    with serving(settings, "0.0.0.0") as running:
        chains = ("192.0.2.1", "198.51.100.7, 192.0.2.2", "192.0.2.1, 192.0.2.2")
        said = [get(running, "/v1/events", **{"X-Forwarded-For": chain}).status_code for chain in chains]
        assert said == statuses


HANDSHAKE = (
    "GET /v1/stream HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nX-Forwarded-For: {}\r\n\r\n"
)


@pytest.mark.timeout(300)
def test_ten_thousand_websockets_of_one_address_stay_within_its_limit() -> None:
    settings = Settings(
        access="open", proxies="127.0.0.1", sockets_per_address=20, requests_per_minute=20_000
    )
    at_a_time = asyncio.Semaphore(100)

    async def knock(port: int) -> int:
        """What is answered; by the standard library alone, since a proper client takes longer to make."""
        async with at_a_time:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(HANDSHAKE.format("192.0.2.1").encode())
            status = int((await reader.readline()).split()[1])
            writer.close()
            return status

    async def knocks(port: int, count: int) -> list[int]:
        return await asyncio.gather(*(knock(port) for _ in range(count)))

    with serving(settings, "0.0.0.0") as running, contextlib.ExitStack() as stays:
        for _ in range(20):
            stays.enter_context(connect(running.ws, additional_headers={"X-Forwarded-For": "192.0.2.1"}))
        assert Counter(asyncio.run(knocks(running.port, 9_980))) == {429: 9_980}
        with connect(running.ws, additional_headers={"X-Forwarded-For": "192.0.2.2"}) as other:
            heard(other, "status")


def test_a_full_gateway_says_so_and_logs_no_error(caplog: pytest.LogCaptureFixture) -> None:
    with serving(Settings(sockets=1)) as running:
        with connect(running.ws):
            status, problem, headers = refused(running)
        assert (status, problem["code"], headers["Retry-After"]) == (503, "full", "5")
    assert [record.msg for record in caplog.records if record.levelno >= logging.WARNING] == []


@pytest.mark.parametrize("path", ["/", "/v1/events", "/v1/nowhere"])
def test_browsers_are_told_to_stay_on_this_site(gateway: Running, path: str) -> None:
    headers = get(gateway, path).headers

    assert "default-src 'self'" in headers["Content-Security-Policy"]
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert "RateLimit" not in headers


def test_who_is_turned_away_is_counted_by_reason(guarded: Running) -> None:
    def count() -> float:
        return REGISTRY.get_sample_value("sharpline_gateway_turned_away_total", {"code": "no_token"}) or 0.0

    before = count()
    get(guarded, "/v1/events")

    assert count() == before + 1


def test_refusals_do_not_fill_the_log(guarded: Running, caplog: pytest.LogCaptureFixture) -> None:
    start_s = time.monotonic()
    with caplog.at_level(logging.INFO, "sharpline.gateway.refusals"), httpx.Client() as client:
        for _ in range(200):
            client.get(f"{guarded.http}/v1/events")

    lines = [record for record in caplog.records if record.msg == "turned away"]
    assert len(lines) <= LINES_PER_MINUTE * (1 + (time.monotonic() - start_s) / 60)


TEXT = (ROOT / "docs" / "access.md").read_text()


def test_every_code_is_documented() -> None:
    source = "".join((ROOT / "gateway" / name).read_text() for name in ("access.py", "guard.py", "limits.py"))
    codes = set(re.findall(r'"(token_\w+|too_many_\w+|no_token|forbidden|origin|full)"', source))

    assert len(codes) >= 15
    assert {code for code in codes if f"`{code}`" not in TEXT} == set()


#: These are among "any other".
SHOWING_EVERYTHING = {"/v1/events/{event}", "/v1/events/{event}/history", "/v1/unmatched"}


def test_every_address_and_its_topics_are_documented() -> None:
    rows = re.findall(r"^\| (`/.*) \| (.*) \|$", TEXT, re.MULTILINE)
    topics_of = {
        address: set(re.findall(r"`([^`]+)`", topics))
        for addresses, topics in rows
        for address in re.findall(r"`([^`]+)`", addresses)
    }

    for path in {endpoint.path for endpoint in ENDPOINTS} - SHOWING_EVERYTHING:
        (shown,) = (topics for pattern, topics in guard.SHOWN if pattern.fullmatch(path))
        assert topics_of[path] == set(shown), path
    assert topics_of.keys() >= guard.PUBLIC


@pytest.mark.parametrize(
    "field",
    [field for field in fields(Settings) if field.name.startswith(OURS)],
    ids=lambda field: field.name,
)
def test_every_setting_of_the_guard_is_documented_with_its_default(field: Field[Any]) -> None:
    rows = re.findall(rf"^\|.*`SHARPLINE_{field.name.upper()}`.*\|$", TEXT, re.MULTILINE)
    default = f"{field.default:,}" if isinstance(field.default, int) else field.default

    assert any(default in row for row in rows)

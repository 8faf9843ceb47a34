"""ETag, 304, compression, HEAD, OPTIONS and other origins, on answers as they are served."""

import gzip
from collections.abc import Iterator

import httpx
import pytest
from starlette.testclient import TestClient

from gateway.app import create_app
from gateway.guard import door_of
from gateway.hub import Hub
from pipeline.settings import Settings
from pipeline.topics import ANSWERS
from tests.gateway.running import Running, message
from tests.make_records import EVENT, example

PATH = f"/v1/events/{EVENT}"


@pytest.fixture
def known(hub: Hub) -> Hub:
    for topic in ANSWERS:
        hub.publish(message(topic))
    return hub


def test_what_has_not_changed_is_not_sent_again(known: Hub, client: TestClient) -> None:
    first = client.get(PATH)
    again = client.get(PATH, headers={"If-None-Match": first.headers["etag"]})

    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["etag"] == first.headers["etag"]
    assert again.headers["cache-control"] == "no-cache"
    known.tick(known.now_ms + 1_000, 0)
    still = client.get(PATH, headers={"If-None-Match": f'"other", W/{first.headers["etag"]}'})
    assert still.status_code == 304
    assert still.headers["sharpline-now-ms"] == str(known.now_ms)
    known.publish(message("games.states", 1, example("games.states", revision=8)))
    changed = client.get(PATH, headers={"If-None-Match": first.headers["etag"]})
    assert changed.status_code == 200
    assert changed.headers["etag"] != first.headers["etag"]


def test_another_coding_has_another_tag_and_either_is_known_again(known: Hub, client: TestClient) -> None:
    plain = client.get(PATH, headers={"Accept-Encoding": "identity"})
    packed = client.get(PATH, headers={"Accept-Encoding": "gzip"})

    assert "content-encoding" not in plain.headers
    assert packed.headers["content-encoding"] == "gzip"
    assert packed.json() == plain.json()
    assert packed.headers["etag"] != plain.headers["etag"]
    assert "Accept-Encoding" in packed.headers["vary"]
    for answer in (plain, packed):
        again = client.get(PATH, headers={"If-None-Match": answer.headers["etag"]})
        assert (again.status_code, again.headers["etag"]) == (304, answer.headers["etag"])


def test_a_small_answer_is_not_compressed(client: TestClient) -> None:
    answer = client.get("/v1/events", headers={"Accept-Encoding": "gzip"})

    assert "content-encoding" not in answer.headers


def test_head_tells_what_get_would_without_the_body(gateway: Running) -> None:
    gateway.publish(message("games.states"))
    with httpx.Client(base_url=gateway.http, headers={"Accept-Encoding": "identity"}) as client:
        whole, head = client.get("/v1/events"), client.head("/v1/events")

    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["content-length"] == str(len(whole.content))
    assert head.headers["etag"] == whole.headers["etag"]


def test_compressed_bytes_are_gzip(gateway: Running) -> None:
    gateway.publish(*(message(topic) for topic in ANSWERS))
    with httpx.Client(base_url=gateway.http) as client:
        with client.stream("GET", PATH, headers={"Accept-Encoding": "gzip"}) as answer:
            packed = b"".join(answer.iter_raw())
        assert gzip.decompress(packed) == client.get(PATH, headers={"Accept-Encoding": "identity"}).content


@pytest.mark.parametrize(
    ("path", "allowed"),
    [
        ("/v1/events", "GET, HEAD, OPTIONS"),
        (PATH, "GET, HEAD, OPTIONS"),
        ("/v1/calculate/devig", "POST, OPTIONS"),
        ("/healthz", "GET, HEAD, OPTIONS"),
        ("/registry/subjects/odds.fair-value/versions", "GET, HEAD, POST, OPTIONS"),
    ],
)
def test_options_tell_what_can_be_done(client: TestClient, path: str, allowed: str) -> None:
    answer = client.options(path)

    assert (answer.status_code, answer.headers["allow"], answer.content) == (204, allowed, b"")
    assert client.options("/v1/nothing").status_code == 404


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH"])
def test_only_what_is_offered_can_be_done(client: TestClient, method: str) -> None:
    answer = client.request(method, "/v1/events")

    assert answer.status_code == 405
    assert answer.json()["title"] == "Method Not Allowed"
    assert set(answer.headers["allow"].split(", ")) == {"GET", "HEAD"}


@pytest.fixture
def open_to_one() -> Iterator[TestClient]:
    door = door_of(Settings(origins="https://odds.example"), "127.0.0.1")
    with TestClient(create_app(Hub(), door=door)) as client:
        yield client


@pytest.mark.parametrize(
    ("origin", "allowed"), [("https://odds.example", True), ("https://other.example", False)]
)
def test_pages_of_the_origins_in_the_settings_may_ask(
    open_to_one: TestClient, origin: str, allowed: bool
) -> None:
    answer = open_to_one.get("/v1/events", headers={"Origin": origin})
    asks = {"Origin": origin, "Access-Control-Request-Method": "GET"}
    before = open_to_one.options("/v1/events", headers=asks)

    assert (answer.headers.get("access-control-allow-origin") == origin) is allowed
    assert before.status_code == (200 if allowed else 400)
    if allowed:
        assert "ETag" in answer.headers["access-control-expose-headers"]


def test_no_page_of_another_origin_may_ask_unless_it_is_set(client: TestClient) -> None:
    answer = client.get("/v1/events", headers={"Origin": "https://odds.example"})

    assert "access-control-allow-origin" not in answer.headers

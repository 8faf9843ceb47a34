"""Connections that ask slowly, or for too much, are cut; those that ask properly are not."""

import socket
import time
from collections.abc import Iterator

import pytest
from websockets.sync.client import connect

from pipeline.settings import Settings
from tests.gateway.running import Running, heard, serving

REQUEST_S = 2


@pytest.fixture(scope="module")
def hasty() -> Iterator[Running]:
    with serving(Settings(request_seconds=REQUEST_S)) as running:
        yield running


def dial(running: Running) -> socket.socket:
    return socket.create_connection(("127.0.0.1", running.port), timeout=60)


def rest(line: socket.socket) -> bytes:
    """All that still comes until the other side ends it."""
    said = b""
    try:
        while part := line.recv(65_536):
            said += part
    except ConnectionResetError:
        pass
    return said


WHOLE = b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n"
UPGRADE = (
    b"GET /v1/stream HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
)


@pytest.mark.parametrize(
    "part",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(WHOLE[:20], id="half a request"),
        pytest.param(UPGRADE, id="half a handshake"),
        pytest.param(
            b"POST /v1/calculate/devig HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{", id="half a body"
        ),
    ],
)
def test_who_does_not_finish_a_request_is_cut(hasty: Running, part: bytes) -> None:
    with dial(hasty) as line:
        line.sendall(part)
        assert rest(line) == b""


def test_who_dawdles_byte_by_byte_is_cut_all_the_same(hasty: Running) -> None:
    with dial(hasty) as line:
        line.settimeout(0.05)
        deadline = time.monotonic() + 60
        line.sendall(WHOLE[:-4] + b"\r\nX: ")
        while time.monotonic() < deadline:
            try:
                line.sendall(b"x")
                if line.recv(100) == b"":
                    return
            except TimeoutError:
                continue
            except ConnectionError:
                return
    pytest.fail("a minute went by")


def test_a_second_request_must_come_whole_too(gateway: Running) -> None:
    with dial(gateway) as line:
        line.sendall(WHOLE + WHOLE[:20])
        said = rest(line)
    assert said.count(b"200 OK") == 1


def test_requests_one_after_another_are_answered(gateway: Running) -> None:
    with dial(gateway) as line:
        for _ in range(3):
            line.sendall(WHOLE)
            assert b"200 OK" in line.recv(65_536)


def test_a_websocket_lasts_longer_than_a_request_may(hasty: Running) -> None:
    with connect(hasty.ws) as client:
        heard(client, "status")
        time.sleep(2 * REQUEST_S)
        client.send('{"op": "ping"}')
        heard(client, "pong")


@pytest.mark.parametrize(
    "handshake",
    [
        pytest.param(
            UPGRADE + b"Sec-WebSocket-Protocol: sharpline.v1, bearer." + b"x" * 9_000 + b"\r\n\r\n",
            id="a long token",
        ),
        pytest.param(UPGRADE + b"X: y\r\n" * 200 + b"\r\n", id="many headers"),
        pytest.param(UPGRADE.replace(b"stream", b"x" * 9_000) + b"\r\n", id="a long address"),
    ],
)
def test_a_handshake_that_is_too_large_is_answered(gateway: Running, handshake: bytes) -> None:
    with dial(gateway) as line:
        line.sendall(handshake)
        assert rest(line).startswith(b"HTTP/1.1 431 ")


def test_what_is_no_http_is_refused_and_not_logged_without_end(
    gateway: Running, caplog: pytest.LogCaptureFixture
) -> None:
    start_s = time.monotonic()
    for _ in range(100):
        with dial(gateway) as line:
            line.sendall(b"\x16\x03\x01 hello\r\n\r\n")
            assert rest(line).startswith(b"HTTP/1.1 400 ")

    lines = [record for record in caplog.records if record.name == "uvicorn.error"]
    assert 1 <= len(lines) <= 60 + (time.monotonic() - start_s)

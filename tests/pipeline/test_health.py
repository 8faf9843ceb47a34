"""What a process answers on its own port."""

import socket
import urllib.request

import pytest

from pipeline import health
from pipeline.errors import UsageError
from pipeline.telemetry import Part


def test_a_taken_port_is_refused_in_one_sentence() -> None:
    port = health.serve(0, lambda: True, lambda: True, Part("lag"))

    with pytest.raises(UsageError, match=f"127.0.0.1:{port} cannot be had"):
        health.serve(port, lambda: True, lambda: True, Part("lag"))


def test_who_hangs_up_early_is_not_worth_a_word(capfd: pytest.CaptureFixture[str]) -> None:
    port = health.serve(0, lambda: True, lambda: True, Part("lag"))

    for _ in range(20):
        with socket.create_connection(("127.0.0.1", port)) as asking:
            asking.sendall(b"GET /metrics HTTP/1.1\r\n\r\n")
            asking.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")  # end with a reset
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=60) as answer:
        assert b"sharpline_lag_up" in answer.read()

    # What another test's Kafka client says of a broker that has gone begins with its level.
    assert [line for line in capfd.readouterr().err.splitlines() if not line.startswith("%")] == []

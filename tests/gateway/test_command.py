import os
import socket
import subprocess
import sys

import pytest

from pipeline.local import kraft
from tests.conftest import ROOT


def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    given = {name: value for name, value in os.environ.items() if not name.startswith("SHARPLINE_")}
    return subprocess.run(
        [sys.executable, "-m", "gateway", *arguments],
        cwd=ROOT,
        env=given | environment,
        capture_output=True,
        text=True,
        timeout=60,
    )


def test_help_has_an_example() -> None:
    answer = run("--help")

    assert answer.returncode == 0
    assert "Example: sharpline serve --kafka" in answer.stdout


def one_sentence(answer: subprocess.CompletedProcess[str]) -> str:
    assert answer.returncode == 2
    assert "Traceback" not in answer.stderr
    (line,) = answer.stderr.splitlines()
    return line


def test_a_port_in_use_is_one_sentence() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        line = one_sentence(run("--port", str(port), "--kafka", "127.0.0.1:9"))

    assert line.startswith(f"sharpline serve: cannot listen on 127.0.0.1:{port}: Address already in use")
    assert "--port" in line


def test_an_address_of_another_machine_is_one_sentence() -> None:
    assert "cannot listen on 192.0.2.1:" in one_sentence(
        run("--host", "192.0.2.1", "--open", "--kafka", "127.0.0.1:9")
    )


def test_it_does_not_listen_to_others_without_keys_unless_that_is_meant() -> None:
    line = one_sentence(run("--host", "0.0.0.0", "--port", "0", "--kafka", "127.0.0.1:9"))

    assert "There are no keys to verify tokens with" in line
    assert "--open" in line
    assert "sharpline token --make-secret" in line


def test_no_kafka_named_is_one_sentence() -> None:
    assert "SHARPLINE_KAFKA" in one_sentence(run("--port", "0"))


def test_a_kafka_that_is_not_there_is_one_sentence() -> None:
    (port,) = kraft.free_ports(1)
    line = one_sentence(run("--port", "0", SHARPLINE_KAFKA=f"127.0.0.1:{port}"))

    assert f"127.0.0.1:{port}" in line


@pytest.mark.parametrize("setting", ["SHARPLINE_KAFKE", "SHARPLINE_PARTITIONS"])
def test_a_wrong_setting_is_one_sentence(setting: str) -> None:
    assert setting in one_sentence(run("--port", "0", **{setting: "x"}))

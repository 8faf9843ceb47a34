import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest
from websockets.sync.client import connect

from pipeline.local import kraft

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(240)]
SHARPLINE = Path(sys.executable).with_name("sharpline")


def eventually(holds: Callable[[], bool], seconds: float, what: str) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, what
        time.sleep(0.1)


@pytest.fixture
def up(tmp_path: Path) -> Iterator[tuple[subprocess.Popen[bytes], int, Path]]:
    """The whole pipeline on a simulated evening, its gateway's port, and what it printed."""
    (port,) = kraft.free_ports(1)
    printed = tmp_path / "printed"
    with printed.open("wb") as out:
        command = [SHARPLINE, "up", "--events", "12", "--speed", "20", "--seed", "1", "--port", str(port)]
        process = subprocess.Popen(
            [*command, "--data", str(tmp_path / "data")], stdout=out, stderr=subprocess.STDOUT
        )
    try:
        yield process, port, printed
    finally:
        process.kill()
        process.wait()


def test_an_arbitrage_is_on_a_socket_and_nothing_runs_on_when_the_command_is_killed(
    up: tuple[subprocess.Popen[bytes], int, Path],
) -> None:
    process, port, printed = up
    eventually(lambda: "ready" in printed.read_text() or process.poll() is not None, 90, "never ready")
    assert process.poll() is None, printed.read_text()

    with connect(f"ws://127.0.0.1:{port}/v1/stream", max_size=None) as socket:
        channels = [{"topic": "bets.arbitrage"}, {"topic": "games.probabilities"}]
        socket.send(json.dumps({"op": "subscribe", "id": "t", "channels": channels}))
        wanted = {"arbitrage", "probability"}
        deadline = time.monotonic() + 60
        while wanted:
            message = json.loads(socket.recv(timeout=max(0.1, deadline - time.monotonic())))
            record = message.get("record") or {}
            found = record.get("arbitrages", ())
            if any(one["kind"] == "arbitrage" and not one["suspect"] for one in found):
                wanted.discard("arbitrage")
            if record.get("game"):
                wanted.discard("probability")

    children = psutil.Process(process.pid).children(recursive=True)
    assert len(children) >= 6
    process.kill()

    eventually(
        lambda: not any(child.is_running() and child.status() != psutil.STATUS_ZOMBIE for child in children),
        10,
        f"still running: {[child for child in children if child.is_running()]}",
    )


def test_a_fold_that_dies_is_started_again_and_the_person_is_told(
    up: tuple[subprocess.Popen[bytes], int, Path],
) -> None:
    process, _, printed = up
    eventually(lambda: "ready" in printed.read_text() or process.poll() is not None, 90, "never ready")
    markets = next(
        child
        for child in psutil.Process(process.pid).children(recursive=True)
        if child.cmdline()[1:4] == ["-m", "processors", "markets"]
    )

    markets.kill()

    eventually(
        lambda: "markets died with -9; starting it again" in printed.read_text(), 20, printed.read_text()
    )


def test_at_the_end_all_that_was_folded_is_verified(tmp_path: Path) -> None:
    (port,) = kraft.free_ports(1)
    printed = tmp_path / "printed"
    with printed.open("wb") as out:
        command = [SHARPLINE, "up", "--events", "4", "--seed", "2", "--port", str(port), "--verify"]
        process = subprocess.Popen(command, stdout=out, stderr=subprocess.STDOUT)
    try:
        eventually(lambda: "first arbitrage" in printed.read_text(), 120, "never an arbitrage")
        process.send_signal(signal.SIGINT)
        code = process.wait(120)
    finally:
        process.kill()
        process.wait()

    said = printed.read_text()
    assert code == 0, said
    lines = [line.split() for line in said.splitlines()]
    table = {line[0]: line[1:] for line in lines if len(line) == 10 and line[1][0].isdigit()}
    assert set(table) == {"games", "markets", "bets"}
    assert table["markets"][0] != "0"
    for _, rows, equal, answers, answers_equal, _, in_flight, waiting, lost in table.values():
        assert (rows, answers, in_flight, waiting, lost) == (equal, answers_equal, "0", "0", "0")
    assert "holds: whatever could be checked is what its fold makes of the inputs" in said


def test_a_port_in_use_is_one_sentence(tmp_path: Path) -> None:
    import socket

    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        port = server.getsockname()[1]
        done = subprocess.run(
            [SHARPLINE, "up", "--port", str(port)], capture_output=True, text=True, timeout=60
        )

    assert done.returncode == 2
    assert done.stderr.strip() == f"sharpline: port {port} is in use; choose another with --port"


def test_a_missing_file_is_one_sentence() -> None:
    done = subprocess.run(
        [SHARPLINE, "up", "--source", "recorded", "nowhere.jsonl.xz"],
        capture_output=True,
        text=True,
        timeout=60,
        env={**os.environ},
    )

    assert done.returncode == 2
    assert done.stderr.strip() == "sharpline: there is no nowhere.jsonl.xz"

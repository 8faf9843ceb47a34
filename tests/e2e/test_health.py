"""What /livez and /readyz say while a worker, or the broker under it, does not do its work."""

import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path

import pytest

from pipeline.cluster import create_topics
from pipeline.local import kraft
from pipeline.local.broker import own_broker
from pipeline.settings import Settings
from tests.conftest import ROOT
from tests.processors.chain import chain
from tests.processors.workers import chain_worker, ended

pytestmark = pytest.mark.kafka
WITHIN_S = 60


def test_a_worker_whose_loop_is_blocked_is_not_alive(fresh_kafka: str, tmp_path: Path) -> None:
    (port,) = kraft.free_ports(1)
    create_topics(fresh_kafka, Settings(), [chain()])
    worker = chain_worker(fresh_kafka, tmp_path, port=port, sabotaged=["--fault", "blocked-loop"])
    with ended([worker]):
        worker.start()
        worker.await_said("ready stage=")
        assert answer(port, "/livez") == 200
        (tmp_path / "w0.now").touch()
        await_answer(port, "/livez", 503)


def test_a_worker_is_not_ready_while_its_broker_is_silent(tmp_path: Path) -> None:
    (port,) = kraft.free_ports(1)
    with own_broker(short_lived=True) as broker:
        create_topics(broker.bootstrap, Settings(), [chain()])
        worker = chain_worker(broker.bootstrap, tmp_path, port=port, sabotaged=["--session", "60"])
        with ended([worker]):
            worker.start()
            worker.await_said("ready stage=")
            await_answer(port, "/readyz", 200)
            assert broker.pid is not None
            os.kill(broker.pid, signal.SIGSTOP)
            await_answer(port, "/readyz", 503)
            assert answer(port, "/livez") == 200
            os.kill(broker.pid, signal.SIGCONT)
            await_answer(port, "/readyz", 200)


def test_a_producer_tells_of_its_work_and_is_not_ready_while_nothing_is_acknowledged(tmp_path: Path) -> None:
    (port,) = kraft.free_ports(1)
    with own_broker(short_lived=True) as broker:
        create_topics(broker.bootstrap, Settings(), [])
        command = ["-m", "producers", "simulator", "--events", "3", "--speed", "20", "--port", str(port)]
        with (tmp_path / "log").open("wb") as log:
            producer = subprocess.Popen(
                [sys.executable, *command, "--kafka", broker.bootstrap], cwd=ROOT, stdout=log, stderr=log
            )
        try:
            await_answer(port, "/readyz", 200)
            await_so(lambda: records_sent(port) > 0, "no record was sent")
            assert answer(port, "/livez") == 200
            assert broker.pid is not None
            os.kill(broker.pid, signal.SIGSTOP)
            await_answer(port, "/readyz", 503)
            assert answer(port, "/livez") == 200
            os.kill(broker.pid, signal.SIGCONT)
            await_answer(port, "/readyz", 200)
        finally:
            producer.kill()
            producer.wait()


def records_sent(port: int) -> float:
    """Odds that a producer says to have appended, and timed."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=WITHIN_S) as response:
        values = dict(line.rsplit(" ", 1) for line in response.read().decode().splitlines())
    timed = values.get('sharpline_producers_receive_to_append_seconds_count{topic="odds.snapshots"}', "0")
    seen = values.get(
        'sharpline_producers_source_to_receive_seconds_count{source="simulator",topic="odds.snapshots"}', "0"
    )
    sent = values.get('sharpline_producers_records_total{topic="odds.snapshots"}', "0")
    return min(float(sent), float(timed), float(seen))


def await_answer(port: int, path: str, status: int) -> None:
    await_so(lambda: answer(port, path) == status, f"{path} never said {status}")


def await_so(is_so: Callable[[], bool], otherwise: str) -> None:
    until = time.monotonic() + WITHIN_S
    while not is_so():
        assert time.monotonic() < until, otherwise
        time.sleep(0.05)


def answer(port: int, path: str) -> int:
    """The status with which it answers; 0 where it does not."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=WITHIN_S) as response:
            return int(response.status)
    except urllib.error.HTTPError as error:
        return error.code
    except OSError:
        return 0

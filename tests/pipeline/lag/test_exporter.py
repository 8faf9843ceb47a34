"""``sharpline lag-exporter`` as a process of its own, on brokers that come, go and stand still."""

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from pipeline.local import children, kraft
from pipeline.local.broker import own_broker
from tests.pipeline.lag.kafka import WITHIN_S, admin, awaited, commit, name, produce, topic

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(240)]
SECONDS, LAG = "kafka_consumergroup_group_lag_seconds", "kafka_consumergroup_lag"

Position = tuple[str, str, str]  # group, partition, topic
Series = dict[str, dict[tuple[str, ...], float]]


class Exporter:
    """The process, and what it answers."""

    def __init__(self, process: subprocess.Popen[bytes], port: int, log: Path) -> None:
        self.process, self._port, self._log = process, port, log

    def answer(self, path: str) -> tuple[int, str]:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self._port}{path}", timeout=30.0) as found:
                return found.status, found.read().decode()
        except urllib.error.HTTPError as refused:
            return refused.code, ""
        except OSError:  # not there yet
            return 0, ""

    def series(self) -> Series:
        found: Series = {}
        for family in text_string_to_metric_families(self.answer("/metrics")[1]):
            for sample in family.samples:
                labels = tuple(value for _, value in sorted(sample.labels.items()))
                found.setdefault(sample.name, {})[labels] = sample.value
        return found

    def await_up(self, up: float) -> Series:
        return awaited(self.series, lambda found: found.get("sharpline_lag_up") == {(): up})

    def await_lag(self, position: Position, lag: float | None) -> Series:
        return awaited(self.series, lambda found: found.get(LAG, {}).get(position) == lag)

    def said(self, what: str) -> int:
        return self._log.read_text().count(what)


@contextmanager
def exporter(bootstrap: str, folder: Path, every_s: float = 0.2) -> Iterator[Exporter]:
    (port,) = kraft.free_ports(1)
    log = folder / "exporter.log"
    process = children.start(
        [sys.executable, "-m", "pipeline.cli", "lag-exporter", "--kafka", bootstrap]
        + ["--port", str(port), "--every", str(every_s)],
        log=log,
    )
    try:
        yield Exporter(process, port, log)
    finally:
        children.stop(process, 0.0)


def now_ms() -> int:
    return time.time_ns() // 1_000_000


def test_seconds_follow_a_stopped_consumer_and_are_0_when_it_has_caught_up(
    kafka: str, tmp_path: Path
) -> None:
    where, group = topic(kafka, 1), name("stopped")
    stamps = [now_ms() - 5000, now_ms() - 3000]
    produce(kafka, where, 0, stamps)
    position = (group, "0", where)

    def told(found: Series) -> bool:
        return position in found.get(SECONDS, {})

    with exporter(kafka, tmp_path) as running:
        for done, stamp_ms in enumerate(stamps):
            commit(kafka, group, where, {0: done})
            running.await_lag(position, 2 - done)
            # The scrape lies between two looks at the clock, so the truth does as well.
            for _ in range(15):
                before_ms = now_ms()
                seconds = awaited(running.series, told)[SECONDS][position]
                assert (before_ms - stamp_ms) / 1000 - 0.1 <= seconds <= (now_ms() - stamp_ms) / 1000 + 0.1
                time.sleep(0.2)

        commit(kafka, group, where, {0: 2})
        caught_up = running.await_lag(position, 0)
        assert caught_up[SECONDS][position] == 0

        admin_client = admin(kafka)
        admin_client.delete_consumer_groups([group])[group].result(WITHIN_S)
        running.await_lag(position, None)
        admin_client.delete_topics([where])[where].result(WITHIN_S)
        awaited(running.series, lambda found: (where,) not in found.get("kafka_topic_partitions", {}))


def test_a_broker_that_is_killed_takes_its_series_along_and_brings_them_back(tmp_path: Path) -> None:
    with own_broker(short_lived=True) as broker:
        where, group = topic(broker.bootstrap, 1), name("lasting")
        produce(broker.bootstrap, where, 0, [now_ms()] * 10)
        commit(broker.bootstrap, group, where, {0: 4})
        with exporter(broker.bootstrap, tmp_path) as running:
            before = running.await_lag((group, "0", where), 6)
            assert running.answer("/readyz")[0] == 200
            assert before["sharpline_lag_up"] == {(): 1}

            assert broker.pid is not None
            os.kill(broker.pid, signal.SIGKILL)
            away = running.await_up(0)
            assert not [series for series in away if series.startswith("kafka_")]
            assert away["sharpline_lag_poll_errors_total"][()] >= 1
            assert (running.answer("/livez")[0], running.answer("/readyz")[0]) == (200, 503)

            awaited(lambda: not broker.is_running(), bool)
            broker.restart()
            running.await_lag((group, "0", where), 6)
            produce(broker.bootstrap, where, 0, [now_ms()])
            found = running.await_lag((group, "0", where), 7)
            assert found["sharpline_lag_up"] == {(): 1}
            awaited(running.series, lambda series: (group, "0", where) in series.get(SECONDS, {}))
            assert (running.said("broker is away"), running.said("broker is back")) == (1, 1)


def test_it_starts_before_its_broker_waits_for_a_silent_one_and_ends_when_told(tmp_path: Path) -> None:
    with own_broker(short_lived=True) as broker, exporter(broker.bootstrap, tmp_path) as running:
        assert broker.pid is not None
        os.kill(broker.pid, signal.SIGSTOP)
        try:
            running.await_up(0)
            assert running.answer("/livez")[0] == 200
            awaited(lambda: running.said("broker is away"), bool)
        finally:
            os.kill(broker.pid, signal.SIGCONT)
        running.await_up(1)
        os.kill(broker.pid, signal.SIGSTOP)
        try:
            awaited(running.series, lambda found: "kafka_brokers" not in found)
            running.process.terminate()
            assert running.process.wait(WITHIN_S) == 0
        finally:
            os.kill(broker.pid, signal.SIGCONT)
        assert running.said("broker is away") == 2


def test_it_waits_for_a_broker_that_is_not_there(tmp_path: Path) -> None:
    (port,) = kraft.free_ports(1)
    with exporter(f"127.0.0.1:{port}", tmp_path) as running:
        awaited(lambda: running.answer("/readyz")[0], lambda status: status == 503)
        awaited(lambda: running.said("broker is away"), bool)
        assert running.await_up(0)["sharpline_lag_poll_errors_total"][()] >= 1
        running.process.terminate()
        assert running.process.wait(WITHIN_S) == 0
        assert running.said("stopped") == 1


def test_a_port_that_is_taken_is_one_sentence(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        command = [sys.executable, "-m", "pipeline.cli", "lag-exporter", "--kafka", "127.0.0.1:9"]
        done = subprocess.run(
            [*command, "--port", str(port)], capture_output=True, text=True, timeout=WITHIN_S
        )

    assert done.returncode == 2
    assert f"127.0.0.1:{port} cannot be had" in done.stderr
    assert "Traceback" not in done.stderr

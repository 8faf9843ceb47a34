"""Workers as real processes, started, killed and stopped by tests."""

import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pipeline import cluster
from pipeline.local import kraft
from pipeline.settings import Settings
from pipeline.stages.fold import Stage
from tests.conftest import ROOT
from tests.processors.chain import chain

PATIENCE_S = 60.0


class Worker:
    """One process, ``python -m MODULE ARGUMENTS``; ``start`` again after its end makes it its own successor.

    ``port`` is where it answers over HTTP.
    """

    def __init__(self, bootstrap: str, log: Path, port: int, module: str, *arguments: str) -> None:
        self._command = [sys.executable, "-m", module, *arguments]
        self._environment = {**os.environ, "SHARPLINE_KAFKA": bootstrap, "PYTHONPATH": str(ROOT)}
        self._log = log
        self._port = port
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with self._log.open("ab") as log:
            self.process = subprocess.Popen(
                self._command, cwd=ROOT, env=self._environment, stdout=log, stderr=log
            )

    def said(self) -> str:
        return self._log.read_text() if self._log.exists() else ""

    def await_said(self, what: str, times: int = 1) -> None:
        """Wait until its log says something, this often since the beginning."""
        until = time.monotonic() + PATIENCE_S
        while self.said().count(what) < times:
            assert self.process is not None
            assert self.process.poll() is None, f"it ended with {self.process.returncode}: {self.said()}"
            assert time.monotonic() < until, f"it never said {what!r}: {self.said()}"
            time.sleep(0.05)

    def ended(self) -> int:
        """Its exit code, once it has ended."""
        assert self.process is not None
        return self.process.wait(PATIENCE_S)

    def kill(self) -> None:
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def pause(self) -> None:
        """Stop it as it stands, as a machine that sleeps does."""
        assert self.process is not None
        self.process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        assert self.process is not None
        self.process.send_signal(signal.SIGCONT)

    def ask_to_stop(self) -> None:
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)

    def stop(self) -> int:
        self.ask_to_stop()
        return self.ended()

    def asked(self, path: str) -> tuple[int, str]:
        """Status and body of what it serves."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self._port}{path}", timeout=5) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()


def chain_worker(
    bootstrap: str,
    folder: Path,
    worker: str = "w0",
    name: str = "chain",
    port: int = 0,
    layout: int = 1,
    sabotaged: Iterable[str] = (),
) -> Worker:
    """A worker of the chain; ``sabotaged`` are options of `tests.processors.chain_worker`."""
    arguments = [name, str(folder), worker, str(port), str(layout), *sabotaged]
    return Worker(bootstrap, folder / f"{worker}.log", port, "tests.processors.chain_worker", *arguments)


def stage_worker(
    bootstrap: str, folder: Path, stage: str, worker: str = "w0", module: str = "processors"
) -> Worker:
    """A worker of one of the real stages, as `sharpline up` starts it."""
    (port,) = kraft.free_ports(1)
    arguments = [stage, "--data", str(folder), "--port", str(port), "--worker", worker]
    return Worker(bootstrap, folder / f"{stage}-{worker}.log", port, module, *arguments)


@contextmanager
def ended(started: Iterable[Worker]) -> Iterator[None]:
    """Kill at the end what still runs."""
    try:
        yield
    finally:
        for worker in started:
            if worker.process is not None and worker.process.poll() is None:
                worker.kill()


@contextmanager
def workers(
    bootstrap: str, folder: Path, names: Iterable[str] = ("w0",), port: int = 0, layout: int = 1
) -> Iterator[list[Worker]]:
    """Workers of the chain on topics of their own, not yet started; killed at the end if need be."""
    cluster.create_topics(bootstrap, Settings(), [chain()])
    made = [chain_worker(bootstrap, folder, name, port=port, layout=layout) for name in names]
    with ended(made):
        yield made


def await_no_lag(bootstrap: str, stages: Collection[Stage[Any]]) -> None:
    """Wait until the stages have acknowledged all that there is, each other's answers with it."""
    until = time.monotonic() + PATIENCE_S
    while any((left := cluster.lag(bootstrap, stages)).values()):
        assert time.monotonic() < until, f"{left} records are still to be read"
        time.sleep(0.1)

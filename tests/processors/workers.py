"""Workers of the chain as real processes, started, killed and stopped by tests."""

import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from pipeline import cluster
from pipeline.settings import Settings
from tests.conftest import ROOT
from tests.processors.chain import chain

PATIENCE_S = 60.0


class Worker:
    """One worker; ``start`` again after its end makes it the successor of itself."""

    def __init__(self, bootstrap: str, name: str, folder: Path, worker: str, port: int, layout: int) -> None:
        self._arguments = [name, str(folder), worker, str(port), str(layout)]
        self._environment = {**os.environ, "SHARPLINE_KAFKA": bootstrap, "PYTHONPATH": str(ROOT)}
        self._log = folder / f"{worker}.log"
        self._port = port
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        command = [sys.executable, "-m", "tests.processors.chain_worker", *self._arguments]
        with self._log.open("ab") as log:
            self.process = subprocess.Popen(command, cwd=ROOT, env=self._environment, stdout=log, stderr=log)

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

    def stop(self) -> int:
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)
        return self.ended()

    def asked(self, path: str) -> tuple[int, str]:
        """Status and body of what it serves."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self._port}{path}", timeout=5) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()


@contextmanager
def workers(
    bootstrap: str, folder: Path, names: Iterable[str] = ("w0",), port: int = 0, layout: int = 1
) -> Iterator[list[Worker]]:
    """Workers of the chain on topics of their own, not yet started; killed at the end if need be."""
    cluster.create_topics(bootstrap, Settings(), [chain()])
    made = [Worker(bootstrap, "chain", folder, name, port, layout) for name in names]
    try:
        yield made
    finally:
        for worker in made:
            if worker.process is not None and worker.process.poll() is None:
                worker.kill()


def await_no_lag(bootstrap: str) -> None:
    """Wait until the chain has acknowledged all that there is."""
    until = time.monotonic() + PATIENCE_S
    while (left := cluster.lag(bootstrap, [chain()])["chain"]) > 0:
        assert time.monotonic() < until, f"{left} records are still to be read"
        time.sleep(0.1)

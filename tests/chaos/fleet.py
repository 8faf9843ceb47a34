"""The workers of stages as supervised processes, for the monkey to strike."""

import signal
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from pipeline.local import children
from pipeline.local.supervisor import STEADY_S, Service, Supervisor
from tests.conftest import ROOT
from tests.processors.chain import chain

CHAIN = chain().name
#: A load that is asked to stop first awaits what it has sent.
STOPS_S = 60.0


class Fleet:
    """Workers under the supervisor of ``sharpline up``: what dies is started again with its back-off.

    ``exits`` counts how workers ended that nobody had killed or asked to stop, by stage and code.
    """

    def __init__(self, bootstrap: str, folder: Path, say: Callable[[str], None]) -> None:
        self._folder = folder
        self._supervisor = Supervisor({"SHARPLINE_KAFKA": bootstrap, "PYTHONPATH": str(ROOT)}, say)
        self._leaving: list[Service] = []
        self._others: list[Service] = []
        self._noted: set[int] = set()
        self._log_began: dict[int, int] = {}  # by process: the size of its log when it was started
        self.exits: Counter[tuple[str, int]] = Counter()
        self.stopped: list[int] = []

    def add(self, stage: str, worker: str) -> Service:
        """Start a worker of a stage, one of the real ones or the chain."""
        if stage == CHAIN:
            command = ["-m", "tests.processors.chain_worker", stage, str(self._folder), worker, "0", "1"]
        else:
            command = ["-m", "processors", stage, "--data", str(self._folder), "--worker", worker]
        log = self._folder / f"{stage}-{worker}.log"
        service = Service(f"{stage}-{worker}", [sys.executable, *command], log)
        began = log.stat().st_size if log.exists() else 0
        self._supervisor.start(service)
        assert service.process is not None
        self._log_began[service.process.pid] = began
        return service

    def said(self) -> list[str]:
        """Every line of the logs of those that are kept running."""
        return [line for s in self.workers() if s.log.exists() for line in s.log.read_text().splitlines()]

    def beside(self, name: str, command: list[str]) -> Service:
        """Start a process that is no worker: it is not started again."""
        service = Service(name, [sys.executable, *command], self._folder / f"{name}.log")
        service.start(self._supervisor.env)
        self._others.append(service)
        return service

    def ended(self, service: Service) -> int:
        """Ask a process that is no worker to stop; its exit code."""
        self._others.remove(service)
        assert service.process is not None
        return children.stop(service.process, STOPS_S)

    def workers(self, stage: str = "") -> list[Service]:
        """Those that are kept running, of one stage or of all."""
        return [service for service in self._supervisor.services if not stage or stage_of(service) == stage]

    def running(self, stage: str = "") -> list[Service]:
        """Those of them that have a living process now."""
        return [s for s in self.workers(stage) if s.process is not None and s.process.poll() is None]

    def steady(self, stage: str = "") -> list[Service]:
        """Those that have lived for so long that they are started again at once."""
        now_s = time.monotonic()
        return [s for s in self.running(stage) if now_s - s.started_at_s > STEADY_S]

    def are_ready(self) -> bool:
        """Whether each that is kept running had its partitions and rows since it was last started."""
        return all(self.is_ready(service) for service in self.workers())

    def is_ready(self, service: Service) -> bool:
        """Whether a worker has come so far. One that is asked to stop before may end by the signal itself."""
        if service.process is None or service.process.poll() is not None:
            return False
        began = self._log_began.get(service.process.pid)
        return began is not None and b"ready stage=" in service.log.read_bytes()[began:]

    def look_after(self) -> None:
        """Start again what died and is due; call it often."""
        for service in self.workers():
            process = service.process
            if process is not None and process.poll() is not None and process.pid not in self._noted:
                self._noted.add(process.pid)
                if process.returncode != -signal.SIGKILL:
                    self.exits[stage_of(service), process.returncode] += 1
        for service in [s for s in self._leaving if s.process is not None and s.process.poll() is not None]:
            self._leaving.remove(service)
            self.stopped.append(service.process.returncode)  # type: ignore[union-attr]
        self._supervisor.look_after()
        for service in self.workers():
            if service.process is not None and service.process.pid not in self._log_began:
                self._log_began[service.process.pid] = service.log.stat().st_size

    def remove(self, service: Service) -> None:
        """Ask a worker to stop, and start it no more; its exit code will be in ``stopped``."""
        self._supervisor.services.remove(service)
        if service.process is not None and service.process.poll() is None:
            service.process.terminate()
            self._leaving.append(service)

    def has_left(self) -> bool:
        """Whether all that were asked to stop have stopped."""
        self.look_after()
        return not self._leaving

    def end(self) -> None:
        """Kill what still runs."""
        for service in [*self._others, *self.workers(), *self._leaving]:
            if service.process is not None and service.process.poll() is None:
                service.process.kill()
                service.process.wait()


def stage_of(service: Service) -> str:
    """The stage that a worker works on."""
    return service.name.rpartition("-")[0]


def send(service: Service, number: signal.Signals) -> None:
    """Send a signal to a worker's process."""
    assert service.process is not None
    service.process.send_signal(number)

"""The processes of one pipeline on this machine: started, watched, started again, stopped."""

import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from pipeline.errors import UsageError
from pipeline.local import children
from pipeline.telemetry import RESTARTS

#: How long to wait before each start after a death; the last holds for all that follow. No longer: a start
#: takes a second of CPU, and meanwhile the partitions of the dead stand still.
BACK_OFF_S = (0.0, 0.5, 1.0, 2.0)
#: A process that lived for this long has recovered: its next death starts the back-off anew.
STEADY_S = 30.0
READY_S = 90.0
#: Exit codes after which another start would end as this one did: a person has to do what the sentence says.
FINAL = frozenset({2, 74})


@dataclass
class Service:
    """One process. ``ready_url`` answers 200 when it is. One that is not ``endless`` may end with 0."""

    name: str
    command: Sequence[str | Path]
    log: Path
    ready_url: str = ""
    endless: bool = True
    process: subprocess.Popen[bytes] | None = None
    started_at_s: float = 0.0
    deaths: int = 0
    again_at_s: float = 0.0

    def start(self, env: dict[str, str]) -> None:
        """Start it, whatever came before."""
        self.process = children.start(self.command, log=self.log, env=env)
        self.started_at_s, self.again_at_s = time.monotonic(), 0.0

    def is_ready(self) -> bool:
        """Whether it says so itself."""
        try:
            with urllib.request.urlopen(self.ready_url, timeout=1.0) as answer:
                return bool(answer.status == 200)
        except (urllib.error.URLError, OSError):
            return False

    def last_words(self, lines: int = 8) -> str:
        """The end of its log."""
        if not self.log.exists():
            return ""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])


@dataclass
class Supervisor:
    """Keeps services running. ``say`` is told what a person should know."""

    env: dict[str, str]
    say: Callable[[str], None]
    services: list[Service] = field(default_factory=list)

    def start(self, service: Service) -> None:
        """Start a service and watch it from now on."""
        service.start(self.env)
        self.services.append(service)
        RESTARTS.labels(service.name)  # a rate would miss the first of a new series

    def await_ready(self, services: Sequence[Service]) -> None:
        """Return when each is ready. Raises UsageError with its last words when one dies or is too slow."""
        deadline = time.monotonic() + READY_S
        waiting = list(services)
        while waiting:
            for service in waiting:
                if service.process is not None and service.process.poll() is not None:
                    code = service.process.returncode
                    words = service.last_words()
                    raise UsageError(
                        f"{service.name} ended with {code}; its log {service.log} ends:\n{words}"
                    )
            waiting = [service for service in waiting if not service.is_ready()]
            if waiting and time.monotonic() > deadline:
                names = ", ".join(service.name for service in waiting)
                raise UsageError(f"{names} not ready after {READY_S:.0f} s; see {waiting[0].log}")
            time.sleep(0.05)

    def look_after(self) -> None:
        """Start again what died and is due; call it often, from the main thread."""
        now_s = time.monotonic()
        for service in self.services:
            process = service.process
            if process is None or process.poll() is None:
                continue
            if (not service.endless and process.returncode == 0) or process.returncode in FINAL:
                service.process = None
                said = service.last_words(1).removeprefix("sharpline produce: ")
                how = "has ended" if process.returncode == 0 else f"ended with {process.returncode}: {said}"
                self.say(f"{service.name} {how}")
                continue
            if service.again_at_s == 0.0:
                service.deaths = 0 if now_s - service.started_at_s > STEADY_S else service.deaths + 1
                wait_s = BACK_OFF_S[min(service.deaths, len(BACK_OFF_S) - 1)]
                service.again_at_s = now_s + wait_s
                self.say(f"{service.name} died with {process.returncode}; starting it again in {wait_s:g} s")
            if now_s >= service.again_at_s:
                service.start(self.env)
                RESTARTS.labels(service.name).inc()

    def stop(self) -> None:
        """End everything, last started first; the processors of one moment together."""
        for service in reversed(self.services):
            if service.process is not None and service.process.poll() is None:
                service.process.terminate()
        deadline = time.monotonic() + 10.0
        for service in reversed(self.services):
            if service.process is not None:
                children.stop(service.process, max(0.1, deadline - time.monotonic()))

"""The one way to a broker, for demo, tests and benchmarks: given, from Docker, or from the jars."""

import os
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from pipeline.errors import BrokerUnavailable
from pipeline.local import children, docker, folder, jars, kraft, readiness
from pipeline.local.folder import Kind, Note, Process
from pipeline.settings import Settings

Launch = Callable[[Path, int, int], subprocess.Popen[bytes]]  # data folder, port, controller port
Say = Callable[[str], None]

STOPS_S = 20.0
TRIES = 3  # ports that were free may be taken before the broker has them


def _silent(line: str) -> None:
    """For callers that have nobody to tell."""


@dataclass
class Broker:
    """A broker that answers at ``bootstrap``.

    ``data`` is the folder with its log, ``pid`` the process that ends when it does (java, or `docker run`).
    Both are None where an address was given. ``is_ours`` is whether it was started here and ends with us.
    """

    bootstrap: str
    kind: Kind
    data: Path | None = None
    pid: int | None = None
    _node: "_Node | None" = field(default=None, repr=False)

    @property
    def is_ours(self) -> bool:
        return self._node is not None

    def is_running(self) -> bool:
        """Whether the process we started lives; of another's broker only asking it could tell, so True."""
        return self._node is None or self._node.process.poll() is None

    def restart(self) -> None:
        """Start it again on its data and its port, after its process ended; ready when this returns."""
        if self._node is None:
            raise BrokerUnavailable(f"the broker at {self.bootstrap} is not ours to start again")
        with folder.locked(self._node.data):
            self._node.start_again()
        self.pid = self._node.process.pid


@contextmanager
def broker(data: Path | None = None, *, short_lived: bool = False, say: Say = _silent) -> Iterator[Broker]:
    """The broker of ``SHARPLINE_KAFKA`` where that is set, else `own_broker`.

    Raises
    ------
    BrokerUnavailable
        One sentence with what to do, when there is none.
    """
    given = Settings.read().kafka
    if given:
        readiness.require(given)
        yield Broker(given, "given")
        return
    with own_broker(data, short_lived=short_lived, say=say) as own:
        yield own


@contextmanager
def own_broker(
    data: Path | None = None, *, short_lived: bool = False, say: Say = _silent
) -> Iterator[Broker]:
    """A broker of our own: from Docker where its engine answers, else from the jars.

    It is ready when this yields and stopped afterwards; killed, we take it with us. Its data is in ``data``,
    or in a temporary folder that goes too. Where another living command has its broker on ``data``, that one
    is used and left alone. After a crash it starts again on its data, and on its old port if that is free.

    ``short_lived`` makes it start faster and run slower: for tests, not for measuring. ``say`` is told what
    takes long the first time. Call it from the main thread (`children.die_with_parent`).
    """
    kind, launch = _way(short_lived, say)
    with folder.opened(data) as home:
        with folder.locked(home):
            last = Note.read(home)
            node = None if last is not None and last.runs() else _Node.started(home, kind, launch, last)
        if node is None:
            assert last is not None
            bootstrap = f"127.0.0.1:{last.port}"
            readiness.require(bootstrap, f"the broker of {home}, process {last.process.pid},", "end it")
            yield Broker(bootstrap, last.kind, home, last.process.pid)
            return
        try:
            yield Broker(f"127.0.0.1:{node.port}", kind, home, node.process.pid, node)
        finally:
            with folder.locked(home):
                node.stop(patience_s=0.0 if data is None else STOPS_S)


def prepare(say: Say) -> None:
    """Have everything here that a broker needs, so that its first start takes no longer than any."""
    given = Settings.read().kafka
    if given:
        readiness.require(given)
    else:
        _way(False, say)


def _way(short_lived: bool, say: Say) -> tuple[Kind, Launch]:
    """How this machine runs a broker; `BrokerUnavailable` when it cannot."""
    refusal = ""
    if docker.engine_answers():
        refusal = docker.missing_image(say)
        if not refusal:
            return "docker", lambda *where: docker.launch(*where, short_lived=short_lived)
    try:
        kafka = jars.installed(say)
    except BrokerUnavailable as error:
        if refusal:
            raise BrokerUnavailable(f"Docker has no {docker.image()} ({refusal}), and {error}") from None
        raise
    return "jars", lambda *where: jars.launch(kafka, *where, short_lived=short_lived)


@dataclass
class _Node:
    """The process of a broker of ours."""

    data: Path
    kind: Kind
    launch: Launch
    port: int
    controller_port: int
    process: subprocess.Popen[bytes]

    @classmethod
    def started(cls, data: Path, kind: Kind, launch: Launch, last: Note | None) -> "_Node":
        port, controller_port = (last.port, last.controller_port) if last is not None else kraft.free_ports(2)
        for tries_left in reversed(range(TRIES)):
            if not (kraft.is_free(port) and kraft.is_free(controller_port)):
                port, controller_port = kraft.free_ports(2)
            node = cls(data, kind, launch, port, controller_port, launch(data, port, controller_port))
            try:
                node.await_ready()
                break
            except BrokerUnavailable:
                taken = not (kraft.is_free(port) and kraft.is_free(controller_port))
                if not (taken and tries_left):
                    raise
        return node

    def start_again(self) -> None:
        if taken := [port for port in (self.port, self.controller_port) if not kraft.is_free(port)]:
            raise BrokerUnavailable(
                f"port {taken[0]}, where the broker of {self.data} listened, is in use by another process; "
                "end that process, or stop everything and start anew"
            )
        self.process = self.launch(self.data, self.port, self.controller_port)
        self.await_ready()

    def await_ready(self) -> None:
        """Leave the note for those who find the folder and wait until it answers; end it when it does not."""
        note = Note(
            self.kind, self.port, self.controller_port, Process.of(self.process.pid), Process.of(os.getpid())
        )
        note.write(self.data)
        try:
            readiness.wait(f"127.0.0.1:{self.port}", self.process, self.data / "broker.log")
        except BaseException:
            self.stop(patience_s=0.0)
            raise

    def stop(self, patience_s: float) -> None:
        children.stop(self.process, patience_s)
        if self.kind == "docker":
            docker.kill(self.port)

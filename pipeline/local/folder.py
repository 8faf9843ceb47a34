"""A broker's data folder: who runs on it, and the one who may start it now."""

import fcntl
import json
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal, Self

import psutil

from pipeline.errors import BrokerUnavailable

Kind = Literal["given", "docker", "jars"]

PREFIX = "sharpline-kafka-"  # of temporary folders
DYING_S = 40.0  # a broker whose owner was killed: from jars at once, in a container as long as a clean stop


@dataclass(frozen=True)
class Process:
    """A process, told by when it began from a later one that was given the same id."""

    pid: int
    began_at: float

    @classmethod
    def of(cls, pid: int) -> Self:
        """The process that has this id now; psutil.NoSuchProcess when none has."""
        return cls(pid, psutil.Process(pid).create_time())

    def lives(self) -> bool:
        """Whether it is still there, and more than a zombie."""
        try:
            process = psutil.Process(self.pid)
            same = bool(abs(process.create_time() - self.began_at) < 1.0)
            return same and bool(process.status() != psutil.STATUS_ZOMBIE)
        except psutil.NoSuchProcess:
            return False


@dataclass(frozen=True)
class Note:
    """``broker.json``: the broker that runs, or last ran, on a folder, and the process that it dies with."""

    kind: Kind
    port: int
    controller_port: int
    process: Process
    owner: Process

    def write(self, folder: Path) -> None:
        """Leave the note, whole or not at all."""
        made = folder / "broker.json.made"
        made.write_text(json.dumps(asdict(self), indent=1))
        made.rename(folder / "broker.json")

    @classmethod
    def read(cls, folder: Path) -> Self | None:
        """The folder's note, or None. `BrokerUnavailable` when the file is not a note of ours."""
        try:
            said = json.loads((folder / "broker.json").read_text())
            process, owner = Process(**said.pop("process")), Process(**said.pop("owner"))
            return cls(process=process, owner=owner, **said)
        except FileNotFoundError:
            return None
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise BrokerUnavailable(
                f"{folder / 'broker.json'} is not ours ({error}); remove it or name another data folder"
            ) from error

    def runs(self) -> bool:
        """Whether this broker is up and will stay; one that lost its owner is first given time to die."""
        give_up_at = time.monotonic() + DYING_S
        while self.process.lives():
            if self.owner.lives():
                return True
            if time.monotonic() > give_up_at:
                raise BrokerUnavailable(
                    f"the broker of process {self.process.pid} has outlived the command that started it; "
                    f"end it: kill {self.process.pid}"
                )
            time.sleep(0.05)
        return False


@contextmanager
def opened(data: Path | None) -> Iterator[Path]:
    """The named folder, made if need be, or a temporary one that is gone afterwards."""
    if data is not None:
        try:
            data.mkdir(parents=True, exist_ok=True)
            (data / "broker.lock").touch()
        except OSError as error:
            raise BrokerUnavailable(
                f"the broker cannot keep its data in {data} ({error.strerror}); name a folder to write in"
            ) from error
        yield data.absolute()
        return
    sweep()
    temporary = Path(tempfile.mkdtemp(prefix=PREFIX))
    try:
        yield temporary
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def sweep() -> None:
    """Remove the temporary folders of brokers whose owner was killed before it could."""
    for left in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        try:
            note = Note.read(left)
        except (OSError, BrokerUnavailable):  # another user's
            continue
        if note is not None and not note.owner.lives() and not note.process.lives():
            shutil.rmtree(left, ignore_errors=True)


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Nobody else starts or stops a broker on this folder meanwhile; waits for who does so now."""
    lock = os.open(folder / "broker.lock", os.O_RDWR | os.O_CREAT)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
    finally:
        os.close(lock)

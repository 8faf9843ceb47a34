"""Processes that end with the one that started them, however that one ends."""

import ctypes
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

PR_SET_PDEATHSIG = 1  # linux/prctl.h

# Loaded here: between fork and exec nothing may be imported, another thread could have held the import lock.
_prctl = ctypes.CDLL(None, use_errno=True).prctl if sys.platform == "linux" else None


def die_with_parent(signum: signal.Signals = signal.SIGKILL) -> Callable[[], None]:
    """What a child runs between fork and exec (``preexec_fn``) so that its parent's end is its own.

    The kernel sends ``signum`` when the parent is gone, even by SIGKILL, where no handler of ours could run.
    It counts the *thread* that forked as the parent: start children from a thread that lives as long as they
    shall, in practice the main one (`start` insists on it). The setting survives exec but is not inherited,
    so each generation needs its own. Only Linux has it; elsewhere a killed parent leaves its children behind.
    """
    parent = os.getpid()

    def before_exec() -> None:
        if _prctl is not None:
            _prctl(PR_SET_PDEATHSIG, int(signum))
            if os.getppid() != parent:  # it died before the kernel knew
                os._exit(1)

    return before_exec


def start(
    command: Sequence[str | Path],
    *,
    log: Path | None = None,
    env: Mapping[str, str] | None = None,
    stdin: int = subprocess.DEVNULL,
    dies_with_us: bool = True,
) -> subprocess.Popen[bytes]:
    """Start a child of this process that dies with it; its output is appended to ``log``.

    The child leads a session of its own: Ctrl-C in the terminal reaches us alone, and we stop the children
    in the order that suits them. ``log`` None lets it write where we do; ``env`` is added to ours.

    Raises
    ------
    RuntimeError
        When called off the main thread, see `die_with_parent`.
    """
    if threading.current_thread() is not threading.main_thread():
        raise RuntimeError(
            "children live as long as the thread that starts them: start them from the main one"
        )
    with log.open("ab") if log is not None else open(os.devnull, "rb") as out:
        return subprocess.Popen(
            [str(part) for part in command],
            stdin=stdin,
            stdout=out if log is not None else None,
            stderr=subprocess.STDOUT if log is not None else None,
            env={**os.environ, **(env or {})},
            start_new_session=True,
            preexec_fn=die_with_parent() if dies_with_us else None,
        )


def stop(process: subprocess.Popen[bytes], patience_s: float) -> int:
    """End a child: SIGTERM, after ``patience_s`` SIGKILL (at once when it is 0). Returns its exit code."""
    if process.stdin is not None:
        process.stdin.close()
    if process.poll() is None and patience_s > 0.0:
        process.terminate()
        try:
            return process.wait(patience_s)
        except subprocess.TimeoutExpired:
            pass
    process.kill()
    return process.wait()

import signal
import subprocess
import sys
import threading
from pathlib import Path

import psutil
import pytest

from pipeline.local import children
from tests.conftest import ROOT

PARENT = """
import subprocess, sys
from pipeline.local import children

child = children.start([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
print(child.pid, flush=True)
child.wait()
"""


def test_a_child_dies_when_its_parent_is_killed() -> None:
    parent = subprocess.Popen([sys.executable, "-c", PARENT], stdout=subprocess.PIPE, cwd=ROOT)
    assert parent.stdout is not None
    child = psutil.Process(int(parent.stdout.readline()))

    parent.kill()

    assert psutil.wait_procs([child], timeout=30) == ([child], [])


def test_a_child_that_ignores_a_request_to_stop_is_killed() -> None:
    deaf = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); print(flush=True); signal.pause()"
    child = subprocess.Popen([sys.executable, "-c", deaf], stdout=subprocess.PIPE)
    assert child.stdout is not None
    child.stdout.readline()

    assert children.stop(child, patience_s=0.2) == -signal.SIGKILL


def test_a_child_that_stops_when_asked_is_not_killed() -> None:
    child = children.start([sys.executable, "-c", "import signal; signal.pause()"])

    assert children.stop(child, patience_s=60.0) == -signal.SIGTERM


def test_the_output_of_a_child_is_added_to_its_log(tmp_path: Path) -> None:
    log = tmp_path / "child.log"
    log.write_text("before\n")

    children.start(["sh", "-c", "echo said; echo complained >&2"], log=log).wait()

    assert log.read_text() == "before\nsaid\ncomplained\n"


def test_a_thread_that_may_end_first_cannot_start_children() -> None:
    raised: list[RuntimeError] = []

    def work() -> None:
        with pytest.raises(RuntimeError) as told:
            children.start(["true"])
        raised.append(told.value)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()

    assert "main" in str(raised[0])

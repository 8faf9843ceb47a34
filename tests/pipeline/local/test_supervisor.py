"""What dies is started again, unless another start would end in the same way."""

import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from prometheus_client import REGISTRY

from pipeline.local.supervisor import BACK_OFF_S, Service, Supervisor

PATIENCE_S = 20.0
RESTARTS = "sharpline_supervisor_restarts_total"


def service(folder: Path, script: str, **how: bool) -> Service:
    return Service("part", [sys.executable, "-c", script], folder / "log", **how)


def look_after_until(supervisor: Supervisor, reached: Callable[[], bool]) -> None:
    until = time.monotonic() + PATIENCE_S
    while not reached():
        assert time.monotonic() < until
        supervisor.look_after()
        time.sleep(0.01)


@pytest.mark.parametrize("endless", [True, False])
def test_what_dies_is_started_again_each_time_after_a_longer_wait(tmp_path: Path, endless: bool) -> None:
    said: list[str] = []
    supervisor = Supervisor({}, said.append)
    before = REGISTRY.get_sample_value(RESTARTS, {"app": "part"}) or 0.0
    died = "import sys; print('begun', flush=True); sys.exit(70)"
    supervisor.start(service(tmp_path, died, endless=endless))

    look_after_until(supervisor, lambda: (tmp_path / "log").read_text().count("begun") == 3)

    supervisor.stop()
    assert said[:2] == [f"part died with 70; starting it again in {wait:g} s" for wait in BACK_OFF_S[1:3]]
    assert REGISTRY.get_sample_value(RESTARTS, {"app": "part"}) == before + 2


@pytest.mark.parametrize("code", [2, 74])
def test_what_a_person_has_to_mend_is_said_and_not_started_again(tmp_path: Path, code: int) -> None:
    said: list[str] = []
    supervisor = Supervisor({}, said.append)
    part = service(tmp_path, f"import sys; print('rows have another layout'); sys.exit({code})")
    supervisor.start(part)

    look_after_until(supervisor, lambda: part.process is None)

    assert said == [f"part ended with {code}: rows have another layout"]


def test_what_may_end_is_left_ended(tmp_path: Path) -> None:
    said: list[str] = []
    supervisor = Supervisor({}, said.append)
    part = service(tmp_path, "", endless=False)
    supervisor.start(part)

    look_after_until(supervisor, lambda: part.process is None)

    assert said == ["part has ended"]

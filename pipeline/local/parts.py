"""The processes of a whole pipeline on this machine, and where each can be asked how it is."""

import json
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from pipeline.errors import UsageError
from pipeline.local import kraft
from pipeline.local.supervisor import Service
from pipeline.stages import STAGES

MONITORING = Path(__file__).parents[2] / "deploy" / "prometheus"
KEPT = "--storage.tsdb.retention.time=7d"


class Target(NamedTuple):
    """What Prometheus asks: the job and the app that it is, and its port on this machine."""

    job: str
    app: str
    port: int

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


@dataclass(frozen=True)
class Parts:
    """Folds and gateway start side by side; the producer, sinks, and what watches, when these are ready."""

    folds: list[Service]
    gateway: Service
    producer: Service
    lag_exporter: Service
    sinks: list[Service]
    targets: list[Target]


def parts(home: Path, gateway_port: int, source: list[str], *, stored: bool = False) -> Parts:
    """The parts of a pipeline whose folder is ``home`` and whose producer reads ``source``.

    ``stored``: there is a database that keeps the answers.
    """
    logs = home / "logs"
    logs.mkdir(exist_ok=True)
    *fold_ports, producer_port, lag_port, sink_port = kraft.free_ports(len(STAGES) + 3)
    targets = [Target("processors", stage, at) for stage, at in zip(STAGES, fold_ports, strict=True)]
    targets.append(Target("gateway", "gateway", gateway_port))
    targets.append(Target("producers", "producer", producer_port))
    targets.append(Target("lag-exporter", "lag-exporter", lag_port))
    if stored:
        targets.append(Target("sink", "sink", sink_port))
    at = {target.app: target for target in targets}

    def service(app: str, *command: str, endless: bool = True) -> Service:
        run = [sys.executable, "-m", *command, "--port", str(at[app].port)]
        return Service(app, run, logs / f"{app}.log", f"{at[app].url}/readyz", endless)

    return Parts(
        folds=[
            service(stage, "processors", stage, "--data", str(home / "workers" / stage)) for stage in STAGES
        ],
        gateway=service("gateway", "gateway", "--open"),  # on loopback, whatever keys are set
        producer=service("producer", "producers", *source, endless=False),
        lag_exporter=service("lag-exporter", "pipeline.cli", "lag-exporter"),
        sinks=[service("sink", "processors.sinks", "postgres")] if stored else [],
        targets=targets,
    )


def tell_prometheus(home: Path, targets: list[Target]) -> Path:
    """Write a folder that a Prometheus can run on: its configuration, rules and what to ask. Returns it.

    Outside of the source tree there is no configuration, and it has only what to ask.
    """
    folder = home / "prometheus"
    if MONITORING.is_dir():
        aside = shutil.ignore_patterns("targets", "tests")
        shutil.copytree(MONITORING, folder, dirs_exist_ok=True, ignore=aside)
    (folder / "targets").mkdir(parents=True, exist_ok=True)
    groups = [
        {"targets": [f"127.0.0.1:{target.port}"], "labels": {"job": target.job, "app": target.app}}
        for target in targets
    ]
    (folder / "targets" / "sharpline.json").write_text(json.dumps(groups, indent=1))
    return folder


def prometheus(folder: Path, port: int) -> Service:
    """A Prometheus from this machine's PATH on such a folder. Raises UsageError where there is none."""
    if not (folder / "prometheus.yml").exists():
        raise UsageError(
            f"there is no configuration for Prometheus outside of the source tree; {folder / 'targets'} has"
            " what to ask: point a Prometheus of your own there, and leave --prometheus out"
        )
    program = shutil.which("prometheus")
    if program is None:
        raise UsageError(
            "there is no prometheus on the PATH: install it (Debian: apt-get install prometheus), or leave"
            " --prometheus out"
        )
    command = [
        program,
        f"--config.file={folder / 'prometheus.yml'}",
        f"--storage.tsdb.path={folder / 'data'}",
        f"--web.listen-address=127.0.0.1:{port}",
        KEPT,
    ]
    return Service("prometheus", command, folder / "prometheus.log", f"http://127.0.0.1:{port}/-/ready")

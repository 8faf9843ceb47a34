"""A real Prometheus for tests: its programs, and one that runs on our configuration.

Where they are not installed they are unpacked from Debian's package into the project's cache folder, which
takes no root.
"""

import json
import shutil
import subprocess
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.local import children
from pipeline.local.jars import cache_folder
from pipeline.local.kraft import free_ports
from tests.conftest import ROOT

CONFIGURATION = ROOT / "deploy" / "prometheus"
PROGRAMS = ("prometheus", "promtool")
STARTS_S = 60.0  # 0.2 s on a quiet machine
STOPS_S = 10.0
ANSWERS_S = 10.0
INSTALL = (
    "install it so that `prometheus` and `promtool` are on the path (Debian: apt-get install prometheus)"
)


class PrometheusMissing(Exception):
    """There is no Prometheus and none can be fetched; a test that needs one fails with this."""


def program(name: str) -> Path:
    """Where ``prometheus`` or ``promtool`` is: on the path, else in the cache, fetched if need be."""
    on_path = shutil.which(name)
    if on_path is not None:
        return Path(on_path)
    kept = cache_folder() / "prometheus"
    if not kept.is_dir():
        _fetch(kept)
    return kept / name


def _fetch(kept: Path) -> None:
    """Unpack Debian's package. The package lists are our own too: the machine's may be old, or not there."""
    missing = [tool for tool in ("apt-get", "dpkg-deb") if shutil.which(tool) is None]
    if missing:
        raise PrometheusMissing(f"there is no Prometheus and no {missing[0]} to fetch it with; {INSTALL}")
    kept.parent.mkdir(parents=True, exist_ok=True)
    # On the cache's own file system, so that what is complete is moved there in one step.
    with tempfile.TemporaryDirectory(prefix=".making-", dir=kept.parent) as made:
        folder = Path(made)
        (folder / "lists" / "partial").mkdir(parents=True)
        apt = [
            "apt-get",
            "-qq",
            "-o",
            f"Dir::State::lists={folder}/lists",
            "-o",
            f"Dir::Cache={folder}/cache",
        ]
        apt += ["-o", "APT::Sandbox::User="]  # as root it would become a user who may not write here
        _run([*apt, "update"], folder)
        _run([*apt, "download", "prometheus"], folder)
        (package,) = folder.glob("*.deb")
        _run(["dpkg-deb", "-x", package.name, "unpacked"], folder)
        (folder / "programs").mkdir()
        for name in PROGRAMS:
            (folder / "unpacked" / "usr" / "bin" / name).rename(folder / "programs" / name)
        try:
            (folder / "programs").rename(kept)
        except OSError:
            if not kept.is_dir():  # else another test process was first, and its copy is as good
                raise


def _run(command: Sequence[str], folder: Path) -> None:
    answer = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if answer.returncode != 0:
        said = (answer.stderr.strip() or "nothing").splitlines()[-1]
        raise PrometheusMissing(f"{command[0]} could not fetch Prometheus ({said}); {INSTALL}")


@dataclass(frozen=True)
class Prometheus:
    """One that runs; ``address`` is ``http://host:port``."""

    address: str

    def ask(self, path: str, **parameters: str) -> Any:
        """The ``data`` of an answer of its HTTP API, `ValueError` with its complaint if it refuses."""
        url = f"{self.address}/api/v1/{path}?{urllib.parse.urlencode(parameters)}"
        try:
            with urllib.request.urlopen(url, timeout=ANSWERS_S) as answer:
                return json.load(answer)["data"]
        except urllib.error.HTTPError as error:
            raise ValueError(f"{path} {parameters}: {error.read().decode()}") from error

    def query(self, expression: str) -> list[dict[str, Any]]:
        """An instant query now: ``[{"metric": {label: value}, "value": [Unix s, "number"]}, ...]``."""
        found: list[dict[str, Any]] = self.ask("query", query=expression)["result"]
        return found


@contextmanager
def running(
    folder: Path, targets: Sequence[dict[str, Any]], *, at_once: bool = False
) -> Iterator[Prometheus]:
    """Prometheus on a copy of our configuration that scrapes ``targets``; all that it keeps is in ``folder``.

    ``targets`` are as in a file for ``file_sd_configs``, so job and app are labels:
    ``{"targets": ["127.0.0.1:9401"], "labels": {"job": "processors", "app": "games"}}``. They are written to
    ``folder/targets/test.json``, which a test may write anew while it runs. ``at_once``: rules that are asked
    every few minutes are asked as often as the others.
    """
    shutil.copyfile(CONFIGURATION / "prometheus.yml", folder / "prometheus.yml")
    shutil.copytree(CONFIGURATION / "rules", folder / "rules")
    for path in (folder / "rules").glob("*.yml") if at_once else ():
        path.write_text(path.read_text().replace("    interval: 5m\n", ""))
    (folder / "targets").mkdir()
    (folder / "targets" / "test.json").write_text(json.dumps(list(targets)))
    (port,) = free_ports(1)
    log = folder / "prometheus.log"
    process = children.start(
        [
            program("prometheus"),
            f"--config.file={folder}/prometheus.yml",
            f"--storage.tsdb.path={folder}/tsdb",
            f"--web.listen-address=127.0.0.1:{port}",
            "--log.level=warn",
        ],
        log=log,
    )
    try:
        _wait_until_ready(f"http://127.0.0.1:{port}", process, log)
        yield Prometheus(f"http://127.0.0.1:{port}")
    finally:
        children.stop(process, STOPS_S)


def _wait_until_ready(address: str, process: subprocess.Popen[bytes], log: Path) -> None:
    give_up_at = time.monotonic() + STARTS_S
    while process.poll() is None and time.monotonic() < give_up_at:
        try:
            urllib.request.urlopen(f"{address}/-/ready", timeout=ANSWERS_S).close()
            return
        except OSError:  # refused, or 503 until its rules and its database are read
            time.sleep(0.05)
    raise AssertionError(f"Prometheus is not ready at {address}:\n{log.read_text()}")

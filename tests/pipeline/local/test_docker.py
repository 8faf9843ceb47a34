"""The broker by way of `docker`, here one that runs what it is told on this machine and in no container.

It shows that the settings, the shell script and the way down fit a real Kafka; the image it cannot show.
"""

import shlex
import subprocess
import sys
from pathlib import Path

import psutil
import pytest
from confluent_kafka.admin import AdminClient

from pipeline.local import jars
from pipeline.local.broker import own_broker
from tests.conftest import ROOT

pytestmark = pytest.mark.kafka

DOCKER = """#!/bin/sh
[ "$1" = run ] || exit 0
while [ "$1" != -c ]; do
    [ "$1" = --volume ] && data=${2%%:*}
    shift
done
exec sh -c "$2" "$3" "$data"
"""

COMMAND = """
import sys
from pathlib import Path
from pipeline.local.broker import own_broker

with own_broker(Path(sys.argv[1]), short_lived=True) as own:
    print(own.pid, flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A `docker`, and Kafka's two scripts as the image has them, on the path."""
    kafka = jars.installed(print)
    folder = tmp_path / "bin"
    folder.mkdir()
    settings = "sed s,=/data,=$PWD, server.properties > here.properties\n"
    format_ = kafka.command("kafka.tools.StorageTool", "format", "-c", "here.properties", options=jars.QUICK)
    serve = kafka.command("kafka.Kafka", "here.properties", options=jars.QUICK)
    for name, script in {
        "docker": DOCKER,
        "kafka-storage.sh": f'#!/bin/sh\n{settings}exec {shlex.join(map(str, format_))} "$2"\n',
        "kafka-server-start.sh": f"#!/bin/sh\n{settings}exec {shlex.join(map(str, serve))}\n",
    }.items():
        (folder / name).write_text(script)
        (folder / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(folder), prepend=":")


@pytest.mark.usefixtures("engine")
def test_a_container_s_broker_answers_and_stops_when_asked(tmp_path: Path) -> None:
    with own_broker(tmp_path / "data", short_lived=True) as own:
        nodes = AdminClient({"bootstrap.servers": own.bootstrap}).list_topics(timeout=30).brokers
        family = [psutil.Process(own.pid), *psutil.Process(own.pid).children(recursive=True)]

    assert own.kind == "docker"
    assert len(nodes) == 1
    assert psutil.wait_procs(family, timeout=30)[1] == []


@pytest.mark.usefixtures("engine")
def test_a_container_stops_when_its_command_is_killed_and_its_data_is_found_again(tmp_path: Path) -> None:
    killed = subprocess.Popen(
        [sys.executable, "-c", COMMAND, tmp_path / "data"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=ROOT,
    )
    assert killed.stdout is not None
    container = psutil.Process(int(killed.stdout.readline()))
    family = [container, *container.children(recursive=True)]
    ids = (tmp_path / "data" / "log" / "meta.properties").read_text()

    killed.kill()

    assert psutil.wait_procs(family, timeout=60)[1] == []
    with own_broker(tmp_path / "data", short_lived=True):
        assert (tmp_path / "data" / "log" / "meta.properties").read_text() == ids

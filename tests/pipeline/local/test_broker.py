import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from pipeline.errors import BrokerUnavailable
from pipeline.local import kraft
from pipeline.local.broker import broker, own_broker
from tests.conftest import ROOT

pytestmark = pytest.mark.kafka

COMMAND = """
import sys
from pathlib import Path
from pipeline.local.broker import own_broker

with own_broker(Path(sys.argv[1]) if sys.argv[1] else None, short_lived=True) as own:
    print(own.pid, own.bootstrap, own.data, flush=True)
    sys.stdin.read()
"""


def command(data: Path | str) -> subprocess.Popen[str]:
    """Another process that has a broker on ``data`` until its input ends."""
    return subprocess.Popen(
        [sys.executable, "-c", COMMAND, str(data)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    )


def said(process: subprocess.Popen[str]) -> tuple[psutil.Process, str, Path]:
    """What it said of its broker once that was ready: process, bootstrap address, data folder."""
    assert process.stdout is not None
    pid, bootstrap, data = process.stdout.readline().split()
    return psutil.Process(int(pid)), bootstrap, Path(data)


def create(bootstrap: str, topic: str) -> None:
    admin = AdminClient(
        {"bootstrap.servers": bootstrap}
    )  # named: without it the request dies with its client
    admin.create_topics([NewTopic(topic, 4, 1)])[topic].result(30)


def topics(bootstrap: str) -> set[str]:
    return set(AdminClient({"bootstrap.servers": bootstrap}).list_topics(timeout=30).topics)


@contextmanager
def listening(address: str) -> Iterator[None]:
    """Somebody else's server at this address."""
    host, port = address.split(":")
    with socket.create_server((host, int(port))):
        yield


def test_a_broker_is_ready_when_it_is_handed_over_and_gone_afterwards() -> None:
    with own_broker(short_lived=True) as own:
        admin = AdminClient({"bootstrap.servers": own.bootstrap})
        nodes = admin.describe_cluster(request_timeout=30).result().nodes
        process, data = psutil.Process(own.pid), own.data

    assert [f"{node.host}:{node.port}" for node in nodes] == [own.bootstrap]
    assert not process.is_running()
    assert data is not None
    assert not data.exists()


def test_topics_are_not_made_by_asking_for_them(fresh_kafka: str) -> None:
    admin = AdminClient({"bootstrap.servers": fresh_kafka})
    admin.list_topics("odds.snapshots", timeout=30)

    assert topics(fresh_kafka) == set()


def test_a_killed_broker_restarts_in_place_with_its_topics() -> None:
    with own_broker(short_lived=True) as own:
        create(own.bootstrap, "odds.snapshots")
        address, process = own.bootstrap, psutil.Process(own.pid)
        process.kill()
        psutil.wait_procs([process])
        died = not own.is_running()

        own.restart()

        assert died
        assert own.is_running()
        assert own.bootstrap == address
        assert "odds.snapshots" in topics(own.bootstrap)


def test_a_broker_dies_with_its_killed_parent_and_is_found_again_on_its_data(tmp_path: Path) -> None:
    parent = command(tmp_path)
    process, address, _ = said(parent)
    create(address, "games.events")

    parent.kill()
    gone, alive = psutil.wait_procs([process], timeout=30)

    assert (gone, alive) == ([process], [])
    with own_broker(tmp_path, short_lived=True) as found:
        assert found.bootstrap == address
        assert "games.events" in topics(found.bootstrap)


def test_a_stopped_broker_keeps_the_data_of_a_named_folder(tmp_path: Path) -> None:
    with own_broker(tmp_path, short_lived=True) as first:
        create(first.bootstrap, "clock.ticks")
    with own_broker(tmp_path, short_lived=True) as second:
        assert "clock.ticks" in topics(second.bootstrap)


def test_a_taken_port_is_replaced_on_the_next_start(tmp_path: Path) -> None:
    with own_broker(tmp_path, short_lived=True) as first:
        create(first.bootstrap, "clock.ticks")
    with listening(first.bootstrap), own_broker(tmp_path, short_lived=True) as second:
        assert second.bootstrap != first.bootstrap
        assert "clock.ticks" in topics(second.bootstrap)


def test_a_broker_whose_port_was_taken_says_so_when_restarted() -> None:
    with own_broker(short_lived=True) as own:
        process = psutil.Process(own.pid)
        process.kill()
        psutil.wait_procs([process])

        with listening(own.bootstrap), pytest.raises(BrokerUnavailable, match="in use by another process"):
            own.restart()


def test_the_broker_of_another_living_command_is_used_and_left_running(tmp_path: Path) -> None:
    other = command(tmp_path)
    process, address, _ = said(other)

    with own_broker(tmp_path, short_lived=True) as same:
        assert (same.bootstrap, same.pid, same.is_ours) == (address, process.pid, False)

    assert process.is_running()
    other.communicate()
    assert not process.is_running()


def test_the_temporary_folder_of_a_killed_command_is_removed_by_the_next(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))  # else a test beside this one may be the next
    monkeypatch.setattr(tempfile, "tempdir", None)
    killed = command("")
    process, _, left = said(killed)
    killed.kill()
    killed.wait()
    psutil.wait_procs([process], timeout=30)
    was_left = left.exists()

    with own_broker(short_lived=True):
        assert was_left
        assert not left.exists()


def test_a_given_address_that_nobody_answers_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    address = f"127.0.0.1:{kraft.free_ports(1)[0]}"
    monkeypatch.setenv("SHARPLINE_KAFKA", address)

    with pytest.raises(
        BrokerUnavailable, match=rf"does not answer at {address}.*unset SHARPLINE_KAFKA"
    ) as told:
        with broker():
            pass

    assert "\n" not in str(told.value)


def test_a_given_address_is_used_and_left_running(fresh_kafka: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHARPLINE_KAFKA", fresh_kafka)

    with broker() as given:
        assert (given.bootstrap, given.kind, given.is_ours) == (fresh_kafka, "given", False)
    with pytest.raises(BrokerUnavailable, match="not ours"):
        given.restart()

    assert topics(fresh_kafka) == set()


def test_a_data_folder_that_cannot_be_made_is_one_sentence(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch()

    with pytest.raises(BrokerUnavailable, match=r"cannot keep its data in .*file.broker \(Not a directory\)"):
        with own_broker(file / "broker"):
            pass


def test_a_folder_with_a_foreign_note_is_refused(tmp_path: Path) -> None:
    (tmp_path / "broker.json").write_text('{"process": 1}')

    with pytest.raises(BrokerUnavailable, match="is not ours"):
        with own_broker(tmp_path):
            pass


def test_what_the_broker_complains_of_is_in_the_error(tmp_path: Path) -> None:
    with own_broker(tmp_path, short_lived=True):
        pass
    (tmp_path / "log" / "meta.properties").write_text("version=1\ncluster.id=another\nnode.id=7\n")

    with pytest.raises(BrokerUnavailable, match=r"ended while it started: .*Stored node id 7 doesn't match"):
        with own_broker(tmp_path, short_lived=True):
            pass

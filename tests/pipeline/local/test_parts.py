"""The parts of a pipeline on this machine: each at a port of its own, all of them known to Prometheus."""

import json
from pathlib import Path

import pytest

from pipeline.errors import UsageError
from pipeline.local import parts as module
from pipeline.local.parts import Target, parts, prometheus, tell_prometheus
from tests.conftest import ROOT


def test_every_part_is_asked_where_it_listens(tmp_path: Path) -> None:
    made = parts(tmp_path, 8642, ["simulator", "--seed", "7"])

    folder = tell_prometheus(tmp_path, [*made.targets, Target("supervisor", "supervisor", 1)])

    groups = json.loads((folder / "targets" / "sharpline.json").read_text())
    asked = {group["labels"]["app"]: group["targets"][0].rpartition(":")[2] for group in groups}
    services = [*made.folds, made.gateway, made.producer, made.lag_exporter]
    assert {service.name: service.command[-1] for service in services} | {"supervisor": "1"} == asked
    assert len(set(asked.values())) == len(asked)
    assert {group["labels"]["job"] for group in groups} == {
        "processors",
        "gateway",
        "producers",
        "lag-exporter",
        "supervisor",
    }


def test_where_there_is_a_database_a_sink_is_a_part(tmp_path: Path) -> None:
    made = parts(tmp_path, 8642, ["simulator"], stored=True)

    (sink,) = made.sinks
    assert sink.command[1:4] == ["-m", "processors.sinks", "postgres"]
    assert sink.command[-1] == str({target.app: target.port for target in made.targets}["sink"])


def test_prometheus_runs_on_the_configuration_and_the_rules_that_compose_mounts(tmp_path: Path) -> None:
    folder = tell_prometheus(tmp_path, [])
    tell_prometheus(tmp_path, [])  # a folder that was used before

    given = ROOT / "deploy" / "prometheus"
    for path in [given / "prometheus.yml", *(given / "rules").iterdir()]:
        assert (folder / path.relative_to(given)).read_bytes() == path.read_bytes()
    assert [path.name for path in (folder / "targets").iterdir()] == ["sharpline.json"]


def test_outside_of_the_source_tree_there_is_still_what_to_ask(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MONITORING", tmp_path / "nowhere")

    folder = tell_prometheus(tmp_path, [Target("gateway", "gateway", 8642)])

    assert "127.0.0.1:8642" in (folder / "targets" / "sharpline.json").read_text()
    with pytest.raises(UsageError, match="outside of the source tree"):
        prometheus(folder, 9090)

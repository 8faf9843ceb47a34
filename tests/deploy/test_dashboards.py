import json
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import combinations
from math import isnan
from pathlib import Path
from typing import Any, NamedTuple

import promql_parser
import pytest
import yaml
from prometheus_client import REGISTRY

from deploy.grafana.build import FOLDER, built
from pipeline import telemetry  # noqa: F401 (it fills the registry)
from pipeline.local import kraft
from tests.conftest import ROOT
from tests.deploy.prometheus import CONFIGURATION, Prometheus, running

SHARPLINE = Path(sys.executable).with_name("sharpline")
BOARDS = {name: json.loads(text) for name, text in built()}
#: What Grafana would put in: all groups, a rate over some scrapes, the time shown.
FILLED_IN = {
    "$__rate_interval": "30s",
    "$__range": "5m",
    "$group": ".*",
    "$topic": ".*",
    "$partition": ".*",
    "$league": ".*",
}
#: What these show is there once games have settled, minutes after the demo's start: see `test_quality`.
SETTLED = ("Sharpline: quality",)
#: Of the lag exporter, as kafka_exporter has it; of every target; of every process.
ELSEWHERE = frozenset(
    {
        "kafka_topic_partition_current_offset",
        "kafka_topic_partition_oldest_offset",
        "kafka_consumergroup_members",
        "kafka_consumergroup_current_offset",
        "kafka_consumergroup_lag",
        "kafka_consumergroup_group_lag_seconds",
        "up",
        "process_cpu_seconds_total",
        "process_start_time_seconds",
    }
)
FLOWS_WITHIN_S = 180.0
#: Panels that only games of real leagues fill, since simulated ones have no boosted model, or only sources
#: that are polled.
OF_REAL_GAMES = frozenset(
    {
        "Drift of features",
        "Sources that are down or off",
        "Since the last success",
        "Polls by outcome",
        "Time to the whole answer, p95",
        "Credits left",
    }
)
#: What a demo that is well comes to show, so that no panel has data which are another process's.
WELL: dict[str, Callable[[list[float]], bool]] = {
    "Groups without members": lambda groups: groups == [0],
    "Dead letters": lambda records: records == [0],
    "Processes that answer": lambda shares: shares == [1],
    "Who answers": lambda answers: set(answers) == {1},
    "Gateway: sockets": lambda sockets: sockets == [1],
    "Open opportunities": any,
    "How fast time runs": lambda speeds: all(speed > 1 for speed in speeds),
}


class Asked(NamedTuple):
    """An expression of a panel as Prometheus gets it, and what its series are called."""

    panel: str
    expr: str
    legend: str


def panels(board: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield from (panel for panel in board["panels"] if panel["type"] != "row")


def filled_in(expr: str) -> str:
    for name, value in FILLED_IN.items():
        expr = expr.replace(name, value)
    return expr


ASKED = [
    Asked(f"{board['title']} / {panel['title']}", filled_in(target["expr"]), target.get("legendFormat", ""))
    for board in BOARDS.values()
    for panel in panels(board)
    for target in panel.get("targets", ())
]


def selectors(expr: str) -> list[Any]:
    found: list[Any] = []

    def visit(node: Any) -> None:
        if isinstance(node, promql_parser.VectorSelector):
            found.append(node)
        elif isinstance(node, promql_parser.MatrixSelector):
            found.append(node.vector_selector)

    promql_parser.walk(promql_parser.parse(expr), visit)
    return found


def exported() -> set[str]:
    of_kind = {"counter": ("_total",), "histogram": ("_bucket", "_count", "_sum"), "gauge": ("",)}
    return {
        family.name + suffix for family in REGISTRY.collect() for suffix in of_kind.get(family.type, ("",))
    }


def recorded() -> set[str]:
    """What the rules make of it; that they do so is asked of Prometheus."""
    rules = yaml.safe_load((CONFIGURATION / "rules" / "recording.yml").read_text())
    return {rule["record"] for group in rules["groups"] for rule in group["rules"]}


def test_the_dashboards_are_what_their_python_builds() -> None:
    assert {path.name: path.read_text() for path in FOLDER.glob("*.json")} == dict(built()), "make dashboards"


@pytest.mark.parametrize("asked", ASKED, ids=lambda asked: asked.panel)
def test_an_expression_names_only_metrics_that_we_export(asked: Asked) -> None:
    named = {selector.name for selector in selectors(asked.expr)}

    assert named
    assert named <= exported() | recorded() | ELSEWHERE


def test_a_broken_expression_and_a_metric_that_nobody_exports_are_seen() -> None:
    with pytest.raises(ValueError):
        selectors("sum by (topic (up)")
    assert selectors("rate(sharpline_misspelt_total[30s])")[0].name not in exported() | ELSEWHERE


@pytest.mark.parametrize("board", BOARDS.values(), ids=BOARDS)
def test_a_panel_says_what_it_is_in_which_unit_and_what_its_limits_are(board: dict[str, Any]) -> None:
    for panel in panels(board):
        assert panel["title"]
        assert panel["description"], panel["title"]
        if panel["type"] == "text":
            continue
        defaults = panel["fieldConfig"]["defaults"]
        assert defaults["unit"], panel["title"]
        assert defaults["thresholds"]["steps"][0]["value"] is None, panel["title"]
        assert all(target["legendFormat"] for target in panel["targets"] if panel["type"] != "table")
        names = [target["refId"] for target in panel["targets"]]
        assert all(names), panel["title"]
        assert len(set(names)) == len(names), f"{panel['title']}: Grafana would show one query for another"
        sources = [panel["datasource"], *(target["datasource"] for target in panel["targets"])]
        assert all(source == {"type": "prometheus", "uid": "${datasource}"} for source in sources)


@pytest.mark.parametrize("board", BOARDS.values(), ids=BOARDS)
def test_panels_lie_on_the_grid_and_not_on_one_another(board: dict[str, Any]) -> None:
    places = [(panel["title"], panel["gridPos"]) for panel in board["panels"]]

    assert len({panel["id"] for panel in board["panels"]}) == len(places)
    for title, at in places:
        assert at["x"] >= 0, title
        assert at["x"] + at["w"] <= 24, title
    for (one, a), (other, b) in combinations(places, 2):
        apart = (
            a["x"] + a["w"] <= b["x"]
            or b["x"] + b["w"] <= a["x"]
            or a["y"] + a["h"] <= b["y"]
            or b["y"] + b["h"] <= a["y"]
        )
        assert apart, f"{one} lies on {other}"


def test_lag_and_flow_runs_along_the_diagram_from_left_to_right() -> None:
    left = {
        panel["title"].partition(":")[0]: panel["gridPos"]["x"]
        for panel in panels(BOARDS["sharpline-lag-and-flow.json"])
        if ":" in panel["title"] and "$" not in panel["title"]
    }

    assert sorted(left, key=lambda part: left[part]) == [
        "Producers",
        "Input topics",
        "Folds",
        "Derived topics",
        "Gateway",
    ]


def test_grafana_is_pointed_at_the_dashboards_and_at_prometheus() -> None:
    provisioning = FOLDER.parent / "provisioning"
    (source,) = yaml.safe_load((provisioning / "datasources/prometheus.yml").read_text())["datasources"]
    (provider,) = yaml.safe_load((provisioning / "dashboards/sharpline.yml").read_text())["providers"]
    scraped = yaml.safe_load((ROOT / "deploy/prometheus/prometheus.yml").read_text())["global"]

    assert source["uid"] == "prometheus"
    # Grafana makes its rate interval from it: over less than two scrapes there is no rate.
    assert source["jsonData"]["timeInterval"] == scraped["scrape_interval"]
    assert provider["options"]["path"] == "/var/lib/grafana/dashboards"
    for board in BOARDS.values():
        (first, *_) = board["templating"]["list"]
        assert (first["name"], first["current"]["value"]) == ("datasource", "prometheus")


@contextmanager
def demo(data: Path) -> Iterator[Callable[[], str]]:
    """`sharpline up` on a simulated evening; yields what it has printed so far."""
    (port,) = kraft.free_ports(1)
    printed = data.parent / "printed"
    evening = ["--source", "simulator", "--events", "12", "--seed", "1", "--speed", "20"]
    with printed.open("wb") as out:
        process = subprocess.Popen(
            [SHARPLINE, "up", *evening, "--port", str(port), "--data", data], stdout=out, stderr=out
        )
    try:
        yield lambda: printed.read_text() + ("" if process.poll() is None else "\nand it has ended")
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def targets_of(data: Path, printed: Callable[[], str]) -> list[dict[str, Any]]:
    """What the demo says can be scraped, once it is ready."""
    deadline = time.monotonic() + FLOWS_WITHIN_S
    while "ready " not in printed():
        assert time.monotonic() < deadline, printed()
        assert "it has ended" not in printed(), printed()
        time.sleep(0.1)
    targets: list[dict[str, Any]] = json.loads((data / "prometheus/targets/sharpline.json").read_text())
    return targets


def complaint(prometheus: Prometheus, asked: Asked) -> str:
    """What is wrong with the answer to an expression; nothing where there is a number with all its names."""
    found = prometheus.query(asked.expr)
    values = [float(series["value"][1]) for series in found]
    if all(map(isnan, values)):
        return f"{'only NaN' if found else 'no data'}: {asked.expr}"
    if not WELL.get(asked.panel.partition(" / ")[2], bool)(values):
        return f"{values}: {asked.expr}"
    missing = [
        label
        for label in re.findall(r"{{(\w+)}}", asked.legend)
        if not all(series["metric"].get(label) for series in found)
    ]
    return f"no label {missing}: {asked.expr}" if missing else ""


def values_of(prometheus: Prometheus, query: str) -> list[str]:
    """What Grafana would offer for a variable."""
    match = re.fullmatch(r"label_values\((.+), (\w+)\)", query)
    assert match, query
    found: list[str] = prometheus.ask(f"label/{match[2]}/values", **{"match[]": filled_in(match[1])})
    return found


@pytest.mark.kafka
@pytest.mark.timeout(400)
def test_every_panel_has_data_once_the_demo_runs(tmp_path: Path) -> None:
    data = tmp_path / "demo"
    (tmp_path / "prometheus").mkdir()
    with (
        demo(data) as printed,
        running(tmp_path / "prometheus", targets_of(data, printed)) as prometheus,
    ):
        deadline = time.monotonic() + FLOWS_WITHIN_S
        simulated = [asked for asked in ASKED if asked.panel.partition(" / ")[2] not in OF_REAL_GAMES]
        empty = {asked: "not asked yet" for asked in simulated if not asked.panel.startswith(SETTLED)}
        while empty and time.monotonic() < deadline:
            time.sleep(1.0)  # nothing new before the next scrape
            empty = {asked: said for asked in empty if (said := complaint(prometheus, asked))}
        assert not empty, (
            "\n".join(f"{asked.panel}: {said}" for asked, said in empty.items()) + f"\n{printed()}"
        )

        variables = [variable for board in BOARDS.values() for variable in board["templating"]["list"][1:]]
        offered = {
            variable["name"]: values_of(prometheus, variable["query"]["query"]) for variable in variables
        }
        uncommitted = prometheus.query("max(kafka_consumergroup_uncommitted_partitions)")
    assert [float(series["value"][1]) for series in uncommitted] == [0]
    assert {"sharpline.games", "sharpline.markets", "sharpline.bets"} <= set(offered["group"])
    assert "odds.snapshots" in offered["topic"]
    assert set(offered["partition"]) == {"0", "1", "2", "3"}

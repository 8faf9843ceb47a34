"""Prometheus' configuration and rules: its own tools find them right, every alert is proven and explained."""

import re
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import promql_parser
import pytest
import yaml
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, start_http_server

from pipeline import data, telemetry
from pipeline.lag.metrics import of_cluster, of_groups
from pipeline.lag.poll import Poll
from tests.conftest import ROOT
from tests.deploy.prometheus import CONFIGURATION, Prometheus, program, running

RULES = sorted((CONFIGURATION / "rules").glob("*.yml"))
CASES = sorted((CONFIGURATION / "tests").glob("*.yml"))
GROUPS = [group for path in RULES for group in yaml.safe_load(path.read_text())["groups"]]
EACH_RULE = [rule for group in GROUPS for rule in group["rules"]]
ALERTS = {rule["alert"]: rule for rule in EACH_RULE if "alert" in rule}
RECORDED = {rule["record"]: rule["expr"] for rule in EACH_RULE if "record" in rule}

#: What Prometheus adds to whatever it scrapes, and what every process says of itself.
TARGET = {"job", "app", "instance"}
EVERYWHERE: dict[str, set[str]] = {"up": set(), "process_start_time_seconds": set()}
SUFFIXES = {Counter: ("_total",), Gauge: ("",), Histogram: ("_bucket", "_sum", "_count")}


def exported() -> dict[str, set[str]]:
    """Every metric that a rule may ask for, with the labels that it has."""
    own = {
        metric._name + suffix: {*metric._labelnames, *(["le"] if suffix == "_bucket" else [])}
        for metric in vars(telemetry).values()
        if isinstance(metric, (Counter, Gauge, Histogram))
        for suffix in SUFFIXES[type(metric)]
    }
    nothing = Poll(at_ms=0, brokers=0, partitions=(), groups=(), positions=())
    kafka = {
        family.name: set(family._labelnames) for family in (*of_cluster(nothing), *of_groups(nothing, 0))
    }
    return own | kafka | EVERYWHERE


def selectors(expression: Any) -> Iterator[promql_parser.VectorSelector]:
    """The metrics that an expression selects, each with its matchers."""
    match expression:
        case promql_parser.VectorSelector():
            yield expression
        case promql_parser.MatrixSelector():
            yield expression.vector_selector
        case promql_parser.BinaryExpr():
            yield from selectors(expression.lhs)
            yield from selectors(expression.rhs)
        case promql_parser.Call():
            for argument in expression.args:
                yield from selectors(argument)
        case promql_parser.NumberLiteral() | promql_parser.StringLiteral():
            return
        case _:  # parentheses, aggregations, signs and subqueries
            yield from selectors(expression.expr)


def promtool(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [program("promtool"), *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=100, check=False)


def cases(alert: str) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    """The expectations of an alert, each with the test that it belongs to."""
    for path in CASES:
        for case in yaml.safe_load(path.read_text())["tests"]:
            for expected in case.get("alert_rule_test", []):
                if expected["alertname"] == alert:
                    yield case, expected


def test_prometheus_takes_the_configuration() -> None:
    answer = promtool("check", "config", CONFIGURATION / "prometheus.yml")

    assert answer.returncode == 0, answer.stdout + answer.stderr


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_rules_do_what_their_cases_say(path: Path) -> None:
    answer = promtool("test", "rules", path)

    assert answer.returncode == 0, answer.stdout + answer.stderr


@pytest.mark.parametrize("alert", ALERTS)
def test_an_alert_has_a_case_in_which_it_fires_and_one_in_which_it_is_quiet(alert: str) -> None:
    fires = [case["name"] for case, expected in cases(alert) if expected.get("exp_alerts")]
    quiet = [case["name"] for case, expected in cases(alert) if not expected.get("exp_alerts")]

    assert fires
    assert set(quiet) - set(fires), "before it fires is not enough: a case in which it never does"


@pytest.mark.parametrize("alert", ALERTS)
def test_an_alert_says_how_grave_it_is_and_where_to_read_on(alert: str) -> None:
    rule = ALERTS[alert]

    assert alert.startswith("Sharpline")
    assert rule["labels"]["severity"] in {"critical", "warning"}
    assert set(rule["annotations"]) == {"summary", "description", "runbook"}
    assert rule["annotations"]["runbook"] == f"docs/runbook.md#{alert.lower()}"


def test_the_runbook_has_a_section_for_each_alert_and_no_other() -> None:
    headings = re.findall(r"^## (Sharpline\w+)$", (ROOT / "docs" / "runbook.md").read_text(), re.MULTILINE)

    assert sorted(headings) == sorted(ALERTS)


def test_a_recording_rule_has_a_case() -> None:
    said = (CONFIGURATION / "tests" / "recording.yml").read_text()
    helping = {name for name in RECORDED if any(name in expr for expr in RECORDED.values())}

    assert [name for name in RECORDED if f"expr: {name}\n" not in said and name not in helping] == []


@pytest.mark.parametrize("rule", EACH_RULE, ids=lambda rule: rule.get("alert") or rule["record"])
def test_a_rule_asks_for_what_is_exported(rule: dict[str, Any]) -> None:
    known = exported()
    for selector in selectors(promql_parser.parse(rule["expr"])):
        assert selector.name in known.keys() | RECORDED.keys()
        if selector.name in known:
            named = {matcher.name for matcher in selector.matchers.matchers}
            assert named <= known[selector.name] | TARGET, selector.name


CHANGES = [
    ("SharplineLagHigh", "> 30", "> 60"),
    ("SharplineLagHigh", "> 30", "> 29"),
    ("SharplineLagHigh", 'consumergroup=~"sharpline[.].+"', ""),
    ("SharplineLagGrowing", "> 0.05", "> 0.1"),
    ("SharplineLagGrowing", "> 0.05", "> 0.03"),
    ("SharplineLagGrowing", "> 5", "> 60"),
    ("SharplineGroupEmpty", ', consumergroup!~"sharpline[.]gateway[.].+"', ""),
    ("SharplineGroupEmpty", "(kafka_consumergroup_lag) > 0", "(kafka_consumergroup_lag) >= 0"),
    ("SharplineNoProgress", "and kafka_consumergroup_lag > 0", ""),
    ("SharplineNoProgress", "(kafka_topic_partition_current_offset[3m]) > 0", "(up[3m]) >= 0"),
    ("SharplineNoProgress", "[3m]) == 0", "[1m]) == 0"),
    ("SharplineNoProgress", "on (topic, partition)", "on (partition, instance, consumergroup)"),
    ("SharplineGroupUncommitted", "> 0", "> 2"),
    ("SharplineExporterDown", 'or absent(up{job="lag-exporter"})', ""),
    ("SharplineExporterDown", 'or sharpline_lag_up{job="lag-exporter"} == 0', ""),
    ("SharplineExporterDown", "> 60", "> 120"),
    ("SharplineExporterDown", '_up{job="lag-exporter"}', "_up"),
    ("SharplineExporterDown", '_seconds{job="lag-exporter"}', "_seconds"),
    ("SharplineProcessDown", "producers|", ""),
    ("SharplineProcessDown", "|lag-exporter", ""),
    ("SharplineProducerDown", '{job="producers"}', ""),
    ("SharplineRestartLoop", "(changes(process_start_time_seconds[10m])) >= 3", "(vector(0)) > 3"),
    ("SharplineRestartLoop", "[10m])) >= 3\n", "[10m])) >= 2\n"),
    ("SharplineRestartLoop", "max by (app) (changes", "sum by (app) (changes"),
    ("SharplineRestartLoop", "_total[10m])) >= 3", "_total[10m])) >= 5"),
    ("SharplineRestartLoop", "_total[10m])) >= 3", "_total[10m])) >= 2"),
    ("SharplineBrokerAway", "== 0", "== 2"),
    ("SharplineBrokerAway", '{job="gateway"}', ""),
    ("SharplineDeadLetters", "_total[5m])) > 0", "_total[5m])) > 2"),
    ("SharplineDeadLetters", "or on ()", "or"),
    ("SharplineDeadLetters", '{topic="ops.dead-letters"}', ""),
    ("SharplineDeadLetters", "[5m]", "[9m]"),
    ("SharplineRefusedByProducer", "unless sharpline_producers_refused_total offset 5m", ""),
    ("SharplineRefusedByProducer", "or (sharpline_producers_refused_total > 0", "or (vector(0) > 0"),
    ("SharplineSourceSilent", "> 300", "> 400"),
    ("SharplineSourceSilent", "> 300", "> 200"),
    ("SharplineSourceSilent", "|nflverse|retrosheet|", "|"),
    ("SharplineSourceSilent", "> 3600", "> 7200"),
    ("SharplineSourceSilent", "and on () sharpline:ticks_read:rate1m > 0", ""),
    ("SharplineSourceSilent", "unless on (source) sharpline_sources_down", ""),
    ("SharplineSourceDown", "== 1", "== 0"),
    ("SharplinePhantoms", "> 0.75", "> 0.8"),
    ("SharplinePhantoms", "> 0.75", "> 0.65"),
    ("SharplinePhantoms", ">= 20", ">= 25"),
    ("SharplinePhantoms", ">= 20", ">= 10"),
    ("SharplineMiscalibrated", "7d > 4", "7d > 4.5"),
    ("SharplineMiscalibrated", "7d > 4", "7d > 3.5"),
    ("SharplineMiscalibrated", "7d < -4", "7d < -4.5"),
    ("SharplineMiscalibrated", "7d < -4", "7d < -3.5"),
    ("SharplineMiscalibrated", "> 0.03", "> 0.15"),
    ("SharplineMiscalibrated", "> 0.03", "> 0.02"),
    ("SharplineMiscalibrated", "< -0.03", "< -0.15"),
    ("SharplineMiscalibrated", "< -0.03", "< -0.02"),
    ("SharplineMiscalibrated", "> 2.5", "> 2.6"),
    ("SharplineMiscalibrated", "> 2.5", "> 2.3"),
    ("SharplineTimeStopped", "[1m]", "[30s]"),
    ("SharplineTimeStopped", '{job="gateway"}', ""),
    ("SharplineTimeStopped", 'and sharpline_gateway_broker_up{job="gateway"} == 1', ""),
]


@pytest.mark.parametrize(("alert", "was", "becomes"), CHANGES)
def test_the_cases_notice_another_bound(tmp_path: Path, alert: str, was: str, becomes: str) -> None:
    expr = ALERTS[alert]["expr"]
    assert was in expr
    assert not kept_by_its_cases(tmp_path, alert, {"expr": expr.replace(was, becomes)})


@pytest.mark.parametrize("alert", [name for name, rule in ALERTS.items() if "for" in rule])
@pytest.mark.parametrize("patience", ["0s", "10m"])
def test_the_cases_notice_another_patience(tmp_path: Path, alert: str, patience: str) -> None:
    assert not kept_by_its_cases(tmp_path, alert, {"for": patience})


def test_the_cases_hold_for_the_rules_as_they_are(tmp_path: Path) -> None:
    assert [alert for alert in ALERTS if not kept_by_its_cases(tmp_path, alert, {})] == []


def kept_by_its_cases(folder: Path, alert: str, change: dict[str, str]) -> bool:
    """Whether the cases of an alert hold for it as changed."""
    tests: dict[str, dict[str, Any]] = {}
    for case, expected in cases(alert):
        tests.setdefault(case["name"], {**case, "alert_rule_test": []})["alert_rule_test"].append(expected)
    changed = {**ALERTS[alert], **change}
    rules = [*recorded_for(changed["expr"]), changed]
    (folder / "rules.yml").write_text(yaml.safe_dump({"groups": [{"name": "changed", "rules": rules}]}))
    said = promtool("check", "rules", folder / "rules.yml")
    assert said.returncode == 0, said.stderr
    return holds(folder, list(tests.values()))


def recorded_for(expr: str) -> list[dict[str, str]]:
    """The recording rules that an expression stands on: those of all would take promtool most of its time."""
    found = {name: RECORDED[name] for name in RECORDED if name in expr}
    below = [rule for name, said in found.items() for rule in recorded_for(said)]
    return [*below, *({"record": name, "expr": said} for name, said in found.items())]


def holds(folder: Path, tests: list[dict[str, Any]]) -> bool:
    """Whether promtool finds the rules of a folder to do what these tests say."""
    written = {"rule_files": ["*.yml"], "evaluation_interval": "5s", "tests": tests}
    (folder / "cases").write_text(yaml.safe_dump(written))
    return promtool("test", "rules", folder / "cases").returncode == 0


#: Days lie between what they bring.
WITHOUT_PULSE = {"football-data-co-uk"}


@pytest.mark.parametrize("source", data.sources())
def test_a_source_may_miss_two_polls_but_not_two_hours_of_them(tmp_path: Path, source: str) -> None:
    for path in RULES:
        (tmp_path / path.name).write_text(path.read_text())
    late_s = int(3 * data.sources()[source].interval_s)
    seen = f'sharpline_processors_source_seen_timestamp_seconds{{source="{source}"}}'
    ticks = 'sharpline_processors_records_total{topic="clock.ticks"}'
    case = {
        "interval": "5s",
        "input_series": [
            {"series": seen, "values": "0x1500"},
            {"series": ticks, "values": "0+5x1500"},
        ],
    }
    quiet = {"alertname": "SharplineSourceSilent", "eval_time": f"{late_s}s", "exp_alerts": []}

    assert holds(tmp_path, [{**case, "alert_rule_test": [quiet]}])
    stays_quiet = holds(tmp_path, [{**case, "alert_rule_test": [{**quiet, "eval_time": "2h"}]}])
    assert stays_quiet == (source in WITHOUT_PULSE)


def test_a_real_prometheus_reads_targets_and_rules_and_keeps_the_labels_that_count(tmp_path: Path) -> None:
    registry = CollectorRegistry()
    restarts = Counter("sharpline_supervisor_restarts_total", "-", ["app"], registry=registry)
    restarts.labels("games").inc(2)
    lag = Gauge("kafka_consumergroup_lag", "-", ["consumergroup", "topic", "partition"], registry=registry)
    lag.labels("sharpline.games", "games.events", "0").set(3)
    lag.labels("sharpline.games", "games.events", "1").set(4)
    server, _ = start_http_server(0, "127.0.0.1", registry)
    target = {
        "targets": [f"127.0.0.1:{server.server_port}"],
        "labels": {"job": "supervisor", "app": "supervisor"},
    }

    with running(tmp_path, [target]) as prometheus:
        (up,) = until_found(prometheus, "up")
        (count,) = until_found(prometheus, "sharpline_supervisor_restarts_total")
        (total,) = until_found(prometheus, "consumergroup_topic:kafka_consumergroup_lag:sum")
        (missing,) = until_found(prometheus, 'ALERTS{alertname="SharplineExporterDown"}')
        health_of = {
            rule["name"]: rule["health"]
            for group in prometheus.ask("rules")["groups"]
            for rule in group["rules"]
        }

    server.shutdown()
    assert up["value"][1] == "1"
    assert up["metric"]["job"] == up["metric"]["app"] == "supervisor"
    assert (count["metric"]["app"], count["metric"]["job"], count["value"][1]) == ("games", "supervisor", "2")
    assert total["value"][1] == "7"
    assert missing["metric"]["job"] == "lag-exporter"
    assert health_of.keys() == ALERTS.keys() | RECORDED.keys()
    assert "err" not in health_of.values()


def until_found(prometheus: Prometheus, expression: str) -> list[dict[str, Any]]:
    """What a query finds, once it finds something."""
    give_up_at = time.monotonic() + 60.0
    while not (found := prometheus.query(expression)):
        assert time.monotonic() < give_up_at, f"nothing found: {expression}"
        time.sleep(0.1)
    return found

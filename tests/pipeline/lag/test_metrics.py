"""What the exporter serves: kafka_exporter's names and labels, enough for its public dashboard."""

import promql_parser
import pytest
from prometheus_client import generate_latest
from prometheus_client.parser import text_string_to_metric_families

from pipeline.lag import metrics
from pipeline.lag.poll import Group, Partition, Poll, Position

POLL = Poll(
    at_ms=10_000,
    brokers=3,
    partitions=(
        Partition(topic="t", partition=0, oldest=5, end=100, leader=2, replicas=(1, 2), in_sync=(2,)),
        Partition(topic="t", partition=1, oldest=0, end=7, leader=1, replicas=(1, 2), in_sync=(1, 2)),
    ),
    groups=(
        Group(name="g", state="stable", kind="consumer", members=2),
        Group(name="h", state="empty", kind="classic", members=0),
    ),
    positions=(
        Position(group="g", topic="t", partition=0, committed=40, oldest=5, end=100, unread_at_ms=4000),
        Position(group="g", topic="t", partition=1, committed=None, oldest=0, end=7),
    ),
)
#: Name to labels, as kafka_exporter has them.
THEIRS = {
    "kafka_brokers": set(),
    "kafka_topic_partitions": {"topic"},
    "kafka_topic_partition_current_offset": {"topic", "partition"},
    "kafka_topic_partition_oldest_offset": {"topic", "partition"},
    "kafka_topic_partition_leader": {"topic", "partition"},
    "kafka_topic_partition_replicas": {"topic", "partition"},
    "kafka_topic_partition_in_sync_replica": {"topic", "partition"},
    "kafka_topic_partition_under_replicated_partition": {"topic", "partition"},
    "kafka_topic_partition_leader_is_preferred": {"topic", "partition"},
    "kafka_consumergroup_members": {"consumergroup"},
    "kafka_consumergroup_current_offset": {"consumergroup", "topic", "partition"},
    "kafka_consumergroup_current_offset_sum": {"consumergroup", "topic"},
    "kafka_consumergroup_lag": {"consumergroup", "topic", "partition"},
    "kafka_consumergroup_lag_sum": {"consumergroup", "topic"},
}
OURS = {
    "kafka_consumergroup_group_lag_seconds": {"consumergroup", "topic", "partition"},
    "kafka_consumergroup_uncommitted_partitions": {"consumergroup", "topic"},
}
#: What Prometheus adds by itself.
OF_THE_TARGET = {"job", "instance"}
#: The expressions of the public dashboard 7589, of its panels and of its variables.
DASHBOARD = (
    'sum(rate(kafka_topic_partition_current_offset{instance=~"$instance", topic=~"$topic"}[1m])) by (topic)',
    'sum(kafka_consumergroup_lag{instance=~"$instance",topic=~"$topic"}) by (consumergroup, topic)',
    'sum(delta(kafka_topic_partition_current_offset{instance=~"$instance", topic=~"$topic"}[5m])/5)'
    " by (topic)",
    'sum(delta(kafka_consumergroup_current_offset{instance=~"$instance",topic=~"$topic"}[5m])/5)'
    " by (consumergroup, topic)",
    'sum by(topic) (kafka_topic_partitions{instance=~"$instance",topic=~"$topic"})',
    'kafka_consumergroup_current_offset{job=~"$job"}',
    'kafka_topic_partition_current_offset{instance="$instance",topic!="__consumer_offsets",topic!="--kafka"}',
)


def served(poll: Poll | None, now_ms: int = 10_000) -> dict[str, dict[tuple[str, ...], float]]:
    """Values by name and by the labels' values, in the order of the labels' names."""
    text = generate_latest(metrics.registry(lambda: poll, lambda: now_ms)).decode()
    found: dict[str, dict[tuple[str, ...], float]] = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            labels = tuple(value for _, value in sorted(sample.labels.items()))
            found.setdefault(sample.name, {})[labels] = sample.value
    return found


def test_names_and_labels_are_kafka_exporters() -> None:
    text = generate_latest(metrics.registry(lambda: POLL, lambda: 10_000)).decode()

    families = {family.name: family for family in text_string_to_metric_families(text)}
    kafka = {name: family for name, family in families.items() if name.startswith("kafka_")}

    assert {name: set(family.samples[0].labels) for name, family in kafka.items()} == THEIRS | OURS
    assert {family.type for family in kafka.values()} == {"gauge"}


def test_values_are_those_of_the_poll_and_what_is_not_known_has_no_series() -> None:
    found = served(POLL)

    assert found["kafka_brokers"] == {(): 3}
    assert found["kafka_topic_partitions"] == {("t",): 2}
    assert found["kafka_topic_partition_under_replicated_partition"] == {("0", "t"): 1, ("1", "t"): 0}
    assert found["kafka_topic_partition_leader_is_preferred"] == {("0", "t"): 0, ("1", "t"): 1}
    assert found["kafka_topic_partition_oldest_offset"] == {("0", "t"): 5, ("1", "t"): 0}
    assert found["kafka_consumergroup_members"] == {("g",): 2, ("h",): 0}
    assert found["kafka_consumergroup_current_offset"] == {("g", "0", "t"): 40}
    assert found["kafka_consumergroup_lag"] == {("g", "0", "t"): 60}
    assert found["kafka_consumergroup_lag_sum"] == {("g", "t"): 60}
    assert found["kafka_consumergroup_uncommitted_partitions"] == {("g", "t"): 1}


def test_seconds_run_on_between_polls() -> None:
    assert [
        served(POLL, now_ms)["kafka_consumergroup_group_lag_seconds"][("g", "0", "t")]
        for now_ms in (10_000, 10_500, 34_000)
    ] == [6.0, 6.5, 30.0]


def test_without_a_poll_there_is_nothing_of_kafka_but_the_exporter_tells_of_itself() -> None:
    found = served(None)

    assert not [name for name in found if name.startswith("kafka_")]
    assert {"sharpline_lag_up", "sharpline_lag_poll_errors_total", "process_cpu_seconds_total"} <= set(found)
    assert not [name for name in found if name.startswith("sharpline_") and "_lag_" not in name]


@pytest.mark.parametrize("expression", DASHBOARD)
def test_the_public_dashboard_finds_what_it_asks_for(expression: str) -> None:
    asked: list[promql_parser.VectorSelector] = []
    grouped: list[str] = []

    def visit(node: object) -> None:
        if isinstance(node, promql_parser.VectorSelector):
            asked.append(node)
        elif isinstance(node, promql_parser.MatrixSelector):
            asked.append(node.vector_selector)
        elif isinstance(node, promql_parser.AggregateExpr) and node.modifier is not None:
            grouped.extend(node.modifier.labels)

    promql_parser.walk(promql_parser.parse(expression), visit)
    for selector in asked:
        labels = {matcher.name for matcher in selector.matchers.matchers} | set(grouped)
        assert selector.name in served(POLL)
        assert labels <= THEIRS[selector.name] | OF_THE_TARGET
    assert asked

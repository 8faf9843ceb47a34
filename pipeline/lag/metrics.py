"""A poll as Prometheus reads it: kafka_exporter's names and labels, and seconds beside its records."""

from collections.abc import Callable, Iterator, Sequence

from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from pipeline import telemetry
from pipeline.lag.poll import Poll, sums

OWN = (
    telemetry.LAG_UP,
    telemetry.LAG_POLL_SECONDS,
    telemetry.LAG_POLL_ERRORS,
    telemetry.LAG_POLLED_SECONDS,
)
TOPIC, PARTITION = ("topic",), ("topic", "partition")
MEMBER, SUM, POSITION = (
    ("consumergroup",),
    ("consumergroup", "topic"),
    ("consumergroup", "topic", "partition"),
)

Sample = tuple[tuple[object, ...], float | None]


class Kafka(Collector):
    """What ``polled`` last found; without a poll no series at all, rather than one that is no longer true."""

    def __init__(self, polled: Callable[[], Poll | None], now_ms: Callable[[], int]) -> None:
        self._polled, self._now_ms = polled, now_ms

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Seconds run on between polls, by the clock of now; the rest is as of the poll."""
        poll = self._polled()
        if poll is not None:
            yield from of_cluster(poll)
            yield from of_groups(poll, self._now_ms())


def registry(polled: Callable[[], Poll | None], now_ms: Callable[[], int]) -> CollectorRegistry:
    """What the exporter serves: Kafka's side, its own polls, and its process."""
    served = CollectorRegistry()
    for metric in OWN:
        served.register(metric)
    ProcessCollector(registry=served)
    served.register(Kafka(polled, now_ms))
    return served


def of_cluster(poll: Poll) -> Iterator[GaugeMetricFamily]:
    """Brokers, topics and partitions."""
    counts: dict[str, int] = {}
    for one in poll.partitions:
        counts[one.topic] = counts.get(one.topic, 0) + 1
    each = [((one.topic, one.partition), one) for one in poll.partitions]
    yield _gauge("kafka_brokers", "Brokers in the cluster.", (), [((), poll.brokers)])
    yield _gauge(
        "kafka_topic_partitions", "Of a topic.", TOPIC, [((topic,), n) for topic, n in counts.items()]
    )
    yield _gauge(
        "kafka_topic_partition_current_offset",
        "The offset that the next record gets.",
        PARTITION,
        [(labels, one.end) for labels, one in each],
    )
    yield _gauge(
        "kafka_topic_partition_oldest_offset",
        "The first offset that is kept.",
        PARTITION,
        [(labels, one.oldest) for labels, one in each],
    )
    yield _gauge(
        "kafka_topic_partition_leader",
        "Id of the broker that leads it.",
        PARTITION,
        [(labels, one.leader) for labels, one in each],
    )
    yield _gauge(
        "kafka_topic_partition_replicas",
        "Copies that it should have.",
        PARTITION,
        [(labels, len(one.replicas)) for labels, one in each],
    )
    yield _gauge(
        "kafka_topic_partition_in_sync_replica",
        "Copies that are in step.",
        PARTITION,
        [(labels, len(one.in_sync)) for labels, one in each],
    )
    yield _gauge(
        "kafka_topic_partition_under_replicated_partition",
        "1 where a copy is out of step.",
        PARTITION,
        [(labels, len(one.in_sync) < len(one.replicas)) for labels, one in each],
    )
    yield _gauge(
        "kafka_topic_partition_leader_is_preferred",
        "1 where the first of its replicas leads it.",
        PARTITION,
        [(labels, one.replicas[:1] == (one.leader,)) for labels, one in each],
    )


def of_groups(poll: Poll, now_ms: int) -> Iterator[GaugeMetricFamily]:
    """Members, positions and lag of each group; what is not known has no series."""
    each = [((one.group, one.topic, one.partition), one) for one in poll.positions]
    topics = [((one.group, one.topic), one) for one in sums(poll.positions, now_ms)]
    yield _gauge(
        "kafka_consumergroup_members",
        "Members of a group; 0 where it is empty.",
        MEMBER,
        [((group.name,), group.members) for group in poll.groups],
    )
    yield _gauge(
        "kafka_consumergroup_current_offset",
        "The committed offset.",
        POSITION,
        [(labels, one.committed) for labels, one in each],
    )
    yield _gauge(
        "kafka_consumergroup_current_offset_sum",
        "Of the committed offsets in a topic.",
        SUM,
        [(labels, one.committed) for labels, one in topics],
    )
    yield _gauge(
        "kafka_consumergroup_lag",
        "Records from the committed offset to the end.",
        POSITION,
        [(labels, one.lag) for labels, one in each],
    )
    yield _gauge(
        "kafka_consumergroup_lag_sum",
        "The same in all partitions of a topic.",
        SUM,
        [(labels, one.lag) for labels, one in topics],
    )
    yield _gauge(
        "kafka_consumergroup_group_lag_seconds",
        "For how long the record at the committed offset has been there; 0 without lag.",
        POSITION,
        [(labels, one.seconds(now_ms)) for labels, one in each],
    )
    yield _gauge(
        "kafka_consumergroup_uncommitted_partitions",
        "Partitions of the group without a committed offset.",
        SUM,
        [(labels, one.uncommitted) for labels, one in topics],
    )


def _gauge(name: str, said: str, labels: Sequence[str], samples: Sequence[Sample]) -> GaugeMetricFamily:
    family = GaugeMetricFamily(name, said, labels=labels)
    for values, number in samples:
        if number is not None:
            family.add_metric([str(value) for value in values], number)
    return family

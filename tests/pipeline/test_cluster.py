"""What `sharpline topics` makes, and what a stage needs to find."""

import time

import pytest
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient, AlterConfigOpType, ConfigEntry, ConfigResource
from confluent_kafka.cimpl import NewTopic

from pipeline import cluster
from pipeline.errors import BrokerUnavailable, TopicsUnfit
from pipeline.local import kraft
from pipeline.settings import Settings
from pipeline.topics import DAY_MS, TOPICS
from tests.processors.chain import chain
from tests.processors.log import Load, now_ms, read

pytestmark = pytest.mark.kafka


def configured(bootstrap: str, topic: str) -> dict[str, str]:
    admin = AdminClient({"bootstrap.servers": bootstrap})
    (future,) = admin.describe_configs([ConfigResource(ConfigResource.Type.TOPIC, topic)]).values()
    return {name: entry.value for name, entry in future.result().items()}


def test_topics_are_made_once_and_start_offsets_are_committed_once(fresh_kafka: str) -> None:
    settings = Settings(partitions=2, journal_hours=3)
    with pytest.raises(TopicsUnfit, match=r"has no topic .*odds\.snapshots.*run `sharpline topics`"):
        cluster.preflight(fresh_kafka, chain())

    made = cluster.create_topics(fresh_kafka, settings, [chain()])
    again = cluster.create_topics(fresh_kafka, settings, [chain()])

    changelog = "sharpline.chain-rows-changelog"
    assert set(made.created) == {*TOPICS, changelog}
    assert (made.existing, made.seeded) == ((), ("sharpline.chain",))
    assert (again.created, set(again.existing), again.seeded) == ((), set(made.created), ())
    assert cluster.preflight(fresh_kafka, chain()) == 2
    odds, states, journal = (
        configured(fresh_kafka, topic) for topic in ("odds.snapshots", "games.states", changelog)
    )
    assert (odds["cleanup.policy"], odds["retention.ms"]) == ("delete", str(14 * DAY_MS))
    assert (states["cleanup.policy"], states["min.compaction.lag.ms"]) == ("compact", str(7 * DAY_MS))
    assert (journal["cleanup.policy"], journal["min.compaction.lag.ms"]) == ("compact", str(3 * 3_600_000))
    assert int(journal["segment.ms"]) < int(journal["min.compaction.lag.ms"]) / 4
    assert {odds["compression.type"], states["compression.type"], journal["compression.type"]} == {"lz4"}

    assert {odds["min.insync.replicas"], journal["min.insync.replicas"]} == {"1"}

    with pytest.raises(TopicsUnfit, match="has 2 partitions and should have 3"):
        cluster.create_topics(fresh_kafka, Settings(partitions=3), [chain()])


@pytest.mark.parametrize(("copies", "in_sync"), [(1, "1"), (2, "1"), (3, "2")])
def test_of_several_copies_one_may_be_away(copies: int, in_sync: str) -> None:
    settings = Settings(replication=copies)

    assert cluster._journal(settings)["min.insync.replicas"] == in_sync


def test_lag_and_ends_count_what_was_appended(fresh_kafka: str) -> None:
    cluster.create_topics(fresh_kafka, Settings(), [chain()])
    load = Load(fresh_kafka, seed=6)
    load.records(30)
    load.tick()
    load.flush()

    assert cluster.lag(fresh_kafka, [chain()]) == {"chain": 34}
    assert cluster.ends(fresh_kafka, ["clock.ticks", "odds.fair"]) == {"clock.ticks": 4, "odds.fair": 0}


def test_a_topic_made_anew_has_another_identity(fresh_kafka: str) -> None:
    cluster.create_topics(fresh_kafka, Settings(), [chain()])

    assert cluster.topic_ids(fresh_kafka, ["odds.snapshots"]) != cluster.topic_ids(fresh_kafka, ["odds.fair"])
    assert cluster.topic_ids(fresh_kafka, ["odds.fair", "odds.snapshots"]) == cluster.topic_ids(
        fresh_kafka, ["odds.snapshots", "odds.fair"]
    )


def test_a_broker_that_is_not_there_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster, "TIMEOUT_S", 0.5)
    (port,) = kraft.free_ports(1)

    with pytest.raises(BrokerUnavailable, match="no Kafka answers at"):
        cluster.create_topics(f"127.0.0.1:{port}", Settings(), [])


def test_every_version_is_kept_for_as_long_as_said_and_then_the_last_of_each_key(fresh_kafka: str) -> None:
    lag_ms = 4_000
    admin = AdminClient({"bootstrap.servers": fresh_kafka})
    # The broker itself looks for work every 15 s.
    quick = ConfigEntry("log.cleaner.backoff.ms", "100", incremental_operation=AlterConfigOpType.SET)
    (done,) = admin.incremental_alter_configs(
        [ConfigResource(ConfigResource.Type.BROKER, "1", incremental_configs=[quick])]
    ).values()
    done.result()
    admin.create_topics([NewTopic("journal", 1, 1, config=cluster.compacted(lag_ms))])["journal"].result()
    # Much that is never old: by itself Kafka would wait until half of the log is.
    quiet = {b"quiet %d" % number: b"%d" % number * 1_000 for number in range(1_000)}
    producer = Producer({"bootstrap.servers": fresh_kafka})
    for key, value in quiet.items():
        producer.produce("journal", value, key)
    stamped: dict[int, int] = {}
    """When each version was appended, as the broker has it."""

    def kept() -> set[int]:
        """The versions of the busy key that are there, after one more was written."""
        producer.produce("journal", b"%d" % len(stamped), b"busy")
        producer.flush()
        messages = read(fresh_kafka, ["journal"])["journal"]
        read_ms = now_ms()
        values = {int(message.value or b""): message for message in messages if message.key == b"busy"}
        stamped.update({version: message.timestamp_ms for version, message in values.items()})
        young = {version for version, at_ms in stamped.items() if at_ms > read_ms - lag_ms}
        assert young <= set(values), "what is younger than the lag is all there"
        assert {m.key: m.value for m in messages if m.key != b"busy"} == quiet
        return set(values)

    for _ in range(2):  # the second time hardly any of the log is dirty
        version = len(stamped)
        until = time.monotonic() + 60
        assert version in kept()
        while version in kept():
            assert time.monotonic() < until, f"version {version} is still there"
            time.sleep(0.1)

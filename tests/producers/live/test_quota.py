"""The ledger on a real broker: several instances, restarts, and a source that lies."""

import logging
import random
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest
from confluent_kafka import Producer, TopicPartition
from confluent_kafka.admin import AdminClient
from prometheus_client import REGISTRY

from pipeline import cluster
from pipeline.errors import BrokerUnavailable, TopicsUnfit
from pipeline.local.broker import own_broker
from pipeline.settings import Settings
from pipeline.stages import STAGES
from producers.live.call import Call
from producers.live.ledger import Account
from producers.live.quota import TOPIC, KafkaQuota

SOURCE = "the-odds-api"
BUDGET = 60
NOW = int(datetime(2026, 3, 10, 12, tzinfo=UTC).timestamp() * 1000)
DAY_MS = 86_400_000
CALL = Call(SOURCE, "odds nfl", "https://127.0.0.1/odds", cost=3)
FREE = Call(SOURCE, "sports", "https://127.0.0.1/sports")

Opened = Callable[..., KafkaQuota]

pytestmark = pytest.mark.kafka


@pytest.fixture(scope="module")
def ledger_kafka() -> Iterator[str]:
    """A broker with all topics."""
    with own_broker(short_lived=True) as own:
        cluster.create_topics(own.bootstrap, Settings(), STAGES.values())
        yield own.bootstrap


@pytest.fixture
def opened(ledger_kafka: str) -> Iterator[Opened]:
    """Opens an instance on a ledger in which nothing stands yet; closes those that were opened."""
    end = cluster.ends(ledger_kafka, [TOPIC]).get(TOPIC, 0)
    everything = TopicPartition(TOPIC, 0, end)
    admin = AdminClient({"bootstrap.servers": ledger_kafka})  # held: once it is collected, no answer comes
    admin.delete_records([everything])[everything].result(30)
    all_of_them: list[KafkaQuota] = []

    def open_one(budget: int = BUDGET, now_ms: int = NOW) -> KafkaQuota:
        all_of_them.append(KafkaQuota(ledger_kafka, {SOURCE: Account(budget)}, now_ms))
        return all_of_them[-1]

    yield open_one
    for quota in all_of_them:
        quota.close()


def test_instances_and_restarts_share_one_month(opened: Opened) -> None:
    one, other = opened(), opened()

    assert [bool(quota.reserve(CALL, NOW)) for quota in (one, other, one)] == [True] * 3
    restarted = opened()
    assert restarted.left(SOURCE, NOW) == BUDGET - 9
    reservations = [quota.reserve(CALL, NOW) for quota in (restarted, one, other) for _ in range(10)]

    assert sum(map(bool, reservations)) == (BUDGET - 9) // 3
    assert len(set(filter(None, reservations))) == (BUDGET - 9) // 3
    assert not opened().reserve(CALL, NOW)
    assert opened().reserve(CALL, NOW + 31 * DAY_MS), "the next month"


def test_a_source_that_counts_more_is_believed_by_all(opened: Opened) -> None:
    one, other = opened(), opened()
    one.settle(one.reserve(CALL, NOW), {"x-requests-used": "50", "x-requests-remaining": "10"}, NOW)

    assert other.reserve(CALL, NOW)  # it reads what stands before its own
    assert other.left(SOURCE, NOW) == BUDGET - 53
    other.settle(other.reserve(FREE, NOW), {"x-requests-used": "58"}, NOW)
    assert not other.reserve(CALL, NOW)


def test_a_key_that_is_spent_by_others_is_asked_again_once_free_calls_say_otherwise(opened: Opened) -> None:
    quota = opened()
    quota.settle(quota.reserve(CALL, NOW), {"x-requests-used": "60.0"}, NOW)
    assert not quota.reserve(CALL, NOW)

    for _ in range(2):
        quota.settle(quota.reserve(FREE, NOW), {"x-requests-used": "3"}, NOW)
    quota.close()

    assert opened().reserve(CALL, NOW)


@pytest.mark.parametrize("headers", [{}, {"x-requests-used": "-7"}, {"x-requests-last": "three"}])
def test_headers_that_say_nothing_leave_the_reservation_spent(
    opened: Opened, headers: dict[str, str]
) -> None:
    quota = opened()
    quota.settle(quota.reserve(CALL, NOW), headers, NOW)
    quota.settle("never reserved", {"x-requests-used": "50"}, NOW)

    assert quota.left(SOURCE, NOW) == BUDGET - 3


def test_an_account_that_runs_out_is_said_and_measured(
    opened: Opened, caplog: pytest.LogCaptureFixture
) -> None:
    quota = opened(budget=10)
    with caplog.at_level(logging.WARNING):
        made = [bool(quota.reserve(CALL, NOW)) for _ in range(6)]

    assert made == [True] * 3 + [False] * 3
    assert [record.getMessage() for record in caplog.records] == ["the month's credits run out"]
    assert REGISTRY.get_sample_value("sharpline_producers_credits_spent", {"source": SOURCE}) == 9
    assert REGISTRY.get_sample_value("sharpline_producers_credits_budget", {"source": SOURCE}) == 10


def test_a_source_without_an_account_may_only_be_asked_what_costs_nothing(opened: Opened) -> None:
    quota = opened()

    assert not quota.reserve(CALL._replace(source="espn"), NOW)
    assert quota.reserve(FREE._replace(source="espn"), NOW)
    assert quota.left("espn", NOW) == -1


def test_an_entry_that_nobody_can_read_stops_spending(
    ledger_kafka: str, opened: Opened, caplog: pytest.LogCaptureFixture
) -> None:
    producer = Producer({"bootstrap.servers": ledger_kafka})
    producer.produce(TOPIC, key=SOURCE, value=b"\0\0\0\3\xe7of a newer release")
    assert producer.flush(30) == 0

    assert not opened().reserve(CALL, NOW)
    assert "schema: id 999" in str(vars(caplog.records[-1])["fields"])


def test_threads_of_several_instances_never_spend_more_than_the_month_has(opened: Opened) -> None:
    """A source that charges every call and lies about it, answers that are lost, instances that crash."""
    charged, rng = list[int](), random.Random(5)
    seeds = [rng.randrange(1 << 30) for _ in range(4)]

    def ask(seed: int) -> None:
        rng = random.Random(seed)
        quota = opened(budget=300)
        for _ in range(120):
            cost = rng.choice((1, 3, 6))
            if reservation := quota.reserve(CALL._replace(cost=cost), NOW):
                charged.append(cost)
                lie = rng.choice(({"x-requests-used": "0", "x-requests-last": "0"}, {}, None))
                if lie is not None:
                    quota.settle(reservation, lie, NOW)
            if rng.random() < 0.02:
                quota = opened(budget=300)

    with ThreadPoolExecutor(len(seeds)) as threads:
        list(threads.map(ask, seeds))

    assert 295 < sum(charged) <= 300
    assert opened(budget=300).left(SOURCE, NOW) == 300 - sum(charged)


def test_without_a_broker_or_its_topic_nothing_starts(fresh_kafka: str) -> None:
    with pytest.raises(TopicsUnfit, match="sharpline topics"):
        KafkaQuota(fresh_kafka, {}, NOW)
    with pytest.raises(BrokerUnavailable, match="no Kafka answers"):
        KafkaQuota("127.0.0.1:1", {}, NOW)


def test_a_broker_that_goes_away_allows_no_call() -> None:
    with own_broker(short_lived=True) as own:
        cluster.create_topics(own.bootstrap, Settings(), STAGES.values())
        quota = KafkaQuota(own.bootstrap, {SOURCE: Account(BUDGET)}, NOW)
        assert quota.reserve(CALL, NOW)

    assert not quota.reserve(CALL, NOW)

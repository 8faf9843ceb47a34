import asyncio
from collections.abc import Iterator

import faust
import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.partitioner import DefaultPartitioner
from aiokafka.partitioner import murmur2 as murmur2_of_aiokafka
from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic
from hypothesis import given
from hypothesis import strategies as st

from pipeline import records
from pipeline.topics import ANSWERS, TOPICS, murmur2, partition_of, topic_of

PARTITIONS = 7
KEYS = [
    f"nfl:2025-09-{day:02}:kc-{away}{number}"
    for day in range(1, 26)
    for away in ("phi", "sf")
    for number in range(20)
]


@pytest.fixture
def empty_topic(kafka: str, request: pytest.FixtureRequest) -> Iterator[tuple[str, str]]:
    """Bootstrap address, and a topic of seven partitions that goes again."""
    admin, name = AdminClient({"bootstrap.servers": kafka}), request.node.name
    admin.create_topics([NewTopic(name, PARTITIONS, 1)])[name].result(30)
    yield kafka, name
    admin.delete_topics([name])[name].result(30)


def placed(kafka: str, topic: str) -> dict[str, int]:
    """Where each key lies, as the broker has it."""
    consumer = Consumer({"bootstrap.servers": kafka, "group.id": topic, "enable.auto.commit": False})
    consumer.assign([TopicPartition(topic, partition, 0) for partition in range(PARTITIONS)])
    found: dict[str, int] = {}
    while len(found) < len(KEYS):
        messages = consumer.consume(len(KEYS), 5.0)
        assert messages, f"{len(found)} of {len(KEYS)} keys arrived"
        found |= {message.key().decode(): message.partition() for message in messages}
    consumer.close()
    return found


EXPECTED = {key: partition_of(key, PARTITIONS) for key in KEYS}


def test_a_thousand_keys_are_spread_over_all_partitions() -> None:
    assert len(EXPECTED) == 1000
    assert set(EXPECTED.values()) == set(range(PARTITIONS))


@given(st.binary(max_size=80))
def test_murmur2_is_that_of_javas_client(data: bytes) -> None:
    assert murmur2(data) & 0xFFFFFFFF == murmur2_of_aiokafka(data) & 0xFFFFFFFF


@pytest.mark.parametrize(
    ("data", "hash"),
    [  # from the tests of Kafka's own client, org.apache.kafka.common.utils.UtilsTest
        (b"21", -973932308),
        (b"foobar", -790332482),
        (b"a-little-bit-long-string", -985981536),
        (b"a-little-bit-longer-string", -1486304829),
        (b"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58897971),
        (b"abc", 479470107),
    ],
)
def test_murmur2_of_known_keys(data: bytes, hash: int) -> None:
    assert murmur2(data) == hash & 0xFFFFFFFF


def test_aiokafkas_partitioner_chooses_the_same_partitions() -> None:
    everywhere = list(range(PARTITIONS))

    assert {key: DefaultPartitioner()(key.encode(), everywhere, everywhere) for key in KEYS} == EXPECTED


@pytest.mark.kafka
def test_confluent_kafka_puts_keys_where_we_expect_them(empty_topic: tuple[str, str]) -> None:
    kafka, topic = empty_topic
    producer = Producer({"bootstrap.servers": kafka, "partitioner": "murmur2_random"})
    for key in KEYS:
        producer.produce(topic, key=key, value=b"")
    assert producer.flush(30) == 0

    assert placed(kafka, topic) == EXPECTED


@pytest.mark.kafka
def test_aiokafka_puts_keys_where_we_expect_them(empty_topic: tuple[str, str]) -> None:
    kafka, topic = empty_topic

    async def send() -> None:
        async with AIOKafkaProducer(bootstrap_servers=kafka) as producer:
            await asyncio.gather(*[await producer.send(topic, b"", key=key.encode()) for key in KEYS])

    asyncio.run(send())

    assert placed(kafka, topic) == EXPECTED


@pytest.mark.kafka
def test_faust_puts_keys_where_we_expect_them(empty_topic: tuple[str, str]) -> None:
    kafka, topic = empty_topic

    async def send() -> None:
        app = faust.App(topic, broker=f"kafka://{kafka}", web_enabled=False, topic_disable_leader=True)
        channel = app.topic(topic, key_serializer="raw", value_serializer="raw")
        async with app.producer:
            for sent in [await channel.send(key=key.encode(), value=b"") for key in KEYS]:
                await sent

    asyncio.run(send())

    assert placed(kafka, topic) == EXPECTED


def test_answers_are_what_the_folds_derive() -> None:
    assert set(ANSWERS) == {
        "games.states",
        "games.probabilities",
        "games.features",
        "odds.fair",
        "odds.closing",
        "odds.moves",
        "bets.value",
        "bets.arbitrage",
        "bets.results",
        "games.scores",
    }


def test_results_and_scores_stay() -> None:
    assert {topic for topic in ANSWERS if not TOPICS[topic].tombstoned} == {"bets.results", "games.scores"}


def test_only_results_have_several_records_for_an_event() -> None:
    assert [topic for topic in ANSWERS if not TOPICS[topic].one_per_event] == ["bets.results"]


def test_answers_are_compacted_and_what_came_in_is_deleted_in_time() -> None:
    assert {topic.name for topic in TOPICS.values() if topic.retention_ms} == {
        "odds.snapshots",
        "games.events",
        "clock.ticks",
        "sources.payloads",
        "sources.quota",
        "shadow.differences",
        "ops.dead-letters",
    }


def test_a_record_knows_its_topic() -> None:
    assert topic_of(records.Arbitrages).name == "bets.arbitrage"

"""Reading a topic to its end, while it goes on."""

import pytest
from confluent_kafka import Producer

from pipeline.cluster import create_topics
from pipeline.codec import encode
from pipeline.replay.tail import from_kafka
from pipeline.settings import Settings
from tests.make_records import example

TOPIC = "bets.value"


def append(producer: Producer, revisions: range) -> None:
    for revision in revisions:
        key, value = encode(TOPIC, example(TOPIC, revision=revision))
        producer.produce(TOPIC, key=key, value=value, partition=revision % 4)
    assert producer.flush(60) == 0


@pytest.mark.kafka
def test_the_end_is_where_the_topic_ended_at_the_start_whatever_comes_meanwhile(fresh_kafka: str) -> None:
    create_topics(fresh_kafka, Settings(), [])
    producer = Producer({"bootstrap.servers": fresh_kafka, "partitioner": "murmur2_random"})
    append(producer, range(1, 21))

    read = []
    for message in from_kafka(fresh_kafka, TOPIC, "earliest", follow=False):
        read.append(message.record.revision)
        append(producer, range(100 * len(read), 100 * len(read) + 8))  # faster than it reads

    assert sorted(read) == list(range(1, 21))


@pytest.mark.kafka
def test_of_an_empty_topic_there_is_nothing_to_wait_for(fresh_kafka: str) -> None:
    create_topics(fresh_kafka, Settings(), [])

    assert list(from_kafka(fresh_kafka, TOPIC, "earliest", follow=False)) == []

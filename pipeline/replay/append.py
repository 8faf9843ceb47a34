"""One record of a person's, appended to its topic and acknowledged."""

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from pipeline import cluster, codec
from pipeline.errors import BrokerUnavailable, Refused, UsageError
from pipeline.records import Record
from pipeline.topics import partition_of, topic_of

ANSWER_S = 10.0


def append(bootstrap: str, record: Record) -> None:
    """Append a record on the partition of its key.

    Raises
    ------
    UsageError
        If it is not sound, or its topic is not there.
    BrokerUnavailable
        If no Kafka answers, or it does not take the record.
    """
    topic = topic_of(type(record)).name
    count = cluster.partitions(bootstrap).get(topic)
    if count is None:
        raise UsageError(f"{topic} is not on {bootstrap}; make the topics with `sharpline topics`")
    try:
        key, value = codec.encode(topic, record)
    except Refused as error:
        raise UsageError(str(error)) from error
    taken: list[KafkaError | None] = []

    def delivered(error: KafkaError | None, _: Message) -> None:
        taken.append(error)

    producer = Producer(
        {
            "bootstrap.servers": bootstrap,
            "acks": "all",
            "delivery.timeout.ms": int(ANSWER_S * 1000),
            "log_level": 2,
        }
    )
    try:
        producer.produce(topic, value, key, partition_of(key.decode(), count), on_delivery=delivered)
        producer.flush(ANSWER_S)
    except KafkaException as error:
        raise BrokerUnavailable(f"{topic} cannot be written at {bootstrap}: {error}; try again") from error
    if taken != [None]:
        why = taken[0].str() if taken and taken[0] else "no answer"
        raise BrokerUnavailable(f"{topic} at {bootstrap} took nothing: {why}; try again")

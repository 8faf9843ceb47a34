"""Confluent's own clients read our messages against the registry that the gateway serves."""

from typing import Any

import pytest
from confluent_kafka.schema_registry import (
    Schema,
    SchemaRegistryClient,
    SchemaRegistryError,
    topic_subject_name_strategy,
)
from confluent_kafka.schema_registry.avro import AvroDeserializer, AvroSerializer
from confluent_kafka.serialization import MessageField, SerializationContext, SerializationError
from msgspec import to_builtins

import schemas
from pipeline.codec import encode
from pipeline.topics import TOPICS
from tests.gateway.running import Running, gateway
from tests.make_records import example

__all__ = ["gateway"]


@pytest.fixture
def registry(gateway: Running) -> SchemaRegistryClient:
    return SchemaRegistryClient({"url": f"{gateway.http}/registry"})


def untagged(value: Any) -> Any:
    """As Confluent's deserializer reads it: no tags of unions."""
    if isinstance(value, dict):
        return {name: untagged(item) for name, item in value.items() if name != "-type"}
    return [untagged(item) for item in value] if isinstance(value, list | tuple) else value


def test_confluents_deserializer_reads_every_message(registry: SchemaRegistryClient) -> None:
    deserialize = AvroDeserializer(registry, conf={"subject.name.strategy": topic_subject_name_strategy})

    for topic in TOPICS:
        _, value = encode(topic, example(topic))
        read = deserialize(value, SerializationContext(topic, MessageField.VALUE))

        assert read == untagged(to_builtins(example(topic), builtin_types=(bytes,))), topic


def test_a_deserializer_told_of_an_unknown_id_says_so(registry: SchemaRegistryClient) -> None:
    deserialize = AvroDeserializer(registry, conf={"subject.name.strategy": topic_subject_name_strategy})

    with pytest.raises((SchemaRegistryError, SerializationError)):
        deserialize(b"\x00\x00\x00\xff\xff\x00", SerializationContext("bets.value", MessageField.VALUE))


def test_confluents_serializer_writes_our_very_bytes(registry: SchemaRegistryClient) -> None:
    """It looks the schema up, which is what a producer in another language would do."""
    topic = "odds.snapshots"
    conf = {"auto.register.schemas": False, "subject.name.strategy": topic_subject_name_strategy}
    serialize = AvroSerializer(registry, schemas.newest(TOPICS[topic].subject).text, conf=conf)
    record = to_builtins(example(topic))

    assert (
        serialize(record, SerializationContext(topic, MessageField.VALUE)) == encode(topic, example(topic))[1]
    )


def test_every_subject_and_version_is_found(registry: SchemaRegistryClient) -> None:
    assert registry.get_subjects() == sorted(topic.subject for topic in TOPICS.values())
    for released in schemas.catalogue():
        assert released.version in registry.get_versions(released.subject)
        assert registry.get_version(released.subject, released.version).schema_id == released.id
        assert registry.get_schema(released.id).schema_str == released.text
        latest = registry.get_latest_version(released.subject)
        assert latest.schema_id == schemas.newest(released.subject).id
        schema = Schema(released.text, "AVRO")
        assert registry.lookup_schema(released.subject, schema).schema_id == released.id


def test_nothing_can_be_registered(registry: SchemaRegistryClient) -> None:
    with pytest.raises(SchemaRegistryError) as caught:
        registry.register_schema("bets.value-value", Schema('{"type": "string"}', "AVRO"))

    assert caught.value.error_code == 42205


def test_versions_must_read_all_older_ones(registry: SchemaRegistryClient) -> None:
    assert registry.get_compatibility() == "BACKWARD_TRANSITIVE"
    assert registry.get_compatibility("bets.value-value") == "BACKWARD_TRANSITIVE"


@pytest.mark.parametrize(
    ("ask", "code"),
    [
        pytest.param(lambda registry: registry.get_versions("nothing-value"), 40401, id="subject"),
        pytest.param(lambda registry: registry.get_version("bets.value-value", 99), 40402, id="version"),
        pytest.param(lambda registry: registry.get_version("bets.value-value", "x"), 42202, id="no version"),
        pytest.param(lambda registry: registry.get_schema(9_999), 40403, id="id"),
        pytest.param(
            lambda registry: registry.lookup_schema("bets.value-value", Schema('"string"', "AVRO")),
            40403,
            id="schema",
        ),
        pytest.param(
            lambda registry: registry.lookup_schema("bets.value-value", Schema("{", "AVRO")),
            42201,
            id="no schema",
        ),
    ],
)
def test_what_is_not_there_has_the_code_that_clients_know(
    registry: SchemaRegistryClient, ask: Any, code: int
) -> None:
    with pytest.raises(SchemaRegistryError) as caught:
        ask(registry)

    assert caught.value.error_code == code

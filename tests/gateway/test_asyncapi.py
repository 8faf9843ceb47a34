"""The AsyncAPI document: the one that is checked in, valid by AsyncAPI's own schema, and whole.

That schema is 3.0.0-without-$id.json of the npm package @asyncapi/specs 6.11.1 (Apache-2.0), as it is.
"""

import json
import lzma
from typing import Any

import pytest
from jsonschema import Draft7Validator

import schemas
from gateway import asyncapi, protocol
from pipeline.topics import TOPICS, Topic
from tests.conftest import ROOT

DOCUMENT: dict[str, Any] = json.loads(asyncapi.text())
SCHEMA = ROOT / "tests" / "gateway" / "asyncapi-3.0.0.schema.json.xz"


@pytest.fixture(scope="module")
def official() -> Draft7Validator:
    return Draft7Validator(json.loads(lzma.decompress(SCHEMA.read_bytes())))


def test_the_document_that_is_checked_in_is_the_one_that_is_served() -> None:
    said = "python -m gateway.asyncapi > docs/asyncapi.json"

    assert (ROOT / "docs" / "asyncapi.json").read_bytes() == asyncapi.text(), said


def test_it_is_an_asyncapi_document(official: Draft7Validator) -> None:
    assert [error.message[:300] for error in official.iter_errors(DOCUMENT)] == []


@pytest.mark.parametrize(
    ("place", "value"),
    [
        (("operations", "tell", "action"), "shout"),
        (("channels", "stream", "bindings", "ws", "method"), "PUT"),
        (("components", "messages", "bets.value", "payload", "schema", "type"), "recrod"),
    ],
)
def test_the_schema_finds_what_is_wrong(
    official: Draft7Validator, place: tuple[str, ...], value: str
) -> None:
    wrong = json.loads(asyncapi.text())
    *path, last = place
    part = wrong
    for name in path:
        part = part[name]
    part[last] = value

    assert not official.is_valid(wrong)


def test_every_reference_leads_somewhere() -> None:
    def references(part: Any) -> list[str]:
        if isinstance(part, list):
            return [found for each in part for found in references(each)]
        if not isinstance(part, dict):
            return []
        own = [part["$ref"]] if isinstance(part.get("$ref"), str) else []
        return own + [found for each in part.values() for found in references(each)]

    for reference in references(DOCUMENT):
        part = DOCUMENT
        for name in reference.removeprefix("#/").split("/"):
            assert name in part, reference
            part = part[name]


@pytest.mark.parametrize("topic", TOPICS.values(), ids=lambda topic: topic.name)
def test_every_topic_has_its_newest_avro_schema(topic: Topic) -> None:
    (message,) = DOCUMENT["channels"][topic.name]["messages"].values()
    told = DOCUMENT["components"]["messages"][message["$ref"].rpartition("/")[2]]

    assert told["payload"]["schema"] == schemas.newest(topic.subject).schema


def test_every_message_of_the_stream_is_described() -> None:
    tagged = {
        kind.__struct_config__.tag
        for kind in vars(protocol).values()
        if isinstance(kind, type) and kind.__module__ == protocol.__name__
        if getattr(kind, "__struct_config__", None) and kind.__struct_config__.tag
    }
    told = DOCUMENT["channels"]["stream"]["messages"]

    assert {DOCUMENT["components"]["messages"][name]["name"] for name in told} == tagged - {"Request"}

"""``/v1/asyncapi.json``: the stream and the topics as AsyncAPI 3.0.

Made from what is in force: the stream's structs, the topics, and the newest Avro schema of each.
"""

import json
from functools import cache
from importlib.metadata import version
from inspect import cleandoc
from typing import Any, get_args

from msgspec import Struct

import schemas
from gateway import openapi, protocol
from pipeline.topics import ANSWERS, TICKS, TOPICS, Topic

Json = dict[str, Any]
REF = "#/components/schemas/{name}"
AVRO = "application/vnd.apache.avro+json;version=1.9.0"
ABOUT = """Odds and games come in on Kafka's topics, three folds derive answers from them, and the gateway
streams these over a WebSocket. Records on topics are Avro in Confluent's wire format: a zero byte, the
schema's id in four, the body; the gateway's /registry is their schema registry. The stream is JSON."""
RECORD = {
    "description": "The whole answer of the key, a record of its topic; null where it is gone.",
    "anyOf": [
        *({"$ref": REF.format(name=TOPICS[topic].record.__name__)} for topic in ANSWERS),
        {"type": "null"},
    ],
}
ASKED: tuple[type[Struct], ...] = get_args(protocol.Asked)
SAID: tuple[type[Struct], ...] = get_args(protocol.Said)


def document() -> Json:
    """The whole document."""
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Sharpline",
            "version": version("sharpline"),
            "description": ABOUT,
            "license": {"name": "Apache-2.0"},
        },
        "defaultContentType": "application/json",
        "servers": {
            "gateway": {
                "host": "127.0.0.1:8642",
                "protocol": "ws",
                "description": "Where `sharpline serve` listens if nothing else is said.",
            },
            "kafka": {
                "host": "{address}",
                "protocol": "kafka",
                "description": "The cluster that SHARPLINE_KAFKA names.",
                "variables": {"address": {"default": "127.0.0.1:9092"}},
            },
        },
        "channels": {"stream": _stream(), **{topic.name: _channel(topic) for topic in TOPICS.values()}},
        "operations": _operations(),
        "components": {"messages": _messages(), "schemas": _schemas()},
    }


@cache
def text() -> bytes:
    """The document as it is served and checked in."""
    return json.dumps(document(), indent=1, ensure_ascii=False).encode() + b"\n"


def _stream() -> Json:
    return {
        "address": "/v1/stream",
        "title": "The live stream",
        "description": f"JSON texts under the subprotocol {protocol.SUBPROTOCOL}; docs/stream.md shows them.",
        "servers": [{"$ref": "#/servers/gateway"}],
        "messages": {
            kind.__name__: {"$ref": f"#/components/messages/{kind.__name__}"} for kind in (*ASKED, *SAID)
        },
        "bindings": {"ws": {"method": "GET", "bindingVersion": "0.1.0"}},
    }


def _channel(topic: Topic) -> Json:
    kept: Json = {"cleanup.policy": ["delete"], "retention.ms": topic.retention_ms}
    if not topic.retention_ms:
        kept = {"cleanup.policy": ["compact"]}
    name = topic.record.__name__
    return {
        "address": topic.name,
        "description": schemas.newest(topic.subject).schema["doc"],
        "servers": [{"$ref": "#/servers/kafka"}],
        "messages": {name: {"$ref": f"#/components/messages/{topic.name}"}},
        "bindings": {"kafka": {"topic": topic.name, "topicConfiguration": kept, "bindingVersion": "0.5.0"}},
    }


def _operations() -> Json:
    """What the gateway does on each channel."""
    found: Json = {
        "hear": {
            "action": "receive",
            "summary": "What a client says on the stream.",
            "channel": {"$ref": "#/channels/stream"},
            "messages": [_on("stream", kind.__name__) for kind in ASKED],
        },
        "tell": {
            "action": "send",
            "summary": "What the gateway says on the stream.",
            "channel": {"$ref": "#/channels/stream"},
            "messages": [_on("stream", kind.__name__) for kind in SAID],
        },
    }
    for name in (*ANSWERS, TICKS):
        found[f"read {name}"] = {
            "action": "receive",
            "summary": f"Records of {name}, which the stream passes on."
            if name in ANSWERS
            else "The time of the log, and which sources are down.",
            "channel": {"$ref": f"#/channels/{name}"},
            "messages": [_on(name, TOPICS[name].record.__name__)],
        }
    return found


def _on(channel: str, message: str) -> Json:
    return {"$ref": f"#/channels/{channel}/messages/{message}"}


def _messages() -> Json:
    said = {
        kind.__name__: {
            "name": str(kind.__struct_config__.tag),
            "summary": cleandoc(kind.__doc__ or "").partition("\n")[0],
            "contentType": "application/json",
            "payload": {"$ref": REF.format(name=kind.__name__)},
        }
        for kind in (*ASKED, *SAID)
    }
    return said | {topic.name: _record(topic) for topic in TOPICS.values()}


def _record(topic: Topic) -> Json:
    released = schemas.newest(topic.subject)
    key = "An event's id." if topic.one_per_event else "What a record is about; its newest one stands."
    return {
        "name": topic.record.__name__,
        "summary": f"Schema {released.id}, version {released.version} of {topic.subject}.",
        "contentType": "application/vnd.confluent.avro",
        "payload": {"schemaFormat": AVRO, "schema": released.schema},
        "bindings": {
            "kafka": {
                "key": {"type": "string", "description": key},
                "schemaIdLocation": "payload",
                "schemaIdPayloadEncoding": "confluent",
                "bindingVersion": "0.5.0",
            }
        },
    }


def _schemas() -> Json:
    records = [TOPICS[topic].record for topic in ANSWERS]
    found = openapi.components([*ASKED, *SAID, *records], REF)
    for kind in SAID:
        schema = found[kind.__name__]
        if "record" in schema["properties"]:
            schema["properties"]["record"] = RECORD
    told: Json = _without_mappings(dict(sorted(found.items())))
    return told


def _without_mappings(schema: Any) -> Any:
    """A schema without OpenAPI's discriminators, which here would be names alone; the tags tell as much."""
    if isinstance(schema, list):
        return [_without_mappings(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    return {name: _without_mappings(each) for name, each in schema.items() if name != "discriminator"}


if __name__ == "__main__":
    import sys

    sys.stdout.buffer.write(text())

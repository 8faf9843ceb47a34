"""``/v1/openapi.json``: the HTTP API as OpenAPI 3.1, made from the structs that the endpoints read and tell.

What a record's fields mean is said once, in its Avro schema, and taken from there.
"""

import json
import re
from functools import cache
from importlib.metadata import version
from inspect import cleandoc
from typing import Any, get_type_hints

import msgspec
from msgspec import NODEFAULT, Struct
from msgspec.structs import FieldInfo, fields

import schemas
from gateway import problems, registry
from gateway.http import health
from gateway.http.endpoint import NOW, Endpoint
from gateway.http.parameters import schema_of
from gateway.http.table import ENDPOINTS
from pipeline.calculator import CALCULATORS
from pipeline.topics import ANSWERS

Json = dict[str, Any]
REF = "#/components/schemas/{name}"
ABOUT = """Live sports betting analytics: events, fair prices, probabilities, value bets and arbitrage, as
they stand.

Answers are JSON. Each GET has an `ETag`: ask with `If-None-Match`, and what has not changed is 304 without a
body. Times are Unix ms, prices decimal odds, probabilities and shares of 1, money integer minor units. Errors
are problem details (RFC 9457); `/registry` tells them as its clients know them."""
HEALTH: dict[str, tuple[Any, type[Struct]]] = {
    "/livez": (health.alive, health.Alive),
    "/readyz": (health.ready, health.Ready),
    "/healthz": (health.health, health.Health),
}
EVENT = {
    "name": "event",
    "in": "path",
    "required": True,
    "description": "An event's id, as /v1/events tells it.",
    "schema": {"type": "string", "examples": ["nfl:2025-09-14:kc-phi"]},
}
PROBLEM = {"$ref": "#/components/responses/Problem"}
UNCHANGED = {"$ref": "#/components/responses/Unchanged"}
#: Of parameters in the registry's paths.
SHAPES = {"version": {"pattern": "^(latest|-1|[1-9][0-9]*)$"}}
#: Left out where they are at their default.
SPARSE = ("Problem", "Alive")


def document() -> Json:
    """The whole document."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Sharpline",
            "version": version("sharpline"),
            "description": ABOUT,
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "security": [{}, {"bearer": []}],
        "tags": [
            {"name": "events", "description": "What is known, event by event and over all of them."},
            {"name": "calculators", "description": "Questions answered without memory: docs/calculators.md."},
            {
                "name": "registry",
                "description": "The Avro schemas, as a Confluent schema registry serves them.",
            },
            {"name": "gateway", "description": "How this gateway is, and what describes it."},
        ],
        "paths": _paths(),
        "components": {
            "schemas": _schemas(),
            "parameters": {"event": EVENT, **_shared_parameters()},
            "responses": _responses(),
            "headers": {
                "ETag": {"description": "Strong, of these very bytes.", "schema": {"type": "string"}},
                NOW: {
                    "description": "Unix ms: the newest tick of the log as this was answered.",
                    "schema": {"type": "integer"},
                },
            },
            "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}},
        },
    }


@cache
def text() -> bytes:
    """The document as it is served and checked in."""
    return json.dumps(document(), indent=1, ensure_ascii=False).encode() + b"\n"


def components(kinds: list[Any], ref: str) -> Json:
    """JSON schemas of structs and of their parts, by name, with what the Avro schemas say of fields."""
    _, found = msgspec.json.schema_components(kinds, ref_template=ref)
    told = _field_docs()
    for name, schema in found.items():
        if "description" in schema:
            schema["description"] = cleandoc(schema["description"])
        for field, about in told.get(name, {}).items():
            if field in schema.get("properties", {}):
                schema["properties"][field]["description"] = about
    return found


def _schemas() -> Json:
    questions = [calculator.question for calculator in CALCULATORS.values()]
    answers = [get_type_hints(calculator.answer)["return"] for calculator in CALCULATORS.values()]
    told = [endpoint.tells for endpoint in ENDPOINTS] + [kind for _, kind in HEALTH.values()]
    told += [one.tells for one in registry.ENDPOINTS] + [registry.RegistryProblem, problems.Problem]
    asked = components(questions, REF)
    found = components([*told, *answers, *questions], REF)
    for name, schema in found.items():
        if name not in asked and name not in SPARSE and "properties" in schema:
            schema["required"] = list(schema["properties"])  # what is told is told whole
    return dict(sorted(found.items()))


def _field_docs() -> dict[str, dict[str, str]]:
    """What the newest Avro schemas say of each record's fields."""
    found: dict[str, dict[str, str]] = {}

    def walk(schema: Any) -> None:
        if isinstance(schema, list):
            for each in schema:
                walk(each)
        elif isinstance(schema, dict):
            if schema.get("type") == "record":
                found.setdefault(
                    schema["name"], {f["name"]: f["doc"] for f in schema["fields"] if "doc" in f}
                )
            for value in schema.values():
                walk(value)

    for topic in ANSWERS:
        walk(schemas.newest(f"{topic}-value").schema)
    return found


def _paths() -> Json:
    found: Json = {
        "/v1": {"get": _told("index", "What there is.", "gateway", _plain())},
        **{endpoint.path: {"get": _operation(endpoint)} for endpoint in ENDPOINTS},
        **{f"/v1/calculate/{what}": {"post": _calculation(what)} for what in CALCULATORS},
    }
    for name, about in (
        ("openapi", "This document."),
        ("asyncapi", "The stream and the topics, AsyncAPI 3.0."),
    ):
        found[f"/v1/{name}.json"] = {
            "get": _told(name, about, "gateway", {**_body({"type": "object"}), "304": UNCHANGED})
        }
    for path, (handler, kind) in HEALTH.items():
        schema = {"$ref": REF.format(name=kind.__name__)}
        body = {**_body(schema), "503": _body(schema, "It is not so.")["200"]}
        found[path] = {"get": _told(path[1:], _first(handler), "gateway", body)}
    found["/metrics"] = {
        "get": _told("metrics", "This process's numbers, for Prometheus.", "gateway", _plain())
    }
    for one in registry.ENDPOINTS:
        path = "/registry" + re.sub(r"{(\w+):int}", r"{\1}", one.path)
        found.setdefault(path, {})[one.method.lower()] = _registry(one)
    return found


def _operation(endpoint: Endpoint) -> Json:
    headers: Json = {name: {"$ref": f"#/components/headers/{name}"} for name in ("ETag", NOW)}
    ok = _body({"$ref": REF.format(name=endpoint.tells.__name__)})["200"] | {"headers": headers}
    answers: Json = {"200": ok, "304": UNCHANGED, "400": PROBLEM}
    if endpoint.about_event:
        answers["404"] = PROBLEM
    name = re.sub(r"\W+", "_", endpoint.path.removeprefix("/v1/").replace("{event}", "event"))
    told = _told(name, endpoint.summary, "events", answers)
    parameters: list[Json] = [{"$ref": "#/components/parameters/event"}] if endpoint.about_event else []
    parameters += [_parameter(field) for field in fields(endpoint.query)]
    if parameters:
        told["parameters"] = parameters
    return told


def _calculation(what: str) -> Json:
    calculator = CALCULATORS[what]
    question, answer = calculator.question, get_type_hints(calculator.answer)["return"]
    answers = {**_body({"$ref": REF.format(name=answer.__name__)}), "400": PROBLEM, "413": PROBLEM}
    told = _told(f"calculate_{what}", _first(question), "calculators", answers)
    schema = {"$ref": REF.format(name=question.__name__)}
    told["requestBody"] = {"required": True, "content": {"application/json": {"schema": schema}}}
    return told


def _registry(one: registry.Endpoint) -> Json:
    schema, _ = msgspec.json.schema_components([one.tells], ref_template=REF)
    ok: Json = {"description": "As asked.", "content": {registry.MEDIA_TYPE: {"schema": schema[0]}}}
    error: Json = {"$ref": "#/components/responses/RegistryProblem"}
    refuses = one.handler is registry.refused
    answers: Json = {} if refuses else {"200": ok}
    if "{" in one.path:
        answers |= {"404": error}
    if refuses or "{version}" in one.path or one.method == "POST":
        answers |= {"422": error}
    told = _told(
        f"registry_{one.handler.__name__}_{one.path.count('{')}", _first(one.handler), "registry", answers
    )
    kinds = dict(re.findall(r"{(\w+)(:int)?}", one.path))
    told["parameters"] = [
        {
            "name": name,
            "in": "path",
            "required": True,
            "schema": {"type": "integer", "minimum": 0}
            if kind
            else {"type": "string", **SHAPES.get(name, {})},
        }
        for name, kind in kinds.items()
    ]
    if one.handler is registry.lookup:
        body = {"schema": {"$ref": REF.format(name="SchemaText")}}
        told["requestBody"] = {
            "required": True,
            "content": {registry.MEDIA_TYPE: body, "application/json": body},
        }
    return told


def _told(name: str, summary: str, tag: str, answers: Json) -> Json:
    return {
        "operationId": name,
        "summary": summary,
        "tags": [tag],
        "responses": {**answers, "default": PROBLEM},
    }


def _body(schema: Json, description: str = "As asked.") -> Json:
    return {"200": {"description": description, "content": {"application/json": {"schema": schema}}}}


def _plain() -> Json:
    return {"200": {"description": "As asked.", "content": {"text/plain": {"schema": {"type": "string"}}}}}


def _first(told: Any) -> str:
    return (told.__doc__ or "").partition("\n")[0]


def _parameter(field: FieldInfo) -> Json:
    whole = _described(field)
    return (
        {"$ref": f"#/components/parameters/{field.encode_name}"}
        if whole == _shared_parameters().get(field.encode_name)
        else whole
    )


def _described(field: FieldInfo) -> Json:
    schema = dict(schema_of(field))
    description = schema.pop("description")
    if field.default is not NODEFAULT and field.default != "":
        schema["default"] = field.default
    return {"name": field.encode_name, "in": "query", "description": description, "schema": schema}


@cache
def _shared_parameters() -> Json:
    """Those that mean the same wherever they are taken."""
    found: dict[str, list[Json]] = {}
    for endpoint in ENDPOINTS:
        for field in fields(endpoint.query):
            found.setdefault(field.encode_name, []).append(_described(field))
    return {
        name: told[0] for name, told in found.items() if len(told) > 1 and all(one == told[0] for one in told)
    }


def _responses() -> Json:
    problem = {problems.MEDIA_TYPE: {"schema": {"$ref": REF.format(name="Problem")}}}
    refusal = {registry.MEDIA_TYPE: {"schema": {"$ref": REF.format(name="RegistryProblem")}}, **problem}
    return {
        "Problem": {"description": "What went wrong, as problem details (RFC 9457).", "content": problem},
        "RegistryProblem": {
            "description": "What went wrong; problem details where the registry was not even asked.",
            "content": refusal,
        },
        "Unchanged": {"description": "What you have is what there is."},
    }


if __name__ == "__main__":
    import sys

    sys.stdout.buffer.write(text())

"""The Avro files are the truth; the records of pipeline.records say the same, field by field."""

import json
from collections.abc import Iterator
from enum import Enum
from types import NoneType, UnionType
from typing import Annotated, Any, Union, get_args, get_origin, get_type_hints

import fastavro
import pytest
from msgspec import NODEFAULT, Meta, Struct
from msgspec.structs import fields

import schemas
from pipeline.topics import TOPICS
from schemas import Released

SUBJECTS = {topic.subject: topic for topic in TOPICS.values()}
NEWEST = [schemas.newest(subject) for subject in SUBJECTS]
PRIMITIVES = {str: "string", bool: "boolean", float: "double", bytes: "bytes"}
INTEGERS = {"int": 2**31, "long": 2**63}


def by_subject(released: Released) -> str:
    return released.subject


def nodes(schema: Any, place: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every named type and every field of a schema, with where it stands."""
    if isinstance(schema, list):
        for branch in schema:
            yield from nodes(branch, place)
    elif isinstance(schema, dict):
        if "name" in schema:
            yield f"{place}{schema['name']}", schema
        for field in schema.get("fields", []):
            here = f"{place}{schema['name']}.{field['name']}"
            yield here, field
            yield from nodes(field["type"], f"{here}: ")
        for inner in ("items", "values"):
            yield from nodes(schema.get(inner), place)


def disagreements(schema: Any, hint: Any, place: str, named: dict[str, Any]) -> Iterator[str]:
    """Where a Python type says something else than the Avro type."""
    bounds = [argument for argument in get_args(hint)[1:] if isinstance(argument, Meta)]
    kind = get_args(hint)[0] if get_origin(hint) is Annotated else hint
    if isinstance(schema, str) and schema in named:
        schema = named[schema]
    if isinstance(schema, dict) and schema["type"] in ("record", "enum"):
        named[schema["name"]] = schema
    match schema:
        case "int" | "long":
            # An int of Python has no end; what Avro cannot hold must be refused before it is written.
            lowest = max((bound.ge for bound in bounds if bound.ge is not None), default=None)
            highest = min((bound.le for bound in bounds if bound.le is not None), default=None)
            limit = INTEGERS[schema]
            if kind is not int or lowest is None or highest is None or lowest < -limit or highest >= limit:
                yield f"{place}: {schema} is {hint}"
        case str():
            if PRIMITIVES.get(kind) != schema:
                yield f"{place}: {schema} is {hint}"
        case list():
            branches = get_args(kind) if get_origin(kind) in (Union, UnionType) else (kind,)
            named_branches = {b.__name__: b for b in branches if b is not NoneType}
            if "null" in schema and (schema[0] != "null" or NoneType not in branches):
                yield f"{place}: null is not the first of both"
            records = [branch for branch in schema if branch != "null"]
            if sorted(named_branches) != sorted(branch["name"] for branch in records):
                yield f"{place}: {sorted(named_branches)} are not the branches"
                return
            for branch in records:
                yield from disagreements(branch, named_branches[branch["name"]], place, named)
        case {"type": "array", "items": items}:
            if get_origin(kind) is not tuple or get_args(kind)[1:] != (Ellipsis,):
                yield f"{place}: an array is {hint}"
                return
            yield from disagreements(items, get_args(kind)[0], f"{place}[]", named)
        case {"type": "map", "values": values}:
            if get_origin(kind) is not dict or get_args(kind)[0] is not str:
                yield f"{place}: a map is {hint}"
                return
            yield from disagreements(values, get_args(kind)[1], f"{place}{{}}", named)
        case {"type": "enum", "symbols": symbols}:
            if not issubclass(kind, Enum) or [symbol.value for symbol in kind] != symbols:
                yield f"{place}: {symbols} are not {kind}"
        case {"type": "record", "name": name, "fields": given}:
            if kind.__name__ != name:
                yield f"{place}: {name} is {kind.__name__}"
            yield from record_disagreements(given, kind, place, named)
        case _:
            yield f"{place}: {schema} is not a type that is used here"


def record_disagreements(
    given: list[dict[str, Any]], kind: type[Struct], place: str, named: dict[str, Any]
) -> Iterator[str]:
    ours = {field.name: field for field in fields(kind)}
    names = [field["name"] for field in given]
    if list(ours) != names:
        yield f"{place}: fields are {names} in the schema and {list(ours)} in {kind.__name__}"
        return
    hints = get_type_hints(kind, include_extras=True)
    for field in given:
        name = field["name"]
        yield from disagreements(field["type"], hints[name], f"{place}.{name}", named)
        if "default" in field and field["default"] != default_of(ours[name]):
            ours_says = default_of(ours[name])
            yield f"{place}.{name}: {field['default']!r} is the schema's default, {ours_says!r} ours"


def default_of(field: Any) -> Any:
    if field.default_factory is not NODEFAULT:
        return field.default_factory()
    if isinstance(field.default, tuple):
        return list(field.default)
    return field.default


def test_every_topic_has_a_schema_and_every_schema_a_topic() -> None:
    assert {released.subject for released in schemas.catalogue()} == set(SUBJECTS)


@pytest.mark.parametrize("released", schemas.catalogue(), ids=lambda r: f"{r.subject}-{r.version}")
def test_every_released_schema_parses(released: Released) -> None:
    assert fastavro.parse_schema(released.schema)["type"] == "record"


@pytest.mark.parametrize("released", NEWEST, ids=by_subject)
def test_record_and_schema_say_the_same(released: Released) -> None:
    kind = SUBJECTS[released.subject].record

    assert list(disagreements(released.schema, kind, kind.__name__, {})) == []


@pytest.mark.parametrize("released", NEWEST, ids=by_subject)
def test_the_tag_of_a_situation_is_its_full_name_in_avro(released: Released) -> None:
    hints = get_type_hints(SUBJECTS[released.subject].record, include_extras=True)
    situations = [kind for kind in get_args(hints.get("situation")) if kind is not NoneType]

    for kind in situations:
        assert kind.__struct_config__.tag == f"{released.schema['namespace']}.{kind.__name__}"


@pytest.mark.parametrize("released", NEWEST, ids=by_subject)
def test_every_type_and_field_says_what_it_means(released: Released) -> None:
    unexplained = [
        place for place, node in nodes(released.schema, "") if not str(node.get("doc", "")).strip(" .")
    ]

    assert unexplained == []


@pytest.mark.parametrize("released", NEWEST, ids=by_subject)
def test_a_field_that_ends_in_a_unit_says_it(released: Released) -> None:
    """Times are longs in Unix ms, by whoever's clock the doc says."""
    for place, node in nodes(released.schema, ""):
        if node["name"].endswith("_ms"):
            assert node["type"] == "long", place
            assert "Unix ms" in node["doc"], place


def test_the_comparison_sees_each_kind_of_difference() -> None:
    class Book(Struct):
        name: str
        weight: float = 1.0
        rank: int = 0

    schema = {
        "type": "record",
        "name": "Book",
        "fields": [
            {"name": "name", "type": "bytes"},
            {"name": "weight", "type": "double", "default": 2.0},
            {"name": "rank", "type": "int"},
        ],
    }

    assert list(disagreements(schema, Book, "Book", {})) == [
        "Book.name: bytes is <class 'str'>",
        "Book.weight: 2.0 is the schema's default, 1.0 ours",
        "Book.rank: int is <class 'int'>",
    ]
    renamed = json.loads(json.dumps(schema).replace("rank", "place"))
    assert len(list(disagreements(renamed, Book, "Book", {}))) == 1

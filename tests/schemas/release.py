"""What must hold of everything that was ever released, as functions over a catalogue."""

import hashlib
import json
from collections.abc import Iterator, Sequence
from itertools import combinations
from typing import Any

import avro.schema
from avro.compatibility import ReaderWriterCompatibilityChecker, SchemaCompatibilityType

from schemas import Released

#: What a doc can say of how a number is to be read. It may say more in a later version, never something else.
UNITS = (
    "Unix ms",
    "Seconds",
    "Decimal",
    "Minor units",
    "minor units",
    "Points",
    "bits",
    "1 / B",
    "In [0, 1]",
)


def catalogue_faults(catalogue: Sequence[Released]) -> Iterator[str]:
    """What is wrong with the list itself: ids and versions are used once, files are as they were released."""
    for name, values in {
        "id": [released.id for released in catalogue],
        "version": [(released.subject, released.version) for released in catalogue],
        "file": [released.file for released in catalogue],
    }.items():
        if twice := {value for value in values if values.count(value) > 1}:
            yield f"{name} used twice: {sorted(twice)}"
    if [released.id for released in catalogue] != sorted(released.id for released in catalogue):
        yield "ids do not grow: the catalogue is appended to, at its end"
    for subject in {released.subject for released in catalogue}:
        versions = [released.version for released in catalogue if released.subject == subject]
        if versions != list(range(1, len(versions) + 1)):
            yield f"{subject}: versions are {versions}"
    for released in catalogue:
        if (found := hashlib.sha256(released.text.encode()).hexdigest()) != released.sha256:
            yield f"{released.file} has changed since its release: it hashes to {found}"


def compatibility_faults(versions: Sequence[str]) -> Iterator[str]:
    """Why a version, given oldest first as JSON, cannot read what an older one wrote (BACKWARD_TRANSITIVE).

    Beside Avro's own rules: a field that stays keeps its logical type and its unit, a new one comes after
    those that were there.
    """
    for (older, old_text), (newer, new_text) in combinations(enumerate(versions, 1), 2):
        pair = f"version {newer} of what version {older} wrote"
        reader, writer = avro.schema.parse(new_text), avro.schema.parse(old_text)
        result = ReaderWriterCompatibilityChecker().get_compatibility(reader, writer)
        if result.compatibility is not SchemaCompatibilityType.compatible:
            yield f"{pair}: {'; '.join(sorted(result.messages))}"
        yield from (
            f"{pair}: {fault}" for fault in _meaning_faults(json.loads(old_text), json.loads(new_text))
        )


def _meaning_faults(old: Any, new: Any) -> Iterator[str]:
    old_records, new_records = dict(_records(old)), dict(_records(new))
    for name, now in new_records.items():
        if (before := old_records.get(name)) is None:
            continue
        fields, kept = {field["name"]: field for field in before}, [field["name"] for field in now]
        stayed = [field for field in kept if field in fields]
        if kept[: len(stayed)] != stayed or stayed != [field for field in fields if field in stayed]:
            yield f"{name}: new fields come last, the others in their order"
        for field in now:
            if field["name"] in fields:
                yield from _field_faults(f"{name}.{field['name']}", fields[field["name"]], field)


def _field_faults(place: str, old: dict[str, Any], new: dict[str, Any]) -> Iterator[str]:
    if _logical_type(old) != _logical_type(new):
        yield f"{place}: the logical type was {_logical_type(old)} and is {_logical_type(new)}"
    before = {unit for unit in UNITS if unit in old.get("doc", "")}
    now = {unit for unit in UNITS if unit in new.get("doc", "")}
    if before - now:
        yield f"{place}: the unit was {sorted(before)} and is {sorted(now)}"


def _logical_type(field: dict[str, Any]) -> str | None:
    return field["type"].get("logicalType") if isinstance(field["type"], dict) else None


def _records(schema: Any) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    if isinstance(schema, list):
        for branch in schema:
            yield from _records(branch)
    elif isinstance(schema, dict):
        if schema["type"] == "record":
            yield schema["name"], schema["fields"]
            for field in schema["fields"]:
                yield from _records(field["type"])
        for inner in ("items", "values"):
            if inner in schema:
                yield from _records(schema[inner])

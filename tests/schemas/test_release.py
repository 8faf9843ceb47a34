import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

import schemas
from tests.schemas.release import catalogue_faults, compatibility_faults

CATALOGUE = schemas.catalogue()
SUBJECTS = sorted({released.subject for released in CATALOGUE})
TICK = schemas.newest("clock.ticks-value")
STATES = schemas.newest("games.states-value")


def test_nothing_that_was_released_has_changed() -> None:
    assert list(catalogue_faults(CATALOGUE)) == []


@pytest.mark.parametrize("subject", SUBJECTS)
def test_every_version_reads_what_older_ones_wrote(subject: str) -> None:
    versions = [released.text for released in CATALOGUE if released.subject == subject]

    assert list(compatibility_faults(versions)) == []


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        pytest.param(lambda first: replace(first, sha256="0" * 64), "has changed since", id="other bytes"),
        pytest.param(lambda first: replace(first, id=CATALOGUE[1].id), "id used twice", id="id twice"),
        pytest.param(lambda first: replace(first, id=10_000), "ids do not grow", id="id in the middle"),
        pytest.param(lambda first: replace(first, version=2), "versions are [2]", id="no first version"),
        pytest.param(
            lambda first: replace(first, file=CATALOGUE[1].file), "file used twice", id="file twice"
        ),
        pytest.param(
            lambda first: replace(first, subject=CATALOGUE[1].subject),
            "version used twice",
            id="version twice",
        ),
    ],
)
def test_a_catalogue_that_was_not_appended_to_is_seen(
    change: Callable[[schemas.Released], schemas.Released], fault: str
) -> None:
    faults = list(catalogue_faults((change(CATALOGUE[0]), *CATALOGUE[1:])))

    assert any(fault in found for found in faults), faults


def changed(text: str, change: Callable[[dict[str, Any]], object]) -> str:
    schema = json.loads(text)
    change(schema)
    return json.dumps(schema)


def field(schema: dict[str, Any], name: str) -> dict[str, Any]:
    return next(field for field in schema["fields"] if field["name"] == name)


NEW = {"name": "speed", "type": "double", "doc": "Of the clock."}
LATE = {"name": "zone", "type": "string", "default": "", "doc": "Of the clock."}


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda schema: schema["fields"].append(LATE), id="field at the end, with a default"),
        pytest.param(lambda schema: schema["fields"].pop(), id="field gone"),
        pytest.param(
            lambda schema: field(schema, "status")["type"]["symbols"].append("void"), id="new symbol"
        ),
        pytest.param(lambda schema: field(schema, "period").update(type="long"), id="wider number"),
        pytest.param(lambda schema: field(schema, "text").update(doc="More of it."), id="other words"),
    ],
)
def test_what_a_new_version_may_do(change: Callable[[dict[str, Any]], object]) -> None:
    assert list(compatibility_faults([STATES.text, changed(STATES.text, change)])) == []


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        pytest.param(lambda schema: schema["fields"].append(NEW), "speed", id="field without a default"),
        pytest.param(
            lambda schema: schema["fields"].insert(0, LATE), "new fields come last", id="field first"
        ),
        pytest.param(lambda schema: schema["fields"].reverse(), "new fields come last", id="other order"),
        pytest.param(lambda schema: schema.update(name="State"), "", id="other name"),
        pytest.param(lambda schema: field(schema, "clock_s").update(type="string"), "", id="other type"),
        pytest.param(
            lambda schema: field(schema, "starts_at_ms").update(type="int"), "", id="narrower number"
        ),
        pytest.param(lambda schema: field(schema, "status")["type"]["symbols"].pop(), "", id="symbol gone"),
        pytest.param(
            lambda schema: field(schema, "clock_s").update(doc="Minutes left in the period."),
            "the unit was ['Seconds']",
            id="other unit",
        ),
        pytest.param(
            lambda schema: field(schema, "starts_at_ms").update(
                type={"type": "long", "logicalType": "timestamp-micros"}
            ),
            "the logical type was None",
            id="other logical type",
        ),
    ],
)
def test_what_a_new_version_may_not_do(change: Callable[[dict[str, Any]], object], fault: str) -> None:
    faults = list(compatibility_faults([STATES.text, changed(STATES.text, change)]))

    assert any(fault in found for found in faults), faults


def test_compatibility_reaches_back_to_the_first_version() -> None:
    """A field that came with a default and then loses it: each step is fine, the whole is not."""
    first = changed(TICK.text, lambda schema: schema["fields"].pop())
    second = changed(TICK.text, lambda schema: field(schema, "sources").update(default=[]))
    third = changed(TICK.text, lambda schema: field(schema, "sources").pop("default", None))

    assert list(compatibility_faults([first, second])) == []
    assert list(compatibility_faults([second, third])) == []
    assert [
        "version 3 of what version 1" in fault for fault in compatibility_faults([first, second, third])
    ] == [True]

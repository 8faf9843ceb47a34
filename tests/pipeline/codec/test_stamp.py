"""The first fields of a derived record are read without the rest."""

import json
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

import schemas
from pipeline.codec import encode
from pipeline.codec.stamp import stamp
from pipeline.errors import UnreadableRecord
from pipeline.topics import ANSWERS, TOPICS
from tests.make_records import AT_MS, example


@given(topic=st.sampled_from(ANSWERS), revision=st.integers(0, 2**53), later_ms=st.integers(0, 10**11))
def test_time_and_revision_are_those_of_the_record(topic: str, revision: int, later_ms: int) -> None:
    record = example(topic, revision=revision, received_at_ms=AT_MS + later_ms)
    _, value = encode(topic, record)

    assert stamp(value) == (AT_MS + later_ms, revision)


@pytest.mark.parametrize("topic", ANSWERS)
def test_every_version_of_every_derived_record_begins_so(topic: str) -> None:
    versions = [one for one in schemas.catalogue() if one.subject == TOPICS[topic].subject]

    assert versions
    for one in versions:
        fields = [(field["name"], field["type"]) for field in json.loads(one.text)["fields"][:3]]
        assert fields == [("event_id", "string"), ("received_at_ms", "long"), ("revision", "long")]


@given(st.binary(max_size=40))
def test_any_bytes_are_read_or_unreadable(value: bytes) -> None:
    with suppress(UnreadableRecord):
        at_ms, revision = stamp(value)
        assert isinstance(at_ms, int)
        assert isinstance(revision, int)

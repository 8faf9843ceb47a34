"""Changelogs in bulk, and whether a gap in a compacted topic is honest."""

import asyncio

import pytest
from confluent_kafka import Producer, TopicPartition
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic
from faust.types import TP

from processors.recovery import Checkpoint, holds_between, latest

pytestmark = pytest.mark.kafka


@pytest.fixture
def journal(fresh_kafka: str) -> tuple[str, TP]:
    """A partition with keys 0 to 9, written over and over, the last of them ended."""
    admin = AdminClient({"bootstrap.servers": fresh_kafka})
    admin.create_topics([NewTopic("journal", 1, 1)])["journal"].result()
    producer = Producer({"bootstrap.servers": fresh_kafka})
    for offset in range(1000):
        producer.produce("journal", b"%d" % offset, b"%d" % (offset % 10), 0)
    producer.produce("journal", None, b"9", 0)
    producer.flush()
    return fresh_kafka, TP("journal", 0)


def test_the_last_value_of_each_key_is_read_between_two_offsets(journal: tuple[str, TP]) -> None:
    bootstrap, tp = journal

    whole = asyncio.run(latest(bootstrap, {tp: (0, 1000)}, {}))[tp]
    part = asyncio.run(latest(bootstrap, {tp: (3, 12)}, {}))[tp]

    assert whole.values == {**{b"%d" % key: b"%d" % (990 + key) for key in range(9)}, b"9": None}
    assert part.values == {b"%d" % (offset % 10): b"%d" % offset for offset in range(3, 13)}
    assert (whole.read, part.read, part.read_bytes) == (1001, 10, 7 + 3 * 2)


def test_a_checkpoint_saves_reading_what_lies_before_it(journal: tuple[str, TP]) -> None:
    bootstrap, tp = journal
    checkpoint = Checkpoint(989, {b"%d" % key: b"%d" % (980 + key) for key in range(10)} | {b"old": b"1"})

    found = asyncio.run(latest(bootstrap, {tp: (0, 1000)}, {tp: checkpoint}))[tp]

    expected = {b"%d" % key: b"%d" % (990 + key) for key in range(9)}
    assert found.values == {**expected, b"9": None, b"old": b"1"}
    assert (found.from_checkpoint, found.read) == (11, 12)


def test_a_checkpoint_that_its_changelog_contradicts_is_ignored(journal: tuple[str, TP]) -> None:
    bootstrap, tp = journal
    checkpoint = Checkpoint(989, {b"9": b"of a log that was cut", b"never": b"written"})

    found = asyncio.run(latest(bootstrap, {tp: (0, 1000)}, {tp: checkpoint}))[tp]

    assert found.values == {**{b"%d" % key: b"%d" % (990 + key) for key in range(9)}, b"9": None}
    assert (found.from_checkpoint, found.read) == (0, 1001)


def test_a_partition_says_whether_it_holds_records_in_between(journal: tuple[str, TP]) -> None:
    bootstrap, tp = journal
    assert holds_between(bootstrap, tp, 5, 7)

    admin = AdminClient({"bootstrap.servers": bootstrap})
    (deleted,) = admin.delete_records([TopicPartition(*tp, 500)]).values()
    deleted.result()

    assert not holds_between(bootstrap, tp, 5, 499)
    assert holds_between(bootstrap, tp, 5, 500)

"""Polls of a real broker, held against Kafka's own tool and against what was done to it."""

import time

import pytest
from confluent_kafka import TopicPartition

from pipeline.lag.observer import INTERNAL, Observer
from tests.pipeline.lag.kafka import (
    WITHIN_S,
    admin,
    awaited,
    commit,
    member,
    name,
    of,
    polled,
    produce,
    told,
    topic,
)

pytestmark = pytest.mark.kafka
HOUR_MS = 3_600_000


@pytest.fixture(scope="module")
def observer(kafka: str) -> Observer:
    return Observer(kafka)


def now_ms() -> int:
    return time.time_ns() // 1_000_000


def test_every_value_is_that_of_kafkas_own_tool(kafka: str, observer: Observer) -> None:
    where = topic(kafka)
    for partition in (0, 1):
        produce(kafka, where, partition, [now_ms()] * 100)
    lagging, empty, never, modern = (name(what) for what in ("lagging", "empty", "never", "modern"))
    commit(kafka, empty, where, {0: 10, 1: 100})
    with (
        member(kafka, lagging, where) as behind,
        member(kafka, never, where),
        member(kafka, modern, where, "consumer") as also_behind,
    ):
        behind.commit(
            offsets=[TopicPartition(where, 0, 30), TopicPartition(where, 1, 99)], asynchronous=False
        )
        also_behind.commit(offsets=[TopicPartition(where, 0, 60)], asynchronous=False)
        names = [lagging, empty, never, modern]
        found = {group: polled(observer, group, 2) for group in names}
        tool = told(kafka, names)
        groups = {group.name: group for group in observer.poll().groups}

    ours = {
        (one.group, one.topic, one.partition): tuple(
            "-" if number is None else str(number) for number in (one.committed, one.end, one.lag)
        )
        for group in names
        for one in found[group]
    }
    assert ours == tool
    assert [one.lag for group in names for one in found[group]] == [70, 1, 90, 0, None, None, 40, None]
    assert {group: (groups[group].state, groups[group].members, groups[group].kind) for group in names} == {
        lagging: ("stable", 1, "classic"),
        empty: ("empty", 0, "classic"),
        never: ("stable", 1, "classic"),
        modern: ("stable", 1, "consumer"),
    }


def test_the_time_is_that_of_the_record_at_the_committed_offset(kafka: str, observer: Observer) -> None:
    where = topic(kafka, 3)
    start_ms = now_ms() - HOUR_MS
    stamps = [start_ms + 1000 * number for number in range(1000)]
    for partition in range(3):
        produce(kafka, where, partition, stamps)
    places = {name("near"): 7, name("next"): 8, name("far"): 700, name("last"): 999, name("done"): 1000}
    for group, offset in places.items():
        commit(kafka, group, where, dict.fromkeys(range(3), offset))

    for group, offset in places.items():
        expected = stamps[offset] if offset < 1000 else None
        assert [one.unread_at_ms for one in polled(observer, group, 3)] == [expected] * 3


def test_a_committed_offset_beyond_the_end_is_no_lag(kafka: str, observer: Observer) -> None:
    where, group = topic(kafka, 1), name("beyond")
    produce(kafka, where, 0, [now_ms()])
    commit(kafka, group, where, {0: 500})

    (found,) = polled(observer, group, 1)

    assert (found.committed, found.end, found.lag, found.seconds(now_ms())) == (500, 1, 0, 0.0)


def test_where_retention_was_faster_the_first_record_that_is_left_tells_the_time(
    kafka: str, observer: Observer
) -> None:
    where, group = topic(kafka, 1), name("outrun")
    start_ms = now_ms() - HOUR_MS
    produce(kafka, where, 0, [start_ms + 1000 * number for number in range(100)])
    commit(kafka, group, where, {0: 20})
    (before,) = polled(observer, group, 1)
    client = admin(kafka)

    for answer in client.delete_records([TopicPartition(where, 0, 50)]).values():
        answer.result(WITHIN_S)
    (after,) = awaited(lambda: polled(observer, group, 1), lambda found: found[0].oldest == 50)
    for answer in client.delete_records([TopicPartition(where, 0, 100)]).values():
        answer.result(WITHIN_S)
    (bare,) = awaited(lambda: polled(observer, group, 1), lambda found: found[0].oldest == 100)

    assert (before.expired, before.lag, before.unread_at_ms) == (False, 80, start_ms + 20_000)
    assert (after.expired, after.lag, after.unread_at_ms) == (True, 80, start_ms + 50_000)
    assert (bare.expired, bare.lag, bare.seconds(now_ms())) == (True, 80, None)


def test_a_topic_and_a_group_that_are_deleted_are_gone_from_the_next_poll(
    kafka: str, observer: Observer
) -> None:
    doomed, kept = topic(kafka), topic(kafka)
    group, other = name("of-both"), name("doomed")
    for where in (doomed, kept):
        produce(kafka, where, 0, [now_ms()] * 5)
        commit(kafka, group, where, {0: 1, 1: 0})
    commit(kafka, other, kept, {0: 1})
    assert len(polled(observer, group, 4)) == 4
    client = admin(kafka)

    client.delete_topics([doomed])[doomed].result(WITHIN_S)
    found = awaited(observer.poll, lambda poll: doomed not in {one.topic for one in poll.partitions})
    assert {one.topic for one in of(found, group)} <= {kept}
    client.delete_consumer_groups([other])[other].result(WITHIN_S)
    found = awaited(observer.poll, lambda poll: other not in {one.name for one in poll.groups})
    assert of(found, other) == []
    assert [one.lag for one in polled(observer, group, 2)] == [4, 0]


def test_kafkas_own_topics_are_left_out_and_a_partition_says_where_its_copies_are(
    kafka: str, observer: Observer
) -> None:
    where = topic(kafka, 1)
    commit(kafka, name("any"), where, {0: 0})

    found = awaited(observer.poll, lambda poll: where in {one.topic for one in poll.partitions})

    assert not {one.topic for one in found.partitions} & INTERNAL
    (own,) = [one for one in found.partitions if one.topic == where]
    assert own.replicas == own.in_sync == (own.leader,)
    assert found.brokers == 1

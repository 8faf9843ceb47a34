"""What follows from one poll: lag, seconds, sums."""

import pytest

from pipeline.lag.poll import Group, Partition, Poll, Position, positions_of, sums


def position(**said: object) -> Position:
    values = {"group": "g", "topic": "t", "partition": 0, "committed": 40, "oldest": 0, "end": 100}
    return Position(**{**values, **said})


def partition(topic: str, number: int) -> Partition:
    return Partition(topic=topic, partition=number, oldest=0, end=9, leader=1, replicas=(1,), in_sync=(1,))


@pytest.mark.parametrize(
    ("of", "lag", "seconds", "expired"),
    [
        pytest.param(position(unread_at_ms=4000), 60, 6.0, False, id="behind"),
        pytest.param(position(committed=100), 0, 0.0, False, id="all is read"),
        pytest.param(position(committed=130), 0, 0.0, False, id="beyond the end"),
        pytest.param(position(committed=None), None, None, False, id="never committed"),
        pytest.param(position(unread_at_ms=11_000), 60, 0.0, False, id="a time to come"),
        pytest.param(position(), 60, None, False, id="its time is not known"),
        pytest.param(position(oldest=70, unread_at_ms=9000), 60, 1.0, True, id="retention was faster"),
    ],
)
def test_lag_and_seconds_of_a_position(
    of: Position, lag: int | None, seconds: float | None, expired: bool
) -> None:
    assert (of.lag, of.seconds(now_ms=10_000), of.expired) == (lag, seconds, expired)


def test_a_partition_counts_that_is_held_or_has_committed_siblings() -> None:
    there = {(topic, number): partition(topic, number) for topic in ("a", "b", "c") for number in (0, 1)}

    found = positions_of({"g": {("a", 1): 5, ("gone", 0): 7}}, {"g": [("b", 0), ("gone", 1)]}, there)

    assert [(one.topic, one.partition, one.committed) for one in found] == [
        ("a", 0, None),
        ("a", 1, 5),
        ("b", 0, None),
    ]


def test_a_sum_is_of_what_was_committed_and_its_seconds_are_the_longest() -> None:
    (found,) = sums(
        [
            position(unread_at_ms=4000),
            position(partition=1, committed=90, oldest=95, unread_at_ms=9000),
            position(partition=2, committed=None),
        ],
        now_ms=10_000,
    )

    assert (found.partitions, found.uncommitted, found.expired) == (3, 1, 1)
    assert (found.committed, found.end, found.lag, found.seconds) == (130, 200, 70, 6.0)


def test_a_topic_that_was_never_committed_has_no_sum() -> None:
    (found,) = sums([position(committed=None)], now_ms=10_000)

    assert (found.uncommitted, found.committed, found.lag, found.seconds) == (1, None, None, None)


def test_a_poll_is_narrowed_to_the_groups_that_are_named() -> None:
    groups = tuple(Group(name=name, state="empty", kind="classic", members=0) for name in ("f", "g"))
    poll = Poll(at_ms=0, brokers=1, partitions=(), groups=groups, positions=(position(),))

    assert poll.only([]) == poll
    assert [group.name for group in poll.only(["f"]).groups] == ["f"]
    assert poll.only(["f"]).positions == ()

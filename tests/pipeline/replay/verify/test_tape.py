"""Reading a partition forward, holes included."""

from collections.abc import Iterator

from hypothesis import given
from hypothesis import strategies as st

from pipeline.replay.verify.tape import Message, Partition, Tape

TOPIC = "odds.fair"


def tape(offsets: list[int], end: int, start: int = 0) -> Tape:
    def read(_: str, first: int, last: int) -> Iterator[Message]:
        return (Message(0, at, b"", b"", 0, {}) for at in offsets if first <= at < last)

    return Tape(Partition(0, 1, {}, {TOPIC: end}, read), TOPIC, start)


@given(st.sets(st.integers(0, 30)), st.integers(0, 31), st.integers(-1, 30), st.integers(-1, 30))
def test_a_hole_is_any_offset_that_was_not_there(kept: set[int], start: int, after: int, upto: int) -> None:
    read = tape(sorted(kept), 31, start)
    assert [message.offset for message in read] == [offset for offset in sorted(kept) if offset >= start]

    gone = set(range(31)) - {offset for offset in kept if offset >= start}

    assert read.has_hole(after, upto) == bool(gone & set(range(after + 1, upto + 1)))


def test_no_more_is_read_than_is_needed() -> None:
    read = tape([0, 1, 4, 5], 6)

    assert [message.offset for message in read.upto(1)] == [0, 1]
    assert [message.offset for message in read.upto(1)] == []
    assert [message.offset for message in read.upto(2)] == [4]
    assert [message.offset for message in read.upto(9)] == [5]

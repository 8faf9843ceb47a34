"""That the vandal damages what it says, and nothing else."""

import random
from collections import Counter

import msgspec
import pytest

from pipeline import codec
from pipeline.errors import UnreadableRecord
from pipeline.records import ClockTick, OddsSnapshot
from pipeline.topics import partition_of
from tests.chaos.bad_input import clock_off, day, disturbed, spoiled

PARTITIONS = 4


@pytest.fixture(scope="module")
def good() -> list[tuple[str, object]]:
    return list(day(1, PARTITIONS))


def test_a_disturbed_day_still_has_every_record(good: list) -> None:  # type: ignore[type-arg]
    tally: Counter[str] = Counter()

    sent = list(disturbed(good, random.Random(1), tally))

    assert len(sent) == len(good) + tally["good record, sent twice"]
    assert min(tally.values()) > 0
    ticks = [record.received_at_ms for _, record in sent if isinstance(record, ClockTick)]
    assert ticks == sorted(ticks)


def test_a_clock_that_is_off_moves_the_source_s_time_and_not_ours(good: list) -> None:  # type: ignore[type-arg]
    snapshot = next(r for _, r in good if isinstance(r, OddsSnapshot) and r.lines and r.lines[0].quoted_at_ms)

    moved = clock_off(snapshot, -300_000)

    assert moved.lines[0].quoted_at_ms == snapshot.lines[0].quoted_at_ms - 300_000
    assert msgspec.structs.replace(moved, lines=snapshot.lines) == snapshot


def test_what_is_spoiled_cannot_be_read_or_lies_where_it_does_not_belong(good: list) -> None:  # type: ignore[type-arg]
    bad = spoiled(good, random.Random(1), PARTITIONS)

    assert {one.topic for one, _ in bad} == {topic for topic, _ in good}
    for one, partition in bad:
        if one.reason == "partition":
            assert one.key is not None
            assert partition != partition_of(one.key.decode(), PARTITIONS)
        else:
            with pytest.raises(UnreadableRecord, match=f"^{one.reason}"):
                codec.decode(one.topic, one.key, one.value)

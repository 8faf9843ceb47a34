import itertools
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.records import ClockTick, Record
from producers.pace import Due, paced, tick_interval_ms, timetable
from tests.make import T0, quote, snapshot


def board(seconds: float) -> Record:
    return snapshot(quote("alpha", 1.9, 1.9), seconds=seconds)


def planned(*seconds: float, speed: float) -> list[Due]:
    return list(timetable([board(second) for second in seconds], speed))


def kind(record: Record) -> str:
    return "tick" if isinstance(record, ClockTick) else "record"


def told(plan: list[Due]) -> list[tuple[float, str, float]]:
    """Seconds of real time, what, and its own time in seconds."""
    return [(round(due.at_s, 3), kind(due.record), (due.record.received_at_ms - T0) / 1000) for due in plan]


def test_in_real_time_there_is_a_tick_each_second() -> None:
    assert told(planned(0.5, 2.5, speed=1)) == [
        (0.0, "tick", 0.0),
        (0.5, "record", 0.5),
        (1.0, "tick", 1.0),
        (2.0, "tick", 2.0),
        (2.5, "record", 2.5),
        (3.0, "tick", 3.0),
    ]


def test_sped_up_there_are_five_ticks_a_second_of_real_time() -> None:
    plan = told(planned(0, 1200, speed=600))

    assert plan[0] == (0.0, "tick", 0.0)
    assert [row for row in plan if row[1] == "tick"][:4] == [
        (0.0, "tick", 0.0), (0.2, "tick", 120.0), (0.4, "tick", 240.0), (0.6, "tick", 360.0),
    ]  # fmt: skip
    assert plan[-1] == (2.0, "record", 1200.0)


@pytest.mark.parametrize(
    ("speed", "seconds", "skipped"),
    [
        pytest.param(1, 100, False, id="between two plays in real time"),
        pytest.param(1, 800, True, id="half-time in real time"),
        pytest.param(600, 1500, False, id="two polls, sped up"),
        pytest.param(600, 30_000, True, id="a night, sped up"),
        pytest.param(0, 30_000, True, id="a night, as fast as it goes"),
    ],
)
def test_a_stretch_with_nothing_to_send_is_skipped(speed: float, seconds: float, skipped: bool) -> None:
    plan = told(planned(0, seconds, speed=speed))

    sent_s = next(at_s for at_s, what, own_s in plan if (what, own_s) == ("record", seconds))
    assert sent_s == (pytest.approx(seconds / speed) if not skipped else pytest.approx(0.1, abs=0.1))
    assert ((sent_s, "tick", seconds) in plan) is (skipped or speed == 1)


def test_nothing_to_send_is_nothing_to_tick() -> None:
    assert list(timetable([], 1.0)) == []


@given(
    st.lists(st.integers(0, 40_000_000), min_size=1, max_size=30),
    st.sampled_from([0.0, 0.5, 1.0, 2.0, 10.0, 60.0, 600.0, 5000.0]),
)
def test_ticks_never_run_ahead_or_back_nor_too_often(offsets_ms: list[int], speed: float) -> None:
    records = [board(ms / 1000) for ms in sorted(offsets_ms)]

    plan = list(timetable(records, speed))

    assert [due.record for due in plan if not isinstance(due.record, ClockTick)] == records
    assert all(earlier.at_s <= later.at_s for earlier, later in itertools.pairwise(plan))
    ticks = [due for due in plan if isinstance(due.record, ClockTick)]
    assert all(tick.record.received_at_ms % 1000 == 0 for tick in ticks)
    assert all(a.record.received_at_ms < b.record.received_at_ms for a, b in itertools.pairwise(ticks))
    yet_to_come = math.inf
    for due in reversed(plan):
        if isinstance(due.record, ClockTick):
            assert due.record.received_at_ms <= yet_to_come
        else:
            yet_to_come = due.record.received_at_ms
    if speed:
        assert all(b.at_s - a.at_s >= 0.2 - 1e-9 for a, b in itertools.pairwise(ticks))
    assert all(
        plan[nth - 1].record.received_at_ms <= due.record.received_at_ms
        for nth, due in enumerate(plan)
        if nth
    )


@given(st.floats(0.1, 10_000))
def test_the_interval_of_ticks_is_whole_seconds_and_a_fifth_of_a_second_at_least(speed: float) -> None:
    interval_ms = tick_interval_ms(speed)

    assert interval_ms % 1000 == 0
    assert interval_ms / 1000 / speed >= 0.2 - 1e-9


class Clock:
    """Time that passes only where somebody waits or is slow."""

    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        return self.now_s

    def wait(self, seconds: float) -> bool:
        self.now_s += seconds
        return False


def test_records_go_out_when_they_are_due() -> None:
    clock, sent = Clock(), []

    for _, record in paced(timetable([board(0), board(4), board(10)], 2.0), clock, clock.wait):
        if not isinstance(record, ClockTick):
            sent.append(clock.now_s)

    assert sent == [0.0, 2.0, 5.0]


def test_a_slow_log_makes_the_schedule_slip_instead_of_bursting() -> None:
    clock, sent = Clock(), []

    for nth, (_, record) in enumerate(paced([Due(float(n), board(n)) for n in range(5)], clock, clock.wait)):
        assert record is not None
        sent.append(clock.now_s)
        clock.now_s += 3.5 if nth == 1 else 0.0

    assert sent == [0.0, 1.0, 4.5, 5.5, 6.5]


def test_who_is_told_to_stop_sends_no_more() -> None:
    clock = Clock()

    sent = list(
        paced([Due(float(n), board(n)) for n in range(5)], clock, lambda s: clock.wait(s) or clock.now_s >= 2)
    )

    assert sent == [Due(0.0, board(0)), Due(1.0, board(1))]

"""When each record is due, and the ticks between: one clock of its own for everything that is played.

Time passes at ``speed`` times the real one, 0 being as fast as it goes. A stretch in which there is nothing
to send is skipped: the clock jumps to the next record.
"""

import math
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

from pipeline.records import ClockTick, Record

#: Of real time: never more than this many ticks a second.
TICKS_A_SECOND = 5
#: A gap is idle when it is longer than both: of real time, of its own time.
IDLE_REAL_S, IDLE_OWN_MS = 5.0, 120_000
#: Of its own time, between ticks when it goes as fast as it can.
UNPACED_TICK_MS = 60_000
#: Later than this and the schedule slips, instead of making up for it in a burst.
LATE_S = 1.0


class Due(NamedTuple):
    """A record and when it is to be sent: seconds of real time after the start, or on a clock."""

    at_s: float
    record: Record


def tick_interval_ms(speed: float) -> int:
    """Between two ticks, in time of its own: whole seconds, at most five a second of real time."""
    return UNPACED_TICK_MS if speed == 0 else max(1, math.ceil(speed / TICKS_A_SECOND)) * 1000


def timetable(records: Iterable[Record], speed: float) -> Iterator[Due]:
    """Records, which come by received time, and ticks in the order in which they are sent.

    A tick is on a whole second, later than the one before, and never later than a record yet to come.
    """
    interval_ms = tick_interval_ms(speed)
    idle_ms = max(IDLE_OWN_MS, IDLE_REAL_S * speed * 1000)
    at_s, tick_s = 0.0, -math.inf
    now_ms = tick_ms = 0
    for record in records:
        next_ms = max(now_ms, int(getattr(record, "received_at_ms", now_ms)))
        if not now_ms or next_ms - now_ms > idle_ms:
            now_ms = tick_ms = next_ms // 1000 * 1000
            at_s = tick_s = max(at_s, tick_s + 1 / TICKS_A_SECOND) if speed else at_s
            yield Due(at_s, ClockTick(received_at_ms=tick_ms))
        while tick_ms + interval_ms <= next_ms:
            tick_ms += interval_ms
            at_s += _real_s(tick_ms - now_ms, speed)
            now_ms, tick_s = tick_ms, at_s
            yield Due(at_s, ClockTick(received_at_ms=tick_ms))
        at_s += _real_s(next_ms - now_ms, speed)
        now_ms = next_ms
        yield Due(at_s, record)
    last_ms = -(-now_ms // 1000) * 1000
    if last_ms > tick_ms:
        at_s = max(at_s + _real_s(last_ms - now_ms, speed), tick_s + 1 / TICKS_A_SECOND) if speed else at_s
        yield Due(at_s, ClockTick(received_at_ms=last_ms))


def _real_s(own_ms: float, speed: float) -> float:
    return own_ms / 1000 / speed if speed else 0.0


def paced(due: Iterable[Due], clock: Callable[[], float], wait: Callable[[float], bool]) -> Iterator[Due]:
    """Each record when it is due by ``clock`` (s), and when that was, until ``wait(seconds)`` says stop."""
    start_s = clock()
    for at_s, record in due:
        left_s = start_s + at_s - clock()
        if left_s < -LATE_S:
            start_s -= left_s
        if wait(max(0.0, left_s)):
            return
        yield Due(start_s + at_s, record)

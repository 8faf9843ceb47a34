"""What will go wrong with an event's quotes, and when; and where a desk will really disagree."""

import random
from collections.abc import Iterator
from enum import StrEnum
from typing import NamedTuple

from producers.simulator.rates import RATES

HOUR_MS = 3_600_000


class Fault(StrEnum):
    """Kinds of window."""

    ARBITRAGE = "arbitrage"
    """No fault: one desk is of another opinion, at prices that can be bet at."""
    FREEZE = "freeze"
    SWAP = "swap"
    DROP = "drop"
    STOP = "stop"
    OUTAGE = "outage"


class Window(NamedTuple):
    """From when to when one kind of fault holds, and for whom.

    ``book``, ``desk`` and ``market`` are indices, taken modulo how many there are; ``outcome`` likewise.
    """

    fault: Fault
    from_ms: int
    to_ms: int
    book: int
    desk: int
    market: int
    outcome: int
    roi: float


def windows(rng: random.Random, from_ms: int, to_ms: int, opening: bool) -> list[Window]:
    """All windows of one event that open between two times, by the time at which they open.

    Of an ``opening`` event the first arbitrage opens at once.
    """
    found = [window for kind in _PLAN for window in _windows(rng, kind, from_ms, to_ms)]
    if opening:
        planted = next((window for window in found if window.fault is Fault.ARBITRAGE), None)
        if planted is not None:
            found.append(planted._replace(from_ms=from_ms, to_ms=from_ms + planted.to_ms - planted.from_ms))
    return sorted(found, key=lambda window: (window.from_ms, window.fault))


_PLAN: tuple[tuple[Fault, float, tuple[float, float]], ...] = (
    (Fault.ARBITRAGE, RATES.arbitrage_per_event_hour, RATES.arbitrage_s),
    (Fault.FREEZE, RATES.freeze_per_event_hour, RATES.freeze_s),
    (Fault.SWAP, RATES.swap_per_event_hour, RATES.swap_s),
    (Fault.DROP, RATES.drop_per_event_hour, RATES.drop_s),
    (Fault.STOP, RATES.stop_per_event_hour, RATES.stop_s),
    (Fault.OUTAGE, RATES.outage_per_event_hour, RATES.outage_s),
)


def _windows(
    rng: random.Random, plan: tuple[Fault, float, tuple[float, float]], from_ms: int, to_ms: int
) -> Iterator[Window]:
    fault, rate, length_s = plan
    at_ms = from_ms + int(rng.expovariate(rate) * HOUR_MS)
    while at_ms < to_ms:
        ends_ms = at_ms + int(rng.uniform(*length_s) * 1000)
        yield Window(
            fault,
            at_ms,
            ends_ms,
            rng.randrange(1 << 16),
            rng.randrange(1 << 16),
            rng.randrange(1 << 16),
            rng.randrange(1 << 16),
            rng.uniform(*RATES.arbitrage_roi),
        )
        at_ms = ends_ms + int(rng.expovariate(rate) * HOUR_MS)

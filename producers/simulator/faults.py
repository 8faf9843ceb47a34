"""What will go wrong with an event's quotes, and when; and where a desk will really disagree."""

import random
from collections.abc import Iterator
from enum import StrEnum
from typing import NamedTuple

from producers.simulator.rates import RATES

HOUR_MS = 3_600_000
#: What is to be picked from later is drawn from so many.
DRAWS = 1 << 16


class Fault(StrEnum):
    """Kinds of window."""

    ARBITRAGE = "arbitrage"
    """No fault: one desk is of another opinion, at prices that can be bet at."""
    FREEZE = "freeze"
    SWAP = "swap"
    DROP = "drop"
    STOP = "stop"
    OUTAGE = "outage"
    STICK = "stick"
    LAG = "lag"
    TYPO = "typo"
    OTHER_LINE = "other_line"
    OTHER_PERIOD = "other_period"
    REGULATION = "regulation"


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
    found = [window for kind in PLAN for window in _windows(rng, kind, from_ms, to_ms)]
    if opening:
        planted = next((window for window in found if window.fault is Fault.ARBITRAGE), None)
        if planted is not None:
            found.append(planted._replace(from_ms=from_ms, to_ms=from_ms + planted.to_ms - planted.from_ms))
    return sorted(found, key=lambda window: (window.from_ms, window.fault))


def phantoms(rng: random.Random, from_ms: int, to_ms: int) -> list[Window]:
    """The windows in which one book's prices are not what it would give, by the time at which they open."""
    found = [window for kind in PHANTOMS for window in _windows(rng, kind, from_ms, to_ms)]
    return sorted(found, key=lambda window: (window.from_ms, window.fault))


Plan = tuple[tuple[Fault, float, tuple[float, float]], ...]
PLAN: Plan = (
    (Fault.ARBITRAGE, RATES.arbitrage_per_event_hour, RATES.arbitrage_s),
    (Fault.FREEZE, RATES.freeze_per_event_hour, RATES.freeze_s),
    (Fault.SWAP, RATES.swap_per_event_hour, RATES.swap_s),
    (Fault.DROP, RATES.drop_per_event_hour, RATES.drop_s),
    (Fault.STOP, RATES.stop_per_event_hour, RATES.stop_s),
    (Fault.OUTAGE, RATES.outage_per_event_hour, RATES.outage_s),
)
PHANTOMS: Plan = (
    (Fault.STICK, RATES.stick_per_event_hour, RATES.stick_s),
    (Fault.LAG, RATES.lag_per_event_hour, RATES.lag_s),
    (Fault.TYPO, RATES.typo_per_event_hour, RATES.typo_s),
    (Fault.OTHER_LINE, RATES.other_line_per_event_hour, RATES.other_line_s),
    (Fault.OTHER_PERIOD, RATES.other_period_per_event_hour, RATES.other_period_s),
    (Fault.REGULATION, RATES.regulation_per_event_hour, RATES.regulation_s),
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
            rng.randrange(DRAWS),
            rng.randrange(DRAWS),
            rng.randrange(DRAWS),
            rng.randrange(DRAWS),
            rng.uniform(*RATES.arbitrage_roi),
        )
        at_ms = ends_ms + int(rng.expovariate(rate) * HOUR_MS)

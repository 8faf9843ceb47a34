"""Evenings whose leader is known: pinnacle, then bet365 7 s later; betway and boylesports share a line."""

import math
import random
from bisect import bisect_right
from datetime import date, timedelta

from pipeline.records import Line, OddsSnapshot, SnapshotKind
from tests.make import at, quote

#: Events are played on days one after the other.
FIRST, EVENINGS, LASTS_S, LAG_S = date(2025, 9, 14), 10, 1_500, 7.0


def evening(events: int, every_s: int = 2, brand: str = "", seed: int = 5) -> list[OddsSnapshot]:
    """Polls of so many events, so many seconds apart."""
    rng = random.Random(seed)
    return [
        record
        for number in range(events)
        for record in _polls(rng, FIRST + timedelta(number), every_s, brand)
    ]


def _polls(rng: random.Random, day: date, every_s: int, brand: str) -> list[OddsSnapshot]:
    truth = _steps(rng, 0.0)
    slow = [(at_s + LAG_S + rng.gauss(0.0, 0.5), level) for at_s, level in truth if rng.random() > 0.1]
    other = _steps(rng, 0.2)
    found = []
    for second in range(0, LASTS_S, every_s):
        lines = [
            _line("bet365", _level(slow, second), 1.05),
            _line("betway", _level(other, second), 1.04),
            _line("boylesports", _level(other, second), 1.06),
            _line("pinnacle", _level(truth, second), 1.02),
            _line("betonlineag", _level(truth, second - 30.0), 1.03),
        ]
        if brand:
            lines.append(_line(brand, _level(truth, second - 30.0), 1.03))
        received_at_ms = at(second) + (day - FIRST).days * 86_400_000
        found.append(
            OddsSnapshot(
                event_id=f"nfl:{day}:kc-phi",
                source="the-odds-api",
                kind=SnapshotKind.FULL,
                received_at_ms=received_at_ms,
                starts_at_ms=at(LASTS_S) + (day - FIRST).days * 86_400_000,
                lines=tuple(lines),
            )
        )
    return found


def _steps(rng: random.Random, level: float) -> list[tuple[float, float]]:
    at_s, steps = 0.0, [(-math.inf, level)]
    while (at_s := at_s + 20.0 + rng.expovariate(1 / 60)) < LASTS_S:
        size = rng.uniform(0.06, 0.2)
        level += -size if level > 0.5 or (level > -0.5 and rng.random() < 0.5) else size
        steps.append((at_s, level))
    return steps


def _level(steps: list[tuple[float, float]], second: float) -> float:
    return steps[bisect_right(steps, (second, math.inf)) - 1][1]


def _line(book: str, level: float, margin: float) -> Line:
    home = 1.0 / (1.0 + math.exp(-level))
    return quote(book, round(1.0 / (home * margin), 2), round(1.0 / ((1.0 - home) * margin), 2))

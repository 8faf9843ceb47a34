"""Invented soccer matches for training: a clock record each minute, goals as they fall, a price before."""

import random
from collections.abc import Iterator
from datetime import date, timedelta

from pipeline.records import GameEvent, GameStatus, OddsSnapshot, SnapshotKind, Soccer
from tests.make import quote

#: Unix ms of a Saturday's kick-off; one match a day.
FIRST_MS, DAY_MS, FIRST_DAY = 1_505_570_400_000, 86_400_000, date(2017, 9, 16)
HALF_MIN = 45
GOALS_A_MINUTE = {"home": 0.018, "away": 0.012}


def matches(count: int, seed: int = 11) -> Iterator[OddsSnapshot | GameEvent]:
    """So many matches, one a day."""
    for number in range(count):
        yield from match(number, seed)


def match(number: int, seed: int = 11) -> Iterator[OddsSnapshot | GameEvent]:
    """One match with a closing price of Pinnacle's."""
    rng = random.Random(f"{seed} {number}")
    event_id = f"epl:{FIRST_DAY + timedelta(number)}:arsenal-chelsea"
    starts_ms, sequence = FIRST_MS + number * DAY_MS, 0
    score = {"home": 0, "away": 0}
    yield OddsSnapshot(
        event_id=event_id,
        source="wyscout",
        kind=SnapshotKind.FULL,
        received_at_ms=starts_ms - 60_000,
        lines=(quote("pinnacle", 1.9 + 0.05 * (number % 8), 3.5, 4.4),),
    )

    def told(source_event_id: str, kind: str, minute: int, status: GameStatus = GameStatus.LIVE) -> GameEvent:
        nonlocal sequence
        sequence += 1
        second_half = minute >= HALF_MIN
        return GameEvent(
            event_id=event_id,
            source="wyscout",
            source_event_id=f"{number}/{source_event_id}",
            kind=kind,
            received_at_ms=starts_ms + (minute + 15 * second_half) * 60_000 + sequence,
            sequence=sequence,
            status=status,
            period=2 if second_half else 1,
            clock_s=60.0 * (HALF_MIN * (1 + second_half) - minute),
            home_score=score["home"],
            away_score=score["away"],
            situation=Soccer(home_reds=0, away_reds=0),
        )

    for minute in range(2 * HALF_MIN + 1):
        yield told(f"m{minute}", "clock", minute)
        for side, rate in GOALS_A_MINUTE.items():
            if rng.random() < rate:
                score[side] += 1
                yield told(f"{minute}{side}", "score", minute)
    yield told("final", "final", 2 * HALF_MIN, GameStatus.FINAL)

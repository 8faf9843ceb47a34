"""Invented NFL games for training: a season of them is small, their plays and scores follow from a seed."""

import random
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

from pipeline.records import AmericanFootball, GameEvent, GameStatus, OddsSnapshot, QuoteStatus, SnapshotKind
from pipeline.replay.archive import ArchiveWriter
from pipeline.topics import topic_of
from tests.make import quote

#: Unix ms of a Sunday; one game a day, so that days order them.
FIRST_MS, DAY_MS, FIRST_DAY = 1_757_872_800_000, 86_400_000, date(2025, 9, 14)
SIDES = ("home", "away")


def season(games: int, seed: int = 3) -> Iterator[OddsSnapshot | GameEvent]:
    """So many games, one a day."""
    for number in range(games):
        yield from game(number, seed)


def game(
    number: int, seed: int = 3, *, other_after: int = 10_000, other: int = 0
) -> Iterator[OddsSnapshot | GameEvent]:
    """One game; after so many plays it goes on as one of seed ``other`` would."""
    rng = random.Random(f"{seed} {number}")
    event_id = f"nfl:{FIRST_DAY + timedelta(number)}:kc-phi"
    at_ms, sequence = FIRST_MS + number * DAY_MS, 0
    better = rng.uniform(-8.0, 8.0)
    yield OddsSnapshot(
        event_id=event_id,
        source="nflverse",
        kind=SnapshotKind.FULL,
        received_at_ms=at_ms - 3_600_000,
        lines=(
            quote(
                "closing",
                1.9,
                1.9,
                market="spread",
                line=-round(better * 2) / 2,
                status=QuoteStatus.REFERENCE,
            ),
            quote("closing", 1.9, 1.9, market="total", line=44.5, status=QuoteStatus.REFERENCE),
        ),
    )
    score, side, down, togo, yards, clock_s = [0, 0], rng.randrange(2), 0, 0, 35, 3600.0
    first, timeouts, second_half = side, [3, 3], False

    def said(
        kind: str, status: GameStatus = GameStatus.LIVE, ball: AmericanFootball | None = None
    ) -> GameEvent:
        nonlocal sequence
        sequence += 1
        period = min(4, 4 - int((clock_s - 1) // 900)) if clock_s > 0 else 4
        return GameEvent(
            event_id=event_id,
            source="nflverse",
            source_event_id=f"{number}/{sequence}",
            kind=kind,
            received_at_ms=at_ms + sequence * 20_000,
            sequence=sequence,
            status=status,
            period=0 if status is GameStatus.SCHEDULED else period,
            clock_s=clock_s - (4 - period) * 900.0,
            home_score=score[0],
            away_score=score[1],
            situation=ball,
        )

    yield said("scheduled", GameStatus.SCHEDULED)
    play = 0
    while clock_s > 0:
        play += 1
        if play == other_after:
            rng = random.Random(other)
        if not second_half and clock_s <= 1800:
            second_half, side, down, togo, yards, timeouts = True, 1 - first, 0, 0, 35, [3, 3]
        if timeouts[side] and rng.random() < 0.05:
            timeouts[side] -= 1
        ball = AmericanFootball(
            possession=SIDES[side],
            down=down,
            distance_yd=togo,
            yards_to_goal=yards,
            home_timeouts=timeouts[0],
            away_timeouts=timeouts[1],
        )
        yield said("snap", ball=ball)
        clock_s = max(0.0, clock_s - rng.choice((20.0, 35.0, 45.0)))
        edge = 0.4 * better * (1 if side == 0 else -1)
        if down == 0:
            down, togo, yards = 1, 10, 75
            yield said("play")
            continue
        gained = round(rng.gauss(5.0 + edge / 4.0, 7.0))
        yards, togo = min(yards - gained, 99), togo - gained
        if yards <= 0:
            score[side] += 7
            yield said("score")
            side, down, togo, yards = 1 - side, 0, 0, 35
        elif down == 4 and yards < 40:
            score[side] += 3 * (rng.random() < 0.8)
            yield said("score")
            side, down, togo, yards = 1 - side, 0, 0, 35
        else:
            yield said("play")
            if togo <= 0:
                down, togo = 1, min(10, yards)
            elif down == 4:
                side, down, togo, yards = 1 - side, 1, 10, min(99, max(20, 140 - yards))
            else:
                down, togo = down + 1, min(togo, 40)
    if score[0] == score[1]:
        score[rng.randrange(2)] += 3
    yield said("final", GameStatus.FINAL)


def archived(folder: Path, records: Iterator[OddsSnapshot | GameEvent]) -> Path:
    """An archive of these records, by the time at which they were received."""
    with ArchiveWriter(folder, 2) as writer:
        for record in records:
            writer.append(topic_of(type(record)).name, record)
    return folder

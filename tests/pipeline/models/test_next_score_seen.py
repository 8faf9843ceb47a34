"""Who scores next, held against recorded games: skipped where there are none."""

import math
from collections.abc import Iterable, Iterator
from itertools import groupby
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from pipeline import data
from pipeline.models import Seen, league_strengths
from pipeline.models.next_score import next_score
from pipeline.models.position import scheduled_periods
from pipeline.records import GameEvent, GameStatus
from pipeline.stages.games import Game, listened, moment
from producers.sources import nba_pbp, nflverse, retrosheet
from tests.conftest import SHARED

NFL = SHARED / "data/nfl/pbp_2021.csv.gz"
NBA = SHARED / "data/nba"
MLB = SHARED / "data/mlb-retrosheet/events_2019_2020.csv.gz"
GAMES = 120


class Told(NamedTuple):
    """What was said at a moment of regulation, and who scored next: 0 home, 1 away, 2 nobody."""

    chances: tuple[float, ...]
    scored: int
    situation: Any
    seen: Seen


def refuse(*_: object) -> None:
    """Rows that cannot be told are not of interest here."""


def recorded(source: str) -> Iterator[list[GameEvent]]:
    """The first games of a source."""
    if source == "nfl":
        records: Iterable[Any] = nflverse.read(NFL, refuse)
    elif source == "nba":
        records = nba_pbp.recorded(sorted(NBA.glob("*.gz")), refuse)
    else:
        records = retrosheet.recorded([MLB], refuse)
    games: dict[str, list[GameEvent]] = {}
    for record in records:
        if isinstance(record, GameEvent):
            if record.event_id not in games and len(games) == 2 * GAMES:
                break  # games of one evening are told side by side
            games.setdefault(record.event_id, []).append(record)
    yield from list(games.values())[:GAMES]


def told(source: str) -> list[Told]:
    league, found = data.leagues()[source], []
    for events in recorded(source):
        game = Game(event_id=events[0].event_id, strengths=league_strengths(league))
        moments = []
        for event in events:
            game = listened(game, event)
            moments.append(moment(game))
        scored = 2
        for now, after in reversed(list(zip(moments, [*moments[1:], moments[-1]], strict=True))):
            home, away = (
                getattr(after.position, side) - getattr(now.position, side)
                for side in ("home_score", "away_score")
            )
            if home > 0 or away > 0:
                in_time = after.position.period <= scheduled_periods(league, after.position)
                scored = int(away > 0) if in_time else 2
            position = now.position
            if position.status == GameStatus.LIVE and 1 <= position.period <= scheduled_periods(
                league, position
            ):
                known = position.situation or now.context.situation
                chances = next_score(league, now.strengths, position, known, now.closed)
                found.append(Told(chances, scored, known, now))
    return found


def apart(moments: list[Told]) -> float:
    """The most that one of the three was said too often or too rarely."""
    count = len(moments)
    return max(
        abs(math.fsum(one.chances[who] - (one.scored == who) for one in moments)) / count for who in range(3)
    )


def holder(one: Told) -> str:
    return getattr(one.situation, "possession", "") or getattr(one.situation, "half", "")


@pytest.mark.parametrize(("source", "path"), [("nfl", NFL), ("nba", NBA), ("mlb", MLB)])
def test_the_next_score_is_the_one_that_was_seen(source: str, path: Path) -> None:
    if not path.exists():
        pytest.skip(f"no recorded games at {path.name}")
    moments = told(source)

    assert len(moments) > 4_000
    assert apart(moments) < 0.04
    for side, those in groupby(sorted(moments, key=holder), key=holder):
        chosen = list(those)
        if len(chosen) > 1_000:
            assert apart(chosen) < 0.07, side
    late = [
        one
        for one in moments
        if one.seen.position.period == scheduled_periods(one.seen.league, one.seen.position)
    ]
    assert apart(late) < 0.07

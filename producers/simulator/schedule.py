"""Which games there are and when: rounds in which every team of every league plays once."""

import random
from collections import Counter
from collections.abc import Iterator
from functools import cache
from typing import NamedTuple

from pipeline import data
from pipeline.ids import EventId, identify, parse
from producers.simulator.rates import RATES

SOURCE = "simulator"
LEAGUES = ("sim-nfl", "sim-nba", "sim-epl", "sim-nhl", "sim-mlb")
#: Seconds after the round's beginning: of the first ten games, the second ten, the rest.
FIRST_S, SECOND_S, LAST_S = (25.0, 75.0), (90.0, 900.0), (900.0, 7200.0)
OPENING = 10


class Fixture(NamedTuple):
    """One game to be played. ``first_at_ms``: from when on it is quoted."""

    number: int
    event_id: str
    league: str
    home: str
    away: str
    starts_at_ms: int
    first_at_ms: int


@cache
def _sides(league: str) -> tuple[str, ...]:
    return tuple(team.alias for team in data.teams() if team.league == league)


def fixtures(seed: int, events: int, starts_at_ms: int) -> Iterator[Fixture]:
    """The games of a simulation, by the time from which they are quoted."""
    index = 0
    played: Counter[str] = Counter()
    while index < events:
        played_rounds = index // _round_size()
        rng = random.Random(f"{seed}/round/{played_rounds}")
        opens_at_ms = starts_at_ms + int(played_rounds * RATES.round_s * 1000)
        games = []
        for place, (league, home, away) in enumerate(_pairs(rng)[: events - index]):
            at_ms = opens_at_ms + int(_offset_s(rng, place) * 1000)
            lead_ms = int(rng.uniform(*RATES.lead_min) * 60_000)
            event_id, home, away = _name(played, league, at_ms, home, away)
            first_at_ms = max(starts_at_ms, at_ms - lead_ms) + rng.randrange(4_000)
            games.append(Fixture(index + place, event_id, league, home, away, at_ms, first_at_ms))
        index += len(games)
        yield from sorted(games, key=lambda game: (game.first_at_ms, game.number))


def _round_size() -> int:
    return sum(len(_sides(league)) // 2 for league in LEAGUES)


def _pairs(rng: random.Random) -> list[tuple[str, str, str]]:
    """Every team once, the leagues in turn, so that few games already show every sport."""
    teams = {league: list(_sides(league)) for league in LEAGUES}
    for league in LEAGUES:
        rng.shuffle(teams[league])
    most = max(len(sides) for sides in teams.values())
    return [
        (league, teams[league][n], teams[league][n + 1])
        for n in range(0, most - 1, 2)
        for league in LEAGUES
        if n + 1 < len(teams[league])
    ]


def _offset_s(rng: random.Random, place: int) -> float:
    if place < OPENING:
        return rng.uniform(*FIRST_S)
    if place < 2 * OPENING:
        return rng.uniform(*SECOND_S)
    return rng.uniform(*LAST_S)


def _name(played: Counter[str], league: str, at_ms: int, home: str, away: str) -> tuple[str, str, str]:
    """An id that no other game has. Sides that met twice on a day change ends."""
    first = identify(league, at_ms, home, away, SOURCE)
    if played[first] >= 2:
        home, away = away, home
        first = identify(league, at_ms, home, away, SOURCE)
    played[first] += 1
    parts = parse(first)
    return str(EventId(parts.league, parts.day, parts.home, parts.away, played[first])), home, away

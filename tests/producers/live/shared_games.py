"""The games of the recorded and captured data beside the tree, through who is who, and what met."""

import csv
import gzip
import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from pipeline import ids
from pipeline.errors import Refused
from pipeline.records import OddsSnapshot, Record, SnapshotKind, SourceEvent, Unmatched, UnmatchedState
from producers import recorded
from producers.live.call import Call
from producers.live.claims import OwnClaims, Told
from producers.live.who import Who
from producers.resume import NOTHING, Held
from producers.sources import espn, football_data_org, the_odds_api
from producers.sources.the_odds_api_odds import league_of
from producers.sources.times import moment_ms
from producers.tally import Tally
from tests.conftest import SHARED
from tests.producers.moments import at_ms

DATA, FIXTURES = SHARED / "data", SHARED / "fixtures"
POLLS = {league: DATA / "odds-fetcher-the-odds-api" / f"{league}.jsonl.xz" for league in
         ("nfl", "mlb", "wnba", "kbo", "worldcup")}  # fmt: skip


class Kept:
    """A log that keeps who is who and counts the rest."""

    partitions = 1

    def __init__(self) -> None:
        self.tally, self.safe_at_s = Tally(), 0.0
        self.events: dict[tuple[str, str], str] = {}
        self.unmatched: dict[tuple[str, str], Unmatched] = {}

    def send(self, record: Record) -> None:
        if isinstance(record, SourceEvent):
            self.events[record.source, record.source_id] = record.event_id
        elif isinstance(record, Unmatched):
            self.unmatched[record.source, record.source_id] = record

    def rest(self, seconds: float) -> None:
        pass

    def held(self) -> Held:
        return NOTHING

    def close(self) -> None:
        pass


class Recorded(OwnClaims):
    """Claims, and those that recorded sources would have made."""

    def tell(self, event: SourceEvent) -> None:
        self._append(event)
        self._told.append(Told(event, -1))


@dataclass
class Games:
    """Sources one after the other. ``refused``: what can never be found, and why."""

    log: Kept = field(default_factory=Kept)
    refused: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self.claims = Recorded(self.log.send)
        self.who = Who(self.log, self.claims)

    def tell(self, *paths: Path) -> "Games":
        """Games of recorded files, as their source's own reader names them."""
        for source, games in recorded.look(paths, from_ms=0).games.by_source.items():
            for event_id, starts_at_ms in games.items():
                self.claims.tell(_event(source, event_id, event_id, starts_at_ms))
        self.who.look()
        return self

    def answer(self, source: Any, name: str, league: str = "", path: str = "/scoreboard") -> "Games":
        """A captured answer of a service, by its parser."""
        body = (FIXTURES / source.NAME / f"{name}.json").read_bytes()
        identities, now_ms = self.who.of(source.NAME), 1_780_000_000_000
        parsed = source.parse(Call("", "", path, (), league), body, now_ms, identities, lambda *_: None)
        for record in parsed.given:
            self.who.send(record)
        self.who.look()
        return self

    def show(
        self, source: str, source_id: str, league: str, at: int, home: str, away: str, now_ms: int
    ) -> None:
        """A game as a source shows it."""
        identities = self.who.of(source)
        if not identities.known(source_id):
            try:
                given = identities.give(source_id, league, at, home, away, now_ms)
            except Refused as error:
                self._refuse(str(error), source_id)
                return
            self.who.send(given)
        shown = OddsSnapshot(
            event_id=identities.known(source_id), source=source, kind=SnapshotKind.UNCHANGED,
            received_at_ms=now_ms, starts_at_ms=at,
        )  # fmt: skip
        self.who.send(shown)

    def met(self) -> Counter[tuple[str, ...]]:
        """How many events each set of sources has in common."""
        sources: dict[str, set[str]] = {}
        for (source, _), event_id in self.log.events.items():
            sources.setdefault(event_id, set()).add(source)
        return Counter(tuple(sorted(found)) for found in sources.values())

    def waiting(self) -> list[Unmatched]:
        """Those that are not sure."""
        return [one for one in self.log.unmatched.values() if one.state is not UnmatchedState.SOLVED]

    def _refuse(self, reason: str, _: str) -> None:
        self.refused.update([reason])


def _event(source: str, source_id: str, event_id: str, starts_at_ms: int) -> SourceEvent:
    return SourceEvent(
        source=source, source_id=source_id, event_id=event_id, received_at_ms=1_780_000_000_000,
        starts_at_ms=starts_at_ms, home="", away="",
    )  # fmt: skip


class Head(NamedTuple):
    """An event of a poll."""

    source_id: str
    league: str
    starts_at_ms: int
    home: str
    away: str


def polls(path: Path) -> Iterator[tuple[int, list[Head]]]:
    """When each recorded poll came (Unix ms), and its events, by start."""
    for received_at_ms, body in the_odds_api.polls(path, lambda *_: None):
        heads = [
            Head(head.id, league_of(head.sport_key), moment_ms(head.commence_time),
                 head.home_team, head.away_team)
            for head in the_odds_api._heads(body)
        ]  # fmt: skip
        yield received_at_ms, sorted(heads, key=lambda head: head.starts_at_ms)


class Met(NamedTuple):
    """Games that two sources list: how many there are, got the same event, or another; and what waits."""

    both: int
    same: int
    other: int
    waiting: int


def two_views(path: Path, seed: int, *, hidden: float = 0.0) -> Met:
    """The polls of a file as two sources see them: each asks at half of them, in any order.

    The second one has starts by five minutes, and never shows a share of the games. Both have the same own
    ids, by which whoever counts tells what is right.
    """
    rng, games = random.Random(seed), Games()
    is_shown: dict[str, bool] = {}
    for now_ms, heads in polls(path):
        for head in heads:
            is_shown.setdefault(head.source_id, rng.random() >= hidden)
        rounded = [
            head._replace(starts_at_ms=head.starts_at_ms - head.starts_at_ms % 300_000)
            for head in heads
            if is_shown[head.source_id]
        ]
        views = [view for view in (("the-odds-api", heads), ("espn", rounded)) if rng.random() < 0.5]
        rng.shuffle(views)
        for source, shown in views:
            for head in shown:
                games.show(source, *head, now_ms)
        games.who.look()
    first, second = (
        {own: event for (of, own), event in games.log.events.items() if of == source}
        for source in ("the-odds-api", "espn")
    )
    both = first.keys() & second.keys()
    same = sum(first[own] == second[own] for own in both)
    return Met(len(both), same, len(both) - same, len(games.waiting()))


def alone(path: Path) -> Games:
    """The polls of a file as one source."""
    games = Games()
    for now_ms, heads in polls(path):
        for head in heads:
            games.show("the-odds-api", *head, now_ms)
    return games


def results(games: Games) -> None:
    """The public table of results of the World Cup: days without times, sides as the table has them."""
    path = DATA / "world-cup-2026-results" / "results.csv.gz"
    with gzip.open(path, "rt") as file:
        for row in csv.DictReader(file):
            at = at_ms(f"{row['date']}T18:00:00Z")
            own = f"{row['date']} {row['home_team']}"
            games.show("espn", own, "world-cup", at, row["home_team"], row["away_team"], at)
    games.who.look()


def kickoffs() -> dict[str, str]:
    """ESPN's own ids of NFL games of 2022, by nflverse's list: an independent word on which is which."""
    found = {}
    with gzip.open(DATA / "nfl" / "games_1999_2023.csv.gz", "rt") as file:
        for row in (row for row in csv.DictReader(file) if row["season"] == "2022"):
            home, away = (ids.team("nfl", row[side], "nflverse") for side in ("home_team", "away_team"))
            found[row["espn"].partition(".")[0]] = f"nfl:{row['gameday']}:{home}-{away}"
    return found


def nfl_2022() -> Games:
    """A Sunday of ESPN's beside nflverse's season."""
    return Games().tell(DATA / "nfl" / "pbp_2022.csv.gz").answer(espn, "scoreboard_nfl", "nfl")


def in_common() -> Iterator[tuple[str, Games]]:
    """Every set of sources that have days in common."""
    nfl, soccer = DATA / "nfl", DATA / "football-data-co-uk"
    games = Games().tell(nfl / "pbp_2025_weeks2-5.csv.gz")
    for now_ms, heads in polls(POLLS["nfl"]):
        for head in heads:
            games.show("the-odds-api", *head, now_ms)
    yield "NFL 2025, nflverse and polls", games
    yield "NFL 2022, nflverse and ESPN", nfl_2022()
    yield (
        "NFL 2021, nflverse and The Odds API's past odds",
        Games()
        .tell(nfl / "pbp_2021.csv.gz")
        .answer(the_odds_api, "historical_odds", path="/v4/historical/sports/x/odds"),
    )
    games = alone(POLLS["worldcup"])
    results(games)
    yield "World Cup 2026, polls and a public table of results", games
    wyscout = [DATA / "wyscout-soccer" / name for name in ("matches.csv.gz", "events.csv.gz")]
    divisions = [soccer / "2017-2018" / f"{name}.csv.gz" for name in ("E0", "D1", "SP1", "I1", "F1")]
    yield "Soccer 2017/18, Wyscout and football-data.co.uk", Games().tell(*wyscout, *divisions)
    divisions = [soccer / "2023-2024" / f"{name}.csv.gz" for name in ("E1", "I1", "P1")]
    yield (
        "Soccer 2023/24, football-data.co.uk and football-data.org",
        Games().tell(*divisions).answer(football_data_org, "v4_matches_date_range", path="/v4/matches"),
    )
    games = Games()
    for league in ("mlb", "nba", "nhl"):
        games.answer(espn, f"scoreboard_{league}", league)
    games.answer(football_data_org, "v4_competition_matches_PL_scheduled", path="/v4/matches")
    yield "MLB, NBA and NHL of ESPN, Premier League of football-data.org: nobody else has their days", games

"""Polls of The Odds API that somebody saved as a table: a row for each event and book, american prices.

A row says who plays, when, and the book's prices of winner, spread and total; rows of one ``file`` are one
poll. Rows that do not say when they were polled cannot be told at the right time and are refused.
"""

from collections.abc import Iterator, Sequence
from itertools import chain
from pathlib import Path

import msgspec

from pipeline.errors import PayloadChanged
from pipeline.records import Record
from producers.diff import Differ
from producers.identity import Identities
from producers.sources.games import Refuse, Row, rows_of
from producers.sources.the_odds_api_odds import odds
from producers.sources.the_odds_api_offer import Book, Event, Market, OddsFormat, Outcome
from producers.sources.times import moment_ms

#: The kind of file; the records' source is that of all recorded polls.
NAME, RECORDED = "the-odds-api-saved", "the-odds-api-recorded"
#: What a file must have to be polls of this kind.
COLUMNS = frozenset(
    [
        "file", "sport", "game_id", "commence_time", "snapshot_taken_at_utc", "bookmaker_last_update_utc",
        "home_team", "away_team", "bookmaker", "ml_home", "ml_away", "spread_home", "spread_home_odds",
        "spread_away", "spread_away_odds", "total_line", "total_over_odds", "total_under_odds",
    ]
)  # fmt: skip
SPORTS = {"NHL": "icehockey_nhl", "NBA": "basketball_nba", "WNBA": "basketball_wnba"}


def recorded(paths: Sequence[Path], refuse: Refuse, from_ms: int = 0) -> Iterator[Record]:
    """The records of all polls, in order of time, from a time on."""
    identities, differ = Identities(RECORDED), Differ(RECORDED)
    for at_ms, events in sorted(polls(paths, refuse).items()):
        try:
            payload = msgspec.json.encode(events)
            parsed = odds(payload, at_ms, identities, refuse, odds_format=OddsFormat.AMERICAN)
        except PayloadChanged as error:
            refuse(str(error), f"poll of {at_ms}")
            continue
        if at_ms < from_ms:
            continue
        yield from parsed.given
        # A poll is of one sport, or of some: what it does not show may be of another.
        yield from differ.poll(parsed.snapshots, None, at_ms)


def starts(paths: Sequence[Path]) -> dict[str, int]:
    """When each event was to start (Unix ms), by event id, as first shown."""
    identities = Identities(RECORDED)
    found: dict[str, int] = {}
    for at_ms, events in sorted(polls(paths, _quiet).items()):
        payload = msgspec.json.encode(events)
        parsed = odds(payload, at_ms, identities, _quiet, odds_format=OddsFormat.AMERICAN)
        found |= {given.event_id: given.starts_at_ms for given in parsed.given}
    return found


def polls(paths: Sequence[Path], refuse: Refuse) -> dict[int, list[Event]]:
    """What each poll showed, by when it was taken, Unix ms."""
    shown: dict[int, dict[str, Event]] = {}
    for number, row in enumerate(chain.from_iterable(rows_of(path, refuse) for path in paths), start=2):
        where = f"row {number}, {row['file']}"
        if not row["snapshot_taken_at_utc"]:
            refuse("a row does not say when it was polled", where)
            continue
        if row["sport"] not in SPORTS:
            refuse(f"sport {row['sport']!r} is not read", where)
            continue
        try:
            at_ms, book = moment_ms(row["snapshot_taken_at_utc"]), _book(row)
        except ValueError as error:
            refuse(f"a row cannot be read: {error}", where)
            continue
        events = shown.setdefault(at_ms, {})
        event = events.setdefault(row["game_id"], _event(row))
        event.bookmakers.append(book)
    return {at_ms: list(events.values()) for at_ms, events in shown.items()}


def _event(row: Row) -> Event:
    return Event(
        id=row["game_id"],
        sport_key=SPORTS[row["sport"]],
        commence_time=row["commence_time"],
        home_team=row["home_team"],
        away_team=row["away_team"],
        bookmakers=[],
    )


def _book(row: Row) -> Book:
    """A book's markets; one without both prices is not there."""
    home, away = row["home_team"], row["away_team"]
    sides = {
        "h2h": ((home, "ml_home", ""), (away, "ml_away", "")),
        "spreads": (
            (home, "spread_home_odds", "spread_home"),
            (away, "spread_away_odds", "spread_away"),
        ),
        "totals": (("Over", "total_over_odds", "total_line"), ("Under", "total_under_odds", "total_line")),
    }
    markets = [
        Market(
            key=key,
            outcomes=[
                Outcome(name=name, price=float(row[price]), point=float(row[point]) if point else None)
                for name, price, point in outcomes
            ],
        )
        for key, outcomes in sides.items()
        if all(row[price] for _, price, _ in outcomes)
    ]
    return Book(key=row["bookmaker"], markets=markets, last_update=row["bookmaker_last_update_utc"])


def _quiet(reason: str, where: str) -> None:
    """What is wrong with a row is told when it is published."""

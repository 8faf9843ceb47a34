"""Sports, leagues and books: those that are known, and what is there of them now."""

from collections import Counter
from typing import Any

from msgspec import Struct
from msgspec.structs import asdict

from gateway.http.endpoint import Asked, in_turns
from gateway.http.events import game_of
from gateway.hub import Hub
from pipeline import data, ids
from pipeline.data import Book
from pipeline.records import ClosingLine, GameStatus


class SportRow(Struct, frozen=True):
    """A sport, its leagues, and how many of its events are known and in play."""

    sport: str
    leagues: tuple[str, ...]
    events: int
    live: int


class Sports(Struct, frozen=True):
    """Every sport that is known, by name."""

    sports: tuple[SportRow, ...]


class LeagueRow(Struct, frozen=True):
    """A league, and how many of its events are known and in play. ``zone``: where its days begin."""

    league: str
    sport: str
    name: str
    zone: str
    periods: int
    period_s: float
    events: int
    live: int


class Leagues(Struct, frozen=True):
    """Every league that is known, by key."""

    leagues: tuple[LeagueRow, ...]


class BookRow(Struct, frozen=True):
    """A book, and what it shows; null is what is not known of it.

    Brands of one ``desk`` share a line. ``commission`` is the share of net winnings that it keeps. ``events``
    and ``prices`` count what it has on odds.closing: its last open prices before the start, seen up to
    ``newest_seen_at_ms``.
    """

    book: str
    name: str | None
    desk: str | None
    region: str | None
    kind: str | None
    weight: float | None
    commission: float | None
    events: int
    prices: int
    newest_seen_at_ms: int | None


class Books(Struct, frozen=True):
    """Every book that is known or was seen, by key."""

    books: tuple[BookRow, ...]


async def sports(asked: Asked) -> Sports:
    """Sports, with how many events are known and in play."""
    known, live = await _counted(asked.hub)
    leagues: dict[str, list[str]] = {}
    for league, row in sorted(data.leagues().items()):
        leagues.setdefault(row.sport, []).append(league)
    return Sports(
        tuple(
            SportRow(sport, tuple(keys), sum(known[key] for key in keys), sum(live[key] for key in keys))
            for sport, keys in sorted(leagues.items())
        )
    )


async def leagues(asked: Asked) -> Leagues:
    """Leagues, with how many events are known and in play."""
    known, live = await _counted(asked.hub)
    return Leagues(
        tuple(
            LeagueRow(key, row.sport, row.name, row.zone, row.periods, row.period_s, known[key], live[key])
            for key, row in sorted(data.leagues().items())
        )
    )


async def books(asked: Asked) -> Books:
    """Books: region, kind, commission, and how many prices each shows before the start."""
    events: Counter[str] = Counter()
    prices: Counter[str] = Counter()
    newest: dict[str, int] = {}
    async for event in in_turns(tuple(asked.hub.answers["odds.closing"])):
        closing: ClosingLine | None = asked.hub.latest("odds.closing", event)
        shown = closing.prices if closing else ()
        for price in shown:
            prices[price.book] += 1
            newest[price.book] = max(price.seen_at_ms, newest.get(price.book, 0))
        events.update({price.book for price in shown})
    known = data.books()
    rows = []
    for key in sorted(known.keys() | prices.keys()):
        named: dict[str, Any] = dict.fromkeys(Book.__struct_fields__) | {"book": key}
        if key in known:
            named = asdict(known[key])
        rows.append(
            BookRow(**named, events=events[key], prices=prices[key], newest_seen_at_ms=newest.get(key))
        )
    return Books(tuple(rows))


async def _counted(hub: Hub) -> tuple[Counter[str], Counter[str]]:
    """Events of each league: all that are known, and those in play."""
    known: Counter[str] = Counter()
    live: Counter[str] = Counter()
    async for event in in_turns(hub.events()):
        league = ids.parse(event).league
        game = game_of(hub, event)
        known[league] += 1
        live[league] += game is not None and game.status == GameStatus.LIVE
    return known, live

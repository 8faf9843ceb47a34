"""The Odds API, version 4: prices of many books for the coming and running games of a sport.

``GET /v4/sports/{sport}/odds`` answers with a list of events, each with its books, their markets and their
outcomes. Outcomes are sorted by name, so they are told apart by name. It does not say that a market is
suspended: the market is not there. It has no word for the part of the game: ``h2h`` of a soccer match is the
three-way market of regulation time, everywhere else it is two-way with overtime.
"""

from collections.abc import Callable, Iterator
from enum import StrEnum
from functools import cache, lru_cache
from pathlib import Path
from typing import NamedTuple

import msgspec
from msgspec import Struct

from pipeline import data
from pipeline.domain.odds import american_to_decimal
from pipeline.errors import PayloadChanged, Refused
from pipeline.records import Depth, Line, OddsSnapshot, Record, SnapshotKind, SourceEvent
from producers.diff import Differ
from producers.identity import Identities
from producers.sources.files import lines_of
from producers.sources.times import moment_ms

NAME = "the-odds-api"
RECORDED = "the-odds-api-recorded"
DRAW = "Draw"

#: Told of whatever is refused: the reason, and where.
Refuse = Callable[[str, str], None]


class OddsFormat(StrEnum):
    """What was asked for. Prices alone do not say it: 105 is a price in both."""

    AMERICAN = "american"
    DECIMAL = "decimal"


class Outcome(Struct, gc=False):
    """One side of a market."""

    name: str
    price: float
    point: float | None = None


class Market(Struct, gc=False):
    """One market of a book."""

    key: str
    outcomes: list[Outcome]
    last_update: str = ""


class Book(Struct, gc=False):
    """A book with its markets."""

    key: str
    markets: list[Market]
    last_update: str = ""


class Head(Struct, gc=False):
    """An event without its prices."""

    id: str
    sport_key: str
    commence_time: str
    home_team: str
    away_team: str


class Event(Head, gc=False):
    """An event of an answer."""

    bookmakers: list[Book] = []


class _RawEvent(Head, gc=False):
    bookmakers: list[msgspec.Raw] = []


class Parsed(NamedTuple):
    """An answer as records.

    ``present``: every event that it showed and that has an id, readable or not. ``whole``: there was none
    whose very id could not be read, so that what is not present has left.
    """

    snapshots: list[OddsSnapshot]
    given: list[SourceEvent]
    present: set[str]
    whole: bool


_EVENTS = msgspec.json.Decoder(list[Event])
_HEADS = msgspec.json.Decoder(list[Head])
_RAW_EVENTS = msgspec.json.Decoder(list[msgspec.Raw])
_RAW_EVENT = msgspec.json.Decoder(_RawEvent)
_BOOK = msgspec.json.Decoder(Book)


def parse(
    payload: bytes | msgspec.Raw,
    received_at_ms: int,
    identities: Identities,
    refuse: Refuse,
    *,
    odds_format: OddsFormat,
) -> Parsed:
    """One full snapshot for each event of an answer that is known by its teams.

    What cannot be read is refused event by event, book by book and market by market; the rest goes on.

    Raises
    ------
    PayloadChanged
        If it is no list of events at all, or if none of its events has the known shape.
    """
    events, whole = _events(payload, identities.source, refuse)
    given = []
    # By scheduled order, so that of two games seen first in one answer the earlier one is the first.
    for event in sorted(events, key=lambda event: event.commence_time):
        if not identities.known(event.id):
            try:
                league = league_of(event.sport_key)
                starts_at_ms = moment_ms(event.commence_time)
                sides = event.home_team, event.away_team
                given.append(identities.give(event.id, league, starts_at_ms, *sides, received_at_ms))
            except (Refused, ValueError) as error:
                refuse(str(error), f"{event.home_team} - {event.away_team}, id {event.id}")
    snapshots, present = [], set()
    for event in events:
        event_id = identities.known(event.id)
        if not event_id:
            continue
        present.add(event_id)
        if identities.sides(event.id) != (event.home_team, event.away_team):
            refuse("the sides of an event changed after it was given its id", f"{event_id}, id {event.id}")
            continue
        try:
            starts_at_ms = moment_ms(event.commence_time)
        except ValueError as error:
            refuse(f"commence_time: {error}", event_id)
            continue
        lines, depth = _offer(event, event_id, odds_format, refuse)
        snapshots.append(
            OddsSnapshot(
                event_id=event_id,
                source=identities.source,
                kind=SnapshotKind.FULL,
                received_at_ms=received_at_ms,
                starts_at_ms=starts_at_ms,
                lines=lines,
                depth=depth,
            )
        )
    return Parsed(snapshots, given, present, whole)


def _events(payload: bytes | msgspec.Raw, source: str, refuse: Refuse) -> tuple[list[Event], bool]:
    """The events that can be read, and whether these are all."""
    try:
        return _EVENTS.decode(payload), True
    except msgspec.ValidationError:
        pass  # some part of it has another shape: find out which, and keep the others
    except msgspec.DecodeError as error:
        raise PayloadChanged(source, str(error)) from error
    try:
        raw_events = _RAW_EVENTS.decode(payload)
    except msgspec.ValidationError as error:
        raise PayloadChanged(source, str(error)) from error
    events = []
    for raw in raw_events:
        try:
            event = _RAW_EVENT.decode(raw)
        except msgspec.ValidationError as error:
            refuse(f"an event has another shape: {error}", bytes(raw)[:80].decode(errors="replace"))
            continue
        books = []
        for raw_book in event.bookmakers:
            try:
                books.append(_BOOK.decode(raw_book))
            except msgspec.ValidationError as error:
                refuse(f"a book has another shape: {error}", f"{event.home_team} - {event.away_team}")
        head = {name: getattr(event, name) for name in Head.__struct_fields__}
        events.append(Event(**head, bookmakers=books))
    if raw_events and not events:
        raise PayloadChanged(source, "none of its events can be read")
    return events, len(events) == len(raw_events)


def _offer(
    event: Event, event_id: str, odds_format: OddsFormat, refuse: Refuse
) -> tuple[tuple[Line, ...], tuple[Depth, ...]]:
    soccer = data.leagues()[league_of(event.sport_key)].sport == "soccer"
    decimal = _american if odds_format is OddsFormat.AMERICAN else _decimal
    lines: dict[tuple[str, str, float], Line] = {}
    depth = []
    for book in event.bookmakers:
        for market in book.markets:
            try:
                quoted_at_ms = moment_ms(market.last_update or book.last_update)
                reading = _READINGS.get(market.key)
                if reading is None:
                    raise Refused(f"market {market.key!r} is not read")
                kind, scope, offers = reading(event, market, soccer, decimal)
                for line, prices in offers:
                    if market.key == "h2h_lay":
                        depth.append(_waiting(book.key, kind, scope, prices))
                        continue
                    place = (book.key, kind, line)
                    if place in lines:
                        raise Refused("the same line is shown twice")
                    lines[place] = Line(
                        book=book.key,
                        market=kind,
                        scope=scope,
                        line=line,
                        prices=prices,
                        quoted_at_ms=quoted_at_ms,
                    )
            except (Refused, ValueError) as error:
                refuse(f"{market.key}: {error}", f"{event_id}, {book.key}")
    return tuple(lines[place] for place in sorted(lines)), tuple(depth)


def _waiting(book: str, kind: str, scope: str, prices: tuple[float, ...]) -> Depth:
    """Lay prices; the service says no sizes."""
    nothing = (0,) * len(prices)
    return Depth(
        book=book, market=kind, scope=scope, lay_prices=prices, back_sizes=nothing, lay_sizes=nothing
    )


Decimal = Callable[[float], float]
Reading = tuple[str, str, list[tuple[float, tuple[float, ...]]]]


def _winner(event: Event, market: Market, soccer: bool, decimal: Decimal) -> Reading:
    """A market without a line. An outcome that is not shown has the price 0: none is offered."""
    names = (event.home_team, event.away_team, DRAW) if soccer else (event.home_team, event.away_team)
    prices = [0.0] * len(names)
    for outcome in market.outcomes:
        if outcome.name not in names:
            raise Refused("an outcome is neither a side nor, in soccer, the draw")
        prices[names.index(outcome.name)] = decimal(outcome.price)
    found = (0.0, tuple(prices))
    return ("h2h_3way", "regulation", [found]) if soccer else ("h2h", "game", [found])


def _spread(event: Event, market: Market, soccer: bool, decimal: Decimal) -> Reading:
    sides = {event.home_team: (0, 1.0), event.away_team: (1, -1.0)}
    return "spread", "regulation" if soccer else "game", _lined(market, sides, decimal)


def _total(_: Event, market: Market, soccer: bool, decimal: Decimal) -> Reading:
    sides = {"Over": (0, 1.0), "Under": (1, 1.0)}
    return "total", "regulation" if soccer else "game", _lined(market, sides, decimal)


def _lined(
    market: Market, sides: dict[str, tuple[int, float]], decimal: Decimal
) -> list[tuple[float, tuple[float, ...]]]:
    """Prices by line. ``sides``: each outcome's place, and the sign that makes its point the line."""
    found: dict[float, list[float]] = {}
    for outcome in market.outcomes:
        if outcome.name not in sides:
            raise Refused("an outcome is neither of the two sides")
        if outcome.point is None:
            raise Refused("an outcome has no point")
        place, sign = sides[outcome.name]
        line = sign * outcome.point + 0.0  # no negative zero
        if not (line * 4.0).is_integer():
            raise Refused("a point is no multiple of a quarter")
        found.setdefault(line, [0.0, 0.0])[place] = decimal(outcome.price)
    if len(found) > 1 and any(0.0 in prices for prices in found.values()):
        raise Refused("the points of the two sides do not meet")
    return [(line, tuple(prices)) for line, prices in found.items()]


_READINGS: dict[str, Callable[[Event, Market, bool, Decimal], Reading]] = {
    "h2h": _winner,
    "h2h_lay": _winner,
    "spreads": _spread,
    "totals": _total,
}


@lru_cache(maxsize=65_536)
def _american(price: float) -> float:
    if price != int(price):
        raise Refused(f"{price} is not an American price")
    return american_to_decimal(int(price))


def _decimal(price: float) -> float:
    if price <= 1.0:
        raise Refused(f"{price} is not a decimal price")
    return price


@cache
def league_of(sport_key: str) -> str:
    """The league that the service names so. Raises Refused."""
    for league in data.leagues().values():
        if sport_key and league.the_odds_api == sport_key:
            return league.league
    raise Refused(f"unknown sport {sport_key!r}; add it to pipeline/data/leagues.csv")


class _Poll(Struct, gc=False):
    """A line of a recorded file."""

    fetched_at: str
    body: msgspec.Raw


_POLL = msgspec.json.Decoder(_Poll)


def polls(path: Path, refuse: Refuse) -> Iterator[tuple[int, msgspec.Raw]]:
    """The recorded polls of a file: when each was fetched (Unix ms), and the body of the answer."""
    for number, text in enumerate(lines_of(path, refuse), start=1):
        try:
            poll = _POLL.decode(text)
            yield moment_ms(poll.fetched_at), poll.body
        except (msgspec.DecodeError, ValueError) as error:
            refuse(f"a poll cannot be read: {error}", f"{path.name} line {number}")


def recorded(path: Path, identities: Identities, refuse: Refuse, from_ms: int = 0) -> Iterator[Record]:
    """The records of a file of polls, in its order, from a time on.

    Polls before that time only tell which event is which, as they did when they were new.
    """
    differ = Differ(identities.source)
    waiting: dict[str, SourceEvent] = {}
    for received_at_ms, body in polls(path, refuse):
        if received_at_ms < from_ms:
            for head in sorted(_heads(body), key=lambda head: head.commence_time):
                if not identities.known(head.id):
                    given = _given(head, identities, received_at_ms)
                    waiting |= {given.event_id: given} if given else {}
            continue
        try:
            parsed = parse(body, received_at_ms, identities, refuse, odds_format=OddsFormat.AMERICAN)
        except PayloadChanged as error:
            refuse(str(error), f"{path.name}, poll of {received_at_ms}")
            continue
        earlier = [waiting.pop(event_id) for event_id in sorted(parsed.present & waiting.keys())]
        for event in earlier:
            yield msgspec.structs.replace(event, received_at_ms=received_at_ms)
        yield from parsed.given
        yield from differ.poll(parsed.snapshots, parsed.present if parsed.whole else None, received_at_ms)


def starts(path: Path) -> dict[str, int]:
    """When each event of a recorded file was to start (Unix ms), by event id, as first shown."""
    identities = Identities(RECORDED)
    found: dict[str, int] = {}
    for received_at_ms, body in polls(path, _unheard):
        for head in sorted(_heads(body), key=lambda head: head.commence_time):
            if not identities.known(head.id) and (given := _given(head, identities, received_at_ms)):
                found[given.event_id] = given.starts_at_ms
    return found


def _heads(body: msgspec.Raw) -> list[Head]:
    try:
        return _HEADS.decode(body)
    except msgspec.DecodeError:
        return []  # refused with its reason where it is published


def _given(head: Head, identities: Identities, received_at_ms: int) -> SourceEvent | None:
    try:
        starts_at_ms = moment_ms(head.commence_time)
        league = league_of(head.sport_key)
        return identities.give(head.id, league, starts_at_ms, head.home_team, head.away_team, received_at_ms)
    except (Refused, ValueError):
        return None  # likewise


def _unheard(reason: str, where: str) -> None:
    """A first look refuses nothing: what is wrong is told when it is published."""

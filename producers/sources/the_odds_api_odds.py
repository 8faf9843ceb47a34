"""Answers of The Odds API that list events with the books' prices, as snapshots."""

from functools import cache
from typing import NamedTuple

import msgspec

from pipeline import data
from pipeline.errors import PayloadChanged, Refused
from pipeline.records import OddsSnapshot, SnapshotKind, SourceEvent
from producers.identity import Identities
from producers.sources.the_odds_api_offer import Book, Event, Head, OddsFormat, Refuse, offer
from producers.sources.times import moment_ms


class _RawEvent(Head, gc=False):
    bookmakers: list[msgspec.Raw] = msgspec.field(default_factory=list)


class Odds(NamedTuple):
    """An answer as records.

    ``present``: every event that it showed and that has an id, readable or not. ``whole``: there was none
    whose very id could not be read, so that what is not present has left.
    """

    snapshots: list[OddsSnapshot]
    given: list[SourceEvent]
    present: set[str]
    whole: bool


_EVENTS = msgspec.json.Decoder(list[Event])
_RAW_EVENTS = msgspec.json.Decoder(list[msgspec.Raw])
_RAW_EVENT = msgspec.json.Decoder(_RawEvent)
_BOOK = msgspec.json.Decoder(Book)


def odds(
    payload: bytes | msgspec.Raw,
    received_at_ms: int,
    identities: Identities,
    refuse: Refuse,
    *,
    odds_format: OddsFormat,
    markets: tuple[str, ...] = (),
    regions: tuple[str, ...] = (),
) -> Odds:
    """One full snapshot for each event of an answer that is known by its teams.

    What cannot be read is refused event by event, book by book and market by market; the rest goes on.
    ``markets``, as the service calls them, and ``regions`` are what was asked for; empty: all there is.

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
        soccer = data.leagues()[league_of(event.sport_key)].sport == "soccer"
        lines, depth = offer(event, event_id, soccer, odds_format, refuse)
        snapshots.append(
            OddsSnapshot(
                event_id=event_id,
                source=identities.source,
                kind=SnapshotKind.FULL,
                received_at_ms=received_at_ms,
                starts_at_ms=starts_at_ms,
                markets=_kinds(markets, soccer),
                regions=regions,
                lines=lines,
                depth=depth,
            )
        )
    return Odds(snapshots, given, present, whole)


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


@cache
def _kinds(markets: tuple[str, ...], soccer: bool) -> tuple[str, ...]:
    """Our names of the kinds of market that were asked for."""
    kinds = {"h2h": "h2h_3way" if soccer else "h2h", "spreads": "spread", "totals": "total", "btts": "btts"}
    return tuple(sorted(kinds[market] for market in markets if market in kinds))


@cache
def league_of(sport_key: str) -> str:
    """The league that the service names so. Raises Refused."""
    for league in data.leagues().values():
        if sport_key and league.the_odds_api == sport_key:
            return league.league
    raise Refused(f"unknown sport {sport_key!r}; add it to pipeline/data/leagues.csv")

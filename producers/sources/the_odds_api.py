"""The Odds API, version 4: prices of many books for the coming and running games of a sport.

``GET /v4/sports/{sport}/odds`` answers with a list of events, each with its books, their markets and their
outcomes: `producers.sources.the_odds_api_offer` reads these.
"""

from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

import msgspec
from msgspec import Struct

from pipeline import data
from pipeline.errors import PayloadChanged, Refused
from pipeline.records import OddsSnapshot, Record, SnapshotKind, SourceEvent
from producers.diff import Differ
from producers.identity import Identities
from producers.sources.files import lines_of
from producers.sources.the_odds_api_offer import Book, Event, Head, OddsFormat, Refuse, offer
from producers.sources.times import moment_ms

NAME = "the-odds-api"
RECORDED = "the-odds-api-recorded"


class _RawEvent(Head, gc=False):
    bookmakers: list[msgspec.Raw] = msgspec.field(default_factory=list)


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
        soccer = data.leagues()[league_of(event.sport_key)].sport == "soccer"
        lines, depth = offer(event, event_id, soccer, odds_format, refuse)
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

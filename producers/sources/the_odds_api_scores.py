"""Answers of The Odds API without prices: events with their starts, scores, and which sports there are.

A score has no period and no clock, and the service has no word for a game that is put off or called off.
"""

import msgspec
from msgspec import Struct

from pipeline import data
from pipeline.errors import PayloadChanged, Refused
from pipeline.records import GameEvent, GameStatus, Record
from producers.identity import Identities
from producers.live.call import Parsed, Refuse
from producers.sources.identified import Shown, identified
from producers.sources.the_odds_api_odds import league_of
from producers.sources.the_odds_api_offer import Head
from producers.sources.times import moment_ms


class Scored(Struct, gc=False):
    """A side's score, as text."""

    name: str
    score: str | int | None = None


class Event(Head, gc=False):
    """An event, of a list of scores with its score; None before the start."""

    completed: bool | None = None
    scores: list[Scored] | None = None
    last_update: str | None = None


class Sport(Struct, gc=False):
    """A sport, which is a league or a tournament."""

    key: str
    active: bool = True


_RAWS, _EVENT = msgspec.json.Decoder(list[msgspec.Raw]), msgspec.json.Decoder(Event)
_SPORTS = msgspec.json.Decoder(list[Sport])


def parse(body: bytes, received_at_ms: int, identities: Identities, refuse: Refuse) -> Parsed:
    """How each event stands, as far as it says. Raises PayloadChanged where it is no list of events."""
    try:
        raws = _RAWS.decode(body)
    except msgspec.DecodeError as error:
        raise PayloadChanged(identities.source, str(error)) from error
    events: dict[str, Event] = {}
    shown = []
    readable = False
    for raw in raws:
        try:
            event = _EVENT.decode(raw)
            readable = True
            league, starts_at_ms = league_of(event.sport_key), moment_ms(event.commence_time)
        except (msgspec.ValidationError, Refused, ValueError) as error:
            refuse(f"an event cannot be read: {error}", bytes(raw)[:120].decode(errors="replace"))
            continue
        events[event.id] = event
        shown.append(Shown(event.id, league, starts_at_ms, event.home_team, event.away_team))
    if raws and not readable:
        raise PayloadChanged(identities.source, "none of its events can be read")
    known, given = identified(shown, received_at_ms, identities, refuse)
    records: list[Record] = []
    for source_id, event_id in known.items():
        try:
            if record := _standing(events[source_id], event_id, identities.source, received_at_ms):
                records.append(record)
        except (Refused, ValueError) as error:
            refuse(str(error), f"{event_id}, id {source_id}")
    return Parsed(records, given)


def sports(body: bytes, source: str, refuse: Refuse) -> None:
    """Refuse every league of ours that the service does not know. Raises PayloadChanged."""
    try:
        known = {sport.key for sport in _SPORTS.decode(body)}
    except msgspec.DecodeError as error:
        raise PayloadChanged(source, str(error)) from error
    for league in data.leagues().values():
        if league.the_odds_api and league.the_odds_api not in known:
            refuse("a league's sport is not there; see pipeline/data/leagues.csv", league.the_odds_api)


def _standing(event: Event, event_id: str, source: str, received_at_ms: int) -> GameEvent | None:
    """How it stands; None where a list of events shows one that has begun, of which it says no more."""
    starts_at_ms = moment_ms(event.commence_time)
    if event.completed or event.scores is not None:
        status = GameStatus.FINAL if event.completed else GameStatus.LIVE
        home, away = _score(event)
    elif starts_at_ms > received_at_ms:
        status, home, away = GameStatus.SCHEDULED, 0, 0
    elif event.completed is None:
        return None
    else:
        raise Refused("it has begun by its schedule, and there is no score")
    kinds = {GameStatus.FINAL: "final", GameStatus.LIVE: "clock", GameStatus.SCHEDULED: "scheduled"}
    return GameEvent(
        event_id=event_id,
        source=source,
        source_event_id=event.id,
        kind=kinds[status],
        received_at_ms=received_at_ms,
        happened_at_ms=moment_ms(event.last_update) if event.last_update else 0,
        sequence=received_at_ms * 1000,
        starts_at_ms=starts_at_ms,
        status=status,
        home_score=home,
        away_score=away,
    )


def _score(event: Event) -> tuple[int, int]:
    found = {side.name: str(side.score) for side in event.scores or []}
    home, away = found.get(event.home_team, ""), found.get(event.away_team, "")
    if len(found) != 2 or not (home.isdecimal() and away.isdecimal()):
        raise Refused(f"{found} is no score of both sides")
    return int(home), int(away)

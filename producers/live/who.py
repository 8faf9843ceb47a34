"""Who is who, for all live sources of a process: one event id a game, claimed in the log before it is used.

A parser is given a stand-in for the id of a game that it shows first. `Who.placed` finds the game, claims
it, and puts its id into the records; what cannot be found surely is kept until somebody says what it is.
"""

import hashlib
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

import msgspec

from pipeline import ids
from pipeline.errors import Refused
from pipeline.records import (
    GameEvent,
    OddsSnapshot,
    Record,
    SourceAlias,
    SourceEvent,
    Unmatched,
    UnmatchedState,
)
from producers.live.call import Parsed
from producers.live.matching import HOUR_MS, SAID, Games, Listing, New, Same, Unsure, match, sides_of
from producers.live.names import Names
from producers.live.sides import turned

#: Of one game that waits, the newest so many records are kept.
KEPT = 500
#: A game that started so long ago is waited for no longer.
OVER_MS = 48 * HOUR_MS
#: A start that moved by less is told by the records alone.
MOVED_MS = 30 * 60_000
#: As home side of a stand-in: no team is called so.
_STAND_IN = "waiting"
#: Races that are lost one after the other, before the rest waits for the next poll.
ROUNDS = 20

Key = tuple[str, str]  # source, its own id of a game


class Told(NamedTuple):
    """A record of the log about who is who, and its offset where that counts, else -1."""

    record: SourceEvent | SourceAlias | Unmatched
    offset: int


class Claims(Protocol):
    """The log of who is who: sources.events, sources.aliases, sources.unmatched."""

    def read(self) -> Iterable[Told]:
        """What has come since the last time, in its order; first all that there is."""

    def claim(self, events: Sequence[SourceEvent]) -> None:
        """Append; the next `read` goes at least up to them."""

    @property
    def read_to(self) -> int:
        """The first offset that was not read yet; -1 where nobody else can claim."""

    def unsent(self) -> Sequence[SourceEvent]:
        """Claims that whoever publishes the records has to append: none where `claim` has done so."""


class OwnClaims:
    """Claims of a process that nobody can race with: an archive's, or a test's."""

    read_to = -1

    def __init__(self, told: Iterable[SourceEvent | SourceAlias] = ()) -> None:
        self._told: list[SourceEvent | SourceAlias] = list(told)
        self._unsent: list[SourceEvent] = []

    def read(self) -> list[Told]:
        """What was claimed since the last time."""
        told, self._told = self._told, []
        return [Told(record, -1) for record in told]

    def claim(self, events: Sequence[SourceEvent]) -> None:
        """Keep them."""
        self._told += events
        self._unsent += events

    def say(self, alias: SourceAlias) -> None:
        """What a person says."""
        self._told.append(alias)

    def unsent(self) -> list[SourceEvent]:
        """All that were claimed since the last time."""
        unsent, self._unsent = self._unsent, []
        return unsent


@dataclass(slots=True)
class _Waiting:
    """A game that has no id yet, and what its source said of it meanwhile."""

    listing: Listing
    stand_in: str
    since_ms: int
    verdict: Unsure | None = None
    told: Unmatched | None = None
    records: deque[OddsSnapshot | GameEvent] = field(default_factory=lambda: deque(maxlen=KEPT))
    dropped: int = 0

    def keep(self, record: OddsSnapshot | GameEvent) -> None:
        self.dropped += len(self.records) == KEPT
        self.records.append(record)


class Identities:
    """One source's view, as its parser is handed it: what its own ids of games were given."""

    def __init__(self, source: str, who: "Who") -> None:
        self.source, self._who = source, who

    def known(self, source_id: str) -> str:
        """The event id or the stand-in for it; empty where the source has not shown the game yet."""
        return self._who.id_of(self.source, source_id)

    def sides(self, source_id: str) -> tuple[str, str]:
        """Home and away as the source wrote them when the id was given."""
        return self._who.sides_as_written(self.source, source_id)

    def give(
        self, source_id: str, league: str, starts_at_ms: int, home: str, away: str, received_at_ms: int, *,
        neutral: bool = False,
    ) -> SourceEvent:  # fmt: skip
        """A stand-in for the id of a game that is shown first, until `Who.placed` finds the id.

        Raises Refused where none could ever be found.
        """
        listing = Listing(self.source, source_id, league, starts_at_ms, home, away, neutral)
        return self._who.shown(listing, received_at_ms)


class Who:
    """Finds the games that sources mean, keeps what cannot be found, and says so."""

    def __init__(self, claims: Claims) -> None:
        self._claims = claims
        self._games, self._names = Games(), Names()
        self._waiting: dict[Key, _Waiting] = {}
        self._unsolved: dict[Key, Unmatched] = {}
        self._turned: dict[Key, bool] = {}
        self._own: dict[Key, str] = {}
        """A source's own id of an event, which its records do not have."""
        self._sources: set[str] = set()
        self._to_try: set[str] = set()
        """Sources whose games wait, and may have been solved by what was read since they were tried."""
        self._catch_up()

    def of(self, source: str) -> Identities:
        """What the parser of a source is to be handed."""
        self._sources.add(source)
        return Identities(source, self)

    def placed(self, source: str, parsed: Parsed, now_ms: int) -> Parsed:
        """An answer with the ids that hold, sides as everybody has them, what was kept before what is new.

        What waits is taken out and kept. Blocks while new games are claimed, some milliseconds each time.
        """
        self._catch_up()
        self._hear_of_starts(source, parsed)
        waiting = {key: one.stand_in for key, one in self._waiting.items() if key[0] == source}
        records = self._solved(source, now_ms)
        ids_of = {stand_in: self.id_of(*key) for key, stand_in in waiting.items()}
        moved: dict[str, SourceEvent] = {}
        for record in parsed.records:
            if isinstance(record, OddsSnapshot | GameEvent):
                event_id = ids_of.get(record.event_id, record.event_id)
                if (kept_by := self._waiting_as(event_id)) is not None:
                    kept_by.keep(record)
                    continue
                record = self._put(record, source, event_id)
                moved |= self._moved(record)
            records.append(record)
        self._claims.claim(list(moved.values()))
        self._catch_up()
        records += self._news(source, now_ms)
        present = parsed.present
        if present is not None:
            shown = (ids_of.get(event_id, event_id) for event_id in present)
            present = frozenset(event_id for event_id in shown if not _is_stand_in(event_id))
        return Parsed(records, self._claims.unsent(), present)

    def released(self, now_ms: int) -> Iterator[tuple[str, Parsed]]:
        """What waited and can be published by now, since somebody said what it is: by source."""
        self._catch_up()
        for source in sorted(self._to_try & self._sources):
            records = [*self._solved(source, now_ms), *self._news(source, now_ms)]
            if records:
                yield source, Parsed(records, self._claims.unsent(), None)

    def id_of(self, source: str, source_id: str) -> str:
        """The event id of a source's own id, the stand-in where it waits, empty where it is unknown."""
        if (waiting := self._waiting.get((source, source_id))) is not None:
            return waiting.stand_in
        event = self._games.of(source, source_id)
        return event.event_id if event else ""

    def sides_as_written(self, source: str, source_id: str) -> tuple[str, str]:
        """Home and away as the source wrote them first."""
        if (waiting := self._waiting.get((source, source_id))) is not None:
            return waiting.listing.home, waiting.listing.away
        event = self._games.of(source, source_id)
        assert event is not None  # asked of ids that are known
        return event.home, event.away

    def shown(self, listing: Listing, now_ms: int) -> SourceEvent:
        """A source shows a game for the first time. Raises Refused where it can never be found."""
        match(listing, self._games, self._names)
        key = _key(listing)
        earlier, stand_in = self._unsolved.get(key), _stand_in(listing)
        since_ms = earlier.since_ms if earlier else now_ms
        self._waiting[key] = _Waiting(listing, stand_in, since_ms, told=earlier)
        return _claim(listing, stand_in, "", now_ms, -1)

    def _catch_up(self) -> None:
        """Take in what the log has by now, and correct what a person says otherwise."""
        told = list(self._claims.read())
        for record, offset in told:
            key = (record.source, getattr(record, "source_id", ""))
            match record:
                case SourceEvent() if self._games.tell(record, offset):
                    self._turned.pop(key, None)
                    self._own[record.source, record.event_id] = record.source_id
                case SourceAlias():
                    self._names.tell(record)
                    self._turned.clear()
                case Unmatched(state=UnmatchedState.WAITING):
                    self._unsolved[key] = record
                case Unmatched():
                    self._unsolved.pop(key, None)
        if not told:
            return
        self._to_try |= self._sources
        corrections = []
        for (source, source_id), event_id in self._names.events.items():
            event = self._games.of(source, source_id)
            if source in self._sources and event is not None and event.event_id != event_id:
                said = msgspec.structs.replace(event, event_id=event_id, basis=SAID, read_to=-1)
                corrections.append(said)
        if corrections:
            self._claims.claim(corrections)
            self._catch_up()

    def _hear_of_starts(self, source: str, parsed: Parsed) -> None:
        """A game that waits may be found by where its start has moved to."""
        for record in parsed.records:
            if isinstance(record, OddsSnapshot | GameEvent) and record.starts_at_ms:
                waiting = self._waiting_as(record.event_id)
                if waiting is not None and waiting.listing.source == source:
                    waiting.listing = waiting.listing._replace(starts_at_ms=record.starts_at_ms)

    def _solved(self, source: str, now_ms: int) -> list[Record]:
        """What waited of a source's games that are found now."""
        self._to_try.discard(source)
        found = self._solve([key for key in self._waiting if key[0] == source], now_ms)
        return [record for one in found for record in self._let_go(one, now_ms)]

    def _solve(self, keys: list[Key], now_ms: int) -> list[_Waiting]:
        """Find and claim the games of those that wait, the earlier start first; those that were found.

        Of the same sides one game is claimed at a time: a second one that day depends on what the first is.
        """
        left = sorted((self._waiting[key] for key in keys), key=_by_start)
        solved: list[_Waiting] = []
        for _ in range(ROUNDS):
            claimed: dict[Any, tuple[_Waiting, SourceEvent]] = {}
            for waiting in left:
                verdict = self._match(waiting.listing)
                if isinstance(verdict, Unsure):
                    waiting.verdict = verdict
                    continue
                basis = verdict.basis if isinstance(verdict, Same) else "new"
                claim = _claim(waiting.listing, verdict.event_id, basis, now_ms, self._claims.read_to)
                claimed.setdefault(sides_of(verdict.event_id), (waiting, claim))
            if not claimed:
                break
            self._claims.claim([claim for _, claim in claimed.values()])
            self._catch_up()
            for waiting, claim in claimed.values():
                held = self._games.of(claim.source, claim.source_id)
                if held is not None and held.event_id == claim.event_id:
                    solved.append(waiting)
                    left.remove(waiting)
                    del self._waiting[_key(waiting.listing)]
        return solved

    def _match(self, listing: Listing) -> Same | New | Unsure:
        try:
            return match(listing, self._games, self._names)
        except Refused as error:  # a tenth game by now, or an alias made it play itself
            return Unsure(str(error), ())

    def _let_go(self, found: _Waiting, now_ms: int) -> Iterator[Record]:
        """What waited, under the id that was found, and the news that it waits no longer."""
        source, source_id = _key(found.listing)
        event_id = self.id_of(source, source_id)
        for record in found.records:
            yield self._put(record, source, event_id)
        if found.told is not None:
            self._unsolved.pop((source, source_id), None)
            yield msgspec.structs.replace(
                found.told,
                received_at_ms=now_ms,
                reason="",
                candidates=(),
                waiting=0,
                event_id=event_id,
                state=UnmatchedState.SOLVED,
            )

    def _put(self, record: Any, source: str, event_id: str) -> Any:
        if record.event_id != event_id:
            record = msgspec.structs.replace(record, event_id=event_id)
        return turned(record) if self._is_turned(source, event_id) else record

    def _is_turned(self, source: str, event_id: str) -> bool:
        """Whether a source has the sides of an event the other way round than its id says."""
        key = source, self._own.get((source, event_id), "")
        if key not in self._turned:
            event = self._games.of(*key)
            self._turned[key] = event is not None and _written_turned(event, self._names)
        return self._turned[key]

    def _moved(self, record: OddsSnapshot | GameEvent) -> dict[str, SourceEvent]:
        """What to claim again since the start has moved: others match by it."""
        source_id = self._own.get((record.source, record.event_id), "")
        event = self._games.of(record.source, source_id)
        if event is None or not record.starts_at_ms:
            return {}
        if abs(record.starts_at_ms - event.starts_at_ms) < MOVED_MS:
            return {}
        moved = msgspec.structs.replace(
            event,
            starts_at_ms=record.starts_at_ms,
            received_at_ms=record.received_at_ms,
            read_to=-1,  # it holds whatever came between: the id is the same
        )
        return {source_id: moved}

    def _waiting_as(self, event_id: str) -> _Waiting | None:
        if not _is_stand_in(event_id):
            return None
        return next((one for one in self._waiting.values() if one.stand_in == event_id), None)

    def _news(self, source: str, now_ms: int) -> Iterator[Unmatched]:
        """What is to be said of the games of a source that wait, where it is another thing than was said."""
        for key, waiting in [(key, one) for key, one in self._waiting.items() if key[0] == source]:
            over = now_ms - waiting.listing.starts_at_ms > OVER_MS
            verdict = waiting.verdict or Unsure("", ())
            said = Unmatched(
                **{
                    name: getattr(waiting.listing, name)
                    for name in ("source", "source_id", "league", "home", "away", "starts_at_ms")
                },
                received_at_ms=now_ms,
                since_ms=waiting.since_ms,
                reason="it is over" if over else verdict.reason,
                candidates=() if over else verdict.candidates,
                waiting=0 if over else len(waiting.records),
                dropped=waiting.dropped,
                event_id="",
                state=UnmatchedState.GIVEN_UP if over else UnmatchedState.WAITING,
            )
            if over:
                del self._waiting[key]
            elif waiting.told is not None and not _is_news(said, waiting.told):
                continue
            waiting.told = said
            yield said


def _is_news(said: Unmatched, told: Unmatched) -> bool:
    grown = said.waiting >= 2 * told.waiting if told.waiting else said.waiting > 0
    return grown or (said.reason, said.candidates) != (told.reason, told.candidates)


def _key(listing: Listing) -> Key:
    return listing.source, listing.source_id


def _by_start(waiting: _Waiting) -> tuple[int, str]:
    return waiting.listing.starts_at_ms, waiting.listing.source_id


def _stand_in(listing: Listing) -> str:
    """In the form of an event id, so that a parser can tell the league by it."""
    digest = hashlib.sha256("|".join(_key(listing)).encode()).hexdigest()[:16]
    return f"{listing.league}:{ids.local_day(listing.league, listing.starts_at_ms)}:{_STAND_IN}-{digest}"


def _is_stand_in(event_id: str) -> bool:
    return f":{_STAND_IN}-" in event_id


def _written_turned(event: SourceEvent, names: Names) -> bool:
    parsed = ids.parse(event.event_id)
    for name, side in ((event.home, parsed.away), (event.away, parsed.home)):
        try:
            return names.team(parsed.league, name, event.source) == side
        except Refused:
            continue  # a person said which game it is, and nothing of this name
    return False


def _claim(listing: Listing, event_id: str, basis: str, now_ms: int, read_to: int) -> SourceEvent:
    return SourceEvent(
        source=listing.source,
        source_id=listing.source_id,
        event_id=event_id,
        received_at_ms=now_ms,
        starts_at_ms=listing.starts_at_ms,
        home=listing.home,
        away=listing.away,
        read_to=read_to,
        basis=basis,
    )

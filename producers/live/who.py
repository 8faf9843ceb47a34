"""Who is who, for all live sources of a process: one event id a game, claimed in the log before it is used.

Inside the process a game has a stand-in for its id from when a source first shows it, so parsers and what
compares their answers need not know it. `Who` stands before the log: it finds and claims the game, puts its
id and its sides into the records, and keeps those of a game that is not surely found until somebody says what
it is.
"""

import hashlib
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from msgspec.structs import replace

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
from producers.identity import Identities
from producers.live.claims import Claims
from producers.live.matching import HOUR_MS, SAID, Games, Listing, New, Same, Unsure, match
from producers.live.names import Names
from producers.live.sides import turned
from producers.publish import Log
from producers.resume import Held
from producers.tally import UNREAD

#: Of one game that waits, the newest so many records are kept.
KEPT = 500
#: A game that started so long ago is waited for no longer.
OVER_MS = 48 * HOUR_MS
#: A start that moved by less is no news to others.
MOVED_MS = 30 * 60_000
#: Lost races for one game before it waits instead.
ROUNDS = 20
#: So often the log is asked what others have said.
LOOK_EVERY_S = 0.2
#: As home side of a stand-in: no team is called so.
_STAND_IN = "waiting"

Key = tuple[str, str]  # source, its own id of a game
Said = OddsSnapshot | GameEvent


class Stood(Identities):
    """One source's view, as its parser is handed it: stand-ins for what was shown first in this process."""

    def __init__(self, source: str, who: "Who") -> None:
        super().__init__(source)
        self._who = who

    def known(self, source_id: str) -> str:
        """The event id or the stand-in for it; empty where the source has not shown the game yet."""
        return self._who.id_of((self.source, source_id))

    def sides(self, source_id: str) -> tuple[str, str]:
        """Home and away as the source wrote them when it first showed the game."""
        return self._who.sides_as_written((self.source, source_id))

    def give(
        self, source_id: str, league: str, starts_at_ms: int, home: str, away: str, received_at_ms: int,
        *, neutral: bool = False,
    ) -> SourceEvent:  # fmt: skip
        """A stand-in for the id of a game that is shown first.

        Raises Refused where no event could ever be found.
        """
        listing = Listing(self.source, source_id, league, starts_at_ms, home, away, neutral)
        return self._who.shown(listing, received_at_ms)


@dataclass(slots=True)
class _Waiting:
    """What a source said of a game that is not surely found."""

    since_ms: int
    verdict: Unsure
    told: Unmatched | None
    records: deque[Said] = field(default_factory=lambda: deque(maxlen=KEPT))
    dropped: int = 0

    def keep(self, record: Said) -> None:
        self.dropped += len(self.records) == KEPT
        self.records.append(record)


class Who:
    """A log that takes records with stand-ins. ``hear`` is told what is appended, and of all known games."""

    def __init__(self, log: Log, claims: Claims, hear: Callable[[Record], None] = lambda _: None) -> None:
        self.tally, self.partitions, self.safe_at_s = log.tally, log.partitions, log.safe_at_s
        self._log, self._claims, self._hear = log, claims, hear
        self._games, self._names = Games(), Names()
        self._sources: set[str] = set()
        self._listings: dict[Key, Listing] = {}
        self._stand_ins: dict[Key, str] = {}
        self._shown_as: dict[str, Key] = {}
        """Whose game a stand-in is."""
        self._left: dict[str, str] = {}
        """The event of a stand-in that is used no more."""
        self._own: dict[Key, str] = {}
        """A source's own id of an event, which the event's records do not have."""
        self._turned: dict[Key, bool] = {}
        self._waiting: dict[Key, _Waiting] = {}
        self._given_up: set[Key] = set()
        self._unsolved: dict[Key, Unmatched] = {}
        self._looked_at_s = time.monotonic()
        self._is_news = False
        """Something was read by which a game that waits may be found."""
        self._catch_up()

    def of(self, source: str) -> Stood:
        """What the parser of a source is to be handed."""
        self._sources.add(source)
        return Stood(source, self)

    def send(self, record: Record) -> None:
        """Append a record, under the id that holds; keep it where none does.

        Blocks for some milliseconds where a game is claimed.
        """
        if isinstance(record, OddsSnapshot | GameEvent):
            self._send(record)
        elif isinstance(record, SourceEvent) and record.event_id in self._shown_as:
            self._find(self._shown_as[record.event_id], record.received_at_ms)
        else:
            self._append(record)

    def rest(self, seconds: float) -> None:
        """Let time pass; what was kept is published where somebody has said by now what it is."""
        self._log.rest(seconds)
        self.safe_at_s = self._log.safe_at_s
        if time.monotonic() - self._looked_at_s > LOOK_EVERY_S:
            self.look()

    def look(self) -> None:
        """Read what others have said, and try once more to find the games that wait."""
        self._looked_at_s = time.monotonic()
        self._catch_up()
        if self._is_news:
            self._is_news = False
            for key in sorted(self._waiting, key=lambda key: (self._listings[key].starts_at_ms, key)):
                waiting = self._waiting[key]
                newest = waiting.records[-1].received_at_ms if waiting.records else waiting.since_ms
                self._find(key, newest)

    def held(self) -> Held:
        """What the log holds of the inputs."""
        return self._log.held()

    def close(self) -> None:
        """Return when everything that was sent is safe."""
        self._log.close()

    def id_of(self, key: Key) -> str:
        """The stand-in of a game or its event id; empty where its source has not shown it yet."""
        event = self._games.of(*key)
        return self._stand_ins.get(key) or (event.event_id if event else "")

    def sides_as_written(self, key: Key) -> tuple[str, str]:
        """Home and away as the source wrote them first."""
        if key in self._listings:
            return self._listings[key].home, self._listings[key].away
        event = self._games.of(*key)
        assert event is not None  # asked of those that are known
        return event.home, event.away

    def shown(self, listing: Listing, now_ms: int) -> SourceEvent:
        """A source shows a game for the first time. Raises Refused where it can never be found."""
        match(listing, self._games, self._names)
        key = listing.source, listing.source_id
        day = ids.local_day(listing.league, listing.starts_at_ms)
        digest = hashlib.sha256("|".join(key).encode()).hexdigest()[:16]
        stand_in = f"{listing.league}:{day}:{_STAND_IN}-{digest}"
        self._listings[key], self._stand_ins[key] = listing, stand_in
        self._shown_as[stand_in] = key
        return _claim(listing, stand_in, "", now_ms, -1)

    def _append(self, record: Record) -> None:
        self._log.send(record)
        self._hear(record)

    def _send(self, record: Said) -> None:
        event_id, key = record.event_id, (record.source, self._own.get((record.source, record.event_id), ""))
        if event_id in self._left:
            self._put(record, self._left[event_id], key)
            return
        if event_id in self._shown_as:
            key = self._shown_as[event_id]
            listing = self._listings[key]
            has_moved = record.starts_at_ms not in (0, listing.starts_at_ms)
            if has_moved:
                self._listings[key] = listing._replace(starts_at_ms=record.starts_at_ms)
            if self._games.of(*key) is None:
                self._keep(key, record, has_moved=has_moved)
                return
        event = self._games.of(*key)
        self._put(record, event.event_id if event else event_id, key)
        if event and record.starts_at_ms and abs(record.starts_at_ms - event.starts_at_ms) >= MOVED_MS:
            # Others match by it. It holds whatever came between: the id is the same.
            at = {"starts_at_ms": record.starts_at_ms, "received_at_ms": record.received_at_ms}
            self._claims.claim(replace(event, read_to=-1, **at))
            self._catch_up()

    def _put(self, record: Said, event_id: str, key: Key) -> None:
        if record.event_id != event_id:
            record = replace(record, event_id=event_id)
        if key not in self._turned:
            event = self._games.of(*key)
            self._turned[key] = event is not None and _is_turned(event, self._names)
        self._append(turned(record) if self._turned[key] else record)

    def _keep(self, key: Key, record: Said, *, has_moved: bool) -> None:
        """Keep what is said of a game that waits, unless it is found by what is said."""
        if key in self._given_up:
            self.tally.refuse(UNREAD, f"{key[0]}: a game that was given up", f"id {key[1]}")
            return
        if has_moved or key not in self._waiting:
            self._find(key, record.received_at_ms)
        if (event := self._games.of(*key)) is not None:
            self._put(record, event.event_id, key)
        elif key in self._waiting:
            self._waiting[key].keep(record)
            self._tell(key, record.received_at_ms)

    def _find(self, key: Key, now_ms: int) -> None:
        """Find and claim a game, and let go what waited for it; say where it is not sure."""
        listing = self._listings[key]
        for _ in range(ROUNDS):
            self._catch_up()
            event = self._games.of(*key)
            if event is not None:
                self._let_go(key, now_ms)
                return
            verdict = self._match(listing)
            if isinstance(verdict, Unsure):
                self._wait(key, verdict, now_ms)
                return
            basis = verdict.basis if isinstance(verdict, Same) else "new"
            claim = _claim(listing, verdict.event_id, basis, now_ms, self._claims.read_to)
            self._claims.claim(claim)
        self._wait(key, Unsure("others claim games of these sides all the time", ()), now_ms)

    def _match(self, listing: Listing) -> Same | New | Unsure:
        try:
            return match(listing, self._games, self._names)
        except Refused as error:  # a tenth game, or an alias by which it plays itself
            return Unsure(str(error), ())

    def _let_go(self, key: Key, now_ms: int) -> None:
        event, waiting = self._games.of(*key), self._waiting.pop(key, None)
        assert event is not None
        if waiting is None:
            return
        for record in waiting.records:
            self._put(record, event.event_id, key)
        if waiting.told is not None:
            nothing = {"reason": "", "candidates": (), "waiting": 0, "received_at_ms": now_ms}
            solved = {"event_id": event.event_id, "state": UnmatchedState.SOLVED}
            self._append(replace(waiting.told, **nothing, **solved))

    def _wait(self, key: Key, verdict: Unsure, now_ms: int) -> None:
        if key in self._waiting:
            self._waiting[key].verdict = verdict
        else:
            earlier = self._unsolved.get(key)
            self._waiting[key] = _Waiting(earlier.since_ms if earlier else now_ms, verdict, earlier)
        self._tell(key, now_ms)

    def _tell(self, key: Key, now_ms: int) -> None:
        """Say that a game waits, or is waited for no longer, where it is another thing than was said."""
        listing, waiting = self._listings[key], self._waiting[key]
        over = now_ms - listing.starts_at_ms > OVER_MS
        said = Unmatched(
            source=listing.source,
            source_id=listing.source_id,
            league=listing.league,
            home=listing.home,
            away=listing.away,
            starts_at_ms=listing.starts_at_ms,
            received_at_ms=now_ms,
            since_ms=waiting.since_ms,
            reason="it is over" if over else waiting.verdict.reason,
            candidates=() if over else waiting.verdict.candidates,
            waiting=0 if over else len(waiting.records),
            dropped=waiting.dropped,
            event_id="",
            state=UnmatchedState.GIVEN_UP if over else UnmatchedState.WAITING,
        )
        if over:
            del self._waiting[key]
            self._given_up.add(key)
        if waiting.told is None or _is_news(said, waiting.told):
            waiting.told = said
            self._append(said)

    def _catch_up(self) -> None:
        """Take in what the log has by now."""
        told = list(self._claims.read())
        for record, offset in told:
            match record:
                case SourceEvent():
                    if self._games.tell(record, offset):
                        self._is_news = True
                        self._own[record.source, record.event_id] = record.source_id
                        self._hear(record)
                        self._turned.pop((record.source, record.source_id), None)
                case SourceAlias():
                    self._names.tell(record)
                    self._turned.clear()
                    self._is_news = True
                case Unmatched(state=UnmatchedState.WAITING):
                    self._unsolved[record.source, record.source_id] = record
                case Unmatched():
                    self._unsolved.pop((record.source, record.source_id), None)
        if told:
            self._correct()

    def _correct(self) -> None:
        """Claim for our sources' games what a person says, where they have been given another event."""
        wrong = [
            (key, event, event_id)
            for key, event_id in self._names.events.items()
            if key[0] in self._sources and (event := self._games.of(*key)) and event.event_id != event_id
        ]
        for key, event, event_id in wrong:
            if stand_in := self._stand_ins.pop(key, ""):
                self._left[stand_in] = event.event_id  # its last word, that it is gone, is still to come
                del self._shown_as[stand_in]
            self._claims.claim(replace(event, event_id=event_id, basis=SAID, read_to=-1))
        if wrong:
            self._catch_up()


def _is_news(said: Unmatched, told: Unmatched) -> bool:
    grown = said.waiting >= 2 * told.waiting if told.waiting else said.waiting > 0
    return (
        grown
        or (said.reason, said.state) != (told.reason, told.state)
        or (
            [(one.team, one.event_id) for one in said.candidates]
            != [(one.team, one.event_id) for one in told.candidates]
        )
    )


def _is_turned(event: SourceEvent, names: Names) -> bool:
    """Whether a source has home and away the other way round than the event's id."""
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

"""What desks were seen to change in an archive, for the map of who leads whom."""

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import numpy as np

from pipeline import data, ids
from pipeline.domain.devig import power_devig
from pipeline.domain.leaders import FARTHEST_LEVEL, LEAST_MOVE, Changes, LeadLag, Verdict, lead_lags
from pipeline.domain.movement import log_odds
from pipeline.records import GameEvent, GameStatus, OddsSnapshot
from pipeline.settings import Lead
from pipeline.stages.games import KEY_EVENTS
from pipeline.stages.markets.board import Since, shown
from pipeline.stages.markets.state import OPEN, MarketKey, Prices, Quote, SourceBoard
from pipeline.training.inputs import Inputs

METHOD = "median lag of mutually nearest moves, taken back until it settles, where looks are finer than it"
#: Around a key event every desk moves for its own reasons; a feed may tell of one later than desks know.
AROUND_KEY_EVENT_S = 60
#: Whatever is seen counts, however old it is.
ANY = Since(0, 0)
NEVER_BEHIND_MS = 2**53

Level = float
#: Of an event at one source: market, book.
Place = tuple[str, MarketKey, str]


class Change(NamedTuple):
    """A row of `Changes`, but for what the whole archive is needed to know."""

    begin_ms: int
    end_ms: int
    level: Level
    moved: float


@dataclass
class Event:
    """What is known of one event. ``changes`` are those of each book in each market of each source."""

    event_id: str
    starts_at_ms: int = 0
    key_events_ms: set[int] = field(default_factory=set)
    scores: dict[str, tuple[int, int]] = field(default_factory=dict)
    boards: dict[str, SourceBoard] = field(default_factory=dict)
    moved_from: dict[Place, Level] = field(default_factory=dict)
    changes: dict[Place, list[Change]] = field(default_factory=lambda: defaultdict(list))

    @property
    def day(self) -> str:
        """The day of its id."""
        return str(ids.parse(self.event_id).day)

    @property
    def sport(self) -> str:
        """That of its league."""
        return ids.league_of(self.event_id).sport


class Map(NamedTuple):
    """What one sport's moves say: two desks at a time, and how much there was to go by."""

    events: int
    markets: int
    moves: int
    pairs: list[LeadLag]


def gather(events: Iterable[GameEvent], snapshots: Iterable[OddsSnapshot]) -> list[Event]:
    """All events with the changes of their prices, by id."""
    found: dict[str, Event] = {}
    for event in events:
        _played(found.setdefault(event.event_id, Event(event.event_id)), event)
    started = {event_id for event_id, about in found.items() if about.starts_at_ms}
    for snapshot in snapshots:
        about = found.setdefault(snapshot.event_id, Event(snapshot.event_id))
        if snapshot.starts_at_ms and snapshot.event_id not in started:
            about.starts_at_ms = snapshot.starts_at_ms
        _quoted(about, snapshot)
    return [about for _, about in sorted(found.items()) if about.changes]


def read(folder: Path, told: Callable[[int], None] = lambda _: None) -> tuple[list[Event], str]:
    """The events of an archive that were quoted, and a digest of the records that they come from.

    Raises UsageError where the folder is no archive or damaged.
    """
    inputs = Inputs(folder, told)
    events = gather(inputs.of("games.events", GameEvent), inputs.of("odds.snapshots", OddsSnapshot))
    return events, inputs.digest()


def fit(events: Iterable[Event], seed: int, told: Callable[[str], None] = lambda _: None) -> dict[str, Map]:
    """The map of each sport, by name. Deterministic, whatever order the events come in."""
    by_sport: dict[str, list[Event]] = defaultdict(list)
    for event in sorted(events, key=lambda event: event.event_id):
        by_sport[event.sport].append(event)
    found = {}
    for sport, played in sorted(by_sport.items()):
        told(sport)
        changes, desks = _table(played)
        found[sport] = Map(
            len(played),
            len(np.unique(changes.market)),
            int(np.count_nonzero(changes.moved)),
            lead_lags(changes, desks, seed),
        )
    return found


def leads(pairs: Iterable[LeadLag]) -> tuple[Lead, ...]:
    """What steam can use: who leads whom, and who shares a line."""
    return tuple(
        Lead(
            leader=pair.leader,
            follower=pair.follower,
            lag_s=round(pair.lag_s, 3),
            share=round(pair.share, 4),
            moves=pair.moves,
            same_line=pair.verdict is Verdict.SAME_LINE,
        )
        for pair in sorted(pairs, key=lambda pair: (pair.leader, pair.follower))
        if pair.verdict in (Verdict.LEADS, Verdict.SAME_LINE)
    )


def _played(about: Event, event: GameEvent) -> None:
    at_ms = event.happened_at_ms or event.received_at_ms
    if event.status is GameStatus.LIVE and not about.starts_at_ms:
        about.starts_at_ms = at_ms
    score = event.home_score, event.away_score
    if event.kind in KEY_EVENTS or score != about.scores.get(event.source, (0, 0)):
        about.key_events_ms.add(at_ms)
    about.scores[event.source] = score


def _quoted(about: Event, snapshot: OddsSnapshot) -> None:
    """Add the changes that a snapshot shows, as the fold's own board understands it."""
    source = snapshot.source
    before = about.boards.get(source, SourceBoard())
    seen = shown(before, snapshot, ANY, NEVER_BEHIND_MS)
    if seen is None:
        return
    after, changed = seen
    about.boards[source] = after
    for key in changed:
        old, new = before.quotes.get(key, {}), after.quotes.get(key, {})
        for book in old.keys() | new.keys():
            was, now = old.get(book), new.get(book)
            if was is None or now is None or was.prices != now.prices or was.status is not now.status:
                _changed(about, (source, key, book), was, now)


def _changed(about: Event, place: Place, was: Quote | None, now: Quote | None) -> None:
    """A row for a quote that changed. One that was not offered before has no level to have moved from."""
    level = None if now is None or now.status is not OPEN else _level(now.prices)
    if now is None or level is None:
        about.moved_from.pop(place, None)
        return
    if was is None or place not in about.moved_from:
        end_ms = now.quoted_at_ms or now.seen_at_ms
        about.moved_from[place] = level
        about.changes[place].append(Change(end_ms, end_ms, level, 0.0))
        return
    begin_ms, end_ms = was.quoted_at_ms or was.seen_at_ms, now.quoted_at_ms
    if end_ms <= begin_ms:  # what stands still is not the time of this price
        end_ms = max(now.seen_at_ms, begin_ms + 1)
    moved = level - about.moved_from[place]
    if abs(moved) < LEAST_MOVE:
        moved = 0.0
    else:
        about.moved_from[place] = level
    about.changes[place].append(Change(begin_ms, end_ms, level, moved))


@lru_cache(maxsize=262_144)
def _level(prices: Prices) -> Level | None:
    """Log-odds of the first outcome, of three against the second; None of what is no complete market."""
    with suppress(ValueError):
        fair = power_devig(prices)
        level = log_odds(fair[0] / (fair[0] + fair[1]))
        return level if abs(level) <= FARTHEST_LEVEL else None
    return None


def _table(events: list[Event]) -> tuple[Changes, list[str]]:
    """All changes of a sport, of each desk those of the book that changed most, and the desks by number."""
    desks: dict[str, int] = {}
    markets: dict[tuple[str, str, MarketKey], int] = {}
    rows = []
    for number, event in enumerate(events):
        key_events_ms = sorted(event.key_events_ms)
        for (source, key, desk), changes in _of_desks(event).items():
            market = markets.setdefault((event.event_id, source, key), len(markets))
            place = number, market, desks.setdefault(desk, len(desks))
            for change in changes:
                moved = 0.0 if _near(key_events_ms, change) else change.moved
                early = not event.starts_at_ms or change.end_ms < event.starts_at_ms
                rows.append((*place, change.begin_ms, change.end_ms, change.level, moved, early))
    columns = list(zip(*rows, strict=True))
    kinds = (np.int64,) * 5 + (np.float64,) * 2 + (np.bool_,)
    return Changes(*map(np.array, columns, kinds)), list(desks)


def _of_desks(event: Event) -> dict[Place, list[Change]]:
    found: dict[Place, list[Change]] = {}
    for (source, key, book), changes in sorted(event.changes.items()):
        known = data.books().get(book)
        place = source, key, book if known is None else known.desk
        if len(changes) > len(found.get(place, ())):
            found[place] = changes
    return found


def _near(key_events_ms: list[int], change: Change) -> bool:
    around_ms = 1000 * AROUND_KEY_EVENT_S
    first = bisect_left(key_events_ms, change.begin_ms - around_ms)
    return first < bisect_right(key_events_ms, change.end_ms + around_ms)

"""Which game a source means: what it lists, against the games that are known from all sources.

Both sides by tables of names, the start by how far apart two games of the same sides can be in their sport.
Likeness only ranks what a person is shown. What is not sure waits: `Unsure`.
"""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from pipeline import data, ids
from pipeline.errors import Refused
from pipeline.ids import EventId
from pipeline.records import Candidate, SourceEvent
from producers.live.names import Names, like

MINUTE_MS, HOUR_MS = 60_000, 3_600_000
#: An event id counts the games of the same sides on one day with one digit.
MOST_GAMES_A_DAY = 9
#: Of two known games one has to be nearer to a start than the other by so much.
CLEARLY_MS = HOUR_MS
#: Starts of one game that is told with the sides the other way round differ by no more.
TURNED_MS = 3 * HOUR_MS
SAME_DAY_MS = 24 * HOUR_MS
CANDIDATES = 5
#: Why a game is the one it is, where a person said so.
SAID = "said by a person"


class Listing(NamedTuple):
    """A game as a source lists it. ``neutral``: the source says that neither side is at home."""

    source: str
    source_id: str
    league: str
    starts_at_ms: int
    home: str
    away: str
    neutral: bool = False


class Same(NamedTuple):
    """Surely a game that is known."""

    event_id: str
    basis: str


class New(NamedTuple):
    """Surely none of the known ones."""

    event_id: str


class Unsure(NamedTuple):
    """What only a person can say, and what it may be."""

    reason: str
    candidates: tuple[Candidate, ...]


class Own(NamedTuple):
    """How a source lists a known game."""

    source_id: str
    starts_at_ms: int


class Window(NamedTuple):
    """How far apart sources put one game's start, and how near to each other the same sides meet again.

    Listed up to ``same_ms`` apart it is one game, from ``other_ms`` on another one, between them not sure.
    ``once``: nobody plays twice a day, so the same sides at one time are one game whoever is called home.
    """

    same_ms: int
    other_ms: int
    once: bool


#: Doubleheaders are three hours apart and more; two clubs that play on consecutive days 15 hours and more,
#: in basketball and hockey 17; in the others the same sides are not at home twice in a week.
_WINDOWS = {
    "baseball": Window(90 * MINUTE_MS, 12 * HOUR_MS, False),
    "basketball": Window(14 * HOUR_MS, 36 * HOUR_MS, True),
    "hockey": Window(
        14 * HOUR_MS, 36 * HOUR_MS, False
    ),  # before the season a club plays in two places at once
    "soccer": Window(72 * HOUR_MS, 72 * HOUR_MS, True),
    "american-football": Window(72 * HOUR_MS, 72 * HOUR_MS, True),
}

Sides = tuple[str, str, str]  # league, and two teams in the order of their codes
Game = Mapping[str, Own]  # by source


class Games:
    """The games that all sources know: sources.events, folded in the order of the log."""

    def __init__(self) -> None:
        self._given: dict[tuple[str, str], SourceEvent] = {}
        self._games: dict[Sides, dict[str, dict[str, Own]]] = {}
        self._newest: dict[Sides, int] = {}

    def tell(self, event: SourceEvent, offset: int = -1) -> bool:
        """Take in a record; whether it holds. ``offset``: where it stands, -1 in another order."""
        try:
            sides = sides_of(event.event_id)
        except Refused:
            return False
        if 0 <= event.read_to <= self._newest.get(sides, -1):
            return False  # somebody else was quicker
        self._newest[sides] = max(offset, self._newest.get(sides, -1))
        key = event.source, event.source_id
        before = self._given.get(key)
        if before is not None and before.event_id != event.event_id:
            left = self._games[sides_of(before.event_id)][before.event_id]
            if left.get(event.source, Own("", 0)).source_id == event.source_id:
                del left[event.source]
        self._given[key] = event
        game = self._games.setdefault(sides, {}).setdefault(event.event_id, {})
        game[event.source] = Own(event.source_id, event.starts_at_ms)
        return True

    def of(self, source: str, source_id: str) -> SourceEvent | None:
        """What a source's own id was given; None where it has none, or lost it to another one."""
        event = self._given.get((source, source_id))
        if event is None:
            return None
        own = self._games[sides_of(event.event_id)][event.event_id].get(source)
        return event if own is not None and own.source_id == source_id else None

    def between(self, sides: Sides) -> Mapping[str, Game]:
        """The games of two sides, by event."""
        return self._games.get(sides, {})

    def playing(self, league: str, team: str) -> Iterator[tuple[str, Game]]:
        """The games of a team, by event."""
        for (of, *teams), games in sorted(self._games.items()):
            if of == league and team in teams:
                yield from games.items()


def sides_of(event_id: str) -> Sides:
    """Between whom an event is. Raises Refused where it is no event id."""
    event = ids.parse(event_id)
    return event.league, min(event.home, event.away), max(event.home, event.away)


def match(listing: Listing, games: Games, names: Names) -> Same | New | Unsure:
    """Which game it is.

    A game that the source has under another own id already is not it: its own ids tell games apart.

    Raises
    ------
    Refused
        Where no alias could ever help: an unknown league, no start, a side against itself.
    """
    if said := names.events.get((listing.source, listing.source_id)):
        return Same(said, SAID)
    league, source = listing.league, listing.source
    if league not in data.leagues():
        raise Refused(f"unknown league {league!r}; add a line to pipeline/data/leagues.csv")
    if listing.starts_at_ms <= 0:
        raise Refused(
            f"{league}: {listing.home!r} against {listing.away!r} has no start, so its id has no date"
        )
    teams, strangers = [], []
    for name in (listing.home, listing.away):
        try:
            teams.append(names.team(league, name, source))
        except Refused:
            strangers.append(name)
    if strangers:
        return _unknown(listing, strangers, teams, games)
    day = ids.local_day(league, listing.starts_at_ms)
    first = EventId(league, day, teams[0], teams[1])
    known = games.between(sides_of(str(first)))
    rivals = sorted(_rivals(listing, first, known))
    return _met(listing, rivals) or New(_next(first, known))


class _Rival(NamedTuple):
    """A known game of the same sides, and by how much (ms) its start differs from the listing's."""

    apart_ms: int
    event_id: str
    turned: bool
    own_id: str
    own_apart_ms: int
    others: str
    """The sources that list it, where there are others."""


def _rivals(listing: Listing, first: EventId, known: Mapping[str, Game]) -> Iterator[_Rival]:
    for event_id, game in known.items():
        event = ids.parse(event_id)
        own = game.get(listing.source, Own("", 0))
        starts = [one.starts_at_ms for source, one in game.items() if source != listing.source]
        if not starts:
            continue
        apart_ms = min(
            abs(at_ms - listing.starts_at_ms) if at_ms else abs((event.day - first.day).days) * SAME_DAY_MS
            for at_ms in starts
        )
        own_apart_ms = abs(own.starts_at_ms - listing.starts_at_ms)
        others = ", ".join(sorted(source for source in game if source != listing.source))
        own_id = "" if own.source_id == listing.source_id else own.source_id
        yield _Rival(apart_ms, event_id, event.home != first.home, own_id, own_apart_ms, others)


def _met(listing: Listing, rivals: list[_Rival]) -> Same | Unsure | None:
    """The known game that it is, or why that is not sure; None where it is none of them."""
    window = _WINDOWS[data.leagues()[listing.league].sport]
    straight = [rival for rival in rivals if not rival.turned and not rival.own_id]
    near = [rival for rival in straight if rival.apart_ms <= window.same_ms]
    if len(near) > 1 and near[1].apart_ms - near[0].apart_ms < CLEARLY_MS:
        return _unsure("two known games of these sides start about then", near)
    if near:
        return Same(near[0].event_id, f"starts with {near[0].others}")
    if unclear := [rival for rival in straight if rival.apart_ms < window.other_ms]:
        return _unsure("it may be a game that was moved, or another one of the same sides", unclear)
    reissued = [
        rival
        for rival in rivals
        if rival.own_id and rival.apart_ms <= min(window.same_ms, TURNED_MS) < rival.own_apart_ms
    ]
    if reissued:
        own_id = reissued[0].own_id
        return _unsure(f"{listing.source} lists {own_id} at another time, which others have now", reissued)
    turned = [rival for rival in rivals if rival.turned and not rival.own_id]
    if turned and turned[0].apart_ms <= TURNED_MS:
        if window.once or listing.neutral:
            return Same(turned[0].event_id, f"starts with {turned[0].others}, sides turned")
        return _unsure("others have the sides the other way round", turned[:1])
    if turned and window.once and turned[0].apart_ms <= SAME_DAY_MS:
        return _unsure("others have the sides the other way round, at another time", turned[:1])
    return None


def _next(first: EventId, known: Mapping[str, Game]) -> str:
    """The id of another game of these sides on this day."""
    listed = [ids.parse(event_id) for event_id in known]
    taken = [event.game for event in listed if event._replace(game=1) == first]
    game = max(taken, default=0) + 1
    if game > MOST_GAMES_A_DAY:
        raise Refused(f"{first}: a tenth game of the same sides on one day is not believed")
    return str(first._replace(game=game))


def _unsure(reason: str, rivals: list[_Rival]) -> Unsure:
    candidates = tuple(
        Candidate(
            name="",
            team="",
            event_id=rival.event_id,
            score=round((0.5 if rival.turned else 1.0) / (1.0 + rival.apart_ms / HOUR_MS), 3),
            reason=f"listed {rival.apart_ms / HOUR_MS:.1f} h apart by {rival.others}"
            + (", sides turned" if rival.turned else ""),
        )
        for rival in rivals[:CANDIDATES]
    )
    return Unsure(f"{reason}; say which with `sharpline alias event`", candidates)


def _unknown(listing: Listing, strangers: list[str], teams: list[str], games: Games) -> Unsure:
    """Teams that an unknown name may mean: by its letters, and by whom the other side plays then."""
    league = listing.league
    then: dict[str, str] = {}
    if len(teams) == 1:
        for event_id, game in games.playing(league, teams[0]):
            if any(abs(own.starts_at_ms - listing.starts_at_ms) <= TURNED_MS for own in game.values()):
                event = ids.parse(event_id)
                then[event.away if event.home == teams[0] else event.home] = event_id
    candidates = []
    for name in strangers:
        alike = {one.team: one for one in like(league, name)[:CANDIDATES]}
        for team in sorted(alike.keys() | then.keys()):
            score = alike[team].score if team in alike else 0.0
            reasons = [f"written {alike[team].spelling!r}"] if team in alike else []
            if team in then:
                score, reasons = (1.0 + score) / 2, [*reasons, f"plays {teams[0]} then"]
            candidates.append(
                Candidate(
                    name=name,
                    team=team,
                    event_id=then.get(team, ""),
                    score=round(score, 3),
                    reason=" and ".join(reasons),
                )
            )
    candidates.sort(key=lambda one: (one.name, -one.score, one.team))
    listed = " and ".join(map(repr, strangers))
    return Unsure(
        f"no team of {league} is known as {listed}; say which with `sharpline alias add`", tuple(candidates)
    )

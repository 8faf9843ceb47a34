"""Events: which there are, and what is known of one."""

from functools import cache
from typing import Annotated, Any

from msgspec import Meta, Struct

from gateway.census import opportunities
from gateway.http import pages
from gateway.http.endpoint import Asked, chosen, in_turns
from gateway.http.parameters import Book, OfEvents, one_of
from gateway.hub import Hub
from pipeline import data, ids
from pipeline.records import (
    Arbitrages,
    BetResult,
    ClosingLine,
    FairPrices,
    GameFeatures,
    GameProbabilities,
    GameScore,
    GameState,
    GameStatus,
    Moves,
    ValueBets,
)

#: Yet to start, whether its game feed has said so or only books quote it.
UPCOMING = "upcoming"
Status = Annotated[
    str, one_of([*map(str, GameStatus), UPCOMING], "How the game stands; upcoming is what is yet to start.")
]
#: Topics with one answer for each event, as `Event` names them.
PARTS = {
    "state": "games.states",
    "probabilities": "games.probabilities",
    "features": "games.features",
    "fair": "odds.fair",
    "closing": "odds.closing",
    "moves": "odds.moves",
    "value": "bets.value",
    "arbitrage": "bets.arbitrage",
    "score": "games.scores",
}


class EventsQuery(OfEvents, frozen=True, kw_only=True):
    """Which events, and which page of them."""

    status: Status = ""
    book: Book = ""
    q: Annotated[str, Meta(min_length=1, max_length=80, description="In the id or a team's name.")] = ""
    limit: Annotated[int, Meta(ge=1, le=1_000, description="Events on a page.")] = 100
    cursor: Annotated[str, Meta(max_length=200, description="The page's `next`, as it was told.")] = ""


class Opportunities(Struct, frozen=True):
    """How many stand of each kind; what is suspect or gated is not to be acted on."""

    value: int
    arbitrage: int
    middle: int
    low_hold: int
    suspect: int
    gated: int


class EventNames(Struct, frozen=True, kw_only=True):
    """What an event's id says of it."""

    event: str
    league: str
    sport: str
    home: str
    away: str


class EventRow(EventNames, frozen=True, kw_only=True):
    """An event in a line; null is what is not known.

    Of ``game`` and ``regulation`` the order is home, away[, draw]. ``received_at_ms`` is the time that the
    newest of it is about.
    """

    status: GameStatus | None
    starts_at_ms: int | None
    started_at_ms: int | None
    period: int | None
    clock_s: float | None
    home_score: int | None
    away_score: int | None
    suspended: bool | None
    text: str | None
    model: str | None
    game: tuple[float, ...] | None
    regulation: tuple[float, ...] | None
    opportunities: Opportunities
    received_at_ms: int | None


class EventsPage(Struct, frozen=True):
    """Events in play first, then those to come, then those that are over, each by start.

    ``next`` is the cursor of the page that follows; null on the last one. The order is that of the moment of
    the first page, so whatever starts or ends meanwhile is on one of the pages, once.
    """

    events: tuple[EventRow, ...]
    next: str | None


class Event(EventNames, frozen=True, kw_only=True):
    """Everything that is known of an event now; null is what is not."""

    state: GameState | None
    probabilities: GameProbabilities | None
    features: GameFeatures | None
    fair: FairPrices | None
    closing: ClosingLine | None
    moves: Moves | None
    value: ValueBets | None
    arbitrage: Arbitrages | None
    score: GameScore | None
    results: tuple[BetResult, ...]


class EventResults(EventNames, frozen=True, kw_only=True):
    """What became of an event's opportunities, and how its published probabilities did."""

    results: tuple[BetResult, ...]
    score: GameScore | None


async def events(asked: Asked) -> EventsPage:
    """Events that match, page by page, with score, probability and how many opportunities stand."""
    hub, query = asked.hub, asked.query
    first = pages.place(query.cursor) if query.cursor else pages.before_all(hub.now_ms - pages.KNOWN_AFTER_MS)
    found = []
    async for event in in_turns(chosen(hub, query)):
        game = game_of(hub, event)
        place = pages.place_of(event, game, first.at_ms)
        if place > first and _matches(hub, query, event, game):
            found.append(place)
    found.sort()
    rows = [row(hub, place.event) async for place in in_turns(found[: query.limit])]
    more = found[query.limit - 1] if len(found) > query.limit else None
    return EventsPage(tuple(rows), more and pages.cursor(more))


async def event(asked: Asked) -> Event:
    """Everything that is known of one event now."""
    hub, event = asked.hub, asked.event
    whole: dict[str, Any] = {part: hub.latest(topic, event) for part, topic in PARTS.items()}
    return Event(**names(event), **whole, results=_results(hub, event))


async def results(asked: Asked) -> EventResults:
    """What became of an event's opportunities: won or lost, and against the closing line."""
    hub, event = asked.hub, asked.event
    return EventResults(**names(event), results=_results(hub, event), score=hub.latest("games.scores", event))


def names(event: str) -> dict[str, Any]:
    """The fields of `EventNames`."""
    id = ids.parse(event)
    sport = ids.league_of(event).sport
    return {"event": event, "league": id.league, "sport": sport, "home": id.home, "away": id.away}


def game_of(hub: Hub, event: str) -> GameState | GameProbabilities | None:
    """How the game stands, by its state, or else by what its probabilities say of it."""
    found: GameState | GameProbabilities | None = hub.latest("games.states", event) or hub.latest(
        "games.probabilities", event
    )
    return found


def row(hub: Hub, event: str) -> EventRow:
    """One event in a line."""
    state, chances = hub.latest("games.states", event), hub.latest("games.probabilities", event)
    value, arbitrage = hub.latest("bets.value", event), hub.latest("bets.arbitrage", event)
    game = state or chances
    known = [part.received_at_ms for part in (state, chances, value, arbitrage) if part]
    counts = opportunities(value, arbitrage)
    return EventRow(
        **names(event),
        status=game and game.status,
        starts_at_ms=game and game.starts_at_ms,
        started_at_ms=game and game.started_at_ms,
        period=state and state.period,
        clock_s=state and state.clock_s,
        home_score=game and game.home_score,
        away_score=game and game.away_score,
        suspended=game and game.suspended,
        text=state and state.text,
        model=chances and chances.model,
        game=chances and chances.game,
        regulation=chances and chances.regulation,
        opportunities=Opportunities(*(counts[kind] for kind in Opportunities.__struct_fields__)),
        received_at_ms=max(known, default=None),
    )


def _results(hub: Hub, event: str) -> tuple[BetResult, ...]:
    answers = hub.answers["bets.results"].get(event, {})
    found = (answers[key].record for key in sorted(answers))
    return tuple(record for record in found if record is not None)


def _matches(hub: Hub, query: EventsQuery, event: str, game: GameState | GameProbabilities | None) -> bool:
    if query.status == UPCOMING and not is_upcoming(hub, event, game):
        return False
    if query.status not in ("", UPCOMING) and (game is None or game.status != query.status):
        return False
    if query.q and query.q.casefold() not in _named(event):
        return False
    return not query.book or _is_quoted(hub, event, query.book)


def is_upcoming(hub: Hub, event: str, game: GameState | GameProbabilities | None) -> bool:
    """Whether it is yet to start; without a game feed, whether its closing line is still open."""
    if game is not None:
        return game.status == GameStatus.SCHEDULED
    closing: ClosingLine | None = hub.latest("odds.closing", event)
    return closing is not None and not closing.final


def _is_quoted(hub: Hub, event: str, book: str) -> bool:
    closing: ClosingLine | None = hub.latest("odds.closing", event)
    return closing is not None and any(price.book == book for price in closing.prices)


def _named(event: str) -> str:
    """All that an event may be looked for by: its id and its teams' names."""
    id = ids.parse(event)
    return "\n".join((event, *_teams(id.league, id.home), *_teams(id.league, id.away)))


@cache
def _aliases() -> dict[tuple[str, str], tuple[str, ...]]:
    found: dict[tuple[str, str], tuple[str, ...]] = {}
    for team in data.teams():
        place = team.league, team.team
        found[place] = (*found.get(place, ()), team.alias.casefold())
    return found


def _teams(league: str, team: str) -> tuple[str, ...]:
    return _aliases().get((league, team), ())

"""Value bets and arbitrage over all events: what a bettor asks for first."""

import heapq
from collections.abc import Iterator
from typing import Annotated, Any

from msgspec import Meta, Struct

from gateway.http.endpoint import Asked, chosen, in_turns
from gateway.http.events import EventNames, game_of, names
from gateway.http.parameters import Book, Market, OfEvents, one_of
from gateway.hub import Hub
from pipeline.records import Arbitrage, Arbitrages, GameStatus, ValueBet, ValueBets

Limit = Annotated[int, Meta(ge=1, le=1_000, description="The best so many.")]
Basis = Annotated[str, one_of(["consensus", "model"], "Whose fair price a bet is judged by.")]
Kind = Annotated[str, one_of(["arbitrage", "middle", "low_hold"], "Only this kind.")]
Suspects = Annotated[
    str, one_of(["without", "with", "only"], "Those that look like bad data, which are none to act on.")
]


class ValueBetsQuery(OfEvents, frozen=True, kw_only=True):
    """Which value bets."""

    market: Market = ""
    book: Book = ""
    basis: Basis = ""
    min_expected_value: Annotated[
        float, Meta(ge=-1.0, le=100.0, description="Expected value a unit staked, 0.02 is 2 %.")
    ] = 0.0
    limit: Limit = 100


class ArbitrageQuery(OfEvents, frozen=True, kw_only=True):
    """Which arbitrage, middles and low hold."""

    market: Market = ""
    book: Book = ""
    kind: Kind = ""
    suspects: Suspects = "without"
    min_roi: Annotated[
        float, Meta(ge=-1.0, le=100.0, description="Profit a unit staked in the worst outcome, 0.01 is 1 %.")
    ] = -1.0
    limit: Limit = 100


class EventValueBet(EventNames, frozen=True, kw_only=True):
    """A value bet and its event; ``received_at_ms`` is the time at which it stood."""

    status: GameStatus | None
    received_at_ms: int
    bet: ValueBet


class OpenValueBets(Struct, frozen=True):
    """The best first. ``total`` is how many match, of which the limit may have cut some."""

    value_bets: tuple[EventValueBet, ...]
    total: int


class EventArbitrage(EventNames, frozen=True, kw_only=True):
    """An arbitrage, middle or low hold and its event; ``received_at_ms`` is the time at which it stood."""

    status: GameStatus | None
    received_at_ms: int
    arbitrage: Arbitrage


class OpenArbitrage(Struct, frozen=True):
    """The highest ROI first. ``total`` is how many match, of which the limit may have cut some."""

    arbitrage: tuple[EventArbitrage, ...]
    total: int


async def value_bets(asked: Asked) -> OpenValueBets:
    """Open value bets of all events, the highest expected value first."""
    hub, query = asked.hub, asked.query
    found: list[EventValueBet] = []
    async for event in in_turns(chosen(hub, query)):
        record: ValueBets | None = hub.latest("bets.value", event)
        bets = list(_value_bets(query, record)) if record else []
        if record and bets:
            shared = _shared(hub, event, record)
            found += [EventValueBet(**shared, bet=bet) for bet in bets]
    best = heapq.nsmallest(
        query.limit, found, key=lambda one: (-one.bet.expected_value, one.event, one.bet.id)
    )
    return OpenValueBets(tuple(best), len(found))


async def arbitrage(asked: Asked) -> OpenArbitrage:
    """Open arbitrage, middles and low hold of all events, the highest ROI first."""
    hub, query = asked.hub, asked.query
    found: list[EventArbitrage] = []
    async for event in in_turns(chosen(hub, query)):
        record: Arbitrages | None = hub.latest("bets.arbitrage", event)
        ones = list(_arbitrages(query, record)) if record else []
        if record and ones:
            shared = _shared(hub, event, record)
            found += [EventArbitrage(**shared, arbitrage=one) for one in ones]
    best = heapq.nsmallest(
        query.limit, found, key=lambda one: (-one.arbitrage.roi, one.event, one.arbitrage.id)
    )
    return OpenArbitrage(tuple(best), len(found))


def _shared(hub: Hub, event: str, record: ValueBets | Arbitrages) -> dict[str, Any]:
    game = game_of(hub, event)
    return {
        **names(event),
        "status": game.status if game else None,
        "received_at_ms": record.received_at_ms,
    }


def _value_bets(query: ValueBetsQuery, record: ValueBets) -> Iterator[ValueBet]:
    for bet in record.bets:
        if (
            query.market in ("", bet.market)
            and query.book in ("", bet.book)
            and query.basis in ("", bet.basis)
            and bet.expected_value >= query.min_expected_value
        ):
            yield bet


def _arbitrages(query: ArbitrageQuery, record: Arbitrages) -> Iterator[Arbitrage]:
    for one in record.arbitrages:
        if (
            query.market in ("", one.market)
            and query.kind in ("", one.kind)
            and (query.suspects == "with" or bool(one.suspect) is (query.suspects == "only"))
            and (not query.book or any(leg.book == query.book for leg in one.legs))
            and one.roi >= query.min_roi
        ):
            yield one

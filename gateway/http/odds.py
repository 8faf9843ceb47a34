"""What is known of an event topic by topic: odds, probabilities, moves, value bets, arbitrage."""

from collections.abc import Iterator
from http import HTTPStatus
from typing import Any

from msgspec import Struct
from starlette.exceptions import HTTPException

from gateway.http.endpoint import Asked
from gateway.http.events import EventNames, names
from pipeline.records import (
    Arbitrages,
    ClosingLine,
    ClosingPrice,
    FairMarket,
    FairPrices,
    GameProbabilities,
    Moves,
    ValueBets,
)

MarketKey = tuple[str, str, float]


class BestPrice(Struct, frozen=True):
    """The highest price of an outcome, whose it is (of a tie the first by key), and when it was last seen."""

    book: str
    price: float
    seen_at_ms: int


class MarketOdds(Struct, frozen=True):
    """One market. All lists are in its order of outcomes.

    ``fair_prices`` are decimal, what the fair ``probabilities`` of now are worth. ``closing_best`` is of the
    closing line, so once the game has started it is no price of now; null where no book offered the outcome.
    ``closing_books`` is how many offered any.
    """

    market: str
    scope: str
    line: float
    probabilities: tuple[float, ...]
    fair_prices: tuple[float, ...]
    closing_best: tuple[BestPrice | None, ...]
    closing_books: int


class EventOdds(EventNames, frozen=True, kw_only=True):
    """Fair prices as they are now, and the best of the books' prices of the closing line.

    Fair prices are of odds.fair, live. Books' prices are of odds.closing: what each last offered openly
    before the start, as of ``closing_received_at_ms``, and after it as of the start. In play the prices of
    single books are on no derived topic; those worth knowing of are in value bets and arbitrage.
    ``closing_final``: the game has started. Null is what there is not.
    """

    markets: tuple[MarketOdds, ...]
    method: str | None
    fair_received_at_ms: int | None
    closing_received_at_ms: int | None
    closing_final: bool | None


async def odds(asked: Asked) -> EventOdds:
    """Fair prices of every market, and the best of the books' prices before the start."""
    hub, event = asked.hub, asked.event
    fair: FairPrices | None = hub.latest("odds.fair", event)
    closing: ClosingLine | None = hub.latest("odds.closing", event)
    return EventOdds(
        **names(event),
        markets=tuple(market_odds(fair.markets if fair else (), closing.prices if closing else ())),
        method=fair.method if fair else None,
        fair_received_at_ms=fair.received_at_ms if fair else None,
        closing_received_at_ms=closing.received_at_ms if closing else None,
        closing_final=closing.final if closing else None,
    )


async def probabilities(asked: Asked) -> GameProbabilities:
    """What the models give each outcome, and the parameters that price any line."""
    return _one(asked, "games.probabilities")


async def moves(asked: Asked) -> Moves:
    """Significant moves of the fair price, and steam, of the last minutes."""
    return _one(asked, "odds.moves")


async def value(asked: Asked) -> ValueBets:
    """Open value bets, what a gate holds back, and what changed."""
    return _one(asked, "bets.value")


async def arbitrage(asked: Asked) -> Arbitrages:
    """Open arbitrage, middles and low hold, suspects apart, and what became of them."""
    return _one(asked, "bets.arbitrage")


def market_odds(fair: tuple[FairMarket, ...], prices: tuple[ClosingPrice, ...]) -> Iterator[MarketOdds]:
    """Markets that have a fair price or a book's, by market, scope and line."""
    fairs = {_place(market): market.probabilities for market in fair}
    shown: dict[MarketKey, list[ClosingPrice]] = {}
    for price in prices:
        shown.setdefault(_place(price), []).append(price)
    for place in sorted(fairs.keys() | shown.keys()):
        chances, here = fairs.get(place, ()), shown.get(place, [])
        outcomes = max(len(chances), max((len(price.prices) for price in here), default=0))
        yield MarketOdds(
            *place,
            probabilities=chances,
            fair_prices=tuple(round(1.0 / chance, 4) if chance > 0.0 else 0.0 for chance in chances),
            closing_best=tuple(_best(here, outcome) for outcome in range(outcomes)),
            closing_books=len(here),
        )


def _best(shown: list[ClosingPrice], outcome: int) -> BestPrice | None:
    offered = [one for one in shown if outcome < len(one.prices) and one.prices[outcome] > 0.0]
    if not offered:
        return None
    best = min(offered, key=lambda one: (-one.prices[outcome], one.book))
    return BestPrice(best.book, best.prices[outcome], best.seen_at_ms)


def _place(one: FairMarket | ClosingPrice) -> MarketKey:
    return one.market, one.scope, one.line


def _one(asked: Asked, topic: str) -> Any:
    """What stands on a topic for the event. Raises a 404 where nothing does."""
    record = asked.hub.latest(topic, asked.event)
    if record is None:
        raise HTTPException(HTTPStatus.NOT_FOUND, f"nothing of {asked.event} stands on {topic} yet")
    return record

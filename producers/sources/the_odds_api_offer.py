"""What the books offer in an event of The Odds API, as lines and depth.

Outcomes are sorted by name, so they are told apart by name. It does not say that a market is suspended: the
market is not there. It has no word for the part of the game: ``h2h`` of a soccer match is the three-way
market of regulation time, everywhere else it is two-way with overtime. ``h2h_lay`` is what an exchange's
customers wait to back at; for how much, it does not say.
"""

from collections.abc import Callable
from enum import StrEnum
from functools import lru_cache

from msgspec import Struct

from pipeline.domain.odds import american_to_decimal
from pipeline.errors import Refused
from pipeline.records import Depth, Line
from pipeline.records.kinds import LATEST_MS, Name
from producers.sources.times import moment_ms

DRAW = "Draw"
LAY = "h2h_lay"
#: Beyond these it is a slip of somebody's hand, and a record would not take it.
MOST_PRICE = 100_000.0
MOST_POINTS = 1_000.0

#: Told of whatever is refused: the reason, and where.
Refuse = Callable[[str, str], None]


class OddsFormat(StrEnum):
    """What was asked for. Prices alone do not say it: 105 is a price in both."""

    AMERICAN = "american"
    DECIMAL = "decimal"


class Outcome(Struct, gc=False):
    """One side of a market."""

    name: str
    price: float
    point: float | None = None


class Market(Struct, gc=False):
    """One market of a book."""

    key: str
    outcomes: list[Outcome]
    last_update: str = ""


class Book(Struct, gc=False):
    """A book with its markets."""

    key: Name
    markets: list[Market]
    last_update: str = ""


class Head(Struct, gc=False):
    """An event without its prices."""

    id: str
    sport_key: str
    commence_time: str
    home_team: str
    away_team: str


class Event(Head, gc=False):
    """An event of an answer."""

    bookmakers: list[Book] = []


def offer(
    event: Event, event_id: str, soccer: bool, odds_format: OddsFormat, refuse: Refuse
) -> tuple[tuple[Line, ...], tuple[Depth, ...]]:
    """Lines and lay prices of all books, sorted; a market that cannot be read is refused alone.

    Lay prices stand beside the line that they belong to, each above its back price; else they are refused
    and the line stays.
    """
    decimal = _american if odds_format is OddsFormat.AMERICAN else _decimal
    lines: dict[tuple[str, str, float], Line] = {}
    waiting: dict[tuple[str, str, float], Depth] = {}
    for book in event.bookmakers:
        for market in book.markets:
            try:
                quoted_at_ms = _quoted_at_ms(market.last_update or book.last_update)
                reading = _READINGS.get(market.key)
                if reading is None:
                    raise Refused(f"market {market.key!r} is not read")
                kind, scope, offers = reading(event, market, soccer, decimal)
                for line, prices in offers:
                    place = (book.key, kind, line)
                    if place in (waiting if market.key == LAY else lines):
                        raise Refused("the same line is shown twice")
                    if market.key == LAY:
                        waiting[place] = _waiting(book.key, kind, scope, prices)
                        continue
                    lines[place] = Line(
                        book=book.key,
                        market=kind,
                        scope=scope,
                        line=line,
                        prices=prices,
                        quoted_at_ms=quoted_at_ms,
                    )
            except (Refused, ValueError) as error:
                refuse(f"{market.key}: {error}", f"{event_id}, {book.key}")
    depth = []
    for place in sorted(waiting):
        if fault := _fault(waiting[place], lines.get(place)):
            refuse(f"{LAY}: {fault}", f"{event_id}, {place[0]}")
        else:
            depth.append(waiting[place])
    return tuple(lines[place] for place in sorted(lines)), tuple(depth)


def _waiting(book: str, kind: str, scope: str, prices: tuple[float, ...]) -> Depth:
    nothing_said = (0,) * len(prices)
    return Depth(
        book=book,
        market=kind,
        scope=scope,
        lay_prices=prices,
        back_sizes=nothing_said,
        lay_sizes=nothing_said,
    )


def _fault(depth: Depth, line: Line | None) -> str:
    """Why lay prices cannot be; empty where they can."""
    if line is None:
        return "lay prices without the back prices of their market"
    # Backs and lays that meet are matched at once, so no exchange can show them.
    if any(0.0 < lay <= back for lay, back in zip(depth.lay_prices, line.prices, strict=True)):
        return "a lay price that is not above the back price"
    return ""


def _quoted_at_ms(text: str) -> int:
    at_ms = moment_ms(text)
    if not 0 <= at_ms <= LATEST_MS:
        raise Refused(f"{text!r} is no time at which a price was quoted")
    return at_ms


Decimal = Callable[[float], float]
Reading = tuple[str, str, list[tuple[float, tuple[float, ...]]]]


def _winner(event: Event, market: Market, soccer: bool, decimal: Decimal) -> Reading:
    """A market without a line. An outcome that is not shown has the price 0: none is offered."""
    names = (event.home_team, event.away_team, DRAW) if soccer else (event.home_team, event.away_team)
    prices = [0.0] * len(names)
    for outcome in market.outcomes:
        if outcome.name not in names:
            raise Refused("an outcome is neither a side nor, in soccer, the draw")
        place = names.index(outcome.name)
        if prices[place]:
            raise Refused("an outcome is shown twice")
        prices[place] = decimal(outcome.price)
    found = (0.0, tuple(prices))
    return ("h2h_3way", "regulation", [found]) if soccer else ("h2h", "game", [found])


def _spread(event: Event, market: Market, soccer: bool, decimal: Decimal) -> Reading:
    sides = {event.home_team: (0, 1.0), event.away_team: (1, -1.0)}
    return "spread", "regulation" if soccer else "game", _lined(market, sides, decimal)


def _total(_: Event, market: Market, soccer: bool, decimal: Decimal) -> Reading:
    sides = {"Over": (0, 1.0), "Under": (1, 1.0)}
    return "total", "regulation" if soccer else "game", _lined(market, sides, decimal)


def _both_score(_: Event, market: Market, soccer: bool, decimal: Decimal) -> Reading:
    prices = [0.0, 0.0]
    for outcome in market.outcomes:
        if outcome.name not in ("Yes", "No"):
            raise Refused("an outcome is neither Yes nor No")
        place = ("Yes", "No").index(outcome.name)
        if prices[place]:
            raise Refused("an outcome is shown twice")
        prices[place] = decimal(outcome.price)
    return "btts", "regulation" if soccer else "game", [(0.0, tuple(prices))]


def _lined(
    market: Market, sides: dict[str, tuple[int, float]], decimal: Decimal
) -> list[tuple[float, tuple[float, ...]]]:
    """Prices by line. ``sides``: each outcome's place, and the sign that makes its point the line."""
    found: dict[float, list[float]] = {}
    for outcome in market.outcomes:
        if outcome.name not in sides:
            raise Refused("an outcome is neither of the two sides")
        if outcome.point is None:
            raise Refused("an outcome has no point")
        place, sign = sides[outcome.name]
        line = sign * outcome.point + 0.0  # no negative zero
        if not (line * 4.0).is_integer() or abs(line) > MOST_POINTS:
            raise Refused("a point is no multiple of a quarter, or beyond any score")
        prices = found.setdefault(line, [0.0, 0.0])
        if prices[place]:
            raise Refused("an outcome is shown twice")
        prices[place] = decimal(outcome.price)
    if len(found) > 1 and any(0.0 in prices for prices in found.values()):
        raise Refused("the points of the two sides do not meet")
    return [(line, tuple(prices)) for line, prices in found.items()]


_READINGS: dict[str, Callable[[Event, Market, bool, Decimal], Reading]] = {
    "h2h": _winner,
    LAY: _winner,
    "spreads": _spread,
    "totals": _total,
    "btts": _both_score,
}


@lru_cache(maxsize=65_536)
def _american(price: float) -> float:
    if price != int(price):
        raise Refused(f"{price} is not an American price")
    return _decimal(american_to_decimal(int(price)))


def _decimal(price: float) -> float:
    if not 1.0 < price <= MOST_PRICE:
        raise Refused(f"{price} is not a decimal price")
    return price

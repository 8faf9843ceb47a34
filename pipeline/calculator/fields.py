"""What questions are made of: prices in any notation, chances, shares and money, each within its bounds."""

from collections.abc import Sequence
from typing import Annotated

from msgspec import Meta, Struct

from pipeline.domain import odds
from pipeline.domain.settlement import checked_line
from pipeline.errors import UsageError

#: Beyond it a probability would be lost in a double's rounding.
MAXIMUM_PRICE = 1_000_000.0
#: 1000/1. It and the sum below bound the units that are left to hand out one by one.
MAXIMUM_ARBITRAGE_PRICE = 1_001.0
MAXIMUM_BOOKSUM = 2.0
#: Up to it `arbitrage.payout` is exact.
MAXIMUM_MINOR = 10**9
#: Of a total or a handicap; scores up to it are looked at one by one.
MAXIMUM_LINE = 300.0

Price = Annotated[str, Meta(min_length=1, max_length=20)] | int | float
Prices = Annotated[tuple[Price, ...], Meta(min_length=2, max_length=40)]
Chance = Annotated[float, Meta(ge=0.0, le=1.0)]
Share = Annotated[float, Meta(gt=0.0, le=1.0)]
Commission = Annotated[float, Meta(ge=0.0, lt=1.0)]
Minor = Annotated[int, Meta(ge=1, le=MAXIMUM_MINOR)]
Line = Annotated[float, Meta(ge=-MAXIMUM_LINE, le=MAXIMUM_LINE)]
#: One for each leg, null where a leg has none; or no tuple at all.
MinorByLeg = Annotated[tuple[Minor | None, ...], Meta(max_length=41)]


class Question(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is asked; a field that is not known is an error, never ignored."""


def price_of(field: str, given: str | float, most: float = MAXIMUM_PRICE) -> float:
    """The decimal price. Raises UsageError, the field first."""
    try:
        price = odds.read_price(str(given)[:40])
    except ValueError as error:
        raise UsageError(f"{field}: {error}") from error
    if price > most:
        raise UsageError(f"{field}: {price:g} is longer than {most:g}, the longest price that is taken here")
    return price


def prices_of(field: str, given: Sequence[str | float], most: float = MAXIMUM_PRICE) -> tuple[float, ...]:
    """All of them decimal. Raises UsageError, the field and its index first."""
    return tuple([price_of(f"{field}[{index}]", each, most) for index, each in enumerate(given)])


def check_line(field: str, line: float, of_total: bool) -> None:
    """Raises UsageError, the field first, where it is no multiple of 0.25, or as a total not above 0."""
    if of_total and line <= 0.0:
        raise UsageError(f"{field}: {line:g} is no total's; it lies above 0")
    try:
        checked_line(line)
    except ValueError as error:
        raise UsageError(f"{field}: {error}") from error

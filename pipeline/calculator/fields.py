"""What questions are made of: prices in any notation, chances, shares and money, each within its bounds."""

from collections.abc import Sequence
from typing import Annotated

from msgspec import Meta, Struct

from pipeline.domain import odds
from pipeline.errors import UsageError

#: Beyond it a probability would be lost in a double's rounding.
MAXIMUM_PRICE = 1_000_000.0
#: 1000/1. It and the sum below bound the units that are left to hand out one by one.
MAXIMUM_ARBITRAGE_PRICE = 1_001.0
MAXIMUM_BOOKSUM = 2.0
#: Up to it `arbitrage.payout` is exact.
MAXIMUM_MINOR = 10**9

Price = Annotated[str, Meta(min_length=1, max_length=20)] | int | float
Prices = Annotated[tuple[Price, ...], Meta(min_length=2, max_length=40)]
Chance = Annotated[float, Meta(ge=0.0, le=1.0)]
Share = Annotated[float, Meta(gt=0.0, le=1.0)]
Commission = Annotated[float, Meta(ge=0.0, lt=1.0)]
Minor = Annotated[int, Meta(ge=1, le=MAXIMUM_MINOR)]


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

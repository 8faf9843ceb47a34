"""Stakes on all outcomes of a market, or on a back and the lay of the same outcome."""

import math
from typing import Annotated

from msgspec import Meta, Struct
from msgspec.structs import replace

from pipeline.calculator.fields import (
    MAXIMUM_ARBITRAGE_PRICE,
    MAXIMUM_BOOKSUM,
    Commission,
    Minor,
    Price,
    Question,
    price_of,
    prices_of,
)
from pipeline.domain import arbitrage as arbitrages
from pipeline.domain import lay as lays
from pipeline.domain import odds
from pipeline.errors import UsageError


class Lay(Question, frozen=True):
    """The same outcome, laid at an exchange."""

    price: Price
    commission: Commission = 0.0


class ArbitrageQuestion(Question, frozen=True):
    """How to split a sum over all outcomes of a market, or over a back and the lay of the same outcome."""

    prices: Annotated[tuple[Price, ...], Meta(min_length=1, max_length=40)]
    commissions: Annotated[tuple[Commission, ...], Meta(max_length=40)] = ()
    lay: Lay | None = None
    total_minor: Minor = 100_000
    unit_minor: Minor = 1


class ArbitrageAnswer(Struct, frozen=True):
    """Of a lay the stake is the backer's, and the liability is in the outlay."""

    asked: ArbitrageQuestion
    net_prices: tuple[float, ...]
    booksum: float
    roi: float
    stakes_minor: tuple[int, ...]
    outlay_minor: int
    profits_minor: tuple[int, ...]
    worst_profit_minor: int
    is_arbitrage: bool


def arbitrage(asked: ArbitrageQuestion) -> ArbitrageAnswer:
    """Stakes that make the worst outcome as good as it can be, and what each outcome then brings."""
    prices = prices_of("prices", asked.prices, MAXIMUM_ARBITRAGE_PRICE)
    commissions = asked.commissions or (0.0,) * len(prices)
    if len(commissions) != len(prices):
        raise UsageError(
            f"commissions: {len(commissions)} of them for {len(prices)} prices; give one for each"
        )
    if asked.unit_minor > asked.total_minor:
        raise UsageError(f"unit_minor: {asked.unit_minor} is more than the total, {asked.total_minor}")
    understood = replace(asked, prices=prices, commissions=commissions)
    net = [lays.back_after_commission(price, share) for price, share in zip(prices, commissions, strict=True)]
    if asked.lay is not None:
        return _against_a_lay(understood, asked.lay, net)
    if len(net) < 2:
        raise UsageError(
            "prices: one alone covers no market; give one for each outcome, or a lay of the same"
        )
    booksum = odds.booksum(net)
    if booksum > MAXIMUM_BOOKSUM:
        raise UsageError(
            f"prices: they imply {booksum:.2f} in all; above {MAXIMUM_BOOKSUM:g} it is no market's"
        )
    stakes = arbitrages.stakes(net, asked.total_minor, asked.unit_minor)
    outlay = sum(stakes)
    profits = [arbitrages.payout(price, stake) - outlay for price, stake in zip(net, stakes, strict=True)]
    return _arbitrage_answer(understood, net, stakes, outlay, profits)


def _against_a_lay(asked: ArbitrageQuestion, lay: Lay, net: list[float]) -> ArbitrageAnswer:
    if len(net) != 1:
        raise UsageError(f"lay: it covers what one back leaves open, and there are {len(net)} prices")
    price = price_of("lay.price", lay.price, MAXIMUM_ARBITRAGE_PRICE)
    stake = asked.total_minor // asked.unit_minor * asked.unit_minor
    even = lays.hedge_stake(net[0], stake, price, lay.commission) // asked.unit_minor

    def profits(units: float) -> list[int]:
        exact = lays.hedge_profits(net[0], stake, price, units * asked.unit_minor, lay.commission)
        return [math.floor(each + 1e-6) for each in exact]

    units = max(even, even + 1, key=lambda units: min(profits(units)))
    laid = int(units) * asked.unit_minor
    return _arbitrage_answer(
        replace(asked, lay=replace(lay, price=price)),
        [*net, odds.lay_as_back(price, lay.commission)],
        (stake, laid),
        stake + math.ceil(lays.liability(laid, price) - 1e-6),
        profits(units),
    )


def _arbitrage_answer(
    asked: ArbitrageQuestion, net: list[float], stakes: tuple[int, ...], outlay: int, profits: list[int]
) -> ArbitrageAnswer:
    worst = min(profits)
    return ArbitrageAnswer(
        asked,
        tuple(net),
        odds.booksum(net),
        arbitrages.roi(net),
        stakes,
        outlay,
        tuple(profits),
        worst,
        worst > 0,
    )

"""Stakes on all outcomes of a market, or on a back and the lay of the same outcome."""

import math
from collections.abc import Sequence
from typing import Annotated

from msgspec import Meta, Struct
from msgspec.structs import replace

from pipeline.calculator.fields import (
    MAXIMUM_ARBITRAGE_PRICE,
    MAXIMUM_BOOKSUM,
    Commission,
    Minor,
    MinorByLeg,
    Price,
    Question,
    price_of,
    prices_of,
)
from pipeline.domain import arbitrage as arbitrages
from pipeline.domain import lay as lays
from pipeline.domain import odds
from pipeline.domain.limits import Leg, at_risk, break_even_prices, lock, paid
from pipeline.errors import UsageError

#: Stakes of single legs that are looked at; a few microseconds each.
MAXIMUM_LOOKS = 12_000
#: Of a shorter one a unit puts too little at risk to count in whole minor units.
SHORTEST_LAY = 1.001


class Lay(Question, frozen=True):
    """The same outcome, laid at an exchange."""

    price: Price
    commission: Commission = 0.0


class ArbitrageQuestion(Question, frozen=True):
    """How to split a sum over all outcomes of a market, or over a back and the lay of the same outcome.

    The lists that end in ``_minor`` have one entry for each leg, the lay last. Where one is given, the stakes
    are those of `limits.lock`, which may leave a part of the total unstaked; else all of it is staked.
    """

    prices: Annotated[tuple[Price, ...], Meta(min_length=1, max_length=40)]
    commissions: Annotated[tuple[Commission, ...], Meta(max_length=40)] = ()
    lay: Lay | None = None
    total_minor: Minor = 100_000
    unit_minor: Minor | Annotated[tuple[Minor, ...], Meta(min_length=2, max_length=41)] = 1
    least_minor: MinorByLeg = ()
    most_minor: MinorByLeg = ()
    filled_minor: MinorByLeg = ()


class ArbitrageAnswer(Struct, frozen=True):
    """Of a lay the stake is the backer's, and the liability is in the outlay.

    ``hold`` is null where the prices are an arbitrage; ``obstacle`` says why nothing within the limits gains,
    and then only what is filled is staked. ``break_even_prices`` are empty unless a leg is filled.
    """

    asked: ArbitrageQuestion
    net_prices: tuple[float, ...]
    booksum: float
    roi: float
    hold: float | None
    stakes_minor: tuple[int, ...]
    outlay_minor: int
    profits_minor: tuple[int, ...]
    worst_profit_minor: int
    is_arbitrage: bool
    obstacle: str | None = None
    break_even_prices: tuple[float | None, ...] = ()


def arbitrage(asked: ArbitrageQuestion) -> ArbitrageAnswer:
    """Stakes that make the worst outcome as good as it can be, and what each outcome then brings."""
    prices = prices_of("prices", asked.prices, MAXIMUM_ARBITRAGE_PRICE)
    commissions = asked.commissions or (0.0,) * len(prices)
    if len(commissions) != len(prices):
        raise UsageError(
            f"commissions: {len(commissions)} of them for {len(prices)} prices; give one for each"
        )
    understood = replace(asked, prices=prices, commissions=commissions)
    net = [lays.back_after_commission(price, share) for price, share in zip(prices, commissions, strict=True)]
    if asked.lay is not None:
        if len(net) != 1:
            raise UsageError(f"lay: it covers what one back leaves open, and there are {len(net)} prices")
        lay = replace(asked.lay, price=price_of("lay.price", asked.lay.price, MAXIMUM_ARBITRAGE_PRICE))
        understood = replace(understood, lay=lay)
        net.append(odds.lay_as_back(float(lay.price), lay.commission))
    if len(net) < 2:
        raise UsageError(
            "prices: one alone covers no market; give one for each outcome, or a lay of the same"
        )
    booksum = odds.booksum(net)
    if booksum > MAXIMUM_BOOKSUM:
        raise UsageError(
            f"prices: they imply {booksum:.2f} in all; above {MAXIMUM_BOOKSUM:g} it is no market's"
        )
    if isinstance(asked.unit_minor, tuple) or asked.least_minor or asked.most_minor or asked.filled_minor:
        return _within_limits(understood, net)
    if asked.unit_minor > asked.total_minor:
        raise UsageError(f"unit_minor: {asked.unit_minor} is more than the total, {asked.total_minor}")
    if understood.lay is not None:
        return _against_a_lay(understood, understood.lay, net, asked.unit_minor)
    stakes = arbitrages.stakes(net, asked.total_minor, asked.unit_minor)
    outlay = sum(stakes)
    profits = [arbitrages.payout(price, stake) - outlay for price, stake in zip(net, stakes, strict=True)]
    return _answer(understood, net, stakes, outlay, profits)


def _against_a_lay(asked: ArbitrageQuestion, lay: Lay, net: list[float], unit: int) -> ArbitrageAnswer:
    price = float(lay.price)
    stake = asked.total_minor // unit * unit
    even = lays.hedge_stake(net[0], stake, price, lay.commission) // unit

    def profits(units: float) -> list[int]:
        exact = lays.hedge_profits(net[0], stake, price, units * unit, lay.commission)
        return [math.floor(each + 1e-6) for each in exact]

    units = max(even, even + 1, key=lambda units: min(profits(units)))
    laid = int(units) * unit
    outlay = stake + math.ceil(lays.liability(laid, price) - 1e-6)
    return _answer(asked, net, (stake, laid), outlay, profits(units))


def _answer(
    asked: ArbitrageQuestion,
    net: list[float],
    stakes: tuple[int, ...],
    outlay: int,
    profits: list[int],
    obstacle: str | None = None,
    break_even_prices: tuple[float | None, ...] = (),
) -> ArbitrageAnswer:
    worst = min(profits)
    return ArbitrageAnswer(
        asked,
        tuple(net),
        odds.booksum(net),
        arbitrages.roi(net),
        arbitrages.low_hold(net, MAXIMUM_BOOKSUM - 1.0),
        stakes,
        outlay,
        tuple(profits),
        worst,
        worst > 0,
        obstacle,
        break_even_prices,
    )


def _within_limits(asked: ArbitrageQuestion, net: list[float]) -> ArbitrageAnswer:
    filled = _by_leg("filled_minor", asked.filled_minor, net)
    legs = _legs(asked, net, filled)
    # With a lay the total is the back's own, which its most already is.
    total = asked.total_minor if asked.lay is None else sum([at_risk(leg, leg.most) for leg in legs])
    try:
        locked = lock(legs, total, MAXIMUM_LOOKS // len(legs))
    except ValueError as error:
        raise UsageError(
            f"unit_minor: at a return of {arbitrages.roi(net):.4%} there are {error}; take larger units"
        ) from error
    stakes = locked.stakes if locked else tuple([stake or 0 for stake in filled])
    outlay = sum(map(at_risk, legs, stakes))
    return _answer(
        asked,
        net,
        stakes,
        outlay,
        [paid(leg, stake) - outlay for leg, stake in zip(legs, stakes, strict=True)],
        None if locked else _obstacle(asked, net, legs, total),
        break_even_prices(legs, [stake or 0 for stake in filled]) if any(filled) else (),
    )


def _legs(asked: ArbitrageQuestion, net: list[float], filled: Sequence[int | None]) -> list[Leg]:
    """As `limits.lock` takes them; of a filled leg the least and the most are what it was filled with."""
    units = asked.unit_minor if isinstance(asked.unit_minor, tuple) else (asked.unit_minor,) * len(net)
    _by_leg("unit_minor", units, net)
    least, most = _by_leg("least_minor", asked.least_minor, net), _by_leg("most_minor", asked.most_minor, net)
    for index, unit in enumerate(units):
        if unit > asked.total_minor and not filled[index]:
            raise UsageError(f"unit_minor: {unit} is more than the total, {asked.total_minor}")
    legs = [
        Leg(float(price), most[index] or asked.total_minor, least[index] or 1, units[index], commission)
        for index, (price, commission) in enumerate(zip(asked.prices, asked.commissions, strict=True))
    ]
    if asked.lay is not None:
        legs[0] = legs[0]._replace(most=filled[0] or min(legs[0].most, asked.total_minor))
        legs.append(_lay_leg(asked.lay, net[0], legs[0], units[1], least[1], most[1]))
    return [
        leg._replace(least=stake, most=stake, unit=stake) if stake else leg
        for leg, stake in zip(legs, filled, strict=True)
    ]


def _lay_leg(lay: Lay, net: float, back: Leg, unit: int, least: int | None, most: int | None) -> Leg:
    price = float(lay.price)
    if price < SHORTEST_LAY:
        raise UsageError(f"lay.price: {price!r} is below {SHORTEST_LAY:g}, the shortest that takes limits")
    # The largest back is hedged by no more.
    enough = math.ceil(lays.hedge_stake(net, back.most, price, lay.commission)) + 2 * unit
    least = least or 1
    return Leg(price, most or max(enough, least + unit), least, unit, lay.commission, lay=True)


def _by_leg(field: str, given: Sequence[int | None], net: list[float]) -> Sequence[int | None]:
    if given and len(given) != len(net):
        raise UsageError(
            f"{field}: {len(given)} of them for {len(net)} legs; give one for each, in their order"
        )
    if field == "filled_minor" and given and not any(given):
        raise UsageError(f"{field}: no leg is filled; leave it out")
    return given or (None,) * len(net)


def _obstacle(asked: ArbitrageQuestion, net: list[float], legs: Sequence[Leg], total: int) -> str:
    names = [f"prices[{index}]" for index in range(len(asked.prices))] + ["lay"]
    floors = [-(-leg.least // leg.unit) * leg.unit for leg in legs]
    if odds.booksum(net) >= 1.0:
        return f"the net prices imply {odds.booksum(net):.4f} in all"
    for name, leg, floor in zip(names, legs, floors, strict=False):
        if floor > leg.most:
            return f"{name}: no multiple of its unit is within its limits"
    needed = sum(map(at_risk, legs, floors))
    if needed > total:
        return "total_minor: what is filled and the least stakes of the rest put more at risk"
    for name, leg in zip(names, legs, strict=False):
        if paid(leg, leg.most // leg.unit * leg.unit) <= needed:
            return f"{name}: at its most it pays no more than the legs put at risk at their least"
    return "no stakes in these units and limits gain whatever happens"

"""What can be locked in where stakes have a unit, a least and a most, and exchanges take commission.

Exactly one leg wins: the legs' outcomes are all that a market has, each in one leg. A lay is a leg on
everything but its outcome; its stake is the backer's, what it puts at risk is the liability. Money is integer
minor units, what is paid is rounded down to one, what is put at risk up.
"""

import math
from bisect import bisect_left
from collections.abc import Sequence
from typing import NamedTuple

from pipeline.domain.lay import back_after_commission, back_as_lay, back_before_commission
from pipeline.domain.odds import lay_as_back
from pipeline.domain.settlement import SHARES, Result, checked_line, over_line


class Leg(NamedTuple):
    """One price at which an outcome is backed, or everything else by laying it, and the stakes it takes."""

    price: float
    most: int  # minor units: the book's limit, or the size that an exchange offers at the price
    least: int = 1
    unit: int = 1  # stakes are multiples of it
    commission: float = 0.0  # of net winnings
    lay: bool = False


class Locked(NamedTuple):
    """Stakes of each leg in minor units, what they put at risk together, and the worst outcome's profit."""

    stakes: tuple[int, ...]
    outlay: int
    profit: int


def net_price(leg: Leg) -> float:
    """Price without commission of a back that pays what the leg does for what it puts at risk.

    Raises
    ------
    ValueError
        If the price is not finite or not above 1, or the commission is not in [0, 1).

    Examples
    --------
    >>> round(net_price(Leg(2.1, 100, commission=0.05)), 4), round(net_price(Leg(2.06, 100, lay=True)), 4)
    (2.045, 1.9434)
    """
    if leg.lay:
        return lay_as_back(leg.price, leg.commission)
    return back_after_commission(leg.price, leg.commission)


def at_risk(leg: Leg, stake: int) -> int:
    """What the leg loses when it loses: the stake of a back, the liability of a lay rounded up.

    Examples
    --------
    >>> at_risk(Leg(1.98, 20_000, lay=True), 10_881), at_risk(Leg(1.98, 20_000), 10_881)
    (10664, 10881)
    """
    return -_floor(stake * (1.0 - leg.price)) if leg.lay else stake


def paid(leg: Leg, stake: int, result: Result = Result.WON) -> int:
    """What comes back of what was at risk, and the winnings after commission, each rounded down.

    Examples
    --------
    >>> paid(Leg(1.98, 20_000, commission=0.05, lay=True), 10_881), paid(Leg(2.1, 20_000), 10_000)
    (21000, 21000)
    >>> paid(Leg(2.1, 20_000), 10_000, Result.HALF_WON), paid(Leg(2.1, 20_000), 10_000, Result.HALF_LOST)
    (15500, 5000)
    """
    won, returned = SHARES[result]
    winnings = stake if leg.lay else stake * (leg.price - 1.0)
    return _floor(at_risk(leg, stake) * (won + returned)) + _floor(winnings * (1.0 - leg.commission) * won)


def line_profit(line: float, legs: tuple[Leg, Leg], stakes: tuple[int, int]) -> int:
    """Profit of the worst final margin or total, over two legs on one line; below 0 where it loses.

    `lock` counts one leg as won and the other as lost. On a line of halves that is all there is; where a
    whole line is met both are refunded, and a quarter line pays half of one side's profit.

    Parameters
    ----------
    line : float
        Multiple of 0.25: the first leg wins above it, the second below.
    legs, stakes : pair
        The legs, and their stakes in minor units.

    Raises
    ------
    ValueError
        If the line is not a multiple of 0.25.

    Examples
    --------
    >>> legs = Leg(2.1, most=9_000), Leg(2.1, most=9_000, commission=0.02)
    >>> [line_profit(line, legs, (5_000, 5_000)) for line in (2.5, 2.0, 2.25)]
    [390, 0, 195]
    """
    nearest = math.floor(checked_line(line))
    outlay = sum(map(at_risk, legs, stakes))
    # Further away nothing changes any more.
    return min(
        sum(map(paid, legs, stakes, (over_line(number, line), over_line(-number, -line)))) - outlay
        for number in range(nearest - 1, nearest + 3)
    )


def lock(legs: Sequence[Leg], total: int, looks: int | None = None) -> Locked | None:
    """The stakes with the best worst outcome that units, limits and the total allow.

    Goes down through what the worst outcome may pay, each with the least stakes that pay it, and ends when
    even exact stakes could not bring more: no other stakes within the limits are better. Of two alike the
    larger.

    Parameters
    ----------
    legs : sequence of n >= 2 Legs
        Of which exactly one wins.
    total : int
        The most that is put at risk, in minor units.
    looks : int, optional
        How many stakes are looked at, at most: the smaller units and return are, the more it takes.

    Returns
    -------
    Locked or None
        None where nothing within the limits has a profit whatever happens.

    Raises
    ------
    ValueError
        If there are fewer than two legs, total or a unit is below 1, a price is not finite or not above 1, or
        a commission is not in [0, 1); or if more looks were needed.

    Examples
    --------
    >>> lock([Leg(2.15, most=100_000, unit=100), Leg(2.05, most=100_000, unit=100)], total=100_000)
    Locked(stakes=(48800, 51200), outlay=100000, profit=4920)
    >>> lock([Leg(2.15, most=20_000, unit=100), Leg(2.05, most=100_000, unit=100)], total=100_000)
    Locked(stakes=(20000, 21000), outlay=41000, profit=2000)
    >>> lock([Leg(2.15, most=100, unit=100), Leg(2.05, most=100_000, least=1_000, unit=100)], total=100_000)
    """
    if len(legs) < 2 or total < 1 or min(leg.unit for leg in legs) < 1:
        raise ValueError(f"nothing to lock in with legs {list(legs)} and a total of {total!r}")
    prices = [net_price(leg) for leg in legs]
    fewest = [max(1, -(-leg.least // leg.unit)) for leg in legs]
    if any(few * leg.unit > leg.most for few, leg in zip(fewest, legs, strict=True)):
        return None
    floors = [at_risk(leg, few * leg.unit) for leg, few in zip(legs, fewest, strict=True)]
    if sum(floors) > total or math.fsum([1.0 / price for price in prices]) >= 1.0:
        return None
    # What is paid at most: by every leg at its limit, and by exact stakes that use up the total.
    wanted = min(
        _within(prices, floors, total), *[paid(leg, leg.most // leg.unit * leg.unit) for leg in legs]
    )
    counts = [max(few, _units_that_pay(leg, wanted)) for leg, few in zip(legs, fewest, strict=True)]
    best: Locked | None = None
    looked = 0
    while True:
        if looked == looks:
            raise ValueError(f"more than {looks} stakes to compare")
        looked += 1
        found = _locked(legs, counts)
        if found.outlay <= total and found.profit > (best.profit if best else 0):
            best = found
        # The next lower sum that some leg pays with one unit less.
        below = [
            (paid(leg, (count - 1) * leg.unit), count > few)
            for leg, count, few in zip(legs, counts, fewest, strict=True)
        ]
        wanted = max([pays for pays, possible in below if possible], default=0)
        if not wanted or _exact_profit(prices, floors, wanted) < (best.profit if best else 0) + 1 - 1e-6:
            return best
        counts = [
            count - 1 if possible and pays >= wanted else count
            for count, (pays, possible) in zip(counts, below, strict=True)
        ]


def break_even_prices(legs: Sequence[Leg], filled: Sequence[int]) -> tuple[float | None, ...]:
    """How far the price of each leg that is not filled yet may move before nothing can be saved.

    The stakes of the open legs are chosen anew at the prices they then have, the others' as they are now, and
    before rounding. Of two legs, with the first filled at ``o``: ``o / (o - 1)``.

    Parameters
    ----------
    legs : sequence of n Legs
    filled : sequence of n ints
        Stake of each leg that is filled, in minor units; 0 of one that is not.

    Returns
    -------
    tuple of n floats or None
        A decimal price in the leg's own terms, before commission: of a back the lowest, of a lay the highest
        that loses nothing. None for a filled leg, and where no price saves it.

    Raises
    ------
    ValueError
        If the two differ in length, nothing is filled, a price is not finite or not above 1, or a commission
        is not in [0, 1).

    Examples
    --------
    >>> legs = [Leg(2.15, most=50_000), Leg(2.05, most=60_000)]
    >>> break_even_prices(legs, [48_800, 0])
    (None, 1.8695652173913042)
    """
    if not any(filled):
        raise ValueError("no leg is filled: nothing has to be saved")
    done = [(at_risk(leg, stake), paid(leg, stake)) for leg, stake in zip(legs, filled, strict=True) if stake]
    # Every outcome has to pay what all legs cost, which the filled legs limit to the least that one pays.
    spent = math.fsum([risk for risk, _ in done]) / min(pays for _, pays in done)
    covers = [0.0 if stake else 1.0 / net_price(leg) for leg, stake in zip(legs, filled, strict=True)]
    return tuple(
        [
            None if stake else _price_of(leg, 1.0 - math.fsum([spent, *covers[:index], *covers[index + 1 :]]))
            for index, (leg, stake) in enumerate(zip(legs, filled, strict=True))
        ]
    )


def _price_of(leg: Leg, cover: float) -> float | None:
    if not 0.0 < cover < 1.0:
        return None
    inverse = back_as_lay if leg.lay else back_before_commission
    return inverse(1.0 / cover, leg.commission)


def _locked(legs: Sequence[Leg], counts: Sequence[int]) -> Locked:
    stakes = tuple([leg.unit * count for leg, count in zip(legs, counts, strict=True)])
    outlay = sum([at_risk(leg, stake) for leg, stake in zip(legs, stakes, strict=True)])
    return Locked(stakes, outlay, min(map(paid, legs, stakes)) - outlay)


def _within(prices: Sequence[float], floors: Sequence[int], total: int) -> int:
    """The most that every leg can pay where exact stakes, none below its floor, add up to the total."""
    wanted = total * max(prices)
    while True:
        bound = [floor * price >= wanted for floor, price in zip(floors, prices, strict=True)]
        free = [1.0 / price for price, held in zip(prices, bound, strict=True) if not held]
        fixed = sum([floor for floor, held in zip(floors, bound, strict=True) if held])
        lower = (total - fixed) / math.fsum(free) if free else wanted
        # The sum of the stakes is convex in what they pay, so this comes down to it from above.
        if lower >= wanted:
            return math.floor(wanted) + 1
        wanted = lower


def _exact_profit(prices: Sequence[float], floors: Sequence[int], wanted: int) -> float:
    return wanted - math.fsum(
        [max(floor, wanted / price) for floor, price in zip(floors, prices, strict=True)]
    )


def _units_that_pay(leg: Leg, wanted: int) -> int:
    each = leg.unit * (leg.price - leg.commission if leg.lay else net_price(leg))
    # Rounding takes less than two minor units from what exact stakes pay.
    enough = math.ceil((wanted + 2) / each)
    return 1 + bisect_left(range(1, enough), wanted, key=lambda count: paid(leg, leg.unit * count))


def _floor(amount: float) -> int:
    # Makes up for what the rounding of price and product falls short, as `arbitrage.payout` does.
    return math.floor(amount + max(1e-6, abs(amount) * 2.0**-50))

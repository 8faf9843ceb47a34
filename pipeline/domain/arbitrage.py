"""What can be locked in when every outcome of a market is backed at its best price.

Money is integer minor units; what a book pays is rounded down to one.
"""

import math
from collections.abc import Sequence

from pipeline.domain.odds import booksum, checked_price, hold
from pipeline.domain.settlement import SHARES, Result, checked_line, over_line


def roi(prices: Sequence[float]) -> float:
    """Return on the whole stake, before rounding: ``1 / booksum - 1``; negative where there is no arbitrage.

    Raises
    ------
    ValueError
        If a price is not finite or not above 1, or there is none.

    Examples
    --------
    >>> round(roi([2.15, 2.05]), 6)
    0.049405
    """
    if not prices:
        raise ValueError("a market without prices has no return")
    return 1.0 / booksum(prices) - 1.0


def low_hold(prices: Sequence[float], most: float) -> float | None:
    """Share of the stakes that backing every outcome costs, where that is little; None where it is not.

    Parameters
    ----------
    prices : sequence of floats
        The best decimal price of each outcome.
    most : float
        By how much the implied probabilities may sum to more than 1.

    Returns
    -------
    float or None
        In [0, 1). None where there is an arbitrage, too.

    Raises
    ------
    ValueError
        If a price is not finite or not above 1, or there is none.

    Examples
    --------
    >>> round(low_hold([2.0, 1.98], most=0.01), 6)
    0.005025
    >>> low_hold([1.91, 1.91], most=0.01), low_hold([2.1, 2.1], most=0.01)
    (None, None)
    """
    return hold(prices) if 1.0 <= booksum(prices) <= 1.0 + most else None


def stakes(prices: Sequence[float], total: int, unit: int) -> tuple[int, ...]:
    """Split a sum over the outcomes so that the worst outcome pays the most.

    Starts below the even split and gives the next unit to the outcome that pays least, which is the best
    that any split of the same sum into whole units can do. Of two that pay alike the earlier is served.

    Parameters
    ----------
    prices : sequence of n >= 2 floats
        Decimal price of each outcome.
    total : int
        The sum to stake, in minor units; what is left of it below one unit is not staked.
    unit : int
        Each stake is a multiple of it: 100 is whole euros where a minor unit is a cent.

    Returns
    -------
    tuple of n ints
        Stakes in minor units, in the order of the prices. A sum of fewer than n units leaves an outcome
        without a stake, which `worst_profit` shows.

    Raises
    ------
    ValueError
        If a price is not finite or not above 1, there are fewer than two, or total or unit is below 1.

    Examples
    --------
    >>> stakes([2.15, 2.05], total=100_000, unit=100)
    (48800, 51200)
    """
    if len(prices) < 2 or total < 1 or unit < 1:
        raise ValueError(f"no stakes for {len(prices)} prices, a total of {total!r} and a unit of {unit!r}")
    units = total // unit
    even = units / booksum(prices)
    # No best split pays less anywhere than the even one rounded down does.
    floor = max(0.0, even - max(prices))
    counts = [math.floor(floor / price) for price in prices]
    for _ in range(units - sum(counts)):
        payouts = [price * count for price, count in zip(prices, counts, strict=True)]
        counts[payouts.index(min(payouts))] += 1
    return tuple([count * unit for count in counts])


def payout(price: float, stake: int) -> int:
    """What a winning bet pays, stake included, in minor units rounded down.

    Exact for prices in hundredths up to 1,000 and stakes up to 10**9 minor units: what a product like
    2.15 * 48800 falls short of its true value, by the rounding of price and product, is made up for.

    Examples
    --------
    >>> payout(2.15, 48_800), payout(1.01, 150)
    (104920, 151)
    """
    paid = price * stake
    return math.floor(paid + max(1e-6, paid * 2.0**-51))


def settled_payout(result: Result, price: float, stake: int) -> int:
    """What a bet pays by its result, what comes back of the stake included, in minor units rounded down.

    Raises
    ------
    ValueError
        If the price is not finite or not above 1.

    Examples
    --------
    >>> settled_payout(Result.HALF_WON, 1.91, 1_000), settled_payout(Result.VOID, 1.91, 1_000)
    (1455, 1000)
    """
    at_price, returned = SHARES[result]
    return payout(checked_price(price) * at_price + returned, stake)


def worst_profit(prices: Sequence[float], legs: Sequence[int]) -> int:
    """Profit of the worst outcome where exactly one outcome wins, in minor units.

    Parameters
    ----------
    prices : sequence of n floats
        Decimal price of each outcome.
    legs : sequence of n ints
        Stake on each outcome, in minor units.

    Raises
    ------
    ValueError
        If the two differ in length or are empty, or a price is not finite or not above 1.

    Examples
    --------
    >>> worst_profit([2.15, 2.05], [48_800, 51_200])
    4920
    """
    paid = [payout(checked_price(price), stake) for price, stake in zip(prices, legs, strict=True)]
    return min(paid) - sum(legs)


def line_worst_profit(line: float, prices: tuple[float, float], legs: tuple[int, int]) -> int:
    """Profit of the worst final margin or total, over both sides of one line, in minor units.

    A spread and a total are alike here: the first leg wins above, the second below. Where a whole line is
    met both stakes come back, so nothing is guaranteed; a quarter line settles halves.

    Parameters
    ----------
    line : float
        Multiple of 0.25, the same for both legs.
    prices, legs : pair
        Decimal prices, and stakes in minor units, of the two sides.

    Raises
    ------
    ValueError
        If the line is not a multiple of 0.25 or a price is not finite or not above 1.

    Examples
    --------
    >>> [line_worst_profit(line, (2.1, 2.1), (5000, 5000)) for line in (2.5, 2.0, 2.25)]
    [500, 0, 250]
    """
    nearest = math.floor(checked_line(line))
    # Further away nothing changes any more.
    return min(_profit_at(number, line, prices, legs) for number in range(nearest - 1, nearest + 3))


def _profit_at(number: int, line: float, prices: tuple[float, float], legs: tuple[int, int]) -> int:
    sides = (over_line(number, line), over_line(-number, -line))
    return sum(map(settled_payout, sides, prices, legs)) - sum(legs)

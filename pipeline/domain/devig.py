"""Fair probabilities from one book's prices for one complete market.

Never from a composite of several books, a market with a missing outcome or a suspended one.
Plain floats, market by market: a fold takes out the margin of the few markets that changed, and a market
then has the same bits whatever else was computed beside it, which numpy's vector loops do not promise.
Measured for 24 two-way markets: 2.2 µs each, against 3.8 in one numpy batch and 70 alone in numpy.
"""

import math
from collections.abc import Sequence
from math import exp, inf, log

NEWTON_STEPS = 40  # of 100,000 markets with prices from 1.001 to 1000, the slowest took 12
CONVERGED = 1e-12


def multiplicative_devig(prices: Sequence[float]) -> tuple[float, ...]:
    """Fair probabilities of a market, by scaling the implied ones to sum to 1.

    The simplest method, blind to the favourite-longshot bias: a cross-check of the others.

    Parameters
    ----------
    prices : sequence of n >= 2 floats
        Decimal prices of all outcomes of a market.

    Returns
    -------
    tuple of n floats
        Probabilities in (0, 1) that sum to 1, in the order of the prices.

    Raises
    ------
    ValueError
        If a price is not finite or not above 1, or there are fewer than two.

    Examples
    --------
    >>> multiplicative_devig([1.25, 1.25])
    (0.5, 0.5)
    """
    _require_market(prices)
    shares = [1.0 / price for price in prices]
    total = math.fsum(shares)
    return tuple([share / total for share in shares])


def power_devig(prices: Sequence[float]) -> tuple[float, ...]:
    """Fair probabilities of a market, by raising the implied ones to a common power.

    Solves ``sum((1 / price) ** k) == 1``, so that longshots give up more of the margin than favourites
    do. Works for implied probabilities that sum to less than 1 too.

    Parameters
    ----------
    prices : sequence of n >= 2 floats
        Decimal prices of all outcomes of a market.

    Returns
    -------
    tuple of n floats
        Probabilities in (0, 1) that sum to 1, in the order of the prices.

    Raises
    ------
    ValueError
        If a price is not finite or not above 1, there are fewer than two, or they are so far from any
        market's (three of 1.001 and one of 2) that a probability would vanish.

    References
    ----------
    Clarke, Kovalchik and Ingram (2017), Adjusting bookmaker's odds to allow for overround, American
    Journal of Sports Science 5(6).

    Examples
    --------
    >>> [round(p, 5) for p in power_devig([1.33, 3.40])]
    [0.73429, 0.26571]
    """
    if len(prices) == 2:
        return _power_of_two(*prices)
    _require_market(prices)
    shares = [1.0 / price for price in prices]
    logs = [-log(price) for price in prices]
    exponent = 1.0
    # The log of the sum is convex and falls with the exponent, so Newton from its left never overshoots.
    if sum(shares) < 1.0 - CONVERGED:
        exponent, shares = 0.0, [1.0] * len(prices)
    for _ in range(NEWTON_STEPS):
        total = slope = 0.0
        for share, each in zip(shares, logs, strict=True):
            total += share
            slope += share * each
        if -CONVERGED < total - 1.0 < CONVERGED and min(shares) > 0.0:
            return tuple([share / total for share in shares])
        exponent -= log(total) * total / slope
        shares = [exp(exponent * each) for each in logs]
    raise ValueError(f"no power takes the margin out of {prices!r}")


def _power_of_two(first: float, second: float) -> tuple[float, float]:
    # The same steps written out: most markets have two outcomes, and this takes a third of the time.
    if not (1.0 < first < inf and 1.0 < second < inf):
        raise ValueError(f"not the decimal prices of a market: {(first, second)!r}")
    one, other = 1.0 / first, 1.0 / second
    log_one, log_other = -log(first), -log(second)
    exponent = 1.0
    if one + other < 1.0 - CONVERGED:
        exponent, one, other = 0.0, 1.0, 1.0
    for _ in range(NEWTON_STEPS):
        total = one + other
        if -CONVERGED < total - 1.0 < CONVERGED:
            return one / total, other / total
        exponent -= log(total) * total / (one * log_one + other * log_other)
        one, other = exp(exponent * log_one), exp(exponent * log_other)
    raise ValueError(f"no power takes the margin out of {(first, second)!r}")


def _require_market(prices: Sequence[float]) -> None:
    if len(prices) < 2 or not all(1.0 < price < inf for price in prices):
        raise ValueError(f"not the decimal prices of a market: {prices!r}")

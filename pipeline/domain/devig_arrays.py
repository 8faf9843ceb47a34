"""Fair probabilities of many markets at once, for what is fitted or tested on seasons of them.

The methods of `devig` with numpy over the leading axes. Equal to them to 1e-11, not to the bit, because
numpy's vector loops round as the processor's width has it: what a fold publishes comes from `devig`.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from pipeline.domain.devig import CONVERGED, NEWTON_STEPS, SAME_AS

Floats = NDArray[np.float64]


def devig_arrays(prices: Floats, method: str) -> Floats:
    """Fair probabilities of each market by one method; NaN for all outcomes of a market that it cannot do.

    Parameters
    ----------
    prices : array, shape (..., n)
        Decimal prices of the n >= 2 outcomes of a market. Leading axes are independent markets.
    method : str
        A name in `devig.METHODS`.

    Returns
    -------
    array, shape (..., n)
        Probabilities in (0, 1) that sum to 1 over the last axis, or NaN where `devig` would refuse.

    Raises
    ------
    ValueError
        If there is no such method, a price is not finite or not above 1, or a market has one outcome.

    Examples
    --------
    >>> devig_arrays(np.array([[1.33, 3.40], [2.15, 2.05]]), "shin").round(5).tolist()
    [[0.72888, 0.27112], [nan, nan]]
    """
    name = SAME_AS.get(method, method)
    if name not in BATCHES:
        raise ValueError(f"no method {method!r}; there are {', '.join([*BATCHES, *SAME_AS])}")
    if prices.ndim == 0 or prices.shape[-1] < 2 or not np.all((prices > 1.0) & (prices < np.inf)):
        raise ValueError(f"not the decimal prices of markets, an array of shape {prices.shape}")
    rows = prices.reshape(-1, prices.shape[-1])
    # One contiguous row for each outcome: an operation then takes all markets in one loop.
    with np.errstate(divide="ignore", invalid="ignore"):
        fair = BATCHES[name](np.ascontiguousarray(rows.T))
        fair /= _total(fair)
        outside = ~((fair.min(0) > 0.0) & (fair.max(0) < 1.0))
    fair[:, outside] = np.nan
    return fair.T.reshape(prices.shape)


def _total(shares: Floats) -> Floats:
    total: Floats = shares[0].copy()
    for share in shares[1:]:
        total += share
    return total


def _multiplicative(prices: Floats) -> Floats:
    shares: Floats = 1.0 / prices
    return shares


def _additive(prices: Floats) -> Floats:
    shares = 1.0 / prices
    shares -= (_total(shares) - 1.0) / len(prices)
    return shares


def _power(prices: Floats) -> Floats:
    logs = -np.log(prices)
    exponent = np.where(_total(1.0 / prices) < 1.0 - CONVERGED, 0.0, 1.0)
    for _ in range(NEWTON_STEPS):
        shares: Floats = np.exp(exponent * logs)
        total = _total(shares)
        if _converged(total - 1.0):
            return shares
        exponent -= np.log(total) * total / _total(shares * logs)
    return _only_converged(shares, total - 1.0)


def _shin(prices: Floats) -> Floats:
    shares = 1.0 / prices
    total = _total(shares)
    squares = shares * shares / total
    squares[:, total < 1.0 - CONVERGED] = np.nan
    outside = np.ones_like(total)
    for _ in range(NEWTON_STEPS):
        insiders = 1.0 - outside
        roots = np.sqrt(insiders * insiders + 4.0 * outside * squares)
        sums = roots + insiders
        fair: Floats = 2.0 * squares / sums
        excess = _total(fair) - 1.0
        if _converged(excess):
            return fair
        slope = outside * _total(fair * (sums - 2.0 * squares) / (roots * sums))
        outside *= slope / (slope + excess)
    return _only_converged(fair, excess)


def _odds_ratio(prices: Floats) -> Floats:
    odds = 1.0 / (prices - 1.0)
    ratio = (len(odds) - 1) * odds.min(0)
    ratio[(ratio < 1.0) & (_total(1.0 / prices) >= 1.0)] = 1.0
    for _ in range(NEWTON_STEPS):
        fair: Floats = odds / (ratio + odds)
        total = _total(fair)
        if _converged(total - 1.0):
            return fair
        ratio += total * (total - 1.0) / _total(fair / (ratio + odds))
    return _only_converged(fair, total - 1.0)


def _converged(excess: Floats) -> bool:
    """Whether every market has, those apart that the method cannot do."""
    return not np.any(np.abs(excess) >= CONVERGED)


def _only_converged(fair: Floats, excess: Floats) -> Floats:
    fair[:, np.abs(excess) >= CONVERGED] = np.nan
    return fair


BATCHES: dict[str, Callable[[Floats], Floats]] = {
    "multiplicative": _multiplicative,
    "additive": _additive,
    "power": _power,
    "shin": _shin,
    "odds_ratio": _odds_ratio,
}

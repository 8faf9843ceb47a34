"""How fast a bankroll grows on bets that are decided together, and the slopes of that.

Bets come in groups: what hangs together is in one, and groups are independent. Few ways in which everything
can end are gone through one by one. Where there are too many, ``1 / w`` and ``log w`` of the wealth are
written as integrals of ``exp(-t w)``, whose expectation is a product over the groups: the work then grows
with the number of groups, not with that of their combinations. The integrals are sums over evenly spaced
``log t``, whose error is the same share of every wealth, so of each expectation too: below 1e-11, without any
chance.

References
----------
Trefethen and Weideman (2014), The exponentially convergent trapezoidal rule, SIAM Review 56(3).
"""

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from pipeline.domain.settlement import Result, profit

TOLERANCE = 1e-9
MOST_WAYS = 128  # beyond, the integrals are quicker than going through all of them
RAREST = 1e-12  # of the chance of a way to end: what is left over by rounding must not count as a ruin
STEP = 0.3  # of log t: leaves 2 |Gamma(1 + 2 pi i / STEP)|, 1e-13, of 1 / w
NEAR_ZERO, FAR = 1e-6, 36.0  # of t w: where exp(-t w) is 1 to the second order, and where it is nothing

Shares = Sequence[Sequence[float]]


class Group(NamedTuple):
    """Bets that hang together: the ways they can end, and what each way pays each bet for a unit staked."""

    chances: tuple[float, ...]
    profits: tuple[tuple[float, ...], ...]


class Slopes(NamedTuple):
    """First and second derivatives of the growth by the shares, all bets in a row, and the worst wealth."""

    first: list[float]
    second: list[list[float]]


def group(results: Mapping[tuple[Result, ...], float], prices: Sequence[float]) -> Group:
    """The group of bets whose results come together as often as given.

    What is rarer than 1e-12 is left out.

    Parameters
    ----------
    results : mapping of n results to a probability
        The probabilities sum to 1.
    prices : sequence of n floats
        Decimal price of each bet.

    Raises
    ------
    ValueError
        If a price is not finite or not above 1, a number of results is not that of the prices, or the
        probabilities are none or do not sum to 1.

    Examples
    --------
    >>> group({(Result.WON, Result.LOST): 0.25, (Result.LOST, Result.WON): 0.75}, [3.0, 1.5])
    Group(chances=(0.25, 0.75), profits=((2.0, -1.0), (-1.0, 0.5)))
    """
    total = math.fsum(results.values())
    if not (abs(total - 1.0) <= TOLERANCE and min(results.values()) >= 0.0):
        raise ValueError(f"not the probabilities of all that can happen: {dict(results)!r}")
    ways = [(ends, chance) for ends, chance in results.items() if chance > RAREST]
    return Group(
        tuple([chance / total for _, chance in ways]),
        tuple(
            [tuple([profit(end, price) for end, price in zip(ends, prices, strict=True)]) for ends, _ in ways]
        ),
    )


def growth(groups: Sequence[Group], shares: Shares) -> float:
    """Expected logarithm of what a unit of bankroll becomes; minus infinity where it may be lost.

    Parameters
    ----------
    groups : sequence of Group
        Independent of one another.
    shares : sequence of sequences of floats
        Of each group, of each of its bets: the share of the bankroll on it, at least 0.

    Returns
    -------
    float
        To 1e-11.

    Raises
    ------
    ValueError
        If shares and groups differ in number.

    Examples
    --------
    >>> even = group({(Result.WON,): 0.55, (Result.LOST,): 0.45}, [2.0])
    >>> round(growth([even], [[0.1]]), 6), round(growth([even] * 9, [[0.1]] * 9), 6)
    (0.005008, 0.042548)
    """
    if worst_wealth(groups, shares) <= 0.0:
        return -math.inf
    if ways(groups) <= MOST_WAYS:
        together = merged(groups)
        flat = [share for row in shares for share in row]
        return math.fsum(
            [
                chance * math.log1p(_product(each, flat))
                for chance, each in zip(together.chances, together.profits, strict=True)
            ]
        )
    return math.fsum([step * (math.exp(-t) - transform) for t, step, transform, _ in _nodes(groups, shares)])


def slopes(groups: Sequence[Group], shares: Shares) -> Slopes:
    """Derivatives of `growth` by the shares, to a share of 1e-11 of the largest; the parameters are its own.

    Raises
    ------
    ValueError
        If shares and groups differ in number, or the bankroll may be lost.

    Examples
    --------
    >>> slopes([group({(Result.WON,): 0.5, (Result.LOST,): 0.5}, [3.0])], [[0.0]])
    Slopes(first=[0.5], second=[[-2.5]])
    """
    if not worst_wealth(groups, shares) > 0.0:
        raise ValueError(f"shares that may lose the bankroll have no growth: {shares!r}")
    if ways(groups) <= MOST_WAYS:
        return _counted(merged(groups), [share for row in shares for share in row])
    return _integrated(groups, shares)


def worst_wealth(groups: Sequence[Group], shares: Shares) -> float:
    """What a unit of bankroll becomes when every group ends the worst way.

    Raises
    ------
    ValueError
        If shares and groups differ in number.

    Examples
    --------
    >>> worst_wealth([Group((0.5, 0.5), ((1.0,), (-1.0,)))] * 2, [[0.25], [0.5]])
    0.25
    """
    return 1.0 + math.fsum(
        [min([_product(way, row) for way in each.profits]) for each, row in zip(groups, shares, strict=True)]
    )


def ways(groups: Sequence[Group]) -> int:
    """Number of ways in which all groups together can end.

    Examples
    --------
    >>> ways([Group((0.5, 0.5), ((1.0,), (-1.0,)))] * 10)
    1024
    """
    return math.prod([len(each.chances) for each in groups])


def merged(groups: Sequence[Group]) -> Group:
    """All groups as one, with every way in which they can end together.

    Examples
    --------
    >>> merged([Group((0.5, 0.5), ((1.0,), (-1.0,)))] * 2).profits
    ((1.0, 1.0), (1.0, -1.0), (-1.0, 1.0), (-1.0, -1.0))
    """
    if len(groups) == 1:
        return groups[0]
    return Group(
        tuple([math.prod(each) for each in itertools.product(*[each.chances for each in groups])]),
        tuple(
            [
                tuple(itertools.chain.from_iterable(each))
                for each in itertools.product(*[each.profits for each in groups])
            ]
        ),
    )


def _counted(together: Group, shares: list[float]) -> Slopes:
    size = len(shares)
    first = [0.0] * size
    second = [[0.0] * size for _ in range(size)]
    for chance, profits in zip(together.chances, together.profits, strict=True):
        scaled = [each / (1.0 + _product(profits, shares)) for each in profits]
        for i, own in enumerate(scaled):
            first[i] += chance * own
            row, product = second[i], chance * own
            for j in range(i + 1):
                row[j] -= product * scaled[j]
    return Slopes(first, _mirrored(second))


def _integrated(groups: Sequence[Group], shares: Shares) -> Slopes:
    size = sum([len(row) for row in shares])
    first = [0.0] * size
    second = [[0.0] * size for _ in range(size)]
    for t, step, transform, tilted in _nodes(groups, shares):
        weight = step * t * transform
        means: list[float] = []
        for each, chances in zip(groups, tilted, strict=True):
            start = len(means)
            columns = list(zip(*each.profits, strict=True))
            means += [_product(chances, column) for column in columns]
            for i, column in enumerate(columns, start):
                first[i] += weight * means[i]
                row, curve = second[i], weight * t
                for j in range(start):
                    row[j] -= curve * means[i] * means[j]
                for j in range(start, i + 1):
                    row[j] -= curve * _product(chances, column, columns[j - start])
    return Slopes(first, _mirrored(second))


def _nodes(
    groups: Sequence[Group], shares: Shares
) -> Iterator[tuple[float, float, float, list[tuple[float, ...]]]]:
    """Of each t: itself, the step of log t, ``E exp(-t w)``, and each group's chances as that tilts them."""
    worst = [
        min([_product(way, row) for way in each.profits]) for each, row in zip(groups, shares, strict=True)
    ]
    best = [
        max([_product(way, row) for way in each.profits]) for each, row in zip(groups, shares, strict=True)
    ]
    least, most = 1.0 + math.fsum(worst), 1.0 + math.fsum(best)
    above = [
        [_product(way, row) - low for way in each.profits]
        for each, row, low in zip(groups, shares, worst, strict=True)
    ]
    # The bankroll as it is, 1, lies within the range too: the growth is measured from there.
    low = math.floor(math.log(NEAR_ZERO / max(most, 1.0)) / STEP)
    high = math.ceil(math.log(FAR / min(least, 1.0)) / STEP)
    # What lies below the first node falls in proportion to t: a geometric series, added to that node.
    step = STEP / -math.expm1(-STEP)
    for index in range(low, high + 1):
        t = math.exp(index * STEP)
        transform, tilted = math.exp(-t * least), []
        for each, excess in zip(groups, above, strict=True):
            parts = [chance * math.exp(-t * more) for chance, more in zip(each.chances, excess, strict=True)]
            total = sum(parts)
            transform *= total
            tilted.append(tuple([part / total for part in parts]))
        yield t, step, transform, tilted
        step = STEP


def _product(*factors: Sequence[float]) -> float:
    return sum(map(math.prod, zip(*factors, strict=True)))


def _mirrored(lower: list[list[float]]) -> list[list[float]]:
    for i, row in enumerate(lower):
        for j in range(i):
            lower[j][i] = row[j]
    return lower

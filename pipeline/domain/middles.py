"""Two legs on different lines of one total or margin: between the lines both win, elsewhere one does.

The first leg wins above the lower line, the second below the higher one: over 44.5 and under 47.5, or home
-3.5 and away +6.5, which are a margin above 3.5 and one below 6.5. Whole and quarter lines settle as they do
alone (`settlement.over_line`), so an edge of the window may bring one win and a refund, or halves. Money is
integer minor units.
"""

import math
from collections.abc import Callable

from pipeline.domain.arbitrage import settled_payout
from pipeline.domain.odds import booksum
from pipeline.domain.settlement import checked_line, over_line

Pair = tuple[float, float]


def window(lines: Pair) -> range:
    """The whole numbers at which both legs win in full.

    Parameters
    ----------
    lines : (lower, higher)
        Multiples of 0.25: the first leg wins above the lower, the second below the higher.

    Raises
    ------
    ValueError
        If a line is not a multiple of 0.25, or the first is not below the second.

    Examples
    --------
    >>> window((44.5, 47.5)), list(window((3.0, 4.0))), window((2.5, 4.25))
    (range(45, 48), [], range(3, 4))
    """
    lower, higher = _checked(lines)
    return range(math.ceil(lower + 0.5), math.floor(higher - 0.5) + 1)


def profits(lines: Pair, prices: Pair, legs: tuple[int, int]) -> dict[int, int]:
    """Profit at each whole number at which it may be another, in minor units.

    Parameters
    ----------
    lines : (lower, higher)
        As `window` takes them.
    prices, legs : pair
        Decimal prices, and stakes in minor units.

    Returns
    -------
    dict of number to profit
        Numbers in a row: the first stands for itself and all below, the last for itself and all above.

    Raises
    ------
    ValueError
        If the lines are not a middle's, or a price is not finite or not above 1.

    Examples
    --------
    >>> profits((3.0, 4.5), (1.91, 1.91), (10_000, 10_000))
    {2: -900, 3: 9100, 4: 18200, 5: -900}
    """
    lower, higher = _checked(lines)
    numbers = range(math.floor(lower - 0.5), math.ceil(higher + 0.5) + 1)
    found = {}
    for number in numbers:
        sides = over_line(number, lower), over_line(-number, -higher)
        found[number] = sum(map(settled_payout, sides, prices, legs)) - sum(legs)
    return found


def cost(lines: Pair, prices: Pair, legs: tuple[int, int]) -> int:
    """What the worst number loses, in minor units; below 0 where even that one wins.

    Parameters and errors are those of `profits`.

    Examples
    --------
    >>> cost((44.5, 47.5), (1.91, 1.91), (10_000, 10_000))
    900
    """
    return -min(profits(lines, prices, legs).values())


def break_even_chance(prices: Pair) -> float:
    """How often both legs have to win for a middle to pay, with stakes of which a miss costs the same.

    Of equal prices ``(2 - o) / o``; 0 where a miss costs nothing.

    Raises
    ------
    ValueError
        If a price is not finite or not above 1.

    Examples
    --------
    >>> round(break_even_chance((1.91, 1.91)), 4)
    0.0471
    """
    # With stakes 1 / o a miss pays 1 and a hit 2, for the booksum.
    return max(0.0, booksum(prices) - 1.0)


def expected_profit(
    lines: Pair, prices: Pair, legs: tuple[int, int], above: Callable[[float], float]
) -> float:
    """Expected profit, in minor units.

    Parameters
    ----------
    lines, prices, legs : pair
        As `profits` takes them.
    above : callable
        Probability that the total or margin is above x; asked only for x half way between whole numbers.

    Raises
    ------
    ValueError
        If the lines are not a middle's, or a price is not finite or not above 1.

    Examples
    --------
    A total that is 2, 3 or 4, each as likely:

    >>> above = {1.5: 1.0, 2.5: 2 / 3, 3.5: 1 / 3, 4.5: 0.0}.__getitem__
    >>> round(expected_profit((2.5, 3.5), (1.91, 1.91), (10_000, 10_000), above), 6)
    5466.666667
    """
    found = profits(lines, prices, legs)
    last = max(found)
    beyond = [1.0, *[above(number + 0.5) for number in found if number != last], 0.0]
    return math.fsum(
        [
            profit * (from_here - after)
            for profit, from_here, after in zip(found.values(), beyond[:-1], beyond[1:], strict=True)
        ]
    )


def _checked(lines: Pair) -> Pair:
    lower, higher = lines
    if not checked_line(lower) < checked_line(higher):
        raise ValueError(f"a middle lies between a lower line and a higher one: {lines!r}")
    return lines

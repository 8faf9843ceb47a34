"""The highest point of a concave function over shares that have a cap each and one for their sum.

An interior point method with a line search. Of our own for the reason that `roots` gives, and because it ends
with a proof: a concave function lies nowhere above its tangent, so the highest point of the tangent bounds
what any other shares could add.

References
----------
Frank and Wolfe (1956), An algorithm for quadratic programming, Naval Research Logistics Quarterly 3. Wächter
and Biegler (2006), On the implementation of an interior-point filter line-search algorithm for large-scale
nonlinear programming, Mathematical Programming 106 (its rules for the barrier and the multipliers).
"""

import math
from collections.abc import Callable

MOST_STEPS = 300  # of 9,500 portfolios the slowest took 30
MOST_HALVINGS = 60
FIRST_BARRIER = 1e-2
BALANCED = 10.0  # the barrier shrinks once every condition is met to this many times its weight
SHORT_OF = 0.99  # of the way to the nearest limit
RISE = 1e-4  # of what the slope promises, that a step has to bring
NOISE = 1e-13  # of a value
LEVEL = 1e-12  # of the curvature, added where shares can be exchanged and the way between them is level
TRUSTED = 1e6  # a multiplier may be off by this factor from what barrier and distance make it

Value = Callable[[list[float]], float]
Slopes = Callable[[list[float]], tuple[list[float], list[list[float]]]]


def highest(value: Value, slopes: Slopes, size: int, cap: float, budget: float, gain: float) -> list[float]:
    """Where a concave function of ``size`` shares in [0, cap], which sum to at most the budget, is highest.

    Parameters
    ----------
    value : callable
        Of the shares; minus infinity where it is not defined, which is not so near 0.
    slopes : callable
        First and second derivatives by the shares; of the second the rows of the whole matrix.
    size : int
        Number of shares.
    cap, budget : float
        Above 0.
    gain : float
        Above 0: no shares within the limits are higher by more. At a limit they are there exactly.

    Raises
    ------
    ValueError
        If it is not found, as where the derivatives are not those of the value.

    Examples
    --------
    >>> def value(x): return 2.0 * x[0] - x[0] ** 2 - x[1] ** 2 - x[1]
    >>> def slopes(x): return [2.0 - 2.0 * x[0], -2.0 * x[1] - 1.0], [[-2.0, 0.0], [0.0, -2.0]]
    >>> highest(value, slopes, 2, cap=0.5, budget=0.75, gain=1e-12)
    [0.5, 0.0]
    """
    if size == 0:
        return []
    # Each limit costs about the barrier in the end; far below what is asked for, rounding has the last word.
    barrier, least = FIRST_BARRIER, 0.04 * gain / (2 * size + 1)
    shares = [0.5 * min(cap, budget / size)] * size
    rooms = _rooms(shares, cap, budget)
    prices = [barrier / room for room in rooms]
    here = value(shares)
    for _ in range(MOST_STEPS):
        first, second = slopes(shares)
        if _most_to_gain(shares, first, cap, budget) <= gain:
            return _settled(shares, rooms, prices, cap, budget)
        while barrier > least and _off_balance(first, rooms, prices, barrier) <= BALANCED * barrier:
            barrier = max(min(0.2 * barrier, barrier**1.5), least)
        rise, step = _step(first, second, rooms, prices, barrier)
        steps = _changes(step)
        promised = math.fsum(map(math.prod, zip(rise, step, strict=True)))
        shares, here = _climbed(value, shares, here, step, promised, barrier, cap, budget)
        price_steps = [
            (barrier - price * (room + change)) / room
            for price, room, change in zip(prices, rooms, steps, strict=True)
        ]
        rooms = _rooms(shares, cap, budget)
        prices = [
            min(max(price, barrier / room / TRUSTED), barrier / room * TRUSTED)
            for price, room in zip(
                _along(prices, price_steps, _reach(prices, price_steps)), rooms, strict=True
            )
        ]
    raise ValueError(f"no highest point found in {MOST_STEPS} steps: {shares!r}")


def _climbed(
    value: Value,
    shares: list[float],
    here: float,
    step: list[float],
    promised: float,
    barrier: float,
    cap: float,
    budget: float,
) -> tuple[list[float], float]:
    """As far along a step as brings its part of what the slope promises, and the value there."""
    rooms = _rooms(shares, cap, budget)
    start, reach = here + _height(rooms, barrier), _reach(rooms, _changes(step))
    for _ in range(MOST_HALVINGS):
        moved = _along(shares, step, reach)
        moved_rooms = _rooms(moved, cap, budget)
        if min(moved_rooms) > 0.0:
            there = value(moved)
            if there + _height(moved_rooms, barrier) >= start + RISE * promised * reach - NOISE:
                return moved, there
        reach *= 0.5
    raise ValueError(f"no highest point found: the function does not rise from {shares!r} along {step!r}")


def _rooms(shares: list[float], cap: float, budget: float) -> list[float]:
    """Distances to every limit: each share's to 0, each share's to the cap, the sum's to the budget."""
    return [*shares, *[cap - share for share in shares], budget - math.fsum(shares)]


def _changes(step: list[float]) -> list[float]:
    return [*step, *[-each for each in step], -math.fsum(step)]


def _height(rooms: list[float], barrier: float) -> float:
    return barrier * math.fsum(map(math.log, rooms))


def _most_to_gain(shares: list[float], first: list[float], cap: float, budget: float) -> float:
    # The tangent is highest where the steepest shares are full, as far as the budget goes.
    gain, left = 0.0, budget
    for slope in sorted(first, reverse=True):
        if slope <= 0.0 or left <= 0.0:
            break
        gain += slope * min(cap, left)
        left -= cap
    return gain - math.fsum(map(math.prod, zip(first, shares, strict=True)))


def _off_balance(first: list[float], rooms: list[float], prices: list[float], barrier: float) -> float:
    size = len(first)
    uphill = [
        slope + below - above - prices[-1]
        for slope, below, above in zip(first, prices[:size], prices[size:-1], strict=True)
    ]
    apart = [room * price - barrier for room, price in zip(rooms, prices, strict=True)]
    return max(max(map(abs, uphill)), max(map(abs, apart)))


def _step(
    first: list[float], second: list[list[float]], rooms: list[float], prices: list[float], barrier: float
) -> tuple[list[float], list[float]]:
    """The slope of value and barrier together, and the step up it that their curvature suggests."""
    size = len(first)
    stiff = [price / room for price, room in zip(prices, rooms, strict=True)]
    push = [barrier / room for room in rooms]
    matrix = [[-curve for curve in row] for row in second]
    rise = []
    for i in range(size):
        matrix[i][i] += stiff[i] + stiff[size + i] - LEVEL * second[i][i]
        rise.append(first[i] + push[i] - push[size + i] - push[-1])
    free, together = _solved(matrix, rise, [1.0] * size)
    # The budget is stiff in one direction only, and beside it the rest would drown in rounding: put in last.
    pull = stiff[-1] * math.fsum(free) / (1.0 + stiff[-1] * math.fsum(together))
    return rise, [own - pull * common for own, common in zip(free, together, strict=True)]


def _settled(
    shares: list[float], rooms: list[float], prices: list[float], cap: float, budget: float
) -> list[float]:
    # A limit that costs more than it is away is one that the highest point lies on.
    size = len(shares)
    placed = [
        0.0 if share < prices[i] else cap if rooms[size + i] < prices[size + i] else share
        for i, share in enumerate(shares)
    ]
    total = math.fsum(placed)
    return [share * budget / total for share in placed] if total > budget else placed


def _along(start: list[float], step: list[float], reach: float) -> list[float]:
    return [value + reach * change for value, change in zip(start, step, strict=True)]


def _reach(values: list[float], steps: list[float]) -> float:
    ends = [-value / step for value, step in zip(values, steps, strict=True) if step < 0.0]
    return min(1.0, SHORT_OF * min(ends)) if ends else 1.0


def _solved(matrix: list[list[float]], *rights: list[float]) -> list[list[float]]:
    """Solve symmetric positive definite systems by elimination; the matrix is used up."""
    size, found = len(matrix), [list(right) for right in rights]
    for i in range(size):
        pivot_row = matrix[i]
        for j in range(i + 1, size):
            share = pivot_row[j] / pivot_row[i]
            if share:
                row = matrix[j]
                for k in range(j, size):
                    row[k] -= share * pivot_row[k]
                for right in found:
                    right[j] -= share * right[i]
    for i in reversed(range(size)):
        row = matrix[i]
        for right in found:
            right[i] = (right[i] - sum([row[k] * right[k] for k in range(i + 1, size)])) / row[i]
    return found

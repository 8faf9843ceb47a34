"""Where a function of one number crosses zero.

Of our own although scipy has one: loading it takes a process longer than all the rest together, and a worker
that died has to be back at once.

References
----------
Chandrupatla (1997), A new hybrid quadratic/bisection algorithm for finding the zero of a nonlinear function
without using derivatives, Advances in Engineering Software 28(3).
"""

import math
import sys
from collections.abc import Callable


def root(excess: Callable[[float], float], low: float, high: float, tolerance: float) -> float:
    """A point between ``low`` and ``high`` where ``excess`` is 0, to within ``tolerance``.

    Raises
    ------
    ValueError
        If ``excess`` has the same sign at both ends.

    Examples
    --------
    >>> round(root(lambda x: x * x - 2.0, 0.0, 2.0, 1e-12), 9)
    1.414213562
    """
    a, b = low, high
    at_a, at_b = excess(a), excess(b)
    if at_a == 0.0:
        return a
    if at_b == 0.0:
        return b
    if (at_a > 0.0) == (at_b > 0.0):
        raise ValueError(f"no sign change between {low!r} and {high!r}: {at_a!r}, {at_b!r}")
    share = 0.5
    while True:
        x = a + share * (b - a)
        at_x = excess(x)
        if (at_x > 0.0) == (at_a > 0.0):
            c, at_c = a, at_a
        else:
            c, at_c, b, at_b = b, at_b, a, at_a
        a, at_a = x, at_x
        best, at_best = (a, at_a) if abs(at_a) < abs(at_b) else (b, at_b)
        width = abs(b - a)
        least = 2.0 * sys.float_info.epsilon * abs(best) + 0.5 * tolerance
        if at_best == 0.0 or width <= 2.0 * least:
            return best
        # Inverse quadratic interpolation where the last three points allow it, else the middle.
        along, up = (a - b) / (c - b), (at_a - at_b) / (at_c - at_b)
        share = 0.5
        if 1.0 - math.sqrt(1.0 - along) < up < math.sqrt(along):
            share = at_a / (at_b - at_a) * at_c / (at_b - at_c) + (c - a) / (b - a) * at_a / (
                at_c - at_a
            ) * at_b / (at_c - at_b)
        edge = least / width
        share = min(max(share, edge), 1.0 - edge)

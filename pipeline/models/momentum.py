"""Momentum: what happened of late did to home's chances, each record the less the longer ago.

The sum over the game's records of `swing * exp(-age / FADES_S)`. Ages are those of the records' received
times, since baseball has no clock and every record has such a time: in a break of play momentum fades too.
"""

import math
from collections.abc import Sequence

#: Seconds after which a swing counts for 1 / e.
FADES_S = 300.0


def swing(before: Sequence[float], after: Sequence[float]) -> float:
    """By how much home's probability rose, half of a draw's counted: with the teams swapped, the negative."""
    if not (before and after):
        return 0.0
    return ((after[0] - before[0]) - (after[1] - before[1])) / 2.0


def faded(momentum: float, elapsed_ms: int) -> float:
    """What is left of a momentum after a time; time that runs backwards is none."""
    return momentum * math.exp(-max(0, elapsed_ms) / (1_000.0 * FADES_S))


def pushed(momentum: float, by: float) -> float:
    """A momentum with a swing of this moment, in [-1, 1]."""
    return min(1.0, max(-1.0, momentum + by))

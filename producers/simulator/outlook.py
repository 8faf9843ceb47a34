"""What is known of a game's end: exact probabilities of margin and total, and so of every market.

Scores to come are given as arrays over whole numbers: of each side alone where the sides are independent,
jointly where they are not. What a level score leads to is given by `Overtime`.
"""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from pipeline.domain.settlement import Chances, over_chances

Floats = NDArray[np.float64]
ONE: Floats = np.ones(1)


class Overtime:
    """What follows a level score.

    ``margin[m + reach]`` and ``total[n]`` are probabilities of points in overtime. ``margin`` may keep
    probability at 0: then the game can end level.
    """

    def __init__(self, margin: Floats, total: Floats) -> None:
        self.margin, self.total = margin, total
        self.reach = (len(margin) - 1) // 2


class Outlook:
    """Probabilities at one moment. ``regulation`` is home, away, draw; lines are asked with `fair`."""

    def __init__(
        self,
        margin: Floats,
        margin_from: int,
        total: Floats,
        total_from: int,
        regulation: tuple[float, float, float],
    ) -> None:
        self.regulation = regulation
        self._margin, self._margin_from = _tail(margin), margin_from
        self._total, self._total_from = _tail(total), total_from
        self._asked: dict[tuple[str, float], tuple[float, ...]] = {}

    def margin_above(self, x: float) -> float:
        """Probability that home minus away ends above x, not a whole number."""
        return _at(self._margin, int(np.floor(x)) + 1 - self._margin_from)

    def total_above(self, x: float) -> float:
        """Probability that both scores together end above x, not a whole number."""
        return _at(self._total, int(np.floor(x)) + 1 - self._total_from)

    def fair(self, market: str, line: float = 0.0) -> tuple[float, ...]:
        """Probabilities that a price without margin implies, in the market's order; they sum to 1.

        A stake that comes back counts for neither side.
        """
        key = market, line
        if (known := self._asked.get(key)) is not None:
            return known
        if market == "h2h_3way":
            answer: tuple[float, ...] = self.regulation
        elif market == "total":
            answer = _sides(over_chances(line, self.total_above))
        else:
            answer = _sides(over_chances(-line, self.margin_above))
        self._asked[key] = answer
        return answer

    def median_margin(self) -> int:
        """The margin that home passes at most half of the time."""
        return self._margin_from + _median(self._margin)

    def median_total(self) -> int:
        """The total that is passed at most half of the time."""
        return self._total_from + _median(self._total)


def of_sides(
    home_to_come: Floats, away_to_come: Floats, home: int, away: int, overtime: Overtime | None
) -> Outlook:
    """From independent points of each side still to come in regulation, and the score so far."""
    margin = np.convolve(home_to_come, away_to_come[::-1])
    total = np.convolve(home_to_come, away_to_come)
    margin_from = home - away - (len(away_to_come) - 1)
    level = np.zeros(len(total))
    if overtime is not None:
        shift = home - away  # home's points to come plus this are away's where it ends level
        n = np.arange(max(0, -shift), min(len(home_to_come), len(away_to_come) - shift))
        if len(n):
            level[2 * n + shift] = home_to_come[n] * away_to_come[n + shift]
    return _finished(margin, margin_from, total, home + away, level, overtime)


def of_joint(to_come: Floats, home: int, away: int, overtime: Overtime | None) -> Outlook:
    """From the joint probabilities ``to_come[h, a]`` of scores still to come in regulation."""
    size = to_come.shape[0]
    margins, totals = _diagonals(size)
    flat = to_come.ravel()
    margin: Floats = np.bincount(margins, flat, 2 * size - 1).astype(np.float64)
    total: Floats = np.bincount(totals, flat, 2 * size - 1).astype(np.float64)
    level = np.zeros(2 * size - 1)
    if overtime is not None:
        shift = home - away
        diagonal = to_come.diagonal(shift)
        first = abs(shift)
        level[first : first + 2 * len(diagonal) : 2] = diagonal
    return _finished(margin, home - away - (size - 1), total, home + away, level, overtime)


@lru_cache(maxsize=8)
def _diagonals(size: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    rows, columns = np.indices((size, size))
    return (rows - columns + size - 1).ravel(), (rows + columns).ravel()


def _finished(
    margin: Floats, margin_from: int, total: Floats, total_from: int, level: Floats, overtime: Overtime | None
) -> Outlook:
    zero = -margin_from
    below = float(margin[: max(0, zero)].sum())
    draw = float(margin[zero]) if 0 <= zero < len(margin) else 0.0
    above = max(0.0, 1.0 - below - draw)
    regulation = above, below, draw
    if overtime is not None and draw > 0.0:
        reach = overtime.reach
        wide = np.zeros(len(margin) + 2 * reach)
        wide[reach : reach + len(margin)] = margin
        wide[reach + zero] = 0.0
        wide[zero : zero + 2 * reach + 1] += draw * overtime.margin
        margin, margin_from = wide, margin_from - reach
        longer = np.convolve(level, overtime.total)
        longer[: len(total)] += total - level
        total = longer
    return Outlook(margin, margin_from, total, total_from, regulation)


def _tail(chances: Floats) -> list[float]:
    """Probability of each value and all above it; rounding is brought back into [0, 1]."""
    tail = np.cumsum(chances[::-1])[::-1]
    answer: list[float] = np.clip(tail / tail[0], 0.0, 1.0).tolist()
    return answer


def _at(tail: list[float], place: int) -> float:
    if place <= 0:
        return 1.0
    return tail[place] if place < len(tail) else 0.0


def _median(tail: list[float]) -> int:
    low, high = 0, len(tail) - 1
    while low < high:
        middle = (low + high + 1) // 2
        if tail[middle] > 0.5:
            low = middle
        else:
            high = middle - 1
    return low


def _sides(chances: Chances) -> tuple[float, float]:
    fair = chances.fair
    return fair, 1.0 - fair


def powers(step: Floats, count: int, most: int) -> list[Floats]:
    """Sums of 0 to ``count`` independent draws of ``step``; what is above ``most`` is counted there."""
    sums = [ONE]
    for _ in range(count):
        longer = np.convolve(sums[-1], step)
        if len(longer) > most + 1:
            longer[most] += longer[most + 1 :].sum()
            longer = longer[: most + 1]
        sums.append(longer)
    return sums


def repeated(margin: Floats, decided: Floats, level: Floats) -> Overtime:
    """Overtime that is played again until it decides, from one period of it.

    ``margin`` is centred on 0; ``decided[n]`` and ``level[n]`` are the probabilities of n points in a period
    that decides and in one that does not.
    """
    centre = (len(margin) - 1) // 2
    once = margin.copy()
    once[centre] = 0.0
    total = decided
    again = level
    for _ in range(4):  # of a fifth period that ends level too, the points do not matter any more
        total = _added(total, np.convolve(again, decided))
        again = np.convolve(again, level)
    return Overtime(once / once.sum(), total / total.sum())


def _added(first: Floats, second: Floats) -> Floats:
    longer = np.zeros(max(len(first), len(second)))
    longer[: len(first)] += first
    longer[: len(second)] += second
    return longer


def period_of_sides(home: Floats, away: Floats) -> tuple[Floats, Floats, Floats]:
    """Margin (centred), total where it decides, total where it stays level, of one period from 0-0."""
    size = max(len(home), len(away))
    home, away = np.pad(home, (0, size - len(home))), np.pad(away, (0, size - len(away)))
    margin = np.convolve(home, away[::-1])
    level = np.zeros(2 * size - 1)
    level[::2] = home * away
    return margin, np.maximum(np.convolve(home, away) - level, 0.0), level


def period_of_joint(joint: Floats) -> tuple[Floats, Floats, Floats]:
    """As `period_of_sides`, from joint probabilities."""
    size = joint.shape[0]
    margins, totals = _diagonals(size)
    level = np.zeros(2 * size - 1)
    level[::2] = joint.diagonal()
    flat = joint.ravel()
    total: Floats = np.bincount(totals, flat, 2 * size - 1).astype(np.float64)
    margin: Floats = np.bincount(margins, flat, 2 * size - 1).astype(np.float64)
    return margin, np.maximum(total - level, 0.0), level

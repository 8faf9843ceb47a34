"""The desks that quote: who they are, and what each makes of a true probability."""

import math
import random
from collections.abc import Sequence
from functools import cache
from typing import NamedTuple

from pipeline import data
from producers.simulator.outlook import Outlook

#: By the weight that a desk has in data/books.csv: margin of a market, spread of its opinion in log-odds, and
#: chances of a new look at a poll, in play and before the start.
CHARACTER = {
    3.0: (0.022, 0.010, 0.90, 0.30),
    2.0: (0.032, 0.015, 0.75, 0.20),
    1.0: (0.052, 0.035, 0.45, 0.10),
    0.5: (0.072, 0.055, 0.30, 0.06),
}
EXCHANGE = "sim-bourse"
#: How much of a desk's last opinion is still in the next one.
MEMORY = 0.9
#: A look is surer by this, for each unit by which the truth has moved away since the last one.
ALERT = 8.0
#: Nobody quotes a market in which one side is surer than this.
SUREST = 0.965
MOST_PRICE = 100.0
LEAST = 1e-6  # below it every price is the highest one
#: A market changes its line when another is nearer to even by this.
LINE_PATIENCE = 0.06


class Desk(NamedTuple):
    """One trading desk. ``books`` are indices into `books`."""

    name: str
    books: tuple[int, ...]
    margin: float
    noise: float
    live_look: float
    early_look: float


class Market(NamedTuple):
    """What is quoted in a sport. ``step``: of its lines; ``half``: only those that end in .5."""

    kind: str
    scope: str
    outcomes: int
    step: float = 0.0
    half: bool = False


class Waiting(NamedTuple):
    """What waits at an exchange's line; sizes in minor units, as `Depth` has them."""

    lay_prices: tuple[float, ...]
    back_sizes: tuple[int, ...]
    lay_sizes: tuple[int, ...]


class Quote(NamedTuple):
    """One book's line. ``fault`` is not shown, and empty where it is honest; ``waiting`` is an exchange's."""

    line: float
    prices: tuple[float, ...]
    open: bool
    fault: str = ""
    waiting: Waiting | None = None


@cache
def books() -> tuple[str, ...]:
    """Keys of the simulated books, in the order of the table, and last of the exchange."""
    simulated = [book.book for book in data.books().values() if book.kind == "simulated"]
    return (*simulated, EXCHANGE)


@cache
def desks() -> tuple[Desk, ...]:
    """The desks of the simulated books, without the exchange."""
    places: dict[str, list[int]] = {}
    weights: dict[str, float] = {}
    for place, key in enumerate(books()[:-1]):
        book = data.books()[key]
        places.setdefault(book.desk, []).append(place)
        weights[book.desk] = book.weight
    return tuple(Desk(name, tuple(places[name]), *CHARACTER[weights[name]]) for name in places)


def markets(sport: str) -> tuple[Market, ...]:
    """What is quoted in a sport."""
    if sport == "soccer":
        return (
            Market("h2h_3way", "regulation", 3),
            Market("spread", "regulation", 2, 0.25),
            Market("total", "regulation", 2, 0.25),
        )
    goals = sport in ("hockey", "baseball")
    step = 1.0 if goals else 0.5
    two_way = (
        Market("h2h", "game", 2),
        Market("spread", "game", 2, step, goals),
        Market("total", "game", 2, 0.5),
    )
    return (*two_way, Market("h2h_3way", "regulation", 3)) if sport == "hockey" else two_way


def main_line(outlook: Outlook, market: Market, current: float | None) -> float:
    """The line nearest to even; the current one while none is clearly nearer."""
    if not market.step:
        return 0.0
    if current is not None and abs(outlook.fair(market.kind, current)[0] - 0.5) <= LINE_PATIENCE:
        return current
    centre = float(-outlook.median_margin() if market.kind == "spread" else outlook.median_total())
    if market.half:
        centre += 0.5
    lines = [centre + step * market.step for step in range(-3, 4)]
    if market.half:  # half a goal either way is who wins
        lines = [line for line in lines if abs(line) > 0.5]
    if market.kind == "total":
        lines = [line for line in lines if line >= 0.5]
    best = min(lines, key=lambda line: (abs(outlook.fair(market.kind, line)[0] - 0.5), line))
    if current is None:
        return best
    gain = abs(outlook.fair(market.kind, current)[0] - 0.5) - abs(outlook.fair(market.kind, best)[0] - 0.5)
    return best if gain > LINE_PATIENCE else current


def prices(fair: Sequence[float], shift: float, margin: float) -> tuple[float, ...]:
    """What a desk offers that believes home (or over) likelier by ``shift`` in log-odds.

    Margin is taken by a power, more of it from the less likely.
    """
    power = _power(margin, len(fair))
    if len(fair) == 2:
        odds = fair[0] / fair[1] * math.exp(shift)
        first = odds / (1.0 + odds)
        return rounded(max(first, LEAST) ** power), rounded(max(1.0 - first, LEAST) ** power)
    home, away, draw = fair[0] * math.exp(shift / 2.0), fair[1] * math.exp(-shift / 2.0), fair[2]
    total = home + away + draw
    return tuple([rounded(max(chance / total, LEAST) ** power) for chance in (home, away, draw)])


@cache
def _power(margin: float, outcomes: int) -> float:
    """Of the probability, so that outcomes alike in chance cost together 1 and the margin."""
    return math.log(1.0 + margin) / math.log(outcomes) - 1.0


def rounded(price: float) -> float:
    """In the steps that books show."""
    if price < 10.0:
        return round(price, 2) if price > 1.01 else 1.01
    return round(price, 1) if price < 30.0 else min(MOST_PRICE, float(round(price)))


def opinion(rng: random.Random, last: float, noise: float) -> float:
    """The next opinion of a desk, as a shift in log-odds."""
    return MEMORY * last + noise * math.sqrt(1.0 - MEMORY * MEMORY) * rng.gauss(0.0, 1.0)

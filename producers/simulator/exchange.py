"""The exchange: people bet against one another, so each outcome has a price to back and one to lay.

It is sharp, its spread is narrow, and what waits at a price is finite.
"""

import math
import random
from collections.abc import Sequence

from producers.simulator.desks import MOST_PRICE, SUREST, Market, Quote, Waiting, opinion
from producers.simulator.outlook import Outlook
from producers.simulator.rates import RATES

#: Steps of prices: up to which price, and how far one is from the next.
TICKS = (
    (2.0, 0.01),
    (3.0, 0.02),
    (4.0, 0.05),
    (6.0, 0.1),
    (10.0, 0.2),
    (20.0, 0.5),
    (30.0, 1.0),
    (50.0, 2.0),
)
LAST_TICK = 5.0
LEAST_PRICE = 1.01
LEAST_SIZE_MINOR = 200
SIZE_STEP_MINOR = 100


class Exchange:
    """What waits at every market, from a stream of draws of its own."""

    def __init__(self, rng: random.Random, markets: Sequence[Market]) -> None:
        self.rng, self.markets = rng, markets
        self.shifts = [0.0, 0.0]
        self.quotes: list[Quote | None] = [None] * len(markets)
        self.quoted_at_ms = 0
        self._stopped_until_ms = 0

    def stop(self, at_ms: int) -> None:
        """Something happened: nothing is matched for a while."""
        until_ms = at_ms + int(self.rng.uniform(*RATES.suspension_s) * 1000)
        self._stopped_until_ms = max(self._stopped_until_ms, until_ms)

    def poll(self, now_ms: int, outlook: Outlook, lines: Sequence[float | None], live: bool) -> None:
        """Bring every market up to now."""
        self.quoted_at_ms = now_ms - 200 - int(1_300 * self.rng.random())
        if now_ms < self._stopped_until_ms:
            self.quotes = [_closed(quote) for quote in self.quotes]
            return
        was_closed = any(quote is not None and not quote.open for quote in self.quotes)
        if not (was_closed or self.rng.random() < RATES.exchange_look[0 if live else 1]):
            return
        self.shifts = [opinion(self.rng, shift, RATES.exchange_noise) for shift in self.shifts]
        for place, market in enumerate(self.markets):
            line = lines[place] or 0.0
            fair = outlook.fair(market.kind, line)
            if max(fair) <= SUREST:
                believed = _believed(fair, self.shifts[market.kind == "total"])
                self.quotes[place] = self._quote(line, believed)
            else:
                self.quotes[place] = _closed(self.quotes[place])

    def _quote(self, line: float, believed: Sequence[float]) -> Quote:
        back, lay = [], []
        for chance in believed:
            price = 1.0 / max(chance, 1.0 / MOST_PRICE)
            back.append(tick_below(price * (1.0 - self.rng.uniform(*RATES.exchange_spread))))
            lay.append(tick_above(price * (1.0 + self.rng.uniform(*RATES.exchange_spread))))
        sizes = [self._size_minor() for _ in range(2 * len(back))]
        waiting = Waiting(tuple(lay), tuple(sizes[: len(back)]), tuple(sizes[len(back) :]))
        return Quote(line, tuple(back), True, waiting=waiting)

    def _size_minor(self) -> int:
        median, spread = RATES.exchange_size_minor
        size = math.exp(math.log(median) + spread * self.rng.gauss(0.0, 1.0))
        return max(LEAST_SIZE_MINOR, round(size / SIZE_STEP_MINOR) * SIZE_STEP_MINOR)


def _closed(quote: Quote | None) -> Quote | None:
    return quote and quote._replace(open=False, waiting=None)


def _believed(fair: Sequence[float], shift: float) -> tuple[float, ...]:
    """Fair probabilities with home (or over) likelier by ``shift`` in log-odds."""
    tilted = [fair[0] * math.exp(shift / 2.0), fair[1] * math.exp(-shift / 2.0), *fair[2:]]
    total = sum(tilted)
    return tuple([each / total for each in tilted])


def _tick(price: float) -> float:
    return next((step for most, step in TICKS if price < most), LAST_TICK)


def tick_below(price: float) -> float:
    """The price itself where it can be asked for, else the next one below."""
    step = _tick(price)
    return max(LEAST_PRICE, round(math.floor(price / step + 1e-9) * step, 2))


def tick_above(price: float) -> float:
    """The next price above that can be asked for."""
    step = _tick(price)
    return round((math.floor(price / step + 1e-9) + 1) * step, 2)

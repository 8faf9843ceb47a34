"""What the books of one event show, poll by poll."""

import math
import random
from collections.abc import Sequence
from typing import NamedTuple

from producers.simulator.desks import (
    ALERT,
    SUREST,
    Desk,
    Market,
    books,
    desks,
    main_line,
    markets,
    opinion,
    prices,
    rounded,
)
from producers.simulator.faults import Fault, Window
from producers.simulator.outlook import Outlook
from producers.simulator.rates import RATES

#: Of the price beyond 1, what the brands of a desk give less than its first.
BRAND_CUTS = (0.0, 0.006, 0.012)
#: A desk that is of another opinion shows it only while the outcome is neither sure nor out of sight.
LEAST_PLANTED, MOST_PLANTED = 0.10, 0.85


class Quote(NamedTuple):
    """One book's line. ``fault`` is empty where it is honest; it is not shown."""

    line: float
    prices: tuple[float, ...]
    open: bool
    fault: str = ""


class _View:
    """What a desk thinks and shows of all markets."""

    def __init__(self, desk: Desk, rng: random.Random, count: int) -> None:
        self.desk = desk
        self.shifts = [rng.gauss(0.0, desk.noise), rng.gauss(0.0, desk.noise)]
        self.quotes: list[Quote | None] = [None] * count
        self.seen_truth = -1.0
        self.stopped_until_ms = 0
        self.stopped = False


class Board:
    """Quotes by book and market: ``shown[book][market]``, None where nothing was ever shown."""

    def __init__(self, rng: random.Random, sport: str) -> None:
        self.rng = rng
        self.markets = markets(sport)
        self.views = [_View(desk, rng, len(self.markets)) for desk in desks()]
        self.shown: list[list[Quote | None]] = [[None] * len(self.markets) for _ in books()]
        self.quoted_at_ms = [0] * len(books())
        self.frozen_since_ms: dict[int, int] = {}
        self._lines: list[float | None] = [None] * len(self.markets)
        # Every other brand leaves the second market of the result out.
        self.quoted = [
            [market.kind != "h2h_3way" or len(self.markets) == 3 or place % 2 == 0 for market in self.markets]
            for place in range(len(books()))
        ]

    def stop(self, at_ms: int) -> None:
        """Something happened at which books stop taking bets: each for a while of its own."""
        for view in self.views:
            until_ms = at_ms + int(self.rng.uniform(*RATES.suspension_s) * 1000)
            view.stopped_until_ms = max(view.stopped_until_ms, until_ms)
        # Who froze only just now still notices: nobody could tell yet that it is stale.
        for book, since_ms in list(self.frozen_since_ms.items()):
            if at_ms - since_ms < RATES.stale_s * 1000:
                self.frozen_since_ms[book] = 0

    def poll(self, now_ms: int, outlook: Outlook, live: bool, active: Sequence[Window]) -> list[tuple[int, int]]:
        """Bring every book up to now; says which (book, market) changed."""
        for place, market in enumerate(self.markets):
            self._lines[place] = main_line(outlook, market, self._lines[place])
        for view in self.views:
            self._look(view, now_ms, outlook, live)
        target = self._target()
        for window in active:
            if window.fault is Fault.ARBITRAGE or window.fault is Fault.STOP:
                self._disagree(target, window, outlook)
        self._spoil(target, active)
        self._freeze(target, now_ms, active)
        changed = []
        for book, row in enumerate(target):
            shown = self.shown[book]
            for place, quote in enumerate(row):
                if quote is not None and quote != shown[place]:
                    before = shown[place]
                    shown[place] = quote
                    if before is None or before[:3] != quote[:3]:
                        changed.append((book, place))
            if book not in self.frozen_since_ms or not self.frozen_since_ms[book]:
                self.quoted_at_ms[book] = max(self.quoted_at_ms[book], now_ms - self.rng.randrange(300, 4_000))
        return changed

    def _look(self, view: _View, now_ms: int, outlook: Outlook, live: bool) -> None:
        """A new look of a desk at the game, or none."""
        desk, rng = view.desk, self.rng
        was_stopped = view.stopped
        view.stopped = now_ms < view.stopped_until_ms
        truth = outlook.fair("h2h")[0]
        moved = abs(truth - view.seen_truth)
        look = (desk.live_look if live else desk.early_look) + ALERT * moved
        if view.stopped or not (was_stopped or rng.random() < look):
            return
        view.seen_truth = truth
        view.shifts = [opinion(rng, shift, desk.noise) for shift in view.shifts]
        for place, market in enumerate(self.markets):
            line = self._lines[place] or 0.0
            fair = outlook.fair(market.kind, line)
            if max(fair) > SUREST:
                last = view.quotes[place]
                view.quotes[place] = None if last is None else last._replace(open=False)
                continue
            shift = view.shifts[market.kind == "total"]
            view.quotes[place] = Quote(line, prices(fair, shift, desk.margin), True)

    def _target(self) -> list[list[Quote | None]]:
        target: list[list[Quote | None]] = [[]] * len(self.shown)
        for view in self.views:
            for brand, book in enumerate(view.desk.books):
                row: list[Quote | None] = []
                for place, quote in enumerate(view.quotes):
                    if quote is None or not self.quoted[book][place]:
                        row.append(None)
                        continue
                    shown = self.shown[book][place]
                    if view.stopped:
                        row.append(quote if shown is None else Quote(shown.line, shown.prices, False))
                        continue
                    if brand:
                        quote = Quote(quote.line, _cut(quote.prices, BRAND_CUTS[brand]), quote.open)
                    row.append(quote)
                target[book] = row
        return target

    def _disagree(self, target: list[list[Quote | None]], window: Window, outlook: Outlook) -> None:
        """Let one desk give so much for one outcome that, with the best of the others, nothing can be lost."""
        view = self.views[window.desk % len(self.views)]
        place = window.market % len(self.markets)
        market = self.markets[place]
        line = self._lines[place] or 0.0
        fair = outlook.fair(market.kind, line)
        outcome = window.outcome % market.outcomes
        if view.stopped or not LEAST_PLANTED < fair[outcome] < MOST_PLANTED or pays_back(market, line):
            return
        best = [0.0] * market.outcomes
        for book, row in enumerate(target):
            quote = row[place]
            if quote is not None and quote.open and quote.line == line and book not in view.desk.books:
                best = [max(pair) for pair in zip(best, quote.prices, strict=True)]
        others = [price for place_, price in enumerate(best) if place_ != outcome]
        if not all(others):
            return
        share = 1.0 / (1.0 + window.roi) - sum(1.0 / price for price in others)
        if share <= 0.05:
            return
        rest = (1.0 + view.desk.margin - share) / (1.0 - fair[outcome])
        offered = tuple(
            math.ceil(100.0 / share) / 100.0 if at == outcome else rounded(1.0 / max(0.01, min(0.98, chance * rest)))
            for at, chance in enumerate(fair)
        )
        stopped = window.fault is Fault.STOP
        for book in view.desk.books:
            if self.quoted[book][place]:
                target[book][place] = Quote(line, offered, not stopped, "suspended" if stopped else "")

    def _spoil(self, target: list[list[Quote | None]], active: Sequence[Window]) -> None:
        """Swapped sides and dropped outcomes, over what is honest."""
        for window in active:
            book = window.book % len(target)
            place = window.market % len(self.markets)
            if window.fault is Fault.SWAP:
                place = 0
                if (quote := target[book][place]) is not None:
                    home, away, *draw = quote.prices
                    target[book][place] = quote._replace(prices=(away, home, *draw), fault="swapped")
            elif window.fault is Fault.DROP:
                three = [at for at, market in enumerate(self.markets) if market.outcomes == 3]
                hit = [(at, three[0]) for at in range(len(target))] if three else [(book, place)]
                for at, market in hit:
                    if (quote := target[at][market]) is not None:
                        without = (*quote.prices[:-1], 0.0)
                        target[at][market] = quote._replace(prices=without, fault="dropped")

    def _freeze(self, target: list[list[Quote | None]], now_ms: int, active: Sequence[Window]) -> None:
        """Frozen books keep what they showed, and their old time."""
        frozen = {window.book % len(target): window.from_ms for window in active if window.fault is Fault.FREEZE}
        for book in [book for book in self.frozen_since_ms if book not in frozen]:
            del self.frozen_since_ms[book]
        for book in sorted(frozen):
            since_ms = self.frozen_since_ms.setdefault(book, now_ms if self.quoted_at_ms[book] else 0)
            if not since_ms:  # woken up early, see `stop`
                continue
            stale = now_ms - self.quoted_at_ms[book] > RATES.stale_s * 1000
            for place, quote in enumerate(self.shown[book]):
                if quote is not None:
                    target[book][place] = quote._replace(fault="stale") if stale else quote


def _cut(offered: tuple[float, ...], cut: float) -> tuple[float, ...]:
    return tuple([rounded(price - (price - 1.0) * cut) for price in offered])


def pays_back(market: Market, line: float) -> bool:
    """Whether stakes can come back, wholly or half: then nothing is sure to be won."""
    return bool(market.step) and (line * 2.0) % 2.0 != 1.0

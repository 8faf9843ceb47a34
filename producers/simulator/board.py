"""What the books of one event show, poll by poll."""

import math
import random
from collections.abc import Sequence

from producers.simulator.desks import (
    ALERT,
    SUREST,
    Desk,
    Market,
    Quote,
    books,
    desks,
    main_line,
    markets,
    opinion,
    prices,
    rounded,
)
from producers.simulator.exchange import Exchange
from producers.simulator.faults import Fault, Window
from producers.simulator.outlook import Outlook
from producers.simulator.phantoms import Phantoms
from producers.simulator.rates import RATES

#: Of the price beyond 1, what the brands of a desk give less than its first.
BRAND_CUTS = (0.0, 0.006, 0.012)
#: A desk that is of another opinion shows it only while the outcome is neither sure nor out of sight.
LEAST_PLANTED, MOST_PLANTED = 0.10, 0.85
#: Chance at a poll that a desk sees that others would profit from its price.
NOTICES = 0.9
#: A book that froze only just now wakes up when its price is off by this factor: nobody could call it stale.
LEFT_BEHIND = 1.06
LEAST_SHARE = 0.05  # of the implied probability of an outcome that a desk favours


class _View:
    """What a desk thinks and shows of all markets; ``brands[market]`` are the quotes of its books."""

    def __init__(self, desk: Desk, rng: random.Random, count: int) -> None:
        self.desk = desk
        self.shifts = [rng.gauss(0.0, desk.noise), rng.gauss(0.0, desk.noise)]
        self.quotes: list[Quote | None] = [None] * count
        self.brands: list[list[Quote | None]] = [[None] * len(desk.books) for _ in range(count)]
        self.seen = [-1.0] * count  # fair probability of the first outcome, when last looked
        self.moved = 1.0  # by how much the fair probabilities have left what was seen
        self.stopped_until_ms = 0
        self.stopped = False

    def show(self, place: int, quote: Quote) -> None:
        """Quote a market at every brand."""
        self.quotes[place] = quote
        self.brands[place] = [
            Quote(quote.line, _cut(quote.prices, BRAND_CUTS[brand]), quote.open) if brand else quote
            for brand in range(len(self.desk.books))
        ]


class Board:
    """Quotes by book and market: ``shown[book][market]``, None where nothing was ever shown.

    The last book is the exchange. ``real`` is what the books would give whatever they show.
    """

    def __init__(self, rng: random.Random, exchange_rng: random.Random, sport: str) -> None:
        self.rng = rng
        self.markets = markets(sport)
        self.views = [_View(desk, rng, len(self.markets)) for desk in desks()]
        self.exchange = Exchange(exchange_rng, self.markets)
        self.phantoms = Phantoms(desks(), self.markets)
        self.shown: list[list[Quote | None]] = [[None] * len(self.markets) for _ in books()]
        self.real = self.shown
        self.quoted_at_ms = [0] * len(books())
        self.frozen_since_ms: dict[int, int] = {}
        self._outlook: Outlook | None = None
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
        self.exchange.stop(at_ms)
        # Who froze only just now still notices: nobody could tell yet that it is stale.
        for book, since_ms in list(self.frozen_since_ms.items()):
            if at_ms - since_ms < RATES.stale_s * 1000:
                self.frozen_since_ms[book] = 0

    def poll(
        self, now_ms: int, outlook: Outlook, live: bool, active: Sequence[Window]
    ) -> list[tuple[int, int]]:
        """Bring every book up to now; says which (book, market) changed."""
        for place, market in enumerate(self.markets):
            self._lines[place] = main_line(outlook, market, self._lines[place])
        idle = [view for view in self.views if not self._look(view, now_ms, outlook, live)]
        self._outlook = outlook
        self._picked_off(idle, outlook)
        target = self._target()
        for window in active:
            if window.fault in (Fault.ARBITRAGE, Fault.STOP):
                self._disagree(target, window, outlook)
        real = [row[:] for row in target]
        self._spoil(target, active)
        self.phantoms.plant(target, self.shown, now_ms, outlook, active)
        self._freeze(target, now_ms, active)
        changed = []
        for book, row in enumerate(target):
            shown = self.shown[book]
            for place, quote in enumerate(row):
                before = shown[place]
                if quote is not before and quote is not None and quote != before:
                    shown[place] = quote
                    if before is None or before[:3] != quote[:3]:
                        changed.append((book, place))
            if not self.frozen_since_ms.get(book):
                quoted_at_ms = now_ms - 300 - int(3_700 * self.rng.random())
                if quoted_at_ms > self.quoted_at_ms[book]:
                    self.quoted_at_ms[book] = quoted_at_ms
        self.exchange.poll(now_ms, outlook, self._lines, live)
        changed += self._show_exchange(active)
        self.real = [*real, self.exchange.quotes]
        return changed

    def _show_exchange(self, active: Sequence[Window]) -> list[tuple[int, int]]:
        """Show what waits at the exchange, or still what waited there before; says what changed."""
        last = len(self.shown) - 1
        self.quoted_at_ms[last] = self.exchange.quoted_at_ms
        stuck = any(
            window.fault is Fault.STICK and window.book % len(self.shown) == last for window in active
        )
        changed = []
        for place, quote in enumerate(self.exchange.quotes):
            before = self.shown[last][place]
            if stuck and before is not None:
                differs = before._replace(fault="") != quote
                self.shown[last][place] = before._replace(fault="stuck" if differs else "")
            elif quote is not None and quote != before:
                self.shown[last][place] = quote
                if before is None or before._replace(fault="") != quote:
                    changed.append((last, place))
        return changed

    def _look(self, view: _View, now_ms: int, outlook: Outlook, live: bool) -> bool:
        """A new look of a desk at the game, or none. Who is stopped needs none."""
        was_stopped = view.stopped
        view.stopped = now_ms < view.stopped_until_ms
        if view.stopped:
            return True
        if outlook is not self._outlook:
            for market, quote, seen in zip(self.markets, view.quotes, view.seen, strict=True):
                if quote is not None:
                    view.moved = max(view.moved, abs(outlook.fair(market.kind, quote.line)[0] - seen))
        look = (view.desk.live_look if live else view.desk.early_look) + ALERT * view.moved
        if not (was_stopped or self.rng.random() < look):
            return False
        self._requote(view, outlook)
        return True

    def _picked_off(self, idle: list[_View], outlook: Outlook) -> None:
        """A desk whose old price others would profit from mostly notices."""
        for place, market in enumerate(self.markets):
            best: dict[float, tuple[list[float], list[int]]] = {}
            for at, view in enumerate(self.views):
                quote = view.quotes[place]
                if quote is None or view.stopped or not quote.open:
                    continue
                if (known := best.get(quote.line)) is None:
                    best[quote.line] = list(quote.prices), [at] * market.outcomes
                    continue
                for outcome, price in enumerate(quote.prices):
                    if price > known[0][outcome]:
                        known[0][outcome], known[1][outcome] = price, at
            for offered, holders in best.values():
                if sum([1.0 / price for price in offered]) >= 1.0:
                    continue
                for view in [view for view in idle if any(self.views[at] is view for at in holders)]:
                    if self.rng.random() < NOTICES:
                        idle.remove(view)
                        self._requote(view, outlook)

    def _requote(self, view: _View, outlook: Outlook) -> None:
        """Prices of a desk's present opinion, at every market that is still open."""
        desk, rng = view.desk, self.rng
        view.shifts = [opinion(rng, shift, desk.noise) for shift in view.shifts]
        view.moved = 0.0
        for place, market in enumerate(self.markets):
            line = self._lines[place] or 0.0
            fair = outlook.fair(market.kind, line)
            view.seen[place] = fair[0]
            if max(fair) <= SUREST:
                shift = view.shifts[market.kind == "total"]
                view.show(place, Quote(line, prices(fair, shift, desk.margin), True))
            elif (last := view.quotes[place]) is not None and last.open:
                view.show(place, last._replace(open=False))

    def _target(self) -> list[list[Quote | None]]:
        """What every book would show if nothing went wrong."""
        target: list[list[Quote | None]] = [[]] * (len(self.shown) - 1)
        for view in self.views:
            for brand, book in enumerate(view.desk.books):
                shown = self.shown[book]
                if view.stopped:
                    row = [quote and (quote._replace(open=False) if quote.open else quote) for quote in shown]
                else:
                    row = [
                        brands[brand] if quoted else None
                        for brands, quoted in zip(view.brands, self.quoted[book], strict=True)
                    ]
                target[book] = row
        return target

    def _disagree(self, target: list[list[Quote | None]], window: Window, outlook: Outlook) -> None:
        """Let one desk give so much for an outcome that, with the best of the others, nothing can be lost."""
        view = self.views[window.desk % len(self.views)]
        place = self.market_of(window)
        market = self.markets[place]
        line = self._lines[place] or 0.0
        fair = outlook.fair(market.kind, line)
        outcome = window.outcome % market.outcomes
        if view.stopped or not LEAST_PLANTED < fair[outcome] < MOST_PLANTED:
            return
        best = [0.0] * market.outcomes
        for book, row in enumerate(target):
            quote = row[place]
            if quote is not None and quote.open and quote.line == line and book not in view.desk.books:
                best = [max(pair) for pair in zip(best, quote.prices, strict=True)]
        others = [price for at, price in enumerate(best) if at != outcome]
        if not all(others):
            return
        share = 1.0 / (1.0 + window.roi) - sum(1.0 / price for price in others)
        if share <= LEAST_SHARE:
            return
        rest = (1.0 + view.desk.margin - share) / (1.0 - fair[outcome])
        offered = [rounded(1.0 / max(0.01, min(0.98, chance * rest))) for chance in fair]
        offered[outcome] = math.ceil(100.0 / share) / 100.0
        stopped = window.fault is Fault.STOP
        for book in view.desk.books:
            if self.quoted[book][place]:
                target[book][place] = Quote(line, tuple(offered), not stopped, "suspended" if stopped else "")

    def market_of(self, window: Window) -> int:
        """The market that a window is about: of those at whose present line no stake can come back."""
        sound = [
            place
            for place, market in enumerate(self.markets)
            if not pays_back(market, self._lines[place] or 0.0)
        ]
        return sound[window.market % len(sound)]

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
        frozen = {window.book % len(target) for window in active if window.fault is Fault.FREEZE}
        for book in [book for book in self.frozen_since_ms if book not in frozen]:
            del self.frozen_since_ms[book]
        for book in sorted(frozen):
            since_ms = self.frozen_since_ms.setdefault(book, now_ms if self.quoted_at_ms[book] else 0)
            if not since_ms:  # woken up early, see `stop`
                continue
            stale = now_ms - self.quoted_at_ms[book] > RATES.stale_s * 1000
            if not stale and self._left_behind(book):
                self.frozen_since_ms[book] = 0
                continue
            for place, quote in enumerate(self.shown[book]):
                if quote is not None:
                    target[book][place] = quote._replace(fault="stale") if stale else quote

    def _left_behind(self, book: int) -> bool:
        """Whether a book's desk is by now of quite another opinion than the book shows."""
        view = next(view for view in self.views if book in view.desk.books)
        return any(
            quote is not None
            and shown is not None
            and quote.line == shown.line
            and max(quote.prices) > LEFT_BEHIND * max(shown.prices)
            for quote, shown in zip(view.quotes, self.shown[book], strict=True)
        )


def _cut(offered: tuple[float, ...], cut: float) -> tuple[float, ...]:
    return tuple([rounded(price - (price - 1.0) * cut) for price in offered])


def pays_back(market: Market, line: float) -> bool:
    """Whether stakes can come back, wholly or half: then nothing is sure to be won."""
    return bool(market.step) and (line * 2.0) % 2.0 != 1.0

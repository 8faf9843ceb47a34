"""Prices that a book shows and would not give, planted over what is honest.

A quote that shows what its book would give anyway is not at fault, whatever window is open.
"""

from collections import deque
from collections.abc import Sequence
from typing import Any

from producers.simulator.desks import LEAST, SUREST, Desk, Market, Quote, prices
from producers.simulator.faults import DRAWS, Fault, Window
from producers.simulator.outlook import Outlook
from producers.simulator.rates import RATES

Row = list[Quote | None]
#: Of the log-odds of a game's winner, what is left for its first half.
HALF_SHARE = 0.6
#: Of what is not drawn at the end, the share that is level at half-time.
LEVEL_AT_HALF = 0.2
#: What a slip of the decimal point makes of a price.
SLIP = 10.0


class Phantoms:
    """What the windows of one event need to remember while they are open."""

    def __init__(self, desks: Sequence[Desk], markets: Sequence[Market]) -> None:
        self.desks, self.markets = desks, markets
        self.brands = [book for desk in desks for book in desk.books[1:]]
        self.desk_of = {book: desk for desk in desks for book in desk.books}
        self._kept: dict[Window, Any] = {}

    def plant(
        self,
        target: list[Row],
        shown: list[Row],
        now_ms: int,
        outlook: Outlook,
        active: Sequence[Window],
    ) -> None:
        """Change in ``target`` what the open windows are about; ``shown`` is what readers saw last."""
        self._kept = {window: kept for window, kept in self._kept.items() if window in active}
        for window in active:
            match window.fault:
                case Fault.STICK if (book := window.book % (len(target) + 1)) < len(target):
                    self._show(target, book, self._kept.setdefault(window, shown[book][:]), "stuck")
                case Fault.LAG:
                    book = self.brands[window.book % len(self.brands)]
                    self._show(target, book, self._late(window, shown[book], target[book], now_ms), "lagging")
                case Fault.TYPO:
                    self._mistype(target, window)
                case Fault.OTHER_LINE:
                    self._other_line(target, window, outlook)
                case Fault.OTHER_PERIOD:
                    self._other_period(target, window, outlook)
                case Fault.REGULATION:
                    self._regulation(target, window, outlook)

    def _show(self, target: list[Row], book: int, row: Row, fault: str) -> None:
        for place, quote in enumerate(row):
            if quote is not None and target[book][place] is not None:
                self._replace(target, book, place, quote, fault)

    def _replace(self, target: list[Row], book: int, place: int, quote: Quote, fault: str) -> None:
        real = target[book][place]
        if real is not None and quote[:3] != real[:3]:
            target[book][place] = quote._replace(fault=fault)

    def _late(self, window: Window, shown: Row, row: Row, now_ms: int) -> Row:
        """The newest row that is old enough; what was shown when the window opened until there is one."""
        rows: deque[tuple[int, Row]] = self._kept.setdefault(window, deque([(0, shown[:])]))
        rows.append((now_ms, row[:]))
        until_ms = now_ms - int(_between(RATES.lag_behind_s, window.outcome) * 1000)
        while len(rows) > 1 and rows[1][0] <= until_ms:
            rows.popleft()
        return rows[0][1]

    def _mistype(self, target: list[Row], window: Window) -> None:
        book, place = window.book % len(target), window.market % len(self.markets)
        quote = target[book][place]
        if quote is None or not quote.open:
            return
        outcome = window.outcome % len(quote.prices)
        line, wrong = self._kept.setdefault(
            window, (quote.line, mistyped(quote.prices[outcome], window.desk))
        )
        if quote.line == line:
            typed = (*quote.prices[:outcome], wrong, *quote.prices[outcome + 1 :])
            self._replace(target, book, place, quote._replace(prices=typed), "typed")

    def _other_line(self, target: list[Row], window: Window, outlook: Outlook) -> None:
        book = window.book % len(target)
        lined = [place for place, market in enumerate(self.markets) if market.step]
        place = lined[window.market % len(lined)]
        quote = target[book][place]
        if quote is None or not quote.open:
            return
        away = (1 + window.desk % 3) * (1.0 if window.outcome % 2 else -1.0)
        fair = outlook.fair(self.markets[place].kind, quote.line + away)
        if max(fair) <= SUREST:
            other = prices(fair, 0.0, self.desk_of[book].margin)
            self._replace(target, book, place, quote._replace(prices=other), "other_line")

    def _other_period(self, target: list[Row], window: Window, outlook: Outlook) -> None:
        book = window.book % len(target)
        quote = target[book][0]
        if quote is None or not quote.open:
            return
        fair = outlook.fair(self.markets[0].kind, quote.line)
        other = prices(of_first_half(fair), 0.0, self.desk_of[book].margin)
        self._replace(target, book, 0, quote._replace(prices=other), "other_period")

    def _regulation(self, target: list[Row], window: Window, outlook: Outlook) -> None:
        kinds = [market.kind for market in self.markets]
        if "h2h" not in kinds or "h2h_3way" not in kinds:
            return
        place, fair = kinds.index("h2h"), outlook.fair("h2h_3way")
        desk = self.desks[window.desk % len(self.desks)]
        for book in desk.books:
            quote = target[book][place]
            if quote is not None and quote.open and max(fair) <= SUREST:
                without = prices(fair, 0.0, desk.margin)[:2]
                self._replace(target, book, place, quote._replace(prices=without), "dropped")


def mistyped(price: float, draw: int) -> float:
    """Ten times as high, or with its first two digits exchanged where that is a price at all."""
    first, tenth, hundredth = (int(digit) for digit in f"{price:.2f}".replace(".", "")[-3:])
    exchanged = (100 * tenth + 10 * first + hundredth) / 100.0
    if draw % 2 or price >= 10.0 or exchanged <= 1.0 or exchanged == price:
        return round(price * SLIP, 2)
    return exchanged


def of_first_half(fair: Sequence[float]) -> tuple[float, ...]:
    """About how likely each side leads after the first half; of a two-way market, where one does."""
    if len(fair) == 2:
        odds = (max(fair[0], LEAST) / max(fair[1], LEAST)) ** HALF_SHARE
        return odds / (1.0 + odds), 1.0 / (1.0 + odds)
    home, away, draw = fair
    level = draw + LEVEL_AT_HALF * (1.0 - draw)
    rest = (1.0 - level) / max(LEAST, 1.0 - draw)
    return home * rest, away * rest, level


def _between(bounds: tuple[float, float], draw: int) -> float:
    return bounds[0] + (bounds[1] - bounds[0]) * draw / DRAWS

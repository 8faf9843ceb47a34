"""The board: what each source shows, and what its silence means.

Each function takes a source's board as it was and gives the new one with the markets that may have changed by
it. A quote that is merely seen again changes nothing, unless it had not been usable before.
"""

from bisect import bisect_left
from collections.abc import Callable
from typing import NamedTuple

from msgspec.structs import replace

from pipeline.records import ClockTick, OddsSnapshot, SnapshotKind, SourceState
from pipeline.stages.markets.state import MarketKey, Quote, Quotes, SourceBoard, Waiting

Changed = set[MarketKey]


class Since(NamedTuple):
    """A quote is used only if it was seen from here on, and, where it says so, quoted from here on."""

    seen_ms: int
    quoted_ms: int


def shown(
    board: SourceBoard, snapshot: OddsSnapshot, since: Since, lag_ms: int
) -> tuple[SourceBoard, Changed] | None:
    """The board after a snapshot of its source; None where it cannot be used.

    That is one received before the newest, or one that speaks of changes to something nobody knows: a full
    snapshot has to come first, and again after the source was down or gone. A quote that could not be used
    until now, by ``since``, is changed by being seen again; so is one whose own time has now fallen more
    than ``lag_ms`` behind that of its source's others.
    """
    if snapshot.received_at_ms < board.newest_at_ms:
        return None
    match snapshot.kind:
        case SnapshotKind.FULL:
            quotes, changed = _full(board, snapshot, since)
            full_at_ms = snapshot.received_at_ms
            if board.down:
                changed |= quotes.keys()
        case SnapshotKind.GONE:
            gone = replace(
                board, quotes={}, full_at_ms=0, newest_at_ms=snapshot.received_at_ms, quoted_at_ms=0, asked={}
            )
            return gone, set(board.quotes)
        case _:
            if board.full_at_ms == 0 or board.down:
                return None
            quotes, changed = _seen_again(board, snapshot, since)
            if snapshot.kind is SnapshotKind.DELTA:
                _overlay(quotes, changed, board, snapshot)
            full_at_ms = board.full_at_ms
    quoted = sorted(
        [quote.quoted_at_ms for books in quotes.values() for quote in books.values() if quote.quoted_at_ms]
    )
    quoted_at_ms = quoted[len(quoted) // 2] if quoted else 0
    bounds = sorted((since.quoted_ms, quoted_at_ms - lag_ms))
    if bisect_left(quoted, bounds[0]) != bisect_left(quoted, bounds[1]):
        changed |= _quoted_between(quotes, *bounds)
    asked = board.asked
    if snapshot.regions or asked:
        asked = {**asked, **dict.fromkeys([line.book for line in snapshot.lines], snapshot.regions)}
        asked = {book: regions for book, regions in asked.items() if regions}
    after = replace(
        board,
        quotes=quotes,
        full_at_ms=full_at_ms,
        newest_at_ms=snapshot.received_at_ms,
        quoted_at_ms=quoted_at_ms,
        asked=asked,
    )
    return after, changed


def told(source: str, board: SourceBoard, tick: ClockTick) -> SourceBoard:
    """The board after a tick that says how its source fares; the very board where that is no news.

    A full snapshot received after an outage began ends it, as far as its quotes go: ticks may be late to say
    so. One that came and went between two ticks, or before the event was seen, is told all the same, by what
    the tick says has to be shown whole since.
    """
    state = next((state for state in tick.sources if state.source == source), SourceState(source=source))
    full_from_ms = max(board.full_from_ms, state.full_from_ms, state.down_since_ms)
    if board.off and not state.off and not state.full_from_ms:
        full_from_ms = tick.received_at_ms
    told = replace(board, off=state.off, full_from_ms=full_from_ms)
    # A moment that lies before all that is shown changes nothing: writing that down is not worth a row.
    nothing_new = told.off == board.off and not (told.down or board.down)
    return board if nothing_new or told == board else told


def _full(board: SourceBoard, snapshot: OddsSnapshot, since: Since) -> tuple[Quotes, Changed]:
    before = board.quotes
    quotes: Quotes = {}
    changed: Changed = set()
    seen_at_ms, seen_from_ms, quoted_from_ms = snapshot.received_at_ms, since.seen_ms, since.quoted_ms
    nothing: dict[str, Quote] = {}
    waits = _waiting(snapshot)
    for line in snapshot.lines:
        key, book, prices = (line.market, line.scope, line.line), line.book, line.prices
        waiting = waits.get((book, key)) if waits else None
        old = before.get(key, nothing).get(book)
        if (
            old is not None
            and old.prices == prices
            and old.status is line.status
            and (old.waiting is waiting or old.waiting == waiting)
        ):
            quote = Quote(prices, old.status, line.quoted_at_ms, old.changed_at_ms, seen_at_ms, waiting)
            if old.seen_at_ms < seen_from_ms or (
                0 < old.quoted_at_ms < quoted_from_ms and _spoke_up(since, old, line.quoted_at_ms)
            ):
                changed.add(key)
        else:
            changed.add(key)
            if not any(prices):  # nothing is offered any more
                continue
            quote = Quote(prices, line.status, line.quoted_at_ms, seen_at_ms, seen_at_ms, waiting)
        here = quotes.get(key)
        if here is None:
            quotes[key] = {book: quote}
        else:
            here[book] = quote
    covers = _cover(board, snapshot)
    for key, books in before.items():
        shown_here = quotes.get(key, nothing)
        if not shown_here.keys() >= books.keys():
            for book, quote in books.items():
                if book not in shown_here and covers(key, book):
                    changed.add(key)
                elif book not in shown_here:
                    quotes.setdefault(key, {})[book] = quote
    return quotes, changed


def _seen_again(board: SourceBoard, snapshot: OddsSnapshot, since: Since) -> tuple[Quotes, Changed]:
    covers = _cover(board, snapshot)
    everything = not (snapshot.markets or snapshot.books or snapshot.regions)
    seen_at_ms, seen_from_ms, quoted_from_ms = snapshot.received_at_ms, since.seen_ms, since.quoted_ms
    said = {seen.book: seen.quoted_at_ms for seen in snapshot.seen}
    quotes: Quotes = {}
    changed: Changed = set()
    for key, books in board.quotes.items():
        here = quotes[key] = dict(books)
        for book, old in books.items():
            if everything or covers(key, book):
                quoted_at_ms = said.get(book, old.quoted_at_ms)
                here[book] = Quote(
                    old.prices, old.status, quoted_at_ms, old.changed_at_ms, seen_at_ms, old.waiting
                )
                if old.seen_at_ms < seen_from_ms or (
                    0 < old.quoted_at_ms < quoted_from_ms and _spoke_up(since, old, quoted_at_ms)
                ):
                    changed.add(key)
    return quotes, changed


def _overlay(quotes: Quotes, changed: Changed, board: SourceBoard, snapshot: OddsSnapshot) -> None:
    seen_at_ms = snapshot.received_at_ms
    waits = _waiting(snapshot)
    for line in snapshot.lines:
        key = (line.market, line.scope, line.line)
        waiting = waits.get((line.book, key))
        old = board.quotes.get(key, {}).get(line.book)
        same = old is not None and (old.prices, old.status, old.waiting) == (
            line.prices,
            line.status,
            waiting,
        )
        changed_at_ms = old.changed_at_ms if old is not None and same else seen_at_ms
        here = quotes.setdefault(key, {})
        here[line.book] = Quote(
            line.prices, line.status, line.quoted_at_ms, changed_at_ms, seen_at_ms, waiting
        )
        if not same:
            changed.add(key)
            if not any(line.prices):
                del here[line.book]
                if not here:
                    del quotes[key]


def _waiting(snapshot: OddsSnapshot) -> dict[tuple[str, MarketKey], Waiting]:
    """What exchanges have waiting, by the line that it belongs to; without its line it is nothing."""
    return {
        (depth.book, (depth.market, depth.scope, depth.line)): Waiting(
            depth.lay_prices, depth.back_sizes, depth.lay_sizes
        )
        for depth in snapshot.depth
    }


def _spoke_up(since: Since, old: Quote, quoted_at_ms: int) -> bool:
    return 0 < old.quoted_at_ms < since.quoted_ms and (quoted_at_ms >= since.quoted_ms or quoted_at_ms == 0)


def _quoted_between(quotes: Quotes, from_ms: int, to_ms: int) -> Changed:
    return {
        key
        for key, books in quotes.items()
        if any(from_ms <= quote.quoted_at_ms < to_ms for quote in books.values())
    }


def _cover(board: SourceBoard, snapshot: OddsSnapshot) -> Callable[[MarketKey, str], bool]:
    """Whether a snapshot looked at a book's market, so that its silence says something.

    A book asked for by region is covered only by a poll of every region that was asked for when it was last
    shown: in which of them it is at home, the source does not say.
    """
    markets, books = frozenset(snapshot.markets), frozenset(snapshot.books)
    if not books and snapshot.regions:
        regions = frozenset(snapshot.regions)
        books = frozenset([book for book, asked in board.asked.items() if regions.issuperset(asked)])
    every_market, every_book = not markets, not (snapshot.books or snapshot.regions)

    def covers(key: MarketKey, book: str) -> bool:
        return (every_market or key[0] in markets) and (every_book or book in books)

    return covers

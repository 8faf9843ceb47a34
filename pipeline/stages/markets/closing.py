"""The line before the start: what the market thought, and what each book last offered openly.

A line that every desk pulled keeps its last value until the market offers another line of its kind; so does
a book's last open price. Published when a fair probability moved materially or a line is new, and once more
when the game starts, as it stood before that moment.

The start is known later than it happens, and may be corrected. So from ten minutes before the scheduled start
the line is kept in versions, at least a minute apart: a start that is learnt up to four minutes late, or is
corrected within what the versions span, is answered from before it, at most a minute early; one further back
from the oldest version. A start that is corrected to later moves nothing but its time, unless the game is not
running any more: then the line is open again.
"""

from pipeline.domain.devig import power_devig
from pipeline.records import LATEST_MS, GameStatus, QuoteStatus
from pipeline.settings import Rules
from pipeline.stages.markets.fair import heights
from pipeline.stages.markets.offers import Moment
from pipeline.stages.markets.state import (
    OPEN,
    Closing,
    Game,
    LastPrice,
    LastPrices,
    Market,
    MarketKey,
    Probabilities,
    Quotes,
    SourceBoard,
    Version,
)

KEPT_BEFORE_START_MS = 600_000
VERSIONS = 6
SPACING_MS = 60_000
#: After it the versions before the final one are let go.
CORRECTED_WITHIN_MS = 3_600_000

Fair = dict[MarketKey, Probabilities]


def pulled_with(pulled: LastPrices, before: Quotes, after: Quotes, changed: set[MarketKey]) -> LastPrices:
    """The last open prices of books that offer nothing open any more in a kind of market."""
    lost: LastPrices = {}
    for key in sorted(changed):
        here = after.get(key, {})
        for book, quote in before.get(key, {}).items():
            new = here.get(book)
            if (new is None or new.status is not OPEN) and quote.status is OPEN:
                lost.setdefault(key, {})[book] = LastPrice(quote.prices, quote.seen_at_ms)
    if not lost and not pulled:
        return pulled
    merged = {key: {**pulled.get(key, {}), **lost.get(key, {})} for key in pulled | lost}
    offering = {
        (book, key[0], key[1])
        for key, books in after.items()
        for book, quote in books.items()
        if quote.status is OPEN
    }
    kept = {
        key: {book: last for book, last in books.items() if (book, key[0], key[1]) not in offering}
        for key, books in merged.items()
    }
    return {key: books for key, books in kept.items() if books}


def closing_with(
    now: Moment, starts_at_ms: int, closing: Closing, markets: dict[MarketKey, Market], moved: bool
) -> Closing:
    """The closing line as it stands now; once the game has started, as it stood before that.

    ``moved`` says whether a market was worked out anew since.
    """
    started_at_ms = _started_at_ms(now, closing)
    if started_at_ms > 0:
        return _final(now, closing, started_at_ms)
    if not is_open(now.game, starts_at_ms, now.now_ms):
        return closing
    starts_soon = starts_at_ms == 0 or now.now_ms >= starts_at_ms - KEPT_BEFORE_START_MS
    if not moved and not starts_soon and not closing.final_at_ms:
        return closing
    fair = _newest(closing.fair, markets)
    reference = _reference(now.boards, fair)
    versions = closing.versions
    if starts_soon:
        if len(versions) > 1 and versions[-1].at_ms < versions[-2].at_ms + SPACING_MS:
            versions = versions[:-1]
        version = Version(now.now_ms, fair, reference, _prices(now, closing.pulled))
        versions = (*versions, version)[-VERSIONS:]
    return Closing(fair, reference, closing.sent, closing.pulled, versions, 0)


def is_open(game: Game | None, starts_at_ms: int, now_ms: int) -> bool:
    """Whether the line still moves: the game is yet to start, by its feed, or by its schedule without one."""
    if game is None:
        return not 0 < starts_at_ms <= now_ms
    return game.status is GameStatus.SCHEDULED and game.started_at_ms == 0


def current(now: Moment, closing: Closing) -> Version:
    """What is to be published: the final version, or how things stand now."""
    if closing.final_at_ms:
        return closing.versions[-1]
    return Version(now.now_ms, closing.fair, closing.reference, _prices(now, closing.pulled))


def is_news(rules: Rules, before: Closing, after: Closing) -> bool:
    """Whether a fair probability moved materially, a line is new, or the start is."""
    if after.final_at_ms != before.final_at_ms:
        version = after.versions[-1]
        return bool(before.sent or version.fair or version.reference or version.prices)
    if after.final_at_ms or (after.fair is before.fair and after.reference is before.reference):
        return False
    sent = after.sent
    return any(
        key not in sent
        or any(
            abs(new - old) >= rules.closing_log_odds
            for old, new in zip(heights(sent[key]), heights(fair), strict=True)
        )
        for key, fair in (after.reference | after.fair).items()
    )


def _started_at_ms(now: Moment, closing: Closing) -> int:
    if now.game is None:
        return 0
    if now.game.status is GameStatus.LIVE:
        return now.game.started_at_ms or closing.final_at_ms or now.now_ms
    return now.game.started_at_ms


def _final(now: Moment, closing: Closing, started_at_ms: int) -> Closing:
    versions = closing.versions
    if started_at_ms != closing.final_at_ms:
        if not versions:
            prices = _prices(now, closing.pulled, before_ms=started_at_ms)
            versions = (Version(now.now_ms, closing.fair, closing.reference, prices),)
        versions = tuple([v for v in versions if v.at_ms < started_at_ms]) or versions[:1]
    elif now.now_ms >= started_at_ms + CORRECTED_WITHIN_MS and len(versions) > 1:
        versions = versions[-1:]
    else:
        return closing
    return Closing(versions=versions, final_at_ms=started_at_ms)


def _newest(fair: Fair, markets: dict[MarketKey, Market]) -> Fair:
    standing = {key: market.probabilities for key, market in markets.items() if market.probabilities}
    kinds = {(market, scope) for market, scope, _ in standing}
    pulled = {key: value for key, value in fair.items() if (key[0], key[1]) not in kinds}
    newest = {**pulled, **standing}
    return fair if newest == fair else newest


def _reference(boards: dict[str, SourceBoard], fair: Fair) -> Fair:
    """Published closing lines, where there is no consensus on any line of their kind."""
    kinds = {(market, scope) for market, scope, _ in fair}
    return {
        key: power_devig(quote.prices)
        for board in boards.values()
        for key, books in board.quotes.items()
        if (key[0], key[1]) not in kinds
        for quote in books.values()
        if quote.status is QuoteStatus.REFERENCE and 0.0 not in quote.prices
    }


def _prices(now: Moment, pulled: LastPrices, before_ms: int = LATEST_MS) -> LastPrices:
    """Each book's last open price; of the prices on the board those that are older than ``before_ms``."""
    prices: LastPrices = {key: dict(books) for key, books in pulled.items()}
    for source, board in now.boards.items():
        for key, books in board.quotes.items():
            for book, quote in books.items():
                if (
                    quote.status is OPEN
                    and quote.changed_at_ms < before_ms
                    and (source, book, key[0], key[1]) not in now.muted
                ):
                    seen_at_ms = quote.seen_at_ms if quote.seen_at_ms < before_ms else quote.changed_at_ms
                    prices.setdefault(key, {})[book] = LastPrice(quote.prices, seen_at_ms)
    return prices

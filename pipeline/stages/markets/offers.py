"""Which quotes can be used now, and why one cannot.

A quote is used while its book offers every outcome openly, its source is up, it was seen lately enough and
its own time is not far behind that of the source's other quotes (its book's feed would be dead), its book has
spoken since the last key event (and since the start, once the game runs), and no more trusted source speaks
for its book in that market.
"""

from functools import cache
from typing import NamedTuple

from pipeline import data
from pipeline.records import LATEST_MS, GameStatus, QuoteStatus
from pipeline.settings import Rules
from pipeline.stages.markets.board import Since
from pipeline.stages.markets.state import OPEN, Game, MarketKey, Markets, Quote, SourceBoard

#: Of a source that data/sources.csv does not name.
UNKNOWN_INTERVAL_MS = 60_000
OVER = frozenset({GameStatus.FINAL, GameStatus.POSTPONED, GameStatus.ABANDONED, GameStatus.CANCELLED})


#: A quote that can be used: its source, its book, the quote. A plain tuple: every line of a poll makes one.
Offer = tuple[str, str, Quote]
#: Source, book, kind of market, scope.
Place = tuple[str, str, str, str]


@cache
def interval_ms(source: str) -> int:
    """The usual time between two snapshots of a source."""
    known = data.sources().get(source)
    return UNKNOWN_INTERVAL_MS if known is None else int(known.interval_s * 1000)


def stale_after_ms(rules: Rules, source: str) -> int:
    """The age above which a quote of a source is stale."""
    return max(rules.stale_floor_ms, 2 * interval_ms(source))


def spoken_since_ms(game: Game | None, starts_at_ms: int, now_ms: int) -> int:
    """From when on a book must have spoken for its price to count: the last key event, or the start.

    Where no game feed says when it started, the scheduled start is taken for it.
    """
    if game is None:
        return starts_at_ms if 0 < starts_at_ms <= now_ms else 0
    return max(game.last_key_event_at_ms, game.started_at_ms)


def is_to_start(game: Game | None) -> bool:
    """Whether the game is yet to start, as far as anybody has said."""
    return game is None or game.status is GameStatus.SCHEDULED


def closed_to_bets(game: Game | None, starts_at_ms: int, now_ms: int) -> str:
    """Why nothing can be bet on this game now; empty where it can.

    After the scheduled start, without a feed that says what goes on, nothing tells what happened between two
    quotes: their difference may be a goal.
    """
    if game is not None and game.status in OVER:
        return "finished"
    if game is not None and (game.suspended or game.status is GameStatus.SUSPENDED):
        return "suspended"
    return "started" if is_to_start(game) and 0 < starts_at_ms <= now_ms else ""


class Moment(NamedTuple):
    """Everything that decides which quotes of an event count now."""

    rules: Rules
    event_id: str
    now_ms: int
    boards: dict[str, SourceBoard]
    game: Game | None
    since_ms: int
    closed: str
    muted: frozenset[Place]


def moment(rules: Rules, state: Markets) -> Moment:
    """How things stand at the state's own now."""
    now_ms, boards, game = state.now_ms, state.boards, state.game
    since_ms = spoken_since_ms(game, state.starts_at_ms, now_ms)
    return Moment(
        rules=rules,
        event_id=state.event_id,
        now_ms=now_ms,
        boards=boards,
        game=game,
        since_ms=since_ms,
        closed=closed_to_bets(game, state.starts_at_ms, now_ms),
        muted=muted(rules, boards, now_ms),
    )


def offers(now: Moment, key: MarketKey) -> list[Offer]:
    """The usable quotes of a market."""
    found: list[Offer] = []
    if now.closed == "finished":
        return found
    for source, board in now.boards.items():
        if not board.down and key in board.quotes:
            since = since_of(now, source)
            found += [
                (source, book, quote) for book, quote in board.quotes[key].items() if _counts(quote, since)
            ]
    if now.muted:
        return [offer for offer in found if (offer[0], offer[1], key[0], key[1]) not in now.muted]
    return found


def _counts(quote: Quote, since: Since) -> bool:
    return (
        quote.status is OPEN
        and quote.seen_at_ms >= since.seen_ms
        and (quote.quoted_at_ms >= since.quoted_ms or quote.quoted_at_ms == 0)
        and 0.0 not in quote.prices
    )


def fault(now: Moment, key: MarketKey, source: str, book: str) -> str:
    """Why a quote cannot be used: empty where it can."""
    board = now.boards[source]
    if board.down:
        return "source_down"
    quote = board.quotes.get(key, {}).get(book)
    if quote is None or 0.0 in quote.prices:
        return "gone"
    if quote.status is not OPEN:
        return "suspended"
    if not _counts(quote, _fresh_since(now, source)):
        return "stale"
    if not _counts(quote, Since(now.since_ms, now.since_ms)):
        started = now.game is None or now.game.last_key_event_at_ms <= now.game.started_at_ms
        return "started" if started else "event"
    return "superseded" if (source, book, key[0], key[1]) in now.muted else ""


def since_of(now: Moment, source: str) -> Since:
    """From when on a quote of a source counts: fresh, not far behind its source's others, not overtaken."""
    fresh = _fresh_since(now, source)
    return Since(max(now.since_ms, fresh.seen_ms), max(now.since_ms, fresh.quoted_ms))


def _fresh_since(now: Moment, source: str) -> Since:
    lag_ms = lag_after_ms(now, source)
    timely_ms = now.boards[source].quoted_at_ms - lag_ms if source in now.boards else 0
    return Since(now.now_ms - lag_ms, timely_ms)


def lag_after_ms(now: Moment, source: str) -> int:
    """How long a quote counts after it was seen, and how far its own time may be behind its source's others.

    In play prices move with every play: a minute, however rarely the source looks.
    """
    stale_after = stale_after_ms(now.rules, source)
    return min(stale_after, now.rules.maximum_live_lag_ms) if now.since_ms > 0 else stale_after


def next_stale_ms(now: Moment) -> int:
    """When the first usable quote will be stale; 0 where there is none."""
    first_ms = LATEST_MS
    for source, board in now.boards.items():
        if board.down or now.closed == "finished":
            continue
        since = since_of(now, source)
        after_ms = lag_after_ms(now, source) + 1
        oldest_ms = first_ms - after_ms
        for key, books in board.quotes.items():
            for book, quote in books.items():
                # Most were seen at the same time: the cheap comparison first.
                if (
                    quote.seen_at_ms < oldest_ms
                    and _counts(quote, since)
                    and (source, book, key[0], key[1]) not in now.muted
                ):
                    oldest_ms = quote.seen_at_ms
        first_ms = min(first_ms, oldest_ms + after_ms)
    return 0 if first_ms == LATEST_MS else first_ms


def muted(rules: Rules, boards: dict[str, SourceBoard], now_ms: int) -> frozenset[Place]:
    """Where a more trusted source speaks: it is up and shows a fresh quote of the book in that market."""
    if len(boards) < 2:
        return frozenset()
    spoken: set[tuple[str, str, str]] = set()
    found: set[Place] = set()
    for source in sorted(boards, key=lambda source: (-_trust(source), source)):
        board = boards[source]
        if board.down:
            continue
        fresh_from_ms = now_ms - stale_after_ms(rules, source)
        speaks = {
            (book, market, scope)
            for (market, scope, _), books in board.quotes.items()
            for book, quote in books.items()
            if quote.seen_at_ms >= fresh_from_ms and quote.status is not QuoteStatus.REFERENCE
        }
        found.update((source, *place) for place in speaks & spoken)
        spoken |= speaks
    return frozenset(found)


def _trust(source: str) -> int:
    known = data.sources().get(source)
    return 0 if known is None else known.trust

"""What became of arbitrages that were open: how long they stood, and whether their legs were really there.

A leg is judged by its book's next word after the opening: the first later look of its source in which the
book speaks anew (where the source says no times, the first later look). An arbitrage with a leg that was not
there any more was a phantom to whoever came a moment late. What cannot be judged so (the source failed, a key
event changed the game in between, the game ended) is unseen, and counts for neither side.
"""

from collections.abc import Iterable, Mapping

from msgspec.structs import replace

from pipeline.records import QuoteStatus
from pipeline.settings import Rules
from pipeline.stages.markets.offers import Moment, stale_after_ms
from pipeline.stages.markets.state import Leg, Life, Lives, Lock, MarketKey, Quote

WAITING, STOOD, UNSEEN = "waiting", "stood", "unseen"
AWAY = frozenset({"worse", "gone", "suspended"})


def lived(
    now: Moment,
    lives: Lives,
    opened: Iterable[tuple[MarketKey, Lock]],
    ended: Mapping[str, str],
) -> Lives:
    """The lives with what was opened and what ended (id to reason), and with every verdict that is due."""
    followed, judged, phantoms = [], lives.judged, lives.phantoms
    for life in lives.followed:
        if not life.ended_at_ms and life.id in ended:
            life = replace(life, ended_at_ms=now.now_ms, reason=ended[life.id])
        if any(leg.verdict == WAITING for leg in life.legs):
            life = replace(life, legs=tuple([_judged(now, life, leg) for leg in life.legs]))
            if is_judged(life):
                judged += is_phantom(life) or _all_stood(life)
                phantoms += is_phantom(life)
        if not 0 < forgotten_at_ms(now.rules, life) <= now.now_ms:
            followed.append(life)
    followed += [
        Life(
            lock.id,
            key,
            lock.roi,
            now.now_ms,
            tuple([_leg(now, key, lock, place) for place in range(len(lock.sides))]),
        )
        for key, lock in opened
    ]
    return Lives(tuple(followed), judged, phantoms)


def is_judged(life: Life) -> bool:
    """Whether nothing more is to be heard of its legs."""
    return all(leg.verdict != WAITING for leg in life.legs)


def is_phantom(life: Life) -> bool:
    """Whether a leg was not there any more."""
    return is_judged(life) and any(leg.verdict in AWAY for leg in life.legs)


def forgotten_at_ms(rules: Rules, life: Life) -> int:
    """When it leaves the list; 0 while that cannot be said."""
    if not (life.ended_at_ms and is_judged(life)):
        return 0
    return max(life.ended_at_ms, *[leg.judged_at_ms for leg in life.legs]) + rules.judged_ms


def _all_stood(life: Life) -> bool:
    return all(leg.verdict == STOOD for leg in life.legs)


def _leg(now: Moment, key: MarketKey, lock: Lock, place: int) -> Leg:
    side = lock.sides[place]
    quote = now.boards[side.source].quotes[key][side.book]
    return Leg(
        side.source, side.book, side.outcome, side.lay, side.price, quote.quoted_at_ms, quote.seen_at_ms
    )


def _judged(now: Moment, life: Life, leg: Leg) -> Leg:
    if leg.verdict != WAITING:
        return leg
    board = now.boards[leg.source]
    if board.down or now.closed == "finished" or now.since_ms > life.opened_at_ms:
        return replace(leg, verdict=UNSEEN, judged_at_ms=now.now_ms)
    quote = board.quotes.get(life.key, {}).get(leg.book)
    if quote is None:
        return replace(leg, verdict="gone", judged_at_ms=board.newest_at_ms)
    if quote.seen_at_ms <= leg.seen_at_ms or 0 < quote.quoted_at_ms <= leg.quoted_at_ms:
        silent = now.now_ms - leg.seen_at_ms > 2 * stale_after_ms(now.rules, leg.source)
        return replace(leg, verdict=UNSEEN, judged_at_ms=now.now_ms) if silent else leg
    price = _price(quote, leg)
    if quote.status is not QuoteStatus.OPEN:
        verdict = "suspended"
    elif price == 0.0:
        verdict = "gone"
    else:
        verdict = STOOD if (price <= leg.price if leg.lay else price >= leg.price) else "worse"
    return replace(leg, verdict=verdict, next_price=price, judged_at_ms=quote.seen_at_ms)


def _price(quote: Quote, leg: Leg) -> float:
    if leg.lay:
        return quote.waiting.lay_prices[leg.outcome] if quote.waiting else 0.0
    return quote.prices[leg.outcome]

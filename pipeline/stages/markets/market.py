"""One market worked out anew: its fair price, and what can be bet on it."""

from collections.abc import Mapping
from typing import NamedTuple

from pipeline.stages.markets.arbitrage import arbitrages
from pipeline.stages.markets.fair import Opinion, opinion
from pipeline.stages.markets.offers import Moment, Offer, fault, lag_after_ms, offers
from pipeline.stages.markets.opportunities import continued, is_open
from pipeline.stages.markets.phantoms import doubted_at_ms
from pipeline.stages.markets.state import Bet, LadderKey, Lock, Market, MarketKey
from pipeline.stages.markets.value import gate_of, value_bets


class Worked(NamedTuple):
    """A market, and what it was worked out from."""

    market: Market
    offered: list[Offer]
    opinion: Opinion


def worked_out(now: Moment, key: MarketKey, before: Market) -> Worked:
    """The market as it follows from the quotes that are usable now; stakes are for `stakes.staked`."""
    offered = offers(now, key)
    said = opinion(now.rules, offered)
    valued = value_bets(now, key, offered, said)
    locks = continued(before.locks, arbitrages(now, key, offered, said), now.now_ms)
    market = Market(
        probabilities=said.probabilities,
        spreads=said.spreads,
        errors=said.errors,
        desks=said.desks,
        overround=said.overround,
        bets=continued(before.bets, valued.bets, now.now_ms),
        gated=tuple(valued.gated),
        locks=locks,
        until_ms=_until_ms(now, offered),
        doubt_ms=_doubt_ms(now, key, locks),
    )
    return Worked(market, offered, said)


def offered_on(now: Moment, kind: LadderKey, line: float, worked: Mapping[float, Worked]) -> list[Offer]:
    """The usable quotes of a line, found once where it was worked out anew."""
    here = worked.get(line)
    return offers(now, (*kind, line)) if here is None else here.offered


def is_idle(market: Market) -> bool:
    """Whether nothing of a market that nobody quotes is worth keeping."""
    return not (market.probabilities or market.bets or market.gated or market.locks)


def why_bet(now: Moment, key: MarketKey, bet: Bet, after: Market) -> str:
    """Why a bet is not open any more."""
    if now.closed:
        return now.closed
    reason = fault(now, key, bet.source, bet.book) or gate_of(bet, after.gated)
    if not reason and bet.basis == "model" and now.game is not None and now.game.contested:
        return "contested"
    return reason or "price"


def why_lock(now: Moment, key: MarketKey, lock: Lock, after: tuple[Lock, ...]) -> str:
    """Why an arbitrage, a middle or a low hold is not open any more."""
    if any(lock.id == each.id for each in after):
        return "suspect"
    if now.closed:
        return now.closed
    of_legs = [fault(now, (*key[:2], side.line), side.source, side.book) for side in lock.sides]
    # Of several by name: it must not hang on who is at home.
    return min([reason for reason in of_legs if reason], default="price")


def _until_ms(now: Moment, offered: list[Offer]) -> int:
    moments = []
    for source in now.boards:
        if seen := [quote.seen_at_ms for shower, _, quote in offered if shower == source]:
            moments.append(min(seen) + lag_after_ms(now, source) + 1)
    return min(moments, default=0)


def _doubt_ms(now: Moment, key: MarketKey, locks: tuple[Lock, ...]) -> int:
    """When time alone may next make a suspect of what is open; 0 where nothing is."""
    moments = []
    for lock in locks:
        if is_open(lock):
            places = [(side.source, side.book) for side in lock.sides]
            legs = [(*place, now.boards[place[0]].quotes[key][place[1]]) for place in places]
            moments.append(doubted_at_ms(now, legs))
    return min([moment for moment in moments if moment], default=0)

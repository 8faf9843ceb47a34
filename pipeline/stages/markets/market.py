"""One market worked out anew: its fair price, its moves, what can be bet on it, and what ended."""

from typing import NamedTuple

from pipeline.records import Change
from pipeline.stages.markets.arbitrage import arbitrages
from pipeline.stages.markets.fair import opinion
from pipeline.stages.markets.moves import drifts, path_with
from pipeline.stages.markets.offers import Moment, Offer, fault, offers, stale_after_ms
from pipeline.stages.markets.opportunities import continued
from pipeline.stages.markets.state import Bet, Drift, Lock, Market, MarketKey, Point, Side
from pipeline.stages.markets.value import value_bets


class Worked(NamedTuple):
    """A market and what changed among its open bets and arbitrages."""

    market: Market
    offered: list[Offer]
    bets: list[Change]
    locks: list[Change]


def worked_out(now: Moment, key: MarketKey, before: Market) -> Worked:
    """The market as it follows from the quotes that are usable now."""
    offered = offers(now, key)
    said = opinion(now.rules, offered)
    path = path_with(now.rules, before.path, before.probabilities, said.probabilities, now.now_ms)
    moved = drifts(now, before.drifts, path, said.probabilities, offered)
    bets, bet_changes = continued(
        before.bets,
        value_bets(now, key, offered, said),
        now.now_ms,
        is_open=lambda bet: True,
        why=lambda bet: _why_bet(now, key, bet),
    )
    found = arbitrages(now, key, offered, said)
    suspected = {lock.id for lock in found if lock.suspect}
    locks, lock_changes = continued(
        before.locks,
        found,
        now.now_ms,
        is_open=lambda lock: not lock.suspect,
        why=lambda lock: "suspect" if lock.id in suspected else _why_lock(now, key, lock),
    )
    market = Market(
        probabilities=said.probabilities,
        desks=said.desks,
        overround=said.overround,
        bets=bets,
        locks=locks,
        path=path,
        drifts=moved,
        until_ms=_until_ms(now, offered, moved, path if not said.probabilities else ()),
    )
    return Worked(market, offered, bet_changes, lock_changes)


def is_idle(market: Market) -> bool:
    """Whether nothing of a market that nobody quotes is worth keeping."""
    return not (market.probabilities or market.path or market.drifts or market.bets or market.locks)


def _until_ms(
    now: Moment, offered: list[Offer], drifted: tuple[Drift, ...], fading: tuple[Point, ...]
) -> int:
    moments = []
    for source in now.boards:
        if seen := [quote.seen_at_ms for shower, _, quote in offered if shower == source]:
            moments.append(min(seen) + stale_after_ms(now.rules, source) + 1)
    moments += [drift.at_ms + now.rules.move_window_ms for drift in drifted]
    moments += [point.at_ms + now.rules.move_window_ms for point in fading[-1:]]
    return min(moments, default=0)


def _why_bet(now: Moment, key: MarketKey, bet: Bet) -> str:
    reason = _why(now, key, bet)
    if not reason and bet.basis == "model" and now.game is not None and now.game.contested:
        return "contested"
    return reason or "price"


def _why_lock(now: Moment, key: MarketKey, lock: Lock) -> str:
    return next((reason for side in lock.sides if (reason := _why(now, key, side))), "price")


def _why(now: Moment, key: MarketKey, place: Bet | Side) -> str:
    return now.closed or fault(now, key, place.source, place.book)

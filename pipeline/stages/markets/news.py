"""What changed in an event between two states of its markets, as the records that say so."""

from typing import Any

from pipeline.records import Change, ChangeKind, Derived
from pipeline.stages.markets import answers
from pipeline.stages.markets.lives import lived
from pipeline.stages.markets.market import Worked, why_bet, why_lock
from pipeline.stages.markets.offers import Moment
from pipeline.stages.markets.opportunities import changes
from pipeline.stages.markets.state import Lives, Market, MarketKey, Markets

NOTHING = Market()


def bet_changes(now: Moment, before: Markets, after: Markets) -> list[Change]:
    """What happened to value bets."""
    found: list[Change] = []
    for key in sorted(before.markets.keys() | after.markets.keys()):
        old, new = before.markets.get(key, NOTHING), after.markets.get(key, NOTHING)
        if old.bets != new.bets:
            reasons = {bet.id: why_bet(now, key, bet, new) for bet in old.bets}
            found += changes(old.bets, new.bets, reasons)
    return found


def lock_changes(now: Moment, before: Markets, after: Markets) -> list[Change]:
    """What happened to arbitrage, middles and low hold."""
    found: list[Change] = []
    for key in sorted(before.markets.keys() | after.markets.keys()):
        old, new = before.markets.get(key, NOTHING).locks, after.markets.get(key, NOTHING).locks
        if old != new:
            found += changes(old, new, {lock.id: why_lock(now, key, lock, new) for lock in old})
    for market, scope in sorted(before.middles.keys() | after.middles.keys()):
        old, new = before.middles.get((market, scope), ()), after.middles.get((market, scope), ())
        if old != new:
            key = (market, scope, 0.0)
            found += changes(old, new, {lock.id: why_lock(now, key, lock, new) for lock in old})
    return found


def lives_with(now: Moment, state: Markets, locks: list[Change]) -> Lives:
    """The lives of arbitrages after what happened to them, and what their books said."""
    if not locks and not state.lives.followed:
        return state.lives
    ended = {change.id: change.reason for change in locks if change.change is ChangeKind.WITHDRAWN}
    new = {change.id for change in locks if change.change is ChangeKind.OPENED}
    opened = [
        (key, lock)
        for key in sorted(state.markets)
        for lock in state.markets[key].locks
        if lock.id in new and lock.kind == "arbitrage"
    ]
    found = lived(now, state.lives, opened, ended)
    return state.lives if found == state.lives else found


def news_of(
    now: Moment,
    before: Markets,
    after: Markets,
    worked: dict[MarketKey, Worked],
    bets: list[Change],
    locks: list[Change],
    *,
    closing_line: bool,
) -> list[Derived]:
    """Every view in which something changed."""
    found: list[Derived] = []
    pairs = [(before.markets.get(key, NOTHING), after.markets.get(key, NOTHING)) for key in worked]
    if any(_fair(old) != _fair(new) for old, new in pairs):
        offered = {key: done.offered for key, done in worked.items()}
        found.append(answers.fair_prices(now, after, offered))
    if closing_line:
        found.append(answers.closing_line(now, after))
    if before.ladders is not after.ladders and answers.moves(before) != (moved := answers.moves(after)):
        found.append(moved)
    # A gated price that is another, behind the same gates, is no news.
    if bets or any(_gates(old) != _gates(new) for old, new in pairs):
        found.append(answers.value_bets(after, tuple(bets)))
    if (
        locks
        or before.lives is not after.lives
        or before.middles != after.middles
        or any(old.locks != new.locks for old, new in pairs)
    ):
        found.append(answers.arbitrages(after, tuple(locks)))
    return found


def _gates(market: Market) -> list[tuple[Any, ...]]:
    return sorted([(bet.basis, bet.outcome, bet.book, bet.reasons) for bet in market.gated])


def _fair(market: Market) -> tuple[Any, ...]:
    return market.probabilities, market.desks, market.overround, market.spreads, market.errors

"""What changed in an event between two states of its markets, as the records that say so."""

from collections.abc import Mapping
from typing import Any, TypeVar

from pipeline.records import Change, ChangeKind, Derived
from pipeline.stages.markets import answers
from pipeline.stages.markets.lives import lived
from pipeline.stages.markets.market import Worked, why_bet, why_lock
from pipeline.stages.markets.offers import Moment
from pipeline.stages.markets.opportunities import changes
from pipeline.stages.markets.state import Ladder, LadderKey, Lives, Market, MarketKey, Markets

NOTHING = Market()
NO_LADDER = Ladder()
Key = TypeVar("Key", MarketKey, LadderKey)
Kept = TypeVar("Kept")


def bet_changes(now: Moment, before: Markets, after: Markets) -> list[Change]:
    """What happened to value bets."""
    found: list[Change] = []
    for key, old, new in _pairs(before.markets, after.markets, NOTHING):
        if old.bets != new.bets:
            found += changes(old.bets, new.bets, {bet.id: why_bet(now, key, bet, new) for bet in old.bets})
    return found


def lock_changes(now: Moment, before: Markets, after: Markets) -> list[Change]:
    """What happened to arbitrage, middles and low hold."""
    pairs = [(key, old.locks, new.locks) for key, old, new in _pairs(before.markets, after.markets, NOTHING)]
    pairs += [((*kind, 0.0), old, new) for kind, old, new in _pairs(before.middles, after.middles, ())]
    found: list[Change] = []
    for key, old, new in pairs:
        if old != new:
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
    ladders = _pairs(before.ladders, after.ladders, NO_LADDER)
    if any((old.drifts, old.rushes) != (new.drifts, new.rushes) for _, old, new in ladders):
        found.append(answers.moves(after))
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


def _pairs(
    before: Mapping[Key, Kept], after: Mapping[Key, Kept], nothing: Kept
) -> list[tuple[Key, Kept, Kept]]:
    """What was and what is, by key in order."""
    keys = sorted(before.keys() | after.keys())
    return [(key, before.get(key, nothing), after.get(key, nothing)) for key in keys]


def _gates(market: Market) -> list[tuple[Any, ...]]:
    return sorted([(bet.basis, bet.outcome, bet.book, bet.reasons) for bet in market.gated])


def _fair(market: Market) -> tuple[Any, ...]:
    return market.probabilities, market.desks, market.overround, market.spreads, market.errors

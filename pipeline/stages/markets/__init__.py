"""Markets: what many books show becomes a fair price, its moves, the closing line, value bets and arbitrage.

A snapshot moves the board; only the markets that it changed, and those in which a quote may have grown
stale, are worked out again. Time enters by records alone, so a tick withdraws what no longer stands at the
very moment at which it does so in a replay.
"""

from typing import Any

from msgspec.structs import replace

from pipeline.records import (
    ClockTick,
    Derived,
    GameProbabilities,
    GameStatus,
    OddsSnapshot,
)
from pipeline.settings import Rules
from pipeline.stages.fold import Stage
from pipeline.stages.markets import answers, closing, moves
from pipeline.stages.markets.board import shown, told
from pipeline.stages.markets.game import game_of
from pipeline.stages.markets.lives import forgotten_at_ms
from pipeline.stages.markets.market import Worked, is_idle, worked_out
from pipeline.stages.markets.middles import middles
from pipeline.stages.markets.news import NO_LADDER, NOTHING, bet_changes, lives_with, lock_changes, news_of
from pipeline.stages.markets.offers import (
    Moment,
    closed_to_bets,
    is_to_start,
    lag_after_ms,
    moment,
    muted,
    next_stale_ms,
    since_of,
    spoken_since_ms,
)
from pipeline.stages.markets.opportunities import continued
from pipeline.stages.markets.stakes import staked
from pipeline.stages.markets.state import (
    LadderKey,
    Market,
    MarketKey,
    Markets,
    SourceBoard,
)

Input = OddsSnapshot | GameProbabilities | ClockTick
Step = tuple[Markets, list[Derived]]


def step(rules: Rules, state: Markets, record: Input, now_ms: int) -> Step:
    """Fold one record of an event in; answer with every view in which something changed."""
    match record:
        case OddsSnapshot():
            return _snapshot(rules, state, record, now_ms)
        case GameProbabilities():
            after = replace(state, now_ms=now_ms, game=game_of(record))
            if record.starts_at_ms:
                after = replace(after, starts_at_ms=record.starts_at_ms)
            return _onward(rules, state, after, set())
        case ClockTick():
            boards = {source: told(source, board, record) for source, board in state.boards.items()}
            fared = {source for source, board in boards.items() if board is not state.boards[source]}
            if not fared and not 0 < due_at_ms(rules, state) <= now_ms:
                return state, []
            changed = {key for source in fared for key in boards[source].quotes}
            return _onward(rules, state, replace(state, now_ms=now_ms, boards=boards), changed)


def _snapshot(rules: Rules, state: Markets, snapshot: OddsSnapshot, now_ms: int) -> Step:
    after = replace(state, now_ms=now_ms)
    if state.game is None and snapshot.starts_at_ms:
        after = replace(after, starts_at_ms=snapshot.starts_at_ms)
    source = snapshot.source
    board = state.boards.get(source, SourceBoard())
    now = moment(rules, after)
    if (seen := shown(board, snapshot, since_of(now, source), lag_after_ms(now, source))) is None:
        return _onward(rules, state, replace(after, ignored=state.ignored + 1), set())
    new, changed = seen
    # What looks like bad data is looked at again whenever its source is: the doubt may be gone.
    changed |= {key for key, market in state.markets.items() if any(lock.suspect for lock in market.locks)}
    after = replace(after, boards={**state.boards, source: new})
    if changed and closing.is_open(state.game, after.starts_at_ms, now_ms):
        pulled = closing.pulled_with(state.closing.pulled, board.quotes, new.quotes, changed)
        if pulled != state.closing.pulled:
            after = replace(after, closing=replace(state.closing, pulled=pulled))
    return _onward(rules, state, after, changed)


def _onward(rules: Rules, before: Markets, state: Markets, changed: set[MarketKey]) -> Step:
    """What follows from a board, a game or a time that moved."""
    now = moment(rules, state)
    due = sorted(_due_keys(before, now, state, changed))
    worked = {key: worked_out(now, key, state.markets.get(key, NOTHING)) for key in due}
    after = state
    if due:
        quoted = {key for board in state.boards.values() for key in board.quotes}
        markets = {key: market for key, market in state.markets.items() if key not in worked}
        markets |= {
            key: done.market for key, done in worked.items() if key in quoted or not is_idle(done.market)
        }
        after = replace(state, markets=staked(rules, markets))
    after = replace(after, **_kinds(now, before, after, worked))
    closes = closing.closing_with(now, state.starts_at_ms, state.closing, after.markets, bool(due))
    news = closing.is_news(rules, before.closing, closes)
    if news and not closes.final_at_ms:
        closes = replace(closes, sent=closes.reference | closes.fair)
    after = replace(after, closing=closes)
    bets, locks = bet_changes(now, before, after), lock_changes(now, before, after)
    after = replace(after, lives=lives_with(now, after, locks))
    return after, news_of(now, before, after, worked, bets, locks, closing_line=news)


def _kinds(now: Moment, before: Markets, state: Markets, worked: dict[MarketKey, Worked]) -> dict[str, Any]:
    """The ladders and middles of the kinds of market in which something was worked out or ends."""
    kinds: dict[LadderKey, dict[float, Market]] = {}
    for (market, scope, line), found in state.markets.items():
        kinds.setdefault((market, scope), {})[line] = found
    done: dict[LadderKey, dict[float, Worked]] = {key: {} for key in state.ladders if key not in kinds}
    for (market, scope, line), each in worked.items():
        done.setdefault((market, scope), {})[line] = each
    for key, ladder in state.ladders.items():
        if 0 < moves.next_end_ms(now.rules, ladder) <= now.now_ms:
            done.setdefault(key, {})
    if not done:
        return {}
    ladders, middles_by_kind = dict(state.ladders), dict(state.middles)
    for key in sorted(done):
        lines = kinds.get(key, {})
        ladder = moves.ladder_with(now, before.boards, key, ladders.pop(key, NO_LADDER), lines, done[key])
        if not moves.is_idle(ladder):
            ladders[key] = ladder
        if done[key]:
            standing_here = continued(
                middles_by_kind.pop(key, ()), middles(now, key, lines, done[key]), now.now_ms
            )
            if standing_here:
                middles_by_kind[key] = standing_here
    return {"ladders": ladders, "middles": middles_by_kind}


def _due_keys(before: Markets, now: Moment, state: Markets, changed: set[MarketKey]) -> set[MarketKey]:
    """The markets that have to be worked out again."""
    if (
        before.game != now.game
        or spoken_since_ms(before.game, before.starts_at_ms, before.now_ms) != now.since_ms
        or closed_to_bets(before.game, before.starts_at_ms, before.now_ms) != now.closed
        or muted(now.rules, before.boards, before.now_ms) != now.muted
    ):
        quoted = {key for board in state.boards.values() for key in board.quotes}
        return quoted | state.markets.keys()
    return changed | {
        key
        for key, market in state.markets.items()
        if 0 < market.until_ms <= now.now_ms or 0 < market.doubt_ms <= now.now_ms
    }


def due_at_ms(rules: Rules, state: Markets) -> int:
    """When a tick may next change something: a quote in use grows stale, a move ends, the start comes."""
    now = moment(rules, state)
    moments = [next_stale_ms(now), *[market.doubt_ms for market in state.markets.values()]]
    moments += [moves.next_end_ms(rules, ladder) for ladder in state.ladders.values()]
    moments += [forgotten_at_ms(rules, life) for life in state.lives.followed]
    if is_to_start(state.game) and state.starts_at_ms > state.now_ms:
        moments.append(state.starts_at_ms)
    return min((at_ms for at_ms in moments if at_ms), default=0)


def standing(rules: Rules, state: Markets, _now_ms: int) -> list[Derived]:
    """Every answer as it stands."""
    now = moment(rules, state)
    found: list[Derived] = [answers.fair_prices(now, state, {}), answers.moves(state)]
    found += [answers.value_bets(state), answers.arbitrages(state)]
    return [*found, answers.closing_line(now, state)]


def ended_at_ms(state: Markets) -> int:
    """When the event ended: its game did, or, of one without a game feed, its quotes after the start."""
    if state.game is not None:
        ended = (GameStatus.FINAL, GameStatus.ABANDONED, GameStatus.CANCELLED)
        return state.game.finished_at_ms if state.game.status in ended else 0
    if state.starts_at_ms == 0:
        return 0
    return max([state.starts_at_ms, *[board.newest_at_ms for board in state.boards.values()]])


MARKETS: Stage[Markets] = Stage(
    name="markets",
    sources=("odds.snapshots", "games.probabilities", "clock.ticks"),
    answers=("odds.fair", "odds.closing", "odds.moves", "bets.value", "bets.arbitrage"),
    tables=("books.csv", "leagues.csv", "rules.csv", "sources.csv"),
    layout=3,
    state=Markets,
    initial=Markets,
    step=step,
    due_at_ms=due_at_ms,
    standing=standing,
    ended_at_ms=ended_at_ms,
)

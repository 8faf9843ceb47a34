"""Joint stakes on the value bets that are open at once: published answers in, one portfolio out.

On one outcome there is one bet: the best price, with the lowest probability that any of the bets on it was
published with. Outcomes of one market exclude one another. Different markets of one event hang together in
ways that no published answer tells, so only the market whose bets alone grow fastest is played. Different
events are independent.
"""

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from msgspec import Struct

from pipeline.domain.growth import Group, group, growth
from pipeline.domain.portfolio import exclusive_results, joint_kelly
from pipeline.domain.settlement import Result
from pipeline.domain.staking import expected_value, fractional_kelly, kelly
from pipeline.records import OUTCOMES, ValueBet, ValueBets

BASES = ("consensus", "model")
ROUNDING = 1e-9  # of the part of a stake that is decided: less than this is no refund


class Limits(NamedTuple):
    """As `joint_kelly` takes them: the part that plays, the most on one bet, the most on all."""

    multiplier: float = 0.25
    cap: float = 0.05
    exposure: float = 0.15


class Stake(Struct, frozen=True, kw_only=True):
    """A bet of the portfolio. ``refund`` is the part of the stake that is neither won nor lost on average.

    ``probability`` is that of winning what is not refunded. ``kelly`` is the fractional, capped Kelly share
    of the bet if it were alone, ``share`` that beside the others; ``stake_minor`` is null without a bankroll.
    """

    event_id: str
    market: str
    scope: str
    line: float
    outcome: int
    book: str
    price: float
    bases: tuple[str, ...]
    probability: float
    refund: float
    expected_value: float
    kelly: float
    share: float
    stake_minor: int | None


class LeftOut(Struct, frozen=True, kw_only=True):
    """An open bet on which nothing is staked, and why."""

    event_id: str
    market: str
    scope: str
    line: float
    outcome: int
    book: str
    basis: str
    price: float
    reason: str


class Portfolio(Struct, frozen=True, kw_only=True):
    """Stakes, and what they come to: shares of the bankroll, and the expected growth of its logarithm."""

    stakes: tuple[Stake, ...]
    left_out: tuple[LeftOut, ...]
    exposure: float
    growth: float
    staked_minor: int | None


class _Pick(NamedTuple):
    """The one bet on an outcome."""

    event_id: str
    bet: ValueBet
    bases: tuple[str, ...]
    probability: float
    decided: float


class _Market(NamedTuple):
    picks: list[_Pick]
    group: Group


def portfolio(
    answers: Iterable[ValueBets],
    limits: Limits,
    bases: Sequence[str] = BASES,
    bankroll_minor: int | None = None,
) -> Portfolio:
    """What to stake on the open bets, all together.

    Parameters
    ----------
    answers : iterable of ValueBets
        The last of each event.
    limits : Limits
        Shares of the whole bankroll.
    bases : sequence of {"consensus", "model"}
        Bets of another basis are not looked at.
    bankroll_minor : int or None
        In minor units, of which every stake is a whole number, rounded down.

    Raises
    ------
    ValueError
        If a limit is not in (0, 1].
    """
    left_out: list[LeftOut] = []
    markets: list[_Market] = []
    for answer in sorted(answers, key=lambda answer: answer.event_id):
        picked = _picked(answer, bases, left_out)
        if picked:
            markets.append(_best(picked, limits, left_out))
    groups = [market.group for market in markets]
    shares = joint_kelly(groups, *limits) if groups else ()
    stakes: list[Stake] = []
    for market, row in zip(markets, shares, strict=True):
        for pick, share in zip(market.picks, row, strict=True):
            if share > 0.0:
                stakes.append(_stake(pick, share, limits, bankroll_minor))
            else:
                left_out.append(_left_out(pick.event_id, pick.bet, "the limits are spent on better bets"))
    return Portfolio(
        stakes=tuple(stakes),
        left_out=tuple(left_out),
        exposure=math.fsum([stake.share for stake in stakes]),
        growth=growth(groups, shares),
        staked_minor=None if bankroll_minor is None else sum([stake.stake_minor or 0 for stake in stakes]),
    )


def market_of(bet: ValueBet | Stake | LeftOut) -> str:
    """The market of a bet, with its line where it has one."""
    line = {"spread": f" {bet.line:+g}", "total": f" {bet.line:g}"}.get(bet.market, "")
    scope = "" if bet.scope == "game" else f" {bet.scope}"
    return f"{bet.market}{line}{scope}"


def _picked(answer: ValueBets, bases: Sequence[str], left_out: list[LeftOut]) -> list[_Market]:
    """The markets of an event that have bets worth their stake."""
    by_outcome: dict[tuple[str, str, float], dict[int, list[ValueBet]]] = defaultdict(
        lambda: defaultdict(list)
    )
    for bet in answer.bets:
        if bet.basis in bases:
            by_outcome[bet.market, bet.scope, bet.line][bet.outcome].append(bet)
    found = []
    for _, outcomes in sorted(by_outcome.items()):
        picks = []
        for _, bets in sorted(outcomes.items()):
            pick = _pick(answer.event_id, bets, left_out)
            if pick.probability * pick.bet.price > 1.0:
                picks.append(pick)
            else:
                left_out.append(
                    _left_out(answer.event_id, pick.bet, "no value by the lowest probability published")
                )
        if picks:
            found.append(_market(picks))
    return found


def _pick(event_id: str, bets: Sequence[ValueBet], left_out: list[LeftOut]) -> _Pick:
    best = min(bets, key=lambda bet: (-bet.price, bet.book, bet.probability))
    doubtful = min(bets, key=lambda bet: bet.probability)
    for bet in bets:
        if bet.book != best.book:
            left_out.append(_left_out(event_id, bet, f"same outcome as at {best.book}, {best.price:.2f}"))
    bases = tuple(sorted({bet.basis for bet in bets}))
    return _Pick(event_id, best, bases, doubtful.probability, min(map(_decided, bets)))


def _decided(bet: ValueBet) -> float:
    """The part of a stake that is won or lost: what scales the expected value of a bet without refunds.

    A half result counts as half a refund.
    """
    sure = bet.probability * bet.price - 1.0
    part = bet.expected_value / sure if sure > 0.0 and bet.expected_value > 0.0 else 1.0
    return part if part < 1.0 - ROUNDING else 1.0


def _market(picks: list[_Pick]) -> _Market:
    """Bets on outcomes of one market, one of which wins unless all stakes come back."""
    total = math.fsum([pick.probability for pick in picks])
    # Of all that can happen, or of more than that: each was published by other books' prices.
    if len(picks) == OUTCOMES[picks[0].bet.market] or total > 1.0:
        picks = [pick._replace(probability=pick.probability / total) for pick in picks]
    decided = min([pick.decided for pick in picks])
    picks = [pick._replace(decided=decided) for pick in picks]
    ends = exclusive_results(range(len(picks)), [pick.probability for pick in picks])
    results = {each: chance * decided for each, chance in ends.items()}
    if decided < 1.0:
        results[(Result.PUSHED,) * len(picks)] = 1.0 - decided
    return _Market(picks, group(results, [pick.bet.price for pick in picks]))


def _best(markets: list[_Market], limits: Limits, left_out: list[LeftOut]) -> _Market:
    """The market of an event whose bets alone grow fastest."""
    best = max(markets, key=lambda market: growth([market.group], joint_kelly([market.group], *limits)))
    reason = f"hangs together with {market_of(best.picks[0].bet)}, which grows faster"
    for market in markets:
        if market is not best:
            left_out += [_left_out(pick.event_id, pick.bet, reason) for pick in market.picks]
    return best


def _stake(pick: _Pick, share: float, limits: Limits, bankroll_minor: int | None) -> Stake:
    bet = pick.bet
    chances = pick.decided * pick.probability, 1.0 - pick.decided
    return Stake(
        event_id=pick.event_id,
        market=bet.market,
        scope=bet.scope,
        line=bet.line,
        outcome=bet.outcome,
        book=bet.book,
        price=bet.price,
        bases=pick.bases,
        probability=pick.probability,
        refund=1.0 - pick.decided,
        expected_value=expected_value(bet.price, *chances),
        kelly=fractional_kelly(kelly(bet.price, *chances), limits.multiplier, limits.cap),
        share=share,
        stake_minor=None if bankroll_minor is None else math.floor(share * bankroll_minor),
    )


def _left_out(event_id: str, bet: ValueBet, reason: str) -> LeftOut:
    return LeftOut(
        event_id=event_id,
        market=bet.market,
        scope=bet.scope,
        line=bet.line,
        outcome=bet.outcome,
        book=bet.book,
        basis=bet.basis,
        price=bet.price,
        reason=reason,
    )

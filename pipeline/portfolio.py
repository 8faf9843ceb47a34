"""Joint stakes on the value bets that are open at once: published answers in, one portfolio out.

Within an event the bets that are staked are those of `domain.picks`, as in the fold; where several bases are
asked for, the lowest probability of any counts. Different events are independent.
"""

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from msgspec import Struct

from pipeline.domain.growth import growth
from pipeline.domain.lay import back_after_commission
from pipeline.domain.picks import Limits, OpenBet, Pick, Play, best, fastest, play
from pipeline.domain.portfolio import joint_kelly
from pipeline.domain.staking import expected_value, fractional_kelly, kelly
from pipeline.records import OUTCOMES, ValueBet, ValueBets

__all__ = ["BASES", "LeftOut", "Limits", "Portfolio", "Stake", "market_of", "portfolio"]

BASES = ("consensus", "model")


class Stake(Struct, frozen=True, kw_only=True):
    """A bet of the portfolio. ``refund`` is the part of the stake that is neither won nor lost on average.

    ``price`` is the offered one, ``commission`` the share of net winnings that its book keeps.
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
    commission: float
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


class _Market(NamedTuple):
    """A market of an event: its open bets, and what is played of them."""

    event_id: str
    bets: list[ValueBet]
    play: Play


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
        picked = _played(answer, limits, bases, left_out)
        if picked:
            markets.append(_fastest(picked, left_out))
    groups = [market.play.group for market in markets]
    shares = joint_kelly(groups, *limits) if groups else ()
    stakes: list[Stake] = []
    for market, row in zip(markets, shares, strict=True):
        for pick, share in zip(market.play.picks, row, strict=True):
            if share > 0.0:
                stakes.append(_stake(market, pick, share, limits, bankroll_minor))
            else:
                bet = market.bets[pick.place]
                left_out.append(_left_out(market.event_id, bet, "the limits are spent on better bets"))
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


def _played(
    answer: ValueBets, limits: Limits, bases: Sequence[str], left_out: list[LeftOut]
) -> list[_Market]:
    """The markets of an event that have bets worth their stake."""
    by_market: dict[tuple[str, str, float], list[ValueBet]] = defaultdict(list)
    for bet in answer.bets:
        if bet.basis in bases:
            by_market[bet.market, bet.scope, bet.line].append(bet)
    found = []
    for (market, _, _), bets in sorted(by_market.items()):
        offers = tuple([_open(bet) for bet in bets])
        played = play(offers, OUTCOMES[market], limits)
        picked = {pick.place for pick in played.picks} if played else set()
        for outcome in sorted({bet.outcome for bet in bets}):
            places = [place for place, bet in enumerate(bets) if bet.outcome == outcome]
            first = places[best([offers[place] for place in places])]
            left_out += _rivals(answer.event_id, [bets[place] for place in places], bets[first])
            if first not in picked:
                reason = "no value by the lowest probability published"
                left_out.append(_left_out(answer.event_id, bets[first], reason))
        if played:
            found.append(_Market(answer.event_id, bets, played))
    return found


def _rivals(event_id: str, bets: Sequence[ValueBet], best_bet: ValueBet) -> list[LeftOut]:
    reason = f"same outcome as at {best_bet.book}, {best_bet.price:.2f}"
    return [_left_out(event_id, bet, reason) for bet in bets if bet.book != best_bet.book]


def _open(bet: ValueBet) -> OpenBet:
    return OpenBet(bet.outcome, bet.book, _net(bet), bet.probability, bet.refund)


def _net(bet: ValueBet) -> float:
    return back_after_commission(bet.price, bet.commission) if bet.commission else bet.price


def _fastest(markets: list[_Market], left_out: list[LeftOut]) -> _Market:
    """The market of an event whose bets alone grow fastest."""
    found = markets[fastest([market.play for market in markets])]
    reason = f"hangs together with {market_of(found.bets[found.play.picks[0].place])}, which grows faster"
    for market in markets:
        if market is not found:
            left_out += [
                _left_out(market.event_id, market.bets[pick.place], reason) for pick in market.play.picks
            ]
    return found


def _stake(market: _Market, pick: Pick, share: float, limits: Limits, bankroll_minor: int | None) -> Stake:
    bet = market.bets[pick.place]
    chances = (1.0 - pick.refund) * pick.probability, pick.refund
    rivals = [each for each in market.bets if each.outcome == bet.outcome]
    return Stake(
        event_id=market.event_id,
        market=bet.market,
        scope=bet.scope,
        line=bet.line,
        outcome=bet.outcome,
        book=bet.book,
        price=bet.price,
        commission=bet.commission,
        bases=tuple(sorted({each.basis for each in rivals})),
        probability=pick.probability,
        refund=pick.refund,
        expected_value=expected_value(pick.price, *chances),
        kelly=fractional_kelly(kelly(pick.price, *chances), limits.multiplier, limits.cap),
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

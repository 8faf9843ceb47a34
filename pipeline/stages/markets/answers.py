"""The state as the records that readers see. Whole answers, sorted as their schemas say."""

from pipeline.records import (
    Arbitrage,
    Arbitrages,
    Change,
    ClosingLine,
    ClosingMarket,
    ClosingPrice,
    DeskMove,
    FairMarket,
    FairPrices,
    GatedBet,
    Leg,
    LegLife,
    Life,
    Move,
    Moves,
    RuleDifference,
    Steam,
    ValueBet,
    ValueBets,
)
from pipeline.stages.markets import lives, state
from pipeline.stages.markets.closing import current
from pipeline.stages.markets.offers import Moment, Offer, offers
from pipeline.stages.markets.state import Bet, LadderKey, Lock, Market, MarketKey, Markets, Quote, Side

#: Of what gates keep from being bet, so many of an event are listed.
MOST_GATED = 10
#: The order in which kinds of arbitrage are listed.
KINDS = ("arbitrage", "middle", "low_hold")


def fair_prices(now: Moment, state: Markets, offered: dict[MarketKey, list[Offer]]) -> FairPrices:
    """Every market that enough desks have a usable price for; ``offered`` are usable quotes where known."""
    return FairPrices(
        method=now.rules.devig,
        markets=tuple(
            [
                _fair_market(key, state.markets[key], offered.get(key) or offers(now, key))
                for key in sorted(state.markets)
                if state.markets[key].probabilities
            ]
        ),
    )


def closing_line(now: Moment, state: Markets) -> ClosingLine:
    """The line before the start."""
    version = current(now, state.closing)
    fair = {key: ("consensus", probabilities) for key, probabilities in version.fair.items()}
    reference = {key: ("reference", probabilities) for key, probabilities in version.reference.items()}
    prices = [(book, key, last) for key, books in version.prices.items() for book, last in books.items()]
    return ClosingLine(
        final=state.closing.final_at_ms > 0,
        started_at_ms=state.closing.final_at_ms,
        markets=tuple(
            [
                ClosingMarket(market=market, scope=scope, line=line, probabilities=probabilities, basis=basis)
                for (market, scope, line), (basis, probabilities) in sorted((reference | fair).items())
            ]
        ),
        prices=tuple(
            [
                ClosingPrice(
                    book=book,
                    market=market,
                    scope=scope,
                    line=line,
                    prices=last.prices,
                    seen_at_ms=last.seen_at_ms,
                )
                for book, (market, scope, line), last in sorted(prices, key=lambda place: place[:2])
            ]
        ),
    )


def moves(markets: Markets) -> Moves:
    """The significant moves and the steam of the last minutes."""
    ladders = sorted(markets.ladders.items())
    return Moves(
        moves=tuple([_move(kind, drift) for kind, ladder in ladders for drift in ladder.drifts]),
        steam=tuple([_steam(kind, rush) for kind, ladder in ladders for rush in ladder.rushes]),
    )


def value_bets(markets: Markets, changes: tuple[Change, ...] = ()) -> ValueBets:
    """The open value bets, best first, and what the gates keep from being one."""
    open_bets = [(key, bet) for key, market in markets.markets.items() for bet in market.bets]
    open_bets.sort(key=lambda place: (-place[1].expected_value, place[1].id))
    gated = [(key, bet) for key in sorted(markets.markets) for bet in markets.markets[key].gated]
    gated.sort(key=lambda place: -place[1].expected_value)
    return ValueBets(
        bets=tuple([_value_bet(markets, key, bet) for key, bet in open_bets]),
        changes=changes,
        gated=tuple([_gated(key, bet) for key, bet in gated[:MOST_GATED]]),
    )


def arbitrages(markets: Markets, changes: tuple[Change, ...] = ()) -> Arbitrages:
    """Arbitrage, middles and low hold, open ones first and best first, then the suspects; and the lives."""
    locks = [(key, lock) for key, market in markets.markets.items() for lock in market.locks]
    locks += [
        ((*kind, lock.sides[0].line), lock) for kind, found in markets.middles.items() for lock in found
    ]
    locks.sort(key=_place_in_list)
    return Arbitrages(
        arbitrages=tuple([_arbitrage(markets, key, lock) for key, lock in locks]),
        changes=changes,
        lives=tuple([_life(life) for life in markets.lives.followed]),
        judged=markets.lives.judged,
        phantoms=markets.lives.phantoms,
    )


def _place_in_list(place: tuple[MarketKey, Lock]) -> tuple[bool, int, float, str]:
    _, lock = place
    worth = lock.expected_value if lock.kind == "middle" else float(lock.profit_minor)
    return lock.suspect != (), KINDS.index(lock.kind), -worth, lock.id


def _fair_market(key: MarketKey, market: Market, offered: list[Offer]) -> FairMarket:
    seen = [quote.seen_at_ms for _, _, quote in offered]
    quoted = [quote.quoted_at_ms for _, _, quote in offered if quote.quoted_at_ms]
    return FairMarket(
        market=key[0],
        scope=key[1],
        line=key[2],
        probabilities=market.probabilities,
        desks=market.desks,
        overround=market.overround,
        newest_seen_at_ms=max(seen),
        oldest_seen_at_ms=min(seen),
        spreads=market.spreads,
        standard_errors=market.errors,
        newest_quoted_at_ms=max(quoted, default=0),
        oldest_quoted_at_ms=min(quoted, default=0),
    )


def _move(kind: LadderKey, drift: state.Drift) -> Move:
    return Move(
        market=kind[0],
        scope=kind[1],
        line=drift.line,
        outcome=drift.outcome,
        from_probability=drift.from_probability,
        to_probability=drift.to_probability,
        log_odds=drift.log_odds,
        since_ms=drift.since_ms,
        at_ms=drift.at_ms,
        books=drift.books,
        after_event=drift.cause == "event",
        from_line=drift.from_line,
        noise=drift.noise,
        desks=drift.desks,
        cause=drift.cause,
    )


def _steam(kind: LadderKey, rush: state.Rush) -> Steam:
    return Steam(
        market=kind[0],
        scope=kind[1],
        line=rush.line,
        outcome=rush.outcome,
        first_desk=rush.first_desk,
        since_ms=rush.since_ms,
        at_ms=rush.at_ms,
        cause=rush.cause,
        desks=tuple(
            [
                DeskMove(
                    desk=step.desk, at_ms=step.at_ms, waited_s=step.waited_ms / 1000.0, log_odds=step.log_odds
                )
                for step in rush.steps
            ]
        ),
    )


def _value_bet(markets: Markets, key: MarketKey, bet: Bet) -> ValueBet:
    quote = _quote(markets, key, bet)
    return ValueBet(
        id=bet.id,
        basis=bet.basis,
        market=key[0],
        scope=key[1],
        line=key[2],
        outcome=bet.outcome,
        book=bet.book,
        price=bet.price,
        probability=bet.probability,
        edge=bet.edge,
        expected_value=bet.expected_value,
        stake_share=bet.stake_share,
        quoted_at_ms=quote.quoted_at_ms,
        seen_at_ms=quote.seen_at_ms,
        source=bet.source,
        opened_at_ms=bet.opened_at_ms,
        worst_expected_value=bet.worst_expected_value,
        worst_by=bet.worst_by,
        confidence=bet.confidence,
        desks=bet.desks,
        refund=bet.refund,
        commission=bet.commission,
        kelly_share=bet.kelly_share,
    )


def _gated(key: MarketKey, bet: state.Gated) -> GatedBet:
    return GatedBet(
        basis=bet.basis,
        market=key[0],
        scope=key[1],
        line=key[2],
        outcome=bet.outcome,
        book=bet.book,
        source=bet.source,
        price=bet.price,
        probability=bet.probability,
        expected_value=bet.expected_value,
        reasons=bet.reasons,
    )


def _arbitrage(markets: Markets, key: MarketKey, lock: Lock) -> Arbitrage:
    return Arbitrage(
        id=lock.id,
        market=key[0],
        scope=key[1],
        line=key[2],
        legs=tuple([_leg(markets, (*key[:2], side.line), side) for side in lock.sides]),
        roi=lock.roi,
        stake_minor=sum([side.at_risk_minor for side in lock.sides]),
        profit_minor=lock.profit_minor,
        suspect=lock.suspect,
        opened_at_ms=lock.opened_at_ms,
        kind=lock.kind,
        clean=not lock.rules,
        rules=tuple([RuleDifference(rule=rule, profit_minor=worst) for rule, worst in lock.rules]),
        hit_probability=lock.hit_probability,
        break_even_probability=lock.break_even_probability,
        expected_value=lock.expected_value,
    )


def _leg(markets: Markets, key: MarketKey, side: Side) -> Leg:
    quote = _quote(markets, key, side)
    return Leg(
        outcome=side.outcome,
        book=side.book,
        price=side.price,
        stake_minor=side.stake_minor,
        quoted_at_ms=quote.quoted_at_ms,
        seen_at_ms=quote.seen_at_ms,
        source=side.source,
        break_even_price=side.break_even_price,
        line=side.line,
        side="lay" if side.lay else "back",
        commission=side.commission,
        at_risk_minor=side.at_risk_minor,
        least_minor=side.least_minor,
        most_minor=side.most_minor,
    )


def _life(life: state.Life) -> Life:
    return Life(
        id=life.id,
        market=life.key[0],
        scope=life.key[1],
        line=life.key[2],
        opened_at_ms=life.opened_at_ms,
        ended_at_ms=life.ended_at_ms,
        reason=life.reason,
        roi=life.roi,
        phantom=lives.is_phantom(life),
        legs=tuple([_leg_life(life, leg) for leg in life.legs]),
    )


def _leg_life(life: state.Life, leg: state.Leg) -> LegLife:
    waited_ms = max(0, leg.judged_at_ms - life.opened_at_ms) if leg.judged_at_ms else 0
    return LegLife(
        book=leg.book,
        outcome=leg.outcome,
        side="lay" if leg.lay else "back",
        price=leg.price,
        verdict=leg.verdict,
        next_price=leg.next_price,
        after_s=waited_ms / 1000.0,
    )


def _quote(markets: Markets, key: MarketKey, place: Bet | Side) -> Quote:
    return markets.boards[place.source].quotes[key][place.book]

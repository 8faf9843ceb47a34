"""The state as the records that readers see. Whole answers, sorted as their schemas say."""

from pipeline.records import (
    Arbitrage,
    Arbitrages,
    Change,
    ClosingLine,
    ClosingMarket,
    ClosingPrice,
    FairMarket,
    FairPrices,
    Leg,
    Move,
    Moves,
    ValueBet,
    ValueBets,
)
from pipeline.stages.markets.closing import current
from pipeline.stages.markets.fair import METHOD
from pipeline.stages.markets.offers import Moment, Offer, offers
from pipeline.stages.markets.state import Bet, Lock, Market, MarketKey, Markets, Quote, Side


def fair_prices(now: Moment, state: Markets, offered: dict[MarketKey, list[Offer]]) -> FairPrices:
    """Every market that enough desks have a usable price for; ``offered`` are usable quotes where known."""
    return FairPrices(
        method=METHOD,
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


def moves(state: Markets) -> Moves:
    """The significant moves of the last minutes."""
    return Moves(
        moves=tuple(
            [
                Move(
                    market=key[0],
                    scope=key[1],
                    line=key[2],
                    outcome=drift.outcome,
                    from_probability=drift.from_probability,
                    to_probability=drift.to_probability,
                    log_odds=drift.log_odds,
                    since_ms=drift.since_ms,
                    at_ms=drift.at_ms,
                    books=drift.books,
                    after_event=drift.after_event,
                )
                for key in sorted(state.markets)
                for drift in state.markets[key].drifts
            ]
        )
    )


def value_bets(state: Markets, changes: tuple[Change, ...] = ()) -> ValueBets:
    """The open value bets, best first."""
    open_bets = [(key, bet) for key, market in state.markets.items() for bet in market.bets]
    open_bets.sort(key=lambda place: (-place[1].expected_value, place[1].id))
    return ValueBets(bets=tuple([_value_bet(state, key, bet) for key, bet in open_bets]), changes=changes)


def arbitrages(state: Markets, changes: tuple[Change, ...] = ()) -> Arbitrages:
    """Open arbitrage, best first, then the suspects."""
    locks = [(key, lock) for key, market in state.markets.items() for lock in market.locks]
    locks.sort(key=lambda place: (place[1].suspect != (), -place[1].profit_minor, place[1].id))
    listed = tuple([_arbitrage(state, key, lock) for key, lock in locks])
    return Arbitrages(arbitrages=listed, changes=changes)


def _fair_market(key: MarketKey, market: Market, offered: list[Offer]) -> FairMarket:
    seen = [quote.seen_at_ms for _, _, quote in offered]
    return FairMarket(
        market=key[0],
        scope=key[1],
        line=key[2],
        probabilities=market.probabilities,
        desks=market.desks,
        overround=market.overround,
        newest_seen_at_ms=max(seen),
        oldest_seen_at_ms=min(seen),
    )


def _value_bet(state: Markets, key: MarketKey, bet: Bet) -> ValueBet:
    quote = _quote(state, key, bet)
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
    )


def _arbitrage(state: Markets, key: MarketKey, lock: Lock) -> Arbitrage:
    stake_minor = sum([side.stake_minor for side in lock.sides])
    legs = []
    for outcome, side in enumerate(lock.sides):
        quote = _quote(state, key, side)
        legs.append(
            Leg(
                outcome=outcome,
                book=side.book,
                price=side.price,
                stake_minor=side.stake_minor,
                quoted_at_ms=quote.quoted_at_ms,
                seen_at_ms=quote.seen_at_ms,
                source=side.source,
                break_even_price=stake_minor / side.stake_minor,
            )
        )
    return Arbitrage(
        id=lock.id,
        market=key[0],
        scope=key[1],
        line=key[2],
        legs=tuple(legs),
        roi=lock.roi,
        stake_minor=stake_minor,
        profit_minor=lock.profit_minor,
        suspect=lock.suspect,
        opened_at_ms=lock.opened_at_ms,
    )


def _quote(state: Markets, key: MarketKey, place: Bet | Side) -> Quote:
    return state.boards[place.source].quotes[key][place.book]

"""Published opportunities: which are open, since when, at which price; and what became of them."""

from collections.abc import Iterator, Mapping, Sequence

from msgspec import Struct
from msgspec.structs import replace

from pipeline.domain import settlement
from pipeline.domain.movement import closing_line_value
from pipeline.records import (
    Arbitrages,
    BetResult,
    Change,
    ChangeKind,
    ClosingMarket,
    LegResult,
    OpportunityKind,
    SettledLeg,
    ValueBets,
)

SETTLED_MARKETS = frozenset({"h2h", "h2h_3way", "spread", "total"})


class Taken(Struct, frozen=True, kw_only=True, array_like=True, gc=False):
    """A leg as it was first listed."""

    outcome: int
    book: str
    price: float
    stake_share: float


class Opportunity(Struct, frozen=True, kw_only=True, array_like=True):
    """One that was open at least once. ``withdrawn_at_ms`` is 0 while it is listed."""

    kind: OpportunityKind
    basis: str
    market: str
    scope: str
    line: float
    legs: tuple[Taken, ...]
    opened_at_ms: int
    withdrawn_at_ms: int = 0
    withdrawn_reason: str = ""


class Ending(Struct, frozen=True, kw_only=True, array_like=True):
    """What a game came to, as far as it is known.

    ``game`` and ``regulation`` are scores, home first; None where not known. ``level`` says that regulation
    ended level, which can be known without its score. ``void``: it was called off.
    """

    game: tuple[int, int] | None = None
    regulation: tuple[int, int] | None = None
    level: bool = False
    void: bool = False


def listed(record: ValueBets | Arbitrages) -> dict[str, Opportunity]:
    """The open opportunities of a list by id; a suspect arbitrage is none."""
    if isinstance(record, ValueBets):
        return {
            bet.id: Opportunity(
                kind=OpportunityKind.VALUE,
                basis=bet.basis,
                market=bet.market,
                scope=bet.scope,
                line=bet.line,
                legs=(Taken(outcome=bet.outcome, book=bet.book, price=bet.price, stake_share=1.0),),
                opened_at_ms=bet.opened_at_ms,
            )
            for bet in record.bets
        }
    return {
        found.id: Opportunity(
            kind=OpportunityKind.ARBITRAGE,
            basis="",
            market=found.market,
            scope=found.scope,
            line=found.line,
            legs=tuple(
                Taken(
                    outcome=leg.outcome,
                    book=leg.book,
                    price=leg.price,
                    stake_share=leg.stake_minor / found.stake_minor,
                )
                for leg in found.legs
            ),
            opened_at_ms=found.opened_at_ms,
        )
        for found in record.arbitrages
        if not found.suspect and found.stake_minor > 0
    }


def reconciled(followed: Mapping[str, Opportunity], record: ValueBets | Arbitrages) -> dict[str, Opportunity]:
    """The followed opportunities after a whole list of one kind.

    One that is not listed any more has ended, whatever the changes say; they only name the reason. One that
    comes back is the same again, at its first price.
    """
    kind = OpportunityKind.VALUE if isinstance(record, ValueBets) else OpportunityKind.ARBITRAGE
    now = listed(record)
    reasons = {change.id: _reason(change) for change in record.changes}
    after = {}
    for id_, known in followed.items():
        if known.kind == kind and id_ in now and known.withdrawn_at_ms:
            after[id_] = replace(known, withdrawn_at_ms=0, withdrawn_reason="")
        elif known.kind == kind and id_ not in now and not known.withdrawn_at_ms:
            after[id_] = ended(known, record.received_at_ms, reasons.get(id_) or "superseded")
        else:
            after[id_] = known
    return after | {id_: new for id_, new in now.items() if id_ not in followed}


def ended(opportunity: Opportunity, at_ms: int, reason: str) -> Opportunity:
    """It is over, unless it was already."""
    if opportunity.withdrawn_at_ms:
        return opportunity
    return replace(opportunity, withdrawn_at_ms=at_ms, withdrawn_reason=reason)


def result(
    id_: str, opportunity: Opportunity, ending: Ending, closing: Sequence[ClosingMarket], started_at_ms: int
) -> BetResult:
    """What an opportunity came to, for each unit staked at its first price, and against which close."""
    close = next((market for market in closing if _same_line(market, opportunity)), None)
    legs = tuple(_settled(opportunity, leg, ending, close) for leg in opportunity.legs)
    in_time = 0 < opportunity.opened_at_ms < started_at_ms
    closing_known = in_time and all(leg.closing_probability > 0.0 for leg in legs)
    value = 0.0
    if closing_known and opportunity.kind == OpportunityKind.VALUE:
        value = closing_line_value(legs[0].price, legs[0].closing_probability)
    return BetResult(
        opportunity=id_,
        kind=opportunity.kind,
        basis=opportunity.basis,
        market=opportunity.market,
        scope=opportunity.scope,
        line=opportunity.line,
        legs=legs,
        opened_at_ms=opportunity.opened_at_ms,
        withdrawn_at_ms=opportunity.withdrawn_at_ms,
        withdrawn_reason=opportunity.withdrawn_reason,
        profit=_profit(legs),
        closing_line_value=value,
        closing_known=closing_known,
    )


def _reason(change: Change) -> str:
    return change.reason if change.change == ChangeKind.WITHDRAWN else ""


def _same_line(market: ClosingMarket, opportunity: Opportunity) -> bool:
    return (market.market, market.scope, market.line) == (
        opportunity.market,
        opportunity.scope,
        opportunity.line,
    )


def _settled(opportunity: Opportunity, leg: Taken, ending: Ending, close: ClosingMarket | None) -> SettledLeg:
    fair = close.probabilities if close else ()
    return SettledLeg(
        outcome=leg.outcome,
        book=leg.book,
        price=leg.price,
        stake_share=leg.stake_share,
        result=_leg_result(opportunity, leg.outcome, ending),
        closing_probability=fair[leg.outcome] if leg.outcome < len(fair) else 0.0,
    )


def _leg_result(opportunity: Opportunity, outcome: int, ending: Ending) -> LegResult:
    if ending.void:
        return LegResult.VOID
    score = {"game": ending.game, "regulation": ending.regulation}.get(opportunity.scope)
    if score is None and opportunity.scope == "regulation" and ending.level:
        score = (0, 0) if opportunity.market == "h2h_3way" else None
    if score is None or opportunity.market not in SETTLED_MARKETS:
        return LegResult.UNKNOWN
    return LegResult(settlement.settle(opportunity.market, outcome, opportunity.line, *score).value)


def _profit(legs: Sequence[SettledLeg]) -> float:
    """For each unit staked; 0 where a result is not known."""
    if any(leg.result == LegResult.UNKNOWN for leg in legs):
        return 0.0
    return sum(_leg_profits(legs))


def _leg_profits(legs: Sequence[SettledLeg]) -> Iterator[float]:
    for leg in legs:
        yield leg.stake_share * settlement.profit(settlement.Result(leg.result.value), leg.price)

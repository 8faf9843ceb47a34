"""Published opportunities: which are open, since when, at which price; and what became of them."""

from collections.abc import Mapping, Sequence

from msgspec import Struct
from msgspec.structs import replace

from pipeline.domain import settlement
from pipeline.domain.lay import back_after_commission
from pipeline.domain.movement import closing_line_value
from pipeline.domain.odds import lay_as_back
from pipeline.records import (
    OUTCOMES,
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

#: What a lay comes to where a back of the same outcome comes to that.
LAID = {
    settlement.Result.WON: settlement.Result.LOST,
    settlement.Result.HALF_WON: settlement.Result.HALF_LOST,
    settlement.Result.PUSHED: settlement.Result.PUSHED,
    settlement.Result.HALF_LOST: settlement.Result.HALF_WON,
    settlement.Result.LOST: settlement.Result.WON,
    settlement.Result.VOID: settlement.Result.VOID,
}


class Taken(Struct, frozen=True, kw_only=True, array_like=True, gc=False):
    """A leg as it was first listed; ``stake_share`` is its part of what all legs put at risk."""

    outcome: int
    book: str
    price: float
    stake_share: float
    line: float
    lay: bool = False
    commission: float = 0.0


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
    ended level, which can be known without its score. ``void``: it was called off. ``shoot_out`` is
    by how many penalties home won one, negative where away did, 0 where there was none.
    """

    game: tuple[int, int] | None = None
    regulation: tuple[int, int] | None = None
    level: bool = False
    void: bool = False
    shoot_out: int = 0

    @property
    def decided(self) -> int:
        """Above 0 where home has won the game, below where away has."""
        home, away = self.game or (0, 0)
        return home - away or self.shoot_out


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
                legs=(
                    Taken(
                        outcome=bet.outcome,
                        book=bet.book,
                        price=bet.price,
                        stake_share=1.0,
                        line=bet.line,
                        commission=bet.commission,
                    ),
                ),
                opened_at_ms=bet.opened_at_ms,
            )
            for bet in record.bets
        }
    return {
        found.id: Opportunity(
            kind=OpportunityKind(found.kind),
            basis="",
            market=found.market,
            scope=found.scope,
            line=found.line,
            legs=tuple(
                Taken(
                    outcome=leg.outcome,
                    book=leg.book,
                    price=leg.price,
                    # The first version of the record had backs on one line only, and said so nowhere.
                    stake_share=(leg.at_risk_minor or leg.stake_minor) / found.stake_minor,
                    line=leg.line if found.kind == "middle" else found.line,
                    lay=leg.side == "lay",
                    commission=leg.commission,
                )
                for leg in found.legs
            ),
            opened_at_ms=found.opened_at_ms,
        )
        for found in record.arbitrages
        # A low hold promises nothing that could be settled.
        if found.kind != "low_hold" and not found.suspect and found.stake_minor > 0
    }


def reconciled(followed: Mapping[str, Opportunity], record: ValueBets | Arbitrages) -> dict[str, Opportunity]:
    """The followed opportunities after a whole list of one kind.

    One that is not listed any more has ended, whatever the changes say; they only name the reason. One that
    comes back is the same again, at its first price.
    """
    is_value = isinstance(record, ValueBets)
    now = listed(record)
    reasons = {change.id: _reason(change) for change in record.changes}
    after = {}
    for id_, known in followed.items():
        same_list = (known.kind is OpportunityKind.VALUE) == is_value
        if same_list and id_ in now and known.withdrawn_at_ms:
            after[id_] = replace(known, withdrawn_at_ms=0, withdrawn_reason="")
        elif same_list and id_ not in now and not known.withdrawn_at_ms:
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
    legs = tuple(_settled(opportunity, leg, ending, closing) for leg in opportunity.legs)
    in_time = 0 < opportunity.opened_at_ms < started_at_ms
    closing_known = in_time and all(leg.closing_probability > 0.0 for leg in legs)
    value = 0.0
    if closing_known and opportunity.kind == OpportunityKind.VALUE:
        value = closing_line_value(_net_price(opportunity.legs[0]), legs[0].closing_probability)
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
        profit=_profit(opportunity, legs),
        closing_line_value=value,
        closing_known=closing_known,
    )


def _reason(change: Change) -> str:
    return change.reason if change.change == ChangeKind.WITHDRAWN else ""


def _settled(
    opportunity: Opportunity, leg: Taken, ending: Ending, closing: Sequence[ClosingMarket]
) -> SettledLeg:
    where = (opportunity.market, opportunity.scope, leg.line)
    fair = next(
        (close.probabilities for close in closing if (close.market, close.scope, close.line) == where), ()
    )
    return SettledLeg(
        outcome=leg.outcome,
        book=leg.book,
        price=leg.price,
        stake_share=leg.stake_share,
        result=_leg_result(opportunity, leg, ending),
        closing_probability=fair[leg.outcome] if leg.outcome < len(fair) else 0.0,
        line=leg.line,
        side="lay" if leg.lay else "back",
        commission=leg.commission,
    )


def _leg_result(opportunity: Opportunity, leg: Taken, ending: Ending) -> LegResult:
    if ending.void:
        return LegResult.VOID
    score = {"game": ending.game, "regulation": ending.regulation}.get(opportunity.scope)
    if score is None and opportunity.scope == "regulation" and ending.level:
        score = (0, 0) if opportunity.market == "h2h_3way" else None
    if score is None or opportunity.market not in OUTCOMES:
        return LegResult.UNKNOWN
    if (opportunity.market, opportunity.scope) == ("h2h", "game"):
        score = (max(0, ending.decided), max(0, -ending.decided))
    found = settlement.settle(opportunity.market, leg.outcome, leg.line, *score)
    return LegResult((LAID[found] if leg.lay else found).value)


def _net_price(leg: Taken) -> float:
    """What the leg pays for each unit that it puts at risk, commission taken."""
    if leg.lay:
        return lay_as_back(leg.price, leg.commission)
    return back_after_commission(leg.price, leg.commission) if leg.commission else leg.price


def _profit(opportunity: Opportunity, legs: Sequence[SettledLeg]) -> float:
    """For each unit at risk; 0 where a result is not known."""
    if any(leg.result == LegResult.UNKNOWN for leg in legs):
        return 0.0
    return sum(
        [
            leg.stake_share * settlement.profit(settlement.Result(settled.result.value), _net_price(leg))
            for leg, settled in zip(opportunity.legs, legs, strict=True)
        ]
    )

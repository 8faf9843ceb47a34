"""What two folds say otherwise of an event at a moment: probabilities, opportunities, digests."""

from collections.abc import Iterator
from typing import Any, NamedTuple

from pipeline.records import (
    Arbitrages,
    ClosingLine,
    FairPrices,
    GameProbabilities,
    OpportunityKind,
    Said,
    ShadowChances,
    ShadowChange,
    ShadowDifference,
    ShadowLeg,
    ShadowOpportunity,
    Terms,
    ValueBets,
)
from pipeline.stages.fold import substance
from pipeline.topics import event_of

Key = tuple[str, str]
"""Topic and key of an answer."""
Both = tuple[Any, Any]
"""The records of what is in use and of the candidate; None where nothing stands."""
Market = tuple[str, str, float]

NOTHING = Terms()
UNSAID = Said(digest="", made_with={})


def difference(
    both: Both, key: Key, at_ms: int, cause: str, differing: dict[Key, tuple[str, str]]
) -> ShadowDifference | None:
    """What differs now under a key, or that nothing does any more; None where that is no news.

    ``differing`` has the digests of what last differed under each key of the event, and is kept so.
    """
    before, after = both
    if before == after and key not in differing:
        return None
    baseline, other = _said(before), _said(after)
    if baseline.digest == other.digest:
        if differing.pop(key, None) is None:
            return None
    elif differing.get(key) == (baseline.digest, other.digest):
        return None
    else:
        differing[key] = baseline.digest, other.digest
    topic, of_key = key
    return ShadowDifference(
        event_id=event_of(of_key),
        received_at_ms=at_ms,
        topic=topic,
        key=of_key,
        cause=cause,
        source_event_id=getattr(before or after, "source_event_id", ""),
        baseline=baseline,
        candidate=other,
        chances=tuple(_chances(_markets(before), _markets(after))),
        opportunities=tuple(_opportunities(_listed(before), _listed(after))),
    )


def _said(record: Any) -> Said:
    return Said(digest=substance(record).hex(), made_with=record.made_with) if record else UNSAID


def _markets(record: Any) -> dict[Market, tuple[float, ...]]:
    """The probabilities in an answer."""
    match record:
        case GameProbabilities():
            return {("h2h", "game", 0.0): record.game, ("h2h", "regulation", 0.0): record.regulation}
        case FairPrices() | ClosingLine():
            return {(each.market, each.scope, each.line): each.probabilities for each in record.markets}
    return {}


def _chances(
    before: dict[Market, tuple[float, ...]], after: dict[Market, tuple[float, ...]]
) -> Iterator[ShadowChances]:
    for market in before | after:
        baseline, other = before.get(market, ()), after.get(market, ())
        if baseline != other:
            kind, scope, line = market
            yield ShadowChances(market=kind, scope=scope, line=line, baseline=baseline, candidate=other)


class _Listed(NamedTuple):
    kind: str
    market: str
    scope: str
    line: float
    terms: Terms


def _listed(record: Any) -> dict[str, _Listed]:
    """The open opportunities of a list by id; a suspect one is none."""
    match record:
        case ValueBets():
            return {
                bet.id: _Listed(
                    OpportunityKind.VALUE.value,
                    bet.market,
                    bet.scope,
                    bet.line,
                    Terms(
                        legs=(ShadowLeg(outcome=bet.outcome, book=bet.book, price=bet.price),),
                        expected_value=bet.expected_value,
                        stake_share=bet.stake_share,
                    ),
                )
                for bet in record.bets
            }
        case Arbitrages():
            return {
                found.id: _Listed(
                    found.kind,
                    found.market,
                    found.scope,
                    found.line,
                    Terms(
                        legs=tuple(
                            ShadowLeg(outcome=leg.outcome, book=leg.book, price=leg.price)
                            for leg in found.legs
                        ),
                        expected_value=found.roi,
                        stake_minor=found.stake_minor,
                    ),
                )
                for found in record.arbitrages
                if not found.suspect
            }
    return {}


def _opportunities(before: dict[str, _Listed], after: dict[str, _Listed]) -> Iterator[ShadowOpportunity]:
    for id_, known in (before | after).items():
        old, new = before.get(id_), after.get(id_)
        baseline, other = old.terms if old else NOTHING, new.terms if new else NOTHING
        if baseline == other:
            continue
        change = (
            ShadowChange.CHANGES if old and new else ShadowChange.VANISHES if old else ShadowChange.APPEARS
        )
        yield ShadowOpportunity(
            id=id_,
            kind=known.kind,
            change=change,
            market=known.market,
            scope=known.scope,
            line=known.line,
            baseline=baseline,
            candidate=other,
        )

"""What the folds derive: each record is the whole current answer for its key."""

from msgspec import Struct

from pipeline.records.kinds import (
    ChangeKind,
    Count,
    Few,
    Finite,
    LegResult,
    LineValue,
    Minor,
    Moment,
    MomentOrZero,
    Name,
    Offset,
    OpportunityKind,
    Outcome,
    Price,
    Probability,
)


class Derived(Struct, frozen=True, kw_only=True):
    """What every derived record begins with; `pipeline.stages.fold` fills it in."""

    event_id: str = ""
    received_at_ms: MomentOrZero = 0
    revision: Count = 0
    inputs: dict[str, Offset] = {}
    made_with: dict[str, str] = {}


class FairMarket(Struct, frozen=True, kw_only=True, gc=False):
    market: str
    scope: str
    line: LineValue
    probabilities: tuple[Probability, ...]
    desks: Few
    overround: Finite
    newest_seen_at_ms: Moment
    oldest_seen_at_ms: Moment
    spreads: tuple[Probability, ...] = ()
    standard_errors: tuple[Finite, ...] = ()
    newest_quoted_at_ms: MomentOrZero = 0
    oldest_quoted_at_ms: MomentOrZero = 0


class FairPrices(Derived, frozen=True, kw_only=True):
    method: str
    markets: tuple[FairMarket, ...]


class ClosingMarket(Struct, frozen=True, kw_only=True, gc=False):
    market: str
    scope: str
    line: LineValue
    probabilities: tuple[Probability, ...]
    basis: str


class ClosingPrice(Struct, frozen=True, kw_only=True, gc=False):
    book: Name
    market: str
    scope: str
    line: LineValue
    prices: tuple[Price, ...]
    seen_at_ms: Moment


class ClosingLine(Derived, frozen=True, kw_only=True):
    final: bool
    started_at_ms: MomentOrZero
    markets: tuple[ClosingMarket, ...]
    prices: tuple[ClosingPrice, ...]


class Move(Struct, frozen=True, kw_only=True, gc=False):
    market: str
    scope: str
    line: LineValue
    outcome: Outcome
    from_probability: Probability
    to_probability: Probability
    log_odds: Finite
    since_ms: Moment
    at_ms: Moment
    books: Few
    after_event: bool
    from_line: LineValue = 0.0
    noise: Finite = 0.0
    desks: Few = 0
    cause: str = ""


class DeskMove(Struct, frozen=True, kw_only=True, gc=False):
    desk: Name
    at_ms: Moment
    waited_s: Finite
    log_odds: Finite


class Steam(Struct, frozen=True, kw_only=True, gc=False):
    market: str
    scope: str
    line: LineValue
    outcome: Outcome
    first_desk: str
    since_ms: Moment
    at_ms: Moment
    cause: str
    desks: tuple[DeskMove, ...]


class Moves(Derived, frozen=True, kw_only=True):
    moves: tuple[Move, ...]
    steam: tuple[Steam, ...] = ()


class Change(Struct, frozen=True, kw_only=True, gc=False):
    id: str
    change: ChangeKind
    reason: str = ""


class ValueBet(Struct, frozen=True, kw_only=True, gc=False):
    id: str
    basis: str
    market: str
    scope: str
    line: LineValue
    outcome: Outcome
    book: Name
    price: Price
    probability: Probability
    edge: Finite
    expected_value: Finite
    stake_share: Probability
    quoted_at_ms: MomentOrZero
    seen_at_ms: Moment
    source: Name
    opened_at_ms: Moment
    worst_expected_value: Finite = 0.0
    worst_by: str = ""
    confidence: Probability = 0.0
    desks: Few = 0
    refund: Probability = 0.0
    commission: Probability = 0.0
    kelly_share: Probability = 0.0


class GatedBet(Struct, frozen=True, kw_only=True, gc=False):
    basis: str
    market: str
    scope: str
    line: LineValue
    outcome: Outcome
    book: Name
    source: Name
    price: Price
    probability: Probability
    expected_value: Finite
    reasons: tuple[str, ...]


class ValueBets(Derived, frozen=True, kw_only=True):
    bets: tuple[ValueBet, ...]
    changes: tuple[Change, ...] = ()
    gated: tuple[GatedBet, ...] = ()


class Leg(Struct, frozen=True, kw_only=True, gc=False):
    outcome: Outcome
    book: Name
    price: Price
    stake_minor: Count
    quoted_at_ms: MomentOrZero
    seen_at_ms: Moment
    source: Name
    break_even_price: Finite
    line: LineValue = 0.0
    side: str = "back"
    commission: Probability = 0.0
    at_risk_minor: Count = 0
    least_minor: Count = 0
    most_minor: Count = 0


class RuleDifference(Struct, frozen=True, kw_only=True, gc=False):
    rule: str
    profit_minor: Minor


class Arbitrage(Struct, frozen=True, kw_only=True):
    id: str
    market: str
    scope: str
    line: LineValue
    legs: tuple[Leg, ...]
    roi: Finite
    stake_minor: Count
    profit_minor: Minor
    suspect: tuple[str, ...]
    opened_at_ms: Moment
    kind: str = "arbitrage"
    clean: bool = True
    rules: tuple[RuleDifference, ...] = ()
    hit_probability: Probability = 0.0
    break_even_probability: Probability = 0.0
    expected_value: Finite = 0.0


class LegLife(Struct, frozen=True, kw_only=True, gc=False):
    book: Name
    outcome: Outcome
    side: str
    price: Price
    verdict: str
    next_price: Price
    after_s: Finite


class Life(Struct, frozen=True, kw_only=True, gc=False):
    id: str
    market: str
    scope: str
    line: LineValue
    opened_at_ms: Moment
    ended_at_ms: MomentOrZero
    reason: str
    roi: Finite
    phantom: bool
    legs: tuple[LegLife, ...]


class Arbitrages(Derived, frozen=True, kw_only=True):
    arbitrages: tuple[Arbitrage, ...]
    changes: tuple[Change, ...] = ()
    lives: tuple[Life, ...] = ()
    judged: Count = 0
    phantoms: Count = 0


class SettledLeg(Struct, frozen=True, kw_only=True, gc=False):
    outcome: Outcome
    book: Name
    price: Price
    stake_share: Probability
    result: LegResult
    closing_probability: Probability
    line: LineValue = 0.0
    side: str = "back"
    commission: Probability = 0.0


class BetResult(Derived, frozen=True, kw_only=True):
    opportunity: str
    kind: OpportunityKind
    basis: str
    market: str
    scope: str
    line: LineValue
    legs: tuple[SettledLeg, ...]
    opened_at_ms: Moment
    withdrawn_at_ms: MomentOrZero
    withdrawn_reason: str
    profit: Finite
    closing_line_value: Finite
    closing_known: bool

"""What a candidate would publish otherwise than what is in use: no answer of a fold, and no input of one."""

from enum import StrEnum

from msgspec import Struct

from pipeline.records.kinds import (
    Count,
    Finite,
    LineValue,
    Moment,
    Name,
    Outcome,
    Price,
    Probability,
)


class ShadowChange(StrEnum):
    APPEARS = "appears"
    VANISHES = "vanishes"
    CHANGES = "changes"


class Said(Struct, frozen=True, kw_only=True):
    digest: str
    made_with: dict[str, str]


class ShadowChances(Struct, frozen=True, kw_only=True, gc=False):
    market: str
    scope: str
    line: LineValue
    baseline: tuple[Probability, ...]
    candidate: tuple[Probability, ...]


class ShadowLeg(Struct, frozen=True, kw_only=True, gc=False):
    outcome: Outcome
    book: Name
    price: Price


class Terms(Struct, frozen=True, kw_only=True):
    legs: tuple[ShadowLeg, ...] = ()
    expected_value: Finite = 0.0
    stake_share: Probability = 0.0
    stake_minor: Count = 0


class ShadowOpportunity(Struct, frozen=True, kw_only=True):
    id: str
    kind: str
    change: ShadowChange
    market: str
    scope: str
    line: LineValue
    baseline: Terms
    candidate: Terms


class ShadowDifference(Struct, frozen=True, kw_only=True):
    event_id: str
    received_at_ms: Moment
    topic: Name
    key: str
    cause: Name
    source_event_id: str
    baseline: Said
    candidate: Said
    chances: tuple[ShadowChances, ...]
    opportunities: tuple[ShadowOpportunity, ...]

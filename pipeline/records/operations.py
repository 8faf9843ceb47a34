"""Records about the sources and about what could not be used."""

from typing import Annotated

from msgspec import Meta, Struct

from pipeline.records.kinds import (
    Count,
    Few,
    Moment,
    MomentOrZero,
    Name,
    Offset,
    Probability,
    QuotaKind,
    UnmatchedState,
)


class Artefact(Struct, frozen=True, kw_only=True):
    digest: Name
    kind: Name
    name: str
    content: bytes


class SourcePayload(Struct, frozen=True, kw_only=True):
    source: Name
    received_at_ms: Moment
    request: str
    http_status: Few
    body: bytes
    name: str = ""
    league: str = ""
    kind: str = ""


class SourceHealth(Struct, frozen=True, kw_only=True):
    source: Name
    received_at_ms: Moment
    ok: bool
    error: str
    last_success_at_ms: MomentOrZero
    quota_left: Annotated[int, Meta(ge=-1, le=2**53)]
    state: str = ""
    since_ms: MomentOrZero = 0
    due_by_ms: MomentOrZero = 0
    answer_s: Annotated[float, Meta(ge=0.0, le=1e6)] = 0.0
    failures: Count = 0
    polls: Count = 0
    errors: dict[str, Count] = {}


class SourceControl(Struct, frozen=True, kw_only=True):
    source: Name
    received_at_ms: Moment
    off: bool
    reason: str


class SourceQuota(Struct, frozen=True, kw_only=True):
    source: Name
    received_at_ms: Moment
    kind: QuotaKind
    periods: tuple[Moment, ...]
    budget: Count
    credits: Count
    call: str
    reservation: Offset
    used: Offset
    remaining: Offset
    last: Offset


class SourceEvent(Struct, frozen=True, kw_only=True):
    source: Name
    source_id: Name
    event_id: str
    received_at_ms: Moment
    starts_at_ms: MomentOrZero
    home: str
    away: str
    read_to: Offset = -1
    basis: str = ""


class SourceAlias(Struct, frozen=True, kw_only=True):
    league: str
    source: str
    name: str
    team: str
    source_id: str
    event_id: str
    received_at_ms: Moment
    origin: str


class Candidate(Struct, frozen=True, kw_only=True):
    name: str
    team: str
    event_id: str
    score: Probability
    reason: str


class Unmatched(Struct, frozen=True, kw_only=True):
    source: Name
    source_id: Name
    league: str
    home: str
    away: str
    starts_at_ms: MomentOrZero
    received_at_ms: Moment
    since_ms: Moment
    reason: str
    candidates: tuple[Candidate, ...]
    waiting: Few
    dropped: Few
    event_id: str
    state: UnmatchedState


class DeadLetter(Struct, frozen=True, kw_only=True):
    topic: Name
    partition: Few
    offset: Offset
    stage: str
    reason: str
    key: bytes
    value: bytes
    size: Count

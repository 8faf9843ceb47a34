"""Records about the sources and about what could not be used."""

from msgspec import Struct

from pipeline.records.kinds import (
    Count,
    Moment,
    MomentOrZero,
    Name,
)


class SourcePayload(Struct, frozen=True, kw_only=True):
    source: Name
    received_at_ms: Moment
    request: str
    http_status: int
    body: bytes


class SourceHealth(Struct, frozen=True, kw_only=True):
    source: Name
    received_at_ms: Moment
    ok: bool
    error: str
    last_success_at_ms: MomentOrZero
    quota_left: int


class SourceEvent(Struct, frozen=True, kw_only=True):
    source: Name
    source_id: Name
    event_id: str
    received_at_ms: Moment
    starts_at_ms: MomentOrZero
    home: str
    away: str


class DeadLetter(Struct, frozen=True, kw_only=True):
    topic: Name
    partition: int
    offset: int
    stage: str
    reason: str
    key: bytes
    value: bytes
    size: Count

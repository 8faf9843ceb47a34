"""What producers write about events: odds, game events, ticks."""

from typing import Annotated

from msgspec import Meta, Struct

from pipeline.records.kinds import (
    Count,
    Few,
    GameStatus,
    LineValue,
    Moment,
    MomentOrZero,
    Name,
    Price,
    QuoteStatus,
    SnapshotKind,
    TimeBasis,
)


class Line(Struct, frozen=True, kw_only=True, gc=False):
    book: Name
    market: str
    scope: str = "game"
    line: LineValue = 0.0
    prices: tuple[Price, ...]
    status: QuoteStatus = QuoteStatus.OPEN
    quoted_at_ms: MomentOrZero = 0


class Depth(Struct, frozen=True, kw_only=True, gc=False):
    book: Name
    market: str
    scope: str = "game"
    line: LineValue = 0.0
    lay_prices: tuple[Price, ...]
    back_sizes: tuple[Count, ...]
    lay_sizes: tuple[Count, ...]


class Seen(Struct, frozen=True, kw_only=True, gc=False):
    book: Name
    quoted_at_ms: MomentOrZero


class OddsSnapshot(Struct, frozen=True, kw_only=True):
    event_id: str
    source: Name
    kind: SnapshotKind
    received_at_ms: Moment
    starts_at_ms: MomentOrZero = 0
    markets: tuple[str, ...] = ()
    regions: tuple[str, ...] = ()
    books: tuple[str, ...] = ()
    lines: tuple[Line, ...] = ()
    depth: tuple[Depth, ...] = ()
    seen: tuple[Seen, ...] = ()


class AmericanFootball(
    Struct, frozen=True, kw_only=True, tag="sharpline.games.AmericanFootball", tag_field="-type"
):
    possession: str
    down: Annotated[int, Meta(ge=0, le=4)]
    distance_yd: Annotated[int, Meta(ge=0, le=100)]
    yards_to_goal: Annotated[int, Meta(ge=0, le=100)]
    home_timeouts: Annotated[int, Meta(ge=0, le=3)]
    away_timeouts: Annotated[int, Meta(ge=0, le=3)]


class Basketball(Struct, frozen=True, kw_only=True, tag="sharpline.games.Basketball", tag_field="-type"):
    possession: str
    home_fouls: Few
    away_fouls: Few


class Baseball(Struct, frozen=True, kw_only=True, tag="sharpline.games.Baseball", tag_field="-type"):
    half: str
    outs: Annotated[int, Meta(ge=0, le=3)]
    bases: Annotated[int, Meta(ge=0, le=7)]
    balls: Annotated[int, Meta(ge=0, le=4)]
    strikes: Annotated[int, Meta(ge=0, le=3)]
    scheduled_innings: Annotated[int, Meta(ge=1, le=9)]


class Soccer(Struct, frozen=True, kw_only=True, tag="sharpline.games.Soccer", tag_field="-type"):
    home_reds: Annotated[int, Meta(ge=0, le=11)]
    away_reds: Annotated[int, Meta(ge=0, le=11)]
    home_penalties: Annotated[int, Meta(ge=0, le=100)] = 0
    away_penalties: Annotated[int, Meta(ge=0, le=100)] = 0


class Hockey(Struct, frozen=True, kw_only=True, tag="sharpline.games.Hockey", tag_field="-type"):
    home_skaters: Annotated[int, Meta(ge=3, le=6)]
    away_skaters: Annotated[int, Meta(ge=3, le=6)]


Situation = AmericanFootball | Basketball | Baseball | Soccer | Hockey
Score = Annotated[int, Meta(ge=0, le=1_000)]
Period = Annotated[int, Meta(ge=0, le=50)]
Clock = Annotated[float, Meta(ge=-1.0, le=7_200.0)]


class GameEvent(Struct, frozen=True, kw_only=True):
    event_id: str
    source: Name
    source_event_id: str = ""
    supersedes: str = ""
    kind: str
    received_at_ms: Moment
    happened_at_ms: MomentOrZero = 0
    happened_at_basis: TimeBasis = TimeBasis.STATED
    sequence: Count
    starts_at_ms: MomentOrZero = 0
    status: GameStatus
    period: Period = 0
    clock_s: Clock = -1.0
    home_score: Score = 0
    away_score: Score = 0
    suspended: bool = False
    situation: Situation | None = None
    text: Annotated[str, Meta(max_length=200)] = ""


class SourceState(Struct, frozen=True, kw_only=True, gc=False):
    source: Name
    down_since_ms: MomentOrZero = 0
    outages: Count = 0
    off: bool = False
    full_from_ms: MomentOrZero = 0


class ClockTick(Struct, frozen=True, kw_only=True):
    received_at_ms: Moment
    sources: tuple[SourceState, ...] = ()

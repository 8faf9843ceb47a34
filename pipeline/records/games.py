"""What the folds derive of games: states, probabilities with what is behind them, and how they did."""

from typing import Annotated

from msgspec import Meta, Struct

from pipeline.records.answers import Derived
from pipeline.records.inputs import (
    Clock,
    Period,
    Score,
    Situation,
)
from pipeline.records.kinds import (
    Count,
    Few,
    Finite,
    GameStatus,
    MomentOrZero,
    Outcome,
    Probability,
)


class GameState(Derived, frozen=True, kw_only=True):
    league: str
    sport: str
    home: str
    away: str
    status: GameStatus
    starts_at_ms: MomentOrZero
    started_at_ms: MomentOrZero
    finished_at_ms: MomentOrZero
    period: Period
    clock_s: Clock
    home_score: Score
    away_score: Score
    suspended: bool
    contested: bool
    last_key_event_at_ms: MomentOrZero
    situation: Situation | None
    source: str
    source_event_id: str
    text: str
    doubts: tuple[str, ...] = ()


class ModelOpinion(Struct, frozen=True, kw_only=True, gc=False):
    model: str
    game: tuple[Probability, ...]
    regulation: tuple[Probability, ...]
    parameters: dict[str, Finite]


class GameProbabilities(Derived, frozen=True, kw_only=True):
    source_event_id: str
    status: GameStatus
    starts_at_ms: MomentOrZero
    started_at_ms: MomentOrZero
    finished_at_ms: MomentOrZero
    home_score: Score
    away_score: Score
    last_key_event_at_ms: MomentOrZero
    suspended: bool
    contested: bool
    model: str
    prior: str
    game: tuple[Probability, ...]
    regulation: tuple[Probability, ...]
    parameters: dict[str, Finite]
    impact: Annotated[float, Meta(ge=-1.0, le=1.0)]
    opinions: tuple[ModelOpinion, ...] = ()
    game_low: tuple[Probability, ...] = ()
    game_high: tuple[Probability, ...] = ()
    momentum: Annotated[float, Meta(ge=-1.0, le=1.0)] = 0.0
    next_score: tuple[Probability, ...] = ()
    doubts: tuple[str, ...] = ()


class OutOfRange(Struct, frozen=True, kw_only=True, gc=False):
    name: str
    value: Finite
    low: Finite
    high: Finite


class GameFeatures(Derived, frozen=True, kw_only=True):
    source_event_id: str
    sport: str
    model: str
    model_digest: str
    names: tuple[str, ...]
    values: tuple[Finite, ...]
    closed: tuple[Finite, ...]
    anchor: tuple[Finite, ...]
    out_of_range: tuple[OutOfRange, ...] = ()


class BucketScore(Struct, frozen=True, kw_only=True, gc=False):
    outcome: Outcome
    bucket: Few
    moments: Count
    said: Finite
    came: Count


class PhaseScore(Struct, frozen=True, kw_only=True):
    phase: str
    moments: Count
    log_loss: Finite
    brier: Finite
    buckets: tuple[BucketScore, ...]


class SideScore(Struct, frozen=True, kw_only=True, gc=False):
    side: str
    moments: Count
    said: Finite
    came: Count
    variance: Finite


class OpinionScore(Struct, frozen=True, kw_only=True, gc=False):
    model: str
    moments: Count
    log_loss: Finite
    brier: Finite


class GameScore(Derived, frozen=True, kw_only=True):
    league: str
    model: str
    home_score: Score
    away_score: Score
    outcome: Outcome
    published: Count
    log_loss: Finite
    brier: Finite
    closing_log_loss: Finite
    closing_brier: Finite
    skill: Finite = 0.0
    in_play_s: Finite = 0.0
    log_loss_by_time: Finite = 0.0
    brier_by_time: Finite = 0.0
    phases: tuple[PhaseScore, ...] = ()
    sides: tuple[SideScore, ...] = ()
    opinions: tuple[OpinionScore, ...] = ()

"""How good the published probabilities were, as counters: sums over moments, to be divided by whoever asks.

Labels are closed sets: leagues, the phases of a league, tenths, sides, the models that there are. A league's
series begin at 0 when one of its games is first seen, hours before it settles: a rate would miss the first.
"""

from functools import cache

from pipeline import data, telemetry
from pipeline.data import League
from pipeline.domain.calibration import BUCKETS
from pipeline.models.features import SHEETS
from pipeline.models.phases import phases
from pipeline.models.position import can_be_drawn
from pipeline.records import GameScore
from pipeline.stages.bets.scores import FAVOURITE, SIDES

#: The published answer where several models spoke; alone, it is the model's own.
BLEND = "blend"
BOOSTERS = ("lightgbm", "xgboost")
OF_PHASE = (
    telemetry.SCORED_MOMENTS,
    telemetry.SCORED_LOG_LOSS,
    telemetry.SCORED_BRIER,
    telemetry.CLOSING_LOG_LOSS,
    telemetry.LOG_LOSS_BESIDE_CLOSE,
)
OF_BUCKET = (telemetry.BUCKET_MOMENTS, telemetry.BUCKET_SAID, telemetry.BUCKET_CAME)
OF_SIDE = (telemetry.SIDE_MOMENTS, telemetry.SIDE_SAID, telemetry.SIDE_CAME, telemetry.SIDE_VARIANCE)
OF_MODEL = (telemetry.MODEL_MOMENTS, telemetry.MODEL_LOG_LOSS)


def models(league: League) -> tuple[str, ...]:
    """Who may speak of a league's games."""
    sheet = SHEETS.get(league.sport)
    return (league.model, *((BLEND, sheet.anchor_name, *BOOSTERS) if sheet else ()))


@cache
def expect(name: str) -> None:
    """A game of this league is followed, and will be scored."""
    league = data.leagues()[name]
    telemetry.SCORED_GAMES.labels(name)
    for phase in phases(league):
        for metric in OF_PHASE:
            metric.labels(name, phase)
        for bucket in range(BUCKETS):
            for metric in OF_BUCKET:
                metric.labels(name, phase, bucket)
    for side in (*(SIDES if can_be_drawn(league) else SIDES[:1]), FAVOURITE):
        for metric in OF_SIDE:
            metric.labels(name, side)
    for model in models(league):
        for metric in OF_MODEL:
            metric.labels(name, model)


def count(score: GameScore) -> None:
    """Add a settled game."""
    name = score.league
    telemetry.SCORED_GAMES.labels(name).inc()
    for phase in score.phases:
        telemetry.SCORED_MOMENTS.labels(name, phase.phase).inc(phase.moments)
        telemetry.SCORED_LOG_LOSS.labels(name, phase.phase).inc(phase.moments * phase.log_loss)
        telemetry.SCORED_BRIER.labels(name, phase.phase).inc(phase.moments * phase.brier)
        if score.closing_log_loss:
            closing = phase.moments * score.closing_log_loss
            telemetry.CLOSING_LOG_LOSS.labels(name, phase.phase).inc(closing)
            telemetry.LOG_LOSS_BESIDE_CLOSE.labels(name, phase.phase).inc(phase.moments * phase.log_loss)
        for one in phase.buckets:
            telemetry.BUCKET_MOMENTS.labels(name, phase.phase, one.bucket).inc(one.moments)
            telemetry.BUCKET_SAID.labels(name, phase.phase, one.bucket).inc(one.said)
            telemetry.BUCKET_CAME.labels(name, phase.phase, one.bucket).inc(one.came)
    for side in score.sides:
        telemetry.SIDE_MOMENTS.labels(name, side.side).inc(side.moments)
        telemetry.SIDE_SAID.labels(name, side.side).inc(side.said)
        telemetry.SIDE_CAME.labels(name, side.side).inc(side.came)
        # Of one game it may be below 0, where what was said of several outcomes hedged.
        telemetry.SIDE_VARIANCE.labels(name, side.side).inc(max(0.0, side.variance))
    known = models(data.leagues()[name])
    spoken = [(one.model, one.moments, one.log_loss) for one in score.opinions]
    if spoken:
        spoken[0] = (BLEND, *spoken[0][1:])
    else:
        spoken = [(score.model, score.published, score.log_loss)]
    for model, moments, log_loss in spoken:
        word = telemetry.label(model, known)
        telemetry.MODEL_MOMENTS.labels(name, word).inc(moments)
        telemetry.MODEL_LOG_LOSS.labels(name, word).inc(moments * log_loss)

"""How good the published probabilities of a game were, kept as sums so that no probability has to be."""

from collections.abc import Sequence

from msgspec import Struct
from msgspec.structs import replace

from pipeline import models
from pipeline.data import League
from pipeline.domain.calibration import bucket, favourite, variance_added
from pipeline.domain.scoring import brier, log_loss
from pipeline.models import Position
from pipeline.models.phases import phases
from pipeline.records import (
    BucketScore,
    ClosingMarket,
    GameProbabilities,
    GameScore,
    GameStatus,
    OpinionScore,
    PhaseScore,
    SideScore,
)
from pipeline.stages.bets.opportunities import Ending

SIDES = ("home", "away", "draw")
FAVOURITE = "favourite"


class Losses(Struct, frozen=True, kw_only=True, array_like=True):
    """Sums over ``count`` moments or milliseconds, for each way in which the game may end."""

    count: float = 0.0
    log_loss: tuple[float, ...] = ()
    brier: tuple[float, ...] = ()


class Bucket(Struct, frozen=True, kw_only=True, array_like=True):
    """Probabilities of one outcome that are near each other."""

    count: int = 0
    said: float = 0.0


class Side(Struct, frozen=True, kw_only=True, array_like=True):
    """What was said of one side. ``counts``: moments at which it was home, away, a draw."""

    counts: tuple[int, ...]
    said: float = 0.0
    variance: float = 0.0


class Part(Struct, frozen=True, kw_only=True, array_like=True):
    """One phase of the game; ``buckets`` by outcome and bucket, in one number."""

    losses: Losses = Losses()
    buckets: dict[int, Bucket] = {}


class Tally(Struct, frozen=True, kw_only=True, array_like=True):
    """Sums over the probabilities published in play.

    ``timed`` counts time instead of moments, ``standing`` is what stands since ``since_ms``. ``opinions``
    are of each model at the moments at which several spoke, the published answer first.
    """

    published: int = 0
    model: str = ""
    losses: Losses = Losses()
    timed: Losses = Losses()
    standing: Losses = Losses()
    since_ms: int = 0
    phases: dict[str, Part] = {}
    sides: dict[str, Side] = {}
    opinions: dict[str, Losses] = {}


def counted(tally: Tally, said: GameProbabilities, phase: str) -> Tally:
    """The sums with one more probability; those of a game that is not in play do not count."""
    tally = stopped(tally, said.received_at_ms)
    if said.status != GameStatus.LIVE or not said.game:
        return tally
    if tally.published and len(tally.losses.log_loss) != len(said.game):
        tally = Tally()
    now = _losses(said.game)
    return Tally(
        published=tally.published + 1,
        model=said.model,
        losses=_added(tally.losses, now),
        timed=tally.timed,
        standing=now,
        since_ms=said.received_at_ms,
        phases=tally.phases | {phase: _with_moment(tally.phases.get(phase, Part()), said.game, now)},
        sides=_with_sides(tally.sides, said.game),
        opinions=_with_opinions(tally.opinions, said, now),
    )


def stopped(tally: Tally, at_ms: int) -> Tally:
    """What stood until now is counted by how long it did; from here on nothing stands."""
    if not tally.since_ms:
        return tally
    stood_ms = float(max(0, at_ms - tally.since_ms))
    return replace(tally, timed=_added(tally.timed, tally.standing, stood_ms), standing=Losses(), since_ms=0)


def score(
    tally: Tally, league: League, closing: tuple[ClosingMarket, ...], ending: Ending
) -> GameScore | None:
    """The score of a game that has ended; None where nothing was published of what happened."""
    if ending.game is None:
        return None
    home, away = ending.game
    outcome = 2 if ending.decided == 0 else int(ending.decided < 0)
    if outcome >= len(tally.losses.log_loss):
        return None
    close = _closing_chances(league, closing)
    # Of soccer the close is about regulation: a cup tie that was played on was a draw to it.
    closed = 2 if league.sport == "soccer" and ending.level else outcome
    has_close = closed < len(close)
    closing_log_loss = log_loss(close, closed) if has_close else 0.0
    found, squares = _means(tally.losses, outcome)
    by_time, squares_by_time = _means(tally.timed, outcome)
    return GameScore(
        league=league.league,
        model=tally.model,
        home_score=home,
        away_score=away,
        outcome=outcome,
        published=tally.published,
        log_loss=found,
        brier=squares,
        closing_log_loss=closing_log_loss,
        closing_brier=brier(close, closed) if has_close else 0.0,
        skill=1.0 - found / closing_log_loss if closing_log_loss else 0.0,
        in_play_s=tally.timed.count / 1000.0,
        log_loss_by_time=by_time,
        brier_by_time=squares_by_time,
        phases=tuple(
            [_phase(name, tally.phases[name], outcome) for name in phases(league) if name in tally.phases]
        ),
        sides=tuple([_side(name, side, outcome) for name, side in tally.sides.items()]),
        opinions=tuple([_opinion(name, losses, outcome) for name, losses in tally.opinions.items()]),
    )


def _losses(chances: Sequence[float]) -> Losses:
    """Of one moment."""
    endings = range(len(chances))
    return Losses(
        count=1.0,
        log_loss=tuple([log_loss(chances, ending) for ending in endings]),
        brier=tuple([brier(chances, ending) for ending in endings]),
    )


def _added(losses: Losses, more: Losses, weight: float = 1.0) -> Losses:
    """With one moment more. Sums grow one by one, so that a replay ends in the same bits."""
    if not losses.log_loss:
        losses = Losses(log_loss=(0.0,) * len(more.log_loss), brier=(0.0,) * len(more.brier))
    return Losses(
        count=losses.count + weight * more.count,
        log_loss=tuple([a + weight * b for a, b in zip(losses.log_loss, more.log_loss, strict=True)]),
        brier=tuple([a + weight * b for a, b in zip(losses.brier, more.brier, strict=True)]),
    )


def _told(chances: Sequence[float]) -> range:
    """The outcomes that tell something: of two the second is the rest."""
    return range(1 if len(chances) == 2 else len(chances))


def _with_moment(part: Part, chances: Sequence[float], now: Losses) -> Part:
    buckets = dict(part.buckets)
    for outcome in _told(chances):
        place = 10 * outcome + bucket(chances[outcome])
        known = buckets.get(place, Bucket())
        buckets[place] = Bucket(count=known.count + 1, said=known.said + chances[outcome])
    return Part(losses=_added(part.losses, now), buckets=buckets)


def _with_sides(sides: dict[str, Side], chances: Sequence[float]) -> dict[str, Side]:
    looked_at = [(SIDES[outcome], outcome) for outcome in _told(chances)]
    after = {}
    for name, outcome in [*looked_at, (FAVOURITE, favourite(chances))]:
        side = sides.get(name) or Side(counts=(0,) * len(chances))
        after[name] = Side(
            counts=tuple([count + (place == outcome) for place, count in enumerate(side.counts)]),
            said=side.said + chances[outcome],
            variance=side.variance + variance_added(side.counts, chances, outcome),
        )
    return after


def _with_opinions(opinions: dict[str, Losses], said: GameProbabilities, now: Losses) -> dict[str, Losses]:
    spoken = [one for one in said.opinions if len(one.game) == len(said.game)]
    if not spoken:
        return opinions
    after = opinions | {said.model: _added(opinions.get(said.model, Losses()), now)}
    for one in spoken:
        after[one.model] = _added(after.get(one.model, Losses()), _losses(one.game))
    return after


def _means(losses: Losses, outcome: int) -> tuple[float, float]:
    """Log loss and Brier score where the game ended so; 0 where nothing was counted."""
    if not losses.count:
        return 0.0, 0.0
    return losses.log_loss[outcome] / losses.count, losses.brier[outcome] / losses.count


def _phase(name: str, part: Part, outcome: int) -> PhaseScore:
    found, squares = _means(part.losses, outcome)
    buckets = [
        BucketScore(
            outcome=place // 10,
            bucket=place % 10,
            moments=kept.count,
            said=kept.said,
            came=kept.count if place // 10 == outcome else 0,
        )
        for place, kept in sorted(part.buckets.items())
    ]
    return PhaseScore(
        phase=name, moments=int(part.losses.count), log_loss=found, brier=squares, buckets=tuple(buckets)
    )


def _side(name: str, side: Side, outcome: int) -> SideScore:
    return SideScore(
        side=name,
        moments=sum(side.counts),
        said=side.said,
        came=side.counts[outcome],
        variance=side.variance,
    )


def _opinion(name: str, losses: Losses, outcome: int) -> OpinionScore:
    found, squares = _means(losses, outcome)
    return OpinionScore(model=name, moments=int(losses.count), log_loss=found, brier=squares)


def _closing_chances(league: League, closing: tuple[ClosingMarket, ...]) -> tuple[float, ...]:
    """Of the result (of soccer that of regulation) by the close; of lines alone what a model makes of it."""
    soccer = league.sport == "soccer"
    wanted = ("h2h_3way", "regulation") if soccer else ("h2h", "game")
    for market in closing:
        if (market.market, market.scope) == wanted:
            return market.probabilities
    strengths = models.market_strengths(league, closing)
    if strengths is None:
        return ()
    seen = models.outlook(league, strengths, Position(GameStatus.SCHEDULED))
    return seen.regulation if soccer else seen.game

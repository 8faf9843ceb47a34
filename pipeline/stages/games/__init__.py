"""The games fold: what sources say about a game in, one agreed state and its probabilities out.

A record changes what its own source says; the most trusted source that is up speaks for the game; a model
turns its word, and the strengths of the sides before the start, into probabilities.
"""

from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from pipeline import data, ids, models
from pipeline.models import NO_CONTEXT, Context, Position, Seen, Strengths, boosted, ratings
from pipeline.models.features import SHEETS
from pipeline.models.interval import interval
from pipeline.models.momentum import faded, pushed, swing
from pipeline.models.next_score import next_score
from pipeline.records import (
    ClockTick,
    ClosingLine,
    Derived,
    GameEvent,
    GameProbabilities,
    GameState,
    GameStatus,
    ModelOpinion,
)
from pipeline.settings import Rules
from pipeline.stages.fold import Stage
from pipeline.stages.games.features import features, unread
from pipeline.stages.games.reports import (
    OVER,
    PLAYED,
    Report,
    contested,
    doubts,
    hear,
    refused,
    speaker,
    with_outages,
)

__all__ = ["GAMES", "KEY_EVENTS", "Game", "listened", "moment", "state", "with_closing"]

#: After these no price from before them is bet at; nor after any change of the score.
KEY_EVENTS = frozenset({"score", "card", "turnover", "penalty", "review", "injury", "suspension"})


class Game(Struct, frozen=True, kw_only=True, array_like=True):
    """Everything known of one game.

    ``reports`` are what each source last said, sorted by source. ``strengths`` come from what ``prior``
    names, ``context`` is what the features of its sport need beside them. ``drifted_at_ms`` is when a tick
    last let time pass, 0 for never. ``said`` is the last answer, its momentum that of ``momentum_at_ms``.
    """

    event_id: str
    reports: tuple[Report, ...] = ()
    started_at_ms: int = 0
    finished_at_ms: int = 0
    last_key_event_at_ms: int = 0
    strengths: Strengths
    prior: str = "league"
    prior_is_final: bool = False
    context: Context = NO_CONTEXT
    drifted_at_ms: int = 0
    momentum_at_ms: int = 0
    said: GameProbabilities | None = None


def step(rules: Rules, game: Game, record: Any, now_ms: int) -> tuple[Game, list[Derived]]:
    """Fold one record in; answer with what it may have changed."""
    folded, answers = _step(rules, game, record, now_ms)
    return folded, _with_features(rules, folded, answers)


def _step(rules: Rules, game: Game, record: Any, now_ms: int) -> tuple[Game, list[Derived]]:
    match record:
        case GameEvent():
            return _with_event(game, record)
        case ClosingLine():
            return _with_closing(game, record)
        case ClockTick():
            return _with_tick(rules, game, record, now_ms)
    raise TypeError(f"the games stage does not read a {type(record).__name__}")


def _with_event(game: Game, event: GameEvent) -> tuple[Game, list[Derived]]:
    heard = listened(game, event)
    if heard is game:
        return game, _echo(game, event)
    said, before = _probabilities(heard), game.said
    momentum = 0.0
    if before is not None and heard.started_at_ms:
        momentum = pushed(_momentum(game, event.received_at_ms), swing(before.game, said.game))
    said = replace(
        said, source_event_id=event.source_event_id, impact=_impact(before, said), momentum=momentum
    )
    heard = replace(heard, momentum_at_ms=max(game.momentum_at_ms, event.received_at_ms), said=said)
    return heard, _standing(heard)


def listened(game: Game, event: GameEvent) -> Game:
    """The game with a record heard; the very same where it says nothing that can be believed."""
    league = ids.league_of(game.event_id)
    reports = hear(league, game.reports, event)
    if reports is game.reports:
        return game
    heard = _dated(game, replace(game, reports=reports), event)
    was, spoken, sheet = speaker(game.reports), speaker(reports), SHEETS.get(league.sport)
    if sheet is None or spoken is None or spoken.source != event.source or spoken.doubted:
        return heard
    before = was.position if was else Position(GameStatus.SCHEDULED)
    return replace(heard, context=sheet.remember(league, game.context, before, spoken.position))


def moment(game: Game) -> Seen:
    """What the models see of the game now."""
    spoken = speaker(game.reports)
    position = Position(GameStatus.SCHEDULED)
    if spoken is not None:
        position = spoken.position._replace(clock_s=_clock_s(game, spoken))
    league, strengths = ids.league_of(game.event_id), game.strengths
    if game.prior != "closing":  # a line is on the game as it is scheduled
        strengths = models.of_its_length(league, strengths, position)
    return models.seen(league, strengths, position, game.context)


def _echo(game: Game, event: GameEvent) -> list[Derived]:
    """What stands, for whoever waits for the answer to a record that was refused, and why it was."""
    if not event.source_event_id:
        return []
    said = game.said or _probabilities(game)
    reason = refused(ids.league_of(game.event_id), game.reports, event)
    return [
        replace(
            said,
            source_event_id=event.source_event_id,
            impact=0.0,
            momentum=_momentum(game, event.received_at_ms),
            doubts=tuple(sorted([*said.doubts, reason])),
        )
    ]


def _with_closing(game: Game, closing: ClosingLine) -> tuple[Game, list[Derived]]:
    priced = with_closing(game, closing)
    return (game, []) if priced is game else _answered(game, priced, closing.received_at_ms)


def with_closing(game: Game, closing: ClosingLine) -> Game:
    """The game with the strengths of a closing line; the very same where it says nothing of them."""
    spoken = speaker(game.reports)
    if game.prior_is_final and not closing.final and spoken is not None and spoken.status in PLAYED:
        return game
    strengths = models.market_strengths(ids.league_of(game.event_id), closing.markets)
    if strengths is None:
        return game
    return replace(game, strengths=strengths, prior="closing", prior_is_final=closing.final)


def _with_tick(rules: Rules, game: Game, tick: ClockTick, now_ms: int) -> tuple[Game, list[Derived]]:
    reports = with_outages(game.reports, tick)
    moved = game if reports is game.reports else _dated(game, replace(game, reports=reports), None)
    due_at_ms = _due_at_ms(rules, moved)
    if due_at_ms and now_ms >= due_at_ms:
        moved = replace(moved, drifted_at_ms=now_ms)
    return (game, []) if moved is game else _answered(game, moved, now_ms)


def _answered(game: Game, changed: Game, now_ms: int) -> tuple[Game, list[Derived]]:
    """The answers that a closing line or a tick leads to: those of which it changed something."""
    if not changed.reports:
        return changed, []  # an answer would tell its readers that a feed follows this game
    answers: list[Derived] = [] if changed.reports is game.reports else [state(changed)]
    said, before = _probabilities(changed), game.said
    if before is None or replace(before, source_event_id="", impact=0.0, momentum=0.0) != said:
        said = replace(said, impact=_impact(before, said), momentum=_momentum(game, now_ms))
        changed = replace(changed, momentum_at_ms=max(game.momentum_at_ms, now_ms), said=said)
        answers.append(said)
    return changed, answers


def _dated(before: Game, game: Game, event: GameEvent | None) -> Game:
    """The game with its start, end and last key event, after a change of its reports."""
    was, spoken = speaker(before.reports), speaker(game.reports)
    if spoken is None:
        return game
    started_at_ms, finished_at_ms = game.started_at_ms, game.finished_at_ms
    if spoken.status in (GameStatus.SCHEDULED, GameStatus.POSTPONED):
        started_at_ms = 0
    elif spoken.status in PLAYED and started_at_ms == 0:
        started_at_ms = _start_ms(spoken)
    if spoken.status not in OVER:
        finished_at_ms = 0
    elif finished_at_ms == 0:
        finished_at_ms = spoken.received_at_ms
    key_event_at_ms = game.last_key_event_at_ms
    told = event is not None and event.source == spoken.source and event.kind in KEY_EVENTS
    if told or (was is not None and was.score != spoken.score):
        key_event_at_ms = event.received_at_ms if event else spoken.received_at_ms
    return replace(
        game,
        started_at_ms=started_at_ms,
        finished_at_ms=finished_at_ms,
        last_key_event_at_ms=key_event_at_ms,
    )


def _start_ms(spoken: Report) -> int:
    """When a game that is first seen under way or over began, as nearly as the record can say."""
    stated_ms = spoken.starts_at_ms if spoken.status == GameStatus.FINAL else spoken.happened_at_ms
    return min(stated_ms or spoken.received_at_ms, spoken.received_at_ms)


def _due_at_ms(rules: Rules, game: Game) -> int:
    """When time alone next moves the probabilities: of soccer only, while its clock runs."""
    spoken = speaker(game.reports)
    if spoken is None or spoken.status != GameStatus.LIVE or ids.league_of(game.event_id).sport != "soccer":
        return 0
    if _clock_s(game, spoken) <= 0.0:
        return 0
    return max(spoken.received_at_ms, game.drifted_at_ms) + rules.drift_interval_ms


def _clock_s(game: Game, spoken: Report) -> float:
    """The period's clock, run on by the time that ticks say has passed; it stops at the period's end."""
    if spoken.clock_s <= 0.0 or game.drifted_at_ms <= spoken.received_at_ms:
        return spoken.clock_s
    return max(0.0, spoken.clock_s - (game.drifted_at_ms - spoken.received_at_ms) / 1000.0)


def _probabilities(game: Game) -> GameProbabilities:
    spoken, now = speaker(game.reports), moment(game)
    position = now.position
    model = boosted.in_use().by_league.get(now.league.league)
    seen, opinions = models.judged(now, model)
    low, high = interval(now.league, position, game.prior, seen, opinions)
    situation = position.situation or now.context.situation
    return GameProbabilities(
        source_event_id="",
        status=position.status,
        starts_at_ms=spoken.starts_at_ms if spoken else 0,
        started_at_ms=game.started_at_ms,
        finished_at_ms=game.finished_at_ms,
        home_score=position.home_score,
        away_score=position.away_score,
        last_key_event_at_ms=game.last_key_event_at_ms,
        suspended=_suspended(spoken),
        contested=contested(game.reports),
        model=seen.model,
        prior=game.prior if seen.game else "none",
        game=seen.game,
        regulation=seen.regulation,
        parameters=seen.parameters,
        impact=0.0,
        opinions=tuple(
            [
                ModelOpinion(
                    model=one.model, game=one.game, regulation=one.regulation, parameters=one.parameters
                )
                for one in opinions
            ]
        ),
        game_low=low,
        game_high=high,
        next_score=next_score(now.league, now.strengths, position, situation, seen),
        doubts=tuple(sorted([*doubts(game.reports), *unread(model, now, opinions)])),
    )


def state(game: Game) -> GameState:
    """The agreed state of a game of which something was heard."""
    spoken = speaker(game.reports)
    assert spoken is not None
    event = ids.parse(game.event_id)
    return GameState(
        league=event.league,
        sport=ids.league_of(game.event_id).sport,
        home=event.home,
        away=event.away,
        status=spoken.status,
        starts_at_ms=spoken.starts_at_ms,
        started_at_ms=game.started_at_ms,
        finished_at_ms=game.finished_at_ms,
        period=spoken.period,
        clock_s=spoken.clock_s,
        home_score=spoken.home_score,
        away_score=spoken.away_score,
        suspended=_suspended(spoken),
        contested=contested(game.reports),
        last_key_event_at_ms=game.last_key_event_at_ms,
        situation=spoken.situation,
        source=spoken.source,
        source_event_id=spoken.source_event_id,
        text=spoken.text,
        doubts=doubts(game.reports),
    )


def _suspended(spoken: Report | None) -> bool:
    return spoken is not None and (spoken.suspended or spoken.status == GameStatus.SUSPENDED)


def _impact(before: GameProbabilities | None, after: GameProbabilities) -> float:
    if before is None or not (before.game and after.game):
        return 0.0
    return after.game[0] - before.game[0]


def _momentum(game: Game, now_ms: int) -> float:
    """What is left of it by now."""
    return faded(game.said.momentum, now_ms - game.momentum_at_ms) if game.said else 0.0


def _standing(game: Game) -> list[Derived]:
    answers: list[Derived] = [state(game)] if game.reports else []
    return [*answers, game.said] if game.said else answers


def _with_features(rules: Rules, game: Game, answers: list[Derived]) -> list[Derived]:
    """The answers, and behind a probability among them its features, where they are wanted."""
    if not rules.features:
        return answers
    said = [answer for answer in answers if isinstance(answer, GameProbabilities)]
    model = boosted.in_use().by_league.get(ids.league_of(game.event_id).league)
    return answers + [features(model, moment(game), one.source_event_id) for one in said]


def _ended_at_ms(game: Game) -> int:
    """When the game ended; one that no feed follows has with its day."""
    return game.finished_at_ms if game.reports else ids.day_over_ms(game.event_id)


def _initial(event_id: str) -> Game:
    event = ids.parse(event_id)
    rated = ratings.strengths(boosted.in_use().ratings, event.league, event.home, event.away, event.day)
    strengths = rated or models.league_strengths(data.leagues()[event.league])
    return Game(event_id=event_id, strengths=strengths, prior="ratings" if rated else "league")


GAMES = Stage(
    name="games",
    sources=("games.events", "odds.closing", "clock.ticks"),
    answers=("games.states", "games.probabilities", "games.features"),
    tables=("leagues.csv", "rounds.csv", "sources.csv"),
    models=True,
    layout=3,
    state=Game,
    initial=_initial,
    step=step,
    due_at_ms=_due_at_ms,
    standing=lambda rules, game, now_ms: _with_features(rules, game, _standing(game)),
    ended_at_ms=_ended_at_ms,
)

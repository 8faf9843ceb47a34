"""The bets fold: what became of each published opportunity, and how good the published probabilities were."""

from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from pipeline import ids
from pipeline.data import League
from pipeline.models import Position
from pipeline.models.phases import UNKNOWN, phase
from pipeline.models.position import in_overtime, scheduled_periods, winner_is_unknown
from pipeline.records import (
    Arbitrages,
    ClockTick,
    ClosingLine,
    ClosingMarket,
    Derived,
    GameProbabilities,
    GameState,
    GameStatus,
    ValueBets,
)
from pipeline.settings import Rules
from pipeline.stages.bets.opportunities import Ending, Opportunity, ended, reconciled, result
from pipeline.stages.bets.scores import Tally, counted, score, stopped
from pipeline.stages.fold import Stage, substance

__all__ = ["BETS", "Bets"]

CALLED_OFF = frozenset({GameStatus.ABANDONED, GameStatus.CANCELLED})


class Bets(Struct, frozen=True, kw_only=True, array_like=True):
    """What an event's opportunities are and how its game stands.

    ``regulation`` is the last score seen in regulation and ``overtime`` whether the game was played on.
    ``reported`` says that a feed follows the game, ``phase`` where in it the feed is. ``ending`` is None
    while it is not over. ``sent`` is a digest of the result last sent for each opportunity. ``judged`` is
    the newest revision of the probabilities that was scored.
    """

    event_id: str
    followed: dict[str, Opportunity] = {}
    closing: tuple[ClosingMarket, ...] = ()
    started_at_ms: int = 0
    reported: bool = False
    phase: str = UNKNOWN
    regulation: tuple[int, int] | None = None
    overtime: bool = False
    ending: Ending | None = None
    ended_at_ms: int = 0
    tally: Tally = Tally()
    judged: int = 0
    sent: dict[str, bytes] = {}


def step(_rules: Rules, bets: Bets, record: Any, _now_ms: int) -> tuple[Bets, list[Derived]]:
    """Fold one record in; answer with results that are new or have changed, and with the game's score."""
    match record:
        case ClockTick():
            return bets, []
        case ValueBets() | Arbitrages():
            changed = _listed(bets, record)
        case ClosingLine():
            changed = _closed(bets, record)
        case GameState():
            changed = _played(bets, record)
        case GameProbabilities():
            changed = _judged(bets, record)
        case _:
            raise TypeError(f"the bets stage does not read a {type(record).__name__}")
    return (bets, []) if changed is bets else _settled(changed)


def _listed(bets: Bets, record: ValueBets | Arbitrages) -> Bets:
    if bets.ending is not None:
        return bets  # with the game its opportunities ended; what a list says of them comes late
    return replace(bets, followed=reconciled(bets.followed, record))


def _closed(bets: Bets, closing: ClosingLine) -> Bets:
    if not closing.final:
        return bets
    return replace(bets, closing=closing.markets, started_at_ms=closing.started_at_ms)


def _judged(bets: Bets, said: GameProbabilities) -> Bets:
    if said.revision <= bets.judged:
        return bets  # sent again after a restart: already scored
    return replace(bets, tally=counted(bets.tally, said, bets.phase), judged=said.revision)


def _played(bets: Bets, game: GameState) -> Bets:
    position = Position(
        game.status, game.period, game.clock_s, game.home_score, game.away_score, game.situation
    )
    league, now = ids.league_of(bets.event_id), (game.home_score, game.away_score)
    overtime = in_overtime(league, position)
    in_regulation = 0 < game.period <= scheduled_periods(league, position)
    at_its_end = overtime and not bets.overtime and position.lead == 0
    regulation = now if in_regulation or at_its_end else bets.regulation
    changed = replace(
        bets, reported=True, phase=phase(league, position), regulation=regulation, overtime=overtime
    )
    if game.status in CALLED_OFF:
        return _over(changed, Ending(void=True), game)
    if game.status == GameStatus.FINAL:
        return _over(changed, _ending(league, changed, position), game)
    return replace(changed, ending=None, ended_at_ms=0) if bets.ending else changed


def _over(bets: Bets, ending: Ending, game: GameState) -> Bets:
    followed = {
        id_: ended(opportunity, game.received_at_ms, "finished") for id_, opportunity in bets.followed.items()
    }
    return replace(
        bets,
        ending=ending,
        ended_at_ms=game.finished_at_ms,
        followed=followed,
        tally=stopped(bets.tally, game.received_at_ms),
    )


def _ending(league: League, bets: Bets, position: Position) -> Ending:
    """The scores of a final game.

    That of regulation is known where the game ended in its last period, or the league plays no overtime;
    after overtime it was level, at the level score that was seen last. The game's is not known where nobody
    says who won a shoot-out.
    """
    score = (position.home_score, position.away_score)
    final = None if winner_is_unknown(league, position) else score
    shoot_out = position.decided - position.lead
    if bets.overtime:
        seen = bets.regulation
        regulation = seen if seen and seen[0] == seen[1] else None
        return Ending(game=final, regulation=regulation, level=True, shoot_out=shoot_out)
    plays_on = league.overtime_draw < 1.0
    last_period = position.period == scheduled_periods(league, position)
    regulation = score if last_period or not plays_on else None
    return Ending(game=final, regulation=regulation, shoot_out=shoot_out)


def _settled(bets: Bets) -> tuple[Bets, list[Derived]]:
    if bets.ending is None:
        return bets, []
    answers: list[Derived] = []
    sent = dict(bets.sent)
    for id_, opportunity in bets.followed.items():
        body = result(id_, opportunity, bets.ending, bets.closing, bets.started_at_ms)
        said = substance(body)
        if sent.get(id_) != said:
            sent[id_] = said
            answers.append(body)
    if answers:
        bets = replace(bets, sent=sent)
    return bets, answers + _standing(bets)


def _standing(bets: Bets) -> list[Derived]:
    """The score of the game. Results are sent once each and stay on their topic."""
    if bets.ending is None:
        return []
    found = score(bets.tally, ids.league_of(bets.event_id), bets.closing, bets.ending)
    return [found] if found else []


def _ended_at_ms(bets: Bets) -> int:
    """When the game ended; one that no feed follows has with its day, and its bets stay without a result."""
    return bets.ended_at_ms if bets.reported else ids.day_over_ms(bets.event_id)


BETS = Stage(
    name="bets",
    sources=(
        "bets.value",
        "bets.arbitrage",
        "odds.closing",
        "games.states",
        "games.probabilities",
        "clock.ticks",
    ),
    answers=("bets.results", "games.scores"),
    tables=("leagues.csv", "rounds.csv"),
    layout=3,
    state=Bets,
    initial=lambda event_id: Bets(event_id=event_id),
    step=step,
    due_at_ms=lambda rules, bets: 0,
    standing=lambda rules, bets, now_ms: _standing(bets),
    ended_at_ms=_ended_at_ms,
)

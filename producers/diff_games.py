"""What a poll changed in a game: a state that is as it was told last is not told again."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import groupby
from operator import attrgetter

from msgspec.structs import replace

from pipeline.records import Baseball, GameEvent, GameStatus

#: An answer that lies behind the last one is an old copy, until so many in a row have said the same.
OLD_COPIES = 2
#: What was told of a game is forgotten this long after its last news.
FORGOTTEN_MS = 48 * 3_600_000

_BEFORE = frozenset({GameStatus.SCHEDULED, GameStatus.POSTPONED})
_OVER = frozenset({GameStatus.FINAL, GameStatus.ABANDONED, GameStatus.CANCELLED})


@dataclass(slots=True)
class _Told:
    """A game as it was told last."""

    last: GameEvent
    ids: set[str] = field(default_factory=set)
    behind: int = 0


class GameDiffer:
    """Compares each answer of one source about its games with those before it."""

    def __init__(self) -> None:
        self._told: dict[str, _Told] = {}

    def poll(self, events: Iterable[GameEvent]) -> Iterator[GameEvent]:
        """The news among the records of an answer; of each game the plays in order, and last how it stands.

        Of a game that was not seen before only its standing is told: what came before is no news. What lies
        behind the last answer (an old copy on the way, as caches hand them out) is held back until
        `OLD_COPIES` answers in a row have said so and a third does; then it corrects what was told.
        """
        for event_id, group in groupby(events, key=attrgetter("event_id")):
            *plays, standing = group
            told = self._told.get(event_id)
            if told is None:
                self._forget(standing.received_at_ms)
                ids = {play.source_event_id for play in plays} | {standing.source_event_id}
                self._told[event_id] = _Told(standing, ids)
                yield standing
                continue
            for play in plays:
                if play.source_event_id not in told.ids and not _behind(play, told):
                    yield _tell(told, play)
                told.ids.add(play.source_event_id)
            if news := _news(told, standing):
                yield news

    def _forget(self, now_ms: int) -> None:
        for event_id, told in list(self._told.items()):
            if now_ms - told.last.received_at_ms > FORGOTTEN_MS:
                del self._told[event_id]


def _news(told: _Told, standing: GameEvent) -> GameEvent | None:
    """What a standing says that the last record did not."""
    if _same(standing, told.last):
        told.behind = 0
        return None
    if _behind(standing, told):
        told.behind += 1
        return _correction(told, standing) if told.behind > OLD_COPIES else None
    if _fell(standing, told.last):
        return _correction(told, standing)
    return _tell(told, replace(standing, kind=_kind(standing, told.last)))


def _tell(told: _Told, event: GameEvent) -> GameEvent:
    # Two answers can be read in one millisecond; sequences rise all the same.
    event = replace(event, sequence=max(event.sequence, told.last.sequence + 1))
    told.last, told.behind = event, 0
    told.ids.add(event.source_event_id)
    return event


def _correction(told: _Told, standing: GameEvent) -> GameEvent:
    kind = "correction" if standing.kind in ("clock", "play", "score") else standing.kind
    return _tell(told, replace(standing, kind=kind, supersedes=told.last.source_event_id))


def _same(new: GameEvent, last: GameEvent) -> bool:
    """Whether it says nothing but the same; when it was said and how it is called is no news."""
    same_play = new.source_event_id == last.source_event_id
    return same_play and _state(new) == _state(last)


def _state(event: GameEvent) -> tuple[object, ...]:
    return (
        event.status, event.period, event.clock_s, event.home_score, event.away_score,
        event.suspended, event.situation, event.starts_at_ms,
    )  # fmt: skip


def _kind(new: GameEvent, last: GameEvent) -> str:
    """What has happened between two standings, where the source has no word of its own for it."""
    if new.kind != "clock":
        return new.kind
    if last.status in _BEFORE:
        return "start"
    if last.status == GameStatus.SUSPENDED:
        return "resumption"
    if (new.home_score, new.away_score) != (last.home_score, last.away_score):
        return "score"
    return "period_start" if new.period > last.period else "clock"


def _fell(new: GameEvent, last: GameEvent) -> bool:
    played = new.status not in _BEFORE and last.status not in _BEFORE
    return played and (new.home_score < last.home_score or new.away_score < last.away_score)


def _behind(new: GameEvent, told: _Told) -> bool:
    """Whether it is from before the last record: by the source's clock, else by the game's."""
    last = told.last
    if new.source_event_id == last.source_event_id and new.happened_at_ms and last.happened_at_ms:
        return new.happened_at_ms < last.happened_at_ms
    if (rank := _rank(new) - _rank(last)) or not _rank(new):
        return rank < 0
    if new.source_event_id != last.source_event_id and new.source_event_id in told.ids:
        return True
    if new.period and last.period and new.period != last.period:
        return new.period < last.period
    ahead = _within(new, last)
    # A score that fell while nothing else moved: no old copy if it knows a play that was not told yet.
    doubtful = ahead == 0.0 and new.source_event_id in told.ids and _fell(new, last)
    return ahead < 0.0 or doubtful


def _rank(event: GameEvent) -> int:
    return 0 if event.status in _BEFORE else 2 if event.status in _OVER else 1


def _within(new: GameEvent, last: GameEvent) -> float:
    """How far it is ahead within a period: seconds, or outs of an inning; 0 where nobody says."""
    if new.clock_s >= 0.0 and last.clock_s >= 0.0:
        return last.clock_s - new.clock_s
    if isinstance(new.situation, Baseball) and isinstance(last.situation, Baseball):
        return float(_outs(new.situation) - _outs(last.situation))
    return 0.0


def _outs(inning: Baseball) -> int:
    return inning.outs + (3 if inning.half == "bottom" else 0)

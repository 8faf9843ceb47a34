"""What a poll changed in a game: a state that is as it was told last is not told again."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import groupby
from operator import attrgetter

from msgspec.structs import replace

from pipeline.records import Baseball, GameEvent, GameStatus, Soccer

#: An answer that lies behind the last one is an old copy, until so many in a row have said the same.
OLD_COPIES = 2
#: What was told of a game is forgotten this long after its last news.
FORGOTTEN_MS = 48 * 3_600_000

_BEFORE = frozenset({GameStatus.SCHEDULED, GameStatus.POSTPONED})
_OVER = frozenset({GameStatus.FINAL, GameStatus.ABANDONED, GameStatus.CANCELLED})


@dataclass(slots=True)
class _Told:
    """A game as it was told last. ``shown`` is its last standing, told or not."""

    last: GameEvent
    plays: set[str] = field(default_factory=set)
    shown: tuple[object, ...] = ()
    behind: int = 0


class GameDiffer:
    """Compares each answer of one source about its games with those before it.

    A play has an id of its own after its game's and a slash, and is told once; a record that has the game's
    alone says how it stands.
    """

    def __init__(self) -> None:
        self._told: dict[str, _Told] = {}

    def poll(self, events: Iterable[GameEvent]) -> Iterator[GameEvent]:
        """The news among the records of an answer, those of a game one after the other.

        Of a game that was not seen before only the last record is told: what came before is no news. What
        lies behind what was told (an old copy, as caches hand them out) is held back until `OLD_COPIES`
        answers in a row have said so and one more does; then it corrects what was told.
        """
        for event_id, group in groupby(events, key=attrgetter("event_id")):
            records = list(group)
            told = self._told.get(event_id)
            if told is None:
                self._forget(records[-1].received_at_ms)
                told = self._told[event_id] = _Told(records[-1])
                told.plays = {record.source_event_id for record in records if _is_play(record)}
                yield records[-1]
                continue
            for record in records:
                news = _play(told, record) if _is_play(record) else _standing(told, record)
                if news is not None:
                    # Two answers can be read in one millisecond; sequences rise all the same.
                    news = replace(news, sequence=max(news.sequence, told.last.sequence + 1))
                    told.last, told.behind = news, 0
                    yield news

    def _forget(self, now_ms: int) -> None:
        for event_id, told in list(self._told.items()):
            if now_ms - told.last.received_at_ms > FORGOTTEN_MS:
                del self._told[event_id]


def _is_play(event: GameEvent) -> bool:
    return "/" in event.source_event_id


def _play(told: _Told, play: GameEvent) -> GameEvent | None:
    """A play that is new; one from before what was told, or of a lower score, is left to the standing."""
    new = play.source_event_id not in told.plays
    told.plays.add(play.source_event_id)
    if not new or _behind(play, told.last) or _fell(play, told.last):
        return None
    return replace(play, kind="score") if play.kind == "play" and _scored(play, told.last) else play


def _standing(told: _Told, standing: GameEvent) -> GameEvent | None:
    """What a standing says that the last record did not."""
    state, shown = _state(standing), told.shown
    told.shown = state
    if state == _state(told.last):
        told.behind = 0
        return None
    if _behind(standing, told.last) or _doubtful(standing, told.last):
        if state == shown and _is_play(told.last):
            return None  # the plays that were told since are ahead of it
        told.behind += 1
        return _correction(standing, told.last) if told.behind > OLD_COPIES else None
    if _fell(standing, told.last):
        return _correction(standing, told.last)
    return replace(standing, kind=_kind(standing, told.last))


def _correction(standing: GameEvent, last: GameEvent) -> GameEvent:
    kind = "correction" if standing.kind == "clock" else standing.kind
    return replace(standing, kind=kind, supersedes=last.source_event_id)


def _state(event: GameEvent) -> tuple[object, ...]:
    return (
        event.status, event.period, event.clock_s, event.home_score, event.away_score,
        event.suspended, event.situation, event.starts_at_ms,
    )  # fmt: skip


def _kind(new: GameEvent, last: GameEvent) -> str:
    """What has happened between two records, where the source has no word of its own for it."""
    if new.kind != "clock":
        return new.kind
    if last.status in _BEFORE:
        return "start"
    if last.status == GameStatus.SUSPENDED:
        return "resumption"
    if _scored(new, last):
        return "score"
    if _reds(new) > _reds(last):
        return "card"
    return "period_start" if new.period > last.period else "clock"


def _scored(new: GameEvent, last: GameEvent) -> bool:
    return (new.home_score, new.away_score) != (last.home_score, last.away_score)


def _reds(event: GameEvent) -> int:
    situation = event.situation
    return situation.home_reds + situation.away_reds if isinstance(situation, Soccer) else 0


def _fell(new: GameEvent, last: GameEvent) -> bool:
    played = new.status not in _BEFORE and last.status not in _BEFORE
    return played and (new.home_score < last.home_score or new.away_score < last.away_score)


def _behind(new: GameEvent, last: GameEvent) -> bool:
    """Whether it is from before the last record: by the source's clock, else by the game's."""
    if new.source_event_id == last.source_event_id and new.happened_at_ms and last.happened_at_ms:
        return new.happened_at_ms < last.happened_at_ms
    rank = _rank(new) - _rank(last)
    if rank or _rank(new) != 1:
        return rank < 0
    if new.period and last.period and new.period != last.period:
        return new.period < last.period
    return _ahead(new, last) < 0.0


def _doubtful(new: GameEvent, last: GameEvent) -> bool:
    """Whether a score fell and nothing says that it was shown later: an old copy, or a correction."""
    dated = new.happened_at_ms and new.source_event_id == last.source_event_id
    if dated or not _fell(new, last):
        return False
    return _rank(new) == _rank(last) and new.period == last.period and _ahead(new, last) == 0.0


def _rank(event: GameEvent) -> int:
    return 0 if event.status in _BEFORE else 2 if event.status in _OVER else 1


def _ahead(new: GameEvent, last: GameEvent) -> float:
    """How far it is ahead within a period: seconds, or outs of an inning; 0 where nobody says."""
    if new.clock_s >= 0.0 and last.clock_s >= 0.0:
        return last.clock_s - new.clock_s
    if isinstance(new.situation, Baseball) and isinstance(last.situation, Baseball):
        return float(_outs(new.situation) - _outs(last.situation))
    return 0.0


def _outs(inning: Baseball) -> int:
    return inning.outs + (3 if inning.half == "bottom" else 0)

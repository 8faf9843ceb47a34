"""What an answer tells that the one before it did not.

Answers are whole, are repeated, and are made again after a crash: counted is what was not there before, and
no revision twice. A worker that takes an event over counts from what it sees first, since its predecessor has
counted that.
"""

from collections.abc import Hashable, Iterator, Sequence
from typing import Any, NamedTuple

from pipeline.records import Arbitrages, Change, GameScore, Moves, ValueBets
from pipeline.stages.fold import Answer, Row


class Fact(NamedTuple):
    """Something to be counted once: of which kind, by which label, and how long it took."""

    what: str
    word: str
    seconds: float = 0.0


class News(NamedTuple):
    """What is new: opportunities that changed, each with its kind, and facts."""

    changes: list[tuple[str, Change]]
    facts: list[Fact]


class _Told(NamedTuple):
    """What the last answer of a topic told; ``facts`` by what they are about."""

    revision: int
    facts: dict[Hashable, Fact]
    kinds: dict[str, str]
    judged: int = 0
    phantoms: int = 0


NOTHING = _Told(0, {}, {})


class _Known(NamedTuple):
    """What is known of an event since a process began to fold it for the ``begun``-th time."""

    begun: int
    told: dict[str, _Told]


class Reader:
    """Reads the answers of one worker, event by event."""

    def __init__(self) -> None:
        self._known: dict[str, _Known] = {}
        self._before: dict[str, _Known] = {}

    def begin_generation(self) -> None:
        """Partitions were given out anew: answers whose row was not written are made again."""
        self._known, self._before = {}, self._known

    def read(self, row: Row[Any], answers: Sequence[Answer]) -> News:
        """What these answers, of one fold into this row, tell that is new."""
        news = News([], [])
        event = row.event_id
        if row.closed:
            self._known.pop(event, None)
        elif answers:
            known = self._known.get(event) or self._before.get(event)
            counts = known is not None or row.begun <= 1
            if known is None or known.begun < row.begun:
                counts, known = row.begun <= 1, _Known(row.begun, {})
            self._known[event] = known
            for topic, _, record in answers:
                if isinstance(record, (Arbitrages, Moves, ValueBets)):
                    self._read(topic, record, known.told, news, counts)
        return news

    def _read(
        self,
        topic: str,
        record: Arbitrages | Moves | ValueBets,
        known: dict[str, _Told],
        news: News,
        counts: bool,
    ) -> None:
        old = known.get(topic, NOTHING)
        if topic in known and record.revision <= old.revision:
            return
        new = known[topic] = _told(record)
        if not isinstance(record, Moves):
            kinds = old.kinds | new.kinds
            news.changes.extend((kinds.get(change.id, "other"), change) for change in record.changes)
        if counts:
            news.facts.extend(fact for about, fact in new.facts.items() if about not in old.facts)
            phantoms = new.phantoms - old.phantoms
            stood = new.judged - old.judged - phantoms
            news.facts.extend([Fact("judged", "phantom")] * phantoms + [Fact("judged", "stood")] * stood)


class Settled:
    """The scores of games as they settle, each game by its first: what is counted cannot be taken back.

    Where a worker takes a game over, its predecessor has counted what stands then.
    """

    def __init__(self) -> None:
        self._known: dict[str, tuple[int, bool]] = {}

    def begin_generation(self) -> None:
        """Partitions were given out anew: each event is begun once more, with all that stands."""
        self._known.clear()

    def read(self, row: Row[Any], answers: Sequence[Answer]) -> GameScore | None:
        """The score of a game that settles with these answers."""
        if row.closed:
            self._known.pop(row.event_id, None)
            return None
        begun, settled = self._known.get(row.event_id, (0, False))
        first = begun < row.begun
        score = next((answer.record for answer in answers if isinstance(answer.record, GameScore)), None)
        self._known[row.event_id] = row.begun, settled or score is not None
        return None if settled or (first and row.begun > 1) else score


def _told(record: Arbitrages | Moves | ValueBets) -> _Told:
    match record:
        case ValueBets():
            known = [bet.id for bet in record.bets] + [change.id for change in record.changes]
            return _Told(record.revision, {}, dict.fromkeys(known, "value"))
        case Moves():
            return _Told(record.revision, dict(_of_moves(record)), {})
        case Arbitrages():
            kinds = {life.id: "arbitrage" for life in record.lives}
            kinds |= {found.id: found.kind for found in record.arbitrages}
            facts = dict(_of_arbitrages(record))
            return _Told(record.revision, facts, kinds, record.judged, record.phantoms)


def _of_moves(record: Moves) -> Iterator[tuple[Hashable, Fact]]:
    for move in record.moves:
        about = ("move", move.market, move.scope, move.outcome, move.since_ms)
        yield about, Fact("move", move.cause or "none")
    for steam in record.steam:
        about = ("steam", steam.market, steam.scope, steam.outcome, steam.since_ms)
        yield about, Fact("steam", steam.cause or "none")


def _of_arbitrages(record: Arbitrages) -> Iterator[tuple[Hashable, Fact]]:
    for found in record.arbitrages:
        for reason in found.suspect:
            yield ("suspect", found.id, reason), Fact("suspect", reason)
    for life in record.lives:
        about = life.id, life.opened_at_ms
        if life.ended_at_ms:
            seconds = (life.ended_at_ms - life.opened_at_ms) / 1000.0
            yield ("life", *about), Fact("life", life.reason, seconds)
        for place, leg in enumerate(life.legs):
            if leg.verdict != "waiting":
                yield ("leg", *about, place), Fact("leg", leg.verdict)

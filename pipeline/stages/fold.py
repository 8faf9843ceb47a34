"""One fold of one record into one event's row: the same function live in Faust, in replay and in verify.

A stage says what follows from a record (`Stage.step`); this module adds what is the same for all: revision
and provenance of each answer, answers that say nothing new are not sent, what stands is repeated, and what is
over is tombstoned. Nothing here knows Kafka, bytes on a topic, or a clock.
"""

import hashlib
import heapq
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from typing import Any, Generic, NamedTuple, TypeVar

import msgspec
from msgspec import Struct

from pipeline import data
from pipeline.models import boosted
from pipeline.records import Artefact, Derived, GameEvent
from pipeline.settings import Rules
from pipeline.topics import TICKS, TOPICS, topic_of

S = TypeVar("S")


class Input(NamedTuple):
    """A record and where it was read.

    ``origin`` is the place of the first input of the chain that led to it, where it is not that one itself,
    ``source_at_ms`` when that one was so by its source's clock.
    """

    topic: str
    partition: int
    offset: int
    record: Any
    origin: str = ""
    source_at_ms: int = 0

    @property
    def place(self) -> str:
        """``topic/partition/offset``."""
        return f"{self.topic}/{self.partition}/{self.offset}"


class Answer(NamedTuple):
    """What a fold publishes; ``record`` is None for a tombstone."""

    topic: str
    key: str
    record: Derived | None


class Stage(Struct, Generic[S], frozen=True, kw_only=True):
    """A fold: what it reads and answers, and the pure functions that make it one.

    ``sources`` are in the order in which records of one time are taken, ticks last. ``step`` returns the new
    state and the whole current answer of each topic on which something may have changed; for a tick that
    changes nothing it returns the very state it was given and no answers. ``due_at_ms`` is when a tick may
    next change something, 0 for never. ``standing`` is every answer that now stands, without changes.
    ``ended_at_ms`` is when the event ended, 0 while it has not.
    """

    name: str
    sources: tuple[str, ...]
    answers: tuple[str, ...]
    tables: tuple[str, ...]
    """Data files that the answers depend on."""
    models: bool = False
    """Whether they depend on the boosted models too."""
    layout: int
    """Of the state; raised when it changes, since rows of another layout cannot be read."""
    state: type[S]
    initial: Callable[[str], S]
    step: Callable[[Rules, S, Any, int], tuple[S, list[Derived]]]
    due_at_ms: Callable[[Rules, S], int]
    standing: Callable[[Rules, S, int], list[Derived]]
    ended_at_ms: Callable[[S], int]


class Row(Struct, Generic[S], frozen=True, kw_only=True, array_like=True):
    """A stage's whole knowledge of one event: the value in its table.

    ``applied`` is the last offset of each input topic; ``sent`` is a digest of what each answer last said.
    """

    layout: int
    log: str
    """Names the input topics that the offsets belong to; empty where there is no Kafka."""
    made_with: dict[str, str]
    event_id: str
    now_ms: int = 0
    revision: int = 0
    applied: dict[str, int]
    sent: dict[str, bytes] = {}
    repeated_at_ms: int = 0
    begun: int = 0
    """How often a process began to fold this event, and said again all that stood (``anew`` of `fold`)."""
    closed: bool = False
    state: S


def first_row(stage: Stage[S], event_id: str, made_with: dict[str, str], log: str = "") -> Row[S]:
    """The row of an event of which nothing is known yet."""
    applied = dict.fromkeys(stage.sources, -1)
    state = stage.initial(event_id)
    return Row(
        layout=stage.layout, log=log, made_with=made_with, event_id=event_id, applied=applied, state=state
    )


def fold(
    stage: Stage[S], rules: Rules, row: Row[S], source: Input, *, anew: bool = False
) -> tuple[Row[S], list[Answer]]:
    """Apply one input to a row. A tick that changes nothing leaves the very row it was given.

    ``anew`` is for the first fold of an event by a process: all that stands is said again. Its predecessor
    may have died between its answers and its row, and what it said last is then known to nobody.
    """
    record = source.record
    is_tick = source.topic == TICKS
    now_ms = max(row.now_ms, record.received_at_ms)
    if row.closed:
        return (row, []) if is_tick else (_applied(row, source, now_ms), [])
    if is_tick and _is_over(stage, rules, row, now_ms):
        return _close(stage, row, source, now_ms)
    state, found = stage.step(rules, row.state, record, now_ms)
    repeat = is_tick and bool(row.sent) and now_ms >= row.repeated_at_ms + rules.repeat_ms
    if repeat:
        found = _joined(found, _repeated(row, stage.standing(rules, state, now_ms)))
    if is_tick and not found and state is row.state:
        return row, []
    if anew:
        found = _joined(found, stage.standing(rules, state, now_ms))
    forced = isinstance(record, GameEvent) and record.source_event_id != ""
    sent, news = dict(row.sent), []
    for body in found:
        topic = topic_of(type(body))
        said = substance(body)
        if topic.one_per_event:  # results are many, and each is sent once by its stage
            if sent.get(topic.name) == said and not (forced or repeat or anew):
                continue
            sent[topic.name] = said
        news.append((topic, body))
    if is_tick and not news and not repeat and state == row.state:
        return row, []
    folded = msgspec.structs.replace(
        _applied(row, source, now_ms),
        sent=sent,
        state=state,
        repeated_at_ms=now_ms if repeat or row.repeated_at_ms == 0 else row.repeated_at_ms,
        begun=row.begun + anew,
    )
    return folded, [_stamped(folded, topic.key, topic.name, body) for topic, body in news]


def next_due_ms(stage: Stage[S], rules: Rules, row: Row[S]) -> int:
    """When a tick may next change the row; 0 for never."""
    if row.closed:
        return 0
    moments = [stage.due_at_ms(rules, row.state)]
    if row.sent:
        moments.append(row.repeated_at_ms + rules.repeat_ms)
    if ended_at_ms := stage.ended_at_ms(row.state):
        moments.append(ended_at_ms + rules.rollback_ms)
    return min((moment for moment in moments if moment), default=0)


def merged(stage: Stage[Any], inputs: Iterable[Input]) -> Iterator[Input]:
    """The inputs of one event by (received time, place of the topic, offset), each topic in its own order.

    A record that was received before its forerunner on the same topic waits for it.
    """
    order = {topic: place for place, topic in enumerate(stage.sources)}
    queues: dict[str, list[Input]] = {}
    for source in inputs:
        queues.setdefault(source.topic, []).append(source)
    heads = []
    for topic, queue in queues.items():
        queue.sort(key=lambda source: source.offset)
        heads.append((queue[0].record.received_at_ms, order[topic], 0))
    by_order = {order[topic]: queue for topic, queue in queues.items()}
    heapq.heapify(heads)
    while heads:
        _, topic_order, place = heapq.heappop(heads)
        queue = by_order[topic_order]
        yield queue[place]
        if place + 1 < len(queue):
            following = queue[place + 1]
            heapq.heappush(heads, (following.record.received_at_ms, topic_order, place + 1))


def substance(body: Derived) -> bytes:
    """A digest of what an answer says, its times, provenance and changes aside."""
    return hashlib.blake2b(msgspec.msgpack.encode(_said(body)), digest_size=12).digest()


#: Provenance, and when something was last looked at: no news by themselves.
_ASIDE = frozenset(
    {
        "event_id",
        "inputs",
        "revision",
        "made_with",
        "changes",
        "received_at_ms",
        "quoted_at_ms",
        "seen_at_ms",
        "newest_seen_at_ms",
        "oldest_seen_at_ms",
    }
)


@cache
def _telling(kind: type[Struct]) -> tuple[str, ...]:
    """The fields of a struct that are news."""
    return tuple([name for name in kind.__struct_fields__ if name not in _ASIDE])


_PLAIN = frozenset({bool, int, float, str})


def _said(value: Any) -> Any:
    if isinstance(value, Struct):
        kind = type(value)
        items = [getattr(value, name) for name in _telling(kind)]
        return [kind.__name__, *[item if type(item) in _PLAIN else _said(item) for item in items]]
    # A tuple of plain values needs no look inside.
    if isinstance(value, tuple) and value and isinstance(value[0], Struct):
        return [_said(item) for item in value]
    return value


def _applied(row: Row[S], source: Input, now_ms: int) -> Row[S]:
    applied = {**row.applied, source.topic: source.offset}
    return msgspec.structs.replace(row, applied=applied, revision=row.revision + 1, now_ms=now_ms)


def _stamped(row: Row[Any], key: Callable[[Any], str], topic: str, body: Derived) -> Answer:
    record = msgspec.structs.replace(
        body,
        event_id=row.event_id,
        received_at_ms=row.now_ms,
        revision=row.revision,
        inputs=row.applied,
        made_with=row.made_with,
    )
    return Answer(topic, key(record), record)


def _repeated(row: Row[Any], standing: list[Derived]) -> list[Derived]:
    """Only what was ever sent stands on a topic."""
    return [body for body in standing if topic_of(type(body)).name in row.sent]


def _joined(found: list[Derived], standing: list[Derived]) -> list[Derived]:
    kinds = {type(body) for body in found}
    return found + [body for body in standing if type(body) not in kinds]


def _is_over(stage: Stage[S], rules: Rules, row: Row[S], now_ms: int) -> bool:
    ended_at_ms = stage.ended_at_ms(row.state)
    return ended_at_ms > 0 and now_ms >= ended_at_ms + rules.rollback_ms


def _close(stage: Stage[S], row: Row[S], source: Input, now_ms: int) -> tuple[Row[S], list[Answer]]:
    gone = [
        Answer(topic, row.event_id, None)
        for topic in stage.answers
        if topic in row.sent and TOPICS[topic].tombstoned
    ]
    state = stage.initial(row.event_id)
    closed = msgspec.structs.replace(_applied(row, source, now_ms), sent={}, state=state, closed=True)
    return closed, gone


def artefacts(stage: Stage[Any], rules: Rules) -> list[Artefact]:
    """What the hashes of `provenance` are of."""
    made_with, tables = provenance(stage, rules), " ".join(stage.tables)
    kept = [
        Artefact(digest=made_with["rules"], kind="rules", name="", content=rules.content),
        Artefact(digest=made_with["data"], kind="data", name=tables, content=data.content(*stage.tables)),
    ]
    if stage.models:  # their manifests, which have the hash of every file
        used = boosted.in_use()
        leagues = " ".join(sorted(used.by_league))
        kept.append(Artefact(digest=used.digest, kind="models", name=leagues, content=used.content))
    return kept


def provenance(stage: Stage[Any], rules: Rules) -> dict[str, str]:
    """Hashes of what the answers of a stage depend on besides its inputs."""
    made_with = {"rules": rules.digest, "data": data.digest(*stage.tables)}
    return made_with | ({"models": boosted.in_use().digest} if stage.models else {})

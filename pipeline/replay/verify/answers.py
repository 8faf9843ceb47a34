"""The answers of one partition as they were published, against what the folds make again."""

import hashlib
from collections import defaultdict
from collections.abc import Callable, Iterable
from functools import cache
from io import BytesIO
from typing import Any, NamedTuple

import fastavro

import schemas
from pipeline import codec
from pipeline.errors import UnreadableRecord
from pipeline.replay.verify.tape import Partition, Tape
from pipeline.replay.verify.verdict import Difference, Side, Verdict, at, sides
from pipeline.stages.fold import Stage
from pipeline.topics import event_of

Named = tuple[str, bytes]  # topic and key
COMPACTED = "answers compacted away"


class Said(NamedTuple):
    """An answer that a fold made again; ``value`` is None for a tombstone."""

    topic: str
    key: bytes
    revision: int
    value: bytes | None


class _Published(NamedTuple):
    """An answer on its topic; of a tombstone ``digest`` is None and ``revision`` is 0."""

    name: Named
    offset: int
    revision: int
    digest: bytes | None


class Span(NamedTuple):
    """Revisions of an event: judged are those above ``base`` up to ``top``; ``last`` is its last row's."""

    base: int = 0
    top: int = 0
    last: int = 0


class Answers:
    """All answers of a partition, by event and revision; their values stay on the broker."""

    def __init__(self, stage: Stage[Any], partition: Partition, verdict: Verdict) -> None:
        self._partition, self._verdict = partition, verdict
        self._tapes = {topic: Tape(partition, topic) for topic in stage.answers}
        self._by_revision: dict[bytes, dict[int, list[_Published]]] = defaultdict(dict)
        self._last: dict[Named, _Published] = {}
        self._expected: dict[bytes, dict[Named, _Published]] = defaultdict(dict)
        self._gone: list[Said] = []
        for topic, tape in self._tapes.items():
            self._read(topic, tape)

    def compare(self, event: bytes, after: int, upto: int, said: Iterable[Said], gone: str = "") -> bool:
        """Hold what a fold made again for these revisions of an event against what was published.

        Where something in between is ``gone``, one row may come of several orders, each with answers of its
        own: then another answer is no difference, False is returned, and nothing is known of what stands.
        """
        found = self._popped(event, after, upto)
        doubts = 0
        for answer in said:
            name = (answer.topic, answer.key)
            offset = self._settled_at(event, name)
            if answer.value is None:
                self._expected[event][name] = _Published(name, offset, 0, None)
                continue
            self._verdict.answers += 1
            published = found.pop((name, answer.revision), [])
            self._verdict.orphans += max(0, len(published) - 1)
            digest = _digest(answer.value)
            if published and published[-1].digest == digest:
                self._verdict.answers_equal += 1
            elif not published and self._was_compacted(event, answer):
                self._verdict.unchecked[COMPACTED] += 1
            elif gone:
                doubts += 1
            elif published:
                self._differs(answer, published[-1].offset, "it says something else than its fold")
            elif name in self._last:
                self._differs(answer, None, "it is missing")
            else:
                self._gone.append(answer)
            offset = published[-1].offset if published else offset
            self._expected[event][name] = _Published(name, offset, answer.revision, digest)
        self._verdict.orphans += sum(len(published) for published in found.values())
        if doubts:
            self._verdict.unchecked[f"answers where {gone}"] += doubts
            self._expected.pop(event)
        return doubts == 0

    def leave_out(self, event: bytes, after: int, upto: int) -> None:
        """Of these revisions nothing is known, nor what stood before them."""
        self._popped(event, after, upto)
        self._expected.pop(event, None)

    def finish(self, span: Callable[[bytes], Span], *, lags: bool) -> None:
        """Judge what stands last under each key, and what no row has come to yet."""
        for event, revisions in self._by_revision.items():
            beyond = sum(len(found) for r, found in revisions.items() if r > span(event).last)
            if lags:
                self._verdict.in_flight += beyond
            else:
                self._verdict.orphans += beyond
        for name, last in self._last.items():
            event = _event(name[1])
            self._judge_last(last, self._expected[event].get(name), span(event), lags)
        for answer in self._gone:
            event, name = _event(answer.key), (answer.topic, answer.key)
            stands = self._expected[event].get(name)
            ended = stands is None or stands.digest is None or span(event).last > span(event).top
            if ended and self._has_hole(answer.topic, -1):
                self._verdict.unchecked[COMPACTED] += 1
            else:
                self._differs(answer, None, "it is missing")

    def _judge_last(self, last: _Published, expected: _Published | None, revisions: Span, lags: bool) -> None:
        why = ""
        if last.digest is None:
            ends = expected is not None and expected.digest is None
            # Of an event whose first rows are gone, it may have been ended before what is left.
            known = expected is not None or revisions.base == 0
            if known and not ends and not lags and revisions.last == revisions.top:
                why = "the fold does not end it"
        elif last.revision > revisions.last:
            why = "" if lags else "it is of a batch that was lost, and stands last"
        elif revisions.base < last.revision <= revisions.top:
            if expected is None or expected.digest is None:
                why = "the fold has no such answer standing" if expected is None else "the fold has ended it"
            elif expected.revision > last.revision:
                # One that is missing has the place of its forerunner, and was told.
                why = "it came after one of a higher revision" if expected.offset < last.offset else ""
            elif expected.revision < last.revision:
                why = "it is of a batch that was done again, and stands last"
        if why:
            topic, key = last.name
            self._verdict.differs(
                Difference(
                    what=f"last answer on {topic}",
                    place=at(topic, self._partition.number, last.offset),
                    event=key.decode(errors="replace"),
                    revision=last.revision,
                    why=why,
                )
            )

    def _read(self, topic: str, tape: Tape) -> None:
        for message in tape:
            name, event = (topic, message.key or b""), _event(message.key or b"")
            if message.value is None:
                self._last[name] = _Published(name, message.offset, 0, None)
                continue
            try:
                revision = _revision(message.value)
            except UnreadableRecord as error:
                self._verdict.differs(
                    Difference(
                        what=f"answer on {topic}",
                        place=at(topic, self._partition.number, message.offset),
                        event=event.decode(errors="replace"),
                        revision=0,
                        why=str(error),
                    )
                )
                continue
            published = _Published(name, message.offset, revision, _digest(message.value))
            self._by_revision[event].setdefault(revision, []).append(published)
            self._last[name] = published

    def _popped(self, event: bytes, after: int, upto: int) -> dict[tuple[Named, int], list[_Published]]:
        found: dict[tuple[Named, int], list[_Published]] = {}
        revisions = self._by_revision.get(event, {})
        for revision in range(after + 1, upto + 1) if len(revisions) > upto - after else sorted(revisions):
            if after < revision <= upto:
                for published in revisions.pop(revision, ()):
                    found.setdefault((published.name, revision), []).append(published)
        return found

    def _settled_at(self, event: bytes, name: Named) -> int:
        settled = self._expected[event].get(name)
        return settled.offset if settled is not None else -1

    def _was_compacted(self, event: bytes, answer: Said) -> bool:
        """Compaction explains that an answer is not there only where a later one of its key is."""
        name = (answer.topic, answer.key)
        last = self._last.get(name)
        if last is None or 0 < last.revision <= answer.revision:
            return False
        return self._tapes[answer.topic].has_hole(self._settled_at(event, name), last.offset)

    def _has_hole(self, topic: str, after: int) -> bool:
        return self._tapes[topic].has_hole(after, self._partition.ends[topic])

    def _differs(self, answer: Said, offset: int | None, why: str) -> None:
        topic, number = answer.topic, self._partition.number
        place = f"{topic}/{number}"
        fields: tuple[Side, ...] = ()
        if offset is not None:
            place = at(topic, number, offset)
            found = next(self._partition.read(topic, offset, offset + 1), None)
            if found is not None and found.value is not None:
                fields = sides(
                    _record(topic, answer.key, found.value), _record(topic, answer.key, answer.value)
                )
        self._verdict.differs(
            Difference(
                what=f"answer on {topic}",
                place=place,
                event=answer.key.decode(),
                revision=answer.revision,
                why=why,
                sides=fields,
            )
        )


def _record(topic: str, key: bytes, value: bytes | None) -> Any:
    try:
        return codec.decode(topic, key, value)
    except UnreadableRecord as error:
        return str(error)


def _event(key: bytes) -> bytes:
    return event_of(key.decode(errors="replace")).encode()


def _digest(value: bytes) -> bytes:
    return hashlib.blake2b(value, digest_size=16).digest()


@cache
def _opening(schema_id: int) -> Any:
    """The schema of what every derived record begins with, up to its revision."""
    released = next(released for released in schemas.catalogue() if released.id == schema_id)
    fields = released.schema["fields"]
    names = [field["name"] for field in fields]
    opening = {"type": "record", "name": "Opening", "fields": fields[: names.index("revision") + 1]}
    return fastavro.parse_schema(opening)


def _revision(value: bytes) -> int:
    """An answer's revision, the rest left unread. Raises UnreadableRecord."""
    try:
        _, schema_id = codec.HEADER.unpack_from(value)
        body = BytesIO(value[codec.HEADER.size :])
        opening: Any = fastavro.schemaless_reader(body, _opening(schema_id), None)
        return int(opening["revision"])
    except Exception as error:  # whatever fastavro and an unknown schema stumble over
        raise UnreadableRecord(f"it cannot be read: {type(error).__name__}: {error}"[:300]) from error

"""One partition folded again along the versions of its rows.

Between two versions of a row lie the inputs with offsets in between, merged as the runner merges them, then
the tick whose offset the later version has. Nothing here knows Kafka.
"""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import msgspec

from pipeline import codec, data
from pipeline.cluster import changelog
from pipeline.errors import TopicsUnfit
from pipeline.replay.verify.answers import Answers, Said, Span
from pipeline.replay.verify.inputs import Inputs
from pipeline.replay.verify.tape import Message, Partition, Tape
from pipeline.replay.verify.verdict import Difference, Side, Verdict, at, sides
from pipeline.settings import Rules
from pipeline.stages.fold import Input, Row, Stage, first_row, fold, merged
from pipeline.topics import TICKS, partition_of

ROWS_GONE = "rows compacted away"
_NO_OTHERS: Mapping[str, Rules] = {}
#: More folds than any batch has: a row of a higher revision is not the first of its event.
FIRST = 1_000


class Head(msgspec.Struct, frozen=True, array_like=True):
    """What every row begins with, whatever its layout; the state behind it is left unread."""

    layout: int
    log: str
    made_with: dict[str, str]
    event_id: str
    now_ms: int
    revision: int
    applied: dict[str, int]
    sent: dict[str, bytes]
    repeated_at_ms: int
    begun: int


class _Version(NamedTuple):
    """A row as it was written, and where."""

    offset: int
    head: Head
    value: bytes


class Folded(NamedTuple):
    """An input, the revision that it led to, and the answers that followed."""

    source: Input
    revision: int
    said: list[Said]


class Watched(NamedTuple):
    """The one event that is looked at. ``step`` is told of each version of its row: the revision before it,
    and what was folded to come to it, None where that is not known.
    """

    event: bytes
    step: Callable[[int, list[Folded] | None], None]


class _Refolded(NamedTuple):
    """What a fold made of a step; ``error`` where it raised, ``gone`` where something in between may be."""

    value: bytes
    row: Row[Any]
    said: list[Said]
    folds: list[Folded]
    error: str = ""
    gone: str = ""


class _Plan(NamedTuple):
    """What a first look at the changelog tells: where events start and end, and what has to be read."""

    starts: dict[bytes, int]
    """The offset of the version that an event is taken over from, as found."""
    known: dict[bytes, dict[str, int]]
    """What that version has applied."""
    finals: dict[bytes, Head]
    needed: dict[str, int]
    """The first offset of each source that a step needs."""


def judge(
    stage: Stage[Any],
    rules: Rules,
    log: str,
    partition: Partition,
    verdict: Verdict,
    *,
    span_ms: tuple[int, int] = (0, 0),
    others: Mapping[str, Rules] = _NO_OTHERS,
    watched: Watched | None = None,
    progress: Callable[[Verdict], None] = lambda _: None,
) -> None:
    """Fold a partition again and add what was found to ``verdict``.

    ``others`` are rules that were in force at other times, by their digest. ``watched`` is the one event that
    is looked at; None for all. ``log`` names the topics that offsets in rows must belong to. Versions written
    before the span only serve as starting points; those from its end on are left out, and what only they
    explain is not told.

    Raises
    ------
    TopicsUnfit
        One sentence, where rows have another layout, or offsets of other topics.
    """
    _Judge(stage, {**others, rules.digest: rules}, log, partition, verdict, span_ms, watched).run(progress)


class _Judge:
    """The state of judging one partition."""

    def __init__(
        self,
        stage: Stage[Any],
        rules: Mapping[str, Rules],
        log: str,
        partition: Partition,
        verdict: Verdict,
        span_ms: tuple[int, int],
        watched: Watched | None,
    ) -> None:
        self._stage, self._rules, self._log, self._verdict = stage, rules, log, verdict
        self._partition, (self._from_ms, self._to_ms), self._watched = partition, span_ms, watched
        self._data = data.digest(*stage.tables)
        self._changelog = changelog(stage.name)
        self._heads = msgspec.msgpack.Decoder(Head)
        self._decoder = msgspec.msgpack.Decoder(Row[stage.state])  # type: ignore[name-defined]
        self._journal = Tape(partition, self._changelog)
        self._now: dict[bytes, _Version] = {}
        self._bases: dict[bytes, int] = {}
        self._plan = self._look_ahead()
        known, finals = self._plan.known, {key: head.applied for key, head in self._plan.finals.items()}
        self._inputs = Inputs(stage, partition, self._plan.needed, known, finals, verdict)
        self._answers = Answers(stage, partition, verdict)

    def run(self, progress: Callable[[Verdict], None]) -> None:
        for message in self._journal:
            self._version(message)
            progress(self._verdict)
        self._inputs.read_rest()
        committed, ends = self._partition.committed, self._partition.ends
        lags = any(committed.get(topic, 0) < ends[topic] for topic in self._stage.sources)
        self._answers.finish(self._span, lags=lags)
        progress(self._verdict)

    def _look_ahead(self) -> _Plan:
        plan = _Plan({}, {}, {}, {})
        tape = Tape(self._partition, self._changelog)
        for message in tape:
            head = self._head(message)
            if head is None:
                continue
            self._fit(head)
            key, before = message.key or b"", plan.finals.get(message.key or b"")
            plan.finals[key] = head
            first = before is None and tape.has_hole(-1, message.offset)
            if message.timestamp_ms < self._from_ms or (first and head.revision > FIRST):
                plan.starts[key], plan.known[key] = message.offset, head.applied
            elif before is not None or not first:
                for topic in self._stage.sources:
                    first_needed = before.applied.get(topic, -1) + 1 if before is not None else 0
                    plan.needed[topic] = min(first_needed, plan.needed.get(topic, first_needed))
        if self._from_ms == 0:  # then everything that is kept, for what was lost
            return plan._replace(needed={})
        committed = self._partition.committed
        needed = {
            topic: min(committed.get(topic, 0), plan.needed.get(topic, committed.get(topic, 0)))
            for topic in self._stage.sources
        }
        return plan._replace(needed=needed)

    def _head(self, message: Message) -> Head | None:
        try:
            return self._heads.decode(message.value or b"")
        except msgspec.DecodeError:
            return None

    def _fit(self, head: Head) -> None:
        name = self._stage.name
        if head.layout != self._stage.layout:
            raise TopicsUnfit(
                f"{name} cannot be verified: its rows have layout {head.layout} and this version reads "
                f"{self._stage.layout}; use the version that wrote them"
            )
        if head.log != self._log:
            raise TopicsUnfit(
                f"{name} cannot be verified: a topic that it reads was deleted and made again, so the "
                "offsets in its rows mean nothing; start on a fresh cluster"
            )

    def _version(self, message: Message) -> None:
        key, head = message.key or b"", self._head(message)
        if head is None or message.value is None:
            self._differs(message, 0, "the row cannot be read")
            return
        version = _Version(message.offset, head, message.value)
        start = self._plan.starts.get(key, -1)
        if message.offset < start or (self._to_ms and message.timestamp_ms >= self._to_ms):
            return
        if self._watched is not None and key != self._watched.event:
            return
        if message.offset == start:
            if message.timestamp_ms >= self._from_ms:
                self._verdict.rows += 1
                self._verdict.unchecked[ROWS_GONE] += 1
            self._now[key], self._bases[key] = version, head.revision
            return
        self._verdict.rows += 1
        if partition_of(key.decode(errors="replace"), self._partition.count) != self._partition.number:
            self._differs(message, head.revision, "its event belongs on another partition")
        before = self._now.get(key)
        revision = before.head.revision if before is not None else 0
        step = self._checked(message, before, version)
        self._verdict.rows_equal += step is not None
        if self._watched is not None:
            self._watched.step(revision, step and step.folds)
        if step is None:
            self._answers.leave_out(key, revision, head.revision)
            self._bases[key] = head.revision
        elif self._answers.compare(key, revision, head.revision, step.said, step.gone):
            self._bases.setdefault(key, 0)
        else:
            self._bases[key] = head.revision
        self._now[key] = version

    def _checked(self, message: Message, before: _Version | None, version: _Version) -> _Refolded | None:
        """The step, where it leads to the version found; None, and told, where it does not."""
        key, head = message.key or b"", version.head
        if reason := self._foreign(head):
            self._verdict.unchecked[reason] += 1
            return None
        row = self._base(key, before, head)
        if row is None:
            return None
        taken, buried = self._inputs.between(key, row.applied, head.applied)
        tick = None
        if moved := head.applied.get(TICKS, -1) != row.applied.get(TICKS, -1):
            tick = self._inputs.tick(head.applied[TICKS])
        gone = self._inputs.gap(row.applied, head.applied)
        if self._journal.has_hole(before.offset if before is not None else -1, version.offset):
            gone = ROWS_GONE
        if gone and not buried and len(taken) + moved != head.revision - row.revision:
            self._verdict.unchecked[gone] += 1
            return None
        self._verdict.inputs += len(taken)
        self._verdict.ticked += moved
        refolded = self._refold(row, head, taken, tick)
        if refolded.value != version.value and buried:
            # A letter of a batch that was lost: done again in another order, the record did no harm.
            again = self._refold(row, head, taken + buried, tick)
            if again.value == version.value:
                refolded = again._replace(error=refolded.error)
        if refolded.value == version.value and not refolded.error:
            return refolded._replace(gone=gone)
        if gone:
            self._verdict.unchecked[gone] += 1
        elif refolded.error:
            self._differs(message, head.revision, refolded.error)
        else:
            self._differs(message, head.revision, "it is not what its fold makes", refolded.row)
        return None

    def _foreign(self, head: Head) -> str:
        """Why a row cannot be folded again here; empty where it can."""
        if (rules := head.made_with.get("rules", "")) not in self._rules:
            return (
                f"made with rules {rules}, which ops.artefacts does not have for this version: name the file "
                "with them in SHARPLINE_RULES"
            )
        if (tables := head.made_with.get("data", "")) != self._data:
            return f"made with data {tables}, and here is {self._data}: use the version that has it"
        return ""

    def _base(self, key: bytes, before: _Version | None, head: Head) -> Row[Any] | None:
        if before is None:
            event_id = key.decode(errors="replace")
            return first_row(self._stage, event_id, head.made_with, head.log)
        try:
            row = self._decoder.decode(before.value)
        except msgspec.DecodeError:
            self._verdict.unchecked["rows after one that cannot be read"] += 1
            return None
        return msgspec.structs.replace(row, made_with=head.made_with)

    def _refold(self, row: Row[Any], head: Head, taken: list[Input], tick: Input | None) -> _Refolded:
        said: list[Said] = []
        folds: list[Folded] = []
        error, rules = "", self._rules[head.made_with["rules"]]
        order = [*merged(self._stage, taken), *([tick] if tick is not None else [])]
        for source in order:
            try:
                folded, answers = fold(self._stage, rules, row, source, anew=row.begun < head.begun)
                made = [
                    Said(
                        answer.topic,
                        answer.key.encode(),
                        folded.revision,
                        codec.encode(answer.topic, answer.record)[1] if answer.record is not None else None,
                    )
                    for answer in answers
                ]
            except Exception as raised:  # noqa: BLE001 (whatever it is, a worker buries the record)
                error = error or f"the fold raised on {at(*source[:3])}, which is not buried: {raised!r}"
                continue
            row = folded
            said += made
            folds.append(Folded(source, row.revision, made))
        return _Refolded(msgspec.msgpack.encode(row), row, said, folds, error)

    def _differs(self, message: Message, revision: int, why: str, expected: Row[Any] | None = None) -> None:
        fields: tuple[Side, ...] = ()
        if expected is not None:
            try:
                fields = sides(self._decoder.decode(message.value or b""), expected)
            except msgspec.DecodeError as error:
                why = f"{why}; it cannot be read: {error}"
            if not fields:
                why = f"{why}, in its bytes alone"
        self._verdict.differs(
            Difference(
                what=f"row of {self._stage.name}",
                place=at(self._changelog, message.partition, message.offset),
                event=(message.key or b"").decode(errors="replace"),
                revision=revision,
                why=why,
                sides=fields,
            )
        )

    def _span(self, event: bytes) -> Span:
        version, final = self._now.get(event), self._plan.finals.get(event)
        if final is None:
            return Span()
        if version is None:  # all of its versions lie behind the span
            return Span(final.revision, final.revision, final.revision)
        return Span(self._bases.get(event, 0), version.head.revision, final.revision)

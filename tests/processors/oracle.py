"""Whether what a stage left on Kafka is what its fold makes of the inputs, in the order that it took them in.

The order is recovered from the changelog: between two versions of a row the inputs with offsets in between,
merged as the runner merges them, then the tick whose offset the later version has. Nothing here knows Kafka:
`judge` is given what the topics hold.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import msgspec

from pipeline import codec
from pipeline.cluster import changelog
from pipeline.errors import UnreadableRecord
from pipeline.settings import Rules
from pipeline.stages.fold import Input, Row, Stage, first_row, fold, merged
from pipeline.topics import DEAD_LETTERS, TICKS, partition_of
from tests.processors.log import Message

Key = bytes
Place = tuple[str, int, int]  # topic, partition, offset


@dataclass
class Verdict:
    """What was found; ``differences`` and ``unread`` are empty where all is well.

    ``orphans`` are answers of batches that were lost before their rows were written, and done again.
    """

    inputs: int = 0
    answers: int = 0
    rows: int = 0
    ticked: int = 0
    orphans: int = 0
    differences: list[str] = field(default_factory=list)
    unread: list[Place] = field(default_factory=list)


class _Version(NamedTuple):
    """A row as it was written."""

    partition: int
    row: Row[Any]
    value: bytes


class _Published(NamedTuple):
    """Answers: of each revision, and the last one of each topic and key, None for a tombstone."""

    revisions: dict[tuple[str, Key, int], bytes]
    last: dict[tuple[str, Key], bytes | None]


def topics(stage: Stage[Any]) -> tuple[str, ...]:
    """What `judge` has to be given."""
    return (*stage.sources, *stage.answers, changelog(stage.name), DEAD_LETTERS)


def judge(stage: Stage[Any], rules: Rules, log: Mapping[str, list[Message]], partitions: int) -> Verdict:
    """Fold again along the versions of every row, and compare rows and answers byte for byte.

    ``log`` has the messages of each of the stage's `topics` in order of partition and offset.
    """
    verdict = Verdict()
    inputs, ticks = _inputs(stage, log, partitions, verdict)
    versions = _versions(stage, log[changelog(stage.name)], partitions, verdict)
    expected = _Published({}, {})
    for key in inputs.keys() | versions.keys():
        applied = _refold(stage, rules, inputs[key], ticks, versions[key], expected, verdict)
        verdict.unread += [i[:3] for i in inputs[key] if i.offset > applied.get(i.topic, -1)]
    _compare(expected, _published(stage, log, expected, verdict), verdict)
    return verdict


def _inputs(
    stage: Stage[Any], log: Mapping[str, list[Message]], partitions: int, verdict: Verdict
) -> tuple[dict[Key, list[Input]], dict[tuple[int, int], Input]]:
    """The inputs of each event but those that were buried, and the ticks by partition and offset."""
    buried = _buried(stage, log[DEAD_LETTERS])
    inputs: dict[Key, list[Input]] = defaultdict(list)
    ticks = {}
    for topic in stage.sources:
        for message in log[topic]:
            place = (topic, message.partition, message.offset)
            if topic != TICKS and (place in buried or message.is_tombstone(topic)):
                continue
            try:
                source = Input(*place, codec.decode(topic, message.key, message.value))
            except UnreadableRecord:
                if place not in buried:
                    verdict.unread.append(place)
                continue
            if topic == TICKS:
                ticks[message.partition, message.offset] = source
            elif partition_of(message.key.decode(), partitions) != message.partition:
                verdict.unread.append(place)
            else:
                inputs[message.key].append(source)
    return inputs, ticks


def _buried(stage: Stage[Any], letters: Iterable[Message]) -> set[Place]:
    found = [codec.decode(DEAD_LETTERS, letter.key, letter.value) for letter in letters]
    return {(found.topic, found.partition, found.offset) for found in found if found.stage == stage.name}


def _versions(
    stage: Stage[Any], journal: Iterable[Message], partitions: int, verdict: Verdict
) -> dict[Key, list[_Version]]:
    """What was written of each row; a row that was written again as it was counts once."""
    decoder = msgspec.msgpack.Decoder(Row[stage.state])  # type: ignore[name-defined]
    versions: dict[Key, list[_Version]] = defaultdict(list)
    for message in journal:
        assert message.value is not None
        path = versions[message.key]
        version = _Version(message.partition, decoder.decode(message.value), message.value)
        verdict.rows += 1
        if partition_of(message.key.decode(), partitions) != message.partition:
            verdict.differences.append(f"row {message.key!r} lies on partition {message.partition}")
        if path and path[-1].row.applied == version.row.applied:
            verdict.differences += _unlike("written twice", path[-1], version)
        else:
            path.append(version)
    return versions


def _refold(
    stage: Stage[Any],
    rules: Rules,
    sources: list[Input],
    ticks: Mapping[tuple[int, int], Input],
    versions: list[_Version],
    expected: _Published,
    verdict: Verdict,
) -> dict[str, int]:
    """Fold along the versions of one row, adding what has to be published; the offsets that it came to."""
    row = None
    for version in versions:
        found = version.row
        row = row or first_row(stage, found.event_id, found.made_with, found.log)
        row = msgspec.structs.replace(row, made_with=found.made_with)
        taken = [i for i in sources if row.applied[i.topic] < i.offset <= found.applied[i.topic]]
        order = list(merged(stage, taken))
        verdict.inputs += len(taken)
        if found.applied[TICKS] != row.applied[TICKS]:
            verdict.ticked += 1
            if tick := ticks.get((version.partition, found.applied[TICKS])):  # else the rows will differ
                order.append(tick)
        for source in order:
            row, answers = fold(stage, rules, row, source, anew=row.begun < found.begun)
            for topic, key, record in answers:
                value = codec.encode(topic, record)[1] if record else None
                expected.last[topic, key.encode()] = value
                if value is not None:
                    expected.revisions[topic, key.encode(), row.revision] = value
        refolded = _Version(version.partition, row, msgspec.msgpack.encode(row))
        verdict.differences += _unlike("folded again", version, refolded)
        row = found
    return row.applied if row else {}


def _unlike(how: str, version: _Version, other: _Version) -> list[str]:
    """One line where two versions of a row differ in a byte."""
    if version.value == other.value:
        return []
    named = [
        f"{name}: {one!r} and {two!r}"[:2_000]
        for name in version.row.__struct_fields__
        if _bytes(one := getattr(version.row, name)) != _bytes(two := getattr(other.row, name))
    ]
    row = version.row
    return [
        f"row {row.event_id} of revision {row.revision} {how}: {'; '.join(named) or 'in its bytes alone'}"
    ]


def _bytes(value: Any) -> bytes:
    return msgspec.msgpack.encode(value)


def _published(
    stage: Stage[Any], log: Mapping[str, list[Message]], expected: _Published, verdict: Verdict
) -> _Published:
    """What readers have: the last record for each key and revision holds."""
    published = _Published({}, {})
    for topic in stage.answers:
        for message in log[topic]:
            published.last[topic, message.key] = message.value
            if message.value is None:
                continue
            revision = codec.decode(topic, message.key, message.value).revision
            published.revisions[topic, message.key, revision] = message.value
            verdict.answers += 1
            verdict.orphans += expected.revisions.get((topic, message.key, revision)) != message.value
    return published


def _compare(expected: _Published, published: _Published, verdict: Verdict) -> None:
    for place, value in expected.revisions.items():
        if published.revisions.get(place) != value:
            verdict.differences.append(
                f"answer {place}: {published.revisions.get(place)!r} should be {value!r}"
            )
    for last in expected.last.keys() | published.last.keys():
        if expected.last.get(last) != published.last.get(last):
            verdict.differences.append(
                f"last answer {last}: {published.last.get(last)!r} should be {expected.last.get(last)!r}"
            )

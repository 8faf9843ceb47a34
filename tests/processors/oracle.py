"""Whether what a stage left on Kafka is what its fold makes of the inputs, in the order that it took them in.

The order is recovered from the changelog: between two versions of a row the inputs with offsets in between,
merged as the runner merges them, then the tick whose offset the later version has.
"""

from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any

import msgspec

from pipeline import codec
from pipeline.errors import UnreadableRecord
from pipeline.records import DeadLetter
from pipeline.settings import Rules
from pipeline.stages.fold import Input, Row, Stage, first_row, fold, merged
from pipeline.topics import TICKS, partition_of
from tests.processors.log import Message

Key = bytes


@dataclass
class Verdict:
    """What was found; ``differences`` and ``unread`` are empty where all is well."""

    inputs: int = 0
    answers: int = 0
    rows: int = 0
    ticked: int = 0
    orphans: int = 0
    differences: list[str] = field(default_factory=list)
    unread: list[tuple[str, int, int]] = field(default_factory=list)


def judge(stage: Stage[Any], rules: Rules, log: dict[str, list[Message]], changelog: str) -> Verdict:
    """Fold again along the versions of every row, and compare rows and answers with what was published.

    ``log`` has the messages of each topic in order of partition and offset: the stage's sources and answers,
    the changelog and the dead letters.
    """
    verdict = Verdict()
    inputs, ticks = _inputs(stage, log, _buried(stage, log["ops.dead-letters"]))
    versions = _versions(stage, log[changelog], verdict)
    expected: dict[tuple[str, Key, int], bytes] = {}
    last: dict[tuple[str, Key], bytes | None] = {}
    for key, sources in inputs.items():
        row = None
        for version in versions.get(key, []):
            row = row or first_row(stage, key.decode(), version.made_with, version.log)
            taken = [i for i in sources if row.applied[i.topic] < i.offset <= version.applied[i.topic]]
            order = list(merged(stage, taken))
            if version.applied[TICKS] != row.applied[TICKS]:
                order.append(ticks[sources[0].partition, version.applied[TICKS]])
                verdict.ticked += 1
            verdict.inputs += len(taken)
            for source in order:
                row, answers = fold(stage, rules, row, source)
                for topic, _, record in answers:
                    last[topic, key] = value = codec.encode(topic, record)[1] if record else None
                    if value is not None:
                        expected[topic, key, row.revision] = value
            if row != version:
                verdict.differences.append(f"row {key!r}: {version} should be {row}")
        applied = row.applied if row else dict.fromkeys(stage.sources, -1)
        verdict.unread += [(i.topic, i.partition, i.offset) for i in sources if i.offset > applied[i.topic]]
    _compare(stage, log, expected, last, verdict)
    return verdict


def _buried(stage: Stage[Any], letters: list[Message]) -> set[tuple[str, int, int]]:
    found = [codec.decode("ops.dead-letters", letter.key, letter.value) for letter in letters]
    return {(f.topic, f.partition, f.offset) for f in found if _is_of(f, stage)}


def _is_of(letter: DeadLetter, stage: Stage[Any]) -> bool:
    return letter.stage == stage.name


def _inputs(
    stage: Stage[Any], log: dict[str, list[Message]], buried: set[tuple[str, int, int]]
) -> tuple[dict[Key, list[Input]], dict[tuple[int, int], Input]]:
    inputs: dict[Key, list[Input]] = defaultdict(list)
    ticks = {}
    for topic in stage.sources:
        for message in log[topic]:
            if message.value is None or (topic, message.partition, message.offset) in buried:
                continue
            try:
                record = codec.decode(topic, message.key, message.value)
            except UnreadableRecord as error:
                raise AssertionError(f"{topic} {message.offset} was not buried: {error}") from error
            source = Input(topic, message.partition, message.offset, record)
            if topic == TICKS:
                ticks[message.partition, message.offset] = source
            else:
                inputs[message.key].append(source)
    return inputs, ticks


def _versions(stage: Stage[Any], changelog: list[Message], verdict: Verdict) -> dict[Key, list[Row[Any]]]:
    decoder = msgspec.msgpack.Decoder(Row[stage.state])  # type: ignore[name-defined]
    partitions = 1 + max((message.partition for message in changelog), default=0)
    versions: dict[Key, list[Row[Any]]] = defaultdict(list)
    for message in changelog:
        row, path = decoder.decode(message.value), versions[message.key]
        verdict.rows += 1
        if partition_of(message.key.decode(), partitions) != message.partition:
            verdict.differences.append(f"row {message.key!r} lies on partition {message.partition}")
        if path and path[-1].applied == row.applied:
            if path[-1] != row:
                verdict.differences.append(f"row {message.key!r}: written twice and not the same")
        else:
            path.append(row)
    return versions


def _compare(
    stage: Stage[Any],
    log: dict[str, list[Message]],
    expected: dict[tuple[str, Key, int], bytes],
    last: dict[tuple[str, Key], bytes | None],
    verdict: Verdict,
) -> None:
    """The last record for each key and revision holds; what came before it may be of a lost batch."""
    published: dict[tuple[str, Key, int], bytes] = {}
    latest: dict[tuple[str, Key], bytes | None] = {}
    for topic in stage.answers:
        for message in log[topic]:
            latest[topic, message.key] = message.value
            if message.value is None:
                continue
            revision = codec.decode(topic, message.key, message.value).revision
            published[topic, message.key, revision] = message.value
            verdict.answers += 1
            verdict.orphans += expected.get((topic, message.key, revision)) != message.value
    for place, value in expected.items():
        if published.get(place) != value:
            verdict.differences.append(f"answer {place}: {published.get(place)!r} should be {value!r}")
    for place, value in last.items():
        if latest.get(place) != value:
            verdict.differences.append(f"last answer {place}: {latest.get(place)!r} should be {value!r}")

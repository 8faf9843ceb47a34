"""One partition of the chain's topics in memory, as a worker would have left it."""

from collections.abc import Iterable, Iterator
from typing import Any

import msgspec

from pipeline import cluster, codec
from pipeline.replay.verify.rows import judge
from pipeline.replay.verify.tape import Message, Partition
from pipeline.replay.verify.verdict import Place, Verdict
from pipeline.settings import Rules
from pipeline.stages.fold import Input, Row, first_row, fold, merged, provenance
from pipeline.topics import TICKS, partition_of
from tests.make import T0
from tests.processors.chain import chain

STAGE = chain()
JOURNAL, ANSWERS = cluster.changelog(STAGE.name), "odds.fair"
PARTITIONS = 4
HERE = provenance(STAGE, Rules())


class Log:
    """Messages by topic. A worker's row of an event is written ``at_ms`` the number of versions so far."""

    def __init__(self, event_id: str) -> None:
        self.event_id, self.home = event_id, partition_of(event_id, PARTITIONS)
        self.topics: dict[str, list[Message]] = {
            topic: [] for topic in (*STAGE.sources, *STAGE.answers, JOURNAL)
        }
        self.row = first_row(STAGE, event_id, HERE, "log")
        self.buried: dict[Place, str] = {}
        self.committed: dict[str, int] = {}

    def append(self, topic: str, key: bytes | None, value: bytes | None) -> int:
        offset = self.topics[topic][-1].offset + 1 if self.topics[topic] else 0
        self.topics[topic].append(Message(self.home, offset, key, value, T0 + offset, {}))
        return offset

    def put(self, record: Any, topic: str) -> Input:
        return Input(topic, self.home, self.append(topic, *codec.encode(topic, record)), record)

    def work(self, *inputs: Input, made_with: dict[str, str] = HERE, anew: bool = False) -> None:
        """Fold a batch, a tick last, as a worker does: answers, row, commit."""
        row = msgspec.structs.replace(self.row, made_with=made_with)
        ticks = [source for source in inputs if source.topic == TICKS]
        others = merged(STAGE, [source for source in inputs if source.topic != TICKS])
        for source in [*others, *ticks]:
            row, answers = fold(STAGE, Rules(), row, source, anew=anew)
            anew = False
            for answer in answers:
                self.append(answer.topic, *_encoded(answer))
            self.committed[source.topic] = source.offset + 1
        self.row = row
        self.write(row)

    def write(self, row: Row[Any]) -> None:
        self.append(JOURNAL, self.event_id.encode(), msgspec.msgpack.encode(row))

    def drop(self, topic: str, *offsets: int) -> None:
        """Take messages away as compaction or retention does."""
        self.topics[topic] = [message for message in self.topics[topic] if message.offset not in offsets]

    def replace(self, topic: str, offset: int, value: bytes | None) -> None:
        self.topics[topic] = [
            message._replace(value=value) if message.offset == offset else message
            for message in self.topics[topic]
        ]

    def value(self, topic: str, offset: int) -> bytes:
        (found,) = [message.value for message in self.topics[topic] if message.offset == offset]
        assert found is not None
        return found

    def judged(self, *, span_ms: tuple[int, int] = (0, 0), ends: dict[str, int] | None = None) -> Verdict:
        verdict = Verdict(STAGE.name)
        found = {topic: messages[-1].offset + 1 if messages else 0 for topic, messages in self.topics.items()}
        partition = Partition(
            self.home, PARTITIONS, self.committed, {**found, **(ends or {})}, self._read, self.buried
        )
        judge(STAGE, Rules(), "log", partition, verdict, span_ms=span_ms)
        return verdict

    def _read(self, topic: str, start: int, end: int) -> Iterator[Message]:
        return iter([message for message in self.topics[topic] if start <= message.offset < end])


def _encoded(answer: Any) -> tuple[bytes, bytes | None]:
    key = answer.key.encode()
    return (key, None) if answer.record is None else (key, codec.encode(answer.topic, answer.record)[1])


def whys(verdict: Verdict) -> list[str]:
    """What each difference says of itself."""
    return [difference.why for difference in verdict.differences]


def counts(verdict: Verdict) -> tuple[int, int, int, int, int]:
    """Inputs, rows, equal ones, answers, equal ones."""
    return verdict.inputs, verdict.rows, verdict.rows_equal, verdict.answers, verdict.answers_equal


def revisions(log: Log) -> Iterable[int]:
    """Of the answers, in order."""
    for message in log.topics[ANSWERS]:
        yield codec.decode(ANSWERS, message.key, message.value).revision

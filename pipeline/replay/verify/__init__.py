"""Whether what a stage left on Kafka is what its fold makes of the inputs, in the order it took them in.

Of a running pipeline or a stopped one. The order is recovered from the changelog, where every version of
every row says up to which offsets it has come. One partition is judged at a time: everything that is known
about an event is on one.

A row is written after its answers, and an offset is committed after its rows. So what is committed is asked
first, then the changelog's end, then the ends of all that the rows stand on: every input below what was
committed must be in a row below that end, or be buried.
"""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import msgspec

from pipeline import cluster, codec
from pipeline.cluster import changelog
from pipeline.errors import TopicsUnfit, UnreadableRecord
from pipeline.replay.verify import kafka
from pipeline.replay.verify.rows import judge
from pipeline.replay.verify.tape import Partition
from pipeline.replay.verify.verdict import Difference, Place, Verdict
from pipeline.settings import Rules
from pipeline.stages.fold import Stage
from pipeline.topics import ARTEFACTS, DEAD_LETTERS

__all__ = ["Difference", "Place", "Verdict", "verify"]


def verify(
    bootstrap: str,
    stage: Stage[Any],
    rules: Rules,
    *,
    span_ms: tuple[int, int] = (0, 0),
    progress: Callable[[Verdict], None] = lambda _: None,
) -> Verdict:
    """Fold a stage again along its changelog, and compare every row and every answer byte for byte.

    Rows that were made with other rules than ``rules`` are folded by those that ops.artefacts has under their
    hash. ``span_ms`` are times of the changelog's records, 0 for no bound; ``progress`` is called often.

    Raises
    ------
    TopicsUnfit
        One sentence, where topics are missing, or rows have another layout or offsets of other topics.
    BrokerUnavailable
        If no broker answers, or one stops to.
    """
    verdict, others = Verdict(stage.name), past_rules(bootstrap)
    for log, partition in partitions(bootstrap, stage, verdict):
        judge(stage, rules, log, partition, verdict, span_ms=span_ms, others=others, progress=progress)
    return verdict


def partitions(
    bootstrap: str, stage: Stage[Any], verdict: Verdict, only: int | None = None
) -> Iterator[tuple[str, Partition]]:
    """All that a stage reads and writes, by partition, each with the name of its log; raises as `verify`."""
    counts, journal = cluster.partitions(bootstrap), changelog(stage.name)
    topics = (*stage.sources, *stage.answers, journal, DEAD_LETTERS)
    if missing := sorted({topic for topic in topics if topic not in counts}):
        raise TopicsUnfit(
            f"{stage.name} cannot be verified: {bootstrap} has no topic {', '.join(missing)}; "
            "is it the right cluster?"
        )
    log = cluster.topic_ids(bootstrap, stage.sources)
    letters = _Letters(bootstrap, stage.name, counts[DEAD_LETTERS])
    for number in range(counts[journal]) if only is None else [only]:
        committed = {
            topic: offset
            for (topic, partition), offset in cluster.committed(bootstrap, stage).items()
            if partition == number
        }
        ends = kafka.ends(bootstrap, [journal, *stage.answers, *stage.sources], number)
        letters.read_on(verdict)
        read = partial(_read, bootstrap, number)
        yield log, Partition(number, counts[journal], committed, ends, read, letters.origins)


def past_rules(bootstrap: str) -> dict[str, Rules]:
    """The rules in ops.artefacts by their hash, but those that this version cannot compute by."""
    found = {}
    for number in range(cluster.partitions(bootstrap).get(ARTEFACTS, 0)):
        end = kafka.ends(bootstrap, [ARTEFACTS], number)[ARTEFACTS]
        for message in kafka.read(bootstrap, ARTEFACTS, number, 0, end):
            artefact = codec.decode(ARTEFACTS, message.key, message.value)
            if artefact.kind != "rules":
                continue
            try:
                rules = msgspec.json.decode(artefact.content, type=Rules)
            except msgspec.DecodeError:
                continue
            if rules.digest == artefact.digest:  # else it has got a field since
                found[artefact.digest] = rules
    return found


def _read(bootstrap: str, number: int, topic: str, start: int, end: int) -> Any:
    return kafka.read(bootstrap, topic, number, start, end)


class _Letters:
    """What a stage has buried: each origin, with the first word of the reason."""

    def __init__(self, bootstrap: str, stage: str, partitions: int) -> None:
        self.origins: dict[Place, str] = {}
        self._bootstrap, self._stage = bootstrap, stage
        self._ends = dict.fromkeys(range(partitions), 0)

    def read_on(self, verdict: Verdict) -> None:
        """Take in what has come since."""
        for number, start in self._ends.items():
            end = self._ends[number] = kafka.ends(self._bootstrap, [DEAD_LETTERS], number)[DEAD_LETTERS]
            for message in kafka.read(self._bootstrap, DEAD_LETTERS, number, start, end):
                try:
                    letter = codec.decode(DEAD_LETTERS, message.key, message.value)
                except UnreadableRecord:
                    verdict.unchecked["dead letters that cannot be read"] += 1
                    continue
                if letter.stage == self._stage:
                    origin = (letter.topic, letter.partition, letter.offset)
                    self.origins[origin] = letter.reason.partition(":")[0]

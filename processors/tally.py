"""What a worker tells of its work: counts by labels of closed sets, and a line for what happens."""

import logging
from collections.abc import Sequence
from typing import Any

from prometheus_client import Counter, Histogram

from pipeline import data, telemetry
from pipeline.models import boosted
from pipeline.records import Change, ChangeKind
from pipeline.stages.fold import Answer, Input, Row, Stage
from pipeline.telemetry import say
from pipeline.topics import DEAD_LETTERS, TICKS
from processors import quality
from processors.drift import Drift
from processors.news import Fact, Reader, Settled

#: Topics whose records name their source.
SOURCED = frozenset({"odds.snapshots", "games.events"})
#: Of facts, the metric that counts them and the words of its label.
COUNTED: dict[str, tuple[Counter | Histogram, tuple[str, ...]]] = {
    "leg": (telemetry.LEGS_JUDGED, telemetry.VERDICTS),
    "judged": (telemetry.ARBITRAGES_JUDGED, ("stood", "phantom")),
    "life": (telemetry.LIFE_SECONDS, telemetry.ENDINGS),
    "suspect": (telemetry.SUSPECTS, telemetry.SUSPICIONS),
    "move": (telemetry.MOVES, telemetry.CAUSES),
    "steam": (telemetry.STEAM, telemetry.CAUSES),
}
#: What comes and goes with every poll is for the log of those who look closely.
OFTEN = frozenset({"low_hold", "other"})

logger = logging.getLogger(__name__)


class Tally:
    """Counts of one stage. Every series is there from the start: a rate would miss the first of a new one."""

    def __init__(self, stage: Stage[Any]) -> None:
        name = stage.name
        self._name = name
        self._read = {topic: telemetry.RECORDS_READ.labels(name, topic) for topic in stage.sources}
        self._buried = {topic: telemetry.DEAD_LETTERS.labels(name, topic) for topic in stage.sources}
        self._delay = {
            topic: telemetry.APPEND_TO_FOLD_SECONDS.labels(name, topic)
            for topic in stage.sources
            if topic != TICKS
        }
        self._answers = {
            topic: telemetry.ANSWERS_SENT.labels(name, topic) for topic in (*stage.answers, DEAD_LETTERS)
        }
        self._fold, self._batch = telemetry.FOLD_SECONDS.labels(name), telemetry.BATCH_SECONDS.labels(name)
        self._rows = telemetry.ROWS.labels(name)
        self._drift = Drift(boosted.in_use().by_league) if stage.models else None
        self._news = Reader() if "bets.arbitrage" in stage.answers else None
        if self._news:
            for kind in (*telemetry.KINDS, "other"):
                for change in ChangeKind:
                    telemetry.CHANGES.labels(kind, change)
            for metric, words in COUNTED.values():
                for word in (*words, "other"):
                    metric.labels(word)
        self._settled = Settled() if "games.scores" in stage.answers else None
        self._seen_at_s: dict[str, float] = {}

    def read(self, topic: str) -> None:
        """A message was read."""
        self._read[topic].inc()

    def decoded(self, topic: str, record: Any, appended_at_s: float, now_s: float) -> None:
        """It holds a record that is about to be folded; not for ticks, which wait for others."""
        self._delay[topic].observe(max(0.0, now_s - appended_at_s))
        if topic in SOURCED:
            source = data.known_source(record.source)
            if appended_at_s > self._seen_at_s.get(source, 0.0):
                self._seen_at_s[source] = appended_at_s
                telemetry.SOURCE_SEEN_SECONDS.labels(self._name, source).set(appended_at_s)

    def folded(self, row: Row[Any], source: Input, answers: Sequence[Answer], seconds: float) -> None:
        """An input was folded into a row, with these answers."""
        self._fold.observe(seconds)
        if self._drift:
            self._drift.folded(row, source, answers)
        if self._news:
            changes, facts = self._news.read(row, answers)
            for kind, change in changes:
                kind = telemetry.label(kind, telemetry.KINDS)
                telemetry.CHANGES.labels(kind, change.change).inc()
                if change.change != ChangeKind.CHANGED:
                    self._tell(row, source, kind, change)
            for fact in facts:
                _count(fact)
        if self._settled:
            quality.expect(row.event_id.partition(":")[0])
            if score := self._settled.read(row, answers):
                quality.count(score)
        if logger.isEnabledFor(logging.DEBUG):
            topics = [answer.topic for answer in answers]
            self._say("folded", row, source, logging.DEBUG, answers=topics, ms=round(seconds * 1000, 3))

    def acknowledged(self, topic: str) -> None:
        """An answer, or a dead letter, is on its topic."""
        self._answers[topic].inc()

    def buried(self, place: tuple[str, int, int], reason: str) -> None:
        """A message cannot be used and went to the dead letters."""
        topic, partition, offset = place
        self._buried[topic].inc()
        at = f"{topic}/{partition}/{offset}"
        say(logger, "buried", logging.WARNING, stage=self._name, place=at, reason=reason)

    def batch(self, seconds: float, rows: int) -> None:
        """A batch is done; so many rows are in the table."""
        self._batch.observe(seconds)
        self._rows.set(rows)

    def began(self, rows: int) -> None:
        """Rows were recovered."""
        if self._news:
            self._news.begin_generation()
        if self._settled:
            self._settled.begin_generation()
        self._rows.set(rows)

    def _tell(self, row: Row[Any], source: Input, kind: str, change: Change) -> None:
        level = logging.DEBUG if kind in OFTEN else logging.INFO
        reason = {"reason": change.reason} if change.reason else {}
        self._say(f"{kind} {change.change}", row, source, level, id=change.id, **reason)

    def _say(self, what: str, row: Row[Any], source: Input, level: int = logging.INFO, **fields: Any) -> None:
        origin = source.origin or source.place
        say(
            logger,
            what,
            level,
            event=row.event_id,
            revision=row.revision,
            **fields,
            place=source.place,
            origin=origin,
        )


def _count(fact: Fact) -> None:
    metric, words = COUNTED[fact.what]
    word = telemetry.label(fact.word, words)
    if isinstance(metric, Histogram):
        metric.labels(word).observe(fact.seconds)
    else:
        metric.labels(word).inc()

"""What a producer sent and what it refused, for the report at the end."""

import logging
from collections import Counter
from dataclasses import dataclass, field

from pipeline import data, telemetry
from pipeline.records import ClockTick, GameEvent, OddsSnapshot, Record
from pipeline.telemetry import say
from pipeline.topics import topic_of

#: Of those that a report spells out, the most frequent first, and that are told when they first come.
MOST_REASONS = 20
#: Instead of a topic, for what was refused before it became a record.
UNREAD = "unread"

logger = logging.getLogger(__name__)


@dataclass
class Tally:
    """Counts of records by topic, of lines of odds, of ticks, and of refusals by reason."""

    records: Counter[str] = field(default_factory=Counter)
    lines: int = 0
    ticks: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    examples: dict[str, str] = field(default_factory=dict)
    now_ms: int = 0

    def sent(self, record: Record) -> None:
        """Count a record that went out."""
        if isinstance(record, ClockTick):
            self.ticks += 1
            self.now_ms = max(self.now_ms, record.received_at_ms)
            return
        topic = topic_of(type(record)).name
        self.records[topic] += 1
        telemetry.RECORDS_SENT.labels(topic).inc()
        self.now_ms = max(self.now_ms, getattr(record, "received_at_ms", 0))
        if isinstance(record, OddsSnapshot):
            self.lines += len(record.lines)
            source = data.known_source(record.source)
            telemetry.LINES_SENT.labels(source).inc(len(record.lines))
            _tell_delay(topic, source, max((line.quoted_at_ms for line in record.lines), default=0), record)
        elif isinstance(record, GameEvent):
            _tell_delay(topic, data.known_source(record.source), record.happened_at_ms, record)

    def refuse(self, topic: str, reason: str, where: str) -> None:
        """Count what was refused for a topic; the first place of each reason is kept as its example."""
        self.refused[reason] += 1
        if reason not in self.examples:
            self.examples[reason] = where
            if len(self.examples) <= MOST_REASONS:
                say(logger, "refused", logging.WARNING, topic=topic, first=where, reason=reason)
        telemetry.RECORDS_REFUSED.labels(topic).inc()

    def report(self) -> list[str]:
        """Lines for a person."""
        sent = ", ".join(f"{count:,} in {topic}" for topic, count in sorted(self.records.items()))
        lines = [
            f"sent {sum(self.records.values()):,} records ({sent or 'none'}), {self.lines:,} lines of odds"
        ]
        if self.ticks:
            lines.append(f"ticks {self.ticks:,}")
        lines.append(f"refused {sum(self.refused.values()):,}")
        reasons = sorted(self.refused.items(), key=lambda item: (-item[1], item[0]))
        lines += [
            f"  {n:,} x {reason} (first: {self.examples[reason]})" for reason, n in reasons[:MOST_REASONS]
        ]
        if (more := len(reasons) - MOST_REASONS) > 0:
            lines.append(f"  and {more:,} more reasons")
        return lines


def _tell_delay(topic: str, source: str, said_at_ms: int, record: OddsSnapshot | GameEvent) -> None:
    """From what the source's own clock said last, where it says anything, to when we received it."""
    if said_at_ms:
        delay_s = max(0.0, (record.received_at_ms - said_at_ms) / 1000)
        telemetry.SOURCE_TO_RECEIVE_SECONDS.labels(topic, source).observe(delay_s)

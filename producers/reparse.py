"""``python -m producers.reparse``, which is what ``sharpline reparse`` becomes: records made again from raw
answers, after a parser was mended.

Answers go the way that they went when they were new, through the parser of today, the comparison with the
answer before and who is who; only at its end, instead of the log, stands what the log holds already.
"""

import sys
import time
from collections import Counter
from collections.abc import Iterator
from typing import Any

import click
import msgspec
from backports import zstd
from confluent_kafka import Consumer, TopicPartition

from pipeline import cluster, codec, telemetry
from pipeline.errors import PayloadChanged, Refused, SharplineError, UnreadableRecord, UsageError
from pipeline.records import GameEvent, OddsSnapshot, Record, SourceEvent, SourcePayload
from pipeline.replay.tail import moment
from pipeline.settings import Settings
from pipeline.topics import topic_of
from producers.diff import FULL_EVERY_MS
from producers.live.call import Answer, Call
from producers.live.claims import Claims, KafkaClaims, Told
from producers.live.intake import Intake
from producers.live.published import Games, Judged, Odds, Verdict
from producers.live.reading import to_the_end
from producers.live.ways import WAYS
from producers.live.who import Who
from producers.publish import KafkaLog
from producers.resume import Held
from producers.tally import Tally

PAYLOADS, ODDS, PLAYS = [topic_of(record).name for record in (SourcePayload, OddsSnapshot, GameEvent)]
#: Records of an answer so new may still be on their way.
SETTLED_MS = 10_000
#: Longer than from one full snapshot to the next, before the first answer that is read.
BEFORE_MS = FULL_EVERY_MS + 60_000
#: What a parser with an error of its own raises: the other answers go on.
BUGS = (LookupError, TypeError, ValueError, ArithmeticError, AttributeError)
#: An answer that was appended late is still looked for.
LATE_MS = 60_000


class Mended:
    """A log that takes what the log behind it lacks, or has otherwise; ``dry``: and only counts that."""

    def __init__(self, log: KafkaLog, *, dry: bool) -> None:
        self.tally, self.partitions, self.safe_at_s = Tally(), log.partitions, log.safe_at_s
        self.found: Counter[tuple[str, str]] = Counter()
        self._log, self._dry = log, dry
        self._odds: dict[str, Odds] = {}
        self._games: dict[str, Games] = {}

    def know(self, source: str, odds: list[OddsSnapshot], games: list[GameEvent]) -> None:
        """Take in what a source's records in the log say."""
        self._odds[source], self._games[source] = Odds(odds), Games(games)

    def send(self, record: Record) -> None:
        """Append what is not there yet; what else is said of sources was said when it was new."""
        match record:
            case OddsSnapshot():
                self._mend(ODDS, self._odds[record.source].judge(record))
            case GameEvent():
                self._mend(PLAYS, self._games[record.source].judge(record))

    def rest(self, seconds: float) -> None:
        """Let time pass."""
        self._log.rest(seconds)

    def held(self) -> Held:
        """What the log holds of the inputs."""
        return self._log.held()

    def close(self) -> None:
        """Return when everything that was sent is safe."""
        self._log.close()

    def _mend(self, topic: str, judged: Judged) -> None:
        self.found[topic, judged.verdict] += 1
        if judged.record is not None and not self._dry:
            self._log.send(judged.record)


class FirstClaims:
    """Claims for games that their source was never given an event for; those that were keep it as it is."""

    def __init__(self, claims: Claims, *, dry: bool) -> None:
        self._claims, self._dry = claims, dry
        self._given: set[tuple[str, str]] = set()
        self._supposed: list[Told] = []
        self.count = 0

    @property
    def read_to(self) -> int:
        """The first offset that was not read yet."""
        return self._claims.read_to

    def read(self) -> Iterator[Told]:
        """What has come since the last time, and what was supposed."""
        for told in self._claims.read():
            if isinstance(told.record, SourceEvent):
                self._given.add((told.record.source, told.record.source_id))
            yield told
        supposed, self._supposed = self._supposed, []
        yield from supposed

    def claim(self, event: SourceEvent) -> None:
        """Claim an event for a game that has none."""
        if (event.source, event.source_id) in self._given:
            return
        self.count += 1
        self._given.add((event.source, event.source_id))
        if self._dry:
            self._supposed.append(Told(event, -1))
        else:
            self._claims.claim(event)


class Reparse:
    """Raw answers of a cluster, parsed again."""

    def __init__(self, bootstrap: str, *, dry: bool) -> None:
        self.bootstrap = bootstrap
        self.log = KafkaLog(bootstrap)
        self.mended = Mended(self.log, dry=dry)
        self.claims = FirstClaims(KafkaClaims(bootstrap), dry=dry)
        self.answers: Counter[str] = Counter()
        self.unread: Counter[str] = Counter()

    def run(self, source: str, from_ms: int, to_ms: int) -> None:
        """Parse again what was received in this span; an empty source is all of them."""
        settled_ms = int(time.time() * 1000) - SETTLED_MS
        who = Who(self.mended, self.claims)
        intakes: dict[str, Intake] = {}
        for payload in self._payloads(source, from_ms, min(to_ms or settled_ms, settled_ms)):
            if payload.source not in WAYS:
                self.unread[f"{payload.source}: nothing parses its answers"] += 1
                continue
            if not intakes:
                self._know(payload.received_at_ms - BEFORE_MS)
            if payload.source not in intakes:
                intakes[payload.source] = Intake(WAYS[payload.source].source, who.of(payload.source), who)
            self.answers[payload.source] += 1
            try:
                intakes[payload.source].take(_answer(payload))
            except (PayloadChanged, Refused, zstd.ZstdError) as error:
                self.unread[str(error)[:200]] += 1
            except (*BUGS, msgspec.MsgspecError) as error:
                self.unread[
                    f"{payload.source}: its parser failed ({type(error).__name__}: {error})"[:200]
                ] += 1
        self.log.close()

    def report(self) -> list[str]:
        """Lines for a person."""
        read = ", ".join(f"{count:,} of {source}" for source, count in sorted(self.answers.items()))
        lines = [f"read again {sum(self.answers.values()):,} answers ({read or 'none'})"]
        for topic in (PLAYS, ODDS):
            right, missing, different = [self.mended.found[topic, verdict] for verdict in Verdict]
            lines.append(
                f"{topic}: {right:,} as they should be, {missing:,} missing, {different:,} different"
            )
        lines.append(f"games that were given an event: {self.claims.count:,}")
        lines += [f"  {count:,} x {reason}" for reason, count in self.unread.most_common(20)]
        refused = self.mended.tally.refused
        lines += [f"  refused {count:,} x {reason}" for reason, count in refused.most_common(20)]
        return lines

    def _payloads(self, source: str, from_ms: int, to_ms: int) -> Iterator[SourcePayload]:
        for record in self._records(PAYLOADS, max(0, from_ms - LATE_MS)):
            if (not source or record.source == source) and from_ms <= record.received_at_ms < to_ms:
                yield record

    def _know(self, from_ms: int) -> None:
        """Take in what the log holds of every source. Of games everything: a standing holds for days."""
        odds: dict[str, list[OddsSnapshot]] = {source: [] for source in WAYS}
        games: dict[str, list[GameEvent]] = {source: [] for source in WAYS}
        for topic, from_there_ms, found in ((ODDS, from_ms, odds), (PLAYS, 0, games)):
            for record in self._records(topic, from_there_ms):
                if record.source in WAYS:
                    found[record.source].append(record)
        for source in WAYS:
            self.mended.know(source, odds[source], games[source])

    def _records(self, topic: str, from_ms: int) -> Iterator[Any]:
        """What was appended to a topic from a time on."""
        consumer = Consumer(
            {
                "bootstrap.servers": self.bootstrap,
                "group.id": "sharpline.reparse",  # wanted by librdkafka, never joined
                "enable.auto.commit": False,
                "auto.offset.reset": "earliest",
                "enable.partition.eof": True,
                "log_level": 2,
            }
        )
        try:
            count = cluster.partitions(self.bootstrap)[topic]
            places = [TopicPartition(topic, partition, from_ms) for partition in range(count)]
            if from_ms:
                asked = places
                places = cluster.answered(lambda: consumer.offsets_for_times(asked, timeout=10.0))
            for message in to_the_end(consumer, places):
                try:
                    yield codec.decode(topic, message.key(), message.value())
                except UnreadableRecord as error:
                    self.unread[f"{topic}: {error}"[:200]] += 1
        finally:
            consumer.close()


def _answer(payload: SourcePayload) -> Answer:
    """The answer that a payload was. Raises ZstdError where its bytes are damaged."""
    url, _, asked = payload.request.partition("?")
    params = tuple(
        [(name, value) for name, _, value in (one.partition("=") for one in asked.split("&")) if name]
    )
    call = Call(
        source=payload.source,
        name=payload.name or url,
        url=url,
        params=params,
        league=payload.league,
        kind=payload.kind,
    )
    at_ms = payload.received_at_ms
    return Answer(call, payload.http_status, {}, zstd.decompress(payload.body), at_ms, at_ms)


@click.command(
    epilog="Example: sharpline reparse --source espn --from 2026-11-21T18:00Z --dry-run",
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.option("--source", default="", metavar="NAME", help="Of this source alone, as espn.")
@click.option(
    "--from", "since", default=None, metavar="TIME", help="As 2026-11-21T18:00Z; default is all kept."
)
@click.option("--to", "until", default=None, metavar="TIME", help="Before this; default is now.")
@click.option("--dry-run", "dry", is_flag=True, help="Append nothing, count what would be.")
@click.option(
    "--kafka", default=None, metavar="ADDRESS", help="Bootstrap address; default is SHARPLINE_KAFKA."
)
def main(source: str, since: str | None, until: str | None, dry: bool, kafka: str | None) -> None:
    """Parse raw answers again and publish what was missing or is different; what was right is left alone.

    Raw answers are kept for three days.
    """
    try:
        settings = Settings.read()
        telemetry.log_to_stderr(settings.log, settings.log_level)
        if source and source not in WAYS:
            raise UsageError(f"no answers of {source!r} are kept; there are {', '.join(sorted(WAYS))}")
        address = kafka or settings.kafka
        if not address:
            raise UsageError("no Kafka named: give --kafka ADDRESS or set SHARPLINE_KAFKA")
        again = Reparse(address, dry=dry)
        again.run(source, moment(since) if since else 0, moment(until) if until else 0)
        if dry:
            click.echo("nothing was appended")
        for line in again.report():
            click.echo(line)
    except SharplineError as error:
        click.echo(f"sharpline: {error}", err=True)
        sys.exit(2)


if __name__ == "__main__":
    main(prog_name="sharpline reparse")

"""Where a published answer comes from: the inputs behind it, and whether the log alone gives it again."""

from collections.abc import Iterator
from typing import Any

import msgspec
from msgspec import Struct

from pipeline import cluster, codec
from pipeline.cluster import changelog
from pipeline.errors import UsageError
from pipeline.records import Line, OddsSnapshot
from pipeline.replay.verify import partitions, past_rules
from pipeline.replay.verify.rows import Folded, Watched, judge
from pipeline.replay.verify.tape import Message
from pipeline.replay.verify.verdict import Verdict, at
from pipeline.settings import Rules
from pipeline.stages import STAGES
from pipeline.stages.fold import Input, Stage
from pipeline.topics import ANSWERS, event_of, partition_of


class Quoted(Struct, frozen=True, kw_only=True):
    """A price that an opportunity stands on, and the snapshots behind it; places are empty where the log no
    longer has them.
    """

    opportunity: str
    book: str
    outcome: int
    price: float
    shown_in: str
    """From which on the book has shown this price."""
    seen_in: str
    """In which it was seen last."""
    seen_at_ms: int
    quoted_at_ms: int
    side: str = "back"


class Explanation(Struct, frozen=True, kw_only=True):
    """An answer and what it was made from. Places are ``topic/partition@offset``."""

    topic: str
    key: str
    revision: int
    place: str
    stage: str
    cause: str
    """The input that it answered."""
    inputs: dict[str, str]
    """The last input of each topic that had been folded for its event; empty where there was none."""
    folded: int
    """Inputs that were folded again to come to it."""
    taken_over_at: int
    """The revision of the row that they were folded into; 0 where the event begins."""
    equal: bool | None
    """Whether that gives the answer to the last bit; None where the log no longer has what it takes."""
    unchecked: str
    """Why it does not."""
    rules: dict[str, Any]
    """Those in force that differ from their defaults."""
    made_with: dict[str, str]
    quotes: tuple[Quoted, ...]
    """For each leg of each opportunity in it."""
    record: Any


def explain(bootstrap: str, topic: str, key: str, revision: int | None, rules: Rules) -> Explanation:
    """Find an answer (the last one where ``revision`` is None) and fold its event again up to it.

    Raises
    ------
    UsageError
        One sentence, where there is no such answer.
    TopicsUnfit, BrokerUnavailable
        As `pipeline.replay.verify.verify`.
    """
    if topic not in ANSWERS:
        raise UsageError(f"{topic} has no answers of a fold; there are {', '.join(ANSWERS)}")
    stage = next(stage for stage in STAGES.values() if topic in stage.answers)
    event = event_of(key)
    count = cluster.partitions(bootstrap).get(changelog(stage.name), 1)
    steps = _Steps()
    verdict, others = Verdict(stage.name), past_rules(bootstrap)
    for log, partition in partitions(bootstrap, stage, verdict, only=partition_of(event, count)):
        found = _published(partition.read(topic, 0, partition.ends[topic]), topic, key, revision)
        watched = Watched(event.encode(), steps.take)
        judge(stage, rules, log, partition, verdict, others=others, watched=watched)
    message, record = found
    made = steps.upto(record.revision)
    value = made and _said(made[-1], topic, key, record.revision)
    in_force = {**others, rules.digest: rules}.get(record.made_with.get("rules", ""))
    return Explanation(
        topic=topic,
        key=key,
        revision=record.revision,
        place=at(topic, message.partition, message.offset),
        stage=stage.name,
        cause=_cause(message),
        inputs=_places(stage, record, message.partition),
        folded=len(made),
        taken_over_at=steps.base,
        equal=value == message.value if made and value is not None else None,
        unchecked="; ".join(verdict.unchecked) if value is None else "",
        rules=_unusual(in_force) if in_force is not None else {},
        made_with=record.made_with,
        quotes=tuple(_quotes(record, [folded.source for folded in made])),
        record=record,
    )


class _Steps:
    """What was folded for an event since the last version of its row that was taken over as found."""

    def __init__(self) -> None:
        self.base = 0
        self._folded: list[Folded] = []

    def take(self, before: int, folded: list[Folded] | None) -> None:
        if folded is None or (self._folded and self._folded[-1].revision != before):
            self._folded.clear()
        if folded:
            if not self._folded:
                self.base = before
            self._folded += folded

    def upto(self, revision: int) -> list[Folded]:
        return [folded for folded in self._folded if folded.revision <= revision]


def _published(messages: Any, topic: str, key: str, revision: int | None) -> tuple[Message, Any]:
    """The answer that holds: of one revision the last record."""
    found: tuple[Message, Any] | None = None
    known = set()
    for message in messages:
        if message.key != key.encode() or message.value is None:
            continue
        record = codec.decode(topic, message.key, message.value)
        known.add(record.revision)
        if revision in (None, record.revision):
            found = message, record
    if found is not None:
        return found
    if not known:
        raise UsageError(f"{topic} has no answer under {key!r}; `sharpline tail {topic}` shows those it has")
    raise UsageError(
        f"{topic} has no revision {revision} of {key}; of {len(known)} that it keeps the oldest is "
        f"{min(known)}, the newest {max(known)}"
    )


def _cause(message: Message) -> str:
    topic, partition, offset = message.headers["cause"].decode().split("/")
    return at(topic, int(partition), int(offset))


def _said(folded: Folded, topic: str, key: str, revision: int) -> bytes | None:
    for said in folded.said:
        if (said.topic, said.key, said.revision) == (topic, key.encode(), revision):
            return said.value
    return None


def _places(stage: Stage[Any], record: Any, partition: int) -> dict[str, str]:
    return {
        topic: at(topic, partition, record.inputs[topic]) if record.inputs[topic] >= 0 else ""
        for topic in stage.sources
    }


def _unusual(rules: Rules) -> dict[str, Any]:
    usual, given = Rules(), msgspec.to_builtins(rules)
    return {name: value for name, value in given.items() if value != getattr(usual, name)}


def _quotes(record: Any, sources: list[Input]) -> Iterator[Quoted]:
    """The prices that opportunities stand on, each traced to the snapshots that showed it."""
    snapshots = [source for source in sources if isinstance(source.record, OddsSnapshot)]
    for opportunity in (*getattr(record, "arbitrages", ()), *getattr(record, "bets", ())):
        for leg in getattr(opportunity, "legs", (opportunity,)):
            place = (leg.book, opportunity.market, opportunity.scope, leg.line)
            of_source = [source for source in snapshots if source.record.source == leg.source]
            seen = [source for source in of_source if source.record.received_at_ms == leg.seen_at_ms]
            yield Quoted(
                opportunity=opportunity.id,
                book=leg.book,
                outcome=leg.outcome,
                price=leg.price,
                shown_in=_shown_in(of_source, place, leg),
                seen_in=at(*seen[-1][:3]) if seen else "",
                seen_at_ms=leg.seen_at_ms,
                quoted_at_ms=leg.quoted_at_ms,
                side=getattr(leg, "side", "back"),
            )


def _shown_in(snapshots: list[Input], place: tuple[str, str, str, float], leg: Any) -> str:
    """The snapshot from which on a book has shown the price of a leg."""
    since = ""
    for source in snapshots:
        for line in source.record.lines:
            if (line.book, line.market, line.scope, line.line) == place:
                is_same = _price(source.record, line, leg) == leg.price
                since = (since or at(*source[:3])) if is_same else ""
    return since


def _price(snapshot: OddsSnapshot, line: Line, leg: Any) -> float:
    """What a line shows for a leg: of a lay what waits beside it, if anything does."""
    prices = line.prices
    if getattr(leg, "side", "back") == "lay":
        of_line = (line.book, line.market, line.scope, line.line)
        waiting = [
            depth.lay_prices
            for depth in snapshot.depth
            if (depth.book, depth.market, depth.scope, depth.line) == of_line
        ]
        prices = waiting[-1] if waiting else (0.0, 0.0, 0.0)
    outcome: int = leg.outcome
    return prices[outcome]

"""Every topic: what its records are, how they are keyed, how long they are kept.

All topics about events have the same number of partitions and the same partitioner (murmur2, as Java's and
aiokafka's), so everything that is known about an event sits on one partition, in order.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, lru_cache
from struct import Struct as Layout
from typing import Any

from pipeline import records

DAY_MS = 86_400_000
_WORD = Layout("<I")
_FACTOR, _ALL_BITS = 0x5BD1E995, 0xFFFFFFFF


def _event(record: Any) -> str:
    return str(record.event_id)


def _source(record: Any) -> str:
    return str(record.source)


def _alias(record: Any) -> str:
    if record.source_id:
        return f"{record.source}|{record.source_id}"
    return f"{record.league}|{record.source}|{record.name.casefold()}"


@dataclass(frozen=True, slots=True)
class Topic:
    """One topic. ``retention_ms`` is 0 where it is compacted; ``key`` gives a record's key."""

    name: str
    record: type
    key: Callable[[Any], str] = _event
    retention_ms: int = 0
    about_event: bool = True
    tombstoned: bool = True
    """Whether the folds end an event's answers here; what became of bets and models stays."""
    partitions: int = 0
    """Where it must be so many; 0 for as many as all others."""

    @property
    def subject(self) -> str:
        """Under which the schema registry knows it."""
        return f"{self.name}-value"

    @property
    def one_per_event(self) -> bool:
        """Whether an event has one record here that stands, under its own id."""
        return self.key is _event


_ALL = (
    Topic("odds.snapshots", records.OddsSnapshot, retention_ms=14 * DAY_MS),
    Topic("games.events", records.GameEvent, retention_ms=14 * DAY_MS),
    Topic("clock.ticks", records.ClockTick, lambda _: "clock", retention_ms=14 * DAY_MS, about_event=False),
    Topic("games.states", records.GameState),
    Topic("games.probabilities", records.GameProbabilities),
    Topic("games.features", records.GameFeatures),
    Topic("odds.fair", records.FairPrices),
    Topic("odds.closing", records.ClosingLine),
    Topic("odds.moves", records.Moves),
    Topic("bets.value", records.ValueBets),
    Topic("bets.arbitrage", records.Arbitrages),
    Topic("bets.results", records.BetResult, lambda r: f"{r.event_id}|{r.opportunity}", tombstoned=False),
    Topic("games.scores", records.GameScore, tombstoned=False),
    Topic("sources.payloads", records.SourcePayload, _source, retention_ms=3 * DAY_MS, about_event=False),
    Topic("sources.control", records.SourceControl, _source, about_event=False),
    Topic("sources.quota", records.SourceQuota, _source, 400 * DAY_MS, about_event=False, partitions=1),
    Topic("sources.health", records.SourceHealth, _source, about_event=False),
    Topic(
        "sources.events", records.SourceEvent, lambda r: f"{r.source}|{r.source_id}", about_event=False
    ),
    Topic("sources.aliases", records.SourceAlias, _alias, about_event=False),
    Topic(
        "sources.unmatched", records.Unmatched, lambda r: f"{r.source}|{r.source_id}", about_event=False
    ),
    Topic("shadow.differences", records.ShadowDifference, retention_ms=14 * DAY_MS, tombstoned=False),
    Topic(
        "ops.artefacts", records.Artefact, lambda r: r.digest, about_event=False, tombstoned=False
    ),
    Topic(
        "ops.dead-letters", records.DeadLetter, lambda r: r.topic, retention_ms=30 * DAY_MS, about_event=False
    ),
)  # fmt: skip

TOPICS = {topic.name: topic for topic in _ALL}
#: What the folds publish, as the gateway, the sinks and the archive read it.
ANSWERS = tuple(topic.name for topic in _ALL if issubclass(topic.record, records.Derived))
TICKS = "clock.ticks"
DEAD_LETTERS = "ops.dead-letters"
ARTEFACTS = "ops.artefacts"


@cache
def topic_of(record: type) -> Topic:
    """The topic of a kind of record."""
    return next(topic for topic in _ALL if topic.record is record)


def event_of(key: str) -> str:
    """The event that a key of an answer is about: results have one key for each opportunity of an event."""
    return key.partition("|")[0]


@lru_cache(maxsize=65_536)
def partition_of(key: str, partitions: int) -> int:
    """Where a key lives: the partition that Kafka's own clients choose for it."""
    return (murmur2(key.encode()) & 0x7FFFFFFF) % partitions


def murmur2(data: bytes) -> int:
    """MurmurHash2 (Appleby) of 32 bits with the seed that Kafka's Java client takes.

    Here so that what only reads topics needs no client beside librdkafka's, which does not offer its own.
    """
    mixed = 0x9747B28C ^ len(data)
    whole = len(data) & ~3
    for (word,) in _WORD.iter_unpack(data[:whole]):
        word = word * _FACTOR & _ALL_BITS
        word = (word ^ (word >> 24)) * _FACTOR & _ALL_BITS
        mixed = (mixed * _FACTOR & _ALL_BITS) ^ word
    if rest := data[whole:]:
        mixed = (mixed ^ int.from_bytes(rest, "little")) * _FACTOR & _ALL_BITS
    mixed = (mixed ^ (mixed >> 13)) * _FACTOR & _ALL_BITS
    return mixed ^ (mixed >> 15)

"""The cluster's side of the pipeline: topics, start offsets, what a stage needs to find, and its lag.

Folds are known here by their name and the topics that they read, so that nothing of a fold is loaded for it.
"""

import hashlib
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Protocol, TypeVar

from confluent_kafka import (
    Consumer,
    KafkaError,
    KafkaException,
    TopicCollection,
    TopicPartition,
)
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic
from msgspec import Struct

from pipeline.errors import BrokerUnavailable, TopicsUnfit
from pipeline.settings import Settings
from pipeline.topics import ARTEFACTS, DAY_MS, DEAD_LETTERS, TOPICS, Topic

TIMEOUT_S = 20.0
#: After which an address counts as one where no cluster is: the person has been waiting all along.
ANSWER_S = 8.0
#: How often, and after which pause, is asked again while a leader or coordinator is on its way.
ATTEMPTS, PAUSE_S = 100, 0.1
#: Whole answers and rows repeat themselves; aiokafka and librdkafka both read and write it.
COMPRESSION = "lz4"
#: Of a topic's largest batch. A row holds all that is known of an event, so it may outgrow any message.
MAXIMUM_RECORD_BYTES = 2_000_000
MAXIMUM_ROW_BYTES = 16_000_000
#: The name of the one table of each stage.
TABLE = "rows"

_ON_ITS_WAY = {
    KafkaError.COORDINATOR_LOAD_IN_PROGRESS,
    KafkaError.COORDINATOR_NOT_AVAILABLE,
    KafkaError.NOT_COORDINATOR,
    KafkaError.LEADER_NOT_AVAILABLE,
    KafkaError.NOT_LEADER_FOR_PARTITION,
}
#: librdkafka wants a group named, also of a consumer that only looks.
_WATCHING = "sharpline.watching"

Place = tuple[str, int]  # a topic's partition
T = TypeVar("T")


class Fold(Protocol):
    """As much of a stage as the cluster needs to know."""

    @property
    def name(self) -> str: ...
    @property
    def sources(self) -> tuple[str, ...]: ...
    @property
    def answers(self) -> tuple[str, ...]: ...


class Made(Struct, frozen=True, kw_only=True):
    """What `create_topics` made and what it found."""

    created: tuple[str, ...]
    existing: tuple[str, ...]
    seeded: tuple[str, ...]
    """Consumer groups that were given start offsets."""


def group(stage: str) -> str:
    """The consumer group, and the Faust app, of a stage."""
    return f"sharpline.{stage}"


def changelog(stage: str) -> str:
    """The topic behind a stage's table: every version of every row."""
    return f"{group(stage)}-{TABLE}-changelog"


def create_topics(bootstrap: str, settings: Settings, folds: Iterable[Fold]) -> Made:
    """Make what is missing: every topic, each fold's changelog, each fold's start offsets. Safe to repeat.

    A fold starts at the oldest record that each of its topics has when its group is first given offsets here.

    Raises
    ------
    TopicsUnfit
        If a topic has another number of partitions than the settings say, or cannot be made.
    BrokerUnavailable
        If no broker answers.
    """
    admin = _admin(bootstrap)
    folds = list(folds)
    wanted = {topic.name: _retention(topic, settings) for topic in TOPICS.values()}
    wanted |= {changelog(fold.name): _journal(settings) for fold in folds}
    counts = dict.fromkeys(wanted, settings.partitions)
    counts |= {topic.name: topic.partitions for topic in TOPICS.values() if topic.partitions}
    existing = _partitions(bootstrap, admin)
    for name, count in counts.items():
        if (found := existing.get(name, count)) != count:
            raise TopicsUnfit(
                f"topic {name} has {found} partitions and should have {count}: they cannot "
                f"change, so set SHARPLINE_PARTITIONS={found} or use a cluster without it"
            )
    missing = [
        NewTopic(name, counts[name], settings.replication, config=config)
        for name, config in wanted.items()
        if name not in existing
    ]
    created = _make(admin, missing)
    seeded = tuple(group(fold.name) for fold in folds if _seed(bootstrap, fold, settings.partitions))
    return Made(created=created, existing=tuple(n for n in wanted if n not in created), seeded=seeded)


def preflight(bootstrap: str, fold: Fold) -> int:
    """The number of partitions of everything that a stage reads and writes, once all is as it must be.

    Raises
    ------
    TopicsUnfit
        One sentence: what is missing or lost, and what to do.
    BrokerUnavailable
        If no broker answers.
    """
    admin = _admin(bootstrap)
    existing = _partitions(bootstrap, admin)
    names = (*fold.sources, *fold.answers, DEAD_LETTERS, ARTEFACTS, changelog(fold.name))
    if missing := [name for name in names if name not in existing]:
        raise TopicsUnfit(
            f"{fold.name} cannot start: {bootstrap} has no topic {_listed(missing)}; run `sharpline topics`"
        )
    counts = {name: existing[name] for name in names}
    if len(set(counts.values())) > 1:
        raise TopicsUnfit(f"{fold.name} cannot start: partition counts differ: {counts}; use another cluster")
    partitions = counts[names[0]]
    places = _places(fold.sources, existing)
    with _consumer(bootstrap, group(fold.name)) as consumer:
        committed, kept = _committed(consumer, places), _kept(consumer, places)
    if unseeded := {topic for topic, partition in places if (topic, partition) not in committed}:
        raise TopicsUnfit(
            f"{fold.name} cannot start: its group has no start offset in {_listed(unseeded)}; "
            "run `sharpline topics`"
        )
    for place, (oldest, end) in kept.items():
        if not oldest <= committed[place] <= end:
            raise TopicsUnfit(
                f"{fold.name} cannot go on: it read {place[0]}/{place[1]} up to {committed[place]}, which "
                f"now holds {oldest} to {end}: records expired unread or the topic was made anew; start on a "
                "fresh cluster"
            )
    return partitions


def topic_ids(bootstrap: str, topics: Iterable[str]) -> str:
    """A short digest of the identities of topics: another one once any of them was deleted and made again.

    Raises
    ------
    TopicsUnfit
        If one of them is not there.
    BrokerUnavailable
        If no broker answers.
    """
    names = sorted(topics)
    admin = _admin(bootstrap)  # held by name: once it is collected, its answers never come
    answers = admin.describe_topics(TopicCollection(names), request_timeout=TIMEOUT_S)
    try:
        described = {name: answer.result() for name, answer in answers.items()}
    except KafkaException as error:
        if error.args[0].code() == KafkaError.UNKNOWN_TOPIC_OR_PART:
            raise TopicsUnfit(
                f"{bootstrap} lacks one of {', '.join(names)}: it was deleted, so the offsets in rows "
                "mean nothing; start on a fresh cluster"
            ) from error
        raise BrokerUnavailable(f"{bootstrap} does not describe topics: {error.args[0].str()}") from error
    ids = [(name, described[name].topic_id) for name in names]
    found = [f"{name} {i.get_most_significant_bits()} {i.get_least_significant_bits()}" for name, i in ids]
    return hashlib.blake2b("\n".join(found).encode(), digest_size=6).hexdigest()


def lag(bootstrap: str, folds: Iterable[Fold]) -> dict[str, int]:
    """Records that each fold's group has still to read, all partitions together; by stage."""
    partitions = _partitions(bootstrap, _admin(bootstrap))
    committed = {}
    for fold in folds:
        with _consumer(bootstrap, group(fold.name)) as consumer:
            committed[fold.name] = _committed(consumer, _places(fold.sources, partitions))
    with _consumer(bootstrap, _WATCHING) as consumer:
        kept = _kept(consumer, sorted({place for offsets in committed.values() for place in offsets}))
    return {
        name: sum(max(0, kept[place][1] - offset) for place, offset in offsets.items())
        for name, offsets in committed.items()
    }


def committed(bootstrap: str, fold: Fold) -> dict[Place, int]:
    """Up to where a fold's group has acknowledged each partition of its sources."""
    with _consumer(bootstrap, group(fold.name)) as consumer:
        return _committed(consumer, _places(fold.sources, partitions(bootstrap)))


def partitions(bootstrap: str) -> dict[str, int]:
    """How many partitions each topic has. Raises BrokerUnavailable."""
    return _partitions(bootstrap, _admin(bootstrap))


def ends(bootstrap: str, topics: Iterable[str]) -> dict[str, int]:
    """Records ever appended to each topic, all partitions together."""
    places = _places(topics, _partitions(bootstrap, _admin(bootstrap)))
    found: dict[str, int] = {}
    with _consumer(bootstrap, _WATCHING) as consumer:
        for (topic, _), (_, end) in _kept(consumer, places).items():
            found[topic] = found.get(topic, 0) + end
    return found


def _admin(bootstrap: str) -> AdminClient:
    # A new handle each time: one that lived through the death of a leader was seen blind for over a minute.
    return AdminClient({"bootstrap.servers": bootstrap, "log_level": 0, "socket.timeout.ms": 10_000})


def _partitions(bootstrap: str, admin: AdminClient) -> dict[str, int]:
    try:
        found = admin.list_topics(timeout=ANSWER_S).topics
    except KafkaException as error:
        raise BrokerUnavailable(
            f"no Kafka answers at {bootstrap}; is it running, is the address right?"
        ) from error
    return {name: len(topic.partitions) for name, topic in found.items()}


def _retention(topic: Topic, settings: Settings) -> dict[str, str]:
    config = _stored(MAXIMUM_RECORD_BYTES, settings)
    if topic.retention_ms:
        return config | {"cleanup.policy": "delete", "retention.ms": str(topic.retention_ms)}
    return config | compacted(settings.lag_days * DAY_MS)


def _stored(maximum_bytes: int, settings: Settings) -> dict[str, str]:
    return {
        "compression.type": COMPRESSION,
        "max.message.bytes": str(maximum_bytes),
        # One copy may be away: then all others have what was acknowledged.
        "min.insync.replicas": str(max(1, settings.replication - 1)),
    }


def _journal(settings: Settings) -> dict[str, str]:
    config = _stored(MAXIMUM_ROW_BYTES, settings)
    return config | compacted(settings.journal_hours * 3_600_000)


def compacted(lag_ms: int) -> dict[str, str]:
    """Settings of a topic that keeps every record for ``lag_ms``, and soon after only the last of each key.

    By itself Kafka leaves the segment alone that it writes to, for a week or a gigabyte, and the rest until
    half of the log is old: `lag_ms` would say little about what is kept. So segments are short, and an
    eighth more than ``lag_ms`` is the most that a segment waits.
    """
    segment_ms = max(1, lag_ms // 8)
    return {
        "cleanup.policy": "compact",
        "min.compaction.lag.ms": str(lag_ms),
        "max.compaction.lag.ms": str(lag_ms + segment_ms),
        "segment.ms": str(segment_ms),
    }


def _make(admin: AdminClient, topics: list[NewTopic]) -> tuple[str, ...]:
    if not topics:
        return ()
    created = []
    for name, future in admin.create_topics(topics, operation_timeout=TIMEOUT_S).items():
        try:
            future.result()
        except KafkaException as error:
            if error.args[0].code() == KafkaError.TOPIC_ALREADY_EXISTS:  # someone else is making them, too
                continue
            raise TopicsUnfit(f"topic {name} cannot be made: {error.args[0].str()}") from error
        created.append(name)
    return tuple(created)


def _seed(bootstrap: str, fold: Fold, partitions: int) -> bool:
    """Commit start offsets where a fold's group has none; whether there were such.

    Faust does not seek a partition without one, and the records before its first fetch are skipped.
    """
    places = _places(fold.sources, dict.fromkeys(fold.sources, partitions))
    with _consumer(bootstrap, group(fold.name)) as consumer:
        committed = _committed(consumer, places)
        unseeded = [place for place in places if place not in committed]
        if not unseeded:
            return False
        starts = [TopicPartition(*place, low) for place, (low, _) in _kept(consumer, unseeded).items()]
        try:
            consumer.commit(offsets=starts, asynchronous=False)
        except KafkaException as error:
            raise TopicsUnfit(
                f"start offsets of {group(fold.name)} cannot be committed ({error.args[0].str()}); stop its "
                "workers first"
            ) from error
    return True


def _places(topics: Iterable[str], partitions: Mapping[str, int]) -> list[Place]:
    return [(topic, partition) for topic in topics for partition in range(partitions.get(topic, 0))]


@contextmanager
def _consumer(bootstrap: str, name: str) -> Iterator[Consumer]:
    """A consumer that asks for a group and never joins it.

    Not the admin client, which knows the same questions: asked of a fresh broker, whose coordinator is still
    on its way, it stays without an answer, and was then seen never to come back from its own destruction.
    """
    consumer = Consumer(
        {"bootstrap.servers": bootstrap, "group.id": name, "enable.auto.commit": False, "log_level": 0}
    )
    try:
        yield consumer
    finally:
        consumer.close()


def _committed(consumer: Consumer, places: list[Place]) -> dict[Place, int]:
    asked = [TopicPartition(*place) for place in places]
    found = answered(lambda: consumer.committed(asked, timeout=TIMEOUT_S))
    return {(place.topic, place.partition): place.offset for place in found if place.offset >= 0}


def _kept(consumer: Consumer, places: list[Place]) -> dict[Place, tuple[int, int]]:
    """The oldest offset that each partition keeps, and its end."""
    return {
        place: answered(lambda: consumer.get_watermark_offsets(TopicPartition(*place), timeout=TIMEOUT_S))  # noqa: B023
        for place in places
    }


def answered(ask: Callable[[], T]) -> T:
    """The answer to a question about offsets, asked again while a leader or coordinator is on its way.

    Raises BrokerUnavailable.
    """
    for attempt in range(1, ATTEMPTS + 1):
        try:
            return ask()
        except KafkaException as error:
            if attempt == ATTEMPTS or error.args[0].code() not in _ON_ITS_WAY:
                raise BrokerUnavailable(
                    f"offsets cannot be read: {error.args[0].str()}; try again"
                ) from error
            time.sleep(PAUSE_S)
    raise AssertionError("unreachable")


def _listed(names: Iterable[str]) -> str:
    return ", ".join(sorted(names))

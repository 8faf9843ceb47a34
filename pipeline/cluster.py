"""The cluster's side of the pipeline: topics, start offsets, what a stage needs to find, and its lag.

Folds are known here by their name and the topics that they read, so that nothing of a fold is loaded for it.
"""

import hashlib
import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Future
from typing import Any, Protocol, TypeVar

from confluent_kafka import (
    ConsumerGroupTopicPartitions,
    KafkaError,
    KafkaException,
    TopicCollection,
    TopicPartition,
)
from confluent_kafka.admin import AdminClient
from confluent_kafka.admin._listoffsets import OffsetSpec
from confluent_kafka.cimpl import NewTopic
from msgspec import Struct

from pipeline.errors import BrokerUnavailable, TopicsUnfit
from pipeline.settings import Settings
from pipeline.topics import DAY_MS, DEAD_LETTERS, TOPICS, Topic

TIMEOUT_S = 15.0
#: Of one question about a group. A fresh broker's coordinator is on its way for a moment, and a question that
#: was asked too early can stay without an answer: so each waits shortly, and is asked again.
GROUP_TIMEOUT_S, ATTEMPTS, PAUSE_S = 1.0, 20, 0.1
#: Whole answers and rows repeat themselves; aiokafka and librdkafka both read and write it.
COMPRESSION = "lz4"
#: Of a topic's largest batch. A row holds all that is known of an event, so it may outgrow any message.
MAXIMUM_RECORD_BYTES = 2_000_000
MAXIMUM_ROW_BYTES = 16_000_000
#: The name of the one table of each stage.
TABLE = "rows"

EARLIEST: OffsetSpec = OffsetSpec.earliest()  # type: ignore[no-untyped-call]
LATEST: OffsetSpec = OffsetSpec.latest()  # type: ignore[no-untyped-call]

T = TypeVar("T")
Place = tuple[str, int]  # a topic's partition


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
    existing = _partitions(bootstrap, admin)
    for name in wanted:
        if (found := existing.get(name, settings.partitions)) != settings.partitions:
            raise TopicsUnfit(
                f"topic {name} has {found} partitions and should have {settings.partitions}: they cannot "
                f"change, so set SHARPLINE_PARTITIONS={found} or use a cluster without it"
            )
    missing = [
        NewTopic(name, settings.partitions, settings.replication, config=config)
        for name, config in wanted.items()
        if name not in existing
    ]
    created = _make(admin, missing)
    seeded = tuple(group(fold.name) for fold in folds if _seed(admin, fold, settings.partitions))
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
    names = (*fold.sources, *fold.answers, DEAD_LETTERS, changelog(fold.name))
    if missing := [name for name in names if name not in existing]:
        raise TopicsUnfit(
            f"{fold.name} cannot start: {bootstrap} has no topic {_listed(missing)}; run `sharpline topics`"
        )
    counts = {name: existing[name] for name in names}
    if len(set(counts.values())) > 1:
        raise TopicsUnfit(f"{fold.name} cannot start: partition counts differ: {counts}; use another cluster")
    partitions = counts[names[0]]
    places = [(source, partition) for source in fold.sources for partition in range(partitions)]
    committed = _committed(admin, group(fold.name))
    if unseeded := {topic for topic, partition in places if (topic, partition) not in committed}:
        raise TopicsUnfit(
            f"{fold.name} cannot start: its group has no start offset in {_listed(unseeded)}; "
            "run `sharpline topics`"
        )
    oldest, newest = _offsets(admin, places, EARLIEST), _offsets(admin, places, LATEST)
    for place in places:
        if not oldest[place] <= committed[place] <= newest[place]:
            raise TopicsUnfit(
                f"{fold.name} cannot go on: it read {place[0]}/{place[1]} up to {committed[place]}, which "
                f"now holds {oldest[place]} to {newest[place]}: records expired unread or the topic was "
                "made anew; start on a fresh cluster"
            )
    return partitions


def topic_ids(bootstrap: str, topics: Iterable[str]) -> str:
    """A short digest of the identities of topics: another one once any of them was deleted and made again."""
    names = sorted(topics)
    admin = _admin(bootstrap)  # held by name: once it is collected, its answers never come
    described = admin.describe_topics(TopicCollection(names), request_timeout=TIMEOUT_S)
    found = []
    for name in names:
        topic_id = _result(described[name], f"topic {name} cannot be described").topic_id
        found.append(f"{name} {topic_id.get_most_significant_bits()} {topic_id.get_least_significant_bits()}")
    return hashlib.blake2b("\n".join(found).encode(), digest_size=6).hexdigest()


def lag(bootstrap: str, folds: Iterable[Fold]) -> dict[str, int]:
    """Records that each fold's group has still to read, all partitions together; by stage."""
    admin = _admin(bootstrap)
    committed = {fold.name: _committed(admin, group(fold.name)) for fold in folds}
    places = {place for offsets in committed.values() for place in offsets}
    ends = _offsets(admin, sorted(places), LATEST)
    return {
        name: sum(max(0, ends[place] - offset) for place, offset in offsets.items())
        for name, offsets in committed.items()
    }


def ends(bootstrap: str, topics: Iterable[str]) -> dict[str, int]:
    """Records ever appended to each topic, all partitions together."""
    admin = _admin(bootstrap)
    counts = _partitions(bootstrap, admin)
    places = [(topic, partition) for topic in topics for partition in range(counts.get(topic, 0))]
    found: dict[str, int] = {}
    for (topic, _), end in _offsets(admin, places, LATEST).items():
        found[topic] = found.get(topic, 0) + end
    return found


def _admin(bootstrap: str) -> AdminClient:
    # A new handle each time: one that lived through the death of a leader was seen blind for over a minute.
    return AdminClient({"bootstrap.servers": bootstrap, "log_level": 0, "socket.timeout.ms": 10_000})


def _partitions(bootstrap: str, admin: AdminClient) -> dict[str, int]:
    try:
        found = admin.list_topics(timeout=TIMEOUT_S).topics
    except KafkaException as error:
        raise BrokerUnavailable(
            f"no Kafka answers at {bootstrap}; is it running, is the address right?"
        ) from error
    return {name: len(topic.partitions) for name, topic in found.items()}


def _retention(topic: Topic, settings: Settings) -> dict[str, str]:
    config = {"compression.type": COMPRESSION, "max.message.bytes": str(MAXIMUM_RECORD_BYTES)}
    if topic.retention_ms:
        return config | {"cleanup.policy": "delete", "retention.ms": str(topic.retention_ms)}
    return config | _compact(settings.lag_days * DAY_MS)


def _journal(settings: Settings) -> dict[str, str]:
    config = {"compression.type": COMPRESSION, "max.message.bytes": str(MAXIMUM_ROW_BYTES)}
    return config | _compact(settings.journal_hours * 3_600_000)


def _compact(lag_ms: int) -> dict[str, str]:
    return {"cleanup.policy": "compact", "min.compaction.lag.ms": str(lag_ms)}


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


def _seed(admin: AdminClient, fold: Fold, partitions: int) -> bool:
    """Commit start offsets where a fold's group has none; whether there were such.

    Faust does not seek a partition without one, and the records before its first fetch are skipped.
    """
    places = [(source, partition) for source in fold.sources for partition in range(partitions)]
    committed = _committed(admin, group(fold.name))
    unseeded = [place for place in places if place not in committed]
    if not unseeded:
        return False
    starts = [TopicPartition(*place, at) for place, at in _offsets(admin, unseeded, EARLIEST).items()]
    request = ConsumerGroupTopicPartitions(group(fold.name), starts)
    answer = _of_group(
        lambda: admin.alter_consumer_group_offsets([request], request_timeout=GROUP_TIMEOUT_S),
        f"start offsets of {group(fold.name)} cannot be committed (stop its workers first)",
    )
    if refused := [place for place in answer.topic_partitions if place.error]:
        raise TopicsUnfit(f"start offsets of {group(fold.name)} cannot be committed: {refused[0].error}")
    return True


def _committed(admin: AdminClient, name: str) -> dict[Place, int]:
    request = ConsumerGroupTopicPartitions(name)
    answer = _of_group(
        lambda: admin.list_consumer_group_offsets([request], request_timeout=GROUP_TIMEOUT_S),
        f"offsets of {name} cannot be read",
    )
    found = {(place.topic, place.partition): place.offset for place in answer.topic_partitions}
    return {place: offset for place, offset in found.items() if offset >= 0}


def _of_group(ask: Callable[[], Mapping[str, "Future[Any]"]], failure: str) -> Any:
    """The answer about a group; asked again while its coordinator is on its way."""
    coming = {
        KafkaError.COORDINATOR_LOAD_IN_PROGRESS,
        KafkaError.COORDINATOR_NOT_AVAILABLE,
        KafkaError.NOT_COORDINATOR,
        KafkaError._TIMED_OUT,
    }
    for attempt in range(1, ATTEMPTS + 1):
        (future,) = ask().values()
        try:
            return future.result()
        except KafkaException as error:
            if error.args[0].code() not in coming or attempt == ATTEMPTS:
                raise TopicsUnfit(f"{failure}: {error.args[0].str()}") from error
        time.sleep(PAUSE_S)
    raise AssertionError("unreachable")


def _offsets(admin: AdminClient, places: Iterable[Place], which: OffsetSpec) -> dict[Place, int]:
    asked = {TopicPartition(*place): which for place in places}
    if not asked:
        return {}
    answers = admin.list_offsets(asked, request_timeout=TIMEOUT_S)
    return {
        (place.topic, place.partition): _result(future, f"offsets of {place.topic} cannot be read").offset
        for place, future in answers.items()
    }


def _result(future: "Future[T]", failure: str) -> T:
    try:
        return future.result()
    except KafkaException as error:
        raise TopicsUnfit(f"{failure}: {error.args[0].str()}") from error


def _listed(names: Iterable[str]) -> str:
    return ", ".join(sorted(names))

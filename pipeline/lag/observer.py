"""One poll: everything about groups and partitions is asked at once, then collected."""

import threading
import time
from collections.abc import Iterable, Mapping
from concurrent.futures import Future
from typing import Any, TypeVar

from confluent_kafka import (
    ConsumerGroupState,
    ConsumerGroupTopicPartitions,
    KafkaError,
    KafkaException,
    TopicPartition,
)
from confluent_kafka.admin import AdminClient, ConsumerGroupDescription, OffsetSpec  # type: ignore[attr-defined]
from msgspec.structs import replace

from pipeline.cluster import ANSWER_S
from pipeline.errors import BrokerUnavailable
from pipeline.lag.poll import Group, Partition, Place, Poll, Position, positions_of
from pipeline.lag.times import Spot, Times

#: Of a poll; a cluster at hand needs milliseconds.
TIMES_S = 2.0
#: Kafka's own bookkeeping.
INTERNAL = frozenset({"__consumer_offsets", "__transaction_state", "__share_group_state"})

#: Faust's and Kafka Streams' name for the log of a table.
TABLE_LOG = "-changelog"

_OLDEST, _END = OffsetSpec.earliest(), OffsetSpec.latest()  # type: ignore[no-untyped-call]
_AWAY = {
    KafkaError._TIMED_OUT,
    KafkaError._TIMED_OUT_QUEUE,
    KafkaError._TRANSPORT,
    KafkaError._ALL_BROKERS_DOWN,
    KafkaError.REQUEST_TIMED_OUT,
}
K = TypeVar("K")


class Observer:
    """Polls one cluster, over the same two clients for as long as they are answered.

    A client that was once left without an answer by a group's coordinator stays so, also when the broker is
    back. And one without a broker may never come to the end of its destruction: it is replaced, and that in a
    thread of its own, only when a broker answers again.
    """

    def __init__(self, bootstrap: str) -> None:
        self._bootstrap = bootstrap
        self._admin = self._client()
        self._times = Times(bootstrap)
        self._unanswered = False

    def poll(self) -> Poll:
        """All groups and partitions as they are now. What vanishes meanwhile is left out.

        Raises
        ------
        BrokerUnavailable
            If no broker answers in time.
        """
        at_ms, until_s = time.time_ns() // 1_000_000, time.monotonic() + ANSWER_S
        metadata, names = self._listed(until_s)
        topics = {name: topic for name, topic in metadata.topics.items() if name not in INTERNAL}
        places = [(name, number) for name, topic in topics.items() for number in topic.partitions]
        described, committed = self._ask_groups(names, until_s)
        oldest = self._ask_offsets(places, _OLDEST, until_s)
        ends = self._ask_offsets(places, _END, until_s)
        groups = {
            name: group
            for name, group in self._collected(described, until_s).items()
            if group.state is not ConsumerGroupState.DEAD
        }
        offsets = {
            name: {
                (one.topic, one.partition): one.offset
                for one in answer.topic_partitions
                if one.error is None and one.offset >= 0
            }
            for name, answer in self._collected(committed, until_s).items()
        }
        kept_from, kept_to = self._collected(oldest, until_s), self._collected(ends, until_s)
        partitions = {
            place: Partition(
                topic=place[0],
                partition=place[1],
                oldest=kept_from[place].offset,
                end=kept_to[place].offset,
                leader=(of := topics[place[0]].partitions[place[1]]).leader,
                replicas=tuple(of.replicas),
                in_sync=tuple(of.isrs),
            )
            for place in sorted(kept_from.keys() & kept_to.keys())
        }
        both = sorted(groups.keys() & offsets.keys())
        found = positions_of(
            {name: offsets[name] for name in both}, {name: _held(groups[name]) for name in both}, partitions
        )
        return Poll(
            at_ms=at_ms,
            brokers=len(metadata.brokers),
            partitions=tuple(partitions.values()),
            groups=tuple(_group(name, groups[name]) for name in both),
            positions=self._timed(found, until_s),
        )

    def _listed(self, until_s: float) -> tuple[Any, list[str]]:
        """The cluster's topics, and the names of its groups."""
        try:
            metadata = self._admin.list_topics(timeout=_left(until_s))
            if self._unanswered:
                self._replace()
            groups = self._admin.list_consumer_groups(request_timeout=_left(until_s)).result(_left(until_s))
        except (KafkaException, TimeoutError) as error:
            self._unanswered = True
            raise self._away() from error
        self._unanswered = bool(groups.errors)
        if groups.errors and not groups.valid:
            raise self._away()
        return metadata, [group.group_id for group in groups.valid]

    def _ask_groups(
        self, names: list[str], until_s: float
    ) -> tuple[dict[str, Future[Any]], dict[str, Future[Any]]]:
        """What each group is, and what it has committed."""
        if not names:
            return {}, {}
        described = self._admin.describe_consumer_groups(names, request_timeout=_left(until_s))
        committed: dict[str, Future[Any]] = {}
        for name in names:  # the client takes one group a request
            asked = [ConsumerGroupTopicPartitions(name)]
            committed |= self._admin.list_consumer_group_offsets(asked, request_timeout=_left(until_s))
        return described, committed

    def _ask_offsets(
        self, places: Iterable[Place], spec: OffsetSpec, until_s: float
    ) -> dict[Place, Future[Any]]:
        asked = {TopicPartition(*place): spec for place in places}
        if not asked:
            return {}
        answers = self._admin.list_offsets(asked, request_timeout=_left(until_s))
        return {(one.topic, one.partition): answer for one, answer in answers.items()}

    def _collected(self, answers: Mapping[K, Future[Any]], until_s: float) -> dict[K, Any]:
        """The answers that came; an error leaves out what it is about, unless no broker gave any."""
        found, away = {}, 0
        for key, answer in answers.items():
            try:
                found[key] = answer.result(_left(until_s))
            except TimeoutError:
                away += 1
            except KafkaException as error:
                away += error.args[0].code() in _AWAY
        self._unanswered |= away > 0
        if away and not found:
            raise self._away()
        return found

    def _timed(self, positions: list[Position], until_s: float) -> tuple[Position, ...]:
        """With the times of their first unread records."""
        spots = {
            index: (position.topic, position.partition, offset)
            for index, position in enumerate(positions)
            if position.committed is not None
            and (offset := max(position.committed, position.oldest)) < position.end
        }
        times = self._times.of(spots.values(), min(TIMES_S, _left(until_s)))
        return tuple(
            replace(position, unread_at_ms=_time(times, spots.get(index)))
            for index, position in enumerate(positions)
        )

    def _client(self) -> AdminClient:
        return AdminClient(
            {
                "bootstrap.servers": self._bootstrap,
                "socket.timeout.ms": round(ANSWER_S * 1000),
                "reconnect.backoff.max.ms": 1000,
                "log_level": 0,
            }
        )

    def _replace(self) -> None:
        """Take a fresh client; the old one ends in its own time."""
        old = [self._admin]
        self._admin, self._unanswered = self._client(), False
        threading.Thread(target=old.clear, name="old client", daemon=True).start()

    def _away(self) -> BrokerUnavailable:
        return BrokerUnavailable(
            f"no Kafka answers at {self._bootstrap}; is it running, is the address right?"
        )


def _left(until_s: float) -> float:
    return max(0.1, until_s - time.monotonic())


def _held(group: ConsumerGroupDescription) -> list[Place]:
    """The partitions that the members of a group have among them, and read on from what is committed.

    The logs of a stream processor's tables are assigned with its inputs, and never committed.
    """
    return [
        (one.topic, one.partition)
        for member in group.members
        if member.assignment is not None
        for one in member.assignment.topic_partitions
        if not one.topic.endswith(TABLE_LOG)
    ]


def _group(name: str, group: ConsumerGroupDescription) -> Group:
    state, kind = group.state.name.lower(), group.type.name.lower()
    return Group(name=name, state=state, kind=kind, members=len(group.members))


def _time(times: Mapping[Spot, int], spot: Spot | None) -> int | None:
    at_ms = times.get(spot, -1) if spot is not None else -1
    return at_ms if at_ms >= 0 else None

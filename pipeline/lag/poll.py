"""What one poll of a cluster found, and what follows from it."""

from collections.abc import Iterable, Mapping
from itertools import groupby

from msgspec import Struct

Place = tuple[str, int]  # a topic's partition


class Partition(Struct, frozen=True, kw_only=True):
    """One partition of a topic: what it keeps, and where its copies are."""

    topic: str
    partition: int
    oldest: int
    end: int
    """The offset that the next record gets."""
    leader: int
    replicas: tuple[int, ...]
    in_sync: tuple[int, ...]


class Group(Struct, frozen=True, kw_only=True):
    """One consumer group; without members it is ``empty``, and its offsets stand."""

    name: str
    state: str
    kind: str
    """``classic``, or ``consumer`` for one of KIP-848."""
    members: int


class Position(Struct, frozen=True, kw_only=True):
    """How far a group has come in a partition."""

    group: str
    topic: str
    partition: int
    committed: int | None
    """The first offset that the group has not done; None where it has never committed one."""
    oldest: int
    end: int
    unread_at_ms: int | None = None
    """Kafka timestamp of the first record that is there from ``committed`` on; None where it is not known."""

    @property
    def lag(self) -> int | None:
        """Records from the committed offset to the end, those that retention took among them."""
        return None if self.committed is None else max(0, self.end - self.committed)

    @property
    def expired(self) -> bool:
        """Whether retention has taken records before the group had read them."""
        return self.committed is not None and self.committed < self.oldest

    def seconds(self, now_ms: int) -> float | None:
        """For how long the first unread record has been waiting; 0 where all is read."""
        if self.lag == 0:
            return 0.0
        return None if self.unread_at_ms is None else max(0, now_ms - self.unread_at_ms) / 1000


class Poll(Struct, frozen=True, kw_only=True):
    """All that was found at one moment, each kind in the order of its names."""

    at_ms: int
    """When it began, Unix ms."""
    brokers: int
    partitions: tuple[Partition, ...]
    groups: tuple[Group, ...]
    positions: tuple[Position, ...]

    def only(self, names: Iterable[str]) -> "Poll":
        """The same about these groups; about all where none is named."""
        if not (wanted := set(names)):
            return self
        return Poll(
            at_ms=self.at_ms,
            brokers=self.brokers,
            partitions=self.partitions,
            groups=tuple(group for group in self.groups if group.name in wanted),
            positions=tuple(position for position in self.positions if position.group in wanted),
        )


class Sum(Struct, frozen=True, kw_only=True):
    """A group's positions in all partitions of a topic; None where it has committed none of them."""

    group: str
    topic: str
    partitions: int
    uncommitted: int
    expired: int
    committed: int | None
    end: int | None
    """Of the partitions that have a committed offset."""
    lag: int | None
    seconds: float | None
    """Of the partition that is the furthest behind."""


def positions_of(
    committed: Mapping[str, Mapping[Place, int]],
    held: Mapping[str, Iterable[Place]],
    partitions: Mapping[Place, Partition],
) -> list[Position]:
    """Where each group is, of ``committed``, in the partitions that are there.

    A partition without a committed offset counts where a member holds it, or where the group has committed
    others of the topic: its records are unread by someone who should.
    """
    found = []
    for group, offsets in sorted(committed.items()):
        topics = {topic for topic, _ in offsets}
        of_topics = {place for place in partitions if place[0] in topics}
        for place in sorted((of_topics | set(held[group])) & partitions.keys()):
            kept = partitions[place]
            found.append(
                Position(
                    group=group,
                    topic=kept.topic,
                    partition=kept.partition,
                    committed=offsets.get(place),
                    oldest=kept.oldest,
                    end=kept.end,
                )
            )
    return found


def sums(positions: Iterable[Position], now_ms: int) -> list[Sum]:
    """By group and topic; ``positions`` come in their order."""
    found = []
    for (group, topic), each in groupby(positions, lambda position: (position.group, position.topic)):
        of_topic = list(each)
        done = [position for position in of_topic if position.committed is not None]
        waiting = [seconds for position in done if (seconds := position.seconds(now_ms)) is not None]
        found.append(
            Sum(
                group=group,
                topic=topic,
                partitions=len(of_topic),
                uncommitted=len(of_topic) - len(done),
                expired=sum(position.expired for position in done),
                committed=sum(position.committed or 0 for position in done) if done else None,
                end=sum(position.end for position in done) if done else None,
                lag=sum(position.lag or 0 for position in done) if done else None,
                seconds=max(waiting, default=None),
            )
        )
    return found

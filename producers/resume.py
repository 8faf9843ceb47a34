"""Going on where a producer was killed: what the log holds already is not sent again.

The same source gives the same records and, at the same speed, the same ticks, and a partition takes them in
their order. So what a partition holds is their beginning, and the rest of them is what follows.
"""

from collections.abc import Iterable, Iterator
from itertools import chain
from typing import NamedTuple

from pipeline import codec
from pipeline.errors import AnotherLog, Refused
from pipeline.records import ClockTick, Record
from pipeline.topics import TICKS, partition_of, topic_of
from producers.pace import Due

#: What the folds read of a producer.
INPUTS = ("odds.snapshots", "games.events", TICKS)

Place = tuple[str, int]  # a topic's partition


class Held(NamedTuple):
    """What a log holds of the inputs.

    How many records were ever appended to each partition, the value of the last one of those that have any,
    and the first and the last tick (Unix ms; 0 where there is none, or it has expired).
    """

    counts: dict[Place, int]
    last: dict[Place, bytes]
    first_tick_ms: int
    last_tick_ms: int


NOTHING = Held({}, {}, 0, 0)


def rest_of(due: Iterable[Due], held: Held, partitions: int) -> Iterator[Due]:
    """What of a timetable a log does not hold yet. What it should hold and lacks is due at once.

    Raises
    ------
    AnotherLog
        Where the log does not hold the beginning of it.
    """
    coming, left, lacking = iter(due), dict(held.counts), []
    while any(left.values()):
        one = next(coming, None)
        if one is None:
            raise AnotherLog(_UNLIKE)
        try:
            places, value = _placed(one.record, partitions)
        except Refused:
            continue
        there = [_is_held(place, value, left, held) for place in places]
        if not all(there):
            lacking.append(one.record)
    following = next(coming, None)
    if following is None:
        return iter([Due(0.0, record) for record in lacking])
    began_s = following.at_s
    rest = (Due(one.at_s - began_s, one.record) for one in chain([following], coming))
    return chain([Due(0.0, record) for record in lacking], rest)


_UNLIKE = (
    "the log begins as this source does and then holds something else: go on with the command that began it "
    "(files, --seed, --events, --speed), or use a fresh log (`sharpline up --data NEW_FOLDER`)"
)


def _placed(record: Record, partitions: int) -> tuple[list[Place], bytes]:
    """Where a record goes, and its value; nowhere if no fold reads it."""
    topic = topic_of(type(record)).name
    key, value = codec.encode(topic, record)
    if isinstance(record, ClockTick):
        return [(topic, partition) for partition in range(partitions)], value
    return [(topic, partition_of(key.decode(), partitions))], value


def _is_held(place: Place, value: bytes, left: dict[Place, int], held: Held) -> bool:
    if not left.get(place):
        return False
    left[place] -= 1
    if left[place] == 0 and held.last.get(place) != value:
        raise AnotherLog(_UNLIKE)
    return True

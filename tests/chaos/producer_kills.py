"""The producer killed in the middle of an evening and started again, until the evening is over."""

from collections import defaultdict
from collections.abc import Iterator
from itertools import groupby

from pipeline import codec
from pipeline.local.supervisor import Service
from pipeline.records import ClockTick
from pipeline.topics import TICKS, partition_of, topic_of
from producers.pace import timetable
from producers.simulator import simulate
from tests.chaos.ground import Ground
from tests.processors.log import read

GAMES, SPEED = 6, 300.0
RUNS_S = (1.5, 6.0)
ENDS_S = 240.0
INPUTS = ("odds.snapshots", "games.events", TICKS)
KILLED = "kill -9 of the producer"

Log = dict[tuple[str, int], list[tuple[bytes | None, bytes | None]]]


def producer_kills(ground: Ground, count: int) -> None:
    """Kill it so often, each time start it again with the same command, and let it come to its end.

    The same seed and start make the same records. So what the partitions hold in the end must be those, each
    once and in order: none is lost that was acknowledged, or that was not, and none has a second effect.
    """
    for _ in range(count):
        producer = started(ground)
        ground.rest(ground.random.uniform(*RUNS_S))
        if producer.process is None or producer.process.poll() is not None:
            ground.fault(f"the producer ended by itself: {producer.last_words(1)}")
            return
        producer.process.kill()
        producer.process.wait()
        ground.count(KILLED)
    last = started(ground)
    ground.until(
        "the evening is over", lambda: last.process is None or last.process.poll() is not None, ENDS_S
    )
    if last.process is None or last.process.returncode != 0:
        ground.fault(f"the producer did not come to its end: {last.last_words(1)}")
    is_the_whole_evening(ground)
    ground.drain()
    ground.judge()


def started(ground: Ground) -> Service:
    command = ["-m", "producers", "simulator", "--seed", "1", "--events", str(GAMES), "--speed", f"{SPEED:g}"]
    return ground.fleet.beside("producer", command)


def is_the_whole_evening(ground: Ground) -> None:
    found: Log = defaultdict(list)
    for topic, messages in read(ground.bootstrap, INPUTS).items():
        for message in messages:
            found[topic, message.partition].append((message.key, message.value))
    first = min(
        codec.decode(TICKS, *messages[0]).received_at_ms
        for (topic, _), messages in found.items()
        if topic == TICKS
    )
    made = evening(first, ground.settings.partitions)
    for place in made.keys() | found.keys():
        # A tick that reached only some partitions before a kill is sent to all of them again.
        once = [value for value, _ in groupby(found[place])] if place[0] == TICKS else found[place]
        if once != made[place]:
            ground.fault(f"{place} holds {len(once)} records, not the {len(made[place])} of its evening")
    ground.say(f"{sum(map(len, made.values()))} records on {len(made)} partitions, each there once, in order")


def evening(starts_at_ms: int, partitions: int) -> Log:
    """What each partition has to hold."""
    made: Log = defaultdict(list)
    for topic, partition, message in _sent(starts_at_ms, partitions):
        made[topic, partition].append(message)
    return made


def _sent(starts_at_ms: int, partitions: int) -> Iterator[tuple[str, int, tuple[bytes, bytes]]]:
    for due in timetable(simulate(1, GAMES, starts_at_ms), SPEED):
        topic = topic_of(type(due.record)).name
        message = codec.encode(topic, due.record)
        if isinstance(due.record, ClockTick):
            yield from ((topic, partition, message) for partition in range(partitions))
        else:
            yield topic, partition_of(message[0].decode(), partitions), message

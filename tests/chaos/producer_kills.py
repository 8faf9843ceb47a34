"""The producer killed in the middle of an evening and started again."""

from collections import defaultdict

from pipeline import codec
from pipeline.records import ClockTick
from pipeline.topics import TICKS, partition_of, topic_of
from producers.pace import timetable
from producers.simulator import simulate
from tests.chaos.ground import SPEED, Ground
from tests.make import T0
from tests.processors.log import read

GAMES = 60
RUNS_S = (6.0, 15.0)
INPUTS = ("odds.snapshots", "games.events", TICKS)
KILLED = "kill -9 of the producer"

Log = dict[tuple[str, int], list[tuple[bytes | None, bytes | None]]]


def producer_kills(ground: Ground, count: int) -> None:
    """Kill it, see that what it left is the beginning of its evening, and start it again.

    It sends in order, is idempotent, and the same seed and start make the same records: so what a partition
    holds must be the first records of that partition, each once. What it was told to be safe is among them.
    """
    command = ["-m", "producers", "simulator", "--seed", "1", "--events", str(GAMES)]
    for _ in range(count):
        producer = ground.fleet.beside("producer", [*command, "--speed", f"{SPEED:g}"])
        ground.rest(ground.random.uniform(*RUNS_S))
        assert producer.process is not None
        if producer.process.poll() is not None:
            ground.fault(f"a producer that was started again ends: {producer.last_words(1)}")
            break
        producer.process.kill()
        producer.process.wait()
        ground.count(KILLED)
        _is_a_beginning(ground)
    ground.drain()
    ground.judge()


def _is_a_beginning(ground: Ground) -> None:
    found: Log = defaultdict(list)
    for topic, messages in read(ground.bootstrap, INPUTS).items():
        for message in messages:
            found[topic, message.partition].append((message.key, message.value))
    ticks = [codec.decode(TICKS, *messages[0]) for (topic, _), messages in found.items() if topic == TICKS]
    starts_at_ms = min(tick.received_at_ms for tick in ticks) - first_tick_ms(T0) + T0
    made = evening(starts_at_ms, found, ground.settings.partitions)
    for place, there in found.items():
        if there != made[place][: len(there)]:
            ground.fault(f"{place} does not hold the first {len(there)} records of its evening")
    count = sum(map(len, found.values()))
    ground.say(f"{count} records on {len(found)} partitions, compared with the beginning of the evening")


def first_tick_ms(starts_at_ms: int) -> int:
    """When the first tick of an evening is; it always comes as long after the start."""
    tick = next(timetable(simulate(1, GAMES, starts_at_ms), SPEED)).record
    assert isinstance(tick, ClockTick)
    return tick.received_at_ms


def evening(starts_at_ms: int, like: Log, partitions: int) -> Log:
    """The records of an evening by partition, at least as many as another log has of each."""
    made: Log = defaultdict(list)
    short = {place for place, messages in like.items() if messages}
    for due in timetable(simulate(1, GAMES, starts_at_ms), SPEED):
        topic = topic_of(type(due.record)).name
        key, value = codec.encode(topic, due.record)
        is_tick = isinstance(due.record, ClockTick)
        on = range(partitions) if is_tick else [partition_of(key.decode(), partitions)]
        for partition in on:
            made[topic, partition].append((key, value))
            if len(made[topic, partition]) == len(like[topic, partition]):
                short.discard((topic, partition))
        if not short:
            break
    return made

"""A topic that is deleted and made again under a stage: its offsets now mean other records."""

import time
from typing import Any

import msgspec
from confluent_kafka.admin import AdminClient

from pipeline import cluster
from pipeline.cluster import changelog
from pipeline.errors import TopicsUnfit
from pipeline.stages.fold import Row
from tests.chaos.ground import Ground
from tests.chaos.judging import stage_named
from tests.processors.log import Load, now_ms, read

UNFIT = 74
#: In which a worker must have noticed, whatever it is doing.
NOTICES_S = 60.0
#: What was read of the old topic may be written so much later.
IN_FLIGHT_MS = 1_000
TOPIC = "odds.snapshots"
STOPPED, REFILLED, RUNNING = (
    "deleted and made again while stopped",
    "the same, and filled beyond what had been read",
    "deleted and made again while running",
)


def made_anew_while_stopped(ground: Ground, *, refilled: bool) -> None:
    """The worker must refuse to start, in one sentence."""
    (stage,) = ground.stages
    ground.rest(5.0)
    ground.drain()
    make_anew(ground)
    if refilled:
        load = Load(ground.bootstrap, seed=2)
        load.records(4_000)
        load.flush()
    struck_ms = now_ms()
    ground.count(REFILLED if refilled else STOPPED)
    ground.fleet.add(stage, "w0")
    _refuses(ground, stage, struck_ms)


def made_anew_while_running(ground: Ground) -> None:
    """The worker must end, and must not take what lies in the new topic for what follows in the old one."""
    (stage,) = ground.stages
    ground.rest(5.0)
    gone_ms = make_anew(ground)
    ground.count(RUNNING)
    _refuses(ground, stage, gone_ms)


def make_anew(ground: Ground) -> int:
    """Delete the topic and make it again while producers go on; when the old one was gone, Unix ms."""
    admin = AdminClient({"bootstrap.servers": ground.bootstrap, "log_level": 0})
    admin.delete_topics([TOPIC])[TOPIC].result()
    stages = [stage_named(stage) for stage in ground.stages]
    ground.until("the topic is gone", lambda: TOPIC not in admin.list_topics(timeout=5).topics)
    gone_ms = now_ms()

    def is_made() -> bool:
        try:
            cluster.create_topics(ground.bootstrap, ground.settings, stages)
        except TopicsUnfit:  # the deletion is still under way, or running workers keep their offsets
            return TOPIC in admin.list_topics(timeout=5).topics
        return True

    ground.until("the topic is made again", is_made)
    return gone_ms


def _refuses(ground: Ground, stage: str, struck_ms: int) -> None:
    until_s = time.monotonic() + NOTICES_S
    while not (gone := ground.fleet.exits[stage, UNFIT] > 0) and time.monotonic() < until_s:
        ground.rest(0.1)
    if not gone:
        ground.fault(f"after {NOTICES_S:.0f} s a worker still runs on a topic that was made anew")
    elif not (said := [line for line in ground.fleet.said() if "deleted" in line or "made anew" in line]):
        ground.fault(f"a worker ended with {UNFIT} and did not say that {TOPIC} was made again")
    else:
        ground.say(said[-1])
    if folded := folded_on(ground, stage, struck_ms):
        ground.fault(f"{folded} rows took records of the new {TOPIC} for those that follow in the old one")


def folded_on(ground: Ground, stage: str, since_ms: int) -> int:
    """How many rows moved on in a topic after it was made anew."""
    decoder: msgspec.msgpack.Decoder[Row[Any]] = msgspec.msgpack.Decoder(Row[Any])
    applied: dict[bytes | None, int] = {}
    moved = 0
    journal = changelog(stage)
    for message in read(ground.bootstrap, [journal])[journal]:
        assert message.value is not None
        offset = decoder.decode(message.value).applied[TOPIC]
        before = applied.get(message.key, -1)
        applied[message.key] = offset
        moved += message.timestamp_ms > since_ms + IN_FLIGHT_MS and offset > before
    return moved

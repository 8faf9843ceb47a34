"""Brokers killed: the only one, started again on its data; of three those that lead."""

import os
import signal

from pipeline import cluster
from pipeline.local.broker import Broker
from tests.chaos.brokers import Brokers, Node
from tests.chaos.ground import Ground
from tests.chaos.judging import stage_named

#: For how long a broker is away.
AWAY_S = (0.0, 3.0)
AWAY_OF_THREE_S = (0.5, 8.0)
GAP_S = (1.0, 4.0)

ONLY = "kill -9 of the only broker"
LEADS_SOURCE, COORDINATES, LEADS_CHANGELOG = (
    "kill -9 of a source partition's leader",
    "kill -9 of the group's coordinator",
    "kill -9 of a changelog partition's leader",
)


def kills_of_the_only_one(ground: Ground, broker: Broker, count: int) -> None:
    """Kill it, let it be away for a moment, start it again on its data."""
    for _ in range(count):
        ground.rest(ground.random.uniform(*GAP_S))
        assert broker.pid is not None
        pid = broker.pid
        struck = ground.strike(ONLY, "", lambda: os.kill(pid, signal.SIGKILL), ground.stages)  # noqa: B023
        ground.until("the broker is dead", lambda: not broker.is_running())
        struck.blow.held_s = ground.random.uniform(*AWAY_S)
        ground.rest(struck.blow.held_s)
        broker.restart()
        struck.await_going_on()


def kills_of_leaders(ground: Ground, brokers: Brokers, count: int) -> None:
    """Kill in turn the leader of a source partition, the coordinator, and the leader of a changelog's."""
    for number in range(count):
        ground.rest(ground.random.uniform(*GAP_S))
        kind = (LEADS_SOURCE, COORDINATES, LEADS_CHANGELOG)[number % 3]
        node = _leading(ground, brokers, kind)
        struck = ground.strike(kind, node.address, node.kill, ground.stages)
        ground.rest(ground.random.uniform(*AWAY_OF_THREE_S))
        node.start()
        struck.await_going_on()
        ground.until("all copies are in step", brokers.are_whole)


def _leading(ground: Ground, brokers: Brokers, kind: str) -> Node:
    stage = stage_named(ground.random.choice(ground.stages))
    partition = ground.random.randrange(ground.settings.partitions)
    if kind == COORDINATES:
        return brokers.coordinator(cluster.group(stage.name))
    if kind == LEADS_CHANGELOG:
        return brokers.leader(cluster.changelog(stage.name), partition)
    return brokers.leader(ground.random.choice(stage.sources), partition)

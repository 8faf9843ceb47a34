"""Whether what a stage left on Kafka is what its fold makes of its inputs: the one place that asks."""

from dataclasses import dataclass
from typing import Any

from pipeline.settings import Rules
from pipeline.stages import STAGES
from pipeline.stages.fold import Stage
from tests.processors.chain import chain
from tests.processors.log import read
from tests.processors.oracle import judge, topics

CHAIN = chain()


@dataclass(frozen=True)
class Judgement:
    """Of one stage, once it had nothing left to read; ``differences`` is empty where all is well."""

    inputs: int
    lost: int
    orphans: int
    differences: tuple[str, ...]


def stage_named(name: str) -> Stage[Any]:
    """One of the real stages, or the chain."""
    return CHAIN if name == CHAIN.name else STAGES[name]


def judged(bootstrap: str, stage: str, partitions: int) -> Judgement:
    """Fold again all that a stage read, and compare."""
    asked = stage_named(stage)
    found = judge(asked, Rules(), read(bootstrap, topics(asked)), partitions)
    return Judgement(found.inputs, len(found.unread), found.orphans, tuple(found.differences))

"""Whether what a stage left on Kafka is what its fold makes of its inputs: the one place that asks."""

from typing import Any

from pipeline.replay.verify import Verdict, verify
from pipeline.settings import Rules
from pipeline.stages import STAGES
from pipeline.stages.fold import Stage
from tests.processors.chain import chain

CHAIN = chain()


def stage_named(name: str) -> Stage[Any]:
    """One of the real stages, or the chain."""
    return CHAIN if name == CHAIN.name else STAGES[name]


def judged(bootstrap: str, stage: str) -> Verdict:
    """The verdict on a stage that has nothing left to read."""
    return verify(bootstrap, stage_named(stage), Rules())

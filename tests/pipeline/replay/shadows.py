"""Inputs and candidates for shadows: a short season of invented NFL games, and wrong models."""

import json
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from pipeline.models.boosted import MANIFEST, SHIPPED
from pipeline.records import GameEvent, ShadowDifference
from pipeline.replay.archive import Message
from pipeline.replay.shadow import Setup, Shadow
from pipeline.settings import Rules
from pipeline.topics import partition_of, topic_of
from tests.pipeline.training.football import season

PARTITIONS = 4
#: One record in so many of those that are neither a score nor an end.
THINNED = 10


def short_season(games: int) -> list[Any]:
    """Whole games, of which only now and then a play is told."""
    return [
        record
        for record in season(games)
        if not isinstance(record, GameEvent)
        or record.kind in ("scheduled", "score", "final")
        or record.sequence % THINNED == 0
    ]


def messages(records: Iterable[Any]) -> list[Message]:
    """Records with their places, as an archive has them."""
    ends: dict[tuple[str, int], int] = {}
    found = []
    for record in records:
        topic, partition = topic_of(type(record)).name, partition_of(record.event_id, PARTITIONS)
        offset = ends.get((topic, partition), 0)
        ends[topic, partition] = offset + 1
        found.append(Message(topic, record.event_id, partition, offset, record.received_at_ms, record))
    return found


def same_models(folder: Path) -> Path:
    """The shipped models in a folder of their own."""
    shutil.copytree(SHIPPED, folder)
    return folder


def football_alone(folder: Path) -> Path:
    """A folder with the shipped model of American football and no other."""
    shutil.copytree(SHIPPED / "american-football", folder / "american-football")
    return folder


def wrong_models(folder: Path, slope: float = -1.0) -> Path:
    """Models of which that of American football takes the sides for each other."""
    path = same_models(folder) / "american-football" / MANIFEST
    path.write_text(json.dumps(json.loads(path.read_text()) | {"slope": slope}))
    return folder


def shadowed(
    records: Iterable[Any], models: Path | None = None, rules: Rules | None = None
) -> tuple[Shadow, list[ShadowDifference]]:
    """What is in use and a candidate over some records, and what differs."""
    both = Shadow(Setup(Rules()), Setup(rules or Rules(), models), PARTITIONS)
    return both, [difference for message in messages(records) for difference in both.take(message)]

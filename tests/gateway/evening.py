"""Answers as the folds make them of simulated games: real ones, for whoever asks a gateway about them."""

from collections.abc import Iterator
from itertools import count, takewhile

from pipeline.records import GameEvent, OddsSnapshot
from pipeline.replay import archive
from pipeline.replay.run import Replay
from pipeline.settings import Rules
from pipeline.stages.fold import Answer
from pipeline.topics import partition_of, topic_of
from producers.simulator import simulate
from tests.make import T0

PARTITIONS = 4


def standing(games: int, minutes: float) -> dict[tuple[str, str], archive.Message]:
    """The last answer of each topic and key after so many minutes of an evening."""
    found: dict[tuple[str, str], archive.Message] = {}
    for message in answers(games, minutes):
        found[message.topic, message.key] = message
    return {place: message for place, message in found.items() if message.record is not None}


def answers(games: int, minutes: float) -> Iterator[archive.Message]:
    """Every answer of so many minutes of an evening, in order."""
    offsets, made = count(), list[archive.Message]()

    def publish(answer: Answer) -> archive.Message:
        partition = partition_of(answer.key, PARTITIONS)
        message = archive.Message(
            answer.topic, answer.key, partition, next(offsets), replay.tally.now_ms, answer.record
        )
        made.append(message)
        return message

    def is_early(record: GameEvent | OddsSnapshot) -> bool:
        return record.received_at_ms < T0 + minutes * 60_000

    replay = Replay(Rules(), PARTITIONS, publish)
    for offset, record in enumerate(takewhile(is_early, simulate(1, games, T0))):
        topic, partition = topic_of(type(record)).name, partition_of(record.event_id, PARTITIONS)
        replay.take(archive.Message(topic, record.event_id, partition, offset, record.received_at_ms, record))
        yield from made
        made.clear()

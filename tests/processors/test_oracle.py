"""The oracle itself: it agrees with what a fold made, and with nothing else."""

from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from pipeline import cluster, codec
from pipeline.records import ClockTick
from pipeline.settings import Rules
from pipeline.stages.fold import Input, first_row, fold, merged
from pipeline.topics import TICKS, partition_of
from tests.make import T0
from tests.processors.chain import DUE_AFTER_MS, chain
from tests.processors.log import EVENTS, Message, game_event, snapshot
from tests.processors.oracle import Verdict, judge, topics

STAGE, EVENT, PARTITIONS = chain(), EVENTS[0], 4
JOURNAL, ANSWERS = cluster.changelog(STAGE.name), "odds.fair"
HOME = partition_of(EVENT, PARTITIONS)
Log = dict[str, list[Message]]


def message(offset: int, value: bytes | None, partition: int = HOME) -> Message:
    return Message(partition, offset, EVENT.encode(), value, T0, {})


def put(log: Log, topic: str, record: Any) -> Input:
    offset = len(log[topic])
    key, value = codec.encode(topic, record)
    log[topic].append(Message(HOME, offset, key, value, T0, {}))
    return Input(topic, HOME, offset, record)


@pytest.fixture
def log() -> Log:
    """Two batches: one of records that came in another order than they were received, one with a tick."""
    log: Log = {topic: [] for topic in topics(STAGE)}
    batches = [
        [
            put(log, "odds.snapshots", snapshot(EVENT, T0 + 30)),
            put(log, "games.events", game_event(EVENT, T0 + 20)),
        ],
        [
            put(log, "odds.snapshots", snapshot(EVENT, T0 + 40)),
            put(log, TICKS, ClockTick(received_at_ms=T0 + 40 + DUE_AFTER_MS)),
        ],
    ]
    row = first_row(STAGE, EVENT, {})
    for batch in batches:
        for source in merged(STAGE, batch):
            row, answers = fold(STAGE, Rules(), row, source)
            for answer in answers:
                put(log, answer.topic, answer.record)
        log[JOURNAL].append(message(len(log[JOURNAL]), msgspec.msgpack.encode(row)))
    return log


def judged(log: Log) -> Verdict:
    return judge(STAGE, Rules(), log, PARTITIONS)


def test_what_the_fold_made_is_agreed_with(log: Log) -> None:
    assert judged(log) == Verdict(inputs=3, answers=4, rows=2, ticked=1)


def test_an_answer_that_was_done_again_is_an_orphan_and_no_difference(log: Log) -> None:
    done = log[ANSWERS][1]
    said = codec.decode(ANSWERS, done.key, done.value)
    _, lost = codec.encode(ANSWERS, msgspec.structs.replace(said, method="of a batch that was lost"))
    log[ANSWERS].insert(1, done._replace(value=lost))

    assert judged(log) == Verdict(inputs=3, answers=5, rows=2, ticked=1, orphans=1)


def changed_row(log: Log) -> None:
    row = msgspec.msgpack.decode(log[JOURNAL][1].value)
    row[-1][1] += 1
    log[JOURNAL][1] = message(1, msgspec.msgpack.encode(row))


def reordered_row(log: Log) -> None:
    row = msgspec.msgpack.decode(log[JOURNAL][1].value)
    applied = row[6]
    row[6] = {topic: applied[topic] for topic in reversed(applied)}
    log[JOURNAL][1] = message(1, msgspec.msgpack.encode(row))


def swapped_answers(log: Log) -> None:
    log[ANSWERS][-2:] = log[ANSWERS][:-3:-1]


@pytest.mark.parametrize(
    "spoil",
    [
        pytest.param(changed_row, id="a row says something else"),
        pytest.param(reordered_row, id="a row says the same in other bytes"),
        pytest.param(swapped_answers, id="the last answer is an older one"),
        pytest.param(lambda log: log[ANSWERS].pop(1), id="an answer is missing"),
        pytest.param(lambda log: log[ANSWERS].append(message(4, None)), id="a tombstone too many"),
        pytest.param(
            lambda log: log[JOURNAL].append(log[JOURNAL][0]._replace(offset=2)), id="a row went back"
        ),
        pytest.param(
            lambda log: log["games.events"].clear(), id="an input was applied that is not on its topic"
        ),
    ],
)
def test_a_difference_is_found(log: Log, spoil: Callable[[Log], Any]) -> None:
    spoil(log)

    assert judged(log).differences != []


@pytest.mark.parametrize(
    "value",
    [
        pytest.param(codec.encode("odds.snapshots", snapshot(EVENT, T0 + 50))[1], id="sound"),
        pytest.param(b"rubbish", id="unreadable and not buried"),
        pytest.param(None, id="empty and not buried"),
    ],
)
def test_what_was_neither_applied_nor_buried_is_unread(log: Log, value: bytes | None) -> None:
    log["odds.snapshots"].append(message(2, value))

    assert judged(log).unread == [("odds.snapshots", HOME, 2)]

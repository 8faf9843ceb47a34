"""Answers that were done again, that are on their way, that were compacted away."""

import msgspec
import pytest

from pipeline import codec
from pipeline.records import ClockTick
from pipeline.settings import Rules
from pipeline.topics import TICKS
from tests.make import T0
from tests.pipeline.replay.verify.log import ANSWERS, Log, whys
from tests.processors.chain import OVER
from tests.processors.log import EVENTS, game_event, snapshot

EVENT = EVENTS[0]
KEY = EVENT.encode()


def lost_batch(log: Log, *revisions: int) -> None:
    """Answers of a batch whose rows were never written."""
    said = codec.decode(ANSWERS, KEY, log.value(ANSWERS, 0))
    for revision in revisions:
        orphan = msgspec.structs.replace(said, revision=revision, method="of a batch that was lost")
        log.append(ANSWERS, *codec.encode(ANSWERS, orphan))


def odds(log: Log, count: int) -> None:
    """So many batches of one snapshot."""
    for _ in range(count):
        at_ms = T0 + len(log.topics["odds.snapshots"])
        log.work(log.put(snapshot(EVENT, at_ms), "odds.snapshots"))


@pytest.fixture
def log() -> Log:
    """Three batches of one answer each."""
    log = Log(EVENT)
    odds(log, 3)
    return log


def test_answers_that_were_done_again_are_orphans_and_no_difference(log: Log) -> None:
    lost_batch(log, 4, 5)
    odds(log, 2)

    found = log.judged()

    assert found.holds
    assert (found.orphans, found.answers, found.answers_equal) == (2, 5, 5)


def test_an_orphan_of_a_batch_that_never_came_again_stands_last(log: Log) -> None:
    lost_batch(log, 4)

    assert whys(log.judged()) == ["it is of a batch that was lost, and stands last"]


def test_what_is_published_and_has_no_row_yet_is_in_flight_while_there_is_lag(log: Log) -> None:
    log.put(snapshot(EVENT, T0 + 9), "odds.snapshots")
    lost_batch(log, 4)

    found = log.judged()

    assert found.holds
    assert (found.waiting, found.in_flight, found.orphans) == (1, 1, 0)


def test_a_late_answer_of_a_revision_that_has_its_row_is_a_difference(log: Log) -> None:
    log.put(snapshot(EVENT, T0 + 9), "odds.snapshots")
    lost_batch(log, 3)

    assert whys(log.judged()) == ["it says something else than its fold"]


def test_an_answer_that_no_fold_makes_is_a_difference_where_it_stands(log: Log) -> None:
    other = codec.encode(ANSWERS, codec.decode(ANSWERS, KEY, log.value(ANSWERS, 0)))[1]
    log.append(ANSWERS, EVENTS[1].encode(), other)

    assert not log.judged().holds


def test_a_missing_answer_is_explained_only_by_a_later_one_behind_a_hole(log: Log) -> None:
    log.drop(ANSWERS, 1)
    found = log.judged()
    assert found.holds
    assert found.unchecked == {"answers compacted away": 1}
    assert (found.answers, found.answers_equal) == (3, 2)

    log.topics[ANSWERS] = [m._replace(offset=place) for place, m in enumerate(log.topics[ANSWERS])]
    assert whys(log.judged()) == ["it is missing"]


def test_the_last_answer_is_never_compacted_away(log: Log) -> None:
    log.drop(ANSWERS, 2)

    assert whys(log.judged(ends={ANSWERS: 3})) == ["it is missing"]


def ended(log: Log) -> None:
    log.work(log.put(game_event(EVENT, T0 + 10, text=OVER), "games.events"))
    log.work(log.put(ClockTick(received_at_ms=T0 + 10 + Rules().rollback_ms), TICKS))


def test_an_event_that_is_over_has_its_answers_ended(log: Log) -> None:
    ended(log)
    assert log.topics[ANSWERS][-1].value is None
    assert log.judged().holds

    log.topics[ANSWERS].pop()
    assert whys(log.judged()) == ["the fold has ended it"]


def test_of_an_event_that_is_over_nothing_may_be_left(log: Log) -> None:
    ended(log)
    kept = len(log.topics[ANSWERS])
    log.topics[ANSWERS] = []

    found = log.judged(ends={ANSWERS: kept})

    assert found.holds
    assert found.unchecked == {"answers compacted away": 4}
    assert not log.judged(ends={ANSWERS: 0}).holds

"""One of two sources falls silent: what stands on it ends and comes back only when whole, the rest stays."""

import threading
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest

from pipeline import cluster
from pipeline.ids import parse
from pipeline.records import (
    Arbitrages,
    ChangeKind,
    Line,
    OddsSnapshot,
    SnapshotKind,
    SourceControl,
    SourceHealth,
)
from pipeline.replay.archive import Message
from pipeline.replay.run import Replay
from pipeline.replay.verify import verify
from pipeline.settings import Rules, Settings
from pipeline.stages import STAGES
from pipeline.stages.fold import Answer
from pipeline.topics import partition_of
from producers.live.call import Answer as Answered
from producers.live.call import Call
from producers.live.clock import Watch, heard, ticked, told
from producers.live.health import Pulse
from producers.live.ticker import Ticker
from producers.publish import KafkaLog
from tests.make import EVENT, T0, at, quote
from tests.processors.workers import await_no_lag, ended, stage_worker
from tests.producers.test_publish import logged

#: Its legs are shown by both sources, those of the other one by one source alone.
OTHER = str(parse(EVENT)._replace(home="buf", away="mia"))
STEADY, SILENT = "the-odds-api", "simulator"
MARGIN = [quote(book, 1.95, 1.87) for book in ("a", "b", "c", "d")]
HIGH = quote("e", 2.2, 1.4)
SHOWN: dict[str, list[tuple[str, list[Line]]]] = {
    STEADY: [(EVENT, MARGIN), (OTHER, [*MARGIN, HIGH])],
    SILENT: [(EVENT, [HIGH])],
}

Seen = list[tuple[float, str, str, str]]  # seconds, event, change, reason


def poll(source: str, at_ms: int, kind: SnapshotKind = SnapshotKind.FULL) -> list[OddsSnapshot]:
    """What a source shows at a moment."""
    full = kind is SnapshotKind.FULL
    return [
        OddsSnapshot(
            event_id=event_id,
            source=source,
            kind=kind,
            received_at_ms=at_ms,
            lines=tuple(lines) if full else (),
        )
        for event_id, lines in SHOWN[source]
    ]


def changes(answers: Iterable[Any], since_ms: int) -> Seen:
    """What happened to arbitrages."""
    return [
        ((one.received_at_ms - since_ms) / 1000, one.event_id, change.change.value, change.reason)
        for one in answers
        if isinstance(one, Arbitrages)
        for change in one.changes
        if change.change is not ChangeKind.CHANGED
    ]


class Folded:
    """The folds, the clock and the health of two sources, in seconds that a test counts."""

    def __init__(self) -> None:
        self.answers: list[Answer] = []
        self.watch = Watch()
        self.machine = Replay(Rules(), 4, self._publish)
        self.pulse = Pulse(self._heard)
        self._count = 0

    def polled(self, source: str, seconds: float, kind: SnapshotKind = SnapshotKind.FULL) -> None:
        for snapshot in poll(source, at(seconds), kind):
            self._count += 1
            partition = partition_of(snapshot.event_id, 4)
            message = Message(
                "odds.snapshots", snapshot.event_id, partition, self._count, at(seconds), snapshot
            )
            self.machine.take(message)
        call = Call(source, "odds nfl", "https://localhost", every_s=10.0)
        self.pulse.polled(Answered(call, 200, {}, b"", at(seconds), at(seconds)), 1)

    def switch(self, seconds: float, *, off: bool) -> None:
        control = SourceControl(source=SILENT, received_at_ms=at(seconds), off=off, reason="")
        self.watch = told(self.watch, control)

    def tick(self, seconds: float) -> None:
        self.watch, tick = ticked(self.watch, at(seconds))
        self.machine.hear(tick)

    @property
    def changes(self) -> Seen:
        return changes([answer.record for answer in self.answers], T0)

    def _publish(self, answer: Answer) -> Message:
        self.answers.append(answer)
        return Message(answer.topic, answer.key, 0, len(self.answers), 0, answer.record)

    def _heard(self, health: SourceHealth) -> None:
        self.watch = heard(self.watch, health)


def evening(silent: Callable[[int], bool], then: Callable[[Folded, int], None]) -> Folded:
    """Two minutes in which both sources are polled every ten seconds, one of them not while it is silent."""
    folded = Folded()
    for second in range(120):
        if second % 10 == 0:
            folded.polled(STEADY, second)
            if not silent(second):
                folded.polled(SILENT, second)
        then(folded, second)
        folded.tick(second)
    return folded


def nothing(folded: Folded, second: int) -> None:
    """No more happens."""


def test_a_source_that_is_silent_for_20_s_withdraws_what_stands_on_it_and_nothing_else() -> None:
    folded = evening(lambda second: 40 < second <= 60, nothing)

    assert folded.changes == [
        (0, OTHER, "opened", ""),
        (0, EVENT, "opened", ""),
        (61, EVENT, "withdrawn", "source_down"),
        (70, EVENT, "opened", ""),
    ]


def test_only_a_whole_poll_opens_it_again() -> None:
    def seen_again(folded: Folded, second: int) -> None:
        if second in (70, 80):
            folded.polled(SILENT, second, SnapshotKind.UNCHANGED)

    folded = evening(lambda second: 40 < second < 90, seen_again)

    assert folded.changes[2:] == [
        (61, EVENT, "withdrawn", "source_down"),
        (90, EVENT, "opened", ""),
    ]


def test_a_source_that_is_switched_off_withdraws_the_same_and_comes_back_whole() -> None:
    def switched(folded: Folded, second: int) -> None:
        if second in (33, 57):
            folded.switch(second, off=second == 33)

    folded = evening(lambda second: 33 < second < 57, switched)

    assert folded.changes[2:] == [
        (33, EVENT, "withdrawn", "source_down"),
        (60, EVENT, "opened", ""),
    ]


def test_the_same_evening_has_the_same_answers() -> None:
    one, other = [evening(lambda second: 40 < second <= 60, nothing) for _ in range(2)]

    assert one.answers == other.answers


@pytest.mark.kafka
@pytest.mark.timeout(240)
def test_on_a_cluster_the_clock_ends_what_stands_on_a_silent_source_and_verify_finds_the_same(
    fresh_kafka: str, tmp_path: Path
) -> None:
    markets = STAGES["markets"]
    cluster.create_topics(fresh_kafka, Settings(partitions=4), STAGES.values())
    worker, log, stop = (
        stage_worker(fresh_kafka, tmp_path, "markets"),
        KafkaLog(fresh_kafka),
        threading.Event(),
    )
    clock = threading.Thread(target=Ticker(fresh_kafka).run, args=(stop.is_set,))

    def say(source: str, due_in_s: float) -> None:
        now_ms = time.time_ns() // 1_000_000
        for snapshot in poll(source, now_ms):
            log.send(snapshot)
        log.send(
            SourceHealth(
                source=source, received_at_ms=now_ms, ok=True, error="", last_success_at_ms=now_ms,
                quota_left=-1, due_by_ms=now_ms + int(due_in_s * 1000),
            )
        )  # fmt: skip
        log.close()

    def seen(wanted: int) -> Seen:
        give_up_s = time.monotonic() + 90
        while True:
            answers = logged(fresh_kafka, ["bets.arbitrage"]).values()
            found = changes([answer for each in answers for answer in each], 0)
            if len(found) >= wanted or time.monotonic() > give_up_s:
                return [(0.0, *one[1:]) for one in sorted(found)]
            time.sleep(0.3)

    with ended([worker]):
        worker.start()
        worker.await_said("ready stage=markets")
        clock.start()
        try:
            say(STEADY, 600.0)
            say(SILENT, 3.0)
            assert len(seen(3)) == 3
            say(STEADY, 600.0)
            say(SILENT, 600.0)
            found = seen(4)
        finally:
            stop.set()
            clock.join(60)
        await_no_lag(fresh_kafka, [markets])
        assert worker.stop() == 0

    assert sorted(found[:2]) == [(0.0, OTHER, "opened", ""), (0.0, EVENT, "opened", "")]
    assert found[2:] == [(0.0, EVENT, "withdrawn", "source_down"), (0.0, EVENT, "opened", "")]
    verdict = verify(fresh_kafka, markets, Rules())
    assert (verdict.differences, verdict.lost) == ([], [])

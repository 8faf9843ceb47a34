import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from confluent_kafka import Consumer, TopicPartition

from pipeline import cluster, codec
from pipeline.errors import AnotherClock, SharplineError, TimeRunsBackwards, TopicsUnfit
from pipeline.records import ClockTick, SourceControl, SourceHealth, SourceState
from pipeline.settings import Settings
from pipeline.topics import TICKS
from producers.live import ticker
from producers.live.ticker import Ticker
from producers.publish import KafkaLog
from tests.conftest import ROOT

pytestmark = pytest.mark.kafka

PARTITIONS = 2
PATIENCE_S = 60.0


def now_ms() -> int:
    return time.time_ns() // 1_000_000


def health(due_in_s: float, source: str = "espn", ok: bool = True) -> SourceHealth:
    return SourceHealth(
        source=source,
        received_at_ms=now_ms(),
        ok=ok,
        error="",
        last_success_at_ms=now_ms(),
        quota_left=-1,
        due_by_ms=now_ms() + int(due_in_s * 1000),
    )


def switch(off: bool, source: str = "espn") -> SourceControl:
    return SourceControl(source=source, received_at_ms=now_ms(), off=off, reason="")


@pytest.fixture
def log(fresh_kafka: str) -> KafkaLog:
    cluster.create_topics(fresh_kafka, Settings(partitions=PARTITIONS), ())
    return KafkaLog(fresh_kafka)


class Ticks:
    """Every tick of the log, by partition."""

    def __init__(self, bootstrap: str) -> None:
        self._consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": "tests"})
        self._consumer.assign([TopicPartition(TICKS, partition, 0) for partition in range(PARTITIONS)])
        self.by_partition: list[list[ClockTick]] = [[] for _ in range(PARTITIONS)]

    def until(self, found: Callable[[ClockTick], bool]) -> ClockTick:
        """The first tick from here on of which this is true."""
        give_up_s = time.monotonic() + PATIENCE_S
        while time.monotonic() < give_up_s:
            message = self._consumer.poll(0.2)
            if message is None:
                continue
            assert message.error() is None
            tick: ClockTick = codec.decode(TICKS, message.key(), message.value())
            self.by_partition[message.partition() or 0].append(tick)
            if found(tick):
                return tick
        raise AssertionError(f"not in {PATIENCE_S} s; the last ticks: {[p[-1:] for p in self.by_partition]}")

    def times(self, partition: int = 0) -> list[int]:
        return [tick.received_at_ms for tick in self.by_partition[partition]]


@contextmanager
def running(one: Ticker) -> Iterator[threading.Event]:
    stop = threading.Event()
    thread = threading.Thread(target=one.run, args=(stop.is_set,))
    thread.start()
    try:
        yield stop
    finally:
        stop.set()
        thread.join(PATIENCE_S)
        assert not thread.is_alive()


def state(tick: ClockTick, source: str = "espn") -> SourceState:
    return next((one for one in tick.sources if one.source == source), SourceState(source=source))


def test_it_ticks_each_second_to_every_partition_and_says_who_is_down_and_who_is_off(log: KafkaLog) -> None:
    log.send(health(600.0, "the-odds-api"))
    log.send(health(2.0))
    log.close()

    with running(Ticker(log.bootstrap)):
        ticks = Ticks(log.bootstrap)
        down = ticks.until(lambda tick: state(tick).down_since_ms > 0)
        assert [one.source for one in down.sources] == ["espn"]

        log.send(health(600.0))
        back = ticks.until(lambda tick: state(tick).outages == 1 and not state(tick).down_since_ms)
        assert state(back).full_from_ms == state(down).down_since_ms

        log.send(switch(off=True, source="the-odds-api"))
        ticks.until(lambda tick: state(tick, "the-odds-api").off)
        log.send(switch(off=False, source="the-odds-api"))
        ticks.until(lambda tick: not state(tick, "the-odds-api").off)
        ticks.until(lambda tick: len(ticks.times(0)) > 3 < len(ticks.times(1)))

    for partition in range(PARTITIONS):
        times = ticks.times(partition)
        assert times == sorted(set(times))
        assert all(at_ms % 1000 == 0 for at_ms in times)


def test_of_two_clocks_one_ticks_and_the_other_goes_on_when_it_ends(log: KafkaLog) -> None:
    log.send(health(1.0))
    log.close()
    first, second = Ticker(log.bootstrap), Ticker(log.bootstrap)

    with running(first) as stop_first:
        ticks = Ticks(log.bootstrap)
        down = ticks.until(lambda tick: state(tick).outages == 1)
        with running(second):
            ticks.until(lambda tick: tick.received_at_ms > down.received_at_ms + 3000)
            assert [first.leads, second.leads].count(True) <= 1
            stop_first.set()
            last_ms = now_ms()
            after = ticks.until(lambda tick: second.leads and tick.received_at_ms > last_ms + 2000)

    assert state(after) == state(down)
    times = ticks.times()
    assert times == sorted(set(times))


def test_when_a_clock_is_killed_another_goes_on(log: KafkaLog) -> None:
    code = f"from producers.live.ticker import Ticker; Ticker({log.bootstrap!r}).run(lambda: False)"
    killed = subprocess.Popen([sys.executable, "-c", code], cwd=ROOT)
    try:
        ticks = Ticks(log.bootstrap)
        ticks.until(lambda _: True)
        with running(Ticker(log.bootstrap)):
            ticks.until(lambda tick: len(ticks.times()) > 3)
            killed.kill()
            killed_ms = now_ms()
            ticks.until(lambda tick: tick.received_at_ms > killed_ms + 1000)
    finally:
        killed.kill()
        killed.wait(PATIENCE_S)

    times = ticks.times()
    assert times == sorted(set(times))


def test_a_clock_that_stood_still_asks_for_the_right_again(
    log: KafkaLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = Ticker(log.bootstrap)
    with running(one):
        ticks = Ticks(log.bootstrap)
        ticks.until(lambda _: one.leads)
        one.alive_at_s -= ticker.STOOD_STILL_S + 1.0
        stood_ms = now_ms()
        ticks.until(lambda tick: tick.received_at_ms > stood_ms + 2000)

    times = ticks.times()
    assert times == sorted(set(times))


def test_a_log_whose_time_is_ahead_is_refused(log: KafkaLog) -> None:
    log.send(ClockTick(received_at_ms=now_ms() // 1000 * 1000 + 3_600_000))
    log.close()

    with pytest.raises(TimeRunsBackwards, match=r"3,\d+ s beyond now"):
        Ticker(log.bootstrap).run(lambda: False)


def test_a_log_in_which_somebody_else_ticks_is_left_alone(
    log: KafkaLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ticker, "GIVE_UP_S", 4.0)
    stop, said = threading.Event(), []

    def simulate() -> None:
        begin_ms = now_ms() // 1000 * 1000 - 3_600_000
        for second in range(600):
            log.send(ClockTick(received_at_ms=begin_ms + second * 1000))
            if stop.wait(0.3):
                break

    def tick() -> None:
        try:
            Ticker(log.bootstrap).run(stop.is_set)
        except SharplineError as error:
            said.append(error)

    threads = [threading.Thread(target=target) for target in (simulate, tick)]
    for thread in threads:
        thread.start()
    threads[1].join(PATIENCE_S)
    stop.set()
    threads[0].join(PATIENCE_S)

    assert [type(error) for error in said] == [AnotherClock]
    ticks = Ticks(log.bootstrap)
    ticks.until(lambda tick: len(ticks.times()) > 5)
    assert max(ticks.times()) < now_ms() - 3_000_000


def test_a_cluster_without_topics_is_refused(fresh_kafka: str) -> None:
    with pytest.raises(TopicsUnfit, match="sharpline topics"):
        Ticker(fresh_kafka)

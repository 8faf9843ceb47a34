import time
from collections.abc import Callable, Iterator

import pytest

from pipeline.errors import BrokerUnavailable
from pipeline.records import Record, SourceEvent, SourcePayload
from producers.live.call import Why
from tests.producers import faults
from tests.producers.faults import Fault, Service, served
from tests.producers.live.made import Made, Memory, Running, offers


@pytest.fixture
def service() -> Iterator[Service]:
    with served(Service()) as up:
        yield up


def then(condition: Callable[[], bool], act: Callable[[], object]) -> Callable[[], bool]:
    """Wait for something, then do something."""

    def step() -> bool:
        if not condition():
            return False
        act()
        return True

    return step


def test_an_answer_is_kept_raw_and_told_before_the_next(service: Service) -> None:
    source = Made()
    service.bodies[source.path()] = offers(a=1.9, b=2.1)
    running = Running(service, source)

    running.until(lambda: running.health.answers() >= 3)

    payload, *rest = running.log.records
    assert isinstance(payload, SourcePayload)
    assert payload.request == service.url + source.path()
    assert [record.event_id for record in rest if isinstance(record, SourceEvent)] == ["a", "b"]
    told = running.log.odds()
    assert told[:4] == [("a", "full"), ("b", "full"), ("a", "unchanged"), ("b", "unchanged")]
    assert told.count(("a", "full")) == 1


def test_what_left_a_successful_poll_is_withdrawn_once(service: Service) -> None:
    source = Made()
    path = source.path()
    service.bodies[path] = offers(a=1.9, b=2.1)
    running = Running(service, source)

    running.until(
        then(lambda: running.health.answers() >= 1, lambda: service.bodies.update({path: offers(a=1.9)})),
        lambda: ("b", "gone") in running.log.odds(),
        lambda: service.count(path) >= 6,
    )

    assert running.log.odds().count(("b", "gone")) == 1
    assert ("a", "gone") not in running.log.odds()


@pytest.mark.parametrize(
    ("fault", "why"),
    [
        pytest.param(faults.status(422), Why.REFUSED, id="422"),
        pytest.param(faults.half, Why.UNREADABLE, id="half JSON"),
        pytest.param(faults.page, Why.UNREADABLE, id="HTML"),
        pytest.param(faults.body(b"null"), Why.UNREADABLE, id="a parser with a bug"),
    ],
)
def test_a_poll_that_failed_withdraws_nothing(service: Service, fault: Fault, why: Why) -> None:
    source = Made()
    path = source.path()
    service.bodies[path] = offers(a=1.9)
    running = Running(service, source)

    running.until(
        then(lambda: running.health.answers() >= 1, lambda: service.script[path].extend([fault] * 2)),
        lambda: len(running.health.failures()) >= 2,
        then(lambda: True, lambda: service.bodies.update({path: offers(a=1.8)})),
        lambda: running.log.odds().count(("a", "full")) >= 2,
    )

    assert {failure.why for failure in running.health.failures()} == {why}
    assert ("a", "gone") not in running.log.odds()


def test_one_that_fails_stops_no_other(service: Service) -> None:
    well, ill = Made(), Made("espn")
    service.bodies[well.path()] = offers(a=1.9)
    service.script[ill.path()].extend([faults.status(501)] * 1000)
    running = Running(service, well, ill)

    running.until(lambda: running.health.answers() >= 5 and len(running.health.failures("espn")) >= 1)

    assert running.health.failures() == []


def test_one_that_hangs_stops_no_other(service: Service) -> None:
    well, ill = Made(), Made("espn", leagues=[f"l{n}" for n in range(8)])
    service.bodies[well.path()] = offers(a=1.9)
    for league in ill.leagues:
        service.script[ill.path(league)].extend([faults.drip(10.0)] * 1000)
        service.bodies[ill.path(league)] = offers(b=1.9)
    running = Running(service, well, ill)

    running.until(lambda: running.health.answers() >= 10)

    assert running.health.answers("espn") == 0


def test_five_sports_take_the_time_of_the_slowest(service: Service) -> None:
    source = Made(leagues=("nfl", "nba", "mlb", "nhl", "epl"), every_s=3600.0)
    body = offers(a=1.9)
    for league in source.leagues:
        service.bodies[source.path(league)] = body
        service.script[source.path(league)].append(faults.drip(1.0 / len(body)))
    running = Running(service, source)

    began_s = time.monotonic()
    running.until(lambda: running.health.answers() == 5)

    assert 1.0 <= time.monotonic() - began_s < 4.0


def test_a_stopped_source_is_left_alone_and_told_in_full_when_it_starts(service: Service) -> None:
    source = Made()
    path = source.path()
    service.bodies[path] = offers(a=1.9)
    running = Running(service, source)
    asked: list[int] = []

    running.until(
        then(lambda: running.health.answers() >= 2, lambda: running.controls.say(source.NAME, off=True)),
        then(lambda: running.health.switches == [(source.NAME, True)], lambda: time.sleep(0.1)),
        then(lambda: True, lambda: asked.append(service.count(path))),
        then(lambda: True, lambda: time.sleep(0.3)),
        then(lambda: True, lambda: asked.append(service.count(path))),
        then(lambda: True, lambda: running.controls.say(source.NAME, off=False)),
        lambda: service.count(path) > asked[-1] + 1,
        lambda: running.log.odds().count(("a", "full")) == 2,
    )

    assert asked[1] - asked[0] <= 1  # one may have been on its way
    assert running.health.switches == [(source.NAME, True), (source.NAME, False)]


def test_the_second_source_takes_over_at_full_pace_and_steps_back(service: Service) -> None:
    first, second = Made("espn", every_s=0.2), Made("football-data-org", every_s=0.2)
    service.bodies[first.path()] = service.bodies[second.path()] = offers(a=1.9)
    running = Running(service, first, second)
    paces: list[tuple[int, int]] = []

    def note() -> None:
        paces.append((service.count(first.path()), service.count(second.path())))

    running.until(
        then(lambda: service.count(first.path()) >= 8, note),
        then(lambda: True, lambda: service.script[first.path()].extend([faults.status(501)] * 6)),
        lambda: not service.script[first.path()],
        then(lambda: service.count(first.path()) >= 12, note),
        then(lambda: service.count(first.path()) >= paces[-1][0] + 8, note),
    )

    (first_well, second_waits), (_, second_leads), _ = paces
    assert second_waits <= first_well / 2
    assert second_leads - second_waits >= 4


def test_an_answer_that_has_not_changed_says_that_all_of_it_still_holds(service: Service) -> None:
    source = Made()
    service.versions = True
    service.bodies[source.path()] = offers(a=1.9)
    running = Running(service, source)

    running.until(lambda: running.log.odds().count(("a", "unchanged")) >= 3)

    assert running.log.odds().count(("a", "full")) == 1
    assert sum(isinstance(record, SourcePayload) for record in running.log.records) == 1


def test_an_answer_that_cannot_be_read_is_asked_for_again_whole(service: Service) -> None:
    source = Made()
    path = source.path()
    service.versions = True
    service.bodies[path] = b'[{"event": 7}]'
    running = Running(service, source)

    running.until(lambda: len(running.health.failures()) >= 2)

    assert not [asked for asked in service.asked if "if-none-match" in asked.headers]


def test_a_log_that_takes_no_more_ends_it(service: Service) -> None:
    class Full(Memory):
        def send(self, record: Record) -> None:
            raise BrokerUnavailable("no more")

    source = Made()
    service.bodies[source.path()] = offers(a=1.9)

    with pytest.raises(BrokerUnavailable, match="no more"):
        Running(service, source, log=Full()).until(lambda: False)


def test_a_key_is_in_no_record(service: Service) -> None:
    source = Made()
    service.bodies[source.path()] = b'[{"event": "a", "price": 1.9, "note": "key=s3cret"}]'
    running = Running(service, source)

    running.until(lambda: running.health.answers() >= 1)

    assert service.asked[0].query == {"key": "s3cret"}
    assert "s3cret" not in repr(running.log.records) + repr(running.health.outcomes)


def test_after_an_outage_everything_is_told_in_full(service: Service) -> None:
    source = Made()
    service.bodies[source.path()] = offers(a=1.9)
    running = Running(service, source)

    running.until(
        then(lambda: running.health.answers() >= 3, lambda: setattr(running.health, "overdue", True)),
        then(
            lambda: running.log.odds().count(("a", "full")) >= 2,
            lambda: setattr(running.health, "overdue", False),
        ),
    )

    assert running.log.odds()[:3].count(("a", "full")) == 1

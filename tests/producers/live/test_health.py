from collections.abc import Mapping

import pytest

from pipeline.records import SourceHealth
from producers.live.call import Answer, Call, Failure, Why
from producers.live.health import Pulse, patience_ms
from tests.make import at

NFL = Call(source="espn", name="scoreboard nfl", url="http://espn/nfl", league="nfl", every_s=15.0)
NBA = Call(source="espn", name="scoreboard nba", url="http://espn/nba", league="nba", every_s=60.0)


def answer(
    seconds: float, call: Call = NFL, took_s: float = 0.2, headers: Mapping[str, str] | None = None
) -> Answer:
    return Answer(call, 200, headers or {}, b"{}", at(seconds - took_s), at(seconds))


def failure(seconds: float, call: Call = NFL, why: Why = Why.TIMEOUT) -> Failure:
    return Failure(call, why, "no answer in time", at(seconds))


def after(*outcomes: Answer | Failure) -> SourceHealth:
    """What was published last."""
    published: list[SourceHealth] = []
    pulse = Pulse(published.append)
    for outcome in outcomes:
        pulse.polled(outcome, 3)
    assert len(published) == len(outcomes)
    return published[-1]


def test_a_success_is_waited_for_as_long_as_is_usual_and_a_little_longer() -> None:
    found = after(answer(0))

    assert (found.state, found.ok, found.last_success_at_ms, found.failures) == ("up", True, at(0), 0)
    assert found.due_by_ms == at(15) + patience_ms(15_000) == at(25)


def test_a_source_that_is_asked_more_often_than_is_usual_is_not_down_for_a_hiccup() -> None:
    assert after(answer(0, NFL._replace(every_s=1.0))).due_by_ms == at(25)


def test_a_source_that_has_little_to_be_asked_for_is_waited_for_by_that() -> None:
    assert after(answer(0, NFL._replace(every_s=600.0))).due_by_ms == at(900)


def test_failures_are_counted_by_kind_and_do_not_put_off_when_it_is_down() -> None:
    found = after(answer(0), failure(15), failure(20, why=Why.SERVER), failure(24))

    assert (found.state, found.failures, found.polls) == ("slow", 3, 4)
    assert found.errors == {"server_error": 1, "timeout": 2}
    assert (found.last_success_at_ms, found.due_by_ms) == (at(0), at(25))
    assert found.error == "timeout: no answer in time"


def test_a_source_that_fails_for_longer_than_its_rhythm_allows_is_down_until_it_succeeds() -> None:
    down = after(answer(0), failure(15), failure(30), failure(45))
    assert (down.state, down.since_ms) == ("down", at(30))

    up = after(answer(0), failure(15), failure(30), answer(45))
    assert (up.state, up.since_ms, up.failures, up.due_by_ms) == ("up", at(45), 0, at(70))


def test_a_source_of_which_one_call_fails_is_slow_and_not_down() -> None:
    found = after(*[one for n in range(6) for one in (answer(15 * n), failure(15 * n + 1, NBA))], answer(90))

    assert (found.state, found.ok, found.failures) == ("slow", True, 0)


def test_a_source_whose_answers_take_long_is_slow() -> None:
    assert after(answer(0, took_s=8.0)).state == "slow"


@pytest.mark.parametrize(
    ("said", "left"),
    [("412", 412), ("", 7), ("-5", 7), ("4.5", 7), ("٣", 7), ("9" * 40, 7)],
)
def test_what_is_left_of_a_quota_is_what_the_source_last_said_in_digits(said: str, left: int) -> None:
    found = after(
        answer(0, headers={"x-requests-remaining": "7"}),
        answer(15, headers={"x-requests-remaining": said}),
        failure(30),
    )

    assert found.quota_left == left


def test_a_source_without_a_quota_says_so() -> None:
    assert after(answer(0)).quota_left == -1


@pytest.mark.parametrize(("seconds", "overdue"), [(15, False), (22, False), (24, True), (60, True)])
def test_a_success_that_comes_about_when_the_source_is_called_down_is_overdue(
    seconds: float, overdue: bool
) -> None:
    pulse = Pulse(lambda _: None)
    assert not pulse.is_overdue("espn", at(0))

    pulse.polled(answer(0), 1)

    assert pulse.is_overdue("espn", at(seconds)) == overdue


def test_off_by_hand_is_a_state_and_afterwards_the_source_has_its_usual_time() -> None:
    published: list[SourceHealth] = []
    pulse = Pulse(published.append)
    pulse.polled(answer(0), 1)

    pulse.switched("espn", True, at(10))
    pulse.switched("espn", False, at(3600))
    pulse.polled(answer(3601), 1)

    states = [(one.state, one.since_ms) for one in published]
    assert states == [("up", at(0)), ("off", at(10)), ("slow", at(3600)), ("up", at(3601))]
    assert published[2].due_by_ms == at(3625)
    assert published[-1].polls == 2

import pytest
from hypothesis import given
from hypothesis import strategies as st

from producers.live.call import Call
from producers.live.turns import HANGS_MS, SLOWEST_FACTOR, STANDBY_FACTOR, Turn, due_at_ms, key, standbys

NOW_MS = 1_757_868_600_000


def call(source: str, league: str = "nfl", kind: str = "scores", every_s: float = 12.0) -> Call:
    return Call(source, f"{kind} {league}", f"https://{source}/{league}", (), league, 0, every_s, (), kind)


def test_a_call_that_was_never_made_is_due_at_once() -> None:
    assert due_at_ms(call("espn"), Turn(), is_standby=False) == 0


@pytest.mark.parametrize(
    ("turn", "is_standby", "after_s"),
    [
        pytest.param(Turn(), False, 12.0, id="well"),
        pytest.param(Turn(jitter=1.1), False, 13.2, id="jitter"),
        pytest.param(Turn(), True, 12.0 * STANDBY_FACTOR, id="another source leads"),
        pytest.param(Turn(failures=1), False, 12.0, id="failed once"),
        pytest.param(Turn(failures=2), False, 24.0, id="failed twice"),
        pytest.param(Turn(failures=99), False, 12.0 * SLOWEST_FACTOR, id="fails for long"),
        pytest.param(Turn(not_before_ms=NOW_MS + 60_000), False, 60.0, id="asked to be left alone"),
        pytest.param(Turn(not_before_ms=NOW_MS + 5_000), False, 12.0, id="left alone for long enough"),
    ],
)
def test_when_a_call_is_due_again(turn: Turn, is_standby: bool, after_s: float) -> None:
    ended = turn._replace(ended_at_ms=NOW_MS)

    assert due_at_ms(call("espn"), ended, is_standby=is_standby) == NOW_MS + int(after_s * 1000)


def test_the_more_trusted_source_leads() -> None:
    first, second = call("espn"), call("football-data-org")

    assert standbys([second, first], {}, NOW_MS) == {key(second)}


def test_the_second_takes_over_when_the_first_fails_and_steps_back_when_it_is_well() -> None:
    first, second = call("espn"), call("football-data-org")
    failed = {key(first): Turn(ended_at_ms=NOW_MS, failures=1)}
    well = {key(first): Turn(ended_at_ms=NOW_MS)}

    assert standbys([first, second], failed, NOW_MS) == {key(first)}
    assert standbys([first, second], well, NOW_MS) == {key(second)}


def test_the_second_takes_over_when_the_first_hangs() -> None:
    first, second = call("espn"), call("football-data-org")
    turns = {key(first): Turn(started_at_ms=NOW_MS)}

    assert standbys([first, second], turns, NOW_MS + HANGS_MS) == {key(second)}
    assert standbys([first, second], turns, NOW_MS + HANGS_MS + 1) == {key(first)}


def test_where_all_fail_none_stands_back() -> None:
    calls = [call("espn"), call("football-data-org")]
    failed = {key(one): Turn(ended_at_ms=NOW_MS, failures=3) for one in calls}

    assert standbys(calls, failed, NOW_MS) == set()


@pytest.mark.parametrize(
    "other",
    [
        pytest.param(call("the-odds-api", kind="odds"), id="tells of prices"),
        pytest.param(call("the-odds-api", league="nba"), id="tells of another league"),
        pytest.param(call("the-odds-api", kind=""), id="tells what nobody else does"),
    ],
)
def test_who_tells_something_else_is_no_second(other: Call) -> None:
    assert standbys([call("espn"), other], {}, NOW_MS) == set()


def test_pace_price_and_games_make_no_other_call() -> None:
    assert key(call("espn")) == key(call("espn", every_s=3_600.0)._replace(cost=3, covers=("a",)))


@given(st.integers(0, 1_000), st.floats(0.9, 1.1), st.floats(0.1, 3_600.0), st.booleans())
def test_no_call_is_forgotten_and_none_is_due_before_its_pace(
    failures: int, jitter: float, every_s: float, is_standby: bool
) -> None:
    turn = Turn(ended_at_ms=NOW_MS, failures=failures, jitter=jitter)

    waits_s = (due_at_ms(call("espn", every_s=every_s), turn, is_standby=is_standby) - NOW_MS) / 1000

    assert 0.9 * every_s - 0.001 <= waits_s <= 1.1 * every_s * max(STANDBY_FACTOR, SLOWEST_FACTOR)

"""Calls are made where their credits find most, and the month is not overspent."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from producers.live.call import Call, Game
from producers.live.planner import AHEAD_MS, HOUR_MS, LASTS_MS, Rates, bar, covered, plan
from producers.live.turns import Key, key

NOW = 1_764_000_000_000
MONTH_ENDS = NOW + 15 * 24 * HOUR_MS
NFL, NBA = (
    Call("the-odds-api", f"odds {league}", f"https://127.0.0.1/{league}", league=league, cost=3, every_s=60.0)
    for league in ("nfl", "nba")
)
HOUR_AGO: dict[Key, int] = {key(NFL): NOW - HOUR_MS, key(NBA): NOW - HOUR_MS}


def game(starts_in_h: float, league: str = "nfl", number: int = 0, **known: float) -> Game:
    return Game(f"{league}:{number}", league, NOW + int(starts_in_h * HOUR_MS), **known)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("nfl", "nba"),
    [
        pytest.param([game(0.5)], [game(20, "nba")], id="the start is near"),
        pytest.param([game(-1)], [game(0.5, "nba")], id="in play"),
        pytest.param([game(5), game(5, number=1)], [game(5, "nba")], id="more games for the same credits"),
        pytest.param([game(5, lines=40)], [game(5, "nba", lines=10)], id="more lines"),
        pytest.param([game(5)], [], id="no game is known"),
    ],
)
def test_credits_go_first_where(nfl: list[Game], nba: list[Game]) -> None:
    calls = [NFL, NBA] if nba else [NFL]
    planned = plan(calls, [*nfl, *nba], HOUR_AGO, 5.0, NOW)

    assert planned[0].call.league == "nfl"
    assert plan(calls[::-1], [*nfl, *nba], HOUR_AGO, 5.0, NOW) == planned


def test_lines_that_move_come_first() -> None:
    games = [game(5, moves_per_hour=60), game(5, "nba", moves_per_hour=1)]
    planned = plan([NFL, NBA], games, HOUR_AGO, 5.0, NOW)

    assert [one.call.league for one in planned] == ["nfl", "nba"]
    assert planned[0].due_at_ms < planned[1].due_at_ms


def test_a_call_waits_until_it_finds_enough_and_no_longer() -> None:
    games = [game(30, lines=30, number=number) for number in range(10)]
    rates = Rates(per_hour=(9.0, 0.9, 0.5, 0.4, 0.2, 0.1, 0.05))
    (one,) = plan([NFL], games, HOUR_AGO, 20.0, NOW, rates)

    # 0.1 an hour for the hour before and the six until a day before the start, and 0.2 from then on.
    changes = 0.1 * 7 + 0.2 * ((one.due_at_ms - NOW) / HOUR_MS - 6)
    assert 300 * (1 - math.exp(-changes) * (1 + changes)) == pytest.approx(60, rel=1e-3)
    assert one.lines == pytest.approx(300 * (1 - math.exp(-changes)), rel=1e-3)
    assert one.reason == (
        f"games: 10 within a day; {one.lines:.0f} changed lines for 3 credits, bar 20.0 a credit"
    )


def test_a_call_is_never_made_before_its_own_pace_allows() -> None:
    just_asked = {key(NFL): NOW - 1000}
    (one,) = plan([NFL], [game(-1)], just_asked, 0.0, NOW)

    assert one.due_at_ms == NOW + 59_000


def test_a_call_that_can_never_find_enough_waits_for_what_is_to_come() -> None:
    (one,) = plan([NFL], [game(-1)], HOUR_AGO, 1e6, NOW)

    assert one.due_at_ms >= NOW + AHEAD_MS


def test_calls_that_cost_nothing_are_not_planned() -> None:
    assert plan([NFL._replace(cost=0)], [game(1)], {}, 1.0, NOW) == []


def test_games_that_are_over_or_of_others_are_not_covered() -> None:
    games = [
        game(1),
        game(1, "nba"),
        game(-1, number=1, is_over=True),
        game(-LASTS_MS / HOUR_MS - 1, number=2),
        game(-LASTS_MS / HOUR_MS - 1, number=3, is_live=True),
        game(2, number=4, is_live=True),
    ]

    found = covered(NFL, games, NOW)
    assert [one.event_id for one in found] == ["nfl:0", "nfl:3", "nfl:4"]
    assert all(NOW - LASTS_MS < one.starts_at_ms <= NOW for one in found if one.is_live)
    assert [one.event_id for one in covered(NFL._replace(covers=("nba:0",)), games, NOW)] == ["nba:0"]


SUNDAY = [game(72 + 3 * (number % 3), number=number) for number in range(14)]


def test_the_fewer_credits_are_left_the_more_each_has_to_find() -> None:
    bars = [bar([NFL, NBA], SUNDAY, credits, MONTH_ENDS, NOW) for credits in (10, 100, 1_000, 10_000, 10**7)]

    assert bars == sorted(bars, reverse=True)
    assert bars[0] > bars[2] > bars[-1] == 0.0
    assert bar([NFL], SUNDAY, 0, MONTH_ENDS, NOW) == bar([NFL], SUNDAY, 50, NOW, NOW) == math.inf


def test_days_without_games_leave_their_credits_to_those_that_have_some() -> None:
    """Three days without a game and a Sunday, asked whenever it clears the bar: most is spent in play."""
    credits, spent, in_play = 1_000, 0, 0
    last_ms = max(each.starts_at_ms for each in SUNDAY) + LASTS_MS
    now_ms, asked = NOW, dict(HOUR_AGO)
    while now_ms < last_ms:
        least = bar([NFL], SUNDAY, credits - spent, MONTH_ENDS, now_ms)
        (one,) = plan([NFL], SUNDAY, asked, least, now_ms)
        if one.lines and one.due_at_ms <= now_ms + 60_000:
            asked, spent = {key(NFL): now_ms}, spent + NFL.cost
            in_play += NFL.cost * any(each.starts_at_ms <= now_ms for each in covered(NFL, SUNDAY, now_ms))
        now_ms += 300_000

    assert spent == pytest.approx(credits * (last_ms - NOW) / (MONTH_ENDS - NOW), rel=0.15)
    assert in_play > 0.5 * spent


@given(
    st.lists(
        st.builds(
            game,
            st.floats(-6, 200),
            st.sampled_from(["nfl", "nba"]),
            st.integers(0, 40),
            moves_per_hour=st.floats(0, 1e4),
            lines=st.integers(0, 500),
        ),
        max_size=12,
    ),
    st.integers(0, 30_000),
    st.integers(0, 10**9),
)
def test_whatever_is_known_each_call_has_its_time(games: list[Game], credits: int, ago_ms: int) -> None:
    asked = {key(NFL): NOW - ago_ms}
    least = bar([NFL, NBA], games, credits, MONTH_ENDS, NOW)
    planned = plan([NFL, NBA], games, asked, least, NOW)

    assert least >= 0.0
    assert {one.call for one in planned} == {NFL, NBA}
    for one in planned:
        assert one.due_at_ms >= max(NOW, asked.get(key(one.call), 0) + 60_000)
        assert 0.0 <= one.lines < math.inf
        assert one.reason

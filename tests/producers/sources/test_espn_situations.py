import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline import data
from pipeline.errors import Refused
from pipeline.records import AmericanFootball, Baseball, Soccer
from producers.sources.espn_situations import (
    Detail,
    OnField,
    TeamId,
    american_football,
    baseball,
    left_s,
    soccer,
)


@pytest.mark.parametrize(
    ("possession", "yard_line", "side", "to_goal"),
    [
        pytest.param("H", 88, "home", 12, id="home, twelve yards from away's goal line"),
        pytest.param("H", 34, "home", 66, id="home in its own half"),
        pytest.param("A", 90, "away", 90, id="away at its own ten"),
        pytest.param("", 50, "", 0, id="nobody has the ball"),
    ],
)
def test_yards_are_counted_from_the_goal_line_of_the_home_side(
    possession: str, yard_line: int, side: str, to_goal: int
) -> None:
    field = OnField(
        down=2, distance=10, yard_line=yard_line, possession=possession, home_timeouts=3, away_timeouts=1
    )

    assert american_football(field, "H", "A") == AmericanFootball(
        possession=side, down=2, distance_yd=10, yards_to_goal=to_goal, home_timeouts=3, away_timeouts=1
    )


def test_without_timeouts_there_is_no_state_of_a_drive() -> None:
    assert american_football(OnField(down=1), "H", "A") is None
    assert american_football(None, "H", "A") is None


@pytest.mark.parametrize("field", [{"down": 5}, {"yard_line": 101}, {"home_timeouts": 4}])
def test_what_cannot_be_in_a_drive_is_refused(field: dict[str, int]) -> None:
    with pytest.raises(Refused):
        american_football(OnField(**{"home_timeouts": 3, "away_timeouts": 3, **field}), "H", "A")


@pytest.mark.parametrize(
    ("words", "half", "outs", "bases"),
    [
        ("Top 5th", "top", 2, 5),
        ("Bottom 5th", "bottom", 2, 5),
        ("Rain Delay, Bot 5th", "bottom", 2, 5),
        ("Mid 5th", "top", 3, 0),
        ("Middle 5th", "top", 3, 0),
        ("End 5th", "bottom", 3, 0),
    ],
)
def test_the_words_of_the_status_say_which_half_it_is(words: str, half: str, outs: int, bases: int) -> None:
    inning = baseball(OnField(outs=2, balls=1, on_first=True, on_third=True), words, 5, 9)

    assert isinstance(inning, Baseball)
    assert (inning.half, inning.outs, inning.bases) == (half, outs, bases)


def test_without_words_or_outs_there_is_no_half_inning() -> None:
    assert baseball(OnField(outs=2), "Final", 9, 9) is None
    assert baseball(None, "Top 5th", 5, 9) is None


@pytest.mark.parametrize(("inning", "innings", "outs"), [(6, 9, 1), (5, 0, 1), (5, 9, 4)])
def test_a_half_inning_that_contradicts_itself_is_refused(inning: int, innings: int, outs: int) -> None:
    with pytest.raises(Refused):
        baseball(OnField(outs=outs), "Top 5th", inning, innings)


def test_red_cards_are_counted_and_penalties_stand_beside_them() -> None:
    cards = [Detail(TeamId("H"), True), Detail(TeamId("A"), False), Detail(None, True)]

    assert soccer(cards, "H", "A", (4, 3)) == Soccer(
        home_reds=1, away_reds=0, home_penalties=4, away_penalties=3
    )
    assert soccer(None, "H", "A", (0, 0)) is None


@pytest.mark.parametrize(
    ("league", "period", "clock", "left"),
    [
        pytest.param("nfl", 4, 48.0, 48.0, id="counts down"),
        pytest.param("mlb", 5, 0.0, -1.0, id="baseball has no clock"),
        pytest.param("epl", 1, 780.0, 1920.0, id="the 14th minute"),
        pytest.param("epl", 2, 3480.0, 1920.0, id="the 59th minute"),
        pytest.param("epl", 2, 5400.0, 0.0, id="added time"),
        pytest.param("epl", 2, 2600.0, 2700.0, id="the second half before it began"),
        pytest.param("world-cup", 3, 5700.0, 600.0, id="extra time"),
        pytest.param("world-cup", 4, 7200.0, 0.0, id="the end of it"),
        pytest.param("world-cup", 5, 7200.0, 0.0, id="penalties"),
        pytest.param("nba", 0, 720.0, -1.0, id="no period"),
        pytest.param("nba", 1, None, -1.0, id="no clock"),
    ],
)
def test_seconds_left_in_the_period(league: str, period: int, clock: float | None, left: float) -> None:
    assert left_s(data.leagues()[league], period, clock, over=False) == left


@given(
    st.sampled_from(sorted(data.leagues())),
    st.integers(0, 9),
    st.none() | st.floats(-10.0, 10_000.0),
    st.booleans(),
)
def test_the_clock_is_unknown_or_within_a_period_as_records_have_it(
    league: str, period: int, clock: float | None, over: bool
) -> None:
    left = left_s(data.leagues()[league], period, clock, over)

    assert left == -1.0 or 0.0 <= left <= max(clock or 0.0, 2_700.0)

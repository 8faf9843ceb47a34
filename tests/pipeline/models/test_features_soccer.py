"""Football's features: in their range, mirrored, of regulation alone, taught every fifth minute."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline import data
from pipeline.models import NO_CONTEXT, Position, Seen, Strengths
from pipeline.models import seen as seen_now
from pipeline.models.features import mirrored, strange, vector
from pipeline.models.features.soccer import SHEET
from pipeline.records import GameStatus, Soccer

EPL, CUP = (data.leagues()[name] for name in ("epl", "world-cup"))


def moment(
    period: int = 1, clock_s: float = 2700.0, score: tuple[int, int] = (0, 0), reds: tuple[int, int] = (0, 0),
    strengths: tuple[float, float] = (1.5, 1.2), league: Any = EPL,
) -> Seen:  # fmt: skip
    off = Soccer(home_reds=reds[0], away_reds=reds[1])
    position = Position(GameStatus.LIVE, period, clock_s, *score, off)
    return seen_now(league, Strengths(*strengths), position, NO_CONTEXT)


scores = st.tuples(st.integers(0, 9), st.integers(0, 9))
reds = st.tuples(st.integers(0, 4), st.integers(0, 4))
strengths = st.tuples(st.floats(0.1, 4.0), st.floats(0.1, 4.0))


@given(st.integers(1, 2), st.floats(0.0, 2700.0), scores, reds, strengths)
def test_the_features_are_in_range_and_swapping_the_teams_mirrors_them(
    period: int, clock_s: float, score: tuple[int, int], off: tuple[int, int], strong: tuple[float, float]
) -> None:
    plain = vector(SHEET, SHEET.view(moment(period, clock_s, score, off, strong)))
    other = vector(SHEET, SHEET.view(moment(period, clock_s, score[::-1], off[::-1], strong[::-1])))

    assert strange(SHEET, plain) == []
    assert other == pytest.approx(mirrored(SHEET, plain), abs=1e-9)


@pytest.mark.parametrize(
    ("period", "clock_s", "is_taught"),
    [
        pytest.param(1, 2700.0, True, id="kick-off"),
        pytest.param(1, 2400.0, True, id="the 5th minute"),
        pytest.param(1, 2340.0, False, id="the 6th minute"),
        pytest.param(1, 0.0, False, id="added to the first half"),
        pytest.param(2, 2700.0, True, id="the second half begins"),
        pytest.param(2, 0.0, True, id="the 90th minute"),
    ],
)
def test_every_fifth_minute_is_taught(period: int, clock_s: float, is_taught: bool) -> None:
    assert SHEET.taught(moment(period, clock_s)) == is_taught


def test_neither_extra_time_nor_a_cup_nor_an_unknown_clock_is_served() -> None:
    assert SHEET.serves(moment())
    assert not SHEET.serves(moment(league=CUP))
    assert not SHEET.serves(moment(clock_s=-1.0))
    assert not SHEET.serves(moment(period=3, clock_s=900.0, league=CUP))


def test_the_minutes_left_leave_out_what_is_added() -> None:
    place = [feature.name for feature in SHEET.features].index("left_min")
    left = [
        vector(SHEET, SHEET.view(moment(*at)))[place] for at in ((1, 2700.0), (1, 0.0), (2, 2700.0), (2, 0.0))
    ]

    assert left == pytest.approx([90.0, 45.0, 45.0, 0.0])

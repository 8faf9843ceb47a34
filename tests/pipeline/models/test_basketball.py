"""Basketball's features: a lead that shrinks, mirrored when the teams swap, and silent where time is up."""

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline import data
from pipeline.models import Context, Position, Seen, Strengths, seen
from pipeline.models.features import mirrored, strange, vector
from pipeline.models.features.basketball import SHEET, log_odds, margin, remember, serves
from pipeline.records import Basketball, GameStatus

NBA = data.leagues()["nba"]
SIDES = {"home": "away", "away": "home", "": ""}


def ball(possession: str = "home", home_fouls: int = 2, away_fouls: int = 3) -> Basketball:
    return Basketball(possession=possession, home_fouls=home_fouls, away_fouls=away_fouls)


def moment(
    *, period: int = 2, clock_s: float = 600.0, score: tuple[int, int] = (40, 36), margin: float = 2.0,
    situation: Basketball | None = None, status: GameStatus = GameStatus.LIVE,
) -> Seen:  # fmt: skip
    strengths = Strengths((210.0 + margin) / 2.0, (210.0 - margin) / 2.0)
    position = Position(status, period, clock_s, *score, situation)
    return seen(NBA, strengths, position, Context(situation=situation))


@st.composite
def moments(draw: st.DrawFn) -> dict[str, Any]:
    period = draw(st.integers(1, 4))
    points = st.integers(5 * (period - 1), 10 + 25 * period)
    return {
        "period": period,
        "clock_s": draw(st.floats(0.1, 720.0)),
        "score": (draw(points), draw(points)),
        "margin": draw(st.floats(-25.0, 25.0)),
        "situation": ball(
            draw(st.sampled_from(sorted(SIDES))), draw(st.integers(0, 15)), draw(st.integers(0, 15))
        ),
    }


def values(given: Seen) -> tuple[float, ...]:
    return vector(SHEET, SHEET.view(given))


@given(moments())
def test_swapping_the_teams_mirrors_every_feature_and_the_anchor(found: dict[str, Any]) -> None:
    there, here = found["situation"], moment(**found)
    other = found | {
        "score": found["score"][::-1],
        "margin": -found["margin"],
        "situation": ball(SIDES[there.possession], there.away_fouls, there.home_fouls),
    }
    swapped = moment(**other)
    # The closed form has home win most of the overtimes; its word is mirrored by its own tests.
    own = [place for place, one in enumerate(SHEET.features) if one.name != "closed_log_odds"]

    assert [values(swapped)[place] for place in own] == pytest.approx(
        [mirrored(SHEET, values(here))[place] for place in own], abs=1e-9
    )
    anchors = SHEET.anchor(SHEET.view(here)), SHEET.anchor(SHEET.view(swapped))
    assert anchors[0] == pytest.approx(anchors[1][::-1], abs=1e-9)
    margins = SHEET.view(here).margin, SHEET.view(swapped).margin
    assert margins[0] == pytest.approx((-margins[1][0], margins[1][1]), abs=1e-9)


@given(moments())
def test_the_features_of_a_game_are_in_their_ranges(found: dict[str, Any]) -> None:
    home, away = found["score"]
    # No game was ever decided by so much.
    assert strange(SHEET, values(moment(**found))) == (["lead"] if abs(home - away) > 90 else [])


@pytest.mark.parametrize(
    ("lead", "share", "wins"),
    [
        pytest.param(10.0, 0.5, 0.786, id="ten ahead at half-time"),
        pytest.param(10.0, 0.25, 0.886, id="ten ahead after three quarters"),
        pytest.param(0.0, 0.5, 0.5, id="level"),
        pytest.param(3.0, 1 / 288, 0.953, id="three ahead, ten seconds left"),
    ],
)
def test_a_lead_shrinks_and_is_worth_the_more_the_less_is_left(
    lead: float, share: float, wins: float
) -> None:
    odds = log_odds(*margin(lead, 0.0, share))

    assert 1.0 / (1.0 + math.exp(-odds)) == pytest.approx(wins, abs=0.001)


def test_a_lead_says_less_than_the_closed_form_has_it() -> None:
    here = SHEET.view(moment(period=1, clock_s=60.0, score=(32, 18), margin=0.0))

    assert 0.0 < here.log_odds < here.closed_log_odds


@pytest.mark.parametrize(
    ("state", "speaks"),
    [
        pytest.param({}, True, id="under way"),
        pytest.param({"period": 2, "clock_s": 0.0}, True, id="half-time"),
        pytest.param({"status": GameStatus.SUSPENDED}, True, id="broken off"),
        pytest.param({"period": 4, "clock_s": 0.0}, False, id="time is up"),
        pytest.param({"period": 5}, False, id="overtime"),
        pytest.param({"period": 0, "status": GameStatus.SCHEDULED}, False, id="before the start"),
        pytest.param({"status": GameStatus.FINAL}, False, id="over"),
        pytest.param({"clock_s": -1.0}, False, id="no clock"),
    ],
)
def test_the_model_speaks_while_time_is_left_on_a_known_clock(state: dict[str, Any], speaks: bool) -> None:
    assert serves(moment(**state)) is speaks


def test_the_ball_is_remembered_until_the_next_period() -> None:
    before = Position(GameStatus.LIVE, 1, 30.0, 20, 18, ball("away"))
    known = remember(NBA, Context(), before, before)
    later = before._replace(clock_s=20.0, situation=None)

    assert known.situation == ball("away")
    assert remember(NBA, known, before, later) is known
    assert remember(NBA, known, before, later._replace(period=2, clock_s=720.0)).situation is None
    assert values(moment(situation=None))[5:8] == (0.0, 0.0, 0.0)

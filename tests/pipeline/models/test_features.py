"""Features: one list a sport, each in its range, each its own mirror image, each of the past alone."""

import math
import re
from typing import Any

import pytest
from hypothesis import given

from pipeline.models import Context, Position
from pipeline.models.features import SHEETS, mirrored, strange, vector
from pipeline.models.features.american_football import OTHER, remember
from pipeline.models.features.drives import Drive, ends, log_odds
from pipeline.records import GameStatus
from tests.conftest import ROOT
from tests.pipeline.models.make import NFL, moment, moments, snap, swapped

SHEET = SHEETS["american-football"]
LIVE = GameStatus.LIVE


def values(seen: Any) -> tuple[float, ...]:
    return vector(SHEET, SHEET.view(seen))


def named(seen: Any) -> dict[str, float]:
    return dict(zip([feature.name for feature in SHEET.features], values(seen), strict=True))


@pytest.mark.parametrize("sheet", SHEETS.values(), ids=SHEETS)
def test_every_feature_has_a_name_of_its_own_a_formula_a_range_and_a_mirror_image(sheet: Any) -> None:
    names = [feature.name for feature in sheet.features]

    assert len(set(names)) == len(names)
    for feature in sheet.features:
        assert feature.formula
        assert feature.low < feature.high
        assert feature.mirror in {"even", "odd", *names}
        if feature.mirror == "odd":
            assert feature.low == -feature.high


@pytest.mark.parametrize("sheet", SHEETS.values(), ids=SHEETS)
def test_the_mirror_image_of_a_mirror_image_is_the_moment_itself(sheet: Any) -> None:
    given = tuple(float(place + 1) for place in range(len(sheet.features)))

    assert mirrored(sheet, mirrored(sheet, given)) == given
    assert mirrored(sheet, given) != given


@given(moments())
def test_swapping_the_teams_mirrors_every_feature(seen: Any) -> None:
    assert values(swapped(seen)) == pytest.approx(mirrored(SHEET, values(seen)), abs=1e-9)


@given(moments())
def test_the_features_of_a_game_are_in_their_ranges(seen: Any) -> None:
    assert strange(SHEET, values(seen)) == []


def test_a_feature_out_of_its_range_is_named_and_so_is_one_that_is_no_number() -> None:
    seen = list(values(moment(situation=snap())))
    seen[2], seen[3] = 81.0, math.nan

    assert strange(SHEET, tuple(seen)) == ["lead", "left_s"]


def test_after_half_time_the_ball_is_that_of_the_side_that_kicked_off() -> None:
    over = moment(period=2, clock_s=0.0, context=Context(situation=snap("home", 4, 9, 71), opening="away"))
    begins = moment(
        period=3,
        clock_s=900.0,
        situation=snap("home", 0, 0, 35),
        context=Context(situation=snap("home", 0, 0, 35)),
    )

    assert values(over) == values(begins)


@pytest.mark.parametrize(
    ("score", "ball", "then"),
    [
        pytest.param((6, 0), snap("home", 3, 2, 2), ("home", 15), id="a touchdown: its try"),
        pytest.param((0, 6), snap("home", 3, 2, 50), ("away", 15), id="an interception run back"),
        pytest.param((1, 0), snap("home", 0, 0, 15), ("away", 35), id="a try: the other side's ball"),
        pytest.param((2, 0), snap("home", 0, 0, 2), ("away", 35), id="a try for two"),
        pytest.param((3, 0), snap("home", 4, 5, 20), ("away", 35), id="a field goal"),
        pytest.param((2, 0), snap("away", 2, 9, 99), ("home", 35), id="a safety brings the ball too"),
    ],
)
def test_a_score_moves_the_ball(score: tuple[int, int], ball: Any, then: tuple[str, int]) -> None:
    before = Position(LIVE, 2, 500.0, 0, 0, ball)

    after = remember(NFL, Context(situation=ball), before, Position(LIVE, 2, 495.0, *score)).situation

    assert (after.possession, after.yards_to_goal, after.down) == (*then, 0)  # type: ignore[union-attr]


def test_who_had_the_ball_first_is_remembered_and_nothing_later_changes_it() -> None:
    first = Position(LIVE, 1, 900.0, 0, 0, snap("away", 0, 0, 35))
    later = Position(LIVE, 1, 880.0, 0, 0, snap("home"))

    opened = remember(NFL, Context(), Position(GameStatus.SCHEDULED), first)
    late = remember(NFL, Context(), first, Position(LIVE, 1, 700.0, 0, 0, snap("home")))

    assert remember(NFL, opened, first, later).opening == "away"
    assert late.opening == ""


def test_a_record_that_says_nothing_of_the_ball_leaves_the_context_as_it_was() -> None:
    context = Context(situation=snap(), opening="home")
    position = Position(LIVE, 2, 500.0, 7, 0)

    assert remember(NFL, context, position, position._replace(clock_s=480.0)) is context


def test_a_drive_ends_in_one_of_its_ways_and_near_the_goal_in_a_touchdown() -> None:
    near, far = (ends(Drive(1, 1, 2, yards, 3), 0.0, 1800.0, 900.0) for yards in (2.0, 90.0))

    assert math.fsum(near) == pytest.approx(1.0)
    assert near[1] > 0.5 > far[1]
    assert near[0] < far[0]


def test_with_seconds_left_the_place_of_the_ball_decides() -> None:
    """Six behind at the 5 with 15 seconds left is no lost game; at the 80 it is."""

    def home_wins(yards: float) -> float:
        drive = Drive(1, 1, 5, yards, 1)
        odds = log_odds(drive, ends(drive, -6.0, 15.0, 15.0), -6.0, 0.0, 0, 15.0, 15.0)
        return 1.0 / (1.0 + math.exp(-odds))

    assert home_wins(5.0) > 0.2
    assert home_wins(80.0) < 0.08


def test_a_kick_off_favours_nobody() -> None:
    drive = Drive(1, 1, 10, 75, 3)
    first = log_odds(drive, ends(drive, 0.0, 3600.0, 1800.0), 0.0, 0.0, -1, 3600.0, 1800.0)

    assert first == pytest.approx(0.0, abs=0.03)
    assert set(OTHER) == {"home", "away"}


def test_the_list_of_features_in_the_docs_is_that_of_the_code() -> None:
    text = (ROOT / "docs" / "features.md").read_text()
    listed = re.findall(r"^\| `\w+` \|.+\|$", text, re.MULTILINE)

    assert listed == [
        f"| `{one.name}` | {one.formula} | {one.low:g} to {one.high:g} | {one.mirror} |"
        for sport in SHEETS
        for one in SHEETS[sport].features
    ]

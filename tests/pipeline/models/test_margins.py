"""A final score's mean and spread, moved until they say who wins as a better model does."""

import pytest

from pipeline import data
from pipeline.models import Position, league_strengths, outlook
from pipeline.models.features import Ending
from pipeline.models.margins import moved
from pipeline.records import GameStatus

NFL = data.leagues()["nfl"]
CLOSED = outlook(NFL, league_strengths(NFL), Position(GameStatus.LIVE, 3, 900.0, 14, 10))
EVEN = (0.49, 0.49, 0.02)


def test_an_ending_that_says_what_the_blend_says_stays_as_it_is() -> None:
    ending = Ending((0.0, 9.0), (45.0, 10.0))
    found = moved(NFL, CLOSED, ending, EVEN, "blend").parameters

    # Home wins more of the games that are level.
    assert found["margin_mean"] == pytest.approx(0.0, abs=0.05)
    assert found["margin_sd"] == pytest.approx(9.0, abs=0.01)


def test_a_spread_gives_way_less_than_a_mean() -> None:
    """A blend that is less sure of a lead of a touchdown: the mean comes down, the spread hardly grows."""
    found = moved(NFL, CLOSED, Ending((7.0, 9.0)), (0.72, 0.27, 0.01), "blend").parameters

    assert found["margin_mean"] < 6.0
    assert 9.0 < found["margin_sd"] < 9.5


def test_a_total_has_what_overtime_brings() -> None:
    level, decided = (
        moved(NFL, CLOSED, Ending((mean, 2.0), (40.0, 3.0)), chances, "blend").parameters
        for mean, chances in ((0.0, EVEN), (14.0, (0.999, 0.001, 0.0)))
    )

    assert 40.5 < level["total_mean"] < 41.5
    assert level["total_sd"] > 3.1
    assert decided["total_mean"] == pytest.approx(40.0, abs=1e-3)


def test_without_a_word_on_the_total_the_closed_form_has_it() -> None:
    found = moved(NFL, CLOSED, Ending((4.0, 9.0)), (0.65, 0.34, 0.01), "blend").parameters

    assert found["total_mean"] == CLOSED.parameters["total_mean"]
    assert found["total_sd"] == CLOSED.parameters["total_sd"]

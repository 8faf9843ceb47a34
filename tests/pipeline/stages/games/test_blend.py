"""The boosted model inside the games fold: what it remembers, what it publishes, what it was made with."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.models import boosted
from pipeline.records import AmericanFootball, GameProbabilities
from pipeline.settings import Rules
from pipeline.stages import STAGES
from pipeline.stages.fold import provenance
from tests.pipeline.models.make import snap
from tests.pipeline.stages.games.make import FINAL, LIVE, answer, close, folded, probabilities, said, spread

BLEND = boosted.in_use().by_league["nfl"].manifest.model


def played(*situations: AmericanFootball | None, **fields: Any) -> list[Any]:
    return [
        said(number, situation=ball, clock_s=600.0 - number, **fields)
        for number, ball in enumerate(situations, start=1)
    ]


def test_a_snap_is_answered_by_the_blend_with_every_opinion() -> None:
    found = probabilities(close(spread(-3.5)), *played(snap()))

    assert found.model == BLEND
    assert [one.model for one in found.opinions] == ["brownian-margin", "drives", "lightgbm", "xgboost"]
    closed = found.opinions[0].parameters
    assert found.parameters["margin_mean"] != closed["margin_mean"]
    assert found.parameters["total_mean"] > closed["total_mean"]  # the drive under way brings points


def test_where_nobody_said_who_has_the_ball_the_closed_form_is_alone() -> None:
    found = probabilities(*played(None))

    assert (found.model, found.opinions) == ("brownian-margin", ())


def test_a_record_without_a_situation_is_answered_by_the_last_one() -> None:
    before = probabilities(said(1, situation=snap("away", 3, 8, 40)))
    after = probabilities(said(1, situation=snap("away", 3, 8, 40)), said(2, kind="clock"))

    assert (after.game, after.parameters, after.impact) == (before.game, before.parameters, 0.0)
    assert after.opinions == before.opinions


def test_the_ball_matters_as_the_score_does() -> None:
    near, far = (probabilities(said(1, situation=snap("home", 1, 5, yards))) for yards in (5, 90))

    assert near.game[0] > far.game[0] + 0.05


def test_the_end_is_exact_whatever_was_remembered() -> None:
    ended = said(2, status=FINAL, home_score=20, away_score=17, period=4, clock_s=0.0)
    found = probabilities(said(1, situation=snap(), period=4, home_score=20, away_score=17), ended)

    assert found.game == (1.0, 0.0, 0.0)
    assert (found.model, found.opinions) == ("brownian-margin", ())


def test_overtime_is_the_closed_forms() -> None:
    found = probabilities(said(1, situation=snap(), period=5, home_score=20, away_score=20))

    assert found.model == "brownian-margin"
    assert found.regulation == (0.0, 0.0, 1.0)


def test_who_had_the_opening_kick_off_is_remembered_to_half_time() -> None:
    def with_first_ball(side: str) -> GameProbabilities:
        kicked = said(1, period=1, clock_s=900.0, situation=snap(side, 0, 0, 35))
        return probabilities(kicked, said(2, clock_s=1.0, situation=snap("home", 1, 10, 75)))

    assert with_first_ball("away").game[0] > with_first_ball("home").game[0] + 0.01


@pytest.mark.parametrize("stage", STAGES)
def test_only_the_games_fold_names_the_models_it_was_made_with(stage: str) -> None:
    made_with = provenance(STAGES[stage], Rules())

    assert ("models" in made_with) is (stage == "games")
    if stage == "games":
        assert made_with["models"] == boosted.in_use().digest


@given(
    st.lists(
        st.builds(
            snap, st.sampled_from(["home", "away"]), st.integers(0, 4), st.integers(0, 30), st.integers(1, 99)
        ),
        min_size=1,
        max_size=5,
    )
)
def test_a_record_that_is_heard_again_changes_nothing(balls: list[AmericanFootball]) -> None:
    records = played(*balls)
    first = answer(folded(records)[1], GameProbabilities)
    again = answer(folded([*records, records[-1]])[1], GameProbabilities)

    assert (again.game, again.regulation, again.parameters) == (
        first.game,
        first.regulation,
        first.parameters,
    )
    assert again.impact == 0.0
    assert again.status is LIVE

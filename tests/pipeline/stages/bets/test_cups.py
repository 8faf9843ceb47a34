"""Bets on cup ties: a group game may be drawn, a knock-out is won, at last by penalties that are no goals."""

import math

import pytest

from pipeline.records import GameState, Soccer
from tests.pipeline.stages.bets.make import (
    bet,
    close,
    fair,
    final,
    probabilities,
    results,
    scores,
    state,
    value,
)

GROUP, KNOCK_OUT = "world-cup:2026-06-27:col-por", "world-cup:2026-07-05:bra-nor"
BETS_ON_A_CUP = (
    bet("winner"),
    bet("other", outcome=1),
    bet("draw", market="h2h_3way", scope="regulation", outcome=2),
    bet("goals", market="total", line=2.5, outcome=1),
    bet("handicap", market="spread", line=0.5),
    bet("both", market="btts", scope="regulation"),
)


def cup(*penalties: int) -> Soccer:
    home, away = penalties or (0, 0)
    return Soccer(home_reds=0, away_reds=0, home_penalties=home, away_penalties=away)


@pytest.mark.parametrize(
    ("event_id", "records", "expected"),
    [
        pytest.param(
            KNOCK_OUT,
            [state(1, 1, period=2), final(1, 1, period=5, situation=cup(4, 5))],
            {"winner": "lost", "other": "won"},
            id="away won the shoot-out",
        ),
        pytest.param(
            KNOCK_OUT,
            [state(1, 1, period=2), final(1, 1, period=5)],
            {"winner": "unknown", "other": "unknown", "goals": "unknown", "handicap": "unknown"},
            id="nobody says who won the shoot-out",
        ),
        pytest.param(
            KNOCK_OUT,
            [state(1, 1, period=2), final(2, 1, period=4)],
            {"winner": "won", "other": "lost", "goals": "lost"},
            id="home won in extra time",
        ),
        pytest.param(
            GROUP,
            [final(1, 1, period=2)],
            {"winner": "pushed", "other": "pushed"},
            id="a group game is drawn",
        ),
        pytest.param(
            GROUP,
            [final(1, 1, period=0)],
            {"winner": "pushed", "other": "pushed"},
            id="a group game is drawn, in whichever period",
        ),
    ],
)
def test_a_cup_tie_settles_by_its_round_its_goals_and_its_shoot_out(
    event_id: str, records: list[GameState], expected: dict[str, str]
) -> None:
    usual = {"draw": "won", "goals": "won", "handicap": "won", "both": "won"}
    found = results(value(*BETS_ON_A_CUP), *records, event_id=event_id)

    assert {one.opportunity: one.legs[0].result.value for one in found} == usual | expected


def test_the_shoot_out_is_what_a_cup_ties_probabilities_are_scored_by() -> None:
    [score] = scores(
        close(fair("h2h_3way", 0.5, 0.3, 0.2)),
        probabilities(1, 0.6, 0.4, 0.0),
        state(1, 1, period=3),
        final(1, 1, period=5, situation=cup(3, 4)),
        event_id=KNOCK_OUT,
    )

    assert (score.outcome, score.log_loss) == (1, pytest.approx(-math.log(0.4)))
    assert score.closing_log_loss == pytest.approx(-math.log(0.2))


def test_a_cup_tie_whose_winner_nobody_tells_is_not_scored() -> None:
    played = [probabilities(1, 0.6, 0.4, 0.0), state(1, 1, period=3), final(1, 1, period=5)]

    assert scores(*played, event_id=KNOCK_OUT) == []

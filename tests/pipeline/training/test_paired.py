"""The paired test: scores of known games, verdicts, and what must hold of any."""

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.training.paired import LEAST_GAMES, Bet, Comparison, Game, Verdict, compared

GAIN = 0.02


def game(number: int, of_baseline: float, of_candidate: float, **fields: Any) -> Game:
    """A game that home won, with one moment in play: home's chances of both."""
    given = {
        "event_id": f"nfl:2025-09-14:kc-phi:{number:03}",
        "league": "nfl",
        "outcome": 0,
        "baseline": np.array([[of_baseline, 1.0 - of_baseline]]),
        "candidate": np.array([[of_candidate, 1.0 - of_candidate]]),
        "baseline_bets": (),
        "candidate_bets": (),
    }
    return Game(**{**given, **fields})


def bets(*profits: float | None, value: float | None = None) -> tuple[Bet, ...]:
    return tuple(Bet(profit, value) for profit in profits)


def swapped(found: Game) -> Game:
    return found._replace(
        baseline=found.candidate,
        candidate=found.baseline,
        baseline_bets=found.candidate_bets,
        candidate_bets=found.baseline_bets,
    )


def forecast(games: list[Game], gain: float = GAIN) -> Any:
    return compared(games, gain).forecasts[0]


def test_scores_of_known_games() -> None:
    found = forecast([game(1, 0.5, 0.8), game(2, 0.5, 0.8)])

    assert (found.games, found.moments, found.differing) == (2, 2, 2)
    assert found.log_loss == pytest.approx((math.log(2.0), -math.log(0.8)))
    assert found.brier == pytest.approx((0.5, 0.08))
    assert found.calibration == pytest.approx((0.5, 0.2))
    assert found.above.mean == pytest.approx(-math.log(0.8) - math.log(2.0))
    assert found.gain == pytest.approx(1.0 + math.log(0.8) / math.log(2.0))


@pytest.mark.parametrize(
    ("candidate", "count", "verdict", "deploy"),
    [
        pytest.param(0.6, 12, Verdict.SAME, False, id="equal everywhere"),
        pytest.param(0.7, 12, Verdict.BETTER, True, id="better by much"),
        pytest.param(0.601, 12, Verdict.BETTER, False, id="better by little"),
        pytest.param(0.5, 12, Verdict.WORSE, False, id="worse"),
        pytest.param(0.7, LEAST_GAMES - 1, Verdict.CANNOT_TELL, False, id="too few games"),
    ],
)
def test_the_verdict_on_probabilities(candidate: float, count: int, verdict: Verdict, deploy: bool) -> None:
    found = forecast([game(number, 0.6, candidate) for number in range(count)])

    assert (found.verdict, found.deploy) == (verdict, deploy)


def test_an_interval_that_holds_0_tells_nothing() -> None:
    games = [game(number, 0.6, 0.8 if number % 2 else 0.45) for number in range(40)]
    found = forecast(games)

    assert found.above.low < 0.0 < found.above.high
    assert found.verdict is Verdict.CANNOT_TELL


def test_moments_of_one_game_are_no_proof() -> None:
    """A thousand moments of one game say no more than the game."""
    many = game(0, 0.6, 0.6, baseline=np.full((1000, 2), 0.5), candidate=np.tile([0.9, 0.1], (1000, 1)))
    games = [many, *(game(number, 0.6, 0.59) for number in range(1, 20))]

    assert forecast(games).verdict is Verdict.CANNOT_TELL


def test_two_and_three_outcomes_are_pooled_and_told_by_league() -> None:
    three = np.array([[0.5, 0.2, 0.3]])
    soccer = game(7, 0.0, 0.0, league="epl", outcome=2, baseline=three, candidate=three)
    found = compared([game(1, 0.5, 0.6), soccer], GAIN).forecasts

    assert [(row.league, row.games) for row in found] == [("all", 2), ("epl", 1), ("nfl", 1)]
    assert found[1].log_loss == pytest.approx((-math.log(0.3),) * 2)
    assert found[0].log_loss[0] == pytest.approx((math.log(2.0) - math.log(0.3)) / 2.0)
    assert [row.differing for row in found] == [1, 0, 1]


def test_a_result_of_which_nothing_was_said_is_left_out() -> None:
    tie, unspoken = game(1, 0.5, 0.6, outcome=2), game(2, 0.5, 0.6, baseline=np.empty((0, 2)))

    found = compared([tie, unspoken], GAIN)

    assert (found.games, found.forecasts) == (2, ())


def test_bets_are_compared_by_the_mean_of_all_of_them() -> None:
    games = [
        game(n, 0.5, 0.5, baseline_bets=bets(-1.0, 0.9, value=0.01), candidate_bets=bets(0.9, value=0.05))
        for n in range(20)
    ]
    found = compared(games, GAIN).bets

    assert found.published == (40, 20)
    assert found.profit.mean == pytest.approx((-0.05, 0.9))
    assert found.profit.above == pytest.approx((0.95, 0.95, 0.95))
    assert found.closing_line_value.mean == pytest.approx((0.01, 0.05))
    assert found.profit.verdict is found.closing_line_value.verdict is Verdict.BETTER


def test_bets_without_a_close_or_a_result_count_as_published_alone() -> None:
    found = compared([game(1, 0.5, 0.5, baseline_bets=bets(None), candidate_bets=bets(None, 0.5))], GAIN).bets

    assert found.published == (1, 2)
    assert found.profit.bets == (0, 1)
    assert found.profit.mean == (None, 0.5)
    assert found.profit.above is None
    assert found.profit.verdict is Verdict.CANNOT_TELL
    assert found.closing_line_value.verdict is Verdict.SAME, "neither side has any"


def test_of_no_game_nothing_is_said() -> None:
    found = compared([], GAIN)

    assert (found.games, found.forecasts, found.bets.published) == (0, (), (0, 0))
    assert found.bets.profit.verdict is Verdict.CANNOT_TELL


CHANCES = st.floats(0.02, 0.98)
GAMES = st.lists(
    st.builds(
        lambda baseline, candidate, first, second: (baseline, candidate, bets(*first), bets(*second)),
        CHANCES,
        CHANCES,
        st.lists(st.floats(-1.0, 3.0), max_size=3),
        st.lists(st.floats(-1.0, 3.0), max_size=3),
    ),
    min_size=1,
    max_size=15,
).map(
    lambda rows: [
        game(number, baseline, candidate, baseline_bets=first, candidate_bets=second)
        for number, (baseline, candidate, first, second) in enumerate(rows)
    ]
)
OTHER_WAY = {Verdict.BETTER: Verdict.WORSE, Verdict.WORSE: Verdict.BETTER}


@given(GAMES)
def test_with_the_sides_swapped_the_verdict_is_the_opposite(games: list[Game]) -> None:
    one, other = compared(games, GAIN), compared([swapped(each) for each in games], GAIN)

    for first, second in zip(one.forecasts, other.forecasts, strict=True):
        assert second.verdict is OTHER_WAY.get(first.verdict, first.verdict)
        assert second.above.mean == pytest.approx(-first.above.mean)
        assert (second.above.low, second.above.high) == pytest.approx((-first.above.high, -first.above.low))
    assert one.bets.profit.verdict is OTHER_WAY.get(other.bets.profit.verdict, other.bets.profit.verdict)


@given(GAMES, st.randoms(use_true_random=False))
def test_the_order_of_games_changes_nothing(games: list[Game], chance: Any) -> None:
    shuffled = list(games)
    chance.shuffle(shuffled)

    assert compared(shuffled, GAIN) == compared(games, GAIN)


@given(GAMES)
def test_a_candidate_that_is_no_other_is_the_same(games: list[Game]) -> None:
    found: Comparison = compared(
        [each._replace(candidate=each.baseline, candidate_bets=each.baseline_bets) for each in games], GAIN
    )

    assert found.forecasts[0].verdict is Verdict.SAME
    assert found.forecasts[0].differing == 0
    assert found.bets.profit.verdict is found.bets.closing_line_value.verdict is Verdict.SAME

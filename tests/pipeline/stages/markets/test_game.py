"""What markets keep of the game feed's word, and what the model says of each market."""

import math
from typing import Any

import pytest

from pipeline.records import GameProbabilities, GameStatus, ModelOpinion
from pipeline.stages.markets.game import chances_by_model, game_of, model_chances
from tests.make import at, game

POINTS = {"margin_mean": 3.5, "margin_sd": 8.0, "total_mean": 45.0, "total_sd": 9.0}


def live(seconds: float, **fields: Any) -> GameProbabilities:
    given: dict[str, Any] = {
        "status": GameStatus.LIVE,
        "started_at_ms": at(-600),
        "model": "brownian-margin",
        "game": (0.6, 0.4),
        "regulation": (0.58, 0.37, 0.05),
        "parameters": POINTS,
    }
    return game(seconds, **given | fields)


def word(model: str, home: float, **fields: Any) -> ModelOpinion:
    given: dict[str, Any] = {"game": (home, 1.0 - home), "regulation": (), "parameters": {}}
    return ModelOpinion(model=model, **given | fields)


@pytest.mark.parametrize(
    ("fields", "speaks"),
    [
        pytest.param({}, True, id="in play"),
        pytest.param({"contested": True}, False, id="contested"),
        pytest.param({"suspended": True}, False, id="suspended"),
        pytest.param({"status": GameStatus.FINAL}, False, id="over"),
        pytest.param({"status": GameStatus.SCHEDULED, "prior": "closing"}, False, id="an echo of the market"),
        pytest.param({"status": GameStatus.SCHEDULED, "prior": "ratings"}, True, id="ratings of its own"),
        pytest.param({"model": "none"}, False, id="no model"),
    ],
)
def test_the_word_of_the_model_is_kept_while_it_may_be_bet_on(fields: dict[str, Any], speaks: bool) -> None:
    words = word("a", 0.5), word("b", 0.6)

    kept = game_of(live(0, opinions=words, **fields))

    assert (kept.game != ()) is speaks
    assert kept.opinions == (words if speaks else ())


@pytest.mark.parametrize(
    ("fields", "key", "expected"),
    [
        pytest.param({}, ("h2h", "game", 0.0), [0.6, 0.4], id="winner"),
        pytest.param({"game": (0.5, 0.4, 0.1)}, ("h2h", "game", 0.0), [0.5, 0.4], id="winner, a tie refunds"),
        pytest.param({}, ("h2h_3way", "regulation", 0.0), [0.58, 0.37, 0.05], id="three-way"),
        pytest.param({}, ("h2h", "regulation", 0.0), [], id="another scope"),
        pytest.param({}, ("spread", "game", -3.5), [0.5, 0.5], id="spread at the mean"),
        pytest.param({}, ("total", "game", 45.5), [0.47785, 0.52215], id="total"),
        pytest.param({}, ("btts", "game", 0.0), [], id="a market that it does not price"),
        pytest.param(
            {"model": "poisson-goals", "parameters": {"home_rate": 1.6, "away_rate": 1.1}, "home_score": 1},
            ("total", "regulation", 3.5),
            [0.5064, 0.4936],
            id="goals to come on top of the score",
        ),
        pytest.param(
            {"model": "poisson-goals", "parameters": {"home_rate": 0.0, "away_rate": 0.0}, "away_score": 2},
            ("spread", "regulation", 1.5),
            [0.0, 1.0],
            id="nothing to come",
        ),
        pytest.param(
            {"model": "poisson-goals", "parameters": {"home_rate": 1.6, "away_rate": 1.1}},
            ("total", "game", 3.5),
            [],
            id="goals of overtime are not in the rates",
        ),
        pytest.param(
            {
                "model": "poisson-goals",
                "regulation": (0.0, 0.0, 1.0),
                "parameters": {"home_rate": 0.4, "away_rate": 0.3},
            },
            ("total", "regulation", 3.5),
            [],
            id="regulation is over and overtime is played",
        ),
    ],
)
def test_what_the_model_gives_each_outcome(
    fields: dict[str, Any], key: tuple[str, str, float], expected: list[float]
) -> None:
    chances = model_chances(game_of(live(0, **fields)), key)

    assert [each.win for each in chances] == pytest.approx(expected, abs=1e-4)


def test_each_model_that_prices_a_market_has_its_own_word() -> None:
    of_points = word("brownian-margin", 0.55, parameters=POINTS | {"margin_mean": 1.5})
    kept = game_of(live(0, opinions=(word("boosted", 0.62), of_points)))

    of_winner = chances_by_model(kept, ("h2h", "game", 0.0))
    of_spread = chances_by_model(kept, ("spread", "game", -3.5))

    assert {model: home.win for model, (home, _) in of_winner.items()} == {
        "boosted": 0.62,
        "brownian-margin": 0.55,
    }
    # Only one of them prices it, so the word is that of all.
    assert of_spread == {"brownian-margin": model_chances(kept, ("spread", "game", -3.5))}


def test_a_model_without_a_word_on_the_winner_prices_none() -> None:
    kept = game_of(live(0, opinions=(word("a", 0.6), word("b", 0.5, game=()))))

    assert list(chances_by_model(kept, ("h2h", "game", 0.0))) == ["brownian-margin"]


def test_a_wide_interval_makes_a_bet_by_the_model_less_sure() -> None:
    narrow = {"game_low": (0.52, 0.44), "game_high": (0.56, 0.48)}
    wide = {"game_low": (0.40, 0.32), "game_high": (0.68, 0.60)}
    live = {"status": GameStatus.LIVE, "model": "brownian-margin", "game": (0.54, 0.46)}

    errors = [game_of(game(0, **live, **each)).error for each in (narrow, wide, {})]

    assert errors[2] == 0.0 < errors[0] < errors[1]
    assert errors[0] == pytest.approx(math.log(0.56 / 0.44 / (0.52 / 0.48)) / 2 / 1.6449, rel=0.01)

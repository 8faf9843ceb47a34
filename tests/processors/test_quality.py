"""Settled games are counted once each, under labels of closed sets."""

from typing import Any

import pytest
from msgspec.structs import replace
from prometheus_client import REGISTRY

from pipeline import data
from pipeline.models import boosted
from pipeline.records import GameScore, OpinionScore, PhaseScore, SideScore
from pipeline.stages.bets import BETS
from pipeline.stages.fold import Answer, Input, Row, first_row
from processors import quality
from processors.news import Settled
from processors.tally import Tally
from tests.make_records import EVENT, example

SCORES = "games.scores"
SCORE: GameScore = example(SCORES)


def row(begun: int = 1, closed: bool = False, event_id: str = EVENT) -> Row[Any]:
    return replace(first_row(BETS, event_id, {}), begun=begun, closed=closed)


def answer(**fields: Any) -> Answer:
    return Answer(SCORES, EVENT, replace(SCORE, **fields))


def test_a_game_settles_once_whatever_its_score_becomes_later() -> None:
    settled = Settled()

    assert settled.read(row(), []) is None
    assert settled.read(row(), [answer(revision=8)]) == replace(SCORE, revision=8)
    assert settled.read(row(), [answer(revision=8)]) is None
    assert settled.read(row(), [answer(revision=9, outcome=1)]) is None


def test_a_game_that_settles_in_its_first_fold_counts() -> None:
    assert Settled().read(row(), [answer()]) == SCORE


def test_a_worker_that_takes_over_counts_what_settles_from_then_on() -> None:
    settled = Settled()

    assert settled.read(row(begun=2), []) is None
    assert settled.read(row(begun=2), [answer()]) == SCORE


def test_what_stood_when_a_worker_took_over_was_counted_by_its_predecessor() -> None:
    settled = Settled()

    assert settled.read(row(begun=2), [answer()]) is None
    assert settled.read(row(begun=2), [answer(revision=9)]) is None


def test_a_tick_that_leaves_no_trace_is_not_yet_the_first_fold_of_a_worker() -> None:
    settled = Settled()

    assert settled.read(row(begun=1), []) is None  # recovered, and not begun by this process
    assert settled.read(row(begun=2), [answer()]) is None


def test_a_game_that_was_away_and_settled_there_does_not_count_when_it_comes_back() -> None:
    settled = Settled()
    settled.read(row(begun=1), [])
    settled.begin_generation()

    assert settled.read(row(begun=3), [answer()]) is None


def test_a_game_that_is_still_played_after_a_generation_counts_when_it_settles() -> None:
    settled = Settled()
    settled.read(row(begun=1), [])
    settled.begin_generation()

    assert settled.read(row(begun=2), []) is None
    assert settled.read(row(begun=2), [answer()]) == SCORE


def test_a_closed_row_is_forgotten() -> None:
    settled = Settled()
    settled.read(row(), [answer()])

    assert settled.read(row(closed=True), []) is None
    assert settled._known == {}


def seen(name: str, **labels: object) -> float:
    found = REGISTRY.get_sample_value(
        f"sharpline_processors_{name}_total", {label: str(word) for label, word in labels.items()}
    )
    return -1.0 if found is None else found


def test_a_settled_game_is_on_every_metric() -> None:
    quality.expect("nfl")
    at = {"league": "nfl", "phase": "q1"}
    asked = [
        ("scored_games", {"league": "nfl"}),
        ("scored_moments", at),
        ("scored_log_loss", at),
        ("scored_brier", at),
        ("scored_closing_log_loss", at),
        ("scored_log_loss_beside_close", at),
        ("bucket_moments", at | {"bucket": 5}),
        ("bucket_said", at | {"bucket": 5}),
        ("bucket_came", at | {"bucket": 5}),
        ("side_moments", {"league": "nfl", "side": "home"}),
        ("side_said", {"league": "nfl", "side": "home"}),
        ("side_came", {"league": "nfl", "side": "home"}),
        ("side_variance", {"league": "nfl", "side": "home"}),
        ("model_moments", {"league": "nfl", "model": "blend"}),
        ("model_log_loss", {"league": "nfl", "model": "blend"}),
    ]
    before = [seen(name, **labels) for name, labels in asked]

    tally = Tally(BETS)
    tally.folded(row(), Input("games.states", 0, 1, example("games.states")), [answer()], 0.001)

    grown = [seen(name, **labels) - was for (name, labels), was in zip(asked, before, strict=True)]
    assert grown == pytest.approx(
        [1, 160, 88.0, 30.4, 160 * 0.68, 88.0, 160, 90.0, 160, 160, 90.0, 160, 6_200.0, 150, 84.0]
    )


def test_a_game_without_a_close_says_nothing_of_skill() -> None:
    at = {"league": "nfl", "phase": "q1"}
    before = seen("scored_log_loss_beside_close", **at), seen("scored_log_loss", **at)

    quality.count(replace(SCORE, closing_log_loss=0.0))

    assert seen("scored_log_loss_beside_close", **at) == before[0]
    assert seen("scored_log_loss", **at) > before[1]


def test_a_model_that_spoke_alone_goes_by_its_own_name_and_an_unknown_one_by_none() -> None:
    quality.expect("nfl")
    before = [seen("model_moments", league="nfl", model=word) for word in ("brownian-margin", "other")]

    quality.count(replace(SCORE, opinions=()))
    strange = OpinionScore(model="whatever a candidate is called", moments=3, log_loss=0.5, brier=0.2)
    quality.count(replace(SCORE, opinions=(SCORE.opinions[0], strange)))

    assert seen("model_moments", league="nfl", model="brownian-margin") == before[0] + 160
    assert seen("model_moments", league="nfl", model="other") == max(0, before[1]) + 3


def test_a_variance_below_nothing_is_no_step_back() -> None:
    hedged = SideScore(side="home", moments=4, said=2.0, came=2, variance=-0.5)
    before = seen("side_variance", league="nfl", side="home")

    quality.count(replace(SCORE, sides=(hedged,)))

    assert seen("side_variance", league="nfl", side="home") == max(0.0, before)


@pytest.mark.parametrize("league", ["nfl", "mlb", "epl", "nhl"])
def test_every_series_of_a_league_is_there_once_one_of_its_games_is_followed(league: str) -> None:
    quality.expect(league)
    series = [
        sample
        for metric in (*quality.OF_PHASE, *quality.OF_BUCKET, *quality.OF_SIDE, *quality.OF_MODEL)
        for family in metric.collect()
        for sample in family.samples
        if sample.name.endswith("_total") and sample.labels["league"] == league
    ]
    before = len(series)
    phase = PhaseScore(phase="overtime", moments=1, log_loss=0.5, brier=0.2, buckets=())
    quality.count(replace(SCORE, league=league, phases=(phase,), sides=(), opinions=()))

    assert before > 150
    assert seen("scored_moments", league=league, phase="overtime") >= 1


def test_the_models_that_ship_speak_under_names_of_the_closed_set() -> None:
    for name, model in boosted.in_use().by_league.items():
        assert model.sheet.anchor_name in quality.models(data.leagues()[name])

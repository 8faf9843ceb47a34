"""What a worker says of features: those that are not believed, and how far the others are from training."""

import random
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from msgspec.structs import replace
from prometheus_client import REGISTRY

from pipeline import telemetry
from pipeline.models.boosted import Boosted, in_use, look
from pipeline.records import GameEvent
from pipeline.stages.fold import Answer, Input, Row, first_row, fold
from pipeline.stages.games import GAMES, Game, moment
from pipeline.training.boosting import histograms
from processors.drift import EVERY, FEWEST_GAMES, MOST_GAMES, SHOWN_EVERY, Drift
from tests.pipeline.models.make import snap
from tests.pipeline.stages.games.make import NFL, RULES, said

SPORT = "american-football"
LEARNT_FROM = 500
SIMULATED = f"sim-{NFL}"
Folded = tuple[Row[Game], Input, list[Answer]]


def value(name: str, **labels: str) -> float | None:
    return REGISTRY.get_sample_value(f"sharpline_processors_{name}", labels)


def drift_of(feature: str) -> float | None:
    return value("feature_drift", sport=SPORT, feature=feature)


def folded(*events: GameEvent, event_id: str = NFL) -> Folded:
    """The last of the events as a worker has folded it."""
    row: Row[Game] = first_row(GAMES, event_id, {})
    for offset, event in enumerate(events):
        source = Input("games.events", 0, offset, event)
        row, answers = fold(GAMES, RULES, row, source)
    return row, source, answers


def snapped(place: int, draw: random.Random, ahead: int = 0) -> Folded:
    """A moment of a game of its own, drawn as all are, its home side by so much further ahead."""
    situation = snap(draw.choice(("home", "away")), draw.randint(1, 4), 10, draw.randint(5, 95))
    period, clock_s = draw.randint(1, 4), draw.uniform(1.0, 900.0)
    score = {"home_score": draw.randint(0, 21) + ahead, "away_score": draw.randint(0, 21)}
    event_id = f"nfl:{2000 + place // 28}-01-{1 + place % 28:02}:kc-phi"
    event = said(1, event_id=event_id, situation=situation, period=period, clock_s=clock_s, **score)
    return folded(event, event_id=event_id)


@pytest.fixture(scope="module")
def model() -> Boosted:
    """The shipped one, as if it had learnt from moments such as these tests have."""
    shipped, draw = in_use().by_league["nfl"], random.Random(5)
    looked = [look(shipped.sheet, moment(snapped(place, draw)[0].state)) for place in range(LEARNT_FROM)]
    values = np.array([one.values for one in looked if one is not None])
    manifest = replace(
        shipped.manifest,
        histograms=histograms(shipped.sheet, values),
        learnt_from={"games": LEARNT_FROM},
    )
    return shipped._replace(manifest=manifest)


@pytest.fixture
def drift(model: Boosted) -> Iterator[Drift]:
    telemetry.FEATURE_DRIFT.clear()
    yield Drift({"nfl": model})  # sim-nfl has none
    telemetry.FEATURE_DRIFT.clear()


def see(drift: Drift, games: int, ahead: int = 0, since: int = 0) -> None:
    """So many games, of each of which one moment is looked at."""
    draw = random.Random(since + 7)
    for place in range(since, since + games):
        one = snapped(place, draw, ahead)
        for _ in range(EVERY):
            drift.folded(*one)


def test_what_is_drawn_as_in_training_has_not_drifted(drift: Drift) -> None:
    see(drift, 3 * SHOWN_EVERY)

    assert value("feature_games", sport=SPORT) == 3 * SHOWN_EVERY
    assert {name: drift_of(name) for name in ("lead", "left_s", "field_yd", "possession")} == {
        "lead": 0.0,
        "left_s": 0.0,
        "field_yd": 0.0,
        "possession": 0.0,
    }


def test_what_is_not_shows_which_feature_has(drift: Drift) -> None:
    see(drift, 3 * SHOWN_EVERY, ahead=20)

    assert drift_of("lead") > 1.0  # type: ignore[operator]
    assert drift_of("left_s") == 0.0


def test_nothing_is_said_of_a_few_games(drift: Drift) -> None:
    see(drift, FEWEST_GAMES - 1, ahead=40)
    for _ in range(SHOWN_EVERY * EVERY):
        drift.folded(*snapped(0, random.Random(7), 40))

    assert drift_of("lead") is None


def test_an_old_season_does_not_hide_a_new_one(drift: Drift) -> None:
    see(drift, 2 * MOST_GAMES)
    assert drift_of("lead") == 0.0

    see(drift, MOST_GAMES + SHOWN_EVERY, ahead=20, since=2 * MOST_GAMES)

    assert drift_of("lead") > 1.0  # type: ignore[operator]
    assert value("feature_games", sport=SPORT) == MOST_GAMES + SHOWN_EVERY


@pytest.mark.parametrize(
    "one",
    [
        pytest.param(lambda: folded(said(1, situation=snap(), period=5)), id="overtime"),
        pytest.param(lambda: folded(said(1)), id="nobody said whose ball it is"),
        pytest.param(lambda: folded(said(1, situation=snap(), home_score=90)), id="out of its range"),
        pytest.param(
            lambda: folded(said(1, event_id=SIMULATED, situation=snap()), event_id=SIMULATED),
            id="a league without a model",
        ),
    ],
)
def test_a_moment_that_no_model_learns_from_is_not_counted(drift: Drift, one: Callable[[], Any]) -> None:
    before = value("feature_games", sport=SPORT)
    for _ in range(EVERY):
        drift.folded(*one())

    assert value("feature_games", sport=SPORT) == before


def test_each_feature_that_is_not_believed_is_counted_each_time(drift: Drift) -> None:
    def counted(feature: str) -> float:
        return value("features_out_of_range_total", sport=SPORT, feature=feature) or 0.0

    before = {name: counted(name) for name in ("lead", "left_s")}
    drift.folded(*folded(said(1, situation=snap(), home_score=90)))
    drift.folded(*folded(said(1, situation=snap(), home_score=91)))
    drift.folded(*folded(said(1, situation=snap(), home_score=9)))

    assert {name: counted(name) - before[name] for name in before} == {"lead": 2.0, "left_s": 0.0}

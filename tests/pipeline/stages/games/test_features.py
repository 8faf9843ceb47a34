"""The vector behind each probability: there when the rules want it, true to what was read, else no cost."""

import math
from typing import Any

import pytest
from msgspec.structs import replace

from pipeline import codec
from pipeline.models import boosted, judged
from pipeline.models.features import SHEETS, Sheet
from pipeline.records import GameFeatures, GameProbabilities, GameState
from pipeline.settings import Rules
from pipeline.stages.fold import Answer, Input, Row, first_row, fold
from pipeline.stages.games import GAMES, Game, moment
from pipeline.stages.games.features import FEATURE_OUT_OF_RANGE, MOST, features
from tests.pipeline.models.make import moment as seen_at
from tests.pipeline.models.make import snap
from tests.pipeline.stages.games.make import (
    EPL,
    FINAL,
    NFL,
    START_MS,
    answer,
    close,
    folded,
    probabilities,
    said,
    spread,
    tick,
    topic,
)

TOPIC = "games.features"
WANTED = Rules(features=True)
NAMES = tuple(feature.name for feature in SHEETS["american-football"].features)
BEYOND = {"home_score": 90, "situation": snap()}


def wanted(*records: Any, event_id: str = NFL) -> tuple[Row[Game], list[Answer]]:
    """As `folded`, with rules that want the features."""
    row: Row[Game] = first_row(GAMES, event_id, {})
    answers: list[Answer] = []
    for offset, record in enumerate(records):
        row, answers = fold(GAMES, WANTED, row, Input(topic(record), 0, offset, record))
    return row, answers


def read(*records: Any, event_id: str = NFL) -> GameFeatures:
    return answer(wanted(*records, event_id=event_id)[1], GameFeatures)


def test_unless_the_rules_want_it_nothing_is_published() -> None:
    records = [said(1, situation=snap()), said(2, situation=snap("away"))]

    assert TOPIC not in {found.topic for found in folded(records)[1]}
    assert Rules().features is False


def test_behind_every_probability_stands_what_the_model_read() -> None:
    row, answers = wanted(close(spread(-3.5)), said(1, situation=snap(), home_score=7))
    found, stated = answer(answers, GameFeatures), answer(answers, GameProbabilities)
    model, now = boosted.in_use().by_league["nfl"], moment(row.state)
    looked = boosted.look(model.sheet, now)

    assert looked is not None
    assert (found.names, found.values, found.out_of_range) == (NAMES, looked.values, ())
    assert (found.sport, found.model, found.model_digest) == ("american-football", "nfl-blend", model.digest)
    assert (found.source_event_id, found.revision) == (stated.source_event_id, stated.revision) == ("g/1", 2)
    assert dict(zip(found.names, found.values, strict=True))["lead"] == 7.0


def test_closed_and_anchor_are_the_scores_that_the_opinions_say() -> None:
    row, answers = wanted(said(1, situation=snap(), home_score=3))
    found = answer(answers, GameFeatures)
    opinions = judged(moment(row.state), boosted.in_use().by_league["nfl"]).opinions

    for opinion, scores in zip(opinions[:2], (found.closed, found.anchor), strict=True):
        odds = math.log(opinion.game[0]) - math.log(opinion.game[1])
        assert scores[0] - scores[1] == pytest.approx(odds, abs=1e-9)


def test_the_probabilities_are_the_same_with_and_without() -> None:
    records = [close(spread(-3.5)), said(1, situation=snap()), said(2, home_score=7)]
    plain, beside = folded(records)[1], wanted(*records)[1]

    assert [found for found in beside if found.topic != TOPIC] == plain
    assert [found.topic for found in beside] == ["games.states", "games.probabilities", TOPIC]


@pytest.mark.parametrize(
    ("records", "event_id"),
    [
        pytest.param([said(1, status=FINAL, period=4, clock_s=0.0)], NFL, id="after the end"),
        pytest.param([said(1, period=5, situation=snap())], NFL, id="overtime"),
        pytest.param([said(1, event_id=EPL, period=1)], EPL, id="a league without a boosted model"),
    ],
)
def test_where_no_model_reads_anything_the_vector_is_empty(records: list[Any], event_id: str) -> None:
    found = read(*records, event_id=event_id)

    assert found.source_event_id == "g/1"
    assert (found.names, found.values, found.closed, found.anchor, found.out_of_range) == ((), (), (), (), ())
    assert bool(found.model) is bool(found.model_digest) is (event_id == NFL)


def test_a_refused_record_gets_the_vector_that_stands() -> None:
    first = said(2, situation=snap(), home_score=3)
    before, late = read(first), read(first, said(1, home_score=0))

    assert (late.source_event_id, late.values) == ("g/1", before.values)


def test_what_stands_is_repeated_and_tombstoned_like_any_answer() -> None:
    records = [said(1, status=FINAL, period=4, clock_s=0.0)]
    later_ms = START_MS + 1_000 + WANTED.repeat_ms
    over_ms = START_MS + 1_000 + WANTED.rollback_ms

    repeated = wanted(*records, tick(later_ms))[1]
    gone = wanted(*records, tick(over_ms))[1]

    assert TOPIC in {found.topic for found in repeated}
    assert (TOPIC, NFL, None) in gone


def test_a_feature_out_of_its_range_is_a_doubt_about_the_answer_and_not_about_the_game() -> None:
    found = probabilities(said(1, **BEYOND))
    state = answer(folded([said(1, **BEYOND)])[1], GameState)

    assert found.doubts == (FEATURE_OUT_OF_RANGE,)
    assert (found.contested, found.opinions, found.model) == (False, (), "brownian-margin")
    assert (state.doubts, state.contested) == ((), False)
    assert probabilities(said(1, **BEYOND), said(2, home_score=90)).doubts == (FEATURE_OUT_OF_RANGE,)
    assert probabilities(said(1, situation=snap())).doubts == ()


def test_what_is_out_of_its_range_is_named_with_its_value_and_range() -> None:
    (beyond,) = read(said(1, **BEYOND)).out_of_range

    assert (beyond.name, beyond.value, beyond.low, beyond.high) == ("lead", 90.0, -80.0, 80.0)


@pytest.mark.parametrize(
    ("value", "held"), [(math.nan, 0.0), (math.inf, MOST), (-math.inf, -MOST), (1e300, MOST)]
)
def test_a_number_that_no_record_holds_is_said_as_near_as_can_be(value: float, held: float) -> None:
    model = boosted.in_use().by_league["nfl"]
    first = model.sheet.features[0]._replace(value=lambda view: value)
    sheet: Sheet = model.sheet._replace(features=(first, *model.sheet.features[1:]))

    found = features(model._replace(sheet=sheet), seen_at(situation=snap()), "g/1")

    assert found.values[0] == held
    assert [one.name for one in found.out_of_range] == [first.name]
    assert codec.encode(TOPIC, replace(found, event_id=NFL, received_at_ms=START_MS))

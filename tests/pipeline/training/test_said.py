"""Which records count, and what each voice said at them."""

from typing import Any

import numpy as np
import pytest
from msgspec.structs import replace

from pipeline.records import AmericanFootball, Baseball, GameStatus, ModelOpinion
from pipeline.training.published import MarketPrice, Published
from pipeline.training.said import counts, gathered

SNAP = AmericanFootball(
    possession="home", down=1, distance_yd=10, yards_to_goal=75, home_timeouts=3, away_timeouts=3
)
BATTING = Baseball(half="top", outs=2, balls=0, strikes=0, bases=0, scheduled_innings=9)
PLAIN = Published(
    event_id="nfl:2023-09-10:nyg-dal",
    day="2023-09-10",
    source_event_id="2023_01_DAL_NYG/40",
    received_at_ms=1,
    status=GameStatus.LIVE,
    period=1,
    clock_s=600.0,
    situation=SNAP,
    home_score=0,
    away_score=0,
    model="nfl-blend",
    prior="closing",
    game=(0.57, 0.38, 0.05),
    regulation=(0.55, 0.36, 0.09),
    parameters={},
    opinions=(),
    market=None,
    home_final=20,
    away_final=17,
)
ROW = {
    "american-football": PLAIN,
    "basketball": PLAIN._replace(event_id="nba:2015-11-02:bos-nyk", situation=None, game=(0.6, 0.4)),
    "baseball": PLAIN._replace(event_id="mlb:2019-04-20:bos-nyy", situation=BATTING, game=(0.6, 0.4)),
    "soccer": PLAIN._replace(
        event_id="epl:2017-09-16:arsenal-chelsea", source_event_id="7/m45", situation=None
    ),
}


@pytest.mark.parametrize(
    ("sport", "changed", "counted"),
    [
        pytest.param("american-football", {}, True, id="a snap with a down"),
        pytest.param("american-football", {"situation": None}, False, id="the end of a play"),
        pytest.param(
            "american-football",
            {"situation": replace(SNAP, down=0)},
            False,
            id="a kick",
        ),
        pytest.param("american-football", {"period": 5}, False, id="overtime"),
        pytest.param("american-football", {"status": GameStatus.FINAL}, False, id="a final record"),
        pytest.param("american-football", {"game": ()}, False, id="no answer"),
        pytest.param("basketball", {"period": 3, "clock_s": 0.0}, True, id="the end of a quarter"),
        pytest.param("basketball", {"period": 4, "clock_s": 0.0}, False, id="time is up"),
        pytest.param("basketball", {"period": 5}, False, id="overtime"),
        pytest.param("baseball", {"period": 11}, True, id="an extra inning"),
        pytest.param("baseball", {"situation": replace(BATTING, outs=3)}, False, id="nobody at bat"),
        pytest.param("soccer", {}, True, id="a fifth minute"),
        pytest.param("soccer", {"source_event_id": "7/m46"}, False, id="another minute"),
        pytest.param("soccer", {"source_event_id": "7/45"}, False, id="an event"),
        pytest.param("soccer", {"event_id": "euro:2016-07-10:portugal-france"}, False, id="a cup"),
        pytest.param("soccer", {"event_id": PLAIN.event_id}, False, id="another sport"),
    ],
)
def test_a_record_counts_or_not(sport: str, changed: dict[str, Any], counted: bool) -> None:
    assert counts(sport, ROW[sport]._replace(**changed)) is counted


def test_of_two_outcomes_what_is_not_drawn_is_shared_and_level_games_are_left_out() -> None:
    level = PLAIN._replace(event_id="nfl:2023-09-10:kc-phi", home_final=17)
    found = gathered([PLAIN, level], "american-football")

    assert found.moments.games == (PLAIN.event_id,)
    assert found.voices["blend"] == pytest.approx(np.array([[0.6, 0.4]]))


def test_a_voice_that_was_silent_left_it_to_the_closed_form() -> None:
    said = (
        ModelOpinion(model="brownian-margin", game=(0.5, 0.4, 0.1), regulation=(), parameters={}),
        ModelOpinion(model="drives", game=(0.19, 0.76, 0.05), regulation=(), parameters={}),
    )
    found = gathered([PLAIN._replace(opinions=said), PLAIN], "american-football")

    assert found.voices["closed"][:, 0] == pytest.approx([5 / 9, 0.6])
    assert found.voices["drives"][:, 0] == pytest.approx([0.2, 0.6])
    assert found.voices["xgboost"][:, 0] == pytest.approx([5 / 9, 0.6])


def test_games_stand_by_day_and_their_moments_in_time() -> None:
    later = PLAIN._replace(event_id="nfl:2023-09-17:kc-phi", day="2023-09-17", away_final=30)
    rows = [later, PLAIN, later._replace(source_event_id="x/2", period=2), PLAIN._replace(period=4)]
    found = gathered(rows, "american-football").moments

    assert found.games == (PLAIN.event_id, later.event_id)
    assert found.days == ("2023-09-10", "2023-09-17")
    assert found.game.tolist() == [0, 0, 1, 1]
    assert found.period.tolist() == [1, 4, 1, 2]
    assert found.label.tolist() == [0, 0, 1, 1]


def test_the_market_is_unknown_where_it_had_no_price() -> None:
    priced = PLAIN._replace(market=MarketPrice((0.7, 0.3), 12_000))
    found = gathered([PLAIN, priced], "american-football")

    assert np.isnan(found.market[0]).all()
    assert found.market[1].tolist() == pytest.approx([0.7, 0.3])
    assert found.market_age_s[1] == 12.0


def test_a_draw_of_soccer_is_an_outcome_and_its_closed_form_is_the_answer() -> None:
    found = gathered([ROW["soccer"]._replace(home_final=17)], "soccer")

    assert found.moments.label.tolist() == [2]
    assert list(found.voices) == ["blend"]
    assert found.voices["blend"].tolist() == [pytest.approx([0.57, 0.38, 0.05])]

"""Spreads and totals at half-time: which records count, what is priced, and what is more than chance."""

from typing import Any

import numpy as np
import pytest

from pipeline.domain.goals import total_chances
from pipeline.records import GameStatus
from pipeline.training.lines import half_time, scores, with_half_times
from pipeline.training.published import Published

GAMES = 400
POINTS = Published(
    event_id="nfl:2023-09-10:nyg-dal",
    day="2023-09-10",
    source_event_id="2023_01_DAL_NYG/2029",
    received_at_ms=1,
    status=GameStatus.LIVE,
    period=3,
    clock_s=900.0,
    situation=None,
    home_score=14,
    away_score=10,
    model="nfl-blend",
    prior="closing",
    game=(0.6, 0.39, 0.01),
    regulation=(0.58, 0.37, 0.05),
    parameters={"margin_mean": 5.5, "margin_sd": 9.5, "total_mean": 46.0, "total_sd": 10.0},
    opinions=(),
    market=None,
    home_final=27,
    away_final=20,
)
GOALS = POINTS._replace(
    event_id="epl:2017-09-16:arsenal-chelsea",
    day="2017-09-16",
    source_event_id="7/m45",
    period=2,
    clock_s=2700.0,
    home_score=1,
    away_score=0,
    parameters={"home_rate": 0.8, "away_rate": 0.6},
    home_final=2,
    away_final=1,
)


def noticed(rows: list[Published]) -> list[Published]:
    found: list[Published] = []
    assert list(with_half_times(rows, found)) == rows
    return found


def american(seed: int, above: float = 0.0, wider: float = 1.0) -> list[Published]:
    """Games whose scores are drawn from what was published, a bit higher or wider where it is to be wrong."""
    chance = np.random.Generator(np.random.PCG64(seed))
    rows = []
    for number in range(GAMES):
        mean, total_mean = float(chance.normal(0.0, 8.0)), float(chance.normal(45.0, 8.0))
        margin = round(float(chance.normal(mean, 9.5 * wider)))
        total = round(float(chance.normal(total_mean + above, 10.0 * wider)))
        if (total + margin) % 2:  # of another parity than the margin no total can be
            total += int(chance.choice([-1, 1]))
        rows.append(
            POINTS._replace(
                event_id=f"nfl:2023-09-10:h{number}-a{number}",
                parameters={
                    "margin_mean": mean,
                    "margin_sd": 9.5,
                    "total_mean": total_mean,
                    "total_sd": 10.0,
                },
                home_final=(total + margin) // 2,
                away_final=(total - margin) // 2,
            )
        )
    return rows


def soccer(seed: int, rate: float) -> list[Published]:
    """Matches in which each side goes on to score at a rate, while 0.7 was published."""
    chance = np.random.Generator(np.random.PCG64(seed))
    rows = []
    for number in range(GAMES):
        home, away = int(chance.integers(0, 3)), int(chance.integers(0, 2))
        rows.append(
            GOALS._replace(
                event_id=f"epl:2017-09-16:h{number}-a{number}",
                parameters={"home_rate": 0.7, "away_rate": 0.7},
                home_score=home,
                away_score=away,
                home_final=home + int(chance.poisson(rate)),
                away_final=away + int(chance.poisson(rate)),
            )
        )
    return rows


@pytest.mark.parametrize(
    ("row", "changed", "counts"),
    [
        pytest.param(POINTS, {}, True, id="a third quarter"),
        pytest.param(POINTS, {"period": 2, "clock_s": 0.0}, False, id="a first half"),
        pytest.param(POINTS, {"period": 5}, False, id="overtime"),
        pytest.param(POINTS, {"status": GameStatus.FINAL}, False, id="a final record"),
        pytest.param(POINTS, {"parameters": {}}, False, id="no parameters"),
        pytest.param(GOALS, {}, True, id="a second half"),
        pytest.param(GOALS, {"event_id": "euro:2016-07-10:portugal-france"}, False, id="a match played on"),
        pytest.param(GOALS, {"event_id": "mlb:2019-04-20:bos-nyy"}, False, id="baseball"),
    ],
)
def test_a_record_is_of_a_half_time_or_not(row: Published, changed: dict[str, Any], counts: bool) -> None:
    given = row._replace(**changed)

    assert noticed([given]) == [given] * counts


def test_the_first_record_of_the_second_half_speaks() -> None:
    before = POINTS._replace(period=2, clock_s=0.0)
    later = POINTS._replace(clock_s=870.0, source_event_id="2023_01_DAL_NYG/2050")
    other = POINTS._replace(event_id="nfl:2023-09-10:kc-phi")

    assert noticed([before, POINTS, other, later]) == [POINTS, other]


@pytest.mark.parametrize("seed", range(3))
def test_what_comes_as_it_was_priced_is_within_chance(seed: int) -> None:
    for found in [*scores(american(seed)), *scores(soccer(seed, 0.7))]:
        assert found.error < 1.3 * found.chance
        assert found.off.low < 0.35
        assert found.off.high > -0.35


def test_totals_that_are_higher_than_said_are_no_chance_and_the_spreads_beside_them_are() -> None:
    spread, total = scores(american(1, above=4.0))

    assert spread.is_within_chance
    assert not total.is_within_chance
    assert total.off.low > 2.5


def test_results_that_are_wider_than_said_are_no_chance() -> None:
    spread, total = scores(american(2, wider=1.5))

    assert (spread.is_within_chance, total.is_within_chance) == (False, False)
    assert spread.variance.low > 1.5


def test_more_goals_than_said_are_no_chance() -> None:
    total = scores(soccer(3, 1.0))[1]

    assert not total.is_within_chance
    assert total.off.mean == pytest.approx(0.6, abs=0.2)


def test_a_line_that_is_decided_says_nothing() -> None:
    """Of 0.5 to 5.5 goals three are sure when three were scored by half-time."""
    decided = GOALS._replace(home_score=2, away_score=1)

    assert scores([decided])[1].lines == 3
    assert scores([GOALS])[1].lines == 5


def test_a_total_is_priced_as_markets_price_it() -> None:
    """One match, one line that nobody is sure of: the error is how far off the price was."""
    found = scores([GOALS._replace(home_final=3, away_final=3)])[1]
    chances = [total_chances(line, 1.4, scored=1).win for line in (1.5, 2.5, 3.5, 4.5, 5.5)]

    assert found.error == pytest.approx(np.mean([1.0 - chance for chance in chances]))
    assert found.log_loss == pytest.approx(-np.mean(np.log(chances)))


def test_seasons_have_rows_of_their_own_and_one_of_all() -> None:
    games = american(4)
    spring = [row._replace(day="2024-01-14") for row in games[:200]]
    later = [row._replace(day="2024-09-08") for row in games[200:]]

    assert [one.season for one in scores(spring + later)] == ["2023", "2024", "all"] * 2
    assert [one.games for one in scores(spring + later)] == [200, 200, 400] * 2


def test_the_table_says_what_is_not_by_chance() -> None:
    lines = half_time(american(1, above=4.0))

    assert [line.split()[0] for line in lines[-2:]] == ["spread", "total"]
    assert ["not by chance" in line for line in lines[-2:]] == [False, True]
    assert half_time([]) == []

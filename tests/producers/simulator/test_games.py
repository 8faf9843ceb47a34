import math
import random

import pytest

from pipeline import data
from pipeline.domain.settlement import Result, settle
from producers.simulator.baseball import advanced
from producers.simulator.events import game
from producers.simulator.schedule import LEAGUES

GAMES = 240
#: Of 60 comparisons, all with fixed seeds, none should be further off by chance.
MOST_DEVIATIONS = 3.7


def deviations(pairs: list[tuple[float, float]]) -> float:
    """How many standard deviations what happened lies from its probabilities."""
    excess = sum(happened - chance for happened, chance in pairs)
    return excess / math.sqrt(sum(chance * (1.0 - chance) for _, chance in pairs))


@pytest.mark.parametrize("league", LEAGUES)
def test_what_happens_agrees_with_its_probability_from_the_start_and_from_any_moment(league: str) -> None:
    three_way = data.leagues()[league].sport == "soccer"
    pairs: dict[tuple[str, str], list[tuple[float, float]]] = {}
    for number in range(GAMES):
        rng = random.Random(f"{league}/{number}")
        play = game(league, rng)
        states = [("start", play.state())]
        steps = list(play.steps())
        states += [
            (when, steps[int(len(steps) * share)].state) for when, share in (("half", 0.5), ("late", 0.85))
        ]
        home, away = play.score
        level_home, level_away = play.regulation or play.score
        for when, state in states:
            outlook = play.outlook(state)
            asked = [
                ("h2h", 0.0),
                ("spread", -outlook.median_margin() - 0.5),
                ("total", outlook.median_total() + 0.5),
            ]
            for market, line in asked:
                result = settle(market, 0, line, home, away)
                chance = outlook.fair(market, line)[0]
                if result is not Result.PUSHED and 0.0 < chance < 1.0:
                    pairs.setdefault((when, market), []).append((float(result is Result.WON), chance))
            if three_way or league == "sim-nhl":
                result = settle("h2h_3way", 2, 0.0, level_home, level_away)
                chance = outlook.regulation[2]
                if 0.0 < chance < 1.0:
                    pairs.setdefault((when, "draw"), []).append((float(result is Result.WON), chance))

    far = {name: deviations(found) for name, found in pairs.items()}
    assert len(far) >= 9
    assert max(map(abs, far.values())) < MOST_DEVIATIONS, far


@pytest.mark.parametrize("league", LEAGUES)
def test_the_last_word_is_the_result_itself(league: str) -> None:
    for number in range(25):
        play = game(league, random.Random(number))
        last = list(play.steps())[-1]
        home, away = play.score
        fair = play.outlook(last.state).fair("h2h")
        assert fair == pytest.approx((0.5, 0.5) if home == away else (float(home > away), float(home < away)))


@pytest.mark.parametrize("league", LEAGUES)
def test_a_game_can_be_followed_by_its_clock_and_ends_where_its_sport_lets_it(league: str) -> None:
    row = data.leagues()[league]
    for number in range(25):
        play = game(league, random.Random(number))
        shown = [step.shown for step in play.steps() if step.shown is not None]
        assert shown[0].kind == "start"
        assert shown[-1].kind == "final"
        assert max(step.period for step in shown) >= row.periods
        assert all(-1.0 <= step.clock_s <= max(row.period_s, row.overtime_s) for step in shown)
        assert row.overtime_draw > 0.0 or play.score[0] != play.score[1]


@pytest.mark.parametrize(
    ("hit", "bases", "after"),
    [
        pytest.param(0, 0b111, (0b111, 1), id="walk with the bases full"),
        pytest.param(0, 0b010, (0b011, 0), id="walk behind a runner on second"),
        pytest.param(1, 0b101, (0b011, 1), id="single: third scores, first to second"),
        pytest.param(2, 0b001, (0b110, 0), id="double: first to third"),
        pytest.param(3, 0b011, (0b100, 2), id="triple"),
        pytest.param(4, 0b111, (0b000, 4), id="grand slam"),
    ],
)
def test_runners_advance(hit: int, bases: int, after: tuple[int, int]) -> None:
    assert advanced(hit, bases) == after

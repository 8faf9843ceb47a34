import pytest

from producers.live.call import Game
from producers.sources.intervals import HOUR_MS, LASTS_MS, every_s, is_going, is_near

NOW = 1_762_100_000_000


def game(starts_in_ms: int, **fields: bool) -> Game:
    return Game("nba:2025-11-02:bos-lal", "nba", NOW + starts_in_ms, **fields)


@pytest.mark.parametrize(
    ("starts_in_ms", "fields", "going", "near"),
    [
        (2 * HOUR_MS, {}, False, False),
        (HOUR_MS, {}, False, True),
        (1, {}, False, True),
        (0, {}, True, False),
        (1 - LASTS_MS, {}, True, False),
        (-LASTS_MS, {}, False, False),
        (-LASTS_MS, {"is_live": True}, True, False),
        (-HOUR_MS, {"is_over": True}, False, False),
        (HOUR_MS // 2, {"is_over": True}, False, False),
    ],
)
def test_a_game_goes_on_from_its_start_until_somebody_says_that_it_is_over(
    starts_in_ms: int, fields: dict[str, bool], going: bool, near: bool
) -> None:
    assert (is_going(game(starts_in_ms, **fields), NOW), is_near(game(starts_in_ms, **fields), NOW)) == (
        going,
        near,
    )


def test_the_game_that_needs_it_most_sets_the_pace() -> None:
    pace = {"going_s": 10.0, "near_s": 60.0, "idle_s": 3_600.0}
    far, near, going = game(5 * HOUR_MS), game(HOUR_MS // 2), game(-HOUR_MS)

    assert every_s([], NOW, **pace) == 3_600.0
    assert every_s([far], NOW, **pace) == 3_600.0
    assert every_s([far, near], NOW, **pace) == 60.0
    assert every_s([far, near, going], NOW, **pace) == 10.0

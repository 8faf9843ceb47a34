import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.domain.settlement import Chances, Result, over_chances, over_line, profit, settle

SCORES = st.integers(0, 60)
LINES = st.integers(-80, 80).map(lambda quarters: quarters / 4)


@pytest.mark.parametrize(
    ("market", "outcome", "line", "score", "result"),
    [
        ("h2h", 0, 0.0, (2, 1), Result.WON),
        ("h2h", 1, 0.0, (2, 1), Result.LOST),
        ("h2h", 0, 0.0, (1, 1), Result.PUSHED),
        ("h2h", 1, 0.0, (1, 1), Result.PUSHED),
        ("h2h_3way", 0, 0.0, (1, 1), Result.LOST),
        ("h2h_3way", 1, 0.0, (0, 1), Result.WON),
        ("h2h_3way", 2, 0.0, (1, 1), Result.WON),
        ("h2h_3way", 2, 0.0, (1, 0), Result.LOST),
        ("spread", 0, -3.5, (27, 23), Result.WON),
        ("spread", 1, -3.5, (27, 23), Result.LOST),
        ("spread", 0, -3.0, (27, 24), Result.PUSHED),
        ("spread", 0, -0.25, (1, 1), Result.HALF_LOST),
        ("spread", 1, -0.25, (1, 1), Result.HALF_WON),
        ("spread", 0, -0.75, (2, 1), Result.HALF_WON),
        ("spread", 0, -0.75, (3, 1), Result.WON),
        ("spread", 0, 1.25, (0, 1), Result.HALF_WON),
        ("total", 0, 44.5, (24, 21), Result.WON),
        ("total", 1, 44.5, (24, 20), Result.WON),
        ("total", 0, 45.0, (24, 21), Result.PUSHED),
        ("total", 0, 2.25, (1, 1), Result.HALF_LOST),
        ("total", 1, 2.75, (2, 1), Result.HALF_LOST),
        ("btts", 0, 0.0, (2, 1), Result.WON),
        ("btts", 0, 0.0, (2, 0), Result.LOST),
        ("btts", 1, 0.0, (0, 0), Result.WON),
        ("btts", 1, 0.0, (1, 1), Result.LOST),
    ],
)
def test_bets_settle_by_the_rules(
    market: str, outcome: int, line: float, score: tuple[int, int], result: Result
) -> None:
    assert settle(market, outcome, line, *score) is result


@given(st.sampled_from(["spread", "total"]), LINES, SCORES, SCORES, st.floats(1.01, 10.0))
def test_a_quarter_line_is_half_a_bet_on_each_neighbour(
    market: str, line: float, home: int, away: int, price: float
) -> None:
    whole = profit(settle(market, 0, line, home, away), price)
    if line % 0.5:
        halves = [profit(settle(market, 0, line + step, home, away), price) for step in (-0.25, 0.25)]
        assert whole == pytest.approx(sum(halves) / 2)


@given(st.sampled_from(["h2h", "spread", "total"]), LINES, SCORES, SCORES)
def test_what_one_side_wins_the_other_loses(market: str, line: float, home: int, away: int) -> None:
    first, second = (profit(settle(market, outcome, line, home, away), 2.0) for outcome in (0, 1))

    assert first == -second


@given(LINES, SCORES, SCORES)
def test_swapping_the_teams_mirrors_the_spread(line: float, home: int, away: int) -> None:
    assert settle("spread", 0, line, home, away) is settle("spread", 1, -line, away, home)


@pytest.mark.parametrize(
    ("result", "expected"),
    [("WON", 1.5), ("HALF_WON", 0.75), ("PUSHED", 0.0), ("HALF_LOST", -0.5), ("LOST", -1.0), ("VOID", 0.0)],
)
def test_profit_of_each_result_at_two_and_a_half(result: str, expected: float) -> None:
    assert profit(Result[result], 2.5) == expected


@given(LINES, st.lists(st.floats(0.01, 1.0), min_size=41, max_size=41))
def test_chances_on_a_line_are_those_of_settling_each_number(line: float, shares: list[float]) -> None:
    mass = {number: share / math.fsum(shares) for number, share in zip(range(-20, 21), shares, strict=True)}

    chances = over_chances(line, lambda x: math.fsum(p for number, p in mass.items() if number > x))

    by_result = dict.fromkeys(Result, 0.0)
    for number, probability in mass.items():
        by_result[over_line(number, line)] += probability
    assert (*chances, chances.lose) == pytest.approx(
        (
            by_result[Result.WON],
            by_result[Result.PUSHED],
            by_result[Result.HALF_WON],
            by_result[Result.HALF_LOST],
            by_result[Result.LOST],
        ),
        abs=1e-12,
    )


def test_the_other_side_wins_where_this_one_loses() -> None:
    chances = Chances(win=0.5, half_lose=0.125)

    assert chances.opposite == Chances(win=0.375, half_win=0.125)
    assert chances.fair + chances.opposite.fair == 1.0


def test_a_sure_refund_favours_no_side() -> None:
    assert Chances(win=0.0, push=1.0).fair == 0.5


@pytest.mark.parametrize(
    ("market", "outcome"), [("h2h", 2), ("spread", -1), ("btts", 2), ("corners", 0), ("h2h_3way", 3)]
)
def test_a_market_without_a_rule_is_refused(market: str, outcome: int) -> None:
    with pytest.raises(ValueError, match="no rule"):
        settle(market, outcome, 0.0, 1, 0)


@pytest.mark.parametrize("line", [0.1, math.nan, math.inf])
def test_a_line_that_is_no_quarter_is_refused(line: float) -> None:
    with pytest.raises(ValueError, match=r"multiple of 0\.25"):
        settle("total", 0, line, 1, 0)

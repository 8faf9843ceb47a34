import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.domain.arbitrage import low_hold
from pipeline.domain.middles import break_even_chance, cost, expected_profit, profits, window
from pipeline.domain.settlement import profit, settle

PRICE = 1.9375  # exact in binary, as is half of what it wins


@st.composite
def lines(draw: st.DrawFn) -> tuple[float, float]:
    lower = draw(st.integers(-40, 40)) / 4
    return lower, lower + draw(st.integers(1, 20)) / 4


@given(lines(), st.integers(1, 5_000), st.integers(1, 5_000))
def test_profits_are_those_of_settling_every_margin(
    pair: tuple[float, float], first: int, second: int
) -> None:
    found = profits(pair, (PRICE, PRICE), (first, second))

    for margin in range(-30, 31):
        home, away = max(margin, 0), max(-margin, 0)
        results = settle("spread", 0, -pair[0], home, away), settle("spread", 1, -pair[1], home, away)
        returned = [
            math.floor((1.0 + profit(result, PRICE)) * stake)
            for result, stake in zip(results, (first, second), strict=True)
        ]
        nearest = min(max(margin, min(found)), max(found))
        assert found[nearest] == sum(returned) - first - second
    both = [number for number in range(-30, 31) if pair[0] + 0.5 <= number <= pair[1] - 0.5]
    assert list(window(pair)) == both


@given(lines(), st.lists(st.floats(0.01, 1.0), min_size=61, max_size=61))
def test_expected_profit_is_that_of_every_number(pair: tuple[float, float], parts: list[float]) -> None:
    chances = {number: part / math.fsum(parts) for number, part in zip(range(-30, 31), parts, strict=True)}

    expected = expected_profit(
        pair,
        (1.91, 1.95),
        (10_000, 9_800),
        lambda x: math.fsum(chance for number, chance in chances.items() if number > x),
    )

    found = profits(pair, (1.91, 1.95), (10_000, 9_800))
    by_number = [
        chance * found[min(max(number, min(found)), max(found))] for number, chance in chances.items()
    ]
    assert expected == pytest.approx(math.fsum(by_number), abs=1e-8)


def test_a_known_middle() -> None:
    # Over 44.5 and under 47.5 at 1.91: a miss costs 2 - o of the two stakes of 1.
    assert cost((44.5, 47.5), (1.91, 1.91), (10_000, 10_000)) == 900
    assert list(window((44.5, 47.5))) == [45, 46, 47]
    assert break_even_chance((1.91, 1.91)) == pytest.approx(0.0471, abs=5e-5)
    assert break_even_chance((2.1, 2.1)) == 0.0


@given(st.floats(1.5, 2.5), st.floats(1.5, 2.5))
def test_at_the_break_even_chance_a_middle_of_even_stakes_is_worth_nothing(
    first: float, second: float
) -> None:
    prices, legs = (first, second), (round(1e9 / first), round(1e9 / second))
    chance = break_even_chance(prices)

    worth = expected_profit((2.5, 3.5), prices, legs, lambda x: (1.0 + (chance if x < 3.0 else -chance)) / 2)

    if chance > 0.0:
        assert worth == pytest.approx(0.0, abs=10.0)
    else:
        assert worth >= -10.0


@pytest.mark.parametrize("pair", [(3.5, 3.5), (4.5, 3.5), (3.1, 4.5)])
def test_lines_without_room_between_them_are_refused(pair: tuple[float, float]) -> None:
    with pytest.raises(ValueError, match=r"middle|multiple of 0\.25"):
        window(pair)


def test_low_hold_is_what_backing_everything_costs() -> None:
    assert low_hold([2.02, 1.97], most=0.01) == pytest.approx(1.0 - 1.0 / (1 / 2.02 + 1 / 1.97))
    assert low_hold([1.95, 1.95], most=0.02) is None
    assert low_hold([2.05, 2.05], most=0.02) is None
    assert low_hold([2.0, 2.0], most=0.0) == 0.0

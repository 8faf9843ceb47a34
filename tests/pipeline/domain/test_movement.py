import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.domain.movement import closing_line_value, log_odds, log_odds_move
from pipeline.domain.odds import implied

INSIDE = st.floats(0.001, 0.999)


def test_short_prices_move_further_than_long_ones_by_the_same_tenth() -> None:
    short = abs(log_odds_move(implied(1.10), implied(1.20)))
    long = abs(log_odds_move(implied(8.00), implied(8.10)))

    assert short > 40 * long


@given(INSIDE, INSIDE)
def test_the_other_outcome_moves_the_other_way(before: float, after: float) -> None:
    assert log_odds_move(1.0 - before, 1.0 - after) == pytest.approx(-log_odds_move(before, after), abs=1e-9)


@given(INSIDE, INSIDE, INSIDE)
def test_moves_add_up(first: float, second: float, third: float) -> None:
    parts = log_odds_move(first, second) + log_odds_move(second, third)

    assert parts == pytest.approx(log_odds_move(first, third), abs=1e-9)


@pytest.mark.parametrize("probability", [0.0, 1.0, -0.1, math.nan])
def test_certainties_have_no_log_odds(probability: float) -> None:
    with pytest.raises(ValueError, match="log-odds"):
        log_odds(probability)


@pytest.mark.parametrize(("price", "fair", "value"), [(2.0, 0.5, 0.0), (2.2, 0.5, 0.1), (1.9, 0.5, -0.05)])
def test_closing_line_value_is_the_profit_expected_at_the_close(
    price: float, fair: float, value: float
) -> None:
    assert closing_line_value(price, fair) == pytest.approx(value)


def test_closing_line_value_of_nonsense_is_refused() -> None:
    with pytest.raises(ValueError, match="decimal price"):
        closing_line_value(1.0, 0.5)
    with pytest.raises(ValueError, match="probability"):
        closing_line_value(2.0, 1.01)

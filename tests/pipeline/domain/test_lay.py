import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.domain.lay import (
    back_after_commission,
    back_as_lay,
    back_before_commission,
    hedge_profits,
    hedge_stake,
    liability,
)
from pipeline.domain.odds import checked_commission, lay_as_back

PRICES = st.floats(1.01, 50.0)
COMMISSIONS = st.floats(0.0, 0.2)


def test_a_known_back_and_lay() -> None:
    stake = hedge_stake(2.10, 100.0, 1.98, 0.05)

    assert stake == pytest.approx(108.808, abs=5e-4)
    assert hedge_profits(2.10, 100.0, 1.98, stake, 0.05) == pytest.approx((3.3679, 3.3679), abs=5e-5)


def test_a_known_back_and_lay_that_do_not_pay() -> None:
    stake = hedge_stake(2.10, 100.0, 2.06, 0.05)

    assert hedge_profits(2.10, 100.0, 2.06, stake, 0.05) == pytest.approx((-0.7463, -0.7463), abs=5e-5)


@given(PRICES, PRICES, COMMISSIONS)
def test_a_hedge_brings_the_same_either_way_and_pays_just_where_the_prices_say(
    back: float, lay: float, commission: float
) -> None:
    stake = hedge_stake(back, 100.0, lay, commission)

    won, lost = hedge_profits(back, 100.0, lay, stake, commission)

    assert won == pytest.approx(lost, abs=1e-9 * (1.0 + back) * (1.0 + stake))
    distance = back * (1.0 - commission) - (lay - commission)
    if abs(distance) > 1e-6:
        assert (lost > 0.0) == (distance > 0.0)


@given(PRICES, COMMISSIONS, st.floats(1.0, 1e6))
def test_a_lay_is_a_back_of_everything_else_with_its_liability_as_the_stake(
    price: float, commission: float, stake: float
) -> None:
    at_risk = liability(stake, price)

    assert at_risk * (lay_as_back(price, commission) - 1.0) == pytest.approx(stake * (1.0 - commission))


@given(PRICES, COMMISSIONS)
def test_commission_is_put_on_as_it_is_taken_off(price: float, commission: float) -> None:
    assert back_before_commission(back_after_commission(price, commission), commission) == pytest.approx(
        price
    )
    assert back_as_lay(lay_as_back(price, commission), commission) == pytest.approx(price)
    assert back_after_commission(price, 0.0) == pytest.approx(price)


def test_a_known_lay_as_the_opposite_back() -> None:
    assert lay_as_back(2.06, 0.02) == pytest.approx(1.924528, abs=5e-7)
    assert back_as_lay(1.924528, 0.02) == pytest.approx(2.06, abs=5e-6)


@pytest.mark.parametrize("commission", [-0.01, 1.0, math.nan])
def test_what_is_no_share_of_winnings_is_refused(commission: float) -> None:
    with pytest.raises(ValueError, match="commission"):
        checked_commission(commission)

"""What is published as open arbitrage against planted phantoms, and how that is judged."""

import msgspec
import pytest

from pipeline.records import Arbitrage, Leg
from tests.benchmarks.phantoms import Fault, Found, Place, Quote, measured, wrong
from tests.make import T0

HOME: Place = ("sim-harbour", "h2h", "game", 0.0)
AWAY: Place = ("sim-zenith", "h2h", "game", 0.0)
BOURSE: Place = ("sim-bourse", "h2h", "game", 0.0)
BOARD = {
    HOME: Quote((2.2, 1.7), True),
    AWAY: Quote((1.7, 2.1), True),
    BOURSE: Quote((2.0, 2.0), True, (2.04, 2.04)),
}


def leg(outcome: int, book: str, price: float, stake_minor: int, side: str = "back") -> Leg:
    return Leg(
        outcome=outcome,
        book=book,
        price=price,
        stake_minor=stake_minor,
        quoted_at_ms=T0,
        seen_at_ms=T0,
        source="simulator",
        break_even_price=0.0,
        side=side,
    )


def arbitrage(*legs: Leg) -> Arbitrage:
    return Arbitrage(
        id="one",
        market="h2h",
        scope="game",
        line=0.0,
        legs=legs,
        roi=0.0,
        stake_minor=0,
        profit_minor=0,
        suspect=(),
        opened_at_ms=T0,
    )


BACKS = arbitrage(leg(0, "sim-harbour", 2.2, 48_800), leg(1, "sim-zenith", 2.1, 51_200))


def test_honest_open_legs_that_pay_whatever_happens_are_right() -> None:
    assert wrong(BACKS, BOARD, {}) == ""


def test_a_leg_at_fault_makes_it_wrong_by_the_name_of_the_fault() -> None:
    assert wrong(BACKS, BOARD, {AWAY: Fault("stuck", (1.7, 2.0))}) == "stuck"


@pytest.mark.parametrize(
    ("quote", "why"),
    [
        (Quote((1.7, 2.1), False), "not_open"),
        (Quote((1.7, 2.08), True), "not_shown"),
    ],
)
def test_a_price_that_is_not_there_makes_it_wrong(quote: Quote, why: str) -> None:
    assert wrong(BACKS, {**BOARD, AWAY: quote}, {}) == why


def test_commission_is_taken_before_it_is_said_to_pay() -> None:
    # Of a lay of 510.00 at 2.04 the back's 500.00 leave 10.00, of which the exchange keeps 10.20.
    hedged = arbitrage(leg(0, "sim-harbour", 2.2, 50_000), leg(0, "sim-bourse", 2.04, 54_455, "lay"))
    dear = msgspec.structs.replace(hedged, legs=(hedged.legs[0], leg(0, "sim-bourse", 2.04, 51_000, "lay")))

    assert wrong(hedged, BOARD, {}) == ""
    assert wrong(dear, BOARD, {}) == "no_profit"


def test_most_that_is_open_is_true_and_most_that_is_true_is_open() -> None:
    total = Found()
    for seed in (101, 102):
        total.add(measured(seed, events=3))

    assert total.right > 100
    assert total.precision >= 0.98
    assert total.recall >= 0.95
    assert 0.03 < total.planted < 0.2

"""Legs of an arbitrage: lays, commission, limits, settlement rules, low hold, and middles."""

import itertools
from typing import Any

import pytest

from pipeline.domain import limits
from pipeline.records import Arbitrage, Depth, Line, OddsSnapshot
from pipeline.settings import Rules
from pipeline.stages.markets import MARKETS
from tests.make import EVENT, Followed, quote, snapshot

EXCHANGE = "betfair_ex_eu"


def found(record: OddsSnapshot, **rules: Any) -> tuple[Arbitrage, ...]:
    event = Followed(MARKETS, Rules(**rules))
    event(record)
    return event.last["bets.arbitrage"].arbitrages if "bets.arbitrage" in event.last else ()


def waiting(*lays: float, sizes: tuple[int, ...] = (), **fields: Any) -> Depth:
    three = len(lays) == 3
    where = {"market": "h2h_3way", "scope": "regulation"} if three else {"market": "h2h", "scope": "game"}
    return Depth(
        **{"book": EXCHANGE, **where, **fields},
        lay_prices=lays,
        back_sizes=(0,) * len(lays),
        lay_sizes=sizes or (0,) * len(lays),
    )


def test_a_back_and_a_lay_lock_in_what_commission_leaves() -> None:
    """The oracle: back 100 at 2.10, lay 108.808 at 1.98 with 5 %: 3.3679 either way."""
    record = snapshot(quote("a", 2.10, 1.75), quote(EXCHANGE, 1.96, 1.9), depth=(waiting(1.98, 2.04),))

    (one,) = found(record, stake_unit_minor=1, arbitrage_total_minor=20_663)

    back, lay = one.legs
    assert [(leg.book, leg.side, leg.outcome, leg.commission) for leg in one.legs] == [
        ("a", "back", 0, 0.0),
        (EXCHANGE, "lay", 0, 0.05),
    ]
    assert (back.stake_minor, lay.stake_minor) == pytest.approx((10_000, 10_881), abs=2)
    assert one.profit_minor == pytest.approx(336, abs=1)
    assert lay.at_risk_minor == pytest.approx(lay.stake_minor * 0.98, abs=1)
    assert one.stake_minor == back.stake_minor + lay.at_risk_minor


def test_a_lay_that_commission_eats_is_none() -> None:
    record = snapshot(quote("a", 2.10, 1.75), quote(EXCHANGE, 1.96, 1.9), depth=(waiting(2.06, 2.2),))

    assert all(one.kind != "arbitrage" for one in found(record))


def test_of_three_outcomes_one_backed_and_laid_is_enough() -> None:
    record = snapshot(
        quote("a", 2.10, 3.2, 3.4), quote(EXCHANGE, 1.96, 3.3, 3.5), depth=(waiting(1.98, 3.4, 3.6),)
    )

    (one,) = found(record)

    assert [(leg.side, leg.outcome) for leg in one.legs] == [("back", 0), ("lay", 0)]


def test_no_more_is_staked_than_waits_at_the_exchange_or_a_book_takes() -> None:
    record = snapshot(
        quote("a", 2.10, 1.75),
        quote(EXCHANGE, 1.96, 1.9),
        depth=(waiting(1.98, 2.04, sizes=(5_000, 5_000)),),
    )

    (small,) = found(record)
    assert small.legs[1].stake_minor <= 5_000 == small.legs[1].most_minor

    (smaller,) = found(record, stake_limits={"a": (100, 2_000)})
    assert smaller.legs[0].stake_minor <= 2_000 == smaller.legs[0].most_minor

    assert found(record, stake_limits={"a": (6_000, 9_000)}) == ()  # more than the lay could answer


def test_commission_on_a_back_counts() -> None:
    lines = quote("a", 2.10, 1.75), quote("matchbook", 1.8, 1.92)

    (one,) = found(snapshot(*lines), commissions={"matchbook": 0.0})
    assert one.kind == "arbitrage"

    assert all(one.kind != "arbitrage" for one in found(snapshot(*lines), commissions={"matchbook": 0.05}))


def test_whoever_laid_nothing_more_has_nothing_waiting() -> None:
    event = Followed(MARKETS)
    lines = quote("a", 2.10, 1.75), quote(EXCHANGE, 1.96, 1.9)
    event(snapshot(*lines, depth=(waiting(1.98, 2.04),)))
    (one,) = event.last["bets.arbitrage"].arbitrages

    event(snapshot(*lines, seconds=5))

    (change,) = event.last["bets.arbitrage"].changes
    assert (change.id, change.change, change.reason) == (one.id, "withdrawn", "price")


@pytest.mark.parametrize("unit", [100, 500, 2_500])
def test_no_other_stakes_have_a_better_worst_outcome(unit: int) -> None:
    """Brute force over every pair of stakes within total and limits."""
    (one,) = found(
        snapshot(quote("a", 2.15, 1.75), quote("b", 1.80, 2.05)),
        stake_unit_minor=unit,
        arbitrage_total_minor=30_000,
    )

    legs = limits.Leg(2.15, 100_000, 100, unit), limits.Leg(2.05, 100_000, 100, unit)
    stakes = range(unit, 30_001, unit)
    worst = max(
        min(limits.paid(legs[0], first), limits.paid(legs[1], second)) - first - second
        for first, second in itertools.product(stakes, stakes)
        if first + second <= 30_000
    )
    assert one.profit_minor == worst


def test_books_that_settle_alike_are_clean_and_others_say_what_that_may_cost() -> None:
    event_id = EVENT.replace("sim-nfl", "sim-mlb")
    lines = quote("a", 2.15, 1.75), quote("sim-zenith", 1.80, 2.05)

    (alike,) = found(snapshot(*lines))
    assert (alike.clean, alike.rules, alike.suspect) == (True, (), ())

    record = snapshot(*lines, event_id=event_id)
    (unlike,) = _of_event(event_id, record)
    assert not unlike.clean
    assert [rule.rule for rule in unlike.rules] == ["listed_pitcher"]
    assert unlike.rules[0].profit_minor < -40_000
    assert unlike.suspect == ("rules_differ",)


def _of_event(event_id: str, record: OddsSnapshot) -> tuple[Arbitrage, ...]:
    event = Followed(MARKETS, event_id=event_id)
    event(record)
    return event.last["bets.arbitrage"].arbitrages


def test_every_outcome_for_next_to_nothing_is_a_low_hold() -> None:
    (one,) = found(snapshot(quote("a", 2.00, 1.85), quote("b", 1.85, 1.995)))

    assert (one.kind, one.suspect) == ("low_hold", ())
    assert -0.005 < one.roi < 0.0
    assert one.profit_minor < 0
    assert found(snapshot(quote("a", 1.97, 1.85), quote("b", 1.85, 1.995))) == ()


def totals(line: float, over: float, under: float, books: str) -> list[Line]:
    return [quote(book, over, under, market="total", line=line) for book in books]


def test_two_lines_with_a_gap_that_is_hit_often_enough_are_a_middle() -> None:
    lines = [*totals(43.5, 1.75, 2.05, "abc"), *totals(47.5, 2.05, 1.75, "abc")]
    lines += totals(43.5, 1.90, 1.90, "d") + totals(47.5, 1.90, 1.90, "e")

    (one,) = found(snapshot(*lines))

    assert one.kind == "middle"
    assert [(leg.book, leg.outcome, leg.line, leg.price) for leg in one.legs] == [
        ("d", 0, 43.5, 1.90),
        ("e", 1, 47.5, 1.90),
    ]
    assert one.hit_probability == pytest.approx(0.08, abs=0.03)
    assert one.break_even_probability == pytest.approx(2 / 1.9 - 1)
    assert one.expected_value == pytest.approx((1 + one.hit_probability) / (2 / 1.9) - 1)
    assert one.profit_minor == pytest.approx(-5_000, abs=100)


def test_a_gap_that_is_seldom_hit_is_no_middle() -> None:
    lines = [*totals(43.5, 1.91, 1.91, "abc"), *totals(44.5, 1.91, 1.91, "def")]

    assert all(one.kind != "middle" for one in found(snapshot(*lines)))


def test_a_spread_has_middles_too_and_they_mirror() -> None:
    def spread(line: float, home: float, away: float, books: str) -> list[Line]:
        return [quote(book, home, away, market="spread", line=line) for book in books]

    lines = [*spread(-2.5, 1.72, 2.1, "abc"), *spread(-6.5, 2.1, 1.72, "abc")]
    lines += spread(-2.5, 1.90, 1.90, "d") + spread(-6.5, 1.90, 1.90, "e")
    mirrored = [quote(each.book, *each.prices[::-1], market="spread", line=-each.line) for each in lines]

    (one,), (other,) = [found(snapshot(*each), maximum_low_hold=0.0) for each in (lines, mirrored)]

    assert [(leg.book, leg.outcome, leg.line) for leg in one.legs] == [("d", 0, -2.5), ("e", 1, -6.5)]
    assert [(leg.book, leg.outcome, leg.line) for leg in other.legs] == [("e", 0, 6.5), ("d", 1, 2.5)]
    assert one.expected_value == pytest.approx(other.expected_value)


def test_low_hold_and_middles_keep_the_limits_of_their_books() -> None:
    (low,) = found(
        snapshot(quote("a", 2.00, 1.85), quote("b", 1.85, 1.995)), stake_limits={"a": (100, 10_000)}
    )
    assert max(leg.stake_minor for leg in low.legs if leg.book == "a") <= 10_000
    assert low.stake_minor < 21_000

    lines = [*totals(43.5, 1.75, 2.05, "abc"), *totals(47.5, 2.05, 1.75, "abc")]
    lines += totals(43.5, 1.90, 1.90, "d") + totals(47.5, 1.90, 1.90, "e")
    (middle,) = found(snapshot(*lines), stake_limits={"e": (100, 5_000)}, maximum_low_hold=0.0)
    assert [leg.stake_minor for leg in middle.legs] == [5_000, 5_000]
    assert found(snapshot(*lines), stake_limits={"e": (200_000, 300_000)}, maximum_low_hold=0.0) == ()

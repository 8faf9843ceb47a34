"""What became of an arbitrage: how long it stood, and whether its books stood by their prices."""

from typing import Any

import pytest

from pipeline.records import ClockTick, GameStatus, Life, QuoteStatus, SourceState
from pipeline.stages.markets import MARKETS
from tests.make import Followed, at, game, quote, snapshot, tick

HOME, AWAY = quote("a", 2.15, 1.75), quote("b", 1.80, 2.05)


def opened(seconds: float = 0.0) -> Followed:
    event = Followed(MARKETS)
    event(snapshot(HOME, AWAY, seconds=seconds))
    return event


def life(event: Followed) -> Life:
    (one,) = event.last["bets.arbitrage"].lives
    return one


def test_an_arbitrage_that_is_open_waits_for_its_books() -> None:
    one = life(opened())

    assert (one.opened_at_ms, one.ended_at_ms, one.phantom) == (at(0), 0, False)
    assert [(leg.book, leg.price, leg.verdict) for leg in one.legs] == [
        ("a", 2.15, "waiting"),
        ("b", 2.05, "waiting"),
    ]


@pytest.mark.parametrize(
    ("line", "verdict", "next_price", "phantom"),
    [
        pytest.param(AWAY, "stood", 2.05, False, id="there still"),
        pytest.param(quote("b", 1.7, 2.2), "stood", 2.2, False, id="better"),
        pytest.param(quote("b", 1.85, 2.0), "worse", 2.0, True, id="worse"),
        pytest.param(
            quote("b", 1.80, 2.05, status=QuoteStatus.SUSPENDED), "suspended", 2.05, True, id="shut"
        ),
        pytest.param(quote("c", 1.80, 2.05), "gone", 0.0, True, id="gone"),
    ],
)
def test_each_leg_is_judged_by_its_books_next_word(
    line: Any, verdict: str, next_price: float, phantom: bool
) -> None:
    event = opened()

    event(snapshot(HOME, line, seconds=10))

    answer, one = event.last["bets.arbitrage"], event.last["bets.arbitrage"].lives[0]
    home, away = one.legs
    assert (home.verdict, home.next_price, home.after_s) == ("stood", 2.15, 10.0)
    assert (away.verdict, away.next_price) == (verdict, next_price)
    assert one.phantom is phantom
    assert (answer.judged, answer.phantoms) == (1, int(phantom))


def test_a_look_at_which_the_book_has_said_nothing_new_is_no_verdict() -> None:
    event = Followed(MARKETS)
    said = [quote("a", 2.15, 1.75, quoted_at_ms=at(0)), quote("b", 1.80, 2.05, quoted_at_ms=at(0))]

    event(snapshot(*said), snapshot(*said, seconds=10))
    assert [leg.verdict for leg in life(event).legs] == ["waiting", "waiting"]

    again = [quote("a", 2.15, 1.75, quoted_at_ms=at(15)), quote("b", 1.80, 2.0, quoted_at_ms=at(16))]
    event(snapshot(*again, seconds=20))
    assert [leg.verdict for leg in life(event).legs] == ["stood", "worse"]


@pytest.mark.parametrize(
    "record",
    [
        pytest.param(
            tick(5, SourceState(source="simulator", down_since_ms=at(3), outages=1)), id="source down"
        ),
        pytest.param(
            game(5, status=GameStatus.LIVE, started_at_ms=at(-9), last_key_event_at_ms=at(4)), id="key event"
        ),
        pytest.param(game(5, status=GameStatus.FINAL), id="final"),
    ],
)
def test_what_nobody_could_see_counts_for_neither_side(record: Any) -> None:
    event = opened()

    event(record)

    answer = event.last["bets.arbitrage"]
    (one,) = answer.lives
    assert {leg.verdict for leg in one.legs} == {"unseen"}
    assert (one.ended_at_ms, one.phantom, answer.judged, answer.phantoms) == (at(5), False, 0, 0)


def test_how_long_it_lived_is_told_and_forgotten_ten_minutes_later() -> None:
    event = opened()
    event(snapshot(HOME, quote("b", 1.95, 1.8), seconds=10))
    assert (life(event).ended_at_ms, life(event).reason) == (at(10), "price")

    for seconds in range(30, 600, 20):
        event(snapshot(HOME, quote("b", 1.95, 1.8), seconds=seconds))
    assert life(event).ended_at_ms == at(10)

    event(tick(611))
    answer = event.last["bets.arbitrage"]
    assert (answer.lives, answer.judged, answer.phantoms) == ((), 1, 1)


def test_one_that_comes_back_has_a_second_life() -> None:
    event = opened()

    event(snapshot(HOME, quote("b", 1.95, 1.8), seconds=10), snapshot(HOME, AWAY, seconds=20))

    first, second = event.last["bets.arbitrage"].lives
    assert first.id == second.id
    assert (first.ended_at_ms, second.opened_at_ms, second.ended_at_ms) == (at(10), at(20), 0)


def test_a_tick_that_judges_nothing_changes_nothing() -> None:
    event = opened()

    assert event(ClockTick(received_at_ms=at(1))) == []

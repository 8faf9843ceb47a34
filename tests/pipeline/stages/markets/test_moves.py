"""Moves of the fair price over the last minutes."""

import pytest

from pipeline.records import GameStatus, OddsSnapshot
from pipeline.stages.markets import MARKETS
from pipeline.stages.markets.moves import POINTS
from tests.make import Followed, at, game, quote, snapshot, tick


def poll(seconds: float, home: float, away: float, books: str = "abc") -> OddsSnapshot:
    return snapshot(*[quote(book, home, away) for book in books], seconds=seconds)


def test_a_significant_move_is_told_for_each_outcome() -> None:
    event = Followed(MARKETS)

    event(poll(0, 1.91, 1.91), poll(20, 1.80, 2.04))

    home, away = event.last["odds.moves"].moves
    assert (home.outcome, away.outcome) == (0, 1)
    assert home.from_probability == pytest.approx(0.5)
    assert home.to_probability > 0.53
    assert home.log_odds == pytest.approx(-away.log_odds)
    assert (home.since_ms, home.at_ms, home.books, home.after_event) == (at(0), at(20), 3, False)


def test_a_small_move_is_none_and_several_add_up() -> None:
    event = Followed(MARKETS)

    event(poll(0, 1.91, 1.91), poll(20, 1.88, 1.94))
    assert "odds.moves" not in event.last

    event(poll(80, 1.85, 1.97), poll(140, 1.80, 2.04))
    assert event.last["odds.moves"].moves[0].since_ms == at(0)


def test_what_moved_before_the_window_is_no_move() -> None:
    event = Followed(MARKETS)

    event(poll(0, 1.91, 1.91), poll(400, 1.88, 1.94), poll(800, 1.85, 1.97), poll(1_300, 1.83, 2.0))

    assert "odds.moves" not in event.last


def test_only_books_that_moved_the_same_way_are_counted() -> None:
    event = Followed(MARKETS)

    event(
        poll(0, 1.91, 1.91, books="abcde"),
        snapshot(
            *[quote(book, 1.75, 2.1) for book in "abc"],
            quote("d", 2.0, 1.83),
            quote("e", 1.91, 1.91),
            seconds=20,
        ),
    )

    assert event.last["odds.moves"].moves[0].books == 3


def test_a_move_ends_after_the_window_by_tick() -> None:
    event = Followed(MARKETS)
    event(poll(0, 1.91, 1.91), poll(20, 1.80, 2.04))

    (answer,) = [record for record in event(tick(619), tick(620)) if hasattr(record, "moves")]

    assert (answer.moves, answer.received_at_ms) == ((), at(620))


def test_a_move_across_a_key_event_says_so() -> None:
    event = Followed(MARKETS)
    live = {"status": GameStatus.LIVE, "started_at_ms": at(-100)}

    event(
        game(-90, **live),
        poll(0, 1.91, 1.91),
        game(6, last_key_event_at_ms=at(5), **live),
        poll(20, 1.50, 2.70),
    )

    assert [move.after_event for move in event.last["odds.moves"].moves] == [True, True]


def test_what_is_remembered_of_a_market_is_bounded() -> None:
    event = Followed(MARKETS)

    for number in range(400):
        event(poll(number * 7, 1.91 + 0.2 * (number % 5), 1.91))

    (market,) = event.row.state.markets.values()
    assert len(market.path) <= POINTS + 2


def test_a_market_that_nobody_offers_any_more_is_forgotten_after_the_window() -> None:
    event = Followed(MARKETS)
    total = [quote(book, 1.9, 1.9, market="total", line=44.5) for book in "abc"]

    event(poll(0, 1.91, 1.91), snapshot(*total, seconds=10))
    assert len(event.row.state.markets) == 2

    event(snapshot(*total, seconds=700))
    assert list(event.row.state.markets) == [("total", "game", 44.5)]

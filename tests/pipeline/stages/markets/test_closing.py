"""The line before the start, as it stood when the game began."""

import pytest

from pipeline.records import ClosingLine, GameStatus, Line, QuoteStatus
from pipeline.stages.markets import MARKETS
from tests.make import Followed, at, game, quote, snapshot

START_S = 3_000


def poll(seconds: float, home: float = 1.91, away: float = 1.91, **fields: object) -> object:
    """Two books' moneylines."""
    return snapshot(
        quote("a", home, away), quote("b", home, away), seconds=seconds, starts_at_ms=at(START_S), **fields
    )


def live(seconds: float, started_s: float) -> object:
    return game(seconds, status=GameStatus.LIVE, started_at_ms=at(started_s), starts_at_ms=at(START_S))


def first_of(closing: ClosingLine) -> float:
    return closing.markets[0].probabilities[0]


def test_the_line_is_sent_when_it_moved_materially_and_not_before() -> None:
    event = Followed(MARKETS)

    def sent(*records: object) -> bool:
        return any(isinstance(answer, ClosingLine) for answer in event(*records))

    assert sent(poll(0))
    assert not sent(poll(10, 1.91, 1.90))
    assert sent(poll(20, 1.88, 1.94))
    assert not event.last["odds.closing"].final


def test_a_new_line_is_news() -> None:
    event = Followed(MARKETS)
    event(poll(0))

    total = [quote(book, 1.9, 1.9, market="total", line=44.5) for book in ("a", "b")]
    event(snapshot(quote("a", 1.91, 1.91), quote("b", 1.91, 1.91), *total, seconds=10))

    assert [market.market for market in event.last["odds.closing"].markets] == ["h2h", "total"]


def test_the_final_line_is_the_last_from_before_the_start_however_late_that_is_known() -> None:
    event = Followed(MARKETS)

    event(
        game(0, starts_at_ms=at(START_S)),
        poll(START_S - 20),
        poll(START_S + 40, 1.8, 2.05),
        poll(START_S + 110, 1.2, 4.5),
        live(START_S + 120, started_s=START_S + 100),
    )

    closing = event.last["odds.closing"]
    assert (closing.final, closing.started_at_ms) == (True, at(START_S + 100))
    assert [price.prices for price in closing.prices] == [(1.8, 2.05), (1.8, 2.05)]
    assert first_of(closing) == pytest.approx(0.535, abs=5e-3)
    assert {price.seen_at_ms for price in closing.prices} == {at(START_S + 40)}


def test_an_actual_start_corrected_to_earlier_revises_the_line() -> None:
    event = Followed(MARKETS)
    event(poll(START_S - 100), poll(START_S - 20, 1.8, 2.05), live(START_S, started_s=START_S))
    assert event.last["odds.closing"].prices[0].prices == (1.8, 2.05)

    event(live(START_S + 30, started_s=START_S - 60))

    closing = event.last["odds.closing"]
    assert (closing.final, closing.started_at_ms) == (True, at(START_S - 60))
    assert closing.prices[0].prices == (1.91, 1.91)


def test_a_start_taken_back_opens_the_line_again() -> None:
    event = Followed(MARKETS)
    event(poll(START_S - 20), live(START_S, started_s=START_S - 5))

    event(game(START_S + 10, starts_at_ms=at(START_S + 3600)), poll(START_S + 20, 1.8, 2.05))

    closing = event.last["odds.closing"]
    assert (closing.final, closing.prices[0].prices) == (False, (1.8, 2.05))


def test_a_final_line_is_sent_once_and_in_play_prices_do_not_touch_it() -> None:
    event = Followed(MARKETS)
    event(poll(START_S - 20), live(START_S, started_s=START_S - 5))

    answers = event(poll(START_S + 10, 1.2, 4.5), live(START_S + 20, started_s=START_S - 5))

    assert not any(isinstance(answer, ClosingLine) for answer in answers)


def test_a_live_game_that_does_not_say_when_it_started_has_started_when_that_was_learnt() -> None:
    event = Followed(MARKETS)

    event(poll(START_S - 20), live(START_S + 5, started_s=-at(0) / 1000))

    assert event.last["odds.closing"].started_at_ms == at(START_S + 5)


def test_without_a_game_feed_the_line_stands_from_the_scheduled_start_on_and_is_never_final() -> None:
    event = Followed(MARKETS)

    event(poll(START_S - 20), poll(START_S + 10, 1.2, 4.5))

    closing = event.last["odds.closing"]
    assert (closing.final, closing.prices[0].prices) == (False, (1.91, 1.91))


def test_a_game_that_is_late_keeps_its_line_open() -> None:
    event = Followed(MARKETS)

    event(poll(0), game(5, starts_at_ms=at(START_S)), poll(START_S + 600, 1.7, 2.2))

    assert event.last["odds.closing"].prices[0].prices == (1.7, 2.2)


@pytest.mark.parametrize("shut", [QuoteStatus.SUSPENDED, None])
def test_what_a_book_last_offered_openly_counts_when_it_stops_before_the_start(
    shut: QuoteStatus | None,
) -> None:
    event = Followed(MARKETS)
    stopped = [] if shut is None else [quote("a", 1.6, 2.4, status=shut)]

    event(
        poll(START_S - 60),
        snapshot(*stopped, quote("b", 1.9, 1.92), seconds=START_S - 20),
        live(START_S + 5, START_S),
    )

    closing = event.last["odds.closing"]
    assert [(price.book, price.prices) for price in closing.prices] == [
        ("a", (1.91, 1.91)),
        ("b", (1.9, 1.92)),
    ]
    assert closing.prices[0].seen_at_ms == at(START_S - 60)
    assert first_of(closing) == pytest.approx(0.5)


def test_a_line_that_its_book_replaced_is_not_a_closing_line() -> None:
    event = Followed(MARKETS)

    def spread(line: float) -> list[Line]:
        return [quote(book, 1.9, 1.9, market="spread", line=line) for book in ("a", "b")]

    event(
        snapshot(*spread(-3.0), seconds=START_S - 60),
        snapshot(*spread(-3.5), seconds=START_S - 20),
        live(START_S, START_S - 1),
    )

    closing = event.last["odds.closing"]
    assert [market.line for market in closing.markets] == [-3.5]
    assert {price.line for price in closing.prices} == {-3.5}


def test_a_published_closing_line_is_the_reference_only_where_no_consensus_is() -> None:
    event = Followed(MARKETS)
    published = [
        quote("closing", 1.87, 1.95, market=market, line=line, status=QuoteStatus.REFERENCE)
        for market, line in (("spread", -3.0), ("total", 45.0))
    ]
    event(snapshot(*published, source="nflverse"))

    closing = event.last["odds.closing"]
    assert [(market.market, market.basis) for market in closing.markets] == [
        ("spread", "reference"),
        ("total", "reference"),
    ]
    assert closing.prices == ()
    assert "odds.fair" not in event.last

    event(snapshot(*[quote(book, 1.9, 1.9, market="spread", line=-3.5) for book in ("a", "b")], seconds=5))
    event(live(20, 10))

    assert [(m.market, m.line, m.basis) for m in event.last["odds.closing"].markets] == [
        ("spread", -3.5, "consensus"),
        ("total", 45.0, "reference"),
    ]


def test_a_game_without_odds_has_no_closing_line() -> None:
    event = Followed(MARKETS)

    assert event(live(20, 10)) == []


def test_an_hour_after_the_start_only_the_final_line_is_kept() -> None:
    event = Followed(MARKETS)
    event(poll(START_S - 300), poll(START_S - 150), poll(START_S - 20), live(START_S, START_S - 1))
    assert len(event.row.state.closing.versions) == 3

    event(poll(START_S + 3_700))

    assert [version.at_ms for version in event.row.state.closing.versions] == [at(START_S - 20)]

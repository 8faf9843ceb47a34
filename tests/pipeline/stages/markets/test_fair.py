"""Fair prices: the desks' agreement, from complete, open, fresh prices."""

import msgspec
import pytest

from pipeline.domain.devig import METHODS, SAME_AS
from pipeline.records import FairMarket, GameStatus, Line, QuoteStatus
from pipeline.settings import Rules
from pipeline.stages.markets import MARKETS
from tests.make import Followed, at, game, quote, snapshot, tick


def fair(*lines: Line) -> tuple[FairMarket, ...]:
    event = Followed(MARKETS)
    event(snapshot(*lines))
    return event.last["odds.fair"].markets if event.last else ()


def test_two_desks_make_a_fair_price_by_the_power_method() -> None:
    (market,) = fair(quote("a", 1.33, 3.40), quote("b", 1.33, 3.40))

    assert market.probabilities == pytest.approx((0.73429, 0.26571), abs=1e-5)
    assert market.desks == 2
    assert market.overround == pytest.approx(0.0460, abs=1e-4)


def test_one_desk_is_no_consensus_however_many_brands_it_has() -> None:
    assert fair(quote("sim-copperline", 1.9, 1.9), quote("sim-copperline-extra", 1.9, 1.9)) == ()


def test_brands_of_a_desk_are_one_vote() -> None:
    brands = [quote(book, 1.5, 2.7) for book in ("sim-copperline", "sim-copperline-extra")]

    (market,) = fair(*brands, quote("x", 1.9, 1.9), quote("y", 1.9, 1.9))

    assert market.desks == 3
    assert market.probabilities == pytest.approx((0.5, 0.5))


@pytest.mark.parametrize(
    "line",
    [
        pytest.param(quote("c", 1.2, 4.9, status=QuoteStatus.SUSPENDED), id="suspended"),
        pytest.param(quote("c", 1.2, 4.9, status=QuoteStatus.REFERENCE), id="reference"),
        pytest.param(quote("c", 1.2, 0.0), id="an outcome missing"),
        pytest.param(quote("c", 1.2, 4.9, 9.0), id="another market"),
        pytest.param(quote("c", 1.2, 4.9, scope="h1"), id="another scope"),
    ],
)
def test_a_quote_that_cannot_be_bet_at_has_no_vote(line: Line) -> None:
    (market,) = fair(quote("a", 1.9, 1.9), quote("b", 1.9, 1.9), line)

    assert (market.desks, market.probabilities) == (2, pytest.approx((0.5, 0.5)))


def test_the_closing_book_of_published_lines_has_no_vote_even_when_shown_as_open() -> None:
    (market,) = fair(quote("a", 1.9, 1.9), quote("b", 1.9, 1.9), quote("closing", 1.2, 4.9))

    assert market.desks == 2


def test_each_line_is_a_market_of_its_own_and_they_are_sorted() -> None:
    places = [("total", 44.5), ("spread", -3.0), ("spread", -3.5), ("h2h", 0.0)]

    markets = fair(*[quote(book, 1.9, 1.9, market=m, line=line) for m, line in places for book in ("a", "b")])

    assert [(market.market, market.line) for market in markets] == sorted(places)


def test_a_fair_price_ends_when_its_quotes_are_stale_and_the_tick_for_it_is_due() -> None:
    event = Followed(MARKETS)
    event(snapshot(quote("a", 1.9, 1.9), quote("b", 1.9, 1.9)))
    assert event.due_s == 30.001

    assert event(tick(30)) == []
    (answer,) = event(tick(30.001))

    assert answer.markets == ()


def test_after_a_key_event_only_books_that_have_spoken_since_count() -> None:
    event = Followed(MARKETS)
    live = {"status": GameStatus.LIVE, "started_at_ms": at(-100)}
    books = ("a", "b", "c")
    event(game(-90, **live), snapshot(*[quote(book, 1.9, 1.9) for book in books]))

    event(game(6, last_key_event_at_ms=at(5), **live))
    assert event.last["odds.fair"].markets == ()

    event(
        snapshot(
            *[quote(book, 1.5, 2.7, quoted_at_ms=at(4 if book == "c" else 6)) for book in books], seconds=7
        )
    )
    (market,) = event.last["odds.fair"].markets
    assert market.desks == 2


def test_a_finished_game_has_no_fair_price() -> None:
    event = Followed(MARKETS)

    event(snapshot(quote("a", 1.9, 1.9), quote("b", 1.9, 1.9)), game(5, status=GameStatus.FINAL))

    assert event.last["odds.fair"].markets == ()


def test_weights_that_the_rules_name_are_those_of_the_consensus() -> None:
    lines = [quote("a", 1.5, 2.7), quote("b", 1.9, 1.9), quote("c", 1.9, 1.9)]
    plain, weighed = Followed(MARKETS), Followed(MARKETS, Rules(desk_weights={"a": 4.0}))

    plain(snapshot(*lines))
    weighed(snapshot(*lines))

    (one,), (other,) = plain.last["odds.fair"].markets, weighed.last["odds.fair"].markets
    assert one.probabilities == pytest.approx((0.5, 0.5))
    assert other.probabilities[0] > 0.55


def test_each_price_says_how_far_the_methods_are_apart_and_how_old_its_quotes_are() -> None:
    (market,) = fair(
        quote("a", 1.20, 4.80, quoted_at_ms=at(-9)),
        quote("b", 1.22, 4.60, quoted_at_ms=at(-3)),
        quote("c", 1.20, 4.80),
    )

    by_method = [devig([1.20, 4.80])[0] for devig in METHODS.values()]
    assert market.spreads[0] == pytest.approx(max(by_method) - min(by_method), abs=0.01)
    assert market.spreads[0] == pytest.approx(market.spreads[1])
    assert (market.newest_quoted_at_ms, market.oldest_quoted_at_ms) == (at(-3), at(-9))
    assert (market.newest_seen_at_ms, market.oldest_seen_at_ms) == (at(0), at(0))


def test_a_price_is_the_surer_the_more_desks_agree_on_it() -> None:
    (few,) = fair(*[quote(book, 1.9, 1.9) for book in "ab"], quote("x", 2.0, 1.8))
    (many,) = fair(*[quote(book, 1.9, 1.9) for book in "abcdefgh"], quote("x", 2.0, 1.8))
    (apart,) = fair(*[quote(book, 1.9, 1.9) for book in "ab"], quote("x", 2.3, 1.6))

    assert 0.0 < many.standard_errors[0] < few.standard_errors[0] < apart.standard_errors[0]


@pytest.mark.parametrize("method", [name for name in METHODS if name not in SAME_AS])
def test_the_margin_is_taken_out_as_the_rules_say(method: str) -> None:
    event = Followed(MARKETS, msgspec.convert({"devig": method}, Rules))
    event(snapshot(quote("a", 2.7, 2.3, 4.4), quote("b", 2.7, 2.3, 4.4)))

    answer = event.last["odds.fair"]
    assert answer.method == method
    assert answer.markets[0].probabilities == pytest.approx(METHODS[method]([2.7, 2.3, 4.4]))


@pytest.mark.parametrize("prices", [(3.0, 3.0), (19.1, 1.91), (1e5, 1e5)])
def test_a_book_that_pays_more_than_it_takes_has_no_vote(prices: tuple[float, float]) -> None:
    (market,) = fair(quote("a", 1.9, 1.9), quote("b", 1.9, 1.9), quote("wrong", *prices))

    assert market.desks == 2
    assert market.probabilities == pytest.approx((0.5, 0.5))
    assert market.overround > 0.0

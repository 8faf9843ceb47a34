"""Arbitrage: what is locked in, what only looks so, and why it ends."""

from typing import Any

import pytest

from pipeline.records import Arbitrage, Change, GameStatus, Line, QuoteStatus, SnapshotKind, SourceState
from pipeline.settings import Rules
from pipeline.stages.markets import MARKETS
from tests.make import Followed, at, game, quote, snapshot, tick

MARGIN = [quote(book, 1.95, 1.87) for book in ("a", "b", "c", "d")]


def found(*lines: Line, **rules: Any) -> tuple[Arbitrage, ...]:
    event = Followed(MARKETS, Rules(**rules))
    event(snapshot(*lines))
    return event.last["bets.arbitrage"].arbitrages if "bets.arbitrage" in event.last else ()


def test_the_best_price_of_each_outcome_is_staked_so_that_the_worst_gains_most() -> None:
    (one,) = found(quote("a", 2.15, 1.75), quote("b", 1.80, 2.05))

    assert [(leg.book, leg.price, leg.stake_minor) for leg in one.legs] == [
        ("a", 2.15, 48_800),
        ("b", 2.05, 51_200),
    ]
    assert one.roi == pytest.approx(0.049405, abs=1e-6)
    assert (one.stake_minor, one.profit_minor, one.suspect) == (100_000, 4_920, ())
    # The other leg filled, and this one's stake chosen anew: o / (o - 1).
    assert [leg.break_even_price for leg in one.legs] == pytest.approx([2.05 / 1.05, 2.15 / 1.15])


def test_three_outcomes_need_three_legs() -> None:
    (one,) = found(quote("a", 3.6, 2.3, 3.1), quote("b", 2.4, 2.6, 3.5), quote("c", 2.5, 2.4, 3.7))

    assert [leg.book for leg in one.legs] == ["a", "b", "c"]
    assert one.roi == pytest.approx(1 / (1 / 3.6 + 1 / 2.6 + 1 / 3.7) - 1)


@pytest.mark.parametrize(
    "lines",
    [
        pytest.param([quote("a", 1.90, 1.80), quote("b", 1.85, 1.85)], id="a margin is left"),
        pytest.param([quote("a", 2.00, 1.80), quote("b", 1.80, 2.00)], id="nothing is gained"),
        pytest.param([quote("a", 2.15, 2.05)], id="one book"),
        pytest.param(
            [quote("sim-copperline", 2.15, 1.8), quote("sim-copperline-extra", 1.8, 2.05)], id="one desk"
        ),
        pytest.param(
            [
                quote("a", 2.15, 1.8, market="spread", line=-3.5),
                quote("b", 1.8, 2.05, market="spread", line=-3.0),
            ],
            id="different lines",
        ),
        pytest.param([quote("a", 2.15, 1.8), quote("b", 1.8, 2.05, scope="h1")], id="different scopes"),
        pytest.param([quote("a", 2.6, 2.7, 3.5), quote("b", 2.6, 0.0, 4.0)], id="an outcome missing"),
        pytest.param(
            [quote("a", 2.15, 1.8), quote("b", 1.8, 2.05, status=QuoteStatus.SUSPENDED)], id="suspended"
        ),
        pytest.param(
            [quote("a", 2.15, 1.8), quote("b", 1.8, 2.05, status=QuoteStatus.REFERENCE)], id="reference"
        ),
        pytest.param(
            [
                quote(book, *prices, market="total", line=44.0)
                for book, prices in (("a", (2.15, 1.8)), ("b", (1.8, 2.05)))
            ],
            id="a whole line, on which all stakes may come back",
        ),
    ],
)
def test_no_arbitrage(lines: list[Line]) -> None:
    assert [one for one in found(*lines) if one.kind == "arbitrage"] == []


@pytest.mark.parametrize(("line", "profit"), [(44.5, 4_920), (44.25, 2_460)])
def test_the_profit_is_that_of_the_worst_result_on_the_line(line: float, profit: int) -> None:
    (one,) = found(
        quote("a", 2.15, 1.75, market="total", line=line), quote("b", 1.80, 2.05, market="total", line=line)
    )

    assert one.profit_minor == pytest.approx(profit, abs=60)


def test_where_one_desk_is_best_at_everything_the_cheaper_outcome_is_bet_elsewhere() -> None:
    (one,) = found(quote("a", 2.10, 2.12), quote("b", 2.02, 1.95), quote("c", 1.90, 1.90))

    assert [(leg.book, leg.price) for leg in one.legs] == [("b", 2.02), ("a", 2.12)]


def test_swapped_prices_are_a_suspect_and_hide_nothing_real() -> None:
    usual = [quote(book, 1.38, 3.2) for book in ("c", "d", "e", "f")]

    wild, real = sorted(
        found(quote("swapped", 3.2, 1.38), quote("b", 1.49, 2.8), quote("g", 1.30, 3.35), *usual),
        key=lambda one: one.suspect == (),
    )

    assert wild.suspect == ("beyond_belief", "outlier", "swapped")
    assert {leg.book for leg in wild.legs} == {"swapped", "g"}
    assert (real.suspect, [leg.book for leg in real.legs]) == ((), ["b", "g"])


def test_legs_heard_at_times_too_far_apart_are_a_suspect() -> None:
    event = Followed(MARKETS, Rules(stale_floor_ms=1_000_000, maximum_leg_gap_ms=60_000))
    event(snapshot(quote("a", 2.05, 1.8)), snapshot(quote("b", 1.8, 2.05), source="unheard", seconds=130))

    (one,) = event.last["bets.arbitrage"].arbitrages

    assert one.suspect == ("ages_apart",)
    assert event.last["bets.arbitrage"].changes == ()


@pytest.mark.parametrize(
    ("apart_s", "live", "suspect"),
    [
        pytest.param(119, False, (), id="before the start"),
        pytest.param(121, False, ("ages_apart",), id="too far apart before the start"),
        pytest.param(29, True, (), id="in play"),
        pytest.param(31, True, ("ages_apart",), id="too far apart in play"),
    ],
)
def test_books_that_spoke_too_far_apart_are_a_suspect_however_seldom_their_source_is_polled(
    apart_s: int, live: bool, suspect: tuple[str, ...]
) -> None:
    event = Followed(MARKETS)
    if live:
        event(game(-3_000, status=GameStatus.LIVE, started_at_ms=at(-3_000)))
    event(
        snapshot(
            quote("a", 2.05, 1.8, quoted_at_ms=at(-apart_s)),
            quote("b", 1.8, 2.05, quoted_at_ms=at(0)),
            source="the-odds-api-recorded",
        )
    )

    (one,) = event.last["bets.arbitrage"].arbitrages

    assert one.suspect == suspect


def test_in_play_nothing_is_bet_where_no_feed_says_what_happened_between_two_quotes() -> None:
    lines = [*MARGIN, quote("e", 2.2, 1.4)]
    unwatched, watched = Followed(MARKETS), Followed(MARKETS)
    watched(game(1, status=GameStatus.LIVE, started_at_ms=at(1)))

    for event in (unwatched, watched):
        event(snapshot(*lines, starts_at_ms=at(0), seconds=5))

    assert "odds.fair" in unwatched.last
    assert "bets.arbitrage" not in unwatched.last
    assert unwatched.last["bets.value"].bets == ()
    assert {reason for bet in unwatched.last["bets.value"].gated for reason in bet.reasons} == {"started"}
    assert watched.last["bets.arbitrage"].arbitrages
    assert watched.last["bets.value"].bets


def test_a_feed_that_has_fallen_silent_by_the_scheduled_start_closes_the_game_to_bets() -> None:
    event = Followed(MARKETS)
    event(
        game(0, starts_at_ms=at(20)), snapshot(*MARGIN, quote("e", 2.2, 1.4), starts_at_ms=at(20), seconds=5)
    )
    (one,) = event.last["bets.arbitrage"].arbitrages

    event(tick(20))

    assert event.last["bets.arbitrage"].arbitrages == ()
    assert event.last["bets.arbitrage"].changes == (Change(id=one.id, change="withdrawn", reason="started"),)


def test_a_suspect_becomes_open_when_the_doubt_is_gone() -> None:
    event = Followed(MARKETS)
    event(snapshot(*MARGIN, quote("e", 2.9, 1.4)))
    (suspect,) = event.last["bets.arbitrage"].arbitrages
    assert suspect.suspect

    event(snapshot(*MARGIN, quote("e", 2.2, 1.4), seconds=10))

    (one,) = event.last["bets.arbitrage"].arbitrages
    assert (one.id, one.suspect, one.opened_at_ms) == (suspect.id, (), at(10))
    assert event.last["bets.arbitrage"].changes == (Change(id=one.id, change="opened"),)

    event(snapshot(*MARGIN, quote("e", 2.9, 1.4), seconds=20))
    assert event.last["bets.arbitrage"].changes == (Change(id=one.id, change="withdrawn", reason="suspect"),)


SHUT = quote("e", 2.2, 1.4, status=QuoteStatus.SUSPENDED)
DOWN = SourceState(source="simulator", down_since_ms=at(2), outages=1)


@pytest.mark.parametrize(
    ("record", "reason"),
    [
        pytest.param(snapshot(*MARGIN, quote("e", 2.0, 1.5), seconds=5), "price", id="price"),
        pytest.param(snapshot(*MARGIN, SHUT, seconds=5), "suspended", id="suspended"),
        pytest.param(snapshot(*MARGIN, seconds=5), "gone", id="withdrawn"),
        pytest.param(snapshot(kind=SnapshotKind.GONE, seconds=5), "gone", id="gone"),
        pytest.param(tick(31), "stale", id="stale"),
        pytest.param(tick(3, DOWN), "source_down", id="source down"),
        pytest.param(game(5, status=GameStatus.LIVE, started_at_ms=at(3)), "started", id="started"),
        pytest.param(
            game(5, status=GameStatus.LIVE, started_at_ms=at(-9), last_key_event_at_ms=at(3)),
            "event",
            id="event",
        ),
        pytest.param(game(5, suspended=True), "suspended", id="game suspended"),
        pytest.param(game(5, status=GameStatus.SUSPENDED), "suspended", id="game interrupted"),
        pytest.param(game(5, status=GameStatus.FINAL), "finished", id="finished"),
        pytest.param(game(5, status=GameStatus.POSTPONED), "finished", id="postponed"),
    ],
)
def test_an_arbitrage_ends_with_a_reason(record: Any, reason: str) -> None:
    event = Followed(MARKETS)
    event(snapshot(*MARGIN, quote("e", 2.2, 1.4)))
    (one,) = event.last["bets.arbitrage"].arbitrages
    assert one.suspect == ()

    event(record)

    assert event.last["bets.arbitrage"].arbitrages == ()
    assert event.last["bets.arbitrage"].changes == (Change(id=one.id, change="withdrawn", reason=reason),)


def test_without_a_game_feed_what_was_quoted_before_the_scheduled_start_ends_with_it() -> None:
    event = Followed(MARKETS)
    event(snapshot(*MARGIN, quote("e", 2.2, 1.4), starts_at_ms=at(20)))
    assert event.due_s == 20

    event(tick(20))

    (change,) = event.last["bets.arbitrage"].changes
    assert (change.change, change.reason) == ("withdrawn", "started")


def test_a_comeback_keeps_its_id_and_is_opened_once_more() -> None:
    event = Followed(MARKETS)
    event(snapshot(*MARGIN, quote("e", 2.2, 1.4)))
    (one,) = event.last["bets.arbitrage"].arbitrages

    event(snapshot(*MARGIN, SHUT, seconds=5), snapshot(*MARGIN, quote("e", 2.2, 1.4), seconds=10))

    (again,) = event.last["bets.arbitrage"].arbitrages
    assert (again.id, again.opened_at_ms) == (one.id, at(10))
    assert event.last["bets.arbitrage"].changes == (Change(id=one.id, change="opened"),)


def test_a_new_price_changes_an_arbitrage_that_stays_open() -> None:
    event = Followed(MARKETS)
    event(snapshot(*MARGIN, quote("e", 2.2, 1.4)), snapshot(*MARGIN, quote("e", 2.21, 1.4), seconds=5))

    (one,) = event.last["bets.arbitrage"].arbitrages

    assert (one.legs[0].price, one.opened_at_ms, one.legs[0].seen_at_ms) == (2.21, at(0), at(5))
    assert event.last["bets.arbitrage"].changes == (Change(id=one.id, change="changed"),)


BRANDS = ("sim-copperline", "sim-copperline-extra")


def test_a_brand_that_leaves_its_desk_is_a_suspect_and_its_desk_is_not() -> None:
    lagging, mate = quote(BRANDS[0], 2.3, 1.6), quote(BRANDS[1], 2.02, 1.80)

    alone = found(*MARGIN, lagging)
    assert [one.suspect for one in alone] == [()]

    beside = found(*MARGIN, lagging, mate)
    assert beside[-1].suspect == ("off_desk",)
    assert all(BRANDS[0] not in {leg.book for leg in one.legs} for one in beside if not one.suspect)


@pytest.mark.parametrize(
    ("still_s", "moved", "suspect"),
    [
        pytest.param(70, "abcd", ("stale_leg",), id="all others have moved"),
        pytest.param(50, "abcd", (), id="not for long"),
        pytest.param(70, "ab", (), id="half of the others have not moved either"),
    ],
)
def test_a_price_that_stands_still_in_play_while_the_market_moves_is_a_suspect(
    still_s: int, moved: str, suspect: tuple[str, ...]
) -> None:
    event = Followed(MARKETS)
    slow = quote("slow", 2.2, 1.7)
    early = [quote(book, 2.1, 1.75) for book in "abcd"]
    late = [quote(book, 1.95, 1.87) if book in moved else quote(book, 2.1, 1.75) for book in "abcd"]
    event(game(-900, status=GameStatus.LIVE, started_at_ms=at(-900)), snapshot(slow, *early))
    for seconds in range(10, still_s, 10):
        event(snapshot(slow, *early, seconds=seconds))

    event(snapshot(slow, *late, seconds=still_s))

    (one,) = event.last["bets.arbitrage"].arbitrages
    assert "slow" in {leg.book for leg in one.legs}
    assert one.suspect == suspect


def test_before_the_start_a_price_may_stand_still() -> None:
    event = Followed(MARKETS)
    slow = quote("slow", 2.2, 1.7)
    for seconds in range(0, 100, 10):
        event(snapshot(slow, *[quote(book, 2.1, 1.75) for book in "abcd"], seconds=seconds))

    event(snapshot(slow, *[quote(book, 1.95, 1.87) for book in "abcd"], seconds=100))

    (one,) = event.last["bets.arbitrage"].arbitrages
    assert one.suspect == ()

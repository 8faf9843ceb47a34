"""Moves of the fair price over the last minutes: line and price together, against the market's own noise."""

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.domain.movement import log_odds_move
from pipeline.records import GameStatus, Line, Move, Moves, OddsSnapshot, QuoteStatus
from pipeline.settings import Lead, Rules
from pipeline.stages.markets import MARKETS
from pipeline.stages.markets.moves import POINTS
from tests.make import Followed, at, game, quote, snapshot, tick

LIVE = {"status": GameStatus.LIVE, "started_at_ms": at(-100)}
MEANS = {"margin_mean": 3.0, "total_mean": 45.0}
EVEN, SHORTER = (1.91, 1.91), (1.80, 2.04)


def poll(seconds: float, home: float, away: float, books: str = "abc", **fields: Any) -> OddsSnapshot:
    return snapshot(*[quote(book, home, away) for book in books], seconds=seconds, **fields)


def spread(seconds: float, **shown: tuple[float, float, float]) -> OddsSnapshot:
    """Each book's line, and the prices of home and away on it."""
    return snapshot(
        *[quote(book, *prices, market="spread", line=line) for book, (line, *prices) in shown.items()],
        seconds=seconds,
    )


def spreads(seconds: float, line: float, home: float, away: float) -> OddsSnapshot:
    return spread(seconds, **dict.fromkeys("abcd", (line, home, away)))


def moves(event: Followed) -> tuple[Move, ...]:
    answer = event.last.get("odds.moves", Moves(moves=()))
    assert isinstance(answer, Moves)
    return answer.moves


def test_a_significant_move_is_told_for_each_outcome() -> None:
    event = Followed(MARKETS)

    event(poll(0, *EVEN), poll(20, *SHORTER))

    home, away = moves(event)
    assert (home.outcome, away.outcome) == (0, 1)
    assert home.from_probability == pytest.approx(0.5)
    assert home.to_probability > 0.53
    assert home.log_odds == pytest.approx(log_odds_move(home.from_probability, home.to_probability))
    assert home.log_odds == pytest.approx(-away.log_odds)
    assert (home.since_ms, home.at_ms, home.books, home.desks) == (at(0), at(20), 3, 3)
    assert (home.after_event, home.cause, home.noise) == (False, "", pytest.approx(0.03, abs=0.001))


def test_a_small_move_is_none_and_several_add_up() -> None:
    event = Followed(MARKETS)

    event(poll(0, *EVEN), poll(20, 1.88, 1.94))
    assert moves(event) == ()

    event(poll(80, 1.85, 1.97), poll(140, *SHORTER))
    assert moves(event)[0].since_ms == at(0)


def test_what_moved_before_the_window_is_no_move() -> None:
    event = Followed(MARKETS)

    event(poll(0, *EVEN), poll(400, 1.88, 1.94), poll(800, 1.85, 1.97), poll(1_300, 1.83, 2.0))

    assert moves(event) == ()


def test_a_move_began_when_the_price_was_last_seen_where_it_had_been_for_hours() -> None:
    event = Followed(MARKETS)

    event(*[poll(seconds, *EVEN) for seconds in range(0, 7_200, 20)], poll(7_200, *SHORTER))

    assert moves(event)[0].since_ms == at(7_180)


@pytest.mark.parametrize("away", [20, 60])
def test_of_two_beginnings_that_are_equally_far_the_later_one_is_where_it_began(away: float) -> None:
    event = Followed(MARKETS)

    event(poll(0, *EVEN), poll(away, 1.87, 1.95), poll(120, *EVEN), poll(180, *EVEN), poll(200, *SHORTER))

    assert [move.since_ms for move in moves(event)] == [at(180), at(180)]


def test_a_move_that_goes_on_is_one_and_is_told_again_once_it_has_gone_markedly_further() -> None:
    event = Followed(MARKETS)
    event(poll(0, *EVEN), poll(20, *SHORTER))
    first = moves(event)

    event(poll(40, 1.79, 2.05))
    assert moves(event) == first

    event(poll(60, 1.70, 2.19))
    home, _ = moves(event)
    assert (home.since_ms, home.at_ms) == (at(0), at(60))
    assert home.log_odds > first[0].log_odds + 0.05


def test_a_move_that_turns_is_another_move() -> None:
    event = Followed(MARKETS)
    event(poll(0, *EVEN), poll(20, 1.70, 2.19))
    assert moves(event)[0].log_odds > 0.0

    event(poll(100, 1.70, 2.19), poll(120, *EVEN))

    assert moves(event)[0].log_odds < 0.0
    assert moves(event)[0].since_ms == at(100)


def test_only_books_that_moved_the_same_way_are_counted_and_brands_of_one_desk_are_one() -> None:
    event = Followed(MARKETS)
    brands = ("betrivers", "unibet", "ballybet")  # all of them Kambi's
    others = ("a", "b", "c", "d", "e")

    event(
        snapshot(*[quote(book, *EVEN) for book in (*brands, *others)], quote("there", 1.75, 2.1)),
        snapshot(
            *[quote(book, 1.75, 2.1) for book in (*brands, "a", "b", "c")],
            quote("d", 2.0, 1.83),
            quote("e", *EVEN),
            quote("there", 1.75, 2.1),
            seconds=20,
        ),
    )

    assert (moves(event)[0].books, moves(event)[0].desks) == (6, 4)


def test_desks_that_share_a_line_are_one_of_those_that_moved() -> None:
    same = Lead(leader="a", follower="b", lag_s=0.0, share=1.0, moves=90, same_line=True)
    event = Followed(MARKETS, Rules(leads={"american-football": (same,)}))

    event(poll(0, *EVEN), poll(20, *SHORTER))

    assert (moves(event)[0].books, moves(event)[0].desks) == (3, 2)


def test_a_move_ends_after_the_window_by_tick() -> None:
    event = Followed(MARKETS)
    event(poll(0, *EVEN), poll(20, *SHORTER))

    answers = [record for record in event(tick(619), tick(620)) if isinstance(record, Moves)]

    assert [(answer.moves, answer.received_at_ms) for answer in answers] == [((), at(620))]


class TestLineAndPrice:
    """One move, on a common scale."""

    def test_half_a_point_that_the_price_pays_for_is_no_move(self) -> None:
        event = Followed(MARKETS)

        event(spreads(0, -3.0, 1.91, 1.91), spreads(20, -3.5, 2.00, 1.83))

        assert moves(event) == ()

    def test_two_points_at_one_price_are_a_move_and_each_outcome_is_told_once(self) -> None:
        event = Followed(MARKETS)

        event(spreads(0, -3.0, 1.91, 1.91), spreads(20, -5.0, 1.91, 1.91))

        home, away = moves(event)
        assert [(move.from_line, move.line) for move in (home, away)] == [(-3.0, -5.0)] * 2
        assert home.from_probability == pytest.approx(0.5)
        assert home.to_probability == pytest.approx(0.5)
        # Two points of a margin that spreads by 13: 0.25 in log-odds.
        assert home.log_odds == pytest.approx(0.25, abs=0.03)
        assert away.log_odds == pytest.approx(-home.log_odds, abs=1e-6)
        assert (home.books, home.desks, home.since_ms) == (0, 4, at(0))

    def test_a_market_with_one_line_is_compared_without_a_scale(self) -> None:
        event = Followed(MARKETS)

        event(spreads(0, -3.0, 1.91, 1.91), spreads(20, -3.0, 1.75, 2.10))

        before, after = (fair(event, index, -3.0) for index in (0, -1))
        assert moves(event)[0].log_odds == log_odds_move(before, after)

    def test_all_lines_together_say_how_far_it_went(self) -> None:
        event = Followed(MARKETS)

        event(*[two_lines(20.0 * number, *prices) for number, prices in enumerate([EVEN, (1.75, 2.10)])])

        home = moves(event)[0]
        assert (home.from_line, home.line) == (-3.0, -3.0)
        assert home.log_odds == pytest.approx(0.18, abs=0.02)

    def test_desks_that_go_to_another_line_one_by_one_move_the_market_by_their_share(self) -> None:
        event = Followed(MARKETS)
        levels = []

        for number in range(7):
            on = dict.fromkeys("abcdefgh", (-3.0, *EVEN)) | dict.fromkeys("abcdef"[:number], (-5.0, *EVEN))
            event(spread(60.0 * number, **on))
            levels.append(max([abs(move.log_odds) for move in moves(event)], default=0.0))

        # A quarter of a log-odds for all, eight desks: no sooner than four of them say so is it 0.10.
        assert levels[:4] == [0.0] * 4
        assert 0.10 < levels[5] < 0.17
        assert moves(event)[0].desks == 5

    def test_two_desks_that_stay_on_the_old_line_do_not_hide_the_move_of_all_others(self) -> None:
        event = Followed(MARKETS)
        stay, go = dict.fromkeys("yz", (-3.0, 1.91, 1.91)), dict.fromkeys("abcdefgh", (-5.0, 1.91, 1.91))

        event(spread(0, **stay, **dict.fromkeys("abcdefgh", (-3.0, 1.91, 1.91))), spread(20, **stay, **go))

        assert {(move.from_line, move.line) for move in moves(event)} == {(-3.0, -5.0)}

    def test_a_desk_that_comes_and_goes_does_not_make_the_line_flicker(self) -> None:
        event = Followed(MARKETS)
        lines = set()
        for number in range(40):
            on = dict.fromkeys("abcd", (-3.0, 1.93, 1.89)) | dict.fromkeys("efgh", (-3.5, 1.98, 1.85))
            on["i"] = (-3.0, 1.93, 1.89) if number % 2 else (-3.5, 1.98, 1.85)
            event(spread(20.0 * number, **on))
            lines.add(event.row.state.ladders["spread", "game"].path[-1].line)

        assert len(lines) == 1
        assert moves(event) == ()

    def test_lines_that_take_turns_at_being_nearest_to_even_do_not_make_it_flicker(self) -> None:
        event = Followed(MARKETS)
        lines = []
        for number in range(20):
            tilt = 0.06 * (number % 2)
            on = [(-3.0, 1.88 - tilt, 1.94 + tilt), (-3.5, 1.94 - tilt, 1.88 + tilt)]
            on += [(-9.5, 3.1, 1.4)] * (number > 15)
            shown = [
                quote(book, *prices, market="spread", line=line) for book in "abc" for line, *prices in on
            ]
            event(snapshot(*shown, seconds=60.0 * number))
            lines.append(event.row.state.ladders["spread", "game"].path[-1].line)

        assert len(set(lines)) == 1

    def test_a_line_that_is_far_from_even_is_left_though_all_still_show_it(self) -> None:
        event = Followed(MARKETS)
        before, after = [(-3.0, 1.91, 1.91), (-6.0, 2.4, 1.6)], [(-3.0, 1.6, 2.4), (-6.0, 1.91, 1.91)]

        for number, on in enumerate((before, after)):
            shown = [
                quote(book, *prices, market="spread", line=line) for book in "abc" for line, *prices in on
            ]
            event(snapshot(*shown, seconds=60.0 * number))

        assert {(move.from_line, move.line) for move in moves(event)} == {(-3.0, -6.0)}

    def test_a_market_stands_at_its_new_line_though_its_price_did_not_move(self) -> None:
        event = Followed(MARKETS)

        event(spreads(0, -3.0, 1.91, 1.91), spreads(60, -3.5, 1.97, 1.85))

        assert event.row.state.ladders["spread", "game"].path[-1].line == -3.5

    def test_a_live_line_is_translated_by_what_is_left_of_the_game(self) -> None:
        event, late = Followed(MARKETS), Followed(MARKETS)
        model = {"model": "brownian-margin", "game": (0.5, 0.5), "regulation": (0.5, 0.5)}

        for each, margin_sd in ((event, 13.0), (late, 3.0)):
            live = game(-90, parameters={**MEANS, "margin_sd": margin_sd, "total_sd": 10.0}, **model, **LIVE)
            each(live, spreads(0, -3.0, 1.91, 1.91), spreads(20, -5.0, 1.91, 1.91))

        assert moves(late)[0].log_odds > 3.0 * moves(event)[0].log_odds

    def test_with_nothing_left_to_play_for_lines_cannot_be_compared(self) -> None:
        event = Followed(MARKETS)
        model = {"model": "brownian-margin", "game": (1.0, 0.0), "regulation": (1.0, 0.0)}

        event(
            game(-90, parameters={**MEANS, "margin_sd": 0.0, "total_sd": 0.0}, **model, **LIVE),
            spreads(0, -3.0, 1.91, 1.91),
            spreads(20, -5.0, 1.91, 1.91),
        )

        assert moves(event) == ()


def two_lines(seconds: float, home: float, away: float) -> OddsSnapshot:
    """Every book shows a line at these prices, and the next one as much longer as it has to be."""
    shown = [(-3.0, home, away), (-3.5, home * 1.031, away * 0.97)]
    lines = [quote(book, *prices, market="spread", line=line) for book in "abc" for line, *prices in shown]
    return snapshot(*lines, seconds=seconds)


def fair(event: Followed, index: int, line: float) -> float:
    """Home's fair probability on a line, in one of the fair prices that were answered."""
    fairs = [answer.record for answer in event.answers if answer.topic == "odds.fair"]
    (found,) = [each for each in fairs[index].markets if each.line == line]
    return float(found.probabilities[0])


class TestNoise:
    """What a market does anyway is no move of it."""

    def test_a_market_that_see_saws_is_not_told_at_each_swing(self) -> None:
        event = Followed(MARKETS)

        event(*[poll(30.0 * number, *(EVEN, (1.75, 2.1))[number % 4 > 1]) for number in range(120)])

        told = {move.at_ms for answer in event.answers for move in getattr(answer.record, "moves", ())}
        assert told
        assert max(told) < at(20 * 60)

    def test_the_same_swing_of_a_calm_market_is_told(self) -> None:
        event = Followed(MARKETS)

        event(*[poll(30.0 * number, *EVEN) for number in range(120)], poll(3_600, 1.75, 2.1))

        assert moves(event)[0].log_odds == pytest.approx(0.18, abs=0.02)
        assert moves(event)[0].noise < 0.03

    def test_a_move_far_beyond_the_swings_is_told_with_the_noise_that_it_was_judged_by(self) -> None:
        event = Followed(MARKETS)

        event(*[poll(30.0 * number, *(EVEN, (1.75, 2.1))[number % 4 > 1]) for number in range(120)])
        event(poll(3_600, 1.10, 8.0))

        home = moves(event)[0]
        assert 0.1 < home.noise <= home.log_odds / 3.0

    def test_a_single_surprise_does_not_hide_the_next_one(self) -> None:
        event = Followed(MARKETS)

        event(poll(0, *EVEN), *[poll(60.0 * number, 1.40, 3.1) for number in range(1, 60)])
        assert moves(event) == ()
        event(poll(3_600, 1.33, 3.5))

        assert moves(event)[0].since_ms == at(59 * 60)

    def test_a_move_that_took_longer_than_a_window_is_held_against_the_noise_of_that_time(self) -> None:
        quick, slow = Followed(MARKETS), Followed(MARKETS)

        quick(poll(0, *EVEN), poll(20, 1.81, 2.02))
        slow(poll(0, *EVEN), poll(1_200, 1.81, 2.02))

        assert 0.10 < moves(quick)[0].log_odds < 0.12
        assert moves(slow) == ()  # of two windows 3 deviations of 0.03 are 0.127

    def test_the_first_price_of_a_market_is_no_move(self) -> None:
        event = Followed(MARKETS)

        event(poll(0, 1.10, 8.0))

        assert moves(event) == ()


class TestCause:
    """Why it moved, as far as that can be told."""

    def test_a_move_across_a_key_event_says_so(self) -> None:
        event = Followed(MARKETS)

        event(
            game(-90, **LIVE),
            poll(0, *EVEN),
            game(6, last_key_event_at_ms=at(5), **LIVE),
            poll(20, 1.50, 2.70),
        )

        assert [(move.after_event, move.cause) for move in moves(event)] == [(True, "event")] * 2

    def test_a_key_event_that_is_told_after_the_books_knew_explains_the_move_all_the_same(self) -> None:
        event = Followed(MARKETS)
        event(game(-90, **LIVE), poll(0, *EVEN), poll(10, 1.50, 2.70))
        assert moves(event)[0].cause == ""

        event(game(14, last_key_event_at_ms=at(4), **LIVE))

        assert [(move.cause, move.at_ms) for move in moves(event)] == [("event", at(10))] * 2

    def test_a_move_long_after_a_key_event_is_not_its_doing(self) -> None:
        event = Followed(MARKETS)

        event(game(-90, **LIVE), game(5, last_key_event_at_ms=at(5), **LIVE))
        event(*[poll(seconds, *EVEN) for seconds in range(10, 130, 10)], poll(130, *SHORTER))

        assert [(move.since_ms, move.cause) for move in moves(event)] == [(at(120), "")] * 2

    def test_books_that_take_half_a_minute_still_answer_the_event(self) -> None:
        event = Followed(MARKETS)

        event(game(-90, **LIVE), game(5, last_key_event_at_ms=at(5), **LIVE))
        event(*[poll(seconds, *EVEN) for seconds in range(10, 40, 10)], poll(40, *SHORTER))

        assert [move.cause for move in moves(event)] == ["event", "event"]

    @pytest.mark.parametrize(("wait", "cause"), [(110, ""), (130, "polling")])
    def test_a_source_that_is_looked_at_too_rarely_cannot_say_when_it_moved(
        self, wait: float, cause: str
    ) -> None:
        event = Followed(MARKETS)

        event(poll(0, *EVEN), poll(wait, *EVEN), poll(2 * wait, *SHORTER))

        assert [move.cause for move in moves(event)] == [cause, cause]
        assert moves(event)[0].since_ms == at(wait)

    def test_a_move_of_two_steps_has_each_of_them_looked_at_often_enough(self) -> None:
        event = Followed(MARKETS)

        event(poll(0, *EVEN), poll(60, 1.87, 1.95), poll(260, *SHORTER))

        assert [(move.since_ms, move.cause) for move in moves(event)] == [(at(0), "polling")] * 2

    def test_a_source_that_is_rarely_looked_at_cannot_say_when_though_another_one_is_looked_at_often(
        self,
    ) -> None:
        event = Followed(MARKETS)
        rare = {"source": "the-odds-api-recorded", "books": "uvwxyz"}
        often = [poll(seconds, *EVEN, books="abcdefgh") for seconds in range(0, 1_000, 20)]
        often += [poll(seconds, 1.97, 1.85, books="abcdefgh") for seconds in range(1_000, 1_200, 20)]

        event(poll(0, *EVEN, **rare), *often, poll(1_200, 1.60, 2.40, **rare))

        # Not before the price from which it went was there at all.
        assert [(move.since_ms, move.cause) for move in moves(event)] == [(at(1_000), "polling")] * 2

    def test_rare_looks_at_another_source_are_no_matter(self) -> None:
        event = Followed(MARKETS)
        rare = {"source": "the-odds-api-recorded"}

        event(poll(0, *EVEN, books="xyz", **rare), *[poll(seconds, *EVEN) for seconds in range(0, 1_200, 20)])
        event(poll(1_200, *SHORTER, books="abcdefgh"))

        assert moves(event)[0].cause == ""


def test_a_price_that_is_away_for_a_while_is_held_against_where_it_was() -> None:
    event = Followed(MARKETS)
    shut = [quote(book, *EVEN, status=QuoteStatus.SUSPENDED) for book in "abc"]

    event(poll(0, *EVEN), snapshot(*shut, seconds=20), snapshot(*shut, seconds=60), poll(80, *SHORTER))

    assert [(move.since_ms, move.at_ms) for move in moves(event)] == [(at(0), at(80))] * 2


def test_a_price_that_was_away_for_longer_than_a_window_begins_anew() -> None:
    event = Followed(MARKETS)
    shut = [quote(book, *EVEN, status=QuoteStatus.SUSPENDED) for book in "abc"]

    event(poll(0, *EVEN), *[snapshot(*shut, seconds=seconds) for seconds in range(20, 660, 20)])
    event(poll(660, *SHORTER))

    assert moves(event) == ()


def test_a_price_that_is_away_is_forgotten_by_tick() -> None:
    event = Followed(MARKETS)
    shut = [quote(book, *EVEN, status=QuoteStatus.SUSPENDED) for book in "abc"]

    event(poll(0, *EVEN), snapshot(*shut, seconds=20))
    assert event.due_s == 620
    event(tick(620))

    assert event.row.state.ladders == {}


@pytest.mark.parametrize("shut_every", [0, 3])
def test_what_is_remembered_of_a_market_is_bounded(shut_every: int) -> None:
    event = Followed(MARKETS)

    for number in range(400):
        shown = poll(number * 7, 1.91 + 0.2 * (number % 5), 1.91)
        if shut_every and number % shut_every == 1:
            shown = snapshot(seconds=number * 7)
        event(shown)
        (ladder,) = event.row.state.ladders.values()
        assert len(ladder.path) <= POINTS + 2

    spaced = [later.at_ms - earlier.at_ms for earlier, later in pairwise(ladder.path) if later.probabilities]
    assert min(spaced) >= 50_000


def test_a_market_that_nobody_offers_any_more_is_forgotten_after_the_window() -> None:
    event = Followed(MARKETS)
    total = [quote(book, 1.9, 1.9, market="total", line=44.5) for book in "abc"]

    event(poll(0, *EVEN), snapshot(*total, seconds=10))
    assert len(event.row.state.ladders) == 2

    event(snapshot(*total, seconds=609))
    assert len(event.row.state.ladders) == 2
    event(snapshot(*total, seconds=610))
    assert list(event.row.state.ladders) == [("total", "game")]


BOOKS = st.sampled_from(["a", "b", "c", "d", "betrivers", "unibet"])
PRICES = st.sampled_from([(1.91, 1.91), (1.80, 2.05), (2.2, 1.7), (1.5, 2.62), (1.95, 1.87)])
LINES = st.sampled_from([-3.5, -3.0, -1.0, 0.0, 2.25])
SHOWN = st.lists(st.tuples(BOOKS, LINES, PRICES), max_size=8, unique_by=lambda shown: shown[:2])
POLLS = st.lists(st.tuples(st.sampled_from([5, 20, 50, 150, 700]), SHOWN), max_size=12)
Polls = list[tuple[int, list[tuple[str, float, tuple[float, float]]]]]


def records(polls: Polls, *, mirrored: bool = False) -> Iterator[OddsSnapshot]:
    seconds = 0
    for waited, shown in polls:
        seconds += waited
        lines: list[Line] = []
        for book, line, (home, away) in shown:
            prices = (away, home) if mirrored else (home, away)
            lines.append(quote(book, *prices, market="spread", line=-line if mirrored and line else line))
            lines.append(quote(book, *prices) if line == 0.0 else quote(book, *prices, 3.4))
        yield snapshot(
            *{(each.book, each.market, each.line): each for each in lines}.values(), seconds=seconds
        )


@given(POLLS)
def test_with_home_and_away_swapped_every_move_and_all_steam_is_the_mirrored_one(polls: Polls) -> None:
    event, mirror = Followed(MARKETS), Followed(MARKETS)
    event(*records(polls))
    mirror(*records(polls, mirrored=True))

    answers, mirrored = (
        [answer.record for answer in each.answers if answer.topic == "odds.moves"] for each in (event, mirror)
    )

    assert len(answers) == len(mirrored)
    for one, other in zip(answers, mirrored, strict=True):
        assert said(one) == said(other, mirrored=True)


def said(answer: Moves, *, mirrored: bool = False) -> list[list[Any]]:
    """What an answer says, seen from the other bench if ``mirrored``."""
    turn = {0: 1, 1: 0, 2: 2} if mirrored else {0: 0, 1: 1, 2: 2}

    def line(market: str, value: float) -> float:
        return -value if mirrored and market == "spread" and value else value

    found: list[list[Any]] = [
        [
            *(move.market, turn[move.outcome], line(move.market, move.line)),
            *(line(move.market, move.from_line), move.from_probability, move.to_probability, move.log_odds),
            *(move.noise, move.since_ms, move.at_ms, move.books, move.desks, move.cause),
        ]
        for move in answer.moves
    ]
    found += [
        [
            *(steam.market, turn[steam.outcome], line(steam.market, steam.line), steam.first_desk),
            *(steam.since_ms, steam.at_ms, steam.cause, steam.desks),
        ]
        for steam in answer.steam
    ]
    return sorted(found, key=str)

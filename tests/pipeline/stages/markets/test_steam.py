"""Steam: independent desks that go one way within a short time, and who went first."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.records import GameStatus, Moves, OddsSnapshot, QuoteStatus, Steam
from pipeline.settings import Lead, Rules
from pipeline.stages.markets import MARKETS
from tests.make import Followed, at, game, quote, snapshot, tick

LIVE = {"status": GameStatus.LIVE, "started_at_ms": at(-100)}
EVEN, HOME, AWAY = (1.91, 1.91), (1.85, 1.97), (1.97, 1.85)
FAR_HOME = (1.80, 2.04)
Shown = tuple[float, ...]


def poll(seconds: float, usual: Shown = EVEN, books: str = "abcde", **others: Shown) -> OddsSnapshot:
    """All books at the usual prices but for those that are named."""
    shown = dict.fromkeys(books, usual) | others
    return snapshot(*[quote(book, *prices) for book, prices in shown.items()], seconds=seconds)


def steam(event: Followed) -> tuple[Steam, ...]:
    answer = event.last.get("odds.moves", Moves(moves=()))
    assert isinstance(answer, Moves)
    return answer.steam


def led_by(*leads: Lead, **fields: Any) -> Rules:
    return Rules(leads={"american-football": leads}, **fields)


def lead(leader: str, follower: str, *, same_line: bool = False) -> Lead:
    return Lead(leader=leader, follower=follower, lag_s=8.0, share=0.6, moves=90, same_line=same_line)


def test_three_desks_that_go_one_way_are_steam_and_the_first_one_is_named() -> None:
    event = Followed(MARKETS)

    event(poll(0), poll(20, b=HOME), poll(40, b=HOME, d=HOME))
    assert steam(event) == ()

    event(poll(60, b=HOME, d=HOME, a=HOME))
    (found,) = steam(event)
    assert (found.market, found.scope, found.line, found.outcome) == ("h2h", "game", 0.0, 0)
    assert (found.first_desk, found.since_ms, found.at_ms, found.cause) == ("b", at(20), at(60), "")
    assert [(each.desk, each.at_ms, each.waited_s) for each in found.desks] == [
        ("b", at(20), 20.0),
        ("d", at(40), 20.0),
        ("a", at(60), 20.0),
    ]
    assert [each.log_odds for each in found.desks] == [pytest.approx(0.066, abs=0.003)] * 3


def test_desks_that_go_apart_are_no_steam() -> None:
    event = Followed(MARKETS)

    event(poll(0), poll(20, a=HOME, b=HOME, c=AWAY, d=AWAY))

    assert steam(event) == ()


def test_a_desk_that_goes_the_other_way_takes_one_away() -> None:
    event = Followed(MARKETS)

    event(poll(0), poll(20, a=HOME, b=HOME, c=HOME, d=AWAY))
    assert steam(event) == ()

    event(poll(40, a=HOME, b=HOME, c=HOME, d=AWAY, e=HOME))
    (found,) = steam(event)
    assert (found.outcome, [each.desk for each in found.desks]) == (0, ["a", "b", "c", "e"])


def test_of_three_outcomes_it_is_the_one_that_became_likelier_most() -> None:
    event = Followed(MARKETS)
    before, after = (2.70, 2.70, 3.40), (2.70, 2.95, 3.15)

    event(poll(0, before), poll(20, after))

    (found,) = steam(event)
    assert (found.market, found.outcome) == ("h2h_3way", 2)


def test_moves_that_are_too_far_apart_in_time_are_no_steam() -> None:
    event = Followed(MARKETS)

    event(poll(0), poll(20, a=HOME), poll(80, a=HOME, b=HOME))
    event(*[poll(seconds, a=HOME, b=HOME) for seconds in (100, 120, 140)])
    event(poll(141, a=HOME, b=HOME, c=HOME))

    assert steam(event) == ()


def test_a_slow_drift_of_all_desks_is_no_steam() -> None:
    event = Followed(MARKETS)

    event(*[poll(60.0 * number, (1.91 - 0.005 * number, 1.91 + 0.005 * number)) for number in range(30)])

    assert steam(event) == ()


def test_small_changes_within_the_window_add_up_to_a_move() -> None:
    event = Followed(MARKETS)

    event(poll(0), poll(20, (1.90, 1.92)), poll(40, (1.89, 1.93)), poll(60, (1.88, 1.94)))

    (found,) = steam(event)
    assert found.at_ms == at(60)
    assert {each.waited_s for each in found.desks} == {60.0}  # they began within this time
    assert found.first_desk == ""


def test_one_book_that_twitches_makes_no_steam_with_two_others() -> None:
    event = Followed(MARKETS)

    event(poll(0), poll(20, a=HOME), poll(40), poll(60, b=HOME, c=HOME))

    assert steam(event) == ()


def test_a_twitch_and_back_is_no_move_the_other_way_either() -> None:
    event = Followed(MARKETS)

    event(poll(0), poll(20, a=HOME), poll(40), poll(60, b=AWAY, c=AWAY))

    assert steam(event) == ()


def test_a_turn_beyond_where_it_began_is_a_move_the_other_way_by_what_is_left() -> None:
    event = Followed(MARKETS)

    event(poll(0), poll(20, a=HOME), poll(40, a=AWAY, b=AWAY, c=AWAY))

    (found,) = steam(event)
    assert found.outcome == 1
    assert [each.log_odds for each in found.desks] == [pytest.approx(0.066, abs=0.003)] * 3


def test_in_a_market_that_see_saws_all_desks_go_along_and_it_is_no_steam() -> None:
    event = Followed(MARKETS)
    swing = (1.75, 2.10)

    event(*[poll(30.0 * number, (EVEN, swing)[number // 5 % 2]) for number in range(240)])

    told = {found.at_ms for answer in event.answers for found in getattr(answer.record, "steam", ())}
    assert told
    assert max(told) < at(30 * 60)


def test_what_steam_is_judged_by_was_known_before_it_began() -> None:
    event = Followed(MARKETS)

    far, near = (1.6, 2.4), (1.88, 1.94)
    event(poll(0), poll(60, a=far, b=far), poll(115, a=far, b=far, c=near))

    assert [found.at_ms for found in steam(event)] == [at(115)]


class TestVotes:
    """Independent desks only."""

    def test_brands_of_one_desk_are_one(self) -> None:
        event = Followed(MARKETS)
        brands = {"betrivers": EVEN, "unibet": EVEN, "ballybet": EVEN}  # all of them Kambi's

        event(poll(0, **brands), poll(20, a=HOME, **dict.fromkeys(brands, HOME)))
        assert steam(event) == ()

        event(poll(40, a=HOME, b=HOME, **dict.fromkeys(brands, HOME)))
        assert [each.desk for each in steam(event)[0].desks] == ["a", "kambi", "b"]

    def test_one_brand_of_many_moves_its_desk_by_its_share_only(self) -> None:
        event = Followed(MARKETS)
        brands = dict.fromkeys(("betrivers", "unibet", "ballybet"), EVEN)

        event(poll(0, **brands), poll(20, a=HOME, b=HOME, **{**brands, "unibet": HOME}))

        assert steam(event) == ()

    def test_desks_that_share_a_line_are_one_by_pairs(self) -> None:
        same = (lead("a", "b", same_line=True), lead("c", "b", same_line=True))
        event = Followed(MARKETS, led_by(*same))

        event(poll(0), poll(20, c=HOME), poll(40, a=HOME, b=HOME, c=HOME, d=HOME))
        assert steam(event) == ()

        event(poll(60, a=HOME, b=HOME, c=HOME, d=HOME, e=HOME))
        (found,) = steam(event)
        assert [each.desk for each in found.desks] == ["c", "d", "e"]
        assert [each.log_odds for each in found.desks] == [pytest.approx(0.066, abs=0.003)] * 3

    def test_a_map_of_another_sport_says_nothing(self) -> None:
        same = (lead("a", "b", same_line=True), lead("c", "b", same_line=True))
        event = Followed(MARKETS, Rules(leads={"soccer": same}))

        event(poll(0), poll(20, a=HOME, b=HOME, c=HOME))

        assert len(steam(event)) == 1

    def test_a_published_closing_line_has_no_vote(self) -> None:
        event = Followed(MARKETS)

        event(poll(0, closing=EVEN), poll(20, a=HOME, b=HOME, closing=HOME))

        assert steam(event) == ()

    def test_a_published_closing_line_has_no_vote_alone_on_its_line_either(self) -> None:
        event = Followed(MARKETS)

        def spread(seconds: float, **lines: float) -> OddsSnapshot:
            shown = [quote(book, *EVEN, market="spread", line=line) for book, line in lines.items()]
            return snapshot(*shown, seconds=seconds)

        event(spread(0, a=-3.0, b=-3.0, c=-3.0, closing=-4.0))
        event(spread(20, a=-4.5, b=-4.5, c=-3.0, closing=-5.5))
        assert steam(event) == ()

        event(spread(40, a=-4.5, b=-4.5, c=-4.5, closing=-5.5))
        assert len(steam(event)) == 1


class TestFirstMover:
    """Named where something tells, and else not."""

    def test_the_own_time_of_a_desk_is_that_of_its_brand_that_moved(self) -> None:
        event = Followed(MARKETS)
        said = {"a": (12, HOME), "b": (13, HOME), "betrivers": (14, (1.75, 2.1)), "unibet": (2, EVEN)}

        event(poll(0, betrivers=EVEN, unibet=EVEN))
        shown = [quote(book, *prices, quoted_at_ms=at(when)) for book, (when, prices) in said.items()]
        event(snapshot(*shown, seconds=20))

        assert steam(event)[0].first_desk == "a"

    def test_of_several_seen_at_once_it_is_the_one_whose_own_time_is_the_earliest(self) -> None:
        event = Followed(MARKETS)
        said = {"a": 17, "b": 12, "c": 14}

        event(poll(0))
        event(
            snapshot(
                *[quote(book, *HOME, quoted_at_ms=at(seconds)) for book, seconds in said.items()],
                *[quote(book, *EVEN) for book in "de"],
                seconds=20,
            )
        )

        assert steam(event)[0].first_desk == "b"

    def test_after_a_long_wait_their_own_times_tell_nothing(self) -> None:
        event = Followed(MARKETS)

        event(poll(0))
        event(
            snapshot(
                *[quote(book, *HOME, quoted_at_ms=at(1_100 + ord(book))) for book in "abcde"], seconds=1_200
            )
        )

        assert (steam(event)[0].first_desk, steam(event)[0].cause) == ("", "polling")

    def test_where_one_of_them_says_no_time_nothing_tells(self) -> None:
        event = Followed(MARKETS)

        event(poll(0))
        event(
            snapshot(
                *[quote(book, *HOME, quoted_at_ms=at(15)) for book in "ab"], quote("c", *HOME), seconds=20
            )
        )

        assert steam(event)[0].first_desk == ""

    def test_where_the_times_are_the_same_the_one_that_leads_all_others_was_first(self) -> None:
        event = Followed(MARKETS, led_by(lead("c", "a"), lead("c", "b"), lead("a", "b")))

        event(poll(0), poll(20, a=HOME, b=HOME, c=HOME))

        assert steam(event)[0].first_desk == "c"

    def test_one_that_leads_only_some_of_them_is_not_called_first(self) -> None:
        event = Followed(MARKETS, led_by(lead("c", "a")))

        event(poll(0), poll(20, a=HOME, b=HOME, c=HOME))

        assert steam(event)[0].first_desk == ""

    def test_leads_hold_for_desks_that_share_the_line_of_the_leader(self) -> None:
        leads = (lead("c", "e", same_line=True), lead("e", "a"), lead("e", "b"))
        event = Followed(MARKETS, led_by(*leads))

        event(poll(0), poll(20, a=HOME, b=HOME, c=HOME))

        assert steam(event)[0].first_desk == "c"

    def test_who_was_looked_at_long_before_may_have_been_first(self) -> None:
        event = Followed(MARKETS)

        def seen(seconds: float, source: str, **shown: Shown) -> OddsSnapshot:
            return snapshot(
                *[quote(book, *prices) for book, prices in shown.items()], seconds=seconds, source=source
            )

        event(seen(0, "the-odds-api", a=EVEN))
        event(*[seen(seconds, "simulator", b=EVEN, c=EVEN, d=EVEN) for seconds in (0, 10, 20, 30)])
        event(seen(40, "simulator", b=HOME, c=EVEN, d=EVEN), seen(50, "simulator", b=HOME, c=HOME, d=EVEN))
        event(seen(60, "the-odds-api", a=HOME))

        (found,) = steam(event)
        assert [(each.desk, each.waited_s) for each in found.desks] == [("b", 10.0), ("c", 10.0), ("a", 60.0)]
        assert found.first_desk == ""

    def test_a_desk_that_goes_to_a_new_line_first_is_alone_there_and_seen_all_the_same(self) -> None:
        event = Followed(MARKETS)

        def spread(seconds: float, moved: str) -> OddsSnapshot:
            lines = [
                quote(book, *EVEN, market="spread", line=-5.0 if book in moved else -3.0) for book in "abcdef"
            ]
            return snapshot(*lines, seconds=seconds)

        event(spread(0, ""), spread(20, "d"), spread(40, "da"), spread(60, "daf"))

        (found,) = steam(event)
        assert (found.market, found.outcome, found.first_desk, found.since_ms) == ("spread", 0, "d", at(20))
        assert [each.log_odds for each in found.desks] == [pytest.approx(0.25, abs=0.03)] * 3

    def test_half_a_point_that_the_price_pays_for_is_no_step(self) -> None:
        event = Followed(MARKETS)

        event(
            snapshot(*[quote(book, *EVEN, market="spread", line=-3.0) for book in "abcd"]),
            snapshot(*[quote(book, 1.97, 1.85, market="spread", line=-3.5) for book in "abcd"], seconds=20),
        )

        assert steam(event) == ()


class TestCause:
    """What is no news of the market."""

    def test_steam_across_a_key_event_says_so(self) -> None:
        event = Followed(MARKETS)

        event(game(-90, **LIVE), poll(0), game(6, last_key_event_at_ms=at(5), **LIVE))
        event(poll(20, a=HOME, b=HOME, c=HOME))

        assert [found.cause for found in steam(event)] == ["event"]

    def test_books_that_had_closed_for_the_event_answer_it_when_they_open_again(self) -> None:
        event = Followed(MARKETS)
        shut = [quote(book, *EVEN, status=QuoteStatus.SUSPENDED) for book in "abcde"]

        event(game(-90, **LIVE), poll(0), game(6, last_key_event_at_ms=at(5), **LIVE))
        event(*[snapshot(*shut, seconds=seconds) for seconds in range(10, 100, 10)])
        event(poll(100, HOME))

        assert [(found.cause, found.at_ms) for found in steam(event)] == [("event", at(100))]

    def test_a_key_event_that_is_told_of_late_explains_it_all_the_same(self) -> None:
        event = Followed(MARKETS)
        event(game(-90, **LIVE), poll(0), poll(10, HOME))
        assert [found.cause for found in steam(event)] == [""]

        event(game(14, last_key_event_at_ms=at(4), **LIVE))

        assert [found.cause for found in steam(event)] == ["event"]

    def test_a_poll_every_twenty_minutes_makes_everything_simultaneous_and_says_so(self) -> None:
        event = Followed(MARKETS)

        event(poll(0), poll(1_200, a=HOME, b=HOME, c=HOME))

        assert [found.cause for found in steam(event)] == ["polling"]

    def test_enough_desks_that_were_looked_at_often_are_steam_whoever_else_comes_along(self) -> None:
        event = Followed(MARKETS)
        rare = {"source": "the-odds-api-recorded"}

        event(snapshot(quote("z", *EVEN), **rare), *[poll(seconds) for seconds in range(0, 1_180, 20)])
        event(poll(1_180, a=HOME, b=HOME), snapshot(quote("z", *HOME), seconds=1_190, **rare))
        assert [found.cause for found in steam(event)] == ["polling"]

        other = Followed(MARKETS)
        other(snapshot(quote("z", *EVEN), **rare), *[poll(seconds) for seconds in range(0, 1_180, 20)])
        other(snapshot(quote("z", *HOME), seconds=1_170, **rare), poll(1_180, a=HOME, b=HOME, c=HOME))
        assert [found.cause for found in steam(other)] == [""]

    def test_desks_that_were_away_for_longer_than_the_window_begin_anew(self) -> None:
        event = Followed(MARKETS)
        shut = [quote(book, *EVEN, status=QuoteStatus.SUSPENDED) for book in "abcde"]

        event(poll(0), *[snapshot(*shut, seconds=seconds) for seconds in range(20, 160, 20)], poll(160, HOME))

        assert steam(event) == ()


class TestLife:
    """Once is enough."""

    def test_steam_grows_with_further_desks_and_keeps_its_beginning(self) -> None:
        event = Followed(MARKETS)
        event(poll(0), poll(20, a=HOME, b=HOME, c=HOME))
        (first,) = steam(event)

        event(poll(100, a=HOME, b=HOME, c=HOME, d=HOME))

        (grown,) = steam(event)
        assert [each.desk for each in grown.desks] == ["a", "b", "c", "d"]
        assert (grown.since_ms, grown.at_ms) == (first.since_ms, first.at_ms) == (at(20), at(20))

    def test_while_one_direction_goes_on_it_is_the_same_steam_and_its_desks_have_gone_further(self) -> None:
        event = Followed(MARKETS)
        event(poll(0), poll(20, a=HOME, b=HOME, c=HOME))

        event(poll(100, HOME, a=FAR_HOME, b=FAR_HOME, c=FAR_HOME))

        (found,) = steam(event)
        assert found.at_ms == at(20)
        assert [each.desk for each in found.desks] == ["a", "b", "c", "d", "e"]
        assert [each.log_odds > 0.12 for each in found.desks] == [True, True, True, False, False]

    def test_after_a_pause_it_takes_enough_desks_again_and_is_new_steam(self) -> None:
        event = Followed(MARKETS)
        event(poll(0), poll(20, a=HOME, b=HOME, c=HOME))
        event(*[poll(seconds, a=HOME, b=HOME, c=HOME) for seconds in range(40, 200, 20)])

        event(poll(200, a=FAR_HOME, b=FAR_HOME, c=HOME))
        assert [found.at_ms for found in steam(event)] == [at(20)]

        event(poll(220, a=FAR_HOME, b=FAR_HOME, c=FAR_HOME))
        assert [(found.since_ms, found.at_ms) for found in steam(event)] == [(at(200), at(220))]

    def test_both_directions_stand_side_by_side(self) -> None:
        event = Followed(MARKETS)

        event(poll(0), poll(20, HOME), poll(160, HOME), poll(180, AWAY))

        assert [(found.outcome, found.at_ms) for found in steam(event)] == [(0, at(20)), (1, at(180))]

    def test_it_ends_by_tick_ten_minutes_after_the_last_desk_that_went_along(self) -> None:
        event = Followed(MARKETS)
        event(poll(0), poll(20, a=HOME, b=HOME, c=HOME), poll(60, a=HOME, b=HOME, c=HOME, d=HOME))

        event(tick(659))
        assert len(steam(event)) == 1
        event(tick(660))
        assert steam(event) == ()

    def test_what_is_remembered_of_desks_is_forgotten_when_nobody_offers_anything(self) -> None:
        event = Followed(MARKETS)

        event(poll(0), poll(20, a=HOME, b=HOME, c=HOME), snapshot(seconds=40), tick(641))

        assert event.row.state.ladders == {}


BOOKS = ("a", "b", "c", "betrivers", "unibet", "ballybet", "closing")
PRICES = st.sampled_from([EVEN, HOME, AWAY, FAR_HOME, (1.2, 4.6)])
LINES = st.sampled_from([-3.5, -3.0, 3.0])
STATUS = st.sampled_from([QuoteStatus.OPEN, QuoteStatus.OPEN, QuoteStatus.SUSPENDED])
SHOWN = st.lists(
    st.tuples(st.sampled_from(BOOKS), LINES, PRICES, STATUS), max_size=12, unique_by=lambda shown: shown[:2]
)
POLLS = st.lists(st.tuples(st.sampled_from([1, 20, 130, 700]), SHOWN), max_size=15)


@given(POLLS)
def test_whatever_happens_fewer_desks_than_it_takes_make_no_steam(
    polls: list[tuple[int, list[tuple[str, float, Shown, QuoteStatus]]]],
) -> None:
    same = (lead("a", "b", same_line=True), lead("b", "c", same_line=True))
    event = Followed(MARKETS, led_by(*same))  # a, b and c are one, all others Kambi's: two votes
    alone = Followed(MARKETS, led_by(*same, steam_desks=2))
    seconds = 0
    for waited, shown in polls:
        seconds += waited
        lines = [
            quote(book, *prices, market="spread", line=line, status=status)
            for book, line, prices, status in shown
        ]
        for each in (event, alone):
            each(snapshot(*lines, seconds=seconds))

    answers = [answer.record for answer in event.answers if answer.topic == "odds.moves"]
    assert all(answer.steam == () for answer in answers)
    for answer in [answer.record for answer in alone.answers if answer.topic == "odds.moves"]:
        for found in answer.steam:
            assert len(found.desks) == 2
            assert min(each.log_odds for each in found.desks) >= 0.03
            assert found.since_ms == found.desks[0].at_ms <= found.at_ms
            assert found.at_ms - found.since_ms <= 120_000
            assert found.first_desk in ("", *[each.desk for each in found.desks])

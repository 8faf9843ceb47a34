"""What a source shows, and what its silence means."""

import pytest

from pipeline.records import GameStatus, Line, OddsSnapshot, QuoteStatus, Seen, SnapshotKind, SourceState
from pipeline.stages.markets import MARKETS
from pipeline.stages.markets.state import Markets, Quote
from tests.make import Followed, at, game, quote, snapshot, tick

H2H = ("h2h", "game", 0.0)


def board(*records: OddsSnapshot) -> dict[str, Quote]:
    """The simulator's moneylines after these records, by book."""
    event = Followed(MARKETS)
    event(*records)
    return shown(event.row.state)


def shown(state: Markets) -> dict[str, Quote]:
    return state.boards["simulator"].quotes.get(H2H, {})


def test_what_a_full_snapshot_does_not_show_is_withdrawn() -> None:
    left = board(
        snapshot(quote("a", 1.9, 1.9), quote("b", 1.8, 2.0)),
        snapshot(quote("b", 1.8, 2.0), seconds=10),
    )

    assert list(left) == ["b"]


def test_a_full_snapshot_withdraws_nothing_of_another_source() -> None:
    event = Followed(MARKETS)

    event(snapshot(quote("a", 1.9, 1.9)), snapshot(quote("b", 1.8, 2.0), source="the-odds-api", seconds=1))

    assert list(shown(event.row.state)) == ["a"]


@pytest.mark.parametrize(
    ("asked", "left"),
    [
        pytest.param({"markets": ("spread",)}, ["a", "b"], id="another market"),
        pytest.param({"markets": ("h2h",)}, [], id="this market"),
        pytest.param({"books": ("b",)}, ["a"], id="one book"),
        pytest.param({"regions": ("us",)}, ["a", "b"], id="regions that may not be its own"),
        pytest.param({"regions": ("eu", "uk", "us")}, [], id="all the regions that were asked for, and more"),
    ],
)
def test_a_full_snapshot_withdraws_only_what_it_asked_for(asked: dict[str, object], left: list[str]) -> None:
    first = snapshot(quote("a", 1.9, 1.9), quote("b", 1.8, 2.0), regions=("us", "uk"))

    assert list(board(first, snapshot(seconds=10, **asked))) == left


def test_a_book_asked_for_without_regions_is_not_withdrawn_by_a_regional_poll() -> None:
    assert list(board(snapshot(quote("a", 1.9, 1.9)), snapshot(seconds=10, regions=("us",)))) == ["a"]


def test_a_delta_changes_what_it_shows_and_has_seen_the_rest_again() -> None:
    after = board(
        snapshot(quote("a", 1.9, 1.9), quote("b", 1.8, 2.0)),
        snapshot(quote("a", 1.95, 1.85), seconds=10, kind=SnapshotKind.DELTA),
    )

    assert after["a"] == Quote((1.95, 1.85), QuoteStatus.OPEN, 0, at(10), at(10))
    assert after["b"] == Quote((1.8, 2.0), QuoteStatus.OPEN, 0, at(0), at(10))


def test_no_price_at_all_is_a_withdrawal() -> None:
    after = board(
        snapshot(quote("a", 1.9, 1.9), quote("b", 1.8, 2.0)),
        snapshot(quote("a", 0.0, 0.0), seconds=10, kind=SnapshotKind.DELTA),
    )

    assert list(after) == ["b"]


def test_unchanged_sees_all_again_with_new_times_of_the_source() -> None:
    after = board(
        snapshot(quote("a", 1.9, 1.9, quoted_at_ms=at(-1)), quote("b", 1.8, 2.0, quoted_at_ms=at(-2))),
        snapshot(seconds=10, kind=SnapshotKind.UNCHANGED, seen=(Seen(book="a", quoted_at_ms=at(9)),)),
    )

    assert (after["a"].seen_at_ms, after["a"].quoted_at_ms, after["a"].changed_at_ms) == (
        at(10),
        at(9),
        at(0),
    )
    assert (after["b"].seen_at_ms, after["b"].quoted_at_ms) == (at(10), at(-2))


@pytest.mark.parametrize("kind", [SnapshotKind.DELTA, SnapshotKind.UNCHANGED])
def test_a_change_to_nothing_known_is_ignored_and_counted(kind: SnapshotKind) -> None:
    event = Followed(MARKETS)

    event(snapshot(quote("a", 1.9, 1.9), kind=kind))

    assert (event.row.state.boards, event.row.state.ignored) == ({}, 1)


def test_gone_ends_all_of_a_source_and_a_full_snapshot_has_to_come_before_more() -> None:
    gone = snapshot(seconds=10, kind=SnapshotKind.GONE)
    delta = snapshot(quote("a", 1.9, 1.9), seconds=20, kind=SnapshotKind.DELTA)

    assert board(snapshot(quote("a", 1.9, 1.9)), gone, delta) == {}
    assert list(board(snapshot(quote("a", 1.9, 1.9)), gone, snapshot(quote("a", 1.9, 1.9), seconds=20))) == [
        "a"
    ]


def test_a_snapshot_older_than_the_newest_of_its_source_is_ignored() -> None:
    after = board(snapshot(quote("a", 1.9, 1.9), seconds=10), snapshot(quote("a", 3.0, 1.3), seconds=5))

    assert after["a"].prices == (1.9, 1.9)


def test_the_most_trusted_live_source_speaks_for_a_book() -> None:
    event = Followed(MARKETS)
    lines = [quote(book, 1.95, 1.87) for book in ("a", "b")]
    event(
        snapshot(*lines, quote("c", 1.95, 1.87), source="the-odds-api", seconds=0),
        snapshot(*[quote(book, 1.5, 2.7) for book in ("a", "b")], seconds=1),
    )

    trusted = event.last["odds.fair"].markets[0]
    assert trusted.probabilities[0] == pytest.approx(0.4895, abs=1e-3)
    assert trusted.desks == 3

    event(snapshot(*[quote(book, 1.5, 2.7) for book in ("a", "b")], seconds=121))
    event(tick(122))
    assert event.last["odds.fair"].markets[0].probabilities[0] == pytest.approx(0.645, abs=1e-2)


def lines() -> list[Line]:
    return [quote(book, 1.9, 1.9) for book in ("a", "b", "c", "d")]


@pytest.mark.parametrize(
    "state",
    [
        pytest.param(SourceState(source="simulator", down_since_ms=at(1), outages=1), id="down"),
        pytest.param(SourceState(source="simulator", off=True), id="off"),
    ],
)
def test_a_source_that_is_down_has_no_usable_quote_until_it_is_shown_whole_again(state: SourceState) -> None:
    event = Followed(MARKETS)
    event(snapshot(*lines()))
    assert event.last["odds.fair"].markets[0].desks == 4

    event(tick(5, state))
    assert event.last["odds.fair"].markets == ()

    event(snapshot(seconds=10, kind=SnapshotKind.UNCHANGED))
    assert event.last["odds.fair"].markets == ()

    event(tick(11, SourceState(source="simulator", outages=state.outages)), snapshot(*lines(), seconds=12))
    assert event.last["odds.fair"].markets[0].desks == 4


def test_a_whole_snapshot_after_the_outage_began_outlives_a_late_word_of_it() -> None:
    event = Followed(MARKETS)
    late = SourceState(source="simulator", down_since_ms=at(1), outages=1)

    event(snapshot(*lines()), tick(5, late), snapshot(*lines(), seconds=10), tick(11, late))

    assert event.last["odds.fair"].markets[0].desks == 4


def test_while_a_source_is_switched_off_even_whole_snapshots_are_not_used() -> None:
    event = Followed(MARKETS)

    event(
        snapshot(*lines()), tick(5, SourceState(source="simulator", off=True)), snapshot(*lines(), seconds=10)
    )

    assert event.last["odds.fair"].markets == ()


def test_an_outage_between_two_ticks_needs_a_whole_snapshot_too() -> None:
    event = Followed(MARKETS)
    event(snapshot(*lines()), tick(5, SourceState(source="simulator", outages=1, full_from_ms=at(-60))))
    assert event.last["odds.fair"].markets[0].desks == 4

    event(tick(6, SourceState(source="simulator", outages=2, full_from_ms=at(2))))
    assert event.last["odds.fair"].markets == ()

    event(snapshot(*lines(), seconds=7))
    assert event.last["odds.fair"].markets[0].desks == 4


def test_what_was_shown_whole_after_an_outage_that_no_tick_told_in_time_is_believed() -> None:
    event = Followed(MARKETS)
    over = SourceState(source="simulator", outages=1, full_from_ms=at(2))

    event(snapshot(*lines()), snapshot(*lines(), seconds=7), tick(8, over))

    assert event.last["odds.fair"].markets[0].desks == 4


def test_a_whole_snapshot_that_was_received_before_the_outage_and_comes_late_does_not_end_it() -> None:
    event = Followed(MARKETS)
    down = SourceState(source="simulator", down_since_ms=at(4), outages=1)

    event(snapshot(*lines()), tick(9, down), snapshot(*lines(), seconds=3))

    assert event.last["odds.fair"].markets == ()


@pytest.mark.parametrize(
    ("seconds", "desks"),
    [
        pytest.param(7.0, [], id="shown whole before it was switched on"),
        pytest.param(9.0, [4], id="shown whole after it was switched on, before a tick said so"),
    ],
)
def test_a_source_that_is_switched_on_again_counts_from_its_next_whole_snapshot(
    seconds: float, desks: list[int]
) -> None:
    event = Followed(MARKETS)
    event(snapshot(*lines()), tick(5, SourceState(source="simulator", off=True)))

    event(snapshot(*lines(), seconds=seconds), tick(10, SourceState(source="simulator", full_from_ms=at(8))))

    assert [market.desks for market in event.last["odds.fair"].markets] == desks


def test_a_source_that_a_tick_of_an_earlier_version_switches_on_is_to_be_shown_whole_after_it() -> None:
    event = Followed(MARKETS)
    event(snapshot(*lines()), tick(5, SourceState(source="simulator", off=True)))

    event(snapshot(*lines(), seconds=9), tick(10, SourceState(source="simulator")))
    assert event.last["odds.fair"].markets == ()

    event(snapshot(*lines(), seconds=11))
    assert event.last["odds.fair"].markets[0].desks == 4


def test_a_tick_that_says_nothing_new_of_a_source_leaves_no_trace() -> None:
    event = Followed(MARKETS)
    down = SourceState(source="simulator", down_since_ms=at(1), outages=1)
    event(snapshot(*lines()), tick(5, down))
    row = event.row

    event(tick(6, down), tick(7, down))

    assert event.row is row


def test_a_book_whose_own_time_stands_still_while_the_others_move_is_stale() -> None:
    event = Followed(MARKETS)

    def poll(seconds: float, frozen_s: float) -> OddsSnapshot:
        times = dict.fromkeys("abc", seconds - 1) | {"d": frozen_s}
        return snapshot(
            *[quote(book, 1.9, 1.9, quoted_at_ms=at(said)) for book, said in times.items()], seconds=seconds
        )

    event(poll(0, -1), poll(10, -1), poll(20, -1), poll(30, -1))
    assert event.last["odds.fair"].markets[0].desks == 4

    event(poll(40, -1))
    assert event.last["odds.fair"].markets[0].desks == 3

    event(poll(50, 49))
    assert event.last["odds.fair"].markets[0].desks == 4


@pytest.mark.parametrize(("behind_s", "desks"), [(59, 4), (61, 3)])
def test_in_play_a_book_is_stale_a_minute_behind_the_others_however_seldom_they_are_polled(
    behind_s: int, desks: int
) -> None:
    times = dict.fromkeys("abc", 0) | {"d": -behind_s}
    poll = snapshot(
        *[quote(book, 1.9, 1.9, quoted_at_ms=at(said)) for book, said in times.items()],
        source="the-odds-api-recorded",
        seconds=1,
    )
    early, live = Followed(MARKETS), Followed(MARKETS)
    early(poll)
    live(game(-3_000, status=GameStatus.LIVE, started_at_ms=at(-3_000)), poll)

    assert early.last["odds.fair"].markets[0].desks == 4
    assert live.last["odds.fair"].markets[0].desks == desks

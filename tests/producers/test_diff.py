from msgspec.structs import replace

from pipeline.records import Depth, OddsSnapshot, QuoteStatus, SnapshotKind
from producers.diff import FULL_EVERY_MS, Differ
from tests.make import EVENT, quote, snapshot

OTHER = "sim-nfl:2025-09-14:buf-mia"


def polled(differ: Differ, *snapshots: OddsSnapshot, seconds: float = 0.0) -> list[OddsSnapshot]:
    shown = [replace(s, received_at_ms=s.received_at_ms + int(seconds * 1000)) for s in snapshots]
    at = shown[0].received_at_ms if shown else snapshot(seconds=seconds).received_at_ms
    return list(differ.poll(shown, {s.event_id for s in shown}, at))


def kinds(records: list[OddsSnapshot]) -> list[tuple[str, SnapshotKind]]:
    return [(record.event_id, record.kind) for record in records]


def test_the_first_sight_of_an_event_is_full() -> None:
    board = snapshot(quote("alpha", 1.9, 1.9))

    assert polled(Differ("simulator"), board) == [board]


def test_equal_prices_cost_one_small_record_with_the_books_new_times() -> None:
    differ = Differ("simulator")
    polled(
        differ, snapshot(quote("alpha", 1.9, 1.9, quoted_at_ms=1), quote("beta", 1.8, 2.0, quoted_at_ms=1))
    )

    (again,) = polled(
        differ,
        snapshot(quote("alpha", 1.9, 1.9, quoted_at_ms=1), quote("beta", 1.8, 2.0, quoted_at_ms=7)),
        seconds=60,
    )

    assert again.kind is SnapshotKind.UNCHANGED
    assert again.lines == ()
    assert [(seen.book, seen.quoted_at_ms) for seen in again.seen] == [("beta", 7)]


def test_a_book_that_quotes_its_markets_at_different_times_is_shown_whole() -> None:
    differ = Differ("simulator")
    polled(differ, snapshot(quote("alpha", 1.9, 1.9), quote("alpha", 1.9, 1.9, market="total", line=44.5)))

    (again,) = polled(
        differ,
        snapshot(
            quote("alpha", 1.9, 1.9, quoted_at_ms=7),
            quote("alpha", 1.9, 1.9, market="total", line=44.5, quoted_at_ms=1),
        ),
        seconds=60,
    )

    assert again.kind is SnapshotKind.FULL


def test_what_differs_is_shown_whole() -> None:
    first = quote("alpha", 1.9, 1.9)
    for second in (
        [quote("alpha", 1.9, 1.95)],
        [quote("alpha", 1.9, 1.9, status=QuoteStatus.SUSPENDED)],
        [quote("alpha", 1.9, 1.9), quote("beta", 1.9, 1.9)],
        [],
    ):
        differ = Differ("simulator")
        polled(differ, snapshot(first))

        (changed,) = polled(differ, snapshot(*second), seconds=60)

        assert changed.kind is SnapshotKind.FULL
        assert changed.lines == tuple(second)


def test_a_changed_lay_price_alone_is_shown_whole_and_equal_ones_are_not() -> None:
    differ = Differ("simulator")
    board = snapshot(quote("alpha", 1.9, 1.9))

    def laid(*lay_prices: float) -> OddsSnapshot:
        depth = Depth(book="alpha", market="h2h", lay_prices=lay_prices, back_sizes=(0, 0), lay_sizes=(0, 0))
        return replace(board, depth=(depth,))

    shown = [
        polled(differ, at_that_poll, seconds=60 * minute)[0]
        for minute, at_that_poll in enumerate([laid(1.95, 1.98), laid(1.95, 1.98), laid(1.96, 1.98), board])
    ]

    assert [record.kind for record in shown] == ["full", "unchanged", "full", "full"]
    assert [[depth.lay_prices for depth in record.depth] for record in shown] == [
        [(1.95, 1.98)], [], [(1.96, 1.98)], [],
    ]  # fmt: skip


def test_an_unchanged_event_is_shown_whole_every_ten_minutes() -> None:
    differ = Differ("simulator")
    board = snapshot(quote("alpha", 1.9, 1.9))
    minutes = (0, 4, 8, 12, 16)

    shown = [polled(differ, board, seconds=60 * minute)[0].kind for minute in minutes]

    assert FULL_EVERY_MS == 600_000
    assert shown == ["full", "unchanged", "unchanged", "full", "unchanged"]


def test_an_event_that_left_the_poll_is_gone_once_and_full_when_it_returns() -> None:
    differ = Differ("simulator")
    one, two = snapshot(quote("alpha", 1.9, 1.9)), snapshot(quote("alpha", 1.9, 1.9), event_id=OTHER)

    assert kinds(polled(differ, one, two)) == [(EVENT, SnapshotKind.FULL), (OTHER, SnapshotKind.FULL)]
    assert kinds(polled(differ, one, seconds=60)) == [
        (OTHER, SnapshotKind.GONE),
        (EVENT, SnapshotKind.UNCHANGED),
    ]
    assert kinds(polled(differ, one, seconds=120)) == [(EVENT, SnapshotKind.UNCHANGED)]
    assert kinds(polled(differ, one, two, seconds=180)) == [
        (EVENT, SnapshotKind.UNCHANGED), (OTHER, SnapshotKind.FULL),
    ]  # fmt: skip
    assert kinds(polled(differ, seconds=240)) == [(OTHER, SnapshotKind.GONE), (EVENT, SnapshotKind.GONE)]


def test_what_could_not_be_read_has_not_left() -> None:
    differ = Differ("simulator")
    board = snapshot(quote("alpha", 1.9, 1.9))
    polled(differ, board)

    assert list(differ.poll([], {EVENT}, board.received_at_ms)) == []
    assert list(differ.poll([], None, board.received_at_ms)) == []

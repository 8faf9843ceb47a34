"""What a book shows and would not give, kind by kind."""

import random
from collections.abc import Sequence

import pytest

from producers.simulator.desks import Quote, desks, markets
from producers.simulator.exchange import tick_above, tick_below
from producers.simulator.faults import Fault, Window, phantoms
from producers.simulator.outlook import Outlook
from producers.simulator.phantoms import Phantoms, Row, mistyped, of_first_half

HOUR_MS = 3_600_000


class Even(Outlook):
    """Every line is as likely to be beaten by one less for each point that it is further away."""

    def __init__(self, shift: float = 0.0) -> None:
        self.shift = shift

    def fair(self, market: str, line: float = 0.0) -> tuple[float, ...]:
        if market == "h2h_3way":
            return 0.4, 0.3, 0.3
        first = (
            0.5
            + self.shift
            + (0.05 * line if market == "spread" else -0.05 * (line - 5.5) * (market == "total"))
        )
        return first, 1.0 - first


def board(home: float = 1.9) -> list[Row]:
    """All books alike; hockey: winner, spread, total, three-way."""
    return [
        [
            Quote(0.0, (home, 1.9), True),
            Quote(1.5, (1.8, 2.0), True),
            Quote(5.5, (1.9, 1.9), True),
            Quote(0.0, (2.4, 3.2, 3.2), True),
        ]
        for _ in range(24)
    ]


def window(fault: Fault, *, book: int = 0, desk: int = 0, market: int = 0, outcome: int = 0) -> Window:
    return Window(fault, 0, HOUR_MS, book, desk, market, outcome, 0.01)


def planted(
    plan: Phantoms,
    target: list[Row],
    windows: Sequence[Window],
    now_ms: int = 1,
    shown: list[Row] | None = None,
) -> dict[tuple[int, int], Quote]:
    """What is at fault, by book and market."""
    plan.plant(target, shown or board(), now_ms, Even(), windows)
    return {
        (book, place): quote
        for book, row in enumerate(target)
        for place, quote in enumerate(row)
        if quote is not None and quote.fault
    }


@pytest.fixture
def plan() -> Phantoms:
    return Phantoms(desks(), markets("hockey"))


def test_a_stuck_book_is_at_fault_only_where_its_price_has_moved_on(plan: Phantoms) -> None:
    stuck = window(Fault.STICK, book=4)

    before = planted(plan, board(), [stuck])
    after = planted(plan, board(home=2.2), [stuck], 2, shown=board(home=2.2))

    assert before == {}
    assert after == {(4, 0): Quote(0.0, (1.9, 1.9), True, "stuck")}


def test_a_lagging_brand_follows_its_desk_late(plan: Phantoms) -> None:
    lagging = window(Fault.LAG)
    brand = desks()[3].books[1]

    moved = planted(plan, board(home=2.2), [lagging], 10_000)
    later = planted(plan, board(home=2.2), [lagging], 40_000)

    assert moved == {(brand, 0): Quote(0.0, (1.9, 1.9), True, "lagging")}
    assert later == {}


def test_a_wrongly_typed_price_stays_as_it_was_typed(plan: Phantoms) -> None:
    typed = window(Fault.TYPO, book=2, desk=1)

    first = planted(plan, board(), [typed])
    second = planted(plan, board(home=1.95), [typed])

    assert first == second == {(2, 0): Quote(0.0, (19.0, 1.9), True, "typed")}


def test_the_price_of_another_line_is_shown_at_one_book(plan: Phantoms) -> None:
    found = planted(plan, board(), [window(Fault.OTHER_LINE, book=7, market=1, desk=1, outcome=1)])

    assert [(place, quote.fault, quote.line) for place, quote in found.items()] == [
        ((7, 2), "other_line", 5.5)
    ]
    assert found[7, 2].prices[0] > 2.2


def test_the_first_half_is_nearer_to_even_than_the_game() -> None:
    assert 0.5 < of_first_half((0.8, 0.2))[0] < 0.8
    assert of_first_half((0.5, 0.3, 0.2)) == pytest.approx((0.4, 0.24, 0.36))


def test_a_three_way_market_without_its_draw_looks_two_way_at_every_brand_of_a_desk(plan: Phantoms) -> None:
    found = planted(plan, board(), [window(Fault.REGULATION, desk=3)])

    assert list(found) == [(book, 0) for book in desks()[3].books]
    for quote in found.values():
        assert quote.fault == "dropped"
        assert sum(1.0 / price for price in quote.prices) < 0.9


def test_a_closed_market_is_not_mistyped(plan: Phantoms) -> None:
    closed = [[quote and quote._replace(open=False) for quote in row] for row in board()]
    windows = [
        window(fault) for fault in (Fault.TYPO, Fault.OTHER_LINE, Fault.OTHER_PERIOD, Fault.REGULATION)
    ]

    assert planted(plan, closed, windows) == {}


@pytest.mark.parametrize(
    ("price", "draw", "typed"),
    [
        (1.91, 1, 19.1),  # the point slipped
        (2.10, 0, 1.2),  # the first two digits exchanged
        (1.91, 0, 9.11),
        (2.25, 0, 22.5),  # exchanged it would be the same
        (3.05, 0, 30.5),  # or no price at all
        (12.0, 0, 120.0),
    ],
)
def test_how_a_price_is_mistyped(price: float, draw: int, typed: float) -> None:
    assert mistyped(price, draw) == typed


def test_phantoms_are_drawn_from_a_stream_of_their_own() -> None:
    first, again = (phantoms(random.Random("1/phantoms/1"), 0, 20 * HOUR_MS) for _ in range(2))

    assert first == again
    assert [window.from_ms for window in first] == sorted(window.from_ms for window in first)
    assert {window.fault for window in first} == {
        Fault.STICK,
        Fault.LAG,
        Fault.TYPO,
        Fault.OTHER_LINE,
        Fault.OTHER_PERIOD,
        Fault.REGULATION,
    }


@pytest.mark.parametrize(
    ("price", "below", "above"),
    [(1.996, 1.99, 2.0), (2.03, 2.02, 2.04), (3.07, 3.05, 3.1), (5.55, 5.5, 5.6), (11.3, 11.0, 11.5)],
)
def test_prices_of_the_exchange_are_on_its_ticks(price: float, below: float, above: float) -> None:
    assert (tick_below(price), tick_above(price)) == (below, above)

from typing import Any, NamedTuple

import pytest

from pipeline import data
from producers.simulator.desks import EXCHANGE
from producers.simulator.rates import RATES
from tests.producers.simulator.conftest import STARTS_AT_MS, Boards, Evening, Shown


class Leg(NamedTuple):
    """A leg of the truth, and its line as a reader of the snapshots holds it."""

    outcome: int
    price: float
    lay: bool
    size_minor: int | None
    commission: float
    line: Shown

    @property
    def shown(self) -> float:
        return (self.line.lay_prices if self.lay else self.line.prices)[self.outcome]

    @property
    def net(self) -> float:
        """As a back without commission."""
        kept = 1.0 - self.commission
        return 1.0 + (kept / (self.price - 1.0) if self.lay else (self.price - 1.0) * kept)


def legs(boards: Boards, row: dict[str, Any]) -> list[Leg]:
    board = boards[row["event_id"], row["from_ms"]]
    return [
        Leg(*said, data.books()[book].commission, board[book, row["market"], row["scope"], row["line"]])
        for outcome, book, *rest in row["legs"]
        for said in [(outcome, *rest)]
    ]


def test_the_header_names_seed_and_rates(evening: Evening) -> None:
    header = evening.truth[0]

    assert (header["record"], header["seed"], header["starts_at_ms"]) == ("header", 11, STARTS_AT_MS)
    assert header["rates"]["arbitrage_per_event_hour"] == RATES.arbitrage_per_event_hour


def test_probabilities_sum_to_one(evening: Evening) -> None:
    rows = evening.rows("probabilities")

    assert rows
    for row in rows:
        for _, _, _, fair in row["markets"]:
            assert sum(fair) == pytest.approx(1.0, abs=2e-6)
            assert all(0.0 <= chance <= 1.0 for chance in fair)


def test_every_line_of_the_board_has_its_true_probability(evening: Evening, boards: Boards) -> None:
    for row in evening.rows("probabilities"):
        board = boards[row["event_id"], row["at_ms"]]
        assert {key[1:] for key in board} == {tuple(market[:3]) for market in row["markets"]}


def test_a_true_arbitrage_is_in_the_stream_at_open_prices_that_pay_whatever_happens(
    evening: Evening, boards: Boards
) -> None:
    rows = [row for row in evening.rows("opportunity") if row["kind"] == "arbitrage"]

    assert rows
    for row in rows:
        found = legs(boards, row)
        assert all(leg.shown == leg.price for leg in found)
        assert all(leg.line.status == "open" for leg in found)
        assert all(row["from_ms"] - leg.line.quoted_at_ms <= RATES.stale_s * 1000 + 1_000 for leg in found)
        assert sum(1.0 / leg.net for leg in found) < 1.0
        backed = [leg.outcome for leg in found if not leg.lay]
        laid = [leg.outcome for leg in found if leg.lay]
        assert backed == laid if laid else backed == list(range(len(found[0].line.prices)))


def test_some_arbitrages_need_a_lay(evening: Evening, boards: Boards) -> None:
    rows = [row for row in evening.rows("opportunity") if row["kind"] == "arbitrage" and row["lay"]]

    assert rows
    for row in rows:
        back, lay = legs(boards, row)
        assert (back.lay, lay.lay) == (False, True)
        assert lay.size_minor


def test_planted_arbitrages_never_rest_on_a_line_that_pays_stakes_back(evening: Evening) -> None:
    planted = [row for row in evening.rows("opportunity") if row["planted"]]

    assert planted
    assert {row["market"] for row in planted} >= {"h2h", "total"}
    assert not any(row["pays_back"] for row in planted)


def test_a_phantom_shows_the_fault_that_made_it_up(evening: Evening, boards: Boards) -> None:
    rows = [row for row in evening.rows("opportunity") if row["kind"] != "arbitrage"]

    assert {"stale", "swapped", "stuck", "lagging", "typed", "other_line"} <= {row["kind"] for row in rows}
    for row in rows:
        found = legs(boards, row)
        if row["kind"] == "stale":
            assert any(row["from_ms"] - leg.line.quoted_at_ms > RATES.stale_s * 1000 for leg in found)
        elif row["kind"] == "suspended":
            assert any(leg.line.status == "suspended" for leg in found)
        elif row["kind"] in ("stuck", "lagging", "typed", "other_line", "other_period"):
            assert all(row["from_ms"] - leg.line.quoted_at_ms < 6_000 for leg in found)


def test_a_quote_at_fault_is_on_show_and_is_not_what_its_book_would_give(
    evening: Evening, boards: Boards
) -> None:
    rows = evening.rows("faults")

    assert rows
    for row in rows:
        board = boards[row["event_id"], row["at_ms"]]
        for book, market, scope, line, fault, real in row["quotes"]:
            shown = board[book, market, scope, line]
            if fault in ("stuck", "lagging", "typed", "other_line", "other_period"):
                assert shown.prices != tuple(real)


def test_depth_stands_beside_its_line_and_no_lay_price_is_below_the_back_price(boards: Boards) -> None:
    bourse = [line for board in boards.values() for key, line in board.items() if key[0] == EXCHANGE]
    others = [line for board in boards.values() for key, line in board.items() if key[0] != EXCHANGE]

    assert all(bool(line.lay_prices) == (line.status == "open") for line in bourse)
    assert any(line.lay_prices for line in bourse)
    assert not any(line.lay_prices for line in others)
    for line in bourse:
        assert all(back < lay for back, lay in zip(line.prices, line.lay_prices, strict=False))


def test_the_first_arbitrage_is_there_within_seconds(evening: Evening) -> None:
    first = min(row["from_ms"] for row in evening.rows("opportunity") if row["planted"])

    assert first - STARTS_AT_MS < 5_000


def test_about_one_in_eight_events_has_an_arbitrage_open_and_a_tenth_of_what_looks_so_is_made_up(
    evening: Evening,
) -> None:
    rows = evening.rows("opportunity")
    sound = [row for row in rows if row["kind"] == "arbitrage" and not row["pays_back"]]
    phantoms = [row for row in rows if row["kind"] != "arbitrage"]
    quoted_ms = 0
    for event in evening.rows("event"):
        times = [
            row["at_ms"] for row in evening.rows("probabilities") if row["event_id"] == event["event_id"]
        ]
        quoted_ms += times[-1] - times[0]
    open_ms = sum(row["to_ms"] - row["from_ms"] for row in sound)

    assert 0.06 < open_ms / quoted_ms < 0.25
    assert 0.05 < len(phantoms) / (len(phantoms) + len(sound)) < 0.18


def test_the_score_of_regulation_is_the_final_one_where_there_was_no_overtime(evening: Evening) -> None:
    for row in evening.rows("final"):
        periods = {record.period for record in evening.of(row["event_id"])}
        if "sim-epl" in row["event_id"]:
            assert max(periods) == 2
            assert row["regulation"] == row["score"]

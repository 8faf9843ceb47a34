from typing import Any

import pytest

from producers.simulator.rates import RATES
from tests.producers.simulator.conftest import STARTS_AT_MS, Boards, Evening, Shown


def legs(boards: Boards, row: dict[str, Any]) -> list[tuple[int, float, Shown]]:
    """Each leg's outcome and price, and the line as a reader of the snapshots holds it."""
    board = boards[row["event_id"], row["from_ms"]]
    return [
        (outcome, price, board[book, row["market"], row["scope"], row["line"]])
        for outcome, book, price in row["legs"]
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
        assert all(line.prices[outcome] == price for outcome, price, line in found)
        assert all(line.status == "open" for _, _, line in found)
        assert all(row["from_ms"] - line.quoted_at_ms <= RATES.stale_s * 1000 + 1_000 for _, _, line in found)
        assert sorted(outcome for outcome, _, _ in found) == list(range(len(found[0][2].prices)))
        assert sum(1.0 / price for _, price, _ in found) < 1.0


def test_planted_arbitrages_never_rest_on_a_line_that_pays_stakes_back(evening: Evening) -> None:
    planted = [row for row in evening.rows("opportunity") if row["planted"]]

    assert planted
    assert {row["market"] for row in planted} >= {"h2h", "total"}
    assert not any(row["pays_back"] for row in planted)


def test_a_phantom_shows_the_fault_that_made_it_up(evening: Evening, boards: Boards) -> None:
    rows = [row for row in evening.rows("opportunity") if row["kind"] != "arbitrage"]

    assert {"stale", "swapped"} <= {row["kind"] for row in rows}
    for row in rows:
        found = legs(boards, row)
        if row["kind"] == "stale":
            assert any(row["from_ms"] - line.quoted_at_ms > RATES.stale_s * 1000 for _, _, line in found)
        elif row["kind"] == "suspended":
            assert any(line.status == "suspended" for _, _, line in found)
        elif row["kind"] == "dropped":
            assert any(0.0 in line.prices for _, _, line in found)


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

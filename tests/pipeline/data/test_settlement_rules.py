import csv
from importlib.resources import files
from itertools import product

import pytest

from pipeline import data
from pipeline.domain.rules import Difference, Retirement, RuledBet, Rules, differences
from pipeline.records.kinds import OUTCOMES

SPORTS = {league.sport for league in data.leagues().values()} | {"tennis"}


def test_a_books_own_row_comes_before_a_markets_and_that_before_everybodys() -> None:
    """Smarkets has a row for all markets of baseball and one for who wins; neither speaks of retirement."""
    assert data.settlement_rules("smarkets", "baseball", "total") == Rules(True, True, Retirement.ONE_SET, 72)
    assert data.settlement_rules("smarkets", "baseball", "h2h") == Rules(True, True, Retirement.ONE_SET, 36)
    assert data.settlement_rules("fanduel", "tennis", "total").retirement is Retirement.FULL_MATCH
    assert data.settlement_rules("bet365", "tennis", "h2h").retirement is Retirement.FULL_MATCH
    assert data.settlement_rules("pinnacle", "baseball", "total").listed_pitcher
    assert not data.settlement_rules("pinnacle", "baseball", "h2h").listed_pitcher


@pytest.mark.parametrize("sport", sorted(SPORTS))
def test_a_book_of_which_nothing_is_known_settles_like_everybody(sport: str) -> None:
    for market in OUTCOMES:
        unknown = data.settlement_rules("nobody's book", sport, market)

        assert unknown == data.settlement_rules("fanduel", sport, market)
        assert unknown.overtime == (sport != "soccer")


def test_a_sport_of_which_nothing_is_known_has_the_usual_rules() -> None:
    assert data.settlement_rules("pinnacle", "curling", "h2h") == Rules()


@pytest.mark.parametrize("sport", sorted(SPORTS))
def test_everybodys_row_of_a_sport_leaves_nothing_open(sport: str) -> None:
    row = data.settlement_rows()["*", sport, "*"]

    assert None not in [getattr(row, rule) for rule in Rules._fields]


@pytest.mark.parametrize("row", data.settlement_rows().values(), ids=lambda row: f"{row.book} {row.sport}")
def test_a_row_names_what_there_is_and_says_something(row: data.SettlementRow) -> None:
    assert row.book == "*" or row.book in data.books()
    assert row.sport in SPORTS
    assert row.market == "*" or row.market in OUTCOMES
    assert any(getattr(row, rule) is not None for rule in Rules._fields)
    assert row.resumed_within_hours is None or row.resumed_within_hours > 0


def test_each_row_stands_once_and_says_where_it_comes_from() -> None:
    with (files(data) / "rules.csv").open() as table:
        lines = list(csv.DictReader(table))

    assert len(lines) == len(data.settlement_rows())
    assert all(line["origin"] for line in lines)
    assert {line["book"] for line in lines if line["origin"] == "invented"} == {
        line["book"] for line in lines if line["book"].startswith("sim-")
    }


def test_a_retirement_between_books_of_two_rules_loses_500() -> None:
    legs = [
        RuledBet(outcome, 2.05, 50_000, data.settlement_rules(book, "tennis", "h2h"))
        for outcome, book in enumerate(("bet365", "smarkets"))
    ]

    assert differences("h2h", 0.0, legs) == (Difference("retirement", -50_000),)


def test_most_pairs_of_simulated_books_settle_baseball_alike() -> None:
    books = [book.book for book in data.books().values() if book.book.startswith("sim-")]
    alike = [
        data.settlement_rules(one, "baseball", "h2h") == data.settlement_rules(other, "baseball", "h2h")
        for one, other in product(books, books)
    ]

    assert 0.8 < sum(alike) / len(alike) < 1.0


def test_simulated_books_settle_all_other_sports_alike() -> None:
    for sport, market in product(SPORTS - {"baseball"}, OUTCOMES):
        books = [book.book for book in data.books().values() if book.book.startswith("sim-")]

        assert len({data.settlement_rules(book, sport, market) for book in books}) == 1

import pytest

from pipeline import data


@pytest.mark.parametrize("book", data.books().values(), ids=lambda book: book.book)
def test_a_commission_is_a_share_which_bookmakers_do_not_take(book: data.Book) -> None:
    assert 0.0 <= book.commission < 1.0
    if book.kind in ("book", "reference"):
        assert book.commission == 0.0


def test_every_exchange_takes_a_commission() -> None:
    exchanges = {book.book: book.commission for book in data.books().values() if book.kind == "exchange"}

    assert {"betfair_ex_uk", "matchbook", "smarkets"} <= exchanges.keys()
    assert all(exchanges.values())

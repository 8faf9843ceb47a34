"""Parts of an answer: the entries of one market or book, or those that are worth a certain share."""

from typing import Any, NamedTuple

from msgspec.structs import replace

from pipeline.records import (
    Arbitrages,
    BetResult,
    ClosingLine,
    FairPrices,
    Moves,
    ValueBets,
)


class Filter(NamedTuple):
    """What an entry must be; empty and 0 let all pass.

    ``least`` is of value bets the expected value, of arbitrages the return on investment, both shares of 1.
    """

    market: str = ""
    book: str = ""
    least: float = 0.0


#: Which filters a topic understands.
FILTERS = {
    "odds.fair": frozenset({"market"}),
    "odds.closing": frozenset({"market", "book"}),
    "odds.moves": frozenset({"market"}),
    "bets.value": frozenset({"market", "book", "min_expected_value"}),
    "bets.arbitrage": frozenset({"market", "book", "min_roi"}),
    "bets.results": frozenset({"market", "book"}),
}


def trimmed(record: Any, filters: frozenset[Filter], *, even_empty: bool = False) -> Any:
    """The record with the entries that one of the filters lets through; None where there are none.

    ``changes`` stay whole: they name what was opened and withdrawn in any market.
    """

    def passes(market: str, books: tuple[str, ...], worth: float) -> bool:
        return any(
            one.market in ("", market) and (not one.book or one.book in books) and worth >= one.least
            for one in filters
        )

    left: Any
    match record:
        case ValueBets():
            left = replace(
                record,
                bets=tuple(b for b in record.bets if passes(b.market, (b.book,), b.expected_value)),
                gated=tuple(b for b in record.gated if passes(b.market, (b.book,), b.expected_value)),
            )
            some = bool(left.bets)
        case Arbitrages():
            left = replace(
                record,
                arbitrages=tuple(
                    a for a in record.arbitrages if passes(a.market, tuple(leg.book for leg in a.legs), a.roi)
                ),
                lives=tuple(
                    a for a in record.lives if passes(a.market, tuple(leg.book for leg in a.legs), a.roi)
                ),
            )
            some = bool(left.arbitrages)
        case FairPrices():
            left = replace(record, markets=tuple(m for m in record.markets if passes(m.market, (), 0.0)))
            some = bool(left.markets)
        case ClosingLine():
            left = replace(
                record,
                markets=tuple(m for m in record.markets if passes(m.market, tuple(_books(filters)), 0.0)),
                prices=tuple(p for p in record.prices if passes(p.market, (p.book,), 0.0)),
            )
            some = bool(left.markets or left.prices)
        case Moves():
            left = replace(
                record,
                moves=tuple(m for m in record.moves if passes(m.market, (), 0.0)),
                steam=tuple(s for s in record.steam if passes(s.market, (), 0.0)),
            )
            some = bool(left.moves or left.steam)
        case BetResult():
            left = record
            some = passes(record.market, tuple(leg.book for leg in record.legs), 0.0)
        case _:
            return record
    return left if some or even_empty else None


def _books(filters: frozenset[Filter]) -> list[str]:
    return [one.book for one in filters]

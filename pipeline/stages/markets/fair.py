"""Fair prices: what the trading desks agree on, the margin taken out."""

from functools import cache, lru_cache
from typing import NamedTuple

from pipeline import data
from pipeline.domain.consensus import agreement
from pipeline.domain.devig import power_devig
from pipeline.domain.movement import log_odds
from pipeline.domain.odds import overround
from pipeline.settings import Rules
from pipeline.stages.markets.offers import Offer
from pipeline.stages.markets.state import Probabilities

METHOD = "power"
#: One desk's opinion is no consensus.
MINIMUM_DESKS = 2

# The same prices are met at many books and at every poll; the memory changes no result.
devigged = lru_cache(maxsize=65_536)(power_devig)


@cache
def desk_of(book: str) -> str:
    """Who sets a book's prices; a book that data/books.csv does not name is its own desk."""
    known = data.books().get(book)
    return book if known is None else known.desk


@cache
def weights() -> dict[str, float]:
    """The weight of each desk's vote, that of its weightiest book; 0 for one without a vote."""
    found: dict[str, float] = {}
    for book in data.books().values():
        found[book.desk] = max(book.weight, found.get(book.desk, 0.0))
    return found


@cache
def _voter(book: str) -> str:
    """The desk that a book's price is a vote of; empty where it has none."""
    desk = desk_of(book)
    return desk if weights().get(desk, 1.0) > 0.0 else ""


class Opinion(NamedTuple):
    """What the desks say about one market; nothing where too few do."""

    desks: int
    probabilities: Probabilities
    others: dict[str, Probabilities]
    """For each desk what the other desks agree on: the measure of its own prices."""
    overround: float


def opinion(rules: Rules, offered: list[Offer]) -> Opinion:
    """The consensus over all desks with a usable quote."""
    quotes = [(desk, devigged(quote.prices)) for _, book, quote in offered if (desk := _voter(book))]
    desks = len({desk for desk, _ in quotes})
    if desks < MINIMUM_DESKS:
        return Opinion(0, (), {}, 0.0)
    weighed = {**weights(), **rules.desk_weights} if rules.desk_weights else weights()
    agreed = agreement(quotes, weighed)
    least = min([_overround(quote.prices) for _, _, quote in offered])
    return Opinion(desks, agreed.fair, agreed.without, least)


def judged(opinion: Opinion, book: str, minimum: int) -> Probabilities:
    """What the other desks think of a book's market; empty where there are fewer than ``minimum`` of them."""
    others = opinion.others.get(desk_of(book))
    if others is None:  # the desk has no vote, so all that have one are others
        return opinion.probabilities if opinion.desks >= minimum else ()
    return others if opinion.desks > minimum else ()


# Held against others again and again.
@lru_cache(maxsize=65_536)
def heights(probabilities: Probabilities) -> tuple[float, ...]:
    """The log-odds of each outcome."""
    return tuple([log_odds(probability) for probability in probabilities])


_overround = lru_cache(maxsize=65_536)(overround)

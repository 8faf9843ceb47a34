"""Fair prices: what the trading desks agree on, the margin taken out, and how sure that is."""

from functools import cache, lru_cache
from math import hypot
from typing import NamedTuple

from pipeline import data
from pipeline.domain.consensus import Word, agreed, consensus, pooled, word
from pipeline.domain.devig import METHODS, SAME_AS, spread
from pipeline.domain.movement import log_odds
from pipeline.domain.odds import booksum, overround
from pipeline.settings import Rules
from pipeline.stages.markets.offers import Offer
from pipeline.stages.markets.state import Prices, Probabilities

#: One desk's opinion is no consensus.
MINIMUM_DESKS = 2
#: No book pays more for all outcomes than they cost it (an exchange nearly may): one of the prices is wrong.
LEAST_BOOKSUM = 0.97
#: By name; those that are another one by definition left out.
WAYS = tuple([name for name in METHODS if name not in SAME_AS])
#: Of two outcomes Shin's probabilities are the additive ones.
OF_TWO = tuple([name for name in WAYS if name != "shin"])


# The same prices are met at many books and at every poll; the memory changes no result.
@lru_cache(maxsize=262_144)
def devigged(method: str, prices: Prices) -> Probabilities:
    """Fair probabilities of one book's market; empty where the method, or nobody, can say any."""
    try:
        return METHODS[method](prices) if booksum(prices) >= LEAST_BOOKSUM else ()
    except ValueError:
        return ()


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
    own: dict[str, Probabilities]
    """Each desk's own word."""
    spreads: Probabilities
    """Of each outcome, how far the methods of taking the margin out are apart."""
    errors: tuple[float, ...]
    """Standard errors of each outcome's log-odds, by how far the desks are apart, and the methods."""


NO_OPINION = Opinion(0, (), {}, 0.0, {}, (), ())


def opinion(rules: Rules, offered: list[Offer]) -> Opinion:
    """The consensus over all desks with a usable quote."""
    books: dict[str, list[Prices]] = {}
    for _, book, quote in offered:
        if desk := _voter(book):
            books.setdefault(desk, []).append(quote.prices)
    brands = {desk: tuple(prices) for desk, prices in books.items()}
    words = _words(rules.devig, brands)
    if len(words) < MINIMUM_DESKS:
        return NO_OPINION
    weighed = _weights(rules)
    found = agreed(words, weighed)
    fairs = [found.fair]
    for method in ways(len(found.fair)):
        if method != rules.devig and len(others := _words(method, brands)) == len(words):
            fairs.append(pooled(others, weighed))
    errors = tuple(
        [
            hypot(error, (max(all_heights) - min(all_heights)) / 2.0)
            for error, *all_heights in zip(found.errors, *[heights(fair) for fair in fairs], strict=True)
        ]
    )
    margins = [_overround(quote.prices) for _, _, quote in offered]
    least = min([margin for margin in margins if margin >= LEAST_BOOKSUM - 1.0])
    return Opinion(len(words), found.fair, found.without, least, found.desks, spread(fairs), errors)


def judged(opinion: Opinion, book: str, minimum: int) -> Probabilities:
    """What the other desks think of a book's market; empty where there are fewer than ``minimum`` of them."""
    others = opinion.others.get(desk_of(book))
    if others is None:  # the desk has no vote, so all that have one are others
        return opinion.probabilities if opinion.desks >= minimum else ()
    return others if opinion.desks > minimum else ()


def judged_by_method(rules: Rules, offered: list[Offer], book: str) -> dict[str, Probabilities]:
    """What the other desks think of a book's market, by each method that can say it."""
    desk, weighed = desk_of(book), _weights(rules)
    others = [offer for offer in offered if desk_of(offer[1]) != desk and _voter(offer[1])]
    found = {}
    for method in ways(len(offered[0][2].prices)):
        if others and len(votes := _votes(method, others)) == len(others):
            found[method] = consensus(votes, weighed)
    return found


def ways(outcomes: int) -> tuple[str, ...]:
    """The methods that differ for a market of so many outcomes."""
    return OF_TWO if outcomes == 2 else WAYS


# Held against others again and again.
@lru_cache(maxsize=65_536)
def heights(probabilities: Probabilities) -> tuple[float, ...]:
    """The log-odds of each outcome."""
    return tuple([log_odds(probability) for probability in probabilities])


_overround = lru_cache(maxsize=65_536)(overround)


def _votes(method: str, offered: list[Offer]) -> list[tuple[str, Probabilities]]:
    return [
        (desk, fair)
        for _, book, quote in offered
        if (desk := _voter(book)) and (fair := devigged(method, quote.prices))
    ]


def _words(method: str, brands: dict[str, tuple[Prices, ...]]) -> dict[str, Word]:
    """Each desk's word by a method, of those of which it has one."""
    said = {desk: _word(method, prices) for desk, prices in brands.items()}
    return {desk: word for desk, word in said.items() if word is not None}


# Most desks say at a poll what they said at the one before.
@lru_cache(maxsize=262_144)
def _word(method: str, prices: tuple[Prices, ...]) -> Word | None:
    fairs = [fair for each in prices if (fair := devigged(method, each))]
    return word(fairs) if fairs else None


def _weights(rules: Rules) -> dict[str, float]:
    return {**weights(), **rules.desk_weights} if rules.desk_weights else weights()

"""What a book charges, what it takes, and how it settles."""

from functools import cache, lru_cache

from pipeline import data, ids
from pipeline.domain import rules as settling
from pipeline.domain.lay import back_after_commission
from pipeline.domain.odds import lay_as_back
from pipeline.settings import Rules
from pipeline.stages.markets.state import Prices


def commission(rules: Rules, book: str) -> float:
    """Share of net winnings that a book keeps."""
    if rules.commissions and book in rules.commissions:
        return rules.commissions[book]
    return _published_commission(book)


def net(rules: Rules, book: str, prices: Prices) -> Prices:
    """Prices after commission."""
    kept = commission(rules, book)
    return _net(kept, prices) if kept else prices


@lru_cache(maxsize=65_536)
def laid(lay_price: float, kept: float) -> float:
    """What backing everything but the laid outcome would have to pay, for a lay's liability as its stake."""
    return lay_as_back(lay_price, kept)


def limits(rules: Rules, book: str, size: int) -> tuple[int, int]:
    """The least and the most that a book takes, in minor units; ``size`` waits there, 0 where unsaid."""
    least, most = rules.stake_limits.get(book, (rules.minimum_stake_minor, rules.maximum_stake_minor))
    return least, min(most, size) if size else most


@cache
def settlement(event_id: str, book: str, market: str, scope: str) -> settling.Rules:
    """How a book settles a market of an event."""
    sport = ids.league_of(event_id).sport
    found = data.settlement_rules(book, sport, market)
    return found if scope == "game" else found._replace(overtime=False)


@cache
def _published_commission(book: str) -> float:
    known = data.books().get(book)
    return 0.0 if known is None else known.commission


@lru_cache(maxsize=65_536)
def _net(kept: float, prices: Prices) -> Prices:
    return tuple([back_after_commission(price, kept) for price in prices])

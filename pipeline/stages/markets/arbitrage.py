"""Arbitrage: every outcome of a market at the best usable price, for less than it returns.

The best split of a market is judged first. One that looks like bad data is kept as a suspect, with its
reasons; then the quote that is to blame is left out and the rest is looked at again, so that one wild price
does not hide what is real.
"""

from pipeline.domain import arbitrage as arithmetic
from pipeline.records import LINED
from pipeline.stages.markets.fair import MINIMUM_DESKS, Opinion, desk_of, judged
from pipeline.stages.markets.offers import Moment, Offer, interval_ms
from pipeline.stages.markets.opportunities import identity
from pipeline.stages.markets.state import Lock, MarketKey, Side

#: Suspects of one market that are listed; bounds the work on a board full of nonsense.
MOST_SUSPECTS = 3
Legs = tuple[Offer, ...]


def arbitrages(now: Moment, key: MarketKey, offered: list[Offer], opinion: Opinion) -> list[Lock]:
    """What can be locked in on a market: suspects, and at most one that is open; none while it is closed."""
    market, _, line = key
    # On a whole line every stake may come back: nothing is locked in.
    if now.closed or (market in LINED and line.is_integer()):
        return []
    found: list[Lock] = []
    # What most markets have: a margin left even at the best prices.
    highest = [max(prices) for prices in zip(*[quote.prices for _, _, quote in offered], strict=True)]
    if not highest or arithmetic.roi(highest) <= now.rules.minimum_roi:
        return found
    while len(found) < MOST_SUSPECTS and (legs := _best(offered)):
        roi = arithmetic.roi(_prices(legs))
        if roi <= now.rules.minimum_roi:
            break
        suspect, culprit = _suspicion(now, legs, roi, opinion)
        lock = _lock(now, key, legs, roi, suspect)
        if lock is None:
            break
        found.append(lock)
        if culprit is None:
            break
        offered = [offer for offer in offered if offer is not culprit]
    return found


def _lock(now: Moment, key: MarketKey, legs: Legs, roi: float, suspect: tuple[str, ...]) -> Lock | None:
    rules, prices = now.rules, _prices(legs)
    stakes = arithmetic.stakes(prices, rules.arbitrage_total_minor, rules.stake_unit_minor)
    profit = _worst_profit(key, prices, stakes)
    if profit <= 0:
        return None
    return Lock(
        id=identity(now.event_id, "arbitrage", key, tuple(enumerate([leg[1] for leg in legs]))),
        sides=tuple(
            [
                Side(leg[0], leg[1], price, stake)
                for leg, price, stake in zip(legs, prices, stakes, strict=True)
            ]
        ),
        roi=roi,
        profit_minor=profit,
        suspect=suspect,
    )


def _worst_profit(key: MarketKey, prices: tuple[float, ...], stakes: tuple[int, ...]) -> int:
    """Of every result that the market can have, the halves of a quarter line among them.

    A two-way winner counts as having two results: a tie where a league knows one refunds every leg.
    """
    market, _, line = key
    if market not in LINED:
        return arithmetic.worst_profit(prices, stakes)
    met = -line if market == "spread" else line
    return arithmetic.line_worst_profit(met, (prices[0], prices[1]), (stakes[0], stakes[1]))


def _best(offered: list[Offer]) -> Legs:
    """The best price of each outcome, from at least two desks; empty where there is no such choice."""
    if not offered:
        return ()
    outcomes = range(len(offered[0][2].prices))
    best = [_highest(offered, outcome) for outcome in outcomes]
    desks = {desk_of(leg[1]) for leg in best}
    if len(desks) > 1:
        return tuple(best)
    # One desk is best at everything: take the one outcome elsewhere at which that costs least.
    others = [offer for offer in offered if desk_of(offer[1]) not in desks]
    if not others:
        return ()
    choices = []
    for outcome in outcomes:
        choice = list(best)
        choice[outcome] = _highest(others, outcome)
        choices.append(tuple(choice))
    return max(choices, key=lambda legs: arithmetic.roi(_prices(legs)))


def _highest(offered: list[Offer], outcome: int) -> Offer:
    """The best price of an outcome; of two alike that of the book first in the alphabet."""
    best, highest = offered[0], 0.0
    for offer in offered:
        price = offer[2].prices[outcome]
        if price > highest or (price == highest and offer[1] < best[1]):
            best, highest = offer, price
    return best


def _prices(legs: Legs) -> tuple[float, ...]:
    return tuple([leg[2].prices[outcome] for outcome, leg in enumerate(legs)])


def _suspicion(now: Moment, legs: Legs, roi: float, opinion: Opinion) -> tuple[tuple[str, ...], Offer | None]:
    """Why this looks like bad data, and which leg is to blame, where that can be told."""
    rules = now.rules
    reasons: list[str] = []
    culprit: Offer | None = None
    spoken_at_ms = [_spoken_at_ms(leg) for leg in legs]
    if max(spoken_at_ms) - min(spoken_at_ms) > _allowed_gap_ms(now, legs):
        reasons.append("ages_apart")
        culprit = min(legs, key=lambda leg: (_spoken_at_ms(leg), leg[1]))
    values = [_value(leg, outcome, opinion) for outcome, leg in enumerate(legs)]
    if max(values) > rules.maximum_expected_value:
        reasons.append("outlier")
        culprit = legs[values.index(max(values))]
    if roi > rules.maximum_roi:
        reasons.append("beyond_belief")
        if culprit is None and max(values) > -1.0:
            culprit = legs[values.index(max(values))]
    return tuple(sorted(reasons)), culprit


def _allowed_gap_ms(now: Moment, legs: Legs) -> int:
    """How far apart the legs may have been heard.

    Of a source that does not say when a book spoke only the poll is known, so its pace is allowed for.
    """
    rules = now.rules
    gap_ms = rules.maximum_live_leg_gap_ms if now.since_ms > 0 else rules.maximum_leg_gap_ms
    return max([gap_ms, *[2 * interval_ms(source) for source, _, quote in legs if not quote.quoted_at_ms]])


def _spoken_at_ms(leg: Offer) -> int:
    """When the book itself was last heard: what its source says of it, where it says so."""
    return leg[2].quoted_at_ms or leg[2].seen_at_ms


def _value(leg: Offer, outcome: int, opinion: Opinion) -> float:
    """Expected value of a leg by the other desks; that of its price alone, -1, where too few have a word."""
    others = judged(opinion, leg[1], MINIMUM_DESKS)
    return leg[2].prices[outcome] * others[outcome] - 1.0 if others else -1.0

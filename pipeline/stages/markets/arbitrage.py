"""Arbitrage: every outcome of a market at the best usable price, for less than it returns.

A leg backs its outcome, or lays what is not its outcome at an exchange; commission is taken. The best split
of a market is judged first. One that looks like bad data is kept as a suspect, with its reasons; then the
quote that is to blame is left out and the rest is looked at again, so that one wild price does not hide what
is real. Where nothing can be locked in, what costs next to nothing is a low hold.
"""

from collections.abc import Iterator, Sequence
from functools import lru_cache

from pipeline.domain import arbitrage as arithmetic
from pipeline.domain import limits
from pipeline.domain.odds import booksum
from pipeline.domain.rules import RuledBet, differences
from pipeline.records import LINED
from pipeline.stages.markets import books
from pipeline.stages.markets.fair import Opinion, desk_of
from pipeline.stages.markets.lines import handicap
from pipeline.stages.markets.offers import Moment, Offer
from pipeline.stages.markets.opportunities import identity
from pipeline.stages.markets.phantoms import Legs, Place, suspicion
from pipeline.stages.markets.state import Lock, MarketKey, Side

#: Suspects of one market that are listed; bounds the work on a board full of nonsense.
MOST_SUSPECTS = 3
#: Of stakes that are compared for one arbitrage: more are needed only where units are tiny.
MOST_LOOKS = 20_000


def arbitrages(now: Moment, key: MarketKey, offered: list[Offer], opinion: Opinion) -> list[Lock]:
    """What can be locked in on a market: suspects, and at most one that is open; none while it is closed."""
    market, _, line = key
    # On a whole line every stake may come back: nothing is locked in.
    if now.closed or (market in LINED and line.is_integer()):
        return []
    found: list[Lock] = []
    while len(found) < MOST_SUSPECTS:
        # What most markets have: a margin left even at the best prices.
        if not offered or _most(now, offered) < -now.rules.maximum_low_hold:
            break
        if not (legs := _best(now, offered)):
            break
        roi = _roi(legs)
        suspect, culprit = suspicion(now, legs, roi, opinion, offered)
        if roi <= now.rules.minimum_roi:
            return found if suspect else found + _low_hold(now, key, legs, roi)
        lock = _lock(now, key, legs, roi, suspect)
        if lock is None:
            break
        found.append(lock)
        if culprit is None:
            break
        offered = [offer for offer in offered if offer is not culprit]
    return found


def side(now: Moment, leg: Place, line: float, stake: int, break_even: float) -> Side:
    """A leg with its stake."""
    least, most = _limits(now, leg)
    return Side(
        outcome=leg.outcome,
        source=leg.offer[0],
        book=leg.offer[1],
        line=line,
        price=leg.price,
        lay=leg.lay,
        commission=leg.commission,
        stake_minor=stake,
        at_risk_minor=limits.at_risk(_leg(now, leg), stake),
        least_minor=least,
        most_minor=most,
        break_even_price=break_even,
    )


def stakes_within(now: Moment, backs: Sequence[Place]) -> tuple[int, ...]:
    """The most even stakes on backs that units and limits allow; empty where they allow none."""
    nets = [back.net for back in backs]
    allowed = [_limits(now, back) for back in backs]
    even = booksum(nets)
    total = min(
        now.rules.arbitrage_total_minor,
        *[int(most * net * even) for (_, most), net in zip(allowed, nets, strict=True)],
    )
    if total < now.rules.stake_unit_minor:
        return ()
    found = arithmetic.stakes(nets, total, now.rules.stake_unit_minor)
    fits = all(least <= stake <= most for stake, (least, most) in zip(found, allowed, strict=True))
    return found if fits else ()


def best_backs(now: Moment, offered: list[Offer], outcome: int) -> Place | None:
    """The best price at which an outcome is backed."""
    return max(_backs(now, offered, outcome), key=_preferred, default=None)


def places(legs: Sequence[Place]) -> tuple[tuple[int, str], ...]:
    """What names the legs in an id."""
    return tuple([(leg.outcome, f"lay {leg.offer[1]}" if leg.lay else leg.offer[1]) for leg in legs])


def _lock(now: Moment, key: MarketKey, legs: Legs, roi: float, suspect: tuple[str, ...]) -> Lock | None:
    market, _, line = key
    sides = tuple([_leg(now, leg) for leg in legs])
    locked = _locked(sides, now.rules.arbitrage_total_minor)
    if locked is None:
        return None
    profit = locked.profit
    if market in LINED:
        # Of every result that the market can have, the halves of a quarter line among them.
        met = -handicap(market, line, 0)
        profit = limits.line_profit(met, (sides[0], sides[1]), (locked.stakes[0], locked.stakes[1]))
    if profit <= 0:
        return None
    rules = _rule_differences(now, key, legs, sides, locked.stakes)
    if any(worst < 0 for _, worst in rules):
        suspect = tuple(sorted((*suspect, "rules_differ")))
    return Lock(
        id=identity(now.event_id, "arbitrage", key, places(legs)),
        kind="arbitrage",
        sides=tuple(
            [
                side(now, leg, line, stake, _break_even(sides, locked.stakes, index))
                for index, (leg, stake) in enumerate(zip(legs, locked.stakes, strict=True))
            ]
        ),
        roi=roi,
        profit_minor=profit,
        suspect=suspect,
        rules=rules,
    )


def _low_hold(now: Moment, key: MarketKey, legs: Legs, roi: float) -> list[Lock]:
    """Every outcome for next to nothing."""
    rules = now.rules
    if not -rules.maximum_low_hold <= roi <= 0.0 or any(leg.lay for leg in legs):
        return []
    nets = [leg.net for leg in legs]
    stakes = stakes_within(now, legs)
    if not stakes:
        return []
    return [
        Lock(
            id=identity(now.event_id, "low_hold", key, places(legs)),
            kind="low_hold",
            sides=tuple(
                [side(now, leg, key[2], stake, 0.0) for leg, stake in zip(legs, stakes, strict=True)]
            ),
            roi=roi,
            profit_minor=arithmetic.worst_profit(nets, stakes),
            suspect=(),
        )
    ]


@lru_cache(maxsize=4_096)
def _locked(legs: tuple[limits.Leg, ...], total: int) -> limits.Locked | None:
    return limits.lock(legs, total, MOST_LOOKS)


def _break_even(legs: Sequence[limits.Leg], stakes: Sequence[int], index: int) -> float:
    """Of a leg that is filled last: the worst price at which nothing is lost; 0 where there is none."""
    filled = [0 if place == index else stake for place, stake in enumerate(stakes)]
    return limits.break_even_prices(legs, filled)[index] or 0.0


def _rule_differences(
    now: Moment, key: MarketKey, legs: Legs, sides: Sequence[limits.Leg], stakes: Sequence[int]
) -> tuple[tuple[str, int], ...]:
    """Each way in which the legs' books settle differently, and the worst profit in it."""
    market, scope, line = key
    settling = [books.settlement(now.event_id, leg.offer[1], market, scope) for leg in legs]
    if all(rules == settling[0] for rules in settling):
        return ()
    risked = [limits.at_risk(leg, stake) for leg, stake in zip(sides, stakes, strict=True)]
    if len(legs) != len(legs[0].offer[2].prices):
        # A lay of one of three outcomes: where one of the two legs is called off, the other may lose.
        return (("settlement", -max(risked)),)
    bets = [
        RuledBet(outcome, leg.net, risk, rules)
        for outcome, (leg, risk, rules) in enumerate(zip(legs, risked, settling, strict=True))
    ]
    return tuple([(found.rule, found.profit) for found in differences(market, line, bets)])


def _leg(now: Moment, leg: Place) -> limits.Leg:
    least, most = _limits(now, leg)
    return limits.Leg(leg.price, most, least, now.rules.stake_unit_minor, leg.commission, leg.lay)


def _limits(now: Moment, leg: Place) -> tuple[int, int]:
    waiting = leg.offer[2].waiting
    size = 0
    if waiting is not None:
        size = (waiting.lay_sizes if leg.lay else waiting.back_sizes)[leg.outcome]
    return books.limits(now.rules, leg.offer[1], size)


def _most(now: Moment, offered: list[Offer]) -> float:
    """A return that no legs can be above: the best of each outcome, whoever's they are."""
    nets = [books.net(now.rules, book, quote.prices) for _, book, quote in offered]
    highest = [max(prices) for prices in zip(*nets, strict=True)]
    if all(quote.waiting is None for _, _, quote in offered):
        return arithmetic.roi(highest)
    outcomes = range(len(highest))
    lays = [max([lay.net for lay in _lays(now, offered, outcome)], default=1.0) for outcome in outcomes]
    if len(highest) == 2:
        return arithmetic.roi([max(highest[0], lays[1]), max(highest[1], lays[0])])
    pairs = [(back, lay) for back, lay in zip(highest, lays, strict=True) if lay > 1.0]
    return max(map(arithmetic.roi, [tuple(highest), *pairs]))


def _best(now: Moment, offered: list[Offer]) -> Legs:
    """The best legs that together cover every outcome, from at least two desks; empty where none do."""
    outcomes = range(len(offered[0][2].prices))
    backs = [list(_backs(now, offered, outcome)) for outcome in outcomes]
    lays = [list(_lays(now, offered, outcome)) for outcome in outcomes]
    if len(outcomes) == 2:
        ways = [[backs[0] + lays[1], backs[1] + lays[0]]]
    else:
        # One outcome backed and laid: the others need no leg.
        ways = [backs, *[[backs[outcome], lays[outcome]] for outcome in outcomes if lays[outcome]]]
    choices = [legs for by_leg in ways for legs in _of_two_desks(by_leg)]
    return max(choices, key=_roi, default=())


def _of_two_desks(by_leg: list[list[Place]]) -> list[Legs]:
    """The best place of each leg; where one desk is best at all of them, one leg elsewhere."""
    best = [max(each, key=_preferred) for each in by_leg]
    desks = {desk_of(leg.offer[1]) for leg in best}
    if len(desks) > 1:
        return [tuple(best)]
    choices: list[Legs] = []
    for index, each in enumerate(by_leg):
        if others := [place for place in each if desk_of(place.offer[1]) not in desks]:
            choices.append((*best[:index], max(others, key=_preferred), *best[index + 1 :]))
    return choices


def _backs(now: Moment, offered: list[Offer], outcome: int) -> Iterator[Place]:
    for offer in offered:
        _, book, quote = offer
        price = quote.prices[outcome]
        net = books.net(now.rules, book, quote.prices)[outcome]
        yield Place(net, offer, outcome, price, books.commission(now.rules, book), lay=False)


def _lays(now: Moment, offered: list[Offer], outcome: int) -> Iterator[Place]:
    """Lays of an outcome, which back everything else."""
    for offer in offered:
        if (waiting := offer[2].waiting) is not None and (price := waiting.lay_prices[outcome]) > 1.0:
            kept = books.commission(now.rules, offer[1])
            yield Place(books.laid(price, kept), offer, outcome, price, kept, lay=True)


def _preferred(place: Place) -> tuple[float, bool, list[int]]:
    """The best net price; of two alike a back, then the book first in the alphabet."""
    return place.net, not place.lay, [-ord(letter) for letter in place.offer[1]]


def _roi(legs: Legs) -> float:
    return arithmetic.roi([leg.net for leg in legs])

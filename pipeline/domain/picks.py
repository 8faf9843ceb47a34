"""Which of the open bets of one event to stake, and how much.

On one outcome there is one bet: the best price, with the lowest probability that any of the bets on it has.
Outcomes of one market exclude one another. Different markets of an event hang together in ways that no
consensus tells, so only the market whose bets alone grow fastest is played.

Of a refund only its size is known here, and half a refund counts as a whole one half as often: that stakes a
little less than the exact results would.
"""

import math
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import NamedTuple

from pipeline.domain.growth import Group, group, growth
from pipeline.domain.portfolio import exclusive_results, joint_kelly
from pipeline.domain.settlement import Result
from pipeline.domain.staking import fractional_kelly, kelly


class Limits(NamedTuple):
    """As `joint_kelly` takes them: the part that plays, the most on one bet, the most on all."""

    multiplier: float = 0.25
    cap: float = 0.05
    exposure: float = 0.15


class OpenBet(NamedTuple):
    """A bet that can be had: its price is that after commission.

    ``probability`` is of winning what is not refunded, ``refund`` the part of the stake that comes back
    undecided on average.
    """

    outcome: int
    book: str
    price: float
    probability: float
    refund: float = 0.0


class Pick(NamedTuple):
    """The one bet of an outcome that is staked, by its place among the bets, and the chances it is given."""

    place: int
    price: float
    probability: float
    refund: float


class Play(NamedTuple):
    """What to stake on one market were it alone, and how fast the bankroll then grows."""

    picks: tuple[Pick, ...]
    group: Group
    shares: tuple[float, ...]
    growth: float


def best(bets: Sequence[OpenBet]) -> int:
    """The place of the bet with the best price among those on one outcome.

    Raises
    ------
    ValueError
        If there is none.

    Examples
    --------
    >>> best([OpenBet(0, "a", 2.1, 0.5), OpenBet(0, "b", 2.2, 0.5)])
    1
    """
    return min(range(len(bets)), key=lambda place: (-bets[place].price, bets[place].book))


def picks(bets: Sequence[OpenBet], outcomes: int) -> tuple[Pick, ...]:
    """The bets of one market that are worth their stake, one of an outcome at most.

    Probabilities of all its outcomes, or that come to more than 1, were published by different bets' others:
    they are made to sum to 1.

    Parameters
    ----------
    bets : sequence of OpenBet
        All of one market.
    outcomes : int
        How many the market has.

    Examples
    --------
    >>> cheap, dear = OpenBet(0, "a", 2.1, 0.5), OpenBet(0, "b", 2.2, 0.49)
    >>> picks([cheap, dear, OpenBet(1, "a", 1.9, 0.5)], outcomes=2)
    (Pick(place=1, price=2.2, probability=0.49, refund=0.0),)
    """
    found = []
    for outcome in sorted({bet.outcome for bet in bets}):
        places = [place for place, bet in enumerate(bets) if bet.outcome == outcome]
        here = [bets[place] for place in places]
        place = places[best(here)]
        price, probability = bets[place].price, min([bet.probability for bet in here])
        if probability * price > 1.0:
            found.append(Pick(place, price, probability, max([bet.refund for bet in here])))
    total = math.fsum([pick.probability for pick in found])
    if len(found) == outcomes or total > 1.0:
        found = [pick._replace(probability=pick.probability / total) for pick in found]
    refund = max([pick.refund for pick in found], default=0.0)
    return tuple([pick._replace(refund=refund) for pick in found])


def group_of(picked: Sequence[Pick]) -> Group:
    """How the bets picked of one market end together: one outcome wins unless all stakes come back.

    Examples
    --------
    >>> group_of([Pick(0, 3.0, 0.5, 0.2)])
    Group(chances=(0.4, 0.4, 0.2), profits=((2.0,), (-1.0,), (0.0,)))
    """
    refund = max([pick.refund for pick in picked])
    ends = exclusive_results(range(len(picked)), [pick.probability for pick in picked])
    results = {each: chance * (1.0 - refund) for each, chance in ends.items()}
    if refund > 0.0:
        results[(Result.PUSHED,) * len(picked)] = refund
    return group(results, [pick.price for pick in picked])


# An event's other markets have the same bets as at the last look.
@lru_cache(maxsize=16_384)
def play(bets: tuple[OpenBet, ...], outcomes: int, limits: Limits) -> Play | None:
    """What to stake on one market were it alone; None where nothing is worth it.

    A bet alone has the closed form: what `joint_kelly` finds for it.

    Raises
    ------
    ValueError
        If a limit is not in (0, 1].

    Examples
    --------
    >>> play((OpenBet(0, "a", 2.2, 0.5),), 2, Limits()).shares
    (0.02083333333333335,)
    """
    picked = picks(bets, outcomes)
    if not picked:
        return None
    together = group_of(picked)
    if len(picked) == 1:
        multiplier, cap, exposure = limits
        (pick,) = picked
        alone = kelly(pick.price, pick.probability * (1.0 - pick.refund), pick.refund)
        shares: tuple[float, ...] = (fractional_kelly(alone, multiplier, min(cap, exposure)),)
    else:
        # Neither their order nor a last bit of equal ones may know which side is at home.
        order = sorted(picked, key=lambda pick: (pick.price, pick.probability))
        (row,) = joint_kelly([group_of(order)], *limits)
        found: dict[tuple[float, float], float] = {}
        for pick, share in zip(order, row, strict=True):
            alike = pick.price, pick.probability
            found[alike] = min(share, found.get(alike, share))
        shares = tuple([found[pick.price, pick.probability] for pick in picked])
    return Play(picked, together, shares, growth([together], [shares]))


def fastest(plays: Iterable[Play]) -> int:
    """The place of the play that grows fastest; of equal ones the first.

    Raises
    ------
    ValueError
        If there is none.

    Examples
    --------
    >>> few, many = (play((OpenBet(0, "a", price, 0.5),), 2, Limits()) for price in (2.1, 2.2))
    >>> fastest([few, many, few])
    1
    """
    rates = [each.growth for each in plays]
    return rates.index(max(rates))

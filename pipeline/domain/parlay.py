"""Several bets as one, which pays the product of their prices when all of them win.

Bets on different games are independent; of one game they come from the joint distribution of its score
(`scores`), so that legs which imply or exclude one another are priced as they are. A leg that is refunded
counts as if its price were 1, one that is half won or half lost as half a leg of price 1 or 0: what is left
of the parlay goes on.
"""

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from pipeline.domain.odds import checked_price, implied
from pipeline.domain.scores import Ending, point_endings
from pipeline.domain.settlement import SHARES, Chances, Result, settle

Results = Mapping[tuple[Result, ...], float]


class Selection(NamedTuple):
    """What a leg is a bet on: an outcome of a market, as `settlement.settle` takes it."""

    market: str
    outcome: int
    line: float = 0.0


def joint_results(legs: Sequence[Selection], endings: Sequence[Ending]) -> dict[tuple[Result, ...], float]:
    """How bets on one game come out together.

    Parameters
    ----------
    legs : sequence of n Selections
        Of ``h2h``, ``h2h_3way``, ``spread``, ``total`` and ``btts``. A ``h2h`` follows who wins the game,
        level scores played on where the endings are; the others the score.
    endings : sequence of Ending
        Of the game; for ``btts`` final scores, as `scores.goal_endings` gives them.

    Returns
    -------
    dict of n results to probability
        In the order in which they first come about.

    Raises
    ------
    ValueError
        If no rule settles a leg, or a line is not a multiple of 0.25.

    Examples
    --------
    >>> level, won = Ending(0, 2, 0, 0.25), Ending(1, 3, 1, 0.75)
    >>> together = joint_results([Selection("h2h", 0), Selection("total", 0, 2.5)], [level, won])
    >>> {tuple(end.value for end in ends): chance for ends, chance in together.items()}
    {('pushed', 'lost'): 0.25, ('won', 'won'): 0.75}
    """
    parts: dict[tuple[Result, ...], list[float]] = {}
    columns = [_settled(leg, endings) for leg in legs]
    for ends, ending in zip(zip(*columns, strict=True), endings, strict=True):
        if ending.chance > 0.0:
            parts.setdefault(ends, []).append(ending.chance)
    # Added up without rounding, so that the order of scores, and so the side called home, changes nothing.
    return {ends: math.fsum(chances) for ends, chances in parts.items()}


def point_results(
    legs: Sequence[Selection],
    margin: tuple[float, float],
    total: tuple[float, float],
    correlation: float,
    level_share: float | None = None,
) -> dict[tuple[Result, ...], float]:
    """How bets on one game of points come out together, from a normal margin and total.

    Parameters
    ----------
    legs : sequence of Selections
        Of ``h2h``, ``h2h_3way``, ``spread`` and ``total``.
    margin, total, correlation, level_share
        As `scores.point_endings` takes them.

    Raises
    ------
    ValueError
        If a leg is of another market, or one of the numbers is out of its range.

    Examples
    --------
    >>> legs = [Selection("spread", 0, -3.5), Selection("total", 0, 44.5)]
    >>> together = point_results(legs, (3.5, 13.0), (44.5, 10.0), correlation=0.2)
    >>> round(all_won(together), 4)
    0.282
    """
    if any(leg.market == "btts" for leg in legs):
        raise ValueError("that both sides score is not in a model of margin and total")
    spreads = [-leg.line for leg in legs if leg.market == "spread"]
    totals = [leg.line for leg in legs if leg.market == "total"]
    return joint_results(legs, point_endings(margin, total, correlation, spreads, totals, level_share))


def all_won(results: Results) -> float:
    """Probability that every leg wins in full.

    Examples
    --------
    >>> all_won({(Result.WON, Result.WON): 0.5, (Result.WON, Result.LOST): 0.25, (Result.LOST,) * 2: 0.25})
    0.5
    """
    return math.fsum([chance for ends, chance in results.items() if set(ends) <= {Result.WON}])


def leg_chances(results: Results, index: int) -> Chances:
    """Chances of one leg by itself.

    Examples
    --------
    >>> leg_chances({(Result.WON, Result.LOST): 0.25, (Result.WON, Result.PUSHED): 0.75}, 1)
    Chances(win=0.0, push=0.75, half_win=0.0, half_lose=0.0)
    """
    chance = {
        result: math.fsum([each for ends, each in results.items() if ends[index] is result])
        for result in (Result.WON, Result.PUSHED, Result.VOID, Result.HALF_WON, Result.HALF_LOST)
    }
    return Chances(
        chance[Result.WON],
        chance[Result.PUSHED] + chance[Result.VOID],
        chance[Result.HALF_WON],
        chance[Result.HALF_LOST],
    )


def fair_share(results: Results, prices: Sequence[float]) -> float:
    """What one game's legs add to the fair probability of a parlay at their prices.

    The expectation of what the legs pay together, over the product of their prices: with no refund the
    probability that all of them win. A parlay of several games returns its price times the product of these.

    Parameters
    ----------
    results : mapping of n results to probability
        Of the game's legs.
    prices : sequence of n floats
        Decimal prices by which a leg that is refunded cuts the parlay's.

    Raises
    ------
    ValueError
        If a number of results is not that of the prices, or a price is not finite or not above 1.

    Examples
    --------
    >>> won, lost, pushed = Result.WON, Result.LOST, Result.PUSHED
    >>> refunded = {(won, won): 0.25, (pushed, won): 0.25, (lost, lost): 0.5}
    >>> fair_share(refunded, [2.0, 2.0])
    0.375
    """
    return _share(results, [implied(price) for price in prices])


def fair_price(games: Sequence[Results]) -> float:
    """The price without margin of a parlay of legs from several games.

    A leg that is refunded cuts it by the leg's own fair price, so that legs which have nothing to do with one
    another give the product of their fair prices.

    Parameters
    ----------
    games : sequence of mappings
        Of each game, how its legs come out together, as `joint_results` gives it.

    Returns
    -------
    float
        Infinite where the legs cannot all come in.

    Examples
    --------
    >>> even = {(Result.WON,): 0.5, (Result.LOST,): 0.5}
    >>> fair_price([even, even, {(Result.WON,): 0.2, (Result.PUSHED,): 0.5, (Result.LOST,): 0.3}])
    10.0
    """
    share = 1.0
    for results in games:
        fair = [leg_chances(results, index).fair for index in range(len(next(iter(results))))]
        if 0.0 in fair:
            return math.inf
        share *= _share(results, fair)
    return 1.0 / share if share > 0.0 else math.inf


def expected_value(games: Sequence[tuple[Results, Sequence[float]]], price: float | None = None) -> float:
    """Expected profit for each unit staked on a parlay of legs from several games.

    Parameters
    ----------
    games : sequence of (results, prices)
        Of each game, how its legs come out together, and their decimal prices.
    price : float or None
        What the book offers when all legs win; None for the product of the prices, as across games.

    Raises
    ------
    ValueError
        If a number of results is not that of the prices, or a price is not finite or not above 1.

    Examples
    --------
    >>> coin = {(Result.WON,): 0.5, (Result.LOST,): 0.5}
    >>> expected_value([(coin, [2.0]), (coin, [1.9])])
    -0.050000000000000044
    """
    offered = math.prod([each for _, prices in games for each in prices]) if price is None else price
    return (
        checked_price(offered) * math.prod([fair_share(results, prices) for results, prices in games]) - 1.0
    )


def compound_hold(holds: Sequence[float]) -> float:
    """Share of the stakes that a book keeps of a parlay whose price is the product of its legs'.

    Parameters
    ----------
    holds : sequence of floats
        Of each leg's market (`odds.hold`), below 1.

    Raises
    ------
    ValueError
        If a hold is not below 1.

    Examples
    --------
    >>> round(compound_hold([0.0455] * 3), 4)
    0.1304
    """
    if not all(each < 1.0 for each in holds):
        raise ValueError(f"no market holds all that is staked: {list(holds)!r}")
    return 1.0 - math.prod([1.0 - each for each in holds])


def bounds(chances: Sequence[float]) -> tuple[float, float]:
    """Between what the probability lies that all of several things happen, whatever they have in common.

    Raises
    ------
    ValueError
        If there is nothing that happens.

    Examples
    --------
    >>> bounds([0.75, 0.5]), bounds([0.25, 0.5])
    ((0.25, 0.5), (0.0, 0.25))
    """
    if not chances:
        raise ValueError("no probabilities to bound")
    return max(0.0, math.fsum(chances) - (len(chances) - 1)), min(chances)


def _share(results: Results, inverses: Sequence[float]) -> float:
    terms = []
    for ends, chance in results.items():
        for end, inverse in zip(ends, inverses, strict=True):
            at_price, returned = SHARES[end]
            chance *= at_price + returned * inverse
        terms.append(chance)
    return math.fsum(terms)


def _settled(leg: Selection, endings: Sequence[Ending]) -> list[Result]:
    """What each ending makes of a leg. Few numbers decide many endings: each is settled once."""
    market, outcome, line = leg
    if market == "btts":
        by_both = [settle(market, outcome, line, goals, goals) for goals in (0, 1)]
        return [by_both[ending.total > abs(ending.margin)] for ending in endings]
    match market:
        case "h2h":
            numbers = [ending.ahead for ending in endings]
        case "total":
            numbers = [ending.total for ending in endings]
        case _:
            numbers = [ending.margin for ending in endings]
    by_number = {number: settle(market, outcome, line, number, 0) for number in set(numbers)}
    return [by_number[number] for number in numbers]

"""What a bet is worth at a price, and how much to stake on it.

A price comes first, then the chances of its results: ``expected_value(price, *chances)`` takes a
`settlement.Chances` as it is. What the chances leave to 1 is lost.
"""

import math
from collections.abc import Sequence

from pipeline.domain.odds import checked_price
from pipeline.domain.roots import root

TOLERANCE = 1e-9


def expected_value(
    price: float, win: float, push: float = 0.0, half_win: float = 0.0, half_lose: float = 0.0
) -> float:
    """Expected profit for each unit staked.

    Parameters
    ----------
    price : float
        Decimal price.
    win, push, half_win, half_lose : float
        Probabilities of the results of the bet, together at most 1.

    Raises
    ------
    ValueError
        If the price is not finite or not above 1, or the probabilities are none.

    Examples
    --------
    >>> round(expected_value(1.82, 0.65), 4), round(expected_value(1.95, 0.48, push=0.10), 4)
    (0.183, 0.036)
    """
    lose = _lose(win, push, half_win, half_lose)
    return (checked_price(price) - 1.0) * (win + 0.5 * half_win) - (lose + 0.5 * half_lose)


def edge(price: float, win: float, push: float = 0.0, half_win: float = 0.0, half_lose: float = 0.0) -> float:
    """How far the probability lies above the one the price breaks even at, as a difference of the two.

    Counted among bets that are won or lost, so a chance of a refund does not dilute it. Parameters and
    errors are those of `expected_value`.

    Examples
    --------
    >>> round(edge(1.82, 0.65), 5)
    0.10055
    """
    lose = _lose(win, push, half_win, half_lose)
    won, lost = win + 0.5 * half_win, lose + 0.5 * half_lose
    if won + lost == 0.0:
        return 0.0
    return won / (won + lost) - 1.0 / checked_price(price)


def kelly(
    price: float, win: float, push: float = 0.0, half_win: float = 0.0, half_lose: float = 0.0
) -> float:
    """Share of the bankroll that makes it grow fastest; 0 where the bet is not worth taking.

    Closed form with refunds; with half results the root of the growth's derivative, to 1e-12.
    Parameters and errors are those of `expected_value`.

    Returns
    -------
    float
        In [0, 1].

    References
    ----------
    Kelly (1956), A new interpretation of information rate, Bell System Technical Journal 35(4).

    Examples
    --------
    >>> round(kelly(1.82, 0.65), 5), round(kelly(1.95, 0.48, push=0.10), 6), kelly(1.82, 0.5)
    (0.22317, 0.042105, 0.0)
    """
    lose = _lose(win, push, half_win, half_lose)
    gain = checked_price(price) - 1.0
    if gain * (win + 0.5 * half_win) <= lose + 0.5 * half_lose:
        return 0.0
    if half_win == 0.0 and half_lose == 0.0:
        return (gain * win - lose) / (gain * (win + lose))

    def slope(share: float) -> float:
        return (
            win * gain / (1.0 + share * gain)
            + half_win * 0.5 * gain / (1.0 + share * 0.5 * gain)
            - half_lose * 0.5 / (1.0 - share * 0.5)
            - (lose / (1.0 - share) if lose > 0.0 else 0.0)
        )

    most = 1.0 if lose == 0.0 else math.nextafter(1.0, 0.0)
    return most if slope(most) >= 0.0 else root(slope, 0.0, most, 1e-12)


def exclusive_kelly(prices: Sequence[float], probabilities: Sequence[float]) -> tuple[float, ...]:
    """Shares of the bankroll on the outcomes of one market, exactly one of which wins, for fastest growth.

    Exact. An outcome whose price alone is too low may take a share too: it hedges the others. Under limits,
    and with refunds or bets on other events beside them, `portfolio.joint_kelly`.

    Parameters
    ----------
    prices : sequence of n >= 1 floats
        Decimal price of each outcome.
    probabilities : sequence of n floats
        Of each outcome; what they leave to 1 is an outcome without a price.

    Returns
    -------
    tuple of n floats
        In [0, 1], in the order of the prices.

    Raises
    ------
    ValueError
        If a price is not finite or not above 1, the two differ in length or are empty, or the probabilities
        are none.

    References
    ----------
    Smoczynski and Tomkins (2010), An explicit solution to the problem of optimizing the allocations of a
    bettor's wealth when wagering on horse races, Mathematical Scientist 35.

    Examples
    --------
    >>> [round(share, 12) for share in exclusive_kelly([2.1, 3.5, 3.6], [0.5, 0.3, 0.2])]
    [0.1, 0.06, 0.0]
    """
    if not probabilities:
        raise ValueError("a market without outcomes has no shares")
    rest = _lose(*probabilities)
    worth = [checked_price(price) * chance for price, chance in zip(prices, probabilities, strict=True)]
    reserve = 1.0
    backed: list[int] = []
    # What is left where none of the backed outcomes wins; it falls with each one that is added.
    for index in sorted(range(len(worth)), key=lambda index: (-worth[index], index)):
        if worth[index] <= reserve:
            break
        cover = 1.0 - math.fsum([1.0 / prices[other] for other in [*backed, index]])
        if cover <= 0.0:
            # Its worth is above the reserve by a rounding only.
            break
        backed.append(index)
        others = [chance for other, chance in enumerate(probabilities) if other not in backed]
        reserve = math.fsum([rest, *others]) / cover
    return tuple(
        [
            max(0.0, chance - reserve / price) if index in backed else 0.0
            for index, (price, chance) in enumerate(zip(prices, probabilities, strict=True))
        ]
    )


def fractional_kelly(share: float, multiplier: float, cap: float) -> float:
    """The part of a Kelly share that is staked: estimates err, and full Kelly punishes it.

    Parameters
    ----------
    share : float
        As `kelly` gives it.
    multiplier, cap : float
        Both in (0, 1]: the part that is taken, and the most that is staked.

    Raises
    ------
    ValueError
        If multiplier or cap is not in (0, 1].

    References
    ----------
    Uhrín et al. (2021), Optimal sports betting strategies in practice: an experimental review, IMA
    Journal of Management Mathematics 32(4).

    Examples
    --------
    >>> fractional_kelly(0.125, multiplier=0.25, cap=0.05), fractional_kelly(0.5, 0.25, 0.05)
    (0.03125, 0.05)
    """
    if not (0.0 < multiplier <= 1.0 and 0.0 < cap <= 1.0):
        raise ValueError(f"multiplier and cap are shares in (0, 1]: {multiplier!r}, {cap!r}")
    return min(multiplier * share, cap)


def _lose(*chances: float) -> float:
    # Probabilities that were added up elsewhere may pass 1 by a rounding.
    lose = 1.0 - math.fsum(chances)
    if not (min(chances) >= 0.0 and lose >= -TOLERANCE):
        raise ValueError(f"not the probabilities of a bet's results: {chances!r}")
    return max(lose, 0.0)

"""How far a price moved, and whether a bet beat where it ended.

Moves are measured in log-odds, where 1.10 to 1.20 is a long way and 8.00 to 8.10 is none.
"""

import math

from pipeline.domain.odds import checked_price


def log_odds(probability: float) -> float:
    """``ln(p / (1 - p))`` of a probability in (0, 1).

    Raises
    ------
    ValueError
        If the probability is not inside (0, 1).

    Examples
    --------
    >>> log_odds(0.5), round(log_odds(0.75), 4)
    (0.0, 1.0986)
    """
    if not 0.0 < probability < 1.0:
        raise ValueError(f"only a probability inside (0, 1) has log-odds: {probability!r}")
    return math.log(probability / (1.0 - probability))


def log_odds_move(before: float, after: float) -> float:
    """How far a fair probability moved, in log-odds; positive where the outcome became likelier.

    Raises
    ------
    ValueError
        If a probability is not inside (0, 1).

    Examples
    --------
    >>> round(log_odds_move(0.5, 0.55), 4)
    0.2007
    """
    return log_odds(after) - log_odds(before)


def closing_line_value(price_taken: float, fair_at_close: float) -> float:
    """Expected profit for each unit at the price taken, were the market's close the truth.

    Parameters
    ----------
    price_taken : float
        Decimal price of the bet.
    fair_at_close : float
        Fair probability in [0, 1] of the same outcome of the same line, of the last active quotes before
        the actual start.

    Raises
    ------
    ValueError
        If the price is not finite or not above 1, or the probability not in [0, 1].

    Examples
    --------
    >>> round(closing_line_value(2.10, 0.5), 4)
    0.05
    """
    if not 0.0 <= fair_at_close <= 1.0:
        raise ValueError(f"not a probability: {fair_at_close!r}")
    return checked_price(price_taken) * fair_at_close - 1.0

"""Laying a bet at an exchange: taking the other side of someone's back, for a commission on what is won.

A lay of stake L at price l wins L when the outcome fails and loses the liability ``L (l - 1)`` when it comes
in. Commission is taken from what a market brings at that exchange in the end: with a single bet of the market
there, from its profit. An exchange's back pays, after it, what a book's does at `back_after_commission`; a
lay pays what a back of everything else does at `odds.lay_as_back`, with the liability as its stake.
"""

from pipeline.domain.odds import checked_commission, checked_price


def back_after_commission(price: float, commission: float) -> float:
    """Price without commission that pays what this one does after it.

    Parameters
    ----------
    price : float
        Decimal price at which the outcome is backed.
    commission : float
        Share of net winnings that the exchange keeps, in [0, 1).

    Raises
    ------
    ValueError
        If the price is not finite or not above 1, or the commission is not in [0, 1).

    Examples
    --------
    >>> round(back_after_commission(2.1, 0.05), 9)
    2.045
    """
    return 1.0 + (checked_price(price) - 1.0) * (1.0 - checked_commission(commission))


def back_before_commission(price: float, commission: float) -> float:
    """Price at which an exchange's back pays, after commission, what this price does without.

    Parameters and errors are those of `back_after_commission`.

    Examples
    --------
    >>> round(back_before_commission(2.045, 0.05), 9)
    2.1
    """
    return 1.0 + (checked_price(price) - 1.0) / (1.0 - checked_commission(commission))


def back_as_lay(price: float, commission: float) -> float:
    """Lay price at which laying an outcome pays what backing everything else at this price does.

    The inverse of `odds.lay_as_back`. Parameters and errors are those of `back_after_commission`.

    Examples
    --------
    >>> round(back_as_lay(1.924528, 0.02), 4)
    2.06
    """
    return 1.0 + (1.0 - checked_commission(commission)) / (checked_price(price) - 1.0)


def liability(stake: float, price: float) -> float:
    """What a lay loses when the outcome comes in.

    Raises
    ------
    ValueError
        If the price is not finite or not above 1.

    Examples
    --------
    >>> round(liability(108.808, 1.98), 4)
    106.6318
    """
    return stake * (checked_price(price) - 1.0)


def hedge_stake(back_price: float, stake: float, lay_price: float, commission: float) -> float:
    """Stake of the lay after which a back brings the same either way: ``b S / (l - c)``.

    Parameters
    ----------
    back_price, stake : float
        Of the back, at a book that takes no commission.
    lay_price, commission : float
        Of the exchange at which the same outcome is laid.

    Raises
    ------
    ValueError
        If a price is not finite or not above 1, or the commission is not in [0, 1).

    Examples
    --------
    >>> round(hedge_stake(2.10, 100.0, 1.98, 0.05), 3)
    108.808
    """
    return checked_price(back_price) * stake / (checked_price(lay_price) - checked_commission(commission))


def hedge_profits(
    back_price: float, stake: float, lay_price: float, lay_stake: float, commission: float
) -> tuple[float, float]:
    """Profit of a back and a lay of the same outcome: when it comes in, and when it fails.

    Parameters are those of `hedge_stake`, with the stake of the lay as it is; and so are the errors.

    Examples
    --------
    >>> [round(each, 4) for each in hedge_profits(2.10, 100.0, 1.98, 108.8083, 0.05)]
    [3.3679, 3.3679]
    """
    won = stake * (checked_price(back_price) - 1.0) - liability(lay_stake, lay_price)
    return won, lay_stake * (1.0 - checked_commission(commission)) - stake

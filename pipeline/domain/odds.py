"""Prices: the notations that feeds use, and what a set of prices implies."""

import math
import re
from bisect import bisect
from collections.abc import Sequence
from fractions import Fraction

EVEN_WORDS = frozenset({"EVEN", "EVENS", "EV", "PK"})
AMERICAN = re.compile(r"[+-]?[0-9]+(\.[0-9]+)?")
DECIMAL = re.compile(r"[0-9]+\.[0-9]+|[0-9]{1,2}")
FRACTIONAL = re.compile(r"([0-9]+) ?[/-] ?([0-9]+)")
MINUS_SIGNS = str.maketrans("\N{MINUS SIGN}\N{EN DASH}", "--")
#: Steps by which bookmakers move, profit to stake; the shortest is a hundredth.
STEPS = """
1/100 1/66 1/50 1/40 1/33 1/28 1/25 1/20 1/18 1/16 1/14 1/12 1/11 1/10 1/9 1/8 2/15 1/7 1/6 2/11 1/5 2/9 1/4
2/7 3/10 1/3 4/11 2/5 4/9 1/2 8/15 4/7 8/13 4/6 8/11 4/5 5/6 10/11 1/1 11/10 6/5 5/4 11/8 6/4 13/8 7/4 15/8
2/1 9/4 5/2 11/4 3/1 10/3 7/2 4/1 9/2 5/1 11/2 6/1 13/2 7/1 15/2 8/1 17/2 9/1 10/1
"""
LADDER = tuple(Fraction(step) for step in STEPS.split())
#: Two prices no further apart than this are the same to a hundredth.
HALF_A_HUNDREDTH = Fraction(1, 200) + Fraction(1, 10**12)


def checked_price(price: float) -> float:
    """The price itself, where it is one: finite and above 1.

    Raises
    ------
    ValueError
        For 1.0 and below, NaN and infinity.

    Examples
    --------
    >>> checked_price(1.91)
    1.91
    """
    if not 1.0 < price < math.inf:
        raise ValueError(f"not a decimal price, which is finite and above 1: {price!r}")
    return price


def checked_commission(commission: float) -> float:
    """The commission itself, where it is a share in [0, 1).

    Raises
    ------
    ValueError
        If it is not.

    Examples
    --------
    >>> checked_commission(0.02)
    0.02
    """
    if not 0.0 <= commission < 1.0:
        raise ValueError(f"commission is a share in [0, 1): {commission!r}")
    return commission


def american_to_decimal(american: int | str) -> float:
    """Decimal price of American odds, the double nearest to the exact value.

    Parameters
    ----------
    american : int or str
        Profit on 100 staked where positive, stake for a profit of 100 where negative. Text may carry
        a sign, decimals or a word for even money (``EVEN``, ``EV``, ``PK``, any case).

    Raises
    ------
    ValueError
        If it is neither a number nor such a word, or lies between -100 and 100.

    Examples
    --------
    >>> american_to_decimal("+150"), american_to_decimal(-110), american_to_decimal("EVEN")
    (2.5, 1.9090909090909092, 2.0)
    """
    text = str(american).strip().translate(MINUS_SIGNS).upper()
    if text in EVEN_WORDS:
        return 2.0
    if not AMERICAN.fullmatch(text):
        raise ValueError(f"not American odds: {american!r}")
    # Division of exact numbers rounds once, so nothing drifts.
    number = Fraction(text) if "." in text else int(text)
    if -100 < number < 100:
        raise ValueError(f"American odds are -100 and below or +100 and above: {american!r}")
    return checked_price(float((number + 100) / 100 if number > 0 else (number - 100) / number))


def fractional_to_decimal(fractional: str) -> float:
    """Decimal price of fractional odds (profit to stake), the double nearest to the exact value.

    Raises
    ------
    ValueError
        If it is not like ``5/2``, ``5-2`` or ``evens``, or a side is zero.

    Examples
    --------
    >>> fractional_to_decimal("5/2"), fractional_to_decimal("4/11"), fractional_to_decimal("evens")
    (3.5, 1.3636363636363635, 2.0)
    """
    text = fractional.strip()
    if text.upper() in EVEN_WORDS:
        return 2.0
    parts = FRACTIONAL.fullmatch(text)
    if parts is None:
        raise ValueError(f"not fractional odds: {fractional!r}")
    profit, stake = int(parts[1]), int(parts[2])
    if profit == 0 or stake == 0:
        raise ValueError(f"fractional odds have no zero side: {fractional!r}")
    return checked_price((profit + stake) / stake)


def decimal_to_american(price: float) -> int:
    """American odds nearest to a decimal price; lossy, 1.91 and 1.9091 are both -110.

    Raises
    ------
    ValueError
        If the price is not finite or not above 1.

    Examples
    --------
    >>> decimal_to_american(2.5), decimal_to_american(1.91), decimal_to_american(2.0)
    (150, -110, 100)
    """
    profit = checked_price(price) - 1.0
    return round(100.0 * profit) if price >= 2.0 else -round(100.0 / profit)


def decimal_to_fractional(price: float) -> str:
    """Fractional odds of a decimal price, in lowest terms; lossy, 1.91 and 1.909 are both 10/11.

    A step of the bookmakers' ladder where one is the same price to a hundredth, else the hundredths
    themselves: 1.95 is 19/20. Below 1.01 the nearest profit of 1.

    Raises
    ------
    ValueError
        If the price is not finite or not above 1.

    Examples
    --------
    >>> decimal_to_fractional(3.5), decimal_to_fractional(1.33), decimal_to_fractional(1.95)
    ('5/2', '1/3', '19/20')
    """
    profit = Fraction(checked_price(price)) - 1
    if profit < LADDER[0]:
        return f"1/{round(1 / profit)}"
    above = bisect(LADDER, profit)
    nearest = min(LADDER[above - 1 : above + 1], key=lambda step: abs(step - profit))
    # What is read from text is a hundredth to within a double's rounding, and so is half of one.
    if abs(nearest - profit) > HALF_A_HUNDREDTH:
        nearest = Fraction(round(profit * 100), 100)
    return f"{nearest.numerator}/{nearest.denominator}"


def read_price(text: str) -> float:
    """Decimal price of odds in any notation that can be told from the others.

    A sign makes American odds (``+150``, ``-110``), a slash or hyphen between numbers fractional ones
    (``5/2``), a decimal point decimal ones (``1.91``, ``150.0``); ``EVEN``, ``EV``, ``PK`` are even money.
    A whole number below 100 can only be decimal; from 100 it might be either, and is refused.

    Raises
    ------
    ValueError
        If it is none of these, or may be two of them.

    Examples
    --------
    >>> read_price("1.91"), read_price("+150"), read_price("5/2"), read_price("evens"), read_price("3")
    (1.91, 2.5, 3.5, 2.0, 3.0)
    """
    plain = text.strip().translate(MINUS_SIGNS).upper()
    if plain in EVEN_WORDS:
        return 2.0
    if plain.startswith(("+", "-")):
        return american_to_decimal(plain)
    if FRACTIONAL.fullmatch(plain):
        return fractional_to_decimal(plain)
    if DECIMAL.fullmatch(plain):
        return checked_price(float(plain))
    if AMERICAN.fullmatch(plain):
        raise ValueError(f"{text!r} may be decimal or American: write {plain}.0 or +{plain}")
    raise ValueError(f"not a price, which is like 1.91, -110, 5/2 or EVEN: {text!r}")


def implied(price: float) -> float:
    """Probability at which a price breaks even, margin included: in (0, 1).

    Raises
    ------
    ValueError
        If the price is not finite or not above 1.

    Examples
    --------
    >>> implied(1.6)
    0.625
    """
    return 1.0 / checked_price(price)


def booksum(prices: Sequence[float]) -> float:
    """Sum of the implied probabilities of a market's outcomes; above 1 where the book keeps a margin.

    Raises
    ------
    ValueError
        If a price is not finite or not above 1.

    Examples
    --------
    >>> booksum([1.6, 2.0])
    1.125
    """
    # fsum rounds once, so the order of outcomes, and so the side called home, changes nothing.
    return math.fsum([implied(price) for price in prices])


def overround(prices: Sequence[float]) -> float:
    """What the implied probabilities of a market sum to above 1; negative where they fall short.

    Raises
    ------
    ValueError
        If a price is not finite or not above 1.

    Examples
    --------
    >>> overround([1.6, 2.0])
    0.125
    """
    return booksum(prices) - 1.0


def hold(prices: Sequence[float]) -> float:
    """Share of all stakes that the book keeps when they are balanced: ``1 - 1 / booksum``.

    Raises
    ------
    ValueError
        If a price is not finite or not above 1, or there is none.

    Examples
    --------
    >>> round(hold([american_to_decimal(-110)] * 2), 4)
    0.0455
    """
    if not prices:
        raise ValueError("a market without prices holds nothing")
    return 1.0 - 1.0 / booksum(prices)


def lay_as_back(lay_price: float, commission: float) -> float:
    """Price at which backing the opposite outcome pays what laying this one does.

    Parameters
    ----------
    lay_price : float
        Decimal price at which the outcome is laid.
    commission : float
        Share of net winnings that the exchange keeps, in [0, 1).

    Raises
    ------
    ValueError
        If the price is not finite or not above 1, or the commission is not in [0, 1).

    Examples
    --------
    >>> round(lay_as_back(2.06, 0.02), 6)
    1.924528
    """
    share = checked_commission(commission)
    return checked_price(1.0 + (1.0 - share) / (checked_price(lay_price) - 1.0))

"""What a bet came to: results, and the chances of each where a line may be met exactly.

A line is a multiple of 0.25, which is exact in binary. On a whole line the stake comes back when the
result meets it; a quarter line is half a bet on each of its neighbours.
"""

import enum
import math
from collections.abc import Callable
from typing import NamedTuple

from pipeline.domain.odds import checked_price


class Result(enum.Enum):
    """The end of one bet."""

    WON = "won"
    HALF_WON = "half_won"
    PUSHED = "pushed"
    HALF_LOST = "half_lost"
    LOST = "lost"
    VOID = "void"


# Share of the stake that is paid at the price, share that comes back as it is.
SHARES = {
    Result.WON: (1.0, 0.0),
    Result.HALF_WON: (0.5, 0.5),
    Result.PUSHED: (0.0, 1.0),
    Result.HALF_LOST: (0.0, 0.5),
    Result.LOST: (0.0, 0.0),
    Result.VOID: (0.0, 1.0),
}


class Chances(NamedTuple):
    """Probabilities of the results of one bet; what they leave to 1 is ``lose``."""

    win: float
    push: float = 0.0
    half_win: float = 0.0
    half_lose: float = 0.0

    @property
    def lose(self) -> float:
        """Probability that the whole stake is lost."""
        return max(0.0, 1.0 - math.fsum(self))

    @property
    def fair(self) -> float:
        """Probability that a price without margin implies: won, of won or lost; 0.5 for a sure refund."""
        won = self.win + 0.5 * self.half_win
        lost = self.lose + 0.5 * self.half_lose
        return won / (won + lost) if won + lost > 0.0 else 0.5

    @property
    def opposite(self) -> "Chances":
        """Chances of the bet on the other side of the same line."""
        return Chances(self.lose, self.push, self.half_lose, self.half_win)


def checked_line(line: float) -> float:
    """The line itself, where it is a finite multiple of 0.25.

    Raises
    ------
    ValueError
        If it is not.

    Examples
    --------
    >>> checked_line(-3.25)
    -3.25
    """
    if not math.isfinite(line) or not (line * 4.0).is_integer():
        raise ValueError(f"a line is a multiple of 0.25: {line!r}")
    return line


def over_line(result: int, line: float) -> Result:
    """Result of a bet that a whole number comes in above a line.

    Raises
    ------
    ValueError
        If the line is not a multiple of 0.25.

    Examples
    --------
    >>> over_line(3, 2.75).value, over_line(3, 3.0).value, over_line(3, 3.25).value
    ('half_won', 'pushed', 'half_lost')
    """
    excess = result - checked_line(line)
    if excess >= 0.5:
        return Result.WON
    if excess <= -0.5:
        return Result.LOST
    if excess == 0.0:
        return Result.PUSHED
    return Result.HALF_WON if excess > 0.0 else Result.HALF_LOST


def settle(market: str, outcome: int, line: float, home_score: int, away_score: int) -> Result:
    """Result of a bet once the score that its market's scope counts is final.

    Parameters
    ----------
    market : {"h2h", "h2h_3way", "spread", "total", "btts"}
        In ``h2h`` a level score is a push.
    outcome : int
        Index in the market's order: home, away[, draw]; over, under; of ``btts`` yes, no.
    line : float
        Multiple of 0.25; of a spread the home side's handicap; 0 where there is none.
    home_score, away_score : int
        Final scores within the market's scope.

    Raises
    ------
    ValueError
        If the market or outcome is not known here, or the line is not a multiple of 0.25.

    Examples
    --------
    >>> settle("spread", 0, -3.5, 27, 23), settle("total", 1, 50.0, 27, 23)
    (<Result.WON: 'won'>, <Result.PUSHED: 'pushed'>)
    """
    margin = home_score - away_score
    match market, outcome:
        case (("h2h" | "spread"), 0):
            return over_line(margin, -line)
        case (("h2h" | "spread"), 1):
            return over_line(-margin, line)
        case "h2h_3way", 0:
            return over_line(margin, 0.5)
        case "h2h_3way", 1:
            return over_line(-margin, 0.5)
        case "h2h_3way", 2:
            return Result.WON if margin == 0 else Result.LOST
        case "total", 0:
            return over_line(home_score + away_score, line)
        case "total", 1:
            return over_line(-home_score - away_score, -line)
        case "btts", (0 | 1):
            return Result.WON if (min(home_score, away_score) > 0) == (outcome == 0) else Result.LOST
        case _:
            raise ValueError(f"no rule settles outcome {outcome} of market {market!r}")


def profit(result: Result, price: float) -> float:
    """Profit for each unit staked: -1 where all is lost, ``price - 1`` where all is won.

    Raises
    ------
    ValueError
        If the price is not finite or not above 1.

    Examples
    --------
    >>> profit(Result.WON, 2.5), profit(Result.HALF_LOST, 2.5), profit(Result.VOID, 2.5)
    (1.5, -0.5, 0.0)
    """
    paid, returned = SHARES[result]
    return paid * checked_price(price) + returned - 1.0


def over_chances(line: float, above: Callable[[float], float]) -> Chances:
    """Chances of a bet that a random whole number comes in above a line.

    Parameters
    ----------
    line : float
        Multiple of 0.25.
    above : callable
        Probability that the number is above x; asked only for x half way between whole numbers.

    Raises
    ------
    ValueError
        If the line is not a multiple of 0.25.

    Examples
    --------
    A number that is 2, 3 or 4, each as likely, against three lines:

    >>> above = {2.5: 0.75, 3.5: 0.25}.__getitem__
    >>> over_chances(2.5, above)
    Chances(win=0.75, push=0.0, half_win=0.0, half_lose=0.0)
    >>> over_chances(3.0, above)
    Chances(win=0.25, push=0.5, half_win=0.0, half_lose=0.0)
    >>> over_chances(2.75, above)
    Chances(win=0.25, push=0.0, half_win=0.5, half_lose=0.0)
    """
    meeting = math.floor(checked_line(line) + 0.5)
    distance = meeting - line
    if distance == 0.5:
        return Chances(above(line))
    win = above(meeting + 0.5)
    met = max(0.0, above(meeting - 0.5) - win)
    if distance == 0.0:
        return Chances(win, push=met)
    return Chances(win, half_win=met) if distance > 0.0 else Chances(win, half_lose=met)

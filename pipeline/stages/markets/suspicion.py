"""What gives a book's data away."""

from math import log

from pipeline.stages.markets.state import Probabilities

#: Log-odds between two teams by which a book has to be away from the others before it can be the other way
#: round. Near even a desk that merely disagrees looks the same: an arbitrage, which is found just where desks
#: disagree, asks for twice as much.
LEAST_APART = 0.25
#: The other way round it is at most this share of the distance away.
MOST_LEFT = 1.0 / 3.0


def swapped(own: Probabilities, others: Probabilities, least_apart: float = LEAST_APART) -> bool:
    """Whether a book's fair prices fit the others' far better with its first two outcomes swapped.

    A draw says nothing here: it stays where it is.

    Examples
    --------
    >>> swapped((0.8, 0.2), (0.22, 0.78)), swapped((0.8, 0.2), (0.6, 0.4)), swapped((0.6, 0.4), (0.5, 0.5))
    (True, False, False)
    """
    first, second = log(own[0] / own[1]), log(others[0] / others[1])
    apart = abs(first - second)
    return apart >= least_apart and abs(first + second) <= MOST_LEFT * apart

"""How sure a mean is whose terms of one day depend on each other: whole days are drawn again."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

SEED = 20_261_121
DRAWS = 2_000
#: What lies between leaves a twentieth out.
BOUNDS = (0.025, 0.975)


class Mean(NamedTuple):
    """A mean and the interval that holds it in 95 of 100 cases."""

    mean: float
    low: float
    high: float


def mean_by_day(values: Sequence[float], days: Sequence[str], seed: int = SEED) -> Mean:
    """The mean of the values with the percentile interval of a bootstrap that draws days.

    Parameters
    ----------
    values, days : sequences of the same length n >= 1
        Each value and the day that it is of.
    seed : int
        Of numpy's PCG64; the same seed draws the same days.

    Raises
    ------
    ValueError
        If there is no value, or there are not as many days.

    References
    ----------
    Cameron, Gelbach and Miller (2008), Bootstrap-based improvements for inference with clustered errors,
    Review of Economics and Statistics 90(3).

    Examples
    --------
    >>> mean_by_day([1.0, 3.0], ["2024-01-06", "2024-01-06"])
    Mean(mean=2.0, low=2.0, high=2.0)
    """
    if not values or len(values) != len(days):
        raise ValueError(f"{len(values)} values and {len(days)} days")
    _, place = np.unique(np.asarray(days), return_inverse=True)
    return ratio(np.bincount(place, weights=np.asarray(values)), np.bincount(place), seed)


def ratio(above: ArrayLike, below: ArrayLike, seed: int = SEED) -> Mean:
    """A sum over a sum with the percentile interval of a bootstrap that draws their terms together.

    Parameters
    ----------
    above, below : arrays of n >= 1
        Of each game or day; no draw of those below sums to 0.
    seed : int
        Of numpy's PCG64; the same seed draws the same terms.

    Examples
    --------
    >>> ratio([1.0], [4.0])
    Mean(mean=0.25, low=0.25, high=0.25)
    """
    sums, counts = np.asarray(above), np.asarray(below)
    chance = np.random.Generator(np.random.PCG64(seed))
    drawn = chance.integers(len(sums), size=(DRAWS, len(sums)), dtype=np.int32)
    ratios = sums[drawn].sum(axis=1) / counts[drawn].sum(axis=1)
    low, high = np.quantile(ratios, BOUNDS)
    return Mean(float(sums.sum() / counts.sum()), float(low), float(high))

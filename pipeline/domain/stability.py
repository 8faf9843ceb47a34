"""Whether numbers are still spread as they were: the population stability index, and what it is by chance."""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

#: As parts of all values that edges are sought at.
BINS = 10
#: Below which no share counts: an empty bin would make the index infinite.
LEAST_SHARE = 1e-4
#: The standard normal distribution's 99th percentile.
SURE = 2.3263


def edges(values: Floats) -> tuple[float, ...]:
    """Edges of bins that hold about a tenth each, fewer where many values are alike; no bin is empty.

    An edge is one of the values, and the lowest of its bin.

    Examples
    --------
    >>> edges(np.array([0.0, 0.0, 0.0, 1.0, 1.0, 2.0]))
    (1.0, 2.0)
    """
    tenths = np.quantile(values, np.arange(1, BINS) / BINS, method="inverted_cdf")
    return tuple([float(edge) for edge in np.unique(tenths) if edge > values.min()])


def shares(edges: Sequence[float], values: Floats) -> tuple[float, ...]:
    """Of the values in each bin.

    Examples
    --------
    >>> shares((1.0, 2.0), np.array([0.0, 1.0, 1.5, 7.0]))
    (0.25, 0.5, 0.25)
    """
    counts = np.bincount(np.searchsorted(edges, values, side="right"), minlength=len(edges) + 1)
    return tuple([float(count) / len(values) for count in counts])


def stability_index(expected: Sequence[float], counts: Sequence[int]) -> float:
    """How far counts are from the shares that were expected: the sum of ``(a - e) · log(a / e)`` over bins.

    That is the divergence of Jeffreys (1946), in credit scoring the population stability index. Below 0.1
    little is taken to have changed, above 0.25 much (Siddiqi 2006).

    Examples
    --------
    >>> round(stability_index([0.5, 0.5], [60, 40]), 4)
    0.0405
    """
    total = sum(counts)
    pairs = [
        (max(count / total, LEAST_SHARE), max(share, LEAST_SHARE))
        for count, share in zip(counts, expected, strict=True)
    ]
    return math.fsum([(seen - share) * math.log(seen / share) for seen, share in pairs])


def chance_index(bins: int, expected_from: int, counted: int) -> float:
    """What the index of draws from one and the same spread stays below 99 times of 100.

    Its law is that of a chi-squared number of ``bins - 1`` degrees times ``1 / expected_from + 1 / counted``
    (Yurdakul and Naranjo 2020), whose 99th percentile is by Wilson and Hilferty (1931).

    Examples
    --------
    >>> round(chance_index(10, 1_000_000, 100), 3)
    0.217
    """
    degrees = max(1, bins - 1)
    part = 2.0 / (9.0 * degrees)
    return degrees * (1.0 - part + SURE * math.sqrt(part)) ** 3 * (1.0 / expected_from + 1.0 / counted)

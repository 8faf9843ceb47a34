"""How good a forecast was once the outcome is known; lower is better in both scores."""

import math
from collections.abc import Sequence

CLIPPED_AT = 1e-15  # log loss of a forecast that gave the outcome no chance is 34.5, not infinite


def log_loss(probabilities: Sequence[float], outcome: int) -> float:
    """Minus the natural log of the probability that the outcome had, which is clipped at 1e-15 from below.

    Parameters
    ----------
    probabilities : sequence of n >= 2 floats
        Of all outcomes, in [0, 1], with sum 1.
    outcome : int
        Index of the one that came.

    Raises
    ------
    ValueError
        If they are not the probabilities of a market's outcomes, or the index is none of them.

    Examples
    --------
    >>> round(log_loss((0.25, 0.75), 1), 4), round(log_loss((1.0, 0.0), 1), 1)
    (0.2877, 34.5)
    """
    _require_forecast(probabilities, outcome)
    return -math.log(max(probabilities[outcome], CLIPPED_AT))


def brier(probabilities: Sequence[float], outcome: int) -> float:
    """Squared distance to what came, summed over all outcomes: 0 is perfect, 2 is sure and wrong.

    With two outcomes this is twice the score of one of them that is often given. Parameters and errors are
    those of `log_loss`.

    References
    ----------
    Brier (1950), Verification of forecasts expressed in terms of probability, Monthly Weather Review 78(1).

    Examples
    --------
    >>> brier((0.25, 0.75), 1), brier((0.5, 0.25, 0.25), 0), brier((1.0, 0.0), 1)
    (0.125, 0.375, 2.0)
    """
    _require_forecast(probabilities, outcome)
    return math.fsum(
        [(probability - (each == outcome)) ** 2 for each, probability in enumerate(probabilities)]
    )


def _require_forecast(probabilities: Sequence[float], outcome: int) -> None:
    if (
        len(probabilities) < 2
        or not all(0.0 <= probability <= 1.0 for probability in probabilities)
        or abs(math.fsum(probabilities) - 1.0) > 1e-9
        or not 0 <= outcome < len(probabilities)
    ):
        raise ValueError(f"no forecast of outcome {outcome!r}: {probabilities!r}")

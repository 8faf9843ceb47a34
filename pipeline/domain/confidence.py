"""How sure it is that a price is above the fair one.

Not the larger class probability: a sure favourite at a fair price is no sure bet. Here it is what a
predictive interval says: the fair probability is an estimate with a standard error, and the confidence is the
chance that the truth lies on the good side of where the price breaks even.
"""

from math import erfc, log, sqrt


def confidence(fair: float, break_even: float, error: float) -> float:
    """Chance that the true probability is above the one at which a price breaks even.

    The true log-odds are taken to be normal around those of ``fair``:
    ``Phi((logit(fair) - logit(break_even)) / error)``.

    Parameters
    ----------
    fair : float
        Estimated probability, in [0, 1]; of winning what is not refunded.
    break_even : float
        One over the price after commission, in (0, 1).
    error : float
        Standard error of the estimate, in log-odds, at least 0; infinite where nothing is known.

    Returns
    -------
    float
        In [0, 1]: one half at the break-even price; without an error 1 above it and 0 below.

    Raises
    ------
    ValueError
        If a probability or the error cannot be.

    Examples
    --------
    >>> round(confidence(0.55, 1 / 1.9, 0.1), 3), round(confidence(0.55, 1 / 1.9, 0.4), 3)
    (0.83, 0.594)
    """
    if not (0.0 <= fair <= 1.0 and 0.0 < break_even < 1.0 and error >= 0.0):
        raise ValueError(f"no estimate of a probability: {fair!r} against {break_even!r}, error {error!r}")
    if fair == break_even:
        return 0.5
    if fair in (0.0, 1.0) or error == 0.0:
        return 1.0 if fair > break_even else 0.0
    distance = log(fair / (1.0 - fair)) - log(break_even / (1.0 - break_even))
    return 0.5 * erfc(-distance / error / sqrt(2.0))

"""One fair price from the opinions of several trading desks.

A desk is whoever sets the price: brands that share one are one opinion. Opinions meet in log-odds, as a
weighted trimmed mean: a quarter of the weight, and at least the heaviest desk's, is cut from each end, so
that from three comparable desks on no single wild quote has a say, and there is no threshold to tune.
Every sum is taken over sorted values or rounded once, so the order of arrival changes no bit.

References
----------
Satopää et al. (2014), Combining multiple probability predictions using a simple logit model,
International Journal of Forecasting 30(2). Jose and Winkler (2008), Simple robust averages of forecasts:
some empirical results, International Journal of Forecasting 24(1).
"""

import math
from collections.abc import Iterable, Mapping

Probabilities = tuple[float, ...]

TRIMMED = 0.25  # of the weight at each end: the mean of what lies between the quartiles
AT_MOST = 0.45  # the middle tenth is always kept, so two equal desks are averaged


def desk_votes(quotes: Iterable[tuple[str, Probabilities]]) -> dict[str, Probabilities]:
    """One vote for each desk: the mean in log-odds over its books.

    Parameters
    ----------
    quotes : iterable of (desk, fair probabilities)
        One for each book. Probabilities lie in (0, 1), sum to 1 and have the market's n outcomes.

    Returns
    -------
    dict
        Desk to probabilities that sum to 1, desks in sorted order.

    Raises
    ------
    ValueError
        If a probability is not inside (0, 1), or the quotes differ in their number of outcomes.

    Examples
    --------
    >>> desk_votes([("kambi", (0.6, 0.4)), ("pinnacle", (0.5, 0.5)), ("kambi", (0.4, 0.6))])
    {'kambi': (0.5, 0.5), 'pinnacle': (0.5, 0.5)}
    """
    books: dict[str, list[Probabilities]] = {}
    for desk, fair in quotes:
        books.setdefault(desk, []).append(fair)
    votes: dict[str, Probabilities] = {}
    for desk in sorted(books):
        fairs = books[desk]
        if len(fairs) == 1:
            votes[desk] = fairs[0]
        else:
            by_outcome = zip(*[_heights(fair) for fair in fairs], strict=True)
            votes[desk] = _probabilities([math.fsum(heights) / len(fairs) for heights in by_outcome])
    return votes


def consensus(votes: Mapping[str, Probabilities], weights: Mapping[str, float]) -> Probabilities:
    """Fair probabilities of a market on which the desks agree.

    Parameters
    ----------
    votes : mapping of desk to n probabilities
        As `desk_votes` makes them, at least one.
    weights : mapping of desk to weight
        Above 0; a desk that is not named weighs 1.

    Returns
    -------
    tuple of n floats
        Probabilities in (0, 1) that sum to 1.

    Raises
    ------
    ValueError
        If there is no vote, a weight is not finite and above 0, or a vote is not as said.

    Examples
    --------
    >>> votes = {"a": (0.5, 0.5), "b": (0.5, 0.5), "wild": (0.99, 0.01)}
    >>> consensus(votes, weights={})
    (0.5, 0.5)
    """
    if not votes:
        raise ValueError("no desk has an opinion on this market")
    return _pooled(_ranked(votes, weights), left_out=None)


def leave_one_out(
    votes: Mapping[str, Probabilities], weights: Mapping[str, float]
) -> dict[str, Probabilities]:
    """What all other desks agree on, for each desk: the measure of that desk's own prices.

    Parameters and errors are those of `consensus`.

    Returns
    -------
    dict
        Desk to probabilities, in the order of ``votes``; empty where there is a single desk, which nobody
        else can judge.

    Examples
    --------
    >>> others = leave_one_out({"a": (0.5, 0.5), "b": (0.75, 0.25)}, weights={})
    >>> round(others["a"][0], 12), others["b"]
    (0.75, (0.5, 0.5))
    """
    if len(votes) < 2:
        return {}
    ranked = _ranked(votes, weights)
    return {desk: _pooled(ranked, left_out=desk) for desk in votes}


# For each coordinate, (height, weight, desk) of all desks by height.
_Ranking = list[list[tuple[float, float, str]]]


def _ranked(votes: Mapping[str, Probabilities], weights: Mapping[str, float]) -> _Ranking:
    sizes = {len(fair) for fair in votes.values()}
    if len(sizes) != 1:
        raise ValueError(f"desks differ in the number of outcomes: {sorted(sizes)}")
    opinions = []
    for desk, fair in votes.items():
        weight = weights.get(desk, 1.0)
        if not 0.0 < weight < math.inf:
            raise ValueError(f"the weight of desk {desk} is not finite and above 0: {weight!r}")
        opinions.append([(height, weight, desk) for height in _heights(fair)])
    return [sorted(coordinate) for coordinate in zip(*opinions, strict=True)]


def _pooled(ranking: _Ranking, left_out: str | None) -> Probabilities:
    return _probabilities(
        [_trimmed_mean([vote for vote in ranks if vote[2] != left_out]) for ranks in ranking]
    )


def _trimmed_mean(ranks: list[tuple[float, float, str]]) -> float:
    if len(ranks) == 1:
        return ranks[0][0]
    weights = [weight for _, weight, _ in ranks]
    total = math.fsum(weights)
    cut = min(max(TRIMMED * total, max(weights)), AT_MOST * total)
    terms, below = [], 0.0
    for height, weight, _ in ranks:
        kept = min(below + weight, total - cut) - max(below, cut)
        below += weight
        if kept > 0.0:
            terms.append(height * kept)
    return math.fsum(terms) / (total - 2.0 * cut)


def _heights(fair: Probabilities) -> tuple[float, ...]:
    # Of two outcomes one log-odds says all; of more, the logs of each, made to sum to 1 again afterwards.
    if len(fair) < 2 or not all(0.0 < probability < 1.0 for probability in fair):
        raise ValueError(f"not the probabilities of a market's outcomes: {fair!r}")
    if len(fair) == 2:
        return (math.log(fair[0] / fair[1]),)
    return tuple([math.log(probability) for probability in fair])


def _probabilities(heights: list[float]) -> Probabilities:
    if len(heights) == 1:
        odds = math.exp(heights[0])
        return odds / (1.0 + odds), 1.0 / (1.0 + odds)
    shares = [math.exp(height) for height in heights]
    total = math.fsum(shares)
    return tuple([share / total for share in shares])

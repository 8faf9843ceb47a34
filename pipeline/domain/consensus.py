"""One fair price from the opinions of several trading desks.

A desk is whoever sets the price: brands that share one are one opinion, the mean of theirs. Opinions meet
in log-odds, as a weighted trimmed mean: a quarter of the weight, and at least the heaviest desk's, is cut
from each end, so that from three comparable desks on no single wild quote has a say, and there is no
threshold to tune.

References
----------
Satopää et al. (2014), Combining multiple probability predictions using a simple logit model,
International Journal of Forecasting 30(2). Jose and Winkler (2008), Simple robust averages of forecasts:
some empirical results, International Journal of Forecasting 24(1).
"""

from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from math import exp, fsum, inf, log, sqrt
from operator import mul
from typing import NamedTuple

Probabilities = tuple[float, ...]

TRIMMED = 0.25  # of the weight at each end: the mean of what lies between the quartiles
AT_MOST = 0.45  # the middle tenth is always kept, so two equal desks are averaged


class Word(NamedTuple):
    """One desk's opinion: fair probabilities, and the heights at which they meet those of others."""

    heights: tuple[float, ...]
    fair: Probabilities


class Agreement(NamedTuple):
    """What desks agree on: all of them, and all but each one, which is the measure of that one's prices.

    ``desks`` is each one's own opinion. ``errors`` are standard errors of the log-odds of ``fair``: how far
    the desks are apart, for as many of them as weigh in.
    """

    fair: Probabilities
    without: dict[str, Probabilities]
    desks: dict[str, Probabilities]
    errors: tuple[float, ...]


def agreement(quotes: Iterable[tuple[str, Probabilities]], weights: Mapping[str, float]) -> Agreement:
    """Fair probabilities of a market by the consensus of its desks, and leaving each desk out.

    Parameters
    ----------
    quotes : iterable of (desk, fair probabilities)
        One for each book, at least one. Probabilities lie in (0, 1), sum to 1 and are of the market's n
        outcomes.
    weights : mapping of desk to weight
        Above 0; a desk that is not named weighs 1.

    Returns
    -------
    Agreement
        ``fair``, n probabilities in (0, 1) that sum to 1, and ``without``, desk to such probabilities in
        sorted order, empty where there is a single desk, which nobody else can judge. The order of the
        quotes changes no bit of them.

    Raises
    ------
    ValueError
        If there is no quote, a weight is not finite and above 0, a probability is not inside (0, 1), or
        the quotes differ in their number of outcomes.

    Examples
    --------
    >>> agreement([("a", (0.5, 0.5)), ("b", (0.5, 0.5)), ("wild", (0.99, 0.01))], weights={}).fair
    (0.5, 0.5)
    >>> judged = agreement([("kambi", (0.6, 0.4)), ("pinnacle", (0.5, 0.5)), ("kambi", (0.4, 0.6))], {})
    >>> judged.without["kambi"], judged.without["pinnacle"]
    ((0.5, 0.5), (0.5, 0.5))
    """
    return agreed(_words(quotes), weights)


def agreed(words: Mapping[str, Word], weights: Mapping[str, float]) -> Agreement:
    """`agreement` of desks whose words are known already.

    Examples
    --------
    >>> agreed({"a": word([(0.5, 0.5)]), "b": word([(0.5, 0.5)])}, weights={}).fair
    (0.5, 0.5)
    """
    desks, weighed = _weighed(words, weights)
    own = [words[desk] for desk in desks]
    means = [_pooled(heights, weighed) for heights in zip(*[each.heights for each in own], strict=True)]
    fair, *without = [_probabilities(heights) for heights in zip(*means, strict=True)]
    fairs = [each.fair for each in own]
    return Agreement(
        fair,
        dict(zip(desks, without, strict=True)) if len(desks) > 1 else {},
        dict(zip(desks, fairs, strict=True)),
        standard_errors(fairs, weighed),
    )


def word(fairs: Sequence[Probabilities]) -> Word:
    """What a desk says: the mean of its books' opinions, of which there is at least one.

    Raises
    ------
    ValueError
        If a probability is not inside (0, 1), or the opinions differ in their number of outcomes.

    Examples
    --------
    >>> word([(0.6, 0.4), (0.4, 0.6)]).fair
    (0.5, 0.5)
    """
    heights = _mean([_heights(fair) for fair in fairs])
    return Word(heights, _probabilities(heights))


def consensus(quotes: Iterable[tuple[str, Probabilities]], weights: Mapping[str, float]) -> Probabilities:
    """``agreement(quotes, weights).fair``, to the bit, for less than half the time.

    Examples
    --------
    >>> consensus([("a", (0.5, 0.5)), ("b", (0.5, 0.5)), ("wild", (0.99, 0.01))], weights={})
    (0.5, 0.5)
    """
    return pooled(_words(quotes), weights)


def pooled(words: Mapping[str, Word], weights: Mapping[str, float]) -> Probabilities:
    """`consensus` of desks whose words are known already.

    Examples
    --------
    >>> pooled({"a": word([(0.5, 0.5)]), "b": word([(0.5, 0.5)])}, weights={})
    (0.5, 0.5)
    """
    desks, weighed = _weighed(words, weights)
    by_outcome = zip(*[words[desk].heights for desk in desks], strict=True)
    return _probabilities([_pooled(heights, weighed, each=False)[0] for heights in by_outcome])


def standard_errors(desks: Sequence[Probabilities], weights: Sequence[float]) -> tuple[float, ...]:
    """Standard error of the mean log-odds of each outcome.

    The weighted standard deviation of the desks over the root of their effective number, ``(sum w)^2 /
    sum w^2`` less one. What is trimmed from the mean is counted here: a market with a wild quote is a less
    sure one. 0 of a single desk, of which nothing can be told.

    Parameters
    ----------
    desks : sequence of n >= 1 sequences of probabilities
        In (0, 1).
    weights : sequence of n floats
        Above 0.

    Examples
    --------
    >>> [round(error, 3) for error in standard_errors([(0.5, 0.5), (0.55, 0.45)], [1.0, 1.0])]
    [0.1, 0.1]
    """
    total = fsum(weights)
    effective = total * total / fsum([weight * weight for weight in weights])
    if effective - 1.0 < 1e-9:
        return (0.0,) * len(desks[0])
    found = []
    for outcome in zip(*desks, strict=True):
        heights = [log(chance / (1.0 - chance)) for chance in outcome]
        mean = fsum(map(mul, weights, heights)) / total
        squares = [(height - mean) ** 2 for height in heights]
        found.append(sqrt(fsum(map(mul, weights, squares)) / total / (effective - 1.0)))
    return tuple(found)


def _words(quotes: Iterable[tuple[str, Probabilities]]) -> dict[str, Word]:
    books: dict[str, list[Probabilities]] = {}
    for desk, fair in quotes:
        books.setdefault(desk, []).append(fair)
    return {desk: word(fairs) for desk, fairs in books.items()}


def _weighed(words: Mapping[str, Word], weights: Mapping[str, float]) -> tuple[list[str], list[float]]:
    desks = sorted(words)
    if len({len(each.heights) for each in words.values()}) != 1:
        raise ValueError(f"no market of one number of outcomes is quoted by these desks: {desks}")
    weighed = [weights.get(desk, 1.0) for desk in desks]
    if not (min(weighed) > 0.0 and max(weighed) < inf):
        raise ValueError(f"weights of desks are finite and above 0: {dict(zip(desks, weighed, strict=True))}")
    return desks, weighed


def _mean(books: list[tuple[float, ...]]) -> tuple[float, ...]:
    if len(books) == 1:
        return books[0]
    return tuple([fsum(heights) / len(books) for heights in zip(*books, strict=True)])


def _pooled(heights: Sequence[float], weights: list[float], *, each: bool = True) -> list[float]:
    """The trimmed means, to the bit the negatives of those that the negative heights have.

    Sums from below and from above differ in their last bits; so of a market and its mirror the same one is
    worked out. Of three outcomes and more a mirror is another order of them, which changes nothing here.
    """
    upward = sorted(heights)
    if [-height for height in reversed(upward)] <= upward:
        return _trimmed_means(heights, weights, each=each)
    return [-mean for mean in _trimmed_means([-height for height in heights], weights, each=each)]


def _trimmed_means(heights: Sequence[float], weights: list[float], *, each: bool) -> list[float]:
    """The trimmed mean of all, then, where asked for, of all but each, in the order of the heights.

    Laid end to end by height, weights make a step function; what a cut at each end leaves is an area under
    it. Leaving one out closes its gap, so sums over the steps serve for everyone.
    """
    if len(heights) == 1:
        return [heights[0], heights[0]]
    order = sorted(range(len(heights)), key=heights.__getitem__)
    steps = [heights[index] for index in order]
    ends, areas = [0.0], [0.0]
    for index in order:
        ends.append(ends[-1] + weights[index])
        areas.append(areas[-1] + weights[index] * heights[index])
    total = ends[-1]
    second, heaviest = sorted(weights)[-2:]

    def area(x: float) -> float:
        step = bisect_left(ends, x, 1, len(steps)) - 1
        return areas[step] + (x - ends[step]) * steps[step]

    cut = min(max(TRIMMED * total, heaviest), AT_MOST * total)
    means = [(area(total - cut) - area(cut)) / (total - 2.0 * cut)] * (len(heights) + 1)
    if not each:
        return means[:1]
    for place, index in enumerate(order):
        weight, begin = weights[index], ends[place]
        rest = total - weight
        cut = min(max(TRIMMED * rest, second if weight == heaviest else heaviest), AT_MOST * rest)
        upper, lower = rest - cut, cut
        own = 0.0
        if upper > begin:
            upper += weight
            own += weight * steps[place]
        if lower > begin:
            lower += weight
            own -= weight * steps[place]
        means[index + 1] = (area(upper) - area(lower) - own) / (rest - 2.0 * cut)
    return means


def _heights(fair: Probabilities) -> tuple[float, ...]:
    # Of two outcomes one log-odds says all; of more, the logs of each, made to sum to 1 again afterwards.
    if len(fair) == 2:
        first, second = fair
        if 0.0 < first < 1.0 and 0.0 < second < 1.0:
            return (log(first) - log(second),)  # with the sides swapped, to the bit its negative
    elif len(fair) > 2 and all(0.0 < probability < 1.0 for probability in fair):
        return tuple([log(probability) for probability in fair])
    raise ValueError(f"not the probabilities of a market's outcomes: {fair!r}")


def _probabilities(heights: Sequence[float]) -> Probabilities:
    if len(heights) == 1:
        odds = exp(-abs(heights[0]))
        likelier, other = 1.0 / (1.0 + odds), odds / (1.0 + odds)
        return (likelier, other) if heights[0] >= 0.0 else (other, likelier)
    shares = [exp(height) for height in heights]
    total = fsum(shares)
    return tuple([share / total for share in shares])

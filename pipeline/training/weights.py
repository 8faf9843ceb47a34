"""The weight of each desk in the consensus, learnt from who was right.

A desk's advantage is how much better than all the others together it told what came, per market. Of these
advantages as much is believed as exceeds their own noise: where the desks differ by no more than chance would
make them, all weigh the same. What is believed is spread by a single exponent, the smallest that does about
as well as the best on stretches of time that it was not fitted on, so that equal weights stand unless the
archive speaks against them.

References
----------
Efron and Morris (1975), Data analysis using Stein's estimator and its generalizations, JASA 70(350).
Genre et al. (2013), Combining expert forecasts: can anything beat the simple average?, International Journal
of Forecasting 29(1).
"""

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import cache, lru_cache
from statistics import fmean
from typing import NamedTuple

from pipeline import data
from pipeline.domain.consensus import Probabilities, agreement
from pipeline.domain.devig import power_devig
from pipeline.training.bootstrap import Mean, mean_by_day
from pipeline.training.markets import Market, Quotes

METHOD = "advantage over the other desks, shrunk by its noise, in the exponent"
#: Of the weights; 0 is equal ones. At 1.5 a desk one deviation better than usual weighs 4.5 times as much.
EXPONENTS = (0.0, 0.25, 0.5, 0.75, 1.0, 1.25, 1.5)
#: Of any weight: beyond it the heaviest desk alone would be the consensus, and its slips would be, too.
LIGHTEST, HEAVIEST = 0.25, 4.0
#: A desk that quoted fewer markets says too little of itself.
MINIMUM_QUOTES = 500
#: Of the time that is fitted on: how far to trust the advantages is tried on each with those of the others.
STRETCHES = 5
#: Other desks that a desk is held against.
MINIMUM_OTHERS = 3

#: A desk and its fair probabilities, one for each of its books.
Opinions = list[tuple[str, Probabilities]]
#: For each desk the places of the cases it spoke in, and how far ahead of the others it was (nats).
Ahead = dict[str, list[tuple[int, float]]]


class Case(NamedTuple):
    """A market as the desks saw it, and what it is held against: an outcome for sure, or a sharp price."""

    day: str
    opinions: Opinions
    target: Probabilities


class Record(NamedTuple):
    """What a desk has shown: how many markets, its advantage (nats a market) and the standard error of it."""

    quotes: int
    advantage: float
    error: float


class Fit(NamedTuple):
    """Weights and what they come from. ``spared``: the desk that set the target, weighed as the heaviest."""

    weights: dict[str, float]
    records: dict[str, Record]
    exponent: float
    spread: float
    markets: int
    spared: str


@cache
def by_hand() -> dict[str, float]:
    """The weight of each desk in data/books.csv, that of its weightiest book."""
    found: dict[str, float] = {}
    for book in data.books().values():
        found[book.desk] = max(book.weight, found.get(book.desk, 0.0))
    return found


devigged = lru_cache(maxsize=262_144)(power_devig)


def opinions(quotes: Quotes, but: str = "") -> Opinions:
    """What the desks with a vote think, ``but`` left out."""
    found = []
    for book, prices in quotes:
        known = data.books().get(book)
        desk = book if known is None else known.desk
        if desk != but and by_hand().get(desk, 1.0) > 0.0:
            with suppress(ValueError):  # prices of no market are no opinion
                found.append((desk, devigged(prices)))
    return found


def of_results(markets: Sequence[Market], *, last: bool = False) -> list[Case]:
    """Early (or last) opinions with what came."""
    found = []
    for market in markets:
        thought = opinions(market.last if last else market.first)
        if market.outcome >= 0 and _enough(thought):
            came = [0.0] * len(thought[0][1])
            came[market.outcome] = 1.0
            found.append(Case(market.day, thought, tuple(came)))
    return found


def of_closing(markets: Sequence[Market]) -> tuple[list[Case], str]:
    """Early opinions with the last fair price of the sharpest desk, which is left out of them; and who it is.

    The sharpest is the heaviest by hand of those with a last price, of several the one that has most.
    """
    counts: dict[str, int] = defaultdict(int)
    for market in markets:
        for desk in {desk for desk, _ in opinions(market.last)}:
            counts[desk] += 1
    if not counts:
        return [], ""
    sharpest = max(sorted(counts), key=lambda desk: (by_hand().get(desk, 1.0), counts[desk]))
    found = []
    for market in markets:
        closing = [opinion for opinion in opinions(market.last) if opinion[0] == sharpest]
        thought = opinions(market.first, but=sharpest)
        if closing and _enough(thought):
            found.append(Case(market.day, thought, agreement(closing, {}).fair))
    return found, sharpest


def loss(probabilities: Probabilities, target: Probabilities) -> float:
    """Log loss against an outcome, cross-entropy against a price: nats, lower is better."""
    return -math.fsum(
        [share * math.log(p) for p, share in zip(probabilities, target, strict=True) if share > 0.0]
    )


def losses(cases: Sequence[Case], weights: Mapping[str, float]) -> list[float]:
    """That of the consensus in each case."""
    return [loss(agreement(case.opinions, weights).fair, case.target) for case in cases]


def fit(cases: Sequence[Case], spared: str = "") -> Fit:
    """The weights that a set of cases speaks for. Deterministic; equal weights where there is no case."""
    ahead = _ahead(cases)
    kept = _records(cases, ahead)
    believed, spread = _believed(kept)
    exponent = _exponent(cases, ahead) if spread > 0.0 else EXPONENTS[0]
    weights = _weights(believed, exponent)
    if spared and weights:
        weights[spared] = max(weights.values())
    return Fit(dict(sorted(weights.items())), kept, exponent, spread, len(cases), spared)


def _exponent(cases: Sequence[Case], ahead: Ahead) -> float:
    """The smallest that does about as well as the best in stretches of time that it was not fitted on."""
    scored: list[list[float]] = [[] for _ in EXPONENTS]
    for stretch in range(STRETCHES):
        begin, end = (len(cases) * edge // STRETCHES for edge in (stretch, stretch + 1))
        others = {
            desk: [(place, value) for place, value in values if not begin <= place < end]
            for desk, values in ahead.items()
        }
        believed, _ = _believed(_records(cases, others))
        for mine, exponent in zip(scored, EXPONENTS, strict=True):
            mine += losses(cases[begin:end], _weights(believed, exponent))
    best = min(scored, key=math.fsum)
    days = [case.day for case in cases]
    for exponent, mine in zip(EXPONENTS, scored, strict=True):
        behind = [one - least for one, least in zip(mine, best, strict=True)]
        if fmean(behind) <= _error(behind, days):
            return exponent
    raise AssertionError("the best is not behind itself")


def _ahead(cases: Sequence[Case]) -> Ahead:
    ahead: Ahead = defaultdict(list)
    for place, case in enumerate(cases):
        without = agreement(case.opinions, {}).without
        if len(without) <= MINIMUM_OTHERS:
            continue
        for desk, others in without.items():
            own = agreement([opinion for opinion in case.opinions if opinion[0] == desk], {}).fair
            ahead[desk].append((place, loss(others, case.target) - loss(own, case.target)))
    return ahead


def _records(cases: Sequence[Case], ahead: Ahead) -> dict[str, Record]:
    """What each desk has shown against all others, equally weighed."""
    found = {}
    for desk, shown in sorted(ahead.items()):
        if len(shown) >= MINIMUM_QUOTES:
            values = [value for _, value in shown]
            error = _error(values, [cases[place].day for place, _ in shown])
            found[desk] = Record(len(values), fmean(values), error)
    return found


def judge(
    cases: Sequence[Case], weightings: Mapping[str, Mapping[str, float]], seed: int
) -> dict[str, tuple[float, dict[str, Mean]]]:
    """Mean loss by each weighting, and how much it lies above that by each of the others; below is better."""
    days = [case.day for case in cases]
    scored = {name: losses(cases, weights) for name, weights in weightings.items()}
    return {
        name: (
            fmean(mine),
            {
                other: mean_by_day([a - b for a, b in zip(mine, theirs, strict=True)], days, seed)
                for other, theirs in scored.items()
                if other != name
            },
        )
        for name, mine in scored.items()
    }


def _weights(believed: Mapping[str, float], exponent: float) -> dict[str, float]:
    return {
        desk: min(max(math.exp(exponent * height), LIGHTEST), HEAVIEST) for desk, height in believed.items()
    }


def _enough(thought: Opinions) -> bool:
    return len({desk for desk, _ in thought}) > 1


def _believed(kept: Mapping[str, Record]) -> tuple[dict[str, float], float]:
    """How far each desk lies from the mean of all, in deviations of what is no noise; and that deviation."""
    if len(kept) < 2:
        return dict.fromkeys(kept, 0.0), 0.0
    mean = fmean([record.advantage for record in kept.values()])
    seen = math.fsum([(record.advantage - mean) ** 2 for record in kept.values()]) / (len(kept) - 1)
    real = seen - fmean([record.error**2 for record in kept.values()])
    if real <= 0.0:
        return dict.fromkeys(kept, 0.0), 0.0
    spread = math.sqrt(real)
    return {
        desk: (record.advantage - mean) / spread * real / (real + record.error**2)
        for desk, record in kept.items()
    }, spread


def _error(values: Sequence[float], days: Sequence[str]) -> float:
    """Standard error of a mean whose terms of one day depend on each other."""
    mean = fmean(values)
    by_day: dict[str, float] = defaultdict(float)
    for value, day in zip(values, days, strict=True):
        by_day[day] += value - mean
    return math.sqrt(math.fsum([total * total for total in by_day.values()])) / len(values)

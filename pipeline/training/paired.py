"""A candidate held against what is in use on the same games: probabilities and value bets, paired by game.

Games are drawn again, not moments or bets: those of one game hang together, and an evening of one-sided luck
is no proof. Where the interval of a difference holds 0 the verdict is that nobody can tell.
"""

import math
from collections.abc import Sequence
from enum import StrEnum
from typing import NamedTuple

import numpy as np
from msgspec import Struct

from pipeline.training import bootstrap, evaluation
from pipeline.training.bootstrap import BOUNDS, DRAWS, Mean
from pipeline.training.games import Floats

#: Fewer games than these, and an interval of a bootstrap says nothing.
LEAST_GAMES = 10
ALL = "all"

Pair = tuple[float, float]
"""Of what is in use, and of the candidate."""


class Verdict(StrEnum):
    """On a candidate."""

    SAME = "same"
    BETTER = "better"
    WORSE = "worse"
    CANNOT_TELL = "cannot tell"


class Bet(NamedTuple):
    """What became of a value bet, for each unit staked; None where that is not known."""

    profit: float | None
    closing_line_value: float | None


class Game(NamedTuple):
    """A game that is over. Chances are those published in play, a row for each moment, as columns home, away
    and any draw; ``outcome`` is the column that came, -1 where there is none for it.
    """

    event_id: str
    league: str
    outcome: int
    baseline: Floats
    candidate: Floats
    baseline_bets: tuple[Bet, ...]
    candidate_bets: tuple[Bet, ...]


class Forecasts(Struct, frozen=True, kw_only=True):
    """Probabilities in play of both on the same moments; ``above``: what the candidate's log loss is more."""

    league: str
    games: int
    moments: int
    differing: int
    log_loss: Pair
    brier: Pair
    calibration: Pair
    above: Mean
    gain: float
    """The share by which the candidate's log loss is smaller."""
    verdict: Verdict
    deploy: bool


class Money(Struct, frozen=True, kw_only=True):
    """A mean over bets, and how much more it is with the candidate's; None where a side has no bets."""

    bets: tuple[int, int]
    mean: tuple[float | None, float | None]
    above: Mean | None
    verdict: Verdict


class Bets(Struct, frozen=True, kw_only=True):
    """The value bets that each would have published on games that are over."""

    published: tuple[int, int]
    closing_line_value: Money
    profit: Money


class Comparison(Struct, frozen=True, kw_only=True):
    """Of all games, and of each league's where there are several."""

    games: int
    forecasts: tuple[Forecasts, ...]
    bets: Bets


def compared(games: Sequence[Game], least_gain: float, seed: int = bootstrap.SEED) -> Comparison:
    """The paired test over games that are over.

    Parameters
    ----------
    games : sequence of Game
        In any order: they are taken by their ids.
    least_gain : float
        Share by which a candidate's log loss has to be smaller to be deployed.
    seed : int
        Of the bootstrap.
    """
    games = sorted(games, key=lambda game: game.event_id)
    spoken = [game for game in games if len(game.baseline) and 0 <= game.outcome < game.baseline.shape[1]]
    leagues = sorted({game.league for game in spoken})
    rows = [(ALL, spoken)] if spoken else []
    if len(leagues) > 1:
        rows += [(league, [game for game in spoken if game.league == league]) for league in leagues]
    return Comparison(
        games=len(games),
        forecasts=tuple(_forecasts(league, of_league, least_gain, seed) for league, of_league in rows),
        bets=_bets(games, seed),
    )


def _forecasts(league: str, games: Sequence[Game], least_gain: float, seed: int) -> Forecasts:
    names = [game.event_id for game in games for _ in game.baseline]
    outcome = np.array([game.outcome for game in games for _ in game.baseline])
    columns = max(game.baseline.shape[1] for game in games)
    sides = [
        np.concatenate([_wide(side, columns) for side in (getattr(game, name) for game in games)])
        for name in ("baseline", "candidate")
    ]
    losses = [evaluation.log_losses(side, outcome) for side in sides]
    above = bootstrap.mean_by_day((losses[1] - losses[0]).tolist(), names, seed)
    before, after = (float(each.mean()) for each in losses)
    gain = -above.mean / before if before else 0.0
    verdict = _verdict(above, len(games), higher_is_better=False)
    return Forecasts(
        league=league,
        games=len(games),
        moments=len(outcome),
        differing=int((sides[0] != sides[1]).any(axis=1).sum()),
        log_loss=(before, after),
        brier=_of_both([_brier(side, outcome) for side in sides]),
        calibration=_of_both([_calibration(side, outcome) for side in sides]),
        above=above,
        gain=gain,
        verdict=verdict,
        deploy=verdict is Verdict.BETTER and gain > least_gain,
    )


def _of_both(values: Sequence[float]) -> Pair:
    return values[0], values[1]


def _wide(chances: Floats, columns: int) -> Floats:
    """With a column for a draw of which the sport knows none."""
    return np.pad(chances, ((0, 0), (0, columns - chances.shape[1])))


def _brier(chances: Floats, outcome: Floats) -> float:
    truth = np.eye(chances.shape[1])[outcome]
    return float(((chances - truth) ** 2).sum(axis=1).mean())


def _calibration(chances: Floats, outcome: Floats) -> float:
    """The mean gap between said and seen, by buckets, over the outcomes."""
    gaps = [
        abs(bucket.said - bucket.seen) * bucket.moments
        for column in range(chances.shape[1])
        for bucket in evaluation.buckets(chances[:, column], (outcome == column).astype(float))
    ]
    return math.fsum(gaps) / chances.size


def _bets(games: Sequence[Game], seed: int) -> Bets:
    return Bets(
        published=(
            sum(len(game.baseline_bets) for game in games),
            sum(len(game.candidate_bets) for game in games),
        ),
        closing_line_value=_money(games, "closing_line_value", seed),
        profit=_money(games, "profit", seed),
    )


def _money(games: Sequence[Game], name: str, seed: int) -> Money:
    known = [
        [
            [value for bet in bets if (value := getattr(bet, name)) is not None]
            for bets in (game.baseline_bets, game.candidate_bets)
        ]
        for game in games
    ]
    counts = np.array([[len(values) for values in game] for game in known], dtype=float).reshape(-1, 2)
    sums = np.array([[math.fsum(values) for values in game] for game in known], dtype=float).reshape(-1, 2)
    bets = counts.sum(axis=0)
    means = [float(sums[:, side].sum() / bets[side]) if bets[side] else None for side in (0, 1)]
    above = None
    if means[0] is not None and means[1] is not None:
        above = _above(sums, counts, means[1] - means[0], seed)
    betting = int((counts.sum(axis=1) > 0).sum())
    if known and all(sorted(before) == sorted(after) for before, after in known):
        verdict = Verdict.SAME
    else:
        verdict = _verdict(above, betting, higher_is_better=True)
    return Money(bets=(int(bets[0]), int(bets[1])), mean=(means[0], means[1]), above=above, verdict=verdict)


def _above(sums: Floats, counts: Floats, mean: float, seed: int) -> Mean | None:
    """The second side's mean over the first's, with the interval of a bootstrap that draws games."""
    chance = np.random.Generator(np.random.PCG64(seed))
    drawn = chance.integers(len(sums), size=(DRAWS, len(sums)), dtype=np.int32)
    totals, numbers = sums[drawn].sum(axis=1), counts[drawn].sum(axis=1)
    # A draw in which one of them does not bet says nothing of the difference.
    both = (numbers > 0.0).all(axis=1)
    means = totals[both] / numbers[both]
    low, high = np.quantile(means[:, 1] - means[:, 0], BOUNDS)
    return Mean(mean, float(low), float(high))


def _verdict(above: Mean | None, games: int, *, higher_is_better: bool) -> Verdict:
    """What a difference and its interval say; of few games nothing, but that they are alike."""
    if above is None:
        return Verdict.CANNOT_TELL
    if above == (0.0, 0.0, 0.0):
        return Verdict.SAME
    if games < LEAST_GAMES or above.low <= 0.0 <= above.high:
        return Verdict.CANNOT_TELL
    return Verdict.BETTER if (above.mean > 0.0) is higher_is_better else Verdict.WORSE

"""Boosters over a sport's anchor, blended and calibrated on games that they have not seen.

Games are cut into blocks in time order: seasons, or tenths where there are few of them. Each block is
answered by boosters of the blocks before it; from those answers come the weights of the blend and its slope.
Every fit has one thread, no sampling and sorted rows: the same archive and seed give the same bytes.
"""

import hashlib
from collections.abc import Callable, Iterator
from datetime import date
from itertools import combinations, pairwise
from pathlib import Path
from typing import Any, NamedTuple

import lightgbm
import msgspec
import numpy as np
import xgboost

from pipeline.domain import stability
from pipeline.models.boosted import (
    LIGHTGBM,
    MANIFEST,
    VOICES,
    XGBOOST,
    Histogram,
    Manifest,
    ranges,
    symmetric,
)
from pipeline.models.features import SHEETS, Sheet, mirror
from pipeline.training.games import Floats, Moments


class Learning(NamedTuple):
    """How a sport's boosters are fitted.

    ``ahead``: a moment is taught what the anchor says that many moments later in its game, or how the game
    ended where there are not so many; 0 for the end always. A few hundred endings a season say little of a
    third down: the odds a few plays later say more. Of two outcomes only.
    """

    lightgbm: dict[str, Any]
    xgboost: dict[str, Any]
    rounds: int
    ahead: int


PLAYS = Learning(
    {"learning_rate": 0.05, "num_leaves": 8, "min_data_in_leaf": 1000, "lambda_l2": 100.0, "max_bin": 63},
    {"eta": 0.05, "max_depth": 3, "min_child_weight": 200.0, "lambda": 100.0, "max_bin": 64},
    rounds=50,
    ahead=5,
)
#: Possessions change every few rows, and a row says less than a snap.
ROWS = Learning(
    {"learning_rate": 0.05, "num_leaves": 6, "min_data_in_leaf": 2000, "lambda_l2": 100.0, "max_bin": 63},
    {"eta": 0.05, "max_depth": 3, "min_child_weight": 500.0, "lambda": 100.0, "max_bin": 64},
    rounds=40,
    ahead=10,
)
#: Three outcomes, 150 matches a tenth: of the few settings tried the most careful was best.
MINUTES = Learning(
    {"learning_rate": 0.03, "num_leaves": 4, "min_data_in_leaf": 2000, "lambda_l2": 200.0, "max_bin": 63},
    {"eta": 0.03, "max_depth": 2, "min_child_weight": 300.0, "lambda": 200.0, "max_bin": 64},
    rounds=30,
    ahead=0,
)
LEARNING = {"american-football": PLAYS, "baseball": PLAYS, "basketball": ROWS, "soccer": MINUTES}

#: Seasons lie further apart than any two days of one.
BETWEEN_SEASONS_DAYS = 45
FEWEST_SEASONS, TENTHS = 4, 10
#: The blend begins with these in equal parts, as if so many games had ended as often as that says.
PRIOR = ("anchor", "lightgbm", "xgboost")
PRIOR_GAMES = 1_000
NEWTON_STEPS, RIDGE = 12, 1e-6
#: Of weights and slopes: what is said in a walk is what a written model says.
DIGITS = 6


class Pair(NamedTuple):
    """Both boosters."""

    lightgbm: Any
    xgboost: Any


class Blend(NamedTuple):
    """Weights by `VOICES`, which sum to 1, and the slope of their sum."""

    weights: dict[str, float]
    slope: float


class Step(NamedTuple):
    """A block, and the models of the blocks before it that answer it; none of the first.

    ``now`` are its moments, ``voices`` the scores of each of `VOICES` at them.
    """

    number: int
    now: Any
    pair: Pair | None
    by: Blend
    voices: Floats


class Walk(NamedTuple):
    """What was said of each moment by models of earlier games only. ``scored`` leaves the first block out.

    ``voices`` has the scores of each of `VOICES`, shape (n, voices, outcomes), ``blend`` those of them all.
    """

    block: Any
    voices: Floats
    blend: Floats


def blocks(moments: Moments) -> Any:
    """The block of each moment: its season, or a tenth of all days where there are few seasons."""
    days = [date.fromisoformat(day) for day in moments.days]
    steps = [(after - before).days > BETWEEN_SEASONS_DAYS for before, after in pairwise(days)]
    of_game = np.concatenate([[0], np.cumsum(steps, dtype=np.int64)]) if days else np.zeros(0, dtype=np.int64)
    if len(days) and of_game[-1] + 1 < FEWEST_SEASONS:
        # Games of one day stay together.
        first = {day: place for place, day in reversed(list(enumerate(moments.days)))}
        of_game = np.array([first[day] * TENTHS // len(days) for day in moments.days])
    return of_game[moments.game]


def days(moments: Moments) -> Any:
    """The day of each moment's game, as text."""
    return np.array(moments.days)[moments.game]


def fit(sport: str, moments: Moments, seed: int) -> Pair:
    """Boosters that correct the anchor, on every moment and its mirror image; each game weighs the same."""
    sheet, learning, outcomes = SHEETS[sport], LEARNING[sport], moments.anchor.shape[1]
    places, signs = (np.array(each) for each in zip(*mirror(sheet), strict=True))
    values = np.concatenate([moments.values, moments.values[:, places] * signs])
    swap = np.array([1, 0, 2])
    label = np.concatenate([moments.label, swap[moments.label]])
    anchor = np.concatenate([moments.anchor, moments.anchor[:, swap[:outcomes]]])
    each_game = np.bincount(moments.game, minlength=len(moments.games))[moments.game]
    weight = np.tile(len(moments.game) / (len(np.unique(moments.game)) * each_game), 2)
    if outcomes == 2:
        home = targets(moments, learning.ahead)
        target, start = np.concatenate([home, 1.0 - home]), anchor[:, 0] - anchor[:, 1]
        kinds = {"objective": "cross_entropy"}, {"objective": "binary:logistic", "base_score": 0.5}
    else:
        target, start = label.astype(float), anchor
        classes = {"num_class": outcomes}
        kinds = (
            {"objective": "multiclass", **classes},
            {"objective": "multi:softprob", "base_score": 0.0, **classes},
        )
    fixed = {"num_threads": 1, "verbosity": -1, "deterministic": True, "force_row_wise": True, "seed": seed}
    names = [feature.name for feature in sheet.features]
    leaves = lightgbm.train(
        learning.lightgbm | fixed | kinds[0],
        lightgbm.Dataset(
            values,
            target,
            weight=weight,
            init_score=start if outcomes == 2 else start.ravel(order="F"),
            feature_name=names,
        ),
        learning.rounds,
    )
    table = xgboost.DMatrix(values, target, weight=weight, base_margin=start, feature_names=names, nthread=1)
    steady = {"nthread": 1, "tree_method": "hist", "seed": seed, "verbosity": 0}
    return Pair(leaves, xgboost.train(learning.xgboost | steady | kinds[1], table, learning.rounds))


def targets(moments: Moments, ahead: int) -> Floats:
    """What each moment is taught of home's win; the moments of a game stand together, in time."""
    target: Floats = (moments.label == 0).astype(float)
    if ahead:
        later = moments.anchor[ahead:, 0] - moments.anchor[ahead:, 1]
        same = moments.game[ahead:] == moments.game[:-ahead]
        target[:-ahead][same] = 1.0 / (1.0 + np.exp(-later[same]))
    return target


def corrections(sheet: Sheet, pair: Pair, values: Floats) -> tuple[Floats, Floats]:
    """What each booster adds to the anchor's scores."""
    places, signs = (np.array(each) for each in zip(*mirror(sheet), strict=True))
    other = values[:, places] * signs
    margin = {"predict_type": "margin", "validate_features": False}
    leaves = [pair.lightgbm.predict(rows, raw_score=True, num_threads=1) for rows in (values, other)]
    trees = [pair.xgboost.inplace_predict(rows, **margin) for rows in (values, other)]
    return symmetric(*leaves), symmetric(*trees)


def spoken(sheet: Sheet, pair: Pair | None, moments: Moments) -> Floats:
    """The scores of each voice; before there are boosters they say what the anchor does."""
    leaves, trees = corrections(sheet, pair, moments.values) if pair else (0.0, 0.0)
    anchor = moments.anchor
    result: Floats = np.stack([moments.closed, anchor, anchor + leaves, anchor + trees], axis=1)
    return result


def blend(moments: Moments, voices: Floats) -> Blend:
    """The weights and slope that would have been best on these moments, held by `PRIOR`.

    Each game weighs the same. Voices that would have a weight below 0 are left out.
    """
    prior = np.array([(voice in PRIOR) / len(PRIOR) for voice in VOICES])
    if not len(moments.game):
        return Blend(dict(zip(VOICES, prior.tolist(), strict=True)), 1.0)
    games = len(np.unique(moments.game))
    weight = 1.0 / np.bincount(moments.game, minlength=len(moments.games))[moments.game] / games
    held = PRIOR_GAMES / (PRIOR_GAMES + games)
    believed = chances(np.einsum("nvk,v->nk", voices, prior))
    truth = (1.0 - held) * np.eye(voices.shape[2])[moments.label] + held * believed
    best, least = prior, np.inf
    for size in range(1, len(VOICES) + 1):
        for chosen in combinations(range(len(VOICES)), size):
            found, loss = _newton(voices[:, chosen], truth, weight)
            if loss < least - 1e-9 and (found >= 0.0).all():
                best, least = np.zeros(len(VOICES)), loss
                best[list(chosen)] = found
    slope = float(best.sum())
    weights = {voice: round(float(best[place] / slope), DIGITS) for place, voice in enumerate(VOICES)}
    return Blend(weights, round(slope, DIGITS))


def _newton(voices: Floats, truth: Floats, weight: Floats) -> tuple[Floats, float]:
    """Weights of voices, not held to any sign, with the least mean log loss, and that loss."""
    found = np.full(voices.shape[1], 1.0 / voices.shape[1])
    for _ in range(NEWTON_STEPS):
        said = chances(np.einsum("nvk,v->nk", voices, found))
        slope = np.einsum("nvk,nk,n->v", voices, said - truth, weight, optimize=True)
        mean = np.einsum("nvk,nk->nv", voices, said)
        curve = np.einsum("nvk,nuk,nk,n->vu", voices, voices, said, weight, optimize=True)
        curve -= np.einsum("nv,nu,n->vu", mean, mean, weight, optimize=True)
        # The ridge keeps voices apart that say nearly the same.
        found = found - np.linalg.solve(curve + RIDGE * np.eye(len(found)), slope)
    said = chances(np.einsum("nvk,v->nk", voices, found))
    return found, float(weight @ -(truth * np.log(np.clip(said, 1e-15, 1.0))).sum(axis=1))


def chances(scores: Floats) -> Floats:
    """Probabilities from scores, row by row."""
    weights = np.exp(scores - scores.max(axis=-1, keepdims=True))
    result: Floats = weights / weights.sum(axis=-1, keepdims=True)
    return result


def walk(sport: str, moments: Moments, seed: int, told: Callable[[str], None] = lambda _: None) -> Walk:
    """Every block answered by models of the blocks before it."""
    block = blocks(moments)
    voices = np.zeros((len(moments.game), len(VOICES), moments.anchor.shape[1]))
    blended = np.zeros((len(moments.game), moments.anchor.shape[1]))
    for step in steps(sport, moments, seed, told):
        voices[step.now], blended[step.now] = step.voices, mixed(step.by, step.voices)
    return Walk(block, voices, blended)


def steps(
    sport: str, moments: Moments, seed: int, told: Callable[[str], None] = lambda _: None
) -> Iterator[Step]:
    """The blocks in time order, each with models of the blocks before it."""
    sheet, block = SHEETS[sport], blocks(moments)
    voices = np.zeros((len(moments.game), len(VOICES), moments.anchor.shape[1]))
    numbers = np.unique(block)
    for number in numbers:
        now, before = block == number, block < number
        told(f"block {number + 1} of {len(numbers)}")
        pair = fit(sport, moments.where(before), seed) if before.any() else None
        voices[now] = spoken(sheet, pair, moments.where(now))
        # The first block was answered without boosters and says nothing of their weights.
        known = before & (block > numbers[0])
        yield Step(int(number), now, pair, blend(moments.where(known), voices[known]), voices[now])


def mixed(by: Blend, voices: Floats) -> Floats:
    """The scores of the blend."""
    weights = np.array([by.weights[voice] for voice in VOICES])
    result: Floats = by.slope * np.einsum("nvk,v->nk", voices, weights)
    return result


def write(
    sport: str, name: str, leagues: tuple[str, ...], moments: Moments, walked: Walk, seed: int, out: Path,
    learnt_from: dict[str, Any], scores: dict[str, Any],
) -> tuple[Manifest, Pair]:  # fmt: skip
    """Fit on all games and write the model, all but its card, into a new folder."""
    pair = fit(sport, moments, seed)
    known = walked.block > walked.block.min()
    by = blend(moments.where(known), walked.voices[known])
    return written(sport, name, leagues, moments, pair, by, seed, out, learnt_from, scores), pair


def written(
    sport: str, name: str, leagues: tuple[str, ...], moments: Moments, pair: Pair, by: Blend, seed: int,
    out: Path, learnt_from: dict[str, Any], scores: dict[str, Any],
) -> Manifest:  # fmt: skip
    """A model of boosters and blend, all but its card, in a new folder; ``moments`` are what they learnt."""
    sheet = SHEETS[sport]
    out.mkdir(parents=True)
    (out / LIGHTGBM).write_text(pair.lightgbm.model_to_string(importance_type="gain"))
    (out / XGBOOST).write_bytes(bytes(pair.xgboost.save_raw("json")))
    files = (LIGHTGBM, XGBOOST)
    manifest = Manifest(
        model=name,
        sport=sport,
        leagues=leagues,
        outcomes=moments.anchor.shape[1],
        features=ranges(sheet),
        weights=by.weights,
        slope=by.slope,
        seed=seed,
        learnt_from=learnt_from,
        settings=LEARNING[sport]._asdict(),
        versions={"lightgbm": lightgbm.__version__, "xgboost": xgboost.__version__, "numpy": np.__version__},
        scores=scores,
        files={file: hashlib.sha256((out / file).read_bytes()).hexdigest() for file in files},
        histograms=histograms(sheet, moments.values),
    )
    (out / MANIFEST).write_bytes(msgspec.json.format(msgspec.json.encode(manifest)) + b"\n")
    return manifest


def histograms(sheet: Sheet, values: Floats) -> tuple[Histogram, ...]:
    """How each feature lies in these moments, as the home side sees them."""
    found = []
    for feature, column in zip(sheet.features, values.T, strict=True):
        edges = stability.edges(column)
        held = tuple([round(share, 6) for share in stability.shares(edges, column)])
        found.append(Histogram(name=feature.name, edges=edges, shares=held))
    return tuple(found)


def importance(pair: Pair, sheet: Sheet) -> dict[str, tuple[float, float]]:
    """Each feature's share of what both boosters gained by it."""
    leaves = pair.lightgbm.feature_importance("gain")
    gained = pair.xgboost.get_score(importance_type="total_gain")
    trees = np.array([gained.get(feature.name, 0.0) for feature in sheet.features])
    shares = [each / max(each.sum(), 1e-12) for each in (leaves, trees)]
    return {
        feature.name: (float(shares[0][place]), float(shares[1][place]))
        for place, feature in enumerate(sheet.features)
    }

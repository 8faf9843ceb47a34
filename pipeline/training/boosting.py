"""Boosters over a sport's anchor, blended and calibrated on games that they have not seen.

Games are cut into blocks in time order: seasons, or tenths where there are few of them. Each block is
answered by boosters of the blocks before it; from those answers come the weights of the blend and its slope.
Every fit has one thread, no sampling and sorted rows: the same archive and seed give the same bytes.
"""

import hashlib
from collections.abc import Callable
from datetime import date
from itertools import combinations, pairwise
from pathlib import Path
from typing import Any, NamedTuple

import lightgbm
import msgspec
import numpy as np
import xgboost

from pipeline.models.boosted import (
    LIGHTGBM,
    MANIFEST,
    VOICES,
    XGBOOST,
    Manifest,
    ranges,
    symmetric,
)
from pipeline.models.features import SHEETS, Sheet, mirror
from pipeline.training.games import Floats, Moments

LIGHTGBM_SETTINGS: dict[str, Any] = {
    "learning_rate": 0.04,
    "num_leaves": 6,
    "min_data_in_leaf": 1500,
    "lambda_l2": 200.0,
    "max_bin": 63,
}
XGBOOST_SETTINGS: dict[str, Any] = {
    "eta": 0.04,
    "max_depth": 3,
    "min_child_weight": 300.0,
    "lambda": 200.0,
    "max_bin": 64,
}
ROUNDS = 50
ANCHOR = "anchor"
#: Seasons lie further apart than any two days of one.
BETWEEN_SEASONS_DAYS = 45
FEWEST_SEASONS, TENTHS = 4, 10
#: The blend begins with the anchor alone, as if this many games had been answered best by it.
PRIOR_GAMES = 500
#: Variance of a label that is typical of a game under way: makes games of the prior comparable to real ones.
TYPICAL_VARIANCE = 0.15
NEWTON_STEPS = 12


class Pair(NamedTuple):
    """Both boosters."""

    lightgbm: Any
    xgboost: Any


class Blend(NamedTuple):
    """Weights by `VOICES`, which sum to 1, and the slope of their sum."""

    weights: dict[str, float]
    slope: float


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


def fit(sheet: Sheet, moments: Moments, seed: int) -> Pair:
    """Boosters that correct the anchor, on every moment and its mirror image; each game weighs the same."""
    outcomes = moments.anchor.shape[1]
    places, signs = (np.array(each) for each in zip(*mirror(sheet), strict=True))
    values = np.concatenate([moments.values, moments.values[:, places] * signs])
    swap = np.array([1, 0, 2])
    label = np.concatenate([moments.label, swap[moments.label]])
    anchor = np.concatenate([moments.anchor, moments.anchor[:, swap[:outcomes]]])
    each_game = np.bincount(moments.game, minlength=len(moments.games))[moments.game]
    weight = np.tile(len(moments.game) / (len(np.unique(moments.game)) * each_game), 2)
    if outcomes == 2:
        target, start = 1.0 - label, anchor[:, 0] - anchor[:, 1]
        kinds = {"objective": "binary"}, {"objective": "binary:logistic", "base_score": 0.5}
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
        LIGHTGBM_SETTINGS | fixed | kinds[0],
        lightgbm.Dataset(
            values,
            target,
            weight=weight,
            init_score=start if outcomes == 2 else start.ravel(order="F"),
            feature_name=names,
        ),
        ROUNDS,
    )
    table = xgboost.DMatrix(values, target, weight=weight, base_margin=start, feature_names=names, nthread=1)
    steady = {"nthread": 1, "tree_method": "hist", "seed": seed, "verbosity": 0}
    return Pair(leaves, xgboost.train(XGBOOST_SETTINGS | steady | kinds[1], table, ROUNDS))


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
    if pair is None:
        return np.stack([moments.closed, *[moments.anchor] * 3], axis=1)
    leaves, trees = corrections(sheet, pair, moments.values)
    return np.stack([moments.closed, moments.anchor, moments.anchor + leaves, moments.anchor + trees], axis=1)


def blend(moments: Moments, voices: Floats) -> Blend:
    """The weights and slope that would have been best on these moments, held to the anchor by a prior.

    Each game weighs the same. A voice with a weight below 0 is left out.
    """
    if not len(moments.game):
        return Blend({voice: float(voice == ANCHOR) for voice in VOICES}, 1.0)
    each_game = np.bincount(moments.game, minlength=len(moments.games))[moments.game]
    best, least = np.zeros(len(VOICES)), np.inf
    for size in range(1, len(VOICES) + 1):
        for chosen in combinations(range(len(VOICES)), size):
            found, loss = _newton(voices[:, chosen], moments.label, 1.0 / each_game, chosen)
            if loss < least - 1e-9 and (found >= 0.0).all():
                best, least = np.zeros(len(VOICES)), loss
                best[list(chosen)] = found
    slope = float(best.sum())
    return Blend({voice: float(best[place] / slope) for place, voice in enumerate(VOICES)}, slope)


def _newton(voices: Floats, label: Any, weight: Floats, chosen: tuple[int, ...]) -> tuple[Floats, float]:
    """Weights of the chosen voices, not held to any sign, and their loss with what the prior adds."""
    prior = PRIOR_GAMES * TYPICAL_VARIANCE
    size = len(chosen)
    others = np.array([VOICES[place] != ANCHOR for place in chosen], dtype=float)
    found = np.full(size, 1.0 / size)
    truth = np.eye(voices.shape[2])[label]
    for step in range(NEWTON_STEPS + 1):
        scores = np.einsum("nvk,v->nk", voices, found)
        scores -= scores.max(axis=1, keepdims=True)
        chances = np.exp(scores)
        chances /= chances.sum(axis=1, keepdims=True)
        if step == NEWTON_STEPS:
            break
        slack = np.einsum("nvk,nk->nv", voices, chances - truth)
        mean = np.einsum("nvk,nk->nv", voices, chances)
        curve = np.einsum("nvk,nuk,nk,n->vu", voices, voices, chances, weight, optimize=True)
        curve -= np.einsum("nv,nu,n->vu", mean, mean, weight, optimize=True)
        slope = weight @ slack + 2.0 * prior * ((found.sum() - 1.0) + found * others)
        curve += 2.0 * prior * (np.ones((size, size)) + np.diag(others)) + 1e-9 * np.eye(size)
        found = found - np.linalg.solve(curve, slope)
    right = np.clip(chances[np.arange(len(label)), label], 1e-15, 1.0)
    loss = float(weight @ -np.log(right)) + prior * ((found.sum() - 1.0) ** 2 + ((found * others) ** 2).sum())
    return found, loss


def walk(sport: str, moments: Moments, seed: int, told: Callable[[str], None] = lambda _: None) -> Walk:
    """Every block answered by models of the blocks before it."""
    sheet, block = SHEETS[sport], blocks(moments)
    voices = np.zeros((len(moments.game), len(VOICES), moments.anchor.shape[1]))
    blended = np.zeros((len(moments.game), moments.anchor.shape[1]))
    numbers = np.unique(block)
    for number in numbers:
        now, before = block == number, block < number
        told(f"block {number + 1} of {len(numbers)}")
        pair = fit(sheet, moments.where(before), seed) if before.any() else None
        voices[now] = spoken(sheet, pair, moments.where(now))
        # The first block was answered without boosters and says nothing of their weights.
        known = before & (block > numbers[0])
        by = blend(moments.where(known), voices[known])
        blended[now] = mixed(by, voices[now])
    return Walk(block, voices, blended)


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
    sheet = SHEETS[sport]
    pair = fit(sheet, moments, seed)
    known = walked.block > walked.block.min()
    by = blend(moments.where(known), walked.voices[known])
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
        weights={voice: round(weight, 6) for voice, weight in by.weights.items()},
        slope=round(by.slope, 6),
        seed=seed,
        learnt_from=learnt_from,
        settings={"lightgbm": LIGHTGBM_SETTINGS, "xgboost": XGBOOST_SETTINGS, "rounds": ROUNDS},
        versions={"lightgbm": lightgbm.__version__, "xgboost": xgboost.__version__, "numpy": np.__version__},
        scores=scores,
        files={file: hashlib.sha256((out / file).read_bytes()).hexdigest() for file in files},
    )
    (out / MANIFEST).write_bytes(msgspec.json.format(msgspec.json.encode(manifest)) + b"\n")
    return manifest, pair


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

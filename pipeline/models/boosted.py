"""What boosted trees add to the closed forms, and how all of them are blended into one answer.

A model is a folder: ``lightgbm.txt`` and ``xgboost.json`` as their libraries write them, ``manifest.json``
with all else that the answer depends on and the hash of both, ``CARD.md`` on what it is for. Both boosters
say how far the odds are from the anchor's, for the game and for its mirror image, and half of the difference
counts: swapping the teams mirrors the answer, whatever the trees have learnt.
"""

import hashlib
import math
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import numpy as np
from msgspec import Struct
from msgspec.structs import replace

from pipeline.errors import UsageError
from pipeline.models import candidate, ratings, soccer
from pipeline.models.features import SHEETS, Ending, Seen, Sheet, mirror, strange, vector
from pipeline.models.ratings import Ratings
from pipeline.settings import Settings

SHIPPED = Path(__file__).parent / "shipped"
MANIFEST, LIGHTGBM, XGBOOST = "manifest.json", "lightgbm.txt", "xgboost.json"
#: Who has a say in the blend.
VOICES = ("closed", "anchor", "lightgbm", "xgboost")

Scores = tuple[float, ...]
"""Logarithms of the odds of home, away and, where there is one, a draw, up to a constant."""


class FeatureRange(Struct, frozen=True, kw_only=True):
    """A feature as the model was trained on it."""

    name: str
    formula: str
    low: float
    high: float


class Histogram(Struct, frozen=True, kw_only=True):
    """How a feature lay in training: the share of each bin, and the edges between bins.

    A value on an edge is in the bin above it.
    """

    name: str
    edges: tuple[float, ...]
    shares: tuple[float, ...]


class Manifest(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """All that a boosted answer depends on beside the files whose hashes are here.

    ``learnt_from`` and ``scores`` say where it comes from and how good it was, ``histograms`` what its
    features were like; no answer depends on them.
    """

    model: str
    sport: str
    leagues: tuple[str, ...]
    outcomes: int
    features: tuple[FeatureRange, ...]
    weights: dict[str, float]
    """In the blend, by `VOICES`; a booster's whole word is the anchor's and its own correction."""
    slope: float
    """Of the blend's log odds: calibration that keeps the mirror image."""
    seed: int
    learnt_from: dict[str, Any]
    settings: dict[str, Any]
    versions: dict[str, str]
    scores: dict[str, Any]
    files: dict[str, str]
    histograms: tuple[Histogram, ...] = ()

    @property
    def content(self) -> bytes:
        """As it is written, but for the histograms: they may be added to a model that is in use."""
        return msgspec.json.format(msgspec.json.encode(replace(self, histograms=()))) + b"\n"


class Boosted(NamedTuple):
    """A model that is ready to speak; ``digest`` is of the content of its manifest."""

    manifest: Manifest
    digest: str
    sheet: Sheet
    lightgbm: Any
    xgboost: Any
    places: Any
    signs: Any


class Look(NamedTuple):
    """What a model reads: its sport's view of a moment, the features, the names of those out of range."""

    view: Any
    values: tuple[float, ...]
    strange: tuple[str, ...]


class Word(NamedTuple):
    """What each voice and all together say of who wins: probabilities of home, away and any draw.

    ``ending``: the score to be expected, where the sport's features say so.
    """

    blend: tuple[float, ...]
    voices: dict[str, tuple[float, ...]]
    ending: Ending | None


class Models(NamedTuple):
    """Every model by league, the ratings of teams, and the bytes that name all that they depend on."""

    by_league: Mapping[str, Boosted]
    content: bytes
    ratings: Ratings = ratings.NONE

    @property
    def digest(self) -> str:
        """The first 12 hexadecimal digits of the SHA-256 of the content."""
        return _digest(self.content)


def in_use() -> Models:
    """A candidate's in its context, else those of ``SHARPLINE_MODELS``, else the shipped; read once."""
    return _models(candidate.FOLDER.get())


@cache
def _models(folder: Path | None) -> Models:
    named = folder or Settings.read().models
    return load_all(Path(named) if named else SHIPPED)


def load_all(folder: Path) -> Models:
    """The models in a folder, one folder a sport. Raises UsageError where a manifest does not fit."""
    if not folder.is_dir():
        raise UsageError(f"there is no folder of models at {folder}; SHARPLINE_MODELS names one")
    models = [load(home) for home in sorted(path.parent for path in folder.glob(f"*/{MANIFEST}"))]
    by_league = {league: model for model in models for league in model.manifest.leagues}
    rated = ratings.load(folder)
    manifests = b"".join([model.manifest.content for model in models])
    return Models(by_league, manifests + rated.content + soccer.content(folder), rated)


def load(home: Path) -> Boosted:
    """One model. Raises UsageError where its files or features are not those that its manifest names."""
    try:
        manifest = msgspec.json.decode((home / MANIFEST).read_bytes(), type=Manifest)
        for name, digest in manifest.files.items():
            if hashlib.sha256((home / name).read_bytes()).hexdigest() != digest:
                raise UsageError(
                    f"{home / name} is not the file that {MANIFEST} names: train the model again"
                )
    except (OSError, msgspec.DecodeError) as error:
        raise UsageError(f"the model in {home} cannot be read: {error}") from error
    sheet = SHEETS.get(manifest.sport)
    if sheet is None or manifest.features != ranges(sheet):
        raise UsageError(f"the model in {home} was trained on other features: train it again")
    if {LIGHTGBM, XGBOOST} - set(manifest.files) or set(VOICES) != set(manifest.weights):
        raise UsageError(f"the manifest in {home} is not whole: train the model again")
    # Here, since both libraries take most of a second to load, and most processes ask no model.
    import lightgbm
    import xgboost

    trees = xgboost.Booster({"nthread": 1})
    trees.load_model(home / XGBOOST)
    return ready(manifest, sheet, lightgbm.Booster(model_file=home / LIGHTGBM), trees)


def ready(manifest: Manifest, sheet: Sheet, leaves: Any, trees: Any) -> Boosted:
    """A model of boosters that are at hand."""
    places, signs = zip(*mirror(sheet), strict=True)
    digest = _digest(manifest.content)
    return Boosted(manifest, digest, sheet, leaves, trees, np.array(places), np.array(signs))


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:12]


def ranges(sheet: Sheet) -> tuple[FeatureRange, ...]:
    """A sheet's features as a manifest has them."""
    return tuple(
        FeatureRange(name=one.name, formula=one.formula, low=one.low, high=one.high) for one in sheet.features
    )


def look(sheet: Sheet, seen: Seen) -> Look | None:
    """What a model reads of a moment; None where the moment is not for the model."""
    if not sheet.serves(seen):
        return None
    view = sheet.view(seen)
    values = vector(sheet, view)
    return Look(view, values, tuple(strange(sheet, values)))


def word(model: Boosted, seen: Seen) -> Word | None:
    """What a model says of a moment; None where it is not for the model, or a feature is out of its range."""
    sheet, manifest = model.sheet, model.manifest
    looked = look(sheet, seen)
    if looked is None or looked.strange:
        return None
    view = looked.view
    rows = np.array((looked.values, looked.values))
    rows[1] = rows[0, model.places] * model.signs
    anchor = sheet.anchor(view)
    raw = (
        model.lightgbm.predict(rows, raw_score=True, num_threads=1),
        model.xgboost.inplace_predict(rows, predict_type="margin", validate_features=False),
    )
    leaves, trees = ([float(score) for score in symmetric(each[:1], each[1:])[0]] for each in raw)
    scores = {
        "closed": closed_scores(seen, manifest.outcomes),
        "anchor": anchor,
        "lightgbm": tuple([a + b for a, b in zip(anchor, leaves, strict=True)]),
        "xgboost": tuple([a + b for a, b in zip(anchor, trees, strict=True)]),
    }
    blend = [
        manifest.slope * math.fsum([manifest.weights[voice] * scores[voice][place] for voice in VOICES])
        for place in range(manifest.outcomes)
    ]
    ending = sheet.ending(view) if sheet.ending else None
    return Word(softmax(blend), {voice: softmax(scores[voice]) for voice in VOICES}, ending)


def closed_scores(seen: Seen, outcomes: int) -> Scores:
    """Those of the closed form."""
    return tuple([math.log(max(chance, 1e-12)) for chance in seen.closed.game[:outcomes]])


def symmetric(plain: Any, mirrored: Any) -> Any:
    """Corrections of the scores from raw ones of games and of their mirror images.

    Parameters
    ----------
    plain, mirrored : arrays, shape (n,) or (n, 3)
        Of home against away; or of home, away and draw.

    Returns
    -------
    array, shape (n, 2) or (n, 3)
        With the teams swapped, the same with its first two columns swapped.
    """
    if plain.ndim == 1:
        half = (plain.astype(float) - mirrored.astype(float)) / 4.0
        return np.column_stack([half, -half])
    return (plain.astype(float) + mirrored.astype(float)[:, [1, 0, 2]]) / 2.0


def softmax(scores: list[float] | Scores) -> tuple[float, ...]:
    """Probabilities from scores; they sum to 1."""
    most = max(scores)
    weights = [math.exp(score - most) for score in scores]
    whole = math.fsum(weights)
    return tuple([weight / whole for weight in weights])

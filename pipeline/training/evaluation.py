"""How good probabilities were: scores, calibration held against chance, intervals by game, a plot."""

from typing import Any, NamedTuple

import numpy as np

from pipeline.training import bootstrap
from pipeline.training.bootstrap import Mean
from pipeline.training.games import Floats, Moments

#: Of equal width; of three outcomes every one has its own say in each.
BUCKETS = 20
#: Perfect models that are drawn for a calibration error by chance.
CHANCE_DRAWS = 400
LEAST = 1e-6


class Score(NamedTuple):
    """Of one voice. ``chance``: the calibration error that 95 of 100 perfect models have at most."""

    moments: int
    games: int
    log_loss: float
    brier: float
    calibration: float
    chance: float
    accuracy: float


class Bucket(NamedTuple):
    """Probabilities that are near each other, and how often it came so."""

    said: float
    seen: float
    moments: int


def log_losses(chances: Floats, label: Any) -> Floats:
    """Of each moment, in nats."""
    losses: Floats = -np.log(np.clip(chances[np.arange(len(label)), label], LEAST, 1.0))
    return losses


def score(chances: Floats, moments: Moments, seed: int = bootstrap.SEED) -> Score:
    """How good chances of home, away and any draw were, one row a moment."""
    truth = np.eye(chances.shape[1])[moments.label]
    # Of two outcomes one says all.
    columns = 1 if chances.shape[1] == 2 else chances.shape[1]
    return Score(
        moments=len(moments.game),
        games=len(np.unique(moments.game)),
        log_loss=float(log_losses(chances, moments.label).mean()),
        brier=float(((chances - truth) ** 2).sum(axis=1).mean() / (2.0 if columns == 1 else 1.0)),
        calibration=_calibration(chances[:, :columns], truth[:, :columns]),
        chance=_by_chance(chances, moments.game, columns, seed),
        accuracy=float((chances.argmax(axis=1) == moments.label).mean()),
    )


def buckets(chances: Floats, happened: Any) -> list[Bucket]:
    """The probabilities of one outcome in buckets of equal width, those that are empty left out."""
    place = np.minimum((chances * BUCKETS).astype(int), BUCKETS - 1)
    counts = np.bincount(place, minlength=BUCKETS)
    said = np.bincount(place, chances, BUCKETS)
    seen = np.bincount(place, happened, BUCKETS)
    return [
        Bucket(float(said[one] / counts[one]), float(seen[one] / counts[one]), int(counts[one]))
        for one in range(BUCKETS)
        if counts[one]
    ]


def above(chances: Floats, other: Floats, moments: Moments, seed: int = bootstrap.SEED) -> Mean:
    """How much log loss is above another's on the same moments, with the interval of a bootstrap by game."""
    return by_game(log_losses(chances, moments.label) - log_losses(other, moments.label), moments, seed)


def by_game(values: Floats, moments: Moments, seed: int = bootstrap.SEED) -> Mean:
    """The mean of a value a moment, with the interval of a bootstrap by game."""
    return bootstrap.mean_by_day(values.tolist(), [moments.games[game] for game in moments.game], seed)


def plot(voices: dict[str, list[Bucket]], title: str) -> str:
    """A reliability plot as SVG: what was said along the bottom, how often it came so upwards."""
    size, edge = 480, 48
    colours = ("#1f6feb", "#d29922", "#8b949e", "#2da44e", "#cf222e")
    span = size - 2 * edge

    def point(said: float, seen: float) -> tuple[float, float]:
        return edge + span * said, size - edge - span * seen

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {size} {size}" font-family="sans-serif"'
        ' font-size="12">',
        f'<rect width="{size}" height="{size}" fill="white"/>',
        f'<text x="{size / 2}" y="20" text-anchor="middle">{title}</text>',
        f'<line x1="{edge}" y1="{size - edge}" x2="{size - edge}" y2="{edge}" stroke="#ccc"/>',
        f'<rect x="{edge}" y="{edge}" width="{span}" height="{span}" fill="none" stroke="#888"/>',
        f'<text x="{size / 2}" y="{size - 12}" text-anchor="middle">probability said</text>',
    ]
    for tick in range(0, 11, 2):
        x, y = point(tick / 10, tick / 10)
        parts.append(f'<text x="{x:.0f}" y="{size - edge + 16}" text-anchor="middle">{tick / 10}</text>')
        parts.append(f'<text x="{edge - 6}" y="{y + 4:.0f}" text-anchor="end">{tick / 10}</text>')
    for place, (name, found) in enumerate(voices.items()):
        colour = colours[place % len(colours)]
        points = [point(bucket.said, bucket.seen) for bucket in found]
        line = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
        parts.append(f'<polyline points="{line}" fill="none" stroke="{colour}"/>')
        parts += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{colour}"/>' for x, y in points]
        parts.append(f'<text x="{edge + 8}" y="{edge + 16 * (place + 1)}" fill="{colour}">{name}</text>')
    return "\n".join([*parts, "</svg>\n"])


def _calibration(chances: Floats, truth: Floats) -> float:
    """Expected calibration error: the mean gap between said and seen, by buckets, over the outcomes."""
    errors = []
    for outcome in range(chances.shape[1]):
        found = buckets(chances[:, outcome], truth[:, outcome])
        errors.append(sum(abs(one.said - one.seen) * one.moments for one in found) / len(chances))
    return float(np.mean(errors))


def _by_chance(chances: Floats, games: Any, columns: int, seed: int) -> float:
    """What a perfect model would show: each game ends as one draw says, all its moments by the same draw."""
    chance = np.random.Generator(np.random.PCG64(seed))
    found, place = np.unique(games, return_inverse=True)
    upto = np.cumsum(chances, axis=1)
    errors = []
    for _ in range(CHANCE_DRAWS):
        drawn = chance.random(len(found))[place]
        label = (drawn[:, None] > upto[:, :-1]).sum(axis=1)
        truth = np.eye(chances.shape[1])[label]
        errors.append(_calibration(chances[:, :columns], truth[:, :columns]))
    return float(np.quantile(errors, 0.95))

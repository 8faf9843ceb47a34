"""The command that says how good a sport's models are on games that they have not seen."""

import csv
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pipeline.cli.fitted import day_of, progress, required_new
from pipeline.cli.train import SEED
from pipeline.errors import UsageError
from pipeline.models.boosted import VOICES
from pipeline.models.features import SHEETS

if TYPE_CHECKING:
    from pipeline.training.games import Floats, Moments

BLEND = "blend"


@click.command(
    epilog="Example: sharpline evaluate american-football --data seasons/ --from 2021-07-01 --plot plot.svg",
)
@click.argument("sport", type=click.Choice(sorted(SHEETS)))
@click.option(
    "--data", "archive", type=click.Path(path_type=Path), required=True, help="An archive, as for train."
)
@click.option(
    "--from",
    "from_day",
    default="",
    metavar="DATE",
    help="Score games from this day on; default is from the second season, or tenth of one, on.",
)
@click.option(
    "--baselines",
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    default=None,
    help="CSV of others' chances that home wins: source_event_id, name, probability.",
)
@click.option(
    "--plot",
    type=click.Path(path_type=Path, dir_okay=False),
    default=None,
    help="A new SVG file of what was said and how often it came so.",
)
@click.option("--seed", type=int, default=SEED, show_default=True)
@click.option("--quiet", is_flag=True, help="No progress.")
def evaluate(
    sport: str,
    archive: Path,
    from_day: str,
    baselines: Path | None,
    plot: Path | None,
    seed: int,
    quiet: bool,
) -> None:
    """Score each season, or tenth of one, of SPORT by models that saw only earlier games.

    Log loss, Brier score, expected calibration error with what 95 of 100 perfect models would show at most on
    the same games, accuracy; how much the blend's log loss is above each other's, with the 95 % interval of a
    bootstrap by game; log loss by period.
    """
    # Here, since the libraries take most of a second to load.
    from pipeline.training import boosting, evaluation, games, profile

    required_new(plot)
    since = day_of(from_day) if from_day else ""
    football = profile.walked(archive, progress(quiet)) if sport == profile.SPORT else None
    moments = football.moments if football else games.read(archive, sport, progress(quiet)).moments
    if len(moments.games) < 2:
        raise UsageError(f"{archive} holds no two finished games of {sport}")
    walked = boosting.walk(sport, moments, seed, lambda text: None if quiet else click.echo(text, err=True))
    later = (walked.block > walked.block.min()) & (boosting.days(moments) >= since)
    if not later.any():
        raise UsageError(f"{archive} holds no game to score from {since or 'its second season or tenth'} on")
    known = moments.where(later)
    said = {BLEND: boosting.chances(walked.blend[later])}
    for place, voice in enumerate(VOICES):
        said[SHEETS[sport].anchor_name if voice == "anchor" else voice] = boosting.chances(
            walked.voices[later, place]
        )
    if football:
        said["plain goals"] = boosting.chances(football.plain.closed[later])
    for line in _table(said, known, seed):
        click.echo(line)
    if football:
        scores = {name: profile.rps(chances, known.label).mean() for name, chances in said.items()}
        click.echo("")
        click.echo("RPS  " + "  ".join(f"{name} {score:.5f}" for name, score in scores.items()))
    if baselines is not None:
        for name, found in _named(baselines).items():
            for line in _beside(name, found, said[BLEND], known, seed):
                click.echo(line)
    if plot is not None:
        happened = (known.label == 0).astype(float)
        curves = {name: evaluation.buckets(chances[:, 0], happened) for name, chances in said.items()}
        plot.write_text(evaluation.plot(curves, f"{sport}: that home wins"))
        click.echo(f"written to {plot}")


def _table(said: "dict[str, Floats]", known: "Moments", seed: int) -> list[str]:
    """Every voice on the same moments."""
    from pipeline.training import evaluation

    games = sorted({known.days[game] for game in known.game.tolist()})
    lines = [f"{games[0]} to {games[-1]}, each block by models of earlier games", "", _head()]
    for name, chances in said.items():
        lines.append(_row(name, chances, said[BLEND], known, seed))
    periods = sorted(set(known.period.tolist()))
    lines += ["", f"{'log loss by period':<20}" + "".join(f"{period:>9}" for period in periods)]
    for name, chances in said.items():
        losses = evaluation.log_losses(chances, known.label)
        row = "".join(f"{losses[known.period == period].mean():>9.4f}" for period in periods)
        lines.append(f"{name:<20}{row}")
    return lines


def _head() -> str:
    return (
        f"{'':<20}{'moments':>9}{'games':>7}{'log loss':>10}{'Brier':>9}{'error':>8}{'chance':>8}"
        f"{'accuracy':>10}   blend above it, x 1/1000"
    )


def _row(name: str, chances: "Floats", blend: "Floats", known: "Moments", seed: int) -> str:
    from pipeline.training import evaluation

    score = evaluation.score(chances, known, seed)
    above = ""
    if chances is not blend:
        mean = evaluation.above(blend, chances, known, seed)
        above = f"{1000 * mean.mean:+.2f} ({1000 * mean.low:+.2f} to {1000 * mean.high:+.2f})"
    return (
        f"{name:<20}{score.moments:>9,}{score.games:>7,}{score.log_loss:>10.5f}{score.brier:>9.5f}"
        f"{score.calibration:>8.4f}{score.chance:>8.4f}{score.accuracy:>10.4f}   {above}".rstrip()
    )


def _named(path: Path) -> dict[str, dict[str, float]]:
    """Others' chances by name and record. Raises UsageError where the file is not as it should be."""
    found: dict[str, dict[str, float]] = {}
    try:
        with path.open(newline="") as file:
            for row in csv.DictReader(file):
                found.setdefault(row["name"], {})[row["source_event_id"]] = float(row["probability"])
    except (KeyError, ValueError) as error:
        raise UsageError(
            f"{path} should have the columns source_event_id, name and probability: {error}"
        ) from error
    return found


def _beside(name: str, found: dict[str, float], blend: "Floats", known: "Moments", seed: int) -> list[str]:
    """A baseline and the blend on the moments that both speak of."""
    import numpy as np

    if blend.shape[1] != 2:
        raise UsageError(f"the baseline {name} says only whether home wins, and there are draws")
    both = np.array([one in found for one in known.source_event_ids])
    if not both.any():
        raise UsageError(f"the baseline {name} has no record that is scored: source_event_id should match")
    shared, ours = known.where(both), blend[both]
    home = np.array([found[one] for one in shared.source_event_ids])
    chances = np.column_stack([home, 1.0 - home])
    return ["", _head(), _row(BLEND, ours, ours, shared, seed), _row(name, chances, ours, shared, seed)]

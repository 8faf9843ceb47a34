"""The command that says how good a sport's models are on games that they have not seen."""

import csv
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import click

from pipeline.cli.fitted import day_of, progress, required_new
from pipeline.cli.train import SEED
from pipeline.errors import UsageError
from pipeline.models.boosted import VOICES
from pipeline.models.features import SHEETS

if TYPE_CHECKING:
    from pipeline.training.bootstrap import Mean
    from pipeline.training.games import Floats, Moments
    from pipeline.training.published import Published
    from pipeline.training.said import Said

BLEND, PLAIN = "blend", "plain goals"


@click.command(
    epilog="Example: sharpline evaluate american-football --data seasons/ --from 2021-07-01 --replayed",
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
@click.option(
    "--replayed",
    is_flag=True,
    help="Score what a replay publishes of each block with models of earlier games, not what the models say.",
)
@click.option(
    "--keep",
    type=click.Path(path_type=Path, file_okay=False),
    default=None,
    help="With --replayed: a new folder that keeps each block's models, inputs and answers.",
)
@click.option("--seed", type=int, default=SEED, show_default=True)
@click.option("--quiet", is_flag=True, help="No progress.")
def evaluate(
    sport: str,
    archive: Path,
    from_day: str,
    baselines: Path | None,
    plot: Path | None,
    replayed: bool,
    keep: Path | None,
    seed: int,
    quiet: bool,
) -> None:
    """Score each season, or tenth of one, of SPORT by models that saw only earlier games.

    Log loss, Brier score, expected calibration error with what 95 of 100 perfect models would show at most on
    the same games, accuracy; how much the blend's log loss is above each other's, with the 95 % interval of a
    bootstrap by game; log loss by period. Of soccer the ranked probability score, too.

    With --replayed each block's models are written as they are shipped, its games are replayed with them, and
    what was published is scored: some minutes a season, beside the market's fair price where one stood; and
    spreads and totals at half-time, by season.
    """
    # Here, since the libraries take most of a second to load.
    from pipeline.training import evaluation, lines

    required_new(plot, keep)
    since = day_of(from_day) if from_day else ""
    way = _replayed if replayed else _in_fold
    found, halves = way(sport, archive, since, keep, seed, quiet)
    known, said = found.moments, found.voices
    for line in _table(said, known, seed):
        click.echo(line)
    if said[BLEND].shape[1] == 3:
        for line in _ranked(said, known, seed):
            click.echo(line)
    for line in [*_market(found, seed), *lines.half_time(halves, seed)]:
        click.echo(line)
    if baselines is not None:
        for name, others in _named(baselines).items():
            for line in _beside(name, others, said[BLEND], known, seed):
                click.echo(line)
    if plot is not None:
        happened = (known.label == 0).astype(float)
        curves = {name: evaluation.buckets(chances[:, 0], happened) for name, chances in said.items()}
        plot.write_text(evaluation.plot(curves, f"{sport}: that home wins"))
        click.echo(f"written to {plot}")


def _in_fold(
    sport: str, archive: Path, since: str, _keep: Path | None, seed: int, quiet: bool
) -> "tuple[Said, list[Published]]":
    """What models of earlier blocks say, asked one by one; nothing is published."""
    import numpy as np

    from pipeline.training import boosting, games, profile
    from pipeline.training.said import Said

    football = profile.walked(archive, progress(quiet)) if sport == profile.SPORT else None
    moments = football.moments if football else games.read(archive, sport, progress(quiet)).moments
    if len(moments.games) < 2:
        raise UsageError(f"{archive} holds no two finished games of {sport}")
    walked = boosting.walk(sport, moments, seed, _told(quiet))
    later = (walked.block > walked.block.min()) & (boosting.days(moments) >= since)
    if not later.any():
        raise UsageError(f"{archive} holds no game to score from {since or 'its second season or tenth'} on")
    said = {BLEND: boosting.chances(walked.blend[later])}
    for place, voice in enumerate(VOICES):
        said[SHEETS[sport].anchor_name if voice == "anchor" else voice] = boosting.chances(
            walked.voices[later, place]
        )
    if football:
        said[PLAIN] = boosting.chances(football.plain.closed[later])
    nothing = np.full((int(later.sum()), walked.blend.shape[1]), np.nan)
    return Said(moments.where(later), said, nothing, nothing[:, 0]), []


def _replayed(
    sport: str, archive: Path, since: str, keep: Path | None, seed: int, quiet: bool
) -> "tuple[Said, list[Published]]":
    """What a replay publishes with models of earlier blocks, and of it the half-times."""
    import numpy as np

    from pipeline.training import boosting, lines
    from pipeline.training.published import published
    from pipeline.training.replayed import learnt, replayed
    from pipeline.training.said import gathered

    with TemporaryDirectory() as temporary:
        folder, told = keep or Path(temporary) / "walk", _told(quiet)
        known = learnt(archive, sport, folder, seed, told, progress(quiet))
        answers = replayed(archive, folder, known, since, told)
        halves: list[Published] = []
        rows = (row for block in answers for row in published(block))
        found = gathered(lines.with_half_times(rows, halves), sport)
    if known.plain is None:
        return found, halves
    # Beside the answers, by record, since plain goals are no model that a fold could ask.
    plain = dict(zip(_records(known.plain), boosting.chances(known.plain.closed), strict=True))
    try:
        beside = np.array([plain[one] for one in _records(found.moments)])
    except KeyError as error:
        raise UsageError(
            f"{archive} has no first record of a minute where one was published: {error}"
        ) from error
    return found._replace(voices=found.voices | {PLAIN: beside}), halves


def _records(moments: "Moments") -> list[tuple[str, str]]:
    """Each moment's game and record."""
    games = [moments.games[game] for game in moments.game.tolist()]
    return list(zip(games, moments.source_event_ids, strict=True))


def _told(quiet: bool) -> Callable[[str], None]:
    return lambda text: None if quiet else click.echo(text, err=True)


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
        above = _interval(evaluation.above(blend, chances, known, seed))
    return (
        f"{name:<20}{score.moments:>9,}{score.games:>7,}{score.log_loss:>10.5f}{score.brier:>9.5f}"
        f"{score.calibration:>8.4f}{score.chance:>8.4f}{score.accuracy:>10.4f}   {above}".rstrip()
    )


def _ranked(said: "dict[str, Floats]", known: "Moments", seed: int) -> list[str]:
    """Ranked probability scores, and how far the blend's is above each other's."""
    from pipeline.training import evaluation, profile

    scores = {name: profile.rps(chances, known.label) for name, chances in said.items()}
    lines = ["", f"{'':<20}{'RPS':>9}   blend above it, x 1/1000"]
    for name, score in scores.items():
        above = "" if name == BLEND else _interval(evaluation.by_game(scores[BLEND] - score, known, seed))
        lines.append(f"{name:<20}{score.mean():>9.5f}   {above}".rstrip())
    return lines


def _market(found: "Said", seed: int) -> list[str]:
    """The market's fair price and the blend on the moments at which there was one."""
    import numpy as np

    priced = ~np.isnan(found.market[:, 0])
    if not priced.any():
        return []
    known, ours = found.moments.where(priced), found.voices[BLEND][priced]
    age_s = np.median(found.market_age_s[priced])
    return [
        "",
        f"the market's fair price where one stood, half of them seen within {age_s:.0f} s",
        _head(),
        _row(BLEND, ours, ours, known, seed),
        _row("market", found.market[priced], ours, known, seed),
    ]


def _interval(mean: "Mean") -> str:
    return f"{1000 * mean.mean:+.2f} ({1000 * mean.low:+.2f} to {1000 * mean.high:+.2f})"


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

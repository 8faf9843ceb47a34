"""The command that trains a sport's boosted model from an archive."""

from pathlib import Path
from typing import Any

import click

from pipeline import data, ids
from pipeline.cli.fitted import progress, required_new
from pipeline.errors import UsageError
from pipeline.models.boosted import VOICES
from pipeline.models.features import SHEETS

SEED = 20_261_121


@click.command(
    epilog="Example: sharpline train american-football --data seasons/ --out models/american-football",
)
@click.argument("sport", type=click.Choice(sorted(SHEETS)))
@click.option(
    "--data",
    "archive",
    type=click.Path(path_type=Path),
    required=True,
    help="An archive of games.events, with odds.snapshots where there is a line.",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    required=True,
    help="A new folder for the model; SHARPLINE_MODELS names the one above it.",
)
@click.option("--seed", type=int, default=SEED, show_default=True)
@click.option("--quiet", is_flag=True, help="No progress.")
def train(sport: str, archive: Path, out: Path, seed: int, quiet: bool) -> None:
    """Train LightGBM and XGBoost over the closed forms of SPORT, blend and calibrate them in time order.

    The same archive and seed give the same files to the last byte. The model comes with a card.
    """
    # Here, since the libraries take most of a second to load.
    from pipeline.training import boosting, card, evaluation, games, profile

    required_new(out)
    if sport == profile.SPORT:  # boosters made it worse: the closed form alone is trained
        fitted = profile.write(profile.walked(archive, progress(quiet)), seed, out)
        click.echo(f"{fitted.learnt_from['games']:,} games, {fitted.learnt_from['moments']:,} moments")
        click.echo(f"written to {out}")
        return
    read = games.read(archive, sport, progress(quiet))
    moments = read.moments
    if len(moments.games) < 2:
        raise UsageError(f"{archive} holds no two finished games of {sport} to learn from")
    walked = boosting.walk(sport, moments, seed, lambda text: None if quiet else click.echo(text, err=True))
    later = walked.block > walked.block.min()
    known = moments.where(later)
    voices: dict[str, Any] = {
        voice: boosting.chances(walked.voices[later, place]) for place, voice in enumerate(VOICES)
    }
    voices["blend"] = boosting.chances(walked.blend[later])
    scores = {
        name: {key: round(value, 6) for key, value in evaluation.score(chances, known)._asdict().items()}
        for name, chances in voices.items()
    }
    leagues = tuple(sorted({ids.parse(event_id).league for event_id in moments.games}))
    learnt_from = {
        "archive": read.digest,
        "from": moments.days[0],
        "until": moments.days[-1],
        "games": len(moments.games),
        "moments": len(moments.game),
        "left_out": read.strange,
        "leagues": {league: data.leagues()[league].name for league in leagues},
    }
    name = f"{leagues[0]}-blend"
    manifest, pair = boosting.write(sport, name, leagues, moments, walked, seed, out, learnt_from, scores)
    (out / card.CARD).write_text(card.written(manifest, boosting.importance(pair, SHEETS[sport])))
    said = ", ".join(f"{voice} {weight:.3f}" for voice, weight in manifest.weights.items())
    click.echo(f"{name}: {len(moments.games):,} games, {len(moments.game):,} moments")
    click.echo(f"weights: {said}; slope {manifest.slope:.3f}")
    click.echo(f"written to {out}")

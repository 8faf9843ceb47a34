"""The command that rates a league's teams by the final scores of an archive."""

from pathlib import Path

import click

from pipeline import data
from pipeline.cli.fitted import progress, required_new


@click.command(
    "fit-ratings",
    epilog="Example: sharpline fit-ratings nba --data season/ --out models/ratings/nba.csv",
)
@click.argument("league", type=click.Choice(sorted(data.leagues())), metavar="LEAGUE")
@click.option(
    "--data",
    "archive",
    type=click.Path(path_type=Path),
    required=True,
    help="An archive of games.events, from the season's first game on.",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    required=True,
    help="A new file, <league>.csv, in the folder `ratings` of the folder that SHARPLINE_MODELS names.",
)
@click.option("--quiet", is_flag=True, help="No progress.")
def fit_ratings(league: str, archive: Path, out: Path, quiet: bool) -> None:
    """Rate the teams of LEAGUE after each day of an archive, by the final scores up to then.

    Where no market says how strong the sides of a game are, their ratings do: the last from before its day.
    """
    # Here, since numpy takes a while to load, and most commands do not need it.
    from pipeline.training.rated import rate

    required_new(out)
    played = rate(archive, league, out, progress(quiet))
    click.echo(f"{len(played):,} games, {played[0].day} to {played[-1].day}")
    click.echo(f"written to {out}")

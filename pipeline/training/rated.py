"""Ratings of any league that can be rated, by the method of its sport."""

from collections.abc import Callable
from pathlib import Path

from pipeline import data
from pipeline.errors import UsageError
from pipeline.training import batting, ratings
from pipeline.training.inputs import Inputs
from pipeline.training.ratings import Result


def rate(folder: Path, league: str, out: Path, told: Callable[[int], None] = lambda _: None) -> list[Result]:
    """Write a league's ratings after each day of an archive; the games that they come from.

    Raises UsageError where it is not rated or has no finished game.
    """
    known = data.leagues()[league]
    points = ratings.fit if known.model == "brownian-margin" else None
    rating = batting.fit if known.sport == "baseball" else points
    if rating is None:
        raise UsageError(f"{league} is not rated: goals are too few for margins to say much")
    played = ratings.results(Inputs(folder, told), league)
    if not played:
        raise UsageError(f"{folder} holds no finished game of {league}")
    out.parent.mkdir(parents=True, exist_ok=True)
    ratings.write(rating(known, played), out)
    return played

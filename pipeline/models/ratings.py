"""How strong the sides of a game are by their earlier games, where no market says it.

A league's file of ratings has a row for each team and day on which it played: what is known of it once the
day is over. Of a game only rows of days before its own are looked at. `sharpline fit-ratings` writes such
a file.
"""

import csv
import hashlib
from bisect import bisect_left
from datetime import date
from pathlib import Path
from typing import NamedTuple

from pipeline.errors import UsageError
from pipeline.models.position import Strengths

#: In a folder of models, with a file for each league, ``<league>.csv``.
RATINGS = "ratings"
COLUMNS = ("league", "day", "team", "margin", "total", "tired")
#: A team that has not played for longer is another one: nothing is known of it until it plays again.
KNOWN_DAYS = 30


class Rating(NamedTuple):
    """Of a team after a day: points better than the average one, points that its games have above average.

    Of the league, whose ``team`` is empty: home's advantage, an average game's points, and in ``tired`` what
    a side loses that played the day before.
    """

    day: date
    margin: float
    total: float
    tired: float


class Ratings(NamedTuple):
    """Of leagues and their teams, each in the order of days; ``content`` is the files."""

    rows: dict[tuple[str, str], tuple[Rating, ...]]
    content: bytes

    @property
    def digest(self) -> str:
        """The first 12 hexadecimal digits of the SHA-256 of the files."""
        return hashlib.sha256(self.content).hexdigest()[:12]


NONE = Ratings({}, b"")


def load(folder: Path) -> Ratings:
    """The ratings in a folder of models; none where it has no such files. Raises UsageError."""
    found: dict[tuple[str, str], tuple[Rating, ...]] = {}
    contents = []
    for path in sorted((folder / RATINGS).glob("*.csv")):
        contents.append(path.read_bytes())
        found |= _read(path, contents[-1])
    return Ratings(found, b"".join(contents))


def _read(path: Path, content: bytes) -> dict[tuple[str, str], tuple[Rating, ...]]:
    found: dict[tuple[str, str], list[Rating]] = {}
    try:
        lines = csv.DictReader(content.decode().splitlines())
        if tuple(lines.fieldnames or ()) != COLUMNS:
            raise ValueError(f"its columns should be {', '.join(COLUMNS)}")
        for line in lines:
            rating = Rating(
                date.fromisoformat(line["day"]),
                float(line["margin"]),
                float(line["total"]),
                float(line["tired"]),
            )
            if line["league"] != path.stem:
                raise ValueError(f"it has {line['league']} and is named {path.stem}")
            rows = found.setdefault((line["league"], line["team"]), [])
            if rows and rows[-1].day >= rating.day:
                raise ValueError(f"{line['team'] or line['league']} has {line['day']} out of order")
            rows.append(rating)
    except (TypeError, ValueError) as error:
        raise UsageError(f"{path} is no file of ratings: {error}") from error
    return {key: tuple(rows) for key, rows in found.items()}


def strengths(ratings: Ratings, league: str, home: str, away: str, day: date) -> Strengths | None:
    """What both sides can be expected to score; None where one of them has no rating of late."""
    of_league, of_home, of_away = (
        _before(ratings.rows.get((league, team), ()), day) for team in ("", home, away)
    )
    if of_league is None or of_home is None or of_away is None:
        return None
    rested = _tired(of_away, day) - _tired(of_home, day)
    margin = of_home.margin - of_away.margin + of_league.margin + of_league.tired * rested
    total = of_home.total + of_away.total + of_league.total
    return Strengths((total + margin) / 2.0, (total - margin) / 2.0)


def _before(rows: tuple[Rating, ...], day: date) -> Rating | None:
    """The last rating that was known as the day began."""
    place = bisect_left(rows, day, key=lambda row: row.day)
    if place == 0 or (day - rows[place - 1].day).days > KNOWN_DAYS:
        return None
    return rows[place - 1]


def _tired(rating: Rating, day: date) -> int:
    """1 for a side that played the day before."""
    return int((day - rating.day).days == 1)

"""Ratings of a league's teams in time order, from the final scores of an archive.

Margins and totals are sums of what two teams bring and what the league has in common, seen through noise of
the league's usual size. A Kalman filter takes day after day; what stands after a day is all that a later
game may know.
"""

from collections.abc import Iterable, Iterator
from datetime import date
from itertools import groupby
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from pipeline import data, ids
from pipeline.data import League
from pipeline.errors import UsageError
from pipeline.models.ratings import COLUMNS
from pipeline.records import Baseball, GameEvent, GameStatus
from pipeline.training.games import Floats
from pipeline.training.inputs import Inputs

#: Standard deviation of teams' strengths, as shares of the league's for margins and for totals.
MARGIN_SHARE, TOTAL_SHARE = 0.4, 0.35
#: By how much a strength strays within a day.
STRAY_SHARE = 0.012
#: Points that a side loses which played the day before, until the league's own games say.
TIRED, TIRED_SD = 1.5, 1.0
#: How far the table of leagues may be off, in points: home's advantage, an average game's total.
HOME_SD, TOTAL_SD = 0.5, 15.0


class Result(NamedTuple):
    """A game that is over. Sorted, they are in the order of days.

    ``part`` of the league's usual regulation was scheduled: of baseball seven innings of nine at times.
    """

    day: date
    home: str
    away: str
    home_score: int
    away_score: int
    part: float = 1.0


class Row(NamedTuple):
    """A line of the file: `pipeline.models.ratings.COLUMNS`."""

    league: str
    day: str
    team: str
    margin: float
    total: float
    tired: float


def results(archived: Inputs, league: str) -> list[Result]:
    """The final score of each game of a league, the last that was stated."""
    found: dict[str, Result] = {}
    periods = data.leagues()[league].periods
    for event in archived.of("games.events", GameEvent):
        if event.status is not GameStatus.FINAL or not event.event_id.startswith(f"{league}:"):
            continue
        named = ids.parse(event.event_id)
        part = 1.0
        if isinstance(event.situation, Baseball):
            part = event.situation.scheduled_innings / periods
        found[event.event_id] = Result(
            named.day, named.home, named.away, event.home_score, event.away_score, part
        )
    return sorted(found.values())


def fit(league: League, played: Iterable[Result]) -> Iterator[Row]:
    """Each day's ratings: of the league, then of the teams that played. ``played`` is in order of days."""
    games = list(played)
    teams = sorted({team for game in games for team in (game.home, game.away)})
    place = {team: number for number, team in enumerate(teams)}
    count = len(teams)
    margins = _Filter(
        [0.0] * count + [league.margin_mean, TIRED],
        [MARGIN_SHARE * league.margin_sd] * count + [HOME_SD, TIRED_SD],
        league.margin_sd,
    )
    totals = _Filter(
        [0.0] * count + [league.total_mean],
        [TOTAL_SHARE * league.total_sd] * count + [TOTAL_SD],
        league.total_sd,
    )
    last: dict[str, date] = {}
    before: date | None = None
    for day, of_day in groupby(games, lambda game: game.day):
        today = list(of_day)
        days = (day - before).days if before else 0
        before = day
        apart, together = np.zeros((len(today), count + 2)), np.zeros((len(today), count + 1))
        for row, game in enumerate(today):
            home, away = place[game.home], place[game.away]
            apart[row, home] += 1.0
            apart[row, away] -= 1.0
            apart[row, count] = 1.0
            apart[row, count + 1] = _tired(last, game.away, day) - _tired(last, game.home, day)
            together[row, [home, away, count]] = 1.0
        scores = np.array([(game.home_score, game.away_score) for game in today], dtype=float)
        margins.take(apart, scores[:, 0] - scores[:, 1], count, days)
        totals.take(together, scores.sum(axis=1), count, days)
        yield _row(league, day, "", margins.mean[count], totals.mean[count], margins.mean[count + 1])
        for team in sorted({team for game in today for team in (game.home, game.away)}):
            last[team] = day
            yield _row(league, day, team, margins.mean[place[team]], totals.mean[place[team]], 0.0)


def write(rows: Iterable[Row], path: Path) -> None:
    """The file that `pipeline.models.ratings` reads. Raises UsageError where it cannot be written."""
    lines = [",".join(COLUMNS), *(",".join(map(str, row)) for row in rows)]
    try:
        path.write_text("\n".join(lines) + "\n")
    except OSError as error:
        raise UsageError(f"{path} cannot be written: {error.strerror or error}") from error


class _Filter:
    """What is known of terms whose sums are seen: their means and covariance."""

    def __init__(self, mean: list[float], sd: list[float], noise: float) -> None:
        self.mean: Any = np.array(mean)
        self.covariance: Any = np.diag(np.square(sd))
        self.noise = noise

    def take(self, terms: Floats, seen: Floats, straying: int, days: int) -> None:
        """Some sums, so many days after the last; the first ``straying`` terms have strayed since."""
        places = np.arange(straying)
        self.covariance[places, places] += days * (STRAY_SHARE * self.noise) ** 2
        spread = self.covariance @ terms.T
        gain = np.linalg.solve(terms @ spread + self.noise**2 * np.eye(len(seen)), spread.T).T
        self.mean = self.mean + gain @ (seen - terms @ self.mean)
        self.covariance = self.covariance - gain @ spread.T


def _tired(last: dict[str, date], team: str, day: date) -> int:
    return int(team in last and (day - last[team]).days == 1)


def _row(league: League, day: date, team: str, margin: Any, total: Any, tired: Any) -> Row:
    """Rounded, so that a machine's arithmetic does not show."""
    numbers = (round(float(number), 2) + 0.0 for number in (margin, total, tired))
    return Row(league.league, day.isoformat(), team, *numbers)

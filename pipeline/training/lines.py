"""Spreads and totals at half-time: priced from what was published, by what markets price with, and what came.

A line that is already decided says nothing and is left out. All lines of a game come from one final score, so
a perfect model's calibration error is drawn game by game, too.
"""

import math
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import numpy as np

from pipeline import ids
from pipeline.records import GameStatus
from pipeline.stages.markets.game import model_chances
from pipeline.stages.markets.state import Game
from pipeline.training import bootstrap, evaluation
from pipeline.training.bootstrap import Mean
from pipeline.training.games import Moments
from pipeline.training.published import Published

MARKETS = ("spread", "total")
#: Whose games have a half-time, and what spreads and totals of them count.
SCOPES = {"american-football": "game", "basketball": "game", "soccer": "regulation"}
#: Of points, around the answer's own mean; of goals as they are, of a spread home's handicap.
AROUND = (-10, -7, -3, 0, 3, 7, 10)
GOALS = {"spread": (-2.5, -1.5, -0.5, 0.5, 1.5, 2.5), "total": (0.5, 1.5, 2.5, 3.5, 4.5, 5.5)}
#: A season ends before its seventh month.
TURN = "07"
ALL = "all"


class Score(NamedTuple):
    """How the lines of a market came out, of a season or of all.

    ``chance``: the calibration error that 95 of 100 perfect models have at most. ``off``: how far results
    were above the mean, in points or goals; ``variance``: of that over the standard deviation, squared.
    """

    market: str
    season: str
    lines: int
    games: int
    log_loss: float
    error: float
    chance: float
    off: Mean
    variance: Mean

    @property
    def is_within_chance(self) -> bool:
        """Whether perfect models are often as far off."""
        return self.error <= self.chance


class _Line(NamedTuple):
    """A bet that a result comes in above a line."""

    chance: float
    won: bool


def with_half_times(rows: Iterable[Published], found: list[Published]) -> Iterator[Published]:
    """The rows as they come; the first of each game's second half is put into ``found`` on its way."""
    seen = set()
    for row in rows:
        league = ids.league_of(row.event_id)
        second = league.periods // 2 < row.period <= league.periods
        # The final score of a match that was played on is not that of regulation.
        counts = league.sport in SCOPES and (league.sport != "soccer" or league.overtime_s == 0.0)
        if counts and second and row.status is GameStatus.LIVE and row.event_id not in seen:
            seen.add(row.event_id)
            if row.parameters:
                found.append(row)
        yield row


def scores(rows: Sequence[Published], seed: int = bootstrap.SEED) -> list[Score]:
    """Each market's seasons, and all of them where there are several."""
    found = []
    for market in MARKETS:
        seasons = sorted({_season(row) for row in rows})
        chosen = {season: [row for row in rows if _season(row) == season] for season in seasons}
        if len(seasons) > 1:
            chosen[ALL] = list(rows)
        found += [_score(market, season, games, seed) for season, games in chosen.items()]
    return found


def half_time(rows: Sequence[Published], seed: int = bootstrap.SEED) -> list[str]:
    """A table of the spreads and totals of half-times; empty where there are none."""
    if not rows:
        return []
    lines = [
        "",
        "at half-time, priced from the parameters that were published",
        f"{'':<8}{'season':>7}{'games':>7}{'lines':>8}{'log loss':>10}{'error':>8}{'chance':>8}"
        "   result above mean        variance",
    ]
    for one in scores(rows, seed):
        lines.append(
            f"{one.market:<8}{one.season:>7}{one.games:>7,}{one.lines:>8,}{one.log_loss:>10.5f}"
            f"{one.error:>8.4f}{one.chance:>8.4f}   {_interval(one.off, '+.2f'):<25}"
            f"{_interval(one.variance, '.2f')}{'' if one.is_within_chance else '  not by chance'}".rstrip()
        )
    return lines


def _score(market: str, season: str, rows: Sequence[Published], seed: int) -> Score:
    chances, won, game, off, variance = [], [], [], [], []
    for place, row in enumerate(rows):
        mean, sd = _expected(market, row)
        excess = _result(market, row) - mean
        off.append(excess)
        variance.append((excess / sd) ** 2)
        for line in _lines(market, row, mean):
            chances.append(line.chance)
            won.append(line.won)
            game.append(place)
    names = tuple(row.event_id for row in rows)
    moments = Moments(
        games=names,
        days=tuple(row.day for row in rows),
        game=np.array(game, dtype=np.int64),
        source_event_ids=tuple(rows[place].source_event_id for place in game),
        period=np.array([rows[place].period for place in game], dtype=np.int64),
        values=np.zeros((len(game), 0)),
        closed=np.zeros((len(game), 2)),
        anchor=np.zeros((len(game), 2)),
        label=1 - np.array(won, dtype=np.int64),
    )
    over = np.array(chances)
    found = evaluation.score(np.column_stack([over, 1.0 - over]), moments, seed)
    return Score(
        market=market,
        season=season,
        lines=len(game),
        games=len(rows),
        log_loss=found.log_loss,
        error=found.calibration,
        chance=found.chance,
        off=bootstrap.mean_by_day(off, names, seed),
        variance=bootstrap.mean_by_day(variance, names, seed),
    )


def _lines(market: str, row: Published, mean: float) -> Iterator[_Line]:
    """Lines of halves, none of which a result can meet."""
    goals = "home_rate" in row.parameters
    game = Game(
        status=row.status,
        starts_at_ms=0,
        started_at_ms=0,
        finished_at_ms=0,
        last_key_event_at_ms=0,
        suspended=False,
        contested=False,
        lead=row.home_score - row.away_score,
        scored=row.home_score + row.away_score,
        model=row.model,
        game=row.game,
        regulation=row.regulation,
        parameters=row.parameters,
    )
    scope = SCOPES[ids.league_of(row.event_id).sport]
    result = _result(market, row)
    sign = -1.0 if market == "spread" else 1.0
    for place in GOALS[market] if goals else AROUND:
        # A result above the line is home covering the handicap of the other sign.
        line = sign * place if goals else math.floor(mean + place) + 0.5
        priced = model_chances(game, (market, scope, sign * line))
        if priced and 0.0 < priced[0].win < 1.0:
            yield _Line(priced[0].win, result > line)


def _result(market: str, row: Published) -> int:
    return row.home_final - row.away_final if market == "spread" else row.home_final + row.away_final


def _expected(market: str, row: Published) -> tuple[float, float]:
    """Mean and standard deviation of the final margin or total."""
    parameters = row.parameters
    if "home_rate" not in parameters:
        name = "margin" if market == "spread" else "total"
        return parameters[f"{name}_mean"], parameters[f"{name}_sd"]
    home, away = parameters["home_rate"], parameters["away_rate"]
    now = row.home_score - row.away_score, row.home_score + row.away_score
    mean = now[0] + home - away if market == "spread" else now[1] + home + away
    return mean, math.sqrt(home + away)


def _season(row: Published) -> str:
    """The year in which it began."""
    return str(int(row.day[:4]) - (row.day[5:7] < TURN))


def _interval(mean: Mean, digits: str) -> str:
    return f"{mean.mean:{digits}} ({mean.low:{digits}} to {mean.high:{digits}})"

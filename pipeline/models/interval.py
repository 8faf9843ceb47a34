"""How sure an answer is: a 90 % interval around each probability.

In log-odds, from three things that have nothing to do with each other: how far the voices are from what is
published, how well the sides' strengths are known, and how far the model was seen to be off. What is not
known of the strengths matters less the less is left: the margin to come shrinks by the share that is left,
its spread by the root of it, so their ratio goes by the root.
"""

import math
from collections.abc import Sequence

from pipeline.data import League
from pipeline.models.position import (
    Outlook,
    Position,
    in_overtime,
    innings_left,
    left_s,
    overtime_left_s,
    regulation_s,
    scheduled_periods,
)
from pipeline.records import GameStatus

#: Standard deviations on either side of a normal variable between which it is 9 times in 10.
WIDTH = 1.6449
#: In log-odds of home's win before the start, by what the strengths were taken from. Of a closing line: two
#: desks' closing prices of 31,029 football matches (2020 to 2023) are 0.06 apart, and desks copy each other.
CLOSING_ERROR = 0.10
#: A league's average knows nothing of the game, so it is off by what games differ: the standard deviation of
#: prices before them, of football as above, of 4,195 NHL, 275 MLB and 105 WNBA games, of NFL spreads since
#: 1999.
LEAGUE_ERROR = {
    "american-football": 0.77,
    "baseball": 0.35,
    "basketball": 0.89,
    "hockey": 0.44,
    "soccer": 0.75,
}
#: Of that, what ratings leave unknown; nobody has measured it.
RATINGS_SHARE = 0.5
#: In log-odds: the calibration error of the walk-forward on the model's card over the mean p (1 - p).
MODEL_ERROR = {"american-football": 0.11, "baseball": 0.03, "basketball": 0.15, "soccer": 0.12}
#: Of a model that nobody has scored.
UNSCORED = 0.15
#: A voice is no surer than this.
SURE = 1e-6


def interval(
    league: League, position: Position, prior: str, answer: Outlook, opinions: Sequence[Outlook]
) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Lower and upper ends for each probability of the game; exactly these where they are certain.

    ``prior`` is what the strengths were taken from, ``opinions`` what each voice said, if several did.
    """
    known = prior_error(league.sport, prior) * math.sqrt(share_left(league, position))
    off = MODEL_ERROR.get(league.sport, UNSCORED)
    ends = [
        _ends(chance, math.hypot(_apart(chance, [one.game[place] for one in opinions]), known, off))
        for place, chance in enumerate(answer.game)
    ]
    return tuple([low for low, _ in ends]), tuple([high for _, high in ends])


def prior_error(sport: str, prior: str) -> float:
    """How far off strengths may be before the start, as a standard deviation of home's log-odds."""
    if prior == "closing":
        return CLOSING_ERROR
    return LEAGUE_ERROR[sport] * (RATINGS_SHARE if prior == "ratings" else 1.0)


def share_left(league: League, position: Position) -> float:
    """The share of regulation that is left to play; in overtime what is left of that, in the same measure."""
    if position.status == GameStatus.FINAL:
        return 0.0
    if league.sport == "baseball":
        return math.fsum(innings_left(league, position)) / (2.0 * scheduled_periods(league, position))
    overtime = in_overtime(league, position)
    left = overtime_left_s(league, position) if overtime else left_s(league, position)
    return left / regulation_s(league)


def _apart(chance: float, voices: Sequence[float]) -> float:
    if not voices or not 0.0 < chance < 1.0:
        return 0.0
    centre = _log_odds(chance)
    return math.sqrt(math.fsum([(_log_odds(voice) - centre) ** 2 for voice in voices]) / len(voices))


def _ends(chance: float, error: float) -> tuple[float, float]:
    if not 0.0 < chance < 1.0:
        return chance, chance
    odds, factor = chance / (1.0 - chance), math.exp(WIDTH * error)
    return min(chance, odds / (odds + factor)), max(chance, 1.0 - 1.0 / (1.0 + odds * factor))


def _log_odds(chance: float) -> float:
    bounded = min(max(chance, SURE), 1.0 - SURE)
    return math.log(bounded / (1.0 - bounded))

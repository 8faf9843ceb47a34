"""Goals and runs: what each side still scores is Poisson, its rate the pre-game one times what is left.

Regulation of football has a profile besides (`pipeline.models.soccer`): its rates are the expected goals.

References
----------
Dixon and Robinson (1998), A birth process model for association football matches, The Statistician 47(3).
"""

from pipeline.data import League
from pipeline.domain import goals
from pipeline.models import soccer
from pipeline.models.position import (
    Outlook,
    Position,
    Strengths,
    in_overtime,
    innings_left,
    left_s,
    overtime_left_s,
    regulation_s,
    scheduled_periods,
    whole_game,
)
from pipeline.records import GameStatus

MODEL = "poisson-goals"


def outlook(league: League, strengths: Strengths, position: Position) -> Outlook:
    """Probabilities and the goals still to come; in overtime those of the overtime alone."""
    if league.sport == "soccer" and not in_overtime(league, position):
        home_rate, away_rate = soccer.rates_to_come(league, strengths, position, soccer.in_use())
    else:
        home_share, away_share = _shares_left(league, position)
        home_rate, away_rate = strengths.home * home_share, strengths.away * away_share
    ended = goals.outcomes(home_rate, away_rate, position.home_score, position.away_score)
    parameters = {
        "home_rate": home_rate,
        "away_rate": away_rate,
        "overtime_home": league.overtime_home,
    }
    return Outlook(MODEL, whole_game(league, ended), ended, parameters)


def _shares_left(league: League, position: Position) -> tuple[float, float]:
    if position.status == GameStatus.FINAL:
        return 0.0, 0.0
    if league.sport == "baseball":
        home, away = innings_left(league, position)
        innings = scheduled_periods(league, position)
        return home / innings, away / innings
    if not in_overtime(league, position):
        share = left_s(league, position) / regulation_s(league)
    elif league.sport == "hockey" and position.lead != 0:
        share = 0.0  # the first goal of overtime ends it
    else:
        share = overtime_left_s(league, position) / regulation_s(league)
    return share, share

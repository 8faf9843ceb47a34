"""What a state of play says about how a game ends: closed forms for every sport.

`outlook` picks the league's model. While a game is not final no ending is ruled out; once it is final the
answer is exact.
"""

from pipeline.data import League
from pipeline.models import brownian, poisson
from pipeline.models.position import Outlook, Position, Strengths, can_be_drawn, in_overtime
from pipeline.models.prior import league_strengths, market_strengths
from pipeline.records import GameStatus

__all__ = [
    "NO_OUTLOOK",
    "Outlook",
    "Position",
    "Strengths",
    "league_strengths",
    "market_strengths",
    "outlook",
]

NO_OUTLOOK = Outlook("none", (), (), {})
#: Each ending of a game that is not final keeps at least this probability: a feed's clock may stand at 0
#: with a try or a review still to come, and no closed form knows of that.
UNSETTLED = 0.0005
#: Regulation of a game that was played on.
LEVEL = (0.0, 0.0, 1.0)

_MODELS = {"brownian-margin": brownian.outlook, "poisson-goals": poisson.outlook}


def outlook(league: League, strengths: Strengths, position: Position) -> Outlook:
    """How the game ends, seen from a state of play.

    Parameters
    ----------
    league : League
        With the closed form that serves it and how its level games go on.
    strengths : Strengths
        Expected score of each side over the whole of regulation.
    position : Position
        Where the game stands now.

    Returns
    -------
    Outlook
        Without probabilities where no model serves the league, or the game was called off.
    """
    model = _MODELS.get(league.model)
    if model is None or position.status in (GameStatus.ABANDONED, GameStatus.CANCELLED):
        return NO_OUTLOOK
    seen = model(league, strengths, position)
    overtime = in_overtime(league, position)
    if position.status == GameStatus.FINAL:
        ended = _certain(position.lead)
        has_draw = can_be_drawn(league) or position.lead == 0
        return seen._replace(game=ended if has_draw else ended[:2], regulation=LEVEL if overtime else ended)
    return seen._replace(game=_open(seen.game), regulation=LEVEL if overtime else _open(seen.regulation))


def _certain(lead: int) -> tuple[float, ...]:
    return float(lead > 0), float(lead < 0), float(lead == 0)


def _open(chances: tuple[float, ...]) -> tuple[float, ...]:
    kept = 1.0 - UNSETTLED * len(chances)
    return tuple(UNSETTLED + kept * chance for chance in chances)

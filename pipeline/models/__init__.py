"""What a state of play says about how a game ends: closed forms for every sport, boosted trees for some.

`outlook` picks the league's closed form, `judged` has the league's boosted model speak where it may. While a
game is not final no ending is ruled out; once it is final the answer is exact.
"""

from typing import NamedTuple

from pipeline.data import League
from pipeline.models import boosted, brownian, poisson
from pipeline.models.boosted import Boosted
from pipeline.models.features import NO_CONTEXT, Context, Seen
from pipeline.models.margins import moved
from pipeline.models.position import (
    Outlook,
    Position,
    Strengths,
    as_played,
    can_be_drawn,
    in_overtime,
    of_its_length,
    winner_is_unknown,
)
from pipeline.models.prior import league_strengths, market_strengths
from pipeline.models.tilt import tilted
from pipeline.records import AmericanFootball, GameStatus

__all__ = [
    "NO_CONTEXT",
    "NO_OUTLOOK",
    "Context",
    "Judgement",
    "Outlook",
    "Position",
    "Seen",
    "Strengths",
    "judged",
    "league_strengths",
    "market_strengths",
    "of_its_length",
    "outlook",
    "seen",
]

NO_OUTLOOK = Outlook("none", (), (), {})
#: Each ending of a game that is not final keeps at least this probability: a feed's clock may stand at 0
#: with a try or a review still to come, and no closed form knows of that.
UNSETTLED = 0.0005
#: What is left for a play that is stated when the clock stands at 0.
LAST_PLAY_S = 1.0
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
        Without probabilities where no model serves the league, the game was called off, or one side is ahead
        in a shoot-out; once it is final, with those of regulation alone where nobody says who won one.
    """
    model = _MODELS.get(league.model)
    if model is None or position.status in (GameStatus.ABANDONED, GameStatus.CANCELLED):
        return NO_OUTLOOK
    if position.status != GameStatus.FINAL and position.decided != position.lead:
        return NO_OUTLOOK  # how many penalties of a shoot-out are still to come nobody says
    if winner_is_unknown(league, position):
        return NO_OUTLOOK._replace(regulation=LEVEL)
    seen = model(as_played(league, position), strengths, position)
    overtime = in_overtime(league, position)
    if position.status == GameStatus.FINAL:
        ended = _certain(position.decided)
        has_draw = can_be_drawn(league) or position.decided == 0
        regulation = LEVEL if overtime else _certain(position.lead)
        return seen._replace(game=ended if has_draw else ended[:2], regulation=regulation)
    return seen._replace(game=_open(seen.game), regulation=LEVEL if overtime else _open(seen.regulation))


class Judgement(NamedTuple):
    """The answer, and what each model said on its way to it; no opinions where the closed form is alone."""

    outlook: Outlook
    opinions: tuple[Outlook, ...]


def seen(league: League, strengths: Strengths, position: Position, context: Context) -> Seen:
    """A moment as the features of its sport see it."""
    down = isinstance(position.situation, AmericanFootball) and position.situation.down > 0
    if position.clock_s == 0.0 and down:  # stated after time is up: a last play is still to come
        position = position._replace(clock_s=LAST_PLAY_S)
    return Seen(league, strengths, position, context, outlook(league, strengths, position))


def judged(moment: Seen, model: Boosted | None) -> Judgement:
    """How the game ends by the league's boosted model where it may speak, else by the closed form."""
    closed, league = moment.closed, moment.league
    if model is None:
        return Judgement(closed, ())
    said = boosted.word(model, moment)
    if said is None:
        return Judgement(closed, ())
    if said.ending:
        blend: Outlook | None = moved(league, closed, said.ending, said.blend, model.manifest.model)
    else:
        blend = tilted(league, moment.position, closed, said.blend, model.manifest.model)
    if blend is None:
        return Judgement(closed, ())
    drawn = closed.game[2:]
    opinions = [closed]
    for voice, name in (
        ("anchor", model.sheet.anchor_name),
        ("lightgbm", "lightgbm"),
        ("xgboost", "xgboost"),
    ):
        chances = said.voices[voice]
        if len(chances) == 2:
            chances = (*(chance * (1.0 - sum(drawn)) for chance in chances), *drawn)
        opinions.append(Outlook(name, chances, (), {}))
    regulation = LEVEL if in_overtime(league, moment.position) else _open(blend.regulation)
    answer = blend._replace(game=_open(blend.game), regulation=regulation)
    return Judgement(answer, tuple(opinions))


def _certain(lead: int) -> tuple[float, ...]:
    return float(lead > 0), float(lead < 0), float(lead == 0)


def _open(chances: tuple[float, ...]) -> tuple[float, ...]:
    kept = 1.0 - UNSETTLED * len(chances)
    return tuple(UNSETTLED + kept * chance for chance in chances)

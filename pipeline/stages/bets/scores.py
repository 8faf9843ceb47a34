"""How good the published probabilities of a game were, kept as sums so that no probability has to be."""

from msgspec import Struct
from msgspec.structs import replace

from pipeline import models
from pipeline.data import League
from pipeline.domain.scoring import brier, log_loss
from pipeline.models import Position
from pipeline.records import ClosingMarket, GameProbabilities, GameScore, GameStatus
from pipeline.stages.bets.opportunities import Ending


class Tally(Struct, frozen=True, kw_only=True, array_like=True):
    """Sums over the probabilities published in play, for each way in which the game may end."""

    published: int = 0
    model: str = ""
    log_loss: tuple[float, ...] = ()
    brier: tuple[float, ...] = ()


def counted(tally: Tally, said: GameProbabilities) -> Tally:
    """The sums with one more probability; those of a game that is not in play do not count."""
    if said.status != GameStatus.LIVE or not said.game:
        return tally
    if len(tally.log_loss) != len(said.game):
        tally = Tally(log_loss=(0.0,) * len(said.game), brier=(0.0,) * len(said.game))
    endings = range(len(said.game))
    return replace(
        tally,
        published=tally.published + 1,
        model=said.model,
        log_loss=tuple(tally.log_loss[ending] + log_loss(said.game, ending) for ending in endings),
        brier=tuple(tally.brier[ending] + brier(said.game, ending) for ending in endings),
    )


def score(
    tally: Tally, league: League, closing: tuple[ClosingMarket, ...], ending: Ending
) -> GameScore | None:
    """The score of a game that has ended; None where nothing was published of what happened."""
    if ending.game is None:
        return None
    home, away = ending.game
    outcome = 2 if home == away else int(away > home)
    if outcome >= len(tally.log_loss):
        return None
    close = _closing_chances(league, closing)
    # Of soccer the close is about regulation: a cup tie that was played on was a draw to it.
    closed = 2 if league.sport == "soccer" and ending.level else outcome
    has_close = closed < len(close)
    return GameScore(
        league=league.league,
        model=tally.model,
        home_score=home,
        away_score=away,
        outcome=outcome,
        published=tally.published,
        log_loss=tally.log_loss[outcome] / tally.published,
        brier=tally.brier[outcome] / tally.published,
        closing_log_loss=log_loss(close, closed) if has_close else 0.0,
        closing_brier=brier(close, closed) if has_close else 0.0,
    )


def _closing_chances(league: League, closing: tuple[ClosingMarket, ...]) -> tuple[float, ...]:
    """Of the result (of soccer that of regulation) by the close; of lines alone what a model makes of it."""
    soccer = league.sport == "soccer"
    wanted = ("h2h_3way", "regulation") if soccer else ("h2h", "game")
    for market in closing:
        if (market.market, market.scope) == wanted:
            return market.probabilities
    strengths = models.market_strengths(league, closing)
    if strengths is None:
        return ()
    seen = models.outlook(league, strengths, Position(GameStatus.SCHEDULED))
    return seen.regulation if soccer else seen.game

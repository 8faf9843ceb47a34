"""What markets keep of the game feed's word, and what the model in it says of each market."""

from functools import lru_cache

from msgspec.structs import replace

from pipeline.domain import diffusion, goals, settlement
from pipeline.domain.movement import log_odds
from pipeline.domain.settlement import Chances
from pipeline.models import LEVEL
from pipeline.records import GameProbabilities, GameStatus
from pipeline.stages.markets.state import Game, MarketKey

#: Standard deviations to either side that hold nine tenths of a normal variable.
NINETY = 1.6449
#: Priors that are a model's own. Before the start every other is the market's word, or a league's average.
OWN_PRIORS = frozenset({"ratings"})


def game_of(record: GameProbabilities) -> Game:
    """The model's word is left out while nothing may be bet on it, so that it moves nothing then."""
    game = Game(
        status=record.status,
        starts_at_ms=record.starts_at_ms,
        started_at_ms=record.started_at_ms,
        finished_at_ms=record.finished_at_ms,
        last_key_event_at_ms=record.last_key_event_at_ms,
        suspended=record.suspended,
        contested=record.contested,
    )
    speaks = record.status is GameStatus.LIVE or (
        record.status is GameStatus.SCHEDULED and record.prior in OWN_PRIORS
    )
    if not speaks or record.contested or record.suspended or record.model == "none":
        return game
    return replace(
        game,
        lead=record.home_score - record.away_score,
        scored=record.home_score + record.away_score,
        model=record.model,
        game=record.game,
        regulation=record.regulation,
        parameters=record.parameters,
        opinions=record.opinions,
        error=_error(record),
    )


def _error(record: GameProbabilities) -> float:
    ends = zip(record.game_low, record.game_high, strict=True)
    widths = [log_odds(high) - log_odds(low) for low, high in ends if 0.0 < low < high < 1.0]
    return max(widths, default=0.0) / (2.0 * NINETY)


def model_chances(game: Game, key: MarketKey) -> tuple[Chances, ...]:
    """What the game model gives each outcome of a market; empty where it does not price it.

    Spreads and totals: of points by the model of the final score; of goals where only regulation counts,
    since what overtime adds is not in the rates.
    """
    market, scope, line = key
    if (market, scope) == ("h2h", "game"):
        if not game.game:
            return ()
        home, away, *draw = game.game
        level = draw[0] if draw else 0.0
        return Chances(home, push=level), Chances(away, push=level)
    if scope == "regulation" and game.regulation == LEVEL:
        return ()  # it is over, and the parameters are those of what came after
    if (market, scope) == ("h2h_3way", "regulation"):
        return tuple([Chances(each) for each in game.regulation]) if len(game.regulation) == 3 else ()
    if market not in ("spread", "total"):
        return ()
    # By what the parameters are of: a blend has a name of its own and the parameters of its closed form.
    if scope == "game" and "margin_mean" in game.parameters:
        first = _of_points(market, line, *_points(game, market))
    elif scope == "regulation" and "home_rate" in game.parameters:
        rates = game.parameters["home_rate"], game.parameters["away_rate"]
        first = _of_goals(market, line, *rates, game.lead if market == "spread" else game.scored)
    else:
        return ()
    return first, first.opposite


def chances_by_model(game: Game, key: MarketKey) -> dict[str, tuple[Chances, ...]]:
    """What each model that prices a market gives its outcomes, by name; the word of all where fewer do."""
    found = {}
    for word in game.opinions:
        alone = replace(
            game,
            model=word.model,
            game=word.game,
            regulation=word.regulation,
            parameters=word.parameters,
        )
        if chances := model_chances(alone, key):
            found[word.model] = chances
    return found if len(found) > 1 else {game.model: model_chances(game, key)}


def _points(game: Game, market: str) -> tuple[float, float]:
    what = "margin" if market == "spread" else "total"
    return game.parameters[f"{what}_mean"], game.parameters[f"{what}_sd"]


@lru_cache(maxsize=4_096)
def _of_points(market: str, line: float, mean: float, sd: float) -> Chances:
    if market == "spread":
        return diffusion.cover_chances(line, 0, mean, sd)
    return settlement.over_chances(line, lambda x: diffusion.probability_above(x, mean, sd))


@lru_cache(maxsize=4_096)
def _of_goals(market: str, line: float, home_rate: float, away_rate: float, now: int) -> Chances:
    if market == "spread":
        return goals.cover_chances(line, home_rate, away_rate, now)
    return goals.total_chances(line, home_rate + away_rate, now)

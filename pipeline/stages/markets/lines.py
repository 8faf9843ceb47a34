"""What a line's fair price says of other lines, as the game stands."""

from math import sqrt

from pipeline import ids
from pipeline.domain.settlement import Chances
from pipeline.models import scale
from pipeline.records import LINED
from pipeline.stages.markets.offers import Moment


def deviation(now: Moment, market: str, scope: str) -> float:
    """Standard deviation of what a spread or total is about; of what is left of it once the game runs."""
    game = now.game
    if game is None or scope not in ("game", "regulation") or not game.parameters:
        return scale.deviation(ids.league_of(now.event_id), market, scope)
    if "home_rate" in game.parameters:
        return sqrt(game.parameters["home_rate"] + game.parameters["away_rate"])
    return game.parameters["margin_sd" if market == "spread" else "total_sd"]


def handicap(market: str, line: float, outcome: int) -> float:
    """The line as a handicap of the outcome's own side: over 45.5 has to cover -45.5."""
    first = -line if market == "total" else line
    return -first if outcome else first


def is_half(line: float) -> bool:
    """Whether no result can meet the line, so that nothing on it comes back."""
    return (2.0 * line) % 2.0 == 1.0


def chances_by_fair(now: Moment, market: str, scope: str, handicap: float, fair: float) -> Chances:
    """Chances of an outcome with that fair probability: of a refund too, where its line can be met."""
    if market not in LINED or is_half(handicap):
        return Chances(fair)
    spread = deviation(now, market, scope)
    if spread <= 0.0:
        return Chances(fair)
    # A refund needs three digits of the price, and is then found in memory.
    like = scale.chances_at("spread", handicap, round(fair, 3), spread, handicap)
    decided = 1.0 - like.push - 0.5 * (like.half_win + like.half_lose)
    return like._replace(win=max(0.0, fair * decided - 0.5 * like.half_win))

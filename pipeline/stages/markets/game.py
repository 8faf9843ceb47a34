"""What markets keep of the game feed's word."""

from msgspec.structs import replace

from pipeline.records import GameProbabilities, GameStatus
from pipeline.stages.markets.state import Game


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
    silent = record.status is not GameStatus.LIVE or record.contested or record.suspended
    if silent or record.model == "none":
        return game
    return replace(
        game,
        lead=record.home_score - record.away_score,
        scored=record.home_score + record.away_score,
        model=record.model,
        game=record.game,
        regulation=record.regulation,
        parameters=record.parameters,
    )

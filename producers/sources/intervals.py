"""How often a source is asked, by how its games stand."""

from collections.abc import Iterable

from producers.live.call import Game

HOUR_MS = 3_600_000
#: A game that has begun by its schedule is taken to be on for so long, unless somebody says that it is over.
LASTS_MS = 8 * HOUR_MS
#: Before its start a game is news: line-ups, delays, the last prices.
NEAR_MS = HOUR_MS


def is_going(game: Game, now_ms: int) -> bool:
    """Whether it is in play, or may be by its schedule."""
    began = game.starts_at_ms <= now_ms < game.starts_at_ms + LASTS_MS
    return not game.is_over and (game.is_live or began)


def is_near(game: Game, now_ms: int) -> bool:
    """Whether it begins within the hour."""
    return not game.is_over and now_ms < game.starts_at_ms <= now_ms + NEAR_MS


def every_s(
    games: Iterable[Game], now_ms: int, *, going_s: float, near_s: float, idle_s: float
) -> float:  # fmt: skip
    """Seconds between two calls that cover these games: as often as the one that needs it most."""
    games = list(games)
    if any(is_going(game, now_ms) for game in games):
        return going_s
    return near_s if any(is_near(game, now_ms) for game in games) else idle_s

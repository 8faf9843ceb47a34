"""Pages of events: an order that does not change while somebody pages, and the cursor that goes on in it.

Where an event stands follows from when its game was to start, started and ended, as of some minutes before
the first page was asked for: what happens after that moment, or is learnt a little late, moves nothing.
"""

import base64
import binascii
from datetime import UTC, datetime, time
from typing import NamedTuple, TypeVar

import msgspec

from gateway.problems import WrongParameter, WrongParameters
from pipeline import ids
from pipeline.records import GameProbabilities, GameState

P = TypeVar("P")
IN_PLAY, TO_COME, OVER = range(3)
#: Feeds tell of a start or an end so much later at most: events stand as they did then.
KNOWN_AFTER_MS = 300_000


class Place(NamedTuple):
    """Where an event stands among all, as of ``at_ms``."""

    at_ms: int
    phase: int
    starts_at_ms: int
    event: str


def before_all(at_ms: int) -> Place:
    """The place before the first event."""
    return Place(at_ms, -1, 0, "")


def place_of(event: str, game: GameState | GameProbabilities | None, at_ms: int) -> Place:
    """Where an event stands; by the day in its id where nothing is known of its start."""
    if game is None or game.starts_at_ms == 0:
        day = datetime.combine(ids.parse(event).day, time(), UTC)
        starts_at_ms = int(day.timestamp()) * 1_000
    else:
        starts_at_ms = game.starts_at_ms
    return Place(at_ms, _phase(game, at_ms), starts_at_ms, event)


def _phase(game: GameState | GameProbabilities | None, at_ms: int) -> int:
    if game is not None and 0 < game.finished_at_ms <= at_ms:
        return OVER
    return IN_PLAY if game is not None and 0 < game.started_at_ms <= at_ms else TO_COME


def cursor(place: NamedTuple) -> str:
    """A place as clients keep it."""
    return base64.urlsafe_b64encode(msgspec.json.encode(place)).decode().rstrip("=")


def place(cursor: str) -> Place:
    """The place among events that a cursor stands for. Raises WrongParameters."""
    return read(cursor, Place)


def read(cursor: str, kind: type[P]) -> P:
    """The place, of a kind, that a cursor stands for. Raises WrongParameters."""
    try:
        return msgspec.json.decode(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)), type=kind)
    except (msgspec.DecodeError, binascii.Error, ValueError) as error:
        reason = "none that was told as `next`; ask without a cursor for the first page"
        raise WrongParameters((WrongParameter("cursor", reason),)) from error

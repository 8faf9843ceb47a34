"""ESPN's words for how a game stands. A word that is not here is refused, never guessed."""

from msgspec import Struct

from pipeline.errors import Refused
from pipeline.records import GameStatus


class Type(Struct, gc=False):
    """A status; ``state`` is pre, in or post."""

    name: str
    state: str = ""
    completed: bool = False
    detail: str = ""


_LIVE = {
    "STATUS_IN_PROGRESS": "clock",
    "STATUS_FIRST_HALF": "clock",
    "STATUS_SECOND_HALF": "clock",
    "STATUS_OVERTIME": "clock",
    "STATUS_EXTRA_TIME": "clock",
    "STATUS_FIRST_HALF_EXTRA_TIME": "clock",
    "STATUS_SECOND_HALF_EXTRA_TIME": "clock",
    "STATUS_SHOOTOUT": "clock",
    "STATUS_HALFTIME": "period_end",
    "STATUS_END_PERIOD": "period_end",
    "STATUS_END_OF_PERIOD": "period_end",
    "STATUS_END_OF_REGULATION": "period_end",
    "STATUS_HALFTIME_ET": "period_end",
    "STATUS_END_OF_EXTRATIME": "period_end",
}
_FINAL = frozenset({"STATUS_FINAL", "STATUS_FULL_TIME", "STATUS_FINAL_AET", "STATUS_FINAL_PEN"})
_DELAYED = frozenset({"STATUS_DELAYED", "STATUS_RAIN_DELAY"})
_CALLED_OFF = {
    "STATUS_POSTPONED": (GameStatus.POSTPONED, "postponed"),
    "STATUS_CANCELED": (GameStatus.CANCELLED, "cancelled"),
    "STATUS_CANCELLED": (GameStatus.CANCELLED, "cancelled"),
    "STATUS_ABANDONED": (GameStatus.ABANDONED, "abandoned"),
    "STATUS_SUSPENDED": (GameStatus.SUSPENDED, "suspension"),
}


def standing(said: Type) -> tuple[GameStatus, str]:
    """Where a game stands, and the kind of record that says so. Raises Refused."""
    name, state = said.name, said.state
    if name in _CALLED_OFF:  # under any state: ESPN files them under post, at times under pre
        return _CALLED_OFF[name]
    if name in _DELAYED and state == "pre":
        return GameStatus.SCHEDULED, "delayed"
    if name in _DELAYED and state == "in":
        return GameStatus.SUSPENDED, "suspension"
    if name == "STATUS_SCHEDULED" and state == "pre":
        return GameStatus.SCHEDULED, "scheduled"
    if name in _LIVE and state == "in":
        return GameStatus.LIVE, _LIVE[name]
    if name in _FINAL and state == "post" and said.completed:
        return GameStatus.FINAL, "final"
    words = f"{name!r} ({state or 'no state'}{', completed' if said.completed else ''})"
    raise Refused(f"status {words} is not known; add it to producers/sources/espn_statuses.py")

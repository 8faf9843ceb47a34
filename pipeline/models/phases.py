"""The part of a game that a moment belongs to, named in a closed set for each sport."""

from pipeline.data import League
from pipeline.models.position import Position, in_overtime

#: Extra time, extra innings, a shoot-out: whatever is played after regulation was level.
OVERTIME = "overtime"
#: No state that says the period was known yet.
UNKNOWN = "unknown"

_PERIODS = {2: ("h1", "h2"), 3: ("p1", "p2", "p3"), 4: ("q1", "q2", "q3", "q4")}
_INNINGS = ("i1_3", "i4_6", "i7_9")


def phases(league: League) -> tuple[str, ...]:
    """All phases of a league's games, in the order in which they are played."""
    played = _INNINGS if league.sport == "baseball" else _PERIODS[league.periods]
    return (*played, OVERTIME, UNKNOWN)


def phase(league: League, position: Position) -> str:
    """The phase of a state of play; of baseball three innings together."""
    if position.period < 1:
        return UNKNOWN
    if in_overtime(league, position):
        return OVERTIME
    per_phase = 3 if league.sport == "baseball" else 1
    return phases(league)[(position.period - 1) // per_phase]

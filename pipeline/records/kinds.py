"""Closed sets and ranges that the records share."""

from enum import StrEnum
from typing import Annotated

from msgspec import Meta

#: Markets and their outcomes, in the fixed order in which prices and probabilities stand.
SIDES = {
    "h2h": ("home", "away"),
    "h2h_3way": ("home", "away", "draw"),
    "spread": ("home", "away"),
    "total": ("over", "under"),
    "btts": ("yes", "no"),
}
#: How many these are.
OUTCOMES = {market: len(sides) for market, sides in SIDES.items()}
#: Markets that are named by a line.
LINED = frozenset({"spread", "total"})
SCOPES = frozenset(
    {"game", "regulation", "h1", "h2", "q1", "q2", "q3", "q4", "p1", "p2", "p3", "i1", "i5", "set1", "set2"}
)
EVENT_KINDS = frozenset(
    [
        "scheduled",
        "start",
        "clock",
        "period_start",
        "period_end",
        "snap",
        "play",
        "score",
        "card",
        "penalty",
        "injury",
        "turnover",
        "timeout",
        "review",
        "suspension",
        "resumption",
        "correction",
        "delayed",
        "postponed",
        "abandoned",
        "cancelled",
        "final",
    ]
)
#: 1990 to 2100: what lies outside is a clock in another unit.
EARLIEST_MS, LATEST_MS = 631_152_000_000, 4_102_444_800_000

Moment = Annotated[int, Meta(ge=EARLIEST_MS, le=LATEST_MS)]
MomentOrZero = Annotated[int, Meta(ge=0, le=LATEST_MS)]
#: Longs of Avro stay exact in JSON; its ints have 32 bits.
Count = Annotated[int, Meta(ge=0, le=2**53)]
Few = Annotated[int, Meta(ge=0, le=2**31 - 1)]
Offset = Annotated[int, Meta(ge=-1, le=2**53)]
Minor = Annotated[int, Meta(ge=-(2**53), le=2**53)]
Outcome = Annotated[int, Meta(ge=0, le=2)]
#: Infinite and NaN are refused by any bound; these are beyond whatever is meant.
Finite = Annotated[float, Meta(ge=-1e15, le=1e15)]
Price = Annotated[float, Meta(ge=0.0, le=100_000.0)]
Probability = Annotated[float, Meta(ge=0.0, le=1.0)]
LineValue = Annotated[float, Meta(ge=-1_000.0, le=1_000.0)]
Name = Annotated[str, Meta(min_length=1, max_length=200)]


class QuotaKind(StrEnum):
    RESERVED = "reserved"
    SETTLED = "settled"


class SnapshotKind(StrEnum):
    FULL = "full"
    DELTA = "delta"
    UNCHANGED = "unchanged"
    GONE = "gone"


class QuoteStatus(StrEnum):
    OPEN = "open"
    SUSPENDED = "suspended"
    REFERENCE = "reference"


class GameStatus(StrEnum):
    SCHEDULED = "scheduled"
    LIVE = "live"
    SUSPENDED = "suspended"
    FINAL = "final"
    POSTPONED = "postponed"
    ABANDONED = "abandoned"
    CANCELLED = "cancelled"


class TimeBasis(StrEnum):
    STATED = "stated"
    ESTIMATED = "estimated"


class ChangeKind(StrEnum):
    OPENED = "opened"
    CHANGED = "changed"
    WITHDRAWN = "withdrawn"


class OpportunityKind(StrEnum):
    VALUE = "value"
    ARBITRAGE = "arbitrage"
    MIDDLE = "middle"


class LegResult(StrEnum):
    WON = "won"
    HALF_WON = "half_won"
    PUSHED = "pushed"
    HALF_LOST = "half_lost"
    LOST = "lost"
    VOID = "void"
    UNKNOWN = "unknown"


class UnmatchedState(StrEnum):
    WAITING = "waiting"
    SOLVED = "solved"
    GIVEN_UP = "given_up"

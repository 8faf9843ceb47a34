"""What the parts of a live producer say to each other: calls, answers, and what a source is made of.

A source is a module with ``NAME``, ``calls`` and ``parse`` as in `Source`. It does no I/O: the loop asks it
what is to be asked, fetches that, and hands it the bytes.
"""

from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum
from typing import Any, NamedTuple, Protocol

from pipeline.records import Record, SourceEvent

Refuse = Callable[[str, str], None]
"""Told of what cannot be used: why, and what it was."""


class Config(NamedTuple):
    """What is wanted of the live sources. Empty: all that a source has."""

    leagues: tuple[str, ...] = ()
    regions: tuple[str, ...] = ("us",)
    markets: tuple[str, ...] = ("h2h", "spreads", "totals")
    base_url: str = ""
    """Another address than the source's own, for tests."""


class Game(NamedTuple):
    """What is known of a game when the next calls are planned."""

    event_id: str
    league: str
    starts_at_ms: int
    is_live: bool = False
    is_over: bool = False
    moves_per_hour: float = 0.0
    """How often its lines changed lately."""
    disagreement: float = 0.0
    """Spread of the books' fair probabilities of home, a share."""
    source_id: str = ""
    """The own id that the source which is asked has for it; empty where it has not shown it yet."""
    lines: int = 0
    """Of odds that were on show at its last poll; 0 where there was none."""


class Call(NamedTuple):
    """One HTTP request to a source, without its secret. Equal calls ask for the same thing."""

    source: str
    name: str
    """For people, logs and health: "odds nfl"."""
    url: str
    params: tuple[tuple[str, str], ...] = ()
    league: str = ""
    cost: int = 0
    """Credits of the source's quota."""
    every_s: float = 60.0
    """How long after the last time it is due again, while nothing better is known."""
    covers: tuple[str, ...] = ()
    """Events that it is expected to tell of."""
    kind: str = ""
    """What of a league's games it tells: ``odds`` or ``scores``. Of two sources that tell the same, the less
    trusted one is asked slowly while the other is well. Empty: nothing that another source tells."""


class Answer(NamedTuple):
    """What came back, whole. ``body`` is None where nothing has changed since the last time (304)."""

    call: Call
    status: int
    headers: Mapping[str, str]
    body: bytes | None
    asked_at_ms: int
    received_at_ms: int


class Why(StrEnum):
    """Why a call failed."""

    TIMEOUT = "timeout"
    CONNECTION = "connection"
    UNAUTHORIZED = "unauthorized"
    TOO_MANY = "too_many_requests"
    SERVER = "server_error"
    REFUSED = "refused"
    """Another status that is no success."""
    TOO_LARGE = "too_large"
    UNREADABLE = "unreadable"
    """An answer that is not what its parser knows."""
    QUOTA = "quota"
    """Not asked: the credits are spent."""


class Failure(NamedTuple):
    """A call that came to nothing after all tries. ``text`` holds no secret."""

    call: Call
    why: Why
    text: str
    received_at_ms: int
    wait_s: float = 0.0
    """As long as the source asked to be left alone; 0 where it did not say."""


class Parsed(NamedTuple):
    """An answer as records, in the order in which they are to be appended.

    All that it says, also what it said before: `producers.diff` and `producers.diff_games` leave the news.

    ``present``: every event of the call's league that the answer showed, readable or not; None where the
    answer does not say what has left.
    """

    records: Sequence[Record] = ()
    given: Sequence[SourceEvent] = ()
    present: frozenset[str] | None = None


class Source(Protocol):
    """A source as its module has it. ``KEY``: the environment variable of its secret, empty for none."""

    NAME: str
    KEY: str

    def calls(self, config: Config, now_ms: int, games: Sequence[Game]) -> Sequence[Call]:
        """Everything to be asked now and then, each with how often, by how the games stand."""

    def parse(self, call: Call, body: bytes, received_at_ms: int, identities: Any, refuse: Refuse) -> Parsed:
        """The records of an answer. Raises PayloadChanged where it is of another shape altogether."""


class Quota(Protocol):
    """Credits of one source, shared by all who ask it."""

    def reserve(self, call: Call, now_ms: int) -> str:
        """An id for a call that may be made; empty where the budget does not allow it."""

    def settle(self, reservation: str, headers: Mapping[str, str], now_ms: int) -> None:
        """What the source says was spent, after the answer."""


class Health(Protocol):
    """Hears of every poll."""

    def polled(self, outcome: Answer | Failure, records: int) -> None:
        """A call has come to an end, and so many records were made of it.

        Its ``every_s`` is in how long its source is asked next, whatever for.
        """

    def is_overdue(self, source: str, at_ms: int) -> bool:
        """Whether a success comes so late that the source was called down meanwhile."""

    def switched(self, source: str, off: bool, at_ms: int) -> None:
        """A source was stopped by hand, or may be asked again."""

"""What the fold keeps of one event. It lives in a table row, so everything packs as arrays.

Nothing here is ever changed in place: a new state shares what did not change with the one before it.
"""

from msgspec import Struct

from pipeline.records import GameStatus, QuoteStatus

#: What a market is: its kind, its scope, its line.
MarketKey = tuple[str, str, float]
Prices = tuple[float, ...]
Probabilities = tuple[float, ...]


class Quote(Struct, frozen=True, array_like=True, gc=False):
    """What one source says that one book offers on one market."""

    prices: Prices
    status: QuoteStatus
    quoted_at_ms: int
    changed_at_ms: int
    seen_at_ms: int


Quotes = dict[MarketKey, dict[str, Quote]]
#: Looked up for every line of every poll: the attribute of an enumeration is a slow one.
OPEN = QuoteStatus.OPEN


class SourceBoard(Struct, frozen=True, array_like=True):
    """All quotes of one source, by market and book.

    ``full_at_ms`` is when the last full snapshot was received, 0 where one is needed first. ``asked`` are
    the regions that were asked for when a book was last shown, where any were named. ``outages`` is what the
    ticks last counted, -1 before they named the source. While ``down`` no quote of it is used; ``off`` is by
    hand. ``quoted_at_ms`` is the median of what its quotes say of themselves, 0 where they say nothing.
    """

    quotes: Quotes = {}
    full_at_ms: int = 0
    newest_at_ms: int = 0
    quoted_at_ms: int = 0
    asked: dict[str, tuple[str, ...]] = {}
    outages: int = -1
    down: bool = False
    off: bool = False


class Game(Struct, frozen=True, array_like=True):
    """What the game feed says, as far as markets need it; the model's word only while it may be bet on."""

    status: GameStatus
    starts_at_ms: int
    started_at_ms: int
    finished_at_ms: int
    last_key_event_at_ms: int
    suspended: bool
    contested: bool
    lead: int = 0
    scored: int = 0
    model: str = "none"
    game: Probabilities = ()
    regulation: Probabilities = ()
    parameters: dict[str, float] = {}


class Bet(Struct, frozen=True, array_like=True, gc=False):
    """A value bet that is open on a market."""

    id: str
    basis: str
    outcome: int
    source: str
    book: str
    price: float
    probability: float
    edge: float
    expected_value: float
    stake_share: float
    opened_at_ms: int = 0


class Side(Struct, frozen=True, array_like=True, gc=False):
    """One leg of an arbitrage; its place is its outcome."""

    source: str
    book: str
    price: float
    stake_minor: int


class Lock(Struct, frozen=True, array_like=True):
    """An arbitrage on a market: open where ``suspect`` is empty."""

    id: str
    sides: tuple[Side, ...]
    roi: float
    profit_minor: int
    suspect: tuple[str, ...]
    opened_at_ms: int = 0


class Point(Struct, frozen=True, array_like=True, gc=False):
    """A fair price, and when it was first seen to be that."""

    at_ms: int
    probabilities: Probabilities


class Drift(Struct, frozen=True, array_like=True, gc=False):
    """A significant move of one outcome's fair price."""

    outcome: int
    from_probability: float
    to_probability: float
    log_odds: float
    since_ms: int
    at_ms: int
    books: int
    after_event: bool


class Market(Struct, frozen=True, array_like=True):
    """What followed from the quotes of one market when it was last worked out.

    ``probabilities`` is empty where there is no fair price. ``until_ms`` is the moment from which it must be
    worked out again because a quote in it may have grown stale; 0 where none can.
    """

    probabilities: Probabilities = ()
    desks: int = 0
    overround: float = 0.0
    bets: tuple[Bet, ...] = ()
    locks: tuple[Lock, ...] = ()
    path: tuple[Point, ...] = ()
    drifts: tuple[Drift, ...] = ()
    until_ms: int = 0


class LastPrice(Struct, frozen=True, array_like=True, gc=False):
    """A book's last open price."""

    prices: Prices
    seen_at_ms: int


LastPrices = dict[MarketKey, dict[str, LastPrice]]


class Version(Struct, frozen=True, array_like=True):
    """The line as it stood at a moment before the start."""

    at_ms: int
    fair: dict[MarketKey, Probabilities]
    reference: dict[MarketKey, Probabilities]
    prices: LastPrices


class Closing(Struct, frozen=True, array_like=True):
    """The line before the start.

    ``fair`` is the newest fair price of each line, ``reference`` that of a published closing line where the
    desks have none, ``sent`` what was last published of both. ``pulled`` are the last open prices of books
    that offer nothing more in that market. ``versions`` are kept around the start only, oldest first; once
    final, the last is the answer. ``final_at_ms`` is the start that it is final for.
    """

    fair: dict[MarketKey, Probabilities] = {}
    reference: dict[MarketKey, Probabilities] = {}
    sent: dict[MarketKey, Probabilities] = {}
    pulled: LastPrices = {}
    versions: tuple[Version, ...] = ()
    final_at_ms: int = 0


class Markets(Struct, frozen=True, array_like=True):
    """Everything that the fold knows of one event; ``ignored`` counts snapshots that could not be used."""

    event_id: str
    now_ms: int = 0
    starts_at_ms: int = 0
    boards: dict[str, SourceBoard] = {}
    game: Game | None = None
    markets: dict[MarketKey, Market] = {}
    closing: Closing = Closing()
    ignored: int = 0

"""What the fold keeps of one event. It lives in a table row, so everything packs as arrays.

Nothing here is ever changed in place: a new state shares what did not change with the one before it.
"""

from msgspec import Struct

from pipeline.records import GameStatus, ModelOpinion, QuoteStatus

#: What a market is: its kind, its scope, its line.
MarketKey = tuple[str, str, float]
Prices = tuple[float, ...]
Probabilities = tuple[float, ...]


#: A kind of market and its scope: all its lines.
LadderKey = tuple[str, str]


class Waiting(Struct, frozen=True, array_like=True, gc=False):
    """What an exchange has waiting at a quote, by outcome: prices to lay at, 0 where none, and sizes.

    Sizes are stakes in minor units; a size of 0 beside a price was not said.
    """

    lay_prices: Prices
    back_sizes: tuple[int, ...]
    lay_sizes: tuple[int, ...]


class Quote(Struct, frozen=True, array_like=True, gc=False):
    """What one source says that one book offers on one market."""

    prices: Prices
    status: QuoteStatus
    quoted_at_ms: int
    changed_at_ms: int
    seen_at_ms: int
    waiting: Waiting | None = None


Quotes = dict[MarketKey, dict[str, Quote]]
#: Looked up for every line of every poll: the attribute of an enumeration is a slow one.
OPEN = QuoteStatus.OPEN


class SourceBoard(Struct, frozen=True, array_like=True):
    """All quotes of one source, by market and book.

    ``full_at_ms`` is when the last full snapshot was received, 0 where one is needed first. ``asked`` are
    the regions that were asked for when a book was last shown, where any were named. What it showed counts
    only if it was shown whole after ``full_from_ms``; ``off`` is by hand. ``quoted_at_ms`` is the median of
    what its quotes say of themselves, 0 where they say nothing.
    """

    quotes: Quotes = {}
    full_at_ms: int = 0
    newest_at_ms: int = 0
    quoted_at_ms: int = 0
    asked: dict[str, tuple[str, ...]] = {}
    full_from_ms: int = 0
    off: bool = False

    @property
    def down(self) -> bool:
        """Whether no quote of it is used."""
        return self.off or 0 < self.full_at_ms <= self.full_from_ms


class Game(Struct, frozen=True, array_like=True):
    """What the game feed says, as far as markets need it; the model's word only while it may be bet on.

    ``error`` is the standard error of its log-odds, as its interval says; 0 where it has none.
    """

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
    opinions: tuple[ModelOpinion, ...] = ()
    error: float = 0.0


class Bet(Struct, frozen=True, array_like=True, gc=False):
    """A value bet that is open on a market; ``stake_share`` is beside the others of its event and basis."""

    id: str
    basis: str
    outcome: int
    source: str
    book: str
    price: float
    commission: float
    probability: float
    refund: float
    edge: float
    expected_value: float
    worst_expected_value: float
    worst_by: str
    confidence: float
    desks: int
    kelly_share: float
    stake_share: float = 0.0
    opened_at_ms: int = 0


class Gated(Struct, frozen=True, array_like=True, gc=False):
    """A price above the fair one, and the gates that keep it from being a bet."""

    basis: str
    outcome: int
    source: str
    book: str
    price: float
    probability: float
    expected_value: float
    reasons: tuple[str, ...]


class Side(Struct, frozen=True, array_like=True, gc=False):
    """One leg of an arbitrage. ``stake_minor`` is the backer's stake, of a lay too."""

    outcome: int
    source: str
    book: str
    line: float
    price: float
    lay: bool
    commission: float
    stake_minor: int
    at_risk_minor: int
    least_minor: int
    most_minor: int
    break_even_price: float


class Lock(Struct, frozen=True, array_like=True):
    """An arbitrage, a middle or a low hold: open where ``suspect`` is empty.

    ``rules`` are the ways in which the books settle differently, and the worst profit in each.
    """

    id: str
    kind: str
    sides: tuple[Side, ...]
    roi: float
    profit_minor: int
    suspect: tuple[str, ...]
    rules: tuple[tuple[str, int], ...] = ()
    hit_probability: float = 0.0
    break_even_probability: float = 0.0
    expected_value: float = 0.0
    opened_at_ms: int = 0


class Leg(Struct, frozen=True, array_like=True, gc=False):
    """A leg of an arbitrage since it was opened: its book's word then, and its next one once it has come."""

    source: str
    book: str
    outcome: int
    lay: bool
    price: float
    quoted_at_ms: int
    seen_at_ms: int
    verdict: str = "waiting"
    next_price: float = 0.0
    judged_at_ms: int = 0


class Life(Struct, frozen=True, array_like=True):
    """One stretch in which an arbitrage was open; ``ended_at_ms`` is 0 while it is."""

    id: str
    key: MarketKey
    roi: float
    opened_at_ms: int
    legs: tuple[Leg, ...]
    ended_at_ms: int = 0
    reason: str = ""


class Lives(Struct, frozen=True, array_like=True):
    """What became of the arbitrages that were open: those that are followed still, and sums of all."""

    followed: tuple[Life, ...] = ()
    judged: int = 0
    phantoms: int = 0


class Point(Struct, frozen=True, array_like=True, gc=False):
    """A fair price of the line that a market stood at, and when it was first seen to be that.

    Without probabilities: from then on there was no fair price. ``variance`` is what was known then of the
    market's noise: of its log-odds, over a window. ``left_ms`` is the last look before the price was seen to
    have left it, 0 while it has not; that look was ``waited_ms`` before the next.
    """

    at_ms: int
    line: float
    probabilities: Probabilities
    variance: float
    left_ms: int = 0
    waited_ms: int = 0


class Drift(Struct, frozen=True, array_like=True, gc=False):
    """A significant move of one outcome's fair price."""

    outcome: int
    from_line: float
    line: float
    from_probability: float
    to_probability: float
    log_odds: float
    noise: float
    since_ms: int
    at_ms: int
    books: int
    desks: int
    cause: str


class Stance(Struct, frozen=True, array_like=True, gc=False):
    """Where a desk stands on a kind of market: the price from which its next move counts, and its last word.

    Where the two differ, ``at_ms`` is when the desk was last seen at the former. ``gone_ms`` is when a desk
    that offers nothing more was last seen to offer something, 0 while it does.
    """

    line: float
    probabilities: Probabilities
    at_ms: int
    word: Probabilities
    gone_ms: int = 0


class Step(Struct, frozen=True, array_like=True, gc=False):
    """A desk's move towards one outcome; seen at ``at_ms``, ``waited_ms`` after it was last where it was."""

    desk: str
    outcome: int
    log_odds: float
    at_ms: int
    waited_ms: int
    quoted_at_ms: int = 0


class Rush(Struct, frozen=True, array_like=True):
    """Steam: enough desks went towards one outcome within a short time, at ``last_ms`` for the last time."""

    outcome: int
    line: float
    first_desk: str
    since_ms: int
    at_ms: int
    last_ms: int
    cause: str
    steps: tuple[Step, ...]


class Ladder(Struct, frozen=True, array_like=True):
    """How one kind of market moves, over all its lines: the fair price's path, and the desks' steps."""

    path: tuple[Point, ...] = ()
    drifts: tuple[Drift, ...] = ()
    stances: dict[str, Stance] = {}
    steps: tuple[Step, ...] = ()
    rushes: tuple[Rush, ...] = ()


class Market(Struct, frozen=True, array_like=True):
    """What followed from the quotes of one market when it was last worked out.

    ``probabilities`` is empty where there is no fair price. ``until_ms`` is the moment from which it must be
    worked out again because a quote in it may have grown stale, ``doubt_ms`` that from which what is open may
    have become a suspect; 0 where nothing can.
    """

    probabilities: Probabilities = ()
    spreads: Probabilities = ()
    errors: tuple[float, ...] = ()
    desks: int = 0
    overround: float = 0.0
    bets: tuple[Bet, ...] = ()
    gated: tuple[Gated, ...] = ()
    locks: tuple[Lock, ...] = ()
    until_ms: int = 0
    doubt_ms: int = 0


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
    ladders: dict[LadderKey, Ladder] = {}
    middles: dict[LadderKey, tuple[Lock, ...]] = {}
    lives: Lives = Lives()
    closing: Closing = Closing()
    ignored: int = 0

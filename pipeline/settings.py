"""Settings: one frozen value each, read from the environment once; a wrong name stops the start.

``Settings`` says where things are. ``Rules`` is what the folds compute by: its hash is in every answer.
"""

import hashlib
import ipaddress
import os
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from functools import cached_property
from typing import Annotated, Any, Literal, Self

import msgspec

from pipeline.errors import UsageError

PREFIX = "SHARPLINE_"
LOG_FORMS = ("text", "json")
LOG_LEVELS = ("debug", "info", "warning", "error")
ACCESS = ("auto", "on", "open")
#: HS256 asks for as many bytes as its hash has.
SECRET_BYTES = 32
#: Read by the set-up and by tools around the pipeline, not by `Settings`.
ELSEWHERE = frozenset({"SHARPLINE_CACHE"})


@dataclass(frozen=True)
class Settings:
    """Where things are and how they run. Each is read from ``SHARPLINE_<NAME>``."""

    kafka: str = ""
    """Bootstrap address of a Kafka cluster; empty for one of our own."""
    partitions: int = 4
    """Of every topic; never changed after creation."""
    replication: int = 1
    """Copies of every partition."""
    lag_days: int = 7
    """For how many days a compacted topic keeps every answer."""
    journal_hours: int = 24
    """For how many hours a changelog keeps every version of a row."""
    log: str = "text"
    """``text`` or ``json``."""
    log_level: str = "info"
    """``debug`` (a line for each record), ``info``, ``warning`` or ``error``."""
    rules: str = ""
    """A JSON file with fields of `Rules` that differ from their defaults."""
    models: str = ""
    """A folder of boosted models, one folder a sport; empty for those that are shipped."""
    access: str = "auto"
    """Who may read from the gateway. ``on``: who has a token; ``open``: anyone; ``auto``: anyone while it
    listens on loopback and no keys are given."""
    token_secret: str = field(default="", repr=False)
    """What HS256 tokens are signed with."""
    token_secret_file: str = ""
    """A file that holds it instead."""
    token_keys: str = ""
    """A JWKS file with the public keys of RS256 and ES256 tokens; read again when it changes."""
    token_audience: str = "sharpline"
    """Whom tokens must be for."""
    token_issuer: str = ""
    """Who must have issued them; empty for anyone who has the key."""
    origins: str = ""
    """Other sites whose pages may open a WebSocket: https://example.com, separated by commas; * for all."""
    proxies: str = ""
    """Addresses or networks of proxies, separated by commas, whose X-Forwarded-For is believed."""
    sockets: int = 25_000
    """Open WebSockets of one gateway."""
    sockets_per_address: int = 100
    """Of one address (of IPv6, one /64)."""
    subscriptions_per_socket: int = 1_000
    """Of one WebSocket at a time."""
    messages_per_second: int = 20
    """From one WebSocket; five seconds' worth at once."""
    message_bytes: int = 65_536
    """Of one message from a WebSocket."""
    requests_per_minute: int = 100
    """By one visitor, or by one address where nobody needs a token; WebSockets that are opened count."""
    request_seconds: int = 10
    """Until a request has come whole; then its connection is closed."""
    credits: str = "the-odds-api=500"
    """What a month may cost of each source that counts credits, separated by commas: SOURCE=CREDITS, or
    SOURCE=CREDITS@DAY where its month begins on another day (1 to 28, UTC) than the first."""

    @classmethod
    def read(cls, environment: Mapping[str, str] = os.environ) -> Self:
        """From the environment. Raises UsageError on an unknown name or a value that it cannot have."""
        given = {
            name.removeprefix(PREFIX).lower(): value
            for name, value in environment.items()
            if name.startswith(PREFIX) and name not in ELSEWHERE
        }
        known = {field.name: field.type for field in fields(cls)}
        if unknown := sorted(set(given) - set(known)):
            names = ", ".join(PREFIX + name.upper() for name in known)
            raise UsageError(f"unknown setting {PREFIX}{unknown[0].upper()}; there are {names}")
        return cls(**{name: _value(name, known[name], value) for name, value in given.items()})

    def secret(self) -> str:
        """What HS256 tokens are signed with; empty where nothing is set. Raises UsageError."""
        if self.token_secret and self.token_secret_file:
            raise UsageError(f"{PREFIX}TOKEN_SECRET and {PREFIX}TOKEN_SECRET_FILE are both set: keep one")
        secret = self.token_secret
        if self.token_secret_file:
            try:
                with open(self.token_secret_file, encoding="utf-8") as file:
                    secret = file.read().strip()
            except (OSError, UnicodeDecodeError) as error:
                reason = getattr(error, "strerror", None) or "it is no text"
                raise UsageError(
                    f"the secret of tokens cannot be read from {self.token_secret_file}: {reason}; "
                    "`sharpline token --make-secret FILE` makes one"
                ) from None
        if (secret or self.token_secret_file) and len(secret.encode()) < SECRET_BYTES:
            raise UsageError(
                f"the secret of tokens has {len(secret.encode())} bytes and needs {SECRET_BYTES}: "
                "`sharpline token --make-secret FILE` makes one"
            )
        return secret


def database_url(environment: Mapping[str, str] = os.environ) -> str:
    """``DATABASE_URL``: the Postgres with the history; empty where there is none. Raises UsageError."""
    url = environment.get("DATABASE_URL", "")
    import psycopg  # only the sink and the gateway have it

    try:
        psycopg.conninfo.conninfo_to_dict(url)
    except psycopg.ProgrammingError:  # its text may quote the password
        raise UsageError(
            "DATABASE_URL is no address of a Postgres database; one looks like "
            "postgresql://user@host/database, its password's special characters as %XX"
        ) from None
    return url


def _value(name: str, kind: Any, given: str) -> Any:
    """A setting's value from its text: numbers are whole and above 0."""
    setting = f"{PREFIX}{name.upper()}"
    if kind is int and not (given.isascii() and given.isdigit() and int(given) > 0):
        raise UsageError(f"{setting} is {given!r} and should be a whole number above 0")
    if (
        words := {"log": LOG_FORMS, "log_level": LOG_LEVELS, "access": ACCESS}.get(name)
    ) and given not in words:
        raise UsageError(f"{setting} is {given!r} and should be one of {', '.join(words)}")
    if name == "proxies" and given and not all(map(_is_network, given.split(","))):
        raise UsageError(f"{setting} is {given!r} and should be addresses or networks: 10.0.0.7, 10.1.0.0/16")
    return kind(given)


def _is_network(text: str) -> bool:
    try:
        ipaddress.ip_network(text.strip())
    except ValueError:
        return False
    return True


class Lead(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How one trading desk follows another (`sharpline fit-leaders`).

    ``share``: of the follower's moves, those that came after one of the leader. ``same_line``: the two are
    one opinion, and so one vote.
    """

    leader: str
    follower: str
    lag_s: Annotated[float, msgspec.Meta(ge=0.0)]
    share: Annotated[float, msgspec.Meta(ge=0.0, le=1.0)]
    moves: Annotated[int, msgspec.Meta(ge=1)]
    same_line: bool = False


class Rules(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, dict=True):
    """What the folds compute by. Shares are of 1, money is minor units, times are ms."""

    stale_floor_ms: int = 30_000
    """A quote is stale when it is older than this and than twice its source's usual interval."""
    minimum_desks: int = 3
    """Independent desks behind a fair price that bets are judged by, the judged one left out."""
    desk_weights: dict[str, Annotated[float, msgspec.Meta(gt=0.0)]] = {}
    """Of desks' votes in the consensus, where they are others than those of data/books.csv; above 0."""
    desk_weights_from: str = ""
    """The hash of what says where these come from (`sharpline fit-weights`)."""
    leads: dict[str, tuple[Lead, ...]] = {}
    """Which desks lead which, by sport: names the first mover, makes one vote of desks that share a line."""
    leads_from: str = ""
    """The hash of what says where these come from (`sharpline fit-leaders`)."""
    devig: Literal["power", "multiplicative", "additive", "shin", "odds_ratio"] = "power"
    """How the margin is taken out of a book's prices; fair prices say how far the methods are apart."""
    minimum_expected_value: float = 0.02
    """Of a value bet against the consensus."""
    minimum_model_expected_value: float = 0.05
    """Of a value bet against the game model, in play."""
    maximum_model_log_odds: float = 0.1
    """Between the model's and the consensus' probability of an outcome, in log-odds. Beyond it the market is
    taken to know something that the model does not (field position, an injury): then no bet stands on it."""
    maximum_expected_value: float = 0.25
    """Above it a value bet is taken for an error of the price: too good."""
    minimum_worst_expected_value: float = 0.0
    """Of a value bet by the devig method, or the model, that makes least of it."""
    minimum_confidence: float = 0.8
    """How sure it has to be that a value bet is worth its price (`domain.confidence`)."""
    kelly_fraction: float = 0.25
    """Of the full Kelly stake."""
    maximum_stake_share: float = 0.05
    """Of the bankroll, one bet."""
    maximum_exposure_share: float = 0.15
    """Of the bankroll, all bets of an event together."""
    minimum_roi: float = 0.0
    """Of an arbitrage; one is published where its worst outcome after rounding still gains."""
    maximum_roi: float = 0.08
    """Above it an arbitrage is suspect: beyond belief."""
    maximum_leg_gap_ms: int = 120_000
    """Legs whose books last spoke further apart than this make an arbitrage suspect."""
    maximum_live_leg_gap_ms: int = 30_000
    """The same in play, where prices move with every play."""
    maximum_live_lag_ms: int = 60_000
    """In play a quote is stale that was seen this long ago, or whose own time is this far behind that of its
    source's others."""
    arbitrage_total_minor: int = 100_000
    """What an arbitrage puts at risk, at most."""
    stake_unit_minor: int = 100
    """Stakes are rounded to this."""
    minimum_stake_minor: int = 100
    """The least that a book takes."""
    maximum_stake_minor: int = 100_000
    """The most that a book takes; of an exchange no more than is waiting, where it says so."""
    stake_limits: dict[str, tuple[int, int]] = {}
    """Least and most that single books take, in minor units, where they are others."""
    commissions: dict[str, Annotated[float, msgspec.Meta(ge=0.0, lt=1.0)]] = {}
    """Of net winnings, at single books, where they are others than those of data/books.csv."""
    maximum_low_hold: float = 0.005
    """Backing every outcome that costs no more than this share of the stakes is published as low hold."""
    minimum_middle_expected_value: float = 0.02
    """Of a middle, as a share of its stakes."""
    judged_ms: int = 600_000
    """For how long a life is listed after it has ended and been judged."""
    closing_log_odds: float = 0.02
    """The closing line is sent again when a fair probability moved by this much."""
    move_log_odds: float = 0.10
    """A move of the fair price is significant from here, and from `move_deviations` of its market's noise."""
    move_deviations: float = 3.0
    """Standard deviations of what the market's fair price does over a window."""
    move_noise_log_odds: float = 0.03
    """Standard deviation over a window of a market that was not yet watched for long."""
    steam_desks: int = 3
    """Independent desks that move in one direction make steam."""
    steam_window_ms: int = 120_000
    """Within this."""
    steam_log_odds: float = 0.03
    """What counts as a desk's move; it has to be two deviations of the market's noise in that time, too."""
    move_window_ms: int = 600_000
    """Over which a move is looked for, and after which it has ended."""
    repeat_ms: int = 6 * 3_600_000
    """What still stands is repeated after this."""
    rollback_ms: int = 72 * 3_600_000
    """After its end for this long a result may be rolled back; then the event's answers are tombstoned."""
    drift_interval_ms: int = 30_000
    """Of a clocked game in which nothing happens, the probabilities are worked out again after this."""
    features: bool = False
    """Whether the features behind each probability are published, as games.features."""

    @cached_property
    def content(self) -> bytes:
        """All values as JSON, in the order of their names."""
        return msgspec.json.encode(self, order="sorted")

    @cached_property
    def digest(self) -> str:
        """The first 12 hexadecimal digits of the SHA-256 of the content."""
        return hashlib.sha256(self.content).hexdigest()[:12]

    @classmethod
    def read(cls, path: str) -> "Rules":
        """From a JSON file; the defaults where ``path`` is empty. Raises UsageError."""
        if not path:
            return cls()
        try:
            with open(path, "rb") as file:
                return msgspec.json.decode(file.read(), type=cls)
        except (OSError, msgspec.DecodeError) as error:
            raise UsageError(f"rules cannot be read from {path}: {error}") from error

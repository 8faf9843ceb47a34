"""How much one visitor may ask for: buckets of requests and messages, counts of sockets."""

import ipaddress
import logging
import math
import time
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from http import HTTPStatus

from pipeline.errors import Denied
from pipeline.settings import Settings

SECOND_NS = 1_000_000_000
#: Who has not asked for longest is forgotten first, and has a full bucket next time.
MAXIMUM_VISITORS = 10_000
#: Of an IPv6 address the network is the customer, who has 2^64 addresses in it.
IPV6_NETWORK = 64
MESSAGES_AT_ONCE_S = 5
#: Refusals of one wording in the log; the rest is counted.
LINES_PER_MINUTE = 60
MAXIMUM_WORDINGS = 100

Clock = Callable[[], int]


class Bucket:
    """Lets through ``burst`` at once and ``per_second`` on the long run: never more than both together.

    All that is kept is when it will be full again. Whole nanoseconds, so that nothing is lost to rounding.
    """

    __slots__ = ("_burst_ns", "_clock_ns", "_full_at_ns", "_interval_ns")

    def __init__(self, per_second: float, burst: int, clock_ns: Clock = time.monotonic_ns) -> None:
        self._interval_ns = math.ceil(SECOND_NS / per_second)
        self._burst_ns = burst * self._interval_ns
        self._clock_ns = clock_ns
        self._full_at_ns = clock_ns()

    def take(self) -> float:
        """0 where one was left, which is now taken; else the seconds until there is one."""
        now_ns = self._clock_ns()
        full_at_ns = max(self._full_at_ns, now_ns) + self._interval_ns
        if (wait_ns := full_at_ns - now_ns - self._burst_ns) > 0:
            return wait_ns / SECOND_NS
        self._full_at_ns = full_at_ns
        return 0.0

    @property
    def left(self) -> int:
        """How many there are."""
        return (self._burst_ns - self._missing_ns) // self._interval_ns

    @property
    def full_in_s(self) -> int:
        """Whole seconds until it is full again."""
        return -(-self._missing_ns // SECOND_NS)

    @property
    def _missing_ns(self) -> int:
        return max(self._full_at_ns - self._clock_ns(), 0)


class Buckets:
    """A bucket for each who asks, for the newest ``most`` of them."""

    def __init__(
        self,
        per_second: float,
        burst: int,
        most: int = MAXIMUM_VISITORS,
        clock_ns: Clock = time.monotonic_ns,
    ) -> None:
        self._new: Callable[[], Bucket] = partial(Bucket, per_second, burst, clock_ns)
        self._most = most
        self._of: OrderedDict[str, Bucket] = OrderedDict()

    def __len__(self) -> int:
        return len(self._of)

    def of(self, who: str) -> Bucket:
        """Theirs, a full one for who is new."""
        bucket = self._of.pop(who, None) or self._new()
        self._of[who] = bucket
        if len(self._of) > self._most:
            self._of.popitem(last=False)
        return bucket


class Sockets:
    """How many WebSockets are open, in all and by address; 0 for as many as come."""

    def __init__(self, most: int, most_per_address: int) -> None:
        self._most, self._most_per_address = most, most_per_address
        self._open: Counter[str] = Counter()
        self._all = 0

    @contextmanager
    def one(self, address: str) -> Iterator[None]:
        """Count one for as long as it lasts. Raises Denied where it is one too many."""
        if 0 < self._most <= self._all:
            raise Denied(
                HTTPStatus.SERVICE_UNAVAILABLE, "full", f"{self._most} WebSockets are open here", 5.0
            )
        if 0 < self._most_per_address <= self._open[address]:
            text = f"an address has at most {self._most_per_address} WebSockets: close one, or share it"
            raise Denied(HTTPStatus.TOO_MANY_REQUESTS, "too_many_sockets", text, 5.0)
        self._all += 1
        self._open[address] += 1
        try:
            yield
        finally:
            self._all -= 1
            self._open[address] -= 1
            if not self._open[address]:
                del self._open[address]


def address_of(client: tuple[str, int] | None) -> str:
    """What an address counts as: itself, of IPv6 its network."""
    host = client[0] if client else ""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host
    if isinstance(address, ipaddress.IPv4Address):
        return host
    if address.ipv4_mapped:
        return str(address.ipv4_mapped)
    return str(ipaddress.IPv6Network((int(address), IPV6_NETWORK), strict=False))


class Limits:
    """What one gateway allows. ``of_each`` is False where nobody but this machine can reach it."""

    def __init__(self, settings: Settings, of_each: bool) -> None:
        self._messages_per_second = settings.messages_per_second if of_each else SECOND_NS
        self.requests_per_minute = settings.requests_per_minute
        self.subscriptions_per_socket = settings.subscriptions_per_socket
        self.sockets = Sockets(settings.sockets, settings.sockets_per_address if of_each else 0)
        self.requests = (
            Buckets(settings.requests_per_minute / 60, settings.requests_per_minute) if of_each else None
        )

    def messages(self) -> Bucket:
        """Of one WebSocket that has been opened."""
        return Bucket(self._messages_per_second, MESSAGES_AT_ONCE_S * self._messages_per_second)


class Sparing(logging.Filter):
    """Lets so many lines of one wording through a minute; the next one says how many were left out."""

    def __init__(self, clock_ns: Clock = time.monotonic_ns) -> None:
        super().__init__()
        self._buckets = Buckets(LINES_PER_MINUTE / 60, LINES_PER_MINUTE, MAXIMUM_WORDINGS, clock_ns)
        self._left_out: Counter[str] = Counter()

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether the line is to be written."""
        wording = str(record.msg)
        if self._buckets.of(wording).take():
            self._left_out[wording] += 1
            if len(self._left_out) > MAXIMUM_WORDINGS:
                self._left_out.clear()
            return False
        if left_out := self._left_out.pop(wording, 0):
            record.fields = {**getattr(record, "fields", {}), "left_out": left_out}
        return True


def sparing(name: str) -> logging.Logger:
    """The logger of this name, which from now on says the same thing only so often."""
    logger = logging.getLogger(name)
    logger.addFilter(Sparing())
    return logger

"""Credits of sources, shared by all who ask them: the ledger of `producers.live.ledger` in its topic.

A reservation is appended and read back; it holds if what stands before it in the one partition leaves room
for it. So instances need nothing but the topic to agree, and a restart forgets nothing.
"""

import logging
import threading
import time
from collections.abc import Callable, Mapping
from typing import NamedTuple

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, Producer, TopicPartition
from confluent_kafka.admin import AdminClient

from pipeline import codec, telemetry
from pipeline.cluster import answered
from pipeline.errors import BrokerUnavailable, TopicsUnfit, UnreadableRecord
from pipeline.records import QuotaKind, SourceQuota
from pipeline.telemetry import say
from pipeline.topics import topic_of
from producers.live.call import Call
from producers.live.ledger import (
    DAY_MS,
    NOTHING_SPENT,
    WARNINGS,
    Account,
    Ledger,
    Month,
    fits,
    periods,
    spent,
)

TOPIC = topic_of(SourceQuota).name
PLACE = 0
ANSWER_S = 8.0
#: How long a reservation may take to stand in the log and to be read back. It stays spent where it does not.
RESERVE_S = 10.0
#: To read what the month has seen so far.
CATCH_UP_S = 120.0
_HEADERS = ("used", "remaining", "last")

logger = logging.getLogger(__name__)


class Books:
    """The ledgers of all sources as they stand in the topic, read by one consumer.

    Raises BrokerUnavailable where no cluster answers, TopicsUnfit where it has no such topic.
    """

    def __init__(self, bootstrap: str, since_ms: int) -> None:
        self.bootstrap, self.ledgers = bootstrap, dict[str, Ledger]()
        self.unreadable = ""
        self._next = 0
        _check(bootstrap)
        self._consumer = Consumer(
            {
                "bootstrap.servers": bootstrap,
                "group.id": "sharpline.quota",
                "enable.auto.commit": False,
                "auto.offset.reset": "earliest",
                "log_level": 2,
            }
        )
        place = TopicPartition(TOPIC, PLACE, since_ms)
        (start,) = answered(lambda: self._consumer.offsets_for_times([place], timeout=ANSWER_S))
        _, self._end = answered(lambda: self._consumer.get_watermark_offsets(place, timeout=ANSWER_S))
        self._next = start.offset if start.offset >= 0 else self._end
        self._consumer.assign([TopicPartition(TOPIC, PLACE, self._next)])

    def catch_up(self) -> None:
        """Read what stood in the topic when it was opened. Raises BrokerUnavailable."""
        deadline_s = time.monotonic() + CATCH_UP_S
        while self._next < self._end:
            if time.monotonic() > deadline_s:
                raise BrokerUnavailable(f"{self.bootstrap} does not give {TOPIC} to its end; try again")
            self._read(1.0)

    def look(self) -> None:
        """Read what has come by now."""
        before = -1
        while before != self._next:
            before = self._next
            self._read(0)

    def read_to(self, offset: int, deadline_s: float) -> bool:
        """Read up to and with an entry; whether it stands there in time, and fits where it stands."""
        fitted = False
        while self._next <= offset:
            left_s = deadline_s - time.monotonic()
            if left_s <= 0:
                return False
            fitted = self._read(left_s)
        return fitted and self._next == offset + 1

    def close(self) -> None:
        """Read no more."""
        self._consumer.close()

    def _read(self, wait_s: float) -> bool:
        """Enter the next record, where there is one; whether it is a reservation that fits."""
        message = self._consumer.poll(wait_s)
        if message is None:
            return False
        if (error := message.error()) is not None:
            say(logger, "the ledger cannot be read", logging.WARNING, reason=error.str())
            return False
        offset = message.offset()
        assert offset is not None  # it was read
        self._next = offset + 1
        try:
            record: SourceQuota = codec.decode(TOPIC, message.key(), message.value())
        except UnreadableRecord as error:
            # It may be a reservation of a newer release, so what fits is not known any more.
            self.unreadable = f"{TOPIC}/{PLACE}@{offset}: {error}"
            return False
        before = self.ledgers.get(record.source, NOTHING_SPENT)
        fitted = record.kind is QuotaKind.RESERVED and fits(before, record)
        self.ledgers[record.source] = spent(before, record)
        return fitted


class KafkaQuota:
    """Reserves and settles credits of every source that has an account; see `producers.live.call.Quota`.

    May be asked from several threads; each waits for the one before it.
    """

    def __init__(self, bootstrap: str, accounts: Mapping[str, Account], now_ms: int) -> None:
        self._accounts, self._one_by_one = accounts, threading.Lock()
        self._books = Books(bootstrap, since_ms(accounts, now_ms))
        self._books.catch_up()
        self._reserved: dict[str, _Reserved] = {}
        self._warned: dict[tuple[str, int], float] = {}
        self._producer = Producer(
            {
                "bootstrap.servers": bootstrap,
                "enable.idempotence": True,
                "acks": "all",
                "partitioner": "murmur2_random",
                "linger.ms": 0,
                "delivery.timeout.ms": int(RESERVE_S * 1000),
                "log_level": 2,
            }
        )
        for source in accounts:
            self._tell(source, now_ms)

    def reserve(self, call: Call, now_ms: int) -> str:
        """An id for a call that may be made; empty where the budget does not allow it, or nobody can know.

        A call that costs nothing may always be made: its answer, too, says how the account stands.
        Raises BrokerUnavailable where this process can append nothing more.
        """
        account = self._accounts.get(call.source, Account(0))
        free = _Reserved(call, periods(now_ms, account.day), -1)
        with self._one_by_one:
            self._books.look()
            held = free if not call.cost else self._held(free, account, now_ms)
            self._tell(call.source, now_ms)
            if held is None:
                telemetry.CALLS_UNAFFORDABLE.labels(call.source).inc()
                return ""
            telemetry.CREDITS_RESERVED.labels(call.source).inc(call.cost)
            reservation = str(held.offset) if call.cost else f"free {call.name}"
            self._reserved[reservation] = held
            return reservation

    def settle(self, reservation: str, headers: Mapping[str, str], now_ms: int) -> None:
        """Write down what the source says was spent, after the answer; unknown reservations are ignored."""
        with self._one_by_one:
            held = self._reserved.pop(reservation, None)
            if held is None or (account := self._accounts.get(held.call.source)) is None:
                return
            used, remaining, last = (_count(headers, f"x-requests-{name}") for name in _HEADERS)
            entry = _entry(held, account, QuotaKind.SETTLED, now_ms, held.offset, used, remaining, last)
            ledger = self._books.ledgers.get(entry.source, NOTHING_SPENT)
            if held.offset >= 0 or spent(ledger, entry) != ledger:
                self._append(entry, _ignore)
            self._books.look()
            self._tell(entry.source, now_ms)

    def left(self, source: str, now_ms: int) -> int:
        """Credits that may still be spent this month; -1 where the source has no account."""
        if (account := self._accounts.get(source)) is None:
            return -1
        with self._one_by_one:
            return max(0, account.credits - self._spent(source, now_ms))

    def close(self) -> None:
        """Return when all that was written down is safe, as far as it can be."""
        self._producer.flush(RESERVE_S)
        self._books.close()

    def _held(self, wanted: "_Reserved", account: Account, now_ms: int) -> "_Reserved | None":
        """A reservation that stands in the log and fits."""
        entry = _entry(wanted, account, QuotaKind.RESERVED, now_ms)
        if self._books.unreadable:
            reason = f"{self._books.unreadable}; start a release that can read it"
            say(logger, "no credits are reserved", logging.ERROR, source=entry.source, reason=reason)
            return None
        if not fits(self._books.ledgers.get(entry.source, NOTHING_SPENT), entry):
            return None
        deadline_s, delivered = time.monotonic() + RESERVE_S, list[Message | KafkaError]()
        self._append(entry, lambda error, message: delivered.append(error or message))
        while not delivered:  # its own time-out ends this
            self._producer.poll(0.1)
        if isinstance(came := delivered[0], KafkaError):
            reason = f"{came.str()}; what may have been reserved counts as spent"
            say(logger, "no credits are reserved", logging.WARNING, source=entry.source, reason=reason)
            return None
        offset = came.offset()
        assert offset is not None  # it was delivered
        return wanted._replace(offset=offset) if self._books.read_to(offset, deadline_s) else None

    def _append(self, entry: SourceQuota, heard: Callable[[KafkaError | None, Message], None]) -> None:
        key, value = codec.encode(TOPIC, entry)
        try:
            self._producer.produce(TOPIC, value=value, key=key, partition=PLACE, on_delivery=heard)
        except KafkaException as error:
            raise BrokerUnavailable(
                f"{TOPIC} takes no more entries of this process: {error.args[0].str()}; start it again"
            ) from error
        self._producer.poll(0)

    def _spent(self, source: str, now_ms: int) -> int:
        ledger = self._books.ledgers.get(source, NOTHING_SPENT)
        return max(
            ledger.get(period, Month()).spent for period in periods(now_ms, self._accounts[source].day)
        )

    def _tell(self, source: str, now_ms: int) -> None:
        """Say how an account stands where it is seen."""
        if (account := self._accounts.get(source)) is None:
            return
        credits = self._spent(source, now_ms)
        telemetry.CREDITS_SPENT.labels(source).set(credits)
        telemetry.CREDITS_BUDGET.labels(source).set(account.credits)
        share = credits / account.credits if account.credits else 1.0
        reached = max((level for level in WARNINGS if share >= level), default=0.0)
        month = (source, periods(now_ms, account.day)[-1])
        if reached > self._warned.get(month, 0.0):
            self._warned[month] = reached
            fields = {"source": source, "spent": credits, "budget": account.credits}
            text = "the month's credits are spent" if reached == 1.0 else "the month's credits run out"
            say(logger, text, logging.ERROR if reached == 1.0 else logging.WARNING, **fields)


class _Reserved(NamedTuple):
    """A call that may be made, until it is settled; its reservation's offset, -1 for a free one."""

    call: Call
    periods: tuple[int, ...]
    offset: int


def since_ms(accounts: Mapping[str, Account], now_ms: int) -> int:
    """From when on the ledgers of these accounts are needed; a day more, for clocks of writers differ."""
    began = [periods(now_ms, account.day)[0] for account in accounts.values()]
    return min(began, default=now_ms) - DAY_MS


def _entry(
    about: _Reserved,
    account: Account,
    kind: QuotaKind,
    now_ms: int,
    reservation: int = -1,
    used: int = -1,
    remaining: int = -1,
    last: int = -1,
) -> SourceQuota:
    return SourceQuota(
        source=about.call.source,
        received_at_ms=now_ms,
        kind=kind,
        periods=about.periods,
        budget=account.credits,
        credits=about.call.cost,
        call=about.call.name,
        reservation=reservation,
        used=used,
        remaining=remaining,
        last=last,
    )


def _count(headers: Mapping[str, str], name: str) -> int:
    """A header that is a number of credits; -1 where it is none."""
    text = headers.get(name, "").strip()
    text = text.removesuffix(".0")  # some answers have it so
    return int(text) if text.isascii() and text.isdigit() and len(text) < 16 else -1


def _ignore(_: KafkaError | None, __: Message) -> None:
    """A settlement that is lost leaves the reservation as it is, which is never too little."""


def _check(bootstrap: str) -> None:
    client = AdminClient(
        {"bootstrap.servers": bootstrap, "log_level": 2, "socket.connection.setup.timeout.ms": 3000}
    )
    try:
        found = client.list_topics(TOPIC, timeout=ANSWER_S).topics[TOPIC]
    except KafkaException as error:
        raise BrokerUnavailable(
            f"no Kafka answers at {bootstrap}; start one, or name another with --kafka or SHARPLINE_KAFKA"
        ) from error
    if found.error is not None or len(found.partitions) != 1:
        raise TopicsUnfit(f"{bootstrap} has no topic {TOPIC} of one partition: sharpline topics")

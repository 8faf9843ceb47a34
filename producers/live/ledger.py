"""The ledger of a source's credits as a fold: what fits into the month, and what has been spent of it.

A reservation counts as spent from the moment at which it stands in the ledger and fits, whatever becomes of
its call. What the source says afterwards can only add to that: its headers may lie, be those of another key,
or be lost, and then a month is cut short rather than overrun.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import NamedTuple

from pipeline import data
from pipeline.errors import UsageError
from pipeline.records import QuotaKind, SourceQuota

DAY_MS = 86_400_000
#: So close to the end of a month a call counts in both: clocks differ, ours and the source's.
CLOCKS_MS = 5 * 60_000
#: Shares of the budget at which somebody should look.
WARNINGS = (0.8, 0.95, 1.0)
#: The pace of the last days says where the month will end.
PACE_DAYS = 7


class Account(NamedTuple):
    """What a month of a source may cost, and on which day (UTC) its month begins."""

    credits: int
    day: int = 1


class Month(NamedTuple):
    """What was spent of one month."""

    reserved: int = 0
    """By us: reservations that fit."""
    others: int = 0
    """What the source counts beyond those: other users of the key, calls that cost more than they should."""
    doubted: int | None = None
    """Less of others', as the newest settlement has it; it takes another one to be believed."""
    calls: int = 0
    settled: int = 0
    refused: int = 0
    by_call: Mapping[str, int] = {}
    by_day: Mapping[int, int] = {}
    """Credits by the day, counted from 1970, on which they were reserved."""

    @property
    def spent(self) -> int:
        """All that the month has cost, as far as we know."""
        return self.reserved + self.others


Ledger = Mapping[int, Month]
"""Of one source: its months, by the Unix ms at which they begin."""

NOTHING_SPENT: Ledger = {}


def fits(ledger: Ledger, record: SourceQuota) -> bool:
    """Whether a reservation stays within the budget of every month that it counts in."""
    return bool(record.periods) and all(
        ledger.get(period, Month()).spent + record.credits <= record.budget for period in record.periods
    )


def spent(ledger: Ledger, record: SourceQuota) -> Ledger:
    """The ledger after one more entry."""
    reserves = record.kind is QuotaKind.RESERVED
    enter = (_reserved if fits(ledger, record) else _refused) if reserves else _settled
    return {**ledger, **{period: enter(ledger.get(period, Month()), record) for period in record.periods}}


def _reserved(month: Month, record: SourceQuota) -> Month:
    day = record.received_at_ms // DAY_MS
    return month._replace(
        reserved=month.reserved + record.credits,
        calls=month.calls + 1,
        by_call={**month.by_call, record.call: month.by_call.get(record.call, 0) + record.credits},
        by_day={**month.by_day, day: month.by_day.get(day, 0) + record.credits},
    )


def _refused(month: Month, _: SourceQuota) -> Month:
    return month._replace(refused=month.refused + 1)


def _settled(month: Month, record: SourceQuota) -> Month:
    month = month._replace(settled=month.settled + (record.reservation >= 0))
    if len(record.periods) > 1 or (claimed := _claimed(month, record)) is None:
        return month  # which of two months its counter is of, nobody knows
    if claimed >= month.others:
        return month._replace(others=claimed, doubted=None)
    if month.doubted is None:
        return month._replace(doubted=claimed)
    return month._replace(others=max(claimed, month.doubted), doubted=None)


def _claimed(month: Month, record: SourceQuota) -> int | None:
    """What others have spent by a settlement; None where it says nothing of it."""
    # Without a count of what was used nothing says that it is less: the plan may be larger than the budget.
    claims = [month.others] if record.used < 0 else [0, record.used - month.reserved]
    if record.remaining >= 0:
        claims.append(record.budget - record.remaining - month.reserved)
    if record.last > record.credits:
        claims.append(month.others + record.last - record.credits)
    return max(claims) if max(record.used, record.remaining, record.last) >= 0 else None


def periods(now_ms: int, day: int) -> tuple[int, ...]:
    """When the month began; near its end also the next, near its beginning also the last."""
    return tuple(sorted({_began_ms(now_ms - CLOCKS_MS, day), _began_ms(now_ms + CLOCKS_MS, day)}))


def _began_ms(at_ms: int, day: int) -> int:
    at = datetime.fromtimestamp(at_ms / 1000, UTC)
    year, month = at.year, at.month
    if at.day < day:
        year, month = (year, month - 1) if month > 1 else (year - 1, 12)
    return int(datetime(year, month, day, tzinfo=UTC).timestamp() * 1000)


def ends_ms(now_ms: int, day: int) -> int:
    """When the month that it is now ends."""
    # Months are at most 31 days long, and days are at most the 28th: so this lies in the next one.
    return _began_ms(_began_ms(now_ms, day) + 32 * DAY_MS, day)


def projected(month: Month, now_ms: int, day: int) -> int:
    """Where the month would end if it went on as in the last days; unlike the ledger, it may be too low."""
    first = max(_began_ms(now_ms, day), now_ms - PACE_DAYS * DAY_MS) // DAY_MS
    lately = sum(credits for at, credits in month.by_day.items() if at >= first)
    span_ms = max(DAY_MS, now_ms - first * DAY_MS)
    return month.spent + round(lately * (ends_ms(now_ms, day) - now_ms) / span_ms)


def accounts(text: str) -> dict[str, Account]:
    """Accounts as the setting has them. Raises UsageError."""
    found = {}
    for part in filter(None, (part.strip() for part in text.split(","))):
        source, _, plan = part.partition("=")
        credits, _, day = plan.partition("@")
        if not (_is_number(credits) and _is_number(day or "1") and 1 <= int(day or "1") <= 28):
            raise UsageError(
                f"SHARPLINE_CREDITS has {part!r} and should have SOURCE=CREDITS or SOURCE=CREDITS@DAY, the "
                "day from 1 to 28: the-odds-api=500"
            )
        if source not in data.sources():
            raise UsageError(f"SHARPLINE_CREDITS names {source!r}; sources are {', '.join(data.sources())}")
        found[source] = Account(int(credits), int(day or "1"))
    return found


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit()

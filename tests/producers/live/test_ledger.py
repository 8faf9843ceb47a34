"""Whatever a source says and whoever crashes: a month never costs more than its budget."""

import random
from collections import Counter
from datetime import UTC, datetime

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Struct

from pipeline.errors import UsageError
from pipeline.records import QuotaKind, SourceQuota
from producers.live.ledger import (
    CLOCKS_MS,
    NOTHING_SPENT,
    Account,
    Ledger,
    Month,
    accounts,
    ends_ms,
    fits,
    periods,
    projected,
    spent,
)

HOUR_MS = 3_600_000


def at(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() * 1000)


NOON = at("2026-03-10T12:00")
MARCH = at("2026-03-01")


def reserved(cost: int, budget: int = 100, now_ms: int = NOON, call: str = "odds nfl") -> SourceQuota:
    return SourceQuota(
        source="the-odds-api",
        received_at_ms=now_ms,
        kind=QuotaKind.RESERVED,
        periods=periods(now_ms, 1),
        budget=budget,
        credits=cost,
        call=call,
        reservation=-1,
        used=-1,
        remaining=-1,
        last=-1,
    )


def settled(
    used: int = -1, remaining: int = -1, last: int = -1, cost: int = 3, budget: int = 100, now_ms: int = NOON
) -> SourceQuota:
    return SourceQuota(
        source="the-odds-api",
        received_at_ms=now_ms,
        kind=QuotaKind.SETTLED,
        periods=periods(now_ms, 1),
        budget=budget,
        credits=cost,
        call="odds nfl",
        reservation=0,
        used=used,
        remaining=remaining,
        last=last,
    )


def after(*entries: SourceQuota) -> Month:
    ledger = NOTHING_SPENT
    for entry in entries:
        ledger = spent(ledger, entry)
    return ledger[MARCH]


@pytest.mark.parametrize(
    ("entries", "credits"),
    [
        pytest.param([reserved(3)], 3, id="a call whose answer never came"),
        pytest.param([reserved(3), settled(used=3, remaining=97, last=3)], 3, id="as reckoned"),
        pytest.param([reserved(3), settled(used=0, remaining=100, last=0)], 3, id="nothing, it says"),
        pytest.param([reserved(3), settled()], 3, id="no headers"),
        pytest.param([reserved(3), settled(used=40, remaining=60)], 40, id="others use the key"),
        pytest.param([reserved(3), settled(remaining=10)], 90, id="only what is left"),
        pytest.param([reserved(3), settled(remaining=19_000)], 3, id="a larger plan than the budget"),
        pytest.param([reserved(3), settled(last=6)], 6, id="the call cost more"),
        pytest.param([reserved(3), settled(used=40), reserved(3)], 43, id="ours go on top"),
        pytest.param([settled(used=90), settled(used=2)], 90, id="one word of less is not believed"),
        pytest.param([settled(used=90), settled(used=2), settled(used=5)], 5, id="the higher of two is"),
        pytest.param(
            [settled(used=90), settled(used=2), settled(used=95)], 95, id="more is believed at once"
        ),
        pytest.param([settled(used=90), settled(last=3), settled(last=3)], 90, id="silence is not less"),
        pytest.param([reserved(60), reserved(41)], 60, id="what does not fit is not spent"),
        pytest.param([reserved(60), reserved(40)], 100, id="to the last credit"),
        pytest.param([reserved(60), settled(used=10**15), reserved(1)], 10**15, id="a counter gone mad"),
    ],
)
def test_what_a_month_has_cost(entries: list[SourceQuota], credits: int) -> None:
    assert after(*entries).spent == credits


def test_a_reservation_that_does_not_fit_is_counted_as_refused() -> None:
    month = after(reserved(60), reserved(41), reserved(40, call="odds nba"))

    assert (month.calls, month.refused, month.by_call) == (2, 1, {"odds nfl": 60, "odds nba": 40})


@pytest.mark.parametrize(
    ("now", "day", "began"),
    [
        ("2026-03-10T12:00", 1, ["2026-03-01"]),
        ("2026-03-10T12:00", 15, ["2026-02-15"]),
        ("2026-01-03T00:00", 15, ["2025-12-15"]),
        ("2026-02-28T23:56", 1, ["2026-02-01", "2026-03-01"]),
        ("2026-03-01T00:04", 1, ["2026-02-01", "2026-03-01"]),
        ("2026-03-01T00:06", 1, ["2026-03-01"]),
    ],
)
def test_months_begin_by_utc_and_overlap_for_clocks_that_differ(now: str, day: int, began: list[str]) -> None:
    assert periods(at(now), day) == tuple(at(text) for text in began)


@given(st.integers(at("2024-01-01"), at("2032-01-01")), st.integers(1, 28))
def test_a_month_ends_where_the_next_one_begins(now_ms: int, day: int) -> None:
    end_ms = ends_ms(now_ms, day)

    assert now_ms < end_ms <= now_ms + 31 * 24 * HOUR_MS
    assert periods(end_ms + HOUR_MS, day) == (end_ms,)
    assert periods(end_ms - HOUR_MS, day)[0] <= now_ms


def test_at_the_end_of_a_month_a_call_must_fit_into_both() -> None:
    midnight = at("2026-03-01")
    full = spent(NOTHING_SPENT, reserved(100, now_ms=midnight - HOUR_MS))

    assert not fits(full, reserved(1, now_ms=midnight - CLOCKS_MS))
    assert not fits(full, reserved(1, now_ms=midnight + CLOCKS_MS - 1))
    assert fits(full, reserved(100, now_ms=midnight + CLOCKS_MS))


def test_a_counter_that_is_read_as_the_month_ends_is_of_nobody_knows_which_month() -> None:
    midnight = at("2026-03-01")
    ledger = spent(NOTHING_SPENT, settled(used=90, now_ms=midnight + 1))

    assert ledger[midnight].spent == 0


def test_a_month_goes_on_as_its_last_days_went() -> None:
    days = [reserved(10, 1000, MARCH + day * 24 * HOUR_MS) for day in range(10)]

    assert projected(after(*days), at("2026-03-11T00:00"), 1) == 100 + 21 * 10


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", {}),
        ("the-odds-api=500", {"the-odds-api": Account(500)}),
        ("the-odds-api=20000@15, espn=7", {"the-odds-api": Account(20_000, 15), "espn": Account(7)}),
    ],
)
def test_accounts_of_the_setting(text: str, found: dict[str, Account]) -> None:
    assert accounts(text) == found


@pytest.mark.parametrize(
    "text", ["the-odds-api", "the-odds-api=", "the-odds-api=-5", "the-odds-api=5@31", "x=5"]
)
def test_a_setting_that_says_nothing_clear_stops_the_start(text: str) -> None:
    with pytest.raises(UsageError, match="SHARPLINE_CREDITS"):
        accounts(text)


BUDGET = 20_000


class Server(Struct):
    """A source that counts what it charges by its own clock, and says what it likes."""

    rng: random.Random
    skew_ms: int
    charged: Counter[int] = msgspec.field(default_factory=Counter)

    def answer(self, cost: int, now_ms: int) -> dict[str, int]:
        """Charge a call, or not where there was nothing to tell; the headers may be of any kind."""
        mine_ms = now_ms + self.skew_ms
        month = max(began_ms for began_ms in periods(mine_ms, 1) if began_ms <= mine_ms)
        self.charged[month] += self.rng.choice((cost, cost, cost, 0))
        used, any_number = self.charged[month], self.rng.randrange(BUDGET)
        # Mostly low ones: those make an instance spend, a high one only stops it.
        lies: list[tuple[int, dict[str, int]]] = [
            (80, {"used": used, "remaining": max(0, BUDGET - used), "last": cost}),
            (80, {"used": max(0, used - any_number), "remaining": BUDGET}),
            (60, {"used": 0, "remaining": BUDGET, "last": 0}),
            (20, {}),
            (10, {"last": any_number % 30}),
            (1, {"used": any_number}),
            (1, {"remaining": any_number}),
        ]
        (_, headers), *_ = self.rng.choices(lies, [weight for weight, _ in lies])
        return headers


class Log(Struct):
    """One partition: entries, and what fits as all instances see it."""

    ledger: Ledger = {}
    length: int = 0

    def append(self, entry: SourceQuota) -> tuple[int, bool]:
        fitted = entry.kind is QuotaKind.RESERVED and fits(self.ledger, entry)
        self.ledger = spent(self.ledger, entry)
        self.length += 1
        return self.length - 1, fitted


def adversarial_calls(seed: int, skew_ms: int) -> tuple[Server, Log, Counter[str]]:
    """By two instances, which take turns in the middle of a call; a crash forgets what was under way."""
    rng, log, seen = random.Random(seed), Log(), Counter[str]()
    server, now_ms = Server(rng, skew_ms), at("2026-01-01")
    unsettled: list[list[SourceQuota]] = [[], []]
    for _ in range(5_000):
        now_ms += rng.choice((500, 60_000, 3_000_000))
        asking = []
        for instance in rng.sample((0, 1), 2):
            cost = rng.choice((1, 2, 3, 3, 6, 30))
            _, fitted = log.append(reserved(cost, BUDGET, now_ms))
            seen["reserved" if fitted else "refused"] += 1
            asking += [(instance, cost)] * fitted
        rng.shuffle(asking)
        for instance, cost in asking:
            asked_ms = now_ms + rng.randrange(30_000)
            if rng.random() < 0.03:
                seen["crashed before it asked"] += 1
                unsettled[instance].clear()
                continue
            headers = server.answer(cost, asked_ms)
            if rng.random() < 0.1:
                seen["answer lost"] += 1
            elif rng.random() < 0.03:
                seen["crashed after it asked"] += 1
                unsettled[instance].clear()
            else:
                entry = settled(cost=cost, budget=BUDGET, now_ms=now_ms, **headers)
                unsettled[instance].append(msgspec.structs.replace(entry, periods=periods(now_ms, 1)))
        free = settled(cost=0, budget=BUDGET, now_ms=now_ms, **server.answer(0, now_ms))
        unsettled[0].append(free)
        for mine in unsettled:
            rng.shuffle(mine)
            while mine and rng.random() < 0.8:
                log.append(mine.pop())
                seen["settled"] += 1
    return server, log, seen


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("skew_ms", [-200_000, 0, 200_000])
def test_ten_thousand_adversarial_calls_never_cost_more_than_the_budget(seed: int, skew_ms: int) -> None:
    server, log, seen = adversarial_calls(seed, skew_ms)

    assert max(server.charged.values()) <= BUDGET
    assert all(log.ledger[month].spent >= charged for month, charged in server.charged.items())
    assert len(server.charged) >= 2, "months rolled over"
    assert min(seen.values()) > 100, "all of it happened, and often"
    assert max(month.reserved for month in log.ledger.values()) > 0.98 * BUDGET, (
        "nothing was stopped too soon"
    )


@given(
    st.lists(
        st.one_of(
            st.builds(reserved, st.integers(0, 60)),
            st.builds(settled, *[st.integers(-1, 300)] * 3, cost=st.integers(0, 60)),
        ),
        max_size=40,
    )
)
def test_no_word_of_a_source_makes_less_of_what_we_reserved(entries: list[SourceQuota]) -> None:
    ledger, ours = NOTHING_SPENT, 0
    for entry in entries:
        fitted = entry.kind is QuotaKind.RESERVED and fits(ledger, entry)
        ledger = spent(ledger, entry)
        ours += entry.credits if fitted else 0
        assert ledger[MARCH].reserved == ours <= 100
        assert ledger[MARCH].spent >= ours

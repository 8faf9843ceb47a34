import asyncio
from collections.abc import Mapping

from producers.live.call import Call, Failure, Why
from producers.live.gate import Rate, SourceGate
from producers.live.ledger import CLOCKS_MS

CALL = Call("the-odds-api", "odds nfl", "https://example.test/odds", cost=3)
HEADERS = {"x-requests-used": "3"}


class Ledger:
    """Gives so many reservations."""

    def __init__(self, credits: int) -> None:
        self.credits, self.reserved = credits, 0
        self.settled: list[tuple[str, Mapping[str, str]]] = []

    def reserve(self, call: Call, now_ms: int) -> str:
        if call.cost > self.credits:
            return ""
        self.credits -= call.cost
        self.reserved += 1
        return f"reservation {self.reserved}"

    def settle(self, reservation: str, headers: Mapping[str, str], now_ms: int) -> None:
        self.settled.append((reservation, headers))


def test_credits_are_reserved_before_and_settled_after() -> None:
    async def calls() -> None:
        assert await way.enter(CALL) is None
        await way.leave(CALL, HEADERS, sent=True)

    ledger = Ledger(3)
    way = SourceGate(0, ledger, lambda: 0)
    asyncio.run(calls())

    assert ledger.settled == [("reservation 1", HEADERS)]


def test_without_credits_nothing_is_asked() -> None:
    barred = asyncio.run(SourceGate(0, Ledger(2), lambda: 0).enter(CALL))

    assert isinstance(barred, Failure)
    assert barred.why is Why.QUOTA


def test_the_ledger_hears_of_what_costs_nothing() -> None:
    async def calls() -> None:
        assert await way.enter(free) is None
        await way.leave(free, HEADERS, sent=True)

    free, ledger = CALL._replace(cost=0), Ledger(0)
    way = SourceGate(0, ledger, lambda: 0)
    asyncio.run(calls())

    assert [headers for _, headers in ledger.settled] == [HEADERS]


def test_a_lost_answer_stays_spent_and_the_next_try_is_reserved_anew() -> None:
    async def calls() -> None:
        await way.enter(CALL)
        await way.leave(CALL, None, sent=True)
        await way.enter(CALL)
        await way.leave(CALL, HEADERS, sent=True)

    ledger = Ledger(9)
    way = SourceGate(0, ledger, lambda: 0)
    asyncio.run(calls())

    assert ledger.credits == 3
    assert ledger.settled == [("reservation 2", HEADERS)]


def test_a_reservation_that_waited_for_long_may_be_of_another_month() -> None:
    async def calls() -> None:
        for at_ms in (0, CLOCKS_MS - 1, CLOCKS_MS):
            now_ms[0] = at_ms
            await way.enter(CALL)
            await way.leave(CALL, None, sent=False)

    ledger, now_ms = Ledger(9), [0]
    way = SourceGate(0, ledger, lambda: now_ms[0])
    asyncio.run(calls())

    assert ledger.reserved == 2


def test_what_was_never_sent_keeps_its_credits_for_the_next_try() -> None:
    async def calls() -> None:
        for _ in range(100):  # an evening without a network
            assert await way.enter(CALL) is None
            await way.leave(CALL, None, sent=False)
        await way.enter(CALL)
        await way.leave(CALL, HEADERS, sent=True)

    ledger = Ledger(3)
    way = SourceGate(0, ledger, lambda: 0)
    asyncio.run(calls())

    assert ledger.reserved == 1
    assert ledger.settled == [("reservation 1", HEADERS)]


def test_no_window_has_more_tries_than_the_source_allows() -> None:
    begun: list[float] = []

    async def calls() -> None:
        rate = Rate(3, window_s=0.3)

        async def one() -> None:
            await rate.wait()
            begun.append(asyncio.get_running_loop().time())

        await asyncio.gather(*(one() for _ in range(10)))

    asyncio.run(calls())

    assert len(begun) == 10
    assert all(later - earlier >= 0.29 for earlier, later in zip(begun, begun[3:], strict=False))

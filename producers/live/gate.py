"""What stands before each try of a call: the source's own rate, and its credits."""

import asyncio
import time
from collections import deque
from collections.abc import Callable, Mapping

from producers.live.call import Call, Failure, Quota, Why
from producers.live.ledger import CLOCKS_MS
from producers.live.turns import Key, key

WINDOW_S = 60.0


class Rate:
    """At most so many tries in any minute; 0 for as many as one likes."""

    def __init__(self, per_minute: int, window_s: float = WINDOW_S) -> None:
        self._window_s = window_s
        self._begun_s: deque[float] = deque(maxlen=per_minute or None)
        self._per_minute, self._one_by_one = per_minute, asyncio.Lock()

    async def wait(self) -> None:
        """Return when another try may begin."""
        if not self._per_minute:
            return
        async with self._one_by_one:
            if len(self._begun_s) == self._per_minute:
                await asyncio.sleep(self._begun_s[0] + self._window_s - time.monotonic())
            self._begun_s.append(time.monotonic())


class SourceGate:
    """The gate of one source: see `producers.live.fetch.Gate`.

    The ledger waits for Kafka, so it is asked from a thread, one question at a time. A reservation whose
    request never left is kept for the next try, as long as its month is surely the same; one whose answer was
    lost stays spent.
    """

    def __init__(self, per_minute: int, quota: Quota | None, now_ms: Callable[[], int]) -> None:
        self._rate, self._quota, self._now_ms = Rate(per_minute), quota, now_ms
        self._reserved: dict[Key, tuple[str, int]] = {}
        self._one_by_one = asyncio.Lock()

    async def enter(self, call: Call) -> Failure | None:
        """Wait for the rate, then reserve what the call costs; of a free one, too, the ledger hears."""
        await self._rate.wait()
        if self._quota is None:
            return None
        held = self._reserved.get(key(call))
        if held is not None and self._now_ms() - held[1] < CLOCKS_MS:
            return None
        async with self._one_by_one:
            reservation = await asyncio.to_thread(self._quota.reserve, call, self._now_ms())
        if not reservation:
            text = f"{call.name}: the credits of {call.source} do not allow it; see `sharpline quota`"
            return Failure(call, Why.QUOTA, text, self._now_ms())
        self._reserved[key(call)] = reservation, self._now_ms()
        return None

    async def leave(self, call: Call, headers: Mapping[str, str] | None, sent: bool) -> None:
        """Correct the ledger by what the source says."""
        if not sent or self._quota is None or key(call) not in self._reserved:
            return
        reservation, _ = self._reserved.pop(key(call))
        if headers is not None:
            async with self._one_by_one:
                await asyncio.to_thread(self._quota.settle, reservation, headers, self._now_ms())

"""One connection: what it asked for, and what waits for it while its line has no room."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Iterator
from typing import Any, NamedTuple, Protocol

from msgspec import Struct

from gateway import protocol
from gateway.answers import News
from gateway.filters import Filter
from gateway.protocol import Channel, Id

#: Records of these say what was opened and withdrawn since the one before: none is left out.
NEVER_LEFT_OUT = frozenset({"bets.value", "bets.arbitrage"})
#: So many of them may wait for a client that reads slowly; then it is closed.
MAXIMUM_HELD = 2_000
#: Close code: you read too slowly. The cursor of the last message that you got goes on from there.
TOO_SLOW = 4008
#: Frames written to one client before others get their turn.
TURN = 100


class Line(Protocol):
    """The way to a client: it takes whole frames, and says whether it has room for more."""

    writable: asyncio.Event

    def write(self, frames: bytes) -> None: ...

    def close(self, code: int, reason: str) -> None: ...


class Subscription(NamedTuple):
    """What a client asked for under an id."""

    channels: tuple[Channel, ...]
    conflate_ms: int = 0


class Client:
    """What its line has no room for waits here: of each key only the newest, in order.

    ``most`` is how many subscriptions it may have at a time.
    """

    __slots__ = ("_drain", "_held", "_waiting", "knows", "line", "live", "most", "reading")

    def __init__(self, line: Line, most: int = protocol.MAXIMUM_SUBSCRIPTIONS) -> None:
        self.line, self.most = line, most
        self.live: dict[Id, Subscription] = {}
        self.reading: dict[Id, asyncio.Task[None]] = {}
        """Subscriptions that read the past, each by its task."""
        self.knows: object = None
        """How the gateway is, as this client was told last."""
        self._waiting: dict[object, Iterator[bytes]] = {}
        self._held = 0
        self._drain: asyncio.Task[None] | None = None

    @property
    def has_room(self) -> bool:
        """Whether what is sent now goes to its line at once."""
        return self._drain is None and self.line.writable.is_set()

    def tell(self, message: Struct) -> None:
        """Send one message of the conversation itself."""
        self.write(protocol.frame(message))

    def write(self, frame: bytes) -> None:
        """Send one frame after all that was sent before."""
        if self.has_room:
            self.line.write(frame)
        else:
            self._wait(object(), iter((frame,)))

    def update(self, news: News, filters: frozenset[Filter], *, conflated: bool, with_cursor: bool) -> None:
        """Send an update; one of the same key that still waits is left out, where nothing is lost by it."""
        if self.has_room:
            self.line.write(news.frame(filters, conflated=conflated, with_cursor=with_cursor))
            return
        message = news.answer.message
        if message.topic in NEVER_LEFT_OUT:
            self._held += 1
            if self._held > MAXIMUM_HELD:
                self._give_up()
                return
            self._wait(object(), self._one_held(news, filters, conflated, with_cursor))
            return
        place = message[:2]
        is_newer = self._waiting.pop(place, None) is not None
        frame = news.frame(filters, conflated=conflated or is_newer, with_cursor=with_cursor)
        self._wait(place, iter((frame,)))

    def send_all(self, frames: Iterable[bytes]) -> None:
        """Send frames that are made one by one as the line has room, after all that was sent before."""
        self._wait(object(), iter(frames))

    async def caught_up(self) -> None:
        """Wait until all that was sent has gone to the line."""
        if self._drain is not None:
            await asyncio.wait({self._drain})

    def leave(self) -> None:
        self._waiting.clear()
        for task in self.reading.values():
            task.cancel()
        self.reading.clear()
        if self._drain is not None:
            self._drain.cancel()

    def _one_held(
        self, news: News, filters: frozenset[Filter], conflated: bool, with_cursor: bool
    ) -> Iterator[bytes]:
        self._held -= 1
        yield news.frame(filters, conflated=conflated, with_cursor=with_cursor)

    def _give_up(self) -> None:
        """What waits can grow no more: the client goes on elsewhere from the last cursor that it got."""
        self._waiting.clear()
        self._held = 0
        self.line.close(TOO_SLOW, "you read too slowly: resume from the last cursor that you got")

    def _wait(self, place: object, frames: Iterator[bytes]) -> None:
        self._waiting[place] = frames
        if self._drain is None:
            self._drain = asyncio.create_task(self._drained())

    async def _drained(self) -> None:
        written = 0
        try:
            while self._waiting:
                for frame in self._waiting.pop(next(iter(self._waiting))):
                    await self.line.writable.wait()
                    self.line.write(frame)
                    written += 1
                    if written % TURN == 0:
                        await asyncio.sleep(0)
        finally:
            self._drain = None


class SentFrames:
    """A line for servers that do not show their transport: frames go out as ASGI messages, one by one."""

    def __init__(
        self,
        send_text: Callable[[str], Awaitable[None]],
        close: Callable[[int, str], Coroutine[Any, Any, None]],
    ) -> None:
        self.writable = asyncio.Event()
        self.writable.set()
        self._send_text, self._close = send_text, close
        self._frames: deque[bytes] = deque()
        self._task: asyncio.Task[None] | None = None

    def write(self, frames: bytes) -> None:
        self._frames.extend(protocol.payloads(frames))
        self.writable.clear()
        if self._task is None:
            self._task = asyncio.create_task(self._sent())

    def close(self, code: int, reason: str) -> None:
        self._closing = asyncio.create_task(self._close(code, reason))

    async def _sent(self) -> None:
        try:
            while self._frames:
                await self._send_text(self._frames.popleft().decode())
        finally:
            self._task = None
            self.writable.set()

"""Uvicorn's HTTP that waits only so long for a request, and refuses headers that a WebSocket cannot take."""

import asyncio
from typing import Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from gateway.limits import sparing

#: The WebSocket library takes no longer lines and no more of them, and leaves its client without an answer.
MAXIMUM_LINE_BYTES = 8_192
MAXIMUM_HEADERS = 128
AROUND_BYTES = len(b"GET  HTTP/1.1\r\n")
TOO_LARGE = (
    b"HTTP/1.1 431 Request Header Fields Too Large\r\nContent-Type: text/plain; charset=utf-8\r\n"
    b"Content-Length: 0\r\nConnection: close\r\n\r\n"
)
#: Of what is sent to an open port there is no end, and uvicorn has a line for each.
sparing("uvicorn.error")


class PromptProtocol(H11Protocol):
    """A connection whose requests come whole within ``request_s``, or it is cut."""

    def __init__(self, *given: Any, request_s: float, **named: Any) -> None:
        super().__init__(*given, **named)
        self.request_s = request_s
        self._late: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._late = self.loop.call_later(self.request_s, transport.abort)

    def data_received(self, data: bytes) -> None:
        if self._late is None:  # the next request of a connection that was kept
            self._late = self.loop.call_later(self.request_s, self.transport.abort)
        super().data_received(data)
        if self.conn.their_state not in (h11.IDLE, h11.SEND_BODY):
            self._came()

    def handle_websocket_upgrade(self, event: h11.Request) -> None:
        self._came()
        lines = [len(event.target), *(len(name) + len(value) for name, value in self.headers)]
        if max(lines) > MAXIMUM_LINE_BYTES - AROUND_BYTES or len(self.headers) > MAXIMUM_HEADERS:
            self.transport.write(TOO_LARGE)
            self.transport.close()
            return
        super().handle_websocket_upgrade(event)

    def connection_lost(self, exc: Exception | None) -> None:
        self._came()
        super().connection_lost(exc)

    def _came(self) -> None:
        if self._late is not None:
            self._late.cancel()
            self._late = None

"""``/v1/stream``: the conversation with one client, over a socket that takes whole frames."""

import asyncio
import logging
from itertools import count
from typing import Any, cast

from starlette.websockets import WebSocket
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from gateway import protocol
from gateway.answers import wall_ms
from gateway.hub import SENT, Client, Hub
from gateway.protocol import Ping, Subscribe, Unsubscribe, understood
from pipeline.errors import BadRequest
from pipeline.telemetry import say

log = logging.getLogger("sharpline.gateway")
#: Sockets are known by these in the log; who is behind one is nobody's business.
NUMBERS = count(1)
UNSUPPORTED_DATA = 1003
EXTENSION = "sharpline.protocol"


class DirectProtocol(WebSocketsSansIOProtocol):
    """Uvicorn's WebSocket that shows itself to the application.

    One frame for many clients goes straight to their transports: half the CPU of a send through ASGI.
    """

    async def run_asgi(self) -> None:
        cast(dict[str, Any], self.scope)["extensions"][EXTENSION] = self
        await super().run_asgi()

    def keepalive_timeout(self) -> None:
        super().keepalive_timeout()
        # Closing waits until what is buffered has gone, which it never does to a peer that reads nothing.
        self.transport.abort()


class DirectLine:
    """Whole frames into the transport of an accepted WebSocket."""

    def __init__(self, socket: DirectProtocol) -> None:
        self._socket = socket
        self.writable: asyncio.Event = socket.writable

    def write(self, frame: bytes) -> None:
        if not (self._socket.close_sent or self._socket.transport.is_closing()):
            self._socket.transport.write(frame)


async def stream(socket: WebSocket) -> None:
    """Accept, understand, deliver until they leave."""
    hub: Hub = socket.app.state.hub
    offered = protocol.SUBPROTOCOL in socket.scope["subprotocols"]
    await socket.accept(protocol.SUBPROTOCOL if offered else None)
    client = Client(DirectLine(socket.scope["extensions"][EXTENSION]))
    hub.join(client)
    number = next(NUMBERS)
    say(log, "socket opened", socket=number, sockets=len(hub.clients))
    try:
        hub.tell_status()
        while (message := await socket.receive())["type"] == "websocket.receive":
            if (text := message.get("text")) is None:
                await socket.close(UNSUPPORTED_DATA, "JSON texts only")
                return
            answer(hub, client, text, number)
            # Who sends much and reads little is heard again once it has read.
            await client.caught_up()
    finally:
        hub.leave(client)
        say(log, "socket closed", socket=number, sockets=len(hub.clients))


def answer(hub: Hub, client: Client, text: str, number: int) -> None:
    """Do what a client asks for, or tell it why not. ``number`` is its socket's."""
    try:
        request = understood(text)
        match request:
            case Subscribe(id=id, channels=channels):
                hub.subscribe(client, id, channels)
            case Unsubscribe(id=id):
                hub.unsubscribe(client, id)
                client.tell(protocol.Unsubscribed(id, wall_ms()))
            case Ping(id=id):
                client.tell(protocol.Pong(wall_ms(), id))
    except BadRequest as error:
        SENT["error"].inc()
        say(log, "refused a request", socket=number, code=error.code)
        client.tell(
            protocol.Error(error.code, error.message)
            if error.id is None
            else protocol.Error(error.code, error.message, error.id)
        )

"""``/v1/stream``: the conversation with one client, over a socket that takes whole frames."""

import asyncio
import logging
from collections.abc import Coroutine
from contextlib import suppress
from itertools import count
from typing import Any, cast

from starlette.websockets import WebSocket, WebSocketDisconnect
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.frames import CloseCode, Frame

from gateway import protocol
from gateway.access import Visitor
from gateway.answers import wall_ms
from gateway.client import Client, SentFrames, Subscription
from gateway.hub import SENT, Hub
from gateway.limits import Limits, sparing
from gateway.past import MAXIMUM_PLAYERS, Past
from gateway.playback import Pace, play, resume
from gateway.protocol import Id, Subscribe, understood
from pipeline.errors import BadRequest
from pipeline.telemetry import say

log = logging.getLogger("sharpline.gateway")
#: Of these a client can have a line each.
refusals = sparing("sharpline.gateway.requests")
#: Sockets are known by these in the log; who is behind one is nobody's business.
NUMBERS = count(1)
UNSUPPORTED_DATA = 1003
EXTENSION = "sharpline.protocol"
#: A client that is closed and reads nothing is cut off after this.
CUT_OFF_AFTER_S = 5.0
#: Pieces of one message; of empty ones its size sets no end.
MAXIMUM_FRAGMENTS = 1_000


class DirectProtocol(WebSocketsSansIOProtocol):
    """Uvicorn's WebSocket that shows itself to the application.

    One frame for many clients goes straight to their transports: half the CPU of a send through ASGI.
    """

    async def run_asgi(self) -> None:
        cast(dict[str, Any], self.scope)["extensions"][EXTENSION] = self
        await super().run_asgi()

    async def send(self, message: Any) -> None:
        await super().send(message)
        if message["type"] == "websocket.http.response.body" and not message.get("more_body"):
            # Else uvicorn takes a handshake that was answered over HTTP for one that was forgotten.
            self.handshake_complete = True

    def handle_ping(self) -> None:
        if self.writable.is_set():
            super().handle_ping()
        else:  # who reads nothing is owed no pong, and could have as many of them kept as it likes
            self.conn.data_to_send()

    def handle_cont(self, event: Frame) -> None:
        if len(self.frames) >= MAXIMUM_FRAGMENTS:
            self._refuse(CloseCode.MESSAGE_TOO_BIG)
        else:
            super().handle_cont(event)

    def send_receive_event_to_app(self) -> None:
        if self.curr_msg_data_type == "text":
            try:
                b"".join(self.frames).decode()
            except UnicodeDecodeError:  # uvicorn would log its stack
                self._refuse(CloseCode.INVALID_DATA)
                return
        super().send_receive_event_to_app()

    def _refuse(self, code: int) -> None:
        self.frames = []
        if not self.close_sent:
            self.conn.fail(code)
            self.handle_parser_exception()

    def keepalive_timeout(self) -> None:
        super().keepalive_timeout()
        # Closing waits until what is buffered has gone, which it never does to a peer that reads nothing.
        self.transport.abort()


class DirectLine:
    """Whole frames into the transport of an accepted WebSocket."""

    __slots__ = ("_closing", "_socket", "_websocket", "writable")

    def __init__(self, socket: DirectProtocol, websocket: WebSocket) -> None:
        self._socket, self._websocket = socket, websocket
        self.writable: asyncio.Event = socket.writable
        self._closing: asyncio.Task[None] | None = None

    def write(self, frames: bytes) -> None:
        if not (self._socket.close_sent or self._socket.transport.is_closing()):
            self._socket.transport.write(frames)

    def close(self, code: int, reason: str) -> None:
        if self._closing is None:
            self._closing = asyncio.create_task(_closed(self._websocket, code, reason))
            asyncio.get_running_loop().call_later(CUT_OFF_AFTER_S, self._socket.transport.abort)


class Conversation:
    """One client, and who it is."""

    __slots__ = ("_number", "_paces", "_visitor", "client", "hub", "past")

    def __init__(self, hub: Hub, past: Past | None, client: Client, visitor: Visitor, number: int) -> None:
        self.hub, self.past, self.client = hub, past, client
        self._visitor, self._number = visitor, number
        self._paces: dict[Id, Pace] = {}

    def answer(self, text: str) -> None:
        """Do what the client asks for, or tell it why not."""
        client = self.client
        try:
            match request := understood(text):
                case Subscribe():
                    self._subscribe(request)
                case protocol.Unsubscribe(id=id):
                    self.hub.unsubscribe(client, id)
                    client.tell(protocol.Unsubscribed(id, wall_ms()))
                case protocol.Step(id=id, count=steps):
                    self._pace(id).step(steps)
                case protocol.Pace(id=id, speed=speed):
                    self._pace(id).set(speed)
                case protocol.Ping(id=id):
                    client.tell(protocol.Pong(wall_ms(), id))
        except BadRequest as error:
            self._refuse(error)

    def _subscribe(self, request: Subscribe) -> None:
        for topic in dict.fromkeys(channel.topic for channel in request.channels):
            if not self._visitor.may_read(topic):
                text = f"your token does not cover {topic}"
                raise BadRequest("forbidden", text, request.id)
        hub, client, id = self.hub, self.client, request.id
        subscription = Subscription(request.channels, request.conflate_ms)
        if request.resume:
            cursor = hub.positions.understood(request.resume)
            self._read(id, resume(hub, self.past, client, id, subscription, cursor, request.snapshot))
        elif request.from_ms is not None:
            self._play(request, subscription)
        else:
            hub.subscribe(client, id, subscription)

    def _play(self, request: Subscribe, subscription: Subscription) -> None:
        past = self.past
        if past is None:
            raise BadRequest("no_past", "this gateway reads no log", request.id)
        if (request.from_ms or 0) > self.hub.now_ms:
            text = f"from lies ahead of the log's own time, {self.hub.now_ms}"
            raise BadRequest("invalid_time", text, request.id)
        if past.players >= MAXIMUM_PLAYERS:
            text = f"{MAXIMUM_PLAYERS} clients read the past already: try again later"
            raise BadRequest("busy", text, request.id)
        pace = Pace(request.speed)
        task = self._read(request.id, play(self.hub, past, self.client, request, subscription, pace))
        self._paces[request.id] = pace
        past.players += 1

        def ended(_: asyncio.Task[None]) -> None:
            past.players -= 1
            if self._paces.get(request.id) is pace:
                del self._paces[request.id]

        task.add_done_callback(ended)

    def _read(self, id: Id, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Have a subscription read the past, beside everything else."""
        try:
            self.hub.require_free(self.client, id)
            if len(self.client.reading) >= protocol.MAXIMUM_READING:
                text = f"{protocol.MAXIMUM_READING} subscriptions at a time may read the past"
                raise BadRequest("too_many", text, id)
        except BadRequest:
            work.close()
            raise

        def ended(task: asyncio.Task[None]) -> None:
            if self.client.reading.get(id) is task:  # its id may have been given up, and taken again
                del self.client.reading[id]
            if not task.cancelled() and (error := task.exception()) is not None:
                log.error("reading the past failed", exc_info=error)
                self._refuse(BadRequest("failed", "reading the past failed: subscribe again", id))

        self.client.reading[id] = task = asyncio.create_task(work)
        task.add_done_callback(ended)
        return task

    def _pace(self, id: Id) -> Pace:
        if id not in self._paces:
            raise BadRequest("unknown_id", f"no subscription {id!r} reads the past", id)
        return self._paces[id]

    def _refuse(self, error: BadRequest) -> None:
        SENT["error"].inc()
        say(refusals, "refused a request", socket=self._number, code=error.code)
        self.client.tell(
            protocol.Error(error.code, error.message)
            if error.id is None
            else protocol.Error(error.code, error.message, error.id)
        )


async def stream(socket: WebSocket) -> None:
    """Accept, understand, deliver until they leave."""
    hub: Hub = socket.app.state.hub
    visitor: Visitor = socket.state.visitor
    limits: Limits = socket.state.limits
    messages = limits.messages()
    offered = protocol.SUBPROTOCOL in socket.scope["subprotocols"]
    await socket.accept(protocol.SUBPROTOCOL if offered else None)
    direct = socket.scope["extensions"].get(EXTENSION) if "extensions" in socket.scope else None
    line = DirectLine(direct, socket) if direct else SentFrames(socket.send_text, socket.close)
    number = next(NUMBERS)
    client = Client(line, limits.subscriptions_per_socket)
    talk = Conversation(hub, socket.app.state.past, client, visitor, number)
    hub.join(client)
    say(log, "socket opened", socket=number, sockets=len(hub.clients))
    try:
        hub.tell_status()
        while (message := await socket.receive())["type"] == "websocket.receive":
            if (text := message.get("text")) is None:
                await socket.close(UNSUPPORTED_DATA, "JSON texts only")
                return
            while wait_s := messages.take():
                await asyncio.sleep(wait_s)  # its next messages wait where they are
            await hub.ready.wait()
            talk.answer(text)
            # Who sends much and reads little is heard again once it has read.
            await client.caught_up()
    finally:
        hub.leave(client)
        say(log, "socket closed", socket=number, sockets=len(hub.clients))


async def _closed(socket: WebSocket, code: int, reason: str) -> None:
    with suppress(RuntimeError, WebSocketDisconnect):  # it may have gone already
        await socket.close(code, reason)

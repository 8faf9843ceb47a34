"""The door of the gateway: who comes in, how often, and from which sites. ASGI, around the application."""

import asyncio
import math
import re
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from http import HTTPStatus
from typing import NamedTuple
from urllib.parse import urlsplit

import msgspec
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gateway import problems, protocol
from gateway.access import ANYONE, NOBODY, READ, Tokens, Visitor, is_loopback, seconds_left, tokens_of
from gateway.limits import Bucket, Limits, address_of, sparing
from pipeline.errors import Denied
from pipeline.settings import Settings
from pipeline.telemetry import TURNED_AWAY, say

log = sparing("sharpline.gateway.refusals")
#: Beside the subprotocol, since a browser's WebSocket can send no header of its own and URLs end up in logs.
BEARER_SUBPROTOCOL = "bearer."
BEARER = "bearer "
CREDENTIALS = {b"authorization", b"sec-websocket-protocol"}
TOKEN_EXPIRED = 4001
#: A client is told so long before its token expires, which is time to get a new one.
TOLD_BEFORE_S = 60.0
LONGEST_SLEEP_S = 3600.0
SECURITY = {
    "Content-Security-Policy": "default-src 'self'; base-uri 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}
#: For who looks whether it lives and what there is: nothing of a topic is at these.
PUBLIC = frozenset({"/", "/v1", "/livez", "/readyz", "/healthz", "/v1/openapi.json", "/v1/asyncapi.json"})
#: The files of the page; it asks for what is in it with the token of who looks.
PUBLIC_BELOW = "/page/"
GAMES = ("games.states", "games.probabilities")
#: The topics that an address shows, beside which games there are, whether they are on, and who quotes them.
#: One that is not listed shows everything, as far as the guard knows.
SHOWN = tuple(
    (re.compile(path), topics)
    for path, topics in (
        (r"/v1/stream", ()),  # each subscription asks for itself
        (r"/v1/calculate/[^/]+", ()),
        (r"/registry(/.*)?", ()),
        (r"/v1/(sports|leagues)", GAMES),
        (r"/v1/books", ("odds.closing",)),
        (r"/v1/events", (*GAMES, "bets.value", "bets.arbitrage")),
        (r"/v1/events/[^/]+/probabilities", ("games.probabilities",)),
        (r"/v1/events/[^/]+/odds", ("odds.fair", "odds.closing")),
        (r"/v1/events/[^/]+/moves", ("odds.moves",)),
        (r"/v1/(events/[^/]+/)?value-bets", ("bets.value",)),
        (r"/v1/(events/[^/]+/)?arbitrage", ("bets.arbitrage",)),
        (r"/v1/events/[^/]+/results", ("bets.results", "games.scores")),
        (r"/metrics", ("metrics",)),
    )
)
EVERYTHING = ("*",)


class Refusal(problems.Problem, frozen=True, kw_only=True, omit_defaults=True):
    """Why a visitor may not come in; ``code`` is for programs."""

    code: str


class Door(NamedTuple):
    """What is asked of who comes in."""

    tokens: Tokens | None
    limits: Limits
    origins: frozenset[str]


def door_of(settings: Settings, host: str) -> Door:
    """The door of a gateway that listens on ``host``. Raises UsageError where its keys cannot be had."""
    tokens = tokens_of(settings, host)
    limits = Limits(settings, of_each=tokens is not None or not is_loopback(host))
    origins = frozenset(origin.strip().rstrip("/").lower() for origin in settings.origins.split(","))
    return Door(tokens, limits, origins - {""})


class Guard:
    """Lets in whoever may, with `Visitor` and `Limits` in the scope's state; the others are told why not."""

    def __init__(self, app: ASGIApp, door: Door) -> None:
        self._app, self._door = app, door

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            return await self._app(scope, receive, send)
        headers = Headers(scope=scope)
        bucket = None
        with ExitStack() as stays:
            try:
                given = _tokens(scope, headers)
                if scope["type"] == "websocket":
                    self._check_origin(headers)
                visitor, bucket = self._admitted(scope, given)
                if scope["type"] == "websocket":
                    stays.enter_context(self._door.limits.sockets.one(address_of(scope.get("client"))))
            except Denied as denied:
                return await self._refused(denied, bucket, scope, receive, send)
            scope.setdefault("state", {}).update(visitor=visitor, limits=self._door.limits)
            if scope["type"] == "websocket":
                return await self._conversation(visitor, scope, receive, send)
            await self._app(scope, receive, self._headed(send, bucket))

    def _check_origin(self, headers: Headers) -> None:
        """A page of another site must not read with the rights of who looks at it. Raises Denied."""
        origin = headers.get("origin")
        if origin is None or "*" in self._door.origins or origin.lower() in self._door.origins:
            return
        if urlsplit(origin).netloc.lower() != headers.get("host", "").lower():
            text = "pages of this site may not open a WebSocket here: SHARPLINE_ORIGINS lists those that may"
            raise Denied(HTTPStatus.FORBIDDEN, "origin", text)

    def _admitted(self, scope: Scope, given: list[str]) -> tuple[Visitor, Bucket | None]:
        """Who this is, and what is left of their requests. Raises Denied."""
        door, address = self._door, address_of(scope.get("client"))
        path = scope["path"]
        if path in PUBLIC or path.startswith(PUBLIC_BELOW) or scope.get("method") == "OPTIONS":
            return (ANYONE if door.tokens is None else NOBODY), None
        visitor, denied = ANYONE, None
        if door.tokens is not None:
            try:
                visitor = door.tokens.visitor(_only(given))
            except Denied as error:
                denied = error
        requests = door.limits.requests
        bucket = None if requests is None else requests.of(visitor.name or f"address {address}")
        if bucket is not None and (wait_s := bucket.take()):
            text = (
                f"more than {door.limits.requests_per_minute} requests a minute: wait {math.ceil(wait_s)} s"
            )
            raise Denied(HTTPStatus.TOO_MANY_REQUESTS, "too_many_requests", text, wait_s)
        if denied is not None:
            raise denied
        for topic in _shown(path):
            if not visitor.may_read(topic):
                text = f"the token's scope does not cover {topic}: it takes {READ}{topic}"
                raise Denied(HTTPStatus.FORBIDDEN, "forbidden", text)
        return visitor, bucket

    async def _refused(
        self, denied: Denied, bucket: Bucket | None, scope: Scope, receive: Receive, send: Send
    ) -> None:
        """Tell why, over HTTP, also to who wanted a WebSocket: it is none yet."""
        TURNED_AWAY.labels(denied.code).inc()
        say(log, "turned away", code=denied.code, status=int(denied.status))
        headers = {}
        if denied.retry_after_s:
            headers["Retry-After"] = str(math.ceil(denied.retry_after_s))
        if denied.status == HTTPStatus.UNAUTHORIZED:
            error = "" if denied.code == "no_token" else ', error="invalid_token"'
            headers["WWW-Authenticate"] = f'Bearer realm="sharpline"{error}'
        elif denied.code == "forbidden":
            headers["WWW-Authenticate"] = 'Bearer realm="sharpline", error="insufficient_scope"'
        told = problems.problem(denied.status, scope["path"], denied.message)
        answer = problems.response(Refusal(code=denied.code, **msgspec.structs.asdict(told)), headers)
        await answer(scope, receive, self._headed(send, bucket))

    def _headed(self, send: Send, bucket: Bucket | None) -> Send:
        """Each answer with what browsers must know, and with what is left of the requests."""
        per_minute = self._door.limits.requests_per_minute

        async def headed(message: Message) -> None:
            if message["type"].endswith("response.start"):
                headers = MutableHeaders(raw=message.setdefault("headers", []))
                for name, value in SECURITY.items():
                    headers.setdefault(name, value)
                if bucket is not None:
                    headers["RateLimit-Policy"] = f'"requests";q={per_minute};w=60'
                    headers["RateLimit"] = f'"requests";r={bucket.left};t={bucket.full_in_s}'
            await send(message)

        return headed

    async def _conversation(self, visitor: Visitor, scope: Scope, receive: Receive, send: Send) -> None:
        """A WebSocket for as long as its token is good."""
        ending: list[asyncio.Task[None]] = []

        async def watched(message: Message) -> None:
            await send(message)
            if message["type"] == "websocket.accept" and visitor.expires_at_s < math.inf:
                ending.append(asyncio.create_task(_ended(visitor, send)))

        try:
            await self._app(scope, receive, watched)
        finally:
            for task in ending:
                task.cancel()


async def _ended(visitor: Visitor, send: Send) -> None:
    """Close a WebSocket when its token has expired, having told so before."""
    text = f"the token expires: the connection will be closed ({TOKEN_EXPIRED}); connect with a new one"
    said = msgspec.json.encode(protocol.Error("token_expires", text)).decode()
    with suppress(OSError, RuntimeError):  # it has gone, or is closed for another reason
        await _until(visitor, TOLD_BEFORE_S)
        await send({"type": "websocket.send", "text": said})
        await _until(visitor, 0.0)
        TURNED_AWAY.labels("token_expired").inc()
        await send({"type": "websocket.close", "code": TOKEN_EXPIRED, "reason": "the token has expired"})


async def _until(visitor: Visitor, before_s: float) -> None:
    while (left_s := seconds_left(visitor) - before_s) > 0:
        await asyncio.sleep(min(left_s, LONGEST_SLEEP_S))


def _tokens(scope: Scope, headers: Headers) -> list[str]:
    """The tokens of a request, which nothing behind the guard gets to see."""
    given = [
        value[len(BEARER) :].strip()
        for value in headers.getlist("authorization")
        if value.lower().startswith(BEARER)
    ]
    if scope["type"] == "websocket":
        offered = scope["subprotocols"]
        given += list(_bearers(offered))
        scope["subprotocols"] = [one for one in offered if not one.startswith(BEARER_SUBPROTOCOL)]
    scope["headers"] = [(name, value) for name, value in scope["headers"] if name not in CREDENTIALS]
    return given


def _bearers(subprotocols: list[str]) -> Iterator[str]:
    for offered in subprotocols:
        if offered.startswith(BEARER_SUBPROTOCOL):
            yield offered.removeprefix(BEARER_SUBPROTOCOL)


def _only(given: list[str]) -> str:
    """The one token of a request. Raises Denied."""
    if not given:
        text = (
            "a token is needed, as `Authorization: Bearer <token>` or, of a WebSocket, in the subprotocols "
            f"`{protocol.SUBPROTOCOL}, {BEARER_SUBPROTOCOL}<token>`"
        )
        raise Denied(HTTPStatus.UNAUTHORIZED, "no_token", text)
    if len(given) > 1:
        raise Denied(HTTPStatus.UNAUTHORIZED, "token_malformed", "more than one token was given")
    return given[0]


def _shown(path: str) -> tuple[str, ...]:
    """What of the topics an address shows."""
    return next((topics for pattern, topics in SHOWN if pattern.fullmatch(path)), EVERYTHING)

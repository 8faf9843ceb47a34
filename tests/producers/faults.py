"""A server on loopback that speaks for the services that sources ask, with faults by script."""

import asyncio
import json
import re
import threading
from collections import defaultdict, deque
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

JSON = "application/json"
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d)?Z")

Fault = Callable[[bytes], Response]


class Asked(NamedTuple):
    """A request as the server saw it."""

    path: str
    query: dict[str, str]
    headers: dict[str, str]


class Service:
    """Answers each path with the newest body that it was given, unless a fault is next in its script.

    ``script`` and ``bodies`` are by path. Every answer has an ETag where ``versions`` says so.
    """

    def __init__(self) -> None:
        self.bodies: dict[str, bytes] = {}
        self.script: dict[str, deque[Fault]] = defaultdict(deque)
        self.headers: dict[str, str] = {}
        self.versions = False
        self.asked: list[Asked] = []
        self.url = ""

    def count(self, path: str) -> int:
        """How often a path was asked for."""
        return sum(asked.path == path for asked in list(self.asked))

    def answer(self, request: Request) -> Response:
        """The next answer of a path."""
        path = request.url.path
        self.asked.append(Asked(path, dict(request.query_params), dict(request.headers)))
        body = self.bodies.get(path)
        if self.script[path]:
            return self.script[path].popleft()(body or b"")
        if body is None:
            return JSONResponse({"message": "Unknown sport", "error_code": "UNKNOWN_SPORT"}, 404)
        if not self.versions:
            return Response(body, media_type=JSON, headers=self.headers)
        version = f'"{hash(body)}"'
        if request.headers.get("if-none-match") == version:
            return Response(status_code=304, headers={"ETag": version, **self.headers})
        return Response(body, media_type=JSON, headers={"ETag": version, **self.headers})


@contextmanager
def served(service: Service) -> Iterator[Service]:
    """The service, on a port of its own; its address is in ``url``."""

    async def endpoint(request: Request) -> Response:
        return service.answer(request)

    app = Starlette(routes=[Route("/{path:path}", endpoint)])
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="critical", timeout_graceful_shutdown=1))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    try:
        while not server.started:
            thread.join(0.01)
            assert thread.is_alive(), "the server did not start"
        port = server.servers[0].sockets[0].getsockname()[1]
        service.url = f"http://127.0.0.1:{port}"
        yield service
    finally:
        server.should_exit = True
        thread.join(30)


def status(code: int, *, retry_after: str = "", said: dict[str, Any] | None = None) -> Fault:
    """An answer that is no success, and whether it says when to come back."""
    headers = {"Retry-After": retry_after} if retry_after else {}
    return lambda _: JSONResponse(said or {"message": "not now"}, code, headers)


def drip(seconds: float) -> Fault:
    """The bytes one by one, so far apart that the whole never comes."""

    async def pieces(body: bytes) -> AsyncIterator[bytes]:
        for byte in body:
            yield bytes([byte])
            await asyncio.sleep(seconds)

    return lambda body: StreamingResponse(pieces(body), media_type=JSON)


def cut(body: bytes) -> Response:
    """The connection ends in the middle of the answer."""

    async def pieces() -> AsyncIterator[bytes]:
        yield body[: len(body) // 2]
        raise ConnectionAbortedError("as the script says")

    return StreamingResponse(pieces(), media_type=JSON, headers={"Content-Length": str(len(body))})


def half(body: bytes) -> Response:
    """Half of the JSON, as if it were all."""
    return Response(body[: len(body) // 2], media_type=JSON)


def page(_: bytes) -> Response:
    """A page for a browser, with 200."""
    return Response("<!doctype html><title>Just a moment...</title>", media_type="text/html")


def charset(name: str) -> Fault:
    """The JSON in another character set, and said to be in it."""
    return lambda body: Response(
        body.decode().replace(" ", "\u00e9 ").encode(name), media_type=f"{JSON}; charset={name}"
    )


def body(changed: bytes) -> Fault:
    """Another body once: of another shape, an earlier one, or the same again."""
    return lambda _: Response(changed, media_type=JSON)


def with_clock_off(body: bytes, minutes: int) -> bytes:
    """The body of a service whose clock is off."""

    def moved(found: re.Match[str]) -> str:
        at = datetime.fromisoformat(found[0]) + timedelta(minutes=minutes)
        return at.strftime("%Y-%m-%dT%H:%M:%SZ")

    return _TIME.sub(moved, body.decode()).encode()


def without(body: bytes, field: str) -> bytes:
    """The body without a field, wherever it stands."""
    return json.dumps(
        _each(json.loads(body), lambda given: {k: v for k, v in given.items() if k != field})
    ).encode()


def with_value(body: bytes, field: str, value: Any) -> bytes:
    """The body with another value in a field, wherever that stands."""
    return json.dumps(
        _each(json.loads(body), lambda given: {k: value if k == field else v for k, v in given.items()})
    ).encode()


def _each(said: Any, change: Callable[[dict[str, Any]], dict[str, Any]]) -> Any:
    if isinstance(said, dict):
        return {name: _each(value, change) for name, value in change(said).items()}
    return [_each(one, change) for one in said] if isinstance(said, list) else said

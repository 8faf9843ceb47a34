"""How this gateway is, for whoever keeps it running. Nobody keeps these answers."""

import time
from http import HTTPStatus
from typing import Any

import msgspec
from msgspec import Struct
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.requests import Request
from starlette.responses import Response

from gateway.census import Census
from gateway.http.conditional import JSON
from gateway.hub import HANGS_AFTER_S, Hub
from pipeline.telemetry import Part

HEADERS = {"Cache-Control": "no-store"}


class Alive(Struct, frozen=True, omit_defaults=True):
    """``alive``, or ``dead`` and why it should be started again."""

    status: str
    text: str = ""


class Ready(Struct, frozen=True):
    """Whether all that was there at the start has been read and the broker answers."""

    ready: bool
    status: str


class Health(Struct, frozen=True):
    """How things are; ``now_ms`` is the log's time, ``wall_ms`` the gateway's own clock."""

    status: str
    text: str
    now_ms: int
    wall_ms: int
    events: int
    sockets: int


async def alive(request: Request) -> Response:
    """200 while it reads, or waits for its broker as it should; 503 where it should be started again."""
    hub: Hub = request.app.state.hub
    if hub.is_reading(time.monotonic()):
        return _json(Alive("alive"))
    said = "has ended" if hub.feed_has_ended else f"hangs for more than {HANGS_AFTER_S:.0f} s"
    return _json(Alive("dead", f"reading from Kafka {said}"), HTTPStatus.SERVICE_UNAVAILABLE)


async def ready(request: Request) -> Response:
    """200 once everything that was there at the start has been read, for as long as the broker answers."""
    hub: Hub = request.app.state.hub
    is_ready = hub.is_ready and not hub.broker_away
    code = HTTPStatus.OK if is_ready else HTTPStatus.SERVICE_UNAVAILABLE
    return _json(Ready(is_ready, hub.status().status), code)


async def health(request: Request) -> Response:
    """How things are; 503 where the answers may not be the newest."""
    hub: Hub = request.app.state.hub
    status = hub.status()
    code = HTTPStatus.OK if status.status in ("live", "stale") else HTTPStatus.SERVICE_UNAVAILABLE
    said = status.status, status.text, status.now_ms, status.sent_at_ms
    return _json(Health(*said, events=len(hub.events()), sockets=len(hub.clients)), code)


async def metrics(request: Request) -> Response:
    """This process's numbers, for Prometheus."""
    census: Census = request.app.state.census
    await census.count()
    return Response(generate_latest(Part("gateway")), headers=HEADERS, media_type=CONTENT_TYPE_LATEST)


def _json(told: Any, code: int = HTTPStatus.OK) -> Response:
    return Response(msgspec.json.encode(told), code, HEADERS, media_type=JSON)

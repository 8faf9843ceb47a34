"""The routes over HTTP, the index of them, and what they are served through: compression, other origins."""

from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute, Mount, Route

from gateway import asyncapi, openapi, registry
from gateway.calculate import calculate
from gateway.http import conditional, health, static
from gateway.http.conditional import TagByCoding
from gateway.http.endpoint import NOW
from gateway.http.table import ENDPOINTS
from pipeline.calculator import CALCULATORS

OTHERS = {
    "GET  /": "the page (docs/page.md)",
    "WS   /v1/stream": "snapshots, then updates (docs/stream.md)",
    "POST /v1/calculate/{what}": f"{', '.join(CALCULATORS)} (docs/calculators.md)",
    "GET  /v1/openapi.json": "this API, OpenAPI 3.1",
    "GET  /v1/asyncapi.json": "the stream and the topics, AsyncAPI 3.0",
    "GET  /registry/subjects": "the Avro schemas, as a Confluent schema registry serves them",
    "GET  /healthz": "how this gateway is; 503 where answers may not be the newest",
    "GET  /livez": "503 where it has stopped reading: start it again",
    "GET  /readyz": "503 while it starts and while its broker is away",
    "GET  /metrics": "Prometheus",
}
#: Of bodies that are compressed; smaller ones gain nothing.
COMPRESSED_FROM_BYTES = 1_024
COMPRESSION_LEVEL = 3
#: What scripts of another origin may send and read.
REQUEST_HEADERS = ("Authorization", "Content-Type", "If-None-Match")
RESPONSE_HEADERS = ("ETag", "Retry-After", NOW)


def routes() -> list[BaseRoute]:
    """Everything that is answered over HTTP."""
    return [
        *static.routes(),
        Route("/v1", index),
        *(endpoint.route() for endpoint in ENDPOINTS),
        Route("/v1/calculate/{what}", calculate, methods=["POST"]),
        Route("/v1/openapi.json", described),
        Route("/v1/asyncapi.json", described),
        Route("/healthz", health.health),
        Route("/livez", health.alive),
        Route("/readyz", health.ready),
        Route("/metrics", health.metrics),
        Mount("/registry", app=registry.app),
    ]


def middleware(origins: frozenset[str]) -> list[Middleware]:
    """Around all routes. ``origins``: whose scripts may ask, ``*`` for all; none where it is empty."""
    allowed = Middleware(
        CORSMiddleware,
        allow_origins=tuple(origins),
        allow_methods=("GET", "HEAD", "POST"),
        allow_headers=REQUEST_HEADERS,
        expose_headers=RESPONSE_HEADERS,
    )
    return [
        *([allowed] if origins else []),
        Middleware(TagByCoding),
        Middleware(GZipMiddleware, minimum_size=COMPRESSED_FROM_BYTES, compresslevel=COMPRESSION_LEVEL),
    ]


async def index(_: Request) -> Response:
    """What there is."""
    lines = {f"GET  {endpoint.path}": endpoint.summary for endpoint in ENDPOINTS} | OTHERS
    listed = "\n".join(f"{address:<38} {text}" for address, text in lines.items())
    return PlainTextResponse(f"Sharpline: live sports betting analytics\n\n{listed}\n")


async def described(request: Request) -> Response:
    """The document that describes this gateway."""
    source = {"/v1/openapi.json": openapi, "/v1/asyncapi.json": asyncapi}[request.url.path]
    return conditional.response(request, source.text(), {})

"""What is served over HTTP: events as they stand, and how the gateway is. Errors are RFC 9457 problems."""

import asyncio
import time
from http import HTTPStatus
from typing import Any

import msgspec
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from gateway.census import Census, opportunities
from gateway.hub import HANGS_AFTER_S, Hub
from pipeline import data, ids
from pipeline.errors import Refused
from pipeline.records import GameStatus
from pipeline.telemetry import Part

INDEX = """Sharpline: live sports betting analytics

GET /v1/events                 events with score, probability, opportunities; ?league= &sport= &status=
GET /v1/events/{event}         everything that is known of one event now
WS  /v1/stream                 snapshots, then updates (docs/stream.md)
POST /v1/calculate/{what}      arbitrage, middle, rules, devig, kelly, value, convert (docs/calculators.md)
GET /registry/subjects         the Avro schemas, as a Confluent schema registry serves them
GET /healthz                   how this gateway is; 503 where answers may not be the newest
GET /livez                     503 where it has stopped reading: start it again
GET /readyz                    503 while it starts and while its broker is away
GET /metrics                   Prometheus
"""

#: Topics with one answer for each event, as /v1/events/{event} names them.
PARTS = {
    "state": "games.states",
    "probabilities": "games.probabilities",
    "fair": "odds.fair",
    "closing": "odds.closing",
    "moves": "odds.moves",
    "value": "bets.value",
    "arbitrage": "bets.arbitrage",
    "score": "games.scores",
}
#: Events after which others get their turn.
TURN = 20
FILTERS = {
    "league": lambda: set(data.leagues()),
    "sport": lambda: {league.sport for league in data.leagues().values()},
    "status": lambda: {str(status) for status in GameStatus},
}


async def index(_: Request) -> Response:
    """What there is."""
    return PlainTextResponse(INDEX)


async def events(request: Request) -> Response:
    """Every event, those in play first, then by start."""
    hub: Hub = request.app.state.hub
    wanted = _filters(request)
    rows = []
    for count, event in enumerate(hub.events()):
        row = summary(hub, event)
        if all(row[name] == value for name, value in wanted.items()):
            rows.append(row)
        if count % TURN == 0:  # the first time each answer is decoded, and sockets wait meanwhile
            await asyncio.sleep(0)
    rows.sort(key=lambda row: (row["status"] != GameStatus.LIVE, row["starts_at_ms"] or 0, row["event"]))
    return _json({"now_ms": hub.now_ms, "events": rows})


async def event(request: Request) -> Response:
    """Everything that is known of one event now; null for what is not."""
    hub: Hub = request.app.state.hub
    event = request.path_params["event"]
    try:
        ids.parse(event)
    except Refused as error:
        raise HTTPException(HTTPStatus.BAD_REQUEST, str(error)) from error
    if event not in hub.events():
        raise HTTPException(
            HTTPStatus.NOT_FOUND, f"nothing is known of {event}; GET /v1/events lists what is"
        )
    whole = {part: hub.latest(topic, event) for part, topic in PARTS.items()}
    results = hub.answers["bets.results"].get(event, {}).values()
    return _json(
        {
            "now_ms": hub.now_ms,
            **_names(event),
            **whole,
            "results": [answer.record for answer in results if answer.record is not None],
        }
    )


def summary(hub: Hub, event: str) -> dict[str, Any]:
    """One event in a line; null for what is not known."""
    state = hub.latest("games.states", event)
    chances = hub.latest("games.probabilities", event)
    value, arbitrage = hub.latest("bets.value", event), hub.latest("bets.arbitrage", event)
    game = state or chances
    return {
        **_names(event),
        "status": game and game.status,
        "starts_at_ms": game and game.starts_at_ms,
        "started_at_ms": game and game.started_at_ms,
        "period": state and state.period,
        "clock_s": state and state.clock_s,
        "home_score": game and game.home_score,
        "away_score": game and game.away_score,
        "suspended": game and game.suspended,
        "text": state and state.text,
        "model": chances and chances.model,
        "game": chances and chances.game,
        "regulation": chances and chances.regulation,
        "opportunities": opportunities(value, arbitrage),
        "received_at_ms": max(part.received_at_ms for part in (state, chances, value, arbitrage) if part)
        if state or chances or value or arbitrage
        else None,
    }


async def alive(request: Request) -> Response:
    """200 while it reads, or waits for its broker as it should; 503 where it should be started again."""
    hub: Hub = request.app.state.hub
    if hub.is_reading(time.monotonic()):
        return _json({"status": "alive"})
    said = "has ended" if hub.feed_has_ended else f"hangs for more than {HANGS_AFTER_S:.0f} s"
    return _json({"status": "dead", "text": f"reading from Kafka {said}"}, HTTPStatus.SERVICE_UNAVAILABLE)


async def ready(request: Request) -> Response:
    """200 once everything that was there at the start has been read, for as long as the broker answers."""
    hub: Hub = request.app.state.hub
    is_ready = hub.is_ready and not hub.broker_away
    code = HTTPStatus.OK if is_ready else HTTPStatus.SERVICE_UNAVAILABLE
    return _json({"ready": is_ready, "status": hub.status().status}, code)


async def health(request: Request) -> Response:
    """How things are; 503 where the answers may not be the newest."""
    hub: Hub = request.app.state.hub
    status = hub.status()
    code = HTTPStatus.OK if status.status in ("live", "stale") else HTTPStatus.SERVICE_UNAVAILABLE
    counts = {"events": len(hub.events()), "sockets": len(hub.clients)}
    said = {
        "status": status.status,
        "text": status.text,
        "now_ms": status.now_ms,
        "wall_ms": status.sent_at_ms,
    }
    return _json({**said, **counts}, code)


async def metrics(request: Request) -> Response:
    """This process's numbers, for Prometheus."""
    census: Census = request.app.state.census
    await census.count()
    return Response(generate_latest(Part("gateway")), media_type=CONTENT_TYPE_LATEST)


async def problem(request: Request, error: Exception) -> Response:
    """An error as problem details: status, title, detail, and where it happened."""
    if isinstance(error, HTTPException):
        code, headers = error.status_code, error.headers
        detail = error.detail
    else:
        code, headers = HTTPStatus.INTERNAL_SERVER_ERROR, None
        detail = "this is a fault of the gateway; its log says more"
    title = HTTPStatus(code).phrase
    body = {"type": "about:blank", "title": title, "status": int(code), "instance": request.url.path}
    if detail != title:
        body["detail"] = detail
    return Response(
        msgspec.json.encode(body), code, media_type="application/problem+json", headers=dict(headers or {})
    )


def _names(event: str) -> dict[str, str]:
    id = ids.parse(event)
    sport = data.leagues()[id.league].sport
    return {"event": event, "league": id.league, "sport": sport, "home": id.home, "away": id.away}


def _filters(request: Request) -> dict[str, str]:
    """What the query asks for. Raises a 400 where a name or value is unknown."""
    wanted = dict(request.query_params)
    for name, value in wanted.items():
        if name not in FILTERS:
            detail = f"unknown filter {name[:80]!r}; there are {', '.join(FILTERS)}"
        elif value not in (known := FILTERS[name]()):
            detail = f"unknown {name} {value[:80]!r}; there are {', '.join(sorted(known))}"
        else:
            continue
        raise HTTPException(HTTPStatus.BAD_REQUEST, detail)
    return wanted


def _json(body: dict[str, Any], code: int = HTTPStatus.OK) -> Response:
    return Response(msgspec.json.encode(body), code, media_type="application/json")

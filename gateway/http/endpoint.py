"""An endpoint: where it is, what may be asked of it, what it tells. Routes and OpenAPI are made from it."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from http import HTTPStatus
from typing import Any, NamedTuple, TypeVar

import msgspec
from msgspec import Struct
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from gateway.history import History
from gateway.http import conditional, parameters
from gateway.hub import Hub
from gateway.unmatched import Waiting
from pipeline import ids
from pipeline.errors import Refused

T = TypeVar("T")
#: The log's time as the answer was given. In a body it would make every answer another one each second.
NOW = "Sharpline-Now-Ms"
#: For so long answers are looked through before others get their turn: sockets wait meanwhile.
TURN_S = 0.002


class Asked(NamedTuple):
    """A request as it was understood; ``event`` is empty where the path names none."""

    hub: Hub
    event: str
    query: Any
    history: History | None = None
    waiting: Waiting | None = None


class Endpoint(NamedTuple):
    """``tells`` is the struct of its answers; the first line of ``handler``'s docstring is its summary."""

    path: str
    handler: Callable[[Asked], Awaitable[Any]]
    tells: type[Struct]
    query: type[Struct] = parameters.NoQuery
    of_the_past: bool = False
    """Whether it tells of events too of which nothing stands any more."""

    @property
    def summary(self) -> str:
        """What it tells, in a line."""
        return (self.handler.__doc__ or "").partition("\n")[0]

    @property
    def about_event(self) -> bool:
        """Whether its path names an event, which may be one that is not known."""
        return "{event}" in self.path

    def route(self) -> Route:
        """Its route: GET, and with it HEAD."""

        async def answered(request: Request) -> Response:
            hub: Hub = request.app.state.hub
            if not hub.is_ready:  # what has not been read yet is not nothing
                raise HTTPException(HTTPStatus.SERVICE_UNAVAILABLE, hub.status().text, {"Retry-After": "1"})
            event = request.path_params.get("event", "")
            if self.about_event:
                check_id(event)
                if not self.of_the_past:
                    check_known(hub, event)
            query = parameters.read(self.query, request.query_params)
            state = request.app.state
            told = await self.handler(Asked(hub, event, query, state.history, state.waiting))
            return conditional.response(request, msgspec.json.encode(told), {NOW: str(hub.now_ms)})

        return Route(self.path, answered, name=self.handler.__name__)


def check_id(event: str) -> None:
    """Raises a 404 where this is no event's id."""
    try:
        ids.parse(event)
    except Refused as error:
        raise HTTPException(HTTPStatus.NOT_FOUND, str(error)) from error


def check_known(hub: Hub, event: str) -> None:
    """Raises a 404 where nothing is known of the event."""
    if not any(event in events for events in hub.answers.values()):
        raise HTTPException(
            HTTPStatus.NOT_FOUND, f"nothing is known of {event}; GET /v1/events lists what is"
        )


def chosen(hub: Hub, query: parameters.OfEvents) -> list[str]:
    """The events that a query means, by what their ids tell, in the order of these."""
    return [
        event
        for event in sorted(hub.events())
        if query.league in ("", ids.parse(event).league) and query.sport in ("", ids.league_of(event).sport)
    ]


async def in_turns(things: Iterable[T]) -> AsyncIterator[T]:
    """Each thing; others get their turn in between, since an answer is decoded when it is first looked at."""
    begun_s = time.perf_counter()
    for thing in things:
        yield thing
        if time.perf_counter() - begun_s > TURN_S:
            await asyncio.sleep(0)
            begun_s = time.perf_counter()

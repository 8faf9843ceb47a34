"""The application: which address is answered by what, and what runs beside it."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager, nullcontext
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.routing import WebSocketRoute

from gateway import problems
from gateway.census import Census
from gateway.guard import Door, Guard, door_of
from gateway.history import History
from gateway.http import routes
from gateway.hub import Hub
from gateway.past import Past
from gateway.stream import stream
from gateway.unmatched import Waiting
from pipeline.settings import Settings

HEARTBEAT_EVERY_S = 10
LOOKS_EVERY_S = 1
LOOPBACK = "127.0.0.1"


def create_app(
    hub: Hub,
    feed: Callable[[], Coroutine[Any, Any, None]] | None = None,
    door: Door | None = None,
    past: Past | None = None,
    history: History | None = None,
    waiting: Waiting | None = None,
) -> Starlette:
    """The gateway over a hub. ``feed`` fills the hub until it is cancelled; without it a caller does.

    Without a ``door`` anyone may read, as where only this machine can reach it. ``past`` reads what the hub
    keeps no more; without it nobody can. ``history`` is what Postgres keeps of it,
    ``waiting`` what is not matched.
    """

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        async with history or nullcontext(), asyncio.TaskGroup() as tasks:
            running = [tasks.create_task(heart(hub))]
            if feed is not None:
                running.append(tasks.create_task(feed()))
            yield
            for task in running:
                task.cancel()
            if past is not None:
                past.close()

    door = door or door_of(Settings(), LOOPBACK)
    app = Starlette(
        routes=[
            WebSocketRoute("/v1/stream", stream),
            *routes.routes(),
        ],
        exception_handlers={HTTPException: problems.answer, Exception: problems.answer},
        lifespan=lifespan,
        # The innermost: what stands before it frames its refusals too.
        middleware=[*routes.middleware(door.origins), Middleware(Guard, door=door)],
    )
    app.state.hub = hub
    app.state.past = past
    app.state.history = history
    app.state.waiting = waiting
    app.state.census = Census(hub)
    return app


async def heart(hub: Hub) -> None:
    """Tell all clients now and then that we live, and at once when how we are has changed."""
    beats = 0
    while True:
        hub.tell_status()
        if beats % HEARTBEAT_EVERY_S == 0:
            hub.tell_heartbeat()
        beats += 1
        await asyncio.sleep(LOOKS_EVERY_S)

"""What was published of an event, as Postgres keeps it."""

from http import HTTPStatus
from typing import Annotated

import msgspec
from msgspec import Meta, Struct
from starlette.exceptions import HTTPException

from gateway.history import HistoryAway, HistoryEntry, Mark, Stretch
from gateway.http import pages
from gateway.http.endpoint import Asked, check_known
from gateway.http.events import EventNames, names
from gateway.http.parameters import one_of
from pipeline.records.kinds import LATEST_MS
from pipeline.topics import ANSWERS

NEWEST, OLDEST = "newest", "oldest"
NONE_KEPT = "no history is kept here: set DATABASE_URL, and run `sharpline sink postgres` (docs/history.md)"


class HistoryQuery(Struct, frozen=True, kw_only=True):
    """Which answers, and which page of them."""

    topic: Annotated[str, one_of(list(ANSWERS), "Only this topic.")] = ""
    from_ms: Annotated[
        int, Meta(ge=0, le=LATEST_MS, description="Of this time of the log or later, Unix ms.")
    ] = msgspec.field(default=0, name="from")
    to_ms: Annotated[
        int, Meta(ge=0, le=LATEST_MS, description="Of before this time of the log, Unix ms.")
    ] = msgspec.field(default=LATEST_MS, name="to")
    order: Annotated[str, one_of([NEWEST, OLDEST], "Which come first.")] = NEWEST
    limit: Annotated[int, Meta(ge=1, le=500, description="Answers on a page.")] = 50
    cursor: Annotated[str, Meta(max_length=200, description="The page's `next`, as it was told.")] = ""


class HistoryPage(EventNames, frozen=True, kw_only=True):
    """Answers about an event as they were published, by the time that they are about.

    ``next`` is the cursor of the page that follows; null on the last one.
    """

    entries: tuple[HistoryEntry, ...]
    next: str | None


async def history(asked: Asked) -> HistoryPage:
    """Every answer that was ever published about an event, page by page, where Postgres is set."""
    query = asked.query
    if asked.history is None:
        raise HTTPException(HTTPStatus.NOT_IMPLEMENTED, NONE_KEPT)
    after = pages.read(query.cursor, Mark) if query.cursor else None
    stretch = Stretch(
        asked.event, query.topic, query.from_ms, query.to_ms, after, oldest_first=query.order == OLDEST
    )
    try:
        found = await asked.history.page(stretch, query.limit + 1)
    except HistoryAway as error:
        raise HTTPException(HTTPStatus.SERVICE_UNAVAILABLE, str(error), {"Retry-After": "5"}) from error
    if not found:
        check_known(asked.hub, asked.event)
    entries = tuple(found[: query.limit])
    more = entries[-1].mark if len(found) > query.limit else None
    return HistoryPage(**names(asked.event), entries=entries, next=more and pages.cursor(more))

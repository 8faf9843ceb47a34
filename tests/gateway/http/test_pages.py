"""Paging while games start, end and appear: whatever is there all the time is on one page, once."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from starlette.testclient import TestClient

from gateway.answers import wall_ms
from gateway.app import create_app
from gateway.http import pages
from gateway.hub import Hub
from gateway.problems import WrongParameters
from tests.gateway.running import message
from tests.make_records import AT_MS, example

MINUTE_MS = 60_000
TEAMS = ("buf", "mia", "ne", "nyj", "bal", "cin", "cle", "pit", "hou", "ind", "jax", "ten")
EVENTS = tuple(f"nfl:2025-09-14:{home}-{away}" for home in TEAMS[:6] for away in TEAMS[6:])[:20]


def state(event: str, starts_at_ms: int, started_at_ms: int = 0, finished_at_ms: int = 0) -> Any:
    status = "final" if finished_at_ms else "live" if started_at_ms else "scheduled"
    return example(
        "games.states",
        event_id=event,
        status=status,
        starts_at_ms=starts_at_ms,
        started_at_ms=started_at_ms,
        finished_at_ms=finished_at_ms,
    )


#: Minutes from the first page until the game was to start, did, and ended.
GAMES = st.lists(
    st.tuples(st.integers(-400, 400), st.integers(-3, 3), st.integers(1, 300)), min_size=1, max_size=20
)


@settings(max_examples=60, deadline=None)
@given(games=GAMES, limit=st.integers(1, 7), passes_min=st.integers(0, 200))
def test_an_event_that_is_there_all_the_time_is_told_once(
    games: list[tuple[int, int, int]], limit: int, passes_min: int
) -> None:
    hub = Hub()
    hub.ready.set()
    known = EVENTS[: len(games)]

    def become(at_ms: int) -> None:
        hub.tick(at_ms, wall_ms())
        for event, (starts_min, late_min, lasts_min) in zip(known, games, strict=True):
            starts_at_ms = AT_MS + starts_min * MINUTE_MS
            started_at_ms = starts_at_ms + late_min * MINUTE_MS
            finished_at_ms = started_at_ms + lasts_min * MINUTE_MS
            started = started_at_ms if started_at_ms <= at_ms else 0
            finished = finished_at_ms if finished_at_ms <= at_ms else 0
            hub.publish(message("games.states", 0, state(event, starts_at_ms, started, finished)))

    with TestClient(create_app(hub)) as client:
        told: list[str] = []
        query, at_ms = f"?limit={limit}", AT_MS
        while query:
            become(at_ms)
            page = client.get(f"/v1/events{query}").json()
            told += [row["event"] for row in page["events"]]
            query = f"?limit={limit}&cursor={page['next']}" if page["next"] else ""
            at_ms += passes_min * MINUTE_MS

    assert sorted(told) == sorted(known)


@given(st.builds(pages.Place, st.integers(0), st.integers(-1, 2), st.integers(0), st.text(max_size=60)))
def test_a_cursor_is_the_place_that_it_was_made_from(place: pages.Place) -> None:
    assert pages.place(pages.cursor(place)) == place


@given(st.text(max_size=40).filter(lambda text: not text.startswith("Wz")))  # that begins with a bracket
def test_a_text_that_is_no_cursor_is_refused_by_name(text: str) -> None:
    with pytest.raises(WrongParameters) as raised:
        pages.place(text)

    assert [error.parameter for error in raised.value.errors] == ["cursor"]


@pytest.mark.parametrize("limit", [1, 3, 20, 21])
def test_the_last_page_has_no_next(limit: int) -> None:
    hub = Hub()
    hub.ready.set()
    for event in EVENTS:
        hub.publish(message("games.states", 0, state(event, AT_MS)))
    with TestClient(create_app(hub)) as client:
        query, told = f"?limit={limit}", []
        while query:
            page = client.get(f"/v1/events{query}").json()
            assert 0 < len(page["events"]) <= limit
            told += page["events"]
            query = f"?limit={limit}&cursor={page['next']}" if page["next"] else ""

    assert len(told) == len(EVENTS)

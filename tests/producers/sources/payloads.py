"""Answers of The Odds API and rows of nflverse in the form that they have, with games that never were."""

import json
from typing import Any

from producers.sources.nflverse import COLUMNS

POLLED = "2025-09-14T16:50:00Z"


def outcome(name: str, price: float, point: float | None = None) -> dict[str, Any]:
    """One side of a market."""
    return {"name": name, "price": price} | ({} if point is None else {"point": point})


def market(key: str, *outcomes: dict[str, Any], last_update: str = POLLED) -> dict[str, Any]:
    """A market of a book."""
    return {"key": key, "last_update": last_update, "outcomes": list(outcomes)}


def book(key: str, *markets: dict[str, Any], last_update: str = POLLED) -> dict[str, Any]:
    """A book of an event."""
    return {"key": key, "title": key.title(), "last_update": last_update, "markets": list(markets)}


def event(*books: dict[str, Any], **fields: Any) -> dict[str, Any]:
    """Kansas City at home against Philadelphia, unless it says otherwise."""
    return {
        "id": "one",
        "sport_key": "americanfootball_nfl",
        "sport_title": "NFL",
        "commence_time": "2025-09-14T17:00:00Z",
        "home_team": "Kansas City Chiefs",
        "away_team": "Philadelphia Eagles",
        "bookmakers": list(books),
        **fields,
    }


def soccer(*books: dict[str, Any], **fields: Any) -> dict[str, Any]:
    """England against Ghana."""
    return event(
        *books,
        **{"sport_key": "soccer_fifa_world_cup", "home_team": "England", "away_team": "Ghana", **fields},
    )


def body(*events: Any) -> bytes:
    """An answer."""
    return json.dumps(list(events)).encode()


def poll(fetched_at: str, *events: Any) -> str:
    """A line of a recorded file."""
    return json.dumps({"fetched_at": fetched_at, "commit": "c0ffee", "body": list(events)}) + "\n"


def row(play_id: int, desc: str, **columns: object) -> dict[str, str]:
    """A row of Philadelphia at Kansas City; the home side has the ball unless it says otherwise."""
    given = {
        "game_id": "2025_02_PHI_KC",
        "play_id": play_id,
        "game_date": "2025-09-14",
        "home_team": "KC",
        "away_team": "PHI",
        "posteam": "KC",
        "qtr": 1,
        "clock": "10:00",
        "game_seconds_remaining": 3300,
        "down": 1,
        "ydstogo": 10,
        "yardline_100": 60,
        "total_home_score": 0,
        "total_away_score": 0,
        "home_timeouts_remaining": 3,
        "away_timeouts_remaining": 2,
        "play_type": "run",
        "interception": 0,
        "penalty": 0,
        "spread_line": 3.5,
        "total_line": 44.5,
        "result": 7,
        "desc": desc,
        **columns,
    }
    return dict.fromkeys(COLUMNS | {"result"}, "") | {name: str(value) for name, value in given.items()}


def notice(play_id: int, desc: str, **columns: object) -> dict[str, str]:
    """A row that is no play: nobody has the ball and it says no score."""
    silent = dict.fromkeys(("posteam", "total_home_score", "total_away_score", "play_type", "down"), "")
    return row(play_id, desc, **{**silent, **columns})

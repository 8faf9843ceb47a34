"""Scoreboards and summaries in ESPN's form, of games that never were."""

import json
from typing import Any


def status(name: str = "STATUS_IN_PROGRESS", state: str = "in", **fields: Any) -> dict[str, Any]:
    """How a game stands: in play unless it says otherwise."""
    detail = fields.pop("detail", "")
    completed = fields.pop("completed", False)
    kind = {"id": "2", "name": name, "state": state, "completed": completed, "detail": detail}
    return {"clock": 465, "displayClock": "7:45", "period": 4, "type": kind, **fields}


def side(home_away: str, name: str, score: Any, **fields: Any) -> dict[str, Any]:
    """A side, whose id is its name's first letter."""
    team = {"id": name[0], "displayName": name, "abbreviation": name[:3].upper()}
    return {"homeAway": home_away, "team": team, "score": score, **fields}


def game(stands: dict[str, Any] | None = None, **fields: Any) -> dict[str, Any]:
    """Kansas City at home against Philadelphia, 21 to 17, unless it says otherwise."""
    return {
        "id": "401",
        "date": "2025-09-14T17:00Z",
        "competitors": [side("home", "Kansas City Chiefs", "21"), side("away", "Philadelphia Eagles", "17")],
        "status": stands or status(),
        **fields,
    }


def board(*games: dict[str, Any]) -> bytes:
    """A scoreboard, of one event for each game."""
    events = [{"id": each.get("id"), "date": each.get("date"), "competitions": [each]} for each in games]
    return json.dumps({"leagues": [], "events": events}).encode()


def play(own_id: str, **fields: Any) -> dict[str, Any]:
    """A play of a summary."""
    return {
        "id": own_id,
        "type": {"id": "92", "text": "Jump Shot"},
        "text": "A misses 23-foot jumper",
        "homeScore": 21,
        "awayScore": 17,
        "period": {"number": 4},
        "clock": {"displayValue": "7:45"},
        "scoringPlay": False,
        "wallclock": "2025-09-14T19:45:10Z",
        **fields,
    }


def summary(stands: dict[str, Any], *plays: dict[str, Any], **fields: Any) -> bytes:
    """A summary, whose head has neither clock nor period."""
    head = {"type": stands["type"]}
    return json.dumps({"header": {"competitions": [game(head)]}, "plays": list(plays), **fields}).encode()

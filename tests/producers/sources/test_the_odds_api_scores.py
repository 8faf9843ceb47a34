import json
from typing import Any

import pytest

from pipeline import codec
from pipeline.errors import PayloadChanged
from pipeline.records import GameEvent, GameStatus
from pipeline.topics import topic_of
from producers.identity import Identities
from producers.live.call import Parsed
from producers.sources.the_odds_api_scores import parse, sports
from tests.producers.moments import at_ms

NOW = at_ms("2025-09-14T18:00:00Z")
CHIEFS, EAGLES = "Kansas City Chiefs", "Philadelphia Eagles"


def scored(**fields: Any) -> dict[str, Any]:
    """Kansas City at home against Philadelphia, 7 to 3 after an hour, unless it says otherwise."""
    return {
        "id": "one",
        "sport_key": "americanfootball_nfl",
        "commence_time": "2025-09-14T17:00:00Z",
        "completed": False,
        "home_team": CHIEFS,
        "away_team": EAGLES,
        "scores": [{"name": EAGLES, "score": "3"}, {"name": CHIEFS, "score": "7"}],
        "last_update": "2025-09-14T17:59:30Z",
        **fields,
    }


def read(*events: Any) -> tuple[Parsed, list[str]]:
    refused: list[str] = []
    body, known = json.dumps(list(events)).encode(), Identities("the-odds-api")
    return parse(body, NOW, known, lambda why, _: refused.append(why)), refused


def event(shown: dict[str, Any]) -> GameEvent:
    parsed, refused = read(shown)
    assert refused == []
    (found,) = parsed.records
    assert isinstance(found, GameEvent)
    codec.check(topic_of(GameEvent).name, found)
    return found


def test_scores_are_told_by_name_and_dated_by_the_service() -> None:
    assert event(scored()) == GameEvent(
        event_id="nfl:2025-09-14:kc-phi",
        source="the-odds-api",
        source_event_id="one",
        kind="clock",
        received_at_ms=NOW,
        happened_at_ms=at_ms("2025-09-14T17:59:30Z"),
        sequence=NOW * 1000,
        starts_at_ms=at_ms("2025-09-14T17:00:00Z"),
        status=GameStatus.LIVE,
        home_score=7,
        away_score=3,
    )


def test_a_completed_game_is_final_and_one_to_come_is_scheduled() -> None:
    assert event(scored(completed=True)).status is GameStatus.FINAL
    to_come = scored(scores=None, last_update=None, commence_time="2025-09-14T20:00:00Z")
    assert (event(to_come).status, event(to_come).kind) == (GameStatus.SCHEDULED, "scheduled")


def test_a_list_of_events_tells_starts_and_nothing_of_games_that_have_begun() -> None:
    head = {name: scored()[name] for name in ("id", "sport_key", "commence_time", "home_team", "away_team")}
    later = {**head, "id": "two", "commence_time": "2025-09-15T00:20:00Z", "home_team": "Buffalo Bills"}
    parsed, refused = read(head, later)

    assert refused == []
    assert [event.source_id for event in parsed.given] == ["one", "two"]
    assert [getattr(record, "source_event_id", "") for record in parsed.records] == ["two"]
    assert parsed.present is None


@pytest.mark.parametrize(
    ("broken", "why"),
    [
        ({"scores": None}, "no score"),
        ({"scores": [{"name": CHIEFS, "score": "7"}]}, "no score of both sides"),
        ({"scores": [{"name": CHIEFS, "score": "7"}, {"name": "Draw", "score": "1"}]}, "no score of both"),
        ({"scores": [{"name": CHIEFS, "score": "145/3"}, {"name": EAGLES, "score": "1"}]}, "145/3"),
        ({"scores": None, "completed": True}, "no score of both"),
        ({"commence_time": "soon"}, "soon"),
        ({"sport_key": "cricket_ipl"}, "cricket_ipl"),
        ({"home_team": "Nobodies"}, "Nobodies"),
        ({"id": None}, "id"),
    ],
)
def test_an_event_that_cannot_be_read_is_refused_alone(broken: dict[str, Any], why: str) -> None:
    other = scored(id="two", home_team="Buffalo Bills", scores=None, commence_time="2025-09-14T20:00:00Z")
    parsed, refused = read(scored(**broken), other)

    assert [getattr(record, "source_event_id", "") for record in parsed.records] == ["two"]
    assert len(refused) == 1
    assert why in refused[0]


@pytest.mark.parametrize("body", [b"<html>", b'{"message": "no"}', b'[{"id": "x"}]', b'[{"id"'])
def test_an_answer_of_another_shape_is_one_named_error(body: bytes) -> None:
    with pytest.raises(PayloadChanged, match="the-odds-api"):
        parse(body, NOW, Identities("the-odds-api"), lambda *_: None)


def test_a_league_whose_sport_is_gone_is_named() -> None:
    refused: list[str] = []
    sports(b'[{"key": "americanfootball_nfl"}]', "the-odds-api", lambda _, where: refused.append(where))

    assert "basketball_nba" in refused
    assert "americanfootball_nfl" not in refused
    with pytest.raises(PayloadChanged):
        sports(b"{}", "the-odds-api", lambda *_: None)

import json
from typing import Any

import pytest

from pipeline import codec, data
from pipeline.errors import PayloadChanged
from pipeline.records import GameEvent, GameStatus, Soccer
from pipeline.topics import topic_of
from producers.identity import Identities
from producers.live.call import Call, Config, Game, Parsed
from producers.sources import football_data_org
from tests.producers.moments import at_ms

NOW = at_ms("2026-07-05T21:46:00Z")
HOUR_MS = 3_600_000
CALL = Call(football_data_org.NAME, "matches", "/v4/matches")


def match(score: dict[str, Any] | None = None, **fields: Any) -> dict[str, Any]:
    """England against Ghana, level at half-time, unless it says otherwise."""
    return {
        "id": 538050,
        "utcDate": "2026-07-05T20:00:00Z",
        "status": "IN_PLAY",
        "lastUpdated": "2026-07-05T21:45:30Z",
        "competition": {"id": 2000, "code": "WC"},
        "homeTeam": {"id": 1, "name": "England"},
        "awayTeam": {"id": 2, "name": "Ghana"},
        "score": goals(1, 1) if score is None else score,
        **fields,
    }


def goals(home: int | None, away: int | None, duration: str = "REGULAR", **parts: Any) -> dict[str, Any]:
    """A score and what it is made of, each a pair."""
    pairs = {"fullTime": (home, away), "halfTime": (0, 0), **parts}
    return {
        "winner": None,
        "duration": duration,
        **{name: {"home": pair[0], "away": pair[1]} for name, pair in pairs.items()},
    }


def read(*matches: Any) -> tuple[Parsed, list[str]]:
    refused: list[str] = []
    body = json.dumps({"resultSet": {}, "matches": list(matches)}).encode()
    known = Identities(football_data_org.NAME)
    return football_data_org.parse(CALL, body, NOW, known, lambda why, _: refused.append(why)), refused


def event(shown: dict[str, Any]) -> GameEvent:
    parsed, refused = read(shown)
    assert refused == []
    (found,) = parsed.records
    assert isinstance(found, GameEvent)
    codec.check(topic_of(GameEvent).name, found)
    return found


def test_a_match_in_play_is_told_as_it_stands() -> None:
    assert event(match(minute=57)) == GameEvent(
        event_id="world-cup:2026-07-05:eng-gha",
        source="football-data-org",
        source_event_id="538050",
        kind="clock",
        received_at_ms=NOW,
        happened_at_ms=at_ms("2026-07-05T21:45:30Z"),
        sequence=NOW * 1000,
        starts_at_ms=at_ms("2026-07-05T20:00:00Z"),
        status=GameStatus.LIVE,
        period=2,
        clock_s=1980.0,
        home_score=1,
        away_score=1,
    )


@pytest.mark.parametrize(
    ("said", "status", "kind"),
    [
        ("SCHEDULED", GameStatus.SCHEDULED, "scheduled"),
        ("TIMED", GameStatus.SCHEDULED, "scheduled"),
        ("PAUSED", GameStatus.LIVE, "period_end"),
        ("FINISHED", GameStatus.FINAL, "final"),
        ("SUSPENDED", GameStatus.SUSPENDED, "suspension"),
        ("POSTPONED", GameStatus.POSTPONED, "postponed"),
        ("CANCELLED", GameStatus.CANCELLED, "cancelled"),
    ],
)
def test_each_status(said: str, status: GameStatus, kind: str) -> None:
    found = event(match(status=said))

    assert (found.status, found.kind) == (status, kind)


@pytest.mark.parametrize(
    ("fields", "period", "clock_s"),
    [
        pytest.param({"score": goals(0, 0, halfTime=(None, None))}, 1, -1.0, id="first half, no minute"),
        pytest.param(
            {"score": goals(0, 0, halfTime=(None, None)), "minute": "30"}, 1, 900.0, id="30th minute"
        ),
        pytest.param({"status": "PAUSED"}, 1, 0.0, id="half-time"),
        pytest.param({"minute": 94}, 2, 0.0, id="added time"),
        pytest.param({"status": "FINISHED"}, 2, 0.0, id="full time"),
        pytest.param({"score": goals(1, 1, "EXTRA_TIME"), "minute": 100}, 3, 300.0, id="extra time"),
        pytest.param({"score": goals(1, 1, "EXTRA_TIME"), "minute": 118}, 4, 120.0, id="its second half"),
        pytest.param({"score": goals(2, 1, "EXTRA_TIME"), "status": "FINISHED"}, 4, 0.0, id="its end"),
        pytest.param({"score": goals(1, 1, "PENALTY_SHOOTOUT")}, 5, 0.0, id="penalties"),
        pytest.param({"status": "TIMED"}, 0, -1.0, id="to come"),
    ],
)
def test_period_and_clock(fields: dict[str, Any], period: int, clock_s: float) -> None:
    found = event(match(**fields))

    assert (found.period, found.clock_s) == (period, clock_s)


@pytest.mark.parametrize(
    ("score", "level", "penalties"),
    [
        pytest.param(
            goals(6, 4, "PENALTY_SHOOTOUT", regularTime=(1, 1), extraTime=(0, 0), penalties=(5, 3)),
            1,
            (5, 3),
            id="all parts, the score with the penalties",
        ),
        pytest.param(
            goals(2, 2, "PENALTY_SHOOTOUT", regularTime=(1, 1), extraTime=(1, 1), penalties=(0, 0)),
            2,
            (0, 0),
            id="before the first kick",
        ),
        pytest.param(
            goals(5, 4, "PENALTY_SHOOTOUT", penalties=(4, 3)), 1, (4, 3), id="penalties in the score"
        ),
        pytest.param(goals(1, 1, "PENALTY_SHOOTOUT", penalties=(4, 3)), 1, (4, 3), id="penalties beside it"),
        pytest.param(goals(1, 1, "PENALTY_SHOOTOUT"), 1, None, id="penalties are not told"),
    ],
)
def test_penalties_of_a_shoot_out_are_no_goals(
    score: dict[str, Any], level: int, penalties: tuple[int, int] | None
) -> None:
    found = event(match(score, status="FINISHED"))

    assert (found.home_score, found.away_score) == (level, level)
    shot = found.situation
    assert (None if shot is None else (shot.home_penalties, shot.away_penalties)) == penalties  # type: ignore[union-attr]
    assert shot is None or isinstance(shot, Soccer)


@pytest.mark.parametrize(
    ("broken", "why"),
    [
        ({"status": "AWARDED"}, "'AWARDED'"),
        ({"score": goals(1, 1, "GOLDEN_GOAL")}, "'GOLDEN_GOAL'"),
        ({"score": goals(None, None)}, "without a score"),
        ({"score": goals(2, 1, "PENALTY_SHOOTOUT")}, "after 2:1"),
        ({"score": goals(3, 3, "PENALTY_SHOOTOUT", penalties=(2, 2))}, "nobody can tell"),
        ({"competition": {"code": "CL"}}, "'CL' is not read"),
        ({"homeTeam": {"id": None, "name": None}}, "who plays"),
        ({"homeTeam": {"name": "Atlantis"}}, "Atlantis"),
        ({"utcDate": "soon"}, "soon"),
        ({"id": "x"}, "id"),
    ],
)
def test_a_match_that_cannot_be_read_is_refused_alone(broken: dict[str, Any], why: str) -> None:
    parsed, refused = read(match(**broken), match(id=2, homeTeam={"name": "France"}))

    assert [getattr(record, "event_id", "") for record in parsed.records] == ["world-cup:2026-07-05:fra-gha"]
    assert len(refused) == 1
    assert why in refused[0]


@pytest.mark.parametrize(
    "body", [b"<html>", b"[]", b'{"standings": []}', b'{"matches": [{"id": 1}]}', b'{"matches": [{"id"']
)
def test_an_answer_of_another_shape_is_one_named_error(body: bytes) -> None:
    with pytest.raises(PayloadChanged, match="football-data-org"):
        football_data_org.parse(CALL, body, NOW, Identities("football-data-org"), lambda *_: None)


def test_past_meetings_have_the_shape_of_matches() -> None:
    call = football_data_org.head_to_head("538050", Config())

    assert call.url.endswith("/v4/matches/538050/head2head")
    parsed, refused = read(match(status="FINISHED", utcDate="2018-07-05T20:00:00Z"))
    assert refused == []
    assert [event.event_id for event in parsed.given] == ["world-cup:2018-07-05:eng-gha"]


def test_all_competitions_are_asked_for_at_once_and_the_last_day_is_not_left_out() -> None:
    game = Game("epl:2026-08-15:ars-che", "epl", NOW, is_live=True)
    fixtures, matches = football_data_org.calls(Config(leagues=("epl", "serie-a", "nfl")), NOW, [game])

    assert fixtures.params == (
        ("competitions", "PL,SA"),
        ("dateFrom", "2026-07-05"),
        ("dateTo", "2026-07-13"),
    )
    assert matches.params == (("competitions", "PL,SA"), ("dateFrom", "2026-07-05"), ("dateTo", "2026-07-06"))
    assert (fixtures.every_s, matches.every_s) == (3_600.0, 15.0)
    assert matches.covers == ("epl:2026-08-15:ars-che",)


def test_its_pace_stays_within_ten_requests_a_minute() -> None:
    games = [
        Game(f"{league}:2026-07-05:a-b", league, NOW, is_live=True) for league in football_data_org.CODES
    ]
    calls = football_data_org.calls(Config(), NOW, games)

    assert sum(60.0 / call.every_s for call in calls) < 10.0


def test_without_a_league_of_its_own_nothing_is_asked() -> None:
    assert football_data_org.calls(Config(leagues=("nfl",)), NOW, []) == []
    assert football_data_org.CODES.keys() <= data.leagues().keys()

from typing import Any

import pytest

from pipeline import codec, data
from pipeline.errors import PayloadChanged
from pipeline.records import AmericanFootball, Baseball, GameEvent, GameStatus, Soccer
from pipeline.topics import topic_of
from producers.identity import Identities
from producers.live.call import Call, Config, Game, Parsed
from producers.sources import espn
from tests.producers.moments import at_ms
from tests.producers.sources.espn_payloads import board, game, play, side, status, summary

NOW = at_ms("2025-09-14T19:46:00Z")
HOUR_MS = 3_600_000
CHIEFS_GAME = "nfl:2025-09-14:kc-phi"


def read(
    body: bytes, league: str = "nfl", url: str = "/scoreboard", identities: Identities | None = None
) -> tuple[Parsed, list[str]]:
    refused: list[str] = []
    call = Call(espn.NAME, "", url, league=league)
    known = identities or Identities(espn.NAME)
    return espn.parse(call, body, NOW, known, lambda why, where: refused.append(f"{why} | {where}")), refused


def events(body: bytes, league: str = "nfl", url: str = "/scoreboard") -> list[GameEvent]:
    parsed, refused = read(body, league, url)
    assert refused == []
    found = []
    for record in parsed.records:
        assert isinstance(record, GameEvent)
        codec.check(topic_of(GameEvent).name, record)
        found.append(record)
    return found


def cup_tie(
    stands: dict[str, Any], home_fields: dict[str, Any], away_fields: dict[str, Any], **fields: Any
) -> Any:
    sides = [side("home", "England", "1", **home_fields), side("away", "Ghana", "1", **away_fields)]
    return game(stands, competitors=sides, **fields)


def test_a_game_in_play_is_told_with_its_drive() -> None:
    field = {
        "down": 3, "distance": 4, "yardLine": 34, "possession": "K", "homeTimeouts": 2, "awayTimeouts": 1,
    }  # fmt: skip
    (stands,) = events(board(game(situation=field)))

    assert stands == GameEvent(
        event_id=CHIEFS_GAME,
        source="espn",
        source_event_id="401",
        kind="clock",
        received_at_ms=NOW,
        sequence=NOW * 1000 + 999,
        starts_at_ms=at_ms("2025-09-14T17:00:00Z"),
        status=GameStatus.LIVE,
        period=4,
        clock_s=465.0,
        home_score=21,
        away_score=17,
        situation=AmericanFootball(
            possession="home", down=3, distance_yd=4, yards_to_goal=66, home_timeouts=2, away_timeouts=1
        ),
    )


def test_the_last_play_of_a_scoreboard_is_a_record_of_its_own_before_the_standing() -> None:
    last = {"id": "4014", "type": {"text": "Timeout"}, "text": "Timeout KC."}
    found = events(board(game(situation={"lastPlay": last})))

    assert [(event.source_event_id, event.kind, event.text) for event in found] == [
        ("401/4014", "timeout", "Timeout KC."),
        ("401", "clock", ""),
    ]
    assert found[0].sequence < found[1].sequence


def test_before_the_start_there_is_neither_period_nor_clock() -> None:
    stands = status("STATUS_SCHEDULED", "pre", clock=900, period=1)
    (scheduled,) = events(board(game(stands, competitors=[
        side("home", "Kansas City Chiefs", "0"), side("away", "Philadelphia Eagles", None)])))  # fmt: skip

    assert (scheduled.status, scheduled.period, scheduled.clock_s) == (GameStatus.SCHEDULED, 0, -1.0)
    assert (scheduled.home_score, scheduled.away_score) == (0, 0)


def test_a_start_whose_hour_is_not_set_is_not_told() -> None:
    (scheduled,) = events(board(game(status("STATUS_SCHEDULED", "pre"), timeValid=False)))

    assert (scheduled.event_id, scheduled.starts_at_ms) == (CHIEFS_GAME, 0)


def test_a_half_inning_and_a_game_of_seven() -> None:
    teams = [side("home", "Boston Red Sox", "0"), side("away", "Kansas City Royals", "8")]
    stands = status(detail="Bottom 6th", clock=0, period=6)
    field = {"balls": 1, "strikes": 2, "outs": 2, "onFirst": True, "onSecond": False, "onThird": False}
    seven = {"regulation": {"periods": 7}}
    (found,) = events(board(game(stands, competitors=teams, situation=field, format=seven)), "mlb")

    assert found.clock_s == -1.0
    assert found.situation == Baseball(
        half="bottom", outs=2, bases=1, balls=1, strikes=2, scheduled_innings=7
    )


def test_a_shoot_out_is_told_beside_the_goals() -> None:
    stands = status("STATUS_FINAL_PEN", "post", completed=True, clock=7200, period=5, detail="FT-Pens")
    final = cup_tie(stands, {"shootoutScore": 4}, {"shootoutScore": "3"}, details=[])
    (found,) = events(board(final), "world-cup")

    assert (found.status, found.period, found.home_score, found.away_score) == (GameStatus.FINAL, 5, 1, 1)
    assert found.situation == Soccer(home_reds=0, away_reds=0, home_penalties=4, away_penalties=3)


def test_soccer_counts_up_and_its_red_cards_are_counted() -> None:
    cards = [{"team": {"id": "G"}, "redCard": True}, {"team": {"id": "E"}, "redCard": False}]
    stands = status("STATUS_SECOND_HALF", clock=3480, period=2, detail="58'")
    (found,) = events(board(cup_tie(stands, {}, {}, details=cards)), "world-cup")

    assert found.clock_s == 1920.0
    assert found.situation == Soccer(home_reds=0, away_reds=1)


@pytest.mark.parametrize(
    ("broken", "why"),
    [
        ({"status": status("STATUS_COFFEE_BREAK")}, "STATUS_COFFEE_BREAK"),
        ({"competitors": [side("home", "Kansas City Chiefs", "1")]}, "one home and one away"),
        (
            {"competitors": [side("home", "Kansas City Chiefs", "x"), side("away", "Denver Broncos", "1")]},
            "'x'",
        ),
        (
            {"competitors": [side("home", "Kansas City Chiefs", "1"), side("away", "Nobodies", "1")]},
            "Nobodies",
        ),
        ({"date": "tomorrow"}, "tomorrow"),
        ({"date": "2025-09-14T17:00"}, "no time zone"),
        ({"status": None}, "status"),
    ],
)
def test_a_game_that_cannot_be_read_is_refused_alone(broken: dict[str, Any], why: str) -> None:
    other = [side("home", "Dallas Cowboys", "3"), side("away", "New York Giants", "0")]
    parsed, refused = read(board(game(**broken), game(id="402", competitors=other)))

    assert [getattr(record, "event_id", "") for record in parsed.records] == ["nfl:2025-09-14:dal-nyg"]
    assert len(refused) == 1
    assert why in refused[0]


@pytest.mark.parametrize(
    "field",
    [
        {"down": "third"},
        {"down": 5, "homeTimeouts": 3, "awayTimeouts": 3},
        [],
    ],
)
def test_a_state_of_play_that_cannot_be_read_takes_nothing_but_itself(field: Any) -> None:
    parsed, refused = read(board(game(situation=field)))
    (stands,) = parsed.records

    assert isinstance(stands, GameEvent)
    assert (stands.home_score, stands.situation) == (21, None)
    assert len(refused) == 1
    assert "state of play" in refused[0]


@pytest.mark.parametrize(
    ("body", "url"),
    [
        (b"<html>busy</html>", "/scoreboard"),
        (b'{"events": [{"competitions": [{"id"', "/scoreboard"),
        (b'{"code": 404}', "/scoreboard"),
        (b"[]", "/scoreboard"),
        (b'{"events": [{"competitions": [{"id": 1}]}]}', "/scoreboard"),
        (b'{"events": []}', "/summary"),
        (b'{"header": {"competitions": []}}', "/summary"),
    ],
)
def test_an_answer_of_another_shape_is_one_named_error(body: bytes, url: str) -> None:
    with pytest.raises(PayloadChanged, match="espn"):
        read(body, url=url)


def test_a_day_without_games_is_an_answer() -> None:
    parsed, refused = read(board())

    assert (parsed, refused) == (Parsed([], []), [])


def test_sides_that_changed_after_the_id_was_given_are_refused() -> None:
    identities = Identities(espn.NAME)
    read(board(game()), identities=identities)
    turned = [side("away", "Kansas City Chiefs", "21"), side("home", "Philadelphia Eagles", "17")]

    parsed, refused = read(board(game(competitors=turned)), identities=identities)

    assert parsed.records == []
    assert "sides" in refused[0]


def test_of_two_games_seen_at_once_the_earlier_one_is_the_first() -> None:
    early, late = game(id="2", date="2025-09-14T17:00Z"), game(id="1", date="2025-09-14T23:00Z")
    parsed, _ = read(board(late, early))

    assert [(event.source_id, event.event_id) for event in parsed.given] == [
        ("2", CHIEFS_GAME),
        ("1", f"{CHIEFS_GAME}:2"),
    ]


def test_a_summary_in_play_tells_its_plays_and_leaves_the_standing_to_the_scoreboard() -> None:
    found = events(summary(status(), play("1"), play("2", homeScore=28, scoringPlay=True)), url="/summary")

    assert [event.source_event_id for event in found] == ["401/1", "401/2"]


def test_a_summary_that_is_over_ends_with_the_final_score_in_the_period_of_its_last_play() -> None:
    final = status("STATUS_FINAL", "post", completed=True)
    *_, last = events(summary(final, play("1", period={"number": 5})), url="/summary")

    assert (last.kind, last.period, last.home_score, last.away_score) == ("final", 5, 21, 17)


def test_a_summary_whose_status_or_sides_are_not_known_is_refused_with_its_plays_kept_or_not() -> None:
    odd, refused = read(summary(status("STATUS_COFFEE_BREAK"), play("1")), url="/summary")
    unknown, refused_too = read(summary(status(), play("1")), "nba", "/summary")

    assert [getattr(record, "source_event_id", "") for record in odd.records] == ["401/1"]
    assert "STATUS_COFFEE_BREAK" in refused[0]
    assert unknown.records == []
    assert "Kansas City Chiefs" in refused_too[0]


def test_an_event_of_another_shape_is_refused_alone() -> None:
    body = board(game()).replace(b'"events": [', b'"events": [{"competitions": 3}, ')
    parsed, refused = read(body)

    assert [getattr(record, "source_event_id", "") for record in parsed.records] == ["401"]
    assert len(refused) == 1


def nba(**fields: Any) -> Game:
    return Game(**{"event_id": "nba:2025-11-02:bos-lal", "league": "nba", "starts_at_ms": NOW, **fields})


def asked(*games: Game, leagues: tuple[str, ...] = ("nba",)) -> dict[str, Call]:
    return {call.name: call for call in espn.calls(Config(leagues=leagues), NOW, games)}


def test_without_games_only_the_fixtures_are_asked_for() -> None:
    (call,) = asked().values()

    assert (call.name, call.every_s) == ("fixtures nba", espn.FIXTURES_S)
    assert call.url == "https://site.api.espn.com/apis/site/v2/sports/basketball/nba/scoreboard"
    assert call.params == (("dates", "20250914-20250921"),)


def test_the_pace_follows_the_games() -> None:
    far, near = nba(starts_at_ms=NOW + 5 * HOUR_MS), nba(starts_at_ms=NOW + HOUR_MS // 2)

    assert "scoreboard nba" not in asked(far)
    assert asked(near)["scoreboard nba"].every_s == espn.NEAR_S
    assert asked(nba(is_live=True))["scoreboard nba"].every_s == espn.GOING_S
    assert "scoreboard nba" not in asked(nba(is_over=True))


def test_plays_are_asked_for_where_they_hide_nothing_and_the_own_id_is_known() -> None:
    assert asked(nba(is_live=True, source_id="77"))["summary nba"].params == (("event", "77"),)
    assert "summary nba" not in asked(nba(is_live=True))
    football = Game("nfl:2025-09-14:kc-phi", "nfl", NOW, is_live=True, source_id="401")
    assert "summary nfl" not in asked(football, leagues=("nfl",))


def test_a_game_that_began_yesterday_is_asked_for_by_its_own_day() -> None:
    began = at_ms("2025-09-14T03:30:00Z")  # the evening before, in the league's own time
    call = espn.calls(Config(leagues=("nba",)), began + 2 * HOUR_MS, [nba(starts_at_ms=began, is_live=True)])[
        1
    ]

    assert call.params == (("dates", "20250913"),)


def test_every_league_of_espn_is_one_of_ours_and_one_that_is_not_is_left_out() -> None:
    assert espn.PATHS.keys() <= data.leagues().keys()
    assert asked(leagues=("kbo",)) == {}

import csv
from datetime import date
from itertools import pairwise
from pathlib import Path

import pytest

from pipeline import codec
from pipeline.errors import Refused
from pipeline.records import Basketball, GameEvent, GameStatus, OddsSnapshot, Record, SourceEvent
from pipeline.topics import topic_of
from producers.sources.games import received_at_ms
from producers.sources.nba_calendar import day_of
from producers.sources.nba_pbp import COLUMNS, DELAY_MS, Listed, game, recorded, starts
from tests.conftest import SHARED
from tests.producers.moments import at_ms

DATA = SHARED / "data" / "nba"
ID = "0021500002"
LISTED = Listed("CHI", "CLE", (3, 2), "")


def row(kind: int, words: str = "", *, side: str = "", **columns: object) -> dict[str, str]:
    """A row of the first quarter at 8:10 PM; words and player are the side's."""
    named = {"home": "HOMEDESCRIPTION", "away": "VISITORDESCRIPTION", "": "NEUTRALDESCRIPTION"}[side]
    given = {
        "GAME_ID": ID,
        "EVENTMSGTYPE": kind,
        "EVENTMSGACTIONTYPE": 0,
        "PERIOD": 1,
        "WCTIMESTRING": "8:10 PM",
        "PCTIMESTRING": "11:40",
        "HOME_SCORE": 0,
        "AWAY_SCORE": 0,
        "PLAYER1_TEAM_ABBREVIATION": {"home": "CHI", "away": "CLE", "": ""}[side],
        named: words,
        **columns,
    }
    return dict.fromkeys(COLUMNS, "") | {name: str(value) for name, value in given.items()}


START = row(12, PCTIMESTRING="12:00", WCTIMESTRING="8:08 PM")
OVER = row(13, PCTIMESTRING="0:00", PERIOD=4, HOME_SCORE=3, AWAY_SCORE=2, WCTIMESTRING="10:24 PM")


def told(*rows: dict[str, str], listed: Listed = LISTED) -> list[Record]:
    return game(ID, rows, {ID: listed})


def events(*rows: dict[str, str]) -> list[GameEvent]:
    """The records of the rows between the start and the end of a game."""
    found = [record for record in told(START, *rows, OVER) if isinstance(record, GameEvent)]
    return found[2:-1]


def situations(*rows: dict[str, str]) -> list[tuple[str, int, int]]:
    found = [event.situation for event in events(*rows)]
    assert all(isinstance(one, Basketball) for one in found)
    return [(one.possession, one.home_fouls, one.away_fouls) for one in found if isinstance(one, Basketball)]


def test_a_record_is_the_state_after_its_row_and_leads_back_to_it() -> None:
    made = row(1, "Rose 2' Layup (2 PTS)", side="home", HOME_SCORE=2, PCTIMESTRING="0:09.7")

    (event,) = events(made)

    assert event.source_event_id == f"{ID}/1"
    assert (event.kind, event.home_score, event.away_score) == ("score", 2, 0)
    assert (event.period, event.clock_s, event.status) == (1, 9.7, GameStatus.LIVE)
    assert (event.event_id, event.text) == ("nba:2015-10-27:chi-cle", "Rose 2' Layup (2 PTS)")


def test_a_game_opens_with_its_identity_and_schedule_and_ends_with_its_score_and_without_odds() -> None:
    identity, schedule, first, *_, final = told(START, OVER)

    assert isinstance(identity, SourceEvent)
    assert (identity.source_id, identity.home, identity.away) == (ID, "CHI", "CLE")
    assert isinstance(schedule, GameEvent)
    assert (schedule.status, schedule.source_event_id) == (GameStatus.SCHEDULED, "")
    assert isinstance(first, GameEvent)
    assert (first.kind, first.source_event_id) == ("start", f"{ID}/0")
    assert isinstance(final, GameEvent)
    assert (final.kind, final.status, final.source_event_id) == ("final", GameStatus.FINAL, f"{ID}/1")
    assert (final.home_score, final.away_score) == (3, 2)
    assert not any(isinstance(record, OddsSnapshot) for record in told(START, OVER))


@pytest.mark.parametrize(
    ("kind", "columns", "expected"),
    [
        (5, {}, "turnover"),
        (9, {}, "timeout"),
        (12, {"PERIOD": 2}, "period_start"),
        (13, {}, "period_end"),
        (18, {}, "review"),
        (8, {}, "play"),
        (3, {"AWAY_SCORE": 1}, "score"),
        (3, {}, "play"),
    ],
)
def test_a_record_says_what_its_row_was(kind: int, columns: dict[str, int], expected: str) -> None:
    assert events(row(kind, "words", side="away", **columns))[0].kind == expected


def test_a_score_that_is_taken_back_is_a_correction() -> None:
    taken = events(row(1, side="home", HOME_SCORE=2), row(18), row(18, HOME_SCORE=0))

    assert [event.kind for event in taken] == ["score", "correction", "review"]


def test_the_other_side_has_the_ball_after_a_basket_a_turnover_and_the_last_free_throw() -> None:
    assert situations(
        row(1, "Layup", side="home"),
        row(5, "Bad Pass", side="away"),
        row(6, "Love S.FOUL (P1.T1)", side="away", EVENTMSGACTIONTYPE=2),
        row(3, "Rose Free Throw 1 of 2", side="home"),
        row(3, "Rose Free Throw 2 of 2", side="home"),
    ) == [("away", 0, 0), ("home", 0, 0), ("home", 0, 1), ("home", 0, 1), ("away", 0, 1)]


def test_nobody_has_the_ball_until_a_miss_is_rebounded() -> None:
    team_rebound = row(4, "Bulls Rebound", side="home") | {"PLAYER1_TEAM_ABBREVIATION": ""}

    found = situations(
        row(2, "MISS Layup", side="home"),
        row(4, "Love REBOUND", side="away"),
        row(3, "MISS Love Free Throw 1 of 1", side="away"),
        team_rebound,
    )

    assert [possession for possession, _, _ in found] == ["", "away", "", "home"]


def test_what_is_played_beside_the_ball_leaves_it_where_it_is() -> None:
    found = situations(
        row(4, "Rebound", side="home"),
        row(3, "Rose Free Throw Technical", side="home"),
        row(6, "Noah OFF.Foul (P1)", side="home", EVENTMSGACTIONTYPE=4),
        row(8, "SUB", side="away"),
        row(9, "Timeout", side="away"),
        row(3, "Rose Free Throw Flagrant 2 of 2", side="home"),
    )

    assert {possession for possession, _, _ in found} == {"home"}


def test_team_fouls_are_the_periods_own_and_go_on_in_the_bonus() -> None:
    found = situations(
        row(6, "Noah P.FOUL (P1.T4)", side="home", EVENTMSGACTIONTYPE=1),
        row(6, "Noah P.FOUL (P2.PN)", side="home", EVENTMSGACTIONTYPE=1),
        row(6, "Noah OFF.Foul (P3)", side="home", EVENTMSGACTIONTYPE=4),
        row(12, PERIOD=2),
    )

    assert [home for _, home, _ in found] == [4, 5, 5, 0]


def test_rows_of_a_minute_share_it_and_none_is_known_before_it_was_played() -> None:
    rows = [row(8, "SUB", side="home")] * 3

    moments = [event.received_at_ms for event in events(*rows)]

    minute_ms = at_ms("2015-10-27T20:10:00-04:00")
    assert [at - minute_ms - DELAY_MS for at in moments] == [0, 20_000, 40_000]
    assert all(at >= minute_ms + 60_000 for at in moments)


def test_the_clock_on_the_wall_goes_on_through_midnight() -> None:
    late = told(
        START | {"WCTIMESTRING": "11:03 PM"},
        row(8, WCTIMESTRING="11:59 PM"),
        row(8, WCTIMESTRING="12:20 AM"),
        OVER | {"WCTIMESTRING": "1:28 AM"},
    )

    assert received_at_ms(late[-1]) == at_ms("2015-10-28T01:28:00-04:00") + DELAY_MS
    assert all(received_at_ms(a) <= received_at_ms(b) for a, b in pairwise(late))


def test_a_clock_that_is_hours_off_is_not_believed() -> None:
    rows = [row(8, WCTIMESTRING=f"8:{minute} PM") for minute in range(10, 16)]
    rows[2]["WCTIMESTRING"] = "10:12 PM"

    moments = [event.received_at_ms for event in events(*rows)]

    assert moments == sorted(moments)
    assert moments[-1] - moments[0] == 5 * 60_000


@pytest.mark.parametrize(
    ("game_id", "day"),
    [
        ("0021500001", date(2015, 10, 27)),
        ("0021500003", date(2015, 10, 27)),
        ("0021500004", date(2015, 10, 28)),
        ("0021500215", date(2015, 11, 25)),
        ("0021500227", date(2015, 11, 27)),  # none was played on Thanksgiving
        ("0021500238", date(2015, 11, 27)),
        ("0021500530", date(2016, 1, 6)),
        ("0021500654", date(2016, 2, 18)),  # snowed off on 23 January
        ("0021500663", date(2016, 1, 23)),
        ("0021500749", date(2016, 2, 4)),
    ],
)
def test_the_calendar_knows_the_day_of_a_game(game_id: str, day: date) -> None:
    assert day_of(game_id) == day


@pytest.mark.parametrize("game_id", ["0021500750", "0021500000", "0021600001", "0041500001", "21500001", ""])
def test_a_day_that_nobody_wrote_down_is_refused(game_id: str) -> None:
    with pytest.raises(Refused, match="no day is known of this game"):
        day_of(game_id)


def test_a_day_in_the_list_of_games_comes_before_the_calendar() -> None:
    (identity, *_) = told(START, OVER, listed=LISTED._replace(day="2016-11-01T00:00:00"))

    assert getattr(identity, "event_id", "") == "nba:2016-11-01:chi-cle"


@pytest.mark.parametrize(
    ("rows", "reason"),
    [
        ([START], "breaks off before the end"),
        ([START, OVER | {"HOME_SCORE": "4"}], r"its plays end \(4, 2\) and the list of games says \(3, 2\)"),
        ([START | {"HOME_SCORE": ""}, OVER], "invalid literal"),
        ([START | {"PERIOD": "2"}, row(8), OVER], "period 1 comes after period 2"),
        ([START | {"WCTIMESTRING": "20:08"}, OVER], "no time of day"),
    ],
)
def test_a_game_that_cannot_be_read_is_refused_whole(rows: list[dict[str, str]], reason: str) -> None:
    with pytest.raises((Refused, ValueError), match=reason):
        told(*rows)


def test_a_bad_game_is_told_and_the_others_go_on(tmp_path: Path) -> None:
    plays, games = tmp_path / "plays.csv", tmp_path / "games.csv"
    good, bad, unlisted = ([r | {"GAME_ID": i} for r in (START, OVER)] for i in (ID, "0021500003", "x"))
    bad[0]["PLAYER1_TEAM_ABBREVIATION"] = "ATL"
    bad[0]["EVENTMSGTYPE"] = "4"
    with plays.open("w", newline="") as file:
        writer = csv.DictWriter(file, sorted(COLUMNS))
        writer.writeheader()
        writer.writerows([*bad, *unlisted, *good])
    games.write_text(
        "GAME_ID,HOME_TEAM,AWAY_TEAM,HOME_FINAL,AWAY_FINAL\n"
        f"{ID},CHI,CLE,3,2\n0021500003,GSW,NOP,3,2\n0021500004,ORL,WAS,x,2\n"
    )
    refusals: list[str] = []

    found = list(recorded([games, plays], lambda reason, where: refusals.append(f"{where}: {reason}")))

    assert found == told(START, OVER)
    assert [refusal.split(":")[0] for refusal in refusals] == [
        "games.csv, game 0021500004",
        "plays.csv, game 0021500003",
        "plays.csv, game x",
    ]
    assert starts([plays, games]) == {
        "nba:2015-10-27:chi-cle": at_ms("2015-10-27T20:08:00-04:00"),
        "nba:2015-10-27:gsw-nop": at_ms("2015-10-27T20:08:00-04:00"),
    }


@pytest.mark.skipif(not DATA.is_dir(), reason="the recorded season is not here")
def test_the_recorded_season_is_sound_and_every_game_ends_with_its_score() -> None:
    paths = sorted(DATA.glob("*_2015_16.csv.gz"))
    refusals: list[tuple[str, str]] = []
    finals: dict[str, tuple[int, int, int]] = {}
    rows, now_ms = 0, 0

    for record in recorded(paths, lambda *refused: refusals.append(refused)):
        assert received_at_ms(record) >= now_ms
        now_ms = received_at_ms(record)
        if not isinstance(record, GameEvent) or not record.source_event_id:
            continue
        assert rows % 50 or codec.check(topic_of(GameEvent).name, record)  # of all it would take long
        rows += 1
        if record.status is GameStatus.FINAL:
            game_id = record.source_event_id.split("/")[0]
            finals[game_id] = (record.home_score, record.away_score, record.period)

    assert refusals == []
    assert (rows, len(finals)) == (241_413, 521)
    assert finals["0021500001"] == (94, 106, 4)
    assert sum(period > 4 for _, _, period in finals.values()) == 29

import csv
from collections import Counter
from pathlib import Path

import pytest

from pipeline import codec
from pipeline.errors import Refused
from pipeline.records import Baseball, GameEvent, GameStatus, OddsSnapshot, Record, SourceEvent
from pipeline.topics import topic_of
from producers.sources.games import received_at_ms
from producers.sources.retrosheet import COLUMNS, DELAY_MS, RESUMED, game, recorded, starts
from tests.conftest import SHARED
from tests.producers.moments import at_ms

EVENTS = SHARED / "data" / "mlb-retrosheet" / "events_2019_2020.csv.gz"


def row(inning: int = 1, half: str = "top", **columns: object) -> dict[str, str]:
    """A play of Seattle at Oakland that comes to nothing."""
    given = {
        "gameId": "OAK202007240",
        "visitingTeam": "SEA",
        "homeTeam": "OAK",
        "inning": inning,
        "battingTeam": int(half == "bottom"),
        **dict.fromkeys(("outs", "on1b", "on2b", "on3b", "visScore", "homeScore"), 0),
        **dict.fromkeys(("runsOnPlay", "outsOnPlay", "visFinal"), 0),
        "homeFinal": 1,
        "endGameFlag": "F",
        **columns,
    }
    return {name: str(value) for name, value in given.items()}


def over(inning: int = 9, **columns: object) -> dict[str, str]:
    """The home side scores the run that ends it."""
    return row(inning, "bottom", outs=1, on3b=1, **({"runsOnPlay": 1, "endGameFlag": "T"} | columns))


def events(*rows: dict[str, str], **columns: object) -> list[GameEvent]:
    """The records of a game's rows, and of its end."""
    named = [one | {name: str(value) for name, value in columns.items()} for one in rows]
    return [record for record in game(named)[2:] if isinstance(record, GameEvent)]


def situation(event: GameEvent) -> Baseball:
    assert isinstance(event.situation, Baseball)
    return event.situation


def test_a_record_is_the_state_before_its_row_and_leads_back_to_it() -> None:
    runners = row(3, "bottom", outs=2, on1b=1, on3b=1, homeScore=4, visScore=2, runsOnPlay=2)

    first, before, *_ = events(row(), runners, over(homeScore=6, visScore=2), homeFinal=7, visFinal=2)

    assert (first.kind, first.source_event_id) == ("start", "OAK202007240/0")
    assert before.source_event_id == "OAK202007240/1"
    assert (before.event_id, before.period, before.clock_s) == ("mlb:2020-07-24:ath-sea", 3, -1.0)
    assert (before.home_score, before.away_score) == (4, 2)
    assert (situation(before).half, situation(before).outs, situation(before).bases) == ("bottom", 2, 5)


@pytest.mark.parametrize(
    "outcome",
    [{"outsOnPlay": 2}, {"eventText": "HR"}, {"balls": 3}, {"strikes": 2}, {"eventType": 23}],
    ids=str,
)
def test_nothing_that_comes_of_a_play_is_in_the_record_before_it(outcome: dict[str, object]) -> None:
    plain = row(1, outs=1)

    before = events(plain, over())[0]

    assert events(plain | {name: str(value) for name, value in outcome.items()}, over())[0] == before
    assert before.text == ""


def test_the_next_record_says_what_a_play_came_to() -> None:
    kinds = [
        event.kind
        for event in events(
            row(), row(outs=1), row(outs=1, visScore=1), row(2, visScore=1), over(visScore=1, homeScore=1),
            homeFinal=2, visFinal=1,
        )
    ]  # fmt: skip

    assert kinds == ["start", "play", "score", "period_start", "score", "final"]


def test_the_final_record_has_the_score_of_the_last_play() -> None:
    *_, final = events(row(), over())

    assert (final.source_event_id, final.kind, final.status) == (
        "OAK202007240/1/final",
        "final",
        GameStatus.FINAL,
    )
    assert (final.home_score, final.away_score, final.period) == (1, 0, 9)


def test_a_game_may_end_level() -> None:
    *_, final = events(row(), over(runsOnPlay=0), homeFinal=0)

    assert (final.status, final.home_score, final.away_score) == (GameStatus.FINAL, 0, 0)


def test_a_game_opens_an_hour_before_it_and_has_no_odds() -> None:
    identity, schedule, first, *_ = records = game([row(), over()])

    assert isinstance(identity, SourceEvent)
    assert (identity.source_id, identity.home, identity.away) == ("OAK202007240", "OAK", "SEA")
    assert getattr(schedule, "status", None) is GameStatus.SCHEDULED
    assert received_at_ms(first) - DELAY_MS == at_ms("2020-07-24T22:15:00-04:00")
    assert received_at_ms(first) - received_at_ms(identity) == 3_600_000 + DELAY_MS
    assert not any(isinstance(record, OddsSnapshot) for record in records)


@pytest.mark.parametrize(
    ("game_id", "innings"),
    [
        ("OAK201907240", 9),
        ("OAK201907241", 9),
        ("OAK202007281", 9),
        ("OAK202008011", 7),
        ("OAK202109302", 7),
        ("OAK202208012", 9),
        ("OAK202008010", 9),
    ],
)
def test_games_of_two_on_a_day_had_seven_innings_in_two_seasons(game_id: str, innings: int) -> None:
    first, *_, final = events(row(), over(), gameId=game_id)

    assert {situation(event).scheduled_innings for event in (first, final)} == {innings}


def test_a_game_that_was_put_after_one_that_was_broken_off_had_seven_innings() -> None:
    rays = {"gameId": "TOR202008160", "homeTeam": "TOR", "visitingTeam": "TBA"}

    assert situation(events(row(), over(), **rays)[0]).scheduled_innings == 7


def test_a_runner_who_is_put_on_second_base_shows_that_regulation_is_over() -> None:
    plays = row(7), row(8, on2b=1), row(8, "bottom", on2b=1)

    innings = [situation(event).scheduled_innings for event in events(row(), *plays, over())]

    assert innings == [9, 9, 7, 7, 7, 7]
    assert situation(events(row(), row(10, on2b=1), over(10))[1]).scheduled_innings == 9
    assert situation(events(row(), plays[1], over(), gameId="OAK201907240")[1]).scheduled_innings == 9


def write(path: Path, *games: list[dict[str, str]]) -> Path:
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, sorted(COLUMNS))
        writer.writeheader()
        writer.writerows(one for rows in games for one in rows)
    return path


def a_game(game_id: str, visitor: str = "SEA", *rows: dict[str, str]) -> list[dict[str, str]]:
    named = {"gameId": game_id, "homeTeam": game_id[:3], "visitingTeam": visitor}
    return [one | named for one in (rows or (row(), over()))]


def told(path: Path) -> tuple[list[Record], list[str]]:
    refusals: list[str] = []
    return list(recorded([path], lambda reason, where: refusals.append(f"{where}: {reason}"))), refusals


def test_two_games_of_a_day_are_two_events_one_after_the_other(tmp_path: Path) -> None:
    path = write(tmp_path / "events.csv", a_game("OAK202008081"), a_game("OAK202008082"))

    assert sorted(starts([path]).items(), key=lambda item: item[1]) == [
        ("mlb:2020-08-08:ath-sea", at_ms("2020-08-08T19:15:00-04:00")),
        ("mlb:2020-08-08:ath-sea:2", at_ms("2020-08-08T23:15:00-04:00")),
    ]


def test_a_second_game_at_which_the_other_side_is_at_home_is_the_first_of_its_sides(tmp_path: Path) -> None:
    path = write(tmp_path / "events.csv", a_game("BAL202008051", "MIA"), a_game("MIA202008052", "BAL"))

    assert set(starts([path])) == {"mlb:2020-08-05:bal-mia", "mlb:2020-08-05:mia-bal"}
    assert {getattr(record, "event_id", "") for record in told(path)[0]} == set(starts([path]))


def test_a_game_that_was_broken_off_stands_still_until_it_goes_on() -> None:
    place, day = RESUMED["TOR202008150"]
    plays = [row(1 + n // 9, outs=n % 3) for n in range(place + 4)]

    found = events(*plays, over(), gameId="TOR202008150", homeTeam="TOR", visitingTeam="TBA")

    before, suspended, resumed, after = found[place : place + 4]
    assert [event.source_event_id.removeprefix("TOR202008150/") for event in found[place : place + 4]] == [
        f"{place}",
        f"{place}/suspension",
        f"{place}/resumption",
        f"{place + 1}",
    ]
    assert (suspended.kind, suspended.status) == ("suspension", GameStatus.SUSPENDED)
    assert (resumed.kind, resumed.status) == ("resumption", GameStatus.LIVE)
    assert before.situation == suspended.situation == resumed.situation
    assert suspended.received_at_ms < at_ms(f"{day}T00:00:00-04:00") < resumed.received_at_ms
    assert after.received_at_ms > resumed.received_at_ms


@pytest.mark.parametrize(
    ("rows", "reason"),
    [
        ([row()], "breaks off before the end"),
        ([row(), over(runsOnPlay=0)], r"its plays end \(0, 0\) and its final score is \(1, 0\)"),
        ([row(visScore=2), row(outs=1, visScore=1), over()], "the score falls"),
        ([row(3), row(2), over()], "top of inning 2 comes after top of inning 3"),
        ([row(half="bottom"), over()], "the home side bats first"),
        ([row(), row(half="bottom"), row(), over()], "top of inning 1 comes after bottom of inning 1"),
        ([row(outs=3), over()], "a play begins with 3 outs"),
        ([row(outs=""), over()], "invalid literal"),
        ([row(homeTeam="OAX"), over()], "no team of mlb is known as 'OAX'"),
        ([row(gameId="SEA202007240"), over()], "no id of a game of OAK"),
    ],
)
def test_a_game_that_cannot_be_read_is_refused_whole_and_the_others_go_on(
    tmp_path: Path, rows: list[dict[str, str]], reason: str
) -> None:
    with pytest.raises((Refused, ValueError), match=reason):
        game(rows)

    bad = [one | {"gameId": rows[0]["gameId"]} for one in rows]
    good = a_game("OAK202007250")
    found, refusals = told(write(tmp_path / "events.csv", bad, good))

    assert found == game(good)
    assert [refusal.split(":")[0] for refusal in refusals] == [f"events.csv, game {rows[0]['gameId']}"]


@pytest.mark.skipif(not EVENTS.exists(), reason="the recorded seasons are not here")
def test_the_recorded_seasons_are_sound_and_every_game_ends_with_its_score() -> None:
    refusals: list[tuple[str, str]] = []
    kinds: Counter[str] = Counter()
    innings: Counter[int] = Counter()
    events: set[str] = set()
    rows, now_ms = 0, 0

    for record in recorded([EVENTS], lambda *refused: refusals.append(refused)):
        assert received_at_ms(record) >= now_ms
        now_ms = received_at_ms(record)
        if not isinstance(record, GameEvent):
            continue
        kinds[record.kind] += 1
        assert rows % 50 or codec.check(topic_of(GameEvent).name, record)  # of all it would take long
        rows += record.source_event_id.count("/") == 1
        if record.status is GameStatus.FINAL:
            innings[situation(record).scheduled_innings] += 1
            events.add(record.event_id)

    assert refusals == []  # the end of each game was checked against its final score
    assert (rows, kinds["final"], len(events)) == (210_022, 2_674, 2_674)
    assert (kinds["suspension"], kinds["resumption"]) == (4, 4)
    assert innings == {9: 2_605, 7: 69}

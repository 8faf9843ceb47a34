import csv
import gzip
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from pipeline import codec
from pipeline.records import GameEvent, GameStatus, OddsSnapshot, QuoteStatus, SourceEvent, TimeBasis
from pipeline.topics import topic_of
from producers.sources.nflverse import COLUMNS, game, read, received_at_ms
from tests.conftest import SHARED
from tests.producers.moments import at_ms
from tests.producers.sources.payloads import notice, row

PLAYS = SHARED / "data" / "nfl"
KICKED_OFF = "2025-09-14T17:02:00Z"


def at(seconds: float) -> str:
    """That many seconds after the kick-off, as the file writes it."""
    minute, second = divmod(120 + int(seconds), 60)
    return f"2025-09-14T{17 + minute // 60}:{minute % 60:02}:{second:02}Z"


def a_game(*plays: dict[str, str], **kick_off: object) -> list[dict[str, str]]:
    """Kick-off, plays, and the end with the home side seven points ahead."""
    return [
        notice(1, "GAME", clock="", game_seconds_remaining=3600),
        row(40, "Kick-off.", play_type="kickoff", down="", play_start=at(0), play_end=at(6), **kick_off),
        *plays,
        row(999, "END GAME", play_type="", total_home_score=7, clock="00:00", game_seconds_remaining=0),
    ]


def events(rows: list[dict[str, str]]) -> dict[str, GameEvent]:
    """Game events by what their source calls them within the game."""
    found = [record for record in game(rows) if isinstance(record, GameEvent)]
    return {event.source_event_id.removeprefix("2025_02_PHI_KC/"): event for event in found}


TOUCHDOWN = row(60, "Touchdown.", touchdown=1, play_start=at(40), play_end=at(47), penalty=1, yards_gained=60)


def test_a_play_is_its_snap_and_its_end_with_the_score_after_it() -> None:
    found = events(a_game(TOUCHDOWN))
    snap, end = found["60"], found["60/end"]

    assert (snap.kind, snap.home_score, snap.happened_at_ms) == ("snap", 0, at_ms(at(40)))
    assert (end.kind, end.home_score, end.happened_at_ms) == ("score", 7, at_ms(at(47)))
    assert (snap.received_at_ms, end.received_at_ms) == (at_ms(at(50)), at_ms(at(57)))
    assert snap.event_id == "nfl:2025-09-14:kc-phi"
    assert snap.situation is not None
    assert (snap.situation.possession, snap.situation.down, snap.situation.yards_to_goal) == ("home", 1, 60)
    assert (snap.situation.home_timeouts, snap.situation.away_timeouts) == (3, 2)
    assert (snap.period, snap.clock_s) == (1, 600.0)


@pytest.mark.parametrize(
    "outcome",
    [
        {"yards_gained": 60},
        {"touchdown": 1},
        {"interception": 1},
        {"penalty": 1, "play_type": "no_play"},
        {"play_type": "field_goal"},
        {"desc": "Fumble!"},
        {"epa": 6.0},
        {"wpa": 0.4},
        {"result": -3},
        {"play_end": at(59)},
    ],
    ids=str,
)
def test_nothing_of_the_plays_outcome_is_in_the_record_of_its_snap(outcome: dict[str, Any]) -> None:
    plain = row(60, "Run.", play_start=at(40), play_end=at(45))

    before = events(a_game(plain))["60"]

    assert events(a_game(plain | {name: str(value) for name, value in outcome.items()}))["60"] == before
    assert before.text == ""


@pytest.mark.parametrize(
    ("columns", "kind"),
    [
        ({}, "play"),
        ({"interception": 1}, "turnover"),
        ({"penalty": 1, "play_type": "no_play"}, "penalty"),
        ({"penalty": 1}, "play"),
    ],
)
def test_the_end_of_a_play_says_what_it_was(columns: dict[str, Any], kind: str) -> None:
    follows = row(80, "Run.", play_start=at(80))

    assert events(a_game(row(60, "Run.", play_start=at(40), **columns), follows))["60/end"].kind == kind


def test_a_missing_end_is_taken_just_before_the_next_snap_and_marked() -> None:
    found = events(a_game(row(60, "Run.", play_start=at(40)), row(80, "Run.", play_start=at(80))))

    end = found["60/end"]
    assert end.happened_at_basis is TimeBasis.ESTIMATED
    assert at_ms(at(40)) < end.happened_at_ms < at_ms(at(80))
    assert at_ms(at(80)) - end.happened_at_ms <= 1_000
    assert found["60"].happened_at_basis is TimeBasis.STATED


def test_an_end_before_the_snap_is_not_believed() -> None:
    found = events(
        a_game(row(60, "Run.", play_start=at(40), play_end=at(39)), row(80, "Run.", play_start=at(80)))
    )

    assert found["60/end"].happened_at_basis is TimeBasis.ESTIMATED
    assert found["60/end"].happened_at_ms >= found["60"].happened_at_ms


def test_a_missing_start_lies_between_its_neighbours_and_is_marked() -> None:
    found = events(a_game(row(60, "Run."), row(80, "Run.", play_start=at(80))))

    assert found["60"].happened_at_basis is TimeBasis.ESTIMATED
    assert at_ms(at(6)) <= found["60"].happened_at_ms < at_ms(at(80))


def test_a_start_a_day_off_is_not_believed() -> None:
    plays = [row(60 + n, "Run.", play_start=at(40 * n)) for n in range(1, 6)]
    plays[2]["play_start"] = "2025-09-15T17:10:00Z"

    found = events(a_game(*plays))

    assert found["63"].happened_at_basis is TimeBasis.ESTIMATED
    assert found["62"].happened_at_ms <= found["63"].happened_at_ms <= found["64"].happened_at_ms


def test_rows_without_a_team_in_possession_are_one_record_each() -> None:
    found = events(
        a_game(
            row(60, "Run.", play_start=at(40), play_end=at(45), total_home_score=0),
            notice(70, "Timeout #1 by PHI at 09:00.", play_type="no_play", play_start=at(50)),
            row(80, "Run.", play_start=at(80), play_end=at(85)),
            notice(90, "END QUARTER 2", clock="", qtr=2, game_seconds_remaining=1800),
        )
    )

    assert {name: event.kind for name, event in found.items()} == {
        "1": "scheduled",
        "40": "snap",
        "40/end": "play",
        "60": "snap",
        "60/end": "play",
        "70": "timeout",
        "80": "snap",
        "80/end": "score",
        "90": "period_end",
        "999": "final",
    }
    assert (found["90"].period, found["90"].clock_s, found["90"].home_score) == (2, 0.0, 7)


def test_the_end_of_the_game_is_final_with_the_result() -> None:
    final = events(a_game(TOUCHDOWN))["999"]

    assert (final.kind, final.status, final.home_score, final.away_score) == ("final", GameStatus.FINAL, 7, 0)


def test_where_the_file_lacks_the_end_the_result_says_the_final_score() -> None:
    *rows, _ = a_game(TOUCHDOWN)

    found = events(rows)

    assert (found["60/end"].home_score, found["60/end"].kind) == (7, "score")
    assert found["60/final"].status is GameStatus.FINAL
    assert found["60/final"].home_score == 7


def test_before_the_game_come_its_identity_its_closing_line_and_its_schedule() -> None:
    given, closing, scheduled, *_ = game(a_game())
    an_hour_before_ms = at_ms(KICKED_OFF) - 3_600_000

    assert isinstance(given, SourceEvent)
    assert (given.source_id, given.event_id) == ("2025_02_PHI_KC", "nfl:2025-09-14:kc-phi")
    assert isinstance(closing, OddsSnapshot)
    assert [(line.book, line.market, line.line, line.status) for line in closing.lines] == [
        ("closing", "spread", -3.5, QuoteStatus.REFERENCE),
        ("closing", "total", 44.5, QuoteStatus.REFERENCE),
    ]
    assert all(line.prices[0] == line.prices[1] for line in closing.lines)
    assert isinstance(scheduled, GameEvent)
    assert scheduled.status is GameStatus.SCHEDULED
    assert {record.received_at_ms for record in (given, closing, scheduled)} == {an_hour_before_ms}


def test_a_game_without_lines_has_no_closing_line() -> None:
    rows = [row | {"spread_line": "", "total_line": ""} for row in a_game()]

    assert not any(isinstance(record, OddsSnapshot) for record in game(rows))


def test_the_delay_is_what_is_asked_for() -> None:
    snaps = [record for record in game(a_game(), delay_ms=25_000) if getattr(record, "kind", "") == "snap"]

    assert snaps[0].received_at_ms == at_ms(KICKED_OFF) + 25_000


@pytest.mark.parametrize(
    "broken",
    [{"home_team": "KCC"}, {"down": "five"}, {"qtr": ""}, {"play_start": "noon"}, {"game_date": "Sunday"}],
    ids=str,
)
def test_a_game_that_cannot_be_read_is_refused_whole_and_the_others_go_on(
    tmp_path: Path, broken: dict[str, str]
) -> None:
    path = tmp_path / "plays.csv.gz"
    bad = [row | broken | {"game_id": "bad"} for row in a_game(TOUCHDOWN)]
    with gzip.open(path, "wt", newline="") as file:
        writer = csv.DictWriter(file, sorted(COLUMNS | {"result"}), extrasaction="ignore")
        writer.writeheader()
        writer.writerows([*bad, *a_game(TOUCHDOWN)])
    refusals: list[tuple[str, str]] = []

    records = read(path, lambda *told: refusals.append(told))

    assert [where for _, where in refusals] == ["plays.csv.gz, game bad"]
    assert len(records) == len(game(a_game(TOUCHDOWN)))


@pytest.mark.parametrize("season", ["pbp_2025_weeks2-5", "pbp_2019"])
def test_recorded_games_are_sound_never_run_back_and_end_with_their_result(season: str) -> None:
    path = PLAYS / f"{season}.csv.gz"
    with gzip.open(path, "rt", newline="") as file:
        results = {row["game_id"]: int(float(row["result"])) for row in csv.DictReader(file)}
    refusals: list[tuple[str, str]] = []

    records = read(path, lambda *told: refusals.append(told))

    assert refusals == []
    assert all(codec.check(topic_of(type(record)).name, record) for record in records)
    assert all(received_at_ms(a) <= received_at_ms(b) for a, b in pairwise(records))
    plays = [record for record in records if isinstance(record, GameEvent)]
    finals = {
        event.source_event_id.split("/")[0]: event.home_score - event.away_score
        for event in plays
        if event.status is GameStatus.FINAL
    }
    assert finals == results
    assert len({event.source_event_id for event in plays}) == len(plays)
    # Only a notice, whose time is a guess in any case, may come long after it happened.
    late = [event for event in plays if event.received_at_ms - event.happened_at_ms > 20_000]
    assert len(late) < len(plays) / 1000
    last: dict[str, GameEvent] = {}
    for event in plays:
        if (before := last.get(event.event_id)) is not None:
            assert event.sequence > before.sequence
            assert event.home_score >= before.home_score
            assert event.away_score >= before.away_score
        last[event.event_id] = event

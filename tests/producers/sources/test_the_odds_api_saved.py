import csv
from pathlib import Path

import pytest

from pipeline.records import OddsSnapshot, SnapshotKind, SourceEvent
from producers.recorded import look
from producers.sources.the_odds_api_saved import COLUMNS, NAME, recorded, starts
from tests.producers.moments import at_ms

ROW = {
    "file": "odds_2026-01-05_open.csv",
    "sport": "NHL",
    "game_id": "one",
    "commence_time": "2026-01-06T00:00:00Z",
    "snapshot_taken_at_utc": "2026-01-05T17:00:00Z",
    "bookmaker_last_update_utc": "2026-01-05T16:59:30Z",
    "home_team": "Boston Bruins",
    "away_team": "New York Rangers",
    "bookmaker": "fanduel",
    "ml_home": "-150",
    "ml_away": "130",
    "spread_home": "-1.5",
    "spread_home_odds": "180",
    "spread_away": "1.5",
    "spread_away_odds": "-220",
    "total_line": "6.5",
    "total_over_odds": "-110",
    "total_under_odds": "-110",
}


def table(path: Path, *rows: dict[str, str]) -> Path:
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, sorted(COLUMNS))
        writer.writeheader()
        writer.writerows({**ROW, **row} for row in rows)
    return path


def test_rows_of_one_poll_are_one_snapshot_for_each_event(tmp_path: Path) -> None:
    path = table(
        tmp_path / "polls.csv", {}, {"bookmaker": "betmgm", "spread_home_odds": "", "ml_home": "-145"}
    )
    refused: list[str] = []
    given, snapshot = recorded([path], lambda why, _: refused.append(why))

    assert refused == []
    assert isinstance(given, SourceEvent)
    assert isinstance(snapshot, OddsSnapshot)
    assert (snapshot.event_id, snapshot.received_at_ms) == (
        "nhl:2026-01-05:bos-nyr",
        at_ms("2026-01-05T17:00:00Z"),
    )
    assert [(line.book, line.market, line.line) for line in snapshot.lines] == [
        ("betmgm", "h2h", 0.0),
        ("betmgm", "total", 6.5),
        ("fanduel", "h2h", 0.0),
        ("fanduel", "spread", -1.5),
        ("fanduel", "total", 6.5),
    ]
    assert {line.quoted_at_ms for line in snapshot.lines} == {at_ms("2026-01-05T16:59:30Z")}


def test_polls_are_told_by_time_and_an_equal_one_costs_one_small_record(tmp_path: Path) -> None:
    later = {"snapshot_taken_at_utc": "2026-01-05T17:05:00Z", "file": "odds_2026-01-05_late.csv"}
    path = table(tmp_path / "polls.csv", later, {})
    _, first, second = recorded([path], lambda *_: None)

    assert isinstance(first, OddsSnapshot)
    assert isinstance(second, OddsSnapshot)
    assert (first.kind, second.kind) == (SnapshotKind.FULL, SnapshotKind.UNCHANGED)
    assert first.received_at_ms < second.received_at_ms
    assert list(recorded([path], lambda *_: None, second.received_at_ms)) != []


@pytest.mark.parametrize(
    ("broken", "why"),
    [
        ({"snapshot_taken_at_utc": ""}, "when it was polled"),
        ({"snapshot_taken_at_utc": "noon"}, "noon"),
        ({"sport": "Chess"}, "Chess"),
        ({"ml_home": "even"}, "even"),
    ],
)
def test_a_row_that_cannot_be_read_is_refused_alone(tmp_path: Path, broken: dict[str, str], why: str) -> None:
    refused: list[str] = []
    path = table(tmp_path / "polls.csv", {"bookmaker": "betmgm", **broken}, {})
    *_, snapshot = recorded([path], lambda reason, _: refused.append(reason))

    assert isinstance(snapshot, OddsSnapshot)
    assert {line.book for line in snapshot.lines} == {"fanduel"}
    assert len(refused) == 1
    assert why in refused[0]


def test_such_a_file_is_known_among_recorded_ones(tmp_path: Path) -> None:
    recording = look([table(tmp_path / "polls.csv", {})])

    assert recording.games.by_source == {NAME: {"nhl:2026-01-05:bos-nyr": at_ms(ROW["commence_time"])}}
    assert len(list(recording.records(lambda *_: None))) == 2
    assert starts([tmp_path / "polls.csv"]) == recording.games.by_source[NAME]

import csv
import gzip
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from pipeline.errors import UsageError
from pipeline.records import ClockTick, Record
from producers.recorded import kind_of, look
from producers.sources.nflverse import COLUMNS, received_at_ms
from tests.conftest import SHARED
from tests.producers.moments import at_ms
from tests.producers.sources.payloads import book, event, market, notice, outcome, poll, row

POLLS = SHARED / "data" / "odds-fetcher-the-odds-api" / "nfl.jsonl.xz"
PLAYS = SHARED / "data" / "nfl" / "pbp_2025_weeks2-5.csv.gz"
PRICED = book(
    "fanduel", market("h2h", outcome("Kansas City Chiefs", -150), outcome("Philadelphia Eagles", 130))
)


def polls(folder: Path, *lines: str) -> Path:
    path = folder / "polls.jsonl"
    path.write_text("".join(lines))
    return path


def plays(folder: Path, **columns: Any) -> Path:
    path = folder / "plays.csv"
    rows = [
        notice(1, "GAME"),
        row(40, "Kick-off.", play_type="kickoff", play_start="2025-09-14T17:02:00Z"),
        row(99, "END GAME", play_type=""),
    ]
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, sorted(COLUMNS | {"result"}))
        writer.writeheader()
        writer.writerows(row | columns for row in rows)
    return path


def quiet(reason: str, where: str) -> None:
    raise AssertionError(f"{reason} ({where})")


def test_files_are_told_apart_by_what_is_in_them(tmp_path: Path) -> None:
    packed = tmp_path / "anything"
    packed.write_bytes(gzip.compress(plays(tmp_path).read_bytes()))

    assert kind_of(polls(tmp_path, poll("2025-09-14T16:50:00Z"))) == "the-odds-api"
    assert kind_of(plays(tmp_path)) == "nflverse"
    assert kind_of(packed) == "nflverse"
    assert kind_of(POLLS) == "the-odds-api"
    assert kind_of(PLAYS) == "nflverse"


@pytest.mark.parametrize(
    "content", [b"", b"\x00\x01rubbish", b"a,b\n1,2\n", b'{"x": 1}\n', b"\x1f\x8brubbish"]
)
def test_a_file_of_unknown_kind_is_one_sentence(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "file"
    path.write_bytes(content)

    with pytest.raises(UsageError, match=r"no known kind; known are"):
        look([path])


def test_a_missing_file_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be opened: No such file"):
        look([tmp_path / "none"])


def test_a_file_of_another_kind_than_the_source_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="not the-odds-api"):
        look([plays(tmp_path)], only="the-odds-api")


def test_files_that_share_no_game_need_a_start(tmp_path: Path) -> None:
    paths = [polls(tmp_path, poll("2025-09-14T16:50:00Z", event(PRICED))), plays(tmp_path, home_team="BUF")]

    with pytest.raises(UsageError, match="say --from"):
        look(paths)

    assert look(paths, from_ms=0).summary() == [
        "0 games met in one event_id (the-odds-api 1, nflverse 1 games in all)",
        "only the-odds-api has, in the days of both: nfl:2025-09-14:kc-phi",
        "only nflverse has, in the days of both: nfl:2025-09-14:buf-phi",
    ]


def test_everything_is_played_on_one_clock_from_an_hour_before_the_first_shared_game(tmp_path: Path) -> None:
    early = event(PRICED, id="early", home_team="Buffalo Bills", commence_time="2025-09-07T17:00:00Z")
    paths = [
        plays(tmp_path),
        polls(
            tmp_path,
            poll("2025-09-07T16:50:00Z", early),
            poll("2025-09-14T15:50:00Z", event(PRICED)),
            poll("2025-09-14T16:50:00Z", event(PRICED)),
            poll("2025-09-14T17:02:30Z", event(PRICED)),
        ),
    ]

    recording = look(paths)
    records = list(recording.records(quiet))

    assert recording.from_ms == at_ms("2025-09-14T16:00:00Z")
    assert recording.summary()[0] == "1 games met in one event_id (nflverse 1, the-odds-api 2 games in all)"
    assert all(received_at_ms(a) <= received_at_ms(b) for a, b in pairwise(records))
    assert received_at_ms(records[0]) == at_ms("2025-09-14T16:02:00Z")
    assert [name(record) for record in records] == [
        "SourceEvent",
        "OddsSnapshot nflverse",
        "GameEvent scheduled",
        "SourceEvent",
        "OddsSnapshot the-odds-api-recorded",
        "GameEvent snap",
        "GameEvent play",
        "GameEvent final",
        "OddsSnapshot the-odds-api-recorded",
    ]
    assert len({record.event_id for record in records if not isinstance(record, ClockTick)}) == 1


def name(record: Record) -> str:
    kind = type(record).__name__
    detail = {"OddsSnapshot": "source", "GameEvent": "kind"}.get(kind)
    return f"{kind} {getattr(record, detail)}" if detail else kind


def test_games_that_did_not_meet_are_named(tmp_path: Path) -> None:
    other = event(PRICED, id="two", home_team="Buffalo Bills", away_team="Miami Dolphins")
    last = event(PRICED, id="three", commence_time="2025-09-15T17:00:00Z", home_team="Denver Broncos")
    second = plays(tmp_path, game_id="2025_02_PHI_DEN", home_team="DEN", game_date="2025-09-15").read_text()
    path = plays(tmp_path)
    path.write_text(path.read_text() + second.split("\n", 1)[1].replace("2025-09-14T", "2025-09-15T"))

    recording = look([polls(tmp_path, poll("2025-09-14T16:50:00Z", event(PRICED), other, last)), path])

    assert recording.summary()[0].startswith("2 games met")
    assert recording.summary()[1] == "only the-odds-api has, in the days of both: nfl:2025-09-14:buf-mia"


def test_all_62_recorded_games_meet_in_one_event_id() -> None:
    recording = look([POLLS, PLAYS])

    assert len(recording.games.by_source["nflverse"]) == 62
    assert len(recording.games.met()) == 62
    assert recording.games.alone() == {"the-odds-api": [], "nflverse": []}
    assert recording.from_ms == at_ms("2025-09-11T23:16:00Z")

import csv
import gzip
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from pipeline.errors import UsageError
from pipeline.records import GameEvent, OddsSnapshot, Record
from producers.recorded import kind_of, look
from producers.sources import nba_pbp, retrosheet, wyscout
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


@pytest.mark.parametrize(
    ("columns", "kind"),
    [
        (nba_pbp.COLUMNS, "nba-pbp"),
        (nba_pbp.GAMES, "nba-pbp"),
        (retrosheet.COLUMNS, "retrosheet"),
        (wyscout.COLUMNS, "wyscout"),
        (wyscout.MATCHES, "wyscout"),
    ],
)
def test_a_header_tells_whose_games_a_file_holds(tmp_path: Path, columns: frozenset[str], kind: str) -> None:
    path = tmp_path / "file.csv"
    path.write_text(f"\ufeff{','.join(sorted(columns))},more\n", encoding="utf-8")

    assert kind_of(path) == kind


@pytest.mark.parametrize("columns", [nba_pbp.COLUMNS, wyscout.COLUMNS, wyscout.MATCHES])
def test_plays_without_the_list_of_their_games_are_one_sentence(
    tmp_path: Path, columns: frozenset[str]
) -> None:
    path = tmp_path / "file.csv"
    path.write_text(f"{','.join(sorted(columns))}\n")

    with pytest.raises(UsageError, match="needs two kinds of files"):
        look([path])


def a_match(folder: Path) -> tuple[list[Path], Path]:
    """A match as Wyscout has it, with prices beside it, and as football-data.co.uk has it."""
    matches, events, results = (folder / name for name in ("matches.csv", "events.csv", "E0.csv"))
    listed = dict.fromkeys(wyscout.MATCHES, "0") | {
        "match_id": "7", "competition": "England", "date_utc": "2017-08-12 14:00:00",
        "label": '"Chelsea - Burnley, 1 - 0"', "home_team": "Chelsea", "away_team": "Burnley",
        "fd_div": "E0", "fd_home": "Chelsea", "fd_away": "Burnley",
        "PSCH": "1.25", "PSCD": "6.2", "PSCA": "14",
    }  # fmt: skip
    matches.write_text(f"{','.join(listed)}\n{','.join(listed.values())}\n")
    events.write_text("match_id,period,event_sec,side,type,detail\n7,1H,60.0,home,goal,\n")
    results.write_text(
        "Div,Date,HomeTeam,AwayTeam,FTHG,FTAG,FTR,PSCH,PSCD,PSCA\n"
        "E0,12/08/2017,Chelsea,Burnley,1,0,H,1.25,6.2,14\n"
    )
    return [events, matches], results


def test_of_a_match_that_two_sources_have_one_tells_the_prices_and_the_other_the_play(tmp_path: Path) -> None:
    own, results = a_match(tmp_path)

    alone, both = (list(look(paths, from_ms=0).records(quiet)) for paths in (own, [*own, results]))

    assert {record.source for record in alone if isinstance(record, OddsSnapshot)} == {"wyscout"}
    assert {record.source for record in both if isinstance(record, OddsSnapshot)} == {"football-data-co-uk"}
    assert {record.source for record in both if isinstance(record, GameEvent)} == {"wyscout"}
    assert len({getattr(record, "event_id", "") for record in both}) == 1
    assert look([results], from_ms=0).summary() == ["football-data-co-uk has 1 games"]
    assert any(isinstance(record, GameEvent) for record in look([results]).records(quiet))


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
    assert len({getattr(record, "event_id", "") for record in records}) == 1


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

import json
from pathlib import Path
from typing import Any

import fastavro
import pytest

from pipeline.errors import Refused, UsageError
from pipeline.records import GameEvent, GameStatus, Line, OddsSnapshot, Soccer
from pipeline.replay.archive import ArchiveWriter, read, topics_of
from pipeline.topics import partition_of

EVENT = "epl:2025-09-14:ars-che"
NOW = 1_757_836_800_000


def snapshot(event_id: str = EVENT, price: float = 2.5) -> OddsSnapshot:
    line = Line(book="b", market="h2h_3way", scope="regulation", prices=(price, 3.1, 3.3))
    return OddsSnapshot(event_id=event_id, source="s", kind="full", received_at_ms=NOW, lines=(line,))  # type: ignore[arg-type]


def goal() -> GameEvent:
    return GameEvent(
        event_id=EVENT,
        source="s",
        kind="score",
        received_at_ms=NOW + 1,
        sequence=1,
        status=GameStatus.LIVE,
        situation=Soccer(home_reds=0, away_reds=1),
    )


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    with ArchiveWriter(tmp_path / "a", 4) as writer:
        for record in (snapshot(), snapshot("epl:2025-09-14:liv-mci"), snapshot()):
            writer.append("odds.snapshots", record)
        writer.append("games.events", goal())
        writer.put("odds.fair", EVENT, None, NOW)

    odds = list(read(tmp_path / "a", "odds.snapshots"))

    assert topics_of(tmp_path / "a") == ["odds.snapshots", "games.events", "odds.fair"]
    assert [message.record.event_id for message in odds] == [EVENT, "epl:2025-09-14:liv-mci", EVENT]
    assert [message.offset for message in odds if message.key == EVENT] == [0, 1]
    assert {message.partition for message in odds if message.key == EVENT} == {partition_of(EVENT, 4)}
    assert [message.record for message in read(tmp_path / "a", "games.events")] == [goal()]
    assert [message.record for message in read(tmp_path / "a", "odds.fair")] == [None]


def test_any_avro_tool_reads_it(tmp_path: Path) -> None:
    with ArchiveWriter(tmp_path / "a", 4) as writer:
        writer.append("games.events", goal())

    with (tmp_path / "a" / "games.events.avro").open("rb") as file:
        (row,) = fastavro.reader(file)

    assert row["key"] == EVENT
    assert row["value"]["situation"] == {
        "home_reds": 0,
        "away_reds": 1,
        "home_penalties": 0,
        "away_penalties": 0,
    }


def test_an_archive_with_more_fields_than_today_is_read(tmp_path: Path) -> None:
    with ArchiveWriter(tmp_path / "a", 4) as writer:
        writer.append("games.events", goal())
    (message,) = read(tmp_path / "a", "games.events")
    path = tmp_path / "a" / "games.events.avro"
    with open(path, "rb") as file:
        rows = fastavro.reader(file, return_record_name=True)
        schema = json.loads(rows.metadata["avro.schema"])
        schema["fields"].append({"name": "host", "type": "string"})
        row: Any = next(rows)
    with open(path, "wb") as file:
        fastavro.writer(file, schema, [{**row, "host": "h1"}])

    assert list(read(tmp_path / "a", "games.events")) == [message]


def test_an_unsound_record_is_refused_and_the_rest_is_kept(tmp_path: Path) -> None:
    with ArchiveWriter(tmp_path / "a", 4) as writer:
        writer.append("odds.snapshots", snapshot())
        with pytest.raises(Refused, match="decimal prices"):
            writer.append("odds.snapshots", snapshot(price=1.0))
        writer.append("odds.snapshots", snapshot())

    assert [message.offset for message in read(tmp_path / "a", "odds.snapshots")] == [0, 1]


def test_a_folder_with_something_in_it_is_not_written_over(tmp_path: Path) -> None:
    (tmp_path / "kept").write_text("kept")

    with pytest.raises(UsageError, match="is not empty"):
        ArchiveWriter(tmp_path, 4)


def test_a_file_that_was_cut_off_is_named(tmp_path: Path) -> None:
    with ArchiveWriter(tmp_path / "a", 4) as writer:
        for _ in range(5_000):
            writer.append("odds.snapshots", snapshot())
    file = tmp_path / "a" / "odds.snapshots.avro"
    file.write_bytes(file.read_bytes()[:-10])

    with pytest.raises(UsageError, match=r"snapshots\.avro cannot be read"):
        list(read(tmp_path / "a", "odds.snapshots"))


def test_an_unfinished_archive_is_no_archive(tmp_path: Path) -> None:
    writer = ArchiveWriter(tmp_path / "a", 4)
    writer.append("odds.snapshots", snapshot())

    with pytest.raises(UsageError, match="is not an archive"):
        topics_of(tmp_path / "a")

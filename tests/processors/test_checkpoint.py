"""Checkpoints: read back as they were written or not at all, and written when that is worth it."""

import asyncio
import tempfile
from collections.abc import Mapping
from pathlib import Path

import pytest
from faust.types import TP
from hypothesis import given
from hypothesis import strategies as st

from pipeline import cluster
from pipeline.errors import CheckpointUnfit
from processors import checkpoint, recovery
from processors.checkpoint import Checkpoints, Origin, read
from processors.recovery import Recovered
from processors.rows import Snapshot
from tests.processors.chain import chain
from tests.processors.test_rows import rows, value

NAME = cluster.changelog(chain().name)
ORIGIN = Origin(NAME, "id", 1)
BYTES = {b"%d" % number: b"row of %d" % number for number in range(9)}
PLACE = TP(NAME, 3)
ALL = 0, 2**60


def written(path: Path, values: Mapping[bytes, bytes], offset: int = 7) -> int:
    header = checkpoint._Header(checkpoint._FORMAT, ORIGIN, PLACE.partition, offset)
    return checkpoint.write(path, header, Snapshot(PLACE.partition, list(values), values))


@given(
    st.dictionaries(st.binary(max_size=50), st.binary(max_size=50_000), max_size=20), st.integers(0, 2**60)
)
def test_rows_are_read_back_as_they_were_written(values: dict[bytes, bytes], offset: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "rows"

        size = written(path, values, offset)

        assert read(path, ORIGIN, PLACE.partition, ALL) == (offset, values)
        assert [file.name for file in Path(folder).iterdir()] == ["rows"]
        assert path.stat().st_size == size


def test_a_file_with_a_damaged_bit_or_an_early_end_is_never_taken_for_rows(tmp_path: Path) -> None:
    path = tmp_path / "rows"
    written(path, BYTES)
    whole = path.read_bytes()
    flipped = [
        whole[:at] + bytes([whole[at] ^ 1 << bit]) + whole[at + 1 :]
        for at in range(len(whole))
        for bit in range(8)
    ]

    for damaged in [*flipped, *(whole[:at] for at in range(len(whole)))]:
        path.write_bytes(damaged)
        with pytest.raises(CheckpointUnfit, match="it is damaged"):
            read(path, ORIGIN, PLACE.partition, ALL)


@pytest.mark.parametrize(
    ("origin", "partition"),
    [
        pytest.param(Origin("another", "id", 1), 3, id="another stage"),
        pytest.param(Origin(NAME, "other", 1), 3, id="a changelog made anew"),
        pytest.param(Origin(NAME, "id", 2), 3, id="another layout"),
        pytest.param(ORIGIN, 2, id="another partition"),
    ],
)
def test_the_rows_of_another_are_refused(tmp_path: Path, origin: Origin, partition: int) -> None:
    written(tmp_path / "rows", BYTES)

    with pytest.raises(CheckpointUnfit, match="it is of "):
        read(tmp_path / "rows", origin, partition, ALL)


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        pytest.param((0, 7), True, id="the whole log"),
        pytest.param((7, 100), True, id="its offset is the first that is wanted"),
        pytest.param((8, 100), False, id="older than what is wanted"),
        pytest.param((0, 6), False, id="ahead of the end"),
        pytest.param((0, -1), False, id="nothing is wanted"),
    ],
)
def test_a_checkpoint_is_used_where_it_saves_reading(
    tmp_path: Path, wanted: tuple[int, int], found: bool
) -> None:
    written(tmp_path / "rows-3.checkpoint", BYTES)
    checkpoints = Checkpoints("chain", ORIGIN, tmp_path, rows())

    assert checkpoints.find({PLACE: wanted}) == ({PLACE: (7, BYTES)} if found else {})


def test_what_was_there_stays_when_a_checkpoint_comes_to_nothing(tmp_path: Path) -> None:
    path = tmp_path / "rows"
    written(path, BYTES)
    spoilt = Snapshot(PLACE.partition, list(BYTES), dict.fromkeys(BYTES, b"new"))
    spoilt.spoil()

    with pytest.raises(CheckpointUnfit):
        checkpoint.write(path, checkpoint._Header(checkpoint._FORMAT, ORIGIN, 3, 8), spoilt)

    assert read(path, ORIGIN, PLACE.partition, ALL) == (7, BYTES)


class Journal:
    """A table into which rows of one partition are put, as if a changelog had them, and its checkpoints."""

    def __init__(self, folder: Path, end: int = -1) -> None:
        self.table, self.folder = rows(), folder
        list(self.table.reopen())
        self.checkpoints = Checkpoints("chain", ORIGIN, folder, self.table)
        self.checkpoints.recovered({PLACE: (0, end)}, {PLACE: Recovered()})

    async def put(self, offset: int, size: int) -> None:
        row, _ = value()
        self.table.put(b"%d" % (offset % 4), PLACE.partition, row, b"%d" % offset)
        self.checkpoints.written([(PLACE.partition, offset, size)])
        while self.checkpoints._writing:
            await asyncio.sleep(0.001)

    def found(self) -> recovery.Checkpoint | None:
        return self.checkpoints.find({PLACE: ALL}).get(PLACE)


def test_a_checkpoint_is_due_when_the_journal_has_grown_enough(tmp_path: Path) -> None:
    async def work() -> None:
        journal = Journal(tmp_path)
        for offset in range(4):
            await journal.put(offset, checkpoint.MINIMUM_BYTES // 3)
            assert (journal.found() is None) == (offset < 3)
        assert journal.found() == (3, {b"%d" % offset: b"%d" % offset for offset in range(4)})
        await journal.put(4, checkpoint.MINIMUM_BYTES)
        assert journal.found() == (3, {b"%d" % offset: b"%d" % offset for offset in range(4)})
        await journal.put(5, 1)
        assert journal.found() == (5, {b"0": b"4", b"1": b"5", b"2": b"2", b"3": b"3"})

    asyncio.run(work())


def test_rows_that_another_worker_wrote_end_what_a_checkpoint_could_stand_for(tmp_path: Path) -> None:
    async def work() -> None:
        journal = Journal(tmp_path, end=9)
        await journal.put(10, checkpoint.MINIMUM_BYTES)
        await journal.put(12, checkpoint.MINIMUM_BYTES)
        await journal.put(13, checkpoint.MINIMUM_BYTES)
        assert journal.found() is None
        assert journal.checkpoints.missing({PLACE: (0, 20)}) == {PLACE: (0, 20)}

        journal.checkpoints.recovered({PLACE: (0, 13)}, {PLACE: Recovered(read_bytes=1)})
        await journal.put(14, checkpoint.MINIMUM_BYTES)
        assert journal.found() is not None
        assert journal.checkpoints.missing({PLACE: (0, 20)}) == {PLACE: (15, 20)}

    asyncio.run(work())


def test_of_a_partition_whose_rows_went_everything_is_missing(tmp_path: Path) -> None:
    async def work() -> None:
        journal = Journal(tmp_path, end=9)
        await journal.put(10, 1)
        assert journal.checkpoints.missing({PLACE: (3, 20)}) == {PLACE: (11, 20)}

        journal.table._store.data.clear()
        list(journal.table.reopen())

        assert journal.checkpoints.missing({PLACE: (3, 20)}) == {PLACE: (3, 20)}

    asyncio.run(work())

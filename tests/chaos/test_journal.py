import pytest

from tests.chaos.journal import BUSY_MS, Journal


@pytest.fixture
def journal() -> Journal:
    """Two events on two partitions of a stage; the second partition stands still from 1,000 to 4,000 ms."""
    journal = Journal("nowhere", ["chain"], partitions=2)
    for revision, at_ms in enumerate((900, 1_800, 2_700, 3_600, 4_500), start=1):
        journal.note("chain", 0, b"one", revision, at_ms)
    for revision, at_ms in enumerate((1_000, 4_000, 4_100), start=1):
        journal.note("chain", 1, b"two", revision, at_ms)
    return journal


def test_a_stage_has_gone_on_when_its_slowest_partition_has(journal: Journal) -> None:
    assert journal.went_on_ms([("chain", 0), ("chain", 1)], after_ms=1_500) == 4_000
    assert journal.went_on_ms([("chain", 0), ("chain", 1)], after_ms=4_200) is None


def test_a_row_that_is_only_written_again_is_no_progress(journal: Journal) -> None:
    journal.note("chain", 1, b"two", 3, 5_000)

    assert journal.went_on_ms([("chain", 1)], after_ms=4_200) is None


def test_a_partition_that_had_nothing_to_do_is_not_waited_for(journal: Journal) -> None:
    assert journal.busy("chain", 900 + BUSY_MS // 2) == {("chain", 0), ("chain", 1)}
    assert journal.busy("chain", 4_500 + BUSY_MS - 1) == {("chain", 0)}
    assert journal.busy("another", 2_000) == set()


def test_the_longest_standstill_is_that_of_one_partition(journal: Journal) -> None:
    assert journal.standstill_ms([("chain", 0), ("chain", 1)], 900, 4_500) == 3_000

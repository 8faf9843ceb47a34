"""A cursor says how far a client was told, to any gateway over the same log."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.cursor import AnotherEpoch, Cursor, Positions, epoch_of
from pipeline.errors import BadRequest

PLACES = [("bets.value", 0), ("bets.value", 1), ("games.states", 0), ("games.states", 1)]


def what(positions: Positions, text: str) -> str:
    """What a text is understood as."""
    try:
        return type(positions.understood(text)).__name__
    except BadRequest as error:
        return error.code


OFFSETS = st.fixed_dictionaries({place: st.integers(0, 2**40) for place in PLACES})


@given(OFFSETS, st.integers(0, 2**45))
def test_a_cursor_is_understood_as_it_was_meant(offsets: dict[tuple[str, int], int], at_ms: int) -> None:
    text = Positions(b"epoch.", offsets, at_ms).text()

    elsewhere = Positions(b"epoch.", dict.fromkeys(reversed(PLACES), 0))
    assert elsewhere.understood(text) == Cursor(at_ms, offsets)


@given(OFFSETS, st.lists(st.tuples(st.sampled_from(PLACES), st.integers(0, 2**30)), max_size=20))
def test_moving_on_record_by_record_leads_to_the_same_cursor(
    offsets: dict[tuple[str, int], int], told: list[tuple[tuple[str, int], int]]
) -> None:
    moved = Positions(b"epoch.", offsets)
    for place, offset in told:
        moved.passed(place, offset, offset)

    afresh = Positions(b"epoch.", {**offsets, **{place: offset + 1 for place, offset in told}})
    afresh.at_ms = max((offset for _, offset in told), default=0)
    assert moved.text() == afresh.text()


def test_positions_never_jump_back() -> None:
    positions = Positions(b"epoch.", dict.fromkeys(PLACES, 5))
    before = positions.text()
    positions.jump(PLACES[0], 4)
    assert positions.text() == before
    positions.jump(PLACES[0], 6)
    assert positions.offsets[PLACES[0]] == 6


def test_a_cursor_of_topics_that_were_made_anew_is_of_another_epoch() -> None:
    starts = dict.fromkeys(PLACES, 0)
    old, new = (Positions(epoch_of(ids, starts), starts) for ids in ("a", "b"))

    assert old.epoch != new.epoch
    assert new.understood(old.text()) == AnotherEpoch()


def test_the_epoch_says_which_partitions_there_are() -> None:
    assert epoch_of("a", dict.fromkeys(PLACES, 0)) != epoch_of("a", dict.fromkeys(PLACES[:3], 0))


@given(st.text(max_size=200))
def test_any_text_is_a_cursor_or_a_bad_request(text: str) -> None:
    positions = Positions(b"epoch.", dict.fromkeys(PLACES, 0))
    assert what(positions, text) in ("Cursor", "AnotherEpoch", "invalid_cursor")


@given(OFFSETS, st.data())
def test_a_cursor_that_was_cut_off_is_refused(
    offsets: dict[tuple[str, int], int], data: st.DataObject
) -> None:
    positions = Positions(b"epoch.", offsets)
    text = positions.text()
    cut = text[: data.draw(st.integers(0, len(text) - 1))]
    assert what(positions, cut) in ("AnotherEpoch", "invalid_cursor")


def test_a_text_without_end_is_refused() -> None:
    with pytest.raises(BadRequest, match="invalid_cursor"):
        Positions(b"epoch.", dict.fromkeys(PLACES, 0)).understood("A" * 100_000)

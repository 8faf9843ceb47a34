import pytest
from msgspec import Struct

from pipeline import records
from pipeline.records import EVENT_KINDS, GameEvent, faults
from pipeline.topics import TOPICS
from tests.make_records import EXAMPLES, example, line


@pytest.mark.parametrize("record", EXAMPLES, ids=lambda record: type(record).__name__)
def test_a_sound_record_has_no_fault(record: records.Record) -> None:
    assert list(faults(record)) == []


@pytest.mark.parametrize("kind", sorted(EVENT_KINDS))
def test_every_kind_of_game_event_is_known(kind: str) -> None:
    assert list(faults(example("games.events", kind=kind))) == []


def test_a_fault_names_book_and_market() -> None:
    snapshot = example("odds.snapshots", lines=(line(), line(book="bovada", prices=(1.0, 2.0))))

    assert list(faults(snapshot)) == ["bovada h2h: [1.0, 2.0] are not decimal prices: above 1, 0 for none"]


def test_every_fault_is_named() -> None:
    lines = (line(market="first_kick"), line(scope="overtime"), line(line=1.0), line(prices=(2.0, 3.0, 4.0)))

    assert list(faults(example("odds.snapshots", lines=lines))) == [
        "pinnacle: unknown market 'first_kick'",
        "pinnacle h2h: unknown scope 'overtime'",
        "pinnacle h2h: 1.0 is not a line of it",
        "pinnacle h2h: 2 prices needed, 3 given",
    ]


def test_a_price_of_none_is_no_fault() -> None:
    assert list(faults(example("odds.snapshots", lines=(line(prices=(0.0, 0.0)),)))) == []


@pytest.mark.parametrize("topic", TOPICS)
def test_records_cannot_be_changed(topic: str) -> None:
    record = example(topic)

    with pytest.raises(AttributeError):
        setattr(record, record.__struct_fields__[0], None)


@pytest.mark.parametrize("topic", TOPICS)
def test_whatever_a_record_holds_can_be_compared_and_hashed_or_is_a_map(topic: str) -> None:
    """Lists would let a frozen record change inside."""

    def lists(value: object) -> int:
        if isinstance(value, Struct):
            return sum(lists(getattr(value, name)) for name in value.__struct_fields__)
        if isinstance(value, tuple):
            return sum(map(lists, value))
        return isinstance(value, list | set | bytearray)

    assert lists(example(topic)) == 0


def test_the_examples_cover_every_topic_and_every_field() -> None:
    assert {type(record) for record in EXAMPLES} == {topic.record for topic in TOPICS.values()}
    assert isinstance(example("games.events"), GameEvent)

import json
from datetime import UTC, datetime

import msgspec
import pytest

from pipeline.codec import encode
from pipeline.errors import UnreadableRecord
from pipeline.topics import ANSWERS
from processors.sinks.entries import entry, moment
from tests.make_records import AT_MS, EVENT, example


@pytest.mark.parametrize("topic", ANSWERS)
def test_an_entry_has_the_whole_record_and_what_it_is_looked_for_by(topic: str) -> None:
    record = example(topic)
    key, value = encode(topic, record)

    found = entry((topic, 3, 17), key, value, AT_MS + 250)

    assert found[:5] == (topic, 3, 17, key.decode(), EVENT)
    assert found.received_at == moment(AT_MS)
    assert (found.appended_at - found.received_at).total_seconds() == 0.25
    assert found.revision == 7
    assert msgspec.json.decode(found.record, type=type(record)) == record


def test_what_cannot_be_decoded_is_no_entry() -> None:
    key, value = encode("bets.value", example("bets.value"))

    with pytest.raises(UnreadableRecord, match="trailing"):
        entry(("bets.value", 0, 0), key, value + b"\0", AT_MS)
    with pytest.raises(UnreadableRecord, match="the key is"):
        entry(("bets.value", 0, 0), None, value, AT_MS)


def test_a_text_keeps_all_but_the_character_that_postgres_cannot_hold() -> None:
    key, value = encode("games.states", example("games.states", text='a\0b \\ "c" 4–3 \n'))

    found = entry(("games.states", 0, 0), key, value, AT_MS)

    assert json.loads(found.record)["text"] == 'a\ufffdb \\ "c" 4–3 \n'


@pytest.mark.parametrize(
    ("at_ms", "year"), [(-1, 1970), (0, 1970), (AT_MS, 2025), (2**62, 2100)], ids=["none", "0", "real", "far"]
)
def test_a_broken_clock_is_no_reason_not_to_keep_an_answer(at_ms: int, year: int) -> None:
    assert moment(at_ms).year == year


def test_a_moment_is_exact_to_the_millisecond() -> None:
    assert moment(1_757_880_000_123) == datetime(2025, 9, 14, 20, 0, 0, 123_000, tzinfo=UTC)

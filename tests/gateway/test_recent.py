"""The newest answers are there in order, and what is forgotten is never passed over in silence."""

from hypothesis import given
from hypothesis import strategies as st

from gateway.answers import OVERHEAD_BYTES, Answer, Message
from gateway.recent import Recent

PLACES = [("bets.value", 0), ("bets.value", 1), ("games.states", 0)]


def answers(places: list[tuple[str, int]]) -> list[Answer]:
    """Answers of these places in order; each place's offsets count from 0."""
    counts = dict.fromkeys(PLACES, 0)
    found = []
    for topic, partition in places:
        offset = counts[topic, partition]
        counts[topic, partition] += 1
        found.append(Answer(Message(topic, "key", partition, offset, 0, b"")))
    return found


@given(
    st.lists(st.sampled_from(PLACES), max_size=60),
    st.fixed_dictionaries({place: st.integers(0, 25) for place in PLACES}),
    st.sets(st.sampled_from(["bets.value", "games.states"]), min_size=1),
    st.integers(1, 40),
)
def test_what_is_told_since_is_all_of_it_in_order_or_nothing(
    places: list[tuple[str, int]], offsets: dict[tuple[str, int], int], topics: set[str], room: int
) -> None:
    recent = Recent(dict.fromkeys(PLACES, 0), OVERHEAD_BYTES * room)
    read = answers(places)
    for answer in read:
        recent.add(answer)

    def is_since(answer: Answer) -> bool:
        message = answer.message
        return message.topic in topics and message.offset >= offsets[message.topic, message.partition]

    wanted = [answer for answer in read if is_since(answer)]
    found = recent.since(offsets, topics)
    forgotten = read[: max(0, len(read) - room)]
    if any(is_since(answer) for answer in forgotten):
        assert found is None
    else:
        assert found == wanted


def test_what_was_there_before_the_start_is_not_pretended_to_be_known() -> None:
    recent = Recent(dict.fromkeys(PLACES, 100))

    assert recent.since(dict.fromkeys(PLACES, 99), {"bets.value"}) is None
    assert recent.since(dict.fromkeys(PLACES, 100), {"bets.value"}) == []


def test_lists_do_not_grow_with_what_is_forgotten() -> None:
    recent = Recent(dict.fromkeys(PLACES, 0), OVERHEAD_BYTES * 10)
    for offset in range(10_000):
        recent.add(_one(offset))

    assert max(len(lane.answers) for lane in recent._lanes.values()) < 3_000
    found = recent.since({PLACES[0]: 9_990}, {"bets.value"})
    assert found is not None
    assert [answer.message.offset for answer in found] == list(range(9_990, 10_000))


def _one(offset: int) -> Answer:
    topic, partition = PLACES[0]
    return Answer(Message(topic, "key", partition, offset, 0, b""))

import itertools

import pytest

from pipeline import codec, data
from pipeline.errors import UsageError
from pipeline.records import GameEvent, GameStatus, OddsSnapshot, SnapshotKind
from pipeline.topics import topic_of
from producers.simulator import simulate
from producers.simulator.events import Event
from producers.simulator.schedule import fixtures
from tests.hash_seeds import printed
from tests.producers.simulator.conftest import STARTS_AT_MS, Evening

DIGEST = """
import hashlib, io, msgspec
from producers.simulator import simulate
truth, digest = io.StringIO(), hashlib.sha256()
for record in simulate(5, 5, 1_767_225_600_000, truth):
    digest.update(msgspec.msgpack.encode(record))
print(digest.hexdigest(), hashlib.sha256(truth.getvalue().encode()).hexdigest())
"""


def test_a_seed_gives_the_same_records_and_truth_under_any_hash_seed() -> None:
    assert len(printed(DIGEST)) == 1


def test_asking_for_the_truth_changes_no_record(evening: Evening) -> None:
    without = itertools.islice(simulate(11, 10, STARTS_AT_MS), 3_000)

    assert list(without) == evening.records[:3_000]


def test_another_seed_gives_other_records(evening: Evening) -> None:
    assert list(itertools.islice(simulate(12, 10, STARTS_AT_MS), 50)) != evening.records[:50]


def test_records_come_in_the_order_of_their_receipt(evening: Evening) -> None:
    times = [record.received_at_ms for record in evening.records]

    assert times == sorted(times)
    assert times[0] >= STARTS_AT_MS


def test_every_record_is_sound(evening: Evening) -> None:
    for record in evening.records:
        topic = topic_of(type(record)).name
        key, value = codec.encode(topic, record)
        assert codec.decode(topic, key, value) == record


def test_nothing_is_received_before_it_happened(evening: Evening) -> None:
    for record in evening.records:
        if isinstance(record, GameEvent):
            assert record.happened_at_ms <= record.received_at_ms
        else:
            quoted = [line.quoted_at_ms for line in record.lines] + [
                seen.quoted_at_ms for seen in record.seen
            ]
            assert max(quoted, default=0) <= record.received_at_ms


def test_sequence_and_source_ids_rise_within_a_game(evening: Evening) -> None:
    for row in evening.rows("event"):
        told = evening.of(row["event_id"])
        assert [record.sequence for record in told] == list(range(len(told)))
        assert [record.source_event_id for record in told] == [str(n) for n in range(len(told))]


def test_games_are_in_play_within_two_minutes_and_were_quoted_before(evening: Evening) -> None:
    soon_ms = STARTS_AT_MS + 120_000
    started = {
        record.event_id: record.received_at_ms
        for record in evening.records
        if isinstance(record, GameEvent) and record.kind == "start" and record.received_at_ms < soon_ms
    }
    before = {
        event_id: sum(
            isinstance(record, OddsSnapshot)
            and record.event_id == event_id
            and record.received_at_ms < started[event_id]
            for record in evening.records
        )
        for event_id in started
    }

    assert len(started) >= 7
    assert min(before.values()) >= 2
    assert {event_id.split(":")[0] for event_id in started} >= {"sim-nfl", "sim-nba", "sim-epl"}


def test_each_sport_is_played(evening: Evening) -> None:
    sports = {data.leagues()[row["event_id"].split(":")[0]].sport for row in evening.rows("event")}

    assert sports == {"american-football", "basketball", "baseball", "hockey", "soccer"}


def test_twenty_four_books_on_twelve_desks_and_an_exchange_quote_about_78_lines(evening: Evening) -> None:
    full = [r for r in evening.records if isinstance(r, OddsSnapshot) and r.kind is SnapshotKind.FULL]
    books = {line.book for snapshot in full for line in snapshot.lines}
    counts = [len(snapshot.lines) for snapshot in full]

    assert len(books) == 25
    assert len({data.books()[book].desk for book in books}) == 13
    assert [data.books()[book].kind for book in sorted(books)].count("exchange") == 1
    assert 74 <= sum(counts) / len(counts) <= 82


def test_a_full_snapshot_comes_first_after_every_gone_and_every_ten_minutes(evening: Evening) -> None:
    full_at_ms: dict[str, int] = {}
    for record in evening.records:
        if not isinstance(record, OddsSnapshot):
            continue
        if record.kind is SnapshotKind.FULL:
            full_at_ms[record.event_id] = record.received_at_ms
        elif record.kind is SnapshotKind.GONE:
            full_at_ms.pop(record.event_id, None)
        else:
            assert record.received_at_ms - full_at_ms[record.event_id] <= 600_000


def test_a_finished_game_ends_with_its_true_score_and_its_quotes_are_gone(evening: Evening) -> None:
    for row in evening.rows("final"):
        last = evening.of(row["event_id"])[-1]
        snapshots = [
            r for r in evening.records if isinstance(r, OddsSnapshot) and r.event_id == row["event_id"]
        ]
        assert last.status is GameStatus.FINAL
        assert [last.home_score, last.away_score] == row["score"]
        assert snapshots[-1].kind is SnapshotKind.GONE


def test_a_score_that_is_taken_back_returns_to_what_it_was(evening: Evening) -> None:
    corrected = 0
    for row in evening.rows("event"):
        told = {record.source_event_id: record for record in evening.of(row["event_id"])}
        for record in told.values():
            if record.kind != "correction":
                continue
            corrected += 1
            wrong = told[record.supersedes]
            before = told[str(wrong.sequence - 1)]
            between = [told[str(n)] for n in range(wrong.sequence + 1, record.sequence)]
            assert wrong.kind == "score"
            assert (record.home_score, record.away_score) == (before.home_score, before.away_score)
            assert (wrong.home_score, wrong.away_score) != (before.home_score, before.away_score)
            assert any(other.suspended for other in between)
            assert not record.suspended

    assert corrected


def test_scores_fall_only_by_a_correction(evening: Evening) -> None:
    for row in evening.rows("event"):
        for before, after in itertools.pairwise(evening.of(row["event_id"])):
            fell = after.home_score < before.home_score or after.away_score < before.away_score
            assert fell == (after.kind == "correction")


def test_a_postponed_game_is_said_to_be_and_never_starts() -> None:
    fixture = next(f for f in fixtures(3, 400, STARTS_AT_MS) if Event(3, f, None).postponed)

    records = list(Event(3, fixture, None).records())

    told = [record for record in records if isinstance(record, GameEvent)]
    assert [record.kind for record in told] == ["scheduled", "postponed"]
    assert told[-1].status is GameStatus.POSTPONED
    snapshots = [record for record in records if isinstance(record, OddsSnapshot)]
    assert snapshots[-1].kind is SnapshotKind.GONE


def test_of_ten_thousand_events_the_first_records_come_without_playing_them_all() -> None:
    first = list(itertools.islice(simulate(1, 10_000, STARTS_AT_MS), 200))

    assert len(first) == 200
    assert first[-1].received_at_ms < STARTS_AT_MS + 120_000


@pytest.mark.parametrize("events", [0, -1, 10_001])
def test_too_few_or_too_many_events_are_refused_at_once(events: int) -> None:
    with pytest.raises(UsageError, match="1 to 10000"):
        simulate(1, events, STARTS_AT_MS)

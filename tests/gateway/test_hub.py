"""What a client is told, over a line that keeps what it was given."""

import asyncio
import json
import logging
from collections.abc import Coroutine
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import REGISTRY

from gateway.answers import Message, wall_ms
from gateway.app import heart
from gateway.client import MAXIMUM_HELD, TOO_SLOW, Client, Subscription
from gateway.hub import Hub
from gateway.protocol import Channel, payloads
from pipeline.errors import BadRequest
from pipeline.records import Derived
from pipeline.topics import ANSWERS, TOPICS
from tests.gateway.running import GONE, message
from tests.make_records import AT_MS, EVENT, example

EVENTS = (EVENT, "nfl:2025-09-14:sf-sea", "epl:2025-09-14:ars-liv")
VALUE, STATES, RESULTS = "bets.value", "games.states", "bets.results"


class Kept:
    """A line that keeps its frames; ``writable`` is in the test's hand."""

    def __init__(self) -> None:
        self.writable = asyncio.Event()
        self.writable.set()
        self.said: list[dict[str, Any]] = []
        self.closed: list[int] = []

    def write(self, frames: bytes) -> None:
        self.said += [json.loads(text) for text in payloads(frames)]

    def close(self, code: int, reason: str) -> None:
        self.closed.append(code)

    def records(self) -> list[tuple[str, str, int]]:
        return [(m["type"], m["key"], m["offset"]) for m in self.said if m["type"] in ("snapshot", "update")]


class Conversation:
    """A hub and one client of it."""

    def __init__(self, hub: Hub | None = None) -> None:
        self.hub, self.line = hub or Hub(), Kept()
        self.client = Client(self.line)
        self.hub.join(self.client)

    def subscribe(self, *channels: Channel, id: int = 1) -> None:
        self.hub.subscribe(self.client, id, Subscription(channels))

    def publish(self, topic: str, offset: int, **fields: Any) -> None:
        publish(self.hub, message(topic, offset, example(topic, **fields)))


def publish(hub: Hub, *messages: Message) -> None:
    """Keep messages as a round of the feed does."""
    for one in messages:
        hub.publish(one)
    hub.flush()


def run(work: Coroutine[Any, Any, None]) -> None:
    asyncio.run(work)


async def settled() -> None:
    """Everything that can happen now has happened."""
    for _ in range(20):
        await asyncio.sleep(0)


def test_what_stands_comes_first_then_the_word_that_it_was_all() -> None:
    async def talk() -> None:
        talk = Conversation()
        for offset, event in enumerate(EVENTS):
            talk.publish(VALUE, offset, event_id=event)
        talk.publish(VALUE, 3, event_id=EVENT, revision=8)
        talk.subscribe(Channel(VALUE))
        await settled()

        assert sorted(talk.line.records()) == sorted(
            [("snapshot", EVENT, 3), ("snapshot", EVENTS[1], 1), ("snapshot", EVENTS[2], 2)]
        )
        assert [m["type"] for m in talk.line.said][-1] == "subscribed"

    run(talk())


@pytest.mark.parametrize(
    ("channel", "seen"),
    [
        (Channel(VALUE), {0, 1, 2}),
        (Channel(VALUE, event=EVENT), {0}),
        (Channel(VALUE, league="nfl"), {0, 1}),
        (Channel(VALUE, sport="soccer"), {2}),
        (Channel(VALUE, sport="soccer", league="nfl"), set()),
        (Channel(VALUE, event=EVENT, league="epl"), set()),
        (Channel(STATES), set()),
    ],
    ids=str,
)
@pytest.mark.parametrize("subscribed_first", [True, False])
def test_filters_let_through_what_they_name(channel: Channel, seen: set[int], subscribed_first: bool) -> None:
    async def talk() -> None:
        talk = Conversation()
        if subscribed_first:
            talk.subscribe(channel)
            await settled()
        for offset, event in enumerate(EVENTS):
            talk.publish(VALUE, offset, event_id=event)
        if not subscribed_first:
            talk.subscribe(channel)
            await settled()

        kind = "update" if subscribed_first else "snapshot"
        assert {(found, offset) for found, _, offset in talk.line.records()} == {(kind, n) for n in seen}

    run(talk())


def test_an_update_comes_once_however_many_subscriptions_want_it() -> None:
    async def talk() -> None:
        talk = Conversation()
        talk.subscribe(Channel(VALUE), Channel(VALUE, league="nfl"), id=1)
        talk.subscribe(Channel(VALUE, event=EVENT), id=2)
        await settled()
        talk.publish(VALUE, 0)

        assert talk.line.records() == [("update", EVENT, 0)]

    run(talk())


def test_after_unsubscribing_only_what_others_want_comes() -> None:
    async def talk() -> None:
        talk = Conversation()
        talk.subscribe(Channel(VALUE), Channel(STATES), id=1)
        talk.subscribe(Channel(VALUE), id=2)
        await settled()
        talk.hub.unsubscribe(talk.client, 1)
        talk.publish(VALUE, 0)
        talk.publish(STATES, 0)
        talk.hub.unsubscribe(talk.client, 2)
        talk.publish(VALUE, 1)

        assert talk.line.records() == [("update", EVENT, 0)]

    run(talk())


def test_who_has_left_is_told_nothing_and_forgotten() -> None:
    async def talk() -> None:
        talk = Conversation()
        talk.subscribe(Channel(VALUE))
        await settled()
        talk.hub.leave(talk.client)
        talk.publish(VALUE, 0)

        assert talk.line.records() == []
        assert not talk.hub.clients
        assert not len(talk.hub._groups)

    run(talk())


def test_a_tombstone_is_told_and_stands_no_more() -> None:
    async def talk() -> None:
        talk = Conversation()
        talk.publish(VALUE, 0)
        talk.subscribe(Channel(VALUE), id=1)
        await settled()
        publish(talk.hub, message(VALUE, 1, GONE, EVENT))
        talk.subscribe(Channel(VALUE), id=2)
        await settled()

        assert talk.line.records() == [("snapshot", EVENT, 0), ("update", EVENT, 1)]
        assert talk.line.said[-2]["record"] is None
        assert talk.hub.events() == set()

    run(talk())


def test_a_revision_that_was_there_starts_a_redo_and_the_last_record_holds() -> None:
    async def talk() -> None:
        talk = Conversation()
        talk.publish(VALUE, 0, revision=6)
        talk.publish(VALUE, 1, revision=7)
        talk.subscribe(Channel(VALUE), id=1)
        await settled()
        for offset, revision in enumerate([6, 7, 8, 8], 2):
            talk.publish(VALUE, offset, revision=revision)

        updates = [m for m in talk.line.said if m["type"] == "update"]
        assert [(m["record"]["revision"], m["redo"]) for m in updates] == [
            (6, True),
            (7, False),
            (8, False),
            (8, True),
        ]
        assert talk.hub.latest(VALUE, EVENT).revision == 8

    run(talk())


def test_several_results_of_an_event_stand_beside_each_other() -> None:
    async def talk() -> None:
        talk = Conversation()
        talk.publish(RESULTS, 0, opportunity="v1")
        talk.publish(RESULTS, 1, opportunity="v2")
        talk.publish(RESULTS, 2, opportunity="v1", revision=9)
        talk.subscribe(Channel(RESULTS, event=EVENT))
        await settled()

        assert sorted(talk.line.records()) == [("snapshot", f"{EVENT}|v1", 2), ("snapshot", f"{EVENT}|v2", 1)]

    run(talk())


@pytest.mark.parametrize("subscribed", [True, False])
def test_bytes_that_cannot_be_read_are_left_out_and_all_else_goes_on(subscribed: bool) -> None:
    async def talk() -> None:
        talk = Conversation()
        if subscribed:
            talk.subscribe(Channel(VALUE))
        await settled()
        publish(talk.hub, message(VALUE, 0)._replace(value=b"\x01rubbish"))
        publish(talk.hub, message(VALUE, 1)._replace(key="nothing of ours"))
        talk.publish(VALUE, 2, event_id=EVENTS[1])
        if not subscribed:
            talk.subscribe(Channel(VALUE))
        await settled()

        assert [record[1:] for record in talk.line.records()] == [(EVENTS[1], 2)]

    run(talk())


def test_a_slow_client_gets_the_newest_of_each_key_in_order_and_is_told() -> None:
    async def talk() -> None:
        slow = Conversation()
        quick = Conversation(slow.hub)
        slow.subscribe(Channel(STATES))
        quick.subscribe(Channel(STATES))
        await settled()
        slow.line.writable.clear()
        for offset in range(9):
            slow.publish(STATES, offset, event_id=EVENTS[offset % 2], revision=offset)
        slow.publish(STATES, 9, event_id=EVENTS[2])
        assert [offset for _, _, offset in quick.line.records()] == list(range(10))
        assert slow.line.records() == []
        await settled()
        slow.line.writable.set()
        await settled()

        updates = [m for m in slow.line.said if m["type"] == "update"]
        # The first was under way when the line was full; of the others only the newest was kept.
        assert [(m["offset"], m["conflated"]) for m in updates] == [(7, True), (8, True), (9, False)]
        assert all(not m["conflated"] for m in quick.line.said if m["type"] == "update")

    run(talk())


def test_what_waits_for_a_client_that_reads_nothing_does_not_grow_with_time() -> None:
    async def talk() -> None:
        talk = Conversation()
        talk.subscribe(Channel(STATES))
        await settled()
        talk.line.writable.clear()
        for offset in range(2_000):
            talk.publish(STATES, offset, event_id=EVENTS[offset % 3], revision=offset)
            if offset % 100 == 0:
                await settled()

        assert len(talk.client._waiting) <= len(EVENTS)

    run(talk())


def test_what_was_opened_and_withdrawn_is_never_left_out() -> None:
    async def talk() -> None:
        talk = Conversation()
        talk.subscribe(Channel(VALUE), Channel(STATES))
        await settled()
        talk.line.writable.clear()
        for offset in range(50):
            talk.publish(VALUE, offset, revision=offset)
            talk.publish(STATES, offset, revision=offset)
        await settled()
        talk.line.writable.set()
        await settled()

        updates = [m for m in talk.line.said if m["type"] == "update"]
        bets = [m["offset"] for m in updates if m["channel"] == VALUE]
        assert bets == list(range(50))
        assert not any(m["conflated"] for m in updates if m["channel"] == VALUE)
        assert len(updates) < 100
        assert updates[-1]["offset"] == 49

    run(talk())


def test_a_client_for_which_too_much_waits_is_closed_and_holds_nothing() -> None:
    async def talk() -> None:
        talk = Conversation()
        talk.subscribe(Channel(VALUE))
        await settled()
        talk.line.writable.clear()
        for offset in range(MAXIMUM_HELD + 2):
            talk.publish(VALUE, offset, revision=offset)

        assert talk.line.closed[:1] == [TOO_SLOW]
        assert len(talk.client._waiting) <= 1

    run(talk())


def test_a_subscription_is_named_once_and_ended_once() -> None:
    async def talk() -> None:
        talk = Conversation()
        talk.subscribe(Channel(VALUE), id=1)
        with pytest.raises(BadRequest, match="id_in_use"):
            talk.subscribe(Channel(STATES), id=1)
        talk.hub.unsubscribe(talk.client, 1)
        with pytest.raises(BadRequest, match="unknown_id"):
            talk.hub.unsubscribe(talk.client, 1)
        await settled()

    run(talk())


def test_how_the_gateway_is_follows_broker_start_and_time() -> None:
    hub = Hub()
    assert hub.status().status == "starting"
    hub.ready.set()
    assert hub.status().status == "stale"
    hub.tick(AT_MS, hub.status().sent_at_ms)
    assert (hub.status().status, hub.status().now_ms) == ("live", AT_MS)
    hub.broker_away = "connection refused"
    assert hub.status().status == "broker_away"


def test_clients_hear_how_the_gateway_is_and_what_time_it_is() -> None:
    async def talk() -> None:
        talk = Conversation()
        talk.hub.tick(AT_MS, 0)
        beating = asyncio.create_task(heart(talk.hub))
        await settled()
        beating.cancel()

        status, heartbeat = talk.line.said
        assert (status["type"], status["status"]) == ("status", "starting")
        assert (heartbeat["type"], heartbeat["now_ms"]) == ("heartbeat", AT_MS)
        assert heartbeat["sent_at_ms"] >= status["sent_at_ms"]

    run(talk())


def measured(topic: str) -> tuple[float, float]:
    """How many delays of a topic were measured, and their sum, s."""
    name = "sharpline_gateway_append_to_send_seconds"
    count, total = (
        REGISTRY.get_sample_value(f"{name}_{part}", {"topic": topic}) for part in ("count", "sum")
    )
    assert count is not None
    assert total is not None
    return count, total


@pytest.mark.parametrize(
    ("is_ready", "topic", "more"),
    [
        pytest.param(True, VALUE, 1, id="somebody listens"),
        pytest.param(True, STATES, 0, id="nobody listens"),
        pytest.param(False, VALUE, 0, id="catching up"),
    ],
)
def test_a_delay_is_measured_where_somebody_listens_to_what_is_new(
    is_ready: bool, topic: str, more: int
) -> None:
    async def talk() -> None:
        talk = Conversation()
        if is_ready:
            talk.hub.ready.set()
        talk.subscribe(Channel(VALUE))
        await settled()
        count, total = measured(topic)
        late = message(topic, 0)._replace(appended_at_ms=wall_ms() - 5_000)
        publish(talk.hub, late)
        after = measured(topic)

        assert after[0] - count == more
        assert after[1] - total >= 4.9 * more

    run(talk())


def test_a_delay_is_never_negative_though_clocks_differ() -> None:
    async def talk() -> None:
        talk = Conversation()
        talk.hub.ready.set()
        talk.subscribe(Channel(VALUE))
        await settled()
        count, total = measured(VALUE)
        publish(talk.hub, message(VALUE, 0)._replace(appended_at_ms=wall_ms() + 60_000))

        assert measured(VALUE) == (count + 1, total)

    run(talk())


def test_origin_is_told_in_snapshots_and_updates() -> None:
    async def talk() -> None:
        talk = Conversation()
        publish(talk.hub, message(VALUE, 0)._replace(origin="odds.snapshots/2/1234"))
        talk.subscribe(Channel(VALUE))
        await settled()
        publish(talk.hub, message(VALUE, 1)._replace(origin="clock.ticks/0/9"))
        talk.publish(VALUE, 2)

        said = [m["origin"] for m in talk.line.said if m["type"] in ("snapshot", "update")]
        assert said == ["odds.snapshots/2/1234", "clock.ticks/0/9", ""]

    run(talk())


def test_the_log_names_every_answer_that_goes_to_sockets_when_asked(caplog: pytest.LogCaptureFixture) -> None:
    async def talk() -> None:
        talk = Conversation()
        other = Conversation(talk.hub)
        for one in (talk, other):
            one.subscribe(Channel(VALUE))
        await settled()
        told = message(VALUE, 3)._replace(origin="odds.snapshots/2/1234")
        publish(talk.hub, told)
        with caplog.at_level(logging.DEBUG, "sharpline.gateway"):
            publish(talk.hub, told)
            talk.publish(STATES, 0)

        (line,) = (record for record in caplog.records if record.message == "sent")
        fields = line.__dict__["fields"]
        assert fields.pop("delay_ms") >= 0
        assert fields == {
            "topic": VALUE,
            "key": EVENT,
            "place": f"{VALUE}/{told.partition}/3",
            "origin": "odds.snapshots/2/1234",
            "sockets": 2,
        }

    run(talk())


def test_who_came_in_a_short_moment_of_another_status_hears_of_the_next() -> None:
    async def talk() -> None:
        hub = Hub()
        before = Conversation(hub)
        hub.broker_away = "not leader for partition"
        hub.tell_status()
        hub.broker_away = ""
        between = Conversation(hub)
        hub.tell_status()
        hub.broker_away = "no broker can be reached"
        hub.tell_status()

        assert [m["status"] for m in before.line.said] == ["broker_away", "starting", "broker_away"]
        assert [m["status"] for m in between.line.said] == ["starting", "broker_away"]

    run(talk())


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("publish"), st.sampled_from(EVENTS)),
        st.tuples(st.just("tombstone"), st.sampled_from(EVENTS)),
        st.tuples(st.just("subscribe"), st.just("")),
        st.tuples(st.just("block"), st.just("")),
        st.tuples(st.just("unblock"), st.just("")),
        st.tuples(st.just("turn"), st.just("")),
    ),
    max_size=60,
)


@given(STEPS)
def test_nothing_is_lost_or_doubled_between_snapshot_and_updates(steps: list[tuple[str, str]]) -> None:
    async def talk() -> None:
        hub = Hub()
        published: list[Message] = []
        #: Client, and how much had been published when it subscribed.
        talks: list[tuple[Conversation, int]] = []
        was_blocked = False
        for kind, event in steps:
            if kind == "publish":
                record = example(STATES, event_id=event, revision=len(published))
                published.append(message(STATES, len(published), record))
                publish(hub, published[-1])
            elif kind == "tombstone":
                published.append(message(STATES, len(published), GONE, event))
                publish(hub, published[-1])
            elif kind == "subscribe":
                talk = Conversation(hub)
                talk.subscribe(Channel(STATES))
                talks.append((talk, len(published)))
            elif kind == "turn":
                await asyncio.sleep(0)
            for talk, _ in talks:
                if kind == "block":
                    was_blocked = True
                    talk.line.writable.clear()
                elif kind == "unblock":
                    talk.line.writable.set()
        for talk, _ in talks:
            talk.line.writable.set()
        await settled()
        for talk, start in talks:
            check(talk.line, published[:start], published[start:], was_blocked)

    def check(line: Kept, before: list[Message], after: list[Message], was_blocked: bool) -> None:
        marker = next(n for n, m in enumerate(line.said) if m["type"] == "subscribed")
        snapshot, updates = line.said[:marker], line.said[marker + 1 :]
        standing = {m.key: m for m in before}
        wanted = {m.offset for m in standing.values() if m.value is not None}
        # All that stood, each once, and nothing else.
        assert sorted(m["offset"] for m in snapshot) == sorted(wanted)
        assert {m["type"] for m in snapshot} <= {"snapshot"}
        offsets = [m["offset"] for m in updates]
        if not was_blocked:
            drained = [m.offset for m in after]
            waited = [m["offset"] for m in updates if m["conflated"]]
            assert waited or offsets == drained
        # In order, each at most once, and the newest of every key.
        assert offsets == sorted(set(offsets))
        assert set(offsets) <= {m.offset for m in after}
        newest = {m.key: m.offset for m in after}
        assert {m["key"]: m["offset"] for m in updates} == newest
        skipped = {m.key for m in after if m.offset not in offsets}
        assert skipped == {m["key"] for m in updates if m["conflated"]}

    run(talk())


def test_every_derived_topic_can_be_told() -> None:
    async def talk() -> None:
        talk = Conversation()
        talk.subscribe(*(Channel(topic) for topic in ANSWERS))
        await settled()
        for topic in ANSWERS:
            assert issubclass(TOPICS[topic].record, Derived)
            talk.publish(topic, 0)

        assert [m["channel"] for m in talk.line.said if m["type"] == "update"] == list(ANSWERS)

    run(talk())

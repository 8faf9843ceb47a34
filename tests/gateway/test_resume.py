"""Clients that come back, to this gateway or another one, have missed nothing and hear nothing twice."""

import asyncio
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.answers import Message
from gateway.client import Client, Subscription
from gateway.cursor import NO_EPOCH, Cursor
from gateway.hub import Hub
from gateway.playback import resume
from gateway.protocol import Channel
from tests.gateway.running import GONE, message
from tests.gateway.test_hub import EVENTS, Kept, publish, run, settled
from tests.make_records import example

VALUE, STATES = "bets.value", "games.states"
CHANNELS = (Channel(VALUE), Channel(STATES))
Key = tuple[str, str]


def log(steps: list[tuple[str, str, bool]]) -> list[Message]:
    """A log of these topics, events and tombstones; offsets count up in each partition."""
    counts: dict[tuple[str, int], int] = {}
    found = []
    for number, (topic, event, is_gone) in enumerate(steps):
        record = GONE if is_gone else example(topic, event_id=event, revision=number + 1)
        made = message(topic, 0, record, event)
        place = topic, made.partition
        found.append(made._replace(offset=counts.get(place, 0), appended_at_ms=1_000 + number))
        counts[place] = counts.get(place, 0) + 1
    return found


def read_elsewhere(read: list[Message], order: list[int]) -> list[Message]:
    """The same log as another gateway may read it: each partition in order, partitions as they come."""
    lanes: dict[tuple[str, int], list[Message]] = {}
    for one in read:
        lanes.setdefault((one.topic, one.partition), []).append(one)
    found = []
    for pick in order + [0] * len(read):
        open_lanes = [lane for lane in lanes.values() if lane]
        if open_lanes:
            found.append(open_lanes[pick % len(open_lanes)].pop(0))
    return found


class Follower:
    """A client that keeps what it was told, and the cursor to go on from."""

    def __init__(self) -> None:
        self.told: list[tuple[str, int, int]] = []
        self.newest: dict[Key, tuple[int, int]] = {}
        self.cursor = ""
        self.statuses: list[str] = []
        self._line = Kept()

    def join(self, hub: Hub) -> Client:
        self._line = Kept()
        self.client = Client(self._line)
        hub.join(self.client)
        return self.client

    @property
    def line(self) -> Kept:
        return self._line

    def leave(self, hub: Hub) -> None:
        """Go away; only what has arrived is known."""
        hub.leave(self.client)
        is_live = self.cursor != ""
        for said in self._line.said:
            if said["type"] == "subscribed":
                is_live, self.cursor = True, said["cursor"]
            elif said["type"] in ("snapshot", "update"):
                place = said["channel"], said["partition"], said["offset"]
                if said["type"] == "update":
                    self.told.append(place)
                self.newest[said["channel"], said["key"]] = place[1:]
                if is_live and said["type"] == "update" and said["cursor"]:
                    self.cursor = said["cursor"]
            elif said["type"] == "heartbeat" and said["cursor"] and is_live:
                self.cursor = said["cursor"]
            elif said["type"] == "status":
                self.statuses.append(said["status"])

    async def back(self, hub: Hub, subscription: Subscription) -> None:
        client = self.join(hub)
        cursor = hub.positions.understood(self.cursor)
        await resume(hub, None, client, 1, subscription, cursor, False)
        await settled()


STEPS = st.lists(
    st.tuples(st.sampled_from([VALUE, STATES]), st.sampled_from(EVENTS), st.booleans()), max_size=40
)


@settings(deadline=None)
@given(STEPS, st.lists(st.integers(0, 5), max_size=40), st.lists(st.integers(0, 40), max_size=4), st.data())
def test_a_client_that_changes_gateways_hears_everything_once_and_in_order(
    steps: list[tuple[str, str, bool]], order: list[int], leaves: list[int], data: st.DataObject
) -> None:
    async def talk() -> None:
        read = log(steps)
        reads = [read, read_elsewhere(read, order)]
        hubs, upto = [Hub(), Hub()], [0, 0]
        follower, here = Follower(), 0
        follower.join(hubs[0])
        hubs[0].subscribe(follower.client, 1, Subscription(CHANNELS))
        await settled()
        for leave in sorted({min(leave, len(read)) for leave in leaves}):
            for number in (0, 1):  # the other one may be ahead or behind
                until = leave if number == here else data.draw(st.integers(upto[number], len(read)))
                publish(hubs[number], *reads[number][upto[number] : until])
                upto[number] = max(upto[number], until)
            await settled()
            follower.leave(hubs[here])
            here = 1 - here
            if _is_behind(hubs[here], follower.cursor):  # who asks too early waits; here the log catches up
                publish(hubs[here], *reads[here][upto[here] :])
                upto[here] = len(read)
            await follower.back(hubs[here], Subscription(CHANNELS))
        publish(hubs[here], *reads[here][upto[here] :])
        await settled()
        follower.leave(hubs[here])

        lanes: dict[tuple[str, int], list[int]] = {}
        for topic, partition, offset in follower.told:
            lanes.setdefault((topic, partition), []).append(offset)
        wanted: dict[tuple[str, int], list[int]] = {}
        for one in read:
            wanted.setdefault((one.topic, one.partition), []).append(one.offset)
        assert lanes == wanted
        assert "gap" not in follower.statuses

    run(talk())


def _is_behind(hub: Hub, text: str) -> bool:
    cursor = hub.positions.understood(text)
    assert isinstance(cursor, Cursor)
    return hub.is_behind(cursor, {VALUE, STATES})


def test_a_gateway_that_has_read_less_than_was_told_elsewhere_catches_up_first() -> None:
    async def talk() -> None:
        read = log([(VALUE, event, False) for event in EVENTS])
        ahead, behind, follower = Hub(), Hub(), Follower()
        publish(ahead, *read)
        follower.cursor = ahead.positions.text()
        coming = asyncio.create_task(follower.back(behind, Subscription(CHANNELS)))
        await asyncio.sleep(0.01)
        assert follower.line.said == []
        publish(behind, *read)
        await coming
        publish(behind, message(VALUE, 9, example(VALUE, event_id=EVENTS[2], revision=99)))

        assert [m["type"] for m in follower.line.said] == ["subscribed", "update"]

    run(talk())


@settings(deadline=None)
@given(STEPS, st.lists(st.sampled_from(["turn", "wait", "block", "unblock", "back"]), max_size=40))
def test_whoever_asked_for_less_still_ends_with_the_newest_of_every_key(
    steps: list[tuple[str, str, bool]], turns: list[str]
) -> None:
    async def talk() -> None:
        hub, follower = Hub(), Follower()
        subscription = Subscription(CHANNELS, conflate_ms=1)
        follower.join(hub)
        hub.subscribe(follower.client, 1, subscription)
        await settled()
        read = log(steps)
        for number, one in enumerate(read):
            publish(hub, one)
            match turns[number] if number < len(turns) else "":
                case "turn":
                    await asyncio.sleep(0)
                case "wait":
                    await asyncio.sleep(0.003)
                case "block":
                    follower.line.writable.clear()
                case "unblock":
                    follower.line.writable.set()
                case "back":
                    follower.leave(hub)
                    await follower.back(hub, subscription)
        follower.line.writable.set()
        await asyncio.sleep(0.005)
        await settled()
        follower.leave(hub)

        assert follower.newest == {(m.topic, m.key): (m.partition, m.offset) for m in read}

    run(talk())


def test_a_cursor_of_another_log_gives_a_gap_and_what_stands() -> None:
    async def talk() -> None:
        old, new, follower = Hub(), Hub(), Follower()
        new.begin(b"other.", new.positions.offsets)
        for hub in (old, new):
            publish(hub, *log([(VALUE, EVENTS[0], False)]))
        follower.cursor = old.positions.text()
        await follower.back(new, Subscription(CHANNELS))

        said = [m["type"] for m in follower.line.said]
        assert said == ["status", "snapshot", "subscribed"]
        assert follower.line.said[0]["status"] == "gap"
        assert follower.line.said[0]["id"] == 1
        assert follower.line.said[-1]["recovered"] is False

    run(talk())


def test_what_is_forgotten_and_cannot_be_read_again_is_a_gap() -> None:
    async def talk() -> None:
        hub, follower = Hub(), Follower()
        follower.cursor = hub.positions.text()
        hub.begin(NO_EPOCH, hub.positions.offsets, maximum_bytes=1)
        publish(hub, *log([(VALUE, EVENTS[0], False)] * 3))
        await follower.back(hub, Subscription(CHANNELS))

        assert [m["type"] for m in follower.line.said] == ["status", "snapshot", "subscribed"]

    run(talk())


@pytest.mark.parametrize("missed", [0, 3])
def test_who_asks_for_a_snapshot_instead_is_told_whether_something_was_missed(missed: int) -> None:
    async def talk() -> None:
        hub, line = Hub(), Kept()
        client = Client(line)
        hub.join(client)
        publish(hub, *log([(VALUE, EVENTS[0], False)]))
        cursor = hub.positions.understood(hub.positions.text())
        publish(hub, *log([(VALUE, EVENTS[0], False)] * (missed + 1))[1:])
        await resume(hub, None, client, 1, Subscription(CHANNELS), cursor, True)
        await settled()

        assert [m["type"] for m in line.said] == ["status"] * bool(missed) + ["snapshot", "subscribed"]
        assert line.said[-1]["recovered"] is not bool(missed)

    run(talk())


def test_missed_updates_name_their_subscription_and_a_filter_holds_for_them() -> None:
    async def talk() -> None:
        hub, line = Hub(), Kept()
        client = Client(line)
        hub.join(client)
        cursor = hub.positions.understood(hub.positions.text())
        publish(hub, *log([(VALUE, event, False) for event in EVENTS]))
        subscription = Subscription((Channel(VALUE, league="epl"),))
        await resume(hub, None, client, "mine", subscription, cursor, False)
        publish(hub, message(VALUE, 9, example(VALUE, event_id=EVENTS[2], revision=99)))
        await settled()

        told: list[Any] = [(m["type"], m.get("event"), m.get("id")) for m in line.said]
        assert told == [
            ("update", EVENTS[2], "mine"),
            ("subscribed", None, "mine"),
            ("update", EVENTS[2], None),
        ]

    run(talk())


def test_time_is_conflated_for_whom_it_was_asked_and_bets_come_at_once() -> None:
    async def talk() -> None:
        hub = Hub()
        lines = []
        for conflate_ms in (0, 20):
            line = Kept()
            lines.append(line)
            client = Client(line)
            hub.join(client)
            hub.subscribe(client, 1, Subscription(CHANNELS, conflate_ms))
        await settled()
        publish(hub, *log([(STATES, EVENTS[0], False)] * 3 + [(VALUE, EVENTS[0], False)] * 2))
        await asyncio.sleep(0.05)
        await settled()

        told = [[(m["channel"], m["offset"]) for m in line.said if m["type"] == "update"] for line in lines]
        assert told[0] == [(STATES, 0), (STATES, 1), (STATES, 2), (VALUE, 0), (VALUE, 1)]
        assert told[1] == [(VALUE, 0), (VALUE, 1), (STATES, 2)]
        late = lines[1].said[-2]
        assert (late["conflated"], late["cursor"]) == (True, "")
        assert lines[1].said[-1]["type"] == "heartbeat"
        assert lines[1].said[-1]["cursor"] == hub.positions.text()

    run(talk())

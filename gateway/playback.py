"""Subscriptions that read the past: what a client missed, and the time machine."""

import asyncio
import time
from collections.abc import AsyncIterator

from gateway import protocol
from gateway.answers import Answer, wall_ms
from gateway.client import Client, Subscription
from gateway.cursor import AnotherEpoch, Cursor, Place, Positions
from gateway.groups import only
from gateway.hub import Hub, retold
from gateway.past import Past
from gateway.protocol import Channel, Id, Speed, Subscribe
from pipeline.errors import BadRequest
from pipeline.topics import partition_of

#: While it plays, a client is told where it is so often.
TELLS_EVERY_S = 1.0
#: A gateway that has read less than a client was told elsewhere has so long to catch up.
BEHIND_S = 5.0


class Pace:
    """How fast the past goes by: so many times as fast as it was, step by step, or as fast as can be."""

    def __init__(self, speed: Speed | None) -> None:
        self._changed = asyncio.Event()
        self._steps = 0
        self.set(speed)

    def set(self, speed: Speed | None) -> None:
        """Another speed from now on."""
        self.speed = speed
        self._from: tuple[float, int] | None = None
        self._changed.set()

    def step(self, count: int) -> None:
        """Let some more messages through. Raises BadRequest where it does not go step by step."""
        if self.speed != "step":
            raise BadRequest("not_stepping", 'steps are for a subscription whose speed is "step"')
        self._steps += count
        self._changed.set()

    async def reached(self, log_ms: int) -> None:
        """Wait until it is time for what was so at ``log_ms``."""
        while True:
            self._changed.clear()
            speed = self.speed
            if speed is None:
                return
            if speed == "step":
                if self._steps:
                    self._steps -= 1
                    return
                await self._changed.wait()
                continue
            began_s, began_ms = self._from or (time.monotonic(), log_ms)
            self._from = began_s, began_ms
            wait_s = began_s + (log_ms - began_ms) / 1_000 / float(speed) - time.monotonic()
            if wait_s <= 0:
                return
            try:
                await asyncio.wait_for(self._changed.wait(), wait_s)
            except TimeoutError:
                return


async def resume(
    hub: Hub,
    past: Past | None,
    client: Client,
    id: Id,
    subscription: Subscription,
    cursor: Cursor | AnotherEpoch,
    want_snapshot: bool,
) -> None:
    """Tell what was missed since a cursor, then go live; where that cannot be, say so, and what stands."""
    places = _places(hub, subscription.channels)
    topics = {channel.topic for channel in subscription.channels}
    give_up_at_s = time.monotonic() + BEHIND_S
    while isinstance(cursor, Cursor) and hub.is_behind(cursor, topics) and time.monotonic() < give_up_at_s:
        await asyncio.sleep(BEHIND_S / 100)
    reason = hub.gap(cursor, {}, topics)
    if not reason and isinstance(cursor, Cursor):
        positions = hub.positions.at(cursor)
        if want_snapshot:
            missed = [place for place in places if cursor.offsets[place] < hub.positions.offsets[place]]
            reason = "a snapshot was asked for instead of what was missed" if missed else ""
            _stand(hub, client, id, subscription, reason)
            return
        while not hub.resume(client, id, subscription, positions):
            if past is None:
                reason = "this gateway keeps no more than the newest answers"
                break
            if reason := hub.gap(cursor, await past.oldest(places), topics):
                break
            async for chunk in _up_to_now(hub, past, positions, places):
                for frame in retold(chunk, id, subscription.channels, positions):
                    await _told(client, frame)
        else:
            client.reading.pop(id, None)
            return
    _stand(hub, client, id, subscription, reason)


async def play(
    hub: Hub, past: Past, client: Client, request: Subscribe, subscription: Subscription, pace: Pace
) -> None:
    """Tell what stood at a time, then what came, as fast as it is asked for; then end, or go live."""
    id, from_ms = request.id, request.from_ms or 0
    places = _places(hub, subscription.channels)
    begin = await past.starts(places, from_ms)
    for answer in await _stood(past, subscription.channels, await past.standing_from(places, from_ms), begin):
        filters = only(
            channel.filter
            for channel in subscription.channels
            if channel.is_about(answer.message.topic, answer.event)
        )
        frame = answer.snapshot(id, filters)
        if frame is not None:
            await _told(client, frame)
    positions = Positions(hub.positions.epoch, {**hub.positions.offsets, **begin})
    await _told(client, _playback(id, from_ms, pace))
    told_at_s, log_ms = time.monotonic(), from_ms
    while True:
        async for chunk in _up_to_now(hub, past, positions, places, playing=True):
            for answer in chunk:
                log_ms = max(log_ms, answer.received_at_ms)
                if any(
                    channel.is_about(answer.message.topic, answer.event) for channel in subscription.channels
                ):
                    await pace.reached(log_ms)
                for frame in retold([answer], id, subscription.channels, positions):
                    await _told(client, frame)
                if time.monotonic() - told_at_s >= TELLS_EVERY_S:
                    told_at_s = time.monotonic()
                    await _told(client, _playback(id, log_ms, pace))
        if not request.live:
            break
        if hub.resume(client, id, subscription, positions):
            client.reading.pop(id, None)
            return
    client.reading.pop(id, None)
    client.tell(protocol.Ended(id=id, cursor=positions.text(), sent_at_ms=wall_ms()))


async def _up_to_now(
    hub: Hub, past: Past, positions: Positions, places: list[Place], *, playing: bool = False
) -> AsyncIterator[list[Answer]]:
    """Everything from some positions up to where the hub is now; the positions are there then."""
    begins, ends = {place: positions.offsets[place] for place in places}, dict(hub.positions.offsets)
    async for chunk in past.read(begins, ends, playing=playing):
        yield chunk
    for place in places:
        positions.jump(place, ends[place])


def _stand(hub: Hub, client: Client, id: Id, subscription: Subscription, reason: str) -> None:
    client.reading.pop(id, None)
    if reason:
        client.tell(
            protocol.Status(status="gap", text=reason, now_ms=hub.now_ms, sent_at_ms=wall_ms(), id=id)
        )
    hub.subscribe(client, id, subscription, recovered=not reason)


async def _stood(
    past: Past, channels: tuple[Channel, ...], since: dict[Place, int], until: dict[Place, int]
) -> list[Answer]:
    """The last answer of each key in a stretch."""
    last: dict[tuple[str, str], Answer] = {}
    async for chunk in past.read(since, until, playing=True):
        for answer in chunk:
            if not any(channel.is_about(answer.message.topic, answer.event) for channel in channels):
                continue
            last.pop(answer.message[:2], None)
            if answer.message.value is not None:
                last[answer.message[:2]] = answer
    return list(last.values())


def _places(hub: Hub, channels: tuple[Channel, ...]) -> list[Place]:
    """The partitions that channels can show something of."""
    counts: dict[str, int] = {}
    for topic, _ in hub.positions.offsets:
        counts[topic] = counts.get(topic, 0) + 1
    found: set[Place] = set()
    for channel in channels:
        count = counts[channel.topic]
        numbers = [partition_of(channel.event, count)] if channel.event else range(count)
        found |= {(channel.topic, number) for number in numbers}
    return sorted(found)


async def _told(client: Client, frame: bytes) -> None:
    """Send a frame as soon as there is room for it: the past waits for its reader."""
    await client.caught_up()
    await client.line.writable.wait()
    client.write(frame)


def _playback(id: Id, now_ms: int, pace: Pace) -> bytes:
    return protocol.frame(protocol.Playback(id=id, now_ms=now_ms, speed=pace.speed, sent_at_ms=wall_ms()))

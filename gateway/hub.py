"""The last answer of every key, the newest ones in order, and who wants to hear of the next.

Everything here happens on the event loop's thread: keeping an answer and noting for whom it is are one step,
and so are taking a snapshot, or what was missed, and joining those who listen: nothing falls in between.
"""

import asyncio
import logging
import random
import time
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import msgspec

from gateway import protocol
from gateway.answers import Answer, Message, News, wall_ms
from gateway.client import NEVER_LEFT_OUT, Client, Subscription
from gateway.cursor import NO_EPOCH, AnotherEpoch, Cursor, Place, Positions
from gateway.filters import Filter
from gateway.groups import Group, Groups, only
from gateway.protocol import Channel, Id
from gateway.recent import MAXIMUM_BYTES, Recent
from pipeline import data, ids
from pipeline.errors import BadRequest, Refused
from pipeline.telemetry import (
    APPEND_TO_SEND_SECONDS,
    LOG_TIME_SECONDS,
    MESSAGES_SENT,
    SOCKETS,
    UPDATES_READ,
    say,
)
from pipeline.topics import ANSWERS, event_of

log = logging.getLogger("sharpline.gateway")
#: Without a tick for so long of wall time, the time of the log has stopped.
STALE_AFTER_MS = 10_000
#: A feed comes back from Kafka's client several times a second, and without a broker every two seconds.
HANGS_AFTER_S = 30.0
#: Rounds rest at most so long, and else half of what the last one took: what came meanwhile goes together.
TICK_S = 0.1
#: A label is looked up under a lock, and at the start there are millions of records.
COUNTS = {topic: UPDATES_READ.labels(topic) for topic in ANSWERS}
DELAYS = {topic: APPEND_TO_SEND_SECONDS.labels(topic) for topic in ANSWERS}
SENT = {kind: MESSAGES_SENT.labels(kind) for kind in ("snapshot", "update", "error")}
#: What games and open opportunities are counted by.
COUNTED = frozenset({"bets.value", "bets.arbitrage", "games.states", "games.probabilities"})
DAY_MS = 86_400_000
#: Close code: this gateway goes away, and another one, or this one again, is there.
TRY_AGAIN_LATER = 1013
DRAIN_S, DRAIN_STEPS = 1.0, 20
RETRY_AFTER_MS = (200, 5_000)


class Hub:
    """Answers by topic, event and key; clients by what they asked for; and the time of the log."""

    def __init__(self, partitions: int = 4, lag_days: int = 7) -> None:
        self.answers: dict[str, dict[str, dict[str, Answer]]] = {topic: {} for topic in ANSWERS}
        self.clients: set[Client] = set()
        self.now_ms = 0
        """The newest tick, Unix ms."""
        self.ticked_at_ms = 0
        """When that tick was appended, Unix ms of wall time."""
        self.sources_down: tuple[str, ...] = ()
        self.ready = asyncio.Event()
        """Set once everything that was there at the start has been read."""
        self.is_draining = False
        self.broker_away = ""
        """What the broker's absence looks like; empty while it is there."""
        self.turned_at_s: float | None = None
        """When the feed last came back from Kafka's client, monotonic s; None before it began."""
        self.feed_has_ended = False
        self.changed: set[str] = set()
        """Events to be counted anew: their game or their open bets have changed."""
        self._lag_ms = lag_days * DAY_MS
        self._groups = Groups(self._heartbeat)
        self._dirty: set[Group] = set()
        self._unsent: list[tuple[Message, int]] = []
        self._is_urgent = False
        self._rest_until_s = 0.0
        self._timer: asyncio.TimerHandle | None = None
        self.begin(NO_EPOCH, {(topic, number): 0 for topic in ANSWERS for number in range(partitions)})

    def begin(self, epoch: bytes, starts: Mapping[Place, int], maximum_bytes: int = MAXIMUM_BYTES) -> None:
        """Read on from these offsets of the log that ``epoch`` names."""
        self.positions = Positions(epoch, starts)
        self.recent = Recent(starts, maximum_bytes)

    @property
    def is_ready(self) -> bool:
        return self.ready.is_set()

    def keep(self, message: Message) -> None:
        """Keep what was there at the start as the last of its key; nobody listens yet."""
        event = event_of(message.key)
        events = self.answers[message.topic]
        if message.value is None:
            self._drop(message.topic, event, message.key)
        else:
            events.setdefault(event, {})[message.key] = Answer(message)
            if message.topic in COUNTED:
                self.changed.add(event)

    def publish(self, message: Message) -> None:
        """Keep an answer as the last of its key and note it for those who want it; `flush` tells them."""
        topic, key = message.topic, message.key
        COUNTS[topic].inc()
        self.positions.passed((topic, message.partition), message.offset, message.appended_at_ms)
        event = event_of(key)
        try:
            league = ids.parse(event).league
        except Refused as error:
            say(log, "left out a record whose key is no event's", logging.ERROR, topic=topic, reason=error)
            return
        previous = self.answers[topic].get(event, {}).get(key)
        answer = Answer(message, redo=_starts_redo(previous, message))
        self.recent.add(answer)
        if message.value is not None:
            self.answers[topic].setdefault(event, {})[key] = answer
        elif previous is not None:
            self._drop(topic, event, key)
        if topic in COUNTED:
            self.changed.add(event)
        matching = self._groups.matching(topic, event, data.leagues()[league].sport, league)
        if not matching or not answer.can_be_told:
            return
        news = News(answer, self.positions.text(), previous)
        sockets = 0
        for group, indexes in matching.items():
            if group.take(news, indexes):
                self._dirty.add(group)
                sockets += len(group.clients)
        if sockets:
            self._unsent.append((message, sockets))
            self._is_urgent |= topic in NEVER_LEFT_OUT

    def flush_soon(self) -> None:
        """Tell what is noted: bets at once, else when the last round is long enough ago."""
        now_s = time.monotonic()
        if self._is_urgent or now_s >= self._rest_until_s:
            self.flush()
        elif self._timer is None and self._dirty:
            self._timer = asyncio.get_running_loop().call_later(self._rest_until_s - now_s, self.flush)

    def flush(self) -> None:
        """Tell everything that is noted."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if not self._dirty:
            return
        began_s = time.monotonic()
        dirty, self._dirty = self._dirty, set()
        for group in dirty:
            group.flush()
        self._is_urgent = False
        unsent, self._unsent = self._unsent, []
        for message, sockets in unsent:
            self._account_for(message, sockets)
        now_s = time.monotonic()
        self._rest_until_s = now_s + min(TICK_S, 0.5 * (now_s - began_s))

    def tick(self, received_at_ms: int, appended_at_ms: int, sources_down: tuple[str, ...] = ()) -> None:
        """The log's time has come to ``received_at_ms``."""
        if received_at_ms >= self.now_ms:
            self.now_ms, self.sources_down = received_at_ms, sources_down
        self.ticked_at_ms = max(self.ticked_at_ms, appended_at_ms)
        LOG_TIME_SECONDS.set(self.now_ms / 1_000)

    def join(self, client: Client) -> None:
        self.clients.add(client)
        SOCKETS.set(len(self.clients))

    def leave(self, client: Client) -> None:
        client.leave()
        client.live.clear()
        self._groups.move(client)
        self.clients.discard(client)
        SOCKETS.set(len(self.clients))

    def require_free(self, client: Client, id: Id) -> None:
        """Raises BadRequest where a client has a subscription of this id, or too many."""
        if id in client.live or id in client.reading:
            raise BadRequest(
                "id_in_use", f"there is a subscription {id!r}; unsubscribe it or take another id", id
            )
        if len(client.live) + len(client.reading) >= client.most:
            raise BadRequest("too_many", f"{client.most} subscriptions are the most", id)

    def subscribe(
        self, client: Client, id: Id, subscription: Subscription, *, recovered: bool = True
    ) -> None:
        """Send what stands on the channels, then what comes. Raises BadRequest."""
        self.require_free(client, id)
        self.flush()
        found: dict[tuple[str, str], tuple[Answer, set[Filter | None]]] = {}
        for channel in subscription.channels:
            for answer in self.standing(channel):
                found.setdefault(answer.message[:2], (answer, set()))[1].add(channel.filter)
        cursor = self.positions.text()

        def frames() -> Iterator[bytes]:
            for answer, filters in found.values():
                frame = answer.snapshot(id, only(filters))
                if frame is not None:
                    SENT["snapshot"].inc()
                    yield frame
            yield protocol.frame(
                protocol.Subscribed(id=id, cursor=cursor, recovered=recovered, sent_at_ms=wall_ms())
            )

        client.send_all(frames())
        client.live[id] = subscription
        self._groups.move(client)

    def is_behind(self, cursor: Cursor, topics: set[str]) -> bool:
        """Whether a client was told more, by another gateway, than has been read here."""
        mine = self.positions.offsets
        return any(offset > mine[place] for place, offset in cursor.offsets.items() if place[0] in topics)

    def gap(self, cursor: Cursor | AnotherEpoch, starts: Mapping[Place, int], topics: set[str]) -> str:
        """Why not everything since a cursor can be told; empty where it can. ``starts``: the oldest kept."""
        if isinstance(cursor, AnotherEpoch):
            return "the topics were made anew since, or this gateway has others"
        if self.is_behind(cursor, topics):
            return "the cursor is ahead of the log"
        if any(cursor.offsets[place] < start for place, start in starts.items() if place[0] in topics):
            return "the log no longer reaches back so far"
        if self.ticked_at_ms - cursor.at_ms > self._lag_ms and cursor.at_ms:
            return "answers of that time are kept only as the last of their key"
        return ""

    def resume(self, client: Client, id: Id, subscription: Subscription, positions: Positions) -> bool:
        """Send what was read since these positions, then what comes; False where some of it is forgotten.

        The positions move on as the frames are made.
        """
        self.flush()
        topics = {channel.topic for channel in subscription.channels}
        missed = self.recent.since(positions.offsets, topics)
        if missed is None:
            return False
        end = self.positions.text()

        def frames() -> Iterator[bytes]:
            yield from retold(missed, id, subscription.channels, positions)
            yield protocol.frame(protocol.Subscribed(id=id, cursor=end, recovered=True, sent_at_ms=wall_ms()))

        client.send_all(frames())
        client.live[id] = subscription
        self._groups.move(client)
        return True

    def unsubscribe(self, client: Client, id: Id) -> None:
        """End a subscription; what another one of this client wants still comes. Raises BadRequest."""
        self.flush()
        if (task := client.reading.pop(id, None)) is not None:
            task.cancel()
        elif client.live.pop(id, None) is None:
            raise BadRequest("unknown_id", f"there is no subscription {id!r}", id)
        else:
            self._groups.move(client)

    def standing(self, channel: Channel) -> Iterator[Answer]:
        """Every answer that a channel shows now."""
        events = self.answers[channel.topic]
        for event in [channel.event] if channel.event else events:
            if event in events and channel.is_about(channel.topic, event):
                yield from events[event].values()

    def latest(self, topic: str, event: str) -> Any:
        """The record of the event on a topic with one key for each; None where there is none."""
        answer = self.answers[topic].get(event, {}).get(event)
        return None if answer is None else answer.record

    def events(self) -> set[str]:
        """Every event of which something is known."""
        return {event for events in self.answers.values() for event in events}

    def status(self) -> protocol.Status:
        """How the gateway is, in one word and one sentence."""
        now_ms = wall_ms()
        if self.is_draining:
            word, text = "draining", "this gateway goes away: resume on another, or here in a moment"
        elif self.broker_away:
            word, text = "broker_away", f"Kafka does not answer, answers may be old: {self.broker_away}"
        elif not self.is_ready:
            word, text = "starting", "the answers that were there at the start are still being read"
        elif now_ms - self.ticked_at_ms > STALE_AFTER_MS:
            word, text = (
                "stale",
                f"no tick for more than {STALE_AFTER_MS // 1000} s: time has stopped in the log",
            )
        else:
            word, text = "live", "answers arrive as they are made"
        return protocol.Status(
            status=word, text=text, now_ms=self.now_ms, sent_at_ms=now_ms, sources_down=self.sources_down
        )

    def is_reading(self, now_s: float) -> bool:
        """Whether the feed reads, or waits for a broker as it should; ``now_s`` is monotonic."""
        if self.feed_has_ended:
            return False
        return self.turned_at_s is None or now_s - self.turned_at_s <= HANGS_AFTER_S

    def tell_status(self) -> None:
        """Tell how we are to every client that knows otherwise: some came when it was."""
        status = self.status()
        frame, word = protocol.frame(status), (status.status, status.sources_down)
        for client in self.clients:
            if client.knows != word:
                client.knows = word
                client.write(frame)

    def tell_heartbeat(self) -> None:
        """Tell every client that we live, and where it is: what is live for it has been told up to here."""
        self.flush()
        now, moment = self._heartbeat(), self._heartbeat(with_cursor=False)
        for client in self.clients:
            group = self._groups.of(client)
            client.write(now if group is None or not group.holds else moment)

    async def drain(self) -> None:
        """Send everybody elsewhere, not all at the same moment: they come back at once otherwise."""
        self.is_draining = True
        self.flush()
        leaving = list(self.clients)
        random.shuffle(leaving)
        for number, client in enumerate(leaving):
            if number % max(1, len(leaving) // DRAIN_STEPS) == 0:
                await asyncio.sleep(DRAIN_S / DRAIN_STEPS)
            retry_after_ms = random.randrange(*RETRY_AFTER_MS)
            client.tell(msgspec.structs.replace(self.status(), retry_after_ms=retry_after_ms))
            client.line.close(TRY_AGAIN_LATER, f"going down: resume elsewhere, or in {retry_after_ms} ms")

    def _heartbeat(self, *, with_cursor: bool = True) -> bytes:
        cursor = self.positions.text() if with_cursor else ""
        return protocol.frame(protocol.Heartbeat(now_ms=self.now_ms, cursor=cursor, sent_at_ms=wall_ms()))

    def _drop(self, topic: str, event: str, key: str) -> None:
        keys = self.answers[topic].get(event, {})
        keys.pop(key, None)
        if not keys:
            self.answers[topic].pop(event, None)

    def _account_for(self, message: Message, sockets: int) -> None:
        """Measure and log an answer that has just been written for those who listen."""
        SENT["update"].inc(sockets)
        delay_ms = max(0, wall_ms() - message.appended_at_ms)
        if self.is_ready:  # what is caught up on at the start says nothing about how long an answer takes
            DELAYS[message.topic].observe(delay_ms / 1_000)
        if log.isEnabledFor(logging.DEBUG):
            say(
                log,
                "sent",
                logging.DEBUG,
                topic=message.topic,
                key=message.key,
                place=message.place,
                origin=message.origin,
                sockets=sockets,
                delay_ms=delay_ms,
            )


def retold(
    answers: Iterable[Answer], id: Id, channels: tuple[Channel, ...], positions: Positions
) -> Iterator[bytes]:
    """Updates for one subscription of what was read before, each with the cursor that comes after it."""
    before: dict[tuple[str, str], Answer] = {}
    for answer in answers:
        message = answer.message
        positions.passed((message.topic, message.partition), message.offset, message.appended_at_ms)
        wanted = [channel for channel in channels if channel.is_about(message.topic, answer.event)]
        if not wanted or not answer.can_be_told:
            continue
        filters = only(channel.filter for channel in wanted)
        # What stood before the first of a key is not known: it is told even where it has no entries.
        news = News(answer, positions.text(), before.get(message[:2], answer), id)
        before[message[:2]] = answer
        if news.shows(filters):
            SENT["update"].inc()
            yield news.frame(filters)


def _starts_redo(previous: Answer | None, message: Message) -> bool:
    """Whether a revision is said that was said before."""
    if previous is None or previous.message.value is None or message.value is None:
        return False
    return Answer(message).revision <= previous.revision

"""The last answer of every key, and who wants to hear of the next one.

Everything here happens on the event loop's thread: storing an answer and handing it to its clients is one
step, and so is taking a snapshot and joining the listeners: nothing falls between a snapshot and its updates.
"""

import asyncio
import logging
from collections import defaultdict
from collections.abc import Iterator
from typing import Any, Protocol

from msgspec import Struct

from gateway import protocol
from gateway.answers import Answer, Message, News, wall_ms
from gateway.protocol import Channel, Id
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
#: A label is looked up under a lock, and at the start there are millions of records.
COUNTS = {topic: UPDATES_READ.labels(topic) for topic in ANSWERS}
DELAYS = {topic: APPEND_TO_SEND_SECONDS.labels(topic) for topic in ANSWERS}
SENT = {kind: MESSAGES_SENT.labels(kind) for kind in ("snapshot", "update", "error")}
#: What games and open opportunities are counted by.
COUNTED = frozenset({"bets.value", "bets.arbitrage", "games.states", "games.probabilities"})
#: Frames written to one client before others get their turn.
TURN = 100


class Line(Protocol):
    """The way to a client: it takes whole frames, and says whether it has room for more."""

    writable: asyncio.Event

    def write(self, frame: bytes) -> None: ...


class Client:
    """One connection. What its line has no room for waits here: of each key only the newest, in order."""

    def __init__(self, line: Line) -> None:
        self.line = line
        self.subscriptions: dict[Id, tuple[Channel, ...]] = {}
        self.knows = ""
        """How the gateway is, in the word that this client was told last."""
        self._waiting: dict[object, Iterator[bytes]] = {}
        self._drain: asyncio.Task[None] | None = None

    @property
    def _has_room(self) -> bool:
        return self._drain is None and self.line.writable.is_set()

    def tell(self, message: Struct) -> None:
        """Send one message of the conversation itself."""
        self.write(protocol.frame(message))

    def write(self, frame: bytes) -> None:
        """Send one frame after all that was sent before."""
        if self._has_room:
            self.line.write(frame)
        else:
            self._wait(object(), iter((frame,)))

    def update(self, news: News) -> None:
        """Send an update; one of the same key that still waits is left out."""
        if self._has_room:
            self.line.write(news.frame)
            return
        place = news.answer.message[:2]
        is_newer = self._waiting.pop(place, None) is not None
        self._wait(place, iter((news.conflated_frame if is_newer else news.frame,)))

    def snapshot(self, id: Id, answers: list[Answer]) -> None:
        """Send what stands, then the word that this was all."""

        def frames() -> Iterator[bytes]:
            for answer in answers:
                if answer.can_be_told:
                    yield answer.snapshot(id)
            yield protocol.frame(protocol.Subscribed(id, wall_ms()))

        self._wait(object(), frames())

    async def caught_up(self) -> None:
        """Wait until all that was sent has gone to the line."""
        if self._drain is not None:
            await asyncio.wait({self._drain})

    def leave(self) -> None:
        self._waiting.clear()
        if self._drain is not None:
            self._drain.cancel()

    def _wait(self, place: object, frames: Iterator[bytes]) -> None:
        self._waiting[place] = frames
        if self._drain is None:
            self._drain = asyncio.create_task(self._drained())

    async def _drained(self) -> None:
        written = 0
        try:
            while self._waiting:
                for frame in self._waiting.pop(next(iter(self._waiting))):
                    await self.line.writable.wait()
                    self.line.write(frame)
                    written += 1
                    if written % TURN == 0:
                        await asyncio.sleep(0)
        finally:
            self._drain = None


class Hub:
    """Answers by topic, event and key; clients by what they asked for; and the time of the log."""

    def __init__(self) -> None:
        self.answers: dict[str, dict[str, dict[str, Answer]]] = {topic: {} for topic in ANSWERS}
        self.clients: set[Client] = set()
        self.now_ms = 0
        """The newest tick, Unix ms."""
        self.ticked_at_ms = 0
        """When that tick was appended, Unix ms of wall time."""
        self.is_ready = False
        """Whether everything that was there at the start has been read."""
        self.broker_away = ""
        """What the broker's absence looks like; empty while it is there."""
        self.turned_at_s: float | None = None
        """When the feed last came back from Kafka's client, monotonic s; None before it began."""
        self.feed_has_ended = False
        self.changed: set[str] = set()
        """Events to be counted anew: their game or their open bets have changed."""
        self._listeners: dict[Channel, set[Client]] = defaultdict(set)

    def publish(self, message: Message) -> None:
        """Keep an answer as the last of its key and tell those who want it."""
        topic, key = message.topic, message.key
        COUNTS[topic].inc()
        event = event_of(key)
        try:
            league = ids.parse(event).league
        except Refused as error:
            say(log, "left out a record whose key is no event's", logging.ERROR, topic=topic, reason=error)
            return
        events = self.answers[topic]
        previous = events.get(event, {}).get(key)
        answer = Answer(message)
        if message.value is not None:
            events.setdefault(event, {})[key] = answer
        elif previous is not None:
            del events[event][key]
            if not events[event]:
                del events[event]
        if topic in COUNTED:
            self.changed.add(event)
        listeners = self._listening(topic, event, league)
        if listeners and answer.can_be_told:
            news = News(answer, redo=_starts_redo(previous, answer))
            for client in listeners:
                client.update(news)
            self._account_for(message, len(listeners))

    def tick(self, received_at_ms: int, appended_at_ms: int) -> None:
        """The log's time has come to ``received_at_ms``."""
        self.now_ms = max(self.now_ms, received_at_ms)
        self.ticked_at_ms = max(self.ticked_at_ms, appended_at_ms)
        LOG_TIME_SECONDS.set(self.now_ms / 1_000)

    def join(self, client: Client) -> None:
        self.clients.add(client)
        SOCKETS.set(len(self.clients))

    def leave(self, client: Client) -> None:
        for id in list(client.subscriptions):
            self.unsubscribe(client, id)
        client.leave()
        self.clients.discard(client)
        SOCKETS.set(len(self.clients))

    def subscribe(self, client: Client, id: Id, channels: tuple[Channel, ...]) -> None:
        """Send what stands on the channels, then what comes. Raises BadRequest."""
        if id in client.subscriptions:
            raise BadRequest(
                "id_in_use", f"there is a subscription {id!r}; unsubscribe it or take another id", id
            )
        if len(client.subscriptions) >= protocol.MAXIMUM_SUBSCRIPTIONS:
            raise BadRequest("too_many", f"{protocol.MAXIMUM_SUBSCRIPTIONS} subscriptions are the most", id)
        client.subscriptions[id] = channels
        found = {answer.message[:2]: answer for channel in channels for answer in self.standing(channel)}
        client.snapshot(id, list(found.values()))
        SENT["snapshot"].inc(len(found))
        for channel in channels:
            self._listeners[channel].add(client)

    def unsubscribe(self, client: Client, id: Id) -> None:
        """End a subscription; what another one of this client wants still comes. Raises BadRequest."""
        channels = client.subscriptions.pop(id, None)
        if channels is None:
            raise BadRequest("unknown_id", f"there is no subscription {id!r}", id)
        kept = {channel for others in client.subscriptions.values() for channel in others}
        for channel in set(channels) - kept:
            self._listeners[channel].discard(client)
            if not self._listeners[channel]:
                del self._listeners[channel]

    def standing(self, channel: Channel) -> Iterator[Answer]:
        """Every answer that a channel shows now."""
        events = self.answers[channel.topic]
        for event in [channel.event] if channel.event else events:
            if event in events and _passes(channel, event):
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
        if self.broker_away:
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
        return protocol.Status(word, text, self.now_ms, now_ms)

    def is_reading(self, now_s: float) -> bool:
        """Whether the feed reads, or waits for a broker as it should; ``now_s`` is monotonic."""
        if self.feed_has_ended:
            return False
        return self.turned_at_s is None or now_s - self.turned_at_s <= HANGS_AFTER_S

    def tell_status(self) -> None:
        """Tell how we are to every client that knows otherwise: some came when it was."""
        status = self.status()
        frame = protocol.frame(status)
        for client in self.clients:
            if client.knows != status.status:
                client.knows = status.status
                client.write(frame)

    def tell_all(self, message: Struct) -> None:
        """Send every client the same message."""
        frame = protocol.frame(message)
        for client in self.clients:
            client.write(frame)

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

    def _listening(self, topic: str, event: str, league: str) -> set[Client]:
        sport = data.leagues()[league].sport
        found: set[Client] = set()
        if not self._listeners:
            return found
        for one_event in ("", event):
            for one_sport in ("", sport):
                for one_league in ("", league):
                    if listeners := self._listeners.get(Channel(topic, one_event, one_sport, one_league)):
                        found = found | listeners if found else listeners
        return found


def _passes(channel: Channel, event: str) -> bool:
    league = event.partition(":")[0]
    return channel.league in ("", league) and channel.sport in ("", data.leagues()[league].sport)


def _starts_redo(previous: Answer | None, answer: Answer) -> bool:
    if previous is None or previous.record is None or answer.record is None:
        return False
    return bool(answer.record.revision <= previous.record.revision)

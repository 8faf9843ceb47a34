"""What is said on ``/v1/stream``: JSON texts, one message each, under the subprotocol ``sharpline.v1``.

A message about a record tells the whole current answer of its key, so whoever keeps the newest message for
each (channel, key) is right, whatever its revision. docs/stream.md shows the conversation.
"""

from collections.abc import Iterator
from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Meta, Raw, Struct, UnsetType

from gateway.filters import FILTERS, Filter
from pipeline import data, ids
from pipeline.errors import BadRequest, Refused
from pipeline.topics import ANSWERS

SUBPROTOCOL = "sharpline.v1"
MAXIMUM_BYTES = 65_536
#: Of one client.
MAXIMUM_SUBSCRIPTIONS = 1_000
#: Of one client at a time: those that read the past.
MAXIMUM_READING = 4
#: Of what is told about a request that has another shape: it may repeat all of the request.
MAXIMUM_TOLD = 300

Id = Annotated[str, Meta(min_length=1, max_length=100)] | int
Share = Annotated[float, Meta(ge=0.0, le=10.0)]
Speed = Annotated[float, Meta(gt=0.0, le=100_000.0)] | Literal["step"]


class Channel(Struct, frozen=True, forbid_unknown_fields=True):
    """A derived topic, all of it or what concerns one event, sport or league; empty filters let all pass.

    ``market``, ``book``, ``min_expected_value`` and ``min_roi`` (shares of 1) leave of a record the entries
    that are so; a record that has none, and had none, is not sent.
    """

    topic: str
    event: str = ""
    sport: str = ""
    league: str = ""
    market: str = ""
    book: str = ""
    min_expected_value: Share = 0.0
    min_roi: Share = 0.0

    @property
    def filter(self) -> Filter | None:
        """What an entry must be; None where all pass."""
        found = Filter(self.market, self.book, self.min_expected_value or self.min_roi)
        return None if found == Filter() else found

    def is_about(self, topic: str, event: str) -> bool:
        """Whether an answer of a topic on an event is one that this asks for, its entries aside."""
        league = event.partition(":")[0]
        return (
            self.topic == topic
            and self.event in ("", event)
            and self.league in ("", league)
            and self.sport in ("", data.leagues()[league].sport)
        )

    def check(self) -> None:
        """Raises BadRequest where this can never match."""
        if self.topic not in ANSWERS:
            raise BadRequest("unknown_topic", f"no topic {self.topic[:80]!r}; there are {', '.join(ANSWERS)}")
        if self.league and self.league not in data.leagues():
            raise BadRequest("unknown_league", f"no league {self.league[:80]!r}; GET /v1/leagues lists them")
        sports = sorted({league.sport for league in data.leagues().values()})
        if self.sport and self.sport not in sports:
            raise BadRequest("unknown_sport", f"no sport {self.sport[:80]!r}; there are {', '.join(sports)}")
        given = [name for name in ("market", "book", "min_expected_value", "min_roi") if getattr(self, name)]
        known = FILTERS.get(self.topic, frozenset())
        if wrong := [name for name in given if name not in known]:
            raise BadRequest(
                "unknown_filter",
                f"{self.topic} has no filter {wrong[0]}; it has {', '.join(sorted(known)) or 'none'}",
            )
        try:
            if self.event:
                ids.parse(self.event)
        except Refused as error:
            raise BadRequest("unknown_event", str(error)) from error


class Request(Struct, frozen=True, forbid_unknown_fields=True, tag_field="op"):
    """What a client says."""


class Subscribe(Request, frozen=True, tag="subscribe", rename={"from_ms": "from"}):
    """Tell me what stands on these channels, then what comes; under an id of my choice.

    ``resume``: a cursor; tell what came after it instead of what stands, or with ``snapshot`` what stands
    and whether something was missed. ``from``: Unix ms of the log's own time; tell what stood then, and what
    came, ``speed`` times as fast as it came, or one by one at each ``step``; as fast as can be where no speed
    is given. Then the subscription ends, or with ``live`` goes on with what comes.
    ``conflate_ms``: of each key at most one update in so long; bets and arbitrages come at once.
    """

    id: Id
    channels: Annotated[tuple[Channel, ...], Meta(min_length=1, max_length=100)]
    resume: str = ""
    snapshot: bool = False
    from_ms: int | None = None
    speed: Speed | None = None
    live: bool = False
    conflate_ms: Annotated[int, Meta(ge=0, le=60_000)] = 0

    def check(self) -> None:
        """Raises BadRequest where the channels can never match, or the fields exclude each other."""
        for channel in self.channels:
            channel.check()
        if self.resume and self.from_ms is not None:
            raise BadRequest("invalid", "a subscription has resume or from, not both")
        if self.snapshot and not self.resume:
            raise BadRequest("invalid", "snapshot says what a cursor missed: it needs resume")
        if self.from_ms is None and (self.speed is not None or self.live):
            raise BadRequest("invalid", "speed and live belong to from: without it all is live")
        if self.from_ms is not None and self.conflate_ms and not self.live:
            raise BadRequest("invalid", "conflate_ms is for what is live: leave it out, or ask for live")
        if self.from_ms is not None and self.from_ms < 0:
            raise BadRequest("invalid_time", "from is Unix ms, 0 or later")


class Unsubscribe(Request, frozen=True, tag="unsubscribe"):
    """Enough of the subscription with this id."""

    id: Id


class Step(Request, frozen=True, tag="step"):
    """The next messages of a subscription from the past."""

    id: Id
    count: Annotated[int, Meta(ge=1, le=10_000)] = 1


class Pace(Request, frozen=True, tag="pace"):
    """Another speed for a subscription from the past; null for as fast as can be."""

    id: Id
    speed: Speed | None


class Ping(Request, frozen=True, tag="ping"):
    """Are you there?"""

    id: Id | UnsetType = UNSET


class Snapshot(Struct, frozen=True, kw_only=True, tag_field="type", tag="snapshot"):
    """What stands for a key as the subscription begins."""

    id: Id
    channel: str
    event: str
    key: str
    partition: int
    offset: int
    origin: str
    source_at_ms: int
    received_at_ms: int
    appended_at_ms: int
    sent_at_ms: int
    record: Raw


class Update(Struct, frozen=True, kw_only=True, tag_field="type", tag="update"):
    """A new answer for a key; ``record`` is null where the key is gone.

    ``id``: of the subscription that this was missed by, or that reads the past; of live ones there is none.
    ``cursor``: you have been told everything up to here; empty where older updates are still held back.
    ``redo``: a revision that was sent before, so what came since is being said again. ``conflated``: this
    client was slow, or asked for it, and older updates of the key were left out.
    """

    channel: str
    event: str
    key: str
    partition: int
    offset: int
    cursor: str
    origin: str
    source_at_ms: int
    received_at_ms: int
    appended_at_ms: int
    sent_at_ms: int
    redo: bool
    conflated: bool
    record: Raw
    id: Id | UnsetType = UNSET


class Subscribed(Struct, frozen=True, kw_only=True, tag_field="type", tag="subscribed"):
    """The subscription is live: what stood, or what was missed, has been told.

    ``recovered``: after ``resume``, whether nothing is missing.
    """

    id: Id
    cursor: str
    recovered: bool
    sent_at_ms: int


class Ended(Struct, frozen=True, kw_only=True, tag_field="type", tag="ended"):
    """The past that was asked for has been told up to now, and the subscription is over."""

    id: Id
    cursor: str
    sent_at_ms: int


class Unsubscribed(Struct, frozen=True, tag_field="type", tag="unsubscribed"):
    """Nothing more comes for this subscription alone."""

    id: Id
    sent_at_ms: int


class Pong(Struct, frozen=True, tag_field="type", tag="pong"):
    """The answer to a ping."""

    sent_at_ms: int
    id: Id | UnsetType = UNSET


class Heartbeat(Struct, frozen=True, kw_only=True, tag_field="type", tag="heartbeat"):
    """``now_ms`` is the time of the log, the newest tick; ``sent_at_ms`` the gateway's own clock."""

    now_ms: int
    cursor: str
    sent_at_ms: int


class Playback(Struct, frozen=True, kw_only=True, tag_field="type", tag="playback"):
    """Where a subscription from the past is: what it tells was so at ``now_ms``."""

    id: Id
    now_ms: int
    speed: Speed | None
    sent_at_ms: int


class Status(Struct, frozen=True, kw_only=True, tag_field="type", tag="status"):
    """How the gateway is: starting, live, stale (time has stopped in the log), broker_away or draining.

    ``sources_down``: sources that are silent or fail, by the log's newest tick. With the status ``gap`` and
    an ``id`` it is about one subscription: something was missed that cannot be told, and why.
    """

    status: str
    text: str
    now_ms: int
    sent_at_ms: int
    sources_down: tuple[str, ...] = ()
    retry_after_ms: int | UnsetType = UNSET
    id: Id | UnsetType = UNSET


class Error(Struct, frozen=True, tag_field="type", tag="error"):
    """A request that changed nothing, and why; ``id`` is the request's where it had one."""

    code: str
    message: str
    id: Id | UnsetType = UNSET


Asked = Subscribe | Unsubscribe | Step | Pace | Ping
Said = Snapshot | Update | Subscribed | Ended | Unsubscribed | Pong | Heartbeat | Playback | Status | Error


def understood(text: str) -> Asked:
    """The request in a text. Raises BadRequest."""
    try:
        request = msgspec.json.decode(text, type=Asked)
    except msgspec.ValidationError as error:
        code = "unknown_op" if "$.op`" in str(error) or "`op`" in str(error) else "invalid"
        raise BadRequest(code, str(error)[:MAXIMUM_TOLD], _id(text)) from error
    except (msgspec.DecodeError, RecursionError) as error:
        raise BadRequest("malformed", f"a JSON object is needed: {error}") from error
    if isinstance(request, Subscribe):
        try:
            request.check()
        except BadRequest as error:
            raise BadRequest(error.code, error.message, request.id) from error
    return request


class _Anything(Struct):
    id: Any = None


def _id(text: str) -> Id | None:
    """The id of a request that is wrong otherwise."""
    try:
        given = msgspec.json.decode(text, type=_Anything).id
    except msgspec.DecodeError:
        return None
    return given if isinstance(given, int) or (isinstance(given, str) and 0 < len(given) <= 100) else None


def frame(message: Struct) -> bytes:
    """A message as one unmasked WebSocket text frame, ready for any number of sockets."""
    body = msgspec.json.encode(message)
    size = len(body)
    if size < 126:
        return b"\x81" + bytes([size]) + body
    if size < 65_536:
        return b"\x81\x7e" + size.to_bytes(2, "big") + body
    return b"\x81\x7f" + size.to_bytes(8, "big") + body


def payloads(frames: bytes) -> Iterator[bytes]:
    """The texts in whole frames that were written in one go."""
    at = 0
    while at < len(frames):
        size, at = frames[at + 1], at + 2
        if size > 125:
            width = 2 if size == 126 else 8
            size, at = int.from_bytes(frames[at : at + width], "big"), at + width
        yield frames[at : at + size]
        at += size

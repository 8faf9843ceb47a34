"""What is said on ``/v1/stream``: JSON texts, one message each, under the subprotocol ``sharpline.v1``.

A message about a record tells the whole current answer of its key, so whoever keeps the newest message for
each (channel, key) is right, whatever its revision. docs/stream.md shows the conversation.
"""

from typing import Annotated, Any

import msgspec
from msgspec import UNSET, Meta, Raw, Struct, UnsetType

from pipeline import data, ids
from pipeline.errors import BadRequest, Refused
from pipeline.topics import ANSWERS

SUBPROTOCOL = "sharpline.v1"
MAXIMUM_BYTES = 65_536
#: Of one client.
MAXIMUM_SUBSCRIPTIONS = 1_000

Id = Annotated[str, Meta(min_length=1, max_length=100)] | int


class Channel(Struct, frozen=True, forbid_unknown_fields=True):
    """A derived topic, all of it or what concerns one event, sport or league; empty filters let all pass."""

    topic: str
    event: str = ""
    sport: str = ""
    league: str = ""

    def check(self) -> None:
        """Raises BadRequest where this can never match."""
        if self.topic not in ANSWERS:
            raise BadRequest("unknown_topic", f"no topic {self.topic[:80]!r}; there are {', '.join(ANSWERS)}")
        if self.league and self.league not in data.leagues():
            raise BadRequest(
                "unknown_league", f"no league {self.league[:80]!r}; GET /v1/events shows those in play"
            )
        sports = sorted({league.sport for league in data.leagues().values()})
        if self.sport and self.sport not in sports:
            raise BadRequest("unknown_sport", f"no sport {self.sport[:80]!r}; there are {', '.join(sports)}")
        try:
            if self.event:
                ids.parse(self.event)
        except Refused as error:
            raise BadRequest("unknown_event", str(error)) from error


class Request(Struct, frozen=True, forbid_unknown_fields=True, tag_field="op"):
    """What a client says."""


class Subscribe(Request, frozen=True, tag="subscribe"):
    """Tell me what stands on these channels, then what comes; under an id of my choice."""

    id: Id
    channels: Annotated[tuple[Channel, ...], Meta(min_length=1, max_length=100)]


class Unsubscribe(Request, frozen=True, tag="unsubscribe"):
    """Enough of the subscription with this id."""

    id: Id


class Ping(Request, frozen=True, tag="ping"):
    """Are you there?"""

    id: Id | UnsetType = UNSET


class Snapshot(Struct, frozen=True, tag_field="type", tag="snapshot"):
    """What stands for a key as the subscription begins."""

    id: Id
    channel: str
    event: str
    key: str
    partition: int
    offset: int
    origin: str
    appended_at_ms: int
    sent_at_ms: int
    record: Raw


class Update(Struct, frozen=True, tag_field="type", tag="update"):
    """A new answer for a key; ``record`` is null where the key is gone.

    ``redo``: a revision that was sent before, so what came since is being said again. ``conflated``: this
    client was slow and older updates of the key were left out.
    """

    channel: str
    event: str
    key: str
    partition: int
    offset: int
    origin: str
    appended_at_ms: int
    sent_at_ms: int
    redo: bool
    conflated: bool
    record: Raw


class Subscribed(Struct, frozen=True, tag_field="type", tag="subscribed"):
    """The snapshot of a subscription is complete; updates follow."""

    id: Id
    sent_at_ms: int


class Unsubscribed(Struct, frozen=True, tag_field="type", tag="unsubscribed"):
    """Nothing more comes for this subscription alone."""

    id: Id
    sent_at_ms: int


class Pong(Struct, frozen=True, tag_field="type", tag="pong"):
    """The answer to a ping."""

    sent_at_ms: int
    id: Id | UnsetType = UNSET


class Heartbeat(Struct, frozen=True, tag_field="type", tag="heartbeat"):
    """``now_ms`` is the time of the log, the newest tick; ``sent_at_ms`` the gateway's own clock."""

    now_ms: int
    sent_at_ms: int


class Status(Struct, frozen=True, tag_field="type", tag="status"):
    """How the gateway is: starting, live, stale (time has stopped in the log) or broker_away."""

    status: str
    text: str
    now_ms: int
    sent_at_ms: int


class Error(Struct, frozen=True, tag_field="type", tag="error"):
    """A request that changed nothing, and why; ``id`` is the request's where it had one."""

    code: str
    message: str
    id: Id | UnsetType = UNSET


def understood(text: str) -> Subscribe | Unsubscribe | Ping:
    """The request in a text. Raises BadRequest."""
    try:
        request = msgspec.json.decode(text, type=Subscribe | Unsubscribe | Ping)
    except msgspec.ValidationError as error:
        code = "unknown_op" if "$.op`" in str(error) or "`op`" in str(error) else "invalid"
        raise BadRequest(code, str(error), _id(text)) from error
    except (msgspec.DecodeError, RecursionError) as error:
        raise BadRequest("malformed", f"a JSON object is needed: {error}") from error
    if isinstance(request, Subscribe):
        for channel in request.channels:
            try:
                channel.check()
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

"""Thousands of WebSocket clients in a process of their own: epoll and bare sockets, no library in between.

Each counts the updates that it hears; those that ``follow`` keep each update's offset and the newest cursor.
"""

import base64
import json
import multiprocessing
import os
import selectors
import socket
import time
from collections import defaultdict
from contextlib import suppress
from multiprocessing.connection import Connection
from typing import Any, NamedTuple

UPDATE, SUBSCRIBED = b'{"type":"update"', b'{"type":"subscribed"'
#: First bytes of frames.
TEXT, PING, PONG = 0x81, 0x89, 0x8A
RECEIVE_BYTES = 262_144
PATIENCE_S = 180.0
#: Connections that are under way at a time: more would wait in the server's backlog.
AT_A_TIME = 200
#: A client that reads slowly takes so much, so often.
TRICKLE_BYTES, TRICKLE_EVERY_S = 1_024, 1.0
CURSOR = b'"cursor":"'
OFFSET, PARTITION = b'"offset":', b'"partition":'


class Member:
    """One client. ``heard``: updates; ``told``: their places, where it follows."""

    __slots__ = ("buffer", "cursor", "heard", "is_live", "socket", "told")

    def __init__(self, raw: socket.socket) -> None:
        self.socket, self.buffer = raw, b""
        self.heard, self.is_live = 0, False
        self.cursor = ""
        self.told: list[tuple[int, int]] = []

    def take(self, data: bytes, follows: bool) -> None:
        """Count what is in the frames that are whole by now."""
        buffer = self.buffer + data if self.buffer else data
        at, size = 0, len(buffer)
        while size - at >= 2:
            length, start = buffer[at + 1], at + 2
            if length == 126:
                length, start = int.from_bytes(buffer[at + 2 : at + 4], "big"), at + 4
            elif length == 127:
                length, start = int.from_bytes(buffer[at + 2 : at + 10], "big"), at + 10
            if start + length > size:
                break
            if buffer[at] == PING:
                self.socket.send(_masked(buffer[start : start + length], PONG))
            elif buffer.startswith(UPDATE, start):
                self.heard += 1
                if follows:
                    self._follow(buffer[start : start + length])
            elif buffer.startswith(SUBSCRIBED, start):
                self.is_live = True
                if follows:
                    self.cursor = _text(buffer[start : start + length], CURSOR)
            at = start + length
        self.buffer = buffer[at:]

    def _follow(self, text: bytes) -> None:
        self.told.append((_number(text, PARTITION), _number(text, OFFSET)))
        self.cursor = _text(text, CURSOR) or self.cursor


class Crowd:
    """All clients of one process, driven by what the benchmark says."""

    def __init__(self) -> None:
        self._members: list[Member] = []
        self._selector = selectors.EpollSelector()
        self._slow: list[socket.socket] = []
        self._follows = False

    def join(self, port: int, count: int, channels: list[dict[str, Any]], follows: bool) -> float:
        """Connect and subscribe; the seconds until all of them are live. Those there are already resume."""
        self._follows = follows
        began_s = time.monotonic()
        before = self._members
        self._members = []
        for number in range(count):
            raw = _connected(port)
            member = Member(raw)
            request: dict[str, Any] = {"op": "subscribe", "id": 1, "channels": channels}
            if number < len(before):
                member.told, member.cursor = before[number].told, before[number].cursor
                member.heard = before[number].heard
                request["resume"] = member.cursor
            raw.sendall(_masked(json.dumps(request).encode()))
            raw.setblocking(False)
            self._selector.register(raw, selectors.EVENT_READ, member)
            self._members.append(member)
            if number % AT_A_TIME == 0:
                self._turn(0.0)
        while not all(member.is_live for member in self._members):
            self._turn(0.1)
            _patient(began_s)
        return time.monotonic() - began_s

    def join_slow(self, port: int, channels: list[dict[str, Any]]) -> None:
        """A client that reads nothing any more, and one that reads very slowly."""
        for _ in range(2):
            raw = socket.socket()
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
            raw = _connected(port, raw)
            raw.sendall(_masked(json.dumps({"op": "subscribe", "id": 1, "channels": channels}).encode()))
            raw.setblocking(False)
            self._slow.append(raw)

    def heard_by_all(self, count: int) -> int:
        """Read until every one has heard so many updates; when the last had, monotonic ns."""
        began_s = time.monotonic()
        waiting = sum(member.heard < count for member in self._members)
        while waiting:
            waiting -= self._turn(0.5, count)
            _patient(began_s)
        return time.monotonic_ns()

    def read_for(self, seconds: float) -> list[int]:
        """Read for a while; how many updates came in each second."""
        counts: dict[int, int] = defaultdict(int)
        began_s = trickled_s = time.monotonic()
        before = sum(member.heard for member in self._members)
        while (now_s := time.monotonic()) < began_s + seconds:
            self._turn(0.05)
            if int(now_s - began_s) != int(time.monotonic() - began_s):
                now = sum(member.heard for member in self._members)
                counts[int(now_s - began_s)] += now - before
                before = now
            if self._slow and now_s >= trickled_s + TRICKLE_EVERY_S:
                trickled_s = now_s
                self._trickle()
        return [counts[second] for second in range(int(seconds))]

    def told(self) -> list[list[tuple[int, int]]]:
        """Of each the partitions and offsets of its updates, as they came."""
        return [member.told for member in self._members]

    def drop(self) -> None:
        """Forget the connections, which have ended; what was heard stays."""
        for member in self._members:
            self._selector.unregister(member.socket)
            member.socket.close()
            member.is_live, member.buffer = False, b""

    def leave(self) -> None:
        self.drop()
        self._members = []
        for raw in self._slow:
            raw.close()
        self._slow = []

    def _turn(self, wait_s: float, count: int = 0) -> int:
        """Read what is there; how many members have now heard ``count`` updates and had not before."""
        reached = 0
        for key, _ in self._selector.select(wait_s):
            member: Member = key.data
            had = member.heard
            try:
                data = member.socket.recv(RECEIVE_BYTES)
            except BlockingIOError:
                continue
            except ConnectionError:
                data = b""
            if not data:
                self._selector.modify(member.socket, 0)
                continue
            member.take(data, self._follows)
            reached += had < count <= member.heard
        return reached

    def _trickle(self) -> None:
        with suppress(BlockingIOError, ConnectionError):
            self._slow[1].recv(TRICKLE_BYTES)


class Said(NamedTuple):
    """A call of `Crowd`, and what it is given."""

    what: str
    given: tuple[Any, ...]


class Remote:
    """A `Crowd` in another process: every call goes there, and ``later`` ones are awaited by ``result``."""

    def __init__(self) -> None:
        context = multiprocessing.get_context("spawn")
        self._here, there = context.Pipe()
        self.process = context.Process(target=_serve, args=(there,), daemon=True)
        self.process.start()

    def __call__(self, what: str, *given: Any) -> Any:
        self.later(what, *given)
        return self.result()

    def later(self, what: str, *given: Any) -> None:
        self._here.send(Said(what, given))

    def result(self) -> Any:
        found = self._here.recv()
        if isinstance(found, Exception):
            raise found
        return found

    def end(self) -> None:
        self.process.kill()
        self.process.join()


def _serve(pipe: Connection) -> None:
    crowd = Crowd()
    while True:
        said = pipe.recv()
        try:
            pipe.send(getattr(crowd, said.what)(*said.given))
        except (OSError, RuntimeError) as error:
            pipe.send(RuntimeError(f"{said.what}: {error!r}"))


def _connected(port: int, raw: socket.socket | None = None) -> socket.socket:
    """A socket after the handshake. Raises RuntimeError where the gateway refuses it."""
    raw = raw or socket.socket()
    raw.connect(("127.0.0.1", port))
    key = base64.b64encode(os.urandom(16)).decode()
    raw.sendall(
        f"GET /v1/stream HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n\r\n".encode()
    )
    answer = b""
    while not answer.endswith(b"\r\n\r\n"):
        got = raw.recv(1)  # not a byte of the first frame
        if not got:
            break
        answer += got
    if b" 101 " not in answer[:20]:
        raise RuntimeError(f"no WebSocket: {answer[:200]!r}")
    return raw


def _masked(payload: bytes, kind: int = TEXT) -> bytes:
    """A client's frame; the mask is all zeros."""
    size = len(payload)
    head = bytes([kind, 0x80 | size]) if size < 126 else bytes([kind, 0xFE]) + size.to_bytes(2, "big")
    return head + b"\0\0\0\0" + payload


def _number(text: bytes, name: bytes) -> int:
    at = text.index(name) + len(name)
    end = at
    while 48 <= text[end] <= 57:
        end += 1
    return int(text[at:end])


def _text(text: bytes, name: bytes) -> str:
    at = text.index(name) + len(name)
    return text[at : text.index(b'"', at)].decode()


def _patient(began_s: float) -> None:
    if time.monotonic() - began_s > PATIENCE_S:
        raise RuntimeError(f"not done after {PATIENCE_S:.0f} s")

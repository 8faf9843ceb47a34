"""Whatever is sent to the socket: a typed error or a documented close code, and a neighbour notices nothing.

What is sent is drawn from a seed, another one in each run, which is printed where a test fails: FUZZ_SEED=...
repeats it, FUZZ_ROUNDS=100 goes on for longer.
"""

import base64
import json
import os
import random
import re
import socket
import struct
import threading
import time
import urllib.request
from collections import defaultdict
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any

import psutil
import pytest
from websockets.client import ClientProtocol
from websockets.frames import Frame, Opcode
from websockets.protocol import State
from websockets.sync.client import connect
from websockets.uri import parse_uri

from gateway.past import MAXIMUM_PLAYERS
from gateway.protocol import MAXIMUM_BYTES, MAXIMUM_READING, MAXIMUM_SUBSCRIPTIONS, Said
from pipeline.cluster import create_topics
from pipeline.local import kraft
from pipeline.settings import Settings
from pipeline.topics import ANSWERS, TICKS
from tests.conftest import ROOT
from tests.gateway.test_feed import VALUE, WITHIN_S, Appender, Process
from tests.gateway.tokens import SECRET, minted
from tests.make_records import AT_MS, EVENT, example

pytestmark = pytest.mark.kafka
SEED = int(os.environ.get("FUZZ_SEED") or random.SystemRandom().getrandbits(32))
ROUNDS = int(os.environ.get("FUZZ_ROUNDS", "20"))
REQUEST_S = 2
#: Seen are 20 MB; a flood whose pongs are kept is 60.
GROWTH_BYTES = 45_000_000
KINDS = {kind.__struct_config__.tag for kind in Said.__args__}
_ENDS = (ROOT / "docs" / "stream.md").read_text().partition("\n## Ends\n")[2].partition("\n## ")[0]
CODES = set(re.findall(r"`(\w+)`", _ENDS.partition("| close code")[0]))
CLOSE_CODES = {
    int(code) for row in re.findall(r"^\| ([\d, ]+) \|", _ENDS, re.MULTILINE) for code in row.split(", ")
}
REFUSED = {"no_token", "token_expired", "token_forged", "token_malformed", "token_too_long"}
TEXT, BINARY, CLOSE, PING, CONTINUED = 1, 2, 8, 9, 0
TOKEN = minted()


def frame(
    opcode: int,
    payload: bytes = b"",
    *,
    fin: bool = True,
    masked: bool = True,
    reserved: int = 0,
    size: int = -1,
) -> bytes:
    """A frame that may be none: ``size`` is what it says that it holds."""
    said = len(payload) if size < 0 else size
    length = (
        bytes([said])
        if said < 126
        else b"\x7e" + struct.pack("!H", said)
        if said < 65_536
        else b"\x7f" + struct.pack("!Q", said)
    )
    head = bytes([fin << 7 | reserved << 4 | opcode, length[0] | masked << 7]) + length[1:]
    return head + (b"\0\0\0\0" if masked else b"") + payload


def text(request: Any) -> bytes:
    return frame(TEXT, (request if isinstance(request, str) else json.dumps(request)).encode())


class Line:
    """A WebSocket that anything can be written to; what comes back has to be sound."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=WITHIN_S)
        self._protocol = ClientProtocol(parse_uri(f"ws://127.0.0.1:{port}/v1/stream"), max_size=None)
        request = self._protocol.connect()
        request.headers["Authorization"] = f"Bearer {TOKEN}"
        self._protocol.send_request(request)
        self._flush()
        self._said: list[dict[str, Any]] = []
        while self._protocol.state is State.CONNECTING:
            assert self._read()

    def __enter__(self) -> "Line":
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def write(self, *frames: bytes) -> None:
        with suppress(ConnectionError):  # it may have been closed: what comes back tells
            self.socket.sendall(b"".join(frames))

    def ask(self, **request: Any) -> None:
        self.write(text(request))

    def until(self, kind: str) -> list[dict[str, Any]]:
        """Everything up to the first message of a kind."""
        found: list[dict[str, Any]] = []
        while not found or found[-1]["type"] != kind:
            while not self._said:
                assert self._read(), (self.close_code, found[-3:])
            found.append(self._said.pop(0))
        return found

    def settled(self) -> list[dict[str, Any]]:
        """Everything that is said until it answers a ping."""
        self.ask(op="ping", id="settled")
        found = self.until("pong")
        while found[-1].get("id") != "settled":
            found += self.until("pong")
        return found

    def ended(self) -> int | None:
        """The code that the gateway closes with; None where it just goes."""
        while self._read():
            pass
        return self.close_code

    @property
    def close_code(self) -> int | None:
        closed = self._protocol.close_rcvd
        return None if closed is None else closed.code

    def reset(self) -> None:
        """Vanish without a word."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()

    def _read(self) -> bool:
        try:
            data = self.socket.recv(1 << 20)
        except ConnectionError:
            data = b""
        if not data:
            return False
        self._protocol.receive_data(data)
        self._flush()
        for event in self._protocol.events_received():
            if isinstance(event, Frame) and event.opcode is Opcode.TEXT:
                self._said.append(sound(json.loads(bytes(event.data))))
        assert self._protocol.handshake_exc is None
        assert self._protocol.parser_exc is None
        return True

    def _flush(self) -> None:
        with suppress(ConnectionError):
            for data in self._protocol.data_to_send():
                self.socket.sendall(data)


def sound(said: dict[str, Any]) -> dict[str, Any]:
    """A message of the protocol, and if an error a documented one in few words."""
    assert said["type"] in KINDS, said
    if said["type"] == "error":
        assert said["code"] in CODES, said
        assert len(said["message"]) < 5_000  # it may repeat an id, and a number may have 4,300 digits
        assert "Traceback" not in said["message"]
    return said


class Fuzzed:
    """A gateway, what it logs, and a well-behaved client that listens while records are appended."""

    def __init__(self, kafka: str, process: Process) -> None:
        self.process, self.port = process, process.port
        self.log: list[str] = []
        self.offsets: dict[int, list[int]] = defaultdict(list)
        self._append = Appender(kafka)
        self._socket = connect(
            process.ws, additional_headers={"Authorization": f"Bearer {TOKEN}"}, max_size=None
        ).__enter__()
        self._heard = threading.Condition()
        self._revision = 0
        self._last_heard = 0
        self._ended = threading.Event()
        self._socket.send(json.dumps({"op": "subscribe", "id": 1, "channels": [{"topic": VALUE}]}))
        while json.loads(self._socket.recv(timeout=WITHIN_S))["type"] != "subscribed":
            pass
        self.at_rest_bytes = self.peak_bytes = self.memory_bytes
        self._threads = [threading.Thread(target=work) for work in (self._listen, self._log, self._append_on)]
        for thread in self._threads:
            thread.start()

    @property
    def memory_bytes(self) -> int:
        return int(psutil.Process(self.process.process.pid).memory_info().rss)

    def sockets(self) -> int:
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}/metrics", headers={"Authorization": f"Bearer {TOKEN}"}
        )
        with urllib.request.urlopen(request, timeout=WITHIN_S) as answer:
            (value,) = re.findall(r"^sharpline_gateway_sockets (.*)$", answer.read().decode(), re.MULTILINE)
        return int(float(value))

    def check(self) -> None:
        """The neighbour hears what is appended from now on, has missed nothing; no trace, no growth."""
        with self._heard:
            wanted = self._revision + 1
            assert self._heard.wait_for(lambda: self._last_heard >= wanted, WITHIN_S), (
                "the neighbour hears no more"
            )
            for offsets in self.offsets.values():
                assert offsets == list(range(offsets[0], offsets[0] + len(offsets)))
        assert self.process.process.poll() is None
        assert not [line for line in self.log if "Traceback" in line or "ERROR" in line], self.log[-50:]
        grown_bytes = self.peak_bytes - self.at_rest_bytes
        print(f"grown by {grown_bytes:,} bytes")  # noqa: T201
        assert grown_bytes < GROWTH_BYTES

    def close(self) -> None:
        self._ended.set()
        self._socket.close()
        self.process.process.kill()
        for thread in self._threads:
            thread.join()
        self.process.process.__exit__(None, None, None)

    def _listen(self) -> None:
        for data in self._socket:
            said = json.loads(data)
            if said["type"] == "update":
                with self._heard:
                    self.offsets[said["partition"]].append(said["offset"])
                    self._last_heard = said["record"]["revision"]
                    self._heard.notify_all()

    def _log(self) -> None:
        assert self.process.process.stderr is not None
        self.log.extend(self.process.process.stderr)

    def _append_on(self) -> None:
        while not self._ended.wait(0.02):
            with self._heard:
                self._revision += 1
            self._append(VALUE, example(VALUE, revision=self._revision))
            self.peak_bytes = max(self.peak_bytes, self.memory_bytes)


@pytest.fixture(scope="module")
def fuzzed(kafka: str) -> Iterator[Fuzzed]:
    create_topics(kafka, Settings(), [])
    append = Appender(kafka)
    for topic in ANSWERS:
        append(topic)
    append(TICKS, example(TICKS, received_at_ms=AT_MS), partition=0)
    limits = {
        "TOKEN_SECRET": SECRET,
        "REQUEST_SECONDS": REQUEST_S,
        "REQUESTS_PER_MINUTE": 1_000_000,
        "SOCKETS_PER_ADDRESS": 10_000,
        "MESSAGES_PER_SECOND": 100_000,
    }
    (port,) = kraft.free_ports(1)
    with pytest.MonkeyPatch.context() as patched:
        for name, value in limits.items():
            patched.setenv(f"SHARPLINE_{name}", str(value))
        process = Process(kafka, port, "fuzzed")
    process.wait_until_ready()
    running = Fuzzed(kafka, process)
    yield running
    running.close()


CHANNEL = {"topic": VALUE, "event": EVENT}
REQUESTS: tuple[dict[str, Any], ...] = (
    {"op": "subscribe", "id": 1, "channels": [CHANNEL], "conflate_ms": 100},
    {
        "op": "subscribe",
        "id": "a",
        "channels": [{"topic": "bets.arbitrage", "league": "nfl", "min_roi": 0.1}],
    },
    {"op": "subscribe", "id": 2, "channels": [CHANNEL], "from": AT_MS, "speed": 1e5, "live": False},
    {"op": "subscribe", "id": 3, "channels": [CHANNEL], "resume": "AQAAAAAAAAA", "snapshot": True},
    {"op": "unsubscribe", "id": 1},
    {"op": "pace", "id": 2, "speed": "step"},
    {"op": "step", "id": 2, "count": 3},
    {"op": "ping", "id": "p"},
)
JUNK: tuple[Any, ...] = (
    None, True, False, 0, -1, 1, 1.5, -0.0, 1e308, 2**31, 2**53, 2**63 - 1, 2**63, 2**64, -(2**63), 10**40,
    10**400,    "", "x", "\0", "\ud83d\ude00", "\u202e", "x" * 101, "x" * 5_000, "step", "*", "../..", "%s%n",
    [], [[]], {}, {"": ""}, [None], [CHANNEL], [CHANNEL] * 101, [{"topic": VALUE, "event": "x" * 3_000}],
    [{"topic": VALUE, "min_expected_value": -1}], [{"topic": "games.states", "market": "h2h"}],
)  # fmt: skip


def malformed(rng: random.Random, port: int) -> None:
    """Requests with letters exchanged, left out and doubled."""
    with Line(port) as line:
        for _ in range(60):
            letters = list(json.dumps(rng.choice(REQUESTS)))
            for _ in range(rng.randint(1, 6)):
                at = rng.randrange(len(letters))
                letters[at : at + rng.randint(0, 3)] = rng.choice(
                    ['"', "{", "]", ",", "\\u12", "\0", "é", "9" * 30, "-"]
                )
            line.write(text("".join(letters)[: rng.choice([None, None, rng.randint(0, 60)])]))
        line.write(
            text("[" * 60_000), text('{"op":' * 9_000), text("9" * 60_000), text("NaN"), text('{"op": NaN}')
        )
        line.settled()


def wrong_types(rng: random.Random, port: int) -> None:
    """Anything in any field, and fields that nobody knows."""
    with Line(port) as line:
        for _ in range(120):
            request = dict(rng.choice(REQUESTS))
            target = request
            if rng.random() < 0.3 and "channels" in request:
                target = dict(request["channels"][0])
                request["channels"] = [target]
            name = rng.choice(
                [*target, "from", "speed", "live", "resume", "snapshot", "conflate_ms", "count", "x"]
            )
            target[name] = rng.choice(JUNK)
            line.write(text(json.dumps(request)))
        line.settled()


def unknown(rng: random.Random, port: int) -> None:
    """Ops, topics, sports, leagues, events and ids that are not there: each answered with its own code."""
    subscribe = {"op": "subscribe", "id": 1}
    cases = {
        "unknown_op": {"op": rng.choice(["", "Subscribe", "shout", "x" * 999])},
        "unknown_topic": {
            **subscribe,
            "channels": [{"topic": rng.choice(["", "bets", "odds.snapshots", "x" * 999])}],
        },
        "unknown_sport": {
            **subscribe,
            "channels": [{"topic": VALUE, "sport": rng.choice(["chess", "x" * 999])}],
        },
        "unknown_league": {**subscribe, "channels": [{"topic": VALUE, "league": rng.choice(["xfl", "\0"])}]},
        "unknown_event": {
            **subscribe,
            "channels": [{"topic": VALUE, "event": rng.choice(["kc", "::", "x" * 999])}],
        },
        "unknown_filter": {**subscribe, "channels": [{"topic": "games.states", "book": "x"}]},
        "unknown_id": {"op": rng.choice(["unsubscribe", "step"]), "id": rng.choice([9, "nine", 2**40])},
    }
    with Line(port) as line:
        for code, request in cases.items():
            line.write(text(request))
            assert line.until("error")[-1]["code"] == code, request


def large(rng: random.Random, port: int) -> None:
    """A megabyte, in one frame or many; a frame that says that it is a terabyte."""
    pieces = [frame(TEXT, b'"' + b"x" * 9_999, fin=False), *[frame(CONTINUED, b"x" * 10_000, fin=False)] * 99]
    for frames in (
        [frame(TEXT, b"x" * rng.randint(MAXIMUM_BYTES + 1, 1_000_000))],
        [frame(TEXT, b"x" * 1_000_000)],
        pieces,
        [frame(TEXT, size=2**40)],
        [frame(TEXT, b"{", size=1_000_000)],
        [frame(TEXT, b"{", fin=False), *[frame(CONTINUED, fin=False)] * 10_000],
    ):
        with Line(port) as line:
            line.write(*frames)
            assert line.ended() in (1009, None)  # None: what we still wrote met a closed socket
        with Line(port) as line:
            line.write(text(json.dumps({"op": "ping", "id": "x" * 99}).ljust(MAXIMUM_BYTES)))
            line.until("pong")


def no_frames(rng: random.Random, port: int) -> None:
    """Frames that the protocol does not know or does not allow here."""
    started = frame(TEXT, b'{"op', fin=False)
    cases = {
        frame(BINARY, rng.randbytes(20)): 1003,
        frame(BINARY): 1003,
        frame(TEXT, b"{}", masked=False): 1002,
        frame(TEXT, b"{}", reserved=rng.randint(1, 7)): 1002,
        frame(rng.choice([3, 4, 5, 6, 7, 11, 12, 13, 14, 15]), b"{}"): 1002,
        frame(PING, b"x", fin=False): 1002,
        frame(PING, b"x" * 126): 1002,
        frame(CONTINUED, b"x"): 1002,
        started + frame(TEXT, b"x"): 1002,
        started + frame(BINARY, b"x"): 1002,
        frame(TEXT, b"\xff\xfe"): 1007,
        frame(TEXT, b'"\xf0\x9f"'): 1007,
        frame(TEXT, size=2**63): 1002,
        frame(CLOSE, b"\x03"): 1002,
        frame(CLOSE, struct.pack("!H", rng.choice([0, 999, 1005, 1006, 1015, 5000]))): 1002,
        frame(CLOSE, struct.pack("!H", 1000) + b"\xff"): 1007,
    }
    for frames, code in cases.items():
        with Line(port) as line:
            line.write(frames)
            got = line.ended()
            assert got in CLOSE_CODES, (frames[:20], got)
            assert got == code or frames.endswith(b"\0" * 8), (frames[:20], got, code)


def fragments(rng: random.Random, port: int) -> None:
    """A message in pieces, pings between them, letters cut in the middle: it is understood all the same."""
    with Line(port) as line:
        for number in range(20):
            whole = json.dumps({"op": "ping", "id": f"é{number}"}, ensure_ascii=False).encode()
            cuts = sorted(rng.sample(range(len(whole) + 1), rng.randint(1, 9)))
            parts = [whole[start:end] for start, end in zip([0, *cuts], [*cuts, len(whole)], strict=True)]
            for index, part in enumerate(parts):
                line.write(frame(CONTINUED if index else TEXT, part, fin=index == len(parts) - 1))
                if rng.random() < 0.3:
                    line.write(frame(PING, rng.randbytes(rng.randint(0, 125))))
            assert line.until("pong")[-1]["id"] == f"é{number}"
        line.write(
            frame(TEXT, b'{"op": "ping"}', fin=False),
            *[frame(CONTINUED, fin=False)] * 900,
            frame(CONTINUED),
        )
        line.until("pong")


def cursors(rng: random.Random, port: int) -> None:
    """Cursors that are garbage, too long, of another epoch, of another time."""
    with Line(port) as line:
        line.ask(op="subscribe", id="first", channels=[CHANNEL])
        mine = line.until("subscribed")[-1]["cursor"]
        whole = base64.urlsafe_b64decode(mine + "=" * (-len(mine) % 4))
        line.ask(op="unsubscribe", id="first")
        for number in range(30):
            bent = bytearray(whole)
            for _ in range(rng.randint(1, 4)):
                # The numbers themselves only downwards: who claims to know more than the log is waited for.
                at = rng.randrange(len(bent))
                bent[at] = (
                    rng.randrange(256) if at < 7 else rng.randrange(bent[at] + 1) & 0x7F | bent[at] & 0x80
                )
            garbage = [
                base64.urlsafe_b64encode(bent).decode().rstrip("="),
                base64.urlsafe_b64encode(rng.randbytes(rng.randint(0, 200))).decode(),
                mine[: rng.randrange(len(mine))],
                mine * rng.randint(2, 50),
                "x" * rng.randint(4_000, 60_000),
                "".join(chr(rng.randrange(1, 0x2FF)) for _ in range(20)),
            ]
            line.ask(op="subscribe", id=number, channels=[CHANNEL], resume=rng.choice(garbage))
        line.settled()
        line.ask(
            op="subscribe", id="other", channels=[CHANNEL], resume=_text(whole[:1] + b"another" + whole[8:])
        )
        while line.until("status")[-1].get("id") != "other":
            pass
        while (said := line.until("subscribed")[-1])["id"] != "other":
            pass
        assert said["recovered"] is False
    with Line(port) as line:
        line.ask(op="subscribe", id=1, channels=[CHANNEL], resume="x" * 100_000)
        assert line.ended() == 1009
    with Line(port) as line:  # ahead of the log by as much as can be written
        ahead = whole[:7] + b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01" * (1 + 4 * len(ANSWERS))
        line.ask(op="subscribe", id=1, channels=[CHANNEL], resume=_text(ahead))
        assert line.until("subscribed")[-1]["recovered"] is False


def _text(cursor: bytes) -> str:
    return base64.urlsafe_b64encode(cursor).decode().rstrip("=")


def times(rng: random.Random, port: int) -> None:
    """Times before time, after now, and much coming and going in between."""
    with Line(port) as line:
        for from_ms in (-1, -(2**63), AT_MS * 1_000, 2**63 - 1):
            line.ask(op="subscribe", id=1, channels=[CHANNEL], **{"from": from_ms})
            assert line.until("error")[-1]["code"] == "invalid_time"
        for _ in range(60):
            match rng.randrange(5):
                case 0 | 1:
                    speed = rng.choice([None, "step", 1e-9, 1, 1e5])
                    from_ms = rng.choice([0, AT_MS, AT_MS - rng.randrange(10**9)])
                    more = {"from": from_ms, "speed": speed, "live": rng.random() < 0.5}
                    line.ask(op="subscribe", id=rng.randrange(6), channels=[CHANNEL], **more)
                case 2:
                    line.ask(op="unsubscribe", id=rng.randrange(6))
                case 3:
                    line.ask(op="step", id=rng.randrange(6), count=rng.choice([1, 10_000]))
                case 4:
                    line.ask(op="pace", id=rng.randrange(6), speed=rng.choice([None, "step", 1e-9, 1e5]))
        line.settled()


def many_players(rng: random.Random, port: int) -> None:
    """More of them than the gateway has readers, in one moment: some are told that it is busy."""
    lines = [Line(port) for _ in range(MAXIMUM_PLAYERS // MAXIMUM_READING + 2)]
    for line in lines:
        asked = {"op": "subscribe", "channels": [CHANNEL], "speed": "step", "from": AT_MS}
        line.write(*[text({**asked, "id": id}) for id in range(MAXIMUM_READING)])
    codes = [said["code"] for line in lines for said in line.settled() if said["type"] == "error"]
    assert codes == ["busy"] * 2 * MAXIMUM_READING
    for line in lines:
        line.reset()


def coming_and_going(rng: random.Random, port: int) -> None:
    """Ids that are given up and taken again in one breath: nobody goes on reading for who has gone."""
    past = {"op": "subscribe", "channels": [CHANNEL], "speed": "step", "from": AT_MS}
    for _ in range(3):
        lines = [Line(port) for _ in range(MAXIMUM_PLAYERS // MAXIMUM_READING)]
        for line in lines:
            for id in range(MAXIMUM_READING):
                again = [text({**past, "id": id}), text({"op": "unsubscribe", "id": id})] * rng.randint(1, 5)
                line.write(*again, text({**past, "id": id}))
            line.settled()
        for line in lines:
            line.reset()
    with Line(port) as line:
        line.ask(**past, id=1)
        line.until("playback")
        line.ask(**past, id=1)
        assert line.until("error")[-1]["code"] == "id_in_use"
        line.ask(op="step", id=1)
        line.until("update")
    give_up_at = time.monotonic() + WITHIN_S
    while True:  # those that have gone are forgotten soon, all of them
        lines = [Line(port) for _ in range(MAXIMUM_PLAYERS // MAXIMUM_READING)]
        for line in lines:
            line.write(*[text({**past, "id": id}) for id in range(MAXIMUM_READING)])
        codes = [said["code"] for line in lines for said in line.settled() if said["type"] == "error"]
        for line in lines:
            line.reset()
        if not codes:
            return
        assert time.monotonic() < give_up_at, codes
        time.sleep(0.2)


def many_subscriptions(rng: random.Random, port: int) -> None:
    """Ten thousand: the first thousand are had."""
    channel = {"topic": "bets.results", "event": "nfl:2025-09-14:sf-sea"}
    with Line(port) as line:
        kinds = []
        for start in range(0, 10_000, 500):
            for id in range(start, start + 500):
                line.ask(op="subscribe", id=id, channels=[channel])
            kinds += [said.get("code", said["type"]) for said in line.settled()]
        assert kinds.count("subscribed") == MAXIMUM_SUBSCRIPTIONS
        assert kinds.count("too_many") == 10_000 - MAXIMUM_SUBSCRIPTIONS


def floods(rng: random.Random, port: int) -> None:
    """Pings of both kinds, requests and empty fragments without end, from somebody who reads nothing."""
    for flood in (
        frame(PING, rng.randbytes(125)) * 1_000,
        text({"op": "ping", "id": "x" * 100}) * 1_000,
        text({"op": "subscribe", "id": 1, "channels": [{"topic": topic} for topic in ANSWERS]}) * 100,
        text("{") * 1_000,
        frame(TEXT, fin=False) + frame(CONTINUED, fin=False) * 10_000,
    ):
        with Line(port) as line:
            line.socket.settimeout(2)
            with suppress(TimeoutError, ConnectionError):
                for _ in range(500):
                    line.socket.sendall(flood)
            line.reset()
    with Line(port) as line:
        line.write(frame(PING, b"x") * 5_000)
        line.settled()


def vanishing(rng: random.Random, port: int) -> None:
    """Connections that end anywhere: within the handshake, a frame, a snapshot, the past."""
    for _ in range(30):
        if rng.random() < 0.2:
            early = socket.create_connection(("127.0.0.1", port), timeout=WITHIN_S)
            early.sendall(UPGRADE[: rng.randrange(len(UPGRADE))])
            if rng.random() < 0.5:
                early.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            early.close()
            continue
        line = Line(port)
        asked = text(rng.choice(REQUESTS)) + text(
            {"op": "subscribe", "id": 7, "channels": [{"topic": VALUE}]}
        )
        line.write(asked[: rng.randrange(len(asked))])
        match rng.randrange(4):
            case 0:
                line.reset()
            case 1:
                line.socket.close()
            case 2:
                with suppress(OSError):
                    line.socket.shutdown(socket.SHUT_WR)
                line.ended()
                line.socket.close()
            case 3:
                line.write(frame(CLOSE, struct.pack("!H", 1000)), asked)
                line.reset()


UPGRADE = (
    b"GET /v1/stream HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
)


def handshakes(rng: random.Random, port: int) -> None:
    """Handshakes that are wrong, in any header, and tokens that are not good."""
    offered = b"Sec-WebSocket-Protocol: sharpline.v1, bearer."
    tokens = {
        b"": 401,
        offered + minted(lasts_s=-60).encode() + b"\r\n": 401,
        offered + minted(key="another secret, as long as the first one").encode() + b"\r\n": 401,
        offered + TOKEN[: rng.randrange(len(TOKEN))].encode() + b"\r\n": 401,
        offered + b"x" * 5_000 + b"\r\n": 401,
        b"Authorization: Bearer \xff\xfe\r\n": 401,
        b"Authorization: Bearer a\r\nAuthorization: Bearer b\r\n": 401,
        b"Sec-WebSocket-Protocol: soap, , ,,\r\n": 401,
        offered + TOKEN.encode() + b"\r\n": 101,
        b"Sec-WebSocket-Protocol: soap\r\nAuthorization: Bearer " + TOKEN.encode() + b"\r\n": 101,
    }
    for headers, status in tokens.items():
        answer = _answer(port, UPGRADE + headers + b"\r\n")
        assert answer.startswith(b"HTTP/1.1 %d " % status), answer[:300]
        if status == 401:
            code = json.loads(answer.partition(b"\r\n\r\n")[2])["code"]
            assert code in REFUSED, code
    good = UPGRADE + b"Authorization: Bearer " + TOKEN.encode() + b"\r\n\r\n"
    for _ in range(20):
        bent = bytearray(good)
        for _ in range(rng.randint(1, 3)):
            at = rng.randrange(len(bent))
            bent[at : at + rng.randint(0, 4)] = rng.choice(
                [b"", b"\0", b"\r\n", b"\xff", b": ", b"13", b" ", b"/"]
            )
        answer = _answer(port, bytes(bent))
        assert re.match(rb"HTTP/1.1 (101|4\d\d) |$", answer), (bent, answer[:300])
        assert b"Traceback" not in answer


def _answer(port: int, request: bytes) -> bytes:
    """What a request is answered with, as far as it comes by itself; b"" where it is cut."""
    said = b""
    with socket.create_connection(("127.0.0.1", port), timeout=WITHIN_S) as line, suppress(ConnectionError):
        line.sendall(request)
        while b"\r\n\r\n" not in said:
            if not (data := line.recv(65_536)):
                return said
            said += data
        size = re.search(rb"content-length: (\d+)", said, re.IGNORECASE)
        while size and len(said.partition(b"\r\n\r\n")[2]) < int(size[1]):
            said += line.recv(65_536)
    return said


def slow(rng: random.Random, port: int) -> None:
    """A handshake byte by byte is cut; so is half a one; a frame byte by byte is waited for."""
    with Line(port) as line:
        for byte in text({"op": "ping", "id": "slow"}):
            line.write(bytes([byte]))
            time.sleep(rng.uniform(0.0, 0.02))
        assert line.until("pong")[-1]["id"] == "slow"
    with socket.create_connection(("127.0.0.1", port), timeout=WITHIN_S) as half:
        half.sendall(UPGRADE[: rng.randrange(1, len(UPGRADE))])
        with suppress(ConnectionError):
            assert half.recv(1_000) == b""


ATTACKS: tuple[Callable[[random.Random, int], None], ...] = (
    malformed,
    wrong_types,
    unknown,
    large,
    no_frames,
    fragments,
    cursors,
    times,
    coming_and_going,
    many_players,
    many_subscriptions,
    floods,
    vanishing,
    handshakes,
    slow,
)
#: Those that do not mind, and are not minded by, others of their kind at the same time.
TOGETHER = tuple(
    attack
    for attack in ATTACKS
    if attack not in (coming_and_going, many_players, many_subscriptions, cursors)
)


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.__name__)
def test_the_answer_is_typed_and_the_neighbour_notices_nothing(
    attack: Callable[[random.Random, int], None], fuzzed: Fuzzed
) -> None:
    print(f"FUZZ_SEED={SEED}")  # noqa: T201
    attack(random.Random(f"{SEED} {attack.__name__}"), fuzzed.port)

    fuzzed.check()


def test_all_at_once_they_do_no_more_and_nothing_of_them_stays(fuzzed: Fuzzed) -> None:
    print(f"FUZZ_SEED={SEED} FUZZ_ROUNDS={ROUNDS}")  # noqa: T201
    rng = random.Random(SEED)
    with ThreadPoolExecutor(3) as pool:
        rounds = [
            pool.submit(rng.choice(TOGETHER), random.Random(rng.random()), fuzzed.port) for _ in range(ROUNDS)
        ]
        for one in rounds:
            one.result()

    fuzzed.check()
    give_up_at = time.monotonic() + WITHIN_S
    while (sockets := fuzzed.sockets()) > 1:
        assert time.monotonic() < give_up_at, sockets
        time.sleep(0.05)

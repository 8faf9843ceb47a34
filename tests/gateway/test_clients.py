"""The clients of docs/clients.md hear everything once and in order, whatever ends in between."""

import json
import random
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Consumer, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient
from websockets.datastructures import Headers
from websockets.http11 import Request, Response
from websockets.sync.server import ServerConnection, serve

from pipeline.cluster import create_topics
from pipeline.local import kraft
from pipeline.local.broker import Broker, own_broker
from pipeline.settings import Settings
from pipeline.topics import ANSWERS, TICKS
from tests.conftest import ROOT
from tests.gateway.running import Running, message, serving
from tests.gateway.test_feed import VALUE, WITHIN_S, Appender, gateway
from tests.gateway.tokens import SECRET, minted
from tests.make_records import AT_MS, EVENT, example

TEXT = (ROOT / "docs" / "clients.md").read_text()
STATES = "games.states"
CHANNELS = [{"topic": VALUE}, {"topic": STATES}]
EVENTS = (EVENT, "nfl:2025-09-14:sf-sea", "epl:2025-09-14:ars-liv")
SEED = 8
PYTHON, JAVASCRIPT = "python", "javascript"
both = pytest.mark.parametrize("language", [PYTHON, JAVASCRIPT])

# What runs the clients, and tells line by line what they hand over.
RUNNERS = {
    PYTHON: """
import json, sys
from client import Refused, follow
address, channels, options = json.loads(sys.argv[1])
try:
    for channel, key, record, message in follow(address, channels, *options.get("tokens", ())[:1]):
        print(json.dumps([channel, key, record is not None, message]), flush=True)
except Refused as refused:
    print(json.dumps({"type": "refused", "text": str(refused)}), flush=True)
""",
    JAVASCRIPT: """
import { createInterface } from "node:readline";
import { subscribe } from "./stream.js";
const [address, channels, { tokens, ...options }] = JSON.parse(process.argv[2]);
const say = (said) => console.log(JSON.stringify(said));
if (tokens) options.token = () => tokens.length > 1 ? tokens.shift() : tokens[0];
const onRecord = (channel, key, record, message) => say([channel, key, record !== null, message]);
const following = subscribe(address, channels, onRecord, { onStatus: say, ...options });
createInterface({ input: process.stdin }).on("line", (line) => {
  const [name, ...given] = JSON.parse(line);
  following[name](...given);
});
""",
}


def node() -> list[str]:
    """The command that runs JavaScript with a WebSocket."""
    found = shutil.which("node")
    assert found is not None, (
        "the JavaScript client is tested in Node, and there is no `node` on the path: "
        "install 20.10 or later (Debian: apt-get install nodejs)"
    )
    version = subprocess.run([found, "--version"], capture_output=True, text=True, check=True).stdout
    major = int(version.lstrip("v").partition(".")[0])
    assert major >= 20, f"the JavaScript client needs Node 20.10 or later, and {found} is {version.strip()}"
    return [found] if major >= 22 else [found, "--experimental-websocket"]


def installed(language: str, folder: Path) -> list[str]:
    """Put a client where its runner finds it; give the command to run a file beside it."""
    if language == PYTHON:
        (source,) = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)
        (folder / "client.py").write_text(source)
        return [sys.executable]
    shutil.copyfile(ROOT / "gateway" / "page" / "stream.js", folder / "stream.js")
    (folder / "package.json").write_text('{"type": "module"}')
    return node()


class Follower:
    """A client in a process of its own: what it handed over, and what else it was told."""

    def __init__(self, language: str, folder: Path, address: str, channels: Any, **options: Any) -> None:
        command = installed(language, folder)
        file = folder / ("run.py" if language == PYTHON else "run.js")
        file.write_text(RUNNERS[language])
        self.records: list[tuple[str, str, bool, dict[str, Any]]] = []
        self.others: list[dict[str, Any]] = []
        self._changed = threading.Condition()
        self.process = subprocess.Popen(
            [*command, str(file), json.dumps([address, channels, options])],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._reading = threading.Thread(target=self._read)
        self._reading.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            said = json.loads(line)
            with self._changed:
                if isinstance(said, list):
                    self.records.append((said[0], said[1], said[2], said[3]))
                else:
                    self.others.append(said)
                self._changed.notify_all()

    def until(self, is_so: Callable[["Follower"], Any]) -> Any:
        """Wait until something holds; give what it gave."""
        with self._changed:
            assert self._changed.wait_for(lambda: is_so(self), WITHIN_S), (
                self.records[-3:],
                self.others[-9:],
            )
            return is_so(self)

    def until_told(self, **fields: Any) -> dict[str, Any]:
        """The first message that is no record and has these fields."""
        found: dict[str, Any] = self.until(
            lambda _: next((said for said in self.others if fields.items() <= said.items()), None)
        )
        return found

    def do(self, *call: Any) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(f"{json.dumps(call)}\n")
        self.process.stdin.flush()

    def places(self, kind: str = "update") -> dict[tuple[str, int], list[int]]:
        """Offsets by partition, as they came."""
        found = defaultdict(list)
        for channel, _, _, said in list(self.records):
            if said["type"] == kind:
                found[channel, said["partition"]].append(said["offset"])
        return dict(found)

    def close(self) -> None:
        self.process.kill()
        self._reading.join()
        self.process.__exit__(None, None, None)


@contextmanager
def following(
    language: str, folder: Path, address: str, channels: Any = CHANNELS, **options: Any
) -> Iterator[Follower]:
    here = folder / language
    here.mkdir()
    follower = Follower(language, here, address, channels, **options)
    try:
        yield follower
    finally:
        follower.close()


# Against a server that says what a script says.

A, B = "nfl:2025-09-14:kc-phi", "nfl:2025-09-14:sf-sea"


def stands(key: str, offset: int) -> dict[str, Any]:
    return {"type": "snapshot", "id": 1, **_place(key, offset)}


def comes(key: str, offset: int, cursor: str, record: Any = 1, **more: Any) -> dict[str, Any]:
    return {"type": "update", "cursor": cursor, **_place(key, offset), "record": record, **more}


def _place(key: str, offset: int) -> dict[str, Any]:
    at_ms = {"appended_at_ms": AT_MS + offset, "partition": 0, "record": 1}
    return {"channel": VALUE, "key": key, "event": key, "offset": offset, **at_ms}


def subscribed(cursor: str) -> dict[str, Any]:
    return {"type": "subscribed", "id": 1, "cursor": cursor}


def heartbeat(cursor: str) -> dict[str, Any]:
    return {"type": "heartbeat", "cursor": cursor}


def error(code: str) -> dict[str, Any]:
    return {"type": "error", "id": 1, "code": code, "message": "so it is"}


class Script:
    """A server that says its lines, a list for each connection, and notes what it was asked."""

    def __init__(self, *connections: list[dict[str, Any]]) -> None:
        self.asked: list[dict[str, Any]] = []
        self.came_at_s: list[float] = []
        self._connections = connections
        self._server = serve(self._talk, "127.0.0.1", 0, subprotocols=["sharpline.v1"])  # type: ignore[list-item]
        self.address = f"ws://127.0.0.1:{self._server.socket.getsockname()[1]}/v1/stream"

    def _talk(self, socket: ServerConnection) -> None:
        self.came_at_s.append(time.monotonic())
        self.asked.append(json.loads(socket.recv()))
        number = len(self.asked) - 1
        for said in self._connections[number]:
            socket.send(json.dumps(said))
        if number == len(self._connections) - 1:
            socket.recv()  # it stays until they leave

    def __enter__(self) -> "Script":
        self._thread = threading.Thread(target=self._server.serve_forever)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()


GAP = {"type": "status", "status": "gap", "text": "", "id": 1}
SCRIPTS = {
    "a snapshot that was cut off begins anew": (
        [[stands(A, 0)], [stands(A, 0), stands(B, 1), subscribed("x")]],
        ["", ""],
        [(A, 0), (B, 1)],
    ),
    "what went while a snapshot was cut off is gone": (
        [[stands(A, 0), stands(B, 1)], [stands(B, 1), subscribed("x")]],
        ["", ""],
        [(A, 0), (B, 1), (A, None)],
    ),
    "of nothing that stands everything is gone": (
        [[stands(A, 0)], [subscribed("x")]],
        ["", ""],
        [(A, 0), (A, None)],
    ),
    "the newest cursor counts, an empty one for none": (
        [[subscribed("a"), comes(A, 0, "b"), comes(A, 1, ""), heartbeat("")], [subscribed("c")]],
        ["", "b"],
        [(A, 0), (A, 1)],
    ),
    "what came after the cursor and is told again is left out": (
        [
            [subscribed("a"), comes(A, 0, ""), comes(A, 1, "", None)],
            [comes(A, 0, "b", id=1), comes(A, 1, "c", None, id=1), comes(A, 2, "d", id=1), subscribed("d")],
        ],
        ["", "a"],
        [(A, 0), (A, None), (A, 2)],
    ),
    "heartbeats count from the subscription on": (
        [[heartbeat("early")], [subscribed("a"), heartbeat("b")], [heartbeat("early")], [subscribed("c")]],
        ["", "", "b", "b"],
        [],
    ),
    "a cursor of what was missed counts at once": (
        [[subscribed("a")], [comes(A, 0, "b", id=1)], [comes(A, 1, "c", id=1), subscribed("c")]],
        ["", "a", "b"],
        [(A, 0), (A, 1)],
    ),
    "after a gap nothing that stood is said again, and what is gone is": (
        [
            [stands(A, 5), stands(B, 6), subscribed("a"), comes(A, 7, "b")],
            [GAP, stands(A, 7), subscribed("c"), comes(B, 9, "d")],
        ],
        ["", "b"],
        [(A, 5), (B, 6), (A, 7), (B, None), (B, 9)],
    ),
    "what was gone before a gap is not gone again": (
        [[subscribed("a"), comes(A, 1, "b", None)], [GAP, subscribed("c")]],
        ["", "b"],
        [(A, None)],
    ),
    "reading that failed goes on from the cursor": (
        [[subscribed("a")], [comes(A, 0, "b", id=1), error("failed")], [subscribed("c")]],
        ["", "a", "b"],
        [(A, 0)],
    ),
    "a cursor that is none is given up": (
        [[subscribed("a")], [error("invalid_cursor")], [stands(A, 0), subscribed("c")]],
        ["", "a", ""],
        [(A, 0)],
    ),
    "a token that is about to end is nobody's fault": (
        [[{"type": "error", "code": "token_expires", "message": ""}, subscribed("a"), comes(A, 0, "b")]],
        [""],
        [(A, 0)],
    ),
}


@both
@pytest.mark.parametrize("name", SCRIPTS)
def test_a_client_keeps_to_the_protocol(name: str, language: str, tmp_path: Path) -> None:
    connections, resumes, wanted = SCRIPTS[name]
    last = comes("nfl:2025-09-14:the-end", 99, "")
    with Script(*connections[:-1], [*connections[-1], last]) as script:
        with following(language, tmp_path, script.address) as follower:
            follower.until(lambda it: it.records and it.records[-1][1] == last["key"])

    assert [asked.get("resume", "") for asked in script.asked] == resumes
    told = [(key, said["offset"] if is_there else None) for _, key, is_there, said in follower.records]
    assert told[:-1] == wanted


@both
def test_a_client_comes_back_when_it_was_told_to(language: str, tmp_path: Path) -> None:
    draining = {"type": "status", "status": "draining", "text": "", "retry_after_ms": 1_500}
    with Script([subscribed("a"), draining], [subscribed("b"), comes(A, 0, "")]) as script:
        with following(language, tmp_path, script.address) as follower:
            follower.until(lambda it: it.records)

    first_s, second_s = script.came_at_s
    assert second_s - first_s >= 1.5


@both
def test_a_client_waits_longer_each_time(language: str, tmp_path: Path) -> None:
    with Script(*[[]] * 4, [subscribed("b"), comes(A, 0, "")]) as script:
        with following(language, tmp_path, script.address) as follower:
            follower.until(lambda it: it.records)

    waits_s = [later - sooner for sooner, later in zip(script.came_at_s, script.came_at_s[1:], strict=False)]
    for number, wait_s in enumerate(waits_s):
        assert wait_s >= 0.125 * 2**number


def test_who_is_turned_away_for_a_while_waits_as_long_as_the_answer_says(tmp_path: Path) -> None:
    came_at_s = []

    def full(socket: ServerConnection, request: Request) -> Response | None:
        came_at_s.append(time.monotonic())
        return Response(503, "Full", Headers({"Retry-After": "1"}), b"") if len(came_at_s) == 1 else None

    def talk(socket: ServerConnection) -> None:
        socket.recv()
        socket.send(json.dumps(comes(A, 0, "")))

    with serve(talk, "127.0.0.1", 0, process_request=full) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        address = f"ws://127.0.0.1:{server.socket.getsockname()[1]}/v1/stream"
        with following(PYTHON, tmp_path, address) as follower:
            follower.until(lambda it: it.records)

    assert came_at_s[1] - came_at_s[0] >= 1.0


# Against a gateway that tests publish to.


@both
def test_the_examples_run_as_they_stand(language: str, gateway: Running, tmp_path: Path) -> None:
    key = "sim-nba:2026-11-21:pin-umb"
    gateway.publish(message(VALUE, 3, example(VALUE, event_id=key)))
    command = installed(language, tmp_path)
    if language == PYTHON:
        command += [str(tmp_path / "client.py"), gateway.ws, VALUE]
    else:
        (source,) = re.findall(r"```js\n(.*?)```", TEXT, re.DOTALL)
        (tmp_path / "example.js").write_text(source.replace("ws://127.0.0.1:8642/v1/stream", gateway.ws))
        command += [str(tmp_path / "example.js")]
    place = gateway.do(lambda: gateway.hub.answers[VALUE][key][key].message)
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as running:
        assert running.stdout is not None
        lines = (line.rstrip() for line in running.stdout)
        wanted = f"{VALUE} {key} " + (f"{place.partition}/3" if language == PYTHON else "7")
        assert wanted in lines
        running.kill()


@both
def test_what_cannot_be_had_ends_it_with_the_reason(language: str, gateway: Running, tmp_path: Path) -> None:
    with following(language, tmp_path, gateway.ws, [{"topic": "bets"}]) as follower:
        if language == PYTHON:
            assert follower.until_told(type="refused")["text"].startswith("unknown_topic: ")
        else:
            follower.until_told(type="error", code="unknown_topic")
            follower.process.stdin.close()  # type: ignore[union-attr]
        assert follower.process.wait(WITHIN_S) == 0


@both
def test_whose_token_ends_comes_back_with_a_new_one_or_says_why_not(language: str, tmp_path: Path) -> None:
    with serving(Settings(token_secret=SECRET, requests_per_minute=1_000)) as running:
        running.publish(message(VALUE, 0))
        tokens = [minted(lasts_s=-27), minted()]  # half a minute of grace
        with following(language, tmp_path, running.ws, [{"topic": VALUE}], tokens=tokens) as follower:
            follower.until(lambda it: it.records)
            if language == PYTHON:
                assert "token_expired" in follower.until_told(type="refused")["text"]
                return
            follower.until_told(type="closed", code=4001)
            follower.until(lambda it: sum(said["type"] == "subscribed" for said in it.others) == 2)
            running.publish(message(VALUE, 1, example(VALUE, revision=8)))
            follower.until(lambda it: len(it.records) == 2)

    assert [said["offset"] for *_, said in follower.records] == [0, 1]


def test_a_page_whose_token_is_not_believed_tries_again(tmp_path: Path) -> None:
    with serving(Settings(token_secret=SECRET, requests_per_minute=1_000)) as running:
        running.publish(message(VALUE, 0))
        tokens = ["forged", minted()]
        with following(JAVASCRIPT, tmp_path, running.ws, [{"topic": VALUE}], tokens=tokens) as follower:
            follower.until(lambda it: it.records)

    assert next(said["type"] for said in follower.others) == "closed"


def test_of_each_key_a_page_hears_at_most_one_update_in_so_long(gateway: Running, tmp_path: Path) -> None:
    with following(JAVASCRIPT, tmp_path, gateway.ws, [{"topic": STATES}], conflateMs=500) as follower:
        follower.until_told(type="subscribed")
        for offset in range(5):
            gateway.publish(message(STATES, offset, example(STATES, revision=offset + 1)))
        follower.until(lambda it: it.records and it.records[-1][3]["offset"] == 4)

    assert follower.records[-1][3]["conflated"] is True
    assert len(follower.records) < 5


# Against gateway processes on a broker.


@pytest.fixture(scope="module")
def cluster() -> Iterator[Broker]:
    """A broker of this module's own, with all topics."""
    with own_broker(short_lived=True) as broker:
        create_topics(broker.bootstrap, Settings(), [])
        yield broker


def at_ms(revision: int) -> int:
    return AT_MS + revision * 1_000


def say(append: Appender, revision: int, is_gone: bool = False) -> None:
    """Append an answer of each topic, in turn about each event."""
    event = EVENTS[revision % len(EVENTS)]
    for topic in (VALUE, STATES):
        if is_gone and topic == VALUE:
            append.producer.produce(topic, key=event.encode(), value=None)
        else:
            fields = {"event_id": event, "revision": revision, "received_at_ms": at_ms(revision)}
            append.later(topic, example(topic, **fields))
    assert append.producer.flush(WITHIN_S) == 0


@contextmanager
def appending(append: Appender, start: int) -> Iterator[None]:
    """Answers go on being appended, tombstones among them."""
    ended = threading.Event()

    def work() -> None:
        revision = start
        while not ended.wait(0.01):
            say(append, revision, is_gone=revision % 7 == 0)
            revision += 1

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def last(kafka: str) -> dict[tuple[str, int], int]:
    """The ends of the two topics; partitions that were made just now may have no leader yet."""
    consumer = Consumer({"bootstrap.servers": kafka, "group.id": "none"})
    found: dict[tuple[str, int], int] = {}
    give_up_at = time.monotonic() + WITHIN_S
    for topic in (VALUE, STATES):
        for partition in range(4):
            while (topic, partition) not in found:
                try:
                    place = TopicPartition(topic, partition)
                    found[topic, partition] = consumer.get_watermark_offsets(place, timeout=WITHIN_S)[1]
                except KafkaException:
                    assert time.monotonic() < give_up_at
                    time.sleep(0.1)
    consumer.close()
    return found


@pytest.mark.kafka
def test_over_kills_each_hears_what_the_topics_hold_once_and_in_order(
    cluster: Broker, tmp_path: Path
) -> None:
    rng = random.Random(SEED)
    kafka, append = cluster.bootstrap, Appender(cluster.bootstrap)
    for revision in range(1, 4):
        say(append, revision)
    begin = last(kafka)
    (port,) = kraft.free_ports(1)
    with ExitStack() as stack:
        running = stack.enter_context(gateway(kafka, port, "kills-0"))
        followers = [
            stack.enter_context(following(language, tmp_path, running.ws))
            for language in (PYTHON, JAVASCRIPT)
        ]
        for follower in followers:
            follower.until(lambda it: len(it.records) == 6)
        with appending(append, 10):
            for kill in range(1, 5):
                for follower in followers:
                    heard = len(follower.records)
                    follower.until(lambda it, heard=heard: len(it.records) > heard)
                time.sleep(rng.uniform(0.0, 0.5))
                running.process.kill()
                running.process.wait(WITHIN_S)
                time.sleep(rng.uniform(0.0, 1.0))
                running = stack.enter_context(gateway(kafka, port, f"kills-{kill}"))
        end = last(kafka)
        wanted = {place: list(range(begin[place], end[place])) for place in end if end[place] > begin[place]}
        for follower in followers:
            follower.until(
                lambda it: (
                    {place: told[-1] + 1 for place, told in it.places().items()}
                    == {place: end[place] for place in wanted}
                )
            )
    for follower in followers:
        assert follower.places() == wanted
        assert [said["type"] for *_, said in follower.records[:6]] == ["snapshot"] * 6
        assert [is_there for *_, is_there, said in follower.records if said["type"] == "update"].count(False)
    assert sum(said["type"] == "closed" for said in followers[1].others) >= 4
    assert all(said["recovered"] for said in followers[1].others if said["type"] == "subscribed")


@pytest.mark.kafka
def test_sent_away_each_comes_back_after_its_wait_and_has_missed_nothing(
    cluster: Broker, tmp_path: Path
) -> None:
    kafka, append = cluster.bootstrap, Appender(cluster.bootstrap)
    for revision in range(1_000, 1_003):
        say(append, revision)
    (port,) = kraft.free_ports(1)
    with ExitStack() as stack:
        running = stack.enter_context(gateway(kafka, port, "drains"))
        followers = [
            stack.enter_context(following(language, tmp_path, running.ws))
            for language in (PYTHON, JAVASCRIPT)
        ]
        for follower in followers:
            follower.until(lambda it: len(it.records) == 6)
        running.process.send_signal(signal.SIGTERM)
        assert running.process.wait(WITHIN_S) == 0
        say(append, 1_003)
        stack.enter_context(gateway(kafka, port, "drains"))
        for follower in followers:
            follower.until(lambda it: len(it.records) == 8)

    told = next(said for said in followers[1].others if said.get("status") == "draining")
    closed = next(said for said in followers[1].others if said["type"] == "closed")
    assert (closed["code"], closed["wait_ms"]) == (1013, told["retry_after_ms"])


@pytest.mark.kafka
def test_after_topics_were_made_anew_each_knows_what_stands_and_what_is_gone(tmp_path: Path) -> None:
    (port,) = kraft.free_ports(1)
    with own_broker(short_lived=True) as broker, ExitStack() as stack:
        kafka = broker.bootstrap
        create_topics(kafka, Settings(), [])
        append = Appender(kafka)
        for revision in range(9):
            append(VALUE, example(VALUE, event_id=EVENTS[revision % 3], revision=revision))
        with gateway(kafka, port, "before") as running:
            followers = [
                stack.enter_context(following(language, tmp_path, running.ws, [{"topic": VALUE}]))
                for language in (PYTHON, JAVASCRIPT)
            ]
            for follower in followers:
                follower.until(lambda it: len(it.records) == 3)
            append(VALUE, example(VALUE, event_id=EVENTS[0], revision=9))
            for follower in followers:
                follower.until(lambda it: len(it.records) == 4)
            running.process.kill()
        _made_anew(kafka)
        append(VALUE, example(VALUE, event_id=EVENTS[1], revision=1))
        with gateway(kafka, port, "after"):
            for follower in followers:
                follower.until(lambda it: len(it.records) == 7)
            append(VALUE, example(VALUE, event_id=EVENTS[0], revision=2))
            for follower in followers:
                follower.until(lambda it: len(it.records) == 8)

    for follower in followers:
        later = [(key, is_there, said["type"]) for _, key, is_there, said in follower.records[4:]]
        assert later[0] == (EVENTS[1], True, "snapshot")
        assert {(key, is_there) for key, is_there, _ in later[1:3]} == {
            (EVENTS[0], False),
            (EVENTS[2], False),
        }
        assert later[3] == (EVENTS[0], True, "update")


def _made_anew(kafka: str) -> None:
    admin = AdminClient({"bootstrap.servers": kafka})
    for future in admin.delete_topics(list(ANSWERS)).values():
        future.result(WITHIN_S)
    give_up_at = time.monotonic() + WITHIN_S
    while set(ANSWERS) & set(admin.list_topics(timeout=WITHIN_S).topics):
        assert time.monotonic() < give_up_at
        time.sleep(0.05)
    create_topics(kafka, Settings(), [])


@pytest.mark.kafka
def test_a_page_that_plays_the_past_goes_on_where_it_was_cut_off(cluster: Broker, tmp_path: Path) -> None:
    kafka, append = cluster.bootstrap, Appender(cluster.bootstrap)
    begin = 99_999
    for revision in (begin - 100, begin):  # so that the first tick there is was before
        append(TICKS, example(TICKS, received_at_ms=at_ms(revision)), partition=0)
    for revision in range(begin, begin + 30):
        say(append, revision)
    channels = [{"topic": VALUE, "event": EVENT}]
    wanted = [revision for revision in range(begin, begin + 30) if EVENTS[revision % 3] == EVENT]
    (port,) = kraft.free_ports(1)
    options = {"from": at_ms(begin), "speed": "step", "live": True}
    with ExitStack() as stack:
        running = stack.enter_context(gateway(kafka, port, "player"))
        player = stack.enter_context(following(JAVASCRIPT, tmp_path, running.ws, channels, **options))
        player.until_told(type="playback")
        player.do("step", 4)
        player.until(lambda it: revisions(it)[-1:] == wanted[3:4])
        running.process.kill()
        player.until_told(type="closed")
        stack.enter_context(gateway(kafka, port, "player"))
        player.until(lambda it: sum(said["type"] == "playback" for said in it.others) == 2)
        player.do("step", 1)
        player.until(lambda it: revisions(it)[-1:] == wanted[4:5])
        player.do("pace", None)
        player.until_told(type="subscribed")
        say(append, begin + 30)
        player.until(lambda it: revisions(it)[-1:] == [begin + 30])

    assert revisions(player) == [*wanted, begin + 30]


def revisions(follower: Follower) -> list[int]:
    return [
        said["record"]["revision"]
        for _, key, is_there, said in list(follower.records)
        if is_there and key == EVENT and said["type"] == "update"
    ]

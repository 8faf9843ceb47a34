"""The conversation over a real socket, with a client that is not ours."""

import json
import logging
import socket
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from gateway.protocol import MAXIMUM_BYTES, MAXIMUM_SUBSCRIPTIONS, understood
from pipeline.errors import BadRequest
from tests.gateway.running import Running, ask, heard, message, subscribed
from tests.make_records import AT_MS, EVENT, example

ARBITRAGE = "bets.arbitrage"


def test_snapshot_then_updates(gateway: Running) -> None:
    gateway.publish(message(ARBITRAGE, 0))
    with connect(gateway.ws, subprotocols=["sharpline.v1"]) as socket:
        assert socket.subprotocol == "sharpline.v1"
        assert heard(socket, "status")["status"] == "live"
        (snapshot,) = subscribed(socket, {"topic": ARBITRAGE}, id="mine")
        gateway.publish(message(ARBITRAGE, 1, example(ARBITRAGE, revision=8)))
        update = heard(socket, "update")

    assert (snapshot["id"], snapshot["channel"], snapshot["event"], snapshot["offset"]) == (
        "mine",
        ARBITRAGE,
        EVENT,
        0,
    )
    assert snapshot["record"]["arbitrages"][0]["legs"][0]["price"] == 2.1
    assert (update["channel"], update["event"], update["offset"]) == (ARBITRAGE, EVENT, 1)
    assert (update["record"]["revision"], update["redo"], update["conflated"]) == (8, False, False)
    assert update["appended_at_ms"] <= update["sent_at_ms"]


def test_lays_lives_gates_and_steam_are_on_the_socket(gateway: Running) -> None:
    gateway.publish(message(ARBITRAGE), message("bets.value"), message("odds.moves"), message("odds.fair"))
    with connect(gateway.ws) as socket:
        topics = (ARBITRAGE, "bets.value", "odds.moves", "odds.fair")
        assert heard(socket, "status")["status"] == "live"
        found = {topic: subscribed(socket, {"topic": topic}, id=topic)[0]["record"] for topic in topics}

    (one,), (life,) = found[ARBITRAGE]["arbitrages"], found[ARBITRAGE]["lives"]
    assert (one["kind"], one["clean"], one["rules"][0]["rule"]) == ("middle", False, "overtime")
    assert (one["legs"][0]["side"], one["legs"][0]["line"], one["legs"][0]["at_risk_minor"]) == (
        "lay",
        -3.5,
        55_000,
    )
    assert (life["phantom"], life["legs"][0]["verdict"], life["legs"][0]["after_s"]) == (True, "worse", 5.0)
    assert (found[ARBITRAGE]["judged"], found[ARBITRAGE]["phantoms"]) == (3, 1)
    (bet,), (gated,) = found["bets.value"]["bets"], found["bets.value"]["gated"]
    assert (bet["worst_expected_value"], bet["confidence"], gated["reasons"]) == (0.03, 0.9, ["too_good"])
    (steam,) = found["odds.moves"]["steam"]
    assert (steam["first_desk"], steam["desks"][0]["waited_s"]) == ("pinnacle", 5.0)
    (market,) = found["odds.fair"]["markets"]
    assert (market["spreads"], market["standard_errors"]) == ([0.01, 0.01], [0.02, 0.02])


def test_no_subprotocol_is_needed(gateway: Running) -> None:
    with connect(gateway.ws) as socket:
        assert socket.subprotocol is None
        assert heard(socket, "status")["now_ms"] == AT_MS


def test_every_message_has_its_documented_fields_and_no_other(gateway: Running) -> None:
    gateway.publish(message(ARBITRAGE, 0))
    place = {
        "channel",
        "event",
        "key",
        "partition",
        "offset",
        "origin",
        "source_at_ms",
        "received_at_ms",
        "appended_at_ms",
        "sent_at_ms",
        "record",
    }
    with connect(gateway.ws) as socket:
        status = {"type", "status", "text", "now_ms", "sent_at_ms", "sources_down"}
        assert set(heard(socket, "status")) == status
        (snapshot,) = subscribed(socket, {"topic": ARBITRAGE})
        assert set(snapshot) == {"type", "id"} | place
        gateway.publish(message(ARBITRAGE, 1))
        assert set(heard(socket, "update")) == {"type", "cursor", "redo", "conflated"} | place
        ask(socket, op="ping", id=7)
        assert set(heard(socket, "pong")) == {"type", "sent_at_ms", "id"}
        ask(socket, op="unsubscribe", id=1)
        assert set(heard(socket, "unsubscribed")) == {"type", "id", "sent_at_ms"}


def test_clients_are_told_when_the_broker_has_gone_and_when_it_is_back(gateway: Running) -> None:
    with connect(gateway.ws) as socket:
        assert heard(socket, "status")["status"] == "live"
        gateway.do(lambda: setattr(gateway.hub, "broker_away", "connection refused"))
        said = heard(socket, "status")
        assert (said["status"], "connection refused" in said["text"]) == ("broker_away", True)
        gateway.do(lambda: setattr(gateway.hub, "broker_away", ""))
        assert heard(socket, "status")["status"] == "live"


CHANNEL = {"topic": ARBITRAGE}
MALFORMED = {
    "": "malformed",
    "{": "malformed",
    "hello": "malformed",
    '{"op": "ping"} {}': "malformed",
    "[" * 60_000: "invalid",
    "[]": "invalid",
    "null": "invalid",
    "{}": "unknown_op",
    '{"op": "shout"}': "unknown_op",
    '{"op": 1}': "unknown_op",
    '{"op": "subscribe"}': "invalid",
    '{"op": "subscribe", "id": 1, "channels": []}': "invalid",
    '{"op": "subscribe", "id": "", "channels": [{"topic": "bets.value"}]}': "invalid",
    '{"op": "subscribe", "id": 1.5, "channels": [{"topic": "bets.value"}]}': "invalid",
    '{"op": "subscribe", "id": 1, "channels": ["bets.value"]}': "invalid",
    '{"op": "subscribe", "id": 1, "channels": [{"topic": "bets.value", "form": "x"}]}': "invalid",
    '{"op": "subscribe", "id": 1, "channels": [{"topic": "bets"}]}': "unknown_topic",
    '{"op": "subscribe", "id": 1, "channels": [{"topic": "odds.snapshots"}]}': "unknown_topic",
    '{"op": "subscribe", "id": 1, "channels": [{"topic": "bets.value", "sport": "chess"}]}': "unknown_sport",
    '{"op": "subscribe", "id": 1, "channels": [{"topic": "bets.value", "league": "xfl"}]}': "unknown_league",
    '{"op": "subscribe", "id": 1, "channels": [{"topic": "bets.value", "event": "kc"}]}': "unknown_event",
    '{"op": "subscribe", "id": 1, "channels": [{"topic": "games.states", "book": "x"}]}': "unknown_filter",
    '{"op": "subscribe", "id": 1, "channels": [{"topic": "bets.value", "min_roi": 0.1}]}': "unknown_filter",
    '{"op": "subscribe", "id": 1, "channels": [{"topic": "bets.value"}], "resume": "xx"}': "invalid_cursor",
    '{"op": "subscribe", "id": 1, "channels": [{"topic": "bets.value"}], "resume": "%"}': "invalid_cursor",
    '{"op": "subscribe", "id": 1, "channels": [{"topic": "bets.value"}], "from": -1}': "invalid_time",
    '{"op": "subscribe", "id": 1, "channels": [{"topic": "bets.value"}], "from": 9e99}': "invalid",
    '{"op": "subscribe", "id": 1, "channels": [{"topic": "bets.value"}], "from": "now"}': "invalid",
    '{"op": "subscribe", "id": 1, "channels": [{"topic": "bets.value"}], "from": 1, "speed": 0}': "invalid",
    '{"op": "subscribe", "id": 1, "channels": [{"topic": "bets.value"}], "speed": 2}': "invalid",
    '{"op": "subscribe", "id": 1, "channels": [{"topic": "bets.value"}], "conflate_ms": -1}': "invalid",
    '{"op": "step", "id": 9}': "unknown_id",
    '{"op": "pace", "id": 9, "speed": 3}': "unknown_id",
    '{"op": "unsubscribe", "id": 9}': "unknown_id",
}


def test_what_cannot_be_done_is_answered_and_the_conversation_goes_on(gateway: Running) -> None:
    with connect(gateway.ws) as socket:
        heard(socket, "status")
        for text, code in MALFORMED.items():
            socket.send(text)
            assert heard(socket, "error")["code"] == code, text[:100]
        subscribed(socket, CHANNEL)
        ask(socket, op="subscribe", id=1, channels=[CHANNEL])
        said = heard(socket, "error")
        assert (said["code"], said["id"]) == ("id_in_use", 1)
        gateway.publish(message(ARBITRAGE, 0))
        heard(socket, "update")


def test_an_error_names_the_request_that_it_is_about(gateway: Running) -> None:
    with connect(gateway.ws) as socket:
        heard(socket, "status")
        for id in (3, "three"):
            ask(socket, op="subscribe", id=id, channels=[{"topic": "bets"}])
            assert heard(socket, "error")["id"] == id
        ask(socket, op="shout", id="four")
        assert heard(socket, "error")["id"] == "four"
        ask(socket, op="shout")
        assert "id" not in heard(socket, "error")


def test_subscriptions_have_an_end(gateway: Running) -> None:
    with connect(gateway.ws) as socket:
        heard(socket, "status")
        for id in range(MAXIMUM_SUBSCRIPTIONS):
            subscribed(socket, CHANNEL, id=id)
        ask(socket, op="subscribe", id="more", channels=[CHANNEL])
        assert heard(socket, "error")["code"] == "too_many"


@pytest.mark.parametrize(
    ("said", "code"),
    [
        pytest.param(b"\x00\x01", 1003, id="binary"),
        pytest.param("x" * (MAXIMUM_BYTES + 1), 1009, id="too big"),
        pytest.param("x" * 1_000_000, 1009, id="a megabyte"),
    ],
)
def test_what_is_no_conversation_is_closed_and_costs_nobody_else(
    gateway: Running, said: str | bytes, code: int
) -> None:
    with connect(gateway.ws) as other, connect(gateway.ws) as socket:
        heard(other, "status")
        subscribed(other, CHANNEL)
        heard(socket, "status")
        with suppress(ConnectionClosed):
            socket.send(said)
        with pytest.raises(ConnectionClosed) as closed:
            heard(socket, "nothing more")
        gateway.publish(message(ARBITRAGE, 0))

        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == code
        assert heard(other, "update")["offset"] == 0


def test_records_of_every_size_of_frame_arrive_whole(gateway: Running) -> None:
    """Frames say their length in 7 bits, 16 bits or 64 bits."""
    whole = example(ARBITRAGE).arbitrages[0]
    with connect(gateway.ws, max_size=None) as socket:
        heard(socket, "status")
        subscribed(socket, CHANNEL)
        for offset, count in enumerate((0, 1, 40, 400)):
            gateway.publish(
                message(
                    ARBITRAGE, offset, example(ARBITRAGE, arbitrages=(whole,) * count, revision=offset + 1)
                )
            )
            assert len(heard(socket, "update")["record"]["arbitrages"]) == count
        ask(socket, op="ping")
        heard(socket, "pong")


def test_a_client_that_reads_nothing_costs_the_others_nothing_and_ends_with_the_newest(
    gateway: Running,
) -> None:
    topic = "odds.fair"
    big = message(topic, 0, example(topic, markets=example(topic).markets * 400))
    count = 300
    narrow = socket.socket()
    narrow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    narrow.connect(("127.0.0.1", gateway.port))
    with (
        connect(gateway.ws, max_size=None) as quick,
        connect(gateway.ws, sock=narrow, max_size=None, max_queue=1) as slow,
    ):
        for client in (quick, slow):
            heard(client, "status")
            subscribed(client, {"topic": topic})
        for offset in range(count):
            gateway.publish(big._replace(offset=offset))
            said = heard(quick, "update")
            assert (said["offset"], said["conflated"]) == (offset, False)
        offsets, conflated = [-1], 0
        while offsets[-1] < count - 1:
            said = heard(slow, "update")
            offsets.append(said["offset"])
            conflated += said["conflated"]

    assert offsets == sorted(set(offsets))
    assert len(offsets) < count
    assert conflated == 1


def test_a_client_that_vanishes_is_forgotten(gateway: Running) -> None:
    raw = socket.create_connection(("127.0.0.1", gateway.port))
    with connect(gateway.ws, sock=raw) as vanishing, connect(gateway.ws) as other:
        heard(vanishing, "status")
        subscribed(vanishing, CHANNEL)
        raw.shutdown(socket.SHUT_RDWR)
        heard(other, "status")
        while gateway.do(lambda: len(gateway.hub.clients)) > 1:
            ask(other, op="ping")
            heard(other, "pong")
        gateway.publish(message(ARBITRAGE, 0))
        subscribed(other, CHANNEL)


def test_the_log_tells_of_sockets_by_number_and_of_what_was_refused(
    gateway: Running, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, "sharpline.gateway"):
        with connect(f"{gateway.ws}?token=hush") as socket:
            heard(socket, "status")
            subscribed(socket, CHANNEL)
            ask(socket, op="subscribe", id="hush", channels=[{"topic": "hush"}])
            heard(socket, "error")
        with connect(gateway.ws) as other:
            while gateway.do(lambda: len(gateway.hub.clients)) > 1:
                ask(other, op="ping")
                heard(other, "status")
                heard(other, "pong")
    lines = [(record.message, record.__dict__["fields"]) for record in caplog.records]
    number = lines[0][1]["socket"]

    assert [said for said in lines if said[1]["socket"] == number] == [
        ("socket opened", {"socket": number, "sockets": 1}),
        ("refused a request", {"socket": number, "code": "unknown_topic"}),
        ("socket closed", {"socket": number, "sockets": lines[-1][1]["sockets"]}),
    ]
    assert "hush" not in str(lines)
    assert "127.0.0.1" not in str(lines)


@given(st.text(max_size=200) | st.binary(max_size=200).map(lambda raw: raw.decode("latin-1")))
def test_any_text_is_understood_or_a_bad_request(text: str) -> None:
    with suppress(BadRequest):
        understood(text)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(["op", "id", "channels", "topic"]), inner)
    ),
    max_leaves=10,
)


@given(
    op=st.sampled_from(["subscribe", "unsubscribe", "ping", "x"]),
    rest=st.dictionaries(st.sampled_from(["id", "channels", "resume"]), JSON),
)
def test_any_request_is_understood_or_a_bad_request(op: str, rest: dict[str, Any]) -> None:
    with suppress(BadRequest):
        understood(json.dumps({"op": op, **rest}))

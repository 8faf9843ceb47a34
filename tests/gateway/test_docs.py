"""The client of docs/stream.md does what it says."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest
from msgspec import Struct
from msgspec.structs import replace

from gateway import protocol
from pipeline.records import Arbitrage, FairMarket, GatedBet, Life, Move, Steam, ValueBet
from pipeline.topics import ANSWERS
from tests.conftest import ROOT
from tests.gateway.running import Running, message
from tests.make_records import example

TEXT = (ROOT / "docs" / "stream.md").read_text()


def test_the_example_prints_what_stands_and_what_comes(gateway: Running, tmp_path: Path) -> None:
    (source,) = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)
    file = tmp_path / "client.py"
    file.write_text(source)
    (suspect,) = example("bets.arbitrage").arbitrages
    sound = [replace(suspect, suspect=(), kind=kind) for kind in ("middle", "arbitrage", "low_hold")]
    listed = (*sound, replace(suspect, kind="arbitrage"))
    gateway.publish(message("bets.arbitrage", 0, example("bets.arbitrage", arbitrages=listed)))
    with subprocess.Popen(
        [sys.executable, file, gateway.ws], stdout=subprocess.PIPE, text=True, env=os.environ
    ) as client:
        assert client.stdout is not None
        wanted = "nfl:2025-09-14:kc-phi h2h 5.00% lay bovada at 2.1 + lay pinnacle at 2.1\n"
        assert client.stdout.readline() == wanted
        record = example("bets.arbitrage", event_id="nfl:2025-09-14:sf-sea", arbitrages=listed)
        gateway.publish(message("bets.arbitrage", 1, record))
        assert client.stdout.readline() == wanted.replace("kc-phi", "sf-sea")
        client.terminate()


@pytest.mark.parametrize(
    "kind",
    [
        protocol.Snapshot,
        protocol.Update,
        protocol.Subscribed,
        protocol.Ended,
        protocol.Playback,
        protocol.Unsubscribed,
        protocol.Pong,
        protocol.Heartbeat,
        protocol.Status,
        protocol.Error,
    ],
)
def test_every_message_and_field_is_documented(kind: type) -> None:
    (row,) = re.findall(rf"^\| `{kind.__struct_config__.tag}` \|.*$", TEXT, re.MULTILINE)

    for field in kind.__struct_fields__:
        assert f"`{field}`" in row


@pytest.mark.parametrize(
    ("topic", "name", "kind"),
    [
        ("bets.arbitrage", "arbitrages", Arbitrage),
        ("bets.arbitrage", "lives", Life),
        ("bets.value", "bets", ValueBet),
        ("bets.value", "gated", GatedBet),
        ("odds.moves", "moves", Move),
        ("odds.moves", "steam", Steam),
        ("odds.fair", "markets", FairMarket),
    ],
)
def test_an_example_of_a_record_has_all_its_fields_and_no_other(
    topic: str, name: str, kind: type[Struct]
) -> None:
    _, found, after = TEXT.partition(f"\n`{topic}`, `{name}`: ")
    text = after.partition("```json\n")[2].partition("```")[0]

    assert found
    assert json.loads(msgspec.json.encode(msgspec.json.decode(text, type=kind))) == json.loads(text)


def test_every_topic_and_code_is_documented() -> None:
    files = ("protocol.py", "hub.py", "cursor.py", "playback.py", "stream.py")
    source = "".join((ROOT / "gateway" / name).read_text() for name in files)
    codes = set(re.findall(r'BadRequest\("(\w+)"', source)) | {"malformed", "invalid", "unknown_op"}

    assert {name for name in codes | set(ANSWERS) if f"`{name}`" not in TEXT} == set()

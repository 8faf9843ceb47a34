"""`sharpline up` beside a Postgres: what the folds answer is in it, and comes back over HTTP."""

import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
import pytest

from pipeline.local import kraft
from pipeline.topics import ANSWERS
from tests.postgres import asked, fresh_database, postgres

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(300)]
SHARPLINE = Path(sys.executable).with_name("sharpline")
WITHIN_S = 150
#: Those that a game in play has within its first minutes.
SOON = {"games.states", "games.probabilities", "odds.fair", "bets.value"}


def until(holds: Callable[[], Any], what: str, printed: Path) -> Any:
    give_up_at = time.monotonic() + WITHIN_S
    while not (found := holds()):
        assert time.monotonic() < give_up_at, f"{what}\n{printed.read_text()[-3_000:]}"
        time.sleep(0.2)
    return found


def test_what_the_pipeline_answers_is_kept_and_told(tmp_path: Path) -> None:
    printed = tmp_path / "printed"
    (port,) = kraft.free_ports(1)
    command = [SHARPLINE, "up", "--events", "6", "--speed", "20", "--seed", "1", "--port", str(port)]
    with postgres() as server, printed.open("wb") as out:
        url = fresh_database(server)
        process = subprocess.Popen(
            [*command, "--data", str(tmp_path / "data")],
            stdout=out,
            stderr=subprocess.STDOUT,
            env=os.environ | {"DATABASE_URL": url},
        )

        def kept() -> list[str]:
            """Events of which all that is to come soon is stored."""
            try:
                return [
                    event
                    for event, topics in asked(
                        url, "SELECT event, array_agg(topic) FROM answers GROUP BY event"
                    )
                    if set(topics) >= SOON
                ]
            except psycopg.errors.UndefinedTable:
                return []

        def told(event: str) -> Any:
            address = f"http://127.0.0.1:{port}/v1/events/{event}/history?order=oldest&limit=500"
            try:
                with urllib.request.urlopen(address, timeout=30) as answer:
                    return json.load(answer)
            except urllib.error.HTTPError as error:
                if error.code != 503:  # the database is busy, as others here are
                    raise
                return None

        try:
            event = until(kept, "nothing is kept", printed)[0]
            entries = until(lambda: told(event), "nothing is told", printed)["entries"]
            process.send_signal(signal.SIGINT)
            assert process.wait(WITHIN_S) == 0
        finally:
            process.kill()
            process.wait()
        assert {entry["topic"] for entry in entries} >= SOON
        assert {entry["record"]["event_id"] for entry in entries} == {event}
        assert {topic for (topic,) in asked(url, "SELECT DISTINCT topic FROM answers")} <= set(ANSWERS)

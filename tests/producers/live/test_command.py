import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from pipeline import cluster
from pipeline.records import SourceControl
from pipeline.replay.append import append
from pipeline.replay.current import current
from pipeline.replay.tail import from_kafka
from pipeline.settings import Settings
from producers.live.run import now_ms
from tests.conftest import ROOT
from tests.producers.faults import Service, served
from tests.producers.live.test_faults import SPOKEN, events

pytestmark = pytest.mark.kafka
SECRET = "0123456789abcdef"
GIVE_UP_S = 60.0
SOURCES = {"the-odds-api", "espn", "football-data-org"}
NFL = ["--sports", "nfl,world-cup"]


@pytest.fixture
def service() -> Iterator[Service]:
    service = Service()
    service.headers = {"x-requests-remaining": "400", "x-requests-used": "100", "x-requests-last": "3"}
    service.bodies["/the-odds-api/v4/sports"] = b'[{"key": "americanfootball_nfl"}]'
    for sport in ("americanfootball_nfl", "soccer_fifa_world_cup"):
        for kind in ("events", "scores", "odds"):
            service.bodies[f"/the-odds-api/v4/sports/{sport}/{kind}"] = b"[]"
    for kind in ("events", "scores"):
        service.bodies[f"/the-odds-api/v4/sports/americanfootball_nfl/{kind}"] = events()
    service.bodies["/espn/apis/site/v2/sports/soccer/fifa.world/scoreboard"] = b'{"events": []}'
    for to in SPOKEN:
        service.bodies[f"/{to.source.NAME}{to.path}"] = to.body(0)
    with served(service) as up:
        yield up


class Polling:
    """The command, running."""

    def __init__(self, service: Service, kafka: str, log: Path, *arguments: str) -> None:
        command = [
            sys.executable,
            "-m",
            "producers",
            "live",
            *NFL,
            "--kafka",
            kafka,
            "--base-url",
            service.url,
        ]
        env = {**os.environ, "THE_ODDS_API_KEY": SECRET, "FOOTBALL_DATA_ORG_KEY": SECRET}
        self.log = log
        with log.open("ab") as file:
            self.process = subprocess.Popen(
                [*command, *arguments], cwd=ROOT, env=env, stdout=file, stderr=file
            )

    def until(self, condition: Callable[[], Any], what: str) -> None:
        give_up_s = time.monotonic() + GIVE_UP_S
        while not condition():
            assert self.process.poll() is None, self.log.read_text()
            assert time.monotonic() < give_up_s, f"{what}\n{self.log.read_text()}"
            time.sleep(0.1)

    def stop(self) -> None:
        self.process.send_signal(signal.SIGTERM)
        assert self.process.wait(30) == 0, self.log.read_text()


def held(kafka: str, topic: str) -> list[Any]:
    return [message.record for message in from_kafka(kafka, topic, "earliest", follow=False)]


def told(kafka: str) -> set[str]:
    records = held(kafka, "odds.snapshots") + held(kafka, "games.events")
    return {record.source for record in records}


def test_all_sources_are_polled_stopped_and_taken_up_again(
    service: Service, fresh_kafka: str, tmp_path: Path
) -> None:
    cluster.create_topics(fresh_kafka, Settings(), ())
    polling = Polling(service, fresh_kafka, tmp_path / "log")
    try:
        polling.until(lambda: told(fresh_kafka) == SOURCES, "all are told of")
        polling.until(lambda: held(fresh_kafka, "clock.ticks"), "the clock ticks")
        polling.until(lambda: current(fresh_kafka, "sources.quota"), "credits are reserved")
        append(fresh_kafka, SourceControl(source="espn", received_at_ms=now_ms(), off=True, reason="a test"))
        polling.until(lambda: current(fresh_kafka, "sources.health")["espn"].state == "off", "it is off")
        polling.stop()
        games = {event.event_id for event in held(fresh_kafka, "sources.events")}

        asked = {name: sum(path.path.startswith(f"/{name}/") for path in service.asked) for name in SOURCES}
        polling = Polling(service, fresh_kafka, tmp_path / "log")
        odds = "/the-odds-api/v4/sports/americanfootball_nfl/odds"
        before = service.count(odds)
        polling.until(lambda: service.count(odds) > before, "prices of a game that has begun are asked for")
        polling.stop()
    finally:
        polling.process.kill()

    assert sum(path.path.startswith("/espn/") for path in service.asked) == asked["espn"]
    assert {event.event_id for event in held(fresh_kafka, "sources.events")} == games
    assert len(games) == 2
    topics = ("sources.payloads", "sources.health", "sources.quota", "odds.snapshots", "games.events")
    assert SECRET not in repr([held(fresh_kafka, topic) for topic in topics]) + polling.log.read_text()


def test_what_has_no_key_is_not_polled_and_it_says_where_to_get_one() -> None:
    command = [sys.executable, "-m", "producers", "live", "--check"]
    bare = {name: value for name, value in os.environ.items() if not name.endswith(("_KEY", "_KEY_FILE"))}

    said = subprocess.run(command, cwd=ROOT, env=bare, capture_output=True, text=True, timeout=60, check=True)

    assert said.stdout == "polled: espn\n"
    assert "get one at https://the-odds-api.com and set THE_ODDS_API_KEY" in said.stderr

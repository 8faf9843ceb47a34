"""The whole pipeline on live sources: prices of one service and the score of another meet in one game."""

import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from pipeline.local import kraft
from tests.producers import faults
from tests.producers.faults import Service, served
from tests.producers.sources import espn_payloads, payloads

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(420)]
SHARPLINE = Path(sys.executable).with_name("sharpline")
SECRET = "0123456789abcdef"
ODDS = "/the-odds-api/v4/sports/americanfootball_nfl/odds"
BOARD = "/espn/apis/site/v2/sports/football/nfl/scoreboard"
BOOKS = ("fanduel", "draftkings", "betmgm", "betrivers", "bovada", "lowvig", "betonlineag", "mybookieag")
WITHIN_S = 180.0
BEGAN_S = time.time() - 900.0


def iso(at_s: float) -> str:
    return datetime.fromtimestamp(at_s, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def odds() -> bytes:
    """Prices of eight books, quoted now."""
    quoted = {"last_update": iso(time.time())}
    books = []
    for number, name in enumerate(BOOKS):
        sides = (
            payloads.outcome("Kansas City Chiefs", 1.60 + number / 100),
            payloads.outcome("Philadelphia Eagles", 2.40 - number / 100),
        )
        books.append(payloads.book(name, payloads.market("h2h", *sides, **quoted), **quoted))
    return payloads.body(payloads.event(*books, commence_time=iso(BEGAN_S)))


def heads() -> bytes:
    event = payloads.event(commence_time=iso(BEGAN_S), completed=False, scores=None)
    return payloads.body({name: value for name, value in event.items() if name != "bookmakers"})


def board(score: int) -> bytes:
    sides = [
        espn_payloads.side("home", "Kansas City Chiefs", str(score)),
        espn_payloads.side("away", "Philadelphia Eagles", "0"),
    ]
    stands = espn_payloads.status(clock=600, period=1)
    return espn_payloads.board(espn_payloads.game(stands, date=iso(BEGAN_S), competitors=sides))


@pytest.fixture
def service() -> Iterator[Service]:
    service = Service()
    service.headers = {"x-requests-remaining": "9000000", "x-requests-used": "100", "x-requests-last": "3"}
    service.bodies["/the-odds-api/v4/sports"] = b'[{"key": "americanfootball_nfl"}]'
    for kind in ("events", "scores"):
        service.bodies[f"/the-odds-api/v4/sports/americanfootball_nfl/{kind}"] = heads()
    service.bodies[ODDS], service.bodies[BOARD] = odds(), board(0)
    with served(service) as up:
        yield up


class Up:
    """The command, running, and its gateway."""

    def __init__(self, service: Service, printed: Path, data: Path) -> None:
        (self.port,) = kraft.free_ports(1)
        self._printed = printed
        command = [SHARPLINE, "up", "--source", "live", "--sports", "nfl", "--base-url", service.url]
        env = {**os.environ, "THE_ODDS_API_KEY": SECRET, "SHARPLINE_CREDITS": "the-odds-api=9000100"}
        with printed.open("wb") as out:
            self.process = subprocess.Popen(
                [*command, "--port", str(self.port), "--data", str(data), "--verify"],
                env=env, stdout=out, stderr=subprocess.STDOUT,
            )  # fmt: skip

    def get(self, path: str) -> Any:
        """What the gateway says; None while it does not."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=10) as answer:
                return json.load(answer)
        except (urllib.error.URLError, ConnectionError):
            return None

    def until(self, what: str, holds: Any) -> None:
        give_up_s = time.monotonic() + WITHIN_S
        while not holds():
            assert self.process.poll() is None, self._printed.read_text()
            assert time.monotonic() < give_up_s, f"{what}\n{self._printed.read_text()}"
            time.sleep(0.2)


def test_sources_meet_in_one_game_and_one_that_fails_harms_no_other(service: Service, tmp_path: Path) -> None:
    up = Up(service, tmp_path / "printed", tmp_path / "data")
    try:

        def events() -> list[dict[str, Any]]:
            service.bodies[ODDS] = odds()
            return (up.get("/v1/events") or {"events": []})["events"]

        def is_whole() -> bool:
            (one, *more) = events() or [{}]
            assert not more
            fair = up.get(f"/v1/events/{one['event']}/odds") if one else None
            return bool(one and one["status"] == "live" and fair and fair["markets"])

        up.until("prices and score in one game", is_whole)
        (game,) = events()
        before = game["game"]
        service.script[ODDS].extend([faults.status(500)] * 1_000)
        service.bodies[BOARD] = board(7)
        up.until("a score is told though the other source fails", lambda: events()[0]["home_score"] == 7)
        assert events()[0]["game"][0] > before[0]

        up.process.send_signal(signal.SIGINT)
        assert up.process.wait(WITHIN_S) == 0, (tmp_path / "printed").read_text()
    finally:
        up.process.kill()
        up.process.wait()
    printed = (tmp_path / "printed").read_text()
    assert "the-odds-api" in printed
    assert "football-data-org" in printed
    logs = "".join(path.read_text(errors="replace") for path in (tmp_path / "data").rglob("*.log"))
    assert SECRET not in printed + logs

"""A service that never was, its source, and a log in memory: what a test of the loop needs and no more."""

import asyncio
import json
import random
import time
from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from pipeline.errors import PayloadChanged
from pipeline.records import Line, OddsSnapshot, Record, SnapshotKind, SourceControl, SourceEvent
from producers.live.call import Answer, Call, Config, Failure, Game, Parsed, Refuse
from producers.live.fetch import Fetcher, Secret, client
from producers.live.gate import SourceGate
from producers.live.intake import Intake
from producers.live.known import Known
from producers.live.loop import Loop, Polled
from producers.live.run import now_ms
from producers.publish import Log
from producers.resume import NOTHING, Held
from producers.tally import Tally
from tests.producers.faults import Service

#: Longer than any of these tests takes where a machine is slow.
GIVE_UP_S = 60.0


class Offer(msgspec.Struct):
    """An event of an answer."""

    event: str
    price: float
    at_ms: int = 0


class Made:
    """A source of prices: each league has a path of its own, each answer lists what is on offer there."""

    KEY = ""

    def __init__(
        self, name: str = "the-odds-api", leagues: Sequence[str] = ("nfl",), every_s: float = 0.05
    ) -> None:
        self.NAME, self.leagues, self.every_s = name, leagues, every_s

    def path(self, league: str = "nfl") -> str:
        return f"/{self.NAME}/{league}"

    def calls(self, config: Config, now_ms: int, games: Sequence[Game]) -> list[Call]:
        return [
            Call(
                self.NAME, f"odds {league}", config.base_url + self.path(league), league=league,
                every_s=self.every_s, kind="odds",
            )
            for league in self.leagues
        ]  # fmt: skip

    def parse(self, call: Call, body: bytes, received_at_ms: int, identities: Any, refuse: Refuse) -> Parsed:
        if body == b"null":
            raise KeyError("a bug")
        try:
            offers = msgspec.json.decode(body, type=list[Offer])
        except msgspec.DecodeError as error:
            raise PayloadChanged(self.NAME, str(error)) from error
        records, given = [], []
        for offer in offers:
            if offer.event not in identities:
                identities.add(offer.event)
                given.append(
                    SourceEvent(
                        source=self.NAME, source_id=offer.event, event_id=offer.event, home="", away="",
                        received_at_ms=received_at_ms, starts_at_ms=0,
                    )
                )  # fmt: skip
            line = Line(book="a-book", market="h2h", prices=(offer.price, 2.0), quoted_at_ms=offer.at_ms)
            records.append(
                OddsSnapshot(
                    event_id=offer.event, source=self.NAME, kind=SnapshotKind.FULL,
                    received_at_ms=received_at_ms, lines=(line,),
                )
            )  # fmt: skip
        return Parsed(records, given, frozenset(offer.event for offer in offers))


def offers(**prices: float) -> bytes:
    """An answer: the price of home of each event."""
    return json.dumps([{"event": event, "price": price} for event, price in prices.items()]).encode()


class Memory:
    """A log in memory."""

    partitions, safe_at_s = 4, 0.0

    def __init__(self) -> None:
        self.tally, self.records = Tally(), list[Record]()

    def send(self, record: Record) -> None:
        self.records.append(record)

    def rest(self, seconds: float) -> None:
        pass

    def held(self) -> Held:
        return NOTHING

    def close(self) -> None:
        pass

    def odds(self, source: str = "the-odds-api") -> list[tuple[str, str]]:
        """Every snapshot: its event and its kind."""
        found = [record for record in self.records if isinstance(record, OddsSnapshot)]
        return [(one.event_id, one.kind.value) for one in found if one.source == source]


class Heard:
    """What health is told."""

    def __init__(self) -> None:
        self.outcomes: list[tuple[Answer | Failure, int]] = []
        self.switches: list[tuple[str, bool]] = []
        self.overdue = False

    def polled(self, outcome: Answer | Failure, records: int) -> None:
        self.outcomes.append((outcome, records))

    def is_overdue(self, source: str, at_ms: int) -> bool:
        return self.overdue

    def switched(self, source: str, off: bool, at_ms: int) -> None:
        self.switches.append((source, off))

    def failures(self, source: str = "the-odds-api") -> list[Failure]:
        found = [outcome for outcome, _ in self.outcomes if isinstance(outcome, Failure)]
        return [failure for failure in found if failure.call.source == source]

    def answers(self, source: str = "the-odds-api") -> int:
        return sum(isinstance(o, Answer) and o.call.source == source for o, _ in self.outcomes)


class Said:
    """Controls that a test speaks into."""

    def __init__(self) -> None:
        self.waiting: list[SourceControl] = []

    def say(self, source: str, *, off: bool) -> None:
        self.waiting.append(SourceControl(source=source, received_at_ms=now_ms(), off=off, reason=""))

    def news(self) -> list[SourceControl]:  # type: ignore[override]
        said, self.waiting = self.waiting, []
        return said


class Running:
    """A loop over sources against a service, as long as a test needs it."""

    def __init__(self, service: Service, *sources: Any, log: Log | None = None, read_s: float = 2.0) -> None:
        self.service, self.sources, self.read_s = service, sources, read_s
        self.log: Any = log or Memory()
        self.health, self.controls = Heard(), Said()

    def until(self, *steps: Callable[[], bool]) -> None:
        """Run until each step in turn is true; what a step does happens between."""
        asyncio.run(self._until(steps))

    async def _until(self, steps: Sequence[Callable[[], bool]]) -> None:
        stop, games = asyncio.Event(), Known()
        config = Config(base_url=self.service.url)
        polled = [
            Polled(
                source, config, Secret("s3cret", query="key"), SourceGate(0, None, now_ms),
                Intake(source, set(), self.log),
            )
            for source in self.sources
        ]  # fmt: skip
        async with client(read_s=self.read_s) as http:
            rng = random.Random(7)
            fetcher = Fetcher(http, now_ms, rng, whole_s=2 * self.read_s)
            loop = Loop(polled, self.log, games, self.health, self.controls, fetcher, now_ms, rng)
            running = asyncio.create_task(loop.run(stop))
            give_up_s = time.monotonic() + GIVE_UP_S
            for number, step in enumerate(steps):
                while not step() and not running.done():
                    assert time.monotonic() < give_up_s, f"step {number} did not come to pass"
                    await asyncio.sleep(0.005)
            stop.set()
            await running

"""Every source through everything that can go wrong with its answers, on a real broker."""

import asyncio
import json
import random
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

import pytest

from pipeline import cluster
from pipeline.records import GameEvent, OddsSnapshot, Record, SnapshotKind, SourcePayload
from pipeline.replay.tail import from_kafka
from pipeline.settings import Settings
from producers.live.call import Call, Config, Game, Why
from producers.live.claims import KafkaClaims
from producers.live.fetch import TRIES, Fetcher, Secret, client
from producers.live.gate import SourceGate
from producers.live.intake import Intake
from producers.live.known import Known
from producers.live.loop import Loop, Polled
from producers.live.run import now_ms
from producers.live.who import Who
from producers.publish import KafkaLog
from producers.sources import espn, football_data_org, the_odds_api
from tests.producers import faults
from tests.producers.faults import Fault, Service, served
from tests.producers.live.made import Heard, Said
from tests.producers.sources import espn_payloads, payloads
from tests.producers.sources.test_football_data_org import goals, match

pytestmark = pytest.mark.kafka
SECRET = "0123456789abcdef"
GIVE_UP_S = 60.0
BEGAN_S = int(time.time()) - 3600


def iso(seconds: float) -> str:
    return datetime.fromtimestamp(BEGAN_S + seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


class Spoken(NamedTuple):
    """A service: where its source asks, how it stands after the n-th change, and what is odd in its words."""

    source: Any
    league: str
    path: str
    body: Callable[[int], bytes]
    field: str
    """Without it nothing can be read, nor with a word in its place."""
    word: tuple[str, str]
    """A field of a closed set, and a value that is not in it."""


def odds(n: int) -> bytes:
    quoted = {"last_update": iso(n)}
    books = [
        payloads.book(
            name,
            payloads.market(
                "h2h",
                payloads.outcome("Kansas City Chiefs", 1.5 + n / 100),
                payloads.outcome("Philadelphia Eagles", 2.4),
                **quoted,
            ),
            **quoted,
        )
        for name in ("fanduel", "draftkings")
    ]
    return payloads.body(payloads.event(*books, commence_time=iso(0)))


def events() -> bytes:
    event = payloads.event(commence_time=iso(0), completed=False, scores=None)
    return payloads.body({name: value for name, value in event.items() if name != "bookmakers"})


def board(n: int) -> bytes:
    sides = [
        espn_payloads.side("home", "Kansas City Chiefs", str(n)),
        espn_payloads.side("away", "Philadelphia Eagles", "0"),
    ]
    stands = espn_payloads.status(clock=900 - n, period=1)
    return espn_payloads.board(espn_payloads.game(stands, date=iso(0), competitors=sides))


def matches(n: int) -> bytes:
    shown = match(goals(n, 0, halfTime=(None, None)), utcDate=iso(0), lastUpdated=iso(n))
    return json.dumps({"resultSet": {}, "matches": [shown]}).encode()


SPOKEN = (
    Spoken(
        the_odds_api, "nfl", "/v4/sports/americanfootball_nfl/odds", odds, "home_team", ("key", "h2h_of_old")
    ),
    Spoken(
        espn, "nfl", "/apis/site/v2/sports/football/nfl/scoreboard", board, "competitors",
        ("name", "STATUS_ON_MARS"),
    ),
    Spoken(football_data_org, "world-cup", "/v4/matches", matches, "status", ("status", "AT_TEA")),
)  # fmt: skip
#: What the tries come to, where that is no answer.
FAULTS: dict[str, tuple[Callable[[Spoken, int], list[Fault]], Why | None]] = {
    "429": (lambda _, n: [faults.status(429)] * TRIES, Why.TOO_MANY),
    "429 with Retry-After": (lambda _, n: [faults.status(429, retry_after="1")] * TRIES, Why.TOO_MANY),
    "500": (lambda _, n: [faults.status(500)] * TRIES, Why.SERVER),
    "503 twice": (lambda _, n: [faults.status(503)] * (TRIES - 1), None),
    "slow bytes": (lambda _, n: [faults.drip(0.2)] * TRIES, Why.TIMEOUT),
    "cut connection": (lambda _, n: [faults.cut] * TRIES, Why.CONNECTION),
    "half JSON": (lambda _, n: [faults.half], Why.UNREADABLE),
    "HTML": (lambda _, n: [faults.page], Why.UNREADABLE),
    "UTF-16": (lambda _, n: [faults.charset("utf-16")], Why.UNREADABLE),
    "Latin-1": (lambda _, n: [faults.charset("latin-1")], Why.UNREADABLE),
    "a field is missing": (
        lambda to, n: [faults.body(faults.without(to.body(n), to.field))], Why.UNREADABLE,
    ),
    "a field of another type": (
        lambda to, n: [faults.body(faults.with_value(to.body(n), to.field, 7))], Why.UNREADABLE,
    ),
    "a new word": (lambda to, n: [faults.body(faults.with_value(to.body(n), *to.word))], None),
    "clock five minutes ahead": (lambda to, n: [faults.body(faults.with_clock_off(to.body(n), 5))], None),
    "clock five minutes behind": (lambda to, n: [faults.body(faults.with_clock_off(to.body(n), -5))], None),
    "repeated": (lambda to, n: [faults.body(to.body(n))] * 3, None),
    "reordered": (lambda to, n: [faults.body(to.body(n)), faults.body(to.body(n - 1))], None),
}  # fmt: skip


class Quick:
    """A source at a pace that a test can wait for; of calls to one address the last, whose the script is."""

    def __init__(self, source: Any) -> None:
        self._source, self.NAME, self.KEY = source, source.NAME, source.KEY
        self.parse = source.parse

    def calls(self, config: Config, now_ms: int, games: Sequence[Game]) -> list[Call]:
        calls = {call.url: call for call in self._source.calls(config, now_ms, games)}
        return [call._replace(every_s=0.1) for call in calls.values()]


class Pipeline:
    """All sources on a cluster, and what they have appended."""

    def __init__(self, service: Service, kafka: str) -> None:
        self.service, self.kafka = service, kafka
        self.health, self.told = Heard(), list[Record]()

    async def run(self, act: Callable[[], Any]) -> None:
        """Run while ``act`` lasts."""
        stop, games = asyncio.Event(), Known()

        def hear(record: Record) -> None:
            self.told.append(record)
            games.hear(record)

        who = Who(KafkaLog(self.kafka), KafkaClaims(self.kafka), hear)
        async with client(read_s=1.0) as http:
            rng = random.Random(7)
            fetcher = Fetcher(http, now_ms, rng, sleep=lambda s: asyncio.sleep(s / 20), whole_s=1.0)
            polled = [
                Polled(
                    Quick(to.source),
                    Config(leagues=(to.league,), base_url=f"{self.service.url}/{to.source.NAME}"),
                    Secret(SECRET, query="key"),
                    SourceGate(0, None, now_ms),
                    Intake(to.source, who.of(to.source.NAME), who),
                )
                for to in SPOKEN
            ]
            loop = Loop(polled, who, games, self.health, Said(), fetcher, now_ms, rng)
            running = asyncio.create_task(loop.run(stop))
            acting = asyncio.create_task(act())
            await asyncio.wait((running, acting), return_when=asyncio.FIRST_COMPLETED)
            stop.set()
            await asyncio.gather(running, acting)
        who.close()

    def stands(self, to: Spoken) -> int:
        """How many changes of a service have been published, as the last record has it; -1 for none."""
        for record in reversed(self.told):
            if isinstance(record, OddsSnapshot) and record.source == to.source.NAME and record.lines:
                return round((record.lines[0].prices[0] - 1.5) * 100)
            if isinstance(record, GameEvent) and record.source == to.source.NAME != the_odds_api.NAME:
                return record.home_score
        return -1

    def failures(self, to: Spoken) -> Counter[Why]:
        return Counter(failure.why for failure in self.health.failures(to.source.NAME))


async def until(condition: Callable[[], bool], what: str) -> None:
    give_up_s = time.monotonic() + GIVE_UP_S
    while not condition():
        assert time.monotonic() < give_up_s, what
        await asyncio.sleep(0.01)


@pytest.fixture
def service() -> Iterator[Service]:
    service = Service()
    service.bodies["/the-odds-api/v4/sports"] = b'[{"key": "americanfootball_nfl"}]'
    for kind in ("events", "scores"):
        service.bodies[f"/the-odds-api/v4/sports/americanfootball_nfl/{kind}"] = events()
    for to in SPOKEN:
        service.bodies[f"/{to.source.NAME}{to.path}"] = to.body(0)
    with served(service) as up:
        yield up


@pytest.mark.parametrize("to", SPOKEN, ids=lambda to: to.source.NAME)
def test_nothing_is_told_twice_or_lost_and_no_other_is_harmed(
    service: Service, fresh_kafka: str, to: Spoken
) -> None:
    cluster.create_topics(fresh_kafka, Settings(), ())
    pipeline, path = Pipeline(service, fresh_kafka), f"/{to.source.NAME}{to.path}"

    async def through_everything() -> None:
        await until(lambda: all(pipeline.stands(each) == 0 for each in SPOKEN), "all begin")
        for n, (name, (script, why)) in enumerate(FAULTS.items(), start=1):
            before = pipeline.failures(to)
            service.script[path].extend(script(to, n))
            service.bodies[path] = to.body(n)
            await until(lambda: not service.script[path], f"{name}: is asked for")
            await until(lambda n=n: pipeline.stands(to) == n, f"{name}: what came after it is told")
            others = {each: pipeline.health.answers(each.source.NAME) for each in SPOKEN}
            await until(
                lambda o=others: all(pipeline.health.answers(e.source.NAME) > o[e] for e in SPOKEN),
                f"{name}: all go on",
            )
            if why is not None:
                assert pipeline.failures(to) - before == Counter([why]), name
        service.script[path].append(faults.status(401))
        await until(lambda: pipeline.failures(to)[Why.UNAUTHORIZED] == 1, "401: is told")

    asyncio.run(pipeline.run(through_everything))

    held = [
        message.record
        for topic in TOPICS
        for message in from_kafka(fresh_kafka, topic, "earliest", follow=False)
    ]
    assert Counter(map(repr, held)) == Counter(
        repr(record) for record in pipeline.told if isinstance(record, KINDS)
    )
    assert all(pipeline.health.failures(each.source.NAME) == [] for each in SPOKEN if each is not to)
    for each in SPOKEN:
        told_once([record for record in held if getattr(record, "source", "") == each.source.NAME])
        received = pipeline.health.answers(each.source.NAME) + pipeline.failures(each)[Why.UNREADABLE]
        raw = [record for record in held if isinstance(record, SourcePayload)]
        assert sum(payload.source == each.source.NAME for payload in raw) == received
    assert SECRET not in repr(held) + repr(pipeline.health.outcomes)


TOPICS = ("odds.snapshots", "games.events", "sources.payloads")
KINDS = (OddsSnapshot, GameEvent, SourcePayload)


def told_once(records: list[Any]) -> None:
    """A full snapshot or a game's record that says what the one before it said was told twice."""
    last: dict[tuple[type, str], Any] = {}
    for record in sorted(records, key=lambda record: record.received_at_ms):
        if isinstance(record, OddsSnapshot) and record.kind is SnapshotKind.FULL:
            said: Any = [(line.book, line.market, line.prices) for line in record.lines]
        elif isinstance(record, GameEvent):
            said = (record.status, record.home_score, record.away_score, record.clock_s, record.starts_at_ms)
        else:
            continue
        place = type(record), record.event_id
        assert last.get(place) != said, record
        last[place] = said

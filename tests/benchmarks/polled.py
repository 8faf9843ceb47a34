"""Five sports polled at once beside the slowest of them, and how long an answer takes into the log.

Run it: ``make bench ARGS=polled``. A server on loopback speaks for The Odds API: five leagues of 16 games,
25 books and three markets each, an answer after 0.2 to 1 s. Another process reads each record from its topic;
the time is from received, the whole answer in hand, to read there.
"""

import asyncio
import random
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime, timedelta

import click
from confluent_kafka import OFFSET_END, Consumer, TopicPartition
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from pipeline import cluster, codec, data
from pipeline.local.broker import own_broker
from pipeline.settings import Settings
from producers.identity import Identities
from producers.live.call import Call, Config, Game
from producers.live.fetch import Fetcher, Secret, client
from producers.live.gate import SourceGate
from producers.live.intake import Intake
from producers.live.known import Known
from producers.live.loop import Loop, Polled
from producers.live.run import now_ms
from producers.publish import KafkaLog
from producers.sources import the_odds_api
from tests.producers.faults import Asked, Service, served
from tests.producers.live.made import Heard, Said
from tests.producers.sources import payloads

LEAGUES = ("nfl", "nba", "mlb", "nhl", "epl")
GAMES, BOOKS, VERSIONS = 16, 25, 30
DELAYS_S = dict(zip(LEAGUES, (0.2, 0.4, 0.6, 0.8, 1.0), strict=True))
EVERY_S, SECONDS = 2.0, 40.0
TOPIC = "odds.snapshots"


class Slow(Service):
    """Answers after a while, each time with other prices, which were made before: it shares our core."""

    def __init__(self) -> None:
        super().__init__()
        self.made = {league: [body(league, n) for n in range(VERSIONS)] for league in LEAGUES}

    def answer(self, request: Request) -> Response:
        league = request.url.path.split("/")[-2]
        n = self.count(request.url.path)
        self.asked.append(Asked(request.url.path, {}, {}))

        async def whole() -> AsyncIterator[bytes]:
            await asyncio.sleep(DELAYS_S[league])
            yield self.made[league][n % VERSIONS]

        return StreamingResponse(whole(), media_type="application/json")


def body(league: str, n: int) -> bytes:
    """An answer of a league, the n-th."""
    row = data.leagues()[league]
    names = list(
        {team.team: team.alias for team in data.teams() if team.league == league and not team.source}.values()
    )
    now = datetime.now(UTC)
    starts = now.replace(minute=0, second=0) + timedelta(hours=2)
    events = []
    for number in range(GAMES):
        home, away = names[2 * number % len(names)], names[(2 * number + 1) % len(names)]
        books = []
        for book in range(BOOKS):
            price = 1.5 + (book + number + n) % 50 / 100
            sides = [payloads.outcome(home, price), payloads.outcome(away, 2.1)]
            if row.sport == "soccer":
                sides.append(payloads.outcome("Draw", 3.3))
            lined = [payloads.outcome(home, price, -2.5), payloads.outcome(away, 2.0, 2.5)]
            totals = [payloads.outcome("Over", price, 44.5), payloads.outcome("Under", 2.0, 44.5)]
            quoted = {"last_update": f"{now + timedelta(seconds=n):%Y-%m-%dT%H:%M:%SZ}"}
            markets = [
                payloads.market(kind, *outcomes, **quoted)
                for kind, outcomes in (("h2h", sides), ("spreads", lined), ("totals", totals))
            ]
            books.append(payloads.book(f"book-{book}", *markets, **quoted))
        start = starts + timedelta(days=number // 8)
        events.append(
            payloads.event(
                *books, id=f"{league}{number}", sport_key=row.the_odds_api, home_team=home, away_team=away,
                commence_time=f"{start:%Y-%m-%dT%H:%M:%SZ}",
            )
        )  # fmt: skip
    return payloads.body(*events)


class Leagues:
    """The Odds API, of which only the odds of these leagues are asked for."""

    NAME, KEY, parse = the_odds_api.NAME, "", staticmethod(the_odds_api.parse)

    def __init__(self, every_s: float) -> None:
        self.every_s = every_s

    def calls(self, config: Config, now_ms: int, games: Sequence[Game]) -> list[Call]:
        return [
            Call(
                self.NAME, f"odds {league}", f"{config.base_url}/{league}/odds", (("oddsFormat", "decimal"),),
                league, every_s=self.every_s, kind="odds",
            )
            for league in LEAGUES
        ]  # fmt: skip


async def polled(service: Service, kafka: str, every_s: float, seconds: float) -> tuple[float, int]:
    """Poll for so long, or once each; how long the first round took, and how many answers there were."""
    stop, health, log = asyncio.Event(), Heard(), KafkaLog(kafka)
    async with client() as http:
        rng = random.Random(7)
        intake = Intake(Leagues(every_s), Identities(the_odds_api.NAME), log)
        source = Polled(
            Leagues(every_s), Config(base_url=service.url), Secret(), SourceGate(0, None, now_ms), intake
        )
        loop = Loop([source], log, Known(), health, Said(), Fetcher(http, now_ms, rng), now_ms, rng)
        running, began_s = asyncio.create_task(loop.run(stop)), time.monotonic()
        while health.answers() < len(LEAGUES) and not running.done():
            await asyncio.sleep(0.002)
        first_s = time.monotonic() - began_s
        await asyncio.sleep(max(0.0, seconds - first_s))
        stop.set()
        await running
    log.close()
    return first_s, health.answers()


WARM_S = 10.0


def watch(kafka: str, seconds: float) -> None:
    """Read the topic as it grows, and say how old each record was."""
    count = cluster.partitions(kafka)[TOPIC]
    consumer = Consumer({"bootstrap.servers": kafka, "group.id": "watch", "fetch.wait.max.ms": 5})
    consumer.assign([TopicPartition(TOPIC, partition, OFFSET_END) for partition in range(count)])
    ages, first, lines, end_s = list[int](), 0, 0, time.monotonic() + seconds
    warm_s = time.monotonic() + WARM_S
    while time.monotonic() < end_s:
        message, read_ms = consumer.poll(0.05), now_ms()
        if message is not None and message.error() is None:
            record = codec.decode(TOPIC, message.key(), message.value())
            if time.monotonic() < warm_s:  # connections and metadata of the first answers
                first = max(first, read_ms - record.received_at_ms)
                continue
            ages.append(read_ms - record.received_at_ms)
            lines += len(record.lines)
    consumer.close()
    ages.sort()
    p50, p99 = (ages[int(len(ages) * share)] for share in (0.5, 0.99))
    click.echo(
        f"  {len(ages):,} records, {lines:,} lines: received to read p50 {p50} ms, p99 {p99} ms,"
        f" most {ages[-1]} ms; in the first {WARM_S:.0f} s {first} ms"
    )


def main() -> None:
    """Once each, then every two seconds."""
    with own_broker() as broker, served(Slow()) as service:
        cluster.create_topics(broker.bootstrap, Settings(), ())
        first_s, _ = asyncio.run(polled(service, broker.bootstrap, 3600.0, 0.0))
        click.echo(
            f"  five sports, answers after {', '.join(f'{s:g}' for s in DELAYS_S.values())} s: all taken in"
            f" after {first_s:.2f} s; one after the other takes {sum(DELAYS_S.values()):.1f} s"
        )
        command = [sys.executable, "-m", "tests.benchmarks.polled", broker.bootstrap, str(SECONDS + 2)]
        watching = subprocess.Popen(command)
        _, answers = asyncio.run(polled(service, broker.bootstrap, EVERY_S, SECONDS))
        click.echo(f"  {answers} answers of {GAMES * BOOKS * 3:,} lines in {SECONDS:.0f} s")
        watching.wait()


if __name__ == "__main__":
    watch(sys.argv[1], float(sys.argv[2]))

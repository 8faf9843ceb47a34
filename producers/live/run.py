"""Live sources on a cluster: who is who, credits, health, switches and the clock around one loop."""

import asyncio
import random
import signal
import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import NamedTuple

from pipeline.settings import Settings
from producers.identity import Identities
from producers.live import ledger
from producers.live.budget import Budget
from producers.live.call import Config, Health, Quota
from producers.live.claims import KafkaClaims
from producers.live.control import Controls, KafkaControls
from producers.live.fetch import Fetcher, Secret, client
from producers.live.gate import SourceGate
from producers.live.health import Pulse
from producers.live.intake import Intake
from producers.live.known import Known
from producers.live.loop import Loop, Polled
from producers.live.quota import KafkaQuota
from producers.live.ticker import Ticker
from producers.live.ways import WAYS
from producers.live.who import Who
from producers.publish import KafkaLog, Log


class Parts(NamedTuple):
    """What the loop stands between; a test has others than a cluster has."""

    log: Log
    identities: Callable[[str], Identities]
    games: Known
    health: Health
    controls: Controls
    quotas: Mapping[str, Quota]
    budgets: Mapping[str, Budget]


async def poll(config: Config, secrets: Mapping[str, Secret], parts: Parts, stop: asyncio.Event) -> None:
    """Ask the sources that ``secrets`` names until ``stop`` is set. Raises what the log raises."""
    polled = []
    for name, secret in secrets.items():
        way = WAYS[name]
        base_url = f"{config.base_url}/{name}" if config.base_url else ""
        gate = SourceGate(way.per_minute, parts.quotas.get(name), now_ms)
        intake = Intake(way.source, parts.identities(name), parts.log)
        polled.append(
            Polled(
                way.source, config._replace(base_url=base_url), secret, gate, intake, parts.budgets.get(name)
            )
        )
    async with client() as http:
        rng = random.Random()  # of jitter alone
        fetcher = Fetcher(http, now_ms, rng)
        loop = Loop(polled, parts.log, parts.games, parts.health, parts.controls, fetcher, now_ms, rng)
        await loop.run(stop)


async def live(
    config: Config, secrets: Mapping[str, Secret], log: KafkaLog, settings: Settings, *, ticks: bool
) -> None:
    """Ask these sources on the cluster of the log until a signal comes; ``ticks``: and stand ready as clock.

    Raises what the log or the clock raises.
    """
    stop, events = asyncio.Event(), asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        events.add_signal_handler(number, stop.set)
    bootstrap, games = log.bootstrap, Known()
    who = Who(log, KafkaClaims(bootstrap), games.hear)
    accounts = ledger.accounts(settings.credits)
    quota = KafkaQuota(bootstrap, accounts, now_ms())
    controls = KafkaControls(bootstrap)
    budgets = {
        source: Budget(partial(quota.left, source), partial(ledger.ends_ms, day=account.day))
        for source, account in accounts.items()
    }
    quotas = dict.fromkeys(accounts, quota)
    parts = Parts(who, who.of, games, Pulse(who.send), controls, quotas, budgets)
    tasks = [asyncio.create_task(poll(config, secrets, parts, stop))]
    if ticks:
        ticker = Ticker(bootstrap, now_ms)
        tasks.append(asyncio.create_task(asyncio.to_thread(ticker.run, stop.is_set)))
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        stop.set()
        ended = await asyncio.gather(*tasks, return_exceptions=True)
        controls.close()
        quota.close()
    for error in ended:
        if isinstance(error, BaseException):
            raise error


def now_ms() -> int:
    """The wall clock, Unix ms."""
    return time.time_ns() // 1_000_000

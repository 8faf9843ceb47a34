"""Sources that are polled: which there are, what each needs, and all of them run together."""

import asyncio
import os
import random
import time
from collections.abc import Callable, Mapping
from typing import NamedTuple

from pipeline.errors import UsageError
from producers.identity import Identities
from producers.live.call import Config, Health, Quota, Source
from producers.live.control import Controls
from producers.live.fetch import Fetcher, Secret, client
from producers.live.gate import SourceGate
from producers.live.intake import Intake
from producers.live.known import Known
from producers.live.loop import Loop, Polled
from producers.publish import Log
from producers.sources import espn, football_data_org, the_odds_api


class Way(NamedTuple):
    """How a source wants to be asked: where its key goes, who gives one, how many requests a minute."""

    source: Source
    query: str = ""
    header: str = ""
    given_by: str = ""
    per_minute: int = 0


#: Every polled source by its name.
WAYS = {
    way.source.NAME: way
    for way in (
        Way(the_odds_api, query="apiKey", given_by="https://the-odds-api.com"),
        Way(espn),
        Way(
            football_data_org,
            header="X-Auth-Token",
            given_by="https://www.football-data.org/client/register",
            per_minute=10,
        ),
    )
}
ALL = "live"


def secret_of(way: Way, environment: Mapping[str, str] = os.environ) -> Secret:
    """A source's key, from its environment variable or from the file that <NAME>_FILE names.

    Raises UsageError, which says where to get one.
    """
    name = way.source.KEY
    if not name:
        return Secret()
    value, path = environment.get(name, "").strip(), environment.get(f"{name}_FILE", "")
    if value and path:
        raise UsageError(f"{name} and {name}_FILE are both set: keep one")
    if path:
        try:
            with open(path, encoding="utf-8") as file:
                value = file.read().strip()
        except (OSError, UnicodeDecodeError) as error:
            reason = getattr(error, "strerror", None) or "it is no text"
            raise UsageError(f"the key of {way.source.NAME} cannot be read from {path}: {reason}") from None
    if not value:
        raise UsageError(
            f"{way.source.NAME} wants a key: get one at {way.given_by} and set {name}, or {name}_FILE to a"
            " file that holds it"
        )
    if not (value.isascii() and value.isprintable() and " " not in value):
        raise UsageError(f"{name} is no key: it has blanks or letters that no key has")
    return Secret(value, way.query, way.header)


def secrets_of(name: str, environment: Mapping[str, str] = os.environ) -> tuple[dict[str, Secret], list[str]]:
    """The keys of the source of that name, or of `ALL` that have what they need; and why others have not.

    Raises UsageError where none has.
    """
    if name != ALL:
        return {name: secret_of(WAYS[name], environment)}, []
    ready, lacking = {}, []
    for each, way in WAYS.items():
        try:
            ready[each] = secret_of(way, environment)
        except UsageError as error:
            lacking.append(str(error))
    if not ready:
        raise UsageError("; ".join(lacking))
    return ready, lacking


class Parts(NamedTuple):
    """What the loop stands between; a test has others than a cluster has."""

    log: Log
    identities: Callable[[str], Identities]
    games: Known
    health: Health
    controls: Controls
    quotas: Mapping[str, Quota]


async def poll(config: Config, secrets: Mapping[str, Secret], parts: Parts, stop: asyncio.Event) -> None:
    """Ask the sources that ``secrets`` names until ``stop`` is set. Raises what the log raises."""
    polled = []
    for name, secret in secrets.items():
        way = WAYS[name]
        base_url = f"{config.base_url}/{name}" if config.base_url else ""
        gate = SourceGate(way.per_minute, parts.quotas.get(name), now_ms)
        intake = Intake(way.source, parts.identities(name), parts.log)
        polled.append(Polled(way.source, config._replace(base_url=base_url), secret, gate, intake))
    async with client() as http:
        rng = random.Random()  # of jitter alone
        fetcher = Fetcher(http, now_ms, rng)
        loop = Loop(polled, parts.log, parts.games, parts.health, parts.controls, fetcher, now_ms, rng)
        await loop.run(stop)


def now_ms() -> int:
    """The wall clock, Unix ms."""
    return time.time_ns() // 1_000_000

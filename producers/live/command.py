"""What ``sharpline produce`` does with sources that are polled."""

import asyncio
import time
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import click

from pipeline import health, telemetry
from pipeline.errors import UsageError
from pipeline.settings import Settings
from producers.live.call import Config
from producers.publish import KafkaLog
from producers.sources import espn, football_data_org, the_odds_api

#: These are polled. The Odds API is where no files of its polls are named; ``live`` are all that can be.
POLLED = frozenset({espn.NAME, football_data_org.NAME, the_odds_api.NAME, "live"})
READY_S = 10.0


class Wanted(NamedTuple):
    """Options of sources that are polled; None where one was not given."""

    sports: str | None
    regions: str | None
    markets: str | None
    clock: bool | None
    check: bool | None
    base_url: str | None

    def given(self) -> list[str]:
        """The names of those that were."""
        return [f"--{name}".replace("_", "-") for name, value in self._asdict().items() if value is not None]

    def config(self) -> Config:
        """What is wanted of the sources. Raises UsageError where a league is not known."""
        from producers.live import ways  # late: files need no HTTP

        config = Config(leagues=ways.leagues_of(self.sports or ""), base_url=self.base_url or "")
        if self.regions:
            config = config._replace(regions=_listed(self.regions))
        return config._replace(markets=_listed(self.markets)) if self.markets else config


def poll(source: str, wanted: Wanted, settings: Settings, kafka: str, port: int, host: str) -> None:
    """Ask the source, or all, until a signal comes. Raises UsageError where a key is missing."""
    from producers.live import run, ways  # late: files need no HTTP

    config = wanted.config()
    secrets, lacking = ways.secrets_of(source)
    for reason in lacking:
        click.echo(f"not polled: {reason}", err=True)
    if wanted.check:
        click.echo(f"polled: {', '.join(secrets)}")
        return
    log = KafkaLog(named(kafka))

    async def polled() -> None:
        loop = asyncio.get_running_loop()
        if port:
            health.serve(
                port,
                live=lambda: health.turns(loop),
                ready=lambda: time.monotonic() - log.safe_at_s < READY_S,
                registry=telemetry.Part("producers", "sources"),
                host=host,
            )
        click.echo(f"polling {', '.join(secrets)}; Ctrl-C ends it", err=True)
        await run.live(config, secrets, log, settings, ticks=wanted.clock is not False)

    try:
        asyncio.run(polled())
    finally:
        log.close()
    for line in log.tally.report():
        click.echo(line)


def refuse_what_is_not_polled(
    source: str, paths: tuple[Path, ...], target: str, own: Mapping[str, object]
) -> None:
    """Raises UsageError where files, an archive, or options of these are named beside a polled source."""
    if paths:
        raise UsageError(f"{source} is polled and takes no files; recorded polls need the-odds-api")
    if given := [name for name, value in own.items() if value is not None]:
        raise UsageError(f"{given[0]} belongs to files and the simulator; {source} is polled as time passes")
    if target != "kafka":
        raise UsageError(
            f"{source} is polled into Kafka, where its credits, ids and health are: leave out --to"
        )


def named(address: str) -> str:
    """The address of a cluster, or UsageError with how to give one."""
    if not address:
        raise UsageError(
            "no Kafka named: give --kafka ADDRESS, set SHARPLINE_KAFKA, or write an archive with --to DIR"
        )
    return address


def _listed(text: str) -> tuple[str, ...]:
    return tuple(filter(None, (part.strip() for part in text.split(","))))

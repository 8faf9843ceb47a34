"""``sharpline source``: sources that are stopped and started by hand, and how each fares."""

import time
from datetime import UTC, datetime
from typing import NamedTuple

import click
import msgspec
from rich.console import Console
from rich.table import Table

from pipeline import data
from pipeline.cli.lag import PIPED_WIDTH
from pipeline.cli.verify import named
from pipeline.errors import UsageError
from pipeline.records import SourceControl, SourceHealth
from pipeline.replay.append import append
from pipeline.replay.current import current

kafka_option = click.option(
    "--kafka", metavar="ADDRESS", help="Bootstrap address; default is SHARPLINE_KAFKA."
)


class Fares(NamedTuple):
    """A source as it is listed. Times are Unix ms, 0 for never."""

    source: str
    state: str
    """``up``, ``slow``, ``down``, ``off``; ``unheard`` where nobody has asked it yet."""
    last_success_at_ms: int
    quota_left: int
    """-1 where it has none."""
    reason: str


@click.group(
    epilog="""\b
Examples:
  sharpline source list
  sharpline source stop espn --reason "their clock is an hour off"
  sharpline source start espn
"""
)
def source() -> None:
    """Stop and start sources, and see how they fare.

    A stopped source is asked no more within a second or two, and what stands on its prices is withdrawn. It
    stays stopped, also for processes that start later, until it is started.
    """


@source.command(epilog="Example: sharpline source stop espn --kafka 127.0.0.1:9092")
@click.argument("name")
@click.option("--reason", default="", help="Why, for whoever lists them.")
@kafka_option
def stop(name: str, reason: str, kafka: str | None) -> None:
    """Leave a source alone until it is started again."""
    _switch(name, kafka, off=True, reason=reason)
    click.echo(f"{name} is stopped; `sharpline source start {name}` starts it")


@source.command(epilog="Example: sharpline source start espn --kafka 127.0.0.1:9092")
@click.argument("name")
@kafka_option
def start(name: str, kafka: str | None) -> None:
    """Ask a source again that was stopped."""
    _switch(name, kafka, off=False, reason="")
    click.echo(f"{name} may be asked")


@source.command("list", epilog="Example: sharpline source list --kafka 127.0.0.1:9092")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
@kafka_option
def listed(as_json: bool, kafka: str | None) -> None:
    """Every source and its state."""
    bootstrap = named(kafka)
    health: dict[str, SourceHealth] = current(bootstrap, "sources.health")
    controls: dict[str, SourceControl] = current(bootstrap, "sources.control")
    now_ms = time.time_ns() // 1_000_000
    found = [fares(name, health.get(name), controls.get(name), now_ms) for name in data.sources()]
    if as_json:
        for one in found:
            click.echo(msgspec.json.encode(one._asdict()).decode())
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in ("source", "state", "last success", "credits left", "why"):
        table.add_column(column, overflow="fold")
    for one in found:
        left = "" if one.quota_left < 0 else f"{one.quota_left:,}"
        table.add_row(one.source, one.state, _at(one.last_success_at_ms), left, one.reason)
    console = Console()
    if not console.is_terminal:
        console.width = PIPED_WIDTH
    console.print(table)


def fares(name: str, health: SourceHealth | None, control: SourceControl | None, now_ms: int) -> Fares:
    """How a source fares by now: nobody may be left to say that it is late."""
    last_ms, left = (health.last_success_at_ms, health.quota_left) if health else (0, -1)
    if control is not None and control.off:
        return Fares(name, "off", last_ms, left, control.reason)
    if health is None:
        return Fares(name, "unheard", 0, -1, "")
    is_late = 0 < health.due_by_ms < now_ms
    return Fares(name, "down" if is_late else health.state, last_ms, left, health.error)


def _switch(name: str, kafka: str | None, *, off: bool, reason: str) -> None:
    if name not in data.sources():
        raise UsageError(f"there is no source {name!r}; there are {', '.join(data.sources())}")
    now_ms = time.time_ns() // 1_000_000
    append(named(kafka), SourceControl(source=name, received_at_ms=now_ms, off=off, reason=reason))


def _at(ms: int) -> str:
    return f"{datetime.fromtimestamp(ms / 1000, UTC):%Y-%m-%d %H:%M:%S}Z" if ms else "never"

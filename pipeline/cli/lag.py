"""``sharpline lag`` and ``sharpline lag-exporter``: how far the consumer groups are behind."""

import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime

import click
import msgspec
from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

from pipeline.cli.verify import named
from pipeline.errors import BrokerUnavailable, UsageError
from pipeline.lag.exporter import Exporter, serve
from pipeline.lag.observer import Observer
from pipeline.lag.poll import Poll, Position, Sum, sums
from pipeline.settings import Settings
from pipeline.telemetry import log_to_stderr, say

EVERY_S = 2.0
BAR = 16
#: Of a table that is piped: no terminal says how wide it may be.
PIPED_WIDTH = 160
FAILED = 1

log = logging.getLogger("sharpline.lag")


@click.command(epilog="Example: sharpline lag sharpline.markets --partitions --kafka 127.0.0.1:9092")
@click.argument("groups", nargs=-1, metavar="[GROUP]...")
@click.option("--kafka", metavar="ADDRESS", help="Bootstrap address; default is SHARPLINE_KAFKA.")
@click.option("--watch", is_flag=True, help="Ask again every 2 s until Ctrl-C.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a poll, on one line.")
@click.option("--partitions", "by_partition", is_flag=True, help="A row for each partition.")
def lag(groups: Sequence[str], kafka: str | None, watch: bool, as_json: bool, by_partition: bool) -> None:
    """How far consumer groups are behind, in records and in seconds: those named, or all.

    Seconds say for how long the first unread record has been waiting.
    """
    observer = Observer(address := named(kafka))
    first = chosen(observer.poll(), groups, address)
    polls = watched(observer.poll, first, groups) if watch else iter([first])
    console = Console() if sys.stdout.isatty() else Console(width=PIPED_WIDTH)
    try:
        if watch and console.is_terminal and not as_json:
            with Live(console=console, screen=True, auto_refresh=False) as live:
                for poll in polls:
                    live.update(picture(poll, by_partition), refresh=True)
            return
        for poll in polls:
            if isinstance(poll, BrokerUnavailable):
                click.echo(f"sharpline: {poll}", err=True)
            elif as_json:
                click.echo(json_of(poll))
            else:
                console.print(picture(poll, by_partition))
    except KeyboardInterrupt:
        return


def watched(
    ask: Callable[[], Poll], first: Poll, groups: Sequence[str]
) -> Iterator[Poll | BrokerUnavailable]:
    """A poll every two seconds, the first one now; where no broker answers, what is wrong."""
    yield first
    while True:
        time.sleep(EVERY_S)
        try:
            yield ask().only(groups)
        except BrokerUnavailable as error:
            yield error


def chosen(poll: Poll, groups: Sequence[str], address: str) -> Poll:
    """The poll, about these groups. Raises UsageError where there is no such group."""
    there = [group.name for group in poll.groups]
    if unknown := [name for name in groups if name not in there]:
        known = f"there are {', '.join(there)}" if there else "there is no group at all"
        raise UsageError(f"{address} has no consumer group {unknown[0]!r}; {known}")
    return poll.only(groups)


def json_of(poll: Poll) -> str:
    """A poll on one line: groups, their positions, and partitions of topics."""
    positions = [
        {
            **msgspec.to_builtins(one),
            "lag": one.lag,
            "seconds": one.seconds(poll.at_ms),
            "expired": one.expired,
        }
        for one in poll.positions
    ]
    return msgspec.json.encode({**msgspec.to_builtins(poll), "positions": positions}).decode()


def picture(poll: Poll | BrokerUnavailable, by_partition: bool) -> Table | Text:
    """The poll as a table, one row for each group and topic, or for each partition."""
    if isinstance(poll, BrokerUnavailable):
        return Text(str(poll), style="red")
    if not poll.groups:
        return Text("no consumer group")
    at = datetime.fromtimestamp(poll.at_ms / 1000, UTC)
    table = Table(
        title=f"{at:%Y-%m-%d %H:%M:%S}Z", title_justify="left", box=None, pad_edge=False, header_style="dim"
    )
    columns = ("group", "state", "members", "topic", "partition" if by_partition else "partitions")
    for column in (*columns, "committed", "end", "lag", "behind", "", ""):
        right = column in ("members", "partition", "partitions", "committed", "end", "lag", "behind")
        table.add_column(column, justify="right" if right else "left", no_wrap=True)
    rows = list(_partition_rows(poll.positions, poll.at_ms) if by_partition else _topic_rows(poll))
    longest = max((lag or 0 for _, _, lag, _, _ in rows), default=0)
    for group in poll.groups:
        head = (group.name, group.state, str(group.members))
        own = [row for row in rows if row[0] == group.name]
        for _, cells, lag, seconds, note in own:
            tail = (_style(_count(lag), lag), _style(_duration(seconds), lag), _bar(lag, longest))
            table.add_row(*head, *cells, *tail, Text(note, style="yellow"))
            head = ("", "", "")
        if not own:
            table.add_row(
                *head, "", "", "", "", "", "", "", Text("no partition, nothing committed", style="dim")
            )
    return table


Row = tuple[str, tuple[str, str, str, str], int | None, float | None, str]  # group, cells, lag, seconds, note


def _topic_rows(poll: Poll) -> Iterator[Row]:
    one: Sum
    for one in sums(poll.positions, poll.at_ms):
        notes = [f"{one.uncommitted} never committed"] * bool(one.uncommitted)
        notes += [f"{one.expired} expired unread"] * bool(one.expired)
        cells = (one.topic, str(one.partitions), _count(one.committed), _count(one.end))
        yield one.group, cells, one.lag, one.seconds, ", ".join(notes)


def _partition_rows(positions: Iterable[Position], now_ms: int) -> Iterator[Row]:
    for one in positions:
        note = "never committed" if one.committed is None else "expired unread" if one.expired else ""
        cells = (one.topic, str(one.partition), _count(one.committed), _count(one.end))
        yield one.group, cells, one.lag, one.seconds(now_ms), note


def _count(number: int | None) -> str:
    return "–" if number is None else f"{number:,}"


def _duration(seconds: float | None) -> str:
    if seconds is None:
        return "–"
    if seconds < 120:
        return f"{seconds:.1f} s" if seconds else "0 s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"


def _style(text: str, lag: int | None) -> Text:
    return Text(text, style="dim" if lag is None else "yellow" if lag else "green")


def _bar(lag: int | None, longest: int) -> Text:
    return Text("█" * (max(1, round(lag / longest * BAR)) if lag else 0), style="yellow")


@click.command(
    "lag-exporter",
    epilog="Example: sharpline lag-exporter --kafka 127.0.0.1:9092, then curl http://127.0.0.1:9308/metrics",
    context_settings={"show_default": True},
)
@click.option("--kafka", metavar="ADDRESS", help="Bootstrap address; default is SHARPLINE_KAFKA.")
@click.option("--host", default="127.0.0.1", help="Address to listen on.")
@click.option("--port", default=9308, type=click.IntRange(0, 65_535), help="Port; 0 for any that is free.")
@click.option("--every", "every_s", default=1.0, type=click.FloatRange(0.1), help="Seconds between polls.")
def lag_exporter(kafka: str | None, host: str, port: int, every_s: float) -> None:
    """Serve the lag of all consumer groups to Prometheus, under kafka_exporter's names.

    Goes on without a broker, says so in sharpline_lag_up, and takes up again when it is back.
    """
    settings = Settings.read()
    log_to_stderr(settings.log, settings.log_level)
    exporter = Exporter(Observer(named(kafka)).poll, every_s)
    say(log, "listening", address=f"http://{host}:{serve(exporter, host, port)}", every_s=every_s)
    asked, stopped = threading.Event(), threading.Event()

    def stop(*_: object) -> None:
        asked.set()
        stopped.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)
    # A thread of its own: the client holds the one that asks for as long as a silent broker is waited for.
    threading.Thread(target=exporter.run, args=(stopped,), name="polls", daemon=True).start()
    stopped.wait()
    say(log, "stopped")
    sys.stderr.flush()
    os._exit(0 if asked.is_set() else FAILED)  # without a broker the clients' own end may never come

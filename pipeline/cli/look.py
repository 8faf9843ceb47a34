"""Commands that look: replay an archive, show a topic."""

import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import click

from pipeline.errors import UsageError
from pipeline.replay import tail as reader
from pipeline.settings import Rules, Settings
from pipeline.topics import event_of


@click.command(epilog="Example: sharpline replay sunday/ --out answers/")
@click.argument("archive", type=click.Path(path_type=Path))
@click.option("--out", required=True, type=click.Path(path_type=Path), help="A new folder for the answers.")
@click.option(
    "--from", "since", default="", metavar="TIME", help="Leave out inputs before, as 2025-09-14T17:00Z."
)
@click.option("--to", "until", default="", metavar="TIME", help="Leave out inputs from then on.")
@click.option("--quiet", is_flag=True, help="No progress.")
def replay(archive: Path, out: Path, since: str, until: str, quiet: bool) -> None:
    """Fold an archive again: the same three folds, no Kafka; prints a digest of all answers."""
    from pipeline.replay.run import Tally
    from pipeline.replay.run import replay as run

    settings = Settings.read()
    started_s, told_s = time.perf_counter(), 0.0

    def progress(tally: Tally) -> None:
        nonlocal told_s
        elapsed_s = time.perf_counter() - started_s
        if quiet or elapsed_s - told_s < 1.0:
            return
        told_s = elapsed_s
        at = datetime.fromtimestamp(tally.now_ms / 1000, UTC)
        line = f"{at:%Y-%m-%d %H:%M}Z  {tally.inputs:,} inputs  {tally.inputs / elapsed_s:,.0f}/s"
        click.echo(f"\r{line}   " if sys.stderr.isatty() else line, err=True, nl=not sys.stderr.isatty())

    span = tuple(reader.moment(text) if text else 0 for text in (since, until))
    tally, digest = run(
        archive,
        out,
        Rules.read(settings.rules),
        settings.partitions,
        span=(span[0], span[1]),
        progress=progress,
    )
    elapsed_s = time.perf_counter() - started_s
    if sys.stderr.isatty() and not quiet:
        click.echo("", err=True)
    for reason in tally.buried[:10]:
        click.echo(f"left out: {reason}", err=True)
    click.echo(f"inputs    {tally.inputs:,} about {len(tally.events):,} events, {tally.ticks:,} ticks made")
    click.echo(f"answers   {tally.answers:,} in {out}")
    click.echo(f"left out  {len(tally.buried):,} on which a fold raised")
    click.echo(f"speed     {tally.inputs / elapsed_s:,.0f} inputs a second, {elapsed_s:.1f} s in all")
    click.echo(f"digest    {digest}")


@click.command(epilog="Example: sharpline tail bets.arbitrage --from latest --json")
@click.argument("topic")
@click.option("--event", metavar="ID", help="Only this event, as nfl:2025-09-14:kc-phi.")
@click.option(
    "--from",
    "since",
    default="earliest",
    metavar="earliest|latest|TIME",
    show_default=True,
    help="Where to begin.",
)
@click.option("--archive", type=click.Path(path_type=Path), help="Read this archive instead of Kafka.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
@click.option("--kafka", metavar="ADDRESS", help="Bootstrap address; default is SHARPLINE_KAFKA.")
@click.option("--count", type=click.IntRange(1), metavar="N", help="Stop after N messages.")
@click.option("--no-follow", is_flag=True, help="Stop at the end instead of waiting for more.")
def tail(
    topic: str,
    event: str | None,
    since: str,
    archive: Path | None,
    as_json: bool,
    kafka: str | None,
    count: int | None,
    no_follow: bool,
) -> None:
    """Show the decoded records of a topic, from Kafka or from an archive."""
    reader.known(topic)
    address = kafka or Settings.read().kafka
    if archive is not None:
        messages = reader.from_archive(archive, topic, since)
    elif address:
        messages = reader.from_kafka(address, topic, since, follow=not no_follow)
    else:
        raise UsageError("no Kafka named: give --kafka ADDRESS, set SHARPLINE_KAFKA, or name an --archive")
    shown = 0
    try:
        for message in messages:
            if event and event_of(message.key) != event:
                continue
            click.echo(reader.as_json(message) if as_json else reader.as_text(message))
            shown += 1
            if shown == count:
                return
    except KeyboardInterrupt:
        return

"""``sharpline alias`` and ``sharpline unmatched``: what sources mean, where the tables do not say."""

import time
from datetime import UTC, datetime
from typing import Any

import click
import msgspec
from rich.console import Console
from rich.table import Table

from pipeline import codec, data, ids
from pipeline.cli.lag import PIPED_WIDTH
from pipeline.cli.verify import named
from pipeline.errors import Refused, UsageError
from pipeline.records import SourceAlias, Unmatched, UnmatchedState
from pipeline.replay.append import append
from pipeline.replay.current import current

#: Candidates of a game that are shown to a person; JSON has them all.
SHOWN = 3

kafka_option = click.option(
    "--kafka", metavar="ADDRESS", help="Bootstrap address; default is SHARPLINE_KAFKA."
)
json_option = click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")


@click.group(
    epilog="""\b
Examples:
  sharpline alias add nfl "KC Chiefs" kc --source espn
  sharpline alias event espn 401772510 nfl:2025-09-14:kc-phi
  sharpline alias list
"""
)
def alias() -> None:
    """Say which team a name means, or which event a source's own id of a game.

    What `sharpline unmatched` lists is published as soon as it is said, under the right id. The newest word
    holds; a source's own goes before everybody's.
    """


@alias.command(epilog='Example: sharpline alias add nfl "KC Chiefs" kc --source espn')
@click.argument("league")
@click.argument("name")
@click.argument("team")
@click.option("--source", default="", metavar="SOURCE", help="Only where this source writes it so.")
@click.option("--new", is_flag=True, help="The team is in no table yet: its code becomes part of event ids.")
@kafka_option
def add(league: str, name: str, team: str, source: str, new: bool, kafka: str | None) -> None:
    """The team that a NAME means, as it is written, in a LEAGUE."""
    check_name(league, name, team, source, is_new=new)
    said = _said(league=league, name=" ".join(name.split()), team=team, source=source)
    append(named(kafka), said)
    click.echo(f"{name!r} is {team} in {league}{f', as {source} writes it' if source else ''}")


@alias.command("event", epilog="Example: sharpline alias event espn 401772510 nfl:2025-09-14:kc-phi")
@click.argument("source")
@click.argument("source_id")
@click.argument("event_id")
@kafka_option
def event(source: str, source_id: str, event_id: str, kafka: str | None) -> None:
    """The event that a SOURCE's own id of a game means."""
    _check_source(source)
    try:
        ids.parse(event_id)
    except Refused as error:
        raise UsageError(str(error)) from error
    append(named(kafka), _said(source=source, source_id=source_id, event_id=event_id))
    click.echo(f"{source_id} of {source} is {event_id}")


@alias.command("list", epilog="Example: sharpline alias list --kafka 127.0.0.1:9092")
@json_option
@kafka_option
def listed(kafka: str | None, as_json: bool) -> None:
    """What was said by people; the tables that are shipped are not listed."""
    found: list[SourceAlias] = list(current(named(kafka), "sources.aliases").values())
    if as_json:
        _print_json(found)
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in ("league", "source", "as written", "means", "since"):
        table.add_column(column, overflow="fold")
    for said in found:
        written, means = said.name or said.source_id, said.team or said.event_id
        table.add_row(said.league, said.source or "every", written, means, _at(said.received_at_ms))
    _print(table, found, "nothing was said")


@click.command(epilog="Example: sharpline unmatched --kafka 127.0.0.1:9092")
@json_option
@kafka_option
def unmatched(kafka: str | None, as_json: bool) -> None:
    """Games that a source shows and nobody surely knows: what waits, since when, and what it may be."""
    found = waiting(named(kafka))
    if as_json:
        _print_json(found)
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in ("source", "id", "game", "starts", "since", "records", "may be"):
        table.add_column(column, overflow="fold")
    for one in found:
        may_be = "\n".join(
            f"{c.name + ' = ' if c.name else ''}{c.team or c.event_id} {c.score:.2f}: {c.reason}"
            for c in one.candidates[:SHOWN]
        )
        game = f"{one.league}: {one.home} - {one.away}"
        times = _at(one.starts_at_ms), _at(one.since_ms)
        table.add_row(one.source, one.source_id, game, *times, str(one.waiting), may_be or one.reason)
    _print(table, found, "nothing waits")


def waiting(bootstrap: str) -> list[Unmatched]:
    """The games that wait, the longest first."""
    found: list[Unmatched] = list(current(bootstrap, "sources.unmatched").values())
    return sorted(
        (one for one in found if one.state is UnmatchedState.WAITING),
        key=lambda one: (one.since_ms, one.source, one.source_id),
    )


def check_name(league: str, name: str, team: str, source: str, *, is_new: bool) -> None:
    """Raises UsageError where a name cannot mean this team."""
    if league not in data.leagues():
        raise UsageError(f"there is no league {league!r}; there are {', '.join(data.leagues())}")
    _check_source(source)
    if not name.strip():
        raise UsageError("an empty name is nobody's")
    written = [row.alias for row in data.teams() if row.league == league and row.team == team]
    if is_new:
        if not (team.isascii() and team.isalnum() and team == team.lower()):
            raise UsageError(f"{team!r} is no code of a team: small letters and digits, as kc")
        return
    if not written:
        codes = ", ".join(sorted({row.team for row in data.teams() if row.league == league}))
        raise UsageError(f"no team of {league} has the code {team!r}; there are {codes}; or say --new")
    if not any(ids.marks(one) == ids.marks(name) for one in written):
        whose = " and ".join(sorted(ids.marks(name))) or "men"
        raise UsageError(f"{name!r} is a side of {whose}, and {team} of {league} ({written[0]}) is not")


def _check_source(source: str) -> None:
    if source and source not in data.sources():
        raise UsageError(f"there is no source {source!r}; there are {', '.join(data.sources())}")


def _said(**fields: str) -> SourceAlias:
    nothing = {"league": "", "source": "", "name": "", "team": "", "source_id": "", "event_id": ""}
    now_ms = time.time_ns() // 1_000_000
    return SourceAlias(**(nothing | fields), received_at_ms=now_ms, origin="sharpline alias")


def _at(ms: int) -> str:
    return f"{datetime.fromtimestamp(ms / 1000, UTC):%Y-%m-%d %H:%M}Z"


def _print_json(records: list[Any]) -> None:
    for record in records:
        click.echo(msgspec.json.encode(codec.plain(record)).decode())


def _print(table: Table, found: list[Any], nothing: str) -> None:
    if not found:
        click.echo(nothing)
        return
    console = Console()
    if not console.is_terminal:
        console.width = PIPED_WIDTH
    console.print(table)

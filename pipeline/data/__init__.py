"""Tables that belong to no single event, each named by the hash of its bytes in every answer that used it.

Leagues and rounds of cups, sources, books and how they settle, teams. The closed-form parameters of a league
are averages of recent seasons, a prior of last resort: the closing line replaces them wherever there is one.
"""

import csv
import hashlib
from collections.abc import Iterable
from datetime import date
from functools import cache
from importlib.resources import files
from itertools import product
from typing import Annotated, Any, Literal, TypeVar

import msgspec
from msgspec import Meta, Struct
from msgspec.structs import replace

from pipeline.domain.rules import Retirement, Rules

T = TypeVar("T")


class League(Struct, frozen=True):
    """A competition. Times in seconds, margins and totals in points of the final score, rates a game.

    ``overtime_draw``: the share of games level after regulation that stay a draw; 1 where none is played on.
    """

    league: str
    sport: str
    name: str
    zone: str
    the_odds_api: str
    periods: int
    period_s: float
    overtime_s: float
    model: str
    margin_mean: float
    margin_sd: float
    total_mean: float
    total_sd: float
    home_rate: float
    away_rate: float
    overtime_home: float
    overtime_draw: float


class Round(Struct, frozen=True):
    """Days of a cup, the league's own, first and last included: level games of a group are draws."""

    league: str
    from_day: date
    to_day: date
    round: Literal["group", "knock-out"]


class Source(Struct, frozen=True):
    """Where records come from. ``trust``: of two that show the same book or game, the higher one speaks."""

    source: str
    interval_s: float
    trust: int
    note: str


class Book(Struct, frozen=True):
    """A bookmaker or exchange. Brands of one ``desk`` share a line and count as one vote of ``weight``.

    ``commission``: the share of net winnings that it keeps.
    """

    book: str
    name: str
    desk: str
    region: str
    kind: str
    weight: float
    commission: float


class Team(Struct, frozen=True):
    """One way in which a team is written. ``source`` is empty where every source may write it so."""

    league: str
    team: str
    alias: str
    source: str


class SettlementRow(Struct, frozen=True):
    """What a book says of how it settles; None where nothing is known. ``*``: every book, every market."""

    book: str
    sport: str
    market: str
    overtime: bool | None = None
    listed_pitcher: bool | None = None
    retirement: Literal["ball_served", "one_set", "full_match"] | None = None
    resumed_within_hours: Annotated[int, Meta(ge=0)] | None = None


def _lines(table: str) -> Iterable[dict[str, str]]:
    return csv.DictReader(_bytes(table).decode().splitlines())


def _rows(table: str, row: type[T]) -> list[T]:
    return [msgspec.convert(line, row, strict=False) for line in _lines(table)]


def _bytes(table: str) -> bytes:
    return (files(__name__) / table).read_bytes()


@cache
def leagues() -> dict[str, League]:
    """Every league by its key."""
    return {row.league: row for row in _rows("leagues.csv", League)}


@cache
def rounds() -> tuple[Round, ...]:
    """What is known of which days of a cup are which round."""
    return tuple(_rows("rounds.csv", Round))


def league_on(league: str, day: date) -> League:
    """A league as its games of a day are played: those of a cup's group end level, others are played on.

    Where nobody knows the round the league's own row stands, whose ``overtime_draw`` is how often it is a
    group. Raises KeyError where the league is not known.
    """
    row = leagues()[league]
    known = [found for found in rounds() if found.league == league and found.from_day <= day <= found.to_day]
    return replace(row, overtime_draw=float(known[0].round == "group")) if known else row


@cache
def sources() -> dict[str, Source]:
    """Every source by its name."""
    return {row.source: row for row in _rows("sources.csv", Source)}


def known_source(source: str) -> str:
    """Its name, where a file knows it, else ``other``: for labels, which come from a closed set."""
    return source if source in sources() else "other"


@cache
def books() -> dict[str, Book]:
    """Every book by its key."""
    return {row.book: row for row in _rows("books.csv", Book)}


@cache
def teams() -> tuple[Team, ...]:
    """Every known way to write a team."""
    return tuple(_rows("teams.csv", Team))


@cache
def settlement_rows() -> dict[tuple[str, str, str], SettlementRow]:
    """What is known of how books settle, by book, sport and market."""
    said = [{name: cell for name, cell in line.items() if cell} for line in _lines("rules.csv")]
    rows = [msgspec.convert(line, SettlementRow, strict=False) for line in said]
    return {(row.book, row.sport, row.market): row for row in rows}


@cache
def settlement_rules(book: str, sport: str, market: str) -> Rules:
    """How a book settles a market: each rule as the most particular row that knows it says.

    A book's own row comes before everybody's, then a market's before that of all markets. What no row knows
    is as `Rules` has it. Overtime is what counts where the market itself does not say: a market whose scope
    is ``regulation`` never counts it at any book, which is for the caller to see to, who has the scope.

    Examples
    --------
    >>> settlement_rules("smarkets", "baseball", "h2h").listed_pitcher
    True
    """
    said: dict[str, Any] = {}
    for whose, which in product(("*", book), ("*", market)):
        row = settlement_rows().get((whose, sport, which))
        said |= {rule: known for rule in Rules._fields if (known := getattr(row, rule, None)) is not None}
    if "retirement" in said:
        said["retirement"] = Retirement[said["retirement"].upper()]
    return Rules(**said)


@cache
def content(*tables: str) -> bytes:
    """The tables' bytes, one after the other."""
    return b"".join(_bytes(table) for table in tables)


@cache
def digest(*tables: str) -> str:
    """The first 12 hexadecimal digits of the SHA-256 of the tables' bytes, in the order given."""
    return hashlib.sha256(content(*tables)).hexdigest()[:12]

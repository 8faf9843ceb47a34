"""Tables that belong to no single event, each named by the hash of its bytes in every answer that used it.

Leagues, sources, books and teams. The closed-form parameters of a league are averages of recent seasons,
a prior of last resort: the closing line replaces them wherever there is one.
"""

import csv
import hashlib
from functools import cache
from importlib.resources import files
from typing import TypeVar

import msgspec
from msgspec import Struct

T = TypeVar("T")


class League(Struct, frozen=True):
    """A competition. Times in seconds, margins and totals in points of the final score, rates a game."""

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


def _rows(table: str, row: type[T]) -> list[T]:
    lines = csv.DictReader(_bytes(table).decode().splitlines())
    return [msgspec.convert(line, row, strict=False) for line in lines]


def _bytes(table: str) -> bytes:
    return (files(__name__) / table).read_bytes()


@cache
def leagues() -> dict[str, League]:
    """Every league by its key."""
    return {row.league: row for row in _rows("leagues.csv", League)}


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
def content(*tables: str) -> bytes:
    """The tables' bytes, one after the other."""
    return b"".join(_bytes(table) for table in tables)


@cache
def digest(*tables: str) -> str:
    """The first 12 hexadecimal digits of the SHA-256 of the tables' bytes, in the order given."""
    return hashlib.sha256(content(*tables)).hexdigest()[:12]

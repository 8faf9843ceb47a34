"""Readable ids of events, and who is who.

``nfl:2025-09-14:kc-phi``: league, league-local date as first seen, official home side first; a second game
of the same sides that day ends in ``:2``. A name that is not surely known is refused, never guessed.
"""

import re
from datetime import UTC, date, datetime, time, timedelta
from functools import cache, lru_cache
from typing import NamedTuple
from zoneinfo import ZoneInfo

from pipeline import data
from pipeline.data import League
from pipeline.errors import Refused

_EVENT_ID = re.compile(
    r"(?P<league>[a-z0-9]+(?:-[a-z0-9]+)*):(?P<day>\d{4}-\d\d-\d\d):(?P<home>[a-z0-9]+)-(?P<away>[a-z0-9]+)"
    r"(?::(?P<game>[2-9]))?",
    re.ASCII,
)


class EventId(NamedTuple):
    """The parts of an event's id. ``game`` counts the games of the same sides on the same day from 1."""

    league: str
    day: date
    home: str
    away: str
    game: int = 1

    def __str__(self) -> str:
        suffix = f":{self.game}" if self.game > 1 else ""
        return f"{self.league}:{self.day}:{self.home}-{self.away}{suffix}"


@lru_cache(maxsize=65_536)
def league_of(event_id: str) -> League:
    """The league of an event, as that game is played. Raises Refused where the id is not one."""
    event = parse(event_id)
    return data.league_on(event.league, event.day)


@lru_cache(maxsize=65_536)
def parse(event_id: str) -> EventId:
    """The parts of an id. Raises Refused where it is not one."""
    match = _EVENT_ID.fullmatch(event_id)
    if match is None or match["league"] not in data.leagues() or match["home"] == match["away"]:
        raise Refused(f"{event_id[:80]!r} is not an event id like nfl:2025-09-14:kc-phi of a known league")
    try:
        day = date.fromisoformat(match["day"])
    except ValueError as error:
        raise Refused(f"{event_id!r}: {error}") from error
    return EventId(match["league"], day, match["home"], match["away"], int(match["game"] or 1))


def local_day(league: str, at_ms: int) -> date:
    """The league's own date at a moment (Unix ms). Raises Refused where no date can be had of it."""
    try:
        moment = datetime.fromtimestamp(at_ms / 1000, UTC)
        return moment.astimezone(ZoneInfo(data.leagues()[league].zone)).date()
    except (ValueError, OverflowError, OSError) as error:
        raise Refused(f"{at_ms} is not a time in Unix ms: {error}") from error


def day_over_ms(event_id: str) -> int:
    """Unix ms at which the event's day has ended in every zone and its games are over."""
    noon_after = datetime.combine(parse(event_id).day, time(12), UTC) + timedelta(days=1)
    return int(noon_after.timestamp()) * 1000


#: Words that make another team of a club's or country's name.
_MARKS = re.compile(
    r"\b(?:(?P<women>women(?:'?s)?|ladies|feminin[eo]?|femenin[ao]|femminile|frauen|damen|w)"
    r"|(?P<young>u-?\d\d|under[- ]\d\d|youth|juniors?|academy)"
    r"|(?P<reserves>reserves?|b|ii|iii)|(?P<machines>e-?sports|cyber|srl))(?!\w)",
    re.IGNORECASE,
)


def folded(name: str) -> str:
    """A name as tables of names are searched for it: spaces and capitals do not tell teams apart."""
    return " ".join(name.split()).casefold()


def marks(name: str) -> frozenset[str]:
    """Of whom a name says that the team is, beside the first one of men: women, the young, reserves.

    Examples
    --------
    >>> sorted(marks("Arsenal Women U21"))
    ['women', 'young']
    """
    return frozenset(match.lastgroup for match in _MARKS.finditer(name) if match.lastgroup)


@cache
def _aliases() -> dict[tuple[str, str, str], str]:
    return {(row.league, row.source, row.alias.casefold()): row.team for row in data.teams()}


def team(league: str, name: str, source: str = "") -> str:
    """The team's code within its league. Raises Refused where the name is not in ``data/teams.csv``."""
    wanted = folded(name)
    code = _aliases().get((league, source, wanted)) or _aliases().get((league, "", wanted))
    if code is None:
        raise Refused(f"no team of {league} is known as {name!r}; add a line to pipeline/data/teams.csv")
    return code


def identify(league: str, starts_at_ms: int, home: str, away: str, source: str = "") -> str:
    """The id of an event as a source writes it: its scheduled start and its sides' names.

    Raises Refused where league or a name is not known, and where the start is not.
    """
    if league not in data.leagues():
        raise Refused(f"unknown league {league!r}; add a line to pipeline/data/leagues.csv")
    if starts_at_ms <= 0:
        raise Refused(f"{league}: {home!r} against {away!r} has no start, so its id has no date")
    sides = team(league, home, source), team(league, away, source)
    event_id = str(EventId(league, local_day(league, starts_at_ms), *sides))
    parse(event_id)  # refuses a team that plays itself
    return event_id

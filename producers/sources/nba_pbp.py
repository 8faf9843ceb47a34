"""Play-by-play of the NBA (stats.nba.com, playbyplayv2) as if it were live: a record for each row.

A row's score and clock are those after it, so a record is the state after its row: who has the ball and how
many team fouls each side has is worked out from the rows so far. Rows stand in the order of the game.

The file says the league's wall clock (Eastern time wherever the arena is) to the minute and no date, which
comes from the calendar, or from a column ``GAME_DATE`` of the file of games. Rows of one minute share it in
their order, and a record is received a minute and the usual delay later: never before its row was played.
There are no odds.
"""

import re
from collections.abc import Iterator, Sequence
from datetime import date, datetime, time
from heapq import merge
from itertools import groupby
from pathlib import Path
from typing import NamedTuple
from zoneinfo import ZoneInfo

from pipeline import ids
from pipeline.errors import Refused
from pipeline.records import Basketball, GameStatus, Record
from producers.sources.games import (
    BEFORE_MS,
    Refuse,
    Row,
    Telling,
    games_of,
    in_time,
    received_at_ms,
    rows_of,
    two_kinds,
)
from producers.sources.nba_calendar import day_of

NAME = "nba-pbp"
LEAGUE = "nba"
#: What a file must have to be play-by-play of this kind, and to be the list of its games.
COLUMNS = frozenset(
    [
        "GAME_ID", "EVENTMSGTYPE", "EVENTMSGACTIONTYPE", "PERIOD", "WCTIMESTRING", "PCTIMESTRING",
        "HOMEDESCRIPTION", "NEUTRALDESCRIPTION", "VISITORDESCRIPTION", "HOME_SCORE", "AWAY_SCORE",
        "PLAYER1_TEAM_ABBREVIATION",
    ]
)  # fmt: skip
GAMES = frozenset({"GAME_ID", "HOME_TEAM", "AWAY_TEAM", "HOME_FINAL", "AWAY_FINAL"})

EASTERN = ZoneInfo("America/New_York")
MINUTE_MS, DAY_MS = 60_000, 86_400_000
#: The wall clock is to the minute; beyond it nobody knows of a play earlier than ten seconds after it.
DELAY_MS = MINUTE_MS + 10_000
#: A wall clock that one of the next rows says was not reached by so much is a slip of the keyboard.
BELIEVED_MS, LOOK_AHEAD = 30 * MINUTE_MS, 6
#: A row of a type that is not here is a play.
MADE, MISSED, FREE_THROW, REBOUND, TURNOVER, FOUL = "1", "2", "3", "4", "5", "6"
TIMEOUT, JUMP_BALL, PERIOD_START, PERIOD_END, REVIEW = "9", "10", "12", "13", "18"
KINDS = {
    TURNOVER: "turnover",
    TIMEOUT: "timeout",
    PERIOD_START: "period_start",
    PERIOD_END: "period_end",
    REVIEW: "review",
}
#: Fouls by their action type after which the other side does not get the ball: of the side that has it, of
#: both, technical ones and those away from the play.
KEEPING = frozenset({"4", "10", "11", "12", "13", "16", "17", "18", "19", "25", "26", "30"})
#: What a foul says of its side: ``(P2.T3)`` is the third of the team in the period, ``PN`` one in the bonus.
TEAM_FOULS = re.compile(r"\(P\d+\.(?:T(?P<count>\d+)|PN)\)")
LAST_FREE_THROW = re.compile(r"Free Throw (?:Flagrant |Clear Path )?(?P<nth>\d) of (?P<all>\d)")


class Listed(NamedTuple):
    """A game of the file of games."""

    home: str
    away: str
    final: tuple[int, int]
    day: str


def starts(paths: Sequence[Path]) -> dict[str, int]:
    """When each game that is listed and has plays begins (Unix ms, its first row), by event id."""
    found: dict[str, int] = {}
    listed, plays = _sorted_out(paths, _quiet)
    for path in plays:
        for game_id, begins_ms in _begins(path, listed).items():
            try:
                found[_event_id(game_id, listed)] = begins_ms
            except Refused:  # told when it is published
                continue
    return found


def recorded(paths: Sequence[Path], refuse: Refuse, from_ms: int = 0) -> Iterator[Record]:
    """The records of all games by received time, from a time on; a game that cannot be read is refused."""
    listed, plays = _sorted_out(paths, refuse)
    streams = [in_time(_told(path, listed, refuse), _first_ms(path, listed)) for path in plays]
    return (record for record in merge(*streams, key=received_at_ms) if received_at_ms(record) >= from_ms)


def game(game_id: str, rows: Sequence[Row], listed: dict[str, Listed]) -> list[Record]:
    """The records of one game, from an hour before its first row to its end.

    Raises Refused, KeyError or ValueError where a row cannot be read or the end is not the final score.
    """
    here = listed.get(game_id)
    event_id = _event_id(game_id, listed)
    assert here is not None
    moments = _moments(_day(game_id, here), rows)
    told = Telling(NAME, game_id, event_id, here.home, here.away, begins_ms=moments[0], delay_ms=DELAY_MS)
    play = _Play(here)
    for place, row in enumerate(rows):
        before = play.score
        play.after(row)
        last = place == len(rows) - 1
        over = last and row["EVENTMSGTYPE"] == PERIOD_END
        told.add(
            f"{game_id}/{place}",
            "final" if over else "start" if place == 0 else _kind(row, before, play.score),
            moments[place],
            status=GameStatus.FINAL if over else GameStatus.LIVE,
            period=int(row["PERIOD"]),
            clock_s=_clock_s(row["PCTIMESTRING"]),
            score=play.score,
            situation=play.situation(),
            text=" / ".join(filter(None, (row[f"{side}DESCRIPTION"] for side in SIDES))),
        )
    if rows[-1]["EVENTMSGTYPE"] != PERIOD_END:
        raise Refused("the file breaks off before the end of the game")
    if play.score != here.final:
        raise Refused(f"its plays end {play.score} and the list of games says {here.final}")
    return told.records


SIDES = ("HOME", "NEUTRAL", "VISITOR")


class _Play:
    """What stands after the rows so far."""

    def __init__(self, listed: Listed) -> None:
        self.sides = {listed.home: "home", listed.away: "away"}
        self.score = 0, 0
        self.period = 0
        self.possession = ""
        self.fouls = {"home": 0, "away": 0}

    def after(self, row: Row) -> None:
        kind, side = row["EVENTMSGTYPE"], self._side(row)
        other = {"home": "away", "away": "home"}.get(side, "")
        self.score = int(row["HOME_SCORE"]), int(row["AWAY_SCORE"])
        if (period := int(row["PERIOD"])) != self.period:
            if period < self.period:
                raise Refused(f"period {period} comes after period {self.period}")
            self.period, self.fouls = period, {"home": 0, "away": 0}
        if kind == FOUL and side:
            self._foul(row, side, other)
        elif kind in (MADE, TURNOVER):
            self.possession = other
        elif kind == REBOUND:
            self.possession = side
        elif kind in (MISSED, JUMP_BALL, PERIOD_START, PERIOD_END):
            self.possession = ""
        elif kind == FREE_THROW:
            self._free_throw(row, side, other)

    def situation(self) -> Basketball:
        return Basketball(
            possession=self.possession, home_fouls=self.fouls["home"], away_fouls=self.fouls["away"]
        )

    def _side(self, row: Row) -> str:
        """Whose row it is: the first player's side, of a row without one the side that is written about."""
        if row["PLAYER1_TEAM_ABBREVIATION"]:
            return self.sides[row["PLAYER1_TEAM_ABBREVIATION"]]
        home, away = bool(row["HOMEDESCRIPTION"]), bool(row["VISITORDESCRIPTION"])
        return "" if home == away else "home" if home else "away"

    def _foul(self, row: Row, side: str, other: str) -> None:
        if found := TEAM_FOULS.search(row["HOMEDESCRIPTION"] or row["VISITORDESCRIPTION"]):
            # In the bonus they are no longer numbered, but go on.
            self.fouls[side] = int(found["count"] or self.fouls[side] + 1)
        if row["EVENTMSGACTIONTYPE"] not in KEEPING:
            self.possession = other

    def _free_throw(self, row: Row, side: str, other: str) -> None:
        words = row["HOMEDESCRIPTION"] or row["VISITORDESCRIPTION"]
        found = LAST_FREE_THROW.search(words)
        if found is None or "Flagrant" in words or "Clear Path" in words:
            return  # technical ones, and those after which the side keeps the ball, change nothing
        if found["nth"] != found["all"]:
            self.possession = side
        else:
            self.possession = "" if words.startswith("MISS") else other


def _kind(row: Row, before: tuple[int, int], after: tuple[int, int]) -> str:
    if after[0] < before[0] or after[1] < before[1]:
        return "correction"
    return "score" if after != before else KINDS.get(row["EVENTMSGTYPE"], "play")


def _clock_s(text: str) -> float:
    minutes, seconds = text.split(":")
    return 60.0 * int(minutes) + float(seconds)


def _event_id(game_id: str, listed: dict[str, Listed]) -> str:
    here = listed.get(game_id)
    if here is None:
        raise Refused("the file of games does not list it")
    home, away = ids.team(LEAGUE, here.home, NAME), ids.team(LEAGUE, here.away, NAME)
    event_id = str(ids.EventId(LEAGUE, _day(game_id, here), home, away))
    ids.parse(event_id)  # refuses a team that plays itself
    return event_id


def _day(game_id: str, listed: Listed) -> date:
    return date.fromisoformat(listed.day[:10]) if listed.day else day_of(game_id)


def _moments(day: date, rows: Sequence[Row]) -> list[int]:
    """When each row was played, Unix ms: rows of a minute share it in their order."""
    minutes = _minutes(day, [row["WCTIMESTRING"] for row in rows])
    moments = []
    for minute_ms, group in groupby(minutes):
        count = sum(1 for _ in group)
        moments += [minute_ms + MINUTE_MS * nth // count for nth in range(count)]
    return moments


def _minutes(day: date, texts: Sequence[str]) -> list[int]:
    """The wall clock of each row, Unix ms; it never runs back, and goes on through midnight."""
    said = [_minute_ms(day, text) for text in texts]
    minutes: list[int] = []
    for place, at_ms in enumerate(said):
        before_ms = minutes[-1] if minutes else at_ms
        now_ms, *following = [_nearest(before_ms, near_ms) for near_ms in said[place : place + LOOK_AHEAD]]
        slipped = any(near_ms < now_ms - BELIEVED_MS for near_ms in following)
        minutes.append(before_ms if slipped else max(before_ms, now_ms))
    return minutes


def _nearest(to_ms: int, at_ms: int) -> int:
    """The same time of day, on the day on which it is nearest to another moment."""
    return at_ms + DAY_MS * round((to_ms - at_ms) / DAY_MS)


def _minute_ms(day: date, text: str) -> int:
    at = datetime.combine(day, time(*_time_of_day(text)), EASTERN)
    return int(at.timestamp()) * 1000


def _time_of_day(text: str) -> tuple[int, int]:
    clock, _, half = text.partition(" ")
    hour, _, minute = clock.partition(":")
    if half not in ("AM", "PM"):
        raise ValueError(f"{text!r} is no time of day like 8:12 PM")
    return int(hour) % 12 + (12 if half == "PM" else 0), int(minute)


def _told(path: Path, listed: dict[str, Listed], refuse: Refuse) -> Iterator[tuple[str, list[Record]]]:
    for game_id, rows in games_of(path, "GAME_ID", refuse):
        records: list[Record] = []
        try:
            records = game(game_id, rows, listed)
        except (Refused, KeyError, ValueError, TypeError) as error:
            refuse(f"a game cannot be read: {error}", f"{path.name}, game {game_id}")
        yield game_id, records


def _begins(path: Path, listed: dict[str, Listed]) -> dict[str, int]:
    """When each game of a file of plays begins, Unix ms; of one that cannot be read the start of time."""
    begins: dict[str, int] = {}
    for game_id, rows in groupby(rows_of(path, _quiet), lambda row: row["GAME_ID"]):
        if game_id in begins:
            continue
        try:
            first = next(rows)
            begins[game_id] = _minute_ms(_day(game_id, listed[game_id]), first["WCTIMESTRING"])
        except (Refused, KeyError, ValueError):
            begins[game_id] = 0
    return begins


def _first_ms(path: Path, listed: dict[str, Listed]) -> dict[str, int]:
    return {game_id: at_ms - BEFORE_MS for game_id, at_ms in _begins(path, listed).items()}


def _sorted_out(paths: Sequence[Path], refuse: Refuse) -> tuple[dict[str, Listed], list[Path]]:
    """The games that the files of games list, and the files of plays. Raises UsageError without both."""
    lists, plays = two_kinds(paths, NAME, GAMES, COLUMNS)
    listed: dict[str, Listed] = {}
    for path in lists:
        for row in rows_of(path, refuse):
            try:
                final = int(row["HOME_FINAL"]), int(row["AWAY_FINAL"])
            except ValueError as error:
                refuse(f"a game cannot be read: {error}", f"{path.name}, game {row['GAME_ID']}")
                continue
            listed[row["GAME_ID"]] = Listed(
                row["HOME_TEAM"], row["AWAY_TEAM"], final, row.get("GAME_DATE", "")
            )
    return listed, plays


def _quiet(reason: str, where: str) -> None:
    """What is wrong with a game is told when it is published."""

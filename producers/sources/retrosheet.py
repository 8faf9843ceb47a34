"""Retrosheet's games of Major League Baseball as if they were live: a record before each play, and the end.

A row's state is the one before its play, so a record says where the game stands when a play begins and
nothing of what comes of it: the next record does. The count is the one at which the play happened, which
nobody knows before it, so it is left at none.

The files have the day and no time at all. Games are taken to begin when the last ones of an evening do and
to go on at the usual pace: a record never comes before its play was played. Where a game was broken off and
went on another day the files do not say; only one that is in `RESUMED` stands still in between.
"""

from collections.abc import Iterator, Sequence
from datetime import date, datetime, time
from functools import partial
from heapq import merge
from itertools import groupby
from pathlib import Path
from typing import NamedTuple
from zoneinfo import ZoneInfo

from pipeline import ids
from pipeline.errors import Refused
from pipeline.records import Baseball, GameStatus, Record
from producers.sources.games import (
    BEFORE_MS,
    Refuse,
    Row,
    Telling,
    games_of,
    in_time,
    received_at_ms,
    rows_of,
)

NAME = "retrosheet"
LEAGUE = "mlb"
#: What a file must have to be events of this kind.
COLUMNS = frozenset(
    [
        "gameId", "visitingTeam", "homeTeam", "inning", "battingTeam", "outs", "on1b", "on2b", "on3b",
        "visScore", "homeScore", "outsOnPlay", "runsOnPlay", "endGameFlag", "visFinal", "homeFinal",
    ]
)  # fmt: skip

EASTERN = ZoneInfo("America/New_York")
#: Nobody knows of a play earlier than this after it happened.
DELAY_MS = 10_000
#: When the last game of an evening begins, and the first and the second one of two on a day.
BEGINS = {"0": time(22, 15), "1": time(19, 15), "2": time(23, 15)}
#: From one play to the next, and from one half-inning to the next besides.
PLAY_MS, CHANGE_MS = 125_000, 150_000
#: Both games of a day had seven innings from then until the end of 2021.
SEVEN_FROM, SEVEN_UNTIL = date(2020, 8, 1), date(2021, 12, 31)
#: Announced for seven innings as well, each after a game of another day that was played to its end first.
SEVEN = frozenset({"TOR202008160"})
#: Broken off before the play of a row, and gone on with on another day, as the newspapers had it.
RESUMED = {
    "DET201905190": (60, date(2019, 9, 6)),
    "BOS201908070": (85, date(2019, 8, 22)),
    "WAS202008090": (47, date(2020, 8, 14)),
    "TOR202008150": (32, date(2020, 8, 16)),
}
#: From then on an extra inning begins with a runner on second base.
RUNNER_FROM = date(2020, 7, 23)


class Began(NamedTuple):
    """A game of a file: its event, and when it begins (Unix ms)."""

    event_id: str
    at_ms: int


def starts(paths: Sequence[Path]) -> dict[str, int]:
    """When each game is taken to begin (Unix ms), by event id."""
    return {
        began.event_id: began.at_ms for path in paths for began in _begun(path).values() if began.event_id
    }


def recorded(paths: Sequence[Path], refuse: Refuse, from_ms: int = 0) -> Iterator[Record]:
    """The records of all games by received time, from a time on; a game that cannot be read is refused."""
    streams = []
    for path in paths:
        begun = _begun(path)
        first_ms = {game_id: began.at_ms - BEFORE_MS for game_id, began in begun.items()}
        streams.append(in_time(_told(path, frozenset(begun), refuse), first_ms))
    return (record for record in merge(*streams, key=received_at_ms) if received_at_ms(record) >= from_ms)


def game(rows: Sequence[Row], others: frozenset[str] = frozenset()) -> list[Record]:
    """The records of one game, from an hour before its first play to its end.

    ``others`` are the ids of the games of its file. Raises Refused, KeyError or ValueError where a row cannot
    be read, the score falls, or the end is not the final score.
    """
    game_id = rows[0]["gameId"]
    began = _began(rows[0], others)
    if rows[0]["battingTeam"] != "0":
        raise Refused("the home side bats first, which no state of play can say")
    home, away = rows[0]["homeTeam"], rows[0]["visitingTeam"]
    told = Telling(NAME, game_id, began.event_id, home, away, begins_ms=began.at_ms, delay_ms=DELAY_MS)
    innings = _scheduled_innings(game_id)
    broken_off, resumed_on = RESUMED.get(game_id, (-1, _day(game_id)))
    at_ms, half, score = began.at_ms, (1, "top"), (0, 0)
    for place, row in enumerate(rows):
        before, was, half, score = score, half, _half(row), _score(row)
        if score[0] < before[0] or score[1] < before[1]:
            raise Refused(f"the score falls from {before} to {score} at row {place}")
        if half < was if half[0] != was[0] else (was[1], half[1]) == ("bottom", "top"):
            raise Refused(f"{half[1]} of inning {half[0]} comes after {was[1]} of inning {was[0]}")
        at_ms += PLAY_MS * (place > 0) + CHANGE_MS * (half != was)
        innings = _innings(game_id, innings, row, half != was)
        kind = "score" if score != before else "period_start" if half[0] != was[0] else "play"
        stands = partial(told.add, period=half[0], score=score, situation=_situation(row, half[1], innings))
        stands(f"{game_id}/{place}", "start" if place == 0 else kind, at_ms)
        if place == broken_off:
            stands(f"{game_id}/{place}/suspension", "suspension", at_ms, status=GameStatus.SUSPENDED)
            at_ms = _ms(resumed_on, BEGINS["0"])
            stands(f"{game_id}/{place}/resumption", "resumption", at_ms)
    last = rows[-1]
    final = int(last["homeFinal"]), int(last["visFinal"])
    _ended(last, score, final)
    told.add(
        f"{game_id}/{len(rows) - 1}/final",
        "final",
        at_ms + PLAY_MS,
        status=GameStatus.FINAL,
        period=half[0],
        score=final,
        situation=Baseball(
            half=half[1],
            outs=min(3, int(last["outs"]) + int(last["outsOnPlay"])),
            bases=0,
            balls=0,
            strikes=0,
            scheduled_innings=innings,
        ),
    )
    return told.records


def _ended(last: Row, before: tuple[int, int], final: tuple[int, int]) -> None:
    if last["endGameFlag"] != "T":
        raise Refused("the file breaks off before the end of the game")
    runs, home_bats = int(last["runsOnPlay"]), last["battingTeam"] == "1"
    scored = before[0] + runs * home_bats, before[1] + runs * (not home_bats)
    if scored != final:
        raise Refused(f"its plays end {scored} and its final score is {final}")


def _half(row: Row) -> tuple[int, str]:
    return int(row["inning"]), "bottom" if row["battingTeam"] == "1" else "top"


def _score(row: Row) -> tuple[int, int]:
    return int(row["homeScore"]), int(row["visScore"])


def _situation(row: Row, half: str, innings: int) -> Baseball:
    outs = int(row["outs"])
    if not 0 <= outs <= 2:
        raise Refused(f"a play begins with {outs} outs")
    return Baseball(
        half=half,
        outs=outs,
        bases=int(row["on1b"]) + 2 * int(row["on2b"]) + 4 * int(row["on3b"]),
        balls=0,
        strikes=0,
        scheduled_innings=innings,
    )


def _scheduled_innings(game_id: str) -> int:
    """For how many innings a game was announced."""
    of_two = game_id[-1] in "12" and SEVEN_FROM <= _day(game_id) <= SEVEN_UNTIL
    return 7 if of_two or game_id in SEVEN else 9


def _innings(game_id: str, innings: int, row: Row, changed: bool) -> int:
    """The same, as far as the play shows it: a runner is put on second base only after the last inning."""
    inning = int(row["inning"])
    put_there = changed and row["on2b"] == "1" and row["outs"] == "0" and _day(game_id) >= RUNNER_FROM
    return min(innings, inning - 1) if put_there and inning > 7 else innings


def _began(row: Row, others: frozenset[str]) -> Began:
    """Raises Refused, KeyError or ValueError where a game's sides or day cannot be read."""
    game_id, home, away = row["gameId"], row["homeTeam"], row["visitingTeam"]
    sides = ids.team(LEAGUE, home, NAME), ids.team(LEAGUE, away, NAME)
    if game_id[:3] != home or len(game_id) != 12:
        raise Refused(f"{game_id!r} is no id of a game of {home} like {home}202007240")
    # The second game of a day is the first in which its home side is at home where the other was before.
    at_home_before = f"{away}{game_id[3:11]}1" not in others
    number = 2 if game_id[-1] == "2" and at_home_before else 1
    event_id = str(ids.EventId(LEAGUE, _day(game_id), *sides, number))
    ids.parse(event_id)  # refuses a team that plays itself
    return Began(event_id, _ms(_day(game_id), BEGINS[game_id[-1]]))


def _day(game_id: str) -> date:
    return date.fromisoformat(game_id[3:11])


def _ms(day: date, at: time) -> int:
    return int(datetime.combine(day, at, EASTERN).timestamp()) * 1000


def _begun(path: Path) -> dict[str, Began]:
    """Every game of a file, in its order; one whose first row cannot be read has no event."""
    first: dict[str, Row] = {}
    for game_id, rows in groupby(rows_of(path, _quiet), lambda row: row["gameId"]):
        first.setdefault(game_id, next(rows))
    others = frozenset(first)
    begun = {}
    for game_id, row in first.items():
        try:
            begun[game_id] = _began(row, others)
        except (Refused, KeyError, ValueError):
            begun[game_id] = Began("", 0)
    return begun


def _told(path: Path, others: frozenset[str], refuse: Refuse) -> Iterator[tuple[str, list[Record]]]:
    for game_id, rows in games_of(path, "gameId", refuse):
        records: list[Record] = []
        try:
            records = game(rows, others)
        except (Refused, KeyError, ValueError, TypeError) as error:
            refuse(f"a game cannot be read: {error}", f"{path.name}, game {game_id}")
        yield game_id, records


def _quiet(reason: str, where: str) -> None:
    """What is wrong with a game is told when it is published."""

"""Wyscout's events of football matches as if they were live: goals, cards, shots, corners, and each minute.

A record of an event is the state after it. Besides there is a clock record for each minute from 0 to 90, the
state as the minute begins. The second half begins at 45, so what is added to the first stands before the
record of minute 45, and what is added to the second comes after that of minute 90. Extra time is periods 3
and 4; a shoot-out is period 5, whose penalties are no goals.

The files say the scheduled kick-off, and of an event the seconds since its half began. A half is taken to
last as long as its last event says, at least its 45 or 15 minutes, and breaks as long as is usual; records
are received the delay later, which is also what a kick-off is late. Prices that the file of matches took
from football-data.co.uk come at the times that `football_data_co_uk` gives them.
"""

import re
from collections.abc import Collection, Iterator, Sequence
from datetime import UTC, datetime
from heapq import merge
from itertools import groupby
from pathlib import Path
from zoneinfo import ZoneInfo

from msgspec.structs import replace

from pipeline import ids
from pipeline.errors import Refused
from pipeline.records import GameStatus, OddsSnapshot, Record, Soccer
from producers.sources import football_data_co_uk as football_data
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

NAME = "wyscout"
#: What a file must have to be events of this kind, and to be the list of their matches.
COLUMNS = frozenset({"match_id", "period", "event_sec", "side", "type", "detail"})
MATCHES = frozenset(
    [
        "match_id", "competition", "date_utc", "label", "home_team", "away_team", "home_score_p",
        "away_score_p", "last_event_sec_1H", "last_event_sec_2H",
    ]
)  # fmt: skip
LEAGUES = {
    "England": "epl", "Spain": "la-liga", "Italy": "serie-a", "Germany": "bundesliga", "France": "ligue-1",
    "European_Championship": "euro", "World_Cup": "world-cup",
}  # fmt: skip
PERIODS = {"1H": 1, "2H": 2, "E1": 3, "E2": 4, "P": 5}
FIRST_HALF, SECOND_HALF, SHOOT_OUT = 1, 2, 5
#: Nominal lengths of the periods, and of the breaks before them, in seconds.
LENGTHS_S = {1: 2700, 2: 2700, 3: 900, 4: 900, 5: 0}
BREAKS_S = {1: 0, 2: 900, 3: 300, 4: 60, 5: 300}
HALF_MIN, LAST_MIN = 45, 90
KINDS = {
    "goal": "score", "own_goal": "score", "yellow_card": "card", "second_yellow": "card", "red_card": "card",
    "shot": "play", "corner": "play",
}  # fmt: skip
SENT_OFF = frozenset({"second_yellow", "red_card"})
#: Matches kick off up to a minute late, and nobody knows of an event earlier than some seconds after it.
DELAY_MS = 60_000
UK = ZoneInfo("Europe/London")
#: How a match's label ends, perhaps with a letter for extra time or penalties.
FINAL_SCORE = re.compile(r", (?P<home>\d+) - (?P<away>\d+)(?: \([EP]\))?$")


def starts(paths: Sequence[Path]) -> dict[str, int]:
    """When each match that is listed kicks off (Unix ms), by event id."""
    listing, _ = two_kinds(paths, NAME, MATCHES, COLUMNS)
    found: dict[str, int] = {}
    for row in (row for path in listing for row in rows_of(path, _quiet)):
        try:
            found[event_id_of(row)] = _kick_off_ms(row)
        except (Refused, ValueError):  # told when it is published
            continue
    return found


def recorded(
    paths: Sequence[Path], refuse: Refuse, from_ms: int = 0, priced: Collection[str] = ()
) -> Iterator[Record]:
    """The records of all matches by received time, from a time on; one that cannot be read is refused.

    ``priced`` are the events whose prices another source gives.
    """
    listing, playing = two_kinds(paths, NAME, MATCHES, COLUMNS)
    matches = {row["match_id"]: row for path in listing for row in rows_of(path, refuse)}
    streams = [in_time(_told(path, matches, priced, refuse), _first_ms(path, matches)) for path in playing]
    return (record for record in merge(*streams, key=received_at_ms) if received_at_ms(record) >= from_ms)


def match(listed: Row, rows: Sequence[Row], refuse: Refuse, priced: Collection[str] = ()) -> list[Record]:
    """The records of one match, from its first price or an hour before it to its end.

    ``refuse`` is told of single prices. Raises Refused, KeyError or ValueError where a row cannot be read or
    the goals do not add up to the score.
    """
    match_id, event_id, starts_at_ms = listed["match_id"], event_id_of(listed), _kick_off_ms(listed)
    prices = [] if event_id in priced else _prices(listed, event_id, refuse)
    told = Telling(
        NAME, match_id, event_id, listed["home_team"], listed["away_team"],
        begins_ms=starts_at_ms, delay_ms=DELAY_MS, starts_at_ms=starts_at_ms,
        known_ms=min((price.received_at_ms for price in prices), default=0),
    )  # fmt: skip
    begins_ms = _begins_ms(listed, starts_at_ms)
    play = _Play()
    minute, last = 0, (FIRST_HALF, 0.0)

    def add(source_event_id: str, kind: str, period: int, second: float, text: str = "") -> None:
        told.add(
            source_event_id,
            kind,
            begins_ms[period] + round(1000 * second),
            period=period,
            clock_s=max(0.0, LENGTHS_S[period] - second),
            score=play.score,
            situation=play.situation(),
            text=text,
        )

    def minutes_until(period: int, second: float) -> None:
        """The clock records up to a moment."""
        nonlocal minute
        while minute <= LAST_MIN and _place(minute) <= (period, second):
            add(f"{match_id}/m{minute}", "clock", *_place(minute))
            minute += 1

    for place, row in enumerate(rows):
        at = PERIODS[row["period"]], float(row["event_sec"])
        if at < last or at[1] < 0.0 or at[0] not in begins_ms:
            raise Refused(
                f"row {place} stands at {at[1]} s of {row['period']}, out of the order of the match"
            )
        last = at
        minutes_until(*at)
        play.after(row, at[0])
        kind = "penalty" if at[0] == SHOOT_OUT else KINDS[row["type"]]
        words = " ".join(filter(None, (row["side"], row["type"], row["detail"])))
        add(f"{match_id}/{place}", kind, *at, text=words)
    minutes_until(SHOOT_OUT, 0.0)
    _checked(listed, play)
    over_in, over_s = max(begins_ms), _length_s(listed, max(begins_ms))
    told.add(
        f"{match_id}/final",
        "final",
        begins_ms[over_in] + round(1000 * over_s),
        status=GameStatus.FINAL,
        period=over_in,
        clock_s=0.0,
        score=play.score,
        situation=play.situation(),
        text=_shoot_out(listed) if over_in == SHOOT_OUT else "",
    )
    first, *others = told.records
    return sorted([first, *prices, *others], key=received_at_ms)


class _Play:
    """What stands after the rows so far."""

    def __init__(self) -> None:
        self.goals = {"home": 0, "away": 0}
        self.reds = {"home": 0, "away": 0}
        self.penalties = {"home": 0, "away": 0}

    @property
    def score(self) -> tuple[int, int]:
        return self.goals["home"], self.goals["away"]

    def after(self, row: Row, period: int) -> None:
        side, kind = row["side"], row["type"]
        other = {"home": "away", "away": "home"}[side]
        if period == SHOOT_OUT:
            self.penalties[side] += kind == "goal"
        elif kind == "goal":
            self.goals[side] += 1
        elif kind == "own_goal":
            self.goals[other] += 1
        self.reds[side] += kind in SENT_OFF

    def situation(self) -> Soccer:
        return Soccer(
            home_reds=self.reds["home"],
            away_reds=self.reds["away"],
            home_penalties=self.penalties["home"],
            away_penalties=self.penalties["away"],
        )


def event_id_of(listed: Row) -> str:
    """The event of a match. Raises Refused where its competition or a side is not surely known."""
    league = LEAGUES.get(listed["competition"])
    if league is None:
        raise Refused(f"unknown competition {listed['competition']!r}")
    return ids.identify(league, _kick_off_ms(listed), listed["home_team"], listed["away_team"], NAME)


def _kick_off_ms(listed: Row) -> int:
    return int(datetime.fromisoformat(listed["date_utc"]).replace(tzinfo=UTC).timestamp()) * 1000


def _place(minute: int) -> tuple[int, float]:
    """The period and second at which a minute begins."""
    if minute < HALF_MIN:
        return FIRST_HALF, 60.0 * minute
    return SECOND_HALF, 60.0 * (minute - HALF_MIN)


def _length_s(listed: Row, period: int) -> float:
    name = next(name for name, number in PERIODS.items() if number == period)
    return max(float(LENGTHS_S[period]), float(listed.get(f"last_event_sec_{name}") or 0.0))


def _begins_ms(listed: Row, starts_at_ms: int) -> dict[int, int]:
    """When each period that was played begins, Unix ms."""
    begins, at_ms = {}, starts_at_ms
    for name, period in PERIODS.items():
        if period > SECOND_HALF and not listed.get(f"last_event_sec_{name}"):
            continue
        at_ms += 1000 * BREAKS_S[period]
        begins[period] = at_ms
        at_ms += round(1000 * _length_s(listed, period))
    return begins


def final_score(listed: Row) -> tuple[int, int]:
    """Goals of the whole match, extra time included: the file has them in its label alone."""
    if (found := FINAL_SCORE.search(listed["label"])) is None:
        raise Refused(f"{listed['label']!r} ends in no score")
    return int(found["home"]), int(found["away"])


def _checked(listed: Row, play: _Play) -> None:
    """Raises Refused where goals or penalties do not add up to what the list of matches says."""
    if play.score != (final := final_score(listed)):
        raise Refused(f"its goals add up to {play.score} and the list of matches says {final}")
    if play.penalties != (penalties := {side: int(listed[f"{side}_score_p"]) for side in play.penalties}):
        raise Refused(f"its shoot-out adds up to {play.penalties} and the list of matches says {penalties}")


def _shoot_out(listed: Row) -> str:
    return f"shoot-out {listed['home_score_p']}:{listed['away_score_p']}"


def _prices(listed: Row, event_id: str, refuse: Refuse) -> list[OddsSnapshot]:
    """The prices of football-data.co.uk that stand beside a match."""
    if not listed.get("fd_div"):
        return []
    begins = datetime.fromtimestamp(_kick_off_ms(listed) / 1000, UK)
    home, away = final_score(listed)
    row = {
        **listed,
        "Div": listed["fd_div"],
        "Date": f"{begins:%d/%m/%Y}",
        "Time": f"{begins:%H:%M}",
        "HomeTeam": listed["fd_home"],
        "AwayTeam": listed["fd_away"],
        "FTHG": str(home),
        "FTAG": str(away),
        "FTR": "H" if home > away else "A" if away > home else "D",
    }
    where = f"match {listed['match_id']}"
    shape = football_data.layout(tuple(row))
    found = football_data.match(row, shape, lambda reason, book: refuse(reason, f"{where}, {book}"))
    snapshots = [record for record in found if isinstance(record, OddsSnapshot)]
    if any(snapshot.event_id != event_id for snapshot in snapshots):
        raise Refused("the prices beside it are those of another match")
    return [replace(snapshot, source=NAME) for snapshot in snapshots]


def _first_ms(path: Path, matches: dict[str, Row]) -> dict[str, int]:
    """The earliest moment at which a record of each match of a file of events can be received."""
    first_ms: dict[str, int] = {}
    for match_id, _ in groupby(rows_of(path, _quiet), lambda row: row["match_id"]):
        try:
            kick_off_ms = _kick_off_ms(matches[match_id])
        except (KeyError, ValueError):
            kick_off_ms = 0
        first_ms.setdefault(match_id, kick_off_ms - max(BEFORE_MS, football_data.EARLIEST_MS))
    return first_ms


def _told(
    path: Path, matches: dict[str, Row], priced: Collection[str], refuse: Refuse
) -> Iterator[tuple[str, list[Record]]]:
    for match_id, rows in games_of(path, "match_id", refuse):
        records: list[Record] = []
        try:
            if match_id not in matches:
                raise Refused("the file of matches does not list it")
            records = match(matches[match_id], rows, refuse, priced)
        except (Refused, KeyError, ValueError, TypeError) as error:
            refuse(f"a match cannot be read: {error}", f"{path.name}, match {match_id}")
        yield match_id, records


def _quiet(reason: str, where: str) -> None:
    """What is wrong with a match is told when it is published."""

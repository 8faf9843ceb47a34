"""nflverse play-by-play of the NFL as if it were live: two records for each play.

A row's state columns describe the moment before the snap, the others the play itself. So the record of the
snap is made of state columns alone, and the record of its end carries the score of the next row's state.
Rows without a team in possession are time-outs, ends of quarters and notices: one record each.

The files say when most plays began and, from 2022 on, when most ended; what they do not say is worked out
from its neighbours and marked ``estimated``. A record is received a stated delay after it happened.
"""

import csv
import io
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from statistics import median

from pipeline import ids
from pipeline.domain.odds import american_to_decimal
from pipeline.errors import Refused
from pipeline.records import (
    AmericanFootball,
    GameEvent,
    GameStatus,
    Line,
    OddsSnapshot,
    QuoteStatus,
    Record,
    SnapshotKind,
    SourceEvent,
    TimeBasis,
)
from producers.sources.files import lines_of
from producers.sources.times import moment_ms

NAME = "nflverse"
LEAGUE = "nfl"
#: The book of a published closing line.
CLOSING = "closing"
#: What a file must have to be play-by-play of this kind.
COLUMNS = frozenset(
    [
        "game_id", "play_id", "game_date", "home_team", "away_team", "posteam", "qtr", "clock",
        "game_seconds_remaining", "down", "ydstogo", "yardline_100", "total_home_score", "total_away_score",
        "home_timeouts_remaining", "away_timeouts_remaining", "play_type", "interception", "penalty",
        "spread_line", "total_line", "play_start", "play_end", "desc",
    ]
)  # fmt: skip

#: Nobody knows of a play earlier than this after it happened.
DELAY_MS = 10_000
#: Scheduled game and closing line are received this long before the first play.
BEFORE_MS = 3_600_000
#: A stated start further than this from the median of those around it is a slip of the keyboard.
BELIEVED_MS = 30 * 60_000
#: No play lasts longer; an end later than this after the snap, or before it, is not believed.
LONGEST_PLAY_MS = 180_000
#: An end that is not stated is taken this long before the next snap.
JUST_BEFORE_MS = 1_000
#: Of a play with neither a stated end nor a next snap.
USUAL_PLAY_MS = 6_000

Refuse = Callable[[str, str], None]
Row = dict[str, str]


@dataclass(frozen=True, slots=True)
class Moment:
    """When something happened, Unix ms, and whether the file says so."""

    at_ms: int
    basis: TimeBasis


def read(path: Path, refuse: Refuse, delay_ms: int = DELAY_MS) -> list[Record]:
    """All records of a file of play-by-play, by the time at which they are received.

    A game that cannot be read is refused whole: a game with a hole would go on with a wrong score.
    """
    games: dict[str, list[Row]] = {}
    text = io.TextIOWrapper(io.BytesIO(b"".join(lines_of(path, refuse))), "utf-8", "replace", newline="")
    for row in csv.DictReader(text):
        games.setdefault(row["game_id"], []).append(row)
    records: list[Record] = []
    for game_id, rows in games.items():
        try:
            records += game(rows, delay_ms)
        except (Refused, ValueError, TypeError) as error:
            refuse(f"a game cannot be read: {error}", f"{path.name}, game {game_id}")
    records.sort(key=received_at_ms)  # stable: records of one game keep their order
    return records


def received_at_ms(record: Record) -> int:
    """Our clock of any record of a source."""
    return int(getattr(record, "received_at_ms", 0))


def event_id_of(row: Row) -> str:
    """The event of a row: league-local date and both sides. Raises Refused."""
    home, away = (ids.team(LEAGUE, row[side], NAME) for side in ("home_team", "away_team"))
    return str(ids.EventId(LEAGUE, date.fromisoformat(row["game_date"]), home, away))


def game(rows: Sequence[Row], delay_ms: int = DELAY_MS) -> list[Record]:
    """The records of one game, from an hour before its first play to its end.

    Raises Refused or ValueError where a row cannot be read.
    """
    first = rows[0]
    event_id = event_id_of(first)
    begins, ends = starts(rows), []
    for place, row in enumerate(rows):
        ends.append(_end(row, begins, place))
    scores = _scores(rows)
    before_ms = min(moment.at_ms for moment in begins) - BEFORE_MS
    records: list[Record] = [
        SourceEvent(
            source=NAME,
            source_id=first["game_id"],
            event_id=event_id,
            received_at_ms=before_ms,
            starts_at_ms=0,
            home=first["home_team"],
            away=first["away_team"],
        ),
        *closing_line(first, event_id, before_ms),
    ]
    now_ms = happened_ms = before_ms - delay_ms

    def add(
        place: int, kind: str, when: Moment, score: tuple[int, int], *, suffix: str = "", text: str = "",
        status: GameStatus = GameStatus.LIVE, situation: AmericanFootball | None = None,
    ) -> None:  # fmt: skip
        nonlocal now_ms, happened_ms
        row = rows[place]
        if when.basis is TimeBasis.ESTIMATED:  # never before what came before it in the file
            when = Moment(max(when.at_ms, happened_ms), TimeBasis.ESTIMATED)
        happened_ms = when.at_ms
        # Starts overlap ends by a second at times: what is received later is never received earlier.
        now_ms = max(now_ms, when.at_ms + delay_ms)
        records.append(
            GameEvent(
                event_id=event_id,
                source=NAME,
                source_event_id=f"{row['game_id']}/{row['play_id']}{suffix}",
                kind=kind,
                received_at_ms=now_ms,
                happened_at_ms=when.at_ms,
                happened_at_basis=when.basis,
                sequence=len(records),
                status=status,
                period=0 if status is GameStatus.SCHEDULED else _whole(row["qtr"]),
                clock_s=clock_s(row),
                home_score=score[0],
                away_score=score[1],
                situation=situation,
                text=text[:200],
            )
        )

    for place, row in enumerate(rows):
        at, after = begins[place], scores[place + 1]
        words = row["desc"].strip()
        match _sort(row):
            case "scheduled":
                # The file has no scheduled time: it is known of when the closing line is.
                moment = Moment(before_ms - delay_ms, TimeBasis.ESTIMATED)
                add(place, "scheduled", moment, (0, 0), text=words, status=GameStatus.SCHEDULED)
            case "final":
                add(place, "final", at, after, text=words, status=GameStatus.FINAL)
            case "play":
                add(place, "snap", at, scores[place], situation=_situation(row))
                add(place, _outcome(row, scores[place], after), ends[place], after, suffix="/end", text=words)
            case kind:
                add(place, kind, at, after, text=words)
    last = records[-1]
    if isinstance(last, GameEvent) and last.status is not GameStatus.FINAL:
        add(len(rows) - 1, "final", ends[-1], scores[-1], suffix="/final", status=GameStatus.FINAL)
    return records


def closing_line(row: Row, event_id: str, at_ms: int) -> Iterator[OddsSnapshot]:
    """The file's own spread and total as a reference, which is a prior and never a price to bet at.

    The file has the lines and no prices: both sides are given the usual -110 (1.909), which says no more
    than that they are even. ``spread_line`` is positive where home is favoured, ours is home's handicap.
    """
    even = (american_to_decimal(-110),) * 2
    wanted = (("spread", row["spread_line"], -1.0), ("total", row["total_line"], 1.0))
    lines = tuple(
        Line(
            book=CLOSING,
            market=market,
            line=sign * float(text) + 0.0,
            prices=even,
            status=QuoteStatus.REFERENCE,
        )
        for market, text, sign in wanted
        if text
    )
    if lines:
        yield OddsSnapshot(
            event_id=event_id, source=NAME, kind=SnapshotKind.FULL, received_at_ms=at_ms, lines=lines
        )


def starts(rows: Sequence[Row]) -> list[Moment]:
    """When each row began. Raises Refused where the file says so for none of them."""
    stated = {place: moment_ms(row["play_start"]) for place, row in enumerate(rows) if row["play_start"]}
    places = sorted(stated)
    believed = {}
    for nth, place in enumerate(places):
        around = [stated[near] for near in places[max(0, nth - 2) : nth + 3]]
        if abs(stated[place] - median(around)) <= BELIEVED_MS:
            believed[place] = stated[place]
    if not believed:
        raise Refused("no play says when it began")
    return [_start(rows, place, believed) for place in range(len(rows))]


def _start(rows: Sequence[Row], place: int, stated: dict[int, int]) -> Moment:
    if place in stated:
        return Moment(stated[place], TimeBasis.STATED)
    before = max((near for near in stated if near < place), default=None)
    after = min((near for near in stated if near > place), default=None)
    if before is None:
        at_ms = stated[after] if after is not None else 0
    else:
        over_ms = _believed_end_ms(rows[before], stated[before]) or stated[before] + USUAL_PLAY_MS
        # Rows in between share the stretch from the last play's end to the next snap.
        left_ms = max(0, stated[after] - over_ms) if after is not None else 0
        share = (place - before - 1) / (after - before) if after is not None else 0.0
        at_ms = over_ms + round(left_ms * share)
    return Moment(at_ms, TimeBasis.ESTIMATED)


def _believed_end_ms(row: Row, start_ms: int) -> int:
    """The stated end of a play, 0 where there is none or it cannot be."""
    end_ms = moment_ms(row["play_end"]) if row["play_end"] else 0
    return end_ms if start_ms <= end_ms <= start_ms + LONGEST_PLAY_MS else 0


def _end(row: Row, begins: Sequence[Moment], place: int) -> Moment:
    start_ms = begins[place].at_ms
    if end_ms := _believed_end_ms(row, start_ms):
        return Moment(end_ms, TimeBasis.STATED)
    later = (moment for moment in begins[place + 1 :] if moment.basis is TimeBasis.STATED)
    following = next(later, None)
    end_ms = start_ms + USUAL_PLAY_MS if following is None else following.at_ms - JUST_BEFORE_MS
    return Moment(max(start_ms, end_ms), TimeBasis.ESTIMATED)


def _scores(rows: Sequence[Row]) -> list[tuple[int, int]]:
    """The score before each row, and at last the final one, from the result where no row comes after."""
    scores: list[tuple[int, int] | None] = [None] * len(rows)
    for place, row in enumerate(rows):
        if row["total_home_score"] and row["total_away_score"]:
            scores[place] = _whole(row["total_home_score"]), _whole(row["total_away_score"])
    home, away = next((score for score in reversed(scores) if score), (0, 0))
    if rows[-1].get("result"):
        short = _whole(rows[-1]["result"]) - (home - away)
        home, away = home + max(0, short), away + max(0, -short)
    filled = [(home, away)]
    # A row that does not say has the score of the next that does: nothing scores on it.
    for score in reversed(scores):
        filled.append(score or filled[-1])
    return filled[::-1]


def _sort(row: Row) -> str:
    words = row["desc"].strip().upper()
    if words == "GAME":
        return "scheduled"
    if words.startswith("END GAME"):
        return "final"
    if words.startswith("END QUARTER"):
        return "period_end"
    if row["posteam"] and row["play_type"]:
        return "play"
    return "timeout" if words.startswith("TIMEOUT") else "clock"


def _outcome(row: Row, before: tuple[int, int], after: tuple[int, int]) -> str:
    if after != before:
        return "score"
    if _flag(row["interception"]):
        return "turnover"
    if _flag(row["penalty"]) and row["play_type"] == "no_play":
        return "penalty"
    return "play"


def _situation(row: Row) -> AmericanFootball:
    """What stands before the snap. Of a kick-off the receiving side has the ball, as the file has it."""
    return AmericanFootball(
        possession="home" if row["posteam"] == row["home_team"] else "away",
        down=_whole(row["down"] or "0"),
        distance_yd=_whole(row["ydstogo"] or "0"),
        yards_to_goal=_whole(row["yardline_100"] or "0"),
        home_timeouts=_whole(row["home_timeouts_remaining"] or "0"),
        away_timeouts=_whole(row["away_timeouts_remaining"] or "0"),
    )


def clock_s(row: Row) -> float:
    """Seconds left in the period, -1 where the row does not say."""
    if ":" in row["clock"]:
        minutes, seconds = row["clock"].split(":")
        return 60.0 * float(minutes or "0") + float(seconds)
    if not row["game_seconds_remaining"]:
        return -1.0
    # Of the game in its four quarters, of the period in overtime.
    return float(row["game_seconds_remaining"]) - 900.0 * max(0, 4 - _whole(row["qtr"]))


def _whole(text: str) -> int:
    number = float(text)
    if number != int(number):
        raise ValueError(f"{text!r} is no whole number")
    return int(number)


def _flag(text: str) -> bool:
    return text not in ("", "0", "0.0")

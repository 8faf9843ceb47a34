"""football-data.co.uk: European league football, a row a match, with several books' prices of two moments.

The files give no time of a price. Of their own account prices are collected on Friday afternoons for the
weekend and on Tuesday afternoons for midweek, and closing ones (a ``C`` after the book's code) stand at the
start. So the former are taken to be received at the last such afternoon before the match, the latter a minute
before it. Kick-offs are the scheduled ones, UK local, from 2019 on; earlier files have only the day, so the
usual hour is taken. Start and end of a match are marked ``estimated``, prices say no time of their own.

``Max`` and ``Avg`` columns are no books and are left out.
"""

import csv
import heapq
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import lru_cache, partial
from math import inf
from pathlib import Path
from zoneinfo import ZoneInfo

from pipeline import ids
from pipeline.errors import Refused
from pipeline.records import (
    GameEvent,
    GameStatus,
    Line,
    OddsSnapshot,
    Record,
    SnapshotKind,
    SourceEvent,
    TimeBasis,
)
from producers.sources.files import lines_of

NAME = "football-data-co-uk"
#: What a file must have to be results of this kind.
COLUMNS = frozenset({"Div", "Date", "HomeTeam", "AwayTeam", "FTHG", "FTAG", "FTR"})
LEAGUES = {
    "E0": "epl", "E1": "championship", "E2": "league-one", "E3": "league-two", "EC": "national-league",
    "SC0": "scottish-premiership", "SC1": "scottish-championship", "SC2": "scottish-league-one",
    "SC3": "scottish-league-two", "D1": "bundesliga", "D2": "bundesliga-2", "SP1": "la-liga",
    "SP2": "la-liga-2", "I1": "serie-a", "I2": "serie-b", "F1": "ligue-1", "F2": "ligue-2",
    "N1": "eredivisie", "B1": "belgian-pro-league", "P1": "primeira-liga", "T1": "super-lig",
    "G1": "super-league-greece",
}  # fmt: skip
#: Books by their codes in the names of columns; ``P`` is Pinnacle's beside totals and handicaps.
BOOKS = {
    "1XB": "onexbet", "B365": "bet365", "BF": "betfair_sb_uk", "BFD": "betfred", "BFE": "betfair_ex_uk",
    "BS": "bluesquare", "BV": "betvictor", "BW": "bwin", "CL": "coral", "GB": "gamebookers",
    "IW": "interwetten", "LB": "ladbrokes_uk", "P": "pinnacle", "PS": "pinnacle", "SB": "sportingbet",
    "SJ": "stanjames", "VC": "betvictor", "WH": "williamhill",
}  # fmt: skip
#: By market: what stands after a book's code in the names of its outcomes' columns, in our order.
OUTCOMES = {"h2h_3way": ("H", "A", "D"), "spread": ("AHH", "AHA"), "total": (">2.5", "<2.5")}
GOALS = 2.5

UK = ZoneInfo("Europe/London")
#: When prices are collected: Tuesdays and Fridays, at an hour that stands for the afternoon.
COLLECTED_ON, COLLECTED_AT = (1, 4), time(15)
#: A match that begins sooner after a collection was in the one before.
COLLECTED_BEFORE = timedelta(hours=1)
#: Kick-offs where the file has none, on weekdays and at weekends.
WEEKDAY_START, WEEKEND_START = time(19, 45), time(15)
#: No collection is longer before its match than this.
EARLIEST_MS = 5 * 86_400_000
#: Closing prices are received this long before the start.
CLOSING_BEFORE_MS = 60_000
#: From the start to the end: two halves, what is added to them, and the break.
MATCH_MS = 115 * 60_000
#: Implied probabilities of one book's market add up to something between these, else a price is mistyped.
LEAST_SUM, MOST_SUM = 0.99, 1.25

Refuse = Callable[[str, str], None]
Row = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Offer:
    """In which columns a book's prices of one market are, and its line, empty where it has none."""

    book: str
    market: str
    columns: tuple[str, ...]
    line: str


@dataclass(frozen=True, slots=True)
class Layout:
    """What a file's header says is in it."""

    collected: tuple[Offer, ...]
    closing: tuple[Offer, ...]


def layout(header: Sequence[str]) -> Layout:
    """Which books' prices a file has, of the collection and of the close."""
    there = frozenset(header)
    found = []
    for when, line in (("", "AHh"), ("C", "AHCh")):
        offers = {}
        for code, book in BOOKS.items():
            for market, outcomes in OUTCOMES.items():
                columns = tuple([code + when + outcome for outcome in outcomes])
                if there.issuperset(columns) and (market != "spread" or line in there):
                    offers[book, market] = Offer(book, market, columns, line if market == "spread" else "")
        found.append(tuple([offers[place] for place in sorted(offers)]))
    return Layout(*found)


def rows(path: Path, refuse: Refuse) -> Iterator[tuple[int, dict[str, str]]]:
    """The rows of a file that say something, and the line that each is on."""
    texts = (_text(line) for line in lines_of(path, refuse))
    header = [name.strip() for name in next(csv.reader(texts), [])]
    for number, cells in enumerate(csv.reader(texts), start=2):
        if any(cell.strip() for cell in cells):
            # Cells beyond the header have no meaning; a row that ends early has nothing in the rest.
            yield number, dict(zip(header, [cell.strip() for cell in cells], strict=False))


def _refuse_price(refuse: Refuse, where: str, reason: str, book: str) -> None:
    refuse(reason, f"{where}, {book}")


def _text(line: bytes) -> str:
    try:
        text = line.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = line.decode("cp1252", "replace")
    # A byte order mark that was read as Latin-1 once, and a right quote that was.
    return text.removeprefix("ï»¿").replace("\x92", "'").replace("’", "'").rstrip("\r\n")


def read(path: Path, refuse: Refuse) -> list[Record]:
    """All records of a file, by the time at which they are received.

    A match whose sides, day or score cannot be read is refused whole, prices that cannot be are one by one.
    """
    records: list[Record] = []
    seen: set[str] = set()
    shape: Layout | None = None
    for number, row in rows(path, refuse):
        shape = shape or layout(tuple(row))
        where = f"{path.name} line {number}"
        try:
            found = match(row, shape, partial(_refuse_price, refuse, where))
            event_id = str(getattr(found[0], "event_id", ""))
            if event_id in seen:
                raise Refused("the same match is in the file twice")
            seen.add(event_id)
            records += found
        except (Refused, KeyError, ValueError) as error:
            refuse(f"a match cannot be read: {error}", where)
    records.sort(key=received_at_ms)  # stable: records of one match keep their order
    return records


def recorded(starts_ms: Mapping[Path, int], refuse: Refuse, from_ms: int = 0) -> Iterator[Record]:
    """The records of several files by received time, from a time on.

    ``starts_ms`` is when the first match of each starts. A file is read when it is its turn, and forgotten
    when it is through: twenty seasons at once would fill the memory.
    """
    waiting = sorted(starts_ms, key=lambda path: (starts_ms[path], str(path)), reverse=True)
    open_files: list[tuple[int, int, Record, Iterator[Record]]] = []
    opened = 0
    while waiting or open_files:
        if waiting and (not open_files or starts_ms[waiting[-1]] - EARLIEST_MS <= open_files[0][0]):
            opened += 1
            following = iter([r for r in read(waiting.pop(), refuse) if received_at_ms(r) >= from_ms])
            if first := next(following, None):
                heapq.heappush(open_files, (received_at_ms(first), opened, first, following))
            continue
        _, order, record, following = open_files[0]
        yield record
        if after := next(following, None):
            heapq.heapreplace(open_files, (received_at_ms(after), order, after, following))
        else:
            heapq.heappop(open_files)


def starts(path: Path) -> dict[str, int]:
    """When each match of a file starts (Unix ms), by event id."""
    found: dict[str, int] = {}
    for _, row in rows(path, lambda reason, where: None):
        # What is wrong with a match is told when it is published.
        with suppress(Refused, KeyError, ValueError):
            begins = kick_off(row)
            found[event_id_of(row, begins)] = _ms(begins)
    return found


def received_at_ms(record: Record) -> int:
    """Our clock of any record of a source."""
    return int(getattr(record, "received_at_ms", 0))


def match(row: Row, shape: Layout, refuse: Refuse) -> list[Record]:
    """The records of one match. ``refuse`` is told of single prices, with the book.

    Raises Refused, KeyError or ValueError where sides, day or score cannot be read.
    """
    begins = kick_off(row)
    event_id, starts_at_ms = event_id_of(row, begins), _ms(begins)
    goals = score(row)
    source_id = "/".join([row["Div"], begins.date().isoformat(), row["HomeTeam"], row["AwayTeam"]])
    collected_ms = _ms(collected_at(begins))
    records: list[Record] = [
        SourceEvent(
            source=NAME,
            source_id=source_id,
            event_id=event_id,
            received_at_ms=collected_ms,
            starts_at_ms=starts_at_ms if row.get("Time") else 0,
            home=row["HomeTeam"],
            away=row["AwayTeam"],
        )
    ]
    for offers, at_ms in (
        (shape.collected, collected_ms),
        (shape.closing, starts_at_ms - CLOSING_BEFORE_MS),
    ):
        if lines := _lines(row, offers, refuse):
            records.append(
                OddsSnapshot(
                    event_id=event_id,
                    source=NAME,
                    kind=SnapshotKind.FULL,
                    received_at_ms=at_ms,
                    starts_at_ms=starts_at_ms if row.get("Time") else 0,
                    # Of the close most files have one book and one market: the others did not go away.
                    markets=tuple(sorted({line.market for line in lines})),
                    books=tuple(sorted({line.book for line in lines})),
                    lines=lines,
                )
            )
    if goals is None:
        refuse("a match has no final score: its prices are kept, its start and end are not", source_id)
        return records
    for sequence, (kind, status, at_ms, period, shown) in enumerate(
        (
            ("start", GameStatus.LIVE, starts_at_ms, 1, (0, 0)),
            ("final", GameStatus.FINAL, starts_at_ms + MATCH_MS, 2, goals),
        )
    ):
        records.append(
            GameEvent(
                event_id=event_id,
                source=NAME,
                source_event_id=f"{source_id}/{kind}",
                kind=kind,
                received_at_ms=at_ms,
                happened_at_ms=at_ms,
                happened_at_basis=TimeBasis.ESTIMATED,
                sequence=sequence,
                status=status,
                period=period,
                home_score=shown[0],
                away_score=shown[1],
            )
        )
    return records


def event_id_of(row: Row, begins: datetime) -> str:
    """The event of a row. Raises Refused where a name is not surely known."""
    league = LEAGUES.get(row["Div"])
    if league is None:
        raise Refused(f"unknown division {row['Div']!r}")
    return ids.identify(league, _ms(begins), row["HomeTeam"], row["AwayTeam"], NAME)


def kick_off(row: Row) -> datetime:
    """The scheduled start, the usual hour of its day where the file has none. Raises ValueError."""
    day = _day(row["Date"])
    if text := row.get("Time"):
        return datetime.combine(day, time.fromisoformat(text.zfill(5)), UK)
    return datetime.combine(day, WEEKEND_START if day.weekday() >= 5 else WEEKDAY_START, UK)


def collected_at(begins: datetime) -> datetime:
    """The last afternoon before a match on which prices are collected."""
    day = begins.date()
    while (
        day.weekday() not in COLLECTED_ON
        or datetime.combine(day, COLLECTED_AT, UK) + COLLECTED_BEFORE > begins
    ):
        day -= timedelta(days=1)
    return datetime.combine(day, COLLECTED_AT, UK)


def score(row: Row) -> tuple[int, int] | None:
    """Goals after 90 minutes; None where the file has none. Raises Refused where it contradicts itself."""
    texts = row["FTHG"], row["FTAG"]
    if not any(texts):
        return None
    home, away = (int(text) for text in texts)
    result = "H" if home > away else "A" if away > home else "D"
    if row["FTR"] != result:
        raise Refused(f"the score says {result} and the result {row['FTR']!r}")
    return home, away


def _lines(row: Row, offers: Sequence[Offer], refuse: Refuse) -> tuple[Line, ...]:
    lines = []
    for offer in offers:
        cells = [row.get(column, "") for column in offer.columns]
        if not any(cells):
            continue
        try:
            line = GOALS if offer.market == "total" else _handicap(row[offer.line]) if offer.line else 0.0
            lines.append(
                Line(
                    book=offer.book,
                    market=offer.market,
                    scope="regulation",
                    line=line,
                    prices=_prices(tuple(cells)),
                )
            )
        except (Refused, ValueError) as error:
            refuse(f"{offer.market}: {error}", offer.book)
    return tuple(lines)


@lru_cache(maxsize=65_536)
def _prices(cells: tuple[str, ...]) -> tuple[float, ...]:
    if not all(cells):
        raise Refused("an outcome has no price")
    try:
        prices = tuple([float(cell) for cell in cells])
    except ValueError as error:
        raise Refused("a price is no number") from error
    if not all(1.0 < price < inf for price in prices):
        raise Refused("a price is no decimal price")
    if not LEAST_SUM <= sum([1.0 / price for price in prices]) <= MOST_SUM:
        raise Refused("the prices are not those of one market: a digit is wrong, or an outcome is")
    return prices


def _handicap(text: str) -> float:
    try:
        line = float(text)
    except ValueError as error:
        raise Refused("a handicap is no number") from error
    if not (line * 4.0).is_integer():
        raise Refused("a handicap is no multiple of a quarter")
    return line + 0.0  # no negative zero


@lru_cache(maxsize=8_192)
def _day(text: str) -> date:
    try:
        day, month, year = text.split("/")
    except ValueError as error:
        raise Refused(f"{text!r} is no day like 17/08/2019") from error
    return date(int(year) + (2000 if len(year) == 2 else 0), int(month), int(day))


def _ms(moment: datetime) -> int:
    return int(moment.timestamp()) * 1000

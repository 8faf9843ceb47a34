"""Recorded files of any known kind, together on one clock."""

import heapq
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pipeline.errors import UsageError
from pipeline.records import GameEvent, Record
from producers.identity import Identities
from producers.sources import (
    football_data_co_uk,
    nba_pbp,
    nflverse,
    retrosheet,
    the_odds_api,
    the_odds_api_saved,
    wyscout,
)
from producers.sources.files import first_line
from producers.sources.games import columns_of

Refuse = Callable[[str, str], None]
#: Before the first game that the files share.
LEAD_MS = 3_600_000
#: Games this close to the first and the last that every source has are of the days that all of them cover.
SAME_DAY_MS = 12 * 3_600_000


@dataclass(frozen=True)
class Games:
    """When each event of each source starts (Unix ms, its word or its first play), by source."""

    by_source: dict[str, dict[str, int]]

    def met(self) -> list[str]:
        """Events that every source has, by start."""
        first, *others = self.by_source.values()
        shared = [event_id for event_id in first if all(event_id in other for other in others)]
        return sorted(shared, key=lambda event_id: (self.starts_at_ms(event_id), event_id))

    def alone(self) -> dict[str, list[str]]:
        """Events that only some sources have although every source had them in its days, by source."""
        first_ms = max(min(games.values()) for games in self.by_source.values()) - SAME_DAY_MS
        last_ms = min(max(games.values()) for games in self.by_source.values()) + SAME_DAY_MS
        met = set(self.met())
        return {
            source: sorted(
                event_id
                for event_id, at_ms in games.items()
                if event_id not in met and first_ms <= at_ms <= last_ms
            )
            for source, games in self.by_source.items()
        }

    def starts_at_ms(self, event_id: str) -> int:
        """The earliest word on an event's start."""
        return min(games[event_id] for games in self.by_source.values() if event_id in games)


@dataclass(frozen=True)
class Recording:
    """Files that were looked through once: what they share, and from when to play them."""

    kinds: dict[Path, str]
    games: Games
    from_ms: int
    matches: dict[Path, int]
    """When the first match of each file of football-data.co.uk starts, Unix ms."""

    def records(self, refuse: Refuse) -> Iterator[Record]:
        """Every record from ``from_ms`` on, by received time."""
        polled = Identities(the_odds_api.RECORDED)
        streams: list[Iterable[Record]] = [self._matches(refuse)]
        for path, kind in self.kinds.items():
            if kind == the_odds_api.NAME:
                streams.append(the_odds_api.recorded(path, polled, refuse, self.from_ms))
            elif kind == nflverse.NAME:
                plays = nflverse.read(path, refuse)
                streams.append(r for r in plays if nflverse.received_at_ms(r) >= self.from_ms)
        for paths, tell in ((_paths(self.kinds, kind), tell) for kind, tell in _TELL.items()):
            if paths:
                streams.append(tell(paths, refuse, self.from_ms))
        if paths := _paths(self.kinds, wyscout.NAME):
            # Prices that stand beside a match are those of football-data.co.uk, which may speak for itself.
            priced = self.games.by_source.get(football_data_co_uk.NAME, {})
            streams.append(wyscout.recorded(paths, refuse, self.from_ms, priced))
        return heapq.merge(*streams, key=nflverse.received_at_ms)

    def _matches(self, refuse: Refuse) -> Iterator[Record]:
        """football-data.co.uk's matches: of one whose events are there too, only the prices are told."""
        told = self.games.by_source.get(wyscout.NAME, {})
        for record in football_data_co_uk.recorded(self.matches, refuse, self.from_ms):
            if not (isinstance(record, GameEvent) and record.event_id in told):
                yield record

    def summary(self) -> list[str]:
        """Lines for a person: how many games met, and the names of those that did not."""
        if len(self.games.by_source) < 2:
            return [f"{source} has {len(games)} games" for source, games in self.games.by_source.items()]
        counts = ", ".join(f"{source} {len(games)}" for source, games in self.games.by_source.items())
        lines = [f"{len(self.games.met())} games met in one event_id ({counts} games in all)"]
        lines += [
            f"only {source} has, in the days of both: {', '.join(alone)}"
            for source, alone in self.games.alone().items()
            if alone
        ]
        return lines


def look(paths: Sequence[Path], only: str = "", from_ms: int | None = None) -> Recording:
    """Tell the files' kinds, find their games, and choose where to start.

    From an hour before the first game that all kinds share where there are several, else from the first
    record.

    Raises UsageError where a file is missing, is of no known kind or of another than ``only``, or where no
    game is shared.
    """
    if not paths:
        raise UsageError(
            "no file named; give recorded polls (*.jsonl.xz), results of football-data.co.uk, or"
            " play-by-play of nflverse, the NBA, Retrosheet or Wyscout (*.csv.gz)"
        )
    kinds = {path: kind_of(path) for path in paths}
    for path, kind in kinds.items():
        if only and kind != only:
            raise UsageError(
                f"{path} is of the kind {kind}, not {only}; the source `recorded` takes any kind"
            )
    by_source: dict[str, dict[str, int]] = {}
    matches: dict[Path, int] = {}
    for path, kind in kinds.items():
        if kind in _STARTS_OF_ALL:
            continue
        games = _STARTS[kind](path)
        by_source.setdefault(kind, {}).update(games)
        if games and kind == football_data_co_uk.NAME:
            matches[path] = min(games.values())
    for kind, starts in _STARTS_OF_ALL.items():
        if of_kind := _paths(kinds, kind):
            by_source[kind] = starts(of_kind)
    if empty := [source for source, games in by_source.items() if not games]:
        raise UsageError(f"the files of {empty[0]} hold no game that can be read")
    games_found = Games(by_source)
    if from_ms is None:
        from_ms = 0
        if len(by_source) > 1:
            met = games_found.met()
            if not met:
                raise UsageError(
                    f"no game is in the files of {' and '.join(by_source)} alike; say --from TIME"
                )
            from_ms = games_found.starts_at_ms(met[0]) - LEAD_MS
    return Recording(kinds, games_found, from_ms, matches)


def kind_of(path: Path) -> str:
    """The source whose kind of file it is, by what is in it. Raises UsageError."""
    head = first_line(path)
    if head.startswith(b"{"):
        # Of a long first poll only its beginning was read: names are looked for, not the whole object.
        if b'"fetched_at"' in head and (b'"body"' in head):
            return the_odds_api.NAME
    else:
        columns = columns_of(path)
        for name, wanted in _COLUMNS:
            if columns >= wanted:
                return name
    raise UsageError(
        f"{path} is of no known kind; known are polls of The Odds API (JSON lines with fetched_at and body),"
        " nflverse play-by-play (CSV with game_id, play_id, play_start, ...), results of"
        " football-data.co.uk (CSV with Div, Date, HomeTeam, ...), and the CSVs of nba-pbp, retrosheet and"
        " wyscout (docs/recorded-data.md), plain, .gz or .xz"
    )


def _paths(kinds: Mapping[Path, str], kind: str) -> list[Path]:
    return [path for path in kinds if kinds[path] == kind]


def _first_plays(path: Path) -> dict[str, int]:
    found: dict[str, int] = {}
    for record in nflverse.read(path, lambda reason, where: None):
        if isinstance(record, GameEvent) and record.kind == "snap":
            found.setdefault(record.event_id, record.happened_at_ms)
    return found


_STARTS: dict[str, Callable[[Path], dict[str, int]]] = {
    the_odds_api.NAME: the_odds_api.starts,
    nflverse.NAME: _first_plays,
    football_data_co_uk.NAME: football_data_co_uk.starts,
}
#: Sources whose games stand in a file of their own, or need all files at once.
_STARTS_OF_ALL: dict[str, Callable[[Sequence[Path]], dict[str, int]]] = {
    nba_pbp.NAME: nba_pbp.starts,
    retrosheet.NAME: retrosheet.starts,
    wyscout.NAME: wyscout.starts,
    the_odds_api_saved.NAME: the_odds_api_saved.starts,
}
_TELL: dict[str, Callable[[Sequence[Path], Refuse, int], Iterator[Record]]] = {
    nba_pbp.NAME: nba_pbp.recorded,
    retrosheet.NAME: retrosheet.recorded,
    the_odds_api_saved.NAME: the_odds_api_saved.recorded,
}
_COLUMNS = (
    (nflverse.NAME, nflverse.COLUMNS),
    (football_data_co_uk.NAME, football_data_co_uk.COLUMNS),
    (nba_pbp.NAME, nba_pbp.COLUMNS),
    (nba_pbp.NAME, nba_pbp.GAMES),
    (retrosheet.NAME, retrosheet.COLUMNS),
    (the_odds_api_saved.NAME, the_odds_api_saved.COLUMNS),
    (wyscout.NAME, wyscout.COLUMNS),
    (wyscout.NAME, wyscout.MATCHES),
)

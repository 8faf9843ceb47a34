from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.errors import UsageError
from pipeline.records import GameStatus, Record, SourceEvent
from producers.sources.games import Refuse, Telling, games_of, in_time, received_at_ms, rows_of, two_kinds

NOON_MS = 1_600_000_000_000


def seen(game_id: str, at_ms: int) -> Record:
    return SourceEvent(
        source="nflverse",
        source_id=game_id,
        event_id="nfl:2025-09-14:kc-phi",
        received_at_ms=NOON_MS + at_ms,
        starts_at_ms=0,
        home="KC",
        away="PHI",
    )


@given(st.lists(st.lists(st.integers(0, 50), min_size=1, max_size=6).map(sorted), max_size=6))
def test_games_that_overlap_are_told_in_time_and_each_in_its_own_order(times: list[list[int]]) -> None:
    games = {str(n): [seen(f"{n}/{nth}", at) for nth, at in enumerate(own)] for n, own in enumerate(times)}
    not_before_ms = {game_id: received_at_ms(records[0]) for game_id, records in games.items()}

    told = list(in_time(games.items(), not_before_ms))

    assert all(received_at_ms(a) <= received_at_ms(b) for a, b in pairwise(told))
    for game_id, records in games.items():
        own = [r for r in told if isinstance(r, SourceEvent) and r.source_id.startswith(f"{game_id}/")]
        assert own == records


def test_no_more_games_are_held_than_overlap() -> None:
    read: list[int] = []

    def games() -> list[tuple[str, list[Record]]]:
        return [(str(day), [seen(str(day), day), seen(str(day), day + 1)]) for day in range(0, 100, 10)]

    def one_by_one() -> Iterator[tuple[str, list[Record]]]:
        for game_id, records in games():
            read.append(int(game_id))
            yield game_id, records

    told = in_time(one_by_one(), {game_id: NOON_MS + int(game_id) for game_id, _ in games()})
    next(told)

    assert read == [0]


def test_rows_of_a_game_that_was_through_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "plays.csv"
    path.write_text("\ufeffgame,n\na,1\na,2\nb,1\na,3\n", encoding="utf-8")
    refusals: list[tuple[str, str]] = []

    found = [(game, [row["n"] for row in rows]) for game, rows in games_of(path, "game", _told(refusals))]

    assert found == [("a", ["1", "2"]), ("b", ["1"])]
    assert refusals == [("rows of a game stand apart from the rest of it", "plays.csv, game a")]


def test_what_a_short_row_lacks_is_empty(tmp_path: Path) -> None:
    path = tmp_path / "plays.csv"
    path.write_text("game,n\na\n")

    assert list(rows_of(path, _told([]))) == [{"game": "a", "n": ""}]


def test_a_source_of_two_kinds_of_files_needs_both(tmp_path: Path) -> None:
    games, plays = tmp_path / "games.csv", tmp_path / "plays.csv"
    games.write_text("game,home\n")
    plays.write_text("game,n,kind\n")
    kinds = frozenset({"game", "home"}), frozenset({"game", "n"})

    assert two_kinds([plays, games], "a-source", *kinds) == ([games], [plays])
    with pytest.raises(UsageError, match=r"a-source needs two kinds of files: .* game, home"):
        two_kinds([plays], "a-source", *kinds)
    with pytest.raises(UsageError, match="game, n"):
        two_kinds([games], "a-source", *kinds)


@given(st.lists(st.integers(0, 10_000), max_size=8))
def test_time_never_runs_back_within_a_game_and_sequences_rise(happened: list[int]) -> None:
    told = Telling(
        "nflverse", "1", "nfl:2025-09-14:kc-phi", "KC", "PHI", begins_ms=NOON_MS, delay_ms=10, starts_at_ms=5
    )
    for place, at_ms in enumerate(happened):
        told.add(f"1/{place}", "play", NOON_MS + at_ms)

    identity, schedule, *plays = told.records
    assert isinstance(identity, SourceEvent)
    assert getattr(schedule, "status", None) is GameStatus.SCHEDULED
    assert all(received_at_ms(a) <= received_at_ms(b) for a, b in pairwise(told.records))
    assert all(received_at_ms(play) >= NOON_MS + at + 10 for play, at in zip(plays, happened, strict=True))
    sequences = [getattr(record, "sequence", 0) for record in told.records]
    assert sequences == sorted(set(sequences))


def _told(refusals: list[tuple[str, str]]) -> Refuse:
    return lambda reason, where: refusals.append((reason, where))

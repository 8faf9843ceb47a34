from pathlib import Path
from typing import Any

from pipeline.records import GameEvent, GameStatus, Line, OddsSnapshot, QuoteStatus, SnapshotKind
from pipeline.replay.archive import ArchiveWriter
from pipeline.topics import topic_of
from pipeline.training.markets import gather, read
from tests.make import at, quote

EVENT = "epl:2025-09-14:arsenal-chelsea"
EARLY, LATER, LATEST = (
    quote("pinnacle", 2.0, 4.0, 3.5),
    quote("pinnacle", 1.9, 4.2, 3.6),
    quote("pinnacle", 1.8, 4.5, 3.7),
)


def shown(*lines: Line, seconds: float, **fields: Any) -> OddsSnapshot:
    given = {"event_id": EVENT, "source": "football-data-co-uk", "kind": SnapshotKind.FULL, **fields}
    return OddsSnapshot(lines=lines, received_at_ms=at(seconds), **given)


def played(kind: str, status: GameStatus, seconds: float, **fields: Any) -> GameEvent:
    given = {"event_id": EVENT, "source": "football-data-co-uk", "sequence": 0, **fields}
    return GameEvent(kind=kind, status=status, received_at_ms=at(seconds), **given)


START = played("start", GameStatus.LIVE, 3600)
FINAL = played("final", GameStatus.FINAL, 9000, period=2, home_score=1, away_score=2)


def test_a_market_is_its_first_and_its_last_snapshot_before_the_start_and_who_won() -> None:
    snapshots = [shown(EARLY, seconds=0), shown(LATER, seconds=60), shown(LATEST, seconds=3500)]

    (market,) = gather([START, FINAL], [*snapshots, shown(EARLY, seconds=3600)])

    assert market.first == (("pinnacle", (2.0, 4.0, 3.5)),)
    assert market.last == (("pinnacle", (1.8, 4.5, 3.7)),)
    assert (market.day, market.market, market.outcome) == ("2025-09-14", "h2h_3way", 1)


def test_a_draw_is_the_third_outcome_and_no_result_is_none() -> None:
    drawn = played("final", GameStatus.FINAL, 9000, period=2, home_score=1, away_score=1)

    assert gather([START, drawn], [shown(EARLY, seconds=0)])[0].outcome == 2
    assert gather([START], [shown(EARLY, seconds=0)])[0].outcome == -1


def test_a_score_after_extra_time_does_not_tell_who_won_in_90_minutes() -> None:
    after = played("final", GameStatus.FINAL, 12000, period=3, home_score=1, away_score=2)

    assert gather([START, after], [shown(EARLY, seconds=0)])[0].outcome == -1


def test_the_only_snapshot_is_no_close() -> None:
    assert gather([START, FINAL], [shown(EARLY, seconds=0)])[0].last == ()


def test_quotes_that_cannot_be_bet_at_are_left_out() -> None:
    lines = (
        EARLY,
        quote("bwin", 2.0, 4.0, 3.5, status=QuoteStatus.SUSPENDED),
        quote("closing", 2.0, 4.0, 3.5, status=QuoteStatus.REFERENCE),
        quote("bet365", 2.0, 0.0, 3.5),
        quote("bet365", 1.9, 1.9, market="total", scope="regulation", line=2.5),
    )

    (market,) = gather([START, FINAL], [shown(*lines, seconds=0)])

    assert [book for book, _ in market.first] == ["pinnacle"]


def test_a_start_that_only_the_snapshot_knows_ends_it() -> None:
    snapshots = [
        shown(EARLY, seconds=0, starts_at_ms=at(50)),
        shown(LATER, seconds=50, starts_at_ms=at(50)),
    ]

    assert gather([], snapshots)[0].last == ()


def test_an_archive_has_one_digest_however_often_it_is_written(tmp_path: Path) -> None:
    digests = []
    for name, records in (
        ("one", [shown(EARLY, seconds=0), START, FINAL]),
        ("again", [shown(EARLY, seconds=0), START, FINAL]),
        ("other", [shown(LATER, seconds=0), START, FINAL]),
    ):
        with ArchiveWriter(tmp_path / name, 2) as writer:
            for record in records:
                writer.append(topic_of(type(record)).name, record)
        markets, digest = read(tmp_path / name)
        assert [market.outcome for market in markets] == [1]
        digests.append(digest)

    assert digests[0] == digests[1] != digests[2]

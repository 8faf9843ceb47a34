import pytest
from msgspec.structs import replace

from pipeline.records import GameEvent, GameStatus, OddsSnapshot, Seen, SnapshotKind
from producers.live.published import Games, Odds, Verdict
from tests.make import EVENT, at, quote, snapshot

BOOK = quote("alpha", 1.9, 1.9, quoted_at_ms=at(0))
OTHER = quote("beta", 2.0, 1.8, quoted_at_ms=at(0))


def unchanged(seconds: float, **fields: object) -> OddsSnapshot:
    return snapshot(seconds=seconds, kind=SnapshotKind.UNCHANGED, **fields)


def gone(seconds: float) -> OddsSnapshot:
    return snapshot(seconds=seconds, kind=SnapshotKind.GONE)


def mended(published: list[OddsSnapshot], *again: OddsSnapshot) -> list[OddsSnapshot]:
    """What is appended; after that nothing more is."""
    odds, found = Odds(published), []
    for record in again:
        judged = odds.judge(record)
        if judged.record is not None:
            assert isinstance(judged.record, OddsSnapshot)
            found.append(judged.record)
    once_more = Odds([*published, *found])
    assert [once_more.judge(record).verdict for record in again] == [Verdict.RIGHT] * len(again)
    return found


def test_what_is_as_it_was_told_is_left_alone() -> None:
    told = [snapshot(BOOK), unchanged(10), snapshot(BOOK, OTHER, seconds=20), gone(30)]

    assert mended(told, *told) == []


def test_told_in_full_or_as_unchanged_is_the_same() -> None:
    assert mended([snapshot(BOOK), unchanged(10)], snapshot(BOOK), snapshot(BOOK, seconds=10)) == []
    assert mended([snapshot(BOOK), snapshot(BOOK, seconds=10)], snapshot(BOOK), unchanged(10)) == []


def test_an_event_that_was_never_told_is_told_as_often_as_it_was_seen() -> None:
    again = [snapshot(BOOK), unchanged(10), snapshot(OTHER, seconds=20), gone(30)]

    assert mended([], *again) == again


def test_an_offer_that_was_told_wrong_is_told_in_full_until_it_was_told_right() -> None:
    wrong = replace(BOOK, prices=(1.9, 1.09))
    told = [snapshot(wrong), unchanged(10), snapshot(wrong, OTHER, seconds=20), snapshot(BOOK, seconds=30)]
    again = [snapshot(BOOK), unchanged(10), snapshot(BOOK, OTHER, seconds=20), snapshot(BOOK, seconds=30)]

    assert mended(told, *again) == [again[0], again[2]]


def test_a_full_snapshot_that_is_made_of_an_unchanged_poll_has_the_times_of_that_poll() -> None:
    """Its first poll was told right, then a full one was told wrong."""
    wrong = replace(BOOK, prices=(1.9, 1.09))
    seen = unchanged(10, seen=(Seen(book="alpha", quoted_at_ms=at(8)),))

    (one,) = mended([snapshot(BOOK), snapshot(wrong, seconds=10)], snapshot(BOOK), seen)

    assert one == snapshot(replace(BOOK, quoted_at_ms=at(8)), seconds=10)


def test_an_event_that_left_and_was_not_told_so_is_gone() -> None:
    assert mended([snapshot(BOOK)], snapshot(BOOK), gone(10)) == [gone(10)]


def test_polls_of_other_markets_do_not_contradict_each_other() -> None:
    h2h = snapshot(BOOK, markets=("h2h",))
    totals = snapshot(quote("alpha", 1.9, 1.9, market="total", line=44.5), seconds=5, markets=("total",))

    assert mended([h2h, totals], h2h, totals) == []


def play(seconds: float, **fields: object) -> GameEvent:
    given = {
        "source_event_id": f"play-{seconds:.0f}",
        "kind": "play",
        "status": GameStatus.LIVE,
        "period": 1,
        "sequence": at(seconds),
        **fields,
    }
    return GameEvent(event_id=EVENT, source="espn", received_at_ms=at(seconds), **given)  # type: ignore[arg-type]


def mended_plays(published: list[GameEvent], *again: GameEvent) -> list[GameEvent]:
    """What is appended; after that nothing more is."""
    games, found = Games(published), []
    for record in again:
        judged = games.judge(record)
        if judged.record is not None:
            assert isinstance(judged.record, GameEvent)
            found.append(judged.record)
    once_more = Games([*published, *found])
    assert [once_more.judge(record).verdict for record in again] == [Verdict.RIGHT] * len(again)
    return found


def test_plays_that_are_as_they_were_told_are_left_alone() -> None:
    told = [play(0), play(10), play(20, home_score=7)]

    assert mended_plays(told, *told) == []


def test_a_play_that_was_not_told_is_told() -> None:
    assert mended_plays([play(0), play(20)], play(0), play(10), play(20)) == [play(10)]


def test_a_play_that_was_told_wrong_is_superseded_by_the_next_sequence() -> None:
    wrong, right = play(10, home_score=70), play(10, home_score=7)

    (one,) = mended_plays([play(0), wrong], play(0), right)

    assert one == replace(right, supersedes="play-10", sequence=wrong.sequence + 1)


def test_a_standing_that_changes_under_one_id_is_followed_through_time() -> None:
    standing = [play(s, source_event_id="stands", home_score=n) for s, n in ((0, 0), (10, 3), (20, 0))]

    assert mended_plays(standing, *standing) == []
    assert mended_plays([standing[0], standing[2]], *standing) == [standing[1]]


@pytest.mark.parametrize("kind", ["start", "score", "clock"])
def test_a_kind_that_follows_from_what_was_told_before_is_no_difference(kind: str) -> None:
    assert mended_plays([play(0, kind=kind)], play(0, kind="clock")) == []


def test_a_kind_that_the_source_says_is_one() -> None:
    (one,) = mended_plays([play(0)], play(0, kind="turnover"))

    assert (one.kind, one.supersedes) == ("turnover", "play-0")

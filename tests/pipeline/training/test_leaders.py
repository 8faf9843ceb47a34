import math
from typing import Any

import pytest

from pipeline.domain.leaders import Verdict
from pipeline.records import GameEvent, GameStatus, OddsSnapshot, QuoteStatus, Seen, SnapshotKind
from pipeline.training.leaders import Event, Place, fit, gather, leads
from tests.make import EVENT, at, quote, snapshot
from tests.pipeline.training.evenings import EVENINGS, evening

H2H = ("h2h", "game", 0.0)


def changes(*records: OddsSnapshot | GameEvent) -> dict[Place, list[tuple[float, float, bool]]]:
    """Of each quote its rows: seconds from which and to which it changed, and whether that was a move."""
    found = gathered(*records)
    return {
        place: [
            ((row.begin_ms - at(0)) / 1000, (row.end_ms - at(0)) / 1000, row.moved != 0.0) for row in rows
        ]
        for place, rows in (found[0].changes.items() if found else ())
    }


def gathered(*records: OddsSnapshot | GameEvent) -> list[Event]:
    return gather(
        [record for record in records if isinstance(record, GameEvent)],
        [record for record in records if isinstance(record, OddsSnapshot)],
    )


def rows(*records: OddsSnapshot | GameEvent) -> list[tuple[float, float, bool]]:
    (found,) = changes(*records).values()
    return found


def scored(seconds: float, home: int, **fields: Any) -> GameEvent:
    given = {"event_id": EVENT, "source": "simulator", "sequence": 0, "status": GameStatus.LIVE, **fields}
    return GameEvent(kind="play", received_at_ms=at(seconds), home_score=home, **given)


def shown(*prices: float, seconds: float, quoted: float | None = None, **fields: Any) -> OddsSnapshot:
    quoted_at_ms = 0 if quoted is None else at(quoted)
    return snapshot(quote("bet365", *prices, quoted_at_ms=quoted_at_ms, **fields), seconds=seconds)


def test_a_change_came_after_the_last_look_at_the_old_price_and_not_after_the_first_at_the_new() -> None:
    found = rows(shown(1.9, 1.9, seconds=0), shown(1.9, 1.9, seconds=10), shown(2.0, 1.8, seconds=25))

    assert found == [(0.0, 0.0, False), (10.0, 25.0, True)]


def test_the_sources_own_time_counts_where_it_says_one() -> None:
    found = rows(
        shown(1.9, 1.9, seconds=0, quoted=-4),
        shown(1.9, 1.9, seconds=10, quoted=7),
        shown(2.0, 1.8, seconds=20, quoted=18),
    )

    assert found == [(-4.0, -4.0, False), (7.0, 18.0, True)]


def test_an_unchanged_poll_brings_the_times_at_which_books_were_looked_at() -> None:
    again = snapshot(seconds=10, kind=SnapshotKind.UNCHANGED, seen=(Seen(book="bet365", quoted_at_ms=at(9)),))

    assert rows(shown(1.9, 1.9, seconds=0, quoted=-4), again, shown(2.0, 1.8, seconds=20, quoted=18))[1] == (
        9.0,
        18.0,
        True,
    )


def test_a_time_that_stands_still_is_no_look() -> None:
    frozen = [shown(1.9, 1.9, seconds=seconds, quoted=-4) for seconds in (0, 10, 20)]

    assert rows(*frozen, shown(2.0, 1.8, seconds=30, quoted=28))[1] == (-4.0, 28.0, True)
    # A new price under the old time came when it was received.
    assert rows(*frozen, shown(2.0, 1.8, seconds=30, quoted=-4))[1] == (-4.0, 30.0, True)


def test_small_changes_add_up_to_a_move() -> None:
    prices = [(1.9, 1.9), (1.91, 1.89), (1.92, 1.88), (1.925, 1.875)]

    found = rows(*[shown(*pair, seconds=10 * number) for number, pair in enumerate(prices)])

    assert [moved for *_, moved in found] == [False, False, True, False]


@pytest.mark.parametrize(
    "between",
    [
        pytest.param(shown(1.9, 1.9, seconds=10, status=QuoteStatus.SUSPENDED), id="suspended"),
        pytest.param(snapshot(seconds=10), id="withdrawn"),
        pytest.param(shown(1.9, 0.0, seconds=10), id="a side missing"),
        pytest.param(shown(1.02, 15.0, seconds=10), id="all but decided"),
    ],
)
def test_across_a_stop_there_is_no_move(between: OddsSnapshot) -> None:
    found = rows(shown(1.9, 1.9, seconds=0), between, shown(2.4, 1.6, seconds=20))

    assert found == [(0.0, 0.0, False), (20.0, 20.0, False)]


def test_a_published_line_is_no_price_of_a_desk() -> None:
    assert changes(shown(1.9, 1.9, seconds=0, status=QuoteStatus.REFERENCE)) == {}


def test_another_line_is_another_market() -> None:
    found = changes(
        shown(1.9, 1.9, seconds=0, market="total", line=45.5),
        shown(2.1, 1.8, seconds=9, market="total", line=46.5),
    )

    assert [(place[1], len(rows)) for place, rows in found.items()] == [
        (("total", "game", 45.5), 1),
        (("total", "game", 46.5), 1),
    ]


def test_scores_and_key_events_are_remembered_when_they_happened() -> None:
    (event,) = gathered(
        scored(0, 0),
        scored(100, 3, happened_at_ms=at(90)),
        scored(120, 3),
        GameEvent(
            event_id=EVENT,
            source="simulator",
            kind="injury",
            status=GameStatus.LIVE,
            received_at_ms=at(200),
            home_score=3,
            sequence=0,
        ),
        shown(1.9, 1.9, seconds=0),
    )

    assert event.key_events_ms == {at(90), at(200)}
    assert event.starts_at_ms == at(0)


def test_the_lead_of_seven_seconds_and_the_shared_line_of_an_evening_are_found() -> None:
    found = fit(gathered(*evening(EVENINGS)), seed=3)["american-football"]
    verdicts = {(pair.leader, pair.follower): pair for pair in found.pairs}

    assert verdicts["pinnacle", "bet365"].verdict is Verdict.LEADS
    assert verdicts["pinnacle", "bet365"].lag_s == pytest.approx(7.0, abs=1.0)
    assert verdicts["betway", "boylesports"].verdict is Verdict.SAME_LINE
    named = {(lead.leader, lead.follower): lead.same_line for lead in leads(found.pairs)}
    assert named["pinnacle", "bet365"] is False
    assert named["betway", "boylesports"] is True
    assert all(pair.verdict is not Verdict.SAME_LINE for key, pair in verdicts.items() if "pinnacle" in key)


def test_brands_of_one_desk_are_one_desk() -> None:
    found = fit(gathered(*evening(EVENINGS, brand="lowvig")), seed=3)["american-football"]

    assert {name for pair in found.pairs for name in pair[1:3]} == {
        "pinnacle",
        "bet365",
        "betway",
        "boylesports",
        "betonline",
    }


def test_moves_around_a_key_event_are_left_out() -> None:
    records = evening(EVENINGS)
    injuries = [
        GameEvent(
            event_id=record.event_id,
            source="simulator",
            kind="injury",
            status=GameStatus.LIVE,
            received_at_ms=record.received_at_ms,
            sequence=0,
        )
        for record in records[::30]
    ]

    assert fit(gathered(*records), seed=3)["american-football"].moves > 0
    assert fit(gathered(*records, *injuries), seed=3)["american-football"].moves == 0


def test_the_order_in_which_events_are_read_changes_nothing() -> None:
    records = evening(EVENINGS)
    backwards = sorted(records, key=lambda record: record.event_id, reverse=True)

    assert fit(gathered(*records), seed=3) == fit(gathered(*backwards), seed=3)


def test_a_row_knows_how_far_the_price_moved() -> None:
    (event,) = gathered(shown(2.0, 2.0, seconds=0), shown(1.5, 3.0, seconds=10))

    (_, row) = event.changes["simulator", H2H, "bet365"]
    assert row[:2] == (at(0), at(10))
    assert row.level == row.moved == pytest.approx(math.log(2.0))

"""What looks like an arbitrage and is not: filters that look at one leg beside the other desks."""

from typing import Any

import pytest

from pipeline.records import Arbitrage, GameStatus, Line
from pipeline.stages.markets import MARKETS
from tests.make import Followed, at, game, quote, snapshot, tick

RARELY = "the-odds-api-recorded"
AGREED = [quote(book, 1.92, 1.92) for book in ("b", "c", "d")]
FAR = quote("a", 2.3, 1.62)


def looked(*looks: list[Line], source: str = RARELY) -> Followed:
    """An event at which a source looked every quarter of an hour."""
    event = Followed(MARKETS)
    for place, lines in enumerate(looks):
        event(snapshot(*lines, seconds=900.0 * place, source=source))
    return event


def listed(event: Followed) -> list[Arbitrage]:
    return [each for each in event.last["bets.arbitrage"].arbitrages if each.kind == "arbitrage"]


def reasons(event: Followed) -> list[tuple[str, ...]]:
    return [each.suspect for each in listed(event)]


def test_a_price_far_from_desks_that_agree_is_an_outlier_where_its_source_rarely_looks() -> None:
    assert reasons(looked([FAR, *AGREED])) == [("outlier",)]


def test_such_a_price_is_believed_once_the_next_look_has_shown_it_again() -> None:
    moved = quote("d", 1.9, 1.92)

    event = looked([FAR, *AGREED], [FAR, *AGREED[:2], moved])

    assert reasons(event) == [()]
    assert listed(event)[0].opened_at_ms == at(900)


@pytest.mark.parametrize(
    ("lines", "source"),
    [
        pytest.param([FAR, *AGREED], "simulator", id="the next look is seconds away"),
        pytest.param([quote("a", 2.15, 1.72), *AGREED], RARELY, id="not far"),
        pytest.param(
            [FAR, quote("b", 2.05, 1.8), quote("c", 1.78, 2.0), quote("d", 1.92, 1.92)],
            RARELY,
            id="the others are apart themselves",
        ),
    ],
)
def test_an_arbitrage_that_is_open_at_the_first_look(lines: list[Line], source: str) -> None:
    assert reasons(looked(lines, source=source)) == [()]


def test_of_two_desks_far_apart_nobody_knows_which_is_wrong() -> None:
    one, other = quote("a", 2.2, 1.65), quote("b", 1.72, 2.07)

    assert reasons(looked([one, other])) == [("outlier",)]


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [pytest.param(60, [()], id="within a minute"), pytest.param(61, [], id="later")],
)
def test_in_play_no_leg_stands_for_longer_than_a_minute_however_rarely_its_source_looks(
    seconds: int, expected: list[tuple[str, ...]]
) -> None:
    live: dict[str, Any] = {"status": GameStatus.LIVE, "starts_at_ms": at(-600), "started_at_ms": at(-600)}
    event = Followed(MARKETS)
    legs = [quote("a", 2.05, 1.85), quote("b", 1.85, 2.05)]

    event(game(-1, **live), snapshot(*legs, source=RARELY))
    assert reasons(event) == [()]
    event(game(seconds, **live, contested=True))  # news, and no key event

    assert reasons(event) == expected
    if not expected:
        assert [change.reason for change in event.last["bets.arbitrage"].changes] == ["stale"]


def test_time_alone_makes_a_suspect_of_a_price_that_its_book_has_not_spoken_of() -> None:
    live: dict[str, Any] = {"status": GameStatus.LIVE, "starts_at_ms": at(-600), "started_at_ms": at(-600)}
    event = Followed(MARKETS)
    legs = [quote("a", 2.05, 1.85, quoted_at_ms=at(-30)), quote("b", 1.85, 2.05, quoted_at_ms=at(-10))]
    event(game(-1, **live), snapshot(*legs, source=RARELY))
    assert reasons(event) == [()]
    assert event.due_s == 30.001

    event(tick(31))

    assert reasons(event) == [("stale_leg",)]
    (change,) = event.last["bets.arbitrage"].changes
    assert (change.change, change.reason) == ("withdrawn", "suspect")


def test_a_suspect_opens_when_its_book_has_spoken_again_at_the_same_price() -> None:
    event = Followed(MARKETS)
    legs = [quote("a", 2.05, 1.85, quoted_at_ms=at(-200)), quote("b", 1.85, 2.05, quoted_at_ms=at(0))]
    event(snapshot(*legs, source=RARELY))
    assert reasons(event) == [("ages_apart",)]

    again = [quote("a", 2.05, 1.85, quoted_at_ms=at(590)), quote("b", 1.85, 2.05, quoted_at_ms=at(600))]
    event(snapshot(*again, source=RARELY, seconds=601))

    assert reasons(event) == [()]

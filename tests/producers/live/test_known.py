import pytest
from prometheus_client import REGISTRY

from pipeline.records import GameEvent, GameStatus, Line, OddsSnapshot, QuoteStatus, SourceEvent
from producers.live.call import Game
from producers.live.known import FORGOTTEN_MS, HOUR_MS, Known, disagreement
from tests.make import EVENT, T0, at, quote, snapshot


def said(status: GameStatus, seconds: float = 0.0) -> GameEvent:
    return GameEvent(
        event_id=EVENT, source="espn", kind="clock", received_at_ms=at(seconds), sequence=1, status=status
    )


def shown(source: str = "espn", starts_at_ms: int = T0) -> SourceEvent:
    return SourceEvent(
        source=source, source_id="401", event_id=EVENT, received_at_ms=T0, starts_at_ms=starts_at_ms,
        home="", away="",
    )  # fmt: skip


def only(known: Known, source: str = "espn", seconds: float = 0.0) -> Game:
    (game,) = known.games(source, at(seconds))
    return game


@pytest.mark.parametrize(
    ("status", "is_live", "is_over"),
    [
        (GameStatus.SCHEDULED, False, False),
        (GameStatus.LIVE, True, False),
        (GameStatus.SUSPENDED, True, False),
        (GameStatus.FINAL, False, True),
        (GameStatus.POSTPONED, False, False),
        (GameStatus.CANCELLED, False, True),
    ],
)
def test_how_a_game_stands(status: GameStatus, is_live: bool, is_over: bool) -> None:
    known = Known()
    known.hear(said(status))

    assert (only(known).is_live, only(known).is_over) == (is_live, is_over)


def test_a_source_is_told_its_own_id_of_a_game() -> None:
    known = Known()
    known.hear(shown("espn"))

    assert only(known, "espn").source_id == "401"
    assert only(known, "the-odds-api").source_id == ""


def test_the_newest_word_on_a_start_holds_and_an_old_claim_does_not_undo_it() -> None:
    known = Known()
    known.hear(shown())
    known.hear(snapshot(starts_at_ms=T0 + HOUR_MS))
    known.hear(shown())

    assert only(known).starts_at_ms == T0 + HOUR_MS


def test_lines_that_changed_count_for_an_hour() -> None:
    known = Known()
    for number, price in enumerate((1.9, 1.9, 1.8, 1.7)):
        known.hear(snapshot(quote("a-book", price, 2.0), quote("b-book", 1.9, 2.0), seconds=number))

    assert only(known, seconds=10.0).moves_per_hour == 2.0
    assert only(known, seconds=3603.0).moves_per_hour == 1.0
    assert only(known, seconds=3604.0).moves_per_hour == 0.0


def test_what_a_source_shows_of_a_game_is_counted_and_what_changed_in_it_is_measured() -> None:
    def measured() -> float:
        name, labels = "sharpline_producers_changed_lines_total", {"source": quoted.source}
        return REGISTRY.get_sample_value(name, labels) or 0.0

    known, quoted = Known(), snapshot(quote("a-book", 1.9, 2.0), quote("b-book", 1.9, 2.0))
    before = measured()
    known.hear(quoted)
    known.hear(snapshot(quote("a-book", 1.9, 2.0), quote("b-book", 1.8, 2.1), seconds=1))

    assert (only(known, quoted.source).lines, only(known, "espn").lines) == (2, 0)
    assert measured() == before + 1


def test_a_game_of_which_nothing_was_heard_for_long_is_forgotten() -> None:
    known = Known()
    known.hear(shown())

    assert list(known.games("espn", T0 + FORGOTTEN_MS)) != []
    assert list(known.games("espn", T0 + FORGOTTEN_MS + 1)) == []


@pytest.mark.parametrize(
    ("lines", "spread"),
    [
        pytest.param([], 0.0, id="no book"),
        pytest.param([quote("a", 2.0, 2.0)], 0.0, id="one book"),
        pytest.param([quote("a", 2.0, 2.0), quote("b", 1.6, 2.4)], 0.05, id="two books"),
        pytest.param([quote("a", 2.0, 2.0), quote("b", 0.0, 2.4)], 0.0, id="a price is lacking"),
        pytest.param(
            [quote("a", 2.0, 2.0), quote("b", 1.6, 2.4, status=QuoteStatus.SUSPENDED)], 0.0, id="suspended"
        ),
        pytest.param([quote("a", 2.0, 2.0), quote("a", 4.0, 4.0, 4.0)], 0.0, id="two and three outcomes"),
    ],
)
def test_how_far_books_are_apart_on_who_wins(lines: list[Line], spread: float) -> None:
    shown: OddsSnapshot = snapshot(*lines)

    assert disagreement(shown) == pytest.approx(spread)

"""What a replay published, read back: each record once, with its own state, the price that stood, the end."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from pipeline.records import AmericanFootball, GameEvent, GameStatus, OddsSnapshot, SnapshotKind
from pipeline.replay import archive
from pipeline.replay.run import replay
from pipeline.settings import Rules
from pipeline.training.published import Published, published
from tests.make import quote
from tests.pipeline.training.football import archived, game

#: After so many records of a game a source shows prices for it.
QUOTED_AFTER = 40


def with_prices(number: int) -> Iterator[OddsSnapshot | GameEvent]:
    """A game of which four desks have quoted who wins, a second after one of its records."""
    for place, record in enumerate(game(number)):
        yield record
        if place == QUOTED_AFTER:
            yield OddsSnapshot(
                event_id=record.event_id,
                source="the-odds-api",
                kind=SnapshotKind.FULL,
                received_at_ms=record.received_at_ms + 1_000,
                lines=tuple(
                    quote(book, 1.5, 2.8) for book in ("pinnacle", "bet365", "betfair_ex_eu", "1xbet")
                ),
            )


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three games, the second with prices, the third without an end."""
    folder = tmp_path_factory.mktemp("published") / "archive"
    return archived(folder, iter([*game(0), *with_prices(1), *list(game(2))[:-1]]))


@pytest.fixture(scope="module")
def answers(inputs: Path) -> Path:
    replay(inputs, inputs.parent / "answers", Rules(), 2)
    return inputs.parent / "answers"


@pytest.fixture(scope="module")
def rows(answers: Path) -> list[Published]:
    return list(published(answers))


def test_each_record_of_a_finished_game_is_answered_once(inputs: Path, rows: list[Published]) -> None:
    events = [message.record for message in archive.read(inputs, "games.events")]
    finished = [(one.event_id, one.source_event_id) for one in events if ":2025-09-16:" not in one.event_id]

    assert [(row.event_id, row.source_event_id) for row in rows] == finished


def test_what_is_said_again_is_left_out(answers: Path, rows: list[Published]) -> None:
    said = [message.record for message in archive.read(answers, "games.probabilities") if message.record]
    again = [one for one in said if one.inputs["clock.ticks"] >= 0]

    assert again
    assert len(rows) < len(said)


def test_a_row_has_the_state_of_its_own_record(inputs: Path, rows: list[Published]) -> None:
    events = {
        (message.record.event_id, message.record.source_event_id): message.record
        for message in archive.read(inputs, "games.events")
    }
    for row in rows:
        event = events[row.event_id, row.source_event_id]
        assert (row.status, row.period, row.clock_s) == (event.status, event.period, event.clock_s)
        assert (row.home_score, row.away_score) == (event.home_score, event.away_score)
        assert isinstance(row.situation, AmericanFootball) == (event.kind == "snap")


def test_a_row_knows_how_its_game_ended(rows: list[Published]) -> None:
    for event_id in {row.event_id for row in rows}:
        of_game = [row for row in rows if row.event_id == event_id]
        last = of_game[-1]
        assert last.status is GameStatus.FINAL
        assert {(row.home_final, row.away_final) for row in of_game} == {(last.home_score, last.away_score)}
        assert max(last.game) == 1.0


def test_a_price_stands_from_the_record_after_it_and_ages_until_it_is_stale(rows: list[Published]) -> None:
    priced = [row for row in rows if ":2025-09-15:" in row.event_id]
    ages_s = [row.market.age_ms / 1000 if row.market else None for row in priced]

    assert ages_s[:QUOTED_AFTER] == [None] * QUOTED_AFTER
    assert ages_s[QUOTED_AFTER] == 19.0
    assert ages_s[-1] is None
    market = priced[QUOTED_AFTER].market
    assert market is not None
    assert sum(market.chances) == pytest.approx(1.0)
    assert market.chances[0] > 0.6
    assert not any(row.market for row in rows if ":2025-09-15:" not in row.event_id)


def test_a_final_score_that_is_corrected_counts_as_corrected(tmp_path: Path) -> None:
    *played, final = [record for record in game(0) if isinstance(record, GameEvent)]
    corrected = replace(
        final,
        kind="correction",
        source_event_id="corrected",
        sequence=final.sequence + 1,
        received_at_ms=final.received_at_ms + 60_000,
        home_score=final.home_score + 40,
    )
    replay(archived(tmp_path / "archive", iter([*played, final, corrected])), tmp_path / "out", Rules(), 2)

    assert {row.home_final for row in published(tmp_path / "out")} == {final.home_score + 40}

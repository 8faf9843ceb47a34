"""The load is what the benchmarks say that it is."""

from itertools import pairwise

import pytest

from pipeline import codec
from pipeline.records import ClockTick, GameEvent, OddsSnapshot
from pipeline.settings import Rules
from pipeline.stages.fold import Input, first_row, fold
from pipeline.stages.games import GAMES
from pipeline.topics import topic_of
from tests.benchmarks.board import BOOKS, MARKETS, START_MS, Evening, Load, Made, play


def made(load: Load) -> list[tuple[float, Made]]:
    evening = Evening(load)
    return [*((0.0, shown) for shown in evening.opening()), *evening.paced()]


def test_the_same_load_is_the_same_records() -> None:
    load = Load(rates=((20.0, 3.0),), events=3, plays_s=4.0)

    assert made(load) == made(load)


def test_a_tenth_of_the_lines_of_an_event_have_new_prices() -> None:
    shown = [record for _, record in made(Load(rates=((20.0, 1.0),), events=1))]
    boards = [record for record in shown if isinstance(record, OddsSnapshot)]

    for one, other in pairwise(boards):
        assert len(other.lines) == BOOKS * len(MARKETS)
        changed = sum(old.prices != new.prices for old, new in zip(one.lines, other.lines, strict=True))
        assert 0 < changed <= round(0.1 * len(other.lines))  # a new price may be the old one


def test_records_are_due_when_they_were_received_and_ticks_come_each_second() -> None:
    load = Load(rates=((10.0, 2.0), (40.0, 2.0)), events=4, plays_s=5.0)
    found = made(load)

    assert [at_s for at_s, _ in found] == sorted(at_s for at_s, _ in found)
    assert all(record.received_at_ms == START_MS + round(1000 * at_s) for at_s, record in found)
    assert [at_s for at_s, record in found if isinstance(record, ClockTick)] == [1.0, 2.0, 3.0, 4.0]
    assert sum(isinstance(record, OddsSnapshot) for _, record in found) == load.snapshots == 4 + 20 + 80
    assert sum(isinstance(record, GameEvent) for _, record in found) == 20


def test_every_record_may_enter_its_topic() -> None:
    for _, record in made(Load(rates=((50.0, 2.0),), books=60, plays_s=20.0)):
        codec.check(topic_of(type(record)).name, record)


def test_every_play_moves_its_game_on() -> None:
    row = first_row(GAMES, play(1, 0, START_MS).event_id, {})

    for sequence in range(40):
        event = play(1, sequence, START_MS + 1_000 * sequence)
        row, answers = fold(GAMES, Rules(), row, Input("games.events", 0, sequence, event))
        states = [answer.record for answer in answers if answer.topic == "games.states"]
        assert [(state.home_score, state.away_score) for state in states] == [
            (event.home_score, event.away_score)
        ]


def test_more_books_than_there_are_cannot_be_had() -> None:
    with pytest.raises(ValueError, match="books are wanted"):
        next(Evening(Load(books=1_000)).opening())

"""Answers are matched with the records that they were made from."""

from tests.benchmarks.latency import delays, last_answers, percentiles, through_markets
from tests.benchmarks.load import Mark
from tests.benchmarks.system import SNAPSHOTS, Answered, Place, Run, Sample

MS = 1_000_000


def mark(offset: int, sent_ms: int, topic: str = SNAPSHOTS) -> Mark:
    return Mark(topic, 0, offset, sent_ms * MS, sent_ms, 0.0)


def answered(topic: str, offset: int, cause: Place, polled_ms: int) -> Answered:
    return Answered(Place(topic, 0, offset), cause, polled_ms * MS, polled_ms - 1)


def test_a_record_waits_for_the_last_of_its_answers() -> None:
    cause = Place(SNAPSHOTS, 0, 7)
    answers = [answered("odds.moves", 0, cause, 19), answered("odds.fair", 0, cause, 12)]
    found = delays(Run([mark(7, 10)], answers, []), SNAPSHOTS, last_answers(answers))

    assert found == ([9.0], [8.0])


def test_a_record_without_an_answer_does_not_count() -> None:
    answers = [answered("odds.fair", 0, Place(SNAPSHOTS, 0, 1), 12)]
    found = delays(Run([mark(0, 5), mark(1, 10)], answers, []), SNAPSHOTS, last_answers(answers))

    assert found.polled_ms == [2.0]


def test_a_play_waits_for_what_markets_make_of_its_probabilities() -> None:
    play, quiet = Place("games.events", 0, 3), Place("games.events", 0, 4)
    answers = [
        answered("games.states", 0, play, 11),
        answered("games.probabilities", 8, play, 12),
        answered("games.probabilities", 9, quiet, 13),
        answered("bets.value", 0, Place("games.probabilities", 0, 8), 15),
    ]

    assert through_markets(answers) == {play: answers[3]}


def test_of_a_hundred_delays_the_99th_percentile_is_near_the_highest() -> None:
    p50, p99, highest = percentiles([float(n) for n in range(1, 101)])

    assert (p50, highest) == (50.5, 100.0)
    assert 99.0 < p99 < 100.0


def test_what_came_before_the_warm_up_was_over_is_left_out() -> None:
    samples = [Sample(0, 0, 0.0), Sample(2_000 * MS, 100, 1.0), Sample(3_000 * MS, 300, 1.5)]
    run = Run([mark(0, 0), mark(1, 2_500)], [], samples).after(1.0)

    assert run.marks == [mark(1, 2_500)]
    assert run.cpu_ms == 2.5

from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.records import Baseball, GameEvent, GameStatus, Soccer
from producers.diff_games import FORGOTTEN_MS, OLD_COPIES, GameDiffer

GAME = "nba:2025-11-02:bos-lal"
NOW = 1_762_100_000_000


def standing(received_s: int, **fields: Any) -> GameEvent:
    """How the game stands: in its second quarter, unless it says otherwise."""
    return GameEvent(
        **{
            "event_id": GAME,
            "source": "espn",
            "source_event_id": "one",
            "kind": "clock",
            "received_at_ms": NOW + 1000 * received_s,
            "sequence": (NOW + 1000 * received_s) * 1000,
            "status": GameStatus.LIVE,
            "period": 2,
            "clock_s": 600.0,
            "home_score": 30,
            "away_score": 28,
            **fields,
        }
    )


def play(received_s: int, own_id: str, **fields: Any) -> GameEvent:
    """A play."""
    return standing(received_s, **{"source_event_id": f"one/{own_id}", "kind": "play", **fields})


def told(*answers: list[GameEvent]) -> list[list[GameEvent]]:
    """What is told of each answer."""
    differ = GameDiffer()
    return [list(differ.poll(answer)) for answer in answers]


def kinds(*answers: list[GameEvent]) -> list[list[str]]:
    return [[event.kind for event in news] for news in told(*answers)]


def test_a_state_that_is_as_it_was_is_not_told_again() -> None:
    assert [len(news) for news in told([standing(0)], [standing(10)], [standing(20)])] == [1, 0, 0]


@pytest.mark.parametrize(
    ("before", "after", "kind"),
    [
        (
            {"status": GameStatus.SCHEDULED, "kind": "scheduled", "home_score": 0, "away_score": 0},
            {},
            "start",
        ),
        ({"status": GameStatus.SUSPENDED, "kind": "suspension"}, {}, "resumption"),
        ({}, {"home_score": 32, "clock_s": 580.0}, "score"),
        ({}, {"period": 3, "clock_s": 720.0}, "period_start"),
        ({}, {"clock_s": 580.0}, "clock"),
        ({}, {"status": GameStatus.FINAL, "kind": "final", "period": 4, "clock_s": 0.0}, "final"),
        ({}, {"status": GameStatus.POSTPONED, "kind": "postponed"}, None),
        (
            {"situation": Soccer(home_reds=0, away_reds=0)},
            {"situation": Soccer(home_reds=0, away_reds=1)},
            "card",
        ),
    ],
)
def test_what_has_happened_is_named_by_what_changed(
    before: dict[str, Any], after: dict[str, Any], kind: str | None
) -> None:
    _, news = kinds([standing(0, **before)], [standing(10, **after)])

    assert news == ([kind] if kind else [])  # a game in play that is put off has to be said again


def test_of_a_game_that_is_new_only_the_last_record_is_told() -> None:
    first, second = told(
        [play(0, "1"), play(0, "2", home_score=32), standing(0, home_score=32)],
        [play(10, "1"), play(10, "2", home_score=32), play(10, "3", home_score=34, clock_s=570.0)],
    )

    assert [event.source_event_id for event in first] == ["one"]
    assert [(event.source_event_id, event.kind) for event in second] == [("one/3", "score")]


def test_a_play_is_told_once_and_one_from_before_the_standing_never() -> None:
    _, *news = told(
        [standing(0, clock_s=600.0)],
        [play(10, "1", clock_s=640.0), play(10, "2", clock_s=590.0)],
        [play(20, "1", clock_s=640.0), play(20, "2", clock_s=590.0)],
    )

    assert [[event.source_event_id for event in some] for some in news] == [["one/2"], []]


def test_an_old_copy_is_passed_over_and_believed_when_it_goes_on() -> None:
    new, old = {"clock_s": 560.0, "home_score": 32}, {"clock_s": 600.0, "home_score": 30}
    answers = [[standing(0, **new)], *([standing(10 + 10 * nth, **old)] for nth in range(OLD_COPIES + 1))]

    *held, corrected = told(*answers)[1:]

    assert held == [[]] * OLD_COPIES
    assert [(event.kind, event.supersedes, event.home_score) for event in corrected] == [
        ("correction", "one", 30)
    ]


def test_old_copies_between_new_ones_are_never_told() -> None:
    news = told(
        [standing(0, clock_s=600.0)],
        [standing(10, clock_s=590.0)],
        [standing(20, clock_s=600.0)],
        [standing(30, clock_s=580.0)],
        [standing(40, clock_s=590.0)],
        [standing(50, clock_s=590.0)],
        [standing(60, clock_s=570.0)],
    )

    assert [[event.clock_s for event in some] for some in news] == [
        [600.0],
        [590.0],
        [],
        [580.0],
        [],
        [],
        [570.0],
    ]


def test_a_standing_from_before_the_plays_that_were_told_is_no_doubt_about_them() -> None:
    behind = [[standing(20 + 10 * nth)] for nth in range(OLD_COPIES + 3)]

    news = told([standing(0)], [standing(5)], [play(10, "1", clock_s=580.0, home_score=32)], *behind)

    assert [len(some) for some in news] == [1, 0, 1, *([0] * len(behind))]


def test_a_score_that_fell_while_the_clock_went_on_is_a_correction_at_once() -> None:
    _, news = told([standing(0)], [standing(10, clock_s=570.0, home_score=28)])

    assert [(event.kind, event.supersedes) for event in news] == [("correction", "one")]


def test_a_score_that_fell_while_nothing_moved_waits() -> None:
    polls = [[standing(10 + nth, home_score=28)] for nth in range(OLD_COPIES + 1)]

    assert kinds([standing(0)], *polls) == [["clock"], *([[]] * OLD_COPIES), ["correction"]]


def test_a_source_that_dates_its_states_is_believed_by_its_dates() -> None:
    news = told(
        [standing(0, happened_at_ms=NOW, clock_s=-1.0)],
        [standing(10, happened_at_ms=NOW + 9_000, clock_s=-1.0, home_score=28)],
        [standing(20, happened_at_ms=NOW, clock_s=-1.0)],
    )

    assert [[event.kind for event in some] for some in news] == [["clock"], ["correction"], []]


def test_a_final_that_is_taken_back_is_told_with_what_it_takes_back() -> None:
    final = {"status": GameStatus.FINAL, "kind": "final", "period": 4, "clock_s": 0.0}
    on = [[standing(10 + nth, period=4, clock_s=3.0)] for nth in range(OLD_COPIES + 1)]

    *held, corrected = told([standing(0, **final)], *on)[1:]

    assert held == [[]] * OLD_COPIES
    assert [(event.status, event.supersedes) for event in corrected] == [(GameStatus.LIVE, "one")]


def test_an_inning_goes_on_by_halves_and_outs() -> None:
    def half(received_s: int, which: str, outs: int) -> list[GameEvent]:
        inning = Baseball(half=which, outs=outs, bases=0, balls=0, strikes=0, scheduled_innings=9)
        return [standing(received_s, clock_s=-1.0, situation=inning)]

    answers = [half(0, "top", 2), half(10, "bottom", 0), half(20, "top", 2), half(30, "bottom", 1)]

    assert [len(news) for news in told(*answers)] == [1, 1, 0, 1]


def test_what_was_told_is_forgotten_after_two_days() -> None:
    differ = GameDiffer()
    list(differ.poll([standing(0)]))
    other = standing(FORGOTTEN_MS // 1000 + 1, event_id="nba:2025-11-04:bos-lal")
    list(differ.poll([other]))

    assert list(differ.poll([standing(FORGOTTEN_MS // 1000 + 2)])) != []


@given(
    st.lists(
        st.tuples(st.integers(1, 4), st.integers(0, 700), st.integers(0, 40), st.booleans()), max_size=30
    )
)
def test_sequences_always_rise_and_no_state_is_told_twice_in_a_row(
    states: list[tuple[int, int, int, bool]],
) -> None:
    differ, news = GameDiffer(), []
    for nth, (period, clock_s, home_score, is_play) in enumerate(states):
        fields: dict[str, Any] = {"period": period, "clock_s": float(clock_s), "home_score": home_score}
        answer = [play(0, str(nth), **fields)] if is_play else [standing(0, **fields)]
        news += list(differ.poll(answer))

    assert all(one.sequence < other.sequence for one, other in pairwise(news))
    standings = [(one, other) for one, other in pairwise(news) if "/" not in other.source_event_id]
    assert all(
        (one.period, one.clock_s, one.home_score) != (other.period, other.clock_s, other.home_score)
        for one, other in standings
    )

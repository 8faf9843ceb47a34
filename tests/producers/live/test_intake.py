from typing import Any

import pytest
from backports import zstd
from hypothesis import given
from hypothesis import strategies as st

from pipeline.records import SourcePayload
from producers.live.call import Answer, Call
from producers.live.intake import HELD_UP_MS, Intake, Quoted, was_held_up
from tests.producers.live.made import Made, Memory, offers

NOW_MS = 1_757_868_600_000
H2H, TOTAL = ("a-book", "h2h", "game", 0.0), ("a-book", "total", "game", 44.5)
OTHER = ("b-book", "h2h", "game", 0.0)


def answer(body: bytes | None, league: str = "nfl", seconds: int = 0) -> Answer:
    call = Call(
        "the-odds-api", f"odds {league}", f"https://example.test/{league}", (("regions", "us"),), league
    )
    return Answer(call, 200 if body else 304, {}, body, NOW_MS, NOW_MS + seconds * 1000)


def taking() -> tuple[Intake, Any]:
    log = Memory()
    return Intake(Made(), set(), log), log


@pytest.mark.parametrize(
    ("before", "now", "late"),
    [
        pytest.param({}, {H2H: 100}, False, id="first seen"),
        pytest.param({H2H: 100}, {H2H: 100}, False, id="the same"),
        pytest.param({H2H: 100}, {H2H: 90}, True, id="earlier"),
        pytest.param({H2H: 100, OTHER: 100}, {H2H: 90, OTHER: 110}, False, id="one earlier, one later"),
        pytest.param({H2H: 100, TOTAL: 200}, {H2H: 100}, False, id="the newest market left"),
        pytest.param({H2H: 10**6}, {H2H: 10**6 - HELD_UP_MS - 1}, False, id="the clock was set"),
        pytest.param({H2H: 100}, {H2H: 0}, False, id="no time is said"),
    ],
)
def test_an_answer_that_was_held_up(before: Quoted, now: Quoted, late: bool) -> None:
    assert was_held_up(before, now) is late


@given(st.dictionaries(st.sampled_from([H2H, TOTAL, OTHER]), st.integers(0, 10**6)))
def test_no_answer_is_behind_itself(quoted: Quoted) -> None:
    assert not was_held_up(quoted, quoted)


def test_the_raw_answer_comes_first_and_whole() -> None:
    intake, log = taking()
    body = offers(a=1.9)
    intake.take(answer(body))

    payload = log.records[0]
    assert isinstance(payload, SourcePayload)
    assert zstd.decompress(payload.body) == body
    assert payload.request == "https://example.test/nfl?regions=us"


def test_an_answer_about_one_league_withdraws_nothing_of_another() -> None:
    intake, log = taking()
    intake.take(answer(offers(a=1.9), "nfl"))
    intake.take(answer(offers(b=1.9), "nba"))

    assert log.odds() == [("a", "full"), ("b", "full")]


def test_nothing_new_is_the_last_answer_once_more() -> None:
    intake, log = taking()
    intake.take(answer(offers(a=1.9)))
    count = intake.take(answer(None, seconds=5))

    assert count == 1
    assert log.odds() == [("a", "full"), ("a", "unchanged")]
    assert log.records[-1].received_at_ms == NOW_MS + 5000


def test_what_is_not_asked_for_any_more_is_let_go() -> None:
    intake, _ = taking()
    intake.take(answer(offers(a=1.9)))
    intake.forget([], NOW_MS)

    assert intake.take(answer(None, seconds=5)) == 0

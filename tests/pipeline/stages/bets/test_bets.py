"""The bets fold: opportunities followed to their result, and the published probabilities scored."""

import math
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from pipeline.records import BetResult, ClockTick, GameScore, GameStatus, LegResult, OpportunityKind
from pipeline.stages.bets import BETS, Bets
from pipeline.stages.fold import Input, Row, fold, next_due_ms
from tests.hash_seeds import printed
from tests.pipeline.stages.bets.make import (
    EPL,
    NFL,
    NHL,
    RULES,
    START_MS,
    arbitrage,
    bet,
    close,
    fair,
    final,
    folded,
    probabilities,
    results,
    scores,
    state,
    value,
)


def test_a_winning_bet_pays_the_price_at_which_it_opened() -> None:
    [won] = results(value(bet(price=2.2)), value(bet(price=2.4)), close(fair("h2h", 0.5, 0.5)), final(27, 20))

    assert (won.kind, won.opportunity, won.basis) == (OpportunityKind.VALUE, "v1", "consensus")
    assert won.legs[0].result == LegResult.WON
    assert won.legs[0].price == 2.2
    assert won.profit == pytest.approx(1.2)


@pytest.mark.parametrize(
    ("fields", "score", "result", "profit"),
    [
        pytest.param({"outcome": 1}, (27, 20), LegResult.LOST, -1.0, id="the other side won"),
        pytest.param({}, (20, 20), LegResult.PUSHED, 0.0, id="a tie gives the stake back"),
        pytest.param({"market": "spread", "line": -7.0}, (27, 20), LegResult.PUSHED, 0.0, id="on the line"),
        pytest.param({"market": "spread", "line": -6.5}, (27, 20), LegResult.WON, 1.2, id="a spread covered"),
        pytest.param({"market": "total", "line": 47.25}, (27, 20), LegResult.HALF_LOST, -0.5, id="a quarter"),
        pytest.param({"market": "btts"}, (2, 1), LegResult.WON, 1.2, id="both have scored"),
        pytest.param({"market": "corners"}, (2, 1), LegResult.UNKNOWN, 0.0, id="a market without a rule"),
        pytest.param({"scope": "h1"}, (27, 20), LegResult.UNKNOWN, 0.0, id="a half that nobody followed"),
    ],
)
def test_what_a_bet_comes_to(
    fields: dict[str, Any], score: tuple[int, int], result: LegResult, profit: float
) -> None:
    [found] = results(value(bet(**fields)), final(*score))

    assert found.legs[0].result == result
    assert found.profit == pytest.approx(profit)


@pytest.mark.parametrize("status", [GameStatus.ABANDONED, GameStatus.CANCELLED])
def test_a_game_that_was_called_off_voids_its_bets(status: GameStatus) -> None:
    called_off = state(7, 3, status=status, finished_at_ms=START_MS + 90_000)
    found = results(value(bet()), arbitrage(), called_off)

    assert {leg.result for result in found for leg in result.legs} == {LegResult.VOID}
    assert [result.profit for result in found] == [0.0, 0.0]


def test_a_postponed_game_waits() -> None:
    assert results(value(bet()), state(status=GameStatus.POSTPONED, period=0, started_at_ms=0)) == []


@pytest.mark.parametrize(
    ("score", "profit"), [((27, 20), 0.488 * 2.15 - 1.0), ((20, 27), 0.512 * 2.05 - 1.0)]
)
def test_an_arbitrage_is_settled_by_its_stakes(score: tuple[int, int], profit: float) -> None:
    [found] = results(arbitrage(), close(fair("h2h", 0.5, 0.5)), final(*score))

    assert [leg.stake_share for leg in found.legs] == pytest.approx([0.488, 0.512])
    assert found.profit == pytest.approx(profit)
    assert (found.closing_known, found.closing_line_value) == (True, 0.0)


@pytest.mark.parametrize("score", [(27, 20), (20, 27)])
def test_a_back_and_its_lay_bring_the_same_either_way(score: tuple[int, int]) -> None:
    """The oracle: back 100 at 2.10, lay 108.808 at 1.98 with 5 %: 3.3679 on 206.63 at risk."""
    (found,) = arbitrage((2.10, 1.98)).arbitrages
    back, lay = found.legs
    back = replace(back, stake_minor=10_000, at_risk_minor=10_000)
    lay = replace(lay, outcome=0, side="lay", commission=0.05, stake_minor=10_881, at_risk_minor=10_663)
    laid = replace(arbitrage(), arbitrages=(replace(found, legs=(back, lay), stake_minor=20_663),))

    [settled] = results(laid, final(*score))

    assert settled.profit == pytest.approx(336.79 / 20_663, abs=2e-5)
    assert [leg.side for leg in settled.legs] == ["back", "lay"]
    assert {leg.result for leg in settled.legs} == {LegResult.WON, LegResult.LOST}


@pytest.mark.parametrize(
    ("score", "together"),
    [
        pytest.param((24, 21), [LegResult.WON, LegResult.WON], id="the gap is hit"),
        pytest.param((27, 24), [LegResult.WON, LegResult.LOST], id="above"),
    ],
)
def test_each_leg_of_a_middle_is_settled_on_its_own_line(
    score: tuple[int, int], together: list[LegResult]
) -> None:
    (found,) = arbitrage((1.9, 1.9), (50_000, 50_000), market="total", line=43.5, kind="middle").arbitrages
    legs = [
        replace(leg, line=line, at_risk_minor=50_000)
        for leg, line in zip(found.legs, (43.5, 47.5), strict=True)
    ]
    middle = replace(arbitrage(), arbitrages=(replace(found, legs=tuple(legs)),))

    [settled] = results(middle, final(*score))

    assert settled.kind is OpportunityKind.MIDDLE
    assert [leg.result for leg in settled.legs] == together


def test_commission_is_taken_from_what_a_bet_wins() -> None:
    [won] = results(value(bet(commission=0.05)), close(fair("h2h", 0.5, 0.5)), final(27, 20))

    assert won.profit == pytest.approx(1.2 * 0.95)
    assert won.closing_line_value == pytest.approx((1.0 + 1.2 * 0.95) * 0.5 - 1.0)


def test_low_hold_is_not_followed() -> None:
    assert results(arbitrage(kind="low_hold"), final(27, 20)) == []


def test_a_suspect_arbitrage_is_not_followed() -> None:
    assert results(arbitrage(suspect=("beyond_belief",)), final(27, 20)) == []


def test_an_arbitrage_that_turns_suspect_has_ended() -> None:
    row, _ = folded([arbitrage(), arbitrage(suspect=("outlier",))])

    assert row.state.followed["a1"].withdrawn_at_ms > 0


def test_what_is_not_listed_any_more_has_ended_whatever_the_changes_say() -> None:
    at_ms = START_MS - 30_000
    silent, _ = folded([value(bet()), value(at_ms=at_ms)])
    spoken, _ = folded([value(bet()), value(at_ms=at_ms, v1="stale")])

    for row, reason in ((silent, "superseded"), (spoken, "stale")):
        followed = row.state.followed["v1"]
        assert (followed.withdrawn_at_ms, followed.withdrawn_reason) == (at_ms, reason)


def test_a_list_of_value_bets_ends_no_arbitrage() -> None:
    row, _ = folded([arbitrage(), value()])

    assert row.state.followed["a1"].withdrawn_at_ms == 0


def test_an_opportunity_that_comes_back_is_the_same_at_its_first_price() -> None:
    row, _ = folded([value(bet()), value(), value(bet(price=2.6, opened_at_ms=START_MS - 10_000))])
    followed = row.state.followed["v1"]

    assert (followed.withdrawn_at_ms, followed.withdrawn_reason) == (0, "")
    assert (followed.opened_at_ms, followed.legs[0].price) == (START_MS - 60_000, 2.2)


def test_the_end_of_the_game_ends_what_is_open() -> None:
    [found] = results(value(bet()), final(27, 20, at_ms=START_MS + 7_000_000))

    assert (found.withdrawn_at_ms, found.withdrawn_reason) == (START_MS + 7_000_000, "finished")


def test_a_list_after_the_end_changes_nothing() -> None:
    once = results(value(bet()), final(27, 20))
    late = results(value(bet()), final(27, 20), value(v1="finished"), value(bet(), bet("v2")))

    assert late == once


def test_the_closing_line_value_compares_the_price_taken_with_the_fair_close() -> None:
    lines = close(
        fair("h2h", 0.48, 0.52), fair("h2h_3way", 0.46, 0.50, 0.04), fair("spread", 0.5, 0.5, line=-1.5)
    )
    [found] = results(value(bet(price=2.2)), lines, final(27, 20))

    assert found.closing_known
    assert found.legs[0].closing_probability == 0.48
    assert found.closing_line_value == pytest.approx(2.2 * 0.48 - 1.0)


@pytest.mark.parametrize(
    ("taken", "lines"),
    [
        pytest.param(bet(), close(fair("spread", 0.5, 0.5, line=-1.5)), id="this line did not close"),
        pytest.param(bet(), close(fair("h2h", 0.5, 0.5), final=False), id="no close before the start"),
        pytest.param(bet(opened_at_ms=START_MS + 1), close(fair("h2h", 0.5, 0.5)), id="opened in play"),
        pytest.param(
            bet(market="spread", line=-3.5),
            close(fair("spread", 0.5, 0.5, line=-3.0)),
            id="another line closed",
        ),
    ],
)
def test_no_closing_line_value_without_a_close_of_this_line(taken: Any, lines: Any) -> None:
    [found] = results(value(taken), lines, final(27, 20))

    assert (found.closing_known, found.closing_line_value) == (False, 0.0)


def test_a_close_that_comes_after_the_result_sends_it_again() -> None:
    first, second = results(value(bet()), final(27, 20), close(fair("h2h", 0.48, 0.52)))

    assert (first.closing_known, second.closing_known) == (False, True)
    assert second.revision > first.revision


def test_a_corrected_score_sends_the_results_that_it_changes() -> None:
    bets = value(bet(), bet("v2", market="total", line=40.5))
    found = results(bets, final(27, 20), final(27, 28))

    assert [(each.opportunity, each.legs[0].result) for each in found] == [
        ("v1", LegResult.WON),
        ("v2", LegResult.WON),
        ("v1", LegResult.LOST),
    ]
    assert found[2].revision > found[0].revision


def test_the_same_final_again_sends_nothing() -> None:
    assert len(results(value(bet()), final(27, 20), final(27, 20))) == 1


def test_a_game_that_is_reopened_is_settled_by_its_new_end() -> None:
    found = results(value(bet()), final(27, 20), state(27, 20, period=4), final(27, 30))

    assert [each.legs[0].result for each in found] == [LegResult.WON, LegResult.LOST]


@pytest.mark.parametrize(
    ("event_id", "played", "won_by"),
    [
        pytest.param(EPL, [final(1, 1, period=2)], 2, id="a football draw"),
        pytest.param(EPL, [final(2, 1, period=0)], 0, id="a league match of which only the end was seen"),
        pytest.param(NHL, [state(2, 1, period=3), final(3, 1, period=3)], 0, id="won in regulation"),
        pytest.param(NHL, [state(2, 2, period=4), final(3, 2, period=4)], 2, id="won in overtime"),
        pytest.param(NHL, [final(3, 2, period=5)], 2, id="a shoot-out of which only the end was seen"),
        pytest.param(NHL, [state(2, 1, period=2), final(3, 2, period=2)], None, id="the last period unseen"),
        pytest.param(NHL, [final(3, 2, period=0)], None, id="no period seen"),
    ],
)
def test_a_three_way_market_is_settled_by_regulation(
    event_id: str, played: list[Any], won_by: int | None
) -> None:
    three = [
        bet(f"v{outcome}", market="h2h_3way", scope="regulation", outcome=outcome) for outcome in range(3)
    ]
    found = results(value(*three), *played, event_id=event_id)

    if won_by is None:
        assert {each.legs[0].result for each in found} == {LegResult.UNKNOWN}
    else:
        expected = [LegResult.WON if outcome == won_by else LegResult.LOST for outcome in range(3)]
        assert [each.legs[0].result for each in found] == expected


@pytest.mark.parametrize(
    ("played", "result"),
    [
        pytest.param(
            [state(2, 2, period=3), final(3, 2, period=4)], LegResult.LOST, id="level at the last look"
        ),
        pytest.param(
            [state(2, 2, period=4), final(3, 2, period=4)], LegResult.LOST, id="seen as overtime began"
        ),
        pytest.param([state(2, 1, period=3), final(3, 2, period=4)], LegResult.UNKNOWN, id="not seen level"),
    ],
)
def test_a_total_of_regulation_needs_the_level_score(played: list[Any], result: LegResult) -> None:
    over = bet(market="total", scope="regulation", line=4.5)
    [found] = results(value(over), *played, event_id=NHL)

    assert found.legs[0].result == result


def test_published_probabilities_are_scored_once_the_outcome_is_known() -> None:
    lines = close(fair("h2h", 0.6, 0.4))
    published = [probabilities(1, 0.5, 0.45, 0.05), probabilities(2, 0.8, 0.15, 0.05)]
    assert scores(lines, *published) == []
    [score] = scores(lines, *published, final(27, 20))

    assert (score.league, score.model, score.outcome, score.published) == ("nfl", "brownian-margin", 0, 2)
    assert score.log_loss == pytest.approx(-(math.log(0.5) + math.log(0.8)) / 2.0)
    assert score.brier == pytest.approx((0.25 + 0.2025 + 0.0025 + 0.04 + 0.0225 + 0.0025) / 2.0)
    assert score.closing_log_loss == pytest.approx(-math.log(0.6))
    assert score.closing_brier == pytest.approx(0.32)


@pytest.mark.parametrize(("score", "outcome"), [((27, 20), 0), ((20, 27), 1), ((20, 20), 2)])
def test_every_ending_has_its_score(score: tuple[int, int], outcome: int) -> None:
    [found] = scores(probabilities(1, 0.5, 0.45, 0.05), final(*score))

    assert found.outcome == outcome
    assert found.log_loss == pytest.approx(-math.log((0.5, 0.45, 0.05)[outcome]))
    assert (found.closing_log_loss, found.closing_brier) == (0.0, 0.0)


def test_only_probabilities_in_play_are_scored_and_each_once() -> None:
    before = probabilities(1, 0.9, 0.1, status=GameStatus.SCHEDULED)
    live, empty = probabilities(2, 0.5, 0.5), probabilities(3)
    after = probabilities(4, 1.0, 0.0, status=GameStatus.FINAL)
    [found] = scores(before, live, live, empty, final(27, 20), after)

    assert found.published == 1


def test_nothing_in_play_is_no_score() -> None:
    assert scores(probabilities(1, 0.9, 0.1, status=GameStatus.SCHEDULED), final(27, 20)) == []


def test_a_close_of_lines_alone_is_judged_by_what_they_mean() -> None:
    [found] = scores(
        close(fair("spread", 0.5, 0.5, line=-10.5)), probabilities(1, 0.5, 0.45, 0.05), final(27, 20)
    )

    assert 0.1 < found.closing_log_loss < math.log(2.0)


def test_to_the_close_of_a_cup_tie_that_was_played_on_it_was_a_draw() -> None:
    [score] = scores(
        close(fair("h2h_3way", 0.5, 0.3, 0.2)),
        probabilities(1, 0.6, 0.4, 0.0),
        state(1, 1, period=3),
        final(2, 1, period=4),
        event_id="world-cup:2026-06-29:ger-par",
    )

    assert (score.outcome, score.log_loss) == (0, pytest.approx(-math.log(0.6)))
    assert score.closing_log_loss == pytest.approx(-math.log(0.2))


def test_a_tick_changes_nothing() -> None:
    row, _ = folded([value(bet())])
    again, answers = fold(BETS, RULES, row, Input("clock.ticks", 0, 9, ClockTick(received_at_ms=START_MS)))

    assert again is row
    assert answers == []


def test_bets_on_a_game_that_no_feed_follows_are_let_go_some_days_after_its_day() -> None:
    row, _ = folded([value(bet())])
    due_ms = next_due_ms(BETS, RULES, row)
    closed, answers = fold(BETS, RULES, row, Input("clock.ticks", 0, 9, ClockTick(received_at_ms=due_ms)))

    assert due_ms > START_MS + RULES.rollback_ms
    assert closed.closed
    assert answers == []
    assert next_due_ms(BETS, RULES, folded([value(bet()), state()])[0]) == 0


def test_a_row_is_emptied_once_its_results_cannot_be_rolled_back() -> None:
    row, _ = folded([value(bet()), probabilities(1, 0.5, 0.5), final(27, 20)])
    tick = ClockTick(received_at_ms=next_due_ms(BETS, RULES, row) + RULES.rollback_ms)
    closed, _ = fold(BETS, RULES, row, Input("clock.ticks", 0, 9, tick))

    assert closed.closed
    assert closed.state == Bets(event_id=NFL)


RECORDS = st.lists(
    st.one_of(
        st.builds(
            lambda ids: value(*(bet(id_) for id_ in ids)), st.lists(st.sampled_from("abc"), unique=True)
        ),
        st.builds(arbitrage, suspect=st.sampled_from([(), ("outlier",)])),
        st.builds(lambda final_: close(fair("h2h", 0.6, 0.4), final=final_), st.booleans()),
        st.builds(
            lambda home, away, period, status: state(
                home, away, period=period, status=status, finished_at_ms=START_MS if status == "final" else 0
            ),
            st.integers(0, 50),
            st.integers(0, 50),
            st.integers(0, 7),
            st.sampled_from(list(GameStatus)),
        ),
        st.builds(
            lambda revision, home: probabilities(revision, home, 1.0 - home),
            st.integers(1, 20),
            st.floats(0.0, 1.0),
        ),
    ),
    max_size=20,
)


@given(RECORDS)
def test_whatever_comes_results_and_scores_are_finite(records: list[Any]) -> None:
    for found in folded(records)[1]:
        if isinstance(found.record, BetResult):
            assert math.isfinite(found.record.profit)
            assert sum(leg.stake_share for leg in found.record.legs) == pytest.approx(1.0)
        elif isinstance(found.record, GameScore):
            assert math.isfinite(found.record.log_loss)
            assert 0.0 <= found.record.brier <= 2.0


@given(RECORDS)
def test_a_record_that_comes_again_at_once_changes_nothing(records: list[Any]) -> None:
    twice = [record for record in records for _ in range(2)]

    assert folded(twice)[0].state == folded(records)[0].state
    assert len(results(*twice)) == len(results(*records))


@given(RECORDS)
def test_a_row_survives_being_written_and_read(records: list[Any]) -> None:
    row, _ = folded(records)

    assert msgspec.msgpack.decode(msgspec.msgpack.encode(row), type=Row[Bets]) == row


RUN = """
import hashlib, msgspec
from tests.pipeline.stages.bets import make
ids = [f"v{number}" for number in range(40)]
found = [
    make.value(*(make.bet(id_) for id_ in ids)),
    make.arbitrage(),
    make.value(*(make.bet(id_) for id_ in ids[::3])),
    make.close(make.fair("h2h", 0.5, 0.5)),
    make.probabilities(1, 0.5, 0.45, 0.05),
    make.final(27, 20),
]
row, answers = make.folded(found)
written = msgspec.msgpack.encode([row, [answer.record for answer in answers]])
print(hashlib.sha256(written).hexdigest())
"""


def test_the_answers_are_the_same_under_any_hash_seed() -> None:
    assert len(printed(RUN)) == 1

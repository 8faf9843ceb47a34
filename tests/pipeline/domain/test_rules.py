import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.domain.arbitrage import line_worst_profit, settled_payout
from pipeline.domain.rules import Difference, Retirement, RuledBet, Rules, differences
from pipeline.domain.settlement import Result, settle

SERVED = Rules(retirement=Retirement.BALL_SERVED)
ONE_SET = Rules(retirement=Retirement.ONE_SET)
FULL_MATCH = Rules(retirement=Retirement.FULL_MATCH)


def legs(first: Rules, second: Rules, price: float = 2.05, stake: int = 50_000) -> list[RuledBet]:
    return [RuledBet(0, price, stake, first), RuledBet(1, price, stake, second)]


@pytest.mark.parametrize("other", [ONE_SET, FULL_MATCH])
def test_a_retirement_in_the_first_set_loses_the_leg_that_stands(other: Rules) -> None:
    assert differences("h2h", 0.0, legs(SERVED, other)) == (Difference("retirement", -50_000),)
    assert differences("h2h", 0.0, legs(other, SERVED)) == (Difference("retirement", -50_000),)


@pytest.mark.parametrize("rules", [SERVED, ONE_SET, FULL_MATCH, Rules(overtime=False)])
def test_books_of_the_same_rules_are_clean(rules: Rules) -> None:
    assert differences("h2h", 0.0, legs(rules, rules)) == ()


def test_of_three_rules_the_branch_that_loses_most_counts() -> None:
    bets = [
        RuledBet(0, 3.2, 30_000, SERVED),
        RuledBet(1, 3.2, 40_000, ONE_SET),
        RuledBet(2, 3.2, 35_000, FULL_MATCH),
    ]

    # After one set the first two stand and the third is called off: with the third outcome both lose.
    assert differences("h2h_3way", 0.0, bets) == (Difference("retirement", -70_000),)


def test_a_pitcher_who_does_not_start_calls_one_leg_off() -> None:
    listed = Rules(listed_pitcher=True)

    assert differences("total", 8.5, legs(listed, Rules())) == (Difference("listed_pitcher", -50_000),)


def test_a_game_finished_between_two_windows_calls_one_leg_off() -> None:
    patient = RuledBet(0, 2.2, 45_000, Rules(resumed_within_hours=72))
    impatient = RuledBet(1, 2.0, 50_000, Rules(resumed_within_hours=12))

    assert differences("h2h", 0.0, [patient, impatient]) == (Difference("resumed_within_hours", -45_000),)


def test_overtime_points_may_lose_both_sides_of_a_total_or_win_both() -> None:
    over_regulation, under_final = Rules(overtime=False), Rules(overtime=True)

    assert differences("total", 210.5, legs(over_regulation, under_final)) == (
        Difference("overtime", -100_000),
    )
    # The other way round one of the two always wins.
    assert differences("total", 210.5, legs(under_final, over_regulation)) == (Difference("overtime", 2_500),)


def test_a_winner_after_overtime_stands_against_a_refund_for_regulation() -> None:
    assert differences("h2h", 0.0, legs(Rules(), Rules(overtime=False))) == (Difference("overtime", -50_000),)


def test_a_spread_settled_before_overtime_is_settled_level() -> None:
    # Home -1.5 of regulation loses at level; away +1.5 of the final score loses when home wins by two.
    assert differences("spread", -1.5, legs(Rules(overtime=False), Rules())) == (
        Difference("overtime", -100_000),
    )


def test_every_rule_that_differs_is_named() -> None:
    lenient = Rules(True, False, Retirement.BALL_SERVED, 72)
    strict = Rules(False, True, Retirement.FULL_MATCH, 12)

    assert {each.rule for each in differences("h2h", 0.0, legs(lenient, strict))} == set(Rules._fields)


RULES = st.builds(
    Rules, st.booleans(), st.booleans(), st.sampled_from(Retirement), st.sampled_from([12, 24, 72])
)
LINES = {
    "h2h": st.just(0.0),
    "h2h_3way": st.just(0.0),
    "btts": st.just(0.0),
    "spread": st.integers(-12, 12).map(lambda quarters: quarters / 4),
    "total": st.integers(1, 20).map(lambda quarters: quarters / 4),
}


@settings(deadline=None)
@given(st.data(), RULES, RULES)
def test_no_score_and_no_fate_of_the_game_is_worse_than_what_is_said(
    data: st.DataObject, first: Rules, second: Rules
) -> None:
    market = data.draw(st.sampled_from(sorted(LINES)))
    line = data.draw(LINES[market])
    bets = [RuledBet(0, 2.05, 50_000, first), RuledBet(1, 2.25, 45_000, second)]

    found = differences(market, line, bets)

    worst = {}
    scores = list(itertools.product(range(8), repeat=2))
    for pitcher, ended, hours in itertools.product([True, False], Retirement, [6, 12, 24, 48, 72]):
        standing = [
            (pitcher or not bet.rules.listed_pitcher)
            and bet.rules.retirement <= ended
            and bet.rules.resumed_within_hours >= hours
            for bet in bets
        ]
        if all(standing):
            continue
        for score in scores:
            profit = settled(market, line, bets, standing, score, score)
            worst["called_off"] = min(profit, worst.get("called_off", 0))
    for level, extra in itertools.product(range(4), scores):
        final = (level + extra[0], level + extra[1])
        if first.overtime != second.overtime and (final[0] != final[1]):
            profit = settled(market, line, bets, [True, True], (level, level), final)
            worst["overtime"] = min(profit, worst.get("overtime", profit))
    said = {each.rule: each.profit for each in found}
    assert said.pop("overtime", None) == worst.get("overtime")
    assert min(said.values(), default=0) == worst.get("called_off", 0)


def settled(
    market: str,
    line: float,
    bets: list[RuledBet],
    standing: list[bool],
    regulation: tuple[int, int],
    final: tuple[int, int],
) -> int:
    profit = 0
    for bet, stands in zip(bets, standing, strict=True):
        score = final if bet.rules.overtime else regulation
        result = settle(market, bet.outcome, line, *score) if stands else Result.VOID
        profit += settled_payout(result, bet.price, bet.stake) - bet.stake
    return profit


def test_a_clean_pair_loses_no_more_than_its_line_says() -> None:
    assert differences("total", 2.25, legs(Rules(), Rules(), price=2.1)) == ()
    assert line_worst_profit(2.25, (2.1, 2.1), (50_000, 50_000)) == 2_500


def test_no_bets_have_no_rules_that_differ() -> None:
    with pytest.raises(ValueError, match="no bets"):
        differences("h2h", 0.0, [])

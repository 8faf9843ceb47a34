"""Joint stakes on the bets of one event."""

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from pipeline.domain.picks import Limits
from pipeline.portfolio import portfolio
from pipeline.records import ValueBets
from pipeline.settings import Rules
from pipeline.stages.markets import MARKETS
from pipeline.stages.markets.stakes import staked
from pipeline.stages.markets.state import Bet, Market, MarketKey
from tests.make import EVENT, Followed, quote, snapshot
from tests.make_records import example

WINNER: MarketKey = ("h2h", "game", 0.0)
TOTAL: MarketKey = ("total", "game", 44.5)
THREE: MarketKey = ("h2h_3way", "regulation", 0.0)
RULES = Rules()
LIMITS = Limits(RULES.kelly_fraction, RULES.maximum_stake_share, RULES.maximum_exposure_share)


def bet(outcome: int, price: float, probability: float, book: str = "a", **fields: Any) -> Bet:
    given = {
        "basis": "consensus",
        "source": "simulator",
        "commission": 0.0,
        "refund": 0.0,
        "edge": 0.0,
        "expected_value": price * probability - 1.0,
        "worst_expected_value": 0.0,
        "worst_by": "power",
        "confidence": 0.9,
        "desks": 5,
        "kelly_share": 0.0,
        **fields,
    }
    name = f"{given['basis']}-{outcome}-{book}"
    return Bet(id=name, outcome=outcome, book=book, price=price, probability=probability, **given)


def board(**bets: list[Bet]) -> dict[MarketKey, Market]:
    """Markets with these bets open, and one without any."""
    keys = {"winner": WINNER, "total": TOTAL, "three": THREE}
    found = {("spread", "game", -3.5): Market()}
    return found | {keys[name]: Market(bets=own) for name, own in named(bets).items()}


def named(bets: dict[str, list[Bet]]) -> dict[str, tuple[Bet, ...]]:
    """Ids that say where a bet is too."""
    return {name: tuple([replace(one, id=f"{name}-{one.id}") for one in own]) for name, own in bets.items()}


def shares(markets: dict[MarketKey, Market], rules: Rules = RULES) -> dict[str, float]:
    return {bet.id: bet.stake_share for market in staked(rules, markets).values() for bet in market.bets}


def test_a_bet_alone_takes_its_part_of_kelly() -> None:
    assert shares(board(winner=[bet(0, 2.2, 0.5)])) == {
        "winner-consensus-0-a": pytest.approx(0.25 * 0.1 / 1.2)
    }


def test_commission_counts() -> None:
    (share,) = shares(board(winner=[bet(0, 2.2, 0.5, commission=0.05)])).values()

    assert share == pytest.approx(0.25 * (0.5 * 2.14 - 1.0) / 1.14)


def test_on_one_outcome_only_the_best_price_after_commission_is_staked() -> None:
    found = shares(board(winner=[bet(0, 2.2, 0.5), bet(0, 2.25, 0.5, "exchange", commission=0.1)]))

    assert found["winner-consensus-0-a"] > 0.0
    assert found["winner-consensus-0-exchange"] == 0.0


def test_of_two_markets_the_one_that_grows_faster_is_staked() -> None:
    found = shares(board(winner=[bet(0, 2.1, 0.5)], total=[bet(1, 2.2, 0.5)]))

    assert found["winner-consensus-0-a"] == 0.0
    assert found["total-consensus-1-a"] == pytest.approx(0.25 * 0.1 / 1.2)


def test_outcomes_that_exclude_one_another_are_staked_together() -> None:
    found = shares(board(three=[bet(0, 4.0, 0.3), bet(2, 4.5, 0.28)]), Rules(kelly_fraction=1.0))

    # Both at the cap of 5 %: unlimited they would take more.
    assert list(found.values()) == pytest.approx([0.05, 0.05])


def test_each_basis_is_staked_as_if_the_other_were_not_there() -> None:
    both = board(winner=[bet(0, 2.1, 0.5)], total=[bet(1, 2.2, 0.5, basis="model")])

    assert all(share > 0.0 for share in shares(both).values())


def test_where_no_share_changes_the_markets_are_the_very_same() -> None:
    before = board(winner=[bet(0, 2.1, 0.5)], total=[bet(1, 2.2, 0.5)])
    once = staked(RULES, before)

    assert staked(RULES, once) is once
    assert once["spread", "game", -3.5] is before["spread", "game", -3.5]
    nothing = {WINNER: Market()}
    assert staked(RULES, nothing) is nothing


def test_a_market_that_is_no_longer_the_fastest_gives_its_stake_back() -> None:
    once = staked(RULES, board(winner=[bet(0, 2.1, 0.5)]))

    found = shares({**once, **board(total=[bet(1, 2.3, 0.5)])})

    assert found["winner-consensus-0-a"] == 0.0
    assert found["total-consensus-1-a"] > 0.0


def test_the_fold_publishes_the_shares() -> None:
    evens = [
        quote(book, 1.91, 1.91, market=market, line=line)
        for market, line in (("h2h", 0.0), ("total", 44.5))
        for book in ("x", "y", "z")
    ]
    event = Followed(MARKETS)

    event(snapshot(*evens, quote("d", 2.1, 1.75), quote("d", 2.2, 1.7, market="total", line=44.5)))

    found = {bet.market: bet.stake_share for bet in event.last["bets.value"].bets}
    assert found == {"h2h": 0.0, "total": pytest.approx(0.25 * 0.1 / 1.2)}


OPEN = st.lists(
    st.tuples(
        st.sampled_from(["winner", "total", "three"]),
        st.integers(0, 1),
        st.sampled_from("abc"),
        st.floats(0.05, 0.9),
        st.floats(1.01, 1.25),
        st.sampled_from([0.0, 0.03]),
        st.sampled_from([0.0, 0.05]),
    ),
    min_size=1,
    max_size=9,
    unique_by=lambda drawn: drawn[:3],
)


def drawn_board(drawn: list[tuple[Any, ...]]) -> dict[MarketKey, Market]:
    bets: dict[str, list[Bet]] = {}
    for market, outcome, book, chance, worth, refund, commission in drawn:
        price = 1.0 + (worth / chance - 1.0) / (1.0 - commission)
        bets.setdefault(market, []).append(
            bet(outcome, price, chance, book, refund=refund, commission=commission)
        )
    return board(**bets)


@given(OPEN)
def test_the_limits_hold_and_only_one_market_is_staked_once_an_outcome(drawn: list[tuple[Any, ...]]) -> None:
    found = staked(RULES, drawn_board(drawn))

    staked_on = [
        (key, each.outcome, each.stake_share)
        for key, market in found.items()
        for each in market.bets
        if each.stake_share
    ]
    assert all(0.0 < share <= RULES.maximum_stake_share for _, _, share in staked_on)
    assert math.fsum([share for _, _, share in staked_on]) <= RULES.maximum_exposure_share + 1e-9
    assert len({key for key, _, _ in staked_on}) <= 1
    assert len({outcome for _, outcome, _ in staked_on}) == len(staked_on)


@given(OPEN)
def test_of_one_event_the_portfolio_stakes_what_the_fold_does(drawn: list[tuple[Any, ...]]) -> None:
    markets = staked(RULES, drawn_board(drawn))
    answer: ValueBets = example("bets.value", event_id=EVENT)
    (like, *_) = answer.bets
    published = [
        replace(
            like,
            market=key[0],
            scope=key[1],
            line=key[2],
            basis="consensus",
            **{
                name: getattr(each, name)
                for name in ("id", "outcome", "book", "price", "probability", "refund", "commission")
            },
        )
        for key, market in sorted(markets.items())
        for each in market.bets
    ]

    found = portfolio([replace(answer, bets=tuple(published))], LIMITS)

    theirs = {(stake.market, stake.outcome, stake.book): stake.share for stake in found.stakes}
    for key, market in markets.items():
        for each in market.bets:
            share = theirs.get((key[0], each.outcome, each.book), 0.0)
            assert share == pytest.approx(each.stake_share, abs=2e-5)


@given(OPEN)
def test_home_and_away_are_alike(drawn: list[tuple[Any, ...]]) -> None:
    markets = drawn_board(drawn)
    turned = {
        key: replace(market, bets=tuple([replace(each, outcome=1 - each.outcome) for each in market.bets]))
        for key, market in markets.items()
    }

    assert shares(markets) == shares(turned)

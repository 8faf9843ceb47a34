"""Which open bets of an event are staked."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.domain.growth import growth
from pipeline.domain.picks import Limits, OpenBet, fastest, group_of, picks, play
from pipeline.domain.portfolio import joint_kelly
from pipeline.domain.settlement import Chances
from pipeline.domain.staking import exclusive_kelly, fractional_kelly, kelly

LIMITS = Limits()
UNLIMITED = Limits(1.0, 1.0, 1.0)
SHARES = st.floats(0.01, 1.0)
BETS = st.lists(
    st.builds(
        lambda outcome, book, chance, worth, refund: OpenBet(outcome, book, worth / chance, chance, refund),
        st.integers(0, 2),
        st.sampled_from("abc"),
        st.floats(0.02, 0.9),
        st.floats(1.0, 1.3),
        st.sampled_from([0.0, 0.05, 0.2]),
    ),
    min_size=1,
    max_size=6,
)


def test_the_best_price_is_played_with_the_lowest_probability_and_the_largest_refund() -> None:
    bets = [OpenBet(0, "a", 2.2, 0.49, 0.1), OpenBet(0, "b", 2.3, 0.48), OpenBet(0, "c", 2.25, 0.47)]

    (pick,) = picks(bets, 2)

    assert (pick.place, pick.price, pick.probability, pick.refund) == (1, 2.3, 0.47, 0.1)


def test_what_is_worth_nothing_by_the_lowest_probability_is_not_played() -> None:
    assert picks([OpenBet(0, "a", 2.1, 0.5), OpenBet(0, "b", 2.05, 0.47)], 2) == ()
    assert play((OpenBet(0, "a", 2.1, 0.47),), 2, LIMITS) is None


def test_probabilities_of_all_outcomes_are_made_to_sum_to_one() -> None:
    both = picks([OpenBet(0, "a", 2.1, 0.505), OpenBet(1, "b", 2.1, 0.505)], 2)

    assert [pick.probability for pick in both] == [0.5, 0.5]


def test_exclusive_outcomes_share_as_smoczynski_and_tomkins_have_it() -> None:
    bets = OpenBet(0, "a", 2.1, 0.5), OpenBet(1, "b", 3.5, 0.3), OpenBet(2, "c", 3.6, 0.2)

    found = play(bets, 3, UNLIMITED)

    # The third is worth less than it costs, and none of the three-way market's bets.
    assert found is not None
    assert found.shares == pytest.approx((0.1, 0.06), abs=1e-6)
    assert found.shares == pytest.approx(exclusive_kelly([2.1, 3.5], [0.5, 0.3]), abs=1e-6)


@given(
    st.floats(0.02, 0.98),
    st.floats(1.0, 2.0),
    st.sampled_from([0.0, 0.03, 0.3]),
    st.tuples(SHARES, SHARES, SHARES),
)
def test_one_bet_alone_has_the_closed_form_of_the_joint_stakes(
    chance: float, worth: float, refund: float, drawn: tuple[float, float, float]
) -> None:
    limits = Limits(*drawn)

    found = play((OpenBet(0, "a", 1e-6 + worth / chance, chance, refund),), 2, limits)

    if found is not None:
        ((share,),) = joint_kelly([group_of(found.picks)], *limits)
        assert found.shares == (pytest.approx(share, abs=2e-5),)
        assert growth([found.group], [found.shares]) >= growth([found.group], [[share]]) - 1e-12


@given(st.floats(0.2, 0.8), st.floats(1.001, 1.2), st.floats(0.0, 0.3), st.booleans())
def test_halves_counted_as_half_a_refund_stake_no_more_than_the_exact_results(
    chance: float, worth: float, half: float, won: bool
) -> None:
    decided = 1.0 - 0.5 * half
    win = chance * decided - (0.5 * half if won else 0.0)
    if not 0.0 <= win <= 1.0 - half:
        return
    exact = Chances(win, half_win=half if won else 0.0, half_lose=0.0 if won else half)
    price = worth / exact.fair

    found = play((OpenBet(0, "a", price, exact.fair, 0.5 * half),), 2, UNLIMITED)

    assert found is not None
    assert found.shares[0] <= kelly(price, *exact) + 1e-9


@given(BETS, SHARES, SHARES, SHARES)
def test_the_limits_hold_and_no_way_to_end_is_a_sure_loss(
    bets: list[OpenBet], multiplier: float, cap: float, exposure: float
) -> None:
    found = play(tuple(bets), 3, Limits(multiplier, cap, exposure))

    if found is None:
        return
    assert all(0.0 <= share <= cap for share in found.shares)
    assert math.fsum(found.shares) <= exposure + 1e-9
    assert found.growth >= 0.0
    if any(found.shares):
        best = max(
            math.fsum(map(math.prod, zip(way, found.shares, strict=True))) for way in found.group.profits
        )
        assert best > 0.0


@given(BETS)
def test_home_and_away_are_alike(bets: list[OpenBet]) -> None:
    turned = {0: 1, 1: 0, 2: 2}
    mirrored = tuple([bet._replace(outcome=turned[bet.outcome]) for bet in bets])

    here, there = play(tuple(bets), 3, LIMITS), play(mirrored, 3, LIMITS)

    if here is None or there is None:
        assert here is there
        return
    shares = {pick.place: share for pick, share in zip(here.picks, here.shares, strict=True)}
    assert shares == {pick.place: share for pick, share in zip(there.picks, there.shares, strict=True)}


def test_outcomes_that_are_alike_have_the_same_stake() -> None:
    found = play((OpenBet(0, "a", 4.25, 0.25), OpenBet(1, "a", 4.25, 0.25)), 3, LIMITS)

    assert found is not None
    assert found.shares[0] == found.shares[1] > 0.0


def test_of_markets_that_grow_alike_the_first_is_played() -> None:
    found = play((OpenBet(0, "a", 2.2, 0.5),), 2, LIMITS)

    assert found is not None
    assert fastest([found, found]) == 0
    assert found.shares == (fractional_kelly(kelly(2.2, 0.5), 0.25, 0.05),)

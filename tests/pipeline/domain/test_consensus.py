import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.domain.consensus import Probabilities, consensus, desk_votes, leave_one_out

INSIDE = st.floats(0.001, 0.999)
TWO_WAY = INSIDE.map(lambda p: (p, 1.0 - p))
THREE_WAY = st.tuples(INSIDE, INSIDE, INSIDE).map(lambda p: tuple(each / math.fsum(p) for each in p))
DESKS = st.text("abcdefgh", min_size=1, max_size=2)
VOTES = st.dictionaries(DESKS, TWO_WAY, min_size=1, max_size=12) | st.dictionaries(
    DESKS, THREE_WAY, min_size=1, max_size=12
)
WEIGHTS = st.dictionaries(DESKS, st.floats(0.1, 10.0))


def swapped(fair: Probabilities) -> Probabilities:
    return fair[1], fair[0], *fair[2:]


def test_brands_of_one_desk_are_one_vote() -> None:
    many = [("clones", (0.7, 0.3))] * 9 + [("sharp", (0.5, 0.5))]
    few = [("clones", (0.7, 0.3)), ("sharp", (0.5, 0.5))]

    assert consensus(desk_votes(many), {}) == pytest.approx(consensus(desk_votes(few), {}), abs=1e-15)


def test_desks_are_averaged_in_log_odds() -> None:
    # Odds of 1 and 16: their geometric mean is 4, a probability of 0.8.
    fair = consensus({"one": (0.5, 0.5), "two": (16 / 17, 1 / 17)}, weights={})

    assert fair == pytest.approx((0.8, 0.2), abs=1e-15)


def test_a_heavier_desk_pulls_further() -> None:
    votes: dict[str, Probabilities] = {
        "sharp": (0.6, 0.4),
        "b": (0.5, 0.5),
        "c": (0.5, 0.5),
        "d": (0.52, 0.48),
    }

    assert consensus(votes, {"sharp": 3.0})[0] > consensus(votes, {})[0]


@pytest.mark.parametrize("desks", [3, 4, 5, 12])
def test_one_wild_quote_has_no_say_from_three_equal_desks_on(desks: int) -> None:
    sane: dict[str, Probabilities] = {
        f"d{i:02}": (0.55 + i / 1000, 0.45 - i / 1000) for i in range(desks - 1)
    }

    fair = consensus(sane | {"wild": (0.999, 0.001)}, weights={})

    assert (
        min(vote[0] for vote in sane.values()) - 1e-12
        <= fair[0]
        <= max(vote[0] for vote in sane.values()) + 1e-12
    )


def test_two_swapped_prices_among_twelve_desks_have_no_say() -> None:
    sane: dict[str, Probabilities] = {f"d{i:02}": (0.8, 0.15, 0.05) for i in range(10)}

    fair = consensus(sane | {"e": (0.15, 0.8, 0.05), "f": (0.1, 0.85, 0.05)}, weights={})

    assert fair == pytest.approx((0.8, 0.15, 0.05), abs=1e-12)


@given(VOTES, WEIGHTS)
def test_a_consensus_sums_to_one_and_lies_among_the_votes(
    votes: dict[str, Probabilities], weights: dict[str, float]
) -> None:
    fair = consensus(votes, weights)

    assert math.fsum(fair) == pytest.approx(1.0, abs=1e-14)
    if len(fair) == 2:
        homes = [vote[0] for vote in votes.values()]
        assert min(homes) - 1e-12 <= fair[0] <= max(homes) + 1e-12


@given(TWO_WAY | THREE_WAY, st.integers(1, 12))
def test_desks_that_agree_are_agreed_with(fair: Probabilities, desks: int) -> None:
    votes = {f"d{i}": fair for i in range(desks)}

    assert consensus(votes, {"d0": 2.5}) == pytest.approx(fair, abs=1e-12)


@given(VOTES, WEIGHTS)
def test_what_the_others_say_is_the_consensus_without_the_one_judged(
    votes: dict[str, Probabilities], weights: dict[str, float]
) -> None:
    for desk, fair in leave_one_out(votes, weights).items():
        others = {name: vote for name, vote in votes.items() if name != desk}
        assert fair == consensus(others, weights)


@given(
    st.lists(st.tuples(DESKS, TWO_WAY), min_size=1, max_size=12).flatmap(
        lambda quotes: st.tuples(st.just(quotes), st.permutations(quotes))
    )
)
def test_the_order_in_which_books_arrive_changes_no_bit(
    quotes: tuple[list[tuple[str, Probabilities]], list[tuple[str, Probabilities]]],
) -> None:
    first, second = (desk_votes(each) for each in quotes)

    assert list(first.items()) == list(second.items())
    assert consensus(first, {}) == consensus(dict(reversed(second.items())), {})


@given(VOTES, WEIGHTS)
def test_swapping_home_and_away_mirrors_the_consensus(
    votes: dict[str, Probabilities], weights: dict[str, float]
) -> None:
    mirrored = consensus({desk: swapped(vote) for desk, vote in votes.items()}, weights)

    assert swapped(mirrored) == pytest.approx(consensus(votes, weights), abs=1e-12)


def test_a_lone_desk_is_judged_by_nobody() -> None:
    assert leave_one_out({"only": (0.5, 0.5)}, {}) == {}


def test_what_cannot_be_pooled_is_refused() -> None:
    with pytest.raises(ValueError, match="no desk"):
        consensus({}, {})
    with pytest.raises(ValueError, match="weight of desk a"):
        consensus({"a": (0.5, 0.5)}, {"a": 0.0})
    with pytest.raises(ValueError, match="number of outcomes"):
        consensus({"a": (0.5, 0.5), "b": (0.3, 0.3, 0.4)}, {})
    for impossible in ((1.0, 0.0), (math.nan, 0.5), (1.0,)):
        with pytest.raises(ValueError, match="not the probabilities"):
            consensus({"a": impossible}, {})

import math
import statistics
from random import Random

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from pipeline.domain.consensus import (
    AT_MOST,
    TRIMMED,
    Probabilities,
    agreement,
    consensus,
    standard_errors,
)

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


def fair(votes: dict[str, Probabilities], weights: dict[str, float] | None = None) -> Probabilities:
    return agreement(votes.items(), weights or {}).fair


def trimmed(votes: dict[str, Probabilities], weights: dict[str, float]) -> float:
    """Log-odds of home by the definition: cut the ends off a row of weights, average what is left."""
    row = sorted((math.log(vote[0] / vote[1]), weights.get(desk, 1.0)) for desk, vote in votes.items())
    total = sum(weight for _, weight in row)
    cut = min(max(TRIMMED * total, max(weight for _, weight in row)), AT_MOST * total)
    area = begin = 0.0
    for height, weight in row:
        area += height * max(0.0, min(begin + weight, total - cut) - max(begin, cut))
        begin += weight
    return area / (total - 2 * cut)


def test_brands_of_one_desk_are_one_vote() -> None:
    many = [("clones", (0.7, 0.3))] * 9 + [("sharp", (0.5, 0.5))]
    few = [("clones", (0.7, 0.3)), ("sharp", (0.5, 0.5))]

    assert agreement(many, {}).fair == pytest.approx(agreement(few, {}).fair, abs=1e-15)


def test_desks_are_averaged_in_log_odds() -> None:
    # Odds of 1 and 16: their geometric mean is 4, a probability of 0.8.
    assert fair({"one": (0.5, 0.5), "two": (16 / 17, 1 / 17)}) == pytest.approx((0.8, 0.2), abs=1e-12)


def test_a_heavier_desk_pulls_further() -> None:
    votes: dict[str, Probabilities] = {
        "sharp": (0.6, 0.4),
        "b": (0.5, 0.5),
        "c": (0.5, 0.5),
        "d": (0.52, 0.48),
    }

    assert fair(votes, {"sharp": 3.0})[0] > fair(votes)[0]


@pytest.mark.parametrize("desks", [3, 4, 5, 12])
def test_one_wild_quote_has_no_say_from_three_equal_desks_on(desks: int) -> None:
    sane: dict[str, Probabilities] = {
        f"d{i:02}": (0.55 + i / 1000, 0.45 - i / 1000) for i in range(desks - 1)
    }

    home, _ = fair(sane | {"wild": (0.999, 0.001)})

    homes = [vote[0] for vote in sane.values()]
    assert min(homes) - 1e-12 <= home <= max(homes) + 1e-12


def test_two_swapped_prices_among_twelve_desks_have_no_say() -> None:
    sane: dict[str, Probabilities] = {f"d{i:02}": (0.8, 0.15, 0.05) for i in range(10)}

    agreed = fair(sane | {"e": (0.15, 0.8, 0.05), "f": (0.1, 0.85, 0.05)})

    assert agreed == pytest.approx((0.8, 0.15, 0.05), abs=1e-12)


@given(VOTES, WEIGHTS)
def test_a_consensus_sums_to_one_and_lies_among_the_votes(
    votes: dict[str, Probabilities], weights: dict[str, float]
) -> None:
    agreed = fair(votes, weights)

    assert math.fsum(agreed) == pytest.approx(1.0, abs=1e-14)
    if len(agreed) == 2:
        homes = [vote[0] for vote in votes.values()]
        assert min(homes) - 1e-10 <= agreed[0] <= max(homes) + 1e-10


@given(st.dictionaries(DESKS, TWO_WAY, min_size=2, max_size=12), WEIGHTS)
def test_a_consensus_is_the_mean_of_what_cutting_both_ends_leaves(
    votes: dict[str, Probabilities], weights: dict[str, float]
) -> None:
    home, away = fair(votes, weights)

    assert math.log(home / away) == pytest.approx(trimmed(votes, weights), abs=1e-9)


@given(TWO_WAY | THREE_WAY, st.integers(1, 12))
def test_desks_that_agree_are_agreed_with(vote: Probabilities, desks: int) -> None:
    agreed, without, _, _ = agreement([(f"d{i}", vote) for i in range(desks)], {"d0": 2.5})

    assert all(each == pytest.approx(vote, abs=1e-12) for each in (agreed, *without.values()))


@given(VOTES, WEIGHTS)
def test_what_the_others_say_is_the_consensus_without_the_one_judged(
    votes: dict[str, Probabilities], weights: dict[str, float]
) -> None:
    for desk, judged in agreement(votes.items(), weights).without.items():
        others = {name: vote for name, vote in votes.items() if name != desk}
        assert judged == pytest.approx(fair(others, weights), abs=1e-10)


@given(
    st.lists(st.tuples(DESKS, TWO_WAY | THREE_WAY), min_size=1, max_size=12),
    st.randoms(use_true_random=False),
)
def test_the_order_in_which_books_arrive_changes_no_bit(
    quotes: list[tuple[str, Probabilities]], random: Random
) -> None:
    quotes = [quote for quote in quotes if len(quote[1]) == len(quotes[0][1])]
    shuffled = random.sample(quotes, len(quotes))

    assert agreement(shuffled, {}) == agreement(quotes, {})
    assert list(agreement(shuffled, {}).without) == sorted(agreement(quotes, {}).without)


@given(VOTES, WEIGHTS)
def test_swapping_home_and_away_mirrors_the_consensus(
    votes: dict[str, Probabilities], weights: dict[str, float]
) -> None:
    mirrored = fair({desk: swapped(vote) for desk, vote in votes.items()}, weights)

    assert swapped(mirrored) == pytest.approx(fair(votes, weights), abs=1e-10)


def test_a_lone_desk_is_judged_by_nobody() -> None:
    assert agreement([("only", (0.6, 0.4))], {}).without == {}


def test_what_cannot_be_pooled_is_refused() -> None:
    with pytest.raises(ValueError, match="number of outcomes"):
        agreement([], {})
    with pytest.raises(ValueError, match="number of outcomes"):
        agreement([("a", (0.5, 0.5)), ("b", (0.3, 0.3, 0.4))], {})
    with pytest.raises(ValueError, match=r"weights.*'a': 0\.0"):
        agreement([("a", (0.5, 0.5))], {"a": 0.0})
    for impossible in ((1.0, 0.0), (math.nan, 0.5), (1.0,), (0.5, 0.5, 0.0)):
        with pytest.raises(ValueError, match="not the probabilities"):
            agreement([("a", impossible)], {})


@given(st.lists(st.tuples(DESKS, TWO_WAY), min_size=1, max_size=20), WEIGHTS)
def test_with_sides_swapped_the_consensus_is_the_same_to_the_last_bit(
    quotes: list[tuple[str, Probabilities]], weights: dict[str, float]
) -> None:
    firsts = sorted(fair[0] for _, fair in quotes)
    assume(firsts != sorted(fair[1] for _, fair in quotes))  # what is its own mirror may keep a rounding

    straight = agreement(quotes, weights)
    turned = agreement([(desk, swapped(fair)) for desk, fair in quotes], weights)

    assert turned.fair == swapped(straight.fair)
    assert turned.without == {desk: swapped(fair) for desk, fair in straight.without.items()}


@given(st.lists(st.tuples(st.sampled_from("abcdef"), TWO_WAY), min_size=1, max_size=9), WEIGHTS)
def test_the_consensus_alone_is_that_of_the_agreement_to_the_bit(
    quotes: list[tuple[str, Probabilities]], weights: dict[str, float]
) -> None:
    assert consensus(quotes, weights) == agreement(quotes, weights).fair


@pytest.mark.parametrize(("desks", "error"), [(1, 0.0), (2, 0.5), (5, 0.25)])
def test_the_standard_error_falls_with_the_number_of_desks(desks: int, error: float) -> None:
    """Half the desks a unit of log-odds above the other half: their standard deviation is 0.5."""
    high, low = 1.0 / (1.0 + math.exp(-1.0)), 0.5
    said = [(high, 1.0 - high) if desk % 2 else (low, low) for desk in range(desks)]
    spread = statistics.pstdev([math.log(each[0] / each[1]) for each in said])

    first, second = standard_errors(said, [1.0] * desks)

    assert first == pytest.approx(second)
    assert first == pytest.approx(spread / math.sqrt(desks - 1) if desks > 1 else 0.0)
    assert first == pytest.approx(error, abs=0.01)

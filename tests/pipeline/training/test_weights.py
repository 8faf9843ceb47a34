import random
from collections.abc import Sequence

import pytest

from pipeline.training.markets import Market
from pipeline.training.weights import (
    HEAVIEST,
    LIGHTEST,
    MINIMUM_QUOTES,
    Fit,
    by_hand,
    fit,
    judge,
    losses,
    of_closing,
    of_results,
)

BOOKS = ("pinnacle", "bet365", "bwin", "interwetten", "williamhill")
EVERYONE = dict.fromkeys(BOOKS, 0.15)
MARKETS = 2 * MINIMUM_QUOTES


def a_market(number: int, chance: random.Random, noise: dict[str, float]) -> Market:
    """An even match with some truth to it, which each book sees with a noise of its own, and a close."""
    truth = [chance.uniform(0.2, 0.6), chance.uniform(0.2, 0.6), 0.3]
    outcome = chance.choices(range(3), truth)[0]

    def priced(spread: float) -> tuple[float, ...]:
        seen = [share * 2.718 ** chance.gauss(0.0, spread) for share in truth]
        return tuple(max(1.01, round(0.95 * sum(seen) / share, 3)) for share in seen)

    first = tuple((book, priced(noise[book])) for book in sorted(noise))
    last = (("pinnacle", priced(0.0)),)
    day = f"20{number // 300:02}-{1 + number // 25 % 12:02}-{1 + number % 25:02}"
    return Market(f"epl:{day}:a{number}-b", "h2h_3way", day, outcome, first, last)


def season(noise: dict[str, float], *, seed: int = 1, count: int = MARKETS) -> list[Market]:
    chance = random.Random(seed)
    return [a_market(number, chance, noise) for number in range(count)]


def fitted(markets: Sequence[Market]) -> Fit:
    return fit(of_results(markets))


def test_desks_that_see_alike_weigh_the_same_in_most_worlds() -> None:
    spreads = []
    for seed in range(7):
        weights = fitted(season(EVERYONE, seed=seed)).weights
        assert set(weights) == set(BOOKS)
        spreads.append(max(weights.values()) / min(weights.values()))

    assert sorted(spreads)[3] == 1.0


def test_a_desk_that_sees_badly_is_the_lightest_and_later_seasons_are_better_for_it() -> None:
    noise = {**EVERYONE, "interwetten": 0.8, "bwin": 0.8}
    found = fitted(season(noise, count=6 * MARKETS))
    later = of_results(season(noise, seed=2, count=6 * MARKETS))

    assert sorted(found.weights, key=found.weights.__getitem__)[:2] in (
        ["interwetten", "bwin"],
        ["bwin", "interwetten"],
    )
    assert sum(losses(later, found.weights)) < sum(losses(later, {}))


def test_no_desk_is_the_consensus_by_itself() -> None:
    noise = {**dict.fromkeys(BOOKS, 1.2), "pinnacle": 0.0}

    found = fit(of_results(season(noise, count=3 * MARKETS)))

    assert all(LIGHTEST <= weight <= HEAVIEST for weight in found.weights.values())
    assert max(found.weights, key=found.weights.__getitem__) == "pinnacle"


def test_too_few_markets_leave_equal_weights() -> None:
    assert fitted(season(EVERYONE, count=MINIMUM_QUOTES - 1)).weights == {}
    assert fit([]).weights == {}


def test_the_order_of_the_markets_and_a_second_run_change_no_bit() -> None:
    markets = season({**EVERYONE, "bwin": 0.5})

    assert fitted(markets) == fitted(list(markets))


def test_the_close_of_the_sharpest_desk_judges_the_others_and_never_itself() -> None:
    cases, spared = of_closing(season({**EVERYONE, "bwin": 0.6}))
    found = fit(cases, spared)

    assert spared == "pinnacle"
    assert all("pinnacle" not in [desk for desk, _ in case.opinions] for case in cases)
    assert "pinnacle" not in found.records
    assert found.weights["pinnacle"] == max(found.weights.values())
    assert found.weights["bwin"] == min(found.weights.values())


def test_a_market_without_a_result_is_no_case_against_results() -> None:
    markets = [one._replace(outcome=-1) for one in season(EVERYONE, count=5)]

    assert of_results(markets) == []
    assert len(of_closing(markets)[0]) == 5


def test_a_reference_has_no_vote() -> None:
    market = season(EVERYONE, count=1)[0]
    shown = (*market.first, ("closing", (2.0, 4.0, 4.0)))

    assert "closing" not in [desk for desk, _ in of_results([market._replace(first=shown)])[0].opinions]


def test_a_weighting_is_judged_by_its_difference_to_each_other() -> None:
    cases = of_results(season({"pinnacle": 0.0, "bwin": 1.5}))

    found = judge(cases, {"equal": {}, "without bwin": {"bwin": 0.001}}, seed=3)

    mean, above = found["without bwin"]
    assert mean < found["equal"][0]
    assert above["equal"].mean == pytest.approx(mean - found["equal"][0])
    assert above["equal"].mean == -found["equal"][1]["without bwin"].mean
    assert set(above) == {"equal"}


def test_weights_by_hand_are_those_of_the_heaviest_book_of_a_desk() -> None:
    assert by_hand()["pinnacle"] == 3.0
    assert by_hand()["closing"] == 0.0

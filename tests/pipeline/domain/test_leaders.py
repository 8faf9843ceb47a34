from bisect import bisect_right
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.domain.leaders import LEAST_EVENTS, LEAST_MOVE, Changes, LeadLag, Verdict, lead_lags
from tests.hash_seeds import printed

#: Steps of a price: when, and to which log-odds.
Steps = list[tuple[float, float]]
EVENTS, LASTS_S, LOOKS_S = 24, 3_600.0, (1.0, 2.0)
SEED = 3


def truth(rng: np.random.Generator, every_s: float = 120.0) -> Steps:
    """What a price should be: steps of 0.05 to 0.2, not far from evens."""
    level, at_s, steps = 0.0, 0.0, [(0.0, 0.0)]
    while (at_s := at_s + rng.exponential(every_s) + 1.0) < LASTS_S:
        size = rng.uniform(0.05, 0.2)
        level += -size if level > 0.5 or (level > -0.5 and rng.random() < 0.5) else size
        steps.append((at_s, level))
    return steps


def copied(
    steps: Steps, rng: np.random.Generator, lag_s: float, missed: float = 0.0, own_every_s: float = np.inf
) -> Steps:
    """A desk that goes where the others went, later; it misses some, and has moods of a minute of its own."""
    kept = [
        (at_s + lag_s + rng.normal(0.0, lag_s / 10.0), level)
        for at_s, level in steps[1:]
        if rng.random() >= missed
    ]
    followed = sorted([steps[0], *kept])
    moods = rng.uniform(0.0, LASTS_S, size=int(LASTS_S / own_every_s))
    for at_s in moods:
        level = followed[np.searchsorted([at for at, _ in followed], at_s) - 1][1]
        followed += [(at_s, level + rng.choice([-0.06, 0.06])), (at_s + 60.0, level)]
    return sorted(followed)


def seen(steps: Steps, looks_s: Sequence[float]) -> list[tuple[int, int, float, float]]:
    """The rows of a desk that is looked at now and then: begin, end, level, moved."""
    steps_s = [at_s for at_s, _ in steps]
    levels = [steps[max(bisect_right(steps_s, look_s) - 1, 0)][1] for look_s in looks_s]
    first_ms = round(looks_s[0] * 1000)
    rows = [(first_ms, first_ms, levels[0], 0.0)]
    moved_from = levels[0]
    for before_s, now_s, was, level in zip(looks_s, looks_s[1:], levels, levels[1:], strict=False):
        if level != was:
            moved = level - moved_from if abs(level - moved_from) >= LEAST_MOVE else 0.0
            moved_from = level if moved else moved_from
            rows.append((round(before_s * 1000), round(now_s * 1000), level, moved))
    return rows


def looks(rng: np.random.Generator, between_s: tuple[float, float]) -> list[float]:
    gaps = rng.uniform(*between_s, size=int(LASTS_S / between_s[0]) + 2)
    return [at_s for at_s in np.cumsum(gaps).tolist() if at_s < LASTS_S]


def watched(
    desks: Sequence[Callable[[Steps, np.random.Generator], Steps]],
    seed: int,
    between_s: tuple[float, float] = LOOKS_S,
    together: bool = False,
) -> Changes:
    """Desks that price one truth, a market an event, each looked at by itself or all at once."""
    rng = np.random.default_rng(seed)
    rows = []
    for event in range(EVENTS):
        steps = truth(rng)
        shared = looks(rng, between_s)
        for desk, priced in enumerate(desks):
            mine = shared if together else looks(rng, between_s)
            rows += [(event, event, desk, *row, True) for row in seen(priced(steps, rng), mine)]
    return table(rows)


def table(rows: Sequence[tuple[float, ...]]) -> Changes:
    kinds = (np.int64,) * 5 + (np.float64,) * 2 + (np.bool_,)
    return Changes(
        *(np.array(column, kind) for column, kind in zip(zip(*rows, strict=True), kinds, strict=True))
    )


def at_once(steps: Steps, _: np.random.Generator) -> Steps:
    return steps


def after(lag_s: float, missed: float = 0.0, own_every_s: float = np.inf) -> Callable[..., Steps]:
    return lambda steps, rng: copied(steps, rng, lag_s, missed, own_every_s)


def only(found: list[LeadLag]) -> LeadLag:
    (pair,) = found
    return pair


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), swapped=st.booleans())
def test_a_lead_of_seven_seconds_is_found_to_a_second_under_noise_and_missing_moves(
    seed: int, swapped: bool
) -> None:
    changes = watched([after(0.0, 0.1, 900.0), after(7.0, 0.2, 900.0)], seed)

    pair = only(lead_lags(changes, ["quick", "slow"], SEED))
    if swapped:
        names = only(lead_lags(changes, ["zebra", "ant"], SEED))
        assert (names.leader, names.follower, names.lag_s) == ("zebra", "ant", pair.lag_s)

    assert (pair.verdict, pair.leader, pair.follower) == (Verdict.LEADS, "quick", "slow")
    assert pair.lag_s == pytest.approx(7.0, abs=1.0)
    assert pair.low_s <= pair.lag_s <= pair.high_s
    assert 0.4 < pair.share <= 1.0


@pytest.mark.parametrize("seed", range(3))
def test_a_long_lag_is_not_shortened_by_moves_that_come_nearly_as_often(seed: int) -> None:
    pair = only(lead_lags(watched([after(0.0, 0.1, 900.0), after(40.0, 0.2, 900.0)], seed), ["a", "b"], SEED))

    assert (pair.verdict, pair.leader) == (Verdict.LEADS, "a")
    assert pair.lag_s == pytest.approx(40.0, abs=1.5)


def rarely(count: int) -> list[Changes]:
    """The same, polled every twenty minutes, all desks at once."""
    return [
        watched([at_once, after(7.0, 0.2, 900.0)], seed, (1_190.0, 1_210.0), together=True)
        for seed in range(count)
    ]


def test_desks_that_are_looked_at_every_twenty_minutes_cannot_be_told_apart() -> None:
    pair = only(lead_lags(stacked(rarely(8)), ["quick", "slow"], SEED))

    assert pair.verdict is Verdict.CANNOT_TELL
    assert pair.tied > 0.9 * pair.moves
    assert pair.looks_s == pytest.approx(1_200.0, abs=10.0)


def taken(changes: Changes, places: Any) -> Changes:
    columns: Any = [column[places] for column in changes]
    return Changes(*columns)


def stacked(parts: Sequence[Changes]) -> Changes:
    apart = [
        part._replace(event=part.event + EVENTS * number, market=part.market + EVENTS * number)
        for number, part in enumerate(parts)
    ]
    columns: Any = [np.concatenate(column) for column in zip(*apart, strict=True)]
    return Changes(*columns)


def test_rare_looks_do_not_hide_the_lead_that_frequent_ones_show() -> None:
    pair = only(lead_lags(stacked([watched([at_once, after(7.0)], 9), *rarely(8)]), ["quick", "slow"], SEED))

    assert (pair.verdict, pair.leader) == (Verdict.LEADS, "quick")
    assert pair.lag_s == pytest.approx(7.0, abs=1.0)
    assert pair.looks_s < 2.0


@pytest.mark.parametrize("seed", range(4))
def test_desks_of_one_line_are_found_and_a_third_that_is_merely_fast_is_not(seed: int) -> None:
    def cut(steps: Steps, _: np.random.Generator) -> Steps:  # a larger margin, and prices of two digits
        return [(at_s, level + 0.004 * np.sin(57.0 * level)) for at_s, level in steps]

    def fast(steps: Steps, rng: np.random.Generator) -> Steps:
        return [(at_s + 0.3, level + rng.normal(0.0, 0.04)) for at_s, level in steps]

    changes = watched([at_once, cut, fast], seed)
    verdicts = {(pair.leader, pair.follower): pair for pair in lead_lags(changes, ["a", "b", "c"], SEED)}

    assert verdicts["a", "b"].verdict is Verdict.SAME_LINE
    assert verdicts["a", "b"].share >= 0.95
    assert {pair.verdict for key, pair in verdicts.items() if key != ("a", "b")} == {Verdict.CANNOT_TELL}


def test_desks_that_have_nothing_to_do_with_each_other_lead_nobody() -> None:
    found = []
    for seed in range(20):
        rng = np.random.default_rng(seed + 100)
        rows = []
        for event in range(EVENTS):
            for desk in range(2):
                rows += [(event, event, desk, *row, True) for row in seen(truth(rng), looks(rng, LOOKS_S))]
        found += [pair.verdict for pair in lead_lags(table(rows), ["a", "b"], SEED)]

    assert len(found) == 20
    assert found.count(Verdict.NO_ORDER) >= 19


def test_a_leader_that_the_close_proves_right_is_said_to_be_agreed_with() -> None:
    pair = only(lead_lags(watched([at_once, after(30.0)], 5), ["quick", "slow"], SEED))

    assert pair.closed > 100
    # The close lies anywhere later on a path that turns at random: better than even, far from sure.
    assert 0.55 < pair.agreed / pair.closed < 1.0


def test_a_move_after_the_start_has_no_close() -> None:
    changes = watched([at_once, after(30.0)], 5)
    live = changes._replace(early=np.zeros_like(changes.early))

    assert only(lead_lags(live, ["quick", "slow"], SEED)).closed == 0


def test_moves_in_other_directions_or_markets_answer_nothing() -> None:
    changes = watched([at_once, after(7.0)], 2)
    slow = changes.desk == 1

    apart = changes._replace(market=np.where(slow, changes.market + EVENTS, changes.market))
    assert lead_lags(apart, ["quick", "slow"], SEED) == []
    turned = changes._replace(moved=np.where(slow, -changes.moved, changes.moved))
    assert only(lead_lags(turned, ["quick", "slow"], SEED)).verdict is Verdict.NO_ORDER


def test_few_events_and_no_moves_say_nothing() -> None:
    changes = watched([at_once, after(7.0)], 2)
    few = np.flatnonzero(changes.event < LEAST_EVENTS - 1)

    assert lead_lags(taken(changes, few), ["quick", "slow"], SEED) == []
    assert lead_lags(taken(changes, slice(0)), [], SEED) == []


def test_a_change_that_ends_before_it_begins_is_refused() -> None:
    with pytest.raises(ValueError, match="before it begins"):
        lead_lags(table([(0, 0, 0, 2, 1, 0.0, 0.0, True)]), ["a"], SEED)


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_the_order_of_rows_changes_nothing(seed: int) -> None:
    changes = watched([at_once, after(7.0, 0.2, 900.0), after(20.0)], 4)
    order = np.random.default_rng(seed).permutation(len(changes.desk))
    shuffled = taken(changes, order)

    names = ["a", "b", "c"]
    assert lead_lags(shuffled, names, SEED) == lead_lags(changes, names, SEED)


def test_the_order_of_sets_changes_nothing() -> None:
    program = (
        "from tests.pipeline.domain.test_leaders import *\n"
        "print(lead_lags(watched([at_once, after(7.0), after(20.0)], 4), ['a', 'b', 'c'], SEED))"
    )
    assert len(printed(program)) == 1

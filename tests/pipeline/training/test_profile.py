"""Football's profile is found again in matches that were drawn from one, and knows nothing of later ones."""

import random

import numpy as np
import pytest

from pipeline.models.features import vector
from pipeline.models.features.soccer import SHEET
from pipeline.models.soccer import Profile, effect
from pipeline.training import profile as training
from pipeline.training.games import Moments
from pipeline.training.profile import (
    HALF_MIN,
    NAMES,
    PARTS,
    PLAIN,
    Matches,
    fit,
    in_time_order,
    minutes,
    rps,
    said_by_block,
)
from tests.pipeline.models.test_features_soccer import moment

KNOWN = Profile(level=-0.03, rise=0.5, added_min=(1.5, 4.5), behind=(0.3, 0.2), ahead=(-0.3, -0.2), red=0.5)
#: Minutes of usual scoring of 93, so that `KNOWN` has the rate of one of them in its own minutes.
SCALE = 93.0


def drawn(count: int, seed: int = 7) -> Matches:
    """Matches played part by part with the rates of `KNOWN`."""
    rng = random.Random(seed)
    goals, before, reds = (np.zeros((count, PARTS, 2), dtype=np.int64) for _ in range(3))
    strengths = np.array([[rng.uniform(1.0, 2.2), rng.uniform(0.7, 1.8)] for _ in range(count)])
    for match in range(count):
        score = [0, 0]
        off_at, off = rng.randrange(PARTS * 2), rng.randrange(2)
        for part in range(PARTS):
            before[match, part] = score
            reds[match, part, off] = part > off_at
            half, minute = divmod(part, HALF_MIN + 1)
            length = KNOWN.added_min[half] if minute == HALF_MIN else 1.0
            at = 0.5 if minute == HALF_MIN else (HALF_MIN * half + minute + 0.5) / 90.0
            for side in (0, 1):
                own, other = (before[match, part, side], before[match, part, 1 - side])
                more = int(reds[match, part, 1 - side] - reds[match, part, side])
                log_rate = effect(int(own - other), more, KNOWN) + KNOWN.rise * (at - 0.5)
                rate = strengths[match, side] / SCALE * length * np.exp(log_rate)
                goals[match, part, side] = rng.random() < rate
                score[side] += int(goals[match, part, side])
    return Matches(strengths, goals, before, reds)


def moments(count: int) -> Moments:
    """Half-time of matches, one a day, that home won, away won, or neither."""
    seen = [moment(period=2, clock_s=2700.0, score=(place % 3, place % 2)) for place in range(count)]
    views = [SHEET.view(one) for one in seen]
    scores = np.array([SHEET.anchor(view) for view in views])
    days = [f"2025-{9 + place // 30:02d}-{1 + place % 30:02d}" for place in range(count)]
    return Moments(
        games=tuple(f"epl:{day}:ars-che" for day in days),
        days=tuple(days),
        game=np.arange(count),
        source_event_ids=tuple(str(place) for place in range(count)),
        period=np.full(count, 2),
        values=np.array([vector(SHEET, view) for view in views]),
        closed=scores,
        anchor=scores,
        label=np.arange(count) % 3,
    )


def test_a_profile_is_found_again_in_matches_that_were_drawn_from_it() -> None:
    found = fit(drawn(1_500), np.arange(1_500))

    assert found.rise == pytest.approx(KNOWN.rise, abs=0.2)
    assert found.added_min[1] == pytest.approx(KNOWN.added_min[1], rel=0.2)
    assert found.behind[0] == pytest.approx(KNOWN.behind[0], abs=0.15)
    assert found.ahead[0] == pytest.approx(KNOWN.ahead[0], abs=0.15)
    assert found.red == pytest.approx(KNOWN.red, abs=0.15)


def test_few_matches_say_little() -> None:
    found = fit(drawn(3), np.arange(3))

    assert abs(found.red) < 0.2
    assert found.level == pytest.approx(0.0, abs=0.06)


def test_what_is_said_of_a_match_depends_on_earlier_ones_alone() -> None:
    matches, given = drawn(60), moments(60)
    block = np.repeat([0, 1, 2], 20)
    after = matches._replace(goals=np.concatenate([matches.goals[:40], 3 * matches.goals[40:]]))

    def answered(one: Matches) -> Moments:
        return said_by_block(given, in_time_order(given, one, block), block)

    once, again = answered(matches), answered(after)
    earlier = matches._replace(goals=np.concatenate([3 * matches.goals[:20], matches.goals[20:]]))

    assert (once.closed == again.closed).all()
    assert (answered(earlier).closed[:20] == once.closed[:20]).all()
    assert (answered(earlier).closed[20:] != once.closed[20:]).any()


def test_the_first_block_is_answered_by_plain_goals() -> None:
    given = moments(20)
    block = np.repeat([0, 1], 10)
    found = said_by_block(given, in_time_order(given, drawn(20), block), block)
    plain = training.said(given, PLAIN, np.arange(20))

    assert (found.closed[:10] == plain.closed[:10]).all()
    assert (found.closed[10:] != plain.closed[10:]).any()
    assert np.exp(found.closed).sum(axis=1) == pytest.approx(np.ones(20))


def test_a_plain_match_at_half_time_has_48_of_93_minutes_left() -> None:
    found = training.said(moments(3), PLAIN, np.arange(3))
    home, rate = (found.values[:, NAMES.index(name)] for name in ("home_strength", "home_rate"))

    assert rate == pytest.approx(home * (45.0 + 2.0) / 93.0)


def test_in_added_time_only_the_first_moment_counts() -> None:
    given = moments(2)
    twice = given._replace(
        game=np.array([0, 0]), values=np.repeat(given.values[:1], 2, axis=0), label=given.label[:2]
    )

    assert minutes(twice).source_event_ids == ("0",)
    assert minutes(given).source_event_ids == ("0", "1")


def test_the_ranked_score_counts_a_draw_as_nearer_than_a_defeat() -> None:
    sure_of_home = np.array([[1.0, 0.0, 0.0]] * 3)

    assert rps(sure_of_home, np.array([0, 2, 1])).tolist() == [0.0, 0.5, 1.0]

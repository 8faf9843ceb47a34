"""Football: the goals to come are exact, mirrored, moved by who is behind and who was sent off."""

import math
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline import data
from pipeline.domain import goals
from pipeline.errors import UsageError
from pipeline.models import Position, Strengths, outlook, soccer
from pipeline.models.soccer import Profile, rates_to_come, share_left
from pipeline.records import GameStatus, Soccer

EPL, CUP = (data.leagues()[name] for name in ("epl", "world-cup"))
LIVE, FINAL = GameStatus.LIVE, GameStatus.FINAL
PLAIN = Profile(level=0.0, rise=0.0, added_min=(0.0, 3.0), behind=(0.0, 0.0), ahead=(0.0, 0.0), red=0.0)
PUSH = Profile(level=0.1, rise=0.4, added_min=(1.5, 4.5), behind=(0.3, 0.2), ahead=(-0.3, -0.2), red=0.4)
EVEN = Strengths(1.4, 1.4)

profiles = st.builds(
    Profile,
    level=st.floats(-0.2, 0.2),
    rise=st.floats(-1.0, 1.0),
    added_min=st.tuples(st.floats(0.0, 6.0), st.floats(0.0, 9.0)),
    behind=st.tuples(st.floats(-0.3, 0.3), st.floats(-0.3, 0.3)),
    ahead=st.tuples(st.floats(-0.3, 0.3), st.floats(-0.3, 0.3)),
    red=st.floats(0.0, 0.7),
)
strong = st.builds(Strengths, st.floats(0.05, 4.5), st.floats(0.05, 4.5))
positions = st.builds(
    Position,
    st.sampled_from([GameStatus.SCHEDULED, LIVE]),
    st.integers(0, 2),
    st.one_of(st.just(-1.0), st.floats(0.0, 2700.0)),
    st.integers(0, 9),
    st.integers(0, 9),
    st.one_of(st.none(), st.builds(Soccer, home_reds=st.integers(0, 4), away_reds=st.integers(0, 4))),
)


def swapped(position: Position) -> Position:
    off = position.situation
    return position._replace(
        home_score=position.away_score,
        away_score=position.home_score,
        situation=Soccer(home_reds=off.away_reds, away_reds=off.home_reds)
        if isinstance(off, Soccer)
        else None,
    )


@given(strong, positions)
def test_a_profile_that_changes_nothing_scales_the_rates_by_the_share_that_is_left(
    strengths: Strengths, position: Position
) -> None:
    share = share_left(EPL, position, PLAIN)

    assert rates_to_come(EPL, strengths, position, PLAIN) == pytest.approx(
        (strengths.home * share, strengths.away * share), abs=1e-10
    )


@given(strong, positions, profiles)
def test_swapping_the_teams_mirrors_the_goals_to_come(
    strengths: Strengths, position: Position, profile: Profile
) -> None:
    home, away = rates_to_come(EPL, strengths, position, profile)
    other = rates_to_come(EPL, Strengths(strengths.away, strengths.home), swapped(position), profile)

    assert (away, home) == pytest.approx(other, abs=1e-9)
    assert min(home, away) >= 0.0


def test_a_pushing_side_is_worked_out_as_small_steps_of_time_would() -> None:
    """Against an Euler scheme of 20,000 steps over the share that is left."""
    position = Position(LIVE, 2, 1800.0, 0, 1, Soccer(home_reds=0, away_reds=1))
    share, steps = share_left(EPL, position, PUSH), 20_000
    chances, scored = {-1: 1.0}, [0.0, 0.0]
    for _ in range(steps):
        after: dict[int, float] = {}
        for lead, chance in chances.items():
            if chance < 1e-9:
                continue
            home = 1.4 * math.exp(soccer.effect(lead, 1, PUSH)) * share / steps
            away = 1.4 * math.exp(soccer.effect(-lead, -1, PUSH)) * share / steps
            scored[0] += chance * home
            scored[1] += chance * away
            for to, part in ((lead + 1, home), (lead - 1, away), (lead, 1.0 - home - away)):
                after[to] = after.get(to, 0.0) + chance * part
        chances = after

    assert rates_to_come(EPL, EVEN, position, PUSH) == pytest.approx(scored, abs=1e-4)


@pytest.mark.parametrize(
    ("period", "clock_s", "minutes_left"),
    [
        (0, -1.0, 93.0), (1, 2700.0, 93.0), (1, -1.0, 70.5), (1, 0.0, 48.0), (2, 2700.0, 48.0),
        (2, 900.0, 18.0), (2, 0.0, 3.0), (3, 900.0, 0.0),
    ],
)  # fmt: skip
def test_a_plain_match_has_93_minutes(period: int, clock_s: float, minutes_left: float) -> None:
    assert share_left(EPL, Position(LIVE, period, clock_s), PLAIN) == pytest.approx(minutes_left / 93.0)


def test_late_minutes_bring_more_of_the_goals() -> None:
    half_time = Position(LIVE, 2, 2700.0)

    assert share_left(EPL, half_time, PUSH) > share_left(EPL, half_time, PLAIN)
    assert share_left(EPL, Position(LIVE, 2, 0.0), PUSH) == pytest.approx(4.5 / soccer.whole_min(PUSH))


def test_the_added_time_of_the_first_half_is_over_when_the_second_begins() -> None:
    before, after = (share_left(EPL, Position(LIVE, *at), PUSH) for at in ((1, 0.0), (2, 2700.0)))

    assert before - after == pytest.approx(1.5 / soccer.whole_min(PUSH))


def test_a_player_sent_off_helps_the_other_side_and_one_of_each_nobody() -> None:
    def home(home_reds: int, away_reds: int) -> float:
        off = Soccer(home_reds=home_reds, away_reds=away_reds)
        return outlook(EPL, EVEN, Position(LIVE, 1, 900.0, 0, 0, off)).game[0]

    assert home(1, 0) < home(0, 0) < home(0, 1)
    assert home(1, 1) == home(0, 0)


def test_who_is_behind_pushes() -> None:
    behind = rates_to_come(EPL, EVEN, Position(LIVE, 2, 1800.0, 0, 1), PUSH)
    level = rates_to_come(EPL, EVEN, Position(LIVE, 2, 1800.0, 1, 1), PUSH)

    assert behind[0] > level[0]
    assert behind[1] < level[1]


def test_a_final_match_brings_nothing_more() -> None:
    assert rates_to_come(EPL, EVEN, Position(FINAL, 2, 0.0, 1, 2), PUSH) == (0.0, 0.0)
    assert outlook(EPL, EVEN, Position(FINAL, 2, 0.0, 1, 2)).game == (0.0, 1.0, 0.0)


@pytest.mark.parametrize("score", [(0, 0), (1, 0), (0, 2), (2, 2)])
@pytest.mark.parametrize("clock_s", [2700.0, 1800.0, 300.0, 0.0])
def test_the_rates_that_are_published_say_the_result_too(score: tuple[int, int], clock_s: float) -> None:
    seen = outlook(EPL, Strengths(1.6, 1.1), Position(LIVE, 2, clock_s, *score))
    rates = seen.parameters["home_rate"], seen.parameters["away_rate"]

    assert goals.outcomes(*rates, *score) == pytest.approx(seen.regulation, abs=0.0011)


def test_before_the_start_there_are_as_many_goals_as_expected() -> None:
    seen = outlook(EPL, Strengths(1.6, 1.2), Position(GameStatus.SCHEDULED))

    assert seen.parameters["home_rate"] == pytest.approx(1.6, rel=0.04)
    assert seen.parameters["away_rate"] == pytest.approx(1.2, rel=0.04)


def test_extra_time_has_plain_goals() -> None:
    seen = outlook(CUP, EVEN, Position(LIVE, 3, 900.0, 1, 1, Soccer(home_reds=0, away_reds=1)))

    assert seen.parameters["home_rate"] == seen.parameters["away_rate"] == pytest.approx(1.4 * 30.0 / 93.0)


def test_what_is_shipped_is_a_profile_with_its_provenance() -> None:
    fitted = soccer.load(soccer.SHIPPED)

    assert fitted.profile == soccer.in_use()
    assert fitted.learnt_from["games"] > 1_000
    assert fitted.scores["profile"]["log_loss"] < fitted.scores["plain"]["log_loss"]


def test_another_folder_of_models_brings_its_own_profile_or_leaves_the_shipped_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SHARPLINE_MODELS", str(tmp_path))
    assert soccer.home_of_profile() == soccer.SHIPPED

    (own := tmp_path / "soccer").mkdir()
    (own / soccer.PROFILE).write_text("{}")
    assert soccer.home_of_profile() == own
    assert soccer.content() == b"{}"
    with pytest.raises(UsageError, match="train soccer again"):
        soccer.load(own)

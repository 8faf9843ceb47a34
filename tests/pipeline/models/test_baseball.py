"""Baseball: the half-inning under way, those that follow, and the features of a side that bats last."""

import math
from functools import cache
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline import data
from pipeline.domain import goals
from pipeline.models import NO_CONTEXT, Context, Position, Strengths, boosted, judged, league_strengths, seen
from pipeline.models.features import baseball, innings, mirrored, strange, vector
from pipeline.models.features.innings import RUNS, Half, Side, appearance, log_odds
from pipeline.models.position import whole_game
from pipeline.models.tilt import tilted
from pipeline.records import Baseball, GameStatus
from pipeline.training import boosting

MLB = data.leagues()["mlb"]
SHEET = baseball.SHEET
AVERAGE = 4.5


def ball(half: str = "top", outs: int = 0, bases: int = 0, scheduled: int = 9) -> Baseball:
    return Baseball(half=half, outs=outs, bases=bases, balls=0, strikes=0, scheduled_innings=scheduled)


def moment(
    situation: Baseball | None = None, inning: int = 1, score: tuple[int, int] = (0, 0),
    strengths: Strengths | None = None, context: Context = NO_CONTEXT,
    status: GameStatus = GameStatus.LIVE,
) -> Any:  # fmt: skip
    position = Position(status, inning, -1.0, *score, situation or ball())
    return seen(MLB, strengths or league_strengths(MLB), position, context)


def chance(odds: float) -> float:
    return 1.0 / (1.0 + math.exp(-odds))


def home_wins(
    inning: int, half: str, outs: int = 0, bases: int = 0, score: tuple[int, int] = (0, 0),
    scheduled: int = 9, put: bool = True,
) -> float:  # fmt: skip
    state = Half(inning, half == "bottom", outs, bases, scheduled, put)
    return chance(log_odds(state, Side(AVERAGE, score[0]), Side(AVERAGE, score[1])))


@st.composite
def moments(draw: st.DrawFn) -> Any:
    """Any moment of a game that the model serves."""
    scheduled = draw(st.sampled_from([7, 9]))
    begun = ball(bases=draw(st.sampled_from([0, 2])), scheduled=scheduled)
    return moment(
        ball(
            draw(st.sampled_from(["top", "bottom"])),
            draw(st.integers(0, 3)),
            draw(st.integers(0, 7)),
            scheduled,
        ),
        draw(st.integers(1, 14)),
        (draw(st.integers(0, 20)), draw(st.integers(0, 20))),
        Strengths(draw(st.floats(2.0, 8.0)), draw(st.floats(2.0, 8.0))),
        Context(situation=begun),
    )


@pytest.mark.parametrize("outs", range(3))
@pytest.mark.parametrize("bases", range(8))
def test_a_plate_appearance_ends_in_some_way_and_loses_nobody(outs: int, bases: int) -> None:
    ends = appearance(outs, bases)

    assert math.fsum(share for share, *_ in ends) == pytest.approx(1.0, abs=1e-12)
    for share, after, left, runs in ends:
        if share > 0.0 and after < 3:
            # Who was on base and the batter are on base, out, or home.
            assert bases.bit_count() + 1 == left.bit_count() + (after - outs) + runs


def test_runs_to_come_are_those_that_are_known_of_the_game() -> None:
    """Run expectancies of the major leagues, 2010 to 2015, as they are commonly printed."""
    known = {
        (0, 0): 0.481,
        (0, 1): 0.859,
        (0, 2): 1.100,
        (0, 7): 2.292,
        (1, 3): 0.884,
        (2, 0): 0.098,
        (2, 7): 0.736,
    }

    assert RUNS.sum(axis=1) == pytest.approx([1.0] * 24)
    for (outs, bases), runs in known.items():
        assert innings.EXPECTED[8 * outs + bases] == pytest.approx(runs, abs=0.08)


@given(st.integers(0, 2), st.integers(0, 7), st.integers(0, 2))
def test_an_out_never_helps_and_a_runner_never_harms(outs: int, bases: int, base: int) -> None:
    now = innings.EXPECTED[8 * outs + bases]

    assert innings.EXPECTED[8 * outs + (bases | 1 << base)] >= now - 1e-12
    if outs < 2:
        assert innings.EXPECTED[8 * (outs + 1) + bases] < now


def by_hand(inning: int, scheduled: int, bottom: bool, state: int, lead: int, runs: Any) -> float:
    """That the side which bats last wins, play by play of the rules: it does not bat on once it is ahead."""

    @cache
    def at(inning: int, bottom: bool, lead: int, state: int) -> float:
        if inning > scheduled:
            return float(lead > 0) + 0.5 * (lead == 0)
        if bottom and inning == scheduled and lead > 0:
            return 1.0
        sign = 1 if bottom else -1
        then = (inning + 1, False) if bottom else (inning, True)
        return math.fsum(
            share * at(*then, lead + sign * scored, 0) for scored, share in enumerate(runs[state]) if share
        )

    return at(inning, bottom, lead, state)


@pytest.mark.parametrize(
    ("inning", "bottom", "state", "score"),
    [
        (1, False, 0, (0, 0)),
        (6, True, 13, (2, 4)),
        (9, False, 7, (5, 4)),
        (9, True, 3, (1, 3)),
        (8, True, 20, (3, 3)),
    ],
)
def test_the_answer_is_that_of_playing_the_game_out(
    inning: int, bottom: bool, state: int, score: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(innings, "KNOWN_RUNS", 1e12)  # the rates stay what they were
    rate = float(innings.EXPECTED[0]) * 9
    half = Half(inning, bottom, state // 8, state % 8, 9, True)

    found = chance(log_odds(half, Side(rate, score[0]), Side(rate, score[1])))

    assert found == pytest.approx(by_hand(inning, 9, bottom, state, score[0] - score[1], RUNS), abs=1e-6)


def test_runners_help_outs_harm_and_a_lead_is_worth_more_when_less_is_left() -> None:
    assert home_wins(9, "bottom", 0, 7, (3, 4)) > home_wins(9, "bottom", 2, 0, (3, 4)) + 0.3
    assert home_wins(9, "top", 2, 0, (4, 3)) > home_wins(9, "top", 0, 7, (4, 3)) + 0.3
    assert home_wins(6, "top", score=(3, 1), scheduled=7) > home_wins(6, "top", score=(3, 1)) + 0.02


def test_a_runner_put_on_second_helps_whoever_has_one() -> None:
    assert home_wins(10, "bottom", 0, 2) > home_wins(10, "bottom", 0, 0) + 0.05
    assert home_wins(10, "top", 0, 2) > home_wins(10, "top", 0, 2, put=False) + 0.05


def test_equal_sides_are_even_as_each_inning_begins() -> None:
    for inning in (1, 5, 9, 10, 12):
        for put in (True, False):
            assert home_wins(inning, "top", bases=2 if put and inning > 9 else 0, put=put) == pytest.approx(
                0.5, abs=1e-9
            )


@pytest.mark.parametrize(
    ("inning", "half", "then"),
    [(4, "top", (4, "bottom")), (4, "bottom", (5, "top")), (9, "bottom", (10, "top"))],
)
def test_with_three_outs_the_next_half_inning_is_about_to_begin(
    inning: int, half: str, then: tuple[int, str]
) -> None:
    starts = 2 if then[0] > 9 else 0

    assert home_wins(inning, half, 3, 5) == pytest.approx(home_wins(*then, bases=starts), abs=0.01)


@pytest.mark.parametrize(
    ("inning", "half", "outs", "score", "wins"),
    [(9, "bottom", 1, (5, 4), True), (9, "bottom", 3, (3, 4), False), (9, "top", 3, (5, 4), True),
     (7, "bottom", 0, (1, 0), None), (11, "bottom", 3, (2, 3), False)],
)  # fmt: skip
def test_a_game_that_is_decided_is_as_good_as_sure(
    inning: int, half: str, outs: int, score: tuple[int, int], wins: bool | None
) -> None:
    found = home_wins(inning, half, outs, 0, score)

    if wins is None:
        assert 0.5 < found < 0.99
    else:
        assert found == pytest.approx(float(wins), abs=1e-8)


def test_runs_that_nobody_expected_change_what_is_expected_of_the_side() -> None:
    assert innings.today(Side(4.5, 9), 5.0, 9) > innings.today(Side(4.5, 2), 5.0, 9) > 0.4
    assert innings.today(Side(4.5, 0), 0.0, 9) == pytest.approx(0.5)


def test_better_hitters_win_more_often_in_every_state() -> None:
    for half in (Half(3, False, 1, 3, 9, True), Half(9, True, 2, 0, 9, True)):
        even, better = (log_odds(half, Side(rate, 2), Side(4.5, 2)) for rate in (4.5, 5.5))
        assert better > even


def mirror_image(view: Any) -> Any:
    """The view of the same game with the teams swapped: it is the other side that bats last."""
    return view._replace(
        home=view.away, away=view.home, side=-view.side, home_left=view.away_left, away_left=view.home_left,
        innings_log_odds=-view.innings_log_odds, closed_log_odds=-view.closed_log_odds,
    )  # fmt: skip


@given(moments())
def test_swapping_the_teams_and_who_bats_last_mirrors_every_feature(given_moment: Any) -> None:
    view = SHEET.view(given_moment)

    assert vector(SHEET, mirror_image(view)) == pytest.approx(mirrored(SHEET, vector(SHEET, view)), abs=1e-9)
    assert SHEET.anchor(mirror_image(view)) == tuple(reversed(SHEET.anchor(view)))


@given(moments())
def test_no_moment_looks_like_one_of_a_game_in_which_away_bats_last(given_moment: Any) -> None:
    """Of ours home has more left to bat, or as much when away bats; of a mirrored one it is away that has."""
    view = SHEET.view(given_moment)

    for seen_as, sign in ((view, 1), (mirror_image(view), -1)):
        more = sign * (seen_as.home_left - seen_as.away_left)
        assert more > 0.0 or (more == 0.0 and sign * seen_as.side == -1)


@given(moments())
def test_the_features_of_a_game_are_in_their_ranges(given_moment: Any) -> None:
    assert SHEET.serves(given_moment)
    assert strange(SHEET, vector(SHEET, SHEET.view(given_moment))) == []


@pytest.mark.parametrize(
    "given_moment",
    [
        pytest.param(moment(status=GameStatus.SCHEDULED, inning=0), id="before the start"),
        pytest.param(moment(status=GameStatus.FINAL, inning=9, score=(3, 2)), id="after the end"),
        pytest.param(moment(ball(half="")), id="nobody said which half"),
    ],
)
def test_the_closed_form_is_alone_where_the_half_inning_is_not_known(given_moment: Any) -> None:
    assert not SHEET.serves(given_moment)


def test_how_an_extra_inning_began_is_remembered_until_the_next_half() -> None:
    first = Position(GameStatus.LIVE, 10, -1.0, 3, 3, ball("top", bases=2))
    later = first._replace(situation=ball("top", outs=1, bases=4))
    bottom = first._replace(situation=ball("bottom", bases=0))

    begun = baseball.remember(MLB, NO_CONTEXT, Position(GameStatus.LIVE, 9), first)
    kept = baseball.remember(MLB, begun, first, later)

    assert kept.situation == first.situation
    assert baseball.remember(MLB, kept, later, bottom).situation == bottom.situation
    assert baseball.remember(MLB, kept, later, later._replace(situation=None)) is kept


def test_an_extra_inning_that_began_with_nobody_on_puts_nobody_on_for_the_other_side() -> None:
    put, bare = (
        SHEET.view(moment(ball("top", 2, 0), 10, (3, 3), context=Context(situation=ball("top", bases=bases))))
        for bases in (2, 0)
    )

    assert put.half.put
    assert not bare.half.put
    assert put.innings_log_odds > bare.innings_log_odds


def test_regulation_expects_extra_innings_as_they_are_played_by_now() -> None:
    assert SHEET.view(moment(context=Context(situation=ball()))).half.put


def test_of_a_side_that_is_at_bat_the_outs_count_for_it() -> None:
    top, bottom = (SHEET.view(moment(ball(half, 1), 4)) for half in ("top", "bottom"))

    assert (top.home_left, top.away_left, top.side) == (6.0, pytest.approx(5 + 2 / 3), -1)
    assert (bottom.home_left, bottom.away_left, bottom.side) == (pytest.approx(5 + 2 / 3), 5.0, 1)


@given(moments(), st.floats(0.001, 0.999))
def test_the_closed_forms_runs_are_moved_until_they_say_who_wins(given_moment: Any, wins: float) -> None:
    position, closed = given_moment.position, given_moment.closed

    moved = tilted(MLB, position, closed, (wins, 1.0 - wins), "blend")

    assert moved is not None
    rates = moved.parameters["home_rate"], moved.parameters["away_rate"]
    ended = goals.outcomes(*rates, position.home_score, position.away_score)
    assert min(rates) >= 0.0
    assert whole_game(MLB, ended)[0] == pytest.approx(wins, abs=1e-6)
    assert moved.game[0] == pytest.approx(wins, abs=1e-6)


def test_runs_that_already_say_who_wins_stay_where_they_are() -> None:
    closed = moment(ball("bottom", 1), 5, (3, 2)).closed

    moved = tilted(MLB, Position(GameStatus.LIVE, 5, -1.0, 3, 2), closed, poisson_word(closed), "blend")

    assert moved is not None
    for name in ("home_rate", "away_rate"):
        assert moved.parameters[name] == pytest.approx(closed.parameters[name], abs=1e-3)


def poisson_word(closed: Any) -> tuple[float, float]:
    """What the closed form's parameters say, before it is kept from being sure."""
    rates = closed.parameters["home_rate"], closed.parameters["away_rate"]
    home, away = whole_game(MLB, goals.outcomes(*rates, 3, 2))[:2]
    return home, away


@pytest.mark.parametrize(("half", "inning", "then"), [("top", 4, ("bottom", 4)), ("bottom", 4, ("top", 5))])
def test_with_three_outs_the_features_are_those_of_the_next_half_inning(
    half: str, inning: int, then: tuple[str, int]
) -> None:
    over, begins = (
        moment(state, at, (2, 1)) for state, at in ((ball(half, 3, 5), inning), (ball(then[0]), then[1]))
    )
    named = [feature.name for feature in SHEET.features]
    over_values, begun_values = (
        dict(zip(named, vector(SHEET, SHEET.view(each)), strict=True)) for each in (over, begins)
    )

    for name in (
        "home_left",
        "away_left",
        "batting",
        "outs",
        "runs_now",
        "lead_by_left",
        "home_surplus",
        "away_surplus",
    ):
        assert over_values[name] == pytest.approx(begun_values[name]), name


MODEL = boosted.load(boosted.SHIPPED / "baseball")
PAIR = boosting.Pair(MODEL.lightgbm, MODEL.xgboost)


@given(moments())
def test_the_shipped_model_rules_nothing_out_before_the_end(given_moment: Any) -> None:
    found = judged(given_moment, MODEL)

    assert found.outlook.model == "mlb-blend"
    assert [one.model for one in found.opinions] == ["poisson-goals", "innings", "lightgbm", "xgboost"]
    assert all(0.0 < chance < 1.0 for chance in found.outlook.game)
    for chances in (found.outlook.game, found.outlook.regulation):
        assert math.fsum(chances) == pytest.approx(1.0, abs=1e-12)


def test_extra_innings_follow_a_level_regulation() -> None:
    found = judged(moment(ball("bottom", 0, 7), 10, (3, 3)), MODEL).outlook

    assert found.regulation == (0.0, 0.0, 1.0)
    assert found.game[0] > 0.85


@pytest.mark.parametrize(("score", "ended"), [((4, 3), (1.0, 0.0)), ((3, 4), (0.0, 1.0))])
def test_a_game_that_is_over_is_exact(score: tuple[int, int], ended: tuple[float, float]) -> None:
    over = moment(ball("bottom", 1), 9, score, status=GameStatus.FINAL)

    assert judged(over, MODEL).outlook.game == ended


@given(moments())
def test_swapping_the_teams_and_who_bats_last_mirrors_what_the_boosters_say(given_moment: Any) -> None:
    plain = np.array([vector(SHEET, SHEET.view(given_moment))])
    image = np.array([mirrored(SHEET, tuple(plain[0]))])

    for one, other in zip(*(boosting.corrections(SHEET, PAIR, each) for each in (plain, image)), strict=True):
        assert one[0] == pytest.approx(other[0][::-1], abs=1e-9)

"""Baseball: outs and runners, what each side has still to bat, and the closed form's own word.

The home side bats last, so a game with its teams swapped is one in which the other side bats last too: the
state of play cannot say that, the features can. They count what each side has left to bat and who bats now
(`home_left`, `away_left`, `batting`), so that no moment of a game looks like one of a swapped game, and no
feature is named after the top or the bottom of an inning.
"""

import math
from typing import NamedTuple

from pipeline.data import League
from pipeline.models.features.innings import EXPECTED, Half, Side, log_odds, rates
from pipeline.models.features.seen import Context, Feature, Seen, Sheet
from pipeline.models.position import Position
from pipeline.records import Baseball, GameStatus

#: Innings of both sides below which a lead is not worth more.
LAST_INNINGS = 0.5


class View(NamedTuple):
    """What the features share. ``side``: 1 where home bats, -1 away; ``left``: innings that each bats yet."""

    half: Half
    home: Side
    away: Side
    side: int
    home_left: float
    away_left: float
    innings_log_odds: float
    closed_log_odds: float

    @property
    def lead(self) -> int:
        """Home score minus away score."""
        return self.home.runs - self.away.runs


def view(seen: Seen) -> View:
    """A moment of a game under way, as the features need it."""
    position, ball = seen.position, seen.position.situation
    assert isinstance(ball, Baseball)
    bottom = ball.half == "bottom"
    half = Half(
        inning=position.period,
        last=bottom,
        outs=ball.outs,
        bases=ball.bases if ball.outs < 3 else 0,
        innings=ball.scheduled_innings,
        put=_put(seen.context, position),
    )
    home_rate, away_rate = rates(seen.strengths.home, seen.strengths.away)
    home, away = Side(home_rate, position.home_score), Side(away_rate, position.away_score)
    # Of extra innings the one that is played is the last.
    later = float(max(0, ball.scheduled_innings - position.period))
    batting = later + 1.0 - ball.outs / 3.0
    home_chance, away_chance = seen.closed.game[:2]
    return View(
        half=half,
        home=home,
        away=away,
        # With three outs the other side is about to bat.
        side=1 if bottom != (ball.outs == 3) else -1,
        home_left=batting if bottom else later + 1.0,
        away_left=later if bottom else batting,
        innings_log_odds=log_odds(half, last=home, first=away),
        closed_log_odds=math.log(home_chance) - math.log(away_chance),
    )


def _put(context: Context, position: Position) -> bool:
    """Whether extra innings begin with a runner on second: as this one did, else as they do by now."""
    ball, begun = position.situation, context.situation
    if not (isinstance(ball, Baseball) and isinstance(begun, Baseball)):
        return True
    return begun.bases & 2 > 0 if position.period > ball.scheduled_innings else True


def serves(seen: Seen) -> bool:
    """A game under way whose half-inning, outs and runners are known."""
    position = seen.position
    return (
        position.status in (GameStatus.LIVE, GameStatus.SUSPENDED)
        and position.period >= 1
        and isinstance(position.situation, Baseball)
        and position.situation.half in ("top", "bottom")
        and len(seen.closed.game) == 2
    )


def taught(seen: Seen) -> bool:
    """Before a play: somebody is at bat."""
    ball = seen.position.situation
    return isinstance(ball, Baseball) and ball.outs < 3


def remember(_league: League, context: Context, before: Position, after: Position) -> Context:
    """How the half-inning under way began; of extra ones that says whether a runner is put on second."""
    stated, was = after.situation, before.situation
    if not isinstance(stated, Baseball):
        return context
    same = isinstance(was, Baseball) and (before.period, was.half) == (after.period, stated.half)
    return context if same and context.situation else Context(situation=stated)


def anchor(view: View) -> tuple[float, ...]:
    """Of home and away, by half-innings."""
    return view.innings_log_odds / 2.0, -view.innings_log_odds / 2.0


def _runs(view: View) -> float:
    """Expected runs of the rest of the half-inning, of a typical side."""
    half = view.half
    return float(EXPECTED[8 * (half.outs % 3) + half.bases])


def _surplus(side: Side, left: float, view: View) -> float:
    batted = max(view.half.innings, view.half.inning) - left
    return side.runs - side.rate * batted / view.half.innings


SHEET = Sheet(
    features=(
        Feature(
            "innings_log_odds", "log odds of home's win by half-innings: a Markov chain of outs and runners",
            -21.0, 21.0, "odd", lambda view: view.innings_log_odds,
        ),
        Feature(
            "closed_log_odds", "log odds of home's win by the closed form", -8.0, 8.0, "odd",
            lambda view: view.closed_log_odds,
        ),
        Feature("lead", "home score minus away score", -40.0, 40.0, "odd", lambda view: view.lead),
        Feature("home_left", "innings that home has yet to bat, parts of one by outs; of extra ones this one",
                0.0, 9.0, "away_left", lambda view: view.home_left),
        Feature("away_left", "innings that away has yet to bat", 0.0, 9.0, "home_left",
                lambda view: view.away_left),
        Feature("batting", "1 home, -1 away is at bat", -1.0, 1.0, "odd", lambda view: view.side),
        Feature("outs", "outs times batting", -3.0, 3.0, "odd",
                lambda view: view.side * (view.half.outs % 3)),
        Feature("runs_now", "expected runs of the rest of the half-inning times batting", -3.0, 3.0, "odd",
                lambda view: view.side * _runs(view)),
        Feature("lead_by_left", "lead / sqrt(home_left + away_left + 0.5)", -40.0, 40.0, "odd",
                lambda view: view.lead / math.sqrt(view.home_left + view.away_left + LAST_INNINGS)),
        Feature("home_surplus", "runs of home above those expected of what it has batted", -20.0, 40.0,
                "away_surplus", lambda view: _surplus(view.home, view.home_left, view)),
        Feature("away_surplus", "runs of away above those expected of what it has batted", -20.0, 40.0,
                "home_surplus", lambda view: _surplus(view.away, view.away_left, view)),
        Feature("line", "expected margin before the game", -15.0, 15.0, "odd",
                lambda view: view.home.rate - view.away.rate),
        Feature("total", "expected total before the game", 0.0, 40.0, "even",
                lambda view: view.home.rate + view.away.rate),
    ),
    anchor_name="innings",
    view=view,
    anchor=anchor,
    serves=serves,
    taught=taught,
    remember=remember,
)  # fmt: skip

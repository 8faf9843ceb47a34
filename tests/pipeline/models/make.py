"""Moments of games, and the same with the teams swapped, for any sport that has a sheet of features."""

from typing import Any

import msgspec
from hypothesis import strategies as st

from pipeline import data
from pipeline.data import League
from pipeline.models import Context, Position, Seen, Strengths, league_strengths, seen
from pipeline.records import AmericanFootball, GameStatus

NFL = data.leagues()["nfl"]
SIDES = {"home": "away", "away": "home"}


def snap(possession: str = "home", down: int = 1, togo: int = 10, yards: int = 75, **timeouts: int) -> Any:
    """What stands before a play."""
    left = {"home_timeouts": 3, "away_timeouts": 3} | timeouts
    return AmericanFootball(possession=possession, down=down, distance_yd=togo, yards_to_goal=yards, **left)


def moment(
    *, period: int = 2, clock_s: float = 600.0, score: tuple[int, int] = (0, 0), situation: Any = None,
    context: Context | None = None, status: GameStatus = GameStatus.LIVE, margin: float = 2.0,
    league: League = NFL,
) -> Seen:  # fmt: skip
    """A moment of an NFL game; the context knows the situation where none other is given."""
    total = league_strengths(league).total
    strengths = Strengths((total + margin) / 2.0, (total - margin) / 2.0)
    position = Position(status, period, clock_s, *score, situation)
    return seen(league, strengths, position, context or Context(situation=situation, opening="away"))


def swapped(given: Seen) -> Seen:
    """The same game with the teams, and what being at home is worth, swapped."""
    league = msgspec.structs.replace(given.league, overtime_home=1.0 - given.league.overtime_home)
    position, context = given.position, given.context
    return seen(
        league,
        Strengths(given.strengths.away, given.strengths.home),
        position._replace(
            home_score=position.away_score,
            away_score=position.home_score,
            situation=_swapped(position.situation),
        ),
        msgspec.structs.replace(
            context, situation=_swapped(context.situation), opening=SIDES.get(context.opening, "")
        ),
    )


def _swapped(situation: Any) -> Any:
    """What each sport says of a side is called by it; baseball's half-inning is of neither."""
    if situation is None:
        return None
    stated = msgspec.structs.asdict(situation)
    image = {
        name: stated[f"{SIDES[name[:4]]}{name[4:]}"] if name[:5] in ("home_", "away_") else value
        for name, value in stated.items()
    }
    if "possession" in image:
        image["possession"] = SIDES.get(stated["possession"], "")
    return type(situation)(**image)


@st.composite
def moments(draw: st.DrawFn) -> Seen:
    """Any moment of an NFL game that the model serves."""
    ball = snap(
        draw(st.sampled_from(["home", "away"])),
        draw(st.integers(0, 4)),
        draw(st.integers(0, 40)),
        draw(st.integers(1, 99)),
        home_timeouts=draw(st.integers(0, 3)),
        away_timeouts=draw(st.integers(0, 3)),
    )
    return moment(
        period=draw(st.integers(1, 4)),
        clock_s=draw(st.integers(1, 900).map(float)),
        score=(draw(st.integers(0, 60)), draw(st.integers(0, 60))),
        situation=draw(st.sampled_from([ball, None])),
        context=Context(situation=ball, opening=draw(st.sampled_from(["home", "away", ""]))),
        margin=draw(st.floats(-20.0, 20.0)),
    )

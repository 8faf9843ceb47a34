"""What a model sees of a game at one moment, and what it remembers of it: the ground of every feature."""

from collections.abc import Callable
from typing import Any, NamedTuple

from msgspec import Struct

from pipeline.data import League
from pipeline.models.position import Outlook, Position, Strengths
from pipeline.records import GameStatus, Situation


class Context(Struct, frozen=True, kw_only=True, array_like=True):
    """What the fold keeps of a game for its features, beside the state of play.

    ``situation`` is the last that was stated, or what follows from what has happened since. ``opening``: who
    had the ball first, ``home``, ``away`` or empty where nobody said.
    """

    situation: Situation | None = None
    opening: str = ""


NO_CONTEXT = Context()


class Seen(NamedTuple):
    """A moment of a game, ``closed`` the closed form's word on it."""

    league: League
    strengths: Strengths
    position: Position
    context: Context
    closed: Outlook


class Feature(NamedTuple):
    """A number that a model reads, of the view that its sport takes of a moment.

    ``formula`` says it in words. A value outside ``low`` to ``high`` is not believed. With the teams swapped
    it is the same (``mirror`` "even"), of the other sign ("odd"), or that of the feature named there.
    """

    name: str
    formula: str
    low: float
    high: float
    mirror: str
    value: Callable[[Any], float]


class Ending(NamedTuple):
    """Of the score when regulation ends: mean and standard deviation of home's margin, and of the total.

    No total where the features know no more of it than the closed form.
    """

    margin: tuple[float, float]
    total: tuple[float, float] | None = None


class Sheet(NamedTuple):
    """One sport's features, and what else its boosted model needs to know of it."""

    features: tuple[Feature, ...]
    anchor_name: str
    view: Callable[[Seen], Any]
    """What the features have in common, worked out once a moment."""
    anchor: Callable[[Any], tuple[float, ...]]
    """Logarithms of the odds that the boosters begin with: home, away, then a draw if there is one."""
    serves: Callable[[Seen], bool]
    """Whether the model may speak at this moment; else the closed form does, alone."""
    taught: Callable[[Seen], bool]
    """Whether the moment is one of those that the model learns from and is scored on."""
    remember: Callable[[League, Context, Position, Position], Context]
    """The context after a record, from the state of play before it and after it."""
    ending: Callable[[Any], Ending] | None = None
    """The score to be expected, where the features know more of it than the closed form."""


def in_regulation(seen: Seen) -> bool:
    """Whether a period of regulation is under way, interrupted or not, and its clock is known."""
    position = seen.position
    return (
        position.status in (GameStatus.LIVE, GameStatus.SUSPENDED)
        and 1 <= position.period <= seen.league.periods
        and position.clock_s >= 0.0
    )


def vector(sheet: Sheet, view: Any) -> tuple[float, ...]:
    """The features of a moment as the home side sees it."""
    return tuple([feature.value(view) for feature in sheet.features])


def mirrored(sheet: Sheet, values: tuple[float, ...]) -> tuple[float, ...]:
    """The features of the same moment with the teams swapped."""
    return tuple([sign * values[place] for place, sign in mirror(sheet)])


def mirror(sheet: Sheet) -> tuple[tuple[int, float], ...]:
    """For each feature, where its mirror image stands, and with which sign."""
    places = {feature.name: place for place, feature in enumerate(sheet.features)}
    signs = {"even": 1.0, "odd": -1.0}
    return tuple(
        (place, signs[feature.mirror]) if feature.mirror in signs else (places[feature.mirror], 1.0)
        for place, feature in enumerate(sheet.features)
    )


def strange(sheet: Sheet, values: tuple[float, ...]) -> list[str]:
    """The names of the features that are out of their range."""
    return [
        feature.name
        for feature, value in zip(sheet.features, values, strict=True)
        if not feature.low <= value <= feature.high  # NaN is in no range
    ]

"""Where a game stands, and how much of it is left."""

from typing import NamedTuple

from msgspec.structs import replace

from pipeline.data import League
from pipeline.records import Baseball, GameStatus, Situation, Soccer

SOCCER_ADDED_S = 180.0  # of added time to come, as a match of 93 minutes


class Strengths(NamedTuple):
    """Expected score of each side over the whole of regulation, in points, goals or runs."""

    home: float
    away: float

    @property
    def margin(self) -> float:
        """Home minus away."""
        return self.home - self.away

    @property
    def total(self) -> float:
        """Of both sides."""
        return self.home + self.away


class Position(NamedTuple):
    """A state of play. ``clock_s`` counts down within ``period``; -1 where it is unknown."""

    status: GameStatus
    period: int = 0
    clock_s: float = -1.0
    home_score: int = 0
    away_score: int = 0
    situation: Situation | None = None

    @property
    def lead(self) -> int:
        """Home score minus away score."""
        return self.home_score - self.away_score

    @property
    def decided(self) -> int:
        """The lead with which the game ends if it ends now: of a level score that of its shoot-out."""
        if self.lead == 0 and isinstance(self.situation, Soccer):
            return self.situation.home_penalties - self.situation.away_penalties
        return self.lead


class Outlook(NamedTuple):
    """What a model says: the probabilities and parameters of `GameProbabilities`."""

    model: str
    game: tuple[float, ...]
    regulation: tuple[float, ...]
    parameters: dict[str, float]


def as_played(league: League, position: Position) -> League:
    """The league as the game itself shows it to be played: football that goes on has a winner."""
    if league.sport == "soccer" and league.overtime_draw > 0.0 and in_overtime(league, position):
        return replace(league, overtime_draw=0.0)
    return league


def winner_is_unknown(league: League, position: Position) -> bool:
    """Whether a match that is over has a winner of whom neither its score nor a shoot-out tells."""
    over = position.status == GameStatus.FINAL and league.sport == "soccer"
    return over and position.decided == 0 and as_played(league, position).overtime_draw == 0.0


def can_be_drawn(league: League) -> bool:
    """Whether a draw is an ending of the whole game."""
    return league.sport == "soccer" or league.overtime_draw > 0.0


def whole_game(league: League, regulation: tuple[float, float, float]) -> tuple[float, ...]:
    """The whole game's probabilities from those of regulation, by how the league's level games end."""
    home, away, level = regulation
    decided = level * (1.0 - league.overtime_draw)
    home += decided * league.overtime_home
    away += decided * (1.0 - league.overtime_home)
    return (home, away, level * league.overtime_draw) if can_be_drawn(league) else (home, away)


def scheduled_periods(league: League, position: Position) -> int:
    """Periods of regulation: the league's, or the innings that this game is scheduled for."""
    situation = position.situation
    return situation.scheduled_innings if isinstance(situation, Baseball) else league.periods


def in_overtime(league: League, position: Position) -> bool:
    """Whether regulation is over and the game was played on: it was level then."""
    return position.period > scheduled_periods(league, position)


def regulation_s(league: League) -> float:
    """Length of regulation; of soccer with the added time that is to be expected."""
    return league.periods * league.period_s + (SOCCER_ADDED_S if league.sport == "soccer" else 0.0)


def left_s(league: League, position: Position) -> float:
    """Seconds of regulation that are left; half a period where its clock is unknown.

    Added time of soccer is taken whole until the match is final: its clock stands at 0 in it.
    """
    if position.period < 1:
        return regulation_s(league)
    clock_s = position.clock_s if position.clock_s >= 0.0 else league.period_s / 2.0
    later_s = (league.periods - position.period) * league.period_s
    return later_s + min(clock_s, league.period_s) + regulation_s(league) - league.periods * league.period_s


def overtime_left_s(league: League, position: Position) -> float:
    """Seconds of overtime that are left, in soccer of both its halves; half a period without a clock."""
    length_s = league.overtime_s or league.period_s
    clock_s = min(position.clock_s, length_s) if position.clock_s >= 0.0 else length_s / 2.0
    if league.sport == "soccer":
        if position.period > league.periods + 2:
            return 0.0
        return clock_s + (league.periods + 2 - position.period) * length_s
    return clock_s if league.overtime_s else length_s / 2.0


def of_its_length(league: League, strengths: Strengths, position: Position) -> Strengths:
    """Strengths over the league's regulation as those over this game's, which may have fewer innings."""
    part = scheduled_periods(league, position) / league.periods
    return strengths if part == 1.0 else Strengths(part * strengths.home, part * strengths.away)


def innings_left(league: League, position: Position) -> tuple[float, float]:
    """Innings that the home and the away side still bat.

    Of extra innings only the one that is played. Where the half is unknown half an inning is left to each.
    The home side does not bat again once it is ahead in the last bottom half.
    """
    situation = position.situation if isinstance(position.situation, Baseball) else None
    scheduled = scheduled_periods(league, position)
    if position.period < 1:
        return float(scheduled), float(scheduled)
    later = float(max(0, scheduled - position.period))
    if situation is None:
        return later + 0.5, later + 0.5
    batting = later + (3 - situation.outs) / 3.0
    home, away = (batting, later) if situation.half == "bottom" else (later + 1.0, batting)
    if later == 0.0 and away == 0.0 and position.lead > 0:
        home = 0.0
    return home, away

"""The state of play as ESPN's scoreboards show it, sport by sport; None where they do not."""

import re

from msgspec import Struct

from pipeline.data import League
from pipeline.errors import Refused
from pipeline.records import AmericanFootball, Baseball, Soccer

HALF = re.compile(r"\b(?P<half>Top|Mid|Middle|Bot|Bottom|End)\b (?P<inning>\d+)(?:st|nd|rd|th)")


class PlayType(Struct, gc=False):
    """What sort of play."""

    text: str = ""


class LastPlay(Struct, gc=False):
    """The newest play."""

    id: str = ""
    type: PlayType | None = None
    text: str = ""


class OnField(Struct, gc=False, rename="camel"):
    """``situation`` of a scoreboard: of American football, baseball, and of others the last play alone."""

    last_play: LastPlay | None = None
    down: int | None = None
    distance: int | None = None
    yard_line: int | None = None
    possession: str | None = None
    home_timeouts: int | None = None
    away_timeouts: int | None = None
    balls: int | None = None
    strikes: int | None = None
    outs: int | None = None
    on_first: bool | None = None
    on_second: bool | None = None
    on_third: bool | None = None


class TeamId(Struct, gc=False):
    """A team by its id."""

    id: str = ""


class Detail(Struct, gc=False, rename="camel"):
    """A goal or a card of a soccer match."""

    team: TeamId | None = None
    red_card: bool = False


def american_football(field: OnField | None, home_id: str, away_id: str) -> AmericanFootball | None:
    """Where the drive stands. ESPN counts yards from the goal line of the home side, whoever attacks."""
    if field is None or field.home_timeouts is None or field.away_timeouts is None:
        return None
    possession = {home_id: "home", away_id: "away"}.get(field.possession or "", "")
    down, yard_line = max(0, field.down or 0), field.yard_line
    if down > 4 or not 0 <= (yard_line or 0) <= 100:
        raise Refused(f"down {down} at yard {yard_line} is no state of a drive")
    to_goal = 0
    if possession and yard_line is not None:
        to_goal = 100 - yard_line if possession == "home" else yard_line
    return AmericanFootball(
        possession=possession,
        down=down,
        distance_yd=min(100, max(0, field.distance or 0)),
        yards_to_goal=to_goal,
        home_timeouts=_few(field.home_timeouts, 3),
        away_timeouts=_few(field.away_timeouts, 3),
    )


def baseball(field: OnField | None, words: str, inning: int, innings: int) -> Baseball | None:
    """The half-inning, which only the words of the status say; Mid and End are after its last out."""
    found = HALF.search(words)
    if found is None:
        return None
    if int(found["inning"]) != inning:
        raise Refused(f"{found[0]!r} is not in inning {inning}")
    half = "top" if found["half"] in ("Top", "Mid", "Middle") else "bottom"
    if not 1 <= innings <= 9:
        raise Refused(f"a game of {innings} innings")
    if found["half"] in ("Mid", "Middle", "End"):
        return Baseball(half=half, outs=3, bases=0, balls=0, strikes=0, scheduled_innings=innings)
    if field is None or field.outs is None:
        return None
    return Baseball(
        half=half,
        outs=_few(field.outs, 3),
        bases=bool(field.on_first) + 2 * bool(field.on_second) + 4 * bool(field.on_third),
        balls=_few(field.balls or 0, 4),
        strikes=_few(field.strikes or 0, 3),
        scheduled_innings=innings,
    )


def soccer(
    details: list[Detail] | None, home_id: str, away_id: str, penalties: tuple[int, int]
) -> Soccer | None:
    """Red cards, and the shoot-out; None where goals and cards are not listed and there was no shoot-out."""
    if details is None and penalties == (0, 0):
        return None
    reds = [detail.team.id for detail in details or [] if detail.red_card and detail.team]
    return Soccer(
        home_reds=_few(reds.count(home_id), 11),
        away_reds=_few(reds.count(away_id), 11),
        home_penalties=penalties[0],
        away_penalties=penalties[1],
    )


def left_s(league: League, period: int, clock: float | None, over: bool) -> float:
    """Seconds left in the period; soccer's clock counts up through the match, every other one down.

    ``over``: the period or the game is.
    """
    if league.sport == "baseball" or clock is None or period < 1:
        return -1.0
    if over:
        return 0.0
    if league.sport != "soccer":
        return max(0.0, clock)
    extra = max(0, period - league.periods)
    length_s = (league.overtime_s or 900.0) if extra else league.period_s
    ends_s = min(period, league.periods) * league.period_s + extra * length_s
    return 0.0 if extra > 2 else min(length_s, max(0.0, ends_s - clock))


def _few(number: int, most: int) -> int:
    if not 0 <= number <= most:
        raise Refused(f"{number} is not 0 to {most}")
    return number

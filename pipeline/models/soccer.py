"""Football: who is behind pushes, a side with more players scores more, and late minutes bring more goals.

While the score stands, goals of both sides come as Poisson processes; each goal changes the rates of both.
Time enters only as the share of a match's scoring that is left, so the score's way to the end is a Markov
chain with constant rates, and the goals to be expected on it are exact: by uniformisation, no step of time.
The result, spreads and totals are then those of independent Poisson goals with these rates, so that all of
them hang together. The chain's own result has one more draw in 160 matches (docs/models-soccer.md).

References
----------
Dixon and Robinson (1998), A birth process model for association football matches, The Statistician 47(3).
Jensen (1953), Markoff chains as an aid in the study of Markoff processes, Skand. Aktuarietidskr. 36.
"""

import math
from functools import cache
from operator import mul
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from pipeline.data import League
from pipeline.domain import goals
from pipeline.errors import UsageError
from pipeline.models import candidate
from pipeline.models.position import Position, Strengths
from pipeline.records import GameStatus, Soccer
from pipeline.settings import Settings

SHIPPED = Path(__file__).parent / "shipped" / "soccer"
PROFILE = "profile.json"
#: Where scoring is said to be usual: the middle of a match, in parts of it.
MIDDLE = 0.5
#: A lead beyond this changes no more; nor do more players sent off than the other side has lost.
MOST_LEAD, MOST_REDS = 2, 2
#: What is rarer than this may be left out.
NEGLIGIBLE = 1e-14


class Profile(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How a match's goals are spread, in logarithms of a side's rate unless it says otherwise.

    ``level``: of a level score, against the pre-game rate. ``rise``: from the first minute to the 90th.
    ``added_min``: what is added to each half, in minutes of usual scoring. ``behind``, ``ahead``: by one goal
    and by more, against a level score. ``red``: for each player whom the other side has lost more.
    """

    level: float
    rise: float
    added_min: tuple[float, float]
    behind: tuple[float, float]
    ahead: tuple[float, float]
    red: float


class Fitted(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A profile and where it comes from; no answer depends on the latter."""

    profile: Profile
    learnt_from: dict[str, Any]
    scores: dict[str, Any]


def home_of_profile(models: Path | None = None) -> Path:
    """The folder of the profile that goes with a folder of models: in it if it has one, else shipped.

    Without one with that of SHARPLINE_MODELS.
    """
    named = models or Settings.read().models
    own = Path(named) / "soccer" if named else SHIPPED
    return own if (own / PROFILE).is_file() else SHIPPED


def in_use() -> Profile:
    """The profile of every answer; read once."""
    return _profile(candidate.FOLDER.get())


@cache
def _profile(models: Path | None) -> Profile:
    return load(home_of_profile(models)).profile


def load(home: Path) -> Fitted:
    """A profile with its provenance. Raises UsageError where its file is not one."""
    try:
        return msgspec.json.decode((home / PROFILE).read_bytes(), type=Fitted)
    except (OSError, msgspec.DecodeError) as error:
        raise UsageError(f"the profile in {home} cannot be read: {error}; train soccer again") from error


def content(models: Path | None = None) -> bytes:
    """The bytes of the profile that goes with a folder, for the hash of what an answer was made with."""
    return (home_of_profile(models) / PROFILE).read_bytes()


def rates_to_come(
    league: League, strengths: Strengths, position: Position, profile: Profile
) -> tuple[float, float]:
    """Expected goals of home and away until regulation ends; none once the match is final."""
    share = 0.0 if position.status == GameStatus.FINAL else share_left(league, position, profile)
    more = _more_players(position)
    by_lead = {
        lead: (
            strengths.home * math.exp(effect(lead, more, profile)),
            strengths.away * math.exp(effect(-lead, -more, profile)),
        )
        for lead in range(-MOST_LEAD, MOST_LEAD + 1)
    }
    return _expected(by_lead, position.lead, share)


def share_left(league: League, position: Position, profile: Profile) -> float:
    """The part of a usual match's scoring that is left in regulation: 1 before the start.

    Half a period where its clock is unknown; what is added to a half is taken whole until the half is over.
    """
    if position.period < 1:
        return 1.0
    if position.period > league.periods:
        return 0.0
    clock_s = min(position.clock_s, league.period_s) if position.clock_s >= 0.0 else league.period_s / 2.0
    gone = (position.period - clock_s / league.period_s) / league.periods
    left = _nominal(gone, 1.0, profile) + math.fsum(profile.added_min[position.period - 1 :])
    return left / whole_min(profile)


def whole_min(profile: Profile) -> float:
    """Minutes of usual scoring in a match."""
    return _nominal(0.0, 1.0, profile) + math.fsum(profile.added_min)


def effect(lead: int, more: int, profile: Profile) -> float:
    """What the state of play does to a side's rate: its own lead, its players more than the other side's."""
    found = profile.level + profile.red * more
    if lead < 0:
        return found + profile.behind[min(-lead, MOST_LEAD) - 1]
    return found + profile.ahead[min(lead, MOST_LEAD) - 1] if lead else found


def _nominal(start: float, end: float, profile: Profile) -> float:
    """Minutes of usual scoring between two parts of the 90."""
    if abs(profile.rise) < 1e-9:
        return 90.0 * (end - start)
    edges = [math.exp(profile.rise * (part - MIDDLE)) for part in (start, end)]
    return 90.0 * (edges[1] - edges[0]) / profile.rise


def _more_players(position: Position) -> int:
    if not isinstance(position.situation, Soccer):
        return 0
    more = position.situation.away_reds - position.situation.home_reds
    return max(-MOST_REDS, min(MOST_REDS, more))


def _expected(by_lead: dict[int, tuple[float, float]], lead: int, share: float) -> tuple[float, float]:
    # Uniformisation: as many candidates for a goal as a Poisson process of the fastest state has; in each
    # state its own part of them counts. After k candidates the lead has moved by k at most.
    fastest = max(home + away for home, away in by_lead.values())
    if fastest <= 0.0 or share <= 0.0:
        return 0.0, 0.0
    candidates = _that_matter(goals.poisson(min(fastest * share, goals.MOST)))
    count = len(candidates)
    parts = {side: (home / fastest, away / fastest) for side, (home, away) in by_lead.items()}
    leads = range(lead - count, lead + count + 1)
    reached = [parts[max(-MOST_LEAD, min(MOST_LEAD, at))] for at in leads]
    ups, downs = [up for up, _ in reached], [down for _, down in reached]
    stays = [1.0 - (up + down) for up, down in reached]
    chances = [1.0]  # of the leads from lead - k to lead + k
    home_rate = away_rate = 0.0
    later = 1.0
    for k, weight in enumerate(candidates):
        low, high = count - k, count + k + 1
        up = list(map(mul, chances, ups[low:high]))
        down = list(map(mul, chances, downs[low:high]))
        stay = list(map(mul, chances, stays[low:high]))
        later = max(0.0, later - weight)  # that more than k candidates come
        home_rate += later * math.fsum(up)
        away_rate += later * math.fsum(down)
        moved = zip([0.0, 0.0, *up], [0.0, *stay, 0.0], [*down, 0.0, 0.0], strict=True)
        chances = [risen + stayed + fallen for risen, stayed, fallen in moved]
    return home_rate, away_rate


def _that_matter(candidates: list[float]) -> list[float]:
    rest = 0.0
    while len(candidates) > 1 and rest + candidates[-1] < NEGLIGIBLE:
        rest += candidates.pop()
    return candidates

"""football-data.org, version 4: fixtures, states and results of football matches, and past meetings.

``/v4/matches`` answers with the matches of some days in all competitions that are asked for,
``/v4/matches/{id}/head2head`` with past meetings of the sides of a match, in the same shape. ``fullTime``
is the running score; it goes on through extra time and, where penalties are told apart, through the
shoot-out too.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import msgspec
from msgspec import Struct

from pipeline import data
from pipeline.data import League
from pipeline.errors import PayloadChanged, Refused
from pipeline.records import GameEvent, GameStatus, Record, Soccer
from producers.identity import Identities
from producers.live.call import Call, Config, Game, Parsed, Refuse
from producers.sources.identified import Shown, identified
from producers.sources.intervals import every_s, is_going, is_near
from producers.sources.times import moment_ms

NAME, KEY = "football-data-org", "FOOTBALL_DATA_ORG_KEY"
URL = "https://api.football-data.org"
#: Each league's code there.
CODES = {
    "epl": "PL",
    "championship": "ELC",
    "bundesliga": "BL1",
    "la-liga": "PD",
    "serie-a": "SA",
    "ligue-1": "FL1",
    "eredivisie": "DED",
    "primeira-liga": "PPL",
    "world-cup": "WC",
    "euro": "EC",
}
_LEAGUES = {code: league for league, code in CODES.items()}
#: Seconds between two calls; ten a minute are allowed for all together.
GOING_S, NEAR_S, FIXTURES_S = 15.0, 60.0, 3_600.0
AHEAD = timedelta(days=7)

_STATUSES = {
    "SCHEDULED": (GameStatus.SCHEDULED, "scheduled"),
    "TIMED": (GameStatus.SCHEDULED, "scheduled"),
    "IN_PLAY": (GameStatus.LIVE, "clock"),
    "PAUSED": (GameStatus.LIVE, "period_end"),
    "EXTRA_TIME": (GameStatus.LIVE, "clock"),
    "PENALTY_SHOOTOUT": (GameStatus.LIVE, "clock"),
    "FINISHED": (GameStatus.FINAL, "final"),
    "SUSPENDED": (GameStatus.SUSPENDED, "suspension"),
    "POSTPONED": (GameStatus.POSTPONED, "postponed"),
    "CANCELLED": (GameStatus.CANCELLED, "cancelled"),
}
_DURATIONS = frozenset({"REGULAR", "EXTRA_TIME", "PENALTY_SHOOTOUT"})
_BEFORE = frozenset({GameStatus.SCHEDULED, GameStatus.POSTPONED, GameStatus.CANCELLED})


class Side(Struct, gc=False):
    """A side; without a name where it is not known yet who plays."""

    name: str | None = None


class Competition(Struct, gc=False):
    """A competition."""

    code: str | None = None


class Goals(Struct, gc=False):
    """Goals of both sides, or of both nothing."""

    home: int | None = None
    away: int | None = None

    @property
    def both(self) -> tuple[int, int] | None:
        """Home, away."""
        return None if self.home is None or self.away is None else (self.home, self.away)


class Score(Struct, gc=False, rename="camel"):
    """The score and what it is made of."""

    full_time: Goals
    duration: str = "REGULAR"
    half_time: Goals | None = None
    regular_time: Goals | None = None
    extra_time: Goals | None = None
    penalties: Goals | None = None


class Match(Struct, gc=False, rename="camel"):
    """A match."""

    id: int
    utc_date: str
    status: str
    competition: Competition
    home_team: Side
    away_team: Side
    score: Score
    minute: int | str | None = None
    last_updated: str = ""


class Matches(Struct, gc=False):
    """An answer."""

    matches: list[msgspec.Raw]


_MATCHES, _MATCH = msgspec.json.Decoder(Matches), msgspec.json.Decoder(Match)


def calls(config: Config, now_ms: int, games: Sequence[Game]) -> list[Call]:
    """The matches to come, and those of the days on which some are on."""
    leagues = [league for league in config.leagues or tuple(CODES) if league in CODES]
    if not leagues:
        return []
    url = f"{config.base_url or URL}/v4/matches"
    codes = ("competitions", ",".join(CODES[league] for league in leagues))
    today = datetime.fromtimestamp(now_ms / 1000, UTC)
    found = [Call(NAME, "fixtures", url, (codes, *_days(today, today + AHEAD)), every_s=FIXTURES_S)]
    on = [
        game for game in games if game.league in leagues and (is_going(game, now_ms) or is_near(game, now_ms))
    ]
    if on:
        starts = sorted(datetime.fromtimestamp(game.starts_at_ms / 1000, UTC) for game in on)
        pace_s = every_s(on, now_ms, going_s=GOING_S, near_s=NEAR_S, idle_s=FIXTURES_S)
        covers = tuple(sorted(game.event_id for game in on))
        days = _days(starts[0], starts[-1])
        found.append(Call(NAME, "matches", url, (codes, *days), every_s=pace_s, covers=covers))
    return found


def head_to_head(match_id: str, config: Config, limit: int = 10) -> Call:
    """Past meetings of the sides of a match; results of long ago, so it is asked for archives alone."""
    url = f"{config.base_url or URL}/v4/matches/{match_id}/head2head"
    return Call(NAME, "head to head", url, (("limit", str(limit)),))


def parse(call: Call, body: bytes, received_at_ms: int, identities: Identities, refuse: Refuse) -> Parsed:
    """How each match stands.

    Raises
    ------
    PayloadChanged
        If it is no list of matches at all, or if none of them has the known shape.
    """
    try:
        raws = _MATCHES.decode(body).matches
    except msgspec.DecodeError as error:
        raise PayloadChanged(NAME, f"{call.name}: {error}") from error
    matches: dict[str, Match] = {}
    shown = []
    readable = False
    for raw in raws:
        try:
            match = _MATCH.decode(raw)
            readable = True
            shown.append(_shown(match))
            matches[str(match.id)] = match
        except (msgspec.ValidationError, Refused, ValueError) as error:
            refuse(f"a match cannot be read: {error}", bytes(raw)[:120].decode(errors="replace"))
    if raws and not readable:
        raise PayloadChanged(NAME, f"{call.name}: none of its matches can be read")
    known, given = identified(shown, received_at_ms, identities, refuse)
    records: list[Record] = []
    for source_id, event_id in known.items():
        try:
            records.append(_standing(matches[source_id], event_id, received_at_ms))
        except (Refused, ValueError) as error:
            refuse(str(error), f"{event_id}, id {source_id}")
    return Parsed(records, given)


def _days(first: datetime, last: datetime) -> tuple[tuple[str, str], tuple[str, str]]:
    # The day after the last one: it is not included.
    return ("dateFrom", f"{first:%Y-%m-%d}"), ("dateTo", f"{last + timedelta(days=1):%Y-%m-%d}")


def _shown(match: Match) -> Shown:
    code = match.competition.code
    if code not in _LEAGUES:
        raise Refused(f"competition {code!r} is not read")
    if not match.home_team.name or not match.away_team.name:
        raise Refused("it is not known yet who plays")
    sides = match.home_team.name, match.away_team.name
    return Shown(str(match.id), _LEAGUES[code], moment_ms(match.utc_date), *sides)


def _standing(match: Match, event_id: str, received_at_ms: int) -> GameEvent:
    score = match.score
    if match.status not in _STATUSES or score.duration not in _DURATIONS:
        raise Refused(
            f"status {match.status!r}, duration {score.duration!r} is not known;"
            " add it to producers/sources/football_data_org.py"
        )
    status, kind = _STATUSES[match.status]
    begun = status not in _BEFORE
    goals, penalties = _goals(match) if begun else ((0, 0), None)
    period, clock_s = _clock(match, status, data.leagues()[_LEAGUES[match.competition.code or ""]])
    return GameEvent(
        event_id=event_id,
        source=NAME,
        source_event_id=str(match.id),
        kind=kind,
        received_at_ms=received_at_ms,
        happened_at_ms=moment_ms(match.last_updated) if match.last_updated else 0,
        sequence=received_at_ms * 1000,
        starts_at_ms=moment_ms(match.utc_date),
        status=status,
        period=period if begun else 0,
        clock_s=clock_s if begun else -1.0,
        home_score=goals[0],
        away_score=goals[1],
        situation=_shoot_out(penalties),
    )


def _goals(match: Match) -> tuple[tuple[int, int], tuple[int, int] | None]:
    """Goals, and penalties of a shoot-out where they are told. Raises Refused where they do not add up."""
    score = match.score
    full = score.full_time.both
    if full is None:
        raise Refused(f"status {match.status} without a score")
    if score.duration != "PENALTY_SHOOTOUT":
        return full, None
    penalties = score.penalties.both if score.penalties else None
    regular = score.regular_time.both if score.regular_time else None
    extra = score.extra_time.both if score.extra_time else None
    if regular is not None:
        goals = regular[0] + (extra or (0, 0))[0], regular[1] + (extra or (0, 0))[1]
    elif penalties is None or penalties == (0, 0):
        goals = full
    else:  # whether the penalties are in it shows where they are not level: without them it must be
        without = full[0] - penalties[0], full[1] - penalties[1]
        goals = without if without[0] == without[1] else full
        if penalties[0] == penalties[1]:
            raise Refused(f"nobody can tell whether {full} has the penalties {penalties} in it")
    if goals[0] != goals[1]:
        raise Refused(f"a shoot-out after {goals[0]}:{goals[1]}")
    return goals, penalties


def _clock(match: Match, status: GameStatus, league: League) -> tuple[int, float]:
    """Period, and seconds left of its nominal length; which half of extra time it is only the minute says."""
    score = match.score
    minute = int(match.minute) if match.minute is not None and str(match.minute).isdigit() else None
    over = status == GameStatus.FINAL
    if score.duration == "PENALTY_SHOOTOUT":
        return 5, 0.0
    if score.duration == "EXTRA_TIME":
        length_s = league.overtime_s or 900.0
        first = minute is not None and minute * 60.0 <= 2 * league.period_s + length_s
        period = 4 if over or (minute is not None and not first) else 3
        ends_s = 2 * league.period_s + (period - 2) * length_s
    else:
        second = over or (score.half_time and score.half_time.both and match.status != "PAUSED")
        period, length_s = (2 if second else 1), league.period_s
        ends_s = period * league.period_s
    if over or (match.status == "PAUSED" and period < 3):
        return period, 0.0
    return period, -1.0 if minute is None else min(length_s, max(0.0, ends_s - 60.0 * minute))


def _shoot_out(penalties: tuple[int, int] | None) -> Soccer | None:
    """Penalties; cards are not told, and play no part in a shoot-out."""
    if penalties is None:
        return None
    return Soccer(home_reds=0, away_reds=0, home_penalties=penalties[0], away_penalties=penalties[1])

"""ESPN's scoreboards and summaries: state, clock, situation and plays of the games of a league.

``/apis/site/v2/sports/{sport}/{league}/scoreboard`` answers with the games of some days, ``.../summary``
with one game and its plays. Nobody documents them and no key is asked for.

A record of how a game stands has ESPN's id of the game as its ``source_event_id``, a play has the game's, a
slash and its own.
"""

from collections.abc import Iterator, Sequence
from datetime import timedelta

import msgspec
from msgspec import Struct

from pipeline import data, ids
from pipeline.data import League
from pipeline.errors import PayloadChanged, Refused
from pipeline.records import GameEvent, GameStatus, Record, Situation, SourceEvent
from producers.identity import Identities
from producers.live.call import Call, Config, Game, Parsed, Refuse
from producers.sources import espn_situations as situations
from producers.sources.espn_plays import Drives, kind_of, plays
from producers.sources.espn_statuses import Type, standing
from producers.sources.identified import Shown, identified
from producers.sources.intervals import every_s, is_going, is_near
from producers.sources.times import moment_ms

NAME, KEY = "espn", ""
URL = "https://site.api.espn.com"
#: Where each league is found.
PATHS = {
    "nfl": "football/nfl",
    "ncaaf": "football/college-football",
    "nba": "basketball/nba",
    "wnba": "basketball/wnba",
    "mlb": "baseball/mlb",
    "nhl": "hockey/nhl",
    "epl": "soccer/eng.1",
    "championship": "soccer/eng.2",
    "league-one": "soccer/eng.3",
    "league-two": "soccer/eng.4",
    "national-league": "soccer/eng.5",
    "scottish-premiership": "soccer/sco.1",
    "scottish-championship": "soccer/sco.2",
    "bundesliga": "soccer/ger.1",
    "bundesliga-2": "soccer/ger.2",
    "la-liga": "soccer/esp.1",
    "la-liga-2": "soccer/esp.2",
    "serie-a": "soccer/ita.1",
    "serie-b": "soccer/ita.2",
    "ligue-1": "soccer/fra.1",
    "ligue-2": "soccer/fra.2",
    "eredivisie": "soccer/ned.1",
    "belgian-pro-league": "soccer/bel.1",
    "primeira-liga": "soccer/por.1",
    "super-lig": "soccer/tur.1",
    "super-league-greece": "soccer/gre.1",
    "world-cup": "soccer/fifa.world",
    "euro": "soccer/uefa.euro",
}
#: Sports whose summaries say all that their scoreboards say; a play of another would hide the field's state.
WITH_PLAYS = frozenset({"basketball", "hockey"})
#: Seconds between two calls while games are on, just before, and for what is still to come.
GOING_S, NEAR_S, FIXTURES_S = 12.0, 60.0, 3_600.0
AHEAD = timedelta(days=7)


_NONE = msgspec.Raw(b"null")


class Team(Struct, gc=False, rename="camel"):
    """A side."""

    id: str
    display_name: str


class Competitor(Struct, gc=False, rename="camel"):
    """A side in a game. Scores are written as text."""

    home_away: str
    team: Team
    score: str | int | None = None
    shootout_score: str | float | None = None


class Status(Struct, gc=False):
    """How a game stands. A summary has no clock."""

    type: Type
    clock: float | None = None
    period: int = 0


class Regulation(Struct, gc=False):
    """Regular time."""

    periods: int


class Format(Struct, gc=False):
    """How long a game is."""

    regulation: Regulation | None = None


class Competition(Struct, gc=False, rename="camel"):
    """A game."""

    id: str
    date: str
    competitors: list[Competitor]
    status: Status
    time_valid: bool = True
    neutral_site: bool = False
    situation: msgspec.Raw = _NONE
    details: msgspec.Raw = _NONE
    format: Format | None = None


class Event(Struct, gc=False):
    """One game, or all of one pair on one day."""

    competitions: list[msgspec.Raw]


class Board(Struct, gc=False):
    """A scoreboard."""

    events: list[msgspec.Raw]


class Summary(Struct, gc=False):
    """A game with its plays."""

    header: Event
    plays: list[msgspec.Raw] = []
    drives: Drives | None = None


class _Row(Struct, gc=False):
    """A game whose sides are known."""

    game: Competition
    home: Competitor
    away: Competitor
    starts_at_ms: int
    field: situations.OnField | None
    details: list[situations.Detail] | None


_BOARD, _EVENT = msgspec.json.Decoder(Board), msgspec.json.Decoder(Event)
_FIELD = msgspec.json.Decoder(situations.OnField | None)
_DETAILS = msgspec.json.Decoder(list[situations.Detail] | None)
_GAME, _SUMMARY = msgspec.json.Decoder(Competition), msgspec.json.Decoder(Summary)


def calls(config: Config, now_ms: int, games: Sequence[Game]) -> list[Call]:
    """Of each league the games to come, the days on which games are on, and plays of those in play."""
    found = []
    for league in config.leagues or tuple(PATHS):
        if league not in PATHS:
            continue
        url = f"{config.base_url or URL}/apis/site/v2/sports/{PATHS[league]}"
        today = ids.local_day(league, now_ms)
        days = (("dates", f"{today:%Y%m%d}-{today + AHEAD:%Y%m%d}"), *_whole(league))
        found.append(Call(NAME, f"fixtures {league}", f"{url}/scoreboard", days, league, every_s=FIXTURES_S))
        on = [
            game
            for game in games
            if game.league == league and (is_going(game, now_ms) or is_near(game, now_ms))
        ]
        if not on:
            continue
        dates = sorted({ids.local_day(league, game.starts_at_ms) for game in on})
        span = f"{dates[0]:%Y%m%d}" + (f"-{dates[-1]:%Y%m%d}" if len(dates) > 1 else "")
        pace_s = every_s(on, now_ms, going_s=GOING_S, near_s=NEAR_S, idle_s=FIXTURES_S)
        params = (("dates", span), *_whole(league))
        covers = tuple(sorted(game.event_id for game in on))
        found.append(
            Call(
                NAME, f"scoreboard {league}", f"{url}/scoreboard", params, league, 0, pace_s, covers, "scores"
            )
        )
        for game in on:
            if data.leagues()[league].sport in WITH_PLAYS and game.is_live and game.source_id:
                which = (("event", game.source_id),)
                found.append(
                    Call(
                        NAME, f"summary {league}", f"{url}/summary", which, league, 0, GOING_S,
                        (game.event_id,),
                    )
                )  # fmt: skip
    return found


def parse(call: Call, body: bytes, received_at_ms: int, identities: Identities, refuse: Refuse) -> Parsed:
    """How each game stands, of a scoreboard also its last play, of a summary all of them.

    Raises
    ------
    PayloadChanged
        If it is no scoreboard or summary at all.
    """
    league = data.leagues()[call.league]
    try:
        if call.url.endswith("/summary"):
            summary = _SUMMARY.decode(body)
            return _summary(summary, league, received_at_ms, identities, refuse)
        board = _BOARD.decode(body)
    except msgspec.DecodeError as error:
        raise PayloadChanged(NAME, str(error)) from error
    rows = list(_rows([game for event in _events(board, refuse) for game in event.competitions], refuse))
    if board.events and not rows:
        raise PayloadChanged(NAME, "none of its games can be read")
    known, given = _known(rows, league, received_at_ms, identities, refuse)
    records: list[Record] = []
    for row in rows:
        if event_id := known.get(row.game.id):
            try:
                records += _standing(row, league, event_id, received_at_ms, refuse)
            except (Refused, ValueError) as error:
                refuse(str(error), f"{event_id}, id {row.game.id}")
    return Parsed(records, given)


def _summary(
    summary: Summary, league: League, received_at_ms: int, identities: Identities, refuse: Refuse
) -> Parsed:
    rows = list(_rows(summary.header.competitions, refuse))
    if not rows:
        raise PayloadChanged(NAME, "the game of a summary cannot be read")
    known, given = _known(rows, league, received_at_ms, identities, refuse)
    row = rows[0]
    records: list[GameEvent] = []
    if event_id := known.get(row.game.id):
        records += plays(summary.plays, summary.drives, row.game.id, event_id, NAME, received_at_ms, refuse)
        last = records[-1] if records else None
        try:
            *_, stands = _standing(row, league, event_id, received_at_ms, refuse)
            # While a game is on a summary's head has neither clock nor period: the last play has.
            if stands.status != GameStatus.LIVE:
                period = stands.period or (last.period if last else 0)
                records.append(msgspec.structs.replace(stands, period=period))
        except (Refused, ValueError) as error:
            refuse(str(error), f"{event_id}, id {row.game.id}")
    return Parsed(records, given)


def _whole(league: str) -> tuple[tuple[str, str], ...]:
    """What it takes to be shown all games of a league that has many."""
    return (("groups", "80"), ("limit", "300")) if league == "ncaaf" else ()


def _events(board: Board, refuse: Refuse) -> Iterator[Event]:
    for raw in board.events:
        try:
            yield _EVENT.decode(raw)
        except msgspec.ValidationError as error:
            refuse(f"an event has another shape: {error}", bytes(raw)[:80].decode(errors="replace"))


def _rows(games: Sequence[msgspec.Raw], refuse: Refuse) -> Iterator[_Row]:
    for raw in games:
        try:
            game = _GAME.decode(raw)
            sides = {side.home_away: side for side in game.competitors}
            if len(game.competitors) != 2 or sides.keys() != {"home", "away"}:
                raise Refused("a game has not one home and one away side")
            row = _Row(game, sides["home"], sides["away"], moment_ms(game.date), None, None)
        except (msgspec.ValidationError, Refused, ValueError) as error:
            refuse(f"a game has another shape: {error}", bytes(raw)[:80].decode(errors="replace"))
            continue
        try:  # without its state of play a game is told all the same
            row.field, row.details = _FIELD.decode(game.situation), _DETAILS.decode(game.details)
        except msgspec.ValidationError as error:
            refuse(f"a state of play has another shape: {error}", f"id {game.id}")
        yield row


def _known(
    rows: Sequence[_Row], league: League, received_at_ms: int, identities: Identities, refuse: Refuse
) -> tuple[dict[str, str], list[SourceEvent]]:
    shown = [
        Shown(
            row.game.id,
            league.league,
            row.starts_at_ms,
            row.home.team.display_name,
            row.away.team.display_name,
            row.game.neutral_site,
        )
        for row in rows
    ]
    return identified(shown, received_at_ms, identities, refuse)


def _standing(
    row: _Row, league: League, event_id: str, received_at_ms: int, refuse: Refuse
) -> list[GameEvent]:
    """How a game stands, after its last play where the scoreboard shows one. Raises Refused, ValueError."""
    game = row.game
    status, kind = standing(game.status.type)
    begun = status not in (GameStatus.SCHEDULED, GameStatus.POSTPONED, GameStatus.CANCELLED)
    period = game.status.period if begun else 0
    over = status == GameStatus.FINAL or kind == "period_end"
    stands = GameEvent(
        event_id=event_id,
        source=NAME,
        source_event_id=game.id,
        kind=kind,
        received_at_ms=received_at_ms,
        sequence=received_at_ms * 1000 + 999,
        starts_at_ms=row.starts_at_ms if game.time_valid else 0,
        status=status,
        period=period,
        clock_s=situations.left_s(league, period, game.status.clock, over),
        home_score=_whole_number(row.home.score) if begun else 0,
        away_score=_whole_number(row.away.score) if begun else 0,
        situation=_situation(row, league, refuse) if begun else None,
        text=game.status.type.detail[:200],
    )
    last = row.field.last_play if row.field else None
    if last is None or not last.id or status != GameStatus.LIVE:
        return [stands]
    play = msgspec.structs.replace(
        stands,
        source_event_id=f"{game.id}/{last.id}",
        kind=kind_of(last.type),
        sequence=received_at_ms * 1000 + 998,
        text=last.text[:200],
    )
    return [play, stands]


def _situation(row: _Row, league: League, refuse: Refuse) -> Situation | None:
    game, home_id, away_id = row.game, row.home.team.id, row.away.team.id
    try:
        match league.sport:
            case "american-football":
                return situations.american_football(row.field, home_id, away_id)
            case "baseball":
                innings = game.format.regulation.periods if game.format and game.format.regulation else 9
                words, inning = game.status.type.detail, game.status.period
                return situations.baseball(row.field, words, inning, innings)
            case "soccer":
                home, away = row.home.shootout_score or 0, row.away.shootout_score or 0
                shot = _whole_number(home), _whole_number(away)
                return situations.soccer(row.details, home_id, away_id, shot)
    except (Refused, ValueError) as error:
        refuse(f"a state of play cannot be: {error}", f"id {game.id}")
    return None


def _whole_number(score: str | float | None) -> int:
    if score is None or (number := float(score)) != int(number) or not 0 <= number <= 1_000:
        raise Refused(f"{score!r} is no score")
    return int(number)

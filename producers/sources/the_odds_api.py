"""The Odds API, version 4: prices of many books for the coming and running games of a sport, and scores.

``GET /v4/sports/{sport}/odds`` answers with a list of events, each with its books, their markets and their
outcomes; ``.../events`` with the same without prices, ``.../scores`` with scores,
``.../events/{id}/odds`` with one event and markets that the list has not. What a call costs:
docs/sources/the-odds-api.md.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec
from msgspec import Struct

from pipeline import data
from pipeline.errors import PayloadChanged, Refused
from pipeline.records import Record, SourceEvent
from producers.diff import Differ
from producers.identity import Identities
from producers.live.call import Call, Config, Game, Parsed
from producers.sources import the_odds_api_past as past
from producers.sources import the_odds_api_scores as scores
from producers.sources.files import lines_of
from producers.sources.intervals import HOUR_MS, every_s, is_going, is_near
from producers.sources.the_odds_api_odds import Odds, league_of, odds
from producers.sources.the_odds_api_offer import Head, OddsFormat, Refuse
from producers.sources.times import moment_ms

NAME, KEY = "the-odds-api", "THE_ODDS_API_KEY"
RECORDED = "the-odds-api-recorded"
URL = "https://api.the-odds-api.com"
#: Markets that the list of events has, and those that are asked for event by event.
LISTED, BY_EVENT = frozenset({"h2h", "spreads", "totals"}), frozenset({"btts"})
#: Seconds between two calls: while games are on, in the hour before, within a day, for what is further off.
GOING_S, NEAR_S, DAY_S, IDLE_S = 60.0, 120.0, 900.0, 3_600.0
EVENTS_S, SPORTS_S = 600.0, 86_400.0
#: Prices further ahead hardly move.
AHEAD_MS = 7 * 24 * HOUR_MS
#: Finished games are shown for so many days; asking for them makes a call of scores cost two credits.
DAYS_FROM = 1

_HEADS = msgspec.json.Decoder(list[Head])


def calls(config: Config, now_ms: int, games: Sequence[Game]) -> list[Call]:
    """Events of each league, which cost nothing; odds and scores of the leagues that have games to come."""
    base = f"{config.base_url or URL}/v4/sports"
    found = [Call(NAME, "sports", base, (("all", "true"),), every_s=SPORTS_S)]
    for league, row in data.leagues().items():
        if not row.the_odds_api or (config.leagues and league not in config.leagues):
            continue
        url = f"{base}/{row.the_odds_api}"
        found.append(Call(NAME, f"events {league}", f"{url}/events", _ISO, league, every_s=EVENTS_S))
        coming = [
            game
            for game in games
            if game.league == league
            and (is_going(game, now_ms) or 0 < game.starts_at_ms - now_ms <= AHEAD_MS)
            and not game.is_over
        ]
        if coming:
            found += _priced(config, url, league, coming, now_ms)
    return found


def _priced(
    config: Config, url: str, league: str, games: Sequence[Game], now_ms: int
) -> Iterator[Call]:  # fmt: skip
    """Calls that cost credits: regions times markets, of scores two."""
    regions = tuple(sorted(config.regions))
    listed = tuple(market for market in config.markets if market in LISTED)
    covers = tuple(sorted(game.event_id for game in games))
    soon = any(game.starts_at_ms - now_ms <= 24 * HOUR_MS for game in games)
    pace_s = every_s(games, now_ms, going_s=GOING_S, near_s=NEAR_S, idle_s=DAY_S if soon else IDLE_S)
    if listed:
        yield Call(
            NAME, f"odds {league}", f"{url}/odds", _asked(regions, listed), league,
            len(regions) * len(listed), pace_s, covers, "odds",
        )  # fmt: skip
    on = [game for game in games if is_going(game, now_ms)]
    if on:
        going = tuple(sorted(game.event_id for game in on))
        params = (("daysFrom", str(DAYS_FROM)), *_ISO)
        yield Call(NAME, f"scores {league}", f"{url}/scores", params, league, 2, GOING_S, going, "scores")
    single = tuple(market for market in config.markets if market in BY_EVENT)
    if not single or data.leagues()[league].sport != "soccer":
        return
    for game in games:
        if game.source_id and (is_going(game, now_ms) or is_near(game, now_ms)):
            yield Call(
                NAME, f"event odds {league}", f"{url}/events/{game.source_id}/odds", _asked(regions, single),
                league, len(regions) * len(single), DAY_S, (game.event_id,),
            )  # fmt: skip


_ISO = (("dateFormat", "iso"),)


def _asked(regions: Sequence[str], markets: Sequence[str]) -> tuple[tuple[str, str], ...]:
    return (
        ("regions", ",".join(regions)),
        ("markets", ",".join(markets)),
        ("oddsFormat", "decimal"),
        *_ISO,
    )


def parse(call: Call, body: bytes, received_at_ms: int, identities: Identities, refuse: Refuse) -> Parsed:
    """The records of any answer of the service; those of a historical one are received at its own time.

    Raises
    ------
    PayloadChanged
        If the answer is of another shape altogether.
    """
    kind = call.url.rstrip("/").rpartition("/")[2]
    if "/historical/" in call.url:
        page = past.page(body, NAME)
        body, received_at_ms = bytes(page.data), page.at_ms
    if kind == "sports":
        scores.sports(body, NAME, refuse)
        return Parsed()
    if kind in ("events", "scores"):
        return scores.parse(body, received_at_ms, identities, refuse)
    if "/events/" in call.url:
        found = _odds(call, b"[%b]" % body, received_at_ms, identities, refuse)
        return Parsed(found.snapshots, found.given)
    found = _odds(call, body, received_at_ms, identities, refuse)
    return Parsed(found.snapshots, found.given, frozenset(found.present) if found.whole else None)


def _odds(call: Call, body: bytes, received_at_ms: int, identities: Identities, refuse: Refuse) -> Odds:
    asked = dict(call.params)
    return odds(
        body,
        received_at_ms,
        identities,
        refuse,
        odds_format=OddsFormat(asked.get("oddsFormat", OddsFormat.AMERICAN)),
        markets=_listed(asked.get("markets", "")),
        regions=_listed(asked.get("regions", "")),
    )


def _listed(text: str) -> tuple[str, ...]:
    return tuple(text.split(",")) if text else ()


class _Poll(Struct, gc=False):
    """A line of a recorded file."""

    fetched_at: str
    body: msgspec.Raw


_POLL = msgspec.json.Decoder(_Poll)


def polls(path: Path, refuse: Refuse) -> Iterator[tuple[int, msgspec.Raw]]:
    """The recorded polls of a file: when each was fetched (Unix ms), and the body of the answer."""
    for number, text in enumerate(lines_of(path, refuse), start=1):
        try:
            poll = _POLL.decode(text)
            yield moment_ms(poll.fetched_at), poll.body
        except (msgspec.DecodeError, ValueError) as error:
            refuse(f"a poll cannot be read: {error}", f"{path.name} line {number}")


def recorded(path: Path, identities: Identities, refuse: Refuse, from_ms: int = 0) -> Iterator[Record]:
    """The records of a file of polls, in its order, from a time on.

    Polls before that time only tell which event is which, as they did when they were new.
    """
    differ = Differ(identities.source)
    waiting: dict[str, SourceEvent] = {}
    for received_at_ms, body in polls(path, refuse):
        if received_at_ms < from_ms:
            for head in sorted(_heads(body), key=lambda head: head.commence_time):
                if not identities.known(head.id):
                    given = _given(head, identities, received_at_ms)
                    waiting |= {given.event_id: given} if given else {}
            continue
        try:
            parsed = odds(body, received_at_ms, identities, refuse, odds_format=OddsFormat.AMERICAN)
        except PayloadChanged as error:
            refuse(str(error), f"{path.name}, poll of {received_at_ms}")
            continue
        earlier = [waiting.pop(event_id) for event_id in sorted(parsed.present & waiting.keys())]
        for event in earlier:
            yield msgspec.structs.replace(event, received_at_ms=received_at_ms)
        yield from parsed.given
        yield from differ.poll(parsed.snapshots, parsed.present if parsed.whole else None, received_at_ms)


def starts(path: Path) -> dict[str, int]:
    """When each event of a recorded file was to start (Unix ms), by event id, as first shown."""
    identities = Identities(RECORDED)
    found: dict[str, int] = {}
    for received_at_ms, body in polls(path, _unheard):
        for head in sorted(_heads(body), key=lambda head: head.commence_time):
            if not identities.known(head.id) and (given := _given(head, identities, received_at_ms)):
                found[given.event_id] = given.starts_at_ms
    return found


def _heads(body: msgspec.Raw) -> list[Head]:
    try:
        return _HEADS.decode(body)
    except msgspec.DecodeError:
        return []  # refused with its reason where it is published


def _given(head: Head, identities: Identities, received_at_ms: int) -> SourceEvent | None:
    try:
        starts_at_ms = moment_ms(head.commence_time)
        league = league_of(head.sport_key)
        return identities.give(head.id, league, starts_at_ms, head.home_team, head.away_team, received_at_ms)
    except (Refused, ValueError):
        return None  # likewise


def _unheard(reason: str, where: str) -> None:
    """A first look refuses nothing: what is wrong is told when it is published."""

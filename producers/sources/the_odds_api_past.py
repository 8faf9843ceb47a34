"""Odds of the past from The Odds API, answer by answer: each says when it was taken, and what came next.

They cost ten times what live ones do, and are not there on the free plan. The records go into an archive:
they are received when the answer was taken.
"""

from datetime import UTC, datetime
from typing import NamedTuple

import msgspec
from msgspec import Struct

from pipeline import data
from pipeline.errors import PayloadChanged, UsageError
from producers.live.call import Call, Config
from producers.sources.times import moment_ms

TIMES_DEARER = 10


class Page(NamedTuple):
    """An answer without its wrapper. ``next_at``: when the one after it was taken; empty for none."""

    at_ms: int
    next_at: str
    data: msgspec.Raw


class _Wrapped(Struct, gc=False):
    timestamp: str
    data: msgspec.Raw
    next_timestamp: str | None = None


_WRAPPED = msgspec.json.Decoder(_Wrapped)


def first(source: str, league: str, from_ms: int, config: Config, url: str) -> Call:
    """The call for what was shown at a moment, Unix ms, or just before. Raises UsageError."""
    row = data.leagues().get(league)
    if row is None or not row.the_odds_api:
        raise UsageError(f"{source} has no league {league!r}; see pipeline/data/leagues.csv")
    at = datetime.fromtimestamp(from_ms // 1000, UTC)
    params = (
        ("date", f"{at:%Y-%m-%dT%H:%M:%SZ}"),
        ("regions", ",".join(sorted(config.regions))),
        ("markets", ",".join(config.markets)),
        ("oddsFormat", "decimal"),
        ("dateFormat", "iso"),
    )
    return Call(
        source,
        f"historical odds {league}",
        f"{config.base_url or url}/v4/historical/sports/{row.the_odds_api}/odds",
        params,
        league,
        cost=TIMES_DEARER * len(config.regions) * len(config.markets),
        every_s=0.0,
    )


def following(call: Call, body: bytes, until_ms: int) -> Call | None:
    """The call for the answer after this one; None where there is none, or it is not before ``until_ms``.

    Raises PayloadChanged.
    """
    shown = page(body, call.source)
    if not shown.next_at or not shown.at_ms < moment_ms(shown.next_at) < until_ms:
        return None
    params = tuple((name, shown.next_at if name == "date" else value) for name, value in call.params)
    return call._replace(params=params)


def page(body: bytes, source: str) -> Page:
    """An answer taken out of its wrapper. Raises PayloadChanged."""
    try:
        wrapped = _WRAPPED.decode(body)
        return Page(moment_ms(wrapped.timestamp), wrapped.next_timestamp or "", wrapped.data)
    except (msgspec.DecodeError, ValueError) as error:
        raise PayloadChanged(source, str(error)) from error

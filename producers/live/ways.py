"""Which sources can be polled, and what each needs: a key, and where it goes."""

import os
from collections.abc import Mapping
from typing import NamedTuple

from pipeline import data
from pipeline.errors import UsageError
from producers.live.call import Source
from producers.live.fetch import Secret
from producers.sources import espn, football_data_org, the_odds_api


class Way(NamedTuple):
    """How a source wants to be asked: where its key goes, who gives one, how many requests a minute."""

    source: Source
    query: str = ""
    header: str = ""
    given_by: str = ""
    per_minute: int = 0


#: Every polled source by its name.
WAYS = {
    way.source.NAME: way
    for way in (
        Way(the_odds_api, query="apiKey", given_by="https://the-odds-api.com"),
        Way(espn),
        Way(
            football_data_org,
            header="X-Auth-Token",
            given_by="https://www.football-data.org/client/register",
            per_minute=10,
        ),
    )
}
ALL = "live"


def secret_of(way: Way, environment: Mapping[str, str] = os.environ) -> Secret:
    """A source's key, from its environment variable or from the file that <NAME>_FILE names.

    Raises UsageError, which says where to get one.
    """
    name = way.source.KEY
    if not name:
        return Secret()
    value, path = environment.get(name, "").strip(), environment.get(f"{name}_FILE", "")
    if value and path:
        raise UsageError(f"{name} and {name}_FILE are both set: keep one")
    if path:
        try:
            with open(path, encoding="utf-8") as file:
                value = file.read().strip()
        except (OSError, UnicodeDecodeError) as error:
            reason = getattr(error, "strerror", None) or "it is no text"
            raise UsageError(f"the key of {way.source.NAME} cannot be read from {path}: {reason}") from None
    if not value:
        raise UsageError(
            f"{way.source.NAME} wants a key: get one at {way.given_by} and set {name}, or {name}_FILE to a"
            " file that holds it"
        )
    if not (value.isascii() and value.isprintable() and " " not in value):
        raise UsageError(f"{name} is no key: it has blanks or letters that no key has")
    return Secret(value, way.query, way.header)


def secrets_of(name: str, environment: Mapping[str, str] = os.environ) -> tuple[dict[str, Secret], list[str]]:
    """The keys of the source of that name, or of `ALL` that have what they need; and why others have not.

    Raises UsageError where none has.
    """
    if name != ALL:
        return {name: secret_of(WAYS[name], environment)}, []
    ready, lacking = {}, []
    for each, way in WAYS.items():
        try:
            ready[each] = secret_of(way, environment)
        except UsageError as error:
            lacking.append(str(error))
    if not ready:
        raise UsageError("; ".join(lacking))
    return ready, lacking


def leagues_of(text: str) -> tuple[str, ...]:
    """Leagues as the option has them: nfl,nba. Raises UsageError where one is not known."""
    named = tuple(filter(None, (name.strip() for name in text.split(","))))
    for name in named:
        if name not in data.leagues():
            raise UsageError(f"there is no league {name!r}; there are {', '.join(data.leagues())}")
    return named

"""The events that an answer shows, each with its event id."""

from collections.abc import Collection
from typing import NamedTuple

from pipeline.errors import Refused
from pipeline.records import SourceEvent
from producers.identity import Identities
from producers.live.call import Refuse


class Shown(NamedTuple):
    """An event as a source writes it."""

    source_id: str
    league: str
    starts_at_ms: int
    home: str
    away: str
    neutral: bool = False
    """Neither side is at home, as the source says."""


def identified(
    shown: Collection[Shown], received_at_ms: int, identities: Identities, refuse: Refuse
) -> tuple[dict[str, str], list[SourceEvent]]:
    """Event ids by the source's own, and those that were given now; who is not surely known is refused."""
    known, given = {}, []
    # By scheduled order, so that of two games seen first in one answer the earlier one is the first.
    for event in sorted(shown, key=lambda event: event.starts_at_ms):
        source_id, league, starts_at_ms, home, away, neutral = event
        where = f"{league}: {home} - {away}, id {source_id}"
        if not identities.known(source_id):
            try:
                sides = home, away, received_at_ms
                given.append(identities.give(source_id, league, starts_at_ms, *sides, neutral=neutral))
            except (Refused, ValueError) as error:
                refuse(str(error), where)
                continue
        if identities.sides(source_id) != (home, away):
            refuse("the sides of an event changed after it was given its id", where)
            continue
        known[source_id] = identities.known(source_id)
    return known, given

"""Markets on the winner, as books showed them early and last before the start, and who won."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from pipeline import ids
from pipeline.records import GameEvent, GameStatus, OddsSnapshot, QuoteStatus, SnapshotKind
from pipeline.training.inputs import Inputs

Prices = tuple[float, ...]
#: Books and their prices, complete markets only, sorted by book.
Quotes = tuple[tuple[str, Prices], ...]
#: On the winner, and the scope that a league settles it by.
WINNER = {"h2h_3way": "regulation", "h2h": "game"}


class Market(NamedTuple):
    """Who wins an event. ``outcome`` is -1 where that is not known.

    ``first`` is what the first full snapshot showed, ``last`` the last one before the start, empty where
    there is no other than the first.
    """

    event_id: str
    market: str
    day: str
    outcome: int
    first: Quotes
    last: Quotes


@dataclass
class _Event:
    starts_at_ms: int = 0
    final: GameEvent | None = None
    shown: dict[str, list[tuple[int, Quotes]]] = field(default_factory=dict)


def gather(events: Iterable[GameEvent], snapshots: Iterable[OddsSnapshot]) -> list[Market]:
    """The markets of all events that were quoted before their start, by day and event."""
    found: dict[str, _Event] = {}
    for event in events:
        about = found.setdefault(event.event_id, _Event())
        if event.status is GameStatus.LIVE and not about.starts_at_ms:
            about.starts_at_ms = event.happened_at_ms or event.received_at_ms
        if event.status is GameStatus.FINAL:
            about.final = event
    same: dict[Prices, Prices] = {}  # the same prices are met thousands of times
    for snapshot in snapshots:
        if snapshot.kind is not SnapshotKind.FULL:
            continue
        about = found.setdefault(snapshot.event_id, _Event())
        starts_at_ms = about.starts_at_ms or snapshot.starts_at_ms
        if starts_at_ms and snapshot.received_at_ms >= starts_at_ms:
            continue
        for market, scope in WINNER.items():
            quotes = tuple(
                sorted(
                    (line.book, same.setdefault(line.prices, line.prices))
                    for line in snapshot.lines
                    if line.market == market
                    and line.scope == scope
                    and line.status is QuoteStatus.OPEN
                    and min(line.prices) > 1.0
                )
            )
            if quotes:
                # Of all that lie between the first and the last nothing is kept.
                shown = about.shown.setdefault(market, [])
                shown[1:] = [(snapshot.received_at_ms, quotes)]
    markets = [
        Market(
            event_id,
            market,
            str(ids.parse(event_id).day),
            _outcome(about.final, market),
            shown[0][1],
            shown[1][1] if len(shown) > 1 else (),
        )
        for event_id, about in found.items()
        for market, shown in about.shown.items()
    ]
    return sorted(markets, key=lambda one: (one.day, one.event_id, one.market))


def read(folder: Path, told: Callable[[int], None] = lambda _: None) -> tuple[list[Market], str]:
    """The markets of an archive, and a digest of the records that they come from.

    Raises UsageError where the folder is no archive or damaged.
    """
    inputs = Inputs(folder, told)
    markets = gather(inputs.of("games.events", GameEvent), inputs.of("odds.snapshots", OddsSnapshot))
    return markets, inputs.digest()


def _outcome(final: GameEvent | None, market: str) -> int:
    if final is None:
        return -1
    home, away = final.home_score, final.away_score
    if market == "h2h":
        return -1 if home == away else int(away > home)
    # What was scored in overtime does not count, and a final score does not say how much that was.
    if final.period > ids.league_of(final.event_id).periods:
        return -1
    return 2 if home == away else int(away > home)

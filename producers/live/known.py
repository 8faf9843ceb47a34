"""What is known of the games, as far as it says how often they are worth asking for."""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from statistics import pstdev

from pipeline import data, telemetry
from pipeline.records import (
    GameEvent,
    GameStatus,
    OddsSnapshot,
    QuoteStatus,
    Record,
    SnapshotKind,
    SourceEvent,
)
from producers.live.call import Game

HOUR_MS = 3_600_000
#: A game of which nothing was heard for so long, and whose start is as long ago, is forgotten.
FORGOTTEN_MS = 48 * HOUR_MS
_WINNER = {"h2h", "h2h_3way"}
_UNDER_WAY = {GameStatus.LIVE, GameStatus.SUSPENDED}
_OVER = {GameStatus.FINAL, GameStatus.CANCELLED, GameStatus.ABANDONED}

Place = tuple[str, str, str, float]  # book, market, scope, line


@dataclass(slots=True)
class _Heard:
    league: str
    starts_at_ms: int = 0
    heard_at_ms: int = 0
    status: GameStatus = GameStatus.SCHEDULED
    disagreement: float = 0.0
    prices: dict[str, dict[Place, tuple[float, ...]]] = field(default_factory=dict)
    moved: deque[tuple[int, int]] = field(default_factory=deque)


class Known:
    """Hears every record that is published, and tells of the games that are not forgotten."""

    def __init__(self) -> None:
        self._games: dict[str, _Heard] = {}
        self._own_ids: dict[tuple[str, str], str] = {}

    def hear(self, record: Record) -> None:
        """Take a record in."""
        if not isinstance(record, SourceEvent | OddsSnapshot | GameEvent):
            return
        event_id, at_ms = record.event_id, record.received_at_ms
        game = self._games.setdefault(event_id, _Heard(event_id.partition(":")[0]))
        game.heard_at_ms = max(game.heard_at_ms, at_ms)
        if isinstance(record, SourceEvent):
            self._own_ids[record.source, event_id] = record.source_id
            game.starts_at_ms = game.starts_at_ms or record.starts_at_ms
            return
        game.starts_at_ms = record.starts_at_ms or game.starts_at_ms
        if isinstance(record, GameEvent):
            game.status = record.status
        elif record.kind is SnapshotKind.FULL:
            prices: dict[Place, tuple[float, ...]] = {
                (line.book, line.market, line.scope, line.line): line.prices for line in record.lines
            }
            before = game.prices.get(record.source, prices)
            changed = sum(before.get(place) != given for place, given in prices.items())
            if changed:
                game.moved.append((at_ms, changed))
                telemetry.CHANGED_LINES.labels(data.known_source(record.source)).inc(changed)
            game.prices[record.source] = prices
            game.disagreement = disagreement(record)

    def games(self, source: str, now_ms: int) -> Iterator[Game]:
        """Every game, by its id, as a source has to know it to ask for it."""
        self._forget(now_ms)
        for event_id, game in sorted(self._games.items()):
            while game.moved and now_ms - game.moved[0][0] > HOUR_MS:
                game.moved.popleft()
            yield Game(
                event_id=event_id,
                league=game.league,
                starts_at_ms=game.starts_at_ms,
                is_live=game.status in _UNDER_WAY,
                is_over=game.status in _OVER,
                moves_per_hour=float(sum(changed for _, changed in game.moved)),
                disagreement=game.disagreement,
                source_id=self._own_ids.get((source, event_id), ""),
                lines=len(game.prices.get(source, ())),
            )

    def _forget(self, now_ms: int) -> None:
        kept = {
            event_id: game
            for event_id, game in self._games.items()
            if now_ms - max(game.heard_at_ms, game.starts_at_ms) <= FORGOTTEN_MS
        }
        if len(kept) < len(self._games):
            self._games = kept
            self._own_ids = {place: own for place, own in self._own_ids.items() if place[1] in kept}


def disagreement(snapshot: OddsSnapshot) -> float:
    """Standard deviation over books of home's fair probability, the margin taken out in proportion.

    Of the markets on who wins, the one in which they are furthest apart.
    """
    homes: dict[tuple[str, str], list[float]] = {}
    for line in snapshot.lines:
        if line.market in _WINNER and line.status is QuoteStatus.OPEN and all(line.prices):
            fair = 1.0 / line.prices[0] / sum(1.0 / price for price in line.prices)
            homes.setdefault((line.market, line.scope), []).append(fair)
    return max((pstdev(fair) for fair in homes.values()), default=0.0)

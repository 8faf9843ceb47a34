"""How many games there are and how many opportunities stand open, counted when somebody asks."""

import asyncio
from collections import Counter

from gateway.hub import Hub
from pipeline.records import GameStatus
from pipeline.telemetry import GAMES, OPEN_OPPORTUNITIES

VALUE, ARBITRAGE, SUSPECT = KINDS = ("value", "arbitrage", "suspect")
GAUGES = {kind: OPEN_OPPORTUNITIES.labels(kind) for kind in KINDS}
GAUGES |= {str(status): GAMES.labels(status) for status in GameStatus}
#: Events after which others get their turn: what has just changed has not been decoded yet.
TURN = 20


class Census:
    """The numbers of a hub. Only events that changed since the last count are looked at again."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._of_event: dict[str, Counter[str]] = {}
        self._total: Counter[str] = Counter()

    async def count(self) -> None:
        """Bring the gauges up to date."""
        for turn, event in enumerate(tuple(self._hub.changed), 1):
            self._hub.changed.discard(event)
            self._total.subtract(self._of_event.pop(event, {}))
            if found := counted(self._hub, event):
                self._of_event[event] = found
                self._total.update(found)
            if turn % TURN == 0:
                await asyncio.sleep(0)
        for name, gauge in GAUGES.items():
            gauge.set(self._total[name])


def counted(hub: Hub, event: str) -> Counter[str]:
    """What one event adds: its status, and its open bets by kind."""
    found: Counter[str] = Counter()
    if game := hub.latest("games.states", event) or hub.latest("games.probabilities", event):
        found[str(game.status)] = 1
    if value := hub.latest("bets.value", event):
        found[VALUE] = len(value.bets)
    if arbitrage := hub.latest("bets.arbitrage", event):
        found[SUSPECT] = sum(bool(one.suspect) for one in arbitrage.arbitrages)
        found[ARBITRAGE] = len(arbitrage.arbitrages) - found[SUSPECT]
    return found
